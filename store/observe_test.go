package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"whoread/store/storetest"
)

// observed counts what is told of calls to Redis.
type observed struct {
	mu           sync.Mutex
	good, failed int
	longest      time.Duration
}

func (c *observed) observe(took time.Duration, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if failed {
		c.failed++
	} else {
		c.good++
	}
	c.longest = max(c.longest, took)
}

// open opens a store whose calls are told of.
func (c *observed) open(t *testing.T, url, prefix string) *Store {
	t.Helper()
	s, err := Open(Options{URL: url, KeyPrefix: prefix, KeepFor: keepFor, Observe: c.observe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (c *observed) told() (good, failed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.good, c.failed
}

// What Redis answers is no failure: that there is nothing, or that a script is not known
// yet. What it does not answer is one.
func TestCallsToRedisAreObserved(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		proxy := storetest.NewProxy(t, b.URL)
		told := &observed{}
		s := told.open(t, proxy.URL(), b.KeyPrefix)
		ctx := t.Context()
		must(s.Title(ctx, "cid"))(t) // is not there
		accept(t, s, "one")          // perhaps with a script that Redis does not know
		must(s.Inbox(quick(), zap.NewNop()).Depth(ctx))(t)
		good, failed := told.told()
		if good < 3 || failed != 0 {
			t.Errorf("%d good, %d failed", good, failed)
		}

		proxy.Cut()
		if err := s.Ping(ctx); err == nil {
			t.Error("Redis answers")
		}
		if _, failed := told.told(); failed != 1 {
			t.Errorf("%d failed", failed)
		}
		proxy.Mend(t)
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.Ping(gone); err == nil {
			t.Error("somebody who is gone was answered")
		}
		if _, failed := told.told(); failed != 1 {
			t.Errorf("%d failed: somebody who is gone is counted", failed)
		}
	})
}

// An inbox that waits for work makes Redis no slower.
func TestWaitingForWorkIsNotObserved(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		told := &observed{}
		s := told.open(t, b.URL, b.KeyPrefix)
		done := make(chan string, 1)
		stop := start(t, s.Inbox(quick(), zap.NewNop()), newFakeWorker(func(_ context.Context, command string) error {
			done <- command
			return nil
		}))
		time.Sleep(blockFor * 3 / 2) // one read waits in vain
		accept(t, s, "one")
		receive(t, done, "the command")
		stop()
		told.mu.Lock()
		defer told.mu.Unlock()
		if told.good == 0 || told.longest >= blockFor {
			t.Errorf("%d calls, the longest took %s", told.good, told.longest)
		}
	})
}

func TestDepthTellsWhatWaits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		i := s.Inbox(quick(), zap.NewNop())
		depth := func() Depth { return must(i.Depth(ctx))(t) }
		if diff := cmp.Diff(Depth{}, depth()); diff != "" {
			t.Errorf("at first (-want +got):\n%s", diff)
		}
		accept(t, s, "one", "two")
		abandon(t, s, 1, time.Minute)
		accept(t, s, "three")
		addMany(t, s, s.keys.inbox().parked(), 5)
		later := time.Now().Add(time.Hour)
		if err := i.Schedule(ctx, dueAt(later, "a"), dueAt(later, "b")); err != nil {
			t.Fatal(err)
		}
		got := depth()
		if got.Oldest < 0 || got.Oldest > time.Minute {
			t.Errorf("the oldest waits for %s", got.Oldest)
		}
		got.Oldest = 0
		if diff := cmp.Diff(Depth{Waiting: 1, Working: 2, Scheduled: 2, Parked: 5}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// The age of the oldest is told by Redis's own clock.
func TestDepthTellsTheAgeOfTheOldest(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		i := s.Inbox(quick(), zap.NewNop())
		now := must(s.rdb.Time(t.Context()).Result())(t)
		hourAgo := now.Add(-time.Hour).UnixMilli()
		if err := s.rdb.Do(t.Context(), "XADD", i.keys.stream(), hourAgo, "id", "old", "kind", testKind, "group", group, "body", "old").Err(); err != nil {
			t.Fatal(err)
		}
		accept(t, s, "young")
		if got := must(i.Depth(t.Context()))(t).Oldest; got < time.Hour || got > time.Hour+time.Minute {
			t.Errorf("the oldest waits for %s", got)
		}
	})
}

type requestOf struct{}

// The log of the inbox, and the worker for its own, are told which command it is about;
// what was scheduled is told apart from everything else that was.
func TestACommandsIdGoesWithIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		core, seen := observer.New(zap.DebugLevel)
		o := quick()
		o.Attempts = 1
		o.Mark = func(ctx context.Context, id string) context.Context { return context.WithValue(ctx, requestOf{}, id) }
		i := s.Inbox(o, zap.New(core))
		accept(t, s, "one")
		if err := i.Schedule(t.Context(), dueAt(time.Now(), "due"), dueAt(time.Now(), "due too")); err != nil {
			t.Fatal(err)
		}
		marked := make(chan string, 10)
		w := newFakeWorker(func(ctx context.Context, _ string) error {
			id, _ := ctx.Value(requestOf{}).(string)
			marked <- id
			return errors.New("no")
		})
		stop := start(t, i, w)
		ids := map[string]bool{}
		for range 3 {
			ids[receive(t, marked, "a command")] = true
			receive(t, w.gaveUp, "its end")
		}
		stop()
		scheduled := 0
		for id := range ids {
			if strings.HasPrefix(id, "scheduled-") {
				scheduled++
			}
		}
		if len(ids) != 3 || !ids["one"] || scheduled != 2 {
			t.Errorf("ids %v", ids)
		}
		failed := seen.FilterMessage("command failed").All()
		for _, entry := range failed {
			if id, _ := entry.ContextMap()["request"].(string); !ids[id] || entry.Level != zap.WarnLevel {
				t.Errorf("%s %v", entry.Level, entry.ContextMap())
			}
		}
		if len(failed) != 3 {
			t.Errorf("%d lines", len(failed))
		}
	})
}
