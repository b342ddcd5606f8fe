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

	"whoread/receipts"
)

// Whatever DingTalk answers becomes the state of the message, and a repetition
// of the command finds it there and sends nothing.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	refused := errors.New("bot.stopped")
	for _, c := range []struct {
		name    string
		failure error
		want    receipts.Message
	}{
		{
			"taken", nil,
			receipts.Message{State: receipts.Sent, Key: keyOf(1), SentAt: morning},
		},
		{
			"certainly refused", &receipts.Failure{Reason: "bot_stopped", Err: refused},
			receipts.Message{State: receipts.Failed, Reason: "bot_stopped"},
		},
		{
			"certainly refused, with the error wrapped",
			fmt.Errorf("post: %w", &receipts.Failure{Reason: "bot_stopped", Err: refused}),
			receipts.Message{State: receipts.Failed, Reason: "bot_stopped"},
		},
		{
			"timed out", &receipts.Failure{Uncertain: true, Reason: "timeout", Err: context.DeadlineExceeded},
			receipts.Message{State: receipts.Uncertain, Reason: "timeout"},
		},
		{
			"broken in an unknown way", errors.New("unexpected EOF"),
			receipts.Message{State: receipts.Uncertain, Reason: receipts.Interrupted},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sender.err = c.failure
			c.want.Group, c.want.Number, c.want.CreatedAt = group, 1, morning
			c.want.Title, c.want.Beginning, c.want.Excerpt, c.want.Author = maintenance.Title, beginning, maintenance.Text, maintenance.Author
			for _, try := range []string{"the first time", "again", "once more"} {
				done, err := w.announcer.Announce(t.Context(), maintenance)
				if err != nil {
					t.Fatalf("%s: Announce() failed: %v", try, err)
				}
				if diff := cmp.Diff(c.want, done.Message); diff != "" {
					t.Errorf("%s: message (-want +got):\n%s", try, diff)
				}
				if diff := cmp.Diff(c.want, w.kept(t).Message); diff != "" {
					t.Errorf("%s: recorded message (-want +got):\n%s", try, diff)
				}
				if sends := w.sender.sends(); sends != 1 {
					t.Fatalf("%s: sent %d times", try, sends)
				}
				w.clock.advance(time.Hour)
				w.sender.err = nil // a second send would work
			}
		})
	}
}

func TestAnnounceAnotherCommandIsAnotherMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.announce(t)
	next := maintenance
	next.Command = "msgId-2"
	done, err := w.announcer.Announce(t.Context(), next)
	if err != nil || done.Message.Number != 2 || done.Message.Key != keyOf(2) {
		t.Errorf("Announce() = %+v, %v; want #2 with its own key", done.Message, err)
	}
	next.Group = elsewhere
	done, err = w.announcer.Announce(t.Context(), next)
	if err != nil || done.Message.Number != 1 {
		t.Errorf("Announce() in another group = %+v, %v; want its #1", done.Message, err)
	}
}

func TestAnnounceTheAudienceIsTheGroupAtTheTimeOfSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members.outsiders = 2
	done, err := w.announcer.Announce(t.Context(), maintenance)
	if err != nil || done.NoAudience != nil {
		t.Fatalf("Announce() = %+v, %v", done, err)
	}
	want := &receipts.Members{UserIDs: []string{"zhang", "li", "wang"}, Outsiders: 2, Source: receipts.SceneGroup, At: morning}
	if diff := cmp.Diff(want, done.Audience); diff != "" {
		t.Errorf("audience (-want +got):\n%s", diff)
	}
	w.members.set("zhang", "zhao")
	w.clock.advance(time.Hour)
	w.report(t)
	if diff := cmp.Diff(want, w.kept(t).Audience); diff != "" {
		t.Errorf("recorded audience (-want +got):\n%s", diff)
	}
}

func TestAnnounceWhatDoesNotFitLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sender.unfit = errors.New("too long")
	if _, err := w.announcer.Announce(t.Context(), maintenance); !errors.Is(err, w.sender.unfit) {
		t.Errorf("error %v; want %v", err, w.sender.unfit)
	}
	if w.sender.sends() != 0 || w.members.questions() != 0 || len(w.records.calls) != 0 {
		t.Errorf("%d sends, %d questions for members, calls %v of the records; want none of them",
			w.sender.sends(), w.members.questions(), w.records.calls)
	}
}

func TestAnnounceSendsNothingThatIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.records.fail("Begin")
	_, err := w.announcer.Announce(t.Context(), maintenance)
	if !errors.Is(err, errDown) || errors.Is(err, receipts.ErrUnrecorded) {
		t.Errorf("error %v; want %v", err, errDown)
	}
	if sends := w.sender.sends(); sends != 0 {
		t.Errorf("sent %d times", sends)
	}
}

// The record is written and its answer lost: nothing was sent, but by the record
// nobody can tell.
func TestAnnounceAfterTheAnswerOfTheRecordsWasLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.records.after = func(_ context.Context, method string) error {
		if method == "Begin" {
			return errDown
		}
		return nil
	}
	if _, err := w.announcer.Announce(t.Context(), maintenance); !errors.Is(err, errDown) {
		t.Errorf("error %v; want %v", err, errDown)
	}
	w.records.after = nil
	w.wantInterrupted(t)
}

func TestAnnounceAfterACrashBetweenTheRecordAndTheSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	w.wantInterrupted(t)
}

func TestAnnounceAfterACrashWhenTheRecordsAreDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	w.records.fail("Mark")
	if _, err := w.announcer.Announce(t.Context(), maintenance); !errors.Is(err, errDown) {
		t.Errorf("error %v; want %v", err, errDown)
	}
	w.records.before = nil
	w.wantInterrupted(t)
}

// begin writes what a try that was cut off before its send leaves behind.
func (w *world) begin(t *testing.T) {
	t.Helper()
	_, _, err := w.records.Begin(t.Context(), receipts.Draft{
		Group: group, Command: maintenance.Command, Title: maintenance.Title, Beginning: beginning, Excerpt: maintenance.Text, Author: maintenance.Author, At: w.announcer.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantInterrupted repeats the command: the message is called uncertain, and not
// sent.
func (w *world) wantInterrupted(t *testing.T) {
	t.Helper()
	sends := w.sender.sends()
	for range 2 {
		done, err := w.announcer.Announce(t.Context(), maintenance)
		if err != nil {
			t.Fatalf("Announce() failed: %v", err)
		}
		if m := done.Message; m.State != receipts.Uncertain || m.Reason != receipts.Interrupted || m.Number != 1 {
			t.Errorf("message %+v; want an interrupted #1", m)
		}
	}
	if w.sender.sends() != sends {
		t.Error("it was sent by a repetition")
	}
}

// A repetition may find the message on its way and see it arrive.
func TestAnnounceARepetitionMeetsTheEndOfTheFirstTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	w.records.meanwhile("Mark", func(ctx context.Context) error {
		_, err := w.records.Mark(ctx, group, 1, receipts.Change{To: receipts.Sent, Key: keyOf(7), SentAt: morning})
		return err
	})
	done, err := w.announcer.Announce(t.Context(), maintenance)
	if err != nil || done.Message.State != receipts.Sent || done.Message.Key != keyOf(7) {
		t.Errorf("Announce() = %+v, %v; want the sent message", done.Message, err)
	}
	if w.sender.sends() != 0 {
		t.Error("it was sent by a repetition")
	}
}

func TestAnnounceByManyWorkersAtOnceIsSentOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := w.announcer.Announce(t.Context(), maintenance); err != nil {
				t.Errorf("Announce() failed: %v", err)
			}
		})
	}
	all.Wait()
	if sends := w.sender.sends(); sends != 1 {
		t.Errorf("sent %d times", sends)
	}
	if m := w.kept(t).Message; m.State != receipts.Sent || m.Key != keyOf(1) {
		t.Errorf("message %+v; want it sent", m)
	}
}

func TestAnnounceWithoutItsAudience(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(w *world)
		want error
		wait time.Duration
	}{
		{"nobody can list it", func(w *world) { w.members.fail(receipts.ErrNoMemberList) }, receipts.ErrNoMemberList, 0},
		{"the list fails", func(w *world) { w.members.fail(errDown) }, errDown, 0},
		{"the list takes too long", func(w *world) { w.members.hang = true }, context.DeadlineExceeded, 10 * time.Second},
		{"the records fail", func(w *world) { w.records.fail("KnownMembers") }, errDown, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorldAt(t, nil, time.Now)
				c.set(w)
				begun := time.Now()
				done, err := w.announcer.Announce(t.Context(), maintenance)
				if err != nil || done.Message.State != receipts.Sent || w.sender.sends() != 1 {
					t.Errorf("Announce() = %+v, %v; want it sent all the same", done.Message, err)
				}
				if done.Audience != nil || !errors.Is(done.NoAudience, c.want) {
					t.Errorf("audience %v, because %v; want none, because %v", done.Audience, done.NoAudience, c.want)
				}
				if w.kept(t).Audience != nil {
					t.Error("an audience was recorded")
				}
				if waited := time.Since(begun); waited != c.wait {
					t.Errorf("it waited %v; want %v", waited, c.wait)
				}
			})
		})
	}
}

