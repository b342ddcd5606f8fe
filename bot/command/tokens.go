package command

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// token is a word of a line, or a run of what is in no table.
type token struct {
	slot     slot
	from, to int // in the text of the line
	number   int // of slot number
}

// lexicon is the slot of every word.
type lexicon struct {
	words   map[string]slot
	longest int // bytes of the longest Chinese word
	deepest int // words of the longest English one
}

var lexical = sync.OnceValue(func() lexicon {
	x := lexicon{words: map[string]slot{}}
	for _, t := range []table{chineseWords, englishWords} {
		for s := range slots {
			for _, word := range t[s] {
				if _, known := x.words[word]; known {
					continue
				}
				x.words[word] = s
				if written(word) == Chinese {
					x.longest = max(x.longest, len(word))
				} else {
					x.deepest = max(x.deepest, strings.Count(word, " ")+1)
				}
			}
		}
	}
	return x
})

// scanner goes through a line and splits it.
type scanner struct {
	line
	pos    int
	tokens []token
	words  lexicon
}

// split splits a line into its tokens.
func split(l line) []token {
	s := scanner{line: l, words: lexical(), tokens: make([]token, 0, 16)}
	for s.pos < len(s.text) {
		s.next()
	}
	s.mendSlips()
	return s.tokens
}

func (s *scanner) next() {
	rest := s.text[s.pos:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case r == ' ':
		s.pos++
	case r == '@':
		s.atSign(rest)
	case r == '#':
		s.hash(rest)
	case strings.ContainsRune(`"“”「『《`, r):
		s.quotation(rest, r, size)
	case r == '?':
		s.add(ask, size)
	case r == '+' && s.word(rest):
	case r == '-' && size < len(rest) && digit(rest[size]):
		s.add(badNumber, size+figures(rest[size:]))
	case digit(rest[0]):
		s.digits(rest)
	case r == '第' && s.ordinal(rest[size:], size):
	case strings.ContainsRune(numerals, r) && s.numeral(rest):
	case unicode.Is(unicode.Han, r) || unicode.IsLetter(r):
		if !s.word(rest) {
			s.stranger(rest, r, size)
		}
	case unicode.IsPunct(r) || strings.ContainsRune("~|", r):
		s.add(punct, size)
	default:
		s.stranger(rest, r, size)
	}
}

func (s *scanner) add(as slot, size int) { s.addNumber(as, size, 0) }

func (s *scanner) addNumber(as slot, size, n int) {
	s.tokens = append(s.tokens, token{slot: as, from: s.pos, to: s.pos + size, number: n})
	s.pos += size
}

// stranger is what stands in no table: a character, or a whole word of letters.
func (s *scanner) stranger(rest string, r rune, size int) {
	if latinWord(r) {
		size = wordEnd(rest)
	}
	if n := len(s.tokens); n > 0 && s.tokens[n-1].slot == unknown && s.tokens[n-1].to == s.pos {
		s.tokens[n-1].to += size
		s.pos += size
		return
	}
	s.add(unknown, size)
}

// word finds the longest word of the tables that the rest begins with.
func (s *scanner) word(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	if !latinWord(r) {
		for size := min(s.words.longest, len(rest)); size > 0; size-- {
			if as, ok := s.words.words[rest[:size]]; ok && (size == len(rest) || utf8.RuneStart(rest[size])) {
				s.add(as, size)
				return true
			}
		}
		return false
	}
	var ends []int
	for end := 0; len(ends) < s.words.deepest; {
		end += wordEnd(rest[end:])
		ends = append(ends, end)
		if end+1 >= len(rest) || rest[end] != ' ' {
			break
		}
		if next, _ := utf8.DecodeRuneInString(rest[end+1:]); !latinWord(next) && !digit(rest[end+1]) {
			break
		}
		end++
	}
	if s.named(rest, ends[0]) {
		return true
	}
	for _, end := range slices.Backward(ends) {
		if as, ok := s.words.words[rest[:end]]; ok {
			s.add(as, end)
			return true
		}
		stem := strings.TrimRight(rest[:end], "0123456789")                                        // as in unread12
		if as, ok := s.words.words[stem]; ok && stem != rest[:end] && !of(polite, loose).has(as) { // A12 is a name
			s.add(as, len(stem))
			return true
		}
	}
	return false
}

