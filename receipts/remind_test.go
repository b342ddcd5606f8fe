package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"whoread/receipts"
)

var (
	// chen announces and reminds, and is on no list.
	chen = receipts.Person{UserID: "chen", Name: "陈晨"}

	// errStopped is how a nudge certainly fails, errDoubt how it may have worked.
	errStopped = &receipts.Failure{Reason: "bot_stopped", Err: errors.New("bot.stopped")}
	errDoubt   = &receipts.Failure{Uncertain: true, Reason: "timeout", Err: context.DeadlineExceeded}
)

// remind reminds of message #1 by mentions for 陈晨, which has to work.
func (w *world) remind(t *testing.T, run string, n *fakeSender) receipts.Reminded {
	t.Helper()
	done, err := w.prompts(t.Context(), group, 1, run, chen, receipts.Mention, n)
	if err != nil {
		t.Fatalf("Remind(%s) failed: %v", run, err)
	}
	return done
}

// prompts reminds of a message by an answer that DingTalk gives now.
func (w *world) prompts(ctx context.Context, group string, number int, run string, who receipts.Person, by receipts.Channel, n receipts.ReminderSender) (receipts.Reminded, error) {
	r, err := w.reporter.Ask(ctx, group, number, receipts.Rights{})
	if err != nil {
		return receipts.Reminded{}, err
	}
	return w.prompter.Remind(ctx, r, receipts.Prompt{Run: run, Who: who, By: by}, n)
}

// allReached are all who were reached, sorted.
func allReached(r receipts.Reminded) []string {
	var all []string
	for _, ids := range r.Reached {
		all = append(all, ids...)
	}
	return slices.Sorted(slices.Values(all))
}

// wantPeople compares people in any order, but as often as they are named.
func wantPeople(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// reminders is how often each person was reminded of message #1.
func (w *world) reminders(t *testing.T) map[string]int {
	t.Helper()
	return w.report(t).Reminders
}

func TestOnlyWhoHasNotReadIsReminded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ readers, want []string }{
		{nil, []string{"zhang", "li", "wang"}},
		{[]string{"li"}, []string{"zhang", "wang"}},
		{[]string{"zhang", "stranger"}, []string{"li", "wang"}},
		{[]string{"zhang", "wang"}, []string{"li"}},
		{[]string{"zhang", "li", "wang"}, nil},
	} {
		t.Run(fmt.Sprint(c.readers), func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= 3; size++ {
				w, n := newWorld(t), &fakeSender{size: size}
				w.announce(t)
				w.readers.say(readBy(c.readers...))
				done := w.remind(t, "msgId-2", n)
				wantPeople(t, "nudged", n.people(), c.want...)
				wantPeople(t, "reached", done.Reached[receipts.Mention], c.want...)
				if len(done.Uncertain)+len(done.Failed) > 0 || done.Err != nil || done.Earlier != nil {
					t.Errorf("in batches of %d: %+v; want all reached", size, done)
				}
			}
		})
	}
}

func TestWhoRemindsIsNotReminded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prompt   receipts.Prompt
		read     []string
		reminded []string
		only     bool
	}{
		"others have not read":         {receipts.Prompt{Who: receipts.Person{UserID: "li"}}, nil, []string{"zhang", "wang"}, false},
		"nobody else has not":          {receipts.Prompt{Who: receipts.Person{UserID: "li"}}, []string{"zhang", "wang"}, nil, true},
		"everybody has read":           {receipts.Prompt{Who: receipts.Person{UserID: "li"}}, []string{"zhang", "wang", "li"}, nil, false},
		"has no userId":                {receipts.Prompt{Who: receipts.Person{Name: "li"}}, []string{"wang"}, []string{"zhang", "li"}, false},
		"began the follow-up":          {receipts.Prompt{Round: &receipts.FollowUp{Starter: receipts.Person{UserID: "li"}}}, nil, []string{"zhang", "wang"}, false},
		"began it, and nobody is left": {receipts.Prompt{Round: &receipts.FollowUp{Starter: receipts.Person{UserID: "li"}}}, []string{"zhang", "wang"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.announce(t)
			w.readers.say(readBy(c.read...))
			if c.prompt.Round != nil {
				f, err := w.follower.Start(t.Context(), m, receipts.FollowUp{ID: "msgId-2", Plan: every(time.Hour), Starter: c.prompt.Round.Starter})
				if err != nil {
					t.Fatal(err)
				}
				c.prompt.Round = &f
			}
			r, err := w.reporter.Ask(t.Context(), group, 1, receipts.Rights{})
			if err != nil {
				t.Fatal(err)
			}
			unread := slices.Clone(r.Unread)
			n := &fakeSender{}
			c.prompt.Run, c.prompt.By = "run", receipts.Mention
			done, err := w.prompter.Remind(t.Context(), r, c.prompt, n)
			if err != nil || done.OnlyAsker != c.only {
				t.Errorf("%+v, %v; want nobody else: %v", done, err, c.only)
			}
			wantPeople(t, "nudged", n.people(), c.reminded...)
			// Who reminds is unread in the report all the same.
			if !slices.Equal(done.Report.Unread, unread) || !slices.Equal(r.Unread, unread) {
				t.Errorf("unread %v, %v; want %v", done.Report.Unread, r.Unread, unread)
			}
			// A reminder of nobody has no cooldown.
			another := receipts.Reminder{Run: "another", At: w.clock.now(), By: receipts.Mention, Batches: n.Batches(receipts.Mention, []string{"zhang"})}
			if _, earlier, err := w.records.BeginReminder(t.Context(), group, 1, another, cooldown); (earlier != nil) != (len(c.reminded) > 0) || err != nil {
				t.Errorf("another reminder: %+v, %v", earlier, err)
			}
		})
	}
}

