package bot

import (
	"context"
	"sync"
	"time"
)

// QuotaRecords keep, by month ("2026-08"), that the organisation's counted calls are
// used up. Every method is safe to repeat.
type QuotaRecords interface {
	KeepQuotaSpent(ctx context.Context, month string, at time.Time) error
	ForgetQuotaSpent(ctx context.Context, month string) error
	// QuotaSpent returns when that was last said; zero if it was not.
	QuotaSpent(ctx context.Context, month string) (time.Time, error)
}

// Quota remembers until the month ends that DingTalk has said that its calls are used
// up, for all processes. It is for dingtalk.Config. While the records do not answer,
// it is what this process knows.
type Quota struct {
	records QuotaRecords
	now     func() time.Time

	mu    sync.Mutex
	month string    // of since
	since time.Time // as last known; zero if it is not spent
	asked time.Time // when that was known
}

// unspentFor is how long the records are not asked again, page by page, once they have said
// that the quota is not spent. What another process hears meanwhile costs one refused call.
const unspentFor = time.Second

// monthsMeet is how long after the beginning of a month DingTalk may still refuse for the
// quota of the one before: this machine's clock is ahead, or the call took its time. Kept,
// that would hold for all of the new month.
const monthsMeet = 10 * time.Minute

// NewQuota returns a quota of which this process knows nothing yet.
func NewQuota(records QuotaRecords, now func() time.Time) *Quota {
	return &Quota{records: records, now: now}
}

// Spent implements dingtalk.Quota.
func (q *Quota) Spent(ctx context.Context) (bool, error) {
	if q.unspent() {
		return false, nil
	}
	since, err := q.SpentSince(ctx)
	return !since.IsZero(), err
}

// unspent tells whether it was known a moment ago that the quota is not spent.
func (q *Quota) unspent() bool {
	now := q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	age := now.Sub(q.asked)
	return q.month == quotaMonth(now) && q.since.IsZero() && age >= 0 && age < unspentFor
}

// SpentSince returns when DingTalk last said that this month's calls are used up; zero
// if they are not, as far as anybody knows. With an error, it is what this process
// knows.
func (q *Quota) SpentSince(ctx context.Context) (time.Time, error) {
	month := quotaMonth(q.now())
	since, err := q.records.QuotaSpent(ctx, month)
	if err == nil {
		q.know(month, since)
		return since, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.month != month {
		return time.Time{}, err
	}
	return q.since, err
}

// SetSpent implements dingtalk.Quota. What is said just after a month began is not kept.
func (q *Quota) SetSpent(ctx context.Context, spent bool) error {
	at := q.now()
	month := quotaMonth(at)
	if !spent {
		q.know(month, time.Time{})
		return q.records.ForgetQuotaSpent(ctx, month)
	}
	if quotaMonth(at.Add(-monthsMeet)) != month {
		return nil
	}
	q.know(month, at)
	return q.records.KeepQuotaSpent(ctx, month, at)
}

func (q *Quota) know(month string, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.month, q.since, q.asked = month, since, q.now()
}
