package receipts_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"whoread/receipts"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestQuietHoursEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hours, zone, at, want string }{
		{"", "Asia/Shanghai", "2026-11-22T23:00:00+08:00", "2026-11-22T23:00:00+08:00"},
		{"22:00-08:00", "Asia/Shanghai", "2026-11-22T21:59:59+08:00", "2026-11-22T21:59:59+08:00"},
		{"22:00-08:00", "Asia/Shanghai", "2026-11-22T22:00:00+08:00", "2026-11-23T08:00:00+08:00"},
		{"22:00-08:00", "Asia/Shanghai", "2026-11-22T23:59:59+08:00", "2026-11-23T08:00:00+08:00"},
		{"22:00-08:00", "Asia/Shanghai", "2026-11-23T00:00:01+08:00", "2026-11-23T08:00:00+08:00"},
		{"22:00-08:00", "Asia/Shanghai", "2026-11-23T08:00:00+08:00", "2026-11-23T08:00:00+08:00"},
		{"12:00-14:00", "Asia/Shanghai", "2026-11-23T12:30:30+08:00", "2026-11-23T14:00:00+08:00"},
		{"12:00-14:00", "Asia/Shanghai", "2026-11-23T15:00:00+08:00", "2026-11-23T15:00:00+08:00"},
		{"18:00-24:00", "Asia/Shanghai", "2026-11-23T20:00:00+08:00", "2026-11-24T00:00:00+08:00"},
		{"22:00-08:00", "UTC", "2026-11-22T22:00:00+08:00", "2026-11-22T22:00:00+08:00"},
		// Clocks go forward from 02:00 to 03:00: 02:30 is never shown.
		{"22:00-02:30", "Europe/Berlin", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"22:00-08:00", "Europe/Berlin", "2026-03-28T22:00:00+01:00", "2026-03-29T08:00:00+02:00"},
		// Clocks go back from 03:00 to 02:00: 02:00 to 03:00 is shown twice, and 02:15
		// is quiet both times.
		{"22:00-08:00", "Europe/Berlin", "2026-10-24T22:00:00+02:00", "2026-10-25T08:00:00+01:00"},
		{"22:00-02:30", "Europe/Berlin", "2026-10-25T02:15:00+02:00", "2026-10-25T02:30:00+02:00"},
		{"22:00-02:30", "Europe/Berlin", "2026-10-25T02:15:00+01:00", "2026-10-25T02:30:00+01:00"},
	} {
		hours, err := receipts.ParseQuietHours(c.hours, zone(t, c.zone))
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		want, err := time.Parse(time.RFC3339, c.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := hours.End(at); !got.Equal(want) {
			t.Errorf("%s in %s: after %s comes %s; want %s", c.hours, c.zone, c.at, got, c.want)
		}
	}
}

func TestQuietHoursAreTwoDifferentTimes(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"22:00", "22-8", "25:00-08:00", "22:00-08:60", "08:00-08:00", "00:00-24:00", "-", "22:00–08:00", "night"} {
		if _, err := receipts.ParseQuietHours(wrong, time.UTC); !errors.Is(err, receipts.ErrClockTime) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// Whatever the hours, the zone and the season: what comes next is not quiet, is
// not in the past, and is not put off for longer than a day and a clock change.
func TestQuietHoursAlwaysEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minutes := rapid.IntRange(0, 24*60-1)
		from := minutes.Draw(t, "from")
		to := rapid.Custom(func(t *rapid.T) int { return (from + rapid.IntRange(1, 24*60-1).Draw(t, "for")) % (24 * 60) }).Draw(t, "to")
		hours := receipts.QuietHours{
			From: receipts.ClockTime(from), To: receipts.ClockTime(to),
			Zone: zone(t, rapid.SampledFrom([]string{"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"}).Draw(t, "zone")),
		}
		at := time.Date(2026, 1, 1, 0, 0, rapid.IntRange(0, 366*24*3600).Draw(t, "second"), 0, time.UTC)
		end := hours.End(at)
		if end.Before(at) || end.Sub(at) > 26*time.Hour || !hours.End(end).Equal(end) {
			t.Errorf("%v: after %s comes %s", hours, at, end)
		}
	})
}
