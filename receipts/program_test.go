package receipts_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// deploys is a program.
var deploys = receipts.Actor{
	Person: receipts.Person{Name: "deploys"}, May: []receipts.Right{receipts.RightAnnounce, receipts.RightReport, receipts.RightRemind, receipts.RightRecall},
}

func TestAProgramMayWhatItHasTheRightsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, func(settings *receipts.Settings) { settings.Policy.Groups = []string{group} })
	for _, right := range deploys.May {
		only := deploys
		only.May = []receipts.Right{right}
		for _, wanted := range append(deploys.May, receipts.RightAdminister) {
			err := s.Permit(only, group, wanted)
			if _, forbidden := errors.AsType[*receipts.ForbiddenError](err); forbidden != (wanted != right) || err != nil && !forbidden {
				t.Errorf("with %s, %s: %v", right, wanted, err)
			}
		}
	}
	if err := s.Permit(deploys, elsewhere, receipts.RightReport); !errors.Is(err, receipts.ErrForeignGroup) {
		t.Errorf("where the bot does not work: %v", err)
	}
	none := deploys
	none.May = []receipts.Right{}
	if err := s.Permit(none, group, receipts.RightReport); err == nil {
		t.Error("without any right it may report")
	}
	m := announced(t, s, "msg1", "of a person")
	if recalled, err := s.Recall(t.Context(), deploys, group, receipts.Ref{Number: m.Number}); err != nil || recalled.State != receipts.Recalled {
		t.Errorf("%s, %v", recalled.State, err)
	}
}

func TestWhatAProgramSubmitsIsPostedOnceAndItIsNoReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, queue := w.service(t, nil)
	a := saying("api/deploys/1", "release")
	for range 3 {
		if m, err := s.Submit(t.Context(), deploys, a); err != nil || m.Number != 1 || m.State != receipts.Scheduled {
			t.Fatalf("%+v, %v", m, err)
		}
	}
	if len(queue.accepted) != 1 || len(w.sender.posts) != 0 {
		t.Fatalf("%d jobs, %d posts", len(queue.accepted), len(w.sender.posts))
	}
	for range 2 {
		if err := s.Run(t.Context(), queue.accepted[0]); err != nil {
			t.Fatal(err)
		}
	}
	m, err := s.Submit(t.Context(), deploys, a)
	if err != nil || m.State != receipts.Sent || m.Author != deploys.Person {
		t.Errorf("%+v, %v", m, err)
	}
	if diff := cmp.Diff([]string{"release"}, w.sender.posts); diff != "" {
		t.Errorf("posts (-want +got):\n%s", diff)
	}
	w.readers.say(readBy("li"))
	r, err := s.Report(t.Context(), deploys, group, receipts.Ref{Number: 1})
	if err != nil || !r.Complete() || r.Total != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"li"}, readerIDs(r)); diff != "" {
		t.Errorf("readers (-want +got):\n%s", diff)
	}
}

// Whatever call of the records fails, or loses its answer, and the program asks again: it is
// posted at most once, and is never forgotten.
func TestASubmissionWhereRecordsFail(t *testing.T) {
	t.Parallel()
	failing(t, func(w *world) (func(), func(string)) {
		s, queue := w.service(t, nil)
		return func() {
			_, _ = s.Submit(t.Context(), deploys, saying("api/deploys/1", "release"))
			for _, j := range queue.accepted {
				_ = s.Run(t.Context(), j)
			}
		}, func(name string) { w.sentOnce(t, name, "release") }
	})
}

func TestWhatIsKnownIsToldWithoutAskingDingTalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, nil)
	announced(t, s, "msg1", "one")
	w.readers.say(readBy("li", "zhang"))
	known := func() receipts.Report {
		t.Helper()
		r, err := s.Known(t.Context(), deploys, group, 1)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := w.readers.asked
	r := known()
	namesNobody(t, r)
	if gap := onlyGap(t, r); !errors.Is(gap.Err, receipts.ErrLimited) {
		t.Errorf("%+v", gap)
	}
	if w.readers.asked != before {
		t.Error("DingTalk was asked")
	}
	if _, err := s.Report(t.Context(), deploys, group, receipts.Ref{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if r := known(); !r.Complete() || len(r.Unread) != 1 || r.Unread[0] != "wang" {
		t.Errorf("just asked: %+v", r)
	}
	w.clock.advance(time.Hour)
	namesNobody(t, known())
	if _, err := s.Known(t.Context(), deploys, group, 2); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no such message: %v", err)
	}
}

func TestAPageOfTheMessagesBeforeANumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, nil)
	for n := range 5 {
		announced(t, s, fmt.Sprint("msg", n), "title")
	}
	for _, test := range []struct {
		before, limit int
		want          []int
	}{{0, 2, []int{5, 4}}, {4, 2, []int{3, 2}}, {2, 9, []int{1}}, {1, 9, nil}, {99, 3, nil}} {
		reports, err := s.Page(t.Context(), deploys, group, test.before, test.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, r := range reports {
			got = append(got, r.Message.Number)
			if len(r.Unread) > 0 {
				t.Errorf("#%d names the unread", r.Message.Number)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%d before %d (-want +got):\n%s", test.limit, test.before, diff)
		}
	}
}