func TestNobodyBesidesTheAudienceIsReminded(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	w.announce(t)
	w.clock.advance(2 * freshMembers)
	w.members.set("zhang", "li", "newcomer") // wang left
	w.reporter.Excluded = []string{"li"}
	w.remind(t, "msgId-2", n)
	wantPeople(t, "nudged", n.people(), "zhang")
}

// Who reads a second before the reminder is not reminded, however young the last
// answer of DingTalk is.
func TestRemindAsksAfresh(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, freshReads - 1} {
		w, n := newWorld(t), &fakeSender{}
		w.announce(t)
		w.report(t)
		w.readers.say(readBy("li"))
		w.clock.advance(after)
		done := w.remind(t, "msgId-2", n)
		wantPeople(t, "nudged", n.people(), "zhang", "wang")
		if w.readers.queries() != 2 || !done.Report.AsOf.Equal(w.clock.now()) {
			t.Errorf("after %v: %d queries, as of %v; want another query now", after, w.readers.queries(), done.Report.AsOf)
		}
	}
}

func TestAnIncompleteReportRemindsNobody(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world){
		"readers unknown":     func(w *world) { w.readers.say(refusing(errDown)) },
		"half of the readers": func(w *world) { w.readers.say(thenFailing(errDown, receipts.ReadersPage{UserIDs: []string{"li"}})) },
		"not yet":             func(w *world) { w.readers.say(refusing(receipts.ErrNoReadData)) },
		"being delivered":     func(w *world) { w.readers.say(inPages(receipts.ReadersPage{Delivery: receipts.BeingDelivered})) },
		"taken back":          func(w *world) { w.readers.say(inPages(receipts.ReadersPage{Delivery: receipts.TakenBack})) },
		"members unknown": func(w *world) {
			w.clock.advance(2 * freshMembers)
			w.members.fail(errDown)
		},
		"audience unknown": func(w *world) {
			w.clock.advance(2 * freshMembers)
			w.members.fail(errDown)
			w.records.messages[group][0].kept.Audience = nil
		},
		"failed":    func(w *world) { w.records.messages[group][0].kept.Message.State = receipts.Failed },
		"uncertain": func(w *world) { w.records.messages[group][0].kept.Message.State = receipts.Uncertain },
		"expired": func(w *world) {
			w.clock.advance(24 * time.Hour)
			w.records.messages[group][0].kept.Message.State = receipts.Expired
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, n := newWorld(t), &fakeSender{}
			w.announce(t)
			spoil(w)
			done := w.remind(t, "msgId-2", n)
			namesNobody(t, done.Report)
			wantPeople(t, "nudged", n.people())
			if slices.Contains(w.records.calls, "BeginReminder") {
				t.Error("a reminder was begun, and starts a cooldown")
			}
		})
	}
}

// Whatever the report calls unread: that it is not complete is enough.
func TestTheUnreadOfAnIncompleteReportAreNotReminded(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	w.announce(t)
	r := w.report(t)
	r.Gaps = []receipts.Gap{{Part: receipts.MembersPart, Err: errDown}}
	if _, err := w.prompter.Remind(t.Context(), r, receipts.Prompt{Run: "msgId-2", Who: chen, By: receipts.Mention}, n); err != nil {
		t.Fatal(err)
	}
	wantPeople(t, "nudged", n.people())
}

func TestWhereEverybodyHasReadNobodyIsReminded(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	w.announce(t)
	w.readers.say(readBy("zhang", "li", "wang"))
	if done := w.remind(t, "msgId-2", n); !done.Report.AllRead() || len(done.Reached) > 0 {
		t.Errorf("Remind() = %+v; want a report that all have read", done)
	}
	wantPeople(t, "nudged", n.people())
	if slices.Contains(w.records.calls, "BeginReminder") {
		t.Error("a reminder was begun, and starts a cooldown")
	}
}

func TestRemindOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	if _, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("error %v; want %v", err, receipts.ErrNoMessage)
	}
}

// Its time is over just after the report.
func TestRemindOfWhatIsJustGone(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	w.announce(t)
	r := w.report(t)
	w.records.messages[group] = nil
	if _, err := w.prompter.Remind(t.Context(), r, receipts.Prompt{Run: "msgId-2", Who: chen, By: receipts.Mention}, n); !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("error %v; want %v", err, receipts.ErrNoMessage)
	}
	wantPeople(t, "nudged", n.people())
}

// crash ends the process at one of the effects of a reminder: its records and its
// reminderSender. From then on nothing works.
type crash struct {
	at    int  // the effect, counted from 1; 0 for none
	after bool // the effect takes place; otherwise it does not
	count int
	dead  bool
}

