package when

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// maxNumber is larger than any number that means something here.
const maxNumber = 1_000_000_000

// reader goes through a text as the tables write it: lower case, usual width, no
// invisible marks. It knows where everything stands in the text as typed.
type reader struct {
	text  string
	runes []rune
	at    []int // of each rune in the text, and of its end
	pos   int
}

func scan(text string) *reader {
	r := &reader{text: text}
	for i, c := range text {
		if invisible(c) {
			continue
		}
		if folded := width.LookupRune(c).Folded(); folded != 0 {
			c = folded
		}
		switch c {
		case '’', '‘', '`', '´':
			c = '\''
		case '∶':
			c = ':'
		}
		r.runes = append(r.runes, unicode.ToLower(c))
		r.at = append(r.at, i)
	}
	r.at = append(r.at, len(text))
	return r
}

// invisible tells the marks that copying leaves behind.
func invisible(c rune) bool { return unicode.Is(unicode.Cf, c) }

// rest is what was not read, as it was typed.
func (r *reader) rest() string { return r.text[r.at[r.pos]:] }

// unclear is the error about what was typed from start to end.
func (r *reader) unclear(why Why, start, end int) error {
	return &Unclear{Why: why, Said: strings.TrimFunc(r.text[r.at[start]:r.at[end]], func(c rune) bool { return unicode.IsSpace(c) || invisible(c) })}
}

// peek is the next rune; -1 at the end.
func (r *reader) peek() rune {
	if r.pos == len(r.runes) {
		return -1
	}
	return r.runes[r.pos]
}

// last is the rune that was read last; -1 at the beginning.
func (r *reader) last() rune {
	if r.pos == 0 {
		return -1
	}
	return r.runes[r.pos-1]
}

// skip goes over the runes that are wanted and returns where it stops.
func (r *reader) skip(wanted func(rune) bool) int {
	for r.pos < len(r.runes) && wanted(r.runes[r.pos]) {
		r.pos++
	}
	return r.pos
}

func (r *reader) blanks() int { return r.skip(unicode.IsSpace) }

// separators goes over what may stand between terms, and before the title.
func (r *reader) separators() int {
	for {
		start := r.pos
		if r.blanks(); r.separates() {
			r.pos++
		}
		if r.pos == start {
			return start
		}
	}
}

// separates reports whether a mark of punctuation comes next that ends a term. A
// colon or a point inside a number does not.
func (r *reader) separates() bool {
	switch r.peek() {
	case ',', ';', '、', '。':
		return true
	case ':', '.':
		return r.pos+1 == len(r.runes) || !digit(r.runes[r.pos+1])
	}
	return false
}

// ends reports whether a term may end here.
func (r *reader) ends() bool {
	return r.pos == len(r.runes) || unicode.IsSpace(r.peek()) || r.separates()
}

// continues reports whether a word or a number goes on here.
func (r *reader) continues() bool {
	return latin(r.peek()) || digit(r.peek()) || strings.ContainsRune(":.", r.peek()) && !r.separates()
}

// done reports whether nothing but punctuation is left.
func (r *reader) done() bool {
	return strings.Trim(strings.TrimFunc(string(r.runes[r.pos:]), unicode.IsSpace), "?!.,;~。、… ") == ""
}

// wordEnd is where the next word ends.
func (r *reader) wordEnd() int {
	ahead := *r
	for ahead.blanks(); !ahead.ends(); {
		ahead.pos++
	}
	return ahead.pos
}

// ahead is a reader at the next word.
func (r *reader) ahead() *reader {
	ahead := *r
	ahead.blanks()
	return &ahead
}

func digit(c rune) bool { return c >= '0' && c <= '9' }

// latin tells letters that are written as words.
func latin(c rune) bool { return unicode.IsLetter(c) && !unicode.Is(unicode.Han, c) }

func (r *reader) digit() bool { return digit(r.peek()) }

