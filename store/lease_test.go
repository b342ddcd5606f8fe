package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"whoread/receipts"
	"whoread/store/storetest"
)

// A process that was suspended and wakes up knows at once that its lease is over, in every
// context that comes from that of the work, before any goroutine of its own has run.
func TestALeaseIsOverAtOnce(t *testing.T) {
	t.Parallel()
	for name, forward := range map[string]func(time.Time) time.Time{
		"a process was suspended": func(now time.Time) time.Time { return now.Add(time.Hour) },
		"a machine was suspended": func(now time.Time) time.Time { return now.Round(0).Add(time.Hour) }, // its monotonic clock stood still
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLease(time.Now(), time.Hour)
			defer l.done()
			ctx, stop := l.context(t.Context())
			defer stop()
			child, cancel := context.WithTimeout(ctx, 2*time.Hour)
			defer cancel()
			for what, c := range map[string]context.Context{"itself": ctx, "a child": child, "without cancel": context.WithoutCancel(child)} {
				if err := Held(c); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			l.clock = func() time.Time { return forward(time.Now()) }
			for what, c := range map[string]context.Context{"itself": ctx, "a child": child, "without cancel": context.WithoutCancel(child)} {
				if err := Held(c); !errors.Is(err, ErrLeaseOver) {
					t.Errorf("%s: %v", what, err)
				}
			}
			receive(t, ctx.Done(), "the end of the context")
		})
	}
	if err := Held(t.Context()); err != nil {
		t.Errorf("without any lease: %v", err)
	}
}

// A clock that is set back leaves a lease as it was, and a renewal counts from when it was
// asked for; none comes too late to be one.
func TestRenewalsOfALease(t *testing.T) {
	t.Parallel()
	began := time.Now()
	now := began
	l := newLease(began, time.Hour)
	l.clock = func() time.Time { return now }
	now = began.Add(59 * time.Minute)
	l.renewed(began.Add(30 * time.Minute))
	l.renewed(began.Add(10 * time.Minute)) // whose answer came later
	now = began.Add(89 * time.Minute)
	if err := l.held(); err != nil {
		t.Errorf("within an hour of the renewal: %v", err)
	}
	now = began.Add(-time.Hour).Round(0)
	if err := l.held(); err != nil {
		t.Errorf("after the clock was set back: %v", err)
	}
	now = began.Add(90 * time.Minute)
	if err := l.held(); !errors.Is(err, ErrLeaseOver) {
		t.Errorf("an hour after the renewal: %v", err)
	}
	l.renewed(now)
	if err := l.held(); !errors.Is(err, ErrLeaseOver) {
		t.Errorf("renewed once it was over: %v", err)
	}
}

// What work without a lease wants of Redis is refused, one by one and in a pipeline.
func TestRedisIsNotAskedForWorkWithoutALease(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		l := newLease(time.Now(), time.Hour)
		defer l.done()
		ctx, stop := l.context(t.Context())
		defer stop()
		if first := must(s.BeginStep(ctx, group, "before", rand.Text()))(t); !first {
			t.Error("with the lease it is not the first")
		}
		l.lose()
		late := context.WithoutCancel(ctx)
		if _, err := s.BeginStep(late, group, "after", rand.Text()); !errors.Is(err, ErrLeaseOver) {
			t.Errorf("a posting: %v", err)
		}
		if _, err := s.AddCalls(late, "2026-08", map[string]int{"query": 1}); !errors.Is(err, ErrLeaseOver) {
			t.Errorf("a pipeline: %v", err)
		}
		if first := must(s.BeginStep(t.Context(), group, "after", rand.Text()))(t); !first {
			t.Error("what was refused was done")
		}
	})
}