// A message that was sent has to be recorded: the records are tried for 10
// seconds.
func TestAnnounceWhileTheRecordsAreDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		mark func(ctx context.Context, try int, since time.Duration) error
		lost bool // the answers, not the questions
		want error
	}{
		{name: "for two tries", mark: func(_ context.Context, try int, _ time.Duration) error { return downIf(try <= 2) }},
		{name: "for five seconds", mark: func(_ context.Context, _ int, since time.Duration) error {
			return downIf(since < 5*time.Second)
		}},
		{name: "and their first answer is lost", lost: true, mark: func(_ context.Context, try int, _ time.Duration) error {
			return downIf(try == 1)
		}},
		{name: "for long", want: errDown, mark: func(context.Context, int, time.Duration) error { return errDown }},
		{name: "and hang", want: context.DeadlineExceeded, mark: func(ctx context.Context, _ int, _ time.Duration) error {
			<-ctx.Done()
			return ctx.Err()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorldAt(t, nil, time.Now)
				begun, tries := time.Now(), 0
				hook := func(ctx context.Context, method string) error {
					if method != "Mark" {
						return nil
					}
					tries++
					return c.mark(ctx, tries, time.Since(begun))
				}
				if c.lost {
					w.records.after = hook
				} else {
					w.records.before = hook
				}
				done, err := w.announcer.Announce(t.Context(), maintenance)
				if waited := time.Since(begun); waited > 10*time.Second {
					t.Errorf("it took %v", waited)
				}
				if c.want == nil {
					if err != nil || done.Message.State != receipts.Sent || done.Message.Key != keyOf(1) {
						t.Errorf("Announce() = %+v, %v; want it sent", done.Message, err)
					}
					return
				}
				if !errors.Is(err, receipts.ErrUnrecorded) || !errors.Is(err, c.want) {
					t.Errorf("error %v; want %v, because %v", err, receipts.ErrUnrecorded, c.want)
				}
				if done.Message.Number != 1 {
					t.Errorf("message %+v; want its number all the same", done.Message)
				}
				w.records.before = nil
				w.wantInterrupted(t)
			})
		})
	}
}

func downIf(down bool) error {
	if down {
		return errDown
	}
	return nil
}

func TestAnnounceWhenTheRecordIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldAt(t, nil, time.Now)
		w.records.before = func(_ context.Context, method string) error {
			if method == "Mark" {
				return receipts.ErrNoMessage
			}
			return nil
		}
		begun := time.Now()
		_, err := w.announcer.Announce(t.Context(), maintenance)
		if !errors.Is(err, receipts.ErrUnrecorded) || !errors.Is(err, receipts.ErrNoMessage) {
			t.Errorf("error %v; want %v, because %v", err, receipts.ErrUnrecorded, receipts.ErrNoMessage)
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("it was tried for %v; want once", waited)
		}
	})
}

// The worker is stopped while DingTalk is at it: what DingTalk answered is
// recorded all the same.
func TestAnnounceIsRecordedByAStoppedWorker(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		failure error
		want    receipts.State
	}{
		{"sent", nil, receipts.Sent},
		{"failed", &receipts.Failure{Reason: "bot_stopped", Err: errors.New("bot.stopped")}, receipts.Failed},
		{"uncertain", &receipts.Failure{Uncertain: true, Reason: "timeout", Err: context.Canceled}, receipts.Uncertain},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, stop := context.WithCancel(t.Context())
			w.sender.err, w.sender.during = c.failure, func(context.Context) { stop() }
			done, err := w.announcer.Announce(ctx, maintenance)
			if err != nil || done.Message.State != c.want {
				t.Errorf("Announce() = %+v, %v; want it %s", done.Message, err, c.want)
			}
			if got := w.kept(t).Message.State; got != c.want {
				t.Errorf("recorded as %s; want %s", got, c.want)
			}
		})
	}
}

