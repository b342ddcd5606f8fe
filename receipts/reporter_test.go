package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"whoread/receipts"
)

func TestReportTellsWhoHasReadAndWhoHasNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.announce(t)
	w.clock.advance(5 * time.Minute)
	w.readers.say(inPages(
		receipts.ReadersPage{UserIDs: []string{"wang"}},
		receipts.ReadersPage{UserIDs: nil}, // a page may be shorter than asked for, and come twice
		receipts.ReadersPage{UserIDs: []string{"zhang", "wang", "a stranger"}},
	))
	want := receipts.Report{
		Message: m,
		Read:    []receipts.Receipt{{UserID: "wang", Read: seen(5)}, {UserID: "zhang", Read: seen(5)}},
		Unread:  []string{"li"}, Total: 3,
		Source: receipts.SceneGroup, Present: receipts.SceneGroup, Counted: morning, AsOf: at(5),
	}
	got := w.report(t)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if !got.Complete() || got.AllRead() {
		t.Errorf("complete: %v, all read: %v; want true, false", got.Complete(), got.AllRead())
	}
}

func TestReportKeepsTheFirstTimeOfARead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	want := []receipts.Receipt{{UserID: "zhang", Read: seen(0)}, {UserID: "li", Read: seen(1)}}
	for minute, answer := range [][]string{{"zhang"}, {"li", "zhang"}, {"li"}, nil} { // DingTalk forgets
		w.readers.say(readBy(answer...))
		if diff := cmp.Diff(want[:min(minute+1, 2)], w.report(t).Read); diff != "" {
			t.Errorf("readers after %d minutes (-want +got):\n%s", minute, diff)
		}
		w.clock.advance(time.Minute)
	}
}

// Who reads while the pages are fetched may be missing on the first one: the
// answer is as of the time of the question. Who was shown had read by its end.
func TestReportOfALongAnswerIsAsOfTheQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	pages := inPages(receipts.ReadersPage{UserIDs: []string{"li"}}, receipts.ReadersPage{UserIDs: []string{"zhang"}})
	w.readers.say(func(ctx context.Context, cursor string) (receipts.ReadersPage, error) {
		w.clock.advance(time.Minute)
		return pages(ctx, cursor)
	})
	r := w.report(t)
	want := []receipts.Receipt{{UserID: "li", Read: seen(2)}, {UserID: "zhang", Read: seen(2)}}
	if diff := cmp.Diff(want, r.Read); diff != "" || !r.AsOf.Equal(morning) || !w.kept(t).AsOf.Equal(morning) {
		t.Errorf("as of %v, recorded as of %v; want %v; readers (-want +got):\n%s", r.AsOf, w.kept(t).AsOf, morning, diff)
	}
}

func TestReportOfNoMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	for _, c := range []struct {
		group  string
		number int
	}{{group, 0}, {group, -1}, {group, 2}, {elsewhere, 1}, {"", 1}} {
		if _, err := w.reporter.Report(t.Context(), c.group, c.number); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("Report(%q, %d) gives %v; want %v", c.group, c.number, err, receipts.ErrNoMessage)
		}
		if _, err := w.reporter.Message(t.Context(), c.group, c.number); !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("Message(%q, %d) gives %v; want %v", c.group, c.number, err, receipts.ErrNoMessage)
		}
	}
	if w.readers.queries() != 0 {
		t.Error("DingTalk was asked")
	}
}

func TestReportUsesAFreshAnswerAgainAndSaysHowOldItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		later time.Duration
		again bool
	}{
		{"at once", 0, false},
		{"just fresh", freshReads - time.Nanosecond, false},
		{"no longer fresh", freshReads, true},
		{"old", time.Hour, true},
		{"the clock went back, and nobody knows how old it is", -time.Nanosecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			w.readers.say(readBy("zhang"))
			w.report(t)
			w.readers.say(readBy("zhang", "li"))
			w.clock.advance(c.later)
			r := w.report(t)
			queries, asOf, unread := 1, morning, []string{"li", "wang"}
			if c.again {
				queries, asOf, unread = 2, morning.Add(c.later), []string{"wang"}
			}
			if got := w.readers.queries(); got != queries {
				t.Errorf("%d queries; want %d", got, queries)
			}
			if !r.AsOf.Equal(asOf) {
				t.Errorf("as of %v; want %v", r.AsOf, asOf)
			}
			if diff := cmp.Diff(unread, r.Unread); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
		})
	}
}

