package export

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFileName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("读", 100)
	for _, tt := range []struct{ title, want string }{
		{"周五 停机维护", "12 周五 停机维护.xlsx"},
		{"周五 22:00 停机", "12 周五 22-00 停机.xlsx"},
		{"Friday: down?", "12 Friday- down-.xlsx"},
		{"", "12.xlsx"},
		{" \t\n\u3000", "12.xlsx"},
		{"\x00\u202e\u200f\ufeff", "12.xlsx"},
		{"../../etc/passwd", "12 -..-etc-passwd.xlsx"},
		{`C:\x|<y>"*?`, "12 C--x--y----.xlsx"},
		{"invoice\u202excod.exe", "12 invoicexcod.exe.xlsx"},
		{"a\r\nb\u2028c\u0085d", "12 a b c d.xlsx"},
		{"...", "12.xlsx"},
		{"end. . .", "12 end.xlsx"},
		{"\xff\xfe读\ufffd", "12 读.xlsx"},
		{"😀👨‍👩‍👧", "12 😀👨👩👧.xlsx"},
		{"１２：００", "12 １２：００.xlsx"},
		{"a.xlsx", "12 a.xlsx.xlsx"},
		{long, "12 " + strings.Repeat("读", 37) + ".xlsx"},
		{strings.Repeat("a", 111) + ". . b", "12 " + strings.Repeat("a", 111) + ".xlsx"},
		{strings.Repeat("a", 500), "12 " + strings.Repeat("a", 112) + ".xlsx"},
	} {
		if got := FileName(tt.title, 12); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.title, got, tt.want)
		}
		checkFileName(t, tt.title, 12)
	}
	for number, want := range map[int]string{0: "0 x.xlsx", -3: "-3 x.xlsx", 1 << 60: "1152921504606846976 x.xlsx"} {
		if got := FileName("x", number); got != want {
			t.Errorf("%d: got %q, want %q", number, got, want)
		}
	}
}

func checkFileName(t *testing.T, title string, number int) {
	t.Helper()
	got := FileName(title, number)
	stem, ok := strings.CutSuffix(got, ".xlsx")
	switch {
	case !ok, stem == "", strings.TrimSpace(stem) != stem, strings.HasPrefix(stem, "."), strings.HasSuffix(stem, "."):
		t.Errorf("%q: bad stem or ending in %q", title, got)
	case len(got) > MaxFileNameBytes:
		t.Errorf("%q: %d bytes", title, len(got))
	case !utf8.ValidString(got):
		t.Errorf("%q: %q is not valid", title, got)
	case strings.ContainsAny(got, `/\:*?"<>|`), strings.ContainsFunc(got, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Zl, unicode.Zp) || (unicode.IsSpace(r) && r != ' ')
	}):
		t.Errorf("%q: %q holds a character that it must not", title, got)
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("周五 22:00 停机维护", 12)
	f.Add("../..\\x\u202e\x00\xff...", -1)
	f.Add(strings.Repeat("读", 100)+". . .", 1<<40)
	f.Fuzz(func(t *testing.T, title string, number int) { checkFileName(t, title, number) })
}
