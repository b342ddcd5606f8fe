package chart

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/plotter"
	"pgregory.net/rapid"
)

// whole is a span of time in which every second can be told apart.
const whole = resolution

func seconds(n int) time.Time { return sent.Add(time.Duration(n) * time.Second) }

func exact(at int) Read { return Read{At: seconds(at), Exact: true} }

func latest(at int) Read { return Read{At: seconds(at)} }

// TestGrowth names a span as its ends, the readers who came within it, and the points of its lines.
func TestGrowth(t *testing.T) {
	t.Parallel()
	level := func(from, to, y float64) plotter.XYs {
		return plotter.XYs{{X: from, Y: y}, {X: from, Y: y}, {X: to, Y: y}, {X: to, Y: y}}
	}
	for _, tt := range []struct {
		name    string
		reads   []Read
		queries []time.Time
		want    []span
	}{
		{"nobody", nil, nil, []span{{0, whole, 0, level(0, whole, 0), nil}}},
		{
			"exactly",
			[]Read{exact(300), exact(100), exact(300)},
			nil,
			[]span{{0, whole, 0, plotter.XYs{{X: 0, Y: 0}, {X: 0, Y: 0}, {X: 100, Y: 0}, {X: 100, Y: 1}, {X: 300, Y: 1}, {X: 300, Y: 3}, {X: whole, Y: 3}, {X: whole, Y: 3}}, nil}},
		},
		{
			"by a query, any time before",
			[]Read{latest(500), latest(500)},
			nil,
			[]span{
				{0, 500, 2, plotter.XYs{{X: 0}, {X: 0}, {X: 500}, {X: 500}, {X: 500}, {X: 500}}, plotter.XYs{{X: 0}, {X: 0}, {X: 500, Y: 2}, {X: 500, Y: 2}, {X: 500, Y: 2}, {X: 500, Y: 2}}},
				{500, whole, 0, level(500, whole, 2), nil},
			},
		},
		{
			"by a query, since the one before",
			[]Read{latest(500)},
			[]time.Time{seconds(100), seconds(400), seconds(500), seconds(900)},
			[]span{
				{0, 400, 0, level(0, 400, 0), nil},
				{400, 500, 1, plotter.XYs{{X: 400}, {X: 400}, {X: 500}, {X: 500}, {X: 500}, {X: 500}}, plotter.XYs{{X: 400}, {X: 400}, {X: 500, Y: 1}, {X: 500, Y: 1}, {X: 500, Y: 1}, {X: 500, Y: 1}}},
				{500, whole, 0, level(500, whole, 1), nil},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := growth(Data{Sent: sent, AsOf: seconds(whole), Reads: tt.reads, Queries: tt.queries})
			if h.end != whole || h.width != whole || h.count != len(tt.reads) {
				t.Errorf("got end %v, width %v, count %d", h.end, h.width, h.count)
			}
			if diff := cmp.Diff(tt.want, h.spans, cmp.AllowUnexported(span{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Reads from before the sending and after the end, and those without a time, are in the picture all the same.
func TestReadsOutsideThePicture(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		read Read
		at   float64 // where the count becomes certain
	}{
		{"before the sending", exact(-3600), 0},
		{"after the end", exact(99999), whole},
		{"by a time before the sending", latest(-1), 0},
		{"by a time after the end", latest(99999), whole},
		{"without a time", Read{}, whole},
		{"exactly without a time", Read{Exact: true}, whole},
	} {
		h := growth(Data{Sent: sent, AsOf: seconds(whole), Reads: []Read{tt.read}})
		if got := certainAt(h, tt.at); got != 1 {
			t.Errorf("%s: %v readers at %v", tt.name, got, tt.at)
		}
		if got := certainAt(h, tt.at-1); got != 0 {
			t.Errorf("%s: %v readers before %v", tt.name, got, tt.at)
		}
	}
}

// certainAt is how many had certainly read by a time.
func certainAt(h history, at float64) float64 {
	count := 0.0
	for _, s := range h.spans {
		for _, p := range s.certain {
			if p.X <= at {
				count = max(count, p.Y)
			}
		}
		if s.to <= at {
			count = max(count, s.certain[len(s.certain)-1].Y+float64(s.by))
		}
	}
	return count
}

// Whatever the data: the lines never fall, the slope stays between what is certain and what is possible, the spans join,
// and at no time are more or fewer certain than the reads say.
func TestGrowthIsTrue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		second := rapid.IntRange(-50, whole+50)
		reads := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Read {
			return Read{At: seconds(second.Draw(t, "at")), Exact: rapid.Bool().Draw(t, "exact")}
		})).Draw(t, "reads")
		var queries []time.Time
		for _, at := range rapid.SliceOf(second).Draw(t, "queries") {
			queries = append(queries, seconds(at))
		}
		h := growth(Data{Sent: sent, AsOf: seconds(whole), Reads: reads, Queries: queries})

		end, count := 0.0, 0.0
		for _, s := range h.spans {
			if s.from != end || s.to < s.from || s.certain[0].Y != count {
				t.Fatalf("a span from %v at %v after one to %v at %v", s.from, s.certain[0].Y, end, count)
			}
			if (s.by > 0) != (s.slope != nil) {
				t.Fatalf("a slope for %d readers: %v", s.by, s.slope)
			}
			for _, line := range []plotter.XYs{s.certain, s.slope, s.possible()} {
				for i := 1; i < len(line); i++ {
					if line[i].X < line[i-1].X || line[i].Y < line[i-1].Y-1e-9 {
						t.Fatalf("a line that falls or goes back: %v", line)
					}
				}
			}
			for _, p := range s.slope {
				if low := s.certain[0].Y; p.Y < low || p.Y > s.certain[len(s.certain)-1].Y+float64(s.by)+1e-9 {
					t.Fatalf("%v is outside of what is possible", p)
				}
			}
			end, count = s.to, s.certain[len(s.certain)-1].Y+float64(s.by)
		}
		if end != whole || count != float64(len(reads)) {
			t.Fatalf("ends at %v with %v of %d", end, count, len(reads))
		}
		for _, at := range []int{0, 1, whole / 3, whole / 2, whole - 1} {
			want := 0
			for _, r := range reads {
				if !r.At.After(seconds(at)) {
					want++
				}
			}
			if got := certainAt(h, float64(at)); got != float64(want) {
				t.Fatalf("%v certain at %d, want %d", got, at, want)
			}
		}
	})
}

// However many the reads, the lines have a bounded number of points.
func TestWhatIsDrawnIsBounded(t *testing.T) {
	t.Parallel()
	h := growth(Data{Sent: sent, AsOf: after(720 * time.Hour), Reads: append(typical(50_000, 700*time.Hour), Read{})})
	points := 0
	for _, s := range h.spans {
		points += len(s.certain) + len(s.slope)
	}
	if points > 5*resolution {
		t.Errorf("%d points", points)
	}
	if h.count != 50_001 {
		t.Errorf("%d readers", h.count)
	}
}

func TestTheLineOfConfirmations(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	d := Data{Sent: sent, Confirmed: []time.Time{sent.Add(time.Hour), sent.Add(-time.Minute), sent.Add(30 * time.Second)}}
	want := plotter.XYs{{X: 0, Y: 0}, {X: 0, Y: 0}, {X: 0, Y: 1}, {X: 30, Y: 1}, {X: 30, Y: 2}, {X: 600, Y: 2}, {X: 600, Y: 3}, {X: 600, Y: 3}}
	if got := d.confirmations(history{end: 600}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