// A read that was learned in another way counts at once.
func TestReportOfAFreshAnswerKnowsWhatWasLearnedSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.report(t)
	w.clock.advance(time.Second)
	if err := w.records.SaveReads(t.Context(), group, 1, []string{"li"}, w.clock.now(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	r := w.report(t)
	if !slices.Equal(readerIDs(r), []string{"li"}) || slices.Contains(r.Unread, "li") || w.readers.queries() != 1 {
		t.Errorf("report %+v after %d queries; want li among the readers after one", r, w.readers.queries())
	}
}

func TestReportWhenAllHaveReadAsksNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.readers.say(readBy("zhang", "li", "wang"))
	w.report(t)
	w.clock.advance(30 * 24 * time.Hour)
	w.readers.say(refusing(receipts.ErrNoReadData)) // DingTalk has long forgotten
	w.members.fail(errDown)
	r := w.report(t)
	if !r.AllRead() || r.Percent() != 100 {
		t.Errorf("report %+v; want that all have read", r)
	}
	if w.readers.queries() != 1 || w.members.questions() != 1 {
		t.Errorf("%d queries and %d questions for members; want none after the first", w.readers.queries(), w.members.questions())
	}
}

func TestReportNeverCountsTheExcluded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.reporter.Excluded = []string{"li"}
	w.announce(t)
	w.readers.say(readBy("li", "zhang"))
	r := w.report(t)
	if !slices.Equal(readerIDs(r), []string{"zhang"}) || !slices.Equal(r.Unread, []string{"wang"}) || r.Total != 2 {
		t.Errorf("report %+v; want zhang read, wang unread, and no li", r)
	}
	w.clock.advance(time.Minute)
	w.readers.say(readBy("wang"))
	if r := w.report(t); !r.AllRead() {
		t.Errorf("report %+v; want that all have read: li does not count", r)
	}
}

func TestReportSharesOneQueryAmongQuestionsOfTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldAt(t, nil, time.Now)
		w.announce(t)
		w.reporter.Fresh = 0 // so that only questions at the same time share
		answered := make(chan struct{})
		w.readers.say(func(context.Context, string) (receipts.ReadersPage, error) {
			<-answered
			return receipts.ReadersPage{UserIDs: []string{"li"}}, nil
		})
		var all sync.WaitGroup
		reports := make([]receipts.Report, 20)
		for i := range reports {
			all.Go(func() { reports[i] = w.report(t) })
		}
		synctest.Wait() // all of them wait for DingTalk
		close(answered)
		all.Wait()
		if got := w.readers.queries(); got != 1 {
			t.Errorf("%d queries for %d questions; want 1", got, len(reports))
		}
		for i, r := range reports {
			if diff := cmp.Diff([]string{"zhang", "wang"}, r.Unread); diff != "" {
				t.Errorf("question %d, unread (-want +got):\n%s", i, diff)
			}
		}
		w.report(t)
		if got := w.readers.queries(); got != 2 {
			t.Errorf("%d queries; want another one for a later question", got)
		}
	})
}

func TestReportDoesNotMixUpMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldAt(t, nil, time.Now)
		w.announce(t)
		second, third := maintenance, maintenance
		second.Command, third.Group = "msgId-2", elsewhere
		for _, n := range []receipts.Announcement{second, third} {
			if _, err := w.announcer.Announce(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		answered := make(chan struct{})
		w.readers.say(func(context.Context, string) (receipts.ReadersPage, error) {
			<-answered
			return receipts.ReadersPage{}, nil
		})
		var all sync.WaitGroup
		for _, m := range []receipts.Message{{Group: group, Number: 1}, {Group: group, Number: 2}, {Group: elsewhere, Number: 1}} {
			all.Go(func() {
				r, err := w.reporter.Report(t.Context(), m.Group, m.Number)
				if err != nil || r.Message.Group != m.Group || r.Message.Number != m.Number {
					t.Errorf("Report(%s, %d) = %+v, %v", m.Group, m.Number, r.Message, err)
				}
			})
		}
		synctest.Wait()
		if got := w.readers.queries(); got != 3 {
			t.Errorf("%d queries; want one for each of 3 messages", got)
		}
		close(answered)
		all.Wait()
	})
}

