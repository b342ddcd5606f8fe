package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"whoread/receipts"
)

// every is a plan with these pauses, until everybody has read.
func every(pauses ...time.Duration) receipts.Plan {
	return receipts.Plan{Every: pauses, By: []receipts.Channel{receipts.Mention}, Share: 100}
}

// until gives the plan a deadline, counted from the morning.
func until(p receipts.Plan, after time.Duration) receipts.Plan {
	p.Until = morning.Add(after)
	return p
}

// by gives the plan its channels.
func by(p receipts.Plan, channels ...receipts.Channel) receipts.Plan {
	p.By = channels
	return p
}

// enough gives the plan the percentage that is enough.
func enough(p receipts.Plan, share int) receipts.Plan {
	p.Share = share
	return p
}

// begun is a follow-up with that plan that begins in the morning.
func begun(p receipts.Plan) receipts.FollowUp {
	return receipts.FollowUp{ID: "msgId-2", Plan: p, Starter: chen}.Begin(morning)
}

var (
	sentMessage = receipts.Message{Group: group, Number: 1, Key: keyOf(1), State: receipts.Sent, CreatedAt: morning, SentAt: morning}
	someGap     = receipts.Gap{Part: receipts.ReadersPart, Err: errDown}
)

// readSo is a report of three people in which that many have read.
func readSo(n int, gaps ...receipts.Gap) receipts.Report {
	people := []string{"zhang", "li", "wang"}
	facts := receipts.Facts{
		Message: sentMessage, Audience: &receipts.Members{UserIDs: people}, Current: &receipts.Members{UserIDs: people},
		Reads: receipts.Reads{}, Gaps: gaps,
	}
	for _, id := range people[:n] {
		facts.Reads[id] = receipts.Read{At: morning}
	}
	return receipts.Compute(facts)
}

// course is what a follow-up does, act by act, when it is woken whenever it is due.
type course struct {
	quiet  receipts.QuietHours
	wake   func(due time.Time) time.Time              // when it is woken; nil for when it is due
	is     func(now time.Time) receipts.State         // of the message; nil for sent
	report func(n int, now time.Time) receipts.Report // of the nth question; nil for nobody has read
}

// run returns the first acts, at most that many, as "when act": when is counted
// from the beginning, a reminder shows its channel, and the end its reason.
func (c course) run(f receipts.FollowUp, most int) []string {
	var acts []string
	for asked := 0; len(acts) < most; {
		now := f.Next
		if c.wake != nil {
			now = c.wake(now)
		}
		m := sentMessage
		if c.is != nil {
			m.State = c.is(now)
		}
		by := f.Channel()
		act, next := f.Before(m, c.quiet, now)
		if act == receipts.Remind {
			r := readSo(0)
			if c.report != nil {
				r = c.report(asked, now)
			}
			asked++
			act, next = f.Round(r, now)
		}
		said := string(act)
		switch act {
		case receipts.Remind:
			said = string(by)
		case receipts.Finish:
			said = string(next.Ended)
		}
		acts = append(acts, fmt.Sprintf("%v %s", now.Sub(f.Began), said))
		if act == receipts.Finish {
			break
		}
		f = next
	}
	return acts
}