// numberWords stand before the number of a message.
var numberWords = []string{"no", "number", "num", "nr", "announcement", "message", "msg", "item", "notice"}

// named reads "no. 3" and "number 3", of which the first word ends there.
func (s *scanner) named(rest string, end int) bool {
	if !slices.Contains(numberWords, rest[:end]) {
		return false
	}
	begin := end
	for begin < len(rest) && strings.IndexByte(" .:#", rest[begin]) >= 0 {
		begin++
	}
	size := figures(rest[begin:])
	if size == 0 || begin == end {
		return false
	}
	if next, _ := utf8.DecodeRuneInString(rest[begin+size:] + " "); latinWord(next) || strings.ContainsRune(".:%", next) {
		return false
	}
	n := parseNumber(rest[begin : begin+size])
	s.addNumber(number, begin+size, n)
	return true
}

// atSign reads an @name up to white space or a number; an @ alone is a way to remind.
func (s *scanner) atSign(rest string) {
	end := strings.IndexAny(rest, " #")
	if end < 0 {
		end = len(rest)
	}
	name := rest[1:end]
	if name == "" || strings.HasPrefix(name, "一下") || len(s.tokens) > 0 && begun(name, []string{"没", "未"}) != "" { // 群里@没看的人
		s.add(mention, 1)
		return
	}
	s.add(atWord, end)
}

func (s *scanner) hash(rest string) {
	begin := 1 + len(rest[1:]) - len(strings.TrimLeft(rest[1:], " "))
	size := figures(rest[begin:])
	if size == 0 || begin+size+1 < len(rest) && rest[begin+size] == '.' && digit(rest[begin+size+1]) {
		s.add(badNumber, 1)
		return
	}
	n := parseNumber(rest[begin : begin+size])
	s.addNumber(number, begin+size, n)
}

// closing are the quotation marks that end what others begin.
var closing = map[rune]string{'"': `"`, '“': `”"`, '”': `”“`, '「': "」", '『': "』", '《': "》"}

func (s *scanner) quotation(rest string, r rune, size int) {
	end := strings.IndexAny(rest[size:], closing[r])
	if end <= 0 {
		s.add(punct, size)
		return
	}
	_, last := utf8.DecodeRuneInString(rest[size+end:])
	s.add(quoted, size+end+last)
}

// timeUnits and countUnits are what stands directly behind digits that are no number of a
// message. The longer ones come first.
var (
	timeUnits  = []string{"个半小时", "个小时", "个钟头", "小时", "钟头", "分钟", "刻钟", "点半", "点钟", "点", "时", "分", "天", "日", "月", "周", "个星期", "个月", "秒", "年", "%"}
	countUnits = []string{"人", "个", "次", "位", "遍", "楼", "元", "块", "岁", "号楼", "号线", "号门", "号厅", "号会议室", "号机"}
	latinUnits = []string{"m", "min", "mins", "h", "hr", "hrs", "hour", "hours", "minutes", "am", "pm", "s", "d", "day", "days", "st", "nd", "rd", "th"}
)

func (s *scanner) digits(rest string) {
	size := figures(rest)
	behind := rest[size:]
	next, _ := utf8.DecodeRuneInString(behind + " ")
	switch unit, spaced := begun(behind, timeUnits), strings.TrimLeft(behind, " "); {
	case (next == '.' || next == ',') && len(behind) > 1 && digit(behind[1]):
		s.add(badNumber, size+1+figures(behind[1:]))
	case next == ':' && len(behind) > 1 && digit(behind[1]):
		s.add(timing, size+1+figures(behind[1:]))
	case begun(behind, countUnits) != "":
		s.stranger(rest, ' ', size)
	case strings.HasPrefix(behind, "号") || strings.HasPrefix(behind, "条"):
		n := parseNumber(rest[:size])
		s.addNumber(number, size+len("号"), n)
	case unit != "":
		s.add(timing, size+len(unit))
	case latinWord(next):
		word := behind[:wordEnd(behind)]
		as := unknown
		if slices.Contains(latinUnits, word) {
			as = timing
		} else if known, ok := s.words.words[rest[:size]+word]; ok {
			as = known
		}
		s.add(as, size+len(word))
	case spaced != "" && s.isTime(spaced):
		s.add(timing, size)
	default:
		n := parseNumber(rest[:size])
		s.addNumber(number, size, n)
	}
}

