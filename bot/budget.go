package bot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
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
	logged map[string]bool // the notices that are in the log of this process
	// noted are the notices that this process need not give: they are given, or it
	// tries again at that time.
	noted map[string]time.Time
}

// NewBudget returns the budget for the calls of the counter.
func NewBudget(counter *CallCounter, limits BudgetLimits) *Budget {
	return &Budget{counter: counter, limits: limits, logged: map[string]bool{}, noted: map[string]time.Time{}}
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

// Spent tells whether none are left.
func (s BudgetState) Spent() bool { return s.CallsPerMonth > 0 && s.Used >= s.CallsPerMonth }

// State returns how it is now, as far as this process knows, at once.
func (b *Budget) State() BudgetState { return b.state(b.counter.Known()) }

// Ask is State by what all processes have written down by now.
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
	return BudgetState{BudgetLimits: b.Limits(), Used: total(used), ByAPI: used, Ends: nextMonth(b.counter.now())}
}

func total(calls map[string]int) int {
	total := 0
	for _, n := range calls {
		total += n
	}
	return total
}

// Within tells whether calls may still be made. It is for dingtalk.Config.
func (b *Budget) Within() bool { return !b.State().Spent() }

// NoticeRecords keep which notices administrators were given, for all processes.
type NoticeRecords interface {
	// FirstNotice tells whether nobody but by has given the notice, and notes that by
	// does.
	FirstNotice(ctx context.Context, notice, by string) (bool, error)
	// DropNotice forgets a notice that certainly reached nobody.
	DropNotice(ctx context.Context, notice string) error
}

// noticeAgainAfter is how long a notice waits that could not be given.
const noticeAgainAfter = time.Hour

// due returns the notice that administrators are to be given, by its name: once for
// each budget of a month when it is nearly spent, and once when it is. It is empty if
// this process knows of none.
func (b *Budget) due() (notice string, s BudgetState) {
	s = b.State()
	level := ""
	switch {
	case s.CallsPerMonth <= 0 || s.WarnAt <= 0:
	case s.Spent():
		level = "spent"
	case s.Used*100 >= s.CallsPerMonth*s.WarnAt:
		level = "warn"
	}
	if level == "" {
		return "", s
	}
	now := b.counter.now()
	notice = fmt.Sprintf("%s:%s:%d", quotaMonth(now), level, s.CallsPerMonth)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.logged[notice] {
		b.logged[notice] = true
		b.counter.log.Warn("the budget of calls is nearly or quite spent",
			zap.Int("used", s.Used), zap.Int("calls_per_month", s.CallsPerMonth), zap.Time("until", s.Ends))
	}
	if again, noted := b.noted[notice]; noted && (again.IsZero() || now.Before(again)) {
		return "", s
	}
	return notice, s
}

// note has this process give the notice no more; or again at that time.
func (b *Budget) note(notice string, again time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noted[notice] = again
}

// budgetNotice is the sentence about a budget that is nearly or quite spent.
func (w *words) budgetNotice(s BudgetState) string {
	sentence := w.BudgetLow
	if s.Spent() {
		sentence = w.BudgetSpent
	}
	return fmt.Sprintf(sentence, s.Used, s.CallsPerMonth, s.Used*100/s.CallsPerMonth)
}

// warnPrivately tells the configured administrators that the budget is nearly or quite
// spent, each once for all processes. It is noted before: after a crash in between, the
// log and the usage have told it, and nobody is told twice.
func (b *Bot) warnPrivately(ctx context.Context) {
	notice, state := b.Budget.due()
	if notice == "" || len(b.Access.Admins) == 0 {
		return
	}
	b.Budget.note(notice, time.Time{})
	text := say(b.language(Said{}).words().budgetNotice(state)).message()
	for i, batch := range chunks(receipts.InPrivate, b.Access.Admins, dingtalk.MaxDirectUsers) {
		if err := b.noticeOnce(ctx, fmt.Sprintf("%s:%d", notice, i), func() error {
			_, err := b.Client.SendDirect(ctx, batch.UserIDs, text)
			return err
		}); err != nil {
			b.log(ctx).Error("administrators not told of the budget", zap.Error(err))
			b.Budget.note(notice, b.Now().Add(noticeAgainAfter))
		}
	}
}

// noticeOnce gives a notice, unless it was given before. If it certainly was not, it
// can be given again.
func (b *Bot) noticeOnce(ctx context.Context, notice string, give func() error) error {
	first, err := b.Notices.FirstNotice(ctx, notice, rand.Text())
	if err != nil || !first {
		return err
	}
	failure := give()
	if known, ok := errors.AsType[*dingtalk.Error](failure); !ok || known.Uncertain() {
		return failure
	}
	return errors.Join(failure, b.Notices.DropNotice(context.WithoutCancel(ctx), notice))
}

// warnWith adds to an administrator's answer that the budget is nearly or quite spent,
// where no administrators are configured who would be told in private; once for all
// processes, and again in a repetition of the same command.
func (b *Bot) warnWith(ctx context.Context, w *words, in Incoming, a answer) answer {
	notice, state := b.Budget.due()
	if notice == "" || len(b.Access.Admins) > 0 || a.text == "" {
		return a
	}
	first, err := b.Notices.FirstNotice(ctx, notice, in.ID)
	if err != nil {
		b.log(ctx).Warn("administrator not told of the budget", zap.Error(err))
		return a
	}
	b.Budget.note(notice, time.Time{})
	if first {
		a.text = lines(a.text, w.budgetNotice(state))
	}
	return a
}
