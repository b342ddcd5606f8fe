package chart

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot/plotter"
)

// The picture spans no less and no more.
const (
	shortest = 5 * time.Minute
	longest  = 36_500 * day
)

// length is how long the time axis is.
func (d Data) length() time.Duration {
	return min(max(d.AsOf.Sub(d.Sent), shortest), longest)
}

// resolution is how many times the picture tells apart: two a pixel. It bounds what is drawn however many the reads.
const resolution = 2 * Width

// history is the number of readers over time. Times are seconds since the sending.
type history struct {
	width float64 // of the time axis
	end   float64 // up to where the reads are known
	count int     // of readers at the end
	spans []span  // without gaps, from 0 to end
}

// unsure reports whether there are readers of whom nobody knows when they read.
func (h history) unsure() bool {
	return slices.ContainsFunc(h.spans, func(s span) bool { return s.by > 0 })
}

// span is a time at both ends of which the number of readers is known.
type span struct {
	from, to float64
	by       int // readers who read somewhere within it: the query at its end showed them
	// certain is the line of those who had certainly read: level, with a step at each exact read. Those of by are not in it.
	certain plotter.XYs
	// slope is certain with those of by spread evenly; nil where there are none.
	slope plotter.XYs
}

// possible is the line of those who may have read at most.
func (s span) possible() plotter.XYs {
	line := slices.Clone(s.certain)
	for i := range line {
		line[i].Y += float64(s.by)
	}
	return line
}

// moment is a time at which readers became known.
type moment struct {
	at        float64
	exact, by int
}

func growth(d Data) history {
	h := history{width: d.length().Seconds(), count: len(d.Reads)}
	h.end = h.place(d, d.AsOf)
	known := []float64{0} // when the number of readers was known for certain
	for _, q := range d.Queries {
		known = append(known, h.place(d, q))
	}
	moments := h.moments(d)
	for _, m := range moments {
		if m.by > 0 {
			known = append(known, m.at)
		}
	}
	slices.Sort(known)

	w := walk{rest: moments}
	for _, m := range moments {
		if m.by == 0 {
			continue
		}
		i, _ := slices.BinarySearch(known, m.at)
		since := known[max(i-1, 0)]
		if since > w.at {
			w.until(since, 0)
		}
		w.until(m.at, m.by)
	}
	w.until(h.end, 0)
	h.spans = w.spans
	return h
}

// place is where a time lies in the picture.
func (h history) place(d Data, t time.Time) float64 {
	if t.After(d.AsOf) {
		t = d.AsOf
	}
	step := h.width / resolution
	return math.Round(min(max(t.Sub(d.Sent).Seconds(), 0), h.width)/step) * step
}

func (h history) moments(d Data) []moment {
	all := make([]moment, 0, len(d.Reads))
	for _, r := range d.Reads {
		switch {
		case r.At.IsZero(): // some time before the end
			all = append(all, moment{at: h.end, by: 1})
		case r.Exact:
			all = append(all, moment{at: h.place(d, r.At), exact: 1})
		default:
			all = append(all, moment{at: h.place(d, r.At), by: 1})
		}
	}
	slices.SortFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	merged := all[:0]
	for _, m := range all {
		if last := len(merged) - 1; last >= 0 && merged[last].at == m.at {
			merged[last].exact += m.exact
			merged[last].by += m.by
			continue
		}
		merged = append(merged, m)
	}
	return merged
}

// walk goes through the moments from left to right and leaves spans behind.
type walk struct {
	at    float64
	count int
	rest  []moment
	spans []span
}

// until ends a span at to, where a query showed by more readers than the exact reads explain.
func (w *walk) until(to float64, by int) {
	s := span{from: w.at, to: to, by: by}
	add := func(at float64, exact int) {
		s.certain = append(s.certain, plotter.XY{X: at, Y: float64(w.count)}, plotter.XY{X: at, Y: float64(w.count + exact)})
		if by > 0 {
			share := float64(by)
			if to > s.from {
				share *= (at - s.from) / (to - s.from)
			}
			s.slope = append(s.slope, plotter.XY{X: at, Y: float64(w.count) + share}, plotter.XY{X: at, Y: float64(w.count+exact) + share})
		}
		w.count += exact
	}
	if by > 0 && to == s.from {
		// No time for a slope: the step at once.
		s.slope = append(s.slope, plotter.XY{X: to, Y: float64(w.count)})
	}
	add(s.from, 0)
	for len(w.rest) > 0 && w.rest[0].at <= to {
		add(w.rest[0].at, w.rest[0].exact)
		w.rest = w.rest[1:]
	}
	add(to, 0)
	w.count += by
	w.at = to
	w.spans = append(w.spans, s)
}
