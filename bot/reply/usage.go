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

// CallsUsed says in a few words what the bot has used in this month.
func (p Page) CallsUsed(u CallUsage) string {
	many := strconv.Itoa(u.Used)
	if u.CallsPerMonth > 0 {
		many = fmt.Sprintf(p.Usage.OfBudget, u.Used, u.CallsPerMonth, u.Used*100/u.CallsPerMonth)
	}
	return many
}

// Budget tells what the bot has used in this month by API, and what limits it.
func (p Page) Budget(u CallUsage) []string {
	var parts []string
	for _, api := range slices.SortedFunc(maps.Keys(u.ByAPI), func(a, b string) int {
		return cmp.Or(cmp.Compare(u.ByAPI[b], u.ByAPI[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", cmp.Or(p.Usage.APIs[api], api), u.ByAPI[api]))
	}
	var said []string
	if len(parts) > 0 {
		said = append(said, fmt.Sprintf(p.Usage.Calls, strings.Join(parts, p.Comma), p.Clock(u.MonthEnds)))
	}
	if u.Spent {
		said = append(said, p.Reason(receipts.BudgetSpent))
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

// Connected says in a few words how many connections to DingTalk are up, and in a sentence
// since when any was.
func (p Page) Connected(connections func() []time.Time) (state, since string) {
	if connections == nil {
		return p.Usage.Connected, ""
	}
	all := connections()
	var up []time.Time
	for _, since := range all {
		if !since.IsZero() {
			up = append(up, since)
		}
	}
	if len(up) == 0 {
		return fmt.Sprintf(p.Usage.Cut, len(all)), ""
	}
	state = p.Usage.Connected
	if len(up) < len(all) {
		state = fmt.Sprintf(p.Usage.Partly, len(up), len(all))
	}
	return state, fmt.Sprintf(p.Usage.Since, p.Clock(slices.MinFunc(up, time.Time.Compare)))
}
