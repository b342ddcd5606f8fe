package receipts_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// errSpent is a source's word for it.
var errSpent = errors.Join(receipts.ErrBudgetSpent, errors.New("not sent"))

// A source that may not be asked is not passed over where its list is the one that is known: another one has no better. Where it
// never told, the next one may.
func TestMembersPastTheBudget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		set   func(l *library)
		from  receipts.Source
		err   error
		asked []int
	}{
		{"never listed, a roster", func(l *library) { l.roster.set("d") }, receipts.Roster, nil, []int{1, 1, 1}},
		{"never listed, nothing else", func(*library) {}, "", receipts.ErrBudgetSpent, []int{1, 1, 1}},
		{"never listed, learned", func(l *library) { l.withLearned() }, receipts.Learned, nil, []int{1, 1, 1}},
		{"listed by this source", func(l *library) { l.know(receipts.SceneGroup); l.roster.set("d") }, "", receipts.ErrBudgetSpent, []int{1, 0, 0}},
		{"listed by a later source", func(l *library) { l.know(receipts.Roster); l.roster.set("d") }, receipts.Roster, nil, []int{1, 1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			l.scene.fail(errSpent)
			if err := l.records.AddMembers(t.Context(), group, []string{"d"}, moment(morning)); err != nil {
				t.Fatal(err)
			}
			c.set(l)
			l.clock.advance(freshMembers)
			m, err := l.Members(t.Context(), group, receipts.Rights{})
			if !errors.Is(err, c.err) || m.Source != c.from {
				t.Errorf("members from %q, %v; want from %q, %v", m.Source, err, c.from, c.err)
			}
			if c.from == receipts.Learned && !errors.Is(m.Lack, receipts.ErrBudgetSpent) {
				t.Errorf("it lacks them because of %v", m.Lack)
			}
			if diff := cmp.Diff(c.asked, l.asked()); diff != "" {
				t.Errorf("questions to the sources (-want +got):\n%s", diff)
			}
		})
	}
}

// know is a list that the source gave before.
func (l *library) know(source receipts.Source) {
	m := receipts.Members{UserIDs: []string{"a", "b"}, Source: source, At: l.clock.now()}
	if err := l.records.SaveMembers(context.Background(), group, m, nil); err != nil {
		panic(err) // the fake records fail only when they are told to
	}
}

// Whom the last known list has not is not called unread now nor counted among the absent later.
func TestReportPastTheBudgetIsWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.readers.say(readBy("zhang"))
	w.clock.advance(time.Minute)
	w.report(t)
	w.members.set("zhang", "li") // 王五 leaves
	w.clock.advance(freshMembers)
	w.report(t)
	w.members.fail(errSpent)
	w.readers.say(refusing(errSpent))
	w.clock.advance(freshMembers)
	r := w.report(t)
	namesNobody(t, r)
	if !slices.Equal(readerIDs(r), []string{"zhang"}) || r.Total != 2 || r.Left != 1 || len(r.Gaps) != 2 || !r.AsOf.Equal(morning.Add(time.Minute+freshMembers)) {
		t.Errorf("report %+v", r)
	}
	for _, gap := range r.Gaps {
		if !errors.Is(gap.Err, receipts.ErrBudgetSpent) {
			t.Errorf("gap %v", gap)
		}
	}
}

// An announcement is for those who were last known to be there; it says so, and they stay its audience.
func TestAnnouncePastTheBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.clock.advance(freshMembers)
	w.members.fail(errSpent)
	next := maintenance
	next.Command = "msgId-2"
	done, err := w.announcer.Announce(t.Context(), next)
	if err != nil || done.Message.State != receipts.Sent || !errors.Is(done.NoAudience, receipts.ErrBudgetSpent) {
		t.Fatalf("%+v, %v", done, err)
	}
	want := &receipts.Members{UserIDs: []string{"zhang", "li", "wang"}, Source: receipts.SceneGroup, At: morning}
	if diff := cmp.Diff(want, done.Audience); diff != "" {
		t.Errorf("audience (-want +got):\n%s", diff)
	}
	w.records.fail("KnownMembers")
	next.Command = "msgId-3"
	if done, err = w.announcer.Announce(t.Context(), next); err != nil || done.Audience != nil || done.NoAudience == nil {
		t.Errorf("%+v, %v; want it sent without an audience", done, err)
	}
}
