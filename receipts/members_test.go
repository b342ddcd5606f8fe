package receipts_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// library is a MemberResolver with its three sources; none can list the group.
type library struct {
	*receipts.MemberResolver
	clock               *clock
	records             *records
	scene, chat, roster *source
}

func newLibrary(t *testing.T) *library {
	c := &clock{time: morning}
	l := &library{clock: c, records: newRecords(t)}
	for is, s := range map[receipts.Source]**source{receipts.SceneGroup: &l.scene, receipts.Chat: &l.chat, receipts.Roster: &l.roster} {
		*s = &source{is: is, now: c.now, err: &receipts.NoListError{Reason: receipts.Reason("no_" + is)}}
	}
	l.MemberResolver = receipts.NewMemberResolver(l.records, freshMembers, c.now, l.scene, l.chat, l.roster)
	return l
}

// withLearned is the same book with learned members as its last source.
func (l *library) withLearned() {
	l.MemberResolver = receipts.NewMemberResolver(l.records, freshMembers, l.clock.now, l.scene, l.chat, l.roster,
		receipts.LearnedMembers{Records: l.records, Now: l.clock.now})
}

// asked is how often each source was asked, in their order.
func (l *library) asked() []int {
	return []int{l.scene.questions(), l.chat.questions(), l.roster.questions()}
}

func TestMembersComeFromTheFirstSourceThatCanTell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		set   func(l *library)
		from  receipts.Source
		ids   []string
		err   error
		asked []int
	}{
		{"the first", func(l *library) { l.scene.set("a", "b"); l.chat.set("c") }, receipts.SceneGroup, []string{"a", "b"}, nil, []int{1, 0, 0}},
		{"the second", func(l *library) { l.chat.set("c"); l.roster.set("d") }, receipts.Chat, []string{"c"}, nil, []int{1, 1, 0}},
		{"the last", func(l *library) { l.roster.set("d") }, receipts.Roster, []string{"d"}, nil, []int{1, 1, 1}},
		{"none", func(*library) {}, "", nil, receipts.ErrNoMemberList, []int{1, 1, 1}},
		{
			"one that should have told and could not is not passed over",
			func(l *library) { l.chat.fail(errDown); l.roster.set("d") }, "", nil, errDown,
			[]int{1, 1, 0},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			c.set(l)
			m, err := l.Members(t.Context(), group, receipts.Rights{})
			if !errors.Is(err, c.err) {
				t.Errorf("error %v; want %v", err, c.err)
			}
			if errors.Is(c.err, errDown) && errors.Is(err, receipts.ErrNoMemberList) {
				t.Errorf("error %v says that no source can tell", err)
			}
			if m.Source != c.from || !slices.Equal(m.UserIDs, c.ids) {
				t.Errorf("members %+v; want %v from %s", m, c.ids, c.from)
			}
			if diff := cmp.Diff(c.asked, l.asked()); diff != "" {
				t.Errorf("questions to the sources (-want +got):\n%s", diff)
			}
		})
	}
}

// When an administrator has changed what is configured about members, nothing that was
// found out before is used again: neither a list nor a refusal.
func TestNothingIsUsedAgainThatWasFoundOutBeforeTheSettingsChanged(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.chat.set("a")
	if _, err := l.Members(t.Context(), group, receipts.Rights{}); err != nil {
		t.Fatal(err)
	}
	l.clock.advance(time.Second)
	l.scene.set("b")
	changed := receipts.NewMemberResolver(l.records, freshMembers, l.clock.now, l.scene, l.chat, l.roster)
	changed.Since = l.clock.now()
	for range 2 { // asked, and used again
		if m, err := changed.Members(t.Context(), group, receipts.Rights{}); err != nil || !slices.Equal(m.UserIDs, []string{"b"}) {
			t.Errorf("members %+v, %v; want b from the scene group", m, err)
		}
	}
	if diff := cmp.Diff([]int{2, 1, 0}, l.asked()); diff != "" {
		t.Errorf("questions to the sources (-want +got):\n%s", diff)
	}
	if hold, err := changed.Refusals(t.Context(), group); err != nil || len(hold) > 0 {
		t.Errorf("refusals %v, %v", hold, err)
	}
}

