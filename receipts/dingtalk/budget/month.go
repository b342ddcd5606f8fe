package budget

import "time"

// quotaZone is where DingTalk's months begin and end.
var quotaZone = time.FixedZone("UTC+8", 8*60*60)

// monthOf returns the month of DingTalk's quota, such as "2026-08".
func monthOf(at time.Time) string { return at.In(quotaZone).Format("2006-01") }

// monthEnd returns when the month of DingTalk's quota is over.
func monthEnd(at time.Time) time.Time {
	at = at.In(quotaZone)
	return time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, quotaZone)
}
