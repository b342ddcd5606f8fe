package budget

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Limits are the settings of a Budget.
type Limits struct {
	CallsPerSecond int // of each API; the client of DingTalk's API holds it
	CallsPerMonth  int // counted calls; 0 for no budget
	WarnAt         int // percentage of CallsPerMonth; 0 for never
}

// Budget is how many counted calls this app may make in a month. Past it nothing is
// queried that counts, until the month ends. What is posted goes out until DingTalk
// refuses.
//
// It answers from memory: what other processes have used is known as of this process's
// last call, or of a minute ago.
type Budget struct {
	counter *Counter
	quota   *Quota
	now     func() time.Time
	logger  *zap.Logger

	mu     sync.Mutex
	limits Limits
	logged map[string]bool   // warnings that this process has logged
	warned map[string]string // warning to the command in whose answer this process gives it
}

// New returns the budget for the calls of the counter.
func New(counter *Counter, quota *Quota, limits Limits, now func() time.Time, log *zap.Logger) *Budget {
	return &Budget{counter: counter, quota: quota, now: now, logger: log, limits: limits, logged: map[string]bool{}, warned: map[string]string{}}
}

// Limits returns the limits that are in effect.
func (b *Budget) Limits() Limits {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limits
}

// SetLimits changes the limits. It may be called at any time.
func (b *Budget) SetLimits(limits Limits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits = limits
}

// State is what a month has cost at a moment.
type State struct {
	CallsPerSecond int // the limit for each API
	CallsPerMonth  int // the budget; 0 for none
	Used           int
	ByAPI          map[string]int // Used by API, such as "query"
	Low            bool           // as much is used as there is a warning for
	Spent          bool           // nothing is left of the budget
	MonthEnds      time.Time      // in DingTalk's time zone
	QuotaSpentAt   time.Time      // last refusal for the organisation's quota, see Quota.SpentSince
}

// State returns the state as far as this process knows, at once.
func (b *Budget) State() State { return b.state(b.counter.Known()) }

// Query returns the state by what all processes have saved by now.
func (b *Budget) Query(ctx context.Context) (State, error) {
	used, err := b.counter.ThisMonth(ctx)
	if err != nil {
		return State{}, err
	}
	return b.state(used), nil
}

// Used is how many calls Query finds.
func (b *Budget) Used(ctx context.Context) (int, error) {
	s, err := b.Query(ctx)
	return s.Used, err
}

func (b *Budget) state(byAPI map[string]int) State {
	limits := b.Limits()
	used := 0
	for _, n := range byAPI {
		used += n
	}
	limited := limits.CallsPerMonth > 0
	return State{
		CallsPerSecond: limits.CallsPerSecond, CallsPerMonth: limits.CallsPerMonth, Used: used, ByAPI: byAPI,
		Low:       limited && limits.WarnAt > 0 && used*100 >= limits.CallsPerMonth*limits.WarnAt,
		Spent:     limited && used >= limits.CallsPerMonth,
		MonthEnds: monthEnd(b.now()), QuotaSpentAt: b.quota.SpentSince(),
	}
}

// Within reports whether calls may still be made. It is for dingtalk.Config.
func (b *Budget) Within() bool {
	s := b.State()
	b.log(s)
	return !s.Spent
}

// warning names the warning that is due: one for each budget of a month when it is nearly
// spent, and one when it is. It is empty if none is.
func (s State) warning() string {
	switch {
	case !s.Low:
		return ""
	case s.Spent:
		return fmt.Sprintf("%s:spent:%d", monthOf(s.MonthEnds.Add(-1)), s.CallsPerMonth)
	default:
		return fmt.Sprintf("%s:low:%d", monthOf(s.MonthEnds.Add(-1)), s.CallsPerMonth)
	}
}

// log writes once to the log that the budget is nearly or quite spent.
func (b *Budget) log(s State) {
	warning := s.warning()
	b.mu.Lock()
	defer b.mu.Unlock()
	if warning == "" || b.logged[warning] {
		return
	}
	b.logged[warning] = true
	b.logger.Warn("the budget of calls is nearly or quite spent",
		zap.Int("used", s.Used), zap.Int("calls_per_month", s.CallsPerMonth), zap.Time("until", s.MonthEnds))
}

// Warn reports whether the answer to an administrator's command is to say that the budget
// is nearly or quite spent. This process says each warning once, and again in a repetition
// of the same command.
func (b *Budget) Warn(command string) (State, bool) {
	s := b.State()
	b.log(s)
	warning := s.warning()
	if warning == "" {
		return s, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if by, given := b.warned[warning]; given && by != command {
		return s, false
	}
	b.warned[warning] = command
	return s, true
}
