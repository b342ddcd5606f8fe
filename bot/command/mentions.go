package command

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"whoread/bot/frame"
)

// addressed is a text without the mention of the bot, and without the others before it:
// those that the text begins with. If it begins with none, the bot's is the one at the
// end, or else the first. Taken are those that it is without.
func addressed(text string, mentions []frame.Span) (rest string, taken []frame.Span) {
	begin := 0
	for i, m := range mentions {
		if strings.TrimFunc(text[begin:m.From], blank) != "" {
			break
		}
		begin, taken = m.To, mentions[:i+1]
	}
	if begin > 0 || len(mentions) == 0 {
		return text[begin:], taken
	}
	m := mentions[len(mentions)-1]
	if strings.TrimFunc(text[m.To:], blank) != "" {
		m = mentions[0]
	}
	taken = []frame.Span{m}
	return withoutPieces(text, taken), taken
}

// withoutPieces is a text without these mentions, which keep apart what stands beside them.
func withoutPieces(text string, mentions []frame.Span) string {
	var b strings.Builder
	from := 0
	for _, m := range mentions {
		b.WriteString(text[from:m.From])
		b.WriteByte(' ')
		from = m.To
	}
	b.WriteString(text[from:])
	return b.String()
}

// withoutMentions removes the @words that a text begins with. DingTalk removes the
// bot's own, but not in every kind of message.
func withoutMentions(text string) string {
	for {
		text = strings.TrimLeftFunc(text, blank)
		if r, _ := utf8.DecodeRuneInString(text); !at(r) {
			return text
		}
		end := strings.IndexFunc(text, unicode.IsSpace)
		if end < 0 {
			return ""
		}
		text = text[end:]
	}
}

// at reports the signs that a mention begins with.
func at(r rune) bool { return r == '@' || r == '＠' || r == '﹫' }

// atWords is a name behind an @, up to white space, the number of a message or another @. An @
// that stands alone is a way to remind.
var atWords = regexp.MustCompile(`[@＠﹫][^\s\p{Z}#＃@＠﹫]+`)

// doubts are what may stand in an @word, behind the name, and take a command back.
var doubts = regexp.MustCompile(`[不别勿莫甭没怎吗么呢?？]`)

// doubtful reports whether the @words of a text may say more than a name.
func doubtful(text string) bool {
	return slices.ContainsFunc(atWords.FindAllString(text, -1), doubts.MatchString)
}

// tailDoubts are what a piece may hold behind the first word of a name: it is more than a
// name then, and may take back the command beside it.
var tailDoubts = regexp.MustCompile(`(?i)[，。！；：、,!;:]|\b(?:no|not|don['’]?t|never)\b|` + doubts.String())

// doubtfulPieces reports whether any of the mentions may say more than a name.
func doubtfulPieces(text string, mentions []frame.Span) bool {
	return slices.ContainsFunc(mentions, func(m frame.Span) bool {
		piece := strings.TrimFunc(text[m.From:m.To], blank)
		space := strings.IndexFunc(piece, unicode.IsSpace)
		return space >= 0 && tailDoubts.MatchString(piece[space:])
	})
}

// several reports whether more than one mention stands before a command: one is the
// bot's.
func several(before string, mentions []frame.Span) bool {
	n := len(mentions)
	for _, r := range before {
		if at(r) {
			n++
		}
	}
	return n > len(mentions) && n > 1
}

func withoutAtWords(text string) string { return atWords.ReplaceAllString(text, " ") }

// maxReading is longer than any command that only reads, with the names before it.
const maxReading = 200 // runes

// besideNames are the parts of a text that may be a command with names beside it: what
// stands before the first @ and behind any rune of what follows it, there too up to the
// next @. English words are not cut.
func besideNames(text string) []string {
	text = strings.TrimFunc(text, blank)
	begin := strings.IndexFunc(text, at)
	if begin < 0 || utf8.RuneCountInString(text) > maxReading {
		return nil
	}
	parts := []string{withoutAtWords(text), text[:begin]}
	_, size := utf8.DecodeRuneInString(text[begin:])
	names, before := text[begin+size:], '@'
	for i, r := range names {
		if !latin(before) || !latin(r) {
			parts = append(parts, withoutAtWords(names[i:]))
			if next := strings.IndexFunc(names[i:], at); next >= 0 {
				parts = append(parts, names[i:i+next])
			}
		}
		before = r
	}
	return parts
}

func latin(r rune) bool { return unicode.Is(unicode.Latin, r) || unicode.IsDigit(r) }

// Emoji, and DingTalk's own faces, which come as their names in brackets.
var (
	anyFace    = regexp.MustCompile(`^(?:` + emoji + `|` + face + `|\s)+|(?:` + emoji + `|` + face + `|[\s?!.,;~。、，；…！？])+$`)
	politeFace = regexp.MustCompile(`(?:[🙏👍👌🤝👏🌹💐😊🙂😄😃😀😁❤💪🏻-🏿\x{200d}\x{fe0f}]|\[(?:抱拳|合十|微笑|憨笑|玫瑰|鲜花|握手|ok|赞|强|鼓掌|爱心|加油|感谢|谢谢|比心)\]|[\s?!.,;~。、，；…！？])+$`)
)

const (
	emoji = `[\p{So}\p{Sk}\x{200d}\x{20e3}\x{fe0f}]`
	face  = `\[[^\[\]\s#0-9][^\[\]\s]{0,9}\]`
)

// withoutFaces removes what is friendly only around a line. In front of, or behind, a
// command that has an effect a face may take it back, or ask: there only thanks and
// the like are removed.
// The question mark beside one stays.
func withoutFaces(line string, faces *regexp.Regexp) string {
	return faces.ReplaceAllStringFunc(line, func(removed string) string {
		if strings.ContainsAny(removed, "?？") {
			return "?"
		}
		return ""
	})
}

// atNames are the names behind an @.
func atNames(text string) []string {
	var names []string
	for _, word := range atWords.FindAllString(text, -1) {
		names = append(names, strings.TrimLeftFunc(word, at))
	}
	return names
}

// negations may stand beside a name and take a command back.
var negations = regexp.MustCompile(`(?i)[不别勿莫甭]|\b(?:no|not|don['’]?t|never)\b`)
