package bot_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"whoread/bot"
	"whoread/receipts/dingtalk"
)

// callRecords keep calls in memory.
type callRecords struct {
	mu     sync.Mutex
	sums   map[string]int // by month and process
	months []string
	fails  int // how many writes fail
	hold   chan struct{}
	began  chan struct{}
}

func (r *callRecords) KeepCalls(ctx context.Context, month, process string, calls int) error {
	if r.hold != nil {
		select {
		case r.began <- struct{}{}:
		default:
		}
		select {
		case <-r.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails > 0 {
		r.fails--
		return errors.New("down")
	}
	if calls < r.sums[month+process] {
		return errors.New("an older sum came after a newer")
	}
	r.sums[month+process] = calls
	r.months = append(r.months, month)
	return nil
}

func (r *callRecords) Calls(_ context.Context, month string) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := 0
	for key, calls := range r.sums {
		if key[:len(month)] == month {
			total += calls
		}
	}
	return total, nil
}

var counted = dingtalk.Call{API: "query", Counted: true}

func TestCallsAreCountedByTheMonthOfTheQuota(t *testing.T) {
	t.Parallel()
	r := &callRecords{sums: map[string]int{}}
	clock := &clock{at: time.Date(2026, 8, 31, 15, 59, 0, 0, time.UTC)}
	tally := bot.NewTally(r, clock.now, zap.NewNop())
	defer tally.Close()
	for want := 1; want <= 3; want++ {
		tally.Observe(counted)
		tally.Observe(dingtalk.Call{API: "token"})
		if n, err := tally.ThisMonth(t.Context()); n != want || err != nil {
			t.Errorf("%d calls, %v; want %d", n, err, want)
		}
	}
	clock.advance(time.Minute)
	tally.Observe(counted)
	if n, err := tally.ThisMonth(t.Context()); n != 1 || err != nil {
		t.Errorf("%d calls in the new month, %v", n, err)
	}
	if n, err := r.Calls(t.Context(), "2026-08"); n != 3 || err != nil {
		t.Errorf("%d calls in the old month, %v", n, err)
	}
}

// What could not be written is written with the next call, and none is counted twice.
func TestCallsThatCouldNotBeWrittenAreNotLost(t *testing.T) {
	t.Parallel()
	r := &callRecords{sums: map[string]int{}, fails: 1}
	tally := bot.NewTally(r, time.Now, zap.NewNop())
	for range 100 {
		tally.Observe(counted)
	}
	_, _ = tally.ThisMonth(t.Context()) // this write fails, or one before it did
	tally.Close()
	tally.Close()
	if n, err := r.Calls(t.Context(), r.months[0]); n != 100 || err != nil {
		t.Errorf("%d calls, %v", n, err)
	}
}

// Records that hang hold up no call, and the end only as long as one write may take.
func TestCountingHoldsNoCallUp(t *testing.T) {
	t.Parallel()
	r := &callRecords{sums: map[string]int{}, hold: make(chan struct{}), began: make(chan struct{}, 1)}
	tally := bot.NewTally(r, time.Now, zap.NewNop())
	tally.Observe(counted)
	<-r.began
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { tally.Observe(counted) })
	}
	all.Wait() // although a write is under way
	close(r.hold)
	tally.Close()
	if n, _ := r.Calls(t.Context(), r.months[0]); n != 51 {
		t.Errorf("%d calls; want 51", n)
	}
	if writes := len(r.months); writes > 3 {
		t.Errorf("%d writes for 51 calls", writes)
	}
}
