package receiptstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
)

var reminders = []contract{
	{"a run is begun once", aRunIsBegunOnce},
	{"the last reminder keeps other runs away", theLastReminderKeepsOtherRunsAway},
	{"without a cooldown nothing keeps runs away", withoutACooldownNothingKeepsRunsAway},
	{"a run that goes on begins its cooldown anew", aRunThatGoesOnBeginsItsCooldownAnew},
	{"each message has its own last reminder", eachMessageHasItsOwnLastReminder},
	{"a batch is counted once", aBatchIsCountedOnce},
	{"a doubtful batch has no outcome", aDoubtfulBatchHasNoOutcome},
	{"reminders of a person add up", remindersOfAPersonAddUp},
	{"only its own reminder is dropped", onlyItsOwnReminderIsDropped},
	{"a batch is begun again by the same try, and once it is dropped", aBatchIsBegunAgain},
	{"a batch is begun as things stand", aBatchIsBegunAsThingsStand},
	{"who has confirmed is left out of a batch that asks for it", whoHasConfirmedIsLeftOut},
}

// cooldown is how long messages are not reminded of again here.
const cooldown = 5 * time.Minute

// reminderOf is the reminder of a run, of three people in two batches.
func reminderOf(run string) receipts.Reminder {
	return receipts.Reminder{
		Run: run, At: noon, Who: receipts.Person{UserID: "u1", Name: "李雷"}, By: receipts.Mention,
		Batches: []receipts.Batch{{By: receipts.InPrivate, UserIDs: []string{"a", "b"}}, {By: receipts.Mention, UserIDs: []string{"c"}}},
	}
}

// beginReminder begins a reminder, which has to work.
func beginReminder(t *testing.T, s Store, group string, number int, r receipts.Reminder) {
	t.Helper()
	begun, earlier, err := s.BeginReminder(t.Context(), group, number, r, cooldown)
	if diff := cmp.Diff(r, begun); diff != "" || earlier != nil || err != nil {
		t.Fatalf("begin %s: earlier %+v, error %v (-want +got):\n%s", r.Run, earlier, err, diff)
	}
}

// beginBatch begins a batch of nobody in particular for a command.
func beginBatch(ctx context.Context, s Store, group, run string, batch int) (first bool, outcome *receipts.Outcome, err error) {
	standing, err := s.BeginBatch(ctx, group, receipts.BatchStart{Prompt: receipts.Prompt{Run: run}, Number: 1, Batch: batch, Try: rand.Text()})
	return standing.First, standing.Outcome, err
}

// endBatch begins and ends a batch of a group's first message, which has to work.
func endBatch(t *testing.T, s Store, group, run string, batch int, o receipts.Outcome) {
	t.Helper()
	if first, outcome, err := beginBatch(t.Context(), s, group, run, batch); !first || outcome != nil || err != nil {
		t.Fatalf("begin batch %d: first %v, outcome %+v, error %v", batch, first, outcome, err)
	}
	if err := s.EndBatch(t.Context(), group, 1, run, batch, o); err != nil {
		t.Fatal(err)
	}
}

// reminded is how often each person was reminded.
func reminded(t *testing.T, s Store, group string, number int) map[string]int {
	t.Helper()
	return must(s.Snapshot(t.Context(), group, number))(t).Reminders
}

func aRunIsBegunOnce(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("run"))
	again := receipts.Reminder{Run: "run", At: noon.Add(time.Second), By: receipts.Mention, Batches: []receipts.Batch{{By: receipts.Ding, UserIDs: []string{"z"}}}}
	for _, after := range []time.Duration{0, time.Second, cooldown, time.Hour} {
		again.At = noon.Add(after)
		begun, earlier, err := s.BeginReminder(t.Context(), group, 1, again, cooldown)
		if diff := cmp.Diff(reminderOf("run"), begun); diff != "" || earlier != nil || err != nil {
			t.Errorf("again after %v: earlier %+v, error %v (-want +got):\n%s", after, earlier, err, diff)
		}
	}
}

