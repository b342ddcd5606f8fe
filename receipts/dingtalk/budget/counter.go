package budget

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/receipts/dingtalk"
)

// CallRecords add up the counted calls of all processes, by month ("2026-08") and API.
type CallRecords interface {
	// AddCalls adds calls to the sums of the month and returns the sums.
	AddCalls(ctx context.Context, month string, calls map[string]int) (map[string]int, error)
}

const (
	// sumsFreshFor is how long the sums of all processes are used without another query,
	// while this process has no calls of its own to save.
	sumsFreshFor = time.Minute
	// flushTimeout bounds one query of the records.
	flushTimeout = 2 * time.Second
)

// Counter counts the calls that count against the organisation's quota. Counting a
// call waits for no I/O: the calls are saved asynchronously, and each time the sums of all
// processes come back. A lost answer of the records, or a crash, may cost or add a few
// calls. Close ends it.
type Counter struct {
	records CallRecords
	now     func() time.Time
	log     *zap.Logger

	wanted chan struct{} // holds one token while a flush is wanted
	quit   chan struct{}
	end    sync.Once
	done   sync.WaitGroup

	flushing sync.Mutex // held by the one flush at a time
	mu       sync.Mutex
	month    string         // of the rest
	local    map[string]int // calls of this process that are not saved, by API
	saved    map[string]int // calls of all processes, by API
	savedAt  time.Time      // when the records returned saved; zero for never
}

// NewCounter returns a counter that adds to what the records have.
func NewCounter(records CallRecords, now func() time.Time, log *zap.Logger) *Counter {
	c := &Counter{records: records, now: now, log: log, wanted: make(chan struct{}, 1), quit: make(chan struct{}), local: map[string]int{}}
	c.done.Go(c.run)
	return c
}

// Close saves what is left, and ends what NewCounter began. A second call does
// nothing.
func (c *Counter) Close() {
	c.end.Do(func() { close(c.quit) })
	c.done.Wait()
}

// Observe counts a call, if it counts: every try that may have reached DingTalk, in
// the month in which it ends. It is for dingtalk.Config.
func (c *Counter) Observe(call dingtalk.Call) {
	if !call.Counted {
		return
	}
	c.mu.Lock()
	c.startMonth()
	c.local[call.API]++
	c.mu.Unlock()
	c.wake()
}

// startMonth forgets a month that is over, with what was not saved of it. Who calls it
// holds mu.
func (c *Counter) startMonth() {
	if month := monthOf(c.now()); c.month != month {
		c.month, c.local, c.saved, c.savedAt = month, map[string]int{}, nil, time.Time{}
	}
}

// wake has a flush begin soon.
func (c *Counter) wake() {
	select {
	case c.wanted <- struct{}{}:
	default: // one is about to begin
	}
}

// ThisMonth returns how many counted calls all processes have made this month, by API,
// as far as they have saved them.
func (c *Counter) ThisMonth(ctx context.Context) (map[string]int, error) {
	if err := c.flush(ctx); err != nil {
		return nil, err
	}
	return c.Known(), nil
}

// Known is ThisMonth as far as this process knows, at once. If the sums of the others are
// a while old, they are queried for the next time.
func (c *Counter) Known() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startMonth()
	known := map[string]int{}
	maps.Copy(known, c.saved)
	for api, n := range c.local {
		known[api] += n
	}
	if age := c.now().Sub(c.savedAt); age < 0 || age >= sumsFreshFor {
		c.wake()
	}
	return known
}

func (c *Counter) run() {
	for {
		closed := false
		select {
		case <-c.wanted:
		case <-c.quit:
			closed = true
		}
		if closed && c.allSaved() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		if err := c.flush(ctx); err != nil { // the next call tries again
			c.log.Warn("calls not counted in the records yet", zap.Error(err))
		}
		cancel()
		if closed {
			return
		}
	}
}

func (c *Counter) allSaved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.local) == 0
}

// flush saves the calls of this process, and queries those of all.
func (c *Counter) flush(ctx context.Context) error {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	c.startMonth()
	month, calls := c.month, maps.Clone(c.local)
	c.mu.Unlock()
	saved, err := c.records.AddCalls(ctx, month, calls)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.month != month {
		return nil
	}
	c.saved, c.savedAt = saved, c.now()
	for api, n := range calls {
		if c.local[api] -= n; c.local[api] == 0 {
			delete(c.local, api)
		}
	}
	return nil
}
