package receipts_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// stands is a clock that nobody advances.
func stands() time.Time { return morning }

// Who is learned: the latest sign counts, and a read that a query showed is only
// known to be younger than its message.
func TestLearnedMembers(t *testing.T) {
	t.Parallel()
	here, left := func(minute int) receipts.Sighting { return receipts.Sighting{At: at(minute), Here: true} }, func(minute int) receipts.Sighting { return receipts.Sighting{At: at(minute)} }
	pushed := func(minute int) receipts.Read { return receipts.Read{At: at(minute), Exact: true} }
	for _, c := range []struct {
		name  string
		signs map[string]receipts.Sighting
		sent  int // the minute of the only message
		reads receipts.Reads
		here  []string
		gone  []string
	}{
		{"who spoke or came", map[string]receipts.Sighting{"b": here(1), "a": here(2)}, 0, nil, []string{"a", "b"}, nil},
		{"who read", nil, 1, receipts.Reads{"b": pushed(2), "a": seen(3)}, []string{"a", "b"}, nil},
		{"not who left", map[string]receipts.Sighting{"a": here(1), "b": left(1)}, 0, nil, []string{"a"}, []string{"b"}},
		{"not who read and then left", map[string]receipts.Sighting{"a": here(1), "b": left(9)}, 1, receipts.Reads{"b": pushed(5)}, []string{"a"}, []string{"b"}},
		{"who left and read later", map[string]receipts.Sighting{"b": left(2)}, 1, receipts.Reads{"b": pushed(5)}, []string{"b"}, nil},
		{"not who left, and was seen later to have read before", map[string]receipts.Sighting{"a": here(1), "b": left(2)}, 1, receipts.Reads{"b": seen(5)}, []string{"a"}, []string{"b"}},
		{"who left and read a later message", map[string]receipts.Sighting{"b": left(2)}, 3, receipts.Reads{"b": seen(5)}, []string{"b"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRecords(t)
			r.signs[group] = c.signs
			r.add("", receipts.Message{Group: group, SentAt: at(c.sent)}, nil)
			r.messages[group][0].kept.Reads = c.reads
			got, names, err := receipts.LearnedMembers{Records: r, Now: func() time.Time { return at(60) }}.Members(t.Context(), group, receipts.Rights{})
			want := receipts.Members{UserIDs: c.here, Gone: c.gone, Source: receipts.Learned, At: at(60)}
			if diff := cmp.Diff(want, got); err != nil || names != nil || diff != "" {
				t.Errorf("%v, %v (-want +got):\n%s", names, err, diff)
			}
		})
	}
}

func TestLearnedMembersOfTheLastFiftyMessages(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	for n := range 51 {
		r.add("", receipts.Message{Group: group, SentAt: at(n)}, nil)
		r.messages[group][n].kept.Reads = receipts.Reads{fmt.Sprintf("reader%02d", n): seen(n)}
	}
	m, _, err := receipts.LearnedMembers{Records: r, Now: stands}.Members(t.Context(), group, receipts.Rights{})
	if err != nil || len(m.UserIDs) != 50 || m.UserIDs[0] != "reader01" {
		t.Errorf("%d members, %v, %v; want the readers of 50 messages", len(m.UserIDs), m.UserIDs, err)
	}
}

func TestLearnedMembersOfAGroupWithoutAnySign(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	r.note(group, []string{"gone"}, receipts.Sighting{At: morning})
	l := receipts.LearnedMembers{Records: r, Now: stands}
	if _, _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, receipts.ErrNoMemberList) {
		t.Errorf("error %v; want %v", err, receipts.ErrNoMemberList)
	}
	r.fail("Sightings")
	if _, _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, errDown) || errors.Is(err, receipts.ErrNoMemberList) {
		t.Errorf("error %v; want %v", err, errDown)
	}
}