func theLastReminderKeepsOtherRunsAway(t *testing.T, s Store) {
	for i, c := range []struct {
		after time.Duration
		away  bool
	}{
		{-time.Hour, true}, {0, true}, {cooldown - time.Millisecond, true}, {cooldown, false}, {time.Hour, false},
	} {
		m := sent(t, s, group, fmt.Sprint("msg", i), fmt.Sprint("key", i))
		first, second := reminderOf(fmt.Sprint("first ", i)), reminderOf(fmt.Sprint("second ", i))
		second.At = noon.Add(c.after)
		beginReminder(t, s, group, m.Number, first)
		if !c.away {
			beginReminder(t, s, group, m.Number, second)
			continue
		}
		for range 2 { // it is not begun by being kept away
			begun, earlier, err := s.BeginReminder(t.Context(), group, m.Number, second, cooldown)
			if diff := cmp.Diff(&first, earlier); diff != "" || begun.Run != "" || err != nil {
				t.Errorf("after %v: begun %+v, error %v, earlier (-want +got):\n%s", c.after, begun, err, diff)
			}
		}
		second.At = noon.Add(cooldown)
		beginReminder(t, s, group, m.Number, second)
	}
}

func withoutACooldownNothingKeepsRunsAway(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	for i := range 3 {
		r := reminderOf(fmt.Sprint("run ", i))
		if begun, earlier, err := s.BeginReminder(t.Context(), group, 1, r, 0); begun.Run != r.Run || earlier != nil || err != nil {
			t.Errorf("run %d: %+v, %+v, %v", i, begun, earlier, err)
		}
	}
}

// A run that goes on later keeps others away from then on, and is itself kept away
// by one that came in between.
func aRunThatGoesOnBeginsItsCooldownAnew(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	at := func(run string, after time.Duration) receipts.Reminder {
		r := reminderOf(run)
		r.At = noon.Add(after)
		return r
	}
	for i, step := range []struct {
		drop    string
		run     string
		after   time.Duration
		earlier string
	}{
		{"", "first", 0, ""},
		{"", "first", cooldown, ""},
		{"", "second", 2*cooldown - time.Millisecond, "first"},
		{"", "second", 2 * cooldown, ""},
		{"", "first", 3*cooldown - time.Millisecond, "second"},
		{"second", "first", 3*cooldown - time.Millisecond, ""},
		{"second", "third", 3 * cooldown, "first"}, // dropping is not for another's
		{"first", "first", 3 * cooldown, ""},
		{"", "third", 4*cooldown - time.Millisecond, "first"},
	} {
		if step.drop != "" {
			if err := s.DropReminder(ctx, group, 1, step.drop); err != nil {
				t.Fatal(err)
			}
		}
		begun, earlier, err := s.BeginReminder(ctx, group, 1, at(step.run, step.after), cooldown)
		switch {
		case err != nil:
			t.Fatalf("step %d: %v", i, err)
		case step.earlier != "" && (earlier == nil || earlier.Run != step.earlier):
			t.Errorf("step %d: %s begins, earlier %+v; want %s", i, begun.Run, earlier, step.earlier)
		case step.earlier == "" && (earlier != nil || begun.Run != step.run):
			t.Errorf("step %d: kept away by %+v", i, earlier)
		}
	}
}