func (c *crash) before() error {
	if !c.dead {
		c.count++
		c.dead = c.count == c.at && !c.after
	}
	return downIf(c.dead)
}

func (c *crash) afterwards() error {
	c.dead = c.dead || c.count == c.at && c.after
	return downIf(c.dead)
}

// strike has the crash hit the world's records and the fakeSender.
func (c *crash) strike(w *world, n *fakeSender) {
	effect := func(method string) bool {
		return slices.Contains([]string{"BeginReminder", "BeginBatch", "EndBatch", "DropReminder"}, method)
	}
	w.records.before = func(_ context.Context, method string) error {
		if !effect(method) {
			return nil
		}
		return c.before()
	}
	w.records.after = func(_ context.Context, method string) error {
		if !effect(method) {
			return nil
		}
		return c.afterwards()
	}
	n.answer = func(context.Context, receipts.Batch) (receipts.Missed, error) { return receipts.Missed{}, c.before() }
	n.after = func(receipts.Batch) error { return c.afterwards() }
}

// Wherever a run is cut off, and cut off again: when it has come through, nobody
// was nudged twice, everybody is accounted for once, and at most one batch for each
// cut is in doubt.
func TestNobodyIsNudgedTwiceWhereverTheRunIsCutOff(t *testing.T) {
	t.Parallel()
	const size = 2
	people := []string{"zhang", "li", "wang", "zhao", "qian"}
	through := func(t *testing.T, cuts ...*crash) {
		synctest.Test(t, func(t *testing.T) {
			w, n := newWorldAt(t, nil, time.Now), &fakeSender{size: size}
			w.members.set(people...)
			w.announce(t)
			for _, c := range cuts {
				c.strike(w, n)
				// What a dying process returns, nobody reads.
				_, _ = w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n)
			}
			(&crash{}).strike(w, n)
			done := w.remind(t, "msgId-2", n)

			nudged := n.people()
			slices.Sort(nudged)
			if once := slices.Compact(slices.Clone(nudged)); len(once) != len(nudged) {
				t.Errorf("nudged %v; want each at most once", nudged)
			}
			reached := allReached(done)
			wantPeople(t, "reached and uncertain", slices.Concat(reached, done.Uncertain), people...)
			if len(done.Uncertain) > size*len(cuts) {
				t.Errorf("%v are uncertain after %d cuts", done.Uncertain, len(cuts))
			}
			if len(done.Failed) > 0 || done.Err != nil || done.Earlier != nil {
				t.Errorf("Remind() = %+v; want that nothing failed", done)
			}
			for _, id := range people {
				was := slices.Contains(nudged, id)
				switch {
				case slices.Contains(reached, id) && !was:
					t.Errorf("%s is called reached and was not nudged", id)
				case was && !slices.Contains(reached, id) && !slices.Contains(done.Uncertain, id):
					t.Errorf("%s was nudged, and it is forgotten", id)
				}
			}
			want := map[string]int{}
			for _, id := range reached {
				want[id] = 1
			}
			if diff := cmp.Diff(want, w.reminders(t), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
		})
	}
	whole := &crash{}
	through(t, whole)
	if whole.count != 1+3*3 { // the reminder; begin, nudge and end each batch
		t.Fatalf("a reminder in three batches has %d effects", whole.count)
	}
	for first := 1; first <= whole.count; first++ {
		for second := range whole.count + 1 {
			for how := range 4 {
				cuts := []*crash{{at: first, after: how&1 > 0}, {at: second, after: how&2 > 0}}
				t.Run(fmt.Sprintf("%d %v, %d %v", first, cuts[0].after, second, cuts[1].after), func(t *testing.T) { through(t, cuts...) })
			}
		}
	}
}

// Whom a batch that was cut off has reached, nobody knows, and no repetition finds
// out by trying.
func TestWhoIsInDoubtStaysInDoubt(t *testing.T) {
	t.Parallel()
	for _, at := range []int{2, 3} { // before the nudge, and after it
		synctest.Test(t, func(t *testing.T) {
			w, n := newWorldAt(t, nil, time.Now), &fakeSender{size: 3}
			w.announce(t)
			(&crash{at: at, after: true}).strike(w, n)
			_, _ = w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n)
			nudged := len(n.people())
			(&crash{}).strike(w, n)
			for range 3 {
				done := w.remind(t, "msgId-2", n)
				wantPeople(t, "uncertain", done.Uncertain, "zhang", "li", "wang")
				if len(done.Reached) > 0 || len(n.people()) != nudged {
					t.Errorf("cut off at %d: reached %v, nudged %v", at, done.Reached, n.people())
				}
			}
			if counted := w.reminders(t); len(counted) > 0 {
				t.Errorf("people in doubt are counted as reminded: %v", counted)
			}
		})
	}
}

