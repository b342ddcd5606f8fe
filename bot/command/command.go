package command

import (
	"strconv"
	"strings"
	"time"
	"unicode"

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

	Person   Verb = "person"   // whether some people have read it
	Everyone Verb = "everyone" // whether all have, or how many
	Confirm  Verb = "confirm"  // that one has got it
	Ignored  Verb = "ignored"  // thanks and the like: there is nothing to do
	Cancel   Verb = "cancel"   // an announcement that is yet to come
	Skip     Verb = "skip"     // people who are not to be reminded
)

// Language is one that the bot speaks.
type Language string

// The languages.
const (
	Chinese Language = "zh"
	English Language = "en"
)

// Day is one of those on which a message may have been sent.
type Day string

// The days; those of the week are the last ones of that name, today included.
const (
	Today      Day = "today"
	Yesterday  Day = "yesterday"
	TwoDaysAgo Day = "two days ago"
	Monday     Day = "monday"
	Tuesday    Day = "tuesday"
	Wednesday  Day = "wednesday"
	Thursday   Day = "thursday"
	Friday     Day = "friday"
	Saturday   Day = "saturday"
	Sunday     Day = "sunday"
)

// Before is the same time of day on the last such day, that of now included; zero if no day
// was said.
func (d Day) Before(now time.Time) time.Time {
	switch d {
	case "":
		return time.Time{}
	case Today:
		return now
	case Yesterday:
		return now.AddDate(0, 0, -1)
	case TwoDaysAgo:
		return now.AddDate(0, 0, -2)
	}
	for range 7 {
		if strings.EqualFold(now.Weekday().String(), string(d)) {
			return now
		}
		now = now.AddDate(0, 0, -1)
	}
	return time.Time{}
}

// Command is a command as somebody said it.
type Command struct {
	Verb     Verb
	Language Language // empty if the words don't tell

	// Which message is meant. A number wins over a quotation, and a quotation over the rest.
	Number int    // of #n; 0 if none was said
	Topic  string // a part of its title, as it was typed
	Day    Day    // on which it was sent
	Latest bool   // said to be the latest one, as it is where nothing is said

	// Title and Text are what to announce, as it was typed.
	Title, Text string
	// Opening tells that the title stands behind the word that announces, where it
	// may begin with a deadline.
	Opening bool
	// TitleIsCommand reports that the title is all there is, and itself a command, a number
	// or a confirmation: the sender is to be asked first.
	TitleIsCommand bool

	By   receipts.Channel // how to remind, also when following up; empty if none was said
	Rest string           // how to follow up, and until when to skip people, for Times
	// Named reports that an @word stands in a command that has an effect: it is about
	// somebody, whom DingTalk may know or not.
	Named bool

	// People are the names of whom Person and Skip are about, as they were typed, or parts
	// of them; Self is who asks. A Person with neither is about those who are mentioned, or
	// everybody if nobody is.
	People []string
	Self   bool
	// Numbered is the name together with the number beside it, as in 值班2号, or a word for people
	// with it, as in 员工3号. If somebody is called so, there is no number.
	Numbered string
	// AtWords are the names behind an @ in a question about people; one may be the bot's.
	AtWords []string

	HowMany      bool   // Everyone: the numbers are asked for
	Confirmed    bool   // Unread and WhoRead: who has confirmed is asked for
	Department   string // Unread and WhoRead: of this one alone, as it was typed
	ByDepartment bool   // Unread: grouped
	Yes          bool   // Confirm: it says yes to a question, too
	About        Verb   // Help: what it is about; None for everything

	// Nearest is the command that an unknown one may have meant, as it would be typed, and
	// Second the next likely one; empty if none. Neither is one that was refused.
	Nearest, Second string
	// Personal reports that who speaks wants to be reminded of something, which no command
	// does.
	Personal bool
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
	return []Verb{
		Unknown, Announce, WhoRead, Unread, List, Remind, Follow, Stop, Recall, Export, Chart, Usage, Help,
		Person, Everyone, Confirm, Ignored, Cancel, Skip,
	}
}

