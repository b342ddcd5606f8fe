package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"whoread/receipts"
	"whoread/receipts/receiptstest"
	"whoread/store/storetest"
)

// cooldown is how long the tests' messages are not reminded of again.
const cooldown = 5 * time.Minute

// reminderOf is the reminder of a run, of three people in two batches.
func reminderOf(run string) receipts.Reminder {
	return receipts.Reminder{
		Run: run, At: noon, Who: receipts.Person{UserID: "u1", Name: "李雷"}, By: receipts.Mention,
		Batches: []receipts.Batch{{By: receipts.InPrivate, UserIDs: []string{"a", "b"}}, {By: receipts.Mention, UserIDs: []string{"c"}}},
	}
}

// beginReminder begins a reminder, which has to work.
func beginReminder(t *testing.T, s *Store, group string, number int, r receipts.Reminder) {
	t.Helper()
	begun, earlier, err := s.BeginReminder(t.Context(), group, number, r, cooldown)
	if diff := cmp.Diff(r, begun); diff != "" || earlier != nil || err != nil {
		t.Fatalf("begin %s: earlier %+v, error %v (-want +got):\n%s", r.Run, earlier, err, diff)
	}
}

// beginBatch begins a batch of nobody in particular for a command.
func beginBatch(ctx context.Context, s *Store, group string, number int, run string, batch int) (first bool, outcome *receipts.Outcome, err error) {
	standing, err := s.BeginBatch(ctx, group, receipts.BatchStart{Prompt: receipts.Prompt{Run: run}, Number: number, Batch: batch, Try: rand.Text()})
	return standing.First, standing.Outcome, err
}

// endBatch begins and ends a batch, which has to work.
func endBatch(t *testing.T, s *Store, group string, number int, run string, batch int, o receipts.Outcome) {
	t.Helper()
	if first, outcome, err := beginBatch(t.Context(), s, group, number, run, batch); !first || outcome != nil || err != nil {
		t.Fatalf("begin batch %d: first %v, outcome %+v, error %v", batch, first, outcome, err)
	}
	if err := s.EndBatch(t.Context(), group, number, run, batch, o); err != nil {
		t.Fatal(err)
	}
}

// reminded is how often each person was reminded.
func reminded(t *testing.T, s *Store, group string, number int) map[string]int {
	t.Helper()
	return must(s.Snapshot(t.Context(), group, number))(t).Reminders
}

func TestOfRunsAtOnceOneIsBegun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		replicas := []*Store{open(t, b), open(t, b)}
		sent(t, replicas[0], group, "msg1", "key1")
		const runs, each = 10, 3
		begun, earlier := make([]string, runs*each), make([]string, runs*each)
		var all errgroup.Group
		for i := range runs * each {
			all.Go(func() error {
				r, before, err := replicas[i%2].BeginReminder(t.Context(), group, 1, reminderOf(fmt.Sprint("run ", i%runs)), cooldown)
				if begun[i] = r.Run; before != nil {
					earlier[i] = before.Run
				}
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		names := slices.DeleteFunc(slices.Clone(begun), func(run string) bool { return run == "" })
		if len(names) != each || len(slices.Compact(names)) != 1 {
			t.Fatalf("begun %q; want each try of one run", begun)
		}
		for i, run := range begun {
			if run == "" && earlier[i] != names[0] {
				t.Errorf("try %d is kept away by %q; want %q", i, earlier[i], names[0])
			}
		}
	})
}

func TestOfTriesAtOnceOneIsTheFirstAtABatch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		replicas := []*Store{open(t, b), open(t, b)}
		sent(t, replicas[0], group, "msg1", "key1")
		beginReminder(t, replicas[0], group, 1, reminderOf("run"))
		for batch := range 2 {
			first := make([]bool, 20)
			var all errgroup.Group
			for i := range first {
				all.Go(func() (err error) {
					first[i], _, err = beginBatch(t.Context(), replicas[i%2], group, 1, "run", batch)
					return err
				})
			}
			if err := all.Wait(); err != nil {
				t.Fatal(err)
			}
			if n := count(first); n != 1 {
				t.Errorf("batch %d: %d tries are the first", batch, n)
			}
		}
	})
}

func TestAHugeGroupIsReminded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		sent(t, s, group, "msg1", "key1")
		ids := many(9000) // more than Lua unpacks
		r := reminderOf("run")
		r.Batches = []receipts.Batch{{By: receipts.Ding, UserIDs: ids}}
		beginReminder(t, s, group, 1, r)
		endBatch(t, s, group, 1, "run", 0, receipts.Outcome{Reached: ids})
		if n := len(reminded(t, s, group, 1)); n != len(ids) {
			t.Errorf("%d people are counted", n)
		}
	})
}

func TestNothingIsWrittenOfRemindersOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		if _, earlier, err := s.BeginReminder(ctx, group, 7, reminderOf("run"), cooldown); !errors.Is(err, receipts.ErrNoMessage) || earlier != nil {
			t.Errorf("BeginReminder: %+v, %v", earlier, err)
		}
		if err := s.EndBatch(ctx, group, 7, "run", 0, receipts.Outcome{Reached: []string{"a"}}); err != nil {
			t.Errorf("EndBatch: %v", err)
		}
		if err := s.DropReminder(ctx, group, 7, "run"); err != nil {
			t.Errorf("DropReminder: %v", err)
		}
		if keys := written(t, s); len(keys) != 0 {
			t.Errorf("written %q", keys)
		}
	})
}

// The message's time is over between a nudge and the record of it.
func TestABatchOfAMessageThatIsGoneEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		sent(t, s, group, "msg1", "key1")
		beginReminder(t, s, group, 1, reminderOf("run"))
		keys := s.keys.group(group)
		if first, _, err := beginBatch(ctx, s, group, 1, "run", 0); !first || err != nil {
			t.Fatal(first, err)
		}
		if err := s.rdb.Del(ctx, keys.message(1)).Err(); err != nil {
			t.Fatal(err)
		}
		want := receipts.Outcome{Reached: []string{"a"}}
		if err := s.EndBatch(ctx, group, 1, "run", 0, want); err != nil {
			t.Fatal(err)
		}
		if _, outcome, err := beginBatch(ctx, s, group, 1, "run", 0); !cmp.Equal(outcome, &want) || err != nil {
			t.Errorf("the outcome is %+v, %v", outcome, err)
		}
		if slices.Contains(written(t, s), keys.reminders(1)) {
			t.Error("reminders of a message that is gone are counted, and stay for ever")
		}
		if _, _, err := s.BeginReminder(ctx, group, 1, reminderOf("run"), cooldown); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("its run goes on: %v", err)
		}
	})
}

// Reminders go with their message, and runs after two days, whenever they are
// written.
func TestRemindersGoWithTheirMessage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		sent(t, s, group, "msg1", "key1")
		const left, slack = 10 * time.Minute, time.Second
		keys := s.keys.group(group)
		if err := s.rdb.PExpire(ctx, keys.message(1), left).Err(); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			r := reminderOf(fmt.Sprint("run ", i))
			r.At = noon.Add(time.Duration(i) * cooldown)
			beginReminder(t, s, group, 1, r)
			endBatch(t, s, group, 1, r.Run, 0, receipts.Outcome{Reached: []string{"a"}})
			for key, want := range map[string]time.Duration{keys.reminded(1, r.By): left, keys.reminders(1): left, keys.run(r.Run): runKeptFor} {
				if ttl := must(s.rdb.PTTL(ctx, key).Result())(t); ttl > want+slack || ttl < want-time.Minute {
					t.Errorf("run %d: %s stays for %v; want %v", i, key, ttl, want)
				}
			}
		}
		// A batch that is begun a day later keeps the run for two days more.
		if err := s.rdb.PExpire(ctx, keys.run("run 0"), time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := beginBatch(ctx, s, group, 1, "run 0", 1); err != nil {
			t.Fatal(err)
		}
		if ttl := must(s.rdb.PTTL(ctx, keys.run("run 0")).Result())(t); ttl < runKeptFor-time.Minute {
			t.Errorf("the run stays for %v", ttl)
		}
	})
}

// An eviction took the run between a nudge and the record of it: nothing is left
// that would stay for ever.
func TestTheEndOfALostRunIsNotKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		sent(t, s, group, "msg1", "key1")
		for range 2 {
			if err := s.EndBatch(ctx, group, 1, "lost", 0, receipts.Outcome{Reached: []string{"a"}}); err != nil {
				t.Fatal(err)
			}
		}
		if slices.Contains(written(t, s), s.keys.group(group).run("lost")) {
			t.Error("the run is there")
		}
		if counted := reminded(t, s, group, 1); len(counted) > 0 {
			t.Errorf("what may be counted twice is counted: %v", counted)
		}
	})
}

// anyText is a text as DingTalk's JSON may have it.
var anyText = rapid.OneOf(rapid.String(), rapid.SampledFrom(oddIDs))

// anyTime is a time in whole milliseconds, or none.
var anyTime = rapid.Custom(func(t *rapid.T) time.Time {
	if rapid.IntRange(0, 4).Draw(t, "none") == 0 {
		return time.Time{}
	}
	return time.UnixMilli(rapid.Int64Range(1, 4_102_444_800_000).Draw(t, "ms"))
})

