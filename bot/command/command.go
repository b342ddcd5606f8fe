package command

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"golang.org/x/text/width"

	"whoread/bot/frame"
	"whoread/receipts"
)

// Verb is what a command does.
type Verb string

// The commands. None is an empty mention; Unknown is none of them.
const (
	None     Verb = ""
	Unknown  Verb = "unknown"
	Announce Verb = "announce"
	WhoRead  Verb = "who read"
	Unread   Verb = "unread"
	List     Verb = "list"
	Remind   Verb = "remind"
	Follow   Verb = "follow"
	Stop     Verb = "stop"
	Recall   Verb = "recall"
	Export   Verb = "export"
	Chart    Verb = "chart"
	Usage    Verb = "usage"
	Help     Verb = "help"
)

// Language is one that the bot speaks.
type Language string

// The languages.
const (
	Chinese Language = "zh"
	English Language = "en"
)

// phrase is one way to say a command, in lower case.
type phrase struct {
	words    string
	verb     Verb
	language Language
}

// phrases are all ways to say the commands. Where one begins another, the longer
// one comes first. The first phrase of a verb in a language is the one that is
// suggested.
var phrases = []phrase{
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
	{"提醒一下", Remind, Chinese},
	{"提醒", Remind, Chinese},
	{"催一下", Remind, Chinese},
	{"催", Remind, Chinese},
	{"follow", Follow, English},
	{"跟进", Follow, Chinese},
	{"stop following", Stop, English},
	{"stop", Stop, English},
	{"停止跟进", Stop, Chinese},
	{"停止", Stop, Chinese},
	{"recall", Recall, English},
	{"撤回", Recall, Chinese},
	{"export", Export, English},
	{"导出", Export, Chinese},
	{"chart", Chart, English},
	{"曲线", Chart, Chinese},
	{"图", Chart, Chinese},
	{"usage", Usage, English},
	{"用量", Usage, Chinese},
	{"help", Help, English},
	{"帮助", Help, Chinese},
}

// Command is a command as somebody said it.
type Command struct {
	Verb     Verb
	Language Language // empty if the words don't tell
	Number   int      // of #n; 0 if none was said

	// Title and Text are what to announce, as it was typed.
	Title, Text string
	// Opening tells that the title stands behind the word that announces, where it
	// may begin with a deadline.
	Opening bool

	By   receipts.Channel // how to remind; empty if none was said
	Rest string           // how to follow up, for Times
	// Named reports that an @word stands in a command that has an effect: it is about
	// somebody, whom DingTalk may know or not.
	Named bool

	// Nearest is the command that an unknown one may have meant; empty if none.
	Nearest string
}

// Label is the verb as a label of metrics; an empty mention asks for help.
func (v Verb) Label() string {
	if v == None {
		v = Help
	}
	return strings.ReplaceAll(string(v), " ", "_")
}

// Verbs are all verbs but None.
func Verbs() []Verb {
	return []Verb{Unknown, Announce, WhoRead, Unread, List, Remind, Follow, Stop, Recall, Export, Chart, Usage, Help}
}

// Acts reports whether a command has an effect that its answer alone has not.
func (v Verb) Acts() bool {
	switch v {
	case Announce, Remind, Follow, Stop, Recall, Export, Chart:
		return true
	}
	return false
}

// Parse reads what somebody said, in which mentions stand as pieces of their own.
// Case, width and surrounding space do not matter, nor do a question mark, emoji and
// faces around a command. Only the text of an announcement is kept as it was typed.
//
// Mentions may stand anywhere, in a plain text too, where nobody knows how long a name
// is. So a command that only reads may stand behind any part of an @name, and one that
// acts only where all other words are @words behind white space.
func Parse(text string, mentions ...frame.Span) Command {
	whole, taken := addressed(text, mentions)
	whole = strings.TrimRightFunc(whole, unicode.IsSpace)
	toPost := withoutMentions(whole)
	first, _, _ := strings.Cut(toPost, "\n")
	if p, rest, ok := announcement(toPost, first); ok && !doubtful(strings.TrimSuffix(whole, toPost)) && !doubtfulPieces(text, taken) {
		return announced(p, rest)
	}
	whole = withoutPieces(text, mentions)
	bare := withoutMentions(whole)
	said := parse(bare)
	if said.Verb == Unknown || said.Verb == Follow { // how to follow up is left to others
		if named := parse(withoutAtWords(bare)); named.Verb.Acts() {
			said, said.Named = named, strings.ContainsFunc(bare, at)
		}
	}
	if said.Verb.Acts() && several(strings.TrimSuffix(whole, bare), mentions) {
		said.Named = true
	}
	if said.Verb.Acts() && (doubtful(whole) || doubtfulPieces(text, mentions)) {
		return Command{Verb: Unknown, Language: said.Language, Nearest: nearest(normal(bare))}
	}
	if said.Verb != Unknown && said.Verb != None {
		return said
	}
	for _, part := range besideNames(text) {
		if read := parse(part); read.Verb != Unknown && read.Verb != None && !read.Verb.Acts() {
			return read
		}
	}
	return said
}