// Whenever DingTalk's answer is not the whole truth, the report says so and
// calls nobody unread; whoever was seen stays a reader; and the next good answer
// makes up for it.
func TestReportOfAnIncompleteAnswer(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	some := receipts.ReadersPage{UserIDs: []string{"zhang"}}
	for _, c := range []struct {
		name   string
		answer answer
		want   error
		seen   []string
	}{
		{"the query fails", refusing(broken), broken, nil},
		{"a later page fails", thenFailing(broken, some, receipts.ReadersPage{UserIDs: []string{"li"}}), broken, []string{"li", "zhang"}},
		{
			"a later page has no data", thenFailing(receipts.ErrNoReadData, some), receipts.ErrNotYet, []string{"zhang"},
		},
		{"the pages repeat", func(context.Context, string) (receipts.ReadersPage, error) {
			return receipts.ReadersPage{UserIDs: []string{"zhang"}, Next: "1", More: true}, nil
		}, receipts.ErrPaging, []string{"zhang"}},
		{"a page is missing", func(context.Context, string) (receipts.ReadersPage, error) {
			return receipts.ReadersPage{UserIDs: []string{"zhang"}, More: true}, nil
		}, receipts.ErrPaging, []string{"zhang"}},
		{"there is no data yet", refusing(receipts.ErrNoReadData), receipts.ErrNotYet, nil},
		{
			"it is being delivered",
			inPages(receipts.ReadersPage{Delivery: receipts.BeingDelivered, UserIDs: []string{"zhang"}}),
			receipts.ErrDelivering,
			[]string{"zhang"},
		},
		{
			"it was being delivered when the first page was asked for",
			inPages(receipts.ReadersPage{Delivery: receipts.BeingDelivered}, some),
			receipts.ErrDelivering,
			[]string{"zhang"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			w.readers.say(c.answer)
			r := w.report(t)
			namesNobody(t, r)
			if gap := onlyGap(t, r); gap.Part != receipts.ReadersPart || !errors.Is(gap.Err, c.want) {
				t.Errorf("gap %v; want the readers, because %v", gap, c.want)
			}
			if diff := cmp.Diff(c.seen, readerIDs(r)); diff != "" {
				t.Errorf("readers (-want +got):\n%s", diff)
			}
			if r.Total != 3 {
				t.Errorf("total %d; want the audience of 3", r.Total)
			}
			if kept := w.kept(t); !r.AsOf.IsZero() || !kept.AsOf.IsZero() || kept.Message.State != receipts.Sent {
				t.Errorf("as of %v, kept %+v; want no time of a complete answer, and the message as it was", r.AsOf, kept)
			}

			w.readers.say(readBy("wang"))
			r = w.report(t)
			if got := w.readers.queries(); !r.Complete() || got != 2 {
				t.Errorf("gaps %v after %d queries; want none after a second one", r.Gaps, got)
			}
			for _, id := range append(c.seen, "wang") {
				if !slices.Contains(readerIDs(r), id) || slices.Contains(r.Unread, id) {
					t.Errorf("%s has read; the report has read %v, unread %v", id, readerIDs(r), r.Unread)
				}
			}
		})
	}
}

// An answer that was not complete does not make the last complete one younger.
func TestReportOfAnIncompleteAnswerKeepsTheTimeOfTheLastCompleteOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.readers.say(readBy("li"))
	w.report(t)
	w.clock.advance(time.Hour)
	w.readers.say(refusing(errDown))
	r := w.report(t)
	namesNobody(t, r)
	if !r.AsOf.Equal(morning) || !slices.Equal(readerIDs(r), []string{"li"}) {
		t.Errorf("as of %v, readers %v; want what was known in the morning", r.AsOf, readerIDs(r))
	}
}

