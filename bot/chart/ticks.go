package chart

import (
	"strconv"
	"time"

	"gonum.org/v1/plot"
)

func (d Data) location() *time.Location {
	if d.Location == nil {
		return time.UTC
	}
	return d.Location
}

// period is "11-22 09:00 – 14:32", with the date of the end where it is another day; one time where it is over within a
// minute.
func (d Data) period() string {
	from, to := d.Sent.In(d.location()), d.AsOf.In(d.location())
	if to.Before(from) {
		to = from
	}
	end := "15:04"
	switch {
	case from.Format(time.DateOnly) != to.Format(time.DateOnly):
		end = "01-02 15:04"
	case from.Format(end) == to.Format(end):
		return from.Format("01-02 15:04")
	}
	return from.Format("01-02 15:04") + " – " + to.Format(end)
}

const day = 24 * time.Hour

// maxTimeTicks is how many labels fit side by side.
const maxTimeTicks = 6

// timeTicks marks round times of day in a place, from the sending for a length of time. The labels are HH:MM, and
// MM-DD at midnight.
func timeTicks(sent time.Time, length time.Duration, in *time.Location) []plot.Tick {
	sent = sent.In(in)
	step := timeStep(length)
	var ticks []plot.Tick
	year, month, date := sent.Date()
	for i := 0; ; i++ {
		// By the clock on the wall, so that a step of hours stays at round hours where clocks are changed.
		wall := time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * step)
		t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, in)
		if t.Sub(sent) > length {
			return ticks
		}
		// A clock that is put forward never shows some times.
		if shown := t.Format(time.DateTime) == wall.Format(time.DateTime); shown && !t.Before(sent) {
			ticks = append(ticks, plot.Tick{Value: t.Sub(sent).Seconds(), Label: timeLabel(t)})
		}
	}
}

func timeLabel(t time.Time) string {
	if t.Hour() == 0 && t.Minute() == 0 {
		return t.Format("01-02")
	}
	return t.Format("15:04")
}

// timeStep is the shortest round step with few enough ticks.
func timeStep(length time.Duration) time.Duration {
	room := time.Duration(maxTimeTicks)
	for _, step := range []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour,
		day, 2 * day, 5 * day, 10 * day,
	} {
		if length <= step*room {
			return step
		}
	}
	days := length/(day*room) + 1
	return days * day
}

// countTicks marks 0, the total and round numbers in between that keep their distance from it.
func countTicks(total int) []plot.Tick {
	step, decade := 1, 1
	for i := 0; (total-1)/5 >= step; i++ {
		step = decade * []int{2, 5, 10}[i%3]
		if i%3 == 2 {
			decade *= 10
		}
	}
	var ticks []plot.Tick
	for i := range 6 {
		if n := i * step; total-n > total/10 {
			ticks = append(ticks, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
		}
	}
	return append(ticks, plot.Tick{Value: float64(total), Label: strconv.Itoa(total)})
}