func TestWhoHasReadSinceTheFirstTryIsLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := newWorldAt(t, nil, time.Now), &fakeSender{size: 2}
		w.members.set("zhang", "li", "wang", "zhao", "qian", "sun")
		w.announce(t)
		(&crash{at: 5}).strike(w, n) // the second batch is not begun
		if _, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n); !errors.Is(err, errDown) {
			t.Fatalf("error %v; want %v", err, errDown)
		}
		wantPeople(t, "nudged at first", n.people(), "zhang", "li")

		w.readers.say(readBy("zhang", "zhao", "qian", "sun"))
		(&crash{}).strike(w, n)
		// The third try finds what the second one did; nobody is in doubt who was not
		// to be nudged.
		for range 2 {
			done := w.remind(t, "msgId-2", n)
			wantPeople(t, "nudged", n.people(), "zhang", "li", "wang")
			wantPeople(t, "reached", allReached(done), "zhang", "li", "wang")
			wantPeople(t, "uncertain", done.Uncertain)
		}
		if diff := cmp.Diff(map[string]int{"zhang": 1, "li": 1, "wang": 1}, w.reminders(t)); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
	})
}

// A newcomer of the audience's batches there is none: who was to be reminded stays
// as it was recorded.
func TestARepetitionRemindsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := newWorldAt(t, nil, time.Now), &fakeSender{}
		w.announce(t)
		w.readers.say(readBy("wang"))
		w.remind(t, "msgId-2", n)
		// The reader's read is forgotten, against all rules.
		w.records.messages[group][0].kept.Reads = receipts.Reads{}
		w.readers.say(readBy())
		w.remind(t, "msgId-2", n)
		wantPeople(t, "nudged", n.people(), "zhang", "li")
	})
}

func TestWithinTheCooldownASecondRunRemindsNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after   time.Duration
		reminds bool
	}{
		{-time.Minute, false}, // another replica's clock
		{0, false},
		{time.Second, false},
		{cooldown - 1, false},
		{cooldown, true},
		{cooldown + time.Hour, true},
	} {
		t.Run(c.after.String(), func(t *testing.T) {
			t.Parallel()
			w, n := newWorld(t), &fakeSender{size: 2}
			w.announce(t)
			w.clock.advance(2 * time.Minute)
			w.remind(t, "msgId-2", n)
			at := w.clock.now()
			w.readers.say(readBy("wang"))
			w.clock.advance(c.after)
			done, err := w.prompts(t.Context(), group, 1, "msgId-3", receipts.Person{UserID: "wang"}, receipts.Mention, n)
			if err != nil {
				t.Fatal(err)
			}
			if c.reminds {
				wantPeople(t, "nudged", n.people(), "zhang", "li", "wang", "zhang", "li")
				if done.Earlier != nil {
					t.Errorf("an earlier reminder %+v, and people were reminded", done.Earlier)
				}
				return
			}
			wantPeople(t, "nudged", n.people(), "zhang", "li", "wang")
			want := &receipts.Reminder{Run: "msgId-2", At: at, Who: chen, By: receipts.Mention, Batches: []receipts.Batch{
				{By: receipts.Mention, UserIDs: []string{"zhang", "li"}}, {By: receipts.Mention, UserIDs: []string{"wang"}},
			}}
			if diff := cmp.Diff(want, done.Earlier); diff != "" {
				t.Errorf("the earlier reminder (-want +got):\n%s", diff)
			}
			wantPeople(t, "whom", done.Earlier.UserIDs(), "zhang", "li", "wang")
			wantPeople(t, "unread all the same", done.Report.Unread, "zhang", "li")
			if len(done.Reached)+len(done.Uncertain)+len(done.Failed) > 0 {
				t.Errorf("Remind() = %+v; want nobody reminded", done)
			}
		})
	}
}

// Who insists in another way is not kept from it; in the same way nobody is reminded twice.
func TestEachWayHasItsOwnCooldown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	for i, by := range append(receipts.Channels(), receipts.Channels()...) {
		n := &fakeSender{}
		done, err := w.prompts(t.Context(), group, 1, fmt.Sprint("msgId-", i), chen, by, n)
		if err != nil {
			t.Fatal(err)
		}
		if kept := done.Earlier != nil; kept != (i >= len(receipts.Channels())) {
			t.Errorf("%d. by %s: kept away %v", i, by, kept)
		}
		if done.Earlier != nil && done.Earlier.By != by {
			t.Errorf("%d. by %s: kept away by a reminder by %s", i, by, done.Earlier.By)
		}
	}
}

// One message's reminder is no reason not to remind of another.
func TestEachMessageHasItsOwnCooldown(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	w.announce(t)
	other := maintenance
	other.Command = "msgId-9"
	if done, err := w.announcer.Announce(t.Context(), other); err != nil || done.Message.Number != 2 {
		t.Fatal(done, err)
	}
	w.remind(t, "msgId-2", n)
	if done, err := w.prompts(t.Context(), group, 2, "msgId-3", chen, receipts.Mention, n); done.Earlier != nil || err != nil {
		t.Errorf("Remind() = %+v, %v", done, err)
	}
	if n := len(n.people()); n != 6 {
		t.Errorf("%d reminderSender; want 3 of each message", n)
	}
}

