package dingtalk

import (
	"context"
	"errors"
	"fmt"
)

// Quota remembers whether DingTalk has said that the organisation's counted calls of this month are used up.
type Quota interface {
	// Spent tells whether it has. With an error, which means that the shared memory is out of reach, the answer is what
	// this process knows by itself.
	Spent(ctx context.Context) (bool, error)
	// SetSpent remembers or forgets it, in this process at least.
	SetSpent(ctx context.Context, spent bool) error
}

// secondLook is what the calls of one context that may ask again have in common.
type secondLook struct {
	turn chan struct{} // holds one token while one of them asks
	over bool          // DingTalk has said it again; it belongs to who has the turn
}

type secondLookKey struct{}

// AskAgain returns a context for whoever may find out that a spent quota is spent no more: although it is remembered, the
// calls of this context are made, one at a time, until one goes through, which is remembered instead, or DingTalk says again
// that it is spent. Calls of other contexts are refused meanwhile, without being made.
func AskAgain(ctx context.Context) context.Context {
	return context.WithValue(ctx, secondLookKey{}, &secondLook{turn: make(chan struct{}, 1)})
}

type pastBudgetKey struct{}

// PastBudget returns a context whose calls may ask although the budget is spent: what they find out is needed for something
// that an administrator has asked for.
func PastBudget(ctx context.Context) context.Context {
	return context.WithValue(ctx, pastBudgetKey{}, true)
}

// affords returns the failure of a call for which there is no budget left.
func (c *Client) affords(ctx context.Context, a api) *Error {
	if !a.counted || a.changes || c.withinBudget() || ctx.Value(pastBudgetKey{}) != nil {
		return nil
	}
	return a.refuse(BudgetSpent, "not sent: the calls that this app may make in a month are used up", nil)
}

// withinQuota tells whether a call may be made as far as the quota is remembered; settle is to be called with what
// became of it.
func (c *Client) withinQuota(ctx context.Context, a api) (settle func(error), failure *Error) {
	if c.quota == nil || !a.counted {
		return func(error) {}, nil
	}
	if !c.spent(ctx) {
		return func(err error) { c.noteQuota(ctx, err, false) }, nil
	}
	look, ok := ctx.Value(secondLookKey{}).(*secondLook)
	if !ok {
		return nil, a.quotaSpent()
	}
	select {
	case look.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, interrupted(ctx, a)
	}
	leave := func() { <-look.turn }
	switch {
	case !c.spent(ctx): // who had the turn before went through
		leave()
		return func(err error) { c.noteQuota(ctx, err, false) }, nil
	case look.over:
		leave()
		return nil, a.quotaSpent()
	}
	return func(err error) {
		defer leave()
		look.over = c.noteQuota(ctx, err, true)
	}, nil
}

// noteQuota remembers what the outcome of a counted call says about the quota; that it went through is only news where
// it was spent before. It tells whether it is spent.
func (c *Client) noteQuota(ctx context.Context, err error, before bool) bool {
	failure, _ := errors.AsType[*Error](err)
	spent := failure != nil && failure.Kind == QuotaSpent
	if !spent && (err != nil || !before) {
		return false
	}
	// Although the caller may have given up: the others are to know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	if err := c.quota.SetSpent(ctx, spent); err != nil {
		c.warn(ctx, fmt.Errorf("only this process remembers whether the quota is spent (%t): %w", spent, err))
	}
	return spent
}

func (c *Client) spent(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	spent, err := c.quota.Spent(ctx)
	if err != nil {
		c.warn(ctx, fmt.Errorf("whether the quota is spent is known of this process alone (%t): %w", spent, err))
	}
	return spent
}

func (a api) quotaSpent() *Error {
	return a.refuse(QuotaSpent, "not sent: DingTalk said that this month's calls are used up", nil)
}
