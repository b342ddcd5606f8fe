package export

import (
	"fmt"
	"time"

	"github.com/xuri/excelize/v2"
)

// Data is what a workbook is written from. It is not changed.
type Data struct {
	Number   int    // of the message in its group; names the sheet
	Facts    []Fact // above the table, in this order; they stay in view together with its headings, so keep them few
	Headings Headings
	Rows     []Row
	// Location is the time zone of the times: Excel's have none. UTC where nil.
	Location *time.Location
	Created  time.Time // of the file, which says so of itself
}

// Fact is a line above the table, such as "Title" and what it is.
type Fact struct {
	Label, Value string
}

// Headings are those of the columns, in the order of the columns.
type Headings struct {
	Name, UserID, State, ReadAt, ReadBy, Reminders string
	// Confirmed is that of when people confirmed the message; empty for no such column.
	Confirmed string
}

// all are the headings of all columns.
func (h Headings) all() []string {
	all := []string{h.Name, h.UserID, h.State, h.ReadAt, h.ReadBy, h.Reminders}
	if h.Confirmed != "" {
		all = append(all, h.Confirmed)
	}
	return all
}

// Row is one person.
type Row struct {
	Name, UserID string
	State        string
	// Read is when the person read: that moment where Exact, and stands in the column ReadAt then; otherwise the latest
	// moment that it can have been, in the column ReadBy. Zero where the person has not read, or nobody knows when.
	Read      time.Time
	Exact     bool
	Reminders int
	Confirmed time.Time // zero if they did not
}

const (
	firstColumn = 1

	// A column is as wide as its longest text, within these limits, in digits of the normal font.
	minWidth  = 8.0
	maxWidth  = 60.0
	timeWidth = 20.0
	padding   = 3.0 // also for the arrow of the filter
)

// XLSX writes the workbook: the facts, and below them the table with a filter, its headings always in view. Times are real
// dates of Excel, down to the second; those before 1900 and after 9999 are left out, since Excel has no such dates.
//
// Text is cut to the 32,767 UTF-16 units that a cell holds, between runes, and loses its control characters but line breaks.
// Above 16 MB of rows a file in os.TempDir holds some of them meanwhile. It fails above the 1,048,576 rows that a sheet has.
func XLSX(d Data) ([]byte, error) {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }() // nothing but that temporary file, after the fact
	b := book{file: f, data: d, sheet: fmt.Sprintf("#%d", d.Number)}
	if err := b.write(); err != nil {
		return nil, fmt.Errorf("write the workbook: %w", err)
	}
	if err := f.SetDocProps(properties(d.Created)); err != nil {
		return nil, fmt.Errorf("write the workbook: %w", err)
	}
	content, err := f.WriteToBuffer()
	if err != nil {
		return nil, fmt.Errorf("write the workbook: %w", err)
	}
	return content.Bytes(), nil
}

// creator is who a workbook says has written it.
const creator = "whoread"

func properties(created time.Time) *excelize.DocProperties {
	at := created.UTC().Format(time.RFC3339)
	return &excelize.DocProperties{Creator: creator, LastModifiedBy: creator, Created: at, Modified: at}
}

type book struct {
	file   *excelize.File
	data   Data
	sheet  string
	styles styles
}

// headingRow is where the headings are: below the facts and an empty row.
func (b *book) headingRow() int {
	if len(b.data.Facts) == 0 {
		return 1
	}
	return len(b.data.Facts) + 2
}

func (b *book) write() error {
	if err := b.file.SetSheetName("Sheet1", b.sheet); err != nil {
		return err
	}
	var err error
	if b.styles, err = newStyles(b.file); err != nil {
		return err
	}
	if err := b.setFilter(); err != nil {
		return err
	}
	// From here on the sheet is the stream's.
	out, err := b.file.NewStreamWriter(b.sheet)
	if err != nil {
		return err
	}
	if err := b.setView(out); err != nil {
		return err
	}
	if err := b.writeRows(out); err != nil {
		return err
	}
	return out.Flush()
}

func (b *book) setFilter() error {
	first, err := excelize.CoordinatesToCellName(firstColumn, b.headingRow())
	if err != nil {
		return err
	}
	last, err := excelize.CoordinatesToCellName(len(b.data.Headings.all()), b.headingRow()+len(b.data.Rows))
	if err != nil {
		return err
	}
	return b.file.AutoFilter(b.sheet, first+":"+last, nil)
}

