package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"whoread/store/storetest"
)

// noted notes the commands that it is given.
type noted struct{ commands chan string }

func (n noted) Work(_ context.Context, command string, _ bool) error {
	n.commands <- command
	return nil
}

func (noted) GiveUp(context.Context, string, bool, error) {}

// Commands come when they are due, each once, however many replicas look.
func TestScheduledCommandsComeOnceWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		const due = 2*dueMax + 7 // more than are moved at a time
		first := s.Inbox(DefaultInboxOptions(), zap.NewNop())
		for i := range due {
			if err := first.Schedule(ctx, map[string]time.Time{fmt.Sprint("due ", i): time.Now().Add(-time.Duration(i) * time.Second)}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second time moves it
			if err := first.Schedule(ctx, map[string]time.Time{"later": time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}

		running, stop := context.WithCancel(ctx)
		worker := noted{make(chan string, 2*due)}
		var replicas sync.WaitGroup
		for range 3 {
			replicas.Go(func() { s.Inbox(DefaultInboxOptions(), zap.NewNop()).Run(running, worker) })
		}
		came := map[string]int{}
		for range due {
			came[receive(t, worker.commands, "a command that is due")]++
		}
		stop()
		replicas.Wait()
		if len(came) != due || len(worker.commands) != 0 || came["later"] != 0 {
			t.Errorf("%d commands came, %d of them again", len(came), len(worker.commands))
		}
		if left := must(s.rdb.ZRange(ctx, first.keys.schedule(), 0, -1).Result())(t); len(left) != 1 || left[0] != "later" {
			t.Errorf("left in the schedule: %q", left)
		}
	})
}
