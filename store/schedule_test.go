package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"whoread/receipts"
	"whoread/store/storetest"
)

// noted notes the jobs that it is given.
type noted struct{ jobs chan receipts.Job }

func (n noted) Work(_ context.Context, j receipts.Job, _ bool) error {
	n.jobs <- j
	return nil
}

func (noted) GiveUp(context.Context, receipts.Job, bool, error) {}

// Jobs come when they are due, each once, however many replicas look.
func TestScheduledJobsComeOnceWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		const due = 3*dueRoom + 7 // more than there is room for
		first := s.Inbox(DefaultInboxOptions(), zap.NewNop())
		for i := range due {
			if err := first.Schedule(ctx, dueAt(time.Now().Add(-time.Duration(i)*time.Second), fmt.Sprint("due ", i))); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second time moves it
			if err := first.Schedule(ctx, dueAt(time.Now().Add(time.Hour), "later")); err != nil {
				t.Fatal(err)
			}
		}

		running, stop := context.WithCancel(ctx)
		worker := noted{make(chan receipts.Job, 2*due)}
		var replicas sync.WaitGroup
		for range 3 {
			replicas.Go(func() { s.Inbox(DefaultInboxOptions(), zap.NewNop()).Run(running, Workers{testKind: worker}) })
		}
		came := map[string]int{}
		for range due {
			came[receive(t, worker.jobs, "a job that is due").ID]++
		}
		stop()
		replicas.Wait()
		if len(came) != due || len(worker.jobs) != 0 || came["later"] != 0 {
			t.Errorf("%d jobs came, %d of them again", len(came), len(worker.jobs))
		}
		if left := must(first.Scheduled(ctx, group))(t); len(left) != 1 || left[0].ID != "later" {
			t.Errorf("left in the schedule: %q", left)
		}
	})
}

// The next job comes at its time, however seldom the schedule is looked at.
func TestAJobComesAtItsTime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		options := DefaultInboxOptions()
		options.DueEvery = time.Hour
		inbox := s.Inbox(options, zap.NewNop())
		at := time.Now().Add(2 * time.Second)
		if err := inbox.Schedule(ctx, dueAt(at, "soon")); err != nil {
			t.Fatal(err)
		}
		running, stop := context.WithCancel(ctx)
		worker := noted{make(chan receipts.Job, 1)}
		var replica sync.WaitGroup
		replica.Go(func() { inbox.Run(running, Workers{testKind: worker}) })
		receive(t, worker.jobs, "the job")
		if time.Now().Before(at.Truncate(time.Millisecond)) {
			t.Error("it came too early")
		}
		stop()
		replica.Wait()
	})
}

// A job is what was scheduled last under its ID, to the letter, also where its text would
// trip a script.
func TestAJobIsWhatWasScheduledLast(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		i := s.Inbox(quick(), zap.NewNop())
		at := time.UnixMilli(time.Now().UnixMilli() - 1)
		odd := receipts.Job{ID: "odd %d\x00\n{}", Kind: testKind, Group: "cid{}*?/+==", Body: "{\"a\":\"\\u0000\"}\n国庆🙏 100%s", At: at}
		for _, j := range []receipts.Job{{ID: odd.ID, Kind: "other", Group: odd.Group, Body: "old", At: at.Add(-time.Hour)}, odd} {
			if err := i.Schedule(ctx, j); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]receipts.Job{odd}, must(i.Scheduled(ctx, odd.Group))(t)); diff != "" {
			t.Errorf("scheduled (-want +got):\n%s", diff)
		}
		worker := noted{make(chan receipts.Job, 10)}
		ctx, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { defer close(ended); i.Run(ctx, Workers{testKind: worker}) }()
		if diff := cmp.Diff(odd, receive(t, worker.jobs, "the job")); diff != "" {
			t.Errorf("came (-want +got):\n%s", diff)
		}
		stop()
		receive(t, ended, "the end")
		if keys := must(s.rdb.Keys(t.Context(), i.keys.groupJobs()+"*").Result())(t); len(keys) != 0 {
			t.Errorf("left behind: %q", keys)
		}
	})
}

// Each group has its own jobs, the next first; what was cancelled does not come.
func TestJobsAreListedAndCancelledByGroup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		i, ctx := open(t, b).Inbox(quick(), nil), t.Context()
		other := dueAt(noon, "b1")
		other.Group = "cidOther"
		if err := i.Schedule(ctx, dueAt(noon.Add(time.Hour), "a2"), dueAt(noon, "a1"), other); err != nil {
			t.Fatal(err)
		}
		ids := func(group string) string {
			var all []string
			for _, j := range must(i.Scheduled(ctx, group))(t) {
				all = append(all, j.ID)
			}
			return strings.Join(all, " ")
		}
		if got := ids(group); got != "a1 a2" {
			t.Errorf("scheduled: %s", got)
		}
		for _, want := range []int{2, 0} { // a2 stays where it is
			if n := must(i.Cancel(ctx, "a1", "b1", "c1"))(t); n != want {
				t.Errorf("cancelled %d, want %d", n, want)
			}
		}
		if got := ids(group) + "|" + ids("cidOther"); got != "a2|" {
			t.Errorf("left: %s", got)
		}
		if d := must(i.Depth(ctx))(t); d.Scheduled != 1 {
			t.Errorf("%+v", d)
		}
	})
}

// A job that nobody knows how to do is parked, and holds up nothing.
func TestAJobOfAnUnknownKindIsParked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		if _, err := s.Inbox(quick(), nil).Accept(t.Context(), receipts.Job{ID: "odd", Kind: "odd"}); err != nil {
			t.Fatal(err)
		}
		accept(t, s, "one")
		done := make(chan string, 1)
		start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, body string) error { done <- body; return nil }))
		receive(t, done, "the other one")
		untilEmpty(t, s)
		if got := parked(t, s); len(got) != 1 || got[0] != "odd" {
			t.Errorf("parked: %q", got)
		}
	})
}
