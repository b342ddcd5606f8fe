package export

import (
	"strings"
	"unicode"
	"unicode/utf16"

	eastasian "golang.org/x/text/width"
)

// maxCell is how many UTF-16 units a cell holds.
const maxCell = 32_767

// clean makes text fit for a cell: valid, without control characters but line breaks, and not too long.
func clean(s string) string {
	var b strings.Builder
	units := 0
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		switch {
		case r == '\t':
			r = ' '
		case r == '\n':
		case unicode.IsControl(r), r == '\ufffe', r == '\uffff':
			continue
		}
		if units += utf16.RuneLen(r); units > maxCell {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// oneLine puts spaces for line breaks.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
			return ' '
		}
		return r
	}, s)
}

// width is about how wide text is shown, in digits: a Chinese character takes two.
func width(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch kind := eastasian.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc):
		case kind == eastasian.EastAsianWide || kind == eastasian.EastAsianFullwidth:
			w += 2
		default:
			w++
		}
		if w > maxWidth {
			break
		}
	}
	return w
}
