package reply

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"whoread/receipts"
)

// lineBreak ends a line in DingTalk's markdown.
const lineBreak = "  \n"

// Harmless is a name or a title that people chose for the bot's own plain text: no
// line of its own, and no mark that turns the direction of what follows. One that
// shows nothing is empty.
func Harmless(s string) string {
	if strings.IndexFunc(s, visible) < 0 {
		return ""
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s))
}

// visible tells a rune that is seen by itself: neither a space nor an invisible mark,
// nor one that changes the letter before it.
func visible(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != brailleBlank
}

// marks are the characters that may mean something in DingTalk's markdown.
const marks = "\\`*_[]()<>#~|!"

// Escape makes it harmless inside the bot's own markdown too: no formatting, no
// links.
func Escape(s string) string {
	var b strings.Builder
	for _, r := range Harmless(s) {
		if strings.ContainsRune(marks, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// marked are the marks of the bot's own markdown, and what Escape writes.
var marked = regexp.MustCompile(`\*\*|\\([` + regexp.QuoteMeta(marks) + `])`)

// plain is the bot's own markdown as a phone's notification shows it: without marks, and with
// names and titles as people chose them.
func plain(markdown string) string { return marked.ReplaceAllString(markdown, "$1") }

// Shorten cuts a text to that many runes and marks the cut.
func Shorten(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:runes-1])) + "…"
}

// bar draws a share of a hundred in ten steps; the last one only for all.
func bar(percent int) string {
	const steps = 10
	full := percent * steps / 100
	return strings.Repeat("▓", full) + strings.Repeat("░", steps-full)
}

// Lines joins lines as DingTalk's markdown breaks them, without the empty ones.
func Lines(all ...string) string {
	kept := all[:0:0]
	for _, line := range all {
		if line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, lineBreak)
}

// Compose is an announcement as it stands in the group: the title as its first line, and
// the text as it was typed.
func Compose(a receipts.Announcement) receipts.Post {
	text := a.Text
	if text != a.Title {
		text = a.Title + "\n" + text
	}
	return receipts.Post{Title: a.Title, Text: asTyped(text)}
}

// asTyped makes markdown show the lines of a text as they were typed, without
// touching anything else in it.
func asTyped(s string) string {
	typed := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, line := range typed {
		if i < len(typed)-1 && strings.TrimSpace(line) != "" && strings.TrimSpace(typed[i+1]) != "" {
			typed[i] = strings.TrimRight(line, " ") + "  "
		}
	}
	return strings.Join(typed, "\n")
}
