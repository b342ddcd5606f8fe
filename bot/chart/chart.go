package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"slices"
	"strconv"
	"time"

	"golang.org/x/image/font"
	"gonum.org/v1/plot"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Size of the picture in pixels. A phone shows its whole width, about a third as large.
const (
	Width  = 1080
	Height = 720
)

// Read is what is known of one reader's first read.
type Read struct {
	// At is the moment where Exact. Otherwise it is the query that first showed the read: it happened between the query
	// before it and then.
	At    time.Time
	Exact bool
}

// Data is what a picture is drawn from. It is not changed.
type Data struct {
	Number int    // of the message in its group
	Title  string // of the message, as it was typed
	// Read and Possible are the words of the legend for the two lines: who has read, and who may have.
	Read, Possible string
	// Total is how many people should read. At 0 it is not known: there is no line at the top then, and no percentage.
	Total int
	// AtLeast reports that more may have read, and Partial that there may be more people than Total, which is no goal then.
	// Either way no share is told.
	AtLeast, Partial bool
	// Reads are in any order. Those from before Sent (clocks differ) are drawn at Sent, those from after AsOf at AsOf.
	Reads []Read
	// Confirmed are when people confirmed the message, in any order, and Confirmation is the word for their line; empty
	// for none.
	Confirmed    []time.Time
	Confirmation string
	// Queries are the times of the queries that are known, in any order. They may be left out: then a read that is not
	// exact may have happened any time since the last query that showed a new reader.
	Queries []time.Time
	Sent    time.Time // the left edge
	AsOf    time.Time // the right edge: up to then the reads are known
	// Location is the time zone of the labels; UTC where nil.
	Location *time.Location
}

// shares reports whether percentages say something.
func (d Data) shares() bool { return d.Total > 0 && !d.AtLeast && !d.Partial }

// percent is the share of readers, rounded down: 100 only when everybody has read.
func (d Data) percent() int {
	return min(len(d.Reads)*100/d.Total, 100)
}

// heading is "37/45  82%".
func (d Data) heading() string {
	heading := strconv.Itoa(len(d.Reads))
	if d.AtLeast {
		heading = "≥" + heading
	}
	if d.Total > 0 {
		heading += "/" + strconv.Itoa(d.Total)
	}
	if d.shares() {
		heading += fmt.Sprintf("  %d%%", d.percent())
	}
	return heading
}

var (
	ink    = color.RGBA{0x1f, 0x29, 0x37, 0xff}
	faint  = color.RGBA{0x6b, 0x72, 0x80, 0xff}
	grid   = color.RGBA{0xe5, 0xe7, 0xeb, 0xff}
	agreed = color.RGBA{0xd9, 0x77, 0x06, 0xff}
	goal   = color.RGBA{0x16, 0xa3, 0x4a, 0xff}
	curve  = color.RGBA{0x1d, 0x4e, 0xd8, 0xff}
	known  = color.RGBA{0xc7, 0xd9, 0xfb, 0xff} // below what is certain
	unsure = color.RGBA{0xe9, 0xf0, 0xfe, 0xff} // between what is certain and what is possible
)

// Lengths are in points, and the picture has one pixel a point.
const (
	dpi = 72

	margin      = vg.Length(28)
	titleSize   = vg.Length(46)
	headingSize = vg.Length(68)
	periodSize  = vg.Length(34)
	labelSize   = vg.Length(36)
	lineWidth   = vg.Length(6)
	dotRadius   = vg.Length(9)

	sampleLength = vg.Length(60) // of a line in the legend
	sampleGap    = vg.Length(10)

	// maxDots is how many queries are marked on the curve; more would hide it.
	maxDots = 40
)

