package receipts_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"whoread/receipts"
)

// toConfirm is an announcement that asks to be confirmed.
func toConfirm(command, title string) receipts.Announcement {
	a := saying(command, title)
	a.Confirm = true
	return a
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, nil)
	ctx := t.Context()
	if _, err := s.Confirm(ctx, zhang, group, receipts.Ref{}, w.clock.now()); !errors.Is(err, receipts.ErrNotAsked) {
		t.Errorf("nothing was announced: %v", err)
	}
	if _, err := s.Announce(ctx, boss, toConfirm("one", "停机")); err != nil {
		t.Fatal(err)
	}
	first := w.clock.now().Add(time.Minute)
	w.clock.advance(2 * time.Minute)
	calls := w.readers.queries()
	if m, err := s.Confirm(ctx, zhang, group, receipts.Ref{}, first); err != nil || m.Number != 1 {
		t.Fatalf("confirmed %+v, %v", m, err)
	}
	for _, ref := range []receipts.Ref{{}, {Number: 1}, {Quote: &receipts.Quote{Key: w.kept(t).Message.Key}}} {
		if _, err := s.Confirm(ctx, zhang, group, ref, w.clock.now()); err != nil {
			t.Errorf("once more: %v", err)
		}
	}
	if at := w.kept(t).Confirmations["zhang"]; !at.Equal(first) {
		t.Errorf("confirmed at %v, want %v", at, first)
	}
	announced(t, s, "two", "午饭") // which asks for nothing
	for name, test := range map[string]struct {
		by   receipts.Actor
		ref  receipts.Ref
		want error
	}{
		"the latest asks for nothing":     {lilei, receipts.Ref{}, receipts.ErrNotAsked},
		"a number that asks for nothing":  {lilei, receipts.Ref{Number: 2}, receipts.ErrNotAsked},
		"no such number":                  {lilei, receipts.Ref{Number: 9}, receipts.ErrNotAsked},
		"a quotation of somebody's words": {lilei, receipts.Ref{Quote: &receipts.Quote{Text: "你好"}}, receipts.ErrNotAsked},
		"a key that nobody knows":         {lilei, receipts.Ref{Quote: &receipts.Quote{Key: "strange", Text: "你好"}}, receipts.ErrNotAsked},
		"the author":                      {boss, receipts.Ref{Number: 1}, receipts.ErrNotAsked},
		"from outside":                    {nobody, receipts.Ref{Number: 1}, receipts.ErrExternal},
	} {
		if _, err := s.Confirm(ctx, test.by, group, test.ref, w.clock.now()); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := len(w.kept(t).Confirmations); got != 1 {
		t.Errorf("%d have confirmed", got)
	}
	if w.readers.queries() != calls {
		t.Error("confirming asked DingTalk")
	}
	if _, err := s.Confirm(ctx, lilei, group, receipts.Ref{Number: 1}, w.clock.now()); err != nil {
		t.Errorf("by its number: %v", err)
	}
	if _, err := s.Recall(ctx, boss, group, receipts.Ref{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Confirm(ctx, receipts.Actor{Person: receipts.Person{UserID: "wang"}}, group, receipts.Ref{Number: 1}, w.clock.now()); !errors.Is(err, receipts.ErrNotAsked) {
		t.Errorf("recalled: %v", err)
	}
	if got := len(w.kept(t).Confirmations); got != 2 {
		t.Errorf("%d had confirmed before it was recalled", got)
	}
}

// What was said before an announcement does not confirm it.
func TestWhatWasSaidBeforeConfirmsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, nil)
	before := w.clock.now().Add(-time.Second)
	if _, err := s.Announce(t.Context(), boss, toConfirm("one", "停机")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Confirm(t.Context(), zhang, group, receipts.Ref{}, before); !errors.Is(err, receipts.ErrNotAsked) {
		t.Error(err)
	}
}

func TestSettingsAskForConfirmation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, func(s *receipts.Settings) {
		s.Reminders.FollowUps = map[string]receipts.FollowUpSettings{"*": {Confirm: true}}
	})
	if m := announced(t, s, "one", "停机"); !m.Confirm {
		t.Error("nobody is asked")
	}
	if waiting, _ := schedule.Scheduled(t.Context(), group); slices.ContainsFunc(waiting, func(j receipts.Job) bool { return j.Kind == receipts.FollowUpJob }) {
		t.Errorf("followed up without a pause or a deadline: %v", waiting)
	}
}

