package export

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxFileNameBytes bounds a file's name; the file systems of phones and computers take 255 bytes.
	MaxFileNameBytes = 120

	extension = ".xlsx"
)

// FileName is a name for the workbook of a message, such as "12 停机维护.xlsx". It is one name on every system: without
// separators of paths, without characters that are not seen (control characters, and those that turn the direction of the
// text, with which a name can hide its ending), of at most [MaxFileNameBytes], cut between runes, never without a stem.
func FileName(title string, number int) string {
	stem := strconv.Itoa(number)
	if readable := fileNameText(title); readable != "" {
		stem += " " + readable
	}
	stem = cut(stem, MaxFileNameBytes-len(extension))
	return strings.TrimRight(stem, " .") + extension
}

func fileNameText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case strings.ContainsRune(`/\:*?"<>|`, r):
			return '-'
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, s)
	return strings.Trim(strings.Join(strings.Fields(s), " "), " .")
}

// cut shortens s to at most limit bytes, between runes.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