// command reads a text that is no announcement.
func parse(text string) Command {
	if text = strings.Join(strings.Fields(text), " "); strings.TrimFunc(text, blank) == "" {
		return Command{Verb: None}
	}
	line := normal(text)
	if line == "" { // nothing but punctuation, such as a question mark
		return Command{Verb: Help, Language: written(text)}
	}
	said, ok := phrased(withoutFaces(line, anyFace))
	if ok && said.Verb.Acts() {
		said, ok = phrased(withoutFaces(line, politeFace))
	}
	if !ok {
		said = Command{Verb: Unknown, Language: written(line), Nearest: nearest(line)}
	}
	return said
}

// phrased finds the phrase that a line consists of.
func phrased(line string) (said Command, ok bool) {
	for _, p := range phrases {
		if p.verb == Announce {
			continue
		}
		if p.verb == Help && strings.HasPrefix(line, p.words) { // whatever with
			return Command{Verb: Help, Language: p.language}, true
		}
		said := Command{Verb: p.verb, Language: p.language}
		switch p.verb {
		case Remind:
			said.Number, said.By, ok = p.reminds(line)
		case Follow:
			said.Rest, ok = p.follows(line)
		default:
			said.Number, ok = p.matches(line)
		}
		if ok {
			return said, true
		}
	}
	return Command{}, false
}

// mark tells the invisible marks that copying leaves behind.
func mark(r rune) bool { return unicode.Is(unicode.Cf, r) }

// blank tells white space and invisible marks.
func blank(r rune) bool { return unicode.IsSpace(r) || mark(r) }

// announcement finds the word that announces at the beginning of the first line.
// It must stand apart from what follows: a question about announcements is no
// announcement.
func announcement(text, first string) (phrase, string, bool) {
	folded := []rune(strings.ToLower(fold(first)))
	for _, p := range phrases {
		words := []rune(p.words)
		if p.verb != Announce || len(folded) < len(words) || !slices.Equal(folded[:len(words)], words) {
			continue
		}
		rest := skipRunes(text, len(words))
		seen := strings.TrimLeftFunc(rest, mark) // what is invisible does not keep words apart
		if seen == "" || strings.IndexFunc(seen, apart) == 0 {
			return p, rest, true
		}
	}
	return phrase{}, "", false
}

// apart tells what may stand between the word that announces and the title.
func apart(r rune) bool { return blank(r) || r == ':' || r == '：' }

// announced splits what follows the word into title and text. A single line is
// both.
func announced(p phrase, rest string) Command {
	line, _, _ := strings.Cut(rest, "\n")
	opening := strings.TrimFunc(line, apart) != ""
	title, text, _ := strings.Cut(strings.TrimLeftFunc(rest, apart), "\n")
	title, text = strings.TrimSpace(title), strings.Trim(text, "\r\n")
	if strings.TrimSpace(text) == "" {
		text = title
	}
	return Command{Verb: Announce, Language: p.language, Title: title, Text: text, Opening: opening}
}

// matches reports whether the line says the phrase, with a number or without.
func (p phrase) matches(line string) (number int, ok bool) {
	if before, found := strings.CutSuffix(line, p.words); found && strings.HasPrefix(before, "#") {
		return parseNumber(strings.TrimSpace(before))
	}
	rest, found := strings.CutPrefix(line, p.words)
	if !found {
		return 0, false
	}
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return 0, true
	}
	return parseNumber(rest)
}

