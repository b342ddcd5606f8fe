package chart

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

const maxBytes = 200 << 10

func picture(t testing.TB, d Data) image.Image {
	t.Helper()
	content, err := PNG(d)
	if err != nil {
		t.Fatal(err)
	}
	if len(content) > maxBytes {
		t.Errorf("%d bytes", len(content))
	}
	img, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds(); got != image.Rect(0, 0, Width, Height) {
		t.Errorf("bounds %v", got)
	}
	return img
}

// frame is where in the picture the sending, the end of the axis, nobody and the total are.
func frame(d Data) image.Rectangle {
	w, err := newWords()
	if err != nil {
		panic(err)
	}
	inner := drawPicture(draw.NewCanvas(&recorder.Canvas{}, Width, Height), d, w)
	pixel := func(v float64) int { return int(math.Round(v)) }
	return image.Rect(pixel(float64(inner.Min.X)), Height-pixel(float64(inner.Max.Y)), pixel(float64(inner.Max.X)), Height-pixel(float64(inner.Min.Y)))
}

// near reports whether a colour is in the picture within three pixels of a place.
func near(img image.Image, x, y int, want color.RGBA) bool {
	for dx := -3; dx <= 3; dx++ {
		for dy := -3; dy <= 3; dy++ {
			if r, g, b, _ := img.At(x+dx, y+dy).RGBA(); uint8(r>>8) == want.R && uint8(g>>8) == want.G && uint8(b>>8) == want.B {
				return true
			}
		}
	}
	return false
}

func TestEveryCaseIsAPicture(t *testing.T) {
	t.Parallel()
	for name, d := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(d.Reads)
			img, box := picture(t, d), frame(d)
			if box.Dx() < Width*7/10 || box.Dy() < Height/2 {
				t.Errorf("only %v is left for the curve", box)
			}
			if got := near(img, box.Max.X-200, box.Min.Y, goal); got != (d.Total > 0 && len(d.Reads) < d.Total && !d.Partial) {
				t.Errorf("a line at the total: %t", got)
			}
			for _, corner := range []image.Point{{2, 2}, {Width - 3, 2}, {2, Height - 3}, {Width - 3, Height - 3}, {Width / 2, Height - 3}, {2, Height / 2}, {Width - 3, Height / 2}} {
				if !near(img, corner.X, corner.Y, color.RGBA{0xff, 0xff, 0xff, 0xff}) {
					t.Errorf("something is cut off at %v", corner)
				}
			}
			if diff := cmp.Diff(before, d.Reads); diff != "" {
				t.Errorf("the data were changed: %s", diff)
			}
		})
	}
}

// The curve goes through what is known, and a read that is not exact is nowhere a step.
func TestTheCurveIsWhereTheReadsAre(t *testing.T) {
	t.Parallel()
	// Half of ten have read exactly at a quarter of the time; three more between the half and three quarters.
	d := Data{
		Number: 1, Total: 10, Sent: sent, AsOf: after(4 * time.Hour), Location: shanghai,
		Reads:   slices.Concat(slices.Repeat(exactly(time.Hour), 5), by(3*time.Hour, 3)),
		Queries: []time.Time{after(2 * time.Hour)},
	}
	img, box := picture(t, d), frame(d)
	at := func(hours, readers float64) (int, int) {
		return box.Min.X + int(hours/4*float64(box.Dx())), box.Max.Y - int(readers/10*float64(box.Dy()))
	}
	for _, tt := range []struct {
		name           string
		hours, readers float64
		want           color.RGBA
	}{
		{"nobody at first", 0.5, 0, curve},
		{"the step", 1, 2.5, curve},
		{"level", 1.5, 5, curve},
		{"certain below", 1.5, 2.4, known},
		{"nothing above", 1.5, 7.2, color.RGBA{0xff, 0xff, 0xff, 0xff}},
		{"possible above what is certain", 2.25, 7.4, unsure},
		{"certain below what is possible", 2.75, 4.4, known},
		{"the query's dot", 3, 8, curve},
		{"level again", 3.5, 8, curve},
		{"the total", 2, 10, goal},
	} {
		x, y := at(tt.hours, tt.readers)
		if !near(img, x, y, tt.want) {
			t.Errorf("%s: %v at %d,%d", tt.name, img.At(x, y), x, y)
		}
	}
	// Neither a step where the query before was, nor one at the query itself.
	for _, hours := range []float64{2.03, 2.97} {
		if x, y := at(hours, 6.5); near(img, x, y, curve) {
			t.Errorf("the curve claims a moment at %v hours", hours)
		}
	}
	// The slope is dashed.
	gaps, inGap := 0, false
	for hours := 2.0; hours < 3; hours += 0.005 {
		x, y := at(hours, 5+3*(hours-2))
		gap := !near(img, x, y, curve)
		if gap && !inGap {
			gaps++
		}
		inGap = gap
	}
	if gaps < 5 {
		t.Errorf("%d gaps in the slope", gaps)
	}
}