// The cooldown keeps other runs away, not the one that began it; and it begins anew
// when that one goes on.
func TestTheSameRunGoesOnWithinItsCooldown(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, cooldown / 2, 3 * cooldown} {
		synctest.Test(t, func(t *testing.T) {
			w, n := newWorldAt(t, nil, time.Now), &fakeSender{}
			w.announce(t)
			(&crash{at: 5}).strike(w, n)
			_, _ = w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n)
			wantPeople(t, "nudged at first", n.people(), "zhang")
			time.Sleep(after)
			(&crash{}).strike(w, n)
			if done := w.remind(t, "msgId-2", n); done.Earlier != nil {
				t.Errorf("after %v: kept away by %+v", after, done.Earlier)
			}
			wantPeople(t, "nudged", n.people(), "zhang", "li", "wang")
			time.Sleep(cooldown - 1)
			if done := w.remind(t, "msgId-3", n); done.Earlier == nil {
				t.Errorf("after %v: another run reminds within the cooldown of what was done then", after)
			}
		})
	}
}

// A run was cut off, and before it is repeated, somebody else has reminded of the
// message.
func TestARunThatWasOvertakenRemindsNobodyWithinTheOthersCooldown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := newWorldAt(t, nil, time.Now), &fakeSender{}
		w.announce(t)
		(&crash{at: 5}).strike(w, n)
		_, _ = w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n)
		time.Sleep(cooldown)
		(&crash{}).strike(w, n)
		w.remind(t, "msgId-3", n)
		nudged := len(n.people())
		if done := w.remind(t, "msgId-2", n); done.Earlier == nil || done.Earlier.Run != "msgId-3" {
			t.Errorf("Remind() = %+v; want the reminder of the other run", done)
		}
		if now := n.people(); len(now) != nudged {
			t.Errorf("%v were nudged again", now[nudged:])
		}
	})
}

func TestAReminderThatReachedNobodyStartsNoCooldown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func(id string) (receipts.Missed, error)
		starts bool
	}{
		{"refused", func(string) (receipts.Missed, error) { return receipts.Missed{}, errStopped }, false},
		{"unknown", func(id string) (receipts.Missed, error) { return receipts.Missed{Unknown: []string{id}}, nil }, false},
		{"flooded", func(id string) (receipts.Missed, error) { return receipts.Missed{Flooded: []string{id}}, nil }, false},
		{"some unknown, then refused", func(id string) (receipts.Missed, error) {
			if id == "zhang" {
				return receipts.Missed{Unknown: []string{id}}, nil
			}
			return receipts.Missed{}, errStopped
		}, false},
		{"in doubt", func(string) (receipts.Missed, error) { return receipts.Missed{}, errDoubt }, true},
		{"in doubt, then refused", func(id string) (receipts.Missed, error) {
			if id == "zhang" {
				return receipts.Missed{}, errDoubt
			}
			return receipts.Missed{}, errStopped
		}, true},
		{"one reached", func(id string) (receipts.Missed, error) {
			if id == "wang" {
				return receipts.Missed{}, nil
			}
			return receipts.Missed{Flooded: []string{id}}, nil
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, n := newWorld(t), &fakeSender{answer: func(_ context.Context, b receipts.Batch) (receipts.Missed, error) { return c.answer(b.UserIDs[0]) }}
			w.announce(t)
			if done := w.remind(t, "msgId-2", n); done.Earlier != nil {
				t.Fatalf("the first reminder is kept away by %+v", done.Earlier)
			}
			again := &fakeSender{}
			done := w.remind(t, "msgId-3", again)
			if starts := done.Earlier != nil; starts != c.starts || starts != (len(again.people()) == 0) {
				t.Errorf("a second reminder is kept away by %+v, and reminderSender %v; want that %v", done.Earlier, again.people(), c.starts)
			}
		})
	}
}

// The run that reached nobody is repeated, since its end was not recorded.
func TestAReminderThatReachedNobodyIsDroppedByItsRepetition(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{size: 3, answer: func(_ context.Context, b receipts.Batch) (receipts.Missed, error) {
		return receipts.Missed{Flooded: b.UserIDs}, nil
	}}
	w.announce(t)
	w.records.fail("DropReminder")
	if done, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n); !errors.Is(err, errDown) || len(done.Missed.Flooded) != 3 {
		t.Fatalf("Remind() = %+v, %v; want %v", done, err, errDown)
	}
	w.records.before = nil
	if done := w.remind(t, "msgId-3", n); done.Earlier == nil {
		t.Fatal("the first reminder is forgotten: this test tests nothing")
	}
	wantPeople(t, "flooded", w.remind(t, "msgId-2", n).Missed.Flooded, "zhang", "li", "wang")
	if done := w.remind(t, "msgId-4", &fakeSender{}); done.Earlier != nil {
		t.Errorf("the next reminder is kept away by %+v", done.Earlier)
	}
}

// A run that reached nobody and is repeated after all keeps others away from then
// on, if it reaches somebody now.
func TestARepetitionThatReachesSomebodyStartsACooldown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.remind(t, "msgId-2", &fakeSender{answer: func(context.Context, receipts.Batch) (receipts.Missed, error) { return receipts.Missed{}, errStopped }})
	w.clock.advance(time.Minute)
	if done := w.remind(t, "msgId-2", &fakeSender{}); len(allReached(done)) == 0 {
		t.Fatalf("Remind() = %+v; want that it goes on", done)
	}
	w.clock.advance(cooldown - 1)
	n := &fakeSender{}
	if done := w.remind(t, "msgId-3", n); done.Earlier == nil || len(n.people()) > 0 {
		t.Errorf("another run reminderSender %v", n.people())
	}
}

