package command

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/agext/levenshtein"

	"whoread/bot/frame"
)

// suggestion is a command as it would be typed.
type suggestion struct {
	words    string
	verb     Verb
	language Language
}

// suggestions are what an unknown text may have meant. Where several fit, the longest one
// is suggested.
var suggestions = []suggestion{
	{"announce", Announce, English},
	{"公告", Announce, Chinese},
	{"发布", Announce, Chinese},
	{"unread", Unread, English},
	{"who hasn't read", Unread, English},
	{"who has not read", Unread, English},
	{"谁没读", Unread, Chinese},
	{"谁没看", Unread, Chinese},
	{"未读", Unread, Chinese},
	{"who read", WhoRead, English},
	{"readers", WhoRead, English},
	{"read", WhoRead, English},
	{"status", WhoRead, English},
	{"谁读了", WhoRead, Chinese},
	{"谁看了", WhoRead, Chinese},
	{"已读", WhoRead, Chinese},
	{"list", List, English},
	{"列表", List, Chinese},
	{"remind", Remind, English},
	{"提醒", Remind, Chinese},
	{"催", Remind, Chinese},
	{"follow", Follow, English},
	{"跟进", Follow, Chinese},
	{"stop", Stop, English},
	{"stop following", Stop, English},
	{"停止", Stop, Chinese},
	{"停止跟进", Stop, Chinese},
	{"recall", Recall, English},
	{"撤回", Recall, Chinese},
	{"export", Export, English},
	{"导出", Export, Chinese},
	{"chart", Chart, English},
	{"曲线", Chart, Chinese},
	{"usage", Usage, English},
	{"用量", Usage, Chinese},
	{"help", Help, English},
	{"帮助", Help, Chinese},
}

// doubt is the two likeliest commands of what was not understood: none that it refuses.
func (p phrase) doubt() (nearest, second string) {
	refused := None
	if p.has.has(neg) || p.denied() {
		if refused = p.about(); refused == None && p.has.has(msg) {
			refused = Announce
		}
	}
	return p.likely(refused)
}

func (p phrase) likely(refused Verb) (nearest, second string) {
	if len(p.tokens) == 0 || p.only(nothing|aboutOne|of(ask, okay)) && p.has.has(number) {
		return "", ""
	}
	text := normal(p.typed)
	best, ok := nearestTo(text, func(s suggestion) bool { return s.verb != refused })
	if !ok {
		return "", ""
	}
	n, _ := p.numbered()
	nearest = best.with(n)
	if next, ok := nearestTo(text, func(s suggestion) bool {
		return s.verb != refused && s.verb != best.verb && !strings.Contains(best.words, s.words)
	}); ok {
		second = next.with(n)
	}
	return nearest, second
}

// with is the suggestion about the message of a number, if any was said.
func (s suggestion) with(n int) string {
	if n == 0 || n == maxNumber || s.verb == Announce || s.verb == List || s.verb == Help || s.verb == Usage {
		return s.words
	}
	return s.words + " #" + strconv.Itoa(n)
}

// unclear is the answer to a command that has an effect and beside which a mention may say
// more than a name.
func unclear(bare string, l Language, refused bool, verb Verb) Command {
	said, no := Command{Verb: Unknown, Language: l}, None
	if refused {
		no = verb
	}
	said.Nearest, said.Second = newPhrase(bare).likely(no)
	return said
}

// refusedBeside reports whether what stands beside names takes a command back, and does not
// only ask.
func refusedBeside(text, whole string, mentions []frame.Span) bool {
	said := strings.Join(atWords.FindAllString(whole, -1), " ")
	for _, m := range mentions {
		said += " " + text[m.From:m.To]
	}
	return negations.MatchString(said)
}

// nearestTo finds the suggestion that a line may have meant: the longest one whose words all
// stand in it in this order, or else the one that is a slip of the finger away.
func nearestTo(line string, may func(suggestion) bool) (best suggestion, found bool) {
	if len(line) > maxDoubt {
		return best, false
	}
	said := pieces(line)
	for i, s := range suggestions {
		if len(s.words) > len(best.words) && may(s) && within(suggested()[i], said) {
			best = s
		}
	}
	if best.words != "" {
		return best, true
	}
	line = strings.TrimRight(line, "#0123456789 ")
	limit, runes := 0, utf8.RuneCountInString(line)
	for _, s := range suggestions {
		meant := utf8.RuneCountInString(s.words)
		if meant == 1 || runes > 2*meant+2 || !may(s) {
			continue // anything is one slip away from a single letter
		}
		slips := max(1, meant/3)
		if d := levenshtein.Distance(line, s.words, nil); d <= slips && (best.words == "" || d < limit) {
			best, limit = s, d
		}
	}
	return best, best.words != ""
}

// maxDoubt is longer than what may have meant a command, in bytes.
const maxDoubt = 300

var suggested = sync.OnceValue(func() [][]string {
	all := make([][]string, len(suggestions))
	for i, s := range suggestions {
		all[i] = pieces(s.words)
	}
	return all
})

// pieces splits a text into words, and Chinese into characters.
func pieces(text string) []string {
	var all []string
	for _, word := range strings.Fields(text) {
		if written(word) != Chinese {
			all = append(all, word)
			continue
		}
		for _, r := range word {
			all = append(all, string(r))
		}
	}
	return all
}

// within reports whether all parts stand in whole, in this order.
func within(parts, whole []string) bool {
	for _, w := range whole {
		if len(parts) > 0 && parts[0] == w {
			parts = parts[1:]
		}
	}
	return len(parts) == 0
}

// heads are the words that announce, the longer ones first.
var heads = sync.OnceValue(func() []string {
	all := slices.Concat(chineseWords[publish], chineseWords[tellAll], englishWords[publish], englishWords[tellAll])
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
})

// toEverybody are those behind which the title may follow without anything between.
var toEverybody = sync.OnceValue(func() []string { return slices.Concat(chineseWords[tellAll], englishWords[tellAll]) })