// Beyond what is known nothing is drawn.
func TestTheCurveEndsWhereKnowledgeEnds(t *testing.T) {
	t.Parallel()
	d := Data{Total: 2, Sent: sent, AsOf: after(20 * time.Second), Reads: exactly(time.Second)}
	img, box := picture(t, d), frame(d)
	for x := box.Min.X + box.Dx()/2; x < box.Max.X; x++ {
		if y := box.Max.Y - box.Dy()/2; near(img, x, y, curve) || near(img, x, y-box.Dy()/4, known) {
			t.Fatalf("a curve at %d, which is in the future", x)
		}
	}
}

// Numbers and times that no message has are drawn too, and soon.
func TestNonsenseIsDrawn(t *testing.T) {
	t.Parallel()
	for _, total := range []int{math.MaxInt, math.MaxInt - 1, math.MaxInt / 5, math.MinInt} {
		for _, at := range []time.Time{{}, sent, time.Unix(math.MaxInt32, 0), time.Date(math.MaxInt32, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(math.MinInt32, 1, 1, 0, 0, 0, 0, time.UTC)} {
			for _, d := range []Data{
				{Number: math.MinInt, Total: total, Sent: sent, AsOf: at, Reads: exactly(-time.Hour, time.Hour)},
				{Number: math.MaxInt, Total: total, Sent: at, AsOf: sent, Reads: append(by(time.Hour, 2), Read{}), Queries: []time.Time{at}},
			} {
				if frame(d).Empty() {
					t.Errorf("nothing is left for the curve of %+v", d)
				}
			}
		}
	}
}

func TestTheSameDataGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	d := cases()["mixed"]
	first, err := PNG(d)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(d.Reads)
	var drawers sync.WaitGroup
	for range 4 {
		drawers.Go(func() {
			if again, err := PNG(d); err != nil || !bytes.Equal(first, again) {
				t.Errorf("another picture, %v", err)
			}
		})
	}
	drawers.Wait()
}

func TestTheHeading(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		readers, total int
		as             Data
		want           string
	}{
		{37, 45, Data{}, "37/45  82%"},
		{0, 45, Data{}, "0/45  0%"},
		{4999, 5000, Data{}, "4999/5000  99%"}, // 100 only when everybody has read
		{5000, 5000, Data{}, "5000/5000  100%"},
		{3, 0, Data{}, "3"},
		{3, -1, Data{}, "3"},
		{3, 2, Data{}, "3/2  100%"},
		{3, 5, Data{AtLeast: true}, "≥3/5"},
		{3, 0, Data{AtLeast: true}, "≥3"},
		{5, 5, Data{Partial: true}, "5/5"},
	} {
		d := tt.as
		d.Total, d.Reads = tt.total, make([]Read, tt.readers)
		if got := d.heading(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// What the font lacks is a box if it is a letter, and else nothing; a title that is too long is cut.
func TestTheWords(t *testing.T) {
	t.Parallel()
	w, err := newWords()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"周五 22:00 停机维护，请提前保存工作。（第三版）《通知》！": "周五 22:00 停机维护，请提前保存工作。（第三版）《通知》！",
		"李雷、婷婷 & Zoë – “ok” ＡＢ１２ ℃ Ω":      "李雷、婷婷 & Zoë – “ok” ＡＢ１２ ℃ Ω",
		"🎉 放假\t\n 安排🙏🏽":                    "放假 安排",
		"龘 한국":                             "□ □□",
		"\u202ea\u200db\x00":               "ab",
		"":                                 "",
	} {
		if got := w.drawable(in); got != want {
			t.Errorf("%q is drawn as %q, want %q", in, got, want)
		}
	}
	style := w.style(titleSize, ink)
	for _, long := range []string{strings.Repeat("停机", 99), strings.Repeat("Fire drill ", 99)} {
		got := fitting(long, style, 500)
		if wide := style.Width(got); wide > 500 || wide < 440 || !strings.HasSuffix(got, "…") {
			t.Errorf("%q is %v wide", got, wide)
		}
	}
	if got := fitting("停机", style, 500); got != "停机" {
		t.Errorf("cut to %q", got)
	}
}

func TestThePeriod(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		length time.Duration
		in     *time.Location
		want   string
	}{
		{5 * time.Hour, shanghai, "11-22 09:01 – 14:01"},
		{5 * time.Hour, nil, "11-22 01:01 – 06:01"},
		{15 * time.Hour, shanghai, "11-22 09:01 – 11-23 00:01"},
		{366 * 24 * time.Hour, shanghai, "11-22 09:01 – 11-23 09:01"},
		{0, shanghai, "11-22 09:01"},
		{20 * time.Second, shanghai, "11-22 09:01"},
		{time.Minute, shanghai, "11-22 09:01 – 09:02"},
		{-time.Hour, shanghai, "11-22 09:01"},
	} {
		if got := (Data{Sent: sent, AsOf: after(tt.length), Location: tt.in}).period(); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.length, got, tt.want)
		}
	}
}