// What ends the life of a message ends the questions about it. What was known,
// and what the last answer brought, is kept.
func TestReportOfAMessageWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	one := receipts.ReadersPage{UserIDs: []string{"li"}}
	for _, c := range []struct {
		name   string
		later  time.Duration
		answer answer
		want   receipts.State
		seen   []string
	}{
		{
			"recalled", time.Minute,
			inPages(receipts.ReadersPage{Delivery: receipts.TakenBack, UserIDs: []string{"li"}}),
			receipts.Recalled,
			[]string{"zhang", "li"},
		},
		{
			"recalled between two pages", time.Minute,
			inPages(one, receipts.ReadersPage{Delivery: receipts.TakenBack}, receipts.ReadersPage{}),
			receipts.Recalled,
			[]string{"zhang", "li"},
		},
		{"DingTalk forgot it long ago", 1000 * time.Hour, refusing(receipts.ErrNoReadData), receipts.Expired, []string{"zhang"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			w.readers.say(readBy("zhang"))
			w.report(t)
			w.clock.advance(c.later)
			w.readers.say(c.answer)
			for _, when := range []string{"now", "later"} {
				r := w.report(t)
				namesNobody(t, r)
				if gap := onlyGap(t, r); gap.Part != receipts.ReadersPart || !errors.Is(gap.Err, receipts.ErrOver) {
					t.Errorf("%s: gap %v; want that it is over", when, gap)
				}
				if r.Message.State != c.want || w.kept(t).Message.State != c.want {
					t.Errorf("%s: reported %s, recorded %s; want %s", when, r.Message.State, w.kept(t).Message.State, c.want)
				}
				if diff := cmp.Diff(c.seen, readerIDs(r)); diff != "" {
					t.Errorf("%s: readers (-want +got):\n%s", when, diff)
				}
				if !r.AsOf.Equal(morning) {
					t.Errorf("%s: as of %v; want the last complete answer's %v", when, r.AsOf, morning)
				}
				w.clock.advance(time.Hour)
			}
			if got := w.readers.queries(); got != 2 {
				t.Errorf("%d queries; want none after it was over", got)
			}
		})
	}
}

// One odd answer ends no message: DingTalk has to say it again some minutes later, also to a
// process whose clock is ten minutes ahead. What ended by mistake comes back when DingTalk
// shows its readers after all.
func TestAMessageEndsWhenDingTalkHasSaidItTwice(t *testing.T) {
	t.Parallel()
	one := receipts.ReadersPage{UserIDs: []string{"li"}, Next: "2", More: true}
	for name, c := range map[string]struct {
		answer answer
		gap    error
		want   receipts.State
		seen   []string
	}{
		"the group is gone":                {refusing(receipts.ErrGroupGone), receipts.ErrGroupGone, receipts.Disbanded, []string{"zhang"}},
		"the group goes between two pages": {thenFailing(fmt.Errorf("query: %w", receipts.ErrGroupGone), one), receipts.ErrGroupGone, receipts.Disbanded, []string{"zhang", "li"}},
		"DingTalk forgot it":               {refusing(receipts.ErrNoReadData), receipts.ErrNoReadData, receipts.Expired, []string{"zhang"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			w.readers.say(readBy("zhang"))
			w.report(t)
			asks := func(when string, later time.Duration, gap error, state receipts.State) {
				t.Helper()
				w.clock.advance(later)
				r := w.report(t)
				namesNobody(t, r)
				if got := onlyGap(t, r); !errors.Is(got.Err, gap) || r.Message.State != state || w.kept(t).Message.State != state {
					t.Errorf("%s: gap %v, reported %s, recorded %s; want %v, %s", when, got, r.Message.State, w.kept(t).Message.State, gap, state)
				}
				if diff := cmp.Diff(c.seen, readerIDs(r)); diff != "" {
					t.Errorf("%s: readers (-want +got):\n%s", when, diff)
				}
			}
			w.readers.say(c.answer)
			asks("the first answer", 20*time.Minute, c.gap, receipts.Sent)
			asks("soon after", 14*time.Minute, c.gap, receipts.Sent)
			asks("again", time.Minute, receipts.ErrOver, c.want)
			asks("from then on", time.Hour, receipts.ErrOver, c.want)

			w.readers.say(readBy("zhang", "li"))
			w.clock.advance(time.Minute)
			if r := w.report(t); !r.Complete() || r.Message.State != receipts.Sent || w.kept(t).Message.State != receipts.Sent {
				t.Errorf("it did not come back: %+v", r)
			}
			w.readers.say(c.answer)
			c.seen = []string{"zhang", "li"}
			asks("an odd answer later", time.Hour, c.gap, receipts.Sent)
		})
	}
}

