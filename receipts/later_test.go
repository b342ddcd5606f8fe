package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// forLater is an announcement for so long after the morning.
func forLater(command string, after time.Duration) receipts.Announcement {
	a := saying(command, "title of "+command)
	a.At = morning.Add(after)
	return a
}

// planned has the service schedule an announcement, which has to work.
func planned(t *testing.T, s *receipts.Service, a receipts.Announcement) receipts.Message {
	t.Helper()
	done, err := s.Announce(t.Context(), boss, a)
	if err != nil || done.Message.State != receipts.Scheduled {
		t.Fatalf("%+v, %v", done.Message, err)
	}
	return done.Message
}

// due does the jobs whose time has come, and returns their errors.
func (w *world) due(t *testing.T, s *receipts.Service, schedule *jobs) (failed []error) {
	t.Helper()
	waiting, err := schedule.Scheduled(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range waiting {
		if j.Kind != receipts.AnnounceJob || j.At.After(w.clock.now()) {
			continue
		}
		if _, err := schedule.Cancel(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), j); err != nil {
			failed = append(failed, err)
			schedule.wait = append(schedule.wait, j) // it is tried again
		}
	}
	return failed
}

// stateOf is what is recorded of a message.
func (w *world) stateOf(t *testing.T, number int) receipts.State {
	t.Helper()
	kept, err := w.records.Snapshot(context.WithoutCancel(t.Context()), group, number)
	if err != nil {
		t.Fatal(err)
	}
	return kept.Message.State
}

func TestAnAnnouncementForLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, func(s *receipts.Settings) { s.Sweeps = []time.Duration{time.Hour} })
	a := forLater("msg1", time.Hour)
	a.Every, a.Deadline = 10*time.Minute, a.At.Add(5*time.Hour)
	m := planned(t, s, a)
	if again := planned(t, s, a); again.Number != m.Number || len(schedule.wait) != 1 {
		t.Errorf("repeated it is #%d, with %d jobs", again.Number, len(schedule.wait))
	}
	w.clock.advance(59 * time.Minute)
	w.members.set("zhang", "new")
	w.due(t, s, schedule)
	if len(w.sender.posts) > 0 {
		t.Fatal("it was sent too early")
	}
	w.clock.advance(time.Minute)
	if err := w.due(t, s, schedule); len(err) > 0 {
		t.Fatal(err)
	}
	kept := w.kept(t)
	if kept.Message.State != receipts.Sent || !kept.Message.SentAt.Equal(a.At) || !slices.Contains(kept.Audience.UserIDs, "new") {
		t.Errorf("kept %+v for %v", kept.Message, kept.Audience)
	}
	if diff := cmp.Diff([]string{a.Title}, w.sender.posts); diff != "" {
		t.Errorf("posts (-want +got):\n%s", diff)
	}
	if f := kept.FollowUp; f == nil || !f.Until.Equal(a.Deadline) || !f.Next.Equal(a.At.Add(a.Every)) {
		t.Errorf("follow-up %+v", f)
	}
	kinds := map[string]int{}
	for _, j := range schedule.wait {
		kinds[j.Kind]++
	}
	if diff := cmp.Diff(map[string]int{receipts.SweepJob: 1, receipts.FollowUpJob: 1}, kinds); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

// failing plays the same again and again, each time in a world of its own in which another call of
// the records fails, or is carried out and loses its answer, until each has. Play prepares a world,
// and returns what is tried while that call fails, and what has to be true after.
func failing(t *testing.T, play func(w *world) (try func(), check func(name string))) {
	t.Helper()
	for _, carriedOut := range []bool{false, true} {
		for nth := 1; ; nth++ {
			w := newWorld(t)
			try, check := play(w)
			calls := 0
			fail := func(_ context.Context, method string) error {
				if calls++; calls == nth {
					return fmt.Errorf("%s: %w", method, errDown)
				}
				return nil
			}
			if carriedOut {
				w.records.after = fail
			} else {
				w.records.before = fail
			}
			for range 4 {
				try()
			}
			w.records.before, w.records.after = nil, nil
			if calls < nth {
				break
			}
			check(fmt.Sprintf("call %d, carried out %t", nth, carriedOut))
		}
	}
}

