package budget

import (
	"sync"
	"time"

	"whoread/receipts/dingtalk"
)

// quotaPause is how long no counted call is made after DingTalk has refused one because
// the organisation's calls of the month are used up: that is six refused calls an hour at
// most. Then anybody's call finds out whether more were bought.
const quotaPause = 10 * time.Minute

// Quota knows, for this process, whether the organisation's counted calls are used up.
type Quota struct {
	now func() time.Time

	mu      sync.Mutex
	refused time.Time // last refusal; zero if a call has succeeded since
}

// NewQuota returns a quota of which nothing is known yet.
func NewQuota(now func() time.Time) *Quota { return &Quota{now: now} }

// Observe takes note of what the outcome of a call says about the quota. It is for
// dingtalk.Config.
func (q *Quota) Observe(c dingtalk.Call) {
	if !c.Counted || c.Failure != nil && c.Kind != dingtalk.QuotaSpent {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refused = time.Time{}
	if c.Failure != nil {
		q.refused = q.now()
	}
}

// Within reports whether a counted call may be tried. It is for dingtalk.Config.
func (q *Quota) Within() bool {
	since := q.SpentSince()
	age := q.now().Sub(since)
	return since.IsZero() || age < 0 || age >= quotaPause
}

// SpentSince returns when DingTalk last said that this month's calls are used up. It is
// zero if it did not, or if a call has succeeded since.
func (q *Quota) SpentSince() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if monthOf(q.refused) != monthOf(q.now()) {
		return time.Time{}
	}
	return q.refused
}
