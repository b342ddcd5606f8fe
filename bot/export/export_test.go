package export

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"whoread/store/storetest/need"
)

var (
	shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
	readAt   = time.Date(2026, 11, 22, 1, 31, 7, 999, time.UTC)
	headings = Headings{Name: "姓名", UserID: "userId", State: "状态", ReadAt: "阅读时间", ReadBy: "不晚于", Reminders: "提醒次数"}
	sample   = Data{
		Number: 12,
		Facts:  []Fact{{"消息", "周五 22:00 停机维护\n请提前保存工作。"}, {"截至", "2026-11-22 14:35"}},
		Rows: []Row{
			{Name: "李雷", UserID: "0017", State: "已读", Read: readAt, Exact: true, Reminders: 2},
			{Name: "韩梅梅", UserID: "manager2", State: "已读", Read: readAt.Add(time.Hour)},
			{Name: "Jim Green", UserID: "u3", State: "未读", Reminders: 1},
			{Name: "Lily", UserID: "u4", State: "已读"},
		},
		Headings: headings,
		Location: shanghai,
	}
)

// written is the workbook read back.
func written(t testing.TB, d Data) *excelize.File {
	t.Helper()
	content, err := XLSX(d)
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// must unwraps what a reader of a workbook returned.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// part is one of the XML files in the workbook.
func part(t testing.TB, content []byte, name string) string {
	t.Helper()
	z := must[*zip.Reader](t)(zip.NewReader(bytes.NewReader(content), int64(len(content))))
	file, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(must[[]byte](t)(io.ReadAll(file)))
}

const sheet1 = "xl/worksheets/sheet1.xml"

func TestTheTable(t *testing.T) {
	t.Parallel()
	f := written(t, sample)
	if diff := cmp.Diff([]string{"#12"}, f.GetSheetList()); diff != "" {
		t.Error(diff)
	}
	wanted := [][]string{
		{"消息", "周五 22:00 停机维护\n请提前保存工作。"},
		{"截至", "2026-11-22 14:35"},
		nil,
		{"姓名", "userId", "状态", "阅读时间", "不晚于", "提醒次数"},
		{"李雷", "0017", "已读", "2026-11-22 09:31:07", "", "2"},
		{"韩梅梅", "manager2", "已读", "", "2026-11-22 10:31:07", "0"},
		{"Jim Green", "u3", "未读", "", "", "1"},
		{"Lily", "u4", "已读", "", "", "0"},
	}
	if diff := cmp.Diff(wanted, must[[][]string](t)(f.GetRows("#12"))); diff != "" {
		t.Error(diff)
	}
	panes := must[excelize.Panes](t)(f.GetPanes("#12"))
	if !panes.Freeze || panes.YSplit != 4 || panes.XSplit != 0 || panes.TopLeftCell != "A5" {
		t.Errorf("panes %+v", panes)
	}
	content, err := XLSX(sample)
	if err != nil {
		t.Fatal(err)
	}
	if xml := part(t, content, sheet1); !strings.Contains(xml, `<autoFilter ref="$A$4:$F$8"`) {
		t.Error("no filter over the table")
	}
}

// A workbook tells of itself who made it and when, and nothing of the library that did.
func TestAColumnOfConfirmations(t *testing.T) {
	t.Parallel()
	d := sample
	d.Headings.Confirmed = "收到时间"
	d.Rows = []Row{{Name: "李雷", UserID: "0017", State: "收到", Read: readAt, Exact: true, Confirmed: readAt.Add(time.Minute)}, {Name: "Lily", UserID: "u4", State: "已读"}}
	rows := must[[][]string](t)(written(t, d).GetRows("#12"))
	want := [][]string{
		{"姓名", "userId", "状态", "阅读时间", "不晚于", "提醒次数", "收到时间"},
		{"李雷", "0017", "收到", "2026-11-22 09:31:07", "", "0", "2026-11-22 09:32:07"},
		{"Lily", "u4", "已读", "", "", "0"},
	}
	if diff := cmp.Diff(want, rows[3:]); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}

func TestAWorkbookSaysWhoMadeIt(t *testing.T) {
	t.Parallel()
	d := sample
	d.Created = readAt
	got := must[*excelize.DocProperties](t)(written(t, d).GetDocProps())
	if diff := cmp.Diff([]string{"whoread", "whoread", "2026-11-22T01:31:07Z", "2026-11-22T01:31:07Z"}, []string{got.Creator, got.LastModifiedBy, got.Created, got.Modified}); diff != "" {
		t.Error(diff)
	}
	content, err := XLSX(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"docProps/core.xml", "docProps/app.xml"} {
		if xml := part(t, content, name); strings.Contains(xml, "xuri") || strings.Contains(xml, "2006-09-16") || strings.Contains(xml, "excelize") {
			t.Errorf("%s: %s", name, xml)
		}
	}
}

func TestATableWithoutFactsAndRows(t *testing.T) {
	t.Parallel()
	f := written(t, Data{Number: -1, Headings: headings})
	if diff := cmp.Diff([][]string{{"姓名", "userId", "状态", "阅读时间", "不晚于", "提醒次数"}}, must[[][]string](t)(f.GetRows("#-1"))); diff != "" {
		t.Error(diff)
	}
	if panes := must[excelize.Panes](t)(f.GetPanes("#-1")); panes.YSplit != 1 {
		t.Errorf("panes %+v", panes)
	}
	written(t, Data{})
}

// A time can be sorted and reckoned with in Excel: it is a number, as the clock on the wall shows it.
func TestTimesAreDatesOfExcel(t *testing.T) {
	t.Parallel()
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		in    *time.Location
		at    time.Time
		want  string
		value string // days since 1899-12-30
	}{
		{shanghai, time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC), "2026-11-22 12:00:00", "46348.5"},
		{nil, time.Date(2026, 11, 22, 12, 0, 0, 0, shanghai), "2026-11-22 04:00:00", ""},
		{newYork, time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), "2026-07-01 08:00:00", ""},
		{newYork, time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), "2026-12-01 07:00:00", ""},
		{shanghai, time.Date(2026, 11, 22, 15, 59, 59, 999_999_999, time.UTC), "2026-11-22 23:59:59", ""},
		{shanghai, time.Date(2026, 11, 22, 16, 0, 1, 0, time.UTC), "2026-11-23 00:00:01", ""},
		{shanghai, time.Time{}, "", ""},
		{shanghai, time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), "", ""},
		{shanghai, time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), "", ""},
	} {
		f := written(t, Data{Number: 1, Location: tt.in, Rows: []Row{{Read: tt.at, Exact: true}}})
		if got := must[string](t)(f.GetCellValue("#1", "D2")); got != tt.want {
			t.Errorf("%v: shown as %q, want %q", tt.at, got, tt.want)
		}
		if tt.want == "" {
			continue
		}
		if kind := must[excelize.CellType](t)(f.GetCellType("#1", "D2")); kind != excelize.CellTypeUnset && kind != excelize.CellTypeNumber {
			t.Errorf("%v: a cell of type %v", tt.at, kind)
		}
		if got := must[string](t)(f.GetCellValue("#1", "D2", excelize.Options{RawCellValue: true})); tt.value != "" && got != tt.value {
			t.Errorf("%v: is %q, want %q", tt.at, got, tt.value)
		}
	}
}