// Two odd answers that contradict each other are no two answers.
func TestAMessageEndsWhenDingTalkHasSaidTheSameTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said []error
		want receipts.State
	}{
		{[]error{receipts.ErrNoReadData, receipts.ErrGroupGone}, receipts.Sent},
		{[]error{receipts.ErrGroupGone, receipts.ErrNoReadData}, receipts.Sent},
		{[]error{receipts.ErrGroupGone, receipts.ErrNoReadData, receipts.ErrGroupGone}, receipts.Disbanded},
		{[]error{receipts.ErrNoReadData, receipts.ErrGroupGone, receipts.ErrNoReadData}, receipts.Expired},
	} {
		w := newWorld(t)
		w.announce(t)
		var r receipts.Report
		for i, why := range c.said {
			if r.Message.State != "" && r.Message.State != receipts.Sent {
				t.Errorf("%v: %s after %d answers", c.said, r.Message.State, i)
			}
			w.readers.say(refusing(why))
			w.clock.advance(16 * time.Minute)
			r = w.report(t)
		}
		if r.Message.State != c.want {
			t.Errorf("%v: %s; want %s", c.said, r.Message.State, c.want)
		}
	}
}

// Calls are counted: of a message that is known to be recalled, no further page
// is asked for.
func TestReportOfARecalledMessageAsksForNoFurtherPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.readers.say(inPages(receipts.ReadersPage{Delivery: receipts.TakenBack}, receipts.ReadersPage{}))
	w.report(t)
	if w.readers.pages != 1 {
		t.Errorf("%d pages asked for; want 1", w.readers.pages)
	}
}

// DingTalk says the same of a message that is too young and one that is too old.
func TestReportWithoutReadDataIsNotYetOrNoLonger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age  time.Duration
		want error
		is   receipts.State
	}{
		{-time.Minute, receipts.ErrNotYet, receipts.Sent}, // sent by a replica whose clock is ahead
		{0, receipts.ErrNotYet, receipts.Sent},
		{10*time.Minute - time.Millisecond, receipts.ErrNotYet, receipts.Sent},
		{10 * time.Minute, receipts.ErrNoReadData, receipts.Sent}, // one answer may be odd
		{24*time.Hour - time.Millisecond, receipts.ErrNoReadData, receipts.Sent},
		{24 * time.Hour, receipts.ErrOver, receipts.Expired},
	} {
		t.Run(c.age.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			w.clock.advance(c.age)
			w.readers.say(refusing(fmt.Errorf("processQueryKey.expireTime: %w", receipts.ErrNoReadData)))
			r := w.report(t)
			namesNobody(t, r)
			if gap := onlyGap(t, r); !errors.Is(gap.Err, c.want) || r.Message.State != c.is {
				t.Errorf("gap %v, state %s; want %v, %s", gap, r.Message.State, c.want, c.is)
			}
		})
	}
}

// Somebody else took the message another step while DingTalk was asked.
func TestReportTakesNoStepThatTheLifeOfAMessageForbids(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.clock.advance(25 * time.Hour)
	w.readers.say(refusing(receipts.ErrNoReadData))
	w.records.meanwhile("Mark", func(ctx context.Context) error {
		_, err := w.records.Mark(ctx, group, 1, receipts.Change{To: receipts.Recalled})
		return err
	})
	r := w.report(t)
	namesNobody(t, r)
	if r.Message.State != receipts.Recalled || w.kept(t).Message.State != receipts.Recalled {
		t.Errorf("reported %s, recorded %s; want it recalled", r.Message.State, w.kept(t).Message.State)
	}
}

