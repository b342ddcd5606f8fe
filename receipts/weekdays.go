package receipts

import (
	"slices"
	"time"
)

// Weekdays are some days of every week; the zero value has none.
type Weekdays uint8

// WeekdaysOf returns these days.
func WeekdaysOf(days ...time.Weekday) Weekdays {
	var w Weekdays
	for _, day := range days {
		w |= 1 << day
	}
	return w
}

// Has reports whether a day is one of them.
func (w Weekdays) Has(day time.Weekday) bool { return w&(1<<day) != 0 }

// All returns them from Monday on.
func (w Weekdays) All() []time.Weekday {
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
	return slices.DeleteFunc(week, func(day time.Weekday) bool { return !w.Has(day) })
}