func TestACertainFailureStopsFurtherBatches(t *testing.T) {
	t.Parallel()
	people := []string{"zhang", "li", "wang"}
	for i := range people {
		t.Run(people[i], func(t *testing.T) {
			t.Parallel()
			calls := 0
			w, n := newWorld(t), &fakeSender{answer: func(_ context.Context, b receipts.Batch) (receipts.Missed, error) {
				if calls++; b.UserIDs[0] == people[i] {
					return receipts.Missed{}, errStopped
				}
				return receipts.Missed{}, nil
			}}
			w.announce(t)
			done := w.remind(t, "msgId-2", n)
			wantPeople(t, "reached", allReached(done), people[:i]...)
			wantPeople(t, "failed", done.Failed, people[i:]...)
			wantPeople(t, "uncertain", done.Uncertain)
			if failure, ok := errors.AsType[*receipts.Failure](done.Err); !ok || failure != errStopped {
				t.Errorf("the reason is %v; want %v", done.Err, errStopped)
			}
			if calls != i+1 {
				t.Errorf("%d calls; want none after the failure", calls)
			}
		})
	}
}

// What may have worked is no reason to stop, whether the fakeSender says so or says
// nothing that is known.
func TestADoubtfulNudgeStopsNothing(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{errDoubt, fmt.Errorf("remind: %w", errDoubt), errDown, context.DeadlineExceeded} {
		w, n := newWorld(t), &fakeSender{answer: func(_ context.Context, b receipts.Batch) (receipts.Missed, error) {
			if b.UserIDs[0] == "li" {
				return receipts.Missed{}, failure
			}
			return receipts.Missed{}, nil
		}}
		w.announce(t)
		for range 2 { // and a repetition says the same
			done := w.remind(t, "msgId-2", n)
			wantPeople(t, "reached", allReached(done), "zhang", "wang")
			wantPeople(t, "uncertain", done.Uncertain, "li")
			if len(done.Failed) > 0 || done.Err != nil {
				t.Errorf("%v: failed %v, %v", failure, done.Failed, done.Err)
			}
		}
		wantPeople(t, "nudged", n.people(), "zhang", "wang")
	}
}

func TestWhoCouldNotBeRemindedIsNotCounted(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{size: 2, answer: func(_ context.Context, b receipts.Batch) (receipts.Missed, error) {
		if slices.Contains(b.UserIDs, "wang") {
			return receipts.Missed{Flooded: []string{"wang"}}, nil
		}
		return receipts.Missed{Unknown: []string{"zhang"}}, nil
	}}
	w.announce(t)
	for range 2 { // and a repetition says the same, and reminderSender nobody
		done := w.remind(t, "msgId-2", n)
		want := receipts.Reminded{
			Reached: map[receipts.Channel][]string{receipts.Mention: {"li"}}, InGroup: true,
			Missed: receipts.Missed{Unknown: []string{"zhang"}, Flooded: []string{"wang"}},
		}
		if diff := cmp.Diff(want, done, cmpopts.IgnoreFields(receipts.Reminded{}, "Report")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	wantPeople(t, "nudged", n.people(), "li")
	if diff := cmp.Diff(map[string]int{"li": 1}, w.reminders(t)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// Whether something may stand in the group, which the follow-up need not say again:
// a repetition knows it too.
func TestAMentionThatMayBeThereIsInTheGroup(t *testing.T) {
	t.Parallel()
	answers := func(m receipts.Missed, err error) func(context.Context, receipts.Batch) (receipts.Missed, error) {
		return func(context.Context, receipts.Batch) (receipts.Missed, error) { return m, err }
	}
	for _, c := range []struct {
		name   string
		by     receipts.Channel
		answer func(context.Context, receipts.Batch) (receipts.Missed, error)
		want   bool
	}{
		{"mentioned", receipts.Mention, nil, true},
		{"mentioned in vain", receipts.Mention, answers(receipts.Missed{Unknown: []string{"zhang", "li", "wang"}}, nil), true},
		{"perhaps mentioned", receipts.Mention, answers(receipts.Missed{}, errDoubt), true},
		{"in private", receipts.InPrivate, nil, false},
		{"perhaps in private", receipts.InPrivate, answers(receipts.Missed{}, errDoubt), false},
		{"by DING", receipts.Ding, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, n := newWorld(t), &fakeSender{size: 3, answer: c.answer}
			w.announce(t)
			for i := range 2 {
				done, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, c.by, n)
				if done.InGroup != c.want || err != nil {
					t.Errorf("try %d: in the group: %v, %v; want %v", i, done.InGroup, err, c.want)
				}
			}
		})
	}
	w, n := newWorld(t), &fakeSender{answer: answers(receipts.Missed{}, errStopped)}
	w.announce(t)
	if done := w.remind(t, "msgId-2", n); done.InGroup {
		t.Error("what was refused is in the group")
	}
}

// Everybody of the batch that was left has read since: nobody is mentioned, now or
// by the next try.
func TestWhereNobodyIsLeftToMentionNothingIsInTheGroup(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{size: 2}
	w.announce(t)
	w.records.fail("BeginBatch")
	if _, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n); !errors.Is(err, errDown) {
		t.Fatalf("error %v; want %v", err, errDown)
	}
	w.records.before = nil
	r := w.report(t)
	r.Unread = []string{"newcomer"} // of no batch
	for i := range 2 {
		done, err := w.prompter.Remind(t.Context(), r, receipts.Prompt{Run: "msgId-2", Who: chen, By: receipts.Mention}, n)
		if done.InGroup || len(done.Uncertain) > 0 || err != nil {
			t.Errorf("try %d: %+v, %v; want nothing in the group", i, done, err)
		}
	}
	wantPeople(t, "nudged", n.people())
}

func TestEachReminderOfEachPersonIsCounted(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{size: 2}
	w.announce(t)
	if counted := w.reminders(t); len(counted) > 0 {
		t.Errorf("counted before any reminder: %v", counted)
	}
	for i, step := range []struct {
		readers []string
		want    map[string]int
	}{
		{nil, map[string]int{"zhang": 1, "li": 1, "wang": 1}},
		{[]string{"li"}, map[string]int{"zhang": 2, "li": 1, "wang": 2}},
		{[]string{"wang", "li"}, map[string]int{"zhang": 3, "li": 1, "wang": 2}},
	} {
		w.readers.say(readBy(step.readers...))
		for range 2 { // a repetition counts nothing
			w.remind(t, fmt.Sprint("run ", i), n)
		}
		if diff := cmp.Diff(step.want, w.reminders(t)); diff != "" {
			t.Errorf("after %d reminders (-want +got):\n%s", i+1, diff)
		}
		w.clock.advance(cooldown)
	}
}

func TestWithoutItsRecordNobodyIsNudged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		works  int // how often it works first
		want   []string
	}{
		{"Snapshot", 0, nil},
		{"BeginReminder", 0, nil},
		{"BeginBatch", 0, nil},
		{"BeginBatch", 1, []string{"zhang"}},
		{"BeginBatch", 2, []string{"zhang", "li"}},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s after %d, only the answer is lost: %v", c.method, c.works, lost), func(t *testing.T) {
				t.Parallel()
				w, n, calls := newWorld(t), &fakeSender{}, 0
				w.announce(t)
				fail := func(_ context.Context, method string) error {
					if method != c.method {
						return nil
					}
					calls++
					return downIf(calls > c.works)
				}
				if lost {
					w.records.after = fail
				} else {
					w.records.before = fail
				}
				done, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n)
				if !errors.Is(err, errDown) {
					t.Errorf("error %v; want %v", err, errDown)
				}
				wantPeople(t, "nudged", n.people(), c.want...)
				wantPeople(t, "reached", allReached(done), c.want...)
			})
		}
	}
}