// channels are the words for ways to remind people, as they stand behind or before
// the number.
var channels = map[string]receipts.Channel{
	"": "",

	"mention": receipts.Mention, "mentioning": receipts.Mention, "at": receipts.Mention, "@": receipts.Mention,
	"提及": receipts.Mention, "艾特": receipts.Mention, "群里": receipts.Mention, "在群里": receipts.Mention,

	"direct": receipts.InPrivate, "direct message": receipts.InPrivate, "dm": receipts.InPrivate, "private": receipts.InPrivate,
	"private message": receipts.InPrivate, "私信": receipts.InPrivate, "私聊": receipts.InPrivate, "单聊": receipts.InPrivate,

	"ding": receipts.Ding, "钉": receipts.Ding, "钉一下": receipts.Ding,
}

var (
	someNumber = regexp.MustCompile(`^#?\s*[0-9]+|#?\s*[0-9]+$`)
	byWord     = regexp.MustCompile(`^(by|with|using|用|通过|以)\s*`)
)

// reminds reports whether the line asks to remind people, of which message, and how.
func (p phrase) reminds(line string) (number int, by receipts.Channel, ok bool) {
	if number, ok := p.matches(line); ok {
		return number, "", true
	}
	rest, found := strings.CutPrefix(line, p.words)
	if !found {
		return 0, "", false
	}
	rest = strings.TrimSpace(rest)
	if said := someNumber.FindString(rest); said != "" {
		number, _ = parseNumber(said)
		rest = strings.TrimSpace(strings.Replace(rest, said, "", 1))
	}
	by, ok = channels[byWord.ReplaceAllString(rest, "")]
	return number, by, ok
}

// follows reports whether the line asks to follow a message up, and returns how.
func (p phrase) follows(line string) (how string, ok bool) {
	how, found := strings.CutPrefix(line, p.words)
	next, _ := utf8.DecodeRuneInString(how)
	if !found || p.language == English && unicode.IsLetter(next) { // such as "following"
		return "", false
	}
	return how, true
}

// maxNumber is larger than the number of any message. What is beyond is taken
// for it, so that it is understood and not found.
const maxNumber = 1_000_000_000

// parseNumber reads #n or n.
func parseNumber(s string) (int, bool) {
	s = strings.TrimSpace(strings.TrimPrefix(s, "#"))
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil || n == 0 || n > maxNumber {
		n = maxNumber
	}
	return n, true
}

// fold makes full-width letters and digits the usual ones.
func fold(s string) string { return width.Fold.String(s) }

// normal is a line as the phrases are written: lower case, usual width, single
// spaces, straight apostrophes, no invisible marks, no punctuation at the end.
func normal(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case r == '’' || r == '‘' || r == '`' || r == '´':
			return '\''
		case unicode.IsSpace(r):
			return ' '
		case mark(r) || unicode.Is(unicode.Cc, r):
			return -1
		}
		return r
	}, fold(line))
	line = strings.Join(strings.Fields(strings.ToLower(line)), " ")
	return strings.TrimSpace(strings.TrimRight(line, "?!.,;~。、，；…！？ "))
}

// skipRunes returns s without its first n runes.
func skipRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[i:]
		}
		n--
	}
	return ""
}

// written tells the language of a text by its script.
func written(text string) Language {
	letters := false
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			return Chinese
		}
		letters = letters || unicode.IsLetter(r)
	}
	if letters {
		return English
	}
	return ""
}

// nearest finds the command that a line may have meant: the longest one whose
// words all stand in it in this order, or else the one that is a slip of the
// finger away.
func nearest(line string) string {
	best := phrase{}
	for _, p := range phrases {
		if len(p.words) > len(best.words) && within(tokens(p.words), tokens(line)) {
			best = p
		}
	}
	if best.words != "" {
		return best.words
	}
	line = strings.TrimRight(line, "#0123456789 ")
	limit := 0
	for _, p := range phrases {
		said, meant := utf8.RuneCountInString(line), utf8.RuneCountInString(p.words)
		if meant == 1 || said > 2*meant+2 {
			continue // anything is one slip away from a single letter
		}
		slips := max(1, meant/3)
		if d := levenshtein.Distance(line, p.words, nil); d <= slips && (best.words == "" || d < limit) {
			best, limit = p, d
		}
	}
	return best.words
}

// tokens splits a text into words, and Chinese into characters.
func tokens(text string) []string {
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
