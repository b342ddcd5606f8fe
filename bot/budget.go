package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// BudgetLimits are the settings of a Budget.
type BudgetLimits struct {
	CallsPerSecond int // of each API; the client of DingTalk's API holds it
	CallsPerMonth  int // counted calls; 0 for no budget
	WarnAt         int // percentage of CallsPerMonth; 0 for never
}

// Budget is how many counted calls of DingTalk's this bot may make in a month. Past it
// nothing is asked that counts, until the month ends: reports say what is known.
// Announcements and whatever else is posted go out until DingTalk refuses.
//
// It answers from memory: what other processes have used is known as of this process's
// last call, or of a minute ago.
type Budget struct {
	counter *CallCounter

	mu     sync.Mutex
	limits BudgetLimits
	logged map[string]bool   // warnings that this process has logged
	warned map[string]string // warning to the command in whose answer this process gives it
}

// NewBudget returns the budget for the calls of the counter.
func NewBudget(counter *CallCounter, limits BudgetLimits) *Budget {
	return &Budget{counter: counter, limits: limits, logged: map[string]bool{}, warned: map[string]string{}}
}

// Limits are those that are in effect.
func (b *Budget) Limits() BudgetLimits {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limits
}

// Set changes the limits. It may be called at any time.
func (b *Budget) Set(limits BudgetLimits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits = limits
}

// BudgetState is how a Budget is at a moment.
type BudgetState struct {
	BudgetLimits
	Used  int
	ByAPI map[string]int // the same, such as "query"
	Ends  time.Time      // when the month is over, in DingTalk's time zone
}

// Left is how many calls are left; 0 where there is no budget.
func (s BudgetState) Left() int { return max(0, s.CallsPerMonth-s.Used) }

// Spent reports whether none are left.
func (s BudgetState) Spent() bool { return s.CallsPerMonth > 0 && s.Used >= s.CallsPerMonth }

// warning names the warning that is due: one for each budget of a month when it is nearly
// spent, and one when it is. It is empty if none is.
func (s BudgetState) warning() string {
	level := "warn"
	switch {
	case s.CallsPerMonth <= 0 || s.WarnAt <= 0 || s.Used*100 < s.CallsPerMonth*s.WarnAt:
		return ""
	case s.Spent():
		level = "spent"
	}
	return fmt.Sprintf("%s:%s:%d", s.Ends.Format("2006-01"), level, s.CallsPerMonth)
}

// State returns how it is now, as far as this process knows, at once.
func (b *Budget) State() BudgetState { return b.state(b.counter.Known()) }

// Ask is State by what all processes have saved by now.
func (b *Budget) Ask(ctx context.Context) (BudgetState, error) {
	used, err := b.counter.ThisMonth(ctx)
	if err != nil {
		return BudgetState{}, err
	}
	return b.state(used), nil
}

// Used is how many calls Ask finds.
func (b *Budget) Used(ctx context.Context) (int, error) {
	s, err := b.Ask(ctx)
	return s.Used, err
}

func (b *Budget) state(used map[string]int) BudgetState {
	s := BudgetState{BudgetLimits: b.Limits(), ByAPI: used, Ends: nextMonth(b.counter.now())}
	for _, n := range used {
		s.Used += n
	}
	return s
}

// Within reports whether calls may still be made. It is for dingtalk.Config.
func (b *Budget) Within() bool {
	s := b.State()
	b.log(s)
	return !s.Spent()
}

// log has the log say once that the budget is nearly or quite spent.
func (b *Budget) log(s BudgetState) {
	warning := s.warning()
	b.mu.Lock()
	defer b.mu.Unlock()
	if warning == "" || b.logged[warning] {
		return
	}
	b.logged[warning] = true
	b.counter.log.Warn("the budget of calls is nearly or quite spent",
		zap.Int("used", s.Used), zap.Int("calls_per_month", s.CallsPerMonth), zap.Time("until", s.Ends))
}

// Warn reports whether the answer to an administrator's command is to say that the budget
// is nearly or quite spent. This process says each warning once, and again in a repetition
// of the same command.
func (b *Budget) Warn(command string) (BudgetState, bool) {
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

// budgetNotice is the sentence about a budget that is nearly or quite spent.
func (w *words) budgetNotice(s BudgetState) string {
	sentence := w.BudgetLow
	if s.Spent() {
		sentence = w.BudgetSpent
	}
	return fmt.Sprintf(sentence, s.Used, s.CallsPerMonth, s.Used*100/s.CallsPerMonth)
}