func TestTimeTicks(t *testing.T) {
	t.Parallel()
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	// Clocks were put back at 02:00 on 1 November 2026, and forward on 8 March.
	autumn := time.Date(2026, 10, 31, 22, 0, 0, 0, newYork)
	spring := time.Date(2026, 3, 7, 22, 0, 0, 0, newYork)
	for _, tt := range []struct {
		name   string
		sent   time.Time
		length time.Duration
		in     *time.Location
		want   string
	}{
		{"a minute", sent, time.Minute, shanghai, "09:02"},
		{"five minutes", sent, 5 * time.Minute, shanghai, "09:02 09:03 09:04 09:05 09:06"},
		{"an hour", sent, time.Hour, shanghai, "09:10 09:20 09:30 09:40 09:50 10:00"},
		{"in UTC", sent, time.Hour, time.UTC, "01:10 01:20 01:30 01:40 01:50 02:00"},
		{"a quarter of an hour off", sent, 6 * time.Hour, time.FixedZone("Nepal", 5*3600+45*60), "07:00 08:00 09:00 10:00 11:00 12:00"},
		{"over midnight", sent, 20 * time.Hour, shanghai, "12:00 16:00 20:00 11-23 04:00"},
		{"two days", sent, 48 * time.Hour, shanghai, "12:00 11-23 12:00 11-24"},
		{"five days", sent, 5 * 24 * time.Hour, shanghai, "11-23 11-24 11-25 11-26 11-27"},
		{"thirty days", sent, 30 * 24 * time.Hour, shanghai, "11-27 12-02 12-07 12-12 12-17 12-22"},
		{"a year", sent, 365 * 24 * time.Hour, shanghai, "01-22 03-24 05-24 07-24 09-23"},
		{"the clock is put back", autumn, 12 * time.Hour, newYork, "22:00 11-01 02:00 04:00 06:00 08:00"},
		{"the clock is put forward", spring, 10 * time.Hour, newYork, "22:00 03-08 04:00 06:00 08:00"},
		{"days while the clock is put back", autumn, 3 * 24 * time.Hour, newYork, "11-01 12:00 11-02 12:00 11-03 12:00"},
	} {
		var labels []string
		last := -1.0
		for _, tick := range timeTicks(tt.sent, tt.length, tt.in) {
			if tick.Value <= last || tick.Value > tt.length.Seconds() {
				t.Errorf("%s: a tick at %v after %v", tt.name, tick.Value, last)
			}
			last = tick.Value
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	for length := time.Minute; length < 400*24*time.Hour; length += length/7 + time.Second {
		if n := len(timeTicks(sent, length, shanghai)); n == 0 || n > maxTimeTicks+1 {
			t.Errorf("%v: %d ticks", length, n)
		}
	}
}

func TestCountTicks(t *testing.T) {
	t.Parallel()
	for total, want := range map[int]string{
		1: "0 1", 2: "0 1 2", 5: "0 1 2 3 4 5", 7: "0 2 4 6 7", 12: "0 5 10 12", 45: "0 10 20 30 40 45", 51: "0 20 40 51",
		230: "0 50 100 150 200 230", 5000: "0 1000 2000 3000 4000 5000", 123456: "0 50000 100000 123456",
	} {
		var labels []string
		for _, tick := range countTicks(total) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("%d: got %s, want %s", total, got, want)
		}
	}
	for total := 1; total < 200_000; total += total/5 + 1 {
		if n := len(countTicks(total)); n > 7 {
			t.Errorf("%d: %d ticks", total, n)
		}
	}
}