// sentOnce expects that #1, of that title, is Sent and was posted once, or is Uncertain and was
// posted once at most.
func (w *world) sentOnce(t *testing.T, name, title string) {
	t.Helper()
	sent := 0
	for _, posted := range w.sender.posts {
		if posted == title {
			sent++
		}
	}
	switch state := w.stateOf(t, 1); {
	case sent > 1:
		t.Errorf("%s: sent %d times", name, sent)
	case state != receipts.Sent && state != receipts.Uncertain:
		t.Errorf("%s: it is %s", name, state)
	case state == receipts.Sent && sent != 1:
		t.Errorf("%s: it counts as sent and is not", name)
	}
}

// Whatever call of the records fails, or loses its answer: it is sent at most once, it is not
// forgotten, and the next one of its series comes.
func TestAnAnnouncementForLaterWhereRecordsFail(t *testing.T) {
	t.Parallel()
	failing(t, func(w *world) (func(), func(string)) {
		s, schedule := w.service(t, nil)
		a := forLater("msg1", time.Hour)
		a.Again = receipts.WeekdaysOf(time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday)
		planned(t, s, a)
		w.clock.advance(time.Hour)
		return func() { w.due(t, s, schedule) }, func(name string) {
			w.sentOnce(t, name, a.Title)
			if state := w.stateOf(t, 2); state != receipts.Scheduled {
				t.Errorf("%s: the next one is %s", name, state)
			}
			if waiting, _ := schedule.Scheduled(t.Context(), group); len(waiting) != 1 {
				t.Errorf("%s: %d jobs wait", name, len(waiting))
			}
		}
	})
}

// Whatever call of the records fails, or loses its answer: what is posted is followed up, and
// its author hears if it is uncertain, once.
func TestWhatFollowsAnAnnouncementForLaterIsNotLost(t *testing.T) {
	t.Parallel()
	failing(t, func(w *world) (func(), func(string)) {
		s, schedule := w.service(t, func(s *receipts.Settings) { s.Sweeps = []time.Duration{time.Hour} })
		a := forLater("msg1", time.Hour)
		a.Deadline = a.At.Add(time.Hour)
		planned(t, s, a)
		w.clock.advance(time.Hour)
		return func() { w.due(t, s, schedule) }, func(name string) {
			if f := w.kept(t).FollowUp; f == nil || !f.Until.Equal(a.Deadline) {
				t.Errorf("%s: it is %s, and its follow-up %+v", name, w.stateOf(t, 1), f)
			}
			kinds := map[string]int{}
			for _, j := range schedule.wait {
				kinds[j.Kind]++
			}
			if diff := cmp.Diff(map[string]int{receipts.SweepJob: 1, receipts.FollowUpJob: 1}, kinds); diff != "" {
				t.Errorf("%s: jobs (-want +got):\n%s", name, diff)
			}
			said := 0
			for _, post := range w.sender.posts {
				if post == "it is uncertain" {
					said++
				}
			}
			if want := w.stateOf(t, 1) == receipts.Uncertain; want != (said == 1) || said > 1 {
				t.Errorf("%s: it is %s, and its author was told %d times", name, w.stateOf(t, 1), said)
			}
		}
	})
}

// DingTalk can't be reached, so that two of a series wait.
func TestStopEndsASeriesOfWhichSeveralWait(t *testing.T) {
	t.Parallel()
	for _, named := range []int{0, 1, 2} {
		w := newWorld(t)
		s, schedule := w.service(t, nil)
		a := forLater("msg1", time.Hour)
		a.Again = receipts.WeekdaysOf(time.Friday)
		planned(t, s, a)
		w.clock.advance(time.Hour)
		w.sender.err = &receipts.Failure{Reason: receipts.Unavailable, Err: errDown}
		w.due(t, s, schedule)
		stopped, err := s.Stop(t.Context(), boss, group, receipts.Ref{Number: named})
		if err != nil || !stopped.Series {
			t.Errorf("%+v, %v", stopped, err)
		}
		if waiting, _ := schedule.Scheduled(t.Context(), group); len(waiting) > 0 {
			t.Errorf("stop #%d: %v waits", named, waiting)
		}
		for _, number := range []int{1, 2} {
			if state := w.stateOf(t, number); state != receipts.CalledOff {
				t.Errorf("stop #%d: #%d is %s", named, number, state)
			}
		}
	}
}