// begins reports whether one of the words comes next.
func (r *reader) begins(words ...string) bool {
	ahead := *r
	return ahead.word(words...)
}

// word reads the first of the words that comes next. English ones end where their
// letters end, Chinese ones anywhere.
func (r *reader) word(words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		pos := r.pos
		last := rune(-1)
		for _, c := range word {
			if pos == len(r.runes) || r.runes[pos] != c {
				return false
			}
			last = c
			pos++
		}
		if latin(last) && pos < len(r.runes) {
			next := r.runes[pos]
			if latin(next) || next == '\'' && pos+1 < len(r.runes) && latin(r.runes[pos+1]) {
				return false
			}
		}
		r.pos = pos
		return true
	})
}

// after reads the first of the words that comes next, after space or without.
func (r *reader) after(words ...string) bool {
	start := r.pos
	r.blanks()
	found := r.word(words...)
	if !found {
		r.pos = start
	}
	return found
}

// take reads the first word of the table that comes next.
func take[T any](r *reader, table []entry[T]) (means T, found bool) {
	for _, e := range table {
		if r.word(e.word) {
			return e.means, true
		}
	}
	return means, false
}

// digits reads a number; beyond maxNumber it is maxNumber.
func (r *reader) digits() (n, count int) {
	for ; r.digit(); r.pos++ {
		n = min(10*n+int(r.peek()-'0'), maxNumber)
		count++
	}
	return n, count
}

// numeral reads digits, or a Chinese number below 100, which counts as two.
func (r *reader) numeral() (n, count int) {
	if n, count = r.digits(); count > 0 {
		return n, count
	}
	start, pending, ten := r.pos, -1, false
	for ; ; r.pos++ {
		figure, found := figures[r.peek()]
		switch {
		case r.peek() == '十' && !ten && pending != 0:
			n, pending, ten = 10*max(pending, 1), -1, true
		case found && (pending < 0 || pending == 0 && !ten): // 零五, but not 十零五
			pending = figure
		case found || r.pos == start || r.peek() == '十':
			r.pos = start
			return 0, 0
		default:
			return n + max(pending, 0), 2
		}
	}
}

// year reads the year of a date; 0 if none follows.
func (r *reader) year() int {
	start := r.pos
	r.word(",")
	if r.blanks() > start {
		if n, count := r.digits(); count == 4 && n/1000 == 2 && !r.continues() {
			return n
		}
	}
	r.pos = start
	return 0
}

// monthAndDay reads the rest of 2026-11-25 from the first separator on.
func (r *reader) monthAndDay(separator string) (month, day int, found bool) {
	r.word(separator)
	month, monthCount := r.digits()
	found = r.word(separator)
	day, dayCount := r.digits()
	return month, day, found && monthCount > 0 && monthCount <= 2 && dayCount > 0 && dayCount <= 2
}

// dayOfMonth reads what follows the number of a month in Chinese: 月25日.
func (r *reader) dayOfMonth() (day int, found bool) {
	if !r.after("月") {
		return 0, false
	}
	r.blanks()
	day, count := r.numeral()
	if count == 0 || count > 2 {
		return 0, false
	}
	return day, r.after("日", "号") || !r.ahead().begins("点", "时")
}

// clock reads an hour, with minutes or without.
func (r *reader) clock() (hour, minute int, form form, found bool) {
	if hour, found = take(r, numbers); found {
		if r.after("o'clock", "oclock") {
			return hour, 0, ofClock, true
		}
		_, found = take(r.ahead(), halves)
		return hour, 0, counted, found
	}
	plain := r.digit()
	hour, count := r.numeral()
	_, half := take(r.ahead(), halves)
	switch {
	case count == 0 || count > 2:
		return 0, 0, counted, false
	case r.word(":"):
		minute, count = r.digits()
		_, half = take(r.ahead(), halves)
		return hour, minute, digital, count == 2 && (half || !r.continues())
	case r.after("点", "时"):
		return hour, r.minute(), ofClock, true
	case r.after("o'clock", "oclock"):
		return hour, 0, ofClock, true
	}
	return hour, 0, counted, plain && (half || r.ends() || r.begins(before...))
}