var (
	anyPerson = rapid.Custom(func(t *rapid.T) receipts.Person {
		return receipts.Person{UserID: anyText.Draw(t, "id"), Name: anyText.Draw(t, "name")}
	})
	anyPeople  = rapid.SliceOfN(anyText, 0, 5)
	anyChannel = rapid.SampledFrom([]receipts.Channel{receipts.Mention, receipts.InPrivate, receipts.Ding})
)

// Every field comes back: to the run itself, to whom it keeps away, and of each
// batch.
func TestAnyReminderComesBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			m := sent(t, s, group, fmt.Sprint("msg", n), fmt.Sprint("key", n))
			r := receipts.Reminder{
				Run: fmt.Sprint(n, " ", anyText.Draw(rt, "run")), At: time.UnixMilli(rapid.Int64Range(1, 4_102_444_800_000).Draw(rt, "at")),
				Who: anyPerson.Draw(rt, "who"),
				Batches: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) receipts.Batch {
					return receipts.Batch{By: anyChannel.Draw(t, "by"), UserIDs: anyPeople.Draw(t, "users")}
				}), 0, 4).Draw(rt, "batches"),
			}
			begun, _, err := s.BeginReminder(ctx, group, m.Number, r, cooldown)
			if diff := cmp.Diff(r, begun, cmpopts.EquateEmpty()); diff != "" || err != nil {
				rt.Fatalf("begun: %v (-want +got):\n%s", err, diff)
			}
			begun, _, err = s.BeginReminder(ctx, group, m.Number, receipts.Reminder{Run: r.Run, At: r.At}, cooldown)
			if diff := cmp.Diff(r, begun, cmpopts.EquateEmpty()); diff != "" || err != nil {
				rt.Fatalf("begun again: %v (-want +got):\n%s", err, diff)
			}
			_, earlier, err := s.BeginReminder(ctx, group, m.Number, receipts.Reminder{Run: fmt.Sprint("another ", n), At: r.At}, cooldown)
			if diff := cmp.Diff(&r, earlier, cmpopts.EquateEmpty()); diff != "" || err != nil {
				rt.Fatalf("earlier: %v (-want +got):\n%s", err, diff)
			}

			want := receipts.Outcome{Reached: anyPeople.Draw(rt, "reached"), Missed: receipts.Missed{Unknown: anyPeople.Draw(rt, "unknown"), Flooded: anyPeople.Draw(rt, "flooded")}}
			endBatch(t, s, group, m.Number, r.Run, 0, want)
			_, outcome, err := beginBatch(ctx, s, group, m.Number, r.Run, 0)
			if diff := cmp.Diff(&want, outcome, cmpopts.EquateEmpty()); diff != "" || err != nil {
				rt.Fatalf("outcome: %v (-want +got):\n%s", err, diff)
			}
			counts := map[string]int{}
			for _, id := range want.Reached {
				counts[id]++
			}
			if diff := cmp.Diff(counts, reminded(t, s, group, m.Number), cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("counted (-want +got):\n%s", diff)
			}
		})
	})
}

// Runs and groups whose names look like one another, and like keys.
func TestNoRunSeesAnother(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		for i, g := range lookalikes {
			sent(t, s, g, "msg1", "key1")
			beginReminder(t, s, g, 1, reminderOf("run"))
			endBatch(t, s, g, 1, "run", 0, receipts.Outcome{Reached: []string{fmt.Sprint("u", i)}})
		}
		for i, g := range lookalikes {
			if diff := cmp.Diff(map[string]int{fmt.Sprint("u", i): 1}, reminded(t, s, g, 1)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", g, diff)
			}
		}
		sent(t, s, group, "msg1", "key1")
		for i, run := range append([]string{"run:", "1:reminders", "run2"}, lookalikes...) {
			if first, _, err := beginBatch(ctx, s, group, 1, run, 0); !first || err != nil {
				t.Errorf("run %d, %q, is begun already: %v", i, run, err)
			}
		}
	})
}

