package budget

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
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
}

func (r *callRecords) AddCalls(ctx context.Context, month string, calls map[string]int) (map[string]int, error) {
	if r.hold != nil {
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

// total is how many calls of the month are saved.
func (r *callRecords) total(month string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := 0
	for _, n := range r.sums[month] {
		total += n
	}
	return total
}

var counted = dingtalk.Call{API: "query", Counted: true}

func TestCallsAreCountedByTheMonthOfTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &callRecords{}
		counter := NewCounter(r, time.Now, zap.NewNop())
		defer counter.Close()
		old := monthOf(time.Now())
		for want := 1; want <= 3; want++ {
			counter.Observe(counted)
			counter.Observe(dingtalk.Call{API: "token"})
			if got, err := counter.ThisMonth(t.Context()); len(got) != 1 || got["query"] != want || err != nil {
				t.Errorf("%v, %v; want %d queries", got, err, want)
			}
		}
		time.Sleep(time.Until(monthEnd(time.Now())))
		counter.Observe(counted)
		if got, err := counter.ThisMonth(t.Context()); got["query"] != 1 || err != nil {
			t.Errorf("%v in the new month, %v", got, err)
		}
		if n := r.total(old); n != 3 {
			t.Errorf("%d calls in the old month", n)
		}
	})
}

// What could not be saved is saved with the next call, and none is counted twice.
func TestCallsThatCouldNotBeSavedAreNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &callRecords{fails: 1}
		counter := NewCounter(r, time.Now, zap.NewNop())
		for range 50 {
			counter.Observe(counted)
		}
		synctest.Wait()
		if got := counter.Known()["query"]; got != 50 {
			t.Errorf("%d calls are known while they are not saved", got)
		}
		for range 50 {
			counter.Observe(counted)
		}
		counter.Close()
		counter.Close()
		if n := r.total(monthOf(time.Now())); n != 100 {
			t.Errorf("%d calls", n)
		}
	})
}

// Records that hang hold up no call, and the end only as long as one query may take.
func TestCountingHoldsNoCallUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &callRecords{hold: make(chan struct{})}
		counter := NewCounter(r, time.Now, zap.NewNop())
		counter.Observe(counted)
		synctest.Wait() // the first flush hangs
		for range 50 {
			counter.Observe(counted)
		}
		close(r.hold)
		counter.Close()
		if n := r.total(monthOf(time.Now())); n != 51 {
			t.Errorf("%d calls; want 51", n)
		}
		if r.writes > 3 {
			t.Errorf("%d writes for 51 calls", r.writes)
		}

		r.hold = make(chan struct{})
		counter = NewCounter(r, time.Now, zap.NewNop())
		counter.Observe(counted)
		began := time.Now()
		counter.Close()
		if took := time.Since(began); took > 2*flushTimeout {
			t.Errorf("closed after %v", took)
		}
	})
}
