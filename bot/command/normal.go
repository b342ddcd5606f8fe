package command

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// line is a text as the tables write it: lower case, usual width, simplified characters,
// single spaces, no apostrophes, no invisible marks. It knows where everything stands in the
// text as typed.
type line struct {
	typed string
	text  string
	at    []int // of each byte of the text, and of its end, in what was typed
}

func newLine(typed string) line {
	l := line{typed: typed, at: make([]int, 0, len(typed)+1)}
	var b strings.Builder
	b.Grow(len(typed))
	simple, before, end := simplified(), ' ', 0
	write := func(r rune, i int) {
		if r == ' ' && before == ' ' {
			return
		}
		size, _ := b.WriteRune(r)
		for range size {
			l.at = append(l.at, i)
		}
		before = r
	}
	for i, r := range typed {
		switch {
		case apostrophe(r) || mark(r):
			continue
		case unicode.IsSpace(r):
			write(' ', i)
			continue
		case unicode.Is(unicode.Cc, r):
			continue
		}
		if end = i + len(string(r)); r < 0x80 {
			write(unicode.ToLower(r), i)
			continue
		}
		if unicode.Is(unicode.Han, r) {
			if s, ok := simple[r]; ok {
				r = s
			}
			if meant, ok := homophones[r]; ok && strings.ContainsRune(tellingBefore, before) {
				r = meant
			}
			write(r, i)
			continue
		}
		for _, c := range norm.NFKC.String(string(r)) {
			if unicode.IsSpace(c) {
				c = ' '
			}
			if apostrophe(c) {
				continue
			}
			write(unicode.ToLower(c), i)
		}
	}
	if l.text = b.String(); before == ' ' && l.text != "" {
		l.text = l.text[:len(l.text)-1]
		l.at = l.at[:len(l.text)]
	}
	l.at = append(l.at, end)
	return l
}

// as returns what was typed between two places of the text.
func (l line) as(from, to int) string {
	if from >= to {
		return ""
	}
	return strings.TrimFunc(l.typed[l.at[from]:l.ends(to)], blank)
}

// ends is where what was typed for the text up to that place ends.
func (l line) ends(to int) int {
	if to == 0 {
		return 0
	}
	_, size := utf8.DecodeRuneInString(l.typed[l.at[to-1]:])
	return l.at[to-1] + size
}

// keeping is a part of what was typed in lower case and usual width, with its spaces.
func (l line) keeping(from, to int) string {
	if from >= to {
		return ""
	}
	begin := 0
	if from > 0 {
		begin = l.ends(from)
	}
	return strings.Map(usual, strings.ToLower(fold(l.typed[begin:l.ends(to)])))
}

func apostrophe(r rune) bool { return strings.ContainsRune("'’‘`´＇", r) }

var simplified = sync.OnceValue(func() map[rune]rune {
	pairs := []rune(traditional)
	m := make(map[rune]rune, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != pairs[i+1] {
			m[pairs[i]] = pairs[i+1]
		}
	}
	return m
})