func TestReportOfAMessageThatIsNotInTheGroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		failure error
		want    receipts.State
	}{
		{"failed", &receipts.Failure{Reason: "bot_stopped", Err: errors.New("bot.stopped")}, receipts.Failed},
		{"uncertain", &receipts.Failure{Uncertain: true, Reason: "timeout", Err: errDown}, receipts.Uncertain},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sender.err = c.failure
			if _, err := w.announcer.Announce(t.Context(), maintenance); err != nil {
				t.Fatal(err)
			}
			r := w.report(t)
			namesNobody(t, r)
			if gap := onlyGap(t, r); !errors.Is(gap.Err, receipts.ErrOver) || r.Message.State != c.want {
				t.Errorf("gap %v, state %s; want %v, %s", gap, r.Message.State, receipts.ErrOver, c.want)
			}
			if w.readers.queries() != 0 {
				t.Error("DingTalk was asked")
			}
		})
	}
}

// A message that is on its way for too long was cut off.
func TestAMessageOnItsWayBecomesUncertainAfterTenMinutes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age  time.Duration
		want receipts.State
	}{
		{0, receipts.Sending},
		{10*time.Minute - time.Millisecond, receipts.Sending},
		{10 * time.Minute, receipts.Uncertain},
	} {
		for name, look := range map[string]func(t *testing.T, w *world) receipts.Message{
			"Report": func(t *testing.T, w *world) receipts.Message { return w.report(t).Message },
			"Message": func(t *testing.T, w *world) receipts.Message {
				m, err := w.reporter.Message(t.Context(), group, 1)
				if err != nil {
					t.Error(err)
				}
				return m
			},
			"Progress": func(t *testing.T, w *world) receipts.Message {
				reports, err := w.reporter.Progress(t.Context(), group, 1)
				if err != nil || len(reports) != 1 {
					t.Fatalf("Progress() = %v, %v", reports, err)
				}
				return reports[0].Message
			},
		} {
			t.Run(fmt.Sprint(name, " after ", c.age), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.begin(t)
				w.clock.advance(c.age)
				if m := look(t, w); m.State != c.want || w.kept(t).Message.State != c.want {
					t.Errorf("state %s, recorded %s; want %s", m.State, w.kept(t).Message.State, c.want)
				}
			})
		}
	}
}

func TestReportOfAMessageThatArrivesAfterAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	w.clock.advance(time.Hour)
	w.records.meanwhile("Mark", func(ctx context.Context) error {
		_, err := w.records.Mark(ctx, group, 1, receipts.Change{To: receipts.Failed, Reason: "bot_stopped"})
		return err
	})
	if r := w.report(t); r.Message.State != receipts.Failed {
		t.Errorf("state %s; want %s, as its sender found out", r.Message.State, receipts.Failed)
	}
}

