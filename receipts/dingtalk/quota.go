package dingtalk

// PastBudget makes a call although the budget is spent: what it finds out is needed for something that an administrator has
// asked for.
func PastBudget(r *request) { r.pastBudget = true }

// affordable returns the failure of a call for which no budget or no quota is left.
func (c *Client) affordable(a api, r request) *Error {
	switch {
	case !a.counted:
		return nil
	case (!a.changes || a.spare) && !r.pastBudget && !c.withinBudget():
		return a.refuse(BudgetSpent, "not sent: the calls that this app may make in a month are used up", nil)
	case !c.withinQuota():
		return a.refuse(QuotaSpent, "not sent: DingTalk said that this month's calls are used up", nil)
	default:
		return nil
	}
}