// One that is late is sent, or cancelled, after its series was ended.
func TestASeriesThatWasStoppedStaysSo(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{false, true} {
		w := newWorld(t)
		s, schedule := w.service(t, nil)
		a := forLater("msg1", time.Hour)
		a.Again = receipts.WeekdaysOf(time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday)
		planned(t, s, a)
		w.clock.advance(2 * time.Hour)
		w.due(t, s, schedule) // its author is asked, and the next one planned
		if stopped, err := s.Stop(t.Context(), boss, group, receipts.Ref{Number: 2}); err != nil || !stopped.Series {
			t.Fatalf("%+v, %v", stopped, err)
		}
		w.clock.advance(24 * time.Hour)
		var err error
		if cancelled {
			_, err = s.Cancel(t.Context(), boss, group, receipts.Ref{Number: 1})
		} else {
			_, err = s.Send(t.Context(), boss, group, 1)
		}
		if waiting, _ := schedule.Scheduled(t.Context(), group); err != nil || len(waiting) > 0 {
			t.Errorf("cancelled %t: %v, and %v waits", cancelled, err, waiting)
		}
	}
}

func TestAnAnnouncementThatIsLateIsAskedAbout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, nil)
	m := planned(t, s, forLater("msg1", time.Hour))
	w.clock.advance(time.Hour + 31*time.Minute)
	if err := w.due(t, s, schedule); len(err) > 0 {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"it is scheduled"}, w.sender.posts); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
	s.UpdateGroup(t.Context(), group, receipts.GroupUpdate{Speaker: boss.Person, Command: "yes", At: w.clock.now()})
	asked, err := s.Pending(t.Context(), boss, group, "yes")
	if diff := cmp.Diff(&receipts.Pending{Kind: receipts.PendingSend, Number: m.Number}, asked); diff != "" || err != nil {
		t.Errorf("asked %v (-want +got):\n%s", err, diff)
	}
	if _, err := s.Send(t.Context(), zhang, group, m.Number); !errors.As(err, new(*receipts.ForbiddenError)) {
		t.Errorf("who may not announce: %v", err)
	}
	done, err := s.Send(t.Context(), boss, group, m.Number)
	if err != nil || done.Message.State != receipts.Sent {
		t.Errorf("%+v, %v", done.Message, err)
	}
	if _, err := s.Send(t.Context(), boss, group, m.Number); !errors.Is(err, receipts.ErrWrongState) {
		t.Errorf("once more: %v", err)
	}
}

// The yes to a late announcement was cut off while it was sent, and is carried out again.
func TestAYesThatWasCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, nil)
	a := forLater("msg1", time.Hour)
	a.Deadline = a.At.Add(5 * time.Hour)
	planned(t, s, a)
	w.clock.advance(2 * time.Hour)
	w.due(t, s, schedule)
	if _, _, err := w.records.BeginSending(t.Context(), group, 1, receipts.SendingStart{At: w.clock.now(), Deadline: a.Deadline}); err != nil {
		t.Fatal(err)
	}
	done, err := s.Send(t.Context(), boss, group, 1)
	if err != nil || done.Message.State != receipts.Uncertain || done.FollowUp == nil {
		t.Errorf("%+v, %v", done, err)
	}
	if slices.Contains(w.sender.posts, a.Title) {
		t.Errorf("posts %q", w.sender.posts)
	}
}

// After an outage somebody's announcements are asked about one after the other, so that a yes is to
// the one that was asked about last, and to no reminder.
func TestOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, nil)
	planned(t, s, forLater("msg1", time.Hour))
	planned(t, s, forLater("msg2", time.Hour))
	w.clock.advance(2 * time.Hour)
	reminder := receipts.Pending{Kind: receipts.PendingReminder, Number: 9}
	if err := w.records.SavePending(t.Context(), group, boss.UserID, reminder); err != nil {
		t.Fatal(err)
	}
	yes := func(command string, want receipts.Pending) {
		t.Helper()
		s.UpdateGroup(t.Context(), group, receipts.GroupUpdate{Speaker: boss.Person, Command: command, At: w.clock.now()})
		got, err := s.Pending(t.Context(), boss, group, command)
		if diff := cmp.Diff(&want, got); diff != "" || err != nil {
			t.Errorf("%s is to, %v (-want +got):\n%s", command, err, diff)
		}
	}
	for i, want := range []receipts.Pending{reminder, {Kind: receipts.PendingSend, Number: 1}, {Kind: receipts.PendingSend, Number: 2}} {
		for range 3 {
			if err := w.due(t, s, schedule); len(err) > 0 {
				t.Fatal(err)
			}
			w.clock.advance(receipts.PendingFor)
		}
		if len(w.sender.posts) != i {
			t.Errorf("question %d: said %q", i, w.sender.posts)
		}
		yes(fmt.Sprint("yes ", i), want)
	}
}

func TestAnAnnouncementWaitsForDingTalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, nil)
	planned(t, s, forLater("msg1", time.Hour))
	w.clock.advance(time.Hour)
	w.sender.err = &receipts.Failure{Reason: receipts.Unavailable, Err: errors.New("connection refused")}
	for range 10 {
		if err := w.due(t, s, schedule); len(err) > 0 {
			t.Fatal(err)
		}
		w.clock.advance(time.Minute)
	}
	if asked := len(w.sender.posts); asked != 10 || w.stateOf(t, 1) != receipts.Scheduled {
		t.Fatalf("asked %d times, and it is %s", asked, w.stateOf(t, 1))
	}
	w.sender.err = nil
	w.due(t, s, schedule)
	if w.stateOf(t, 1) != receipts.Sent {
		t.Errorf("it is %s", w.stateOf(t, 1))
	}

	// What DingTalk refuses for good is not tried again, and said.
	for reason, want := range map[*receipts.Failure]receipts.State{
		{Reason: receipts.TextRefused, Err: errDown}:                  receipts.Failed,
		{Reason: receipts.Unavailable, Uncertain: true, Err: errDown}: receipts.Uncertain,
	} {
		w := newWorld(t)
		s, schedule := w.service(t, nil)
		planned(t, s, forLater("msg1", time.Hour))
		w.clock.advance(time.Hour)
		w.sender.err = reason
		w.due(t, s, schedule)
		w.due(t, s, schedule)
		if diff := cmp.Diff([]string{"title of msg1", "it is " + string(want)}, w.sender.posts); diff != "" {
			t.Errorf("%v (-want +got):\n%s", reason, diff)
		}
	}
}

func TestCallingOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, nil)
	if _, err := s.Cancel(t.Context(), boss, group, receipts.Ref{}); !errors.Is(err, receipts.ErrNothingScheduled) {
		t.Errorf("nothing is scheduled: %v", err)
	}
	planned(t, s, forLater("msg1", time.Hour))
	planned(t, s, forLater("msg2", 2*time.Hour))
	if _, err := s.Cancel(t.Context(), zhang, group, receipts.Ref{Number: 1}); !errors.As(err, new(*receipts.ForbiddenError)) {
		t.Errorf("somebody else: %v", err)
	}
	many := new(receipts.ManyScheduledError)
	if _, err := s.Cancel(t.Context(), boss, group, receipts.Ref{}); !errors.As(err, &many) || !slices.Equal(many.Numbers, []int{1, 2}) {
		t.Errorf("which: %v", err)
	}
	off, err := s.Cancel(t.Context(), boss, group, receipts.Ref{Number: 1})
	if err != nil || off.Message.State != receipts.CalledOff || off.Next != nil {
		t.Errorf("%+v, %v", off, err)
	}
	if _, err := s.Cancel(t.Context(), boss, group, receipts.Ref{Number: 1}); !errors.Is(err, receipts.ErrWrongState) {
		t.Errorf("again: %v", err)
	}
	// It is called off while its sending is about to begin.
	w.clock.advance(2 * time.Hour)
	w.records.meanwhile("BeginSending", func(ctx context.Context) error {
		_, err := s.Cancel(ctx, boss, group, receipts.Ref{Number: 2})
		return err
	})
	if err := w.due(t, s, schedule); len(err) > 0 || len(w.sender.posts) > 0 {
		t.Errorf("%v, posts %q", err, w.sender.posts)
	}
	// What another replica has begun to send is posted by nobody else.
	w.records.meanwhile("BeginSending", func(ctx context.Context) error {
		_, _, err := w.records.BeginSending(ctx, group, 3, receipts.SendingStart{At: w.clock.now()})
		return err
	})
	planned(t, s, forLater("msg3", 3*time.Hour))
	w.clock.advance(time.Hour)
	w.due(t, s, schedule)
	if slices.Contains(w.sender.posts, "title of msg3") || w.stateOf(t, 3) != receipts.Uncertain {
		t.Errorf("posts %q, and it is %s", w.sender.posts, w.stateOf(t, 3))
	}
}