// setView freezes the headings and sets the widths.
func (b *book) setView(out *excelize.StreamWriter) error {
	below, err := excelize.CoordinatesToCellName(firstColumn, b.headingRow()+1)
	if err != nil {
		return err
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: b.headingRow(), TopLeftCell: below, ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	for i, width := range b.widths() {
		if err := out.SetColWidth(firstColumn+i, firstColumn+i, width); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) widths() []float64 {
	var widest []float64
	for _, heading := range b.data.Headings.all() {
		widest = append(widest, width(heading))
	}
	for _, fact := range b.data.Facts {
		// A fact's value may reach over the columns to its right, which are empty there.
		widest[0] = max(widest[0], width(fact.Label))
	}
	for _, r := range b.data.Rows {
		widest[0] = max(widest[0], width(r.Name))
		widest[1] = max(widest[1], width(r.UserID))
		widest[2] = max(widest[2], width(r.State))
	}
	for i := range widest {
		widest[i] = min(max(widest[i]+padding, minWidth), maxWidth)
	}
	for _, i := range []int{3, 4, 6} {
		if i < len(widest) {
			widest[i] = max(widest[i], timeWidth)
		}
	}
	return widest
}

func (b *book) writeRows(out *excelize.StreamWriter) error {
	s := b.styles
	row := 0
	write := func(cells ...any) error {
		row++
		first, err := excelize.CoordinatesToCellName(firstColumn, row)
		if err != nil {
			return err
		}
		return out.SetRow(first, cells)
	}
	for _, fact := range b.data.Facts {
		if err := write(text(s.label, fact.Label), text(s.text, fact.Value)); err != nil {
			return err
		}
	}
	if len(b.data.Facts) > 0 {
		row++
	}
	var headings []any
	for _, heading := range b.data.Headings.all() {
		headings = append(headings, text(s.heading, heading))
	}
	if err := write(headings...); err != nil {
		return err
	}
	for _, r := range b.data.Rows {
		var at, by any
		switch read := b.moment(r.Read); {
		case r.Exact:
			at = read
		default:
			by = read
		}
		cells := []any{text(s.text, oneLine(r.Name)), text(s.text, oneLine(r.UserID)), text(s.text, oneLine(r.State)), at, by, r.Reminders}
		if b.data.Headings.Confirmed != "" {
			cells = append(cells, b.moment(r.Confirmed))
		}
		if err := write(cells...); err != nil {
			return err
		}
	}
	return nil
}

// moment is a cell with a date, or nothing.
func (b *book) moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	in := b.data.Location
	if in == nil {
		in = time.UTC
	}
	t = t.In(in).Truncate(time.Second)
	if t.Year() < 1900 || t.Year() > 9999 {
		return nil
	}
	return excelize.Cell{StyleID: b.styles.time, Value: t}
}

// text is a cell with text, whatever the text looks like.
func text(style int, value string) any {
	if value = clean(value); value == "" {
		return nil
	}
	return excelize.Cell{StyleID: style, Value: value}
}

type styles struct {
	text, time, label, heading int
}

// asText is Excel's number format "@": an entry that is edited stays text.
const asText = 49

func newStyles(f *excelize.File) (styles, error) {
	timeFormat := "yyyy-mm-dd hh:mm:ss"
	bold := &excelize.Font{Bold: true, Family: "Calibri", Size: 11} // the normal font, which is not taken over
	var s styles
	for _, style := range []struct {
		id *int
		is excelize.Style
	}{
		{&s.text, excelize.Style{NumFmt: asText}},
		{&s.label, excelize.Style{NumFmt: asText, Font: bold}},
		{&s.heading, excelize.Style{
			NumFmt: asText, Font: bold,
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E5E7EB"}},
		}},
		{&s.time, excelize.Style{CustomNumFmt: &timeFormat}},
	} {
		id, err := f.NewStyle(&style.is)
		if err != nil {
			return styles{}, err
		}
		*style.id = id
	}
	// The mark of an entry that was typed with a leading quote: another program that takes the table over, or a person who
	// edits a cell, does not make a formula of "=1+1" either.
	for _, id := range []int{s.text, s.label, s.heading} {
		quoted := true
		f.Styles.CellXfs.Xf[id].QuotePrefix = &quoted
	}
	return s, nil
}
