package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"whoread/receipts"
)

// To look a quotation up costs a call of DingTalk's, whatever it is quoted for: whoever asks is
// charged with it, and one who has nothing left is not asked for.
func TestALookedUpQuotationIsCharged(t *testing.T) {
	t.Parallel()
	by := receipts.Actor{Person: receipts.Person{UserID: "li"}}
	for name, ask := range map[string]func(ctx context.Context, s *receipts.Service, ref receipts.Ref) error{
		"report": func(ctx context.Context, s *receipts.Service, ref receipts.Ref) error {
			_, err := s.Report(ctx, by, group, ref)
			return err
		},
		"remind": func(ctx context.Context, s *receipts.Service, ref receipts.Ref) error {
			_, err := s.Remind(ctx, by, receipts.RemindRequest{Group: group, Ref: ref, Command: "remind"})
			return err
		},
		"recall": func(ctx context.Context, s *receipts.Service, ref receipts.Ref) error {
			_, err := s.Recall(ctx, by, group, ref)
			return err
		},
		"follow": func(ctx context.Context, s *receipts.Service, ref receipts.Ref) error {
			_, _, err := s.Follow(ctx, by, receipts.FollowRequest{Group: group, Ref: ref, Command: "follow"})
			return err
		},
		"stop": func(ctx context.Context, s *receipts.Service, ref receipts.Ref) error {
			_, err := s.Stop(ctx, by, group, ref)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			everybody := receipts.Policy{Report: receipts.Everyone, Remind: receipts.Everyone, Recall: receipts.Everyone}
			service, _ := w.service(t, func(s *receipts.Settings) { s.Policy, s.Limits = everybody, receipts.Limits{Person: 2} })
			for i := range 4 { // of a message that DingTalk knows nothing of: nothing else is asked
				quote := receipts.Quote{Key: fmt.Sprint("nobody knows ", i), Text: "旧公告"}
				err := ask(t.Context(), service, receipts.Ref{Quote: &quote})
				if limited := errors.Is(err, receipts.ErrLimited); limited != (i >= 2) {
					t.Errorf("question %d: %v", i, err)
				}
			}
			if n := w.readers.queries(); n != 2 {
				t.Errorf("DingTalk was asked %d times; want 2", n)
			}
		})
	}
}

// A question costs as many as its pages; who has anything left may ask one of any size.
func TestAQuestionCostsItsPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	service, _ := w.service(t, func(s *receipts.Settings) { s.Limits, s.FreshFor = receipts.Limits{Person: 3}, 0 })
	w.members.set("zhang", "li", "wang", "a", "b", "c")
	pages := make([]receipts.ReadersPage, 5)
	for i, id := range []string{"zhang", "wang", "a", "b", "c"} {
		pages[i].UserIDs = []string{id}
	}
	w.readers.say(inPages(pages...))
	ask := func() receipts.Report {
		t.Helper()
		r, err := service.Report(t.Context(), receipts.Actor{Person: receipts.Person{UserID: "li"}}, group, receipts.Ref{Number: 1})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := ask(); !r.Complete() || w.readers.pages != 5 {
		t.Errorf("%d pages, %+v; want all of them", w.readers.pages, r.Gaps)
	}
	if r := ask(); len(r.Gaps) != 1 || !errors.Is(r.Gaps[0].Err, receipts.ErrLimited) || w.readers.pages != 5 {
		t.Errorf("%d pages, %+v; want nothing left for another", w.readers.pages, r.Gaps)
	}
	used, err := w.records.QuestionCalls(t.Context(), group, "li", w.clock.now())
	if err != nil || used.Person < 5 || used.Group != used.Person {
		t.Errorf("%+v, %v; want the five pages charged", used, err)
	}
}