// While the send hangs, the message is in the group, and somebody quotes it. What became
// of it, its send says; or a quotation after that.
func TestAnnounceIsSeenInTheGroupBeforeItsSendEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		failure error
		state   receipts.State
	}{
		{"taken", nil, receipts.Sent},
		{"timed out", &receipts.Failure{Uncertain: true, Reason: "timeout", Err: context.DeadlineExceeded}, receipts.Uncertain},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			quote := receipts.Quote{Key: keyOf(1), CreatedAt: morning, Text: posted}
			w := newWorld(t)
			w.sender.err = c.failure
			w.sender.during = func(ctx context.Context) {
				if m, err := w.reporter.Quoted(ctx, group, quote, receipts.Asker{}); err != nil || m.Number != 1 || m.State != receipts.Sending {
					t.Errorf("Quoted() = %+v, %v; want #1, which is on its way", m, err)
				}
			}
			done, err := w.announcer.Announce(t.Context(), maintenance)
			if err != nil || done.Message.State != c.state {
				t.Errorf("Announce() = %+v, %v; want it %s", done.Message, err, c.state)
			}
			w.readers.sent[keyOf(1)] = group
			m, err := w.reporter.Quoted(t.Context(), group, quote, receipts.Asker{})
			if err != nil || m.Number != 1 || m.State != receipts.Sent || m.Key != keyOf(1) {
				t.Errorf("quoted again, it is %+v, %v; want #1 sent", m, err)
			}
		})
	}
}

// Whoever comes before the message is posted is asked to read it, though not counted
// when the announcement began, and whenever that becomes known. Who comes later is not.
func TestTheAudienceOfAnAnnouncementThatTakesItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	came := func(id string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			return w.announcer.Members.Joined(ctx, group, []string{id}, moment(w.clock.now()))
		}
	}
	w.members.during = func(ctx context.Context) { // the list is on its way
		w.clock.advance(time.Second)
		if err := came("while listed")(ctx); err != nil {
			t.Error(err)
		}
	}
	w.records.meanwhile("Begin", came("before the record"))
	w.sender.before = func(ctx context.Context) {
		w.clock.advance(time.Second)
		if err := came("before the posting")(ctx); err != nil {
			t.Error(err)
		}
	}
	late := moment(w.clock.now().Add(time.Second))
	w.sender.during = func(ctx context.Context) {
		w.clock.advance(time.Second)
		if err := came("after the posting")(ctx); err != nil {
			t.Error(err)
		}
	}
	w.announce(t)
	w.members.during = nil
	want := []string{"before the posting", "before the record", "known late", "li", "wang", "while listed", "zhang"}
	w.members.set(append(want, "after the posting")...)
	w.clock.advance(time.Minute)
	if err := w.announcer.Members.Joined(t.Context(), group, []string{"known late"}, late); err != nil {
		t.Fatal(err)
	}
	r := w.report(t)
	slices.Sort(r.Unread)
	if !slices.Equal(r.Unread, want) || r.Joined != 1 {
		t.Errorf("unread %q, %d joined; want %q and 1", r.Unread, r.Joined, want)
	}
}

// Quoted and recalled before its send ends: the record is right, and stays.
func TestAnnounceIsTakenBackBeforeItsSendEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sender.during = func(ctx context.Context) {
		for _, c := range []receipts.Change{{To: receipts.Sent, Key: keyOf(1), SentAt: morning}, {To: receipts.Recalled}} {
			if _, err := w.records.Mark(ctx, group, 1, c); err != nil {
				t.Error(err)
			}
		}
	}
	done, err := w.announcer.Announce(t.Context(), maintenance)
	if err != nil || done.Message.State != receipts.Recalled {
		t.Errorf("Announce() = %+v, %v; want it recalled", done.Message, err)
	}
}

// A quotation of another message was taken for this one's.
func TestAnnounceWhoseRecordHasAnotherKeyIsUnrecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sender.during = func(ctx context.Context) {
		change := receipts.Change{To: receipts.Sent, Key: "another", SentAt: morning}
		if _, err := w.records.Mark(ctx, group, 1, change); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.announcer.Announce(t.Context(), maintenance); !errors.Is(err, receipts.ErrUnrecorded) {
		t.Errorf("error %v; want %v", err, receipts.ErrUnrecorded)
	}
	if key := w.kept(t).Message.Key; key != "another" {
		t.Errorf("the key became %q", key)
	}
}

func TestAFailureSaysWhy(t *testing.T) {
	t.Parallel()
	why := errors.New("bot.stopped: the bot is stopped in this group")
	var err error = &receipts.Failure{Reason: "bot_stopped", Err: why}
	if !errors.Is(err, why) || err.Error() != why.Error() {
		t.Errorf("error %q does not tell its cause", err)
	}
}
