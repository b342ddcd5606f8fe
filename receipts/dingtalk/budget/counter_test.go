package budget

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"whoread/receipts/dingtalk"
)

// callRecords keep calls in memory.
type callRecords struct {
	mu     sync.Mutex
	sums   map[string]map[string]int // by month and API
	writes int
	fails  int // how many writes fail
	hold   chan struct{}
	began  chan struct{}
}

func (r *callRecords) AddCalls(ctx context.Context, month string, calls map[string]int) (map[string]int, error) {
	if r.hold != nil {
		select {
		case r.began <- struct{}{}:
		default:
		}
		select {
		case <-r.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails > 0 {
		r.fails--
		return nil, errors.New("down")
	}
	if r.sums == nil {
		r.sums = map[string]map[string]int{}
	}
	if r.sums[month] == nil {
		r.sums[month] = map[string]int{}
	}
	for api, n := range calls {
		r.sums[month][api] += n
	}
	if len(calls) > 0 {
		r.writes++
	}
	return maps.Clone(r.sums[month]), nil
}

// total is how many calls of the month are kept.
func (r *callRecords) total(month string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := 0
	for _, n := range r.sums[month] {
		total += n
	}
	return total
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const month = "2026-08"

func august() time.Time { return time.Date(2026, 8, 3, 14, 35, 0, 0, time.UTC) }

var counted = dingtalk.Call{API: "query", Counted: true}

func TestCallsAreCountedByTheMonthOfTheQuota(t *testing.T) {
	t.Parallel()
	r := &callRecords{}
	clock := &clock{at: time.Date(2026, 8, 31, 15, 59, 0, 0, time.UTC)}
	counter := NewCounter(r, clock.now, zap.NewNop())
	defer counter.Close()
	for want := 1; want <= 3; want++ {
		counter.Observe(counted)
		counter.Observe(dingtalk.Call{API: "token"})
		if got, err := counter.ThisMonth(t.Context()); len(got) != 1 || got["query"] != want || err != nil {
			t.Errorf("%v, %v; want %d queries", got, err, want)
		}
	}
	clock.advance(time.Minute)
	counter.Observe(counted)
	if got, err := counter.ThisMonth(t.Context()); got["query"] != 1 || err != nil {
		t.Errorf("%v in the new month, %v", got, err)
	}
	if n := r.total("2026-08"); n != 3 {
		t.Errorf("%d calls in the old month", n)
	}
}

// What could not be written is written with the next call, and none is counted twice.
func TestCallsThatCouldNotBeWrittenAreNotLost(t *testing.T) {
	t.Parallel()
	r := &callRecords{fails: 1}
	counter := NewCounter(r, august, zap.NewNop())
	for range 100 {
		counter.Observe(counted)
	}
	_, _ = counter.ThisMonth(t.Context()) // this write fails, or one before it did
	counter.Close()
	counter.Close()
	if n := r.total(month); n != 100 {
		t.Errorf("%d calls", n)
	}
}

// Records that hang hold up no call, and the end only as long as one write may take.
func TestCountingHoldsNoCallUp(t *testing.T) {
	t.Parallel()
	r := &callRecords{hold: make(chan struct{}), began: make(chan struct{}, 1)}
	counter := NewCounter(r, august, zap.NewNop())
	counter.Observe(counted)
	<-r.began
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { counter.Observe(counted) })
	}
	all.Wait() // although a write is under way
	close(r.hold)
	counter.Close()
	if n := r.total(month); n != 51 {
		t.Errorf("%d calls; want 51", n)
	}
	if r.writes > 3 {
		t.Errorf("%d writes for 51 calls", r.writes)
	}
}
