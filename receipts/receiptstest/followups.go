package receiptstest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
)

var followups = []contract{
	{"follow records once for each command", followRecordsOnceForEachCommand},
	{"follow takes the place of another commands", followTakesThePlaceOfAnotherCommands},
	{"a follow up begins at its first version", aFollowUpBeginsAtItsFirstVersion},
	{"only the next version is recorded", onlyTheNextVersionIsRecorded},
	{"of commands at once one follow up is recorded", ofCommandsAtOnceOneFollowUpIsRecorded},
	{"followed are those that go on", followedAreThoseThatGoOn},
	{"a stop that is repeated is done", aStopThatIsRepeatedIsDone},
	{"a follow up stands", aFollowUpStands},
}

// followUpOf is the follow-up that a command begins.
func followUpOf(command string) receipts.FollowUp {
	return receipts.FollowUp{
		ID:      command,
		Plan:    receipts.Plan{Every: []time.Duration{time.Hour}, By: []receipts.Channel{receipts.Mention}, Share: 90, Until: noon.Add(24 * time.Hour), Cut: true},
		Starter: receipts.Person{UserID: "u1", Name: "李雷"}, Began: noon, Next: noon.Add(time.Hour),
	}
}

// follow records a follow-up, which has to work.
func follow(t *testing.T, s Store, number int, f receipts.FollowUp) {
	t.Helper()
	recorded, err := s.Follow(t.Context(), group, number, f)
	if diff := cmp.Diff(f, recorded); diff != "" || err != nil {
		t.Fatalf("follow #%d: %v (-want +got):\n%s", number, err, diff)
	}
}

// change records the next version of a follow-up, which has to work.
func change(t *testing.T, s Store, number int, f receipts.FollowUp) {
	t.Helper()
	if done, err := s.Change(t.Context(), group, number, f); !done || err != nil {
		t.Fatalf("change #%d to version %d: %v, %v", number, f.Version, done, err)
	}
}