// Redis did as it was told and its answer was lost on the way: the client asks
// again by itself, and that is no second try.
func TestALostAnswerOfAReminderChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, p := proxied(t, b)
		ctx := t.Context()
		sent(t, s, group, "msg1", "key1")
		lose := func(what string, call func()) {
			t.Helper()
			p.LoseReply()
			if call(); !p.ReplyLost() {
				t.Fatalf("%s: no answer was lost", what)
			}
		}
		lose("BeginReminder", func() { beginReminder(t, s, group, 1, reminderOf("run")) })
		lose("BeginReminder, kept away", func() {
			if _, earlier, err := s.BeginReminder(ctx, group, 1, reminderOf("another"), cooldown); earlier == nil || err != nil {
				t.Errorf("kept away by %+v, %v", earlier, err)
			}
		})
		lose("BeginBatch", func() {
			if first, outcome, err := beginBatch(ctx, s, group, 1, "run", 0); !first || outcome != nil || err != nil {
				t.Errorf("first %v, %+v, %v", first, outcome, err)
			}
		})
		lose("EndBatch", func() {
			if err := s.EndBatch(ctx, group, 1, "run", 0, receipts.Outcome{Reached: []string{"a", "b"}}); err != nil {
				t.Error(err)
			}
		})
		if diff := cmp.Diff(map[string]int{"a": 1, "b": 1}, reminded(t, s, group, 1)); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
		// The client's own repetition is one thing, another try is another.
		if first, outcome, err := beginBatch(ctx, s, group, 1, "run", 0); first || outcome == nil || err != nil {
			t.Errorf("another try: first %v, %+v, %v", first, outcome, err)
		}
		lose("DropReminder", func() {
			if err := s.DropReminder(ctx, group, 1, "run"); err != nil {
				t.Error(err)
			}
		})
		beginReminder(t, s, group, 1, reminderOf("next"))
	})
}

// reminderSender are whom a test's reminders reached.
type reminderSender struct {
	people []string
	cut    func() // called after each nudge
}

// Batches implements receipts.ReminderSender.
func (n *reminderSender) Batches(by receipts.Channel, userIDs []string) []receipts.Batch {
	var all []receipts.Batch
	for _, id := range userIDs {
		all = append(all, receipts.Batch{By: by, UserIDs: []string{id}})
	}
	return all
}

// Nudge implements receipts.ReminderSender.
func (n *reminderSender) Nudge(_ context.Context, b receipts.Batch, _ receipts.Reminded, _ func(context.Context) error) (receipts.Missed, error) {
	n.people = append(n.people, b.UserIDs...)
	n.cut()
	return receipts.Missed{}, nil
}

// The domain's promise, held by these records: whatever they are cut off from, a
// run that is repeated reminderSender nobody twice, and forgets nobody.
func TestARunThatIsCutOffFromRedisGoesOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		people := []string{"a", "b", "c", "d"}
		for cutAfter := range people {
			m := sent(t, s, group, fmt.Sprint("msg", cutAfter), fmt.Sprint("key", cutAfter))
			report := receipts.Report{Message: m, Total: len(people), Unread: people}
			run := fmt.Sprint("run ", cutAfter)
			alive, die := context.WithCancel(ctx)
			defer die()
			n := &reminderSender{}
			n.cut = func() {
				if len(n.people) == cutAfter+1 {
					die()
				}
			}
			prompter := &receipts.Reminders{Records: s, Cooldown: cooldown, Now: func() time.Time { return noon }}
			if _, err := prompter.Remind(alive, report, receipts.Prompt{Run: run, By: receipts.Ding}, n); (err == nil) != (cutAfter == len(people)-1) {
				t.Fatalf("cut off after %d: %v", cutAfter+1, err)
			}
			done, err := prompter.Remind(ctx, report, receipts.Prompt{Run: run, By: receipts.Ding}, n)
			if err != nil || !slices.Equal(done.Reached[receipts.Ding], people) || !slices.Equal(n.people, people) {
				t.Errorf("cut off after %d: reached %v, nudged %v, %v", cutAfter+1, done.Reached, n.people, err)
			}
			if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, reminded(t, s, group, m.Number)); diff != "" {
				t.Errorf("cut off after %d, counted (-want +got):\n%s", cutAfter+1, diff)
			}
			if done, err := prompter.Remind(ctx, report, receipts.Prompt{Run: "another", By: receipts.Ding}, n); done.Earlier == nil || err != nil {
				t.Errorf("another run: %+v, %v", done, err)
			}
		}
	})
}

// A batch is begun as things stand although answers of Redis are lost, and what was not begun
// has left no trace: a message that came back would be reminded of.
func TestABatchIsBegunAsThingsStand(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, p := proxied(t, b)
		ctx := t.Context()
		start := receiptstest.BatchesBegin(t, s, p.LoseReply)
		if err := s.rdb.HSet(ctx, s.keys.group(group).message(1), "state", string(receipts.Sent)).Err(); err != nil {
			t.Fatal(err)
		}
		for _, start.Batch = range []int{3, 4, 6, 9} {
			if got, err := s.BeginBatch(ctx, group, start); !got.First || err != nil {
				t.Errorf("batch %d was not begun: %+v, %v", start.Batch, got, err)
			}
		}
	})
}