func TestMembersThatNobodyCanTellSayWhy(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	denied := errors.New("groupPermissionDenied")
	l.scene.fail(&receipts.NoListError{Reason: "denied", Err: denied})
	for _, whole := range []bool{true, false} { // asked, and remembered
		_, err := l.Members(t.Context(), group, receipts.Rights{})
		why, ok := errors.AsType[*receipts.NoListError](err)
		if !errors.Is(err, receipts.ErrNoMemberList) || !ok || why.Reason != "denied" || errors.Is(err, denied) != whole {
			t.Errorf("error %v; want %v, because %v (the whole of it: %v)", err, receipts.ErrNoMemberList, denied, whole)
		}
	}
}

func TestMembersAreUsedAgainWhileTheyAreFresh(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		later time.Duration
		again bool
	}{
		{0, false},
		{freshMembers - time.Nanosecond, false},
		{freshMembers, true},
		{-time.Nanosecond, true}, // kept by a replica whose clock is ahead
	} {
		t.Run(c.later.String(), func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			l.scene.set("a")
			if _, err := l.Members(t.Context(), group, receipts.Rights{}); err != nil {
				t.Fatal(err)
			}
			l.scene.set("b")
			l.clock.advance(c.later)
			m, err := l.Members(t.Context(), group, receipts.Rights{})
			want := []string{"a"}
			if c.again {
				want = []string{"b"}
			}
			if err != nil || !slices.Equal(m.UserIDs, want) {
				t.Errorf("Members() = %v, %v; want %v", m.UserIDs, err, want)
			}
		})
	}
}

// A source that can't list a group is asked again after six hours, and the
// others meanwhile.
func TestMembersOfASourceThatCanNotListTheGroup(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.roster.set("a")
	for _, c := range []struct {
		later time.Duration
		want  []int
	}{
		{0, []int{1, 1, 1}},
		{freshMembers, []int{1, 1, 2}},
		{6*time.Hour - freshMembers - time.Nanosecond, []int{1, 1, 3}},
		{time.Nanosecond, []int{1, 1, 3}}, // fresh
		{freshMembers, []int{2, 2, 4}},
		{freshMembers, []int{2, 2, 5}},
	} {
		l.clock.advance(c.later)
		if _, err := l.Members(t.Context(), group, receipts.Rights{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, l.asked()); diff != "" {
			t.Errorf("%v after the morning, questions to the sources (-want +got):\n%s", l.clock.now().Sub(morning), diff)
		}
	}
}

func TestMembersOfOneGroupSayNothingOfAnother(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	if _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, receipts.ErrNoMemberList) {
		t.Errorf("error %v; want %v", err, receipts.ErrNoMemberList)
	}
	l.scene.set("a")
	if m, err := l.Members(t.Context(), elsewhere, receipts.Rights{}); err != nil || m.Source != receipts.SceneGroup {
		t.Errorf("Members() = %+v, %v; want another group's", m, err)
	}
	if known, err := l.Known(t.Context(), group); err != nil || known != nil {
		t.Errorf("Known() = %+v, %v; want nothing", known, err)
	}
}

func TestMembersOfASourceThatFailedAreAskedForAgain(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.scene.fail(errDown)
	for range 3 {
		if _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, errDown) {
			t.Errorf("error %v; want %v", err, errDown)
		}
	}
	l.scene.set("a")
	if m, err := l.Members(t.Context(), group, receipts.Rights{}); err != nil || m.Source != receipts.SceneGroup {
		t.Errorf("Members() = %+v, %v; want them at last", m, err)
	}
	if diff := cmp.Diff([]int{4, 0, 0}, l.asked()); diff != "" {
		t.Errorf("questions to the sources (-want +got):\n%s", diff)
	}
}

func TestMembersAreKeptWithTheirNames(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.scene.set("zhang")
	l.scene.names = receipts.Names{"zhang": "张三"}
	m, err := l.Members(t.Context(), group, receipts.Rights{})
	if err != nil {
		t.Fatal(err)
	}
	l.clock.advance(1000 * time.Hour)
	l.scene.fail(errDown)
	known, err := l.Known(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&m, known); diff != "" {
		t.Errorf("known members (-listed +known):\n%s", diff)
	}
	if names, err := l.records.Names(t.Context(), group, []string{"zhang"}); err != nil || names["zhang"] != "张三" {
		t.Errorf("Names() = %v, %v; want 张三", names, err)
	}
}

func TestMembersWithoutRecords(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"KnownMembers", "SaveMembers"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			l.scene.set("a")
			l.records.fail(method)
			if _, err := l.Members(t.Context(), group, receipts.Rights{}); !errors.Is(err, errDown) {
				t.Errorf("error %v; want %v", err, errDown)
			}
		})
	}
}

