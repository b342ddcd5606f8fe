package receipts

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// QuietHours are the hours of every day in which nothing comes by itself, from
// From up to but not including To, on the clocks of Zone. The zero value is never
// quiet.
type QuietHours struct {
	From, To ClockTime
	Zone     *time.Location
}

// ClockTime is a time of day in minutes since midnight, as clocks show it.
type ClockTime int

// ErrClockTime means that a text is no time of day.
var ErrClockTime = errors.New("not a time of day such as 08:00")

// ParseClockTime reads HH:MM from 00:00 to 24:00. Its error is ErrClockTime.
func ParseClockTime(s string) (ClockTime, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, ErrClockTime)
	}
	return ClockTime(t.Hour()*60 + t.Minute()), nil
}

// ParseQuietHours reads HH:MM-HH:MM; the second time may be on the next day. An
// empty text is never quiet. Its error is ErrClockTime.
func ParseQuietHours(s string, zone *time.Location) (QuietHours, error) {
	if s == "" {
		return QuietHours{}, nil
	}
	first, second, found := strings.Cut(s, "-")
	if !found {
		return QuietHours{}, fmt.Errorf("%q: two times with - between them: %w", s, ErrClockTime)
	}
	from, err := ParseClockTime(strings.TrimSpace(first))
	if err != nil {
		return QuietHours{}, err
	}
	to, err := ParseClockTime(strings.TrimSpace(second))
	if err != nil {
		return QuietHours{}, err
	}
	if (to-from)%(24*60) == 0 {
		return QuietHours{}, fmt.Errorf("%q: the two times are the same: %w", s, ErrClockTime)
	}
	return QuietHours{From: from, To: to, Zone: zone}, nil
}

// quiet reports whether the clocks show a quiet time.
func (q QuietHours) quiet(t time.Time) bool {
	if q.Zone == nil {
		return false
	}
	t = t.In(q.Zone)
	now := ClockTime(t.Hour()*60 + t.Minute())
	if q.From < q.To {
		return q.From <= now && now < q.To
	}
	return q.From <= now || now < q.To // across midnight
}

// End returns the first time from t on that is not quiet. It looks at the clocks
// minute by minute, so that a change of the clocks, which skips minutes or shows
// them twice, needs no rule of its own.
func (q QuietHours) End(t time.Time) time.Time {
	for q.quiet(t) {
		t = t.Truncate(time.Minute).Add(time.Minute)
	}
	return t
}