// The worker is stopped while DingTalk is at it: whom it reached is recorded all
// the same.
func TestWhomAStoppedWorkerReachedIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	ctx, stop := context.WithCancel(t.Context())
	n := &fakeSender{after: func(receipts.Batch) error {
		stop()
		return nil
	}}
	if _, err := w.prompts(ctx, group, 1, "msgId-2", chen, receipts.Mention, n); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want %v", err, context.Canceled)
	}
	done := w.remind(t, "msgId-2", n)
	wantPeople(t, "nudged", n.people(), "zhang", "li", "wang")
	wantPeople(t, "uncertain", done.Uncertain)
	if diff := cmp.Diff(map[string]int{"zhang": 1, "li": 1, "wang": 1}, w.reminders(t)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestAnOutcomeIsRecordedAsSoonAsTheRecordsAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		down time.Duration
		lost bool // only the answer
		want bool // that it is recorded
	}{{3 * time.Second, false, true}, {3 * time.Second, true, true}, {time.Hour, false, false}, {time.Hour, true, true}} {
		t.Run(fmt.Sprintf("down for %v, lost %v", c.down, c.lost), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, n := newWorldAt(t, nil, time.Now), &fakeSender{size: 3}
				w.announce(t)
				begun := time.Now()
				fail := func(_ context.Context, method string) error {
					return downIf(method == "EndBatch" && time.Since(begun) < c.down)
				}
				if c.lost {
					w.records.after = fail
				} else {
					w.records.before = fail
				}
				// Whom it reached is known here, recorded or not.
				wantPeople(t, "reached", allReached(w.remind(t, "msgId-2", n)), "zhang", "li", "wang")
				if waited := time.Since(begun); waited > 10*time.Second {
					t.Errorf("it took %v", waited)
				}
				w.records.before, w.records.after = nil, nil
				done := w.remind(t, "msgId-2", n)
				if recorded := len(allReached(done)) == 3; recorded != c.want || recorded == (len(done.Uncertain) == 3) {
					t.Errorf("a repetition calls %v reached and %v uncertain; want it recorded: %v", done.Reached, done.Uncertain, c.want)
				}
				for id, times := range w.reminders(t) {
					if times != 1 {
						t.Errorf("%s is counted %d times", id, times)
					}
				}
			})
		})
	}
}