func TestMembersAtTheSameTime(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.roster.set("a")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if m, err := l.Members(t.Context(), fmt.Sprint("cid", i%3), receipts.Rights{}); err != nil || !slices.Equal(m.UserIDs, []string{"a"}) {
				t.Errorf("Members() = %v, %v", m, err)
			}
		})
	}
	all.Wait()
}

func TestWithout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name               string
		ids, without, want []string
	}{
		{"some", []string{"a", "b", "c"}, []string{"b", "x"}, []string{"a", "c"}},
		{"all", []string{"a"}, []string{"a"}, []string{}},
		{"nobody", []string{"a", "b"}, nil, []string{"a", "b"}},
		{"of nobody", nil, []string{"a"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := receipts.Members{UserIDs: c.ids, Outsiders: 3, Source: receipts.Chat, At: morning}
			before := slices.Clone(c.ids)
			want := m
			want.UserIDs = c.want
			if diff := cmp.Diff(want, m.Without(c.without)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, m.UserIDs); diff != "" {
				t.Errorf("the members themselves changed:\n%s", diff)
			}
		})
	}
}

// A list of members is used for a day's reports, but where somebody has read who is not in it;
// an audience is counted by a list of ten minutes at most.
func TestHowLongAListOfMembersIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	book := receipts.NewMemberResolver(w.records, 24*time.Hour, w.clock.now, w.members)
	w.announcer.Members, w.reporter.Members = book, book
	w.announce(t)
	asks := func(later time.Duration, lists int, read ...string) {
		t.Helper()
		w.clock.advance(later)
		w.readers.say(readBy(read...))
		w.report(t)
		if got := w.members.questions(); got != lists {
			t.Errorf("after %v: the members were listed %d times; want %d", later, got, lists)
		}
	}
	asks(9*time.Hour, 1, "zhang")
	asks(10*time.Hour, 1, "zhang", "zhao") // who came meanwhile; that is known from now on
	asks(time.Minute, 2, "zhang", "zhao")
	asks(11*time.Minute, 2, "zhang", "zhao") // and was gone when the list was made
	asks(23*time.Hour, 2, "zhang", "zhao")
	asks(2*time.Hour, 3, "zhang", "zhao")
	again := maintenance
	again.Command = "msgId-again"
	w.clock.advance(11 * time.Minute)
	if _, err := w.announcer.Announce(t.Context(), again); err != nil || w.members.questions() != 4 {
		t.Errorf("%d lists, %v; want the audience counted anew", w.members.questions(), err)
	}
}

// Who may not ask any more hears what is known; an old list that is at hand is no audience for
// good, and names nobody who may have left.
func TestALimitedQuestionTakesNoOldListForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members.fail(errDown)
	w.announce(t)
	if w.kept(t).Audience != nil {
		t.Fatal("the audience is known")
	}
	w.members.set("zhang", "li", "wang")
	w.records.members[group] = receipts.Members{UserIDs: []string{"gone"}, Source: receipts.SceneGroup, At: morning.Add(-240 * time.Hour)}
	settings := receipts.Settings{Policy: receipts.Policy{Report: receipts.Everyone}, CacheFor: 24 * time.Hour, Limits: receipts.Limits{Person: 1}}
	service, _ := w.service(t, func(s *receipts.Settings) { *s = settings })
	w.readers.say(readBy("zhang"))
	if err := w.records.AddQuestionCalls(t.Context(), group, "li", 1, w.clock.now()); err != nil {
		t.Fatal(err)
	}
	r, err := service.Report(t.Context(), receipts.Actor{Person: receipts.Person{UserID: "li"}}, group, receipts.Ref{Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	namesNobody(t, r)
	if w.kept(t).Audience != nil || w.readers.queries() != 0 {
		t.Errorf("audience %v after %d queries; want none of either", w.kept(t).Audience, w.readers.queries())
	}
}

// People are reminded by a list of members that is ten minutes old at most.
func TestRemindersGoByAFreshList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	book := receipts.NewMemberResolver(w.records, 24*time.Hour, w.clock.now, w.members)
	w.announcer.Members, w.reporter.Members = book, book
	w.announce(t)
	w.members.set("zhang", "li") // wang left, and no event told
	w.clock.advance(20 * time.Hour)
	w.readers.say(readBy("zhang"))
	r, err := w.reporter.Ask(t.Context(), group, 1, receipts.Rights{})
	if err != nil || !slices.Equal(r.Unread, []string{"li"}) || r.Left != 1 {
		t.Errorf("%+v, %v; want li alone unread", r, err)
	}
}
