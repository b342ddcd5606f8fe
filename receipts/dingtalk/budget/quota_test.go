package budget

import (
	"testing"
	"time"

	"whoread/receipts/dingtalk"
)

func TestQuota(t *testing.T) {
	t.Parallel()
	refused := dingtalk.Call{Counted: true, Kind: dingtalk.QuotaSpent, Failure: &dingtalk.Error{Kind: dingtalk.QuotaSpent}}
	failed := dingtalk.Call{Counted: true, Kind: dingtalk.Unavailable, Failure: &dingtalk.Error{Kind: dingtalk.Unavailable}}
	done, free := dingtalk.Call{Counted: true}, dingtalk.Call{}
	now := time.Date(2026, 8, 31, 15, 0, 0, 0, time.UTC) // an hour before DingTalk's month ends
	quota := NewQuota(func() time.Time { return now })
	var none time.Time
	first := now
	second := first.Add(10 * time.Minute)
	for _, step := range []struct {
		what   string
		after  time.Duration
		call   *dingtalk.Call
		within bool
		since  time.Time
	}{
		{"at first", 0, nil, true, none},
		{"after a success", 0, &done, true, none},
		{"after another failure", 0, &failed, true, none},
		{"after a refusal", 0, &refused, false, first},
		{"after an uncounted success", 0, &free, false, first},
		{"after another failure that began before", 0, &failed, false, first},
		{"just before ten minutes are over", 10*time.Minute - 1, nil, false, first},
		{"after ten minutes", 1, nil, true, first},
		{"after another failure then", 0, &failed, true, first},
		{"refused again", 0, &refused, false, second},
		{"after a success that began before", 0, &done, true, none},
		{"refused once more", 45 * time.Minute, &refused, false, second.Add(45 * time.Minute)},
		{"in the next month", 5 * time.Minute, nil, true, none},
		{"with a clock that was set back by an hour", -time.Hour, nil, true, second.Add(45 * time.Minute)},
	} {
		now = now.Add(step.after)
		if step.call != nil {
			quota.Observe(*step.call)
		}
		if within, since := quota.Within(), quota.SpentSince(); within != step.within || !since.Equal(step.since) {
			t.Errorf("%s: within %t, spent since %v; want %t, %v", step.what, within, since, step.within, step.since)
		}
	}
}
