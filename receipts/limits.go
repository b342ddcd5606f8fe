package receipts

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

// Limits bound what the questions of one person, and those about one group, may cost in
// counted calls of DingTalk. Who has anything left may ask a question of any size.
type Limits struct {
	Person, Group int // in LimitWindow; 0 for none
	// Month is the budget of all calls in a month, of which one person may use
	// personShare a day, and one group groupShare; 0 for none.
	Month int
}

// LimitWindow is the time in which Limits count.
const LimitWindow = 10 * time.Minute

// The shares of the month's budget that may be used in a day, in percent.
const (
	personShare = 5
	groupShare  = 20
)

// ErrLimited means that DingTalk was not asked: the person or the group has asked too much
// lately.
var ErrLimited = errors.New("too many questions lately")

// QuestionCalls are what questions have cost in counted calls.
type QuestionCalls struct {
	Person, Group           int // in the last LimitWindow, about
	PersonToday, GroupToday int
}

// QuestionRecords keep what questions cost.
type QuestionRecords interface {
	// QuestionCalls returns what a person's questions have cost, in all groups, and what all
	// questions about a group have.
	QuestionCalls(ctx context.Context, group, userID string, at time.Time) (QuestionCalls, error)
	// AddQuestionCalls adds to it.
	AddQuestionCalls(ctx context.Context, group, userID string, calls int, at time.Time) error
}

// allows reports whether somebody may ask a question who has used so much. Administrators are
// not limited as persons.
func (l Limits) allows(used QuestionCalls, admin bool) bool {
	within := func(used, most int) bool { return most == 0 || used < most }
	return within(used.Group, l.Group) && within(used.GroupToday, l.aDay(groupShare)) &&
		(admin || within(used.Person, l.Person) && within(used.PersonToday, l.aDay(personShare)))
}

// aDay is how many calls that share of the month's budget is, in percent; 0, which is no limit,
// without a budget or with one too small to be shared out.
func (l Limits) aDay(share int) int { return l.Month * share / 100 }

// meter limits what questions cost.
type meter struct {
	limits Limits
	policy Policy
	ports  Ports
}

// asker is somebody who asks: to have nobody asked, where they or the group have used what they
// may, and to be charged with what it costs.
func (m *meter) asker(ctx context.Context, by Actor, group string) Asker {
	if m.limits == (Limits{}) {
		return Asker{}
	}
	asker := Asker{Pay: func(ctx context.Context, calls int) {
		if err := m.ports.Store.AddQuestionCalls(ctx, group, by.payer(), calls, m.ports.Now()); err != nil {
			m.ports.Log(ctx).Warn("what a question has cost is not noted", zap.Int("calls", calls), zap.Error(err))
		}
	}}
	used, err := m.ports.Store.QuestionCalls(ctx, group, by.payer(), m.ports.Now())
	if err != nil {
		m.ports.Log(ctx).Warn("limits are not known, and not applied", zap.Error(err))
		return asker
	}
	asker.NoCalls = !m.limits.allows(used, m.policy.Allows(Admins, by, Person{}))
	return asker
}