func TestConfirmationsInAReport(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return morning.Add(time.Duration(minutes) * time.Minute) }
	facts := receipts.Facts{
		Message:  receipts.Message{Number: 1, State: receipts.Sent, SentAt: morning, Confirm: true, Author: receipts.Person{UserID: "author"}},
		Audience: &receipts.Members{UserIDs: []string{"author", "a", "b", "c", "d", "e", "gone"}, Source: receipts.SceneGroup, At: morning},
		Current:  &receipts.Members{UserIDs: []string{"author", "a", "b", "c", "d", "e", "late"}, Source: receipts.SceneGroup, At: at(9)},
		Reads: receipts.Reads{
			"a": {At: at(1), Exact: true}, "b": {At: at(9)}, "c": {At: at(4), Exact: true},
		},
		Confirmations: map[string]time.Time{"a": at(3), "b": at(2), "d": at(5), "author": at(1), "late": at(6)},
		AsOf:          at(9),
	}
	r := receipts.Compute(facts)
	confirmed := func(r receipts.Report) (ids []string) {
		for _, receipt := range r.Confirmed {
			ids = append(ids, receipt.UserID)
		}
		return ids
	}
	if got := confirmed(r); !slices.Equal(got, []string{"b", "a", "d"}) {
		t.Errorf("confirmed: %v", got)
	}
	if !slices.Equal(r.Unconfirmed, []string{"c", "e"}) || !slices.Equal(r.OnlyRead(), []string{"c"}) || !slices.Equal(r.Unread, []string{"e"}) {
		t.Errorf("unconfirmed %v, only read %v, unread %v", r.Unconfirmed, r.OnlyRead(), r.Unread)
	}
	// Who confirmed has read just then, unless an earlier read is known.
	for id, want := range map[string]receipts.Read{"a": {At: at(1), Exact: true}, "b": {At: at(2), Exact: true}, "d": {At: at(5), Exact: true}} {
		i := slices.IndexFunc(r.Read, func(receipt receipts.Receipt) bool { return receipt.UserID == id })
		if i < 0 || r.Read[i].Read != want {
			t.Errorf("%s has read %+v, want %+v", id, r.Read, want)
		}
	}
	// Who has not confirmed is known whatever DingTalk tells of the readers.
	facts.Gaps = []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrDelivering}}
	r = receipts.Compute(facts)
	if asked := r.Asked(); len(r.Unread) > 0 || !asked.Complete() || !slices.Equal(asked.Unread, []string{"c", "e"}) || asked.Total != 5 {
		t.Errorf("without the readers: %+v", asked)
	}
	// But not if nobody knows who is there.
	facts.Gaps, facts.Current = []receipts.Gap{{Part: receipts.MembersPart, Err: receipts.ErrDelivering}}, nil
	if r = receipts.Compute(facts); len(r.Unconfirmed) > 0 || r.Asked().Complete() || r.AllConfirmed() {
		t.Errorf("without the members: %+v", r)
	}
	// All have confirmed, and its author need not.
	facts.Gaps = nil
	for _, id := range []string{"c", "e", "gone"} {
		facts.Confirmations[id] = at(7)
	}
	if r = receipts.Compute(facts); !r.AllConfirmed() || !r.AllRead() || r.Asked().Total != 6 {
		t.Errorf("all have confirmed: %+v", r)
	}
}