func TestReportOfPeopleWhoCameAndWent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members.outsiders = 1
	w.announce(t)
	w.members.set("li", "zhao", "qian", "sun") // zhang and wang are gone
	w.members.outsiders = 4
	w.readers.say(readBy("zhang", "zhao"))
	w.clock.advance(freshMembers)
	r := w.report(t)
	want := receipts.Report{
		Message: r.Message,
		Read:    []receipts.Receipt{{UserID: "zhang", Read: seen(1)}},
		Unread:  []string{"li"},
		Total:   2, Left: 1, Joined: 3, Outsiders: 4,
		Source: receipts.SceneGroup, Present: receipts.SceneGroup, Counted: morning, AsOf: at(1),
	}
	if diff := cmp.Diff(want, r, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// Who left can't be told from who has not read.
func TestReportWithoutTheMembersOfToday(t *testing.T) {
	t.Parallel()
	for _, why := range []error{errDown, receipts.ErrNoMemberList} {
		t.Run(why.Error(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			w.readers.say(readBy("zhang"))
			w.members.fail(why)
			w.clock.advance(freshMembers)
			r := w.report(t)
			namesNobody(t, r)
			if gap := onlyGap(t, r); gap.Part != receipts.MembersPart || !errors.Is(gap.Err, why) {
				t.Errorf("gap %v; want the members, because %v", gap, why)
			}
			if !slices.Equal(readerIDs(r), []string{"zhang"}) || r.Total != 3 {
				t.Errorf("readers %v of %d; want zhang of 3", readerIDs(r), r.Total)
			}
		})
	}
}

func TestReportWithoutMembersAndReadersSaysBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	unanswered := errors.New("timeout")
	w.readers.say(refusing(unanswered))
	w.members.fail(errDown)
	w.clock.advance(freshMembers)
	r := w.report(t)
	namesNobody(t, r)
	want := []receipts.Gap{{Part: receipts.ReadersPart, Err: unanswered}, {Part: receipts.MembersPart, Err: errDown}}
	if diff := cmp.Diff(want, r.Gaps, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

// An audience that nobody could count at the time of sending is counted as soon
// as somebody can, and then stays.
func TestReportFindsTheAudienceLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members.fail(errDown)
	w.announce(t)
	w.readers.say(readBy("li"))

	r := w.report(t)
	namesNobody(t, r)
	if gap := onlyGap(t, r); gap.Part != receipts.AudiencePart || !errors.Is(gap.Err, errDown) {
		t.Errorf("gap %v; want the audience, because %v", gap, errDown)
	}
	if !slices.Equal(readerIDs(r), []string{"chen", "li"}) || r.Total != 0 {
		t.Errorf("readers %v of %d; want who announced it and li, and no total", readerIDs(r), r.Total)
	}

	w.members.set("zhang", "li", "wang")
	w.clock.advance(5 * time.Minute)
	r = w.report(t)
	if !r.Complete() || !slices.Equal(r.Unread, []string{"zhang", "wang"}) || r.Total != 3 || !r.Counted.Equal(at(5)) {
		t.Errorf("report %+v; want 1 of 3, counted 5 minutes after the sending", r)
	}

	w.members.set("li", "wang", "zhao")
	w.clock.advance(5 * time.Minute)
	r = w.report(t)
	if !slices.Equal(r.Unread, []string{"wang"}) || r.Left != 1 || r.Joined != 1 || !r.Counted.Equal(at(5)) {
		t.Errorf("report %+v; want one who left, one who joined, and the audience as it was counted", r)
	}
}

// Without the records there is no report: an error, and no half truth.
func TestReportWithoutRecords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		set    func(w *world)
	}{
		{"Snapshot", func(*world) {}},
		{"SaveReads", func(*world) {}},
		{"SaveEndless", func(w *world) { w.readers.say(endless) }},
		{"SaveOver", func(w *world) { w.readers.say(refusing(receipts.ErrGroupGone)) }},
		{"Mark", func(w *world) { w.readers.say(inPages(receipts.ReadersPage{Delivery: receipts.TakenBack})) }},
		{"SaveAudience", func(w *world) { w.records.messages[group][0].kept.Audience = nil }},
	} {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announce(t)
			c.set(w)
			w.records.fail(c.method)
			r, err := w.reporter.Report(t.Context(), group, 1)
			if !errors.Is(err, errDown) {
				t.Errorf("error %v; want %v", err, errDown)
			}
			if diff := cmp.Diff(receipts.Report{}, r); diff != "" {
				t.Errorf("a report all the same:\n%s", diff)
			}
		})
	}
	t.Run("Mark of an interrupted message", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.begin(t)
		w.clock.advance(time.Hour)
		w.records.fail("Mark")
		if _, err := w.reporter.Report(t.Context(), group, 1); !errors.Is(err, errDown) {
			t.Errorf("error %v; want %v", err, errDown)
		}
	})
}

// announceMany sends as many messages, a minute apart.
func (w *world) announceMany(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		next := maintenance
		next.Command, next.Title = fmt.Sprint("msgId-", i+1), fmt.Sprint("公告 ", i+1)
		if _, err := w.announcer.Announce(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(time.Minute)
	}
}