// minute reads the minutes after a Chinese hour; 0 if there are none.
func (r *reader) minute() int {
	if r.word("半") {
		return 30
	}
	if r.word("钟", "整") {
		return 0
	}
	start := r.pos
	r.blanks()
	minute, count := r.numeral()
	switch {
	case count == 0 || count > 2 || r.begins("分钟"):
	case r.word("刻"):
		return 15 * minute
	case r.after("分") || start+count == r.pos && !r.continues():
		return minute
	}
	r.pos = start
	return 0
}

// duration reads amounts of time, the largest first, with days or without. After
// "every" one may go without its number.
func (r *reader) duration(introduced, inDays bool) (d time.Duration, found bool) {
	const most = 1e9 // seconds: longer than any interval, and still a Duration
	seconds, last := 0.0, math.Inf(1)
	for {
		start := r.pos
		r.blanks()
		amount, told := r.amount()
		if !told {
			amount = 1
		}
		r.after("个")
		half := amount == 0.5
		if told && !half && r.after("半") {
			amount, half = amount+0.5, true
			r.word("个")
		}
		r.blanks()
		u, ok := take(r, units)
		if !ok || u.seconds >= last || !told && (found || !introduced || !u.alone) || (half || !inDays) && !u.alone {
			r.pos = start
			return time.Duration(min(seconds, most) * float64(time.Second)).Round(time.Second), found
		}
		if u.seconds == time.Hour.Seconds() && !half && r.after("半", "and a half") {
			amount += 0.5
		}
		seconds += amount * u.seconds
		last, found = u.seconds, true
	}
}

// amount reads how many: 30, 1.5, 三十, two, half an.
func (r *reader) amount() (amount float64, told bool) {
	if r.word("half", "半") {
		r.after("an", "a", "个")
		return 0.5, true
	}
	if n, found := take(r, numbers); found {
		return float64(n), true
	}
	start := r.pos
	n, count := r.numeral()
	if !digit(r.last()) || count == 0 {
		return float64(n), count > 0
	}
	if r.word(".") {
		if _, decimals := r.digits(); decimals == 0 || decimals > 2 {
			r.pos = start
			return 0, false
		}
		amount, err := strconv.ParseFloat(string(r.runes[start:r.pos]), 64)
		return min(amount, maxNumber), err == nil
	}
	return float64(n), true
}

// hash reads #n.
func (r *reader) hash() (number int, found bool) {
	start := r.pos
	if r.word("#") {
		r.blanks()
		if n, count := r.digits(); count > 0 && !r.continues() {
			return messageNumber(n), true
		}
	}
	r.pos = start
	return 0, false
}

// leadingNumber reads the number of a message without its #.
func (r *reader) leadingNumber() (number int, found bool) {
	start := r.pos
	if n, count := r.digits(); count > 0 && (r.ends() || r.begins("每", "直")) {
		return messageNumber(n), true
	}
	r.pos = start
	return 0, false
}

// messageNumber is a number that was said; 0 is none, as one that is too large.
func messageNumber(n int) int {
	if n == 0 {
		return maxNumber
	}
	return n
}

// share reads a percentage, or words for all.
func (r *reader) share() (percent int, found bool, err error) {
	start := r.pos
	switch {
	case r.word("百分之百", "everybody", "everyone", "all", "全部", "全员", "所有人", "每个人", "大家", "人人"):
		percent, found = 100, true
	case r.word("百分之"):
		percent, _ = r.numeral()
		found = true
	default:
		percent, found = r.percentage()
	}
	if !found {
		r.pos = start
		return 0, false, nil
	}
	if percent < 1 || percent > 100 {
		return 0, false, r.unclear(NoPercent, start, r.pos)
	}
	for r.after("of them", "have", "has", "read", "it", "this", "的人", "都", "已经", "已", "读完", "看完", "读", "看", "了") {
	}
	return percent, true, nil
}