func TestTheLastPush(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	l := receipts.LearnedMembers{Records: r, Now: stands}
	for _, reads := range []receipts.Reads{{"a": seen(9)}, {"a": {At: at(2), Exact: true}, "b": {At: at(5), Exact: true}, "c": seen(8)}} {
		if last, err := l.LastPush(t.Context(), group); !last.IsZero() || err != nil {
			t.Errorf("LastPush() = %v, %v; want none", last, err)
		}
		r.add("", receipts.Message{Group: group, SentAt: morning}, nil)
		r.messages[group][len(r.messages[group])-1].kept.Reads = reads
	}
	if last, err := l.LastPush(t.Context(), group); !last.Equal(at(5)) || err != nil {
		t.Errorf("LastPush() = %v, %v; want %v", last, err, at(5))
	}
}

// A learned list is the last resort. It is made anew each time, and says why there is
// no better one.
func TestMembersAreLearnedWhereNoSourceCanTell(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.withLearned()
	denied := errors.New("groupPermissionDenied")
	l.scene.fail(&receipts.NoListError{Reason: "denied", Err: denied})
	l.chat.fail(receipts.ErrNoMemberList)
	for _, id := range []string{"a", "b"} {
		if err := l.Joined(t.Context(), group, []string{id}, moment(l.clock.now())); err != nil {
			t.Fatal(err)
		}
		m, err := l.Members(t.Context(), group, receipts.Rights{})
		if err != nil || m.Source != receipts.Learned || m.UserIDs[len(m.UserIDs)-1] != id {
			t.Errorf("Members() = %+v, %v; want %s among them", m, err, id)
		}
		why, ok := errors.AsType[*receipts.NoListError](m.Lack)
		if !ok || why.Reason != "denied" {
			t.Errorf("lack %v; want %v", m.Lack, denied)
		}
	}
	if known, err := l.Known(t.Context(), group); err != nil || known == nil || !slices.Equal(known.UserIDs, []string{"a", "b"}) {
		t.Errorf("Known() = %+v, %v; want those who are learned", known, err)
	}
	if diff := cmp.Diff([]int{1, 2, 1}, l.asked()); diff != "" {
		t.Errorf("questions to the sources (-want +got):\n%s", diff)
	}

	l.roster.fail(errDown)
	l.clock.advance(6 * time.Hour)
	if m, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, errDown) {
		t.Errorf("Members() = %+v, %v; want %v: the roster should have told", m, err, errDown)
	}
}

func TestLearnedMembersAloneLackNothing(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	r.note(group, []string{"a"}, receipts.Sighting{At: morning, Here: true})
	book := receipts.NewMemberResolver(r, freshMembers, stands, receipts.LearnedMembers{Records: r, Now: stands})
	if m, err := book.Members(t.Context(), group, receipts.Rights{}); err != nil || m.Lack != nil {
		t.Errorf("Members() = %+v, %v; want nothing to be lacking", m, err)
	}
}

// A learned audience is asked about again, even when all who are known have read. Who
// announced it was there.
func TestReportOfALearnedAudience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members.fail(receipts.ErrNoMemberList)
	learned := receipts.LearnedMembers{Records: w.records, Now: w.clock.now}
	book := receipts.NewMemberResolver(w.records, freshMembers, w.clock.now, w.members, learned)
	w.announcer.Members, w.reporter.Members = book, book
	if err := book.Joined(t.Context(), group, []string{"li", "gone"}, moment(w.clock.now())); err != nil {
		t.Fatal(err)
	}
	w.announce(t)
	for minute, c := range []struct {
		readers, read, unread []string
		left                  int
	}{
		{[]string{}, []string{"chen"}, []string{"gone", "li"}, 0},
		{[]string{"li"}, []string{"chen", "li"}, nil, 1},
		{[]string{"li", "stranger"}, []string{"chen", "li", "stranger"}, nil, 1},
	} {
		w.clock.advance(time.Minute)
		if minute == 1 {
			if err := book.Left(t.Context(), group, []string{"gone"}, moment(w.clock.now())); err != nil {
				t.Fatal(err)
			}
		}
		w.readers.say(readBy(c.readers...))
		r := w.report(t)
		if !slices.Equal(readerIDs(r), c.read) || !slices.Equal(r.Unread, c.unread) || r.Left != c.left || r.Joined != 0 || r.AllRead() || r.Source != receipts.Learned {
			t.Errorf("minute %d: %+v; want %+v", minute, r, c)
		}
		if got := w.readers.queries(); got != minute+1 {
			t.Errorf("minute %d: %d queries", minute, got)
		}
	}
}