// Acts reports whether a command has an effect that its answer alone has not.
func (v Verb) Acts() bool {
	switch v {
	case Announce, Remind, Follow, Stop, Recall, Cancel, Skip, Export, Chart:
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
	if said, ok := announcement(toPost); ok && !doubtful(strings.TrimSuffix(whole, toPost)) && !doubtfulPieces(text, taken) {
		return said
	}
	whole = withoutPieces(text, mentions)
	bare := withoutMentions(whole)
	said := parse(bare)
	if said.Verb == Unknown || said.Verb == Follow && strings.ContainsFunc(bare, at) { // how to follow up is left to others
		if named := parse(withoutAtWords(bare)); named.Verb.Acts() {
			said, said.Named = named, strings.ContainsFunc(bare, at)
		}
	}
	if said.Verb.Acts() && several(strings.TrimSuffix(whole, bare), mentions) {
		said.Named = true
	}
	if said.Verb.Acts() && (doubtful(whole) || doubtfulPieces(text, mentions)) {
		return unclear(bare, said.Language, refusedBeside(text, whole, mentions), said.Verb)
	}
	if said.Verb == Person {
		said.AtWords = atNames(text)
	}
	if !strings.ContainsFunc(text, at) || said.Personal || said.Verb != Unknown && said.Verb != None && !faceOnly(said) && !guessed(said, bare) {
		return said
	}
	return besideMentions(text, bare, said)
}

// faceOnly reports whether there is nothing but faces.
func faceOnly(said Command) bool { return said.Verb == Ignored && said.Language == "" }

// guessed reports whether words beside the core of a question were taken for a name or a
// title, and nothing behind them tells that they are one: they may be the rest of the name
// of whom the text mentions.
func guessed(said Command, text string) bool {
	if said.Topic == "" {
		return len(said.People) > 0
	}
	before, behind, _ := strings.Cut(text, said.Topic)
	p := newPhrase(behind)
	next := p.next(-1, of(polite, loose, punct))
	return !strings.HasSuffix(before, "「") && (next == len(p.tokens) || !of(msg, latest, this).has(p.tokens[next].slot))
}

// besideMentions finds a command that only reads beside names that the text mentions, of
// which every word is known.
func besideMentions(text, bare string, said Command) Command {
	var ofThem Command // a question about those whose names stand beside it
	for i, part := range besideNames(text) {
		read := parse(part)
		if read.Verb == Person && !read.Self && len(read.People) == 0 && read.Numbered == "" {
			if ofThem = read; i == 0 { // all of the text but the names
				break
			}
			continue
		}
		switch {
		case read.Verb == Unknown, read.Verb == None, read.Verb == Ignored, read.Verb == Confirm, read.Verb.Acts(), read.Verb == Person && !read.Self:
			continue
		case read.Topic != "", len(read.People) > 0, read.Department != "", guessed(said, bare) && said.Verb != read.Verb:
			continue
		}
		return read
	}
	if ofThem.Verb != Person || said.Verb != Unknown && said.Verb != None {
		return said
	}
	for _, name := range atNames(text) {
		if read := parse(name); read.Numbered != "" { // 读了吗 stands right behind it
			name = read.Numbered
		} else if len(read.People) == 1 {
			name = read.People[0]
		}
		ofThem.AtWords = append(ofThem.AtWords, name)
	}
	return ofThem
}

// parse reads a text that is no announcement.
func parse(text string) Command {
	if text = strings.Join(strings.Fields(text), " "); strings.TrimFunc(text, blank) == "" {
		return Command{Verb: None}
	}
	line := normal(text)
	if line == "" { // nothing but punctuation, such as a question mark
		return Command{Verb: Help, Language: written(text)}
	}
	if strings.TrimFunc(withoutFaces(line, anyFace), blank) == "" {
		return Command{Verb: Ignored}
	}
	text = fold(text)
	said := understand(withoutFaces(text, anyFace))
	if said.Verb.Acts() {
		said = understand(withoutFaces(text, politeFace))
	}
	return said
}

// maxNumber is larger than the number of any message. What is beyond is taken
// for it, so that it is understood and not found.
const maxNumber = 1_000_000_000

// parseNumber reads digits.
func parseNumber(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil || n == 0 || n > maxNumber {
		n = maxNumber
	}
	return n
}

// fold makes full-width letters and digits the usual ones.
func fold(s string) string { return width.Fold.String(s) }

// normal is a line as the suggestions are written: lower case, usual width, single
// spaces, straight apostrophes, no invisible marks, no punctuation at the end.
func normal(line string) string {
	line = strings.Join(strings.Fields(strings.ToLower(strings.Map(usual, fold(line)))), " ")
	return strings.TrimSpace(strings.TrimRight(line, endings))
}

// endings is what may stand at the end of a line and says nothing.
const endings = "?!.,;~。、，；…！？ "

// usual is the usual form of an apostrophe and of a space; -1 for what is invisible.
func usual(r rune) rune {
	switch {
	case r == '’' || r == '‘' || r == '`' || r == '´':
		return '\''
	case unicode.IsSpace(r):
		return ' '
	case mark(r) || unicode.Is(unicode.Cc, r):
		return -1
	}
	return r
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

// mark reports the invisible marks that copying leaves behind.
func mark(r rune) bool { return unicode.Is(unicode.Cf, r) }

// blank reports white space and invisible marks.
func blank(r rune) bool { return unicode.IsSpace(r) || mark(r) }