// recorded compares what is recorded with what should be.
func recorded(t *testing.T, s Store, want *receipts.FollowUp) {
	t.Helper()
	if diff := cmp.Diff(want, must(s.FollowUp(t.Context(), group, 1))(t)); diff != "" {
		t.Errorf("recorded of #1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, must(s.Snapshot(t.Context(), group, 1))(t).FollowUp); diff != "" {
		t.Errorf("kept of #1 (-want +got):\n%s", diff)
	}
}

// followed compares which messages' follow-ups go on.
func followed(t *testing.T, s Store, group string, want ...int) {
	t.Helper()
	if diff := cmp.Diff(want, must(s.Followed(t.Context(), group))(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("followed (-want +got):\n%s", diff)
	}
	var numbers []int
	for _, one := range must(s.FollowUps(t.Context(), group))(t) {
		numbers = append(numbers, one.Number)
		if diff := cmp.Diff(must(s.FollowUp(t.Context(), group, one.Number))(t), &one.FollowUp); diff != "" {
			t.Errorf("follow-up of #%d (-alone +of all):\n%s", one.Number, diff)
		}
	}
	if diff := cmp.Diff(want, numbers, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("follow-ups (-want +got):\n%s", diff)
	}
}

func followRecordsOnceForEachCommand(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	recorded(t, s, nil)
	f := followUpOf("command")
	again := func() {
		t.Helper()
		other := followUpOf("command")
		other.Share, other.Next, other.Version = 10, noon.Add(9*time.Hour), 7
		got, err := s.Follow(t.Context(), group, 1, other)
		if diff := cmp.Diff(f, got); diff != "" || err != nil {
			t.Errorf("again: %v (-want +got):\n%s", err, diff)
		}
		recorded(t, s, &f)
	}
	follow(t, s, 1, f)
	again()
	f.Rounds, f.Next, f.Trouble, f.Version = 1, noon.Add(2*time.Hour), true, 1
	change(t, s, 1, f)
	again()
	followed(t, s, group, 1)
	f.Ended, f.Stopper, f.Version = receipts.Stopped, receipts.Person{UserID: "u2"}, 2
	change(t, s, 1, f)
	again() // a repetition does not begin what is over
	followed(t, s, group)
}

func followTakesThePlaceOfAnotherCommands(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	first, second := followUpOf("first"), followUpOf("second")
	follow(t, s, 1, first)
	first.Version, first.Rounds = 1, 1
	change(t, s, 1, first)
	follow(t, s, 1, second)

	first.Version, first.Ended = 2, receipts.EnoughRead
	for _, version := range []int{0, 1, 2, 3} {
		first.Version = version
		if done, err := s.Change(t.Context(), group, 1, first); done || err != nil {
			t.Errorf("version %d of the first is recorded: %v, %v", version, done, err)
		}
	}
	recorded(t, s, &second)
	followed(t, s, group, 1)

	// After an end, too.
	second.Version, second.Ended = 1, receipts.DeadlineOver
	change(t, s, 1, second)
	third := followUpOf("third")
	follow(t, s, 1, third)
	recorded(t, s, &third)
	followed(t, s, group, 1)
}

func aFollowUpBeginsAtItsFirstVersion(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	f := followUpOf("command")
	f.Version = 5
	if got := must(s.Follow(t.Context(), group, 1, f))(t); got.Version != 0 {
		t.Errorf("version %d", got.Version)
	}
	f.Version = 1
	change(t, s, 1, f)
}

func onlyTheNextVersionIsRecorded(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	f := followUpOf("command")
	follow(t, s, 1, f)
	for version := 1; version <= 12; version++ { // numbers, not texts, are compared
		f.Version, f.Rounds = version, version
		change(t, s, 1, f)
		for _, wrong := range []int{-1, 0, version - 1, version, version + 2, version + 10} {
			other := f
			other.Version, other.Rounds = wrong, 99
			if done, err := s.Change(t.Context(), group, 1, other); done || err != nil {
				t.Errorf("version %d after %d: %v, %v", wrong, version, done, err)
			}
		}
		change(t, s, 1, f) // a repetition of what is recorded
		recorded(t, s, &f)
	}
}

func ofCommandsAtOnceOneFollowUpIsRecorded(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	var all errgroup.Group
	for i := range 20 {
		all.Go(func() error {
			f := followUpOf("command")
			f.Rounds = i
			_, err := s.Follow(t.Context(), group, 1, f)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	want := must(s.FollowUp(t.Context(), group, 1))(t)
	if got := must(s.Follow(t.Context(), group, 1, followUpOf("command")))(t); !cmp.Equal(*want, got) {
		t.Errorf("recorded %+v, and then %+v", want, got)
	}
	followed(t, s, group, 1)
}

func followedAreThoseThatGoOn(t *testing.T, s Store) {
	ctx := t.Context()
	followed(t, s, group)
	const messages = 12 // the numbers are sorted as numbers
	for i := range messages {
		sent(t, s, group, fmt.Sprint("msg", i), fmt.Sprint("key", i))
	}
	for _, number := range []int{11, 2, 9, 10, 1} {
		follow(t, s, number, followUpOf("command"))
	}
	followed(t, s, group, 1, 2, 9, 10, 11)
	followed(t, s, "another")

	over := followUpOf("command")
	over.Ended, over.Version = receipts.WentOnTooLong, 1
	change(t, s, 9, over)
	followed(t, s, group, 1, 2, 10, 11)
	change(t, s, 9, over) // a repetition
	over.Version = 5
	if done, err := s.Change(ctx, group, 10, over); done || err != nil {
		t.Fatalf("a wrong version: %v, %v", done, err)
	}
	followed(t, s, group, 1, 2, 10, 11)

	follow(t, s, 12, followUpOf("command"))
	followed(t, s, group, 1, 2, 10, 11, 12)
}

// A stop whose answer was lost on the way, and the client's repetition too: the
// command is repeated, and it is done.
func aStopThatIsRepeatedIsDone(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	follow(t, s, 1, followUpOf("command"))
	follower := receipts.FollowUps{Records: s, Now: func() time.Time { return noon }}
	for range 2 {
		f, err := follower.Stop(context.WithoutCancel(t.Context()), group, 1, receipts.Person{UserID: "u2"})
		if err != nil || f.Ended != receipts.Stopped || f.Version != 1 {
			t.Errorf("stopped: %+v, %v", f, err)
		}
	}
	followed(t, s, group)
}

// A follow-up stands as long as it is the recorded version and its message in the same
// state.
func aFollowUpStands(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	want := func(what string, f receipts.FollowUp, state receipts.State, want bool) {
		t.Helper()
		if got, err := s.Stands(ctx, group, 1, f, state); got != want || err != nil {
			t.Errorf("%s: it stands: %t, %v", what, got, err)
		}
	}
	want("never begun", followUpOf("follow"), receipts.Sent, false)
	f := must(s.Follow(ctx, group, 1, followUpOf("follow")))(t)
	want("as begun", f, receipts.Sent, true)
	want("another state", f, receipts.Recalled, false)
	want("another one", followUpOf("another"), receipts.Sent, false)
	stopped := f
	stopped.Version, stopped.Ended = 1, receipts.Stopped
	if done, err := s.Change(ctx, group, 1, stopped); !done || err != nil {
		t.Fatal(done, err)
	}
	want("stopped", f, receipts.Sent, false)
	want("as it was stopped", stopped, receipts.Sent, true)
	must(s.Mark(ctx, group, 1, receipts.Change{To: receipts.Recalled}))(t)
	want("recalled", stopped, receipts.Sent, false)
	want("still recalled", stopped, receipts.Recalled, true)
	if got, err := s.Stands(ctx, group, 2, f, receipts.Sent); got || err != nil {
		t.Errorf("no message: it stands: %t, %v", got, err)
	}
}