// PNG draws the picture: the readers that are certain as a curve with a step at every exact read; between a query and the
// one that showed more readers a dashed slope within the shaded range of what is possible, since nobody knows when in
// between they read; a dot where such a query made the count certain; a line at the total.
//
// The same data give the same bytes. The picture has [Width] by [Height] pixels and takes less than 200 KB however many
// the reads. It fails only if the font is broken or the PNG cannot be encoded.
func PNG(d Data) ([]byte, error) {
	canvas := vgimg.NewWith(vgimg.UseWH(Width, Height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	w, err := newWords()
	if err != nil {
		return nil, err
	}
	drawPicture(draw.New(canvas), d, w)
	var b bytes.Buffer
	if err := png.Encode(&b, canvas.Image()); err != nil {
		return nil, fmt.Errorf("encode the chart: %w", err)
	}
	return b.Bytes(), nil
}

// drawPicture returns the area within the axes.
func drawPicture(c draw.Canvas, d Data, w words) vg.Rectangle {
	h := growth(d)
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c.Max.Y = drawHeading(c, d, w)
	c.Max.Y = drawLegend(c, d, w, h.unsure())

	p := axes(h, d)
	p.Add(layers(h, d)...)
	if d.shares() {
		c.Max.X -= p.Y.Tick.Label.Width("100%") + labelSize/2
	}
	p.Draw(c)
	inner := p.DataCanvas(c)
	if d.shares() {
		drawPercentages(p, inner, d.Total)
	}
	return inner.Rectangle
}

// drawHeading writes the title and how many have read, and returns where that ends.
func drawHeading(c draw.Canvas, d Data, w words) (bottom vg.Length) {
	title := w.style(titleSize, ink)
	y := c.Max.Y - titleSize*0.9
	write(c, title, vg.Point{X: c.Min.X, Y: y}, fitting(w.drawable(fmt.Sprintf("#%d %s", d.Number, d.Title)), title, c.Size().X))

	heading := style(headingSize, font.WeightBold, ink)
	if wide, room := heading.Width(d.heading()), c.Size().X; wide > room {
		heading.Font.Size *= room / wide
	}
	y -= headingSize * 1.15
	write(c, heading, vg.Point{X: c.Min.X, Y: y}, d.heading())
	return y
}

// drawLegend writes what the lines are and from when to when they go, and returns where that ends.
func drawLegend(c draw.Canvas, d Data, w words, unsure bool) (bottom vg.Length) {
	y := c.Max.Y - periodSize*1.6
	write(c, style(periodSize, font.WeightNormal, faint), vg.Point{X: c.Min.X, Y: y}, d.period())

	word, right := w.style(periodSize, faint), c.Max.X
	if d.Confirmation != "" { // three lines take a row of their own
		y -= periodSize * 1.4
	}
	entry := func(label string, ink color.Color, dashes []vg.Length) {
		left := right - word.Width(label)
		write(c, word, vg.Point{X: left, Y: y}, label)
		sample := line(ink, lineWidth)
		sample.Dashes = dashes
		middle := y + periodSize*0.35
		c.StrokeLine2(sample, left-sampleLength-sampleGap, middle, left-sampleGap, middle)
		right = left - sampleLength - 3*sampleGap
	}
	if unsure {
		entry(w.drawable(d.Possible), curve, dashes())
	}
	entry(w.drawable(d.Read), curve, nil)
	if d.Confirmation != "" {
		entry(w.drawable(d.Confirmation), agreed, nil)
	}
	return y - periodSize*0.9
}

// write writes a line with its baseline at a place, whatever the font's height.
func write(c draw.Canvas, s text.Style, at vg.Point, txt string) {
	s.YAlign = 0
	at.Y += s.FontExtents().Ascent - s.Font.Size // which gonum takes off
	c.FillText(s, at, txt)
}

func axes(h history, d Data) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Min, p.X.Max = 0, h.width
	p.Y.Min, p.Y.Max = 0, float64(max(d.Total, h.count, 1))
	p.X.Tick.Marker = plot.ConstantTicks(timeTicks(d.Sent, d.length(), d.location()))
	p.Y.Tick.Marker = plot.ConstantTicks(countTicks(int(p.Y.Max)))
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Padding = 0
		label := style(labelSize, font.WeightNormal, ink)
		label.XAlign, label.YAlign = axis.Tick.Label.XAlign, axis.Tick.Label.YAlign
		axis.Tick.Label = label
		axis.Tick.Length = 10
		axis.Tick.LineStyle = line(faint, 3)
		axis.LineStyle = line(faint, 3)
	}
	p.Y.Width, p.Y.Tick.Length = 0, 0 // they would be half covered
	return p
}