// isTime reports whether a text begins with a unit of timing, such as minutes, or a %.
func (s *scanner) isTime(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	if latinWord(r) {
		return slices.Contains(latinUnits, text[:wordEnd(text)])
	}
	return begun(text, timeUnits) != "" && !strings.HasPrefix(text, "日") && !strings.HasPrefix(text, "周")
}

// begun is the first of the words that the text begins with.
func begun(text string, words []string) string {
	for _, word := range words {
		if strings.HasPrefix(text, word) {
			return word
		}
	}
	return ""
}

// numerals are the characters of Chinese numbers.
const numerals = "零〇一二三四五六七八九十百两"

// ordinal reads 第3条 behind 第.
func (s *scanner) ordinal(rest string, before int) bool {
	begin := len(rest) - len(strings.TrimLeft(rest, " "))
	rest = rest[begin:]
	size := figures(rest)
	n := parseNumber(rest[:size])
	if size == 0 {
		n, size = chineseNumber(rest)
	}
	if size == 0 {
		return false
	}
	unit := begun(strings.TrimLeft(rest[size:], " "), []string{"条", "个", "则", "号", "篇", "项"})
	if unit == "" && !digit(rest[0]) {
		return false
	}
	spaces := len(rest[size:]) - len(strings.TrimLeft(rest[size:], " "))
	if unit == "" {
		spaces = 0
	}
	s.addNumber(number, before+begin+size+spaces+len(unit), n)
	return true
}

// numeral reads 三号, and 两小时.
func (s *scanner) numeral(rest string) bool {
	n, size := chineseNumber(rest)
	if size == 0 {
		return false
	}
	behind := rest[size:]
	if strings.HasPrefix(behind, "号") && begun(behind, countUnits) == "" {
		s.addNumber(number, size+len("号"), n)
		return true
	}
	if unit := begun(behind, timeUnits); unit != "" && unit != "时" && unit != "月" {
		s.add(timing, size+len(unit))
		return true
	}
	return false
}

// chineseNumber reads a number below 1000 and returns how many bytes it takes.
func chineseNumber(text string) (n, size int) {
	value := 0
	for _, r := range text {
		at := strings.IndexRune("零一二三四五六七八九", r) / 3
		switch {
		case r == '〇':
			value = 0
		case r == '两':
			value = 2
		case r == '十':
			n, value = n+max(value, 1)*10, 0
		case r == '百':
			n, value = n+max(value, 1)*100, 0
		case strings.ContainsRune("零一二三四五六七八九", r):
			value = value*10 + at
		default:
			return n + value, size
		}
		if size += utf8.RuneLen(r); size > 18 {
			return 0, 0
		}
	}
	return n + value, size
}

// mendSlips reads words with a slip of the finger, where nothing is to be done.
func (s *scanner) mendSlips() {
	for _, t := range s.tokens {
		if effects.has(t.slot) {
			return
		}
	}
	for i, t := range s.tokens {
		if word := s.text[t.from:t.to]; t.slot == unknown && len(word) >= 4 && len(word) < 12 {
			for _, meant := range slips {
				if slipped(word, meant) {
					s.tokens[i].slot = s.words.words[meant]
				}
			}
		}
	}
}

// slipped reports whether one letter was missed, added, changed, or swapped with the next.
func slipped(word, meant string) bool {
	switch d := levenshtein.Distance(word, meant, nil); {
	case d <= 1:
		return true
	case d == 2 && len(word) == len(meant):
		i := 0
		for word[i] == meant[i] {
			i++
		}
		return i+1 < len(word) && word[i] == meant[i+1] && word[i+1] == meant[i] && word[i+2:] == meant[i+2:]
	}
	return false
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

// figures is how many digits a text begins with.
func figures(text string) int {
	for i := range len(text) {
		if !digit(text[i]) {
			return i
		}
	}
	return len(text)
}

// latinWord reports whether a rune is one of those that words of letters are made of.
func latinWord(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Han, r) }

// wordEnd is where the word of letters ends that a text begins with.
func wordEnd(text string) int {
	for i, r := range text {
		hyphen := r == '-' && i+1 < len(text) && text[i+1] >= 'a' && text[i+1] <= 'z'
		if !latinWord(r) && !digit(text[i]) && !hyphen {
			return i
		}
	}
	return len(text)
}