func eachMessageHasItsOwnLastReminder(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	sent(t, s, group, "msg2", "key2")
	sent(t, s, "another", "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("one"))
	beginReminder(t, s, group, 2, reminderOf("two"))
	beginReminder(t, s, "another", 1, reminderOf("one"))
	endBatch(t, s, group, "one", 0, receipts.Outcome{Reached: []string{"a"}})
	endBatch(t, s, "another", "one", 0, receipts.Outcome{Reached: []string{"b"}})
	for _, c := range []struct {
		group  string
		number int
		want   map[string]int
	}{{group, 1, map[string]int{"a": 1}}, {group, 2, nil}, {"another", 1, map[string]int{"b": 1}}} {
		if diff := cmp.Diff(c.want, reminded(t, s, c.group, c.number)); diff != "" {
			t.Errorf("#%d of %s (-want +got):\n%s", c.number, c.group, diff)
		}
	}
}

func aBatchIsCountedOnce(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("run"))
	want := receipts.Outcome{Reached: []string{"a"}, Missed: receipts.Missed{Unknown: []string{"b"}}}
	endBatch(t, s, group, "run", 0, want)
	var all errgroup.Group
	for range 10 {
		all.Go(func() error {
			return s.EndBatch(ctx, group, 1, "run", 0, receipts.Outcome{Reached: []string{"a", "z"}})
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	first, outcome, err := beginBatch(ctx, s, group, "run", 0)
	if diff := cmp.Diff(&want, outcome); diff != "" || first || err != nil {
		t.Errorf("again: first %v, error %v, outcome (-want +got):\n%s", first, err, diff)
	}
	if diff := cmp.Diff(map[string]int{"a": 1}, reminded(t, s, group, 1)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// A batch that was begun and not ended has no outcome, however often it is asked
// for; one whose outcome reached nobody has one.
func aDoubtfulBatchHasNoOutcome(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("run"))
	for i := range 3 {
		if first, outcome, err := beginBatch(ctx, s, group, "run", 0); first != (i == 0) || outcome != nil || err != nil {
			t.Errorf("time %d: first %v, %+v, %v", i, first, outcome, err)
		}
	}
	endBatch(t, s, group, "run", 1, receipts.Outcome{})
	if first, outcome, err := beginBatch(ctx, s, group, "run", 1); first || outcome == nil || err != nil {
		t.Errorf("an outcome of nobody: first %v, %+v, %v", first, outcome, err)
	}
	if counted := reminded(t, s, group, 1); counted != nil {
		t.Errorf("counted %v", counted)
	}
}

func remindersOfAPersonAddUp(t *testing.T, s Store) {
	sent(t, s, group, "msg1", "key1")
	want := map[string]int{}
	people := []string{"manager4220", "0123456789", "user name", "a:b", "a{b}c", "*", "张三", `"quoted"`, "-1", "NX"}
	for run := range 3 {
		r := reminderOf(fmt.Sprint("run ", run))
		r.At = noon.Add(time.Duration(run) * cooldown)
		beginReminder(t, s, group, 1, r)
		reached, flooded := people[run:], people[:run]
		endBatch(t, s, group, r.Run, 0, receipts.Outcome{Reached: reached, Missed: receipts.Missed{Flooded: flooded}})
		endBatch(t, s, group, r.Run, 1, receipts.Outcome{Reached: []string{"another batch"}})
		for _, id := range append([]string{"another batch"}, reached...) {
			want[id]++
		}
		if diff := cmp.Diff(want, reminded(t, s, group, 1)); diff != "" {
			t.Errorf("after %d runs (-want +got):\n%s", run+1, diff)
		}
	}
}

func onlyItsOwnReminderIsDropped(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("run"))
	for _, other := range []string{"", "another", "ru", "run "} {
		if err := s.DropReminder(ctx, group, 1, other); err != nil {
			t.Fatal(err)
		}
		if _, earlier, err := s.BeginReminder(ctx, group, 1, reminderOf("next"), cooldown); earlier == nil || err != nil {
			t.Fatalf("%q dropped the reminder of another: %v", other, err)
		}
	}
	for range 2 {
		if err := s.DropReminder(ctx, group, 1, "run"); err != nil {
			t.Fatal(err)
		}
	}
	beginReminder(t, s, group, 1, reminderOf("next"))
}

// A try that is repeated begins the batch, as a lost answer may have said; another begins it only
// where the one that began it was dropped.
func aBatchIsBegunAgain(t *testing.T, s Store) {
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("run"))
	for i, step := range []struct {
		drop, try string
		first     bool
	}{{"", "one", true}, {"", "one", true}, {"", "two", false}, {"two", "two", false}, {"one", "two", true}, {"one", "one", false}, {"two", "one", true}} {
		if step.drop != "" {
			if err := s.DropBatch(ctx, group, "run", 0, step.drop); err != nil {
				t.Fatal(err)
			}
		}
		now, err := s.BeginBatch(ctx, group, receipts.BatchStart{
			Prompt: receipts.Prompt{Run: "run"}, Number: 1, UserIDs: []string{"a", "b"}, Try: step.try,
		})
		if now.First != step.first || now.Outcome != nil || err != nil {
			t.Errorf("step %d: %+v, %v", i, now, err)
		}
	}
	if err := s.DropBatch(ctx, "another", "run", 0, "one"); err != nil {
		t.Error(err)
	}
}

func aBatchIsBegunAsThingsStand(t *testing.T, s Store) { BatchesBegin(t, s, func() {}) }

// BatchesBegin checks that what has changed since a batch was decided on is told as it is
// begun, and that a batch which must not be begun any more is not. Before some of the steps it
// calls disturb, which must not change what comes of them. Batches 3, 4, 6 and 9 of the
// reminder that comes back were not begun; message #1, which it is about, was recalled.
func BatchesBegin(t *testing.T, s Store, disturb func()) receipts.BatchStart {
	t.Helper()
	ctx := t.Context()
	sent(t, s, group, "msg1", "key1")
	beginReminder(t, s, group, 1, reminderOf("run"))
	f := must(s.Follow(ctx, group, 1, followUpOf("follow")))(t)
	start := receipts.BatchStart{Prompt: receipts.Prompt{Run: "run", Round: &f}, Number: 1, UserIDs: []string{"a", "b", "c"}}
	begin := func(what string, want receipts.Standing) {
		t.Helper()
		start.Try = rand.Text()
		got, err := s.BeginBatch(ctx, group, start)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
		want.First = false
		standing, err := s.BatchStanding(ctx, group, start)
		if diff := cmp.Diff(want, standing, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s, looked at again: %v (-want +got):\n%s", what, err, diff)
		}
		start.Batch++
	}
	begin("nobody has read", receipts.Standing{First: true})
	if err := s.SaveReads(ctx, group, 1, []string{"b", "z"}, noon, noon); err != nil {
		t.Fatal(err)
	}
	if known, err := s.SavePushedReads(ctx, group, "key1", map[string]time.Time{"c": noon}); !known || err != nil {
		t.Fatal(known, err)
	}
	disturb()
	begin("two have read", receipts.Standing{First: true, Read: []string{"b", "c"}})

	f.Version++
	if done, err := s.Change(ctx, group, 1, f); !done || err != nil {
		t.Fatal(done, err)
	}
	begin("as it is now", receipts.Standing{First: true, Read: []string{"b", "c"}})
	old := f
	old.Version--
	start.Round = &old
	begin("another version", receipts.Standing{Halt: receipts.Halt{Superseded: true}})
	must(s.Follow(ctx, group, 1, followUpOf("another")))(t)
	start.Round = &f
	begin("another follow-up", receipts.Standing{Halt: receipts.Halt{Superseded: true}})
	start.Round = nil
	begin("of no follow-up", receipts.Standing{First: true, Read: []string{"b", "c"}})
	must(s.Mark(ctx, group, 1, receipts.Change{To: receipts.Recalled}))(t)
	start.Round = &old
	disturb()
	begin("recalled", receipts.Standing{Halt: receipts.Halt{State: receipts.Recalled}})
	start.Try = rand.Text()
	for start.Batch = range 2 {
		got, err := s.BeginBatch(ctx, group, start)
		if diff := cmp.Diff(receipts.Standing{}, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("batch %d was begun before: %v (-want +got):\n%s", start.Batch, err, diff)
		}
	}
	start.Batch, start.Number = 9, 2
	if got, err := s.BeginBatch(ctx, group, start); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no message: %+v, %v", got, err)
	}
	if got, err := s.BatchStanding(ctx, group, start); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("no message, looked at again: %+v, %v", got, err)
	}
	start.Number, start.Round = 1, nil
	return start
}