// layers are what is drawn within the axes, from the lowest to the topmost.
func layers(h history, d Data) []plot.Plotter {
	var certain, possible, dots plotter.XYs
	var lines []plot.Plotter
	var dashed *plotter.Line // while it goes on: its dashes would look like a solid line if they began anew at each query
	for _, s := range h.spans {
		certain = append(certain, s.certain...)
		possible = append(possible, s.possible()...)
		if s.by == 0 {
			lines = append(lines, stroke(line(curve, lineWidth), s.certain))
			dashed = nil
			continue
		}
		if dashed == nil {
			dashed = stroke(line(curve, lineWidth-1), nil)
			dashed.Dashes = dashes()
			lines = append(lines, dashed)
		}
		dashed.XYs = append(dashed.XYs, s.slope...)
		dots = append(dots, s.slope[len(s.slope)-1])
	}
	if len(dots) > maxDots {
		dots = nil
	}
	dots = append(dots, plotter.XY{X: h.end, Y: float64(h.count)})

	all := []plot.Plotter{area(unsure, possible, h.end), area(known, certain, h.end)}
	all = append(all, &plotter.Grid{Horizontal: line(grid, 2), Vertical: line(grid, 2)})
	if d.Total > 0 && !d.Partial {
		all = append(all, stroke(line(goal, 4), plotter.XYs{{X: 0, Y: float64(d.Total)}, {X: h.width, Y: float64(d.Total)}}))
	}
	all = append(all, lines...)
	if d.Confirmation != "" {
		all = append(all, stroke(line(agreed, lineWidth-1), d.confirmations(h)))
	}
	return append(all, &plotter.Scatter{XYs: dots, GlyphStyle: draw.GlyphStyle{Color: curve, Radius: dotRadius, Shape: draw.CircleGlyph{}}})
}

// confirmations is the line of how many had confirmed, with a step at each.
func (d Data) confirmations(h history) plotter.XYs {
	steps := plotter.XYs{{}}
	for i, at := range slices.SortedFunc(slices.Values(d.Confirmed), time.Time.Compare) {
		x := min(max(at.Sub(d.Sent).Seconds(), 0), h.end)
		steps = append(steps, plotter.XY{X: x, Y: float64(i)}, plotter.XY{X: x, Y: float64(i + 1)})
	}
	return append(steps, plotter.XY{X: h.end, Y: float64(len(d.Confirmed))})
}

// drawPercentages writes them to the right of the axes.
func drawPercentages(p *plot.Plot, inner draw.Canvas, total int) {
	_, y := p.Transforms(&inner)
	label := style(labelSize, font.WeightNormal, faint)
	label.YAlign = draw.YCenter
	for percent := 0; percent <= 100; percent += 25 {
		at := y(float64(total) * float64(percent) / 100)
		inner.FillText(label, vg.Point{X: inner.Max.X + labelSize/2, Y: at + label.FontExtents().Descent}, fmt.Sprintf("%d%%", percent))
	}
}

// area fills what is below a line that goes from 0 to end.
func area(fill color.Color, below plotter.XYs, end float64) plot.Plotter {
	ring := append(slices.Clone(below), plotter.XY{X: end}, plotter.XY{})
	return &plotter.Polygon{XYs: []plotter.XYs{ring}, Color: fill}
}

func stroke(s draw.LineStyle, points plotter.XYs) *plotter.Line {
	return &plotter.Line{XYs: points, LineStyle: s}
}

// dashes are those of a line that is not certain.
func dashes() []vg.Length { return []vg.Length{14, 9} }

func line(c color.Color, width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: width}
}

func style(size vg.Length, weight font.Weight, c color.Color) text.Style {
	return text.Style{
		Color:   c,
		Font:    plotfont.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: size},
		Handler: plot.DefaultTextHandler,
	}
}
