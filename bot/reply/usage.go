package reply

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"whoread/receipts"
)

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

// BudgetNotice is the sentence about a budget that is nearly or quite spent.
func (w *Words) BudgetNotice(u CallUsage) string {
	sentence := w.BudgetLow
	if u.Spent {
		sentence = w.BudgetSpent
	}
	return fmt.Sprintf(sentence, u.Used, u.CallsPerMonth, u.Used*100/u.CallsPerMonth)
}

// Budget tells what the bot has used in this month, of what, and what limits it.
func (p Page) Budget(u CallUsage) []string {
	many := strconv.Itoa(u.Used)
	if u.CallsPerMonth > 0 {
		many = fmt.Sprintf(p.Usage.OfBudget, u.Used, u.CallsPerMonth, u.Used*100/u.CallsPerMonth)
	}
	var parts []string
	for _, api := range slices.SortedFunc(maps.Keys(u.ByAPI), func(a, b string) int {
		return cmp.Or(cmp.Compare(u.ByAPI[b], u.ByAPI[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", cmp.Or(p.Usage.APIs[api], api), u.ByAPI[api]))
	}
	of := ""
	if len(parts) > 0 {
		of = fmt.Sprintf(p.Usage.Of, strings.Join(parts, p.Comma))
	}
	said := []string{fmt.Sprintf(p.Usage.Calls, many, of, Clock(u.MonthEnds, p.Now, p.Zone))}
	if u.Spent {
		said = append(said, p.Problems[receipts.BudgetSpent])
	}
	return append(said, fmt.Sprintf(p.Usage.PerSecond, u.CallsPerSecond))
}

// ClockOwner is whose clock it is that this machine's is compared with.
type ClockOwner string

// The owners of clocks.
const (
	DingTalksClock ClockOwner = "dingtalk"
	RedisClock     ClockOwner = "redis"
)

// ClockOff is how far this machine's clock is ahead of another's.
type ClockOff struct {
	Of    ClockOwner
	Ahead time.Duration
}

// ClocksOff tells which clocks are apart by a minute or more; a nil function tells of none.
func (p Page) ClocksOff(off func() []ClockOff) []string {
	if off == nil {
		return nil
	}
	var said []string
	for _, clock := range off() {
		text := p.Usage.ClockBehind
		if clock.Ahead > 0 {
			text = p.Usage.ClockAhead
		}
		said = append(said, fmt.Sprintf(text, p.Usage.Clocks[clock.Of], int(clock.Ahead.Abs()/time.Minute)))
	}
	return said
}

// Connected tells how many connections to DingTalk are up, and since when any was.
func (p Page) Connected(connections func() []time.Time) string {
	if connections == nil {
		return ""
	}
	all := connections()
	var up []time.Time
	for _, since := range all {
		if !since.IsZero() {
			up = append(up, since)
		}
	}
	if len(up) == 0 {
		return fmt.Sprintf(p.Usage.Cut, len(all))
	}
	return fmt.Sprintf(p.Usage.Connected, len(up), len(all), Clock(slices.MinFunc(up, time.Time.Compare), p.Now, p.Zone))
}