// dangerous are values out of which a spreadsheet might make something else.
var dangerous = []string{
	"=1+1", "=HYPERLINK(\"http://evil.example\",\"x\")", "+1", "-1", "-1+1|cmd", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1", "'=1", "＝1+1",
	"0017", "1e5", "1/2", "TRUE", "#REF!", "_x003D_1", "_x005F_x003D_1", "{=1}", `"=1"`, "DDE(\"cmd\")", "<f>1+1</f>", "]]>", "&#61;1", "\ufeff=1",
}

func TestWhatPeopleWroteStaysText(t *testing.T) {
	t.Parallel()
	for _, value := range dangerous {
		checkStaysText(t, value)
	}
}

// checkStaysText puts value wherever text goes.
func checkStaysText(t *testing.T, value string) {
	t.Helper()
	d := Data{
		Number:   1,
		Facts:    []Fact{{value, value}},
		Headings: Headings{Name: value, UserID: value, State: value, ReadAt: value, ReadBy: value, Reminders: value},
		Rows:     []Row{{Name: value, UserID: value, State: value}},
	}
	content, err := XLSX(d)
	if err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	if xml := part(t, content, sheet1); strings.Contains(xml, "<f>") || strings.Contains(xml, "<f ") {
		t.Errorf("%q: there is a formula", value)
	}
	f, err := excelize.OpenReader(bytes.NewReader(content))
	if err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	defer func() { _ = f.Close() }()
	for cell, want := range map[string]string{"A1": clean(value), "B1": clean(value), "C3": clean(value), "A4": clean(oneLine(value)), "B4": clean(oneLine(value)), "C4": clean(oneLine(value))} {
		if got := must[string](t)(f.GetCellValue("#1", cell)); got != want {
			t.Errorf("%s of %.300q is %.300q, want %.300q", cell, value, got, want)
		}
		if formula := must[string](t)(f.GetCellFormula("#1", cell)); formula != "" {
			t.Errorf("%s of %q has the formula %q", cell, value, formula)
		}
		if want == "" {
			continue
		}
		if kind := must[excelize.CellType](t)(f.GetCellType("#1", cell)); kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
			t.Errorf("%s of %q is of type %v", cell, value, kind)
		}
		style := must[int](t)(f.GetCellStyle("#1", cell))
		if quoted := f.Styles.CellXfs.Xf[style].QuotePrefix; quoted == nil || !*quoted {
			t.Errorf("%s of %q is not quoted", cell, value)
		}
		if got := must[*excelize.Style](t)(f.GetStyle(style)); got.NumFmt != asText {
			t.Errorf("%s of %q has the number format %d", cell, value, got.NumFmt)
		}
	}
}