// What stands beside the mentions may tell what came of those before.
func TestANudgeKnowsWhatCameOfThoseBeforeIt(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{answer: func(_ context.Context, b receipts.Batch) (receipts.Missed, error) {
		if b.UserIDs[0] == "li" {
			return receipts.Missed{Flooded: b.UserIDs}, nil
		}
		return receipts.Missed{}, nil
	}}
	w.announce(t)
	w.remind(t, "msgId-2", n)
	reached := map[receipts.Channel][]string{receipts.Mention: {"zhang"}}
	want := []receipts.Reminded{{}, {Reached: reached, InGroup: true}, {Reached: reached, InGroup: true, Missed: receipts.Missed{Flooded: []string{"li"}}}}
	if diff := cmp.Diff(want, n.soFar, cmpopts.IgnoreFields(receipts.Reminded{}, "Report"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, before := range n.soFar {
		if before.Report.Message.Number != 1 {
			t.Errorf("nudge %d knows no message", i)
		}
	}
}

// A lease ran out, and two workers are at the same run.
func TestARunInTwoPlacesNudgesNobodyTwice(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	w.members.set(slices.Sorted(maps.Keys(numbered(30)))...)
	w.announce(t)
	var all errgroup.Group
	for range 4 {
		all.Go(func() error {
			_, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	wantPeople(t, "nudged", n.people(), slices.Collect(maps.Keys(numbered(30)))...)
	if diff := cmp.Diff(numbered(30), w.reminders(t)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// Several admins say it at the same time.
func TestOfSeveralRunsAtOnceOneReminds(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &fakeSender{}
	w.announce(t)
	kept := make([]bool, 8)
	var all errgroup.Group
	for i := range kept {
		all.Go(func() error {
			done, err := w.prompts(t.Context(), group, 1, fmt.Sprint("run ", i), chen, receipts.Mention, n)
			kept[i] = done.Earlier != nil
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	wantPeople(t, "nudged", n.people(), "zhang", "li", "wang")
	if reminding := len(kept) - len(slices.DeleteFunc(slices.Clone(kept), func(k bool) bool { return !k })); reminding != 1 {
		t.Errorf("%d runs reminded; want 1", reminding)
	}
}

// numbered are people who were reminded once.
func numbered(n int) map[string]int {
	all := map[string]int{}
	for i := range n {
		all[fmt.Sprintf("user%02d", i)] = 1
	}
	return all
}

// What DingTalk refused before sending is no doubt: a repetition of the run reminds, also where the
// records failed just then and only this process knows.
func TestWhatWasRefusedIsTriedByARepetition(t *testing.T) {
	t.Parallel()
	for name, down := range map[string][]string{
		"recorded":            nil,
		"the batch's record":  {"DropBatch"},
		"the reminder's":      {"DropReminder"},
		"both records failed": {"DropBatch", "DropReminder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.prompter.Records = receipts.Remember(w.records)
				w.announce(t)
				refused := true
				n := &fakeSender{answer: func(_ context.Context, b receipts.Batch) (receipts.Missed, error) {
					if refused && b.UserIDs[0] == "li" {
						return receipts.Missed{}, errStopped
					}
					return receipts.Missed{}, nil
				}}
				w.readers.say(readBy("zhang"))
				w.records.before = func(_ context.Context, method string) error { return downIf(slices.Contains(down, method)) }
				done, err := w.prompts(t.Context(), group, 1, "msgId-2", chen, receipts.Mention, n)
				if dropped := slices.Contains(down, "DropReminder"); dropped != errors.Is(err, errDown) {
					t.Fatalf("Remind() = %+v, %v", done, err)
				}
				w.records.before, refused = nil, false
				for range 2 { // and once
					done = w.remind(t, "msgId-2", n)
					wantPeople(t, "reached", allReached(done), "li", "wang")
					wantPeople(t, "uncertain", done.Uncertain)
				}
				wantPeople(t, "nudged", n.people(), "li", "wang")
			})
		})
	}
}

// Who has doubts keeps them: a batch that another process has begun since is not begun by the one
// that could not record that its own was refused.
func TestABatchThatAnotherHasBegunIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	one, other := receipts.Remember(w.records), receipts.Remember(w.records)
	begin := func(s receipts.Store, try string) bool {
		t.Helper()
		now, err := s.BeginBatch(t.Context(), group, receipts.BatchStart{Prompt: receipts.Prompt{Run: "run"}, Number: 1, UserIDs: []string{"li"}, Try: try})
		if err != nil {
			t.Fatal(err)
		}
		return now.First
	}
	_, _, err := w.records.BeginReminder(t.Context(), group, 1, receipts.Reminder{
		Run: "run", At: w.clock.now(), By: receipts.Mention, Batches: []receipts.Batch{{By: receipts.Mention, UserIDs: []string{"li"}}},
	}, cooldown)
	if err != nil || !begin(one, "1") {
		t.Fatal("not begun", err)
	}
	w.records.after = func(_ context.Context, method string) error { return downIf(method == "DropBatch") } // the answer is lost
	if err := one.DropBatch(t.Context(), group, "run", 0, "1"); err == nil {
		t.Fatal("the answer came")
	}
	if !begin(other, "2") || begin(one, "3") || begin(other, "4") {
		t.Error("not begun once by the other")
	}
}
