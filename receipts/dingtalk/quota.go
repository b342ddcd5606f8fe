package dingtalk

import "context"

type pastBudgetKey struct{}

// PastBudget returns a context whose calls may ask although the budget is spent: what they find out is needed for something
// that an administrator has asked for.
func PastBudget(ctx context.Context) context.Context {
	return context.WithValue(ctx, pastBudgetKey{}, true)
}

// affordable returns the failure of a call for which no budget or no quota is left.
func (c *Client) affordable(ctx context.Context, a api) *Error {
	switch {
	case !a.counted:
		return nil
	case !a.changes && !c.withinBudget() && ctx.Value(pastBudgetKey{}) == nil:
		return a.refuse(BudgetSpent, "not sent: the calls that this app may make in a month are used up", nil)
	case !c.withinQuota():
		return a.refuse(QuotaSpent, "not sent: DingTalk said that this month's calls are used up", nil)
	default:
		return nil
	}
}
