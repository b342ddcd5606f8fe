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

// CallRecords keep how many counted calls were made, by month ("2026-08") and API, of
// all processes together.
type CallRecords interface {
	// KeepCalls keeps how many a process has made in the month in all, and returns how
	// many all processes have made. It is safe to repeat; without calls it only asks.
	KeepCalls(ctx context.Context, month, process string, calls map[string]int) (map[string]int, error)
}

// knownFor is how long the sums of all processes are used without being asked for
// anew, while this process has none of its own to write.
const knownFor = time.Minute

// Tally counts the calls that count against the organisation's quota. A call only
// waits for a mutex: the records are written beside, one write at a time, and what
// comes meanwhile goes into the next one. Each write tells what the other processes
// have made. Close ends it.
type Tally struct {
	records CallRecords
	process string
	now     func() time.Time
	log     *zap.Logger

	dirty chan struct{} // holds one token while something is to be written or asked for
	quit  chan struct{}
	end   sync.Once
	done  sync.WaitGroup

	writing sync.Mutex // one write at a time: an older sum never comes after a newer
	mu      sync.Mutex
	made    map[string]calls // of this process, by month
	kept    map[string]calls // of those, what the records have
	month   string           // of all
	all     calls            // of all processes, by the records
	asked   time.Time        // when the records said so
}

// calls are how many, by API.
type calls map[string]int

func (c calls) total() int {
	n := 0
	for _, calls := range c {
		n += calls
	}
	return n
}

// NewTally returns a tally that counts from zero; it adds to what earlier processes
// made. It asks the records once there is something to count, or somebody asks it.
func NewTally(records CallRecords, now func() time.Time, log *zap.Logger) *Tally {
	t := &Tally{
		records: records, process: rand.Text(), now: now, log: log,
		dirty: make(chan struct{}, 1), quit: make(chan struct{}), made: map[string]calls{}, kept: map[string]calls{},
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

func quotaMonth(at time.Time) string { return at.In(quotaZone).Format("2006-01") }

// nextMonth is when the month of DingTalk's quota is over.
func nextMonth(at time.Time) time.Time {
	at = at.In(quotaZone)
	return time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, quotaZone)
}

// Observe counts a call, if it counts: every try that may have reached DingTalk, in
// the month in which it ends. It is for dingtalk.Config.
func (t *Tally) Observe(c dingtalk.Call) {
	if !c.Counted {
		return
	}
	month := quotaMonth(t.now())
	t.mu.Lock()
	if t.made[month] == nil {
		t.made[month] = calls{}
	}
	t.made[month][c.API]++
	t.mu.Unlock()
	t.wake()
}

func (t *Tally) wake() {
	select {
	case t.dirty <- struct{}{}:
	default: // is about to be written anyway
	}
}

// ThisMonth returns how many counted calls all processes have made this month, by API,
// as far as they have written it down.
func (t *Tally) ThisMonth(ctx context.Context) (map[string]int, error) {
	if err := t.write(ctx); err != nil {
		return nil, err
	}
	return t.Known(), nil
}

// Known is ThisMonth as far as this process knows, at once: its own calls, and those of
// the others as the records last told. If that is a while ago they are asked again, for
// the next time.
func (t *Tally) Known() map[string]int {
	now := t.now()
	month := quotaMonth(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	known := calls{}
	if t.month == month {
		maps.Copy(known, t.all)
	}
	for api, n := range t.made[month] {
		known[api] += n - t.kept[month][api]
	}
	if age := now.Sub(t.asked); t.month != month || age < 0 || age >= knownFor {
		t.wake()
	}
	return known
}

func (t *Tally) run() {
	for {
		ended := false
		select {
		case <-t.dirty:
		case <-t.quit:
			ended = true
		}
		if ended && !t.unwritten() {
			return
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

// unwritten tells whether the records lack anything.
func (t *Tally) unwritten() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for month, made := range t.made {
		if !maps.Equal(made, t.kept[month]) {
			return true
		}
	}
	return false
}

// write keeps the sums that are not kept yet, and learns those of all processes.
func (t *Tally) write(ctx context.Context) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	this := quotaMonth(t.now())
	for month, made := range t.unkept(this) {
		all, err := t.records.KeepCalls(ctx, month, t.process, made)
		if err != nil {
			return err
		}
		t.keep(month, this, made, all)
	}
	return nil
}

// unkept are the sums to write, and those of this month in any case.
func (t *Tally) unkept(this string) map[string]calls {
	t.mu.Lock()
	defer t.mu.Unlock()
	unkept := map[string]calls{this: maps.Clone(t.made[this])}
	for month, made := range t.made {
		if !maps.Equal(made, t.kept[month]) {
			unkept[month] = maps.Clone(made)
		}
	}
	return unkept
}

// keep notes what was written, and drops a month that is over, unless a late call was
// counted meanwhile.
func (t *Tally) keep(month, this string, made, all calls) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept[month] = made
	switch {
	case month == this:
		t.month, t.all, t.asked = month, all, t.now()
	case maps.Equal(t.made[month], made):
		delete(t.made, month)
		delete(t.kept, month)
	}
}
