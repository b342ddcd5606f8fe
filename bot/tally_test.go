package bot_test

import (
	"context"
	"errors"
	"strings"
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
	sums   map[string]map[string]int // by month, process and API
	asked  int
	writes int
	fails  int // how many writes fail
	hold   chan struct{}
	began  chan struct{}
}

func (r *callRecords) KeepCalls(ctx context.Context, month, process string, calls map[string]int) (map[string]int, error) {
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
		if n < r.sums[month][process+" "+api] {
			return nil, errors.New("an older sum came after a newer")
		}
		r.sums[month][process+" "+api] = n
	}
	r.asked++
	if len(calls) > 0 {
		r.writes++
	}
	all := map[string]int{}
	for field, n := range r.sums[month] {
		_, api, _ := strings.Cut(field, " ")
		all[api] += n
	}
	return all, nil
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

const month = "2026-08"

func august() time.Time { return time.Date(2026, 8, 3, 14, 35, 0, 0, time.UTC) }

var counted = dingtalk.Call{API: "query", Counted: true}

func TestCallsAreCountedByTheMonthOfTheQuota(t *testing.T) {
	t.Parallel()
	r := &callRecords{}
	clock := &clock{at: time.Date(2026, 8, 31, 15, 59, 0, 0, time.UTC)}
	tally := bot.NewTally(r, clock.now, zap.NewNop())
	defer tally.Close()
	for want := 1; want <= 3; want++ {
		tally.Observe(counted)
		tally.Observe(dingtalk.Call{API: "token"})
		if got, err := tally.ThisMonth(t.Context()); len(got) != 1 || got["query"] != want || err != nil {
			t.Errorf("%v, %v; want %d queries", got, err, want)
		}
	}
	clock.advance(time.Minute)
	tally.Observe(counted)
	if got, err := tally.ThisMonth(t.Context()); got["query"] != 1 || err != nil {
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
	tally := bot.NewTally(r, august, zap.NewNop())
	for range 100 {
		tally.Observe(counted)
	}
	_, _ = tally.ThisMonth(t.Context()) // this write fails, or one before it did
	tally.Close()
	tally.Close()
	if n := r.total(month); n != 100 {
		t.Errorf("%d calls", n)
	}
}

// Records that hang hold up no call, and the end only as long as one write may take.
func TestCountingHoldsNoCallUp(t *testing.T) {
	t.Parallel()
	r := &callRecords{hold: make(chan struct{}), began: make(chan struct{}, 1)}
	tally := bot.NewTally(r, august, zap.NewNop())
	tally.Observe(counted)
	<-r.began
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { tally.Observe(counted) })
	}
	all.Wait() // although a write is under way
	close(r.hold)
	tally.Close()
	if n := r.total(month); n != 51 {
		t.Errorf("%d calls; want 51", n)
	}
	if r.writes > 3 {
		t.Errorf("%d writes for 51 calls", r.writes)
	}
}