func TestSeries(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.clock.time = time.Date(2026, 3, 26, 12, 0, 0, 0, berlin) // a Thursday; clocks skip 2:30 on Sunday
	s, schedule := w.service(t, func(s *receipts.Settings) { s.Zone = berlin })
	a := saying("msg1", "title")
	a.At = time.Date(2026, 3, 27, 2, 30, 0, 0, berlin)
	a.Deadline = a.At.Add(10 * time.Hour)
	a.Again = receipts.WeekdaysOf(time.Friday, time.Sunday, time.Monday)
	planned(t, s, a)
	var sent, until []string
	for range 5 {
		waiting, _ := schedule.Scheduled(t.Context(), group)
		waiting = slices.DeleteFunc(waiting, func(j receipts.Job) bool { return j.Kind != receipts.AnnounceJob })
		if len(waiting) != 1 {
			t.Fatalf("%d wait", len(waiting))
		}
		w.clock.time = waiting[0].At
		if err := w.due(t, s, schedule); len(err) > 0 {
			t.Fatal(err)
		}
		m, err := w.records.Latest(t.Context(), group)
		if err != nil || m.Number != len(sent)+1 {
			t.Fatalf("#%d, %v", m.Number, err)
		}
		f, err := w.records.FollowUp(t.Context(), group, m.Number)
		if err != nil {
			t.Fatal(err)
		}
		sent, until = append(sent, m.SentAt.In(berlin).Format("Mon 15:04")), append(until, f.Until.In(berlin).Format("Mon 15:04"))
	}
	if diff := cmp.Diff([]string{"Fri 02:30", "Sun 03:30", "Mon 02:30", "Fri 02:30", "Sun 02:30"}, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Fri 12:30", "Sun 12:30", "Mon 12:30", "Fri 12:30", "Sun 12:30"}, until); diff != "" {
		t.Errorf("deadlines (-want +got):\n%s", diff)
	}
	off, err := s.Cancel(t.Context(), boss, group, receipts.Ref{Number: 6})
	if err != nil || off.Next == nil || off.Next.Number != 7 {
		t.Errorf("%+v, %v", off, err)
	}
	for _, number := range []int{1, 2, 3, 4, 5} {
		if _, err := s.Stop(t.Context(), boss, group, receipts.Ref{Number: number}); err != nil {
			t.Error(err)
		}
	}
	stopped, err := s.Stop(t.Context(), boss, group, receipts.Ref{Number: 2}) // again
	if err != nil || stopped.Series || stopped.Next == nil || stopped.Next.Number != 7 {
		t.Errorf("%+v, %v", stopped, err)
	}
	stopped, err = s.Stop(t.Context(), boss, group, receipts.Ref{Number: 7})
	if err != nil || !stopped.Series || w.stateOf(t, 7) != receipts.CalledOff {
		t.Errorf("%+v, %v, and #7 is %s", stopped, err, w.stateOf(t, 7))
	}
	if _, err := s.Stop(t.Context(), boss, group, receipts.Ref{}); !errors.Is(err, receipts.ErrNothingFollowed) {
		t.Errorf("nothing is left to stop: %v", err)
	}
}

func TestAGroupHasOnlySoManySeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service(t, nil)
	for i := range receipts.SeriesMax {
		a := forLater(fmt.Sprint("msg", i), time.Hour)
		a.Again = receipts.WeekdaysOf(time.Friday)
		planned(t, s, a)
		planned(t, s, forLater(fmt.Sprint("once", i), time.Hour))
	}
	a := forLater("one more", time.Hour)
	a.Again = receipts.WeekdaysOf(time.Friday)
	if _, err := s.Announce(t.Context(), boss, a); !errors.Is(err, receipts.ErrManySeries) {
		t.Error(err)
	}
	a.Command = "msg0" // a repetition
	if _, err := s.Announce(t.Context(), boss, a); err != nil {
		t.Error(err)
	}
}

func TestNothingIsSentToAGroupThatIsGoneOrNotAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, schedule := w.service(t, nil)
	planned(t, s, forLater("msg1", time.Hour))
	a := forLater("msg2", 2*time.Hour)
	a.Again = receipts.WeekdaysOf(time.Friday)
	planned(t, s, a)
	elsewhere, _ := w.service(t, func(s *receipts.Settings) { s.Policy.Groups = []string{"another"} })
	w.clock.advance(time.Hour)
	if err := w.due(t, elsewhere, schedule); len(err) > 0 || w.stateOf(t, 1) != receipts.CalledOff {
		t.Errorf("%v, and it is %s", err, w.stateOf(t, 1))
	}
	if err := s.Events.Disbanded(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	if waiting, _ := schedule.Scheduled(t.Context(), group); w.stateOf(t, 2) != receipts.CalledOff || len(waiting) > 0 || len(w.sender.posts) > 0 {
		t.Errorf("it is %s, %v waits, posts %q", w.stateOf(t, 2), waiting, w.sender.posts)
	}
}