// While Redis can't be reached the lease ends, and the work with it; it is neither tried
// again nor given up, and what another has by then is not taken out of the inbox.
func TestAReplicaThatLostItsLeaseStopsSilently(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		away, p := proxied(t, b)
		direct := open(t, b)
		o := quick()
		o.Lease = 2 * time.Second
		began, ended := make(chan struct{}, 10), make(chan error, 10)
		first := newFakeWorker(func(ctx context.Context, _ string) error {
			began <- struct{}{}
			<-ctx.Done()
			ended <- Held(ctx)
			return ctx.Err()
		})
		start(t, away.Inbox(o, zap.NewNop()), first)
		accept(t, direct, "msg1")
		receive(t, began, "command")
		p.Cut()
		if err := receive(t, ended, "the end of the work"); !errors.Is(err, ErrLeaseOver) {
			t.Errorf("it ended with %v", err)
		}
		goOn, took := make(chan struct{}), make(chan struct{}, 10)
		start(t, direct.Inbox(o, zap.NewNop()), newFakeWorker(func(context.Context, string) error {
			took <- struct{}{}
			<-goOn
			return nil
		}))
		receive(t, took, "the command at another replica")
		p.Mend(t)
		until(t, "Redis answers again", func() bool { return away.Ping(t.Context()) == nil })
		passTime(t, direct)
		if n := length(t, direct); n != 1 || len(first.gaveUp) != 0 || len(began) != 0 {
			t.Errorf("%d in the inbox, given up %d times, begun again %d times", n, len(first.gaveUp), len(began))
		}
		close(goOn)
		untilEmpty(t, direct)
		if len(took) != 0 {
			t.Error("it was taken twice")
		}
	})
}

// An entry that Redis handed to a replica that was suspended before it looked at it is not
// begun when it wakes up: its lease is as old as the question.
func TestWhatWasReadBeforeASuspensionIsNotBegun(t *testing.T) {
	t.Parallel()
	o := quick()
	o.Lease = 20 * time.Millisecond
	i := (&Store{}).Inbox(o, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	var started atomic.Int32
	read := func(_ context.Context, in *lane, _ int) ([]leased, error) {
		time.Sleep(2 * o.Lease) // what passes is the point
		cancel()
		return []leased{{Job: command("msg1", "command"), in: in, entry: "1-0", attempt: 1}}, nil
	}
	i.feed(ctx, i.people(), make(chan struct{}, 1), func(j leased) {
		started.Add(1)
		i.process(t.Context(), newFakeWorker(func(context.Context, string) error {
			t.Error("it was begun")
			return nil
		}), j)
	}, read, 0)
	if started.Load() != 1 || len(i.people().running) != 0 {
		t.Errorf("%d entries were looked at, %d are at work", started.Load(), len(i.people().running))
	}
}

// People and the schedule do not wait for each other, and however much falls due, the
// inbox is not full for people.
func TestTheLanesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		o := quick()
		o.DueEvery = 10 * time.Millisecond
		i := s.Inbox(o, zap.NewNop())
		const due = 3 * dueRoom
		var jobs []receipts.Job
		for n := range due {
			jobs = append(jobs, dueAt(time.Now().Add(-time.Minute), fmt.Sprint("due ", n)))
		}
		if err := i.Schedule(ctx, jobs...); err != nil {
			t.Fatal(err)
		}
		began, goOn, said := make(chan string, 2*due), make(chan struct{}), make(chan string, 10)
		start(t, i, newFakeWorker(func(_ context.Context, command string) error {
			if command == "command of msg1" {
				said <- command
				return nil
			}
			began <- command
			<-goOn
			return nil
		}))
		for range o.Scheduled {
			receive(t, began, "a scheduled job")
		}
		accept(t, s, "msg1")
		receive(t, said, "what somebody said")
		passTime(t, s) // for more to enter
		if n := must(s.rdb.XLen(ctx, s.keys.inbox().due()).Result())(t); n > dueRoom {
			t.Errorf("%d have entered, and there is room for %d", n, dueRoom)
		}
		if left := must(i.Scheduled(ctx, group))(t); len(left) < due-dueRoom {
			t.Errorf("%d are left in the schedule", len(left))
		}
		close(goOn)
		for range due - o.Scheduled {
			receive(t, began, "a scheduled job")
		}
		until(t, "all is done", func() bool { return must(i.Depth(ctx))(t) == Depth{} })
	})
}