func TestFollowUpOverTime(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		name string
		plan receipts.Plan
		want []string // the first acts, up to the end where it comes
	}{
		{"one pause is repeated", every(10 * time.Minute), []string{"10m0s mention", "20m0s mention", "30m0s mention", "40m0s mention"}},
		{
			"the last pause is repeated", every(10*time.Minute, 30*time.Minute, time.Hour),
			[]string{"10m0s mention", "40m0s mention", "1h40m0s mention", "2h40m0s mention", "3h40m0s mention"},
		},
		{
			"channels escalate, and the last is repeated", by(every(time.Hour), receipts.InPrivate, receipts.Mention, receipts.Ding),
			[]string{"1h0m0s direct", "2h0m0s mention", "3h0m0s ding", "4h0m0s ding", "5h0m0s ding"},
		},
		{
			"pauses and channels end apart", by(every(time.Minute, time.Hour), receipts.InPrivate, receipts.InPrivate, receipts.Ding),
			[]string{"1m0s direct", "1h1m0s direct", "2h1m0s ding"},
		},
		{"the deadline comes before the next round", until(every(10*time.Minute), 25*time.Minute), []string{"10m0s mention", "20m0s mention", "25m0s deadline"}},
		{"a round at the deadline is the deadline's", until(every(10*time.Minute), 20*time.Minute), []string{"10m0s mention", "20m0s deadline"}},
		{"the deadline comes before the first round", until(every(time.Hour), 20*time.Minute), []string{"20m0s deadline"}},
		{"without a pause the only round is at the deadline", until(every(), 2*time.Hour), []string{"2h0m0s deadline"}},
		{"a deadline may be far", until(every(6*day), 20*day), []string{"144h0m0s mention", "288h0m0s mention", "432h0m0s mention", "480h0m0s deadline"}},
		{"without a deadline it is over after a week", every(3 * day), []string{"72h0m0s mention", "144h0m0s mention", "168h0m0s too_long"}},
		{"without anything it is over after a week", every(), []string{"168h0m0s too_long"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, course{}.run(begun(c.plan), len(c.want))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// While nothing ran, rounds were missed. They are not made up for.
func TestMissedRoundsAreMergedIntoOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		plan receipts.Plan
		back time.Duration // when it runs again, from the beginning
		want []string
	}{
		{"a few", every(10 * time.Minute), 65 * time.Minute, []string{"1h5m0s mention", "1h15m0s mention", "1h25m0s mention"}},
		{"a part of one", every(10 * time.Minute), 12 * time.Minute, []string{"12m0s mention", "22m0s mention"}},
		{"the next pause is whole", every(10*time.Minute, time.Hour), 3 * time.Hour, []string{"3h0m0s mention", "4h0m0s mention"}},
		{"up to just before the deadline", until(every(10*time.Minute), time.Hour), 59 * time.Minute, []string{"59m0s mention", "1h0m0s deadline"}},
		{"beyond the deadline", until(every(10*time.Minute), time.Hour), 2 * time.Hour, []string{"2h0m0s deadline"}},
		{"beyond the week", every(time.Hour), 200 * time.Hour, []string{"200h0m0s too_long"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			outage := course{wake: func(due time.Time) time.Time {
				if back := morning.Add(c.back); due.Before(back) {
					return back
				}
				return due
			}}
			if diff := cmp.Diff(c.want, outage.run(begun(c.plan), len(c.want))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBeforeItsTimeARoundWaits(t *testing.T) {
	t.Parallel()
	f := begun(every(10 * time.Minute))
	for _, c := range []struct {
		at   time.Duration
		want receipts.Act
	}{{0, receipts.Wait}, {10*time.Minute - 1, receipts.Wait}, {10 * time.Minute, receipts.Remind}, {time.Hour, receipts.Remind}} {
		act, after := f.Before(sentMessage, receipts.QuietHours{}, morning.Add(c.at))
		if diff := cmp.Diff(f, after); act != c.want || diff != "" {
			t.Errorf("after %v: %s, want %s; changed (-before +after):\n%s", c.at, act, c.want, diff)
		}
	}
}

func TestQuietHoursPutRoundsOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, hours, zone string
		due               string
		until             string // empty for none
		want              string // when it acts
		end               receipts.End
	}{
		{"just before them", "22:00-08:00", "Asia/Shanghai", "2026-08-03T21:59:59+08:00", "", "2026-08-03T21:59:59+08:00", ""},
		{"at their beginning", "22:00-08:00", "Asia/Shanghai", "2026-08-03T22:00:00+08:00", "", "2026-08-04T08:00:00+08:00", ""},
		{"after midnight", "22:00-08:00", "Asia/Shanghai", "2026-08-04T00:30:00+08:00", "", "2026-08-04T08:00:00+08:00", ""},
		{"at their end", "22:00-08:00", "Asia/Shanghai", "2026-08-04T08:00:00+08:00", "", "2026-08-04T08:00:00+08:00", ""},
		{"at noon", "12:00-14:00", "Asia/Shanghai", "2026-08-03T12:30:30+08:00", "", "2026-08-03T14:00:00+08:00", ""},
		{"none", "", "Asia/Shanghai", "2026-08-04T03:00:00+08:00", "", "2026-08-04T03:00:00+08:00", ""},
		{"the clock skips their end", "22:00-02:30", "Europe/Berlin", "2027-03-28T01:00:00+01:00", "", "2027-03-28T03:00:00+02:00", ""},
		{"the clock goes forward in them", "22:00-08:00", "Europe/Berlin", "2027-03-27T23:00:00+01:00", "", "2027-03-28T08:00:00+02:00", ""},
		{"the clock goes back in them", "22:00-08:00", "Europe/Berlin", "2026-10-24T23:00:00+02:00", "", "2026-10-25T08:00:00+01:00", ""},
		{"the deadline", "22:00-08:00", "Asia/Shanghai", "2026-08-03T23:00:00+08:00", "2026-08-03T23:00:00+08:00", "2026-08-04T08:00:00+08:00", receipts.DeadlineOver},
		{"a round beyond the deadline", "22:00-08:00", "Asia/Shanghai", "2026-08-03T23:00:00+08:00", "2026-08-04T03:00:00+08:00", "2026-08-04T08:00:00+08:00", receipts.DeadlineOver},
		{"a round up to the deadline", "22:00-08:00", "Asia/Shanghai", "2026-08-03T23:00:00+08:00", "2026-08-04T08:00:00+08:00", "2026-08-04T08:00:00+08:00", receipts.DeadlineOver},
		{"a round before the deadline", "22:00-08:00", "Asia/Shanghai", "2026-08-03T23:00:00+08:00", "2026-08-04T08:00:01+08:00", "2026-08-04T08:00:00+08:00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hours, err := receipts.ParseQuietHours(c.hours, zone(t, c.zone))
			if err != nil {
				t.Fatal(err)
			}
			plan := every(time.Minute)
			if c.until != "" {
				plan.Until = parsed(t, c.until)
			}
			f := receipts.FollowUp{ID: "msgId-2", Plan: plan}.Begin(parsed(t, c.due).Add(-time.Minute))
			if due := parsed(t, c.due); !f.Next.Equal(due) {
				t.Fatalf("it is due at %v; want %v", f.Next, due)
			}
			want := parsed(t, c.want)

			act, after := f.Before(sentMessage, hours, f.Next)
			if want.After(f.Next) {
				if act != receipts.Wait || !after.Next.Equal(want) || after.Rounds != 0 {
					t.Fatalf("when it is due: %s, next %v after %d rounds; want to wait until %v", act, after.Next, after.Rounds, want)
				}
				if act, _ := after.Before(sentMessage, hours, want.Add(-1)); act != receipts.Wait {
					t.Fatalf("just before their end: %s", act)
				}
				act, after = after.Before(sentMessage, hours, want)
			}
			if act != receipts.Remind {
				t.Fatalf("at %v: %s", want, act)
			}
			act, after = after.Round(readSo(0), want)
			if over := act == receipts.Finish; over != (c.end != "") || after.Ended != c.end {
				t.Errorf("the round: %s, ended %q; want %q", act, after.Ended, c.end)
			}
		})
	}
}

func parsed(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A night is one round, and a whole pause follows it.
func TestANightIsOneRound(t *testing.T) {
	t.Parallel()
	hours, err := receipts.ParseQuietHours("22:00-08:00", morning.Location())
	if err != nil {
		t.Fatal(err)
	}
	f := receipts.FollowUp{ID: "msgId-2", Plan: every(20 * time.Minute)}.Begin(time.Date(2026, 8, 3, 21, 30, 0, 0, morning.Location()))
	want := []string{"20m0s mention", "40m0s wait", "10h30m0s mention", "10h50m0s mention"}
	if diff := cmp.Diff(want, course{quiet: hours}.run(f, len(want))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHowAFollowUpEnds(t *testing.T) {
	t.Parallel()
	is := func(s receipts.State) receipts.Report {
		r := readSo(0, receipts.Gap{Part: receipts.ReadersPart, Err: receipts.ErrOver})
		r.Message.State = s
		return r
	}
	nobody := receipts.Compute(receipts.Facts{Message: sentMessage, Audience: &receipts.Members{}, Current: &receipts.Members{}})
	unknown := receipts.Compute(receipts.Facts{Message: sentMessage, Reads: receipts.Reads{"zhang": {At: morning}, "li": {At: morning}}})
	hourly := every(time.Hour)
	for _, c := range []struct {
		name   string
		plan   receipts.Plan
		after  time.Duration
		report receipts.Report
		act    receipts.Act
		end    receipts.End
	}{
		{"nobody has read", hourly, time.Hour, readSo(0), receipts.Remind, ""},
		{"all but one have read", hourly, time.Hour, readSo(2), receipts.Remind, ""},
		{"everybody has read", hourly, time.Hour, readSo(3), receipts.Finish, receipts.EnoughRead},
		{"everybody seems to have read, but something is not known", hourly, time.Hour, readSo(3, someGap), receipts.ReportFailure, ""},
		{"a share has read", enough(hourly, 66), time.Hour, readSo(2), receipts.Finish, receipts.EnoughRead},
		{"nearly a share has read", enough(hourly, 67), time.Hour, readSo(2), receipts.Remind, ""},
		{"a share, exactly", enough(hourly, 50), time.Hour, receipts.Report{Message: sentMessage, Total: 4, Read: make([]receipts.Receipt, 2)}, receipts.Finish, receipts.EnoughRead},
		{"a share has read, more may have", enough(hourly, 66), time.Hour, readSo(2, someGap), receipts.Finish, receipts.EnoughRead},
		{"a share may have read", enough(hourly, 66), time.Hour, readSo(1, someGap), receipts.ReportFailure, ""},
		{"a share of nobody knows whom", enough(hourly, 1), time.Hour, unknown, receipts.ReportFailure, ""},
		{"nobody is in the group", hourly, time.Hour, nobody, receipts.Remind, ""},
		{"a share of nobody", enough(hourly, 1), time.Hour, nobody, receipts.Remind, ""},
		{"the deadline", until(hourly, time.Hour), time.Hour, readSo(2), receipts.Finish, receipts.DeadlineOver},
		{"the deadline, and nobody knows who has read", until(hourly, time.Hour), time.Hour, readSo(0, someGap), receipts.Finish, receipts.DeadlineOver},
		{"everybody has read by the deadline", until(hourly, time.Hour), time.Hour, readSo(3), receipts.Finish, receipts.EnoughRead},
		{"long after the deadline", until(hourly, time.Hour), 9 * time.Hour, readSo(2), receipts.Finish, receipts.DeadlineOver},
		{"just before the deadline", until(hourly, time.Hour), time.Hour - 1, readSo(2), receipts.Remind, ""},
		{"a week", hourly, receipts.FollowMax, readSo(2), receipts.Finish, receipts.WentOnTooLong},
		{"just before a week", hourly, receipts.FollowMax - 1, readSo(2), receipts.Remind, ""},
		{"a week, with a deadline beyond it", until(hourly, 2*receipts.FollowMax), receipts.FollowMax, readSo(2), receipts.Remind, ""},
		{"recalled", hourly, time.Hour, is(receipts.Recalled), receipts.Finish, receipts.MessageOver},
		{"disbanded", hourly, time.Hour, is(receipts.Disbanded), receipts.Finish, receipts.MessageOver},
		{"expired", hourly, time.Hour, is(receipts.Expired), receipts.Finish, receipts.MessageOver},
		{"failed", hourly, time.Hour, is(receipts.Failed), receipts.Finish, receipts.MessageOver},
		{"recalled at the deadline", until(hourly, time.Hour), time.Hour, is(receipts.Recalled), receipts.Finish, receipts.MessageOver},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := begun(c.plan)
			act, after := f.Round(c.report, morning.Add(c.after))
			if act != c.act || after.Ended != c.end {
				t.Errorf("%s, ended %q; want %s, %q", act, after.Ended, c.act, c.end)
			}
			want := f
			if want.Ended = c.end; c.end == "" {
				want.Rounds, want.Trouble, want.Next = 1, act == receipts.ReportFailure, after.Next
			}
			if diff := cmp.Diff(want, after); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Who began a follow-up is not reminded by it: where nobody else has not read, a round says
// nothing.
func TestARoundRemindsOthersThanWhoBeganIt(t *testing.T) {
	t.Parallel()
	unread := func(ids ...string) receipts.Report {
		return receipts.Compute(receipts.Facts{Message: sentMessage, Audience: people(append(ids, "reader")...), Current: people(append(ids, "reader")...), Reads: receipts.Reads{"reader": seen(1)}})
	}
	hourly := every(time.Hour)
	for _, c := range []struct {
		name    string
		plan    receipts.Plan
		starter string
		report  receipts.Report
		act     receipts.Act
		end     receipts.End
	}{
		{"others have not read", hourly, "starter", unread("starter", "a"), receipts.Remind, ""},
		{"only who began it", hourly, "starter", unread("starter"), receipts.Skip, ""},
		{"only who did not begin it", hourly, "starter", unread("a"), receipts.Remind, ""},
		{"nobody is known to have begun it", hourly, "", unread("a"), receipts.Remind, ""},
		{"everybody has read", hourly, "starter", unread(), receipts.Finish, receipts.EnoughRead},
		{"enough have read", enough(hourly, 50), "starter", unread("starter"), receipts.Finish, receipts.EnoughRead},
		{"at the deadline", until(hourly, time.Hour), "starter", unread("starter"), receipts.Finish, receipts.DeadlineOver},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := receipts.FollowUp{ID: "msgId-2", Plan: c.plan, Starter: receipts.Person{UserID: c.starter}}.Begin(morning)
			if act, after := f.Round(c.report, at(60)); act != c.act || after.Ended != c.end || after.Trouble {
				t.Errorf("%s, %+v; want %s, ended %q", act, after, c.act, c.end)
			}
		})
	}
}

// Where nobody but the author is known to be in the group, nobody can tell whether enough
// have read.
func TestAnAuthorAloneIsNotEnough(t *testing.T) {
	t.Parallel()
	m := sentMessage
	m.Author = receipts.Person{UserID: "author"}
	f := receipts.FollowUp{ID: "msgId-2", Plan: enough(until(every(time.Hour), 2*time.Hour), 50), Starter: m.Author}.Begin(morning)
	alone := receipts.Compute(receipts.Facts{Message: m, Audience: learned("author"), Current: learned("author")})
	if act, after := f.Round(alone, at(60)); act != receipts.Skip || after.Ended != "" {
		t.Errorf("an hour later: %s, %+v", act, after)
	}
	if act, after := f.Round(alone, at(120)); act != receipts.Finish || after.Ended != receipts.DeadlineOver {
		t.Errorf("at the deadline: %s, %+v", act, after)
	}
	noticed := receipts.Compute(receipts.Facts{Message: m, Audience: learned("author"), Current: learned("author"), Reads: receipts.Reads{"a": seen(1)}})
	if act, after := f.Round(noticed, at(60)); act != receipts.Finish || after.Ended != receipts.EnoughRead {
		t.Errorf("once somebody has read: %s, %+v", act, after)
	}
	alone = receipts.Compute(receipts.Facts{Message: m, Audience: people("author"), Current: people("author")})
	if act, after := f.Round(alone, at(60)); act != receipts.Finish || after.Ended != receipts.EnoughRead {
		t.Errorf("where nobody else is in the group: %s, %+v", act, after)
	}
}

// A message that is over is known to be without a question, and before the next
// round; but nobody is told at night.
func TestAMessageThatIsOverEndsItsFollowUpAtOnce(t *testing.T) {
	t.Parallel()
	hours, err := receipts.ParseQuietHours("22:00-08:00", morning.Location())
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []receipts.State{receipts.Failed, receipts.Recalled, receipts.Disbanded, receipts.Expired} {
		m, f := sentMessage, begun(every(time.Hour))
		m.State = state
		if act, after := f.Before(m, hours, morning.Add(time.Minute)); act != receipts.Finish || after.Ended != receipts.MessageOver {
			t.Errorf("%s by day: %s, %q", state, act, after.Ended)
		}
		night, day := morning.Add(14*time.Hour), morning.Add(23*time.Hour)
		act, after := f.Before(m, hours, night)
		if act != receipts.Wait || !after.Next.Equal(day) || after.Ended != "" {
			t.Errorf("%s at night: %s until %v, %q; want to wait until %v", state, act, after.Next, after.Ended, day)
		}
		if act, after = after.Before(m, hours, day); act != receipts.Finish || after.Ended != receipts.MessageOver {
			t.Errorf("%s after the night: %s, %q", state, act, after.Ended)
		}
	}
}

// Nobody is reminded of what may not be there, and nothing is said of it until it
// turns out.
func TestAnUncertainMessageIsWaitedFor(t *testing.T) {
	t.Parallel()
	hours, err := receipts.ParseQuietHours("22:00-08:00", morning.Location())
	if err != nil {
		t.Fatal(err)
	}
	channels := []receipts.Channel{receipts.InPrivate, receipts.Ding}
	for _, c := range []struct {
		name  string
		plan  receipts.Plan
		quiet receipts.QuietHours
		turns time.Duration  // when it turns out, from the beginning; 0 for never
		to    receipts.State // as what
		want  []string
	}{
		{
			"it was sent after all", by(every(10*time.Minute), channels...),
			receipts.QuietHours{},
			25 * time.Minute, receipts.Sent,
			[]string{"10m0s wait", "20m0s wait", "30m0s direct", "40m0s ding"},
		},
		{
			"it was not sent", every(10 * time.Minute),
			receipts.QuietHours{},
			15 * time.Minute, receipts.Failed,
			[]string{"10m0s wait", "20m0s message"},
		},
		{"it never turned out", until(every(10*time.Minute), 25*time.Minute), receipts.QuietHours{}, 0, "", []string{"10m0s wait", "20m0s wait", "25m0s uncertain"}},
		{"without a pause", until(every(), 25*time.Minute), receipts.QuietHours{}, 0, "", []string{"25m0s uncertain"}},
		{"it never turned out in a week", every(100 * time.Hour), receipts.QuietHours{}, 0, "", []string{"100h0m0s wait", "168h0m0s uncertain"}},
		{"it turned out at the deadline", until(every(time.Hour), 90*time.Minute), receipts.QuietHours{}, 90 * time.Minute, receipts.Sent, []string{"1h0m0s wait", "1h30m0s deadline"}},
		{
			"that it never turned out is not said at night", until(every(10*time.Hour), 14*time.Hour), hours, 0, "",
			[]string{"10h0m0s wait", "14h0m0s wait", "23h0m0s uncertain"},
		},
	} {
		for _, from := range []receipts.State{receipts.Sending, receipts.Uncertain} {
			t.Run(c.name+" when "+string(from), func(t *testing.T) {
				t.Parallel()
				waiting := course{quiet: c.quiet, is: func(now time.Time) receipts.State {
					if c.turns > 0 && !now.Before(morning.Add(c.turns)) {
						return c.to
					}
					return from
				}}
				if diff := cmp.Diff(c.want, waiting.run(begun(c.plan), len(c.want))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Waiting for what turns out changes nothing before the round is due.
func TestAnUncertainMessageKeepsItsNextRound(t *testing.T) {
	t.Parallel()
	m, f := sentMessage, begun(every(10*time.Minute))
	m.State = receipts.Uncertain
	for range 3 {
		act, after := f.Before(m, receipts.QuietHours{}, f.Next.Add(-time.Second))
		if diff := cmp.Diff(f, after); act != receipts.Wait || diff != "" {
			t.Errorf("%s; changed (-before +after):\n%s", act, diff)
		}
	}
}

func TestTroubleIsSaidOnceInARow(t *testing.T) {
	t.Parallel()
	known := []bool{false, false, false, true, true, false, true, false, false}
	want := []string{
		"1h0m0s excuse", "2h0m0s silence", "3h0m0s silence", "4h0m0s mention", "5h0m0s mention",
		"6h0m0s excuse", "7h0m0s mention", "8h0m0s excuse", "9h0m0s silence",
	}
	troubled := course{report: func(n int, _ time.Time) receipts.Report {
		if known[n] {
			return readSo(1)
		}
		return readSo(1, someGap)
	}}
	if diff := cmp.Diff(want, troubled.run(begun(every(time.Hour)), len(want))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever happens in the days of a follow-up: it acts at most once in a pause,
// never at night, and it ends once.
func TestAnyFollowUpKeepsThePromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(least, most int, what string) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, what)) * time.Minute
		}
		hours := receipts.QuietHours{}
		if rapid.Bool().Draw(t, "has quiet hours") {
			hours.From = receipts.ClockTime(rapid.IntRange(0, 24*60-1).Draw(t, "from"))
			hours.To = (hours.From + receipts.ClockTime(rapid.IntRange(1, 20*60).Draw(t, "for"))) % (24 * 60)
			hours.Zone = zone(t, rapid.SampledFrom([]string{"Asia/Shanghai", "Europe/Berlin"}).Draw(t, "zone"))
		}
		plan := receipts.Plan{
			By: rapid.SliceOfN(rapid.SampledFrom([]receipts.Channel{receipts.Mention, receipts.InPrivate, receipts.Ding}), 1, 3).Draw(t, "by"),
			// Everybody, half of the time.
			Share: 100 - max(0, rapid.IntRange(-99, 99).Draw(t, "less than all")),
		}
		for range rapid.IntRange(0, 3).Draw(t, "pauses") {
			plan.Every = append(plan.Every, minutes(5, 26*60, "pause"))
		}
		// Around the two days of the year on which Berlin's clocks change.
		began := rapid.SampledFrom([]time.Time{
			time.Date(2026, 10, 23, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 26, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "season").Add(minutes(0, 3*24*60, "began"))
		last := began.Add(receipts.FollowMax)
		if rapid.Bool().Draw(t, "has a deadline") {
			plan.Until = began.Add(minutes(1, 10*24*60, "until"))
			last = plan.Until
		}

		m := sentMessage
		m.State = rapid.SampledFrom([]receipts.State{receipts.Sent, receipts.Sent, receipts.Uncertain, receipts.Sending}).Draw(t, "state")
		people := []string{"a", "b", "c", "d", "e"}
		members := &receipts.Members{UserIDs: people}
		reads := receipts.Reads{}
		f := receipts.FollowUp{ID: "msgId-2", Plan: plan}.Begin(began)
		if !f.Next.After(began) || f.Next.After(last) {
			t.Fatalf("it began at %v, and its first round is at %v", began, f.Next)
		}
		now, acted, inARow := began, began, false
		for step := 0; f.Ended == ""; step++ {
			if step > 10_000 {
				t.Fatalf("it never ends: %+v", f)
			}
			switch rapid.IntRange(0, 19).Draw(t, "what happens") {
			case 0:
				now = now.Add(minutes(0, 60, "woken too early, or again"))
			case 1:
				now = latest(now, f.Next).Add(minutes(1, 30*60, "outage"))
			case 2:
				m.State = drawNext(t, m.State)
			case 3, 4, 5:
				reads[rapid.SampledFrom(people).Draw(t, "reader")] = receipts.Read{At: now}
			}
			if rapid.IntRange(0, 9).Draw(t, "woken") > 0 {
				now = latest(now, f.Next)
			}

			before := f
			act, after := f.Before(m, hours, now)
			if act == receipts.Remind {
				facts := receipts.Facts{Message: m, Audience: members, Current: members, Reads: reads}
				if rapid.IntRange(0, 3).Draw(t, "trouble") == 0 {
					facts.Gaps, facts.Reads = []receipts.Gap{someGap}, receipts.Reads{}
				}
				act, after = f.Round(receipts.Compute(facts), now)
				if complete := len(facts.Gaps) == 0; act == receipts.Remind && !complete || act != receipts.Finish && act != receipts.Remind && complete {
					t.Fatalf("%s by a report that is complete: %v", act, complete)
				}
				if excused := act == receipts.ReportFailure; excused == inARow && excused || act == receipts.Skip && !inARow {
					t.Fatalf("%s, and the last round had trouble: %v", act, inARow)
				}
				inARow = len(facts.Gaps) > 0
			}
			f = after

			if f.ID != before.ID || !f.Began.Equal(began) || !cmp.Equal(f.Plan, plan) {
				t.Fatalf("what was agreed changed from %+v to %+v", before, f)
			}
			round := act == receipts.Remind || act == receipts.ReportFailure || act == receipts.Skip
			if rounds := f.Rounds - before.Rounds; round != (rounds == 1) || rounds < 0 {
				t.Fatalf("%s, and there are %d rounds after %d", act, f.Rounds, before.Rounds)
			}
			if act != receipts.Finish && !f.Next.After(now) {
				t.Fatalf("%s at %v, and the next round is at %v", act, now, f.Next)
			}
			if (act == receipts.Finish) != (f.Ended != "") {
				t.Fatalf("%s, and it ended by %q", act, f.Ended)
			}
			if act != receipts.Wait && act != receipts.Skip && hours.End(now).After(now) {
				t.Fatalf("%s at %v, in the quiet hours %v", act, now, hours)
			}
			if round {
				if m.State != receipts.Sent || !now.Before(last) || now.Before(before.Next) {
					t.Fatalf("%s of a message that is %s at %v, due at %v, over at %v", act, m.State, now, before.Next, last)
				}
				if pause := plan.Every[min(before.Rounds, len(plan.Every)-1)]; now.Sub(acted) < pause {
					t.Fatalf("%s after %v; want a pause of %v", act, now.Sub(acted), pause)
				}
				acted = now
			}
			if round && f.Next.After(last) {
				t.Fatalf("the next round is at %v, the last time is %v", f.Next, last)
			}
			switch f.Ended {
			case receipts.EnoughRead:
				if len(reads)*100 < plan.Share*len(people) {
					t.Fatalf("%d of %d have read; want %d%%", len(reads), len(people), plan.Share)
				}
			case receipts.DeadlineOver, receipts.WentOnTooLong:
				if now.Before(last) || plan.Until.IsZero() != (f.Ended == receipts.WentOnTooLong) || m.State != receipts.Sent {
					t.Fatalf("%s at %v, with the deadline %v", f.Ended, now, plan.Until)
				}
			case receipts.Unresolved:
				if now.Before(last) || m.State != receipts.Uncertain && m.State != receipts.Sending {
					t.Fatalf("%s at %v, and the message is %s", f.Ended, now, m.State)
				}
			case receipts.MessageOver:
				if slices.Contains([]receipts.State{receipts.Sent, receipts.Uncertain, receipts.Sending}, m.State) {
					t.Fatalf("the message is %s", m.State)
				}
			}
		}
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// drawNext draws a state that a message takes from the one that it has; there may
// be none.
func drawNext(t *rapid.T, from receipts.State) receipts.State {
	to := []receipts.State{from}
	for _, s := range []receipts.State{receipts.Sent, receipts.Failed, receipts.Uncertain, receipts.Recalled, receipts.Disbanded, receipts.Expired} {
		if slices.Contains(s.Before(), from) {
			to = append(to, s)
		}
	}
	return rapid.SampledFrom(to).Draw(t, "turns out")
}

// followed is the record of message #1's follow-up.
func (w *world) followed(t *testing.T) receipts.FollowUp {
	t.Helper()
	f := w.kept(t).FollowUp
	if f == nil {
		t.Fatal("the message has no follow-up")
	}
	return *f
}

// follow begins to follow up message #1 by that command, which has to work.
func (w *world) follow(t *testing.T, command string, p receipts.Plan) receipts.FollowUp {
	t.Helper()
	f, err := w.follower.Start(t.Context(), sentMessage, receipts.FollowUp{ID: command, Plan: p, Starter: chen})
	if err != nil {
		t.Fatalf("Start() failed: %v", err)
	}
	return f
}

// round carries out a round of message #1's follow-up, which has to be recorded.
func (w *world) round(ctx context.Context) error {
	f, err := w.records.FollowUp(ctx, group, 1)
	if err != nil {
		return err
	}
	_, after := f.Round(readSo(0), f.Next)
	after.Version++
	if done, err := w.records.Change(ctx, group, 1, after); !done || err != nil {
		return fmt.Errorf("the round is not recorded: %v, %w", done, err)
	}
	return nil
}

func TestStartPlansTheFirstRound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.clock.advance(time.Minute)
	f := w.follow(t, "msgId-2", every(10*time.Minute))
	want := receipts.FollowUp{
		ID: "msgId-2", Plan: every(10 * time.Minute), Starter: chen,
		Began: morning.Add(time.Minute), Next: morning.Add(11 * time.Minute),
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, w.followed(t)); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestStartOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.follower.Start(t.Context(), sentMessage, receipts.FollowUp{ID: "msgId-2", Plan: every(time.Hour)})
	if !errors.Is(err, receipts.ErrNoMessage) {
		t.Errorf("error %v; want %v", err, receipts.ErrNoMessage)
	}
}

// A command that is repeated begins nothing anew: not after its rounds, not after
// its end.
func TestStartAgainByTheSameCommandChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	again := func(when string, want receipts.FollowUp) {
		t.Helper()
		w.clock.advance(time.Minute)
		if diff := cmp.Diff(want, w.follow(t, "msgId-2", every(time.Hour))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		if diff := cmp.Diff(want, w.followed(t)); diff != "" {
			t.Errorf("%s, recorded (-want +got):\n%s", when, diff)
		}
	}
	again("at once", w.follow(t, "msgId-2", every(10*time.Minute)))
	if err := w.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	again("after a round", w.followed(t))
	stopped, err := w.follower.Stop(t.Context(), group, 1, chen)
	if err != nil {
		t.Fatal(err)
	}
	again("after its end", stopped)
}

func TestAnotherCommandTakesThePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.follow(t, "msgId-2", every(10*time.Minute))
	if err := w.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := w.followed(t)
	w.clock.advance(time.Minute)
	second := w.follow(t, "msgId-3", until(every(), time.Hour))
	if second.ID != "msgId-3" || second.Rounds != 0 || !second.Next.Equal(morning.Add(time.Hour)) {
		t.Errorf("the second: %+v", second)
	}
	// A round of the first that is still at it changes nothing.
	old.Version++
	if done, err := w.records.Change(t.Context(), group, 1, old); done || err != nil {
		t.Errorf("a round of the first was recorded: %v, %v", done, err)
	}
	if diff := cmp.Diff(second, w.followed(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// And after an end it begins anew.
	if _, err := w.follower.Stop(t.Context(), group, 1, chen); err != nil {
		t.Fatal(err)
	}
	if third := w.follow(t, "msgId-4", every(time.Hour)); third.ID != "msgId-4" || third.Ended != "" {
		t.Errorf("the third: %+v", third)
	}
}

func TestOnlyAFollowUpThatGoesOnIsInTheReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	if r := w.report(t); r.FollowUp != nil {
		t.Errorf("before it begins: %+v", r.FollowUp)
	}
	f := w.follow(t, "msgId-2", every(time.Hour))
	if diff := cmp.Diff(&f, w.report(t).FollowUp); diff != "" {
		t.Errorf("while it goes on (-want +got):\n%s", diff)
	}
	if progress, err := w.reporter.Progress(t.Context(), group, 1); err != nil || progress[0].FollowUp == nil {
		t.Errorf("in the list: %+v, %v", progress, err)
	}
	if _, err := w.follower.Stop(t.Context(), group, 1, chen); err != nil {
		t.Fatal(err)
	}
	if r := w.report(t); r.FollowUp != nil {
		t.Errorf("after its end: %+v", r.FollowUp)
	}
}

func TestStopEndsAFollowUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	want := w.follow(t, "msgId-2", every(time.Hour))
	want.Ended, want.Stopper, want.Version = receipts.Stopped, chen, 1
	for range 3 { // a repetition is no failure, and stops nothing twice
		f, err := w.follower.Stop(t.Context(), group, 1, chen)
		if diff := cmp.Diff(want, f); diff != "" || err != nil {
			t.Errorf("Stop(): %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(want, w.followed(t)); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	}
	if _, err := w.follower.Stop(t.Context(), group, 1, receipts.Person{UserID: "wang"}); !errors.Is(err, receipts.ErrNotFollowed) {
		t.Errorf("somebody else stops it again: %v; want %v", err, receipts.ErrNotFollowed)
	}
	if diff := cmp.Diff(want, w.followed(t)); diff != "" {
		t.Errorf("who stopped it changed (-want +got):\n%s", diff)
	}
}

// Its answer was lost, and the records answer the repetition.
func TestStopWhoseAnswerWasLostIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.follow(t, "msgId-2", every(time.Hour))
	w.records.after = func(_ context.Context, method string) error { return downIf(method == "Change") }
	if _, err := w.follower.Stop(t.Context(), group, 1, chen); !errors.Is(err, errDown) {
		t.Fatalf("error %v; want %v", err, errDown)
	}
	w.records.after = nil
	if f, err := w.follower.Stop(t.Context(), group, 1, chen); err != nil || f.Ended != receipts.Stopped || f.Version != 1 {
		t.Errorf("Stop() = %+v, %v", f, err)
	}
}

func TestStopOfWhatIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, end := range []receipts.End{"none", receipts.EnoughRead, receipts.DeadlineOver, receipts.WentOnTooLong, receipts.MessageOver, receipts.Unresolved} {
		w := newWorld(t)
		w.announce(t)
		if end != "none" {
			f := w.follow(t, "msgId-2", every(time.Hour))
			f.Ended = end
			w.records.messages[group][0].kept.FollowUp = &f
		}
		if _, err := w.follower.Stop(t.Context(), group, 1, chen); !errors.Is(err, receipts.ErrNotFollowed) {
			t.Errorf("ended by %s: %v; want %v", end, err, receipts.ErrNotFollowed)
		}
		if _, err := w.follower.Stop(t.Context(), group, 9, chen); !errors.Is(err, receipts.ErrNotFollowed) {
			t.Errorf("no message: %v; want %v", err, receipts.ErrNotFollowed)
		}
	}
}

func TestStopWinsAgainstRounds(t *testing.T) {
	t.Parallel()
	for rounds := range 7 {
		w := newWorld(t)
		w.announce(t)
		w.follow(t, "msgId-2", every(time.Hour))
		left := rounds
		w.records.meanwhile("Change", func(ctx context.Context) error {
			if left == 0 {
				return nil
			}
			left--
			return w.round(ctx)
		})
		f, err := w.follower.Stop(t.Context(), group, 1, chen)
		w.records.before = nil
		if rounds < 5 {
			if err != nil || f.Ended != receipts.Stopped || f.Rounds != rounds {
				t.Errorf("against %d rounds: %+v, %v; want it stopped", rounds, f, err)
			}
			if diff := cmp.Diff(f, w.followed(t)); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
			continue
		}
		// It gives up rather than to try for ever, and does not say that there is
		// nothing to stop.
		if err == nil || errors.Is(err, receipts.ErrNotFollowed) {
			t.Errorf("against %d rounds: %+v, %v; want an error", rounds, f, err)
		}
		if f := w.followed(t); f.Ended != "" || f.Rounds != 5 {
			t.Errorf("recorded after giving up: %+v", f)
		}
	}
}

// The last round ended it just before.
func TestStopOfWhatHasJustEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.follow(t, "msgId-2", every(time.Hour))
	w.records.meanwhile("Change", func(ctx context.Context) error {
		f, err := w.records.FollowUp(ctx, group, 1)
		if err != nil {
			return err
		}
		_, after := f.Round(readSo(3), f.Next)
		after.Version++
		_, err = w.records.Change(ctx, group, 1, after)
		return err
	})
	if _, err := w.follower.Stop(t.Context(), group, 1, chen); !errors.Is(err, receipts.ErrNotFollowed) {
		t.Errorf("error %v; want %v", err, receipts.ErrNotFollowed)
	}
	if f := w.followed(t); f.Ended != receipts.EnoughRead {
		t.Errorf("it ended by %q", f.Ended)
	}
}

func TestStopWithoutTheRecords(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"FollowUp", "Change"} {
		w := newWorld(t)
		w.announce(t)
		before := w.follow(t, "msgId-2", every(time.Hour))
		w.records.fail(method)
		if _, err := w.follower.Stop(t.Context(), group, 1, chen); !errors.Is(err, errDown) {
			t.Errorf("without %s: %v; want %v", method, err, errDown)
		}
		if diff := cmp.Diff(before, w.followed(t)); diff != "" {
			t.Errorf("it changed (-before +after):\n%s", diff)
		}
	}
}

// Rounds at once, and a stop among them: each version is written once, and nothing
// comes after the stop.
func TestNoRoundComesAfterAStop(t *testing.T) {
	t.Parallel()
	for range 20 {
		w := newWorld(t)
		w.announce(t)
		w.follow(t, "msgId-2", every(time.Minute))
		var all errgroup.Group
		for range 3 {
			all.Go(func() error {
				f, err := w.records.FollowUp(t.Context(), group, 1)
				if err != nil || f.Ended != "" {
					return err
				}
				_, after := f.Round(readSo(0), f.Next)
				after.Version++
				_, err = w.records.Change(t.Context(), group, 1, after)
				return err
			})
		}
		all.Go(func() error {
			_, err := w.follower.Stop(t.Context(), group, 1, chen)
			return err
		})
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if f := w.followed(t); f.Ended != receipts.Stopped || f.Version != f.Rounds+1 {
			t.Errorf("recorded %+v", f)
		}
	}
}