func TestProgressTellsWhatIsKnownWithoutAskingDingTalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceMany(t, 5)
	for number, ids := range map[int][]string{5: {"li"}, 4: {"li", "zhang", "wang"}, 3: nil} {
		if err := w.records.SaveReads(t.Context(), group, number, ids, w.clock.now(), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	asked := w.members.questions()
	reports, err := w.reporter.Progress(t.Context(), group, 3)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range reports {
		got = append(got, fmt.Sprintf("#%d %s %d/%d", r.Message.Number, r.Message.Title, len(r.Read), r.Total))
		if len(r.Unread) != 0 {
			t.Errorf("#%d calls %v unread without having asked", r.Message.Number, r.Unread)
		}
	}
	if diff := cmp.Diff([]string{"#5 公告 5 1/3", "#4 公告 4 3/3", "#3 公告 3 0/3"}, got); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if w.readers.queries() != 0 || w.members.questions() != asked {
		t.Error("DingTalk was asked")
	}
}

func TestProgressOfAnotherGroupIsEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announceMany(t, 2)
	reports, err := w.reporter.Progress(t.Context(), elsewhere, 10)
	if err != nil || len(reports) != 0 {
		t.Errorf("Progress() = %v, %v; want nothing", reports, err)
	}
}

func TestProgressWithoutRecords(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"RecentSnapshots", "KnownMembers"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.announceMany(t, 2)
			w.records.fail(method)
			if reports, err := w.reporter.Progress(t.Context(), group, 10); !errors.Is(err, errDown) || reports != nil {
				t.Errorf("Progress() = %v, %v; want %v", reports, err, errDown)
			}
		})
	}
}

// A sweep saves what DingTalk would forget: it needs the readers, and nothing that the
// list of members would cost.
func TestSaveAsksForNoMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.clock.advance(time.Hour)
	members := w.members.questions()
	for _, c := range []struct {
		what    string
		readers []string
		queries int
		read    int
	}{
		{"some have read", []string{"li"}, 1, 1},
		{"that is still fresh", []string{"li", "zhang"}, 1, 1},
		{"all have read", []string{"li", "zhang", "wang"}, 2, 3},
		{"nothing is left to ask", nil, 2, 3},
	} {
		if c.queries != w.readers.queries() {
			w.clock.advance(time.Minute)
		}
		w.readers.say(readBy(c.readers...))
		r, err := w.reporter.Save(t.Context(), group, 1)
		if err != nil || !r.Complete() || len(r.Read) != c.read || r.Total != 3 {
			t.Errorf("%s: %+v, %v", c.what, r, err)
		}
		if n := w.readers.queries(); n != c.queries {
			t.Errorf("%s: %d queries", c.what, n)
		}
		if n := len(w.kept(t).Reads); n != c.read {
			t.Errorf("%s: %d reads are kept", c.what, n)
		}
	}
	if n := w.members.questions() - members; n != 0 {
		t.Errorf("the members were asked for %d times", n)
	}
}

func TestSaveTellsWhatItCouldNotFindOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	w.readers.say(func(context.Context, string) (receipts.ReadersPage, error) {
		return receipts.ReadersPage{}, errors.New("out of reach")
	})
	if r, err := w.reporter.Save(t.Context(), group, 1); err != nil || r.Complete() || len(r.Unread) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := w.reporter.Save(t.Context(), group, 2); !errors.Is(err, receipts.ErrNoMessage) {
		t.Error(err)
	}
	w.records.fail("SaveReads")
	if _, err := w.reporter.Save(t.Context(), group, 1); !errors.Is(err, errDown) {
		t.Error(err)
	}
}

// Whom the message was for is found out late rather than never.
func TestSaveMakesUpForAnUnknownAudience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members.fail(errors.New("out of reach"))
	w.announce(t)
	w.members.set("zhang", "li")
	if r, err := w.reporter.Save(t.Context(), group, 1); err != nil || r.Total != 2 || w.kept(t).Audience == nil {
		t.Errorf("%+v, %v", r, err)
	}
}