func TestTextIsMadeFitForACell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"a\x00b\x07c\x1b[0m\x7f\u0085", "abc[0m"},
		{"a\tb\r\nc\rd\ne", "a b\ncd\ne"},
		{"\ufffe\uffffx", "x"},
		{"a\xff\xfeb", "a\ufffd\ufffdb"},
		{"李雷 😀 \u200f\u202e👨‍👩‍👧 １２", "李雷 😀 \u200f\u202e👨‍👩‍👧 １２"},
		{strings.Repeat("读", maxCell), strings.Repeat("读", maxCell)},
		{strings.Repeat("读", maxCell+1), strings.Repeat("读", maxCell)},
		{strings.Repeat("😀", maxCell), strings.Repeat("😀", maxCell/2)},
		{"a" + strings.Repeat("😀", maxCell), "a" + strings.Repeat("😀", maxCell/2)},
	} {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("%.100q: got %.100q (%d bytes), want %d bytes", tt.in, got, len(got), len(tt.want))
		}
		f := written(t, Data{Number: 1, Facts: []Fact{{"x", tt.in}}})
		if got := must[string](t)(f.GetCellValue("#1", "B1")); got != tt.want {
			t.Errorf("%.100q: read back as %.100q (%d bytes), want %d bytes", tt.in, got, len(got), len(tt.want))
		}
	}
	f := written(t, Data{Number: 1, Rows: []Row{{Name: "李\n雷\r\n=\u2028x"}}})
	if got := must[string](t)(f.GetCellValue("#1", "A2")); got != "李 雷  = x" {
		t.Errorf("got %q", got)
	}
}

func TestColumnsAreWideEnough(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want float64
	}{
		{"李雷", minWidth},
		{"欧阳娜娜和她的朋友们", 20 + padding},
		{"Jim Green, Sales", 16 + padding},
		{"ＪＩＭ　１２", 14 - 2 + padding},
		{"e\u0301\u200b\u202e" + strings.Repeat("x", 9), 10 + padding},
		{strings.Repeat("读", 500), maxWidth},
	} {
		f := written(t, Data{Number: 1, Headings: headings, Facts: []Fact{{"标题", strings.Repeat("长", 300)}}, Rows: []Row{{Name: "x"}, {Name: tt.name}}})
		if got := must[float64](t)(f.GetColWidth("#1", "A")); got != tt.want {
			t.Errorf("%.30q: %v wide, want %v", tt.name, got, tt.want)
		}
		if got := must[float64](t)(f.GetColWidth("#1", "D")); got != timeWidth {
			t.Errorf("a time's column is %v wide", got)
		}
	}
}

func TestTheSameDataGiveTheSameSheet(t *testing.T) {
	t.Parallel()
	one, two := must[[]byte](t)(XLSX(sample)), must[[]byte](t)(XLSX(sample))
	if part(t, one, sheet1) != part(t, two, sheet1) {
		t.Error("they differ")
	}
}

// crowd is a company.
func crowd(n int) Data {
	d := sample
	d.Rows = make([]Row, n)
	for i := range d.Rows {
		d.Rows[i] = Row{Name: fmt.Sprintf("韩梅梅 %d", i), UserID: fmt.Sprintf("manager%06d", i), State: "已读", Read: readAt.Add(time.Duration(i) * time.Second), Exact: i%2 == 0, Reminders: i % 3}
	}
	return d
}

func TestFiveThousandRows(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	content := must[[]byte](t)(XLSX(crowd(5_000)))
	f := must[*excelize.File](t)(excelize.OpenReader(bytes.NewReader(content)))
	defer func() { _ = f.Close() }()
	rows := must[[][]string](t)(f.GetRows("#12"))
	if len(rows) != 5_004 {
		t.Fatalf("%d rows", len(rows))
	}
	if diff := cmp.Diff([]string{"韩梅梅 4999", "manager004999", "已读", "", "2026-11-22 10:54:26", "1"}, rows[5_003]); diff != "" {
		t.Error(diff)
	}
	if len(content) > 1<<20 {
		t.Errorf("%d bytes", len(content))
	}
}

func TestMoreRowsThanASheetHas(t *testing.T) {
	t.Parallel()
	if _, err := XLSX(Data{Rows: make([]Row, excelize.TotalRows)}); err == nil {
		t.Error("no error")
	}
}

// TestAWorkbookToLookAt writes one to the path EXPORT_WORKBOOK, for people.
func TestAWorkbookToLookAt(t *testing.T) {
	path := os.Getenv("EXPORT_WORKBOOK")
	if path == "" {
		t.Skip("EXPORT_WORKBOOK names no file")
	}
	if err := os.WriteFile(path, must[[]byte](t)(XLSX(crowd(60))), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzValues(f *testing.F) {
	f.Add("=1+1")
	f.Add("a\x00\xff\ufffe😀\u202e_x0041_")
	f.Fuzz(func(t *testing.T, value string) {
		if got := clean(value); !utf8.ValidString(got) || len(utf16.Encode([]rune(got))) > maxCell {
			t.Errorf("%q became %q", value, got)
		}
		checkStaysText(t, value)
	})
}

func BenchmarkXLSX(b *testing.B) {
	for _, n := range []int{50, 5_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := crowd(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := XLSX(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