// percentage reads 90%; it is 0 unless it is whole.
func (r *reader) percentage() (percent int, found bool) {
	percent, count := r.digits()
	if r.word(".") {
		r.digits()
		percent = 0
	}
	return percent, count > 0 && r.after("%", "percent", "per cent", "pct")
}

// endOfBy tells, after "by" and a moment, whether that is a deadline, or why it
// may be one.
func (r *reader) endOfBy(m moment) (found bool, why Why) {
	next := r.ahead()
	open := !next.separates() && next.pos < len(next.runes) // only space keeps the title apart
	switch {
	case !m.said && r.hints(true):
		return false, NotUnderstood
	case !m.said:
		return false, ""
	case !r.ends(), open && (!m.clocked || !m.whole()) && r.hints(true):
		return false, NotUnderstood
	case open && (r.hints(false) || m.extended && !next.begins("every", "每", "and")):
		return false, Unseparated // "by 18:00 friday lunch": the lunch may be on Friday
	}
	return true, ""
}

// endOfBefore reads the 前 after a moment, and tells the same.
func (r *reader) endOfBefore(m moment, start int) (found bool, why Why) {
	if m.said && r.after(before...) {
		if r.ends() {
			return true, ""
		}
		if !strings.ContainsRune(noDeadline, r.peek()) {
			return false, Unseparated
		}
	}
	r.pos = start
	if r.hintsBefore(before) {
		return false, NotUnderstood
	}
	return false, ""
}

// hints reports whether what follows looks like a time: by its first word, or vaguely
// by any word about time.
func (r *reader) hints(vaguely bool) bool {
	next := r.ahead()
	for next.word(glue...) || next.word(vagueGlue...) {
		next.blanks()
	}
	if next.digit() {
		return true
	}
	start := next.pos
	word := string(next.runes[start:next.skip(latin)])
	if word == "" {
		return vaguely && vagueTime.MatchString(string(next.runes[start:next.wordEnd()]))
	}
	if spells(days, word) || spells(weekdays, word) || spells(months, word) || spells(parts, word) || spells(halves, word) ||
		word == "noon" || word == "midday" || word == "midnight" || slices.Contains(zones, word) {
		return true
	}
	return vaguely && (spells(units, word) || slices.Contains(vague, word) || spells(numbers, word) && !next.after("of"))
}

// spells reports whether the word is one of the table.
func spells[T any](table []entry[T], word string) bool {
	return slices.ContainsFunc(table, func(e entry[T]) bool { return e.word == word })
}

// hintsBefore reports whether words that look like a time end with one of some words, such as
// 前, and goes to the last of them.
func (r *reader) hintsBefore(ends []string) bool {
	const most = 12 // words: no phrase has more
	said := ""
	for range most {
		if r.separators() == len(r.runes) {
			return false
		}
		word := string(r.runes[r.pos:r.wordEnd()])
		for _, b := range ends {
			if base, found := strings.CutSuffix(word, b); found {
				said += base
				return vagueTime.MatchString(said) || slices.Contains(vague, said) ||
					strings.ContainsAny(said, "0123456789") && ofTime(said)
			}
		}
		if !ofTime(word) {
			return false
		}
		said += word
		r.pos = r.wordEnd()
	}
	return false
}

// ofTime reports whether a word is of nothing but time.
func ofTime(word string) bool { return strings.Trim(word, timeLetters) == "" }

// hintsEvery reports whether "every" or 每 and what follows look like an interval.
func (r *reader) hintsEvery() bool {
	next := r.ahead()
	if next.word("every") {
		for ; ; next.blanks() {
			if _, number := take(next, numbers); !number && !next.after(vagueGlue...) {
				return next.hints(true)
			}
		}
	}
	next.word("每")
	next.blanks()
	return vagueInterval.MatchString(string(next.runes[next.pos:]))
}
