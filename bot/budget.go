package bot

import (
	"context"
	"fmt"
	"time"
)

// Budget tells administrators what the bot's calls of DingTalk cost in a month.
type Budget interface {
	// CallUsage returns what all processes have used by now.
	CallUsage(ctx context.Context) (CallUsage, error)
	// Warn reports whether the answer to an administrator's command is to say that the
	// budget is nearly or quite spent.
	Warn(command string) (CallUsage, bool)
}

// CallUsage is what a month has cost at a moment.
type CallUsage struct {
	CallsPerSecond int // the limit for each API
	CallsPerMonth  int // the budget; 0 for none
	Used           int
	ByAPI          map[string]int // Used by API, such as "query"
	Low            bool           // as much is used as there is a warning for
	Spent          bool           // nothing is left of the budget
	MonthEnds      time.Time
	QuotaSpentAt   time.Time // when DingTalk last said that the organisation's calls are used up; zero if it takes them
}

// budgetNotice is the sentence about a budget that is nearly or quite spent.
func (w *words) budgetNotice(u CallUsage) string {
	sentence := w.BudgetLow
	if u.Spent {
		sentence = w.BudgetSpent
	}
	return fmt.Sprintf(sentence, u.Used, u.CallsPerMonth, u.Used*100/u.CallsPerMonth)
}
