package bot

import (
	"context"
	"crypto/rand"
	"maps"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/receipts/dingtalk"
)

// CallRecords keep how many counted calls were made, by month ("2026-08"), of all
// processes together.
type CallRecords interface {
	// KeepCalls keeps how many a process has made in the month in all. It is safe to
	// repeat.
	KeepCalls(ctx context.Context, month, process string, calls int) error
	Calls(ctx context.Context, month string) (int, error)
}

// Tally counts this process's calls that count against the organisation's quota. A
// call only waits for a mutex: the records are written beside, one write at a time,
// and what comes meanwhile goes into the next one. Close ends it.
type Tally struct {
	records CallRecords
	process string
	now     func() time.Time
	log     *zap.Logger

	dirty chan struct{} // holds one token while something is to be written
	quit  chan struct{}
	end   sync.Once
	done  sync.WaitGroup

	writing sync.Mutex // one write at a time: an older sum never comes after a newer
	mu      sync.Mutex
	made    map[string]int // by month
	kept    map[string]int
}

// NewTally returns a tally that counts from zero; it adds to what earlier processes
// made.
func NewTally(records CallRecords, now func() time.Time, log *zap.Logger) *Tally {
	t := &Tally{
		records: records, process: rand.Text(), now: now, log: log,
		dirty: make(chan struct{}, 1), quit: make(chan struct{}), made: map[string]int{}, kept: map[string]int{},
	}
	t.done.Go(t.run)
	return t
}

// Close writes what is left, and ends what NewTally began. A second call does
// nothing.
func (t *Tally) Close() {
	t.end.Do(func() { close(t.quit) })
	t.done.Wait()
}

// quotaZone is where DingTalk's months begin and end.
var quotaZone = time.FixedZone("UTC+8", 8*60*60)

// month is the month of DingTalk's quota.
func (t *Tally) month() string { return quotaMonth(t.now()) }

func quotaMonth(at time.Time) string { return at.In(quotaZone).Format("2006-01") }

// Observe counts a call, if it counts. It is for dingtalk.Config.
func (t *Tally) Observe(c dingtalk.Call) {
	if !c.Counted {
		return
	}
	month := t.month()
	t.mu.Lock()
	t.made[month]++
	t.mu.Unlock()
	select {
	case t.dirty <- struct{}{}:
	default: // is about to be written anyway
	}
}

// ThisMonth returns how many counted calls all processes have made this month, as far
// as they have written it down.
func (t *Tally) ThisMonth(ctx context.Context) (int, error) {
	if err := t.write(ctx); err != nil {
		return 0, err
	}
	return t.records.Calls(ctx, t.month())
}

func (t *Tally) run() {
	for {
		ended := false
		select {
		case <-t.dirty:
		case <-t.quit:
			ended = true
		}
		ctx, cancel := context.WithTimeout(context.Background(), writeWithin)
		if err := t.write(ctx); err != nil { // the next call tries again
			t.log.Warn("calls not counted in the records yet", zap.Error(err))
		}
		cancel()
		if ended {
			return
		}
	}
}

// write keeps the sums that are not kept yet.
func (t *Tally) write(ctx context.Context) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	made := maps.Clone(t.made)
	t.mu.Unlock()
	this := t.month()
	for month, calls := range made {
		if t.kept[month] != calls {
			if err := t.records.KeepCalls(ctx, month, t.process, calls); err != nil {
				return err
			}
			t.kept[month] = calls
		}
		if month != this { // over, and kept
			t.forget(month, calls)
		}
	}
	return nil
}

// forget drops a month that is over, unless a late call was counted meanwhile.
func (t *Tally) forget(month string, calls int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made[month] == calls {
		delete(t.made, month)
		delete(t.kept, month)
	}
}
