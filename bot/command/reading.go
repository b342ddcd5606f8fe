package command

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// asksReads finds a question about who has read: its core is enough, and one stretch of
// unknown words, which is a person, a department or a part of a title.
func (p phrase) asksReads() (Command, bool) {
	if p.has.has(badNumber) || p.has.has(neg) && !p.has.any(asksWho) {
		return Command{}, false
	}
	if said, ok := p.asksConfirmed(); ok {
		return said, true
	}
	if p.asks() && !p.has.any(asksWho) {
		p = p.withNumberedPeople()
	}
	begin, end := p.coreRange()
	if begin < 0 {
		return Command{}, false
	}
	said, ok := p.stranger(p.one(Command{}), begin, end)
	if !ok {
		return Command{}, false
	}
	unreadSaid, final := p.unreadPeople(), p.finalNot()
	if final >= 0 && p.first(of(not)) == final && !p.has.any(of(unread, notRead)) {
		unreadSaid = false
	}
	counting := p.has.has(howMany)
	switch asking := p.has.any(asksWho); {
	case !asking && p.has.any(reads) && p.person(&said):
		said.Verb = Person
		return said, !unreadSaid || p.asks()
	case len(said.People) > 0:
		return Command{}, false
	case p.has.has(perDept):
		said.Verb, said.ByDepartment = Unread, true
	case counting && p.has.any(core|of(not)):
		said.Verb, said.HowMany = Everyone, true
	case p.has.has(unread) && p.has.has(readers):
		said.Verb = WhoRead
	case unreadSaid:
		if p.has.has(self) && !p.has.any(asksWho|of(people, unread)) {
			return Command{}, false
		}
		said.Verb = Unread
	case p.has.has(neg) && p.has.any(reads): // who no read
		said.Verb = Unread
	case p.has.has(all) && !asking && p.has.any(reads):
		said.Verb = Everyone
	case p.has.has(remain):
		if !p.has.any(of(who, some, people)) && !p.only(nothing|aboutOne|of(remain, ask, aux)) {
			return Command{}, false
		}
		said.Verb = Unread
	case p.has.any(of(who, some, which, readers)):
		said.Verb = WhoRead
	case p.has.has(read) && p.only(nothing|aboutOne|of(read, ask, done)) && p.word(p.tokens[p.first(of(read))]) == "read":
		said.Verb = WhoRead
	case p.has.has(read) && p.asks():
		said.Verb = Person // those who are mentioned, if any
	default:
		return Command{}, false
	}
	return said, true
}

// coreRange is where the core of the question begins and ends: from who asks for people to
// the last word that says read, or unread.
func (p phrase) coreRange() (begin, end int) {
	end = p.last(core)
	if p.has.has(perDept) {
		end = max(end, p.first(of(perDept)))
	}
	if end < 0 {
		return -1, -1
	}
	begin = end
	for begin > 0 && (of(not, notRead, all, self, readers, unread, some, howMany, neg) | nothing).has(p.tokens[begin-1].slot) && p.tokens[begin-1].slot != atWord {
		begin--
	}
	for i := begin; i >= 0; i-- {
		if asksWho.has(p.tokens[i].slot) {
			begin = i
		}
	}
	return begin, end
}

// stranger takes the unknown words beside the core of a question for whom or what they are:
// before it for people, a department or a part of a title, within and behind it only where a
// word tells which.
func (p phrase) stranger(said Command, begin, end int) (Command, bool) {
	foreign := of(unknown, quoted, confirm, okay) | effects
	span := func(from, to int) (int, int) {
		first, last := -1, -1
		for i := from; i < to; i++ {
			if p.tokens[i].slot == unknown || p.tokens[i].slot == quoted {
				if first < 0 {
					first = i
				}
				last = i
			}
		}
		if first < 0 {
			return -1, -1
		}
		part := func(i int) bool {
			return (foreign | of(timing, read, not, sent, who)).has(p.tokens[i].slot) || p.tokens[i].slot == how && len(p.word(p.tokens[i])) <= len("会")
		}
		for first > from && part(first-1) && p.tokens[first-1].to == p.tokens[first].from {
			first--
		}
		for last+1 < to && part(last+1) && p.tokens[last+1].from == p.tokens[last].to && !of(not, who).has(p.tokens[last+1].slot) {
			last++
		}
		return first, last
	}
	taken := ""
	if first, last := span(0, begin); first >= 0 {
		taken = p.as(p.tokens[first].from, p.tokens[last].to)
		if p.tokens[first].slot == quoted {
			taken = unquoted(taken)
		}
		next := p.next(last, of(polite, loose, number))
		switch {
		case first > 0 && p.tokens[first-1].slot == inside, isDepartment(taken) && p.has.any(asksWho|of(unread)):
			said.Department = taken
		case p.tokens[first].slot == quoted, next < begin && of(msg, latest, this).has(p.tokens[next].slot), p.has.any(asksWho), p.has.has(unread), p.has.has(readers) && !p.asks():
			said.Topic = taken
		case p.has.has(all) && !p.asks():
			return said, false
		default:
			said = p.called(said, first, last)
			if len(said.People) == 0 {
				return said, false
			}
		}
	}
	for i := begin; i <= end; i++ {
		if p.tokens[i].slot != unknown {
			continue
		}
		word := p.as(p.tokens[i].from, p.tokens[i].to)
		switch {
		case p.tokens[i-1].slot == inside, isDepartment(word):
			said.Department, taken = word, word
		case i < p.first(of(not, notRead, unread)) && taken == "":
			taken = word
		default:
			return said, false
		}
	}
	if first, last := span(end+1, len(p.tokens)); first >= 0 {
		word := p.as(p.tokens[first].from, p.tokens[last].to)
		behind := p.next(last, of(polite, loose))
		switch {
		case taken != "":
			return said, false
		case p.tokens[first].slot == quoted:
			said.Topic = unquoted(word)
		case p.tokens[first-1].slot == inside, isDepartment(word):
			said.Department = word
		case behind < len(p.tokens) && of(msg, latest, this).has(p.tokens[behind].slot):
			said.Topic = word
		default:
			return said, false
		}
	}
	return said, true
}

// withNumberedPeople takes words for people with a number right behind them, such as 员工12, for
// names.
func (p phrase) withNumberedPeople() phrase {
	var tokens []token
	for i, t := range p.tokens {
		if n := len(tokens); n > 0 && tokens[n-1].slot == people && tokens[n-1].to == t.from && p.touches(i) && bareDigits(p.word(t)) {
			tokens[n-1].slot, tokens[n-1].to = unknown, t.to
			continue
		}
		tokens = append(tokens, t)
	}
	p.tokens, p.has = tokens, 0
	for _, t := range tokens {
		p.has |= 1 << t.slot
	}
	return p
}

// touches reports whether a number without a mark stands right behind a word that may be a name,
// or behind a space and bare: it may belong to the name.
func (p phrase) touches(i int) bool {
	if i < 1 || !of(unknown, people).has(p.tokens[i-1].slot) || !p.unmarked(i) {
		return false
	}
	gap := p.tokens[i].from - p.tokens[i-1].to
	return gap == 0 || gap == 1 && bareDigits(p.word(p.tokens[i]))
}

func bareDigits(word string) bool { return figures(word) == len(word) }

// unmarked reports whether a number is one that nothing before it tells to be of a message, as #
// and 公告 do.
func (p phrase) unmarked(i int) bool {
	if i > 0 && p.tokens[i-1].slot == msg {
		return false
	}
	first, _ := utf8.DecodeRuneInString(p.word(p.tokens[i]))
	return p.tokens[i].slot == number && (unicode.IsDigit(first) || strings.ContainsRune(numerals, first))
}

// called fills in the people whose names stand there, and which of the numbers is of the message.
// One within a name, or beside it where the message has another, is of the name; one that stands
// alone beside a name may be.
func (p phrase) called(said Command, first, last int) Command {
	from, to := p.tokens[first].from, p.tokens[last].to
	word, ofNames, within := lastWord(p.as(from, to)), 0, false
	said.People = names(word)
	var others []int
	for i, t := range p.tokens {
		switch {
		case t.slot != number:
		case first < i && i < last && !strings.HasPrefix(p.word(t), "#"):
			within = true
		case p.touches(i):
			ofNames++
		case !slices.Contains(others, t.number):
			others = append(others, t.number)
		}
	}
	if last+1 < len(p.tokens) && p.touches(last+1) {
		to = p.tokens[last+1].to
	}
	numbered := word + p.as(p.tokens[last].to, to)
	switch {
	case len(others) == 1 && (within || ofNames > 0):
		said.People, said.Number = names(numbered), others[0]
	case len(others) == 1 && first > 0 && p.unmarked(first-1) && p.tokens[first-1].to == from: // 3号张三
		said.Numbered = p.as(p.tokens[first-1].from, to)
	case len(others) > 0:
	case ofNames > 1:
		said.People, said.Number = names(p.as(from, to)), 0
	case within:
		said.People, said.Number = names(numbered), 0
	case ofNames == 1:
		said.Numbered = numbered
	}
	return said
}

// besidePeople is a word for people with a number that may make a name of it, such as 员工3号; empty
// if there is none.
func (p phrase) besidePeople() string {
	for i, t := range p.tokens {
		switch {
		case p.touches(i) && p.tokens[i-1].slot == people:
			return p.as(p.tokens[i-1].from, p.tokens[i-1].to) + p.as(t.from, t.to)
		case t.slot == people && i > 0 && p.unmarked(i-1) && p.tokens[i-1].to == t.from:
			return p.as(p.tokens[i-1].from, t.to)
		}
	}
	return ""
}

// person reports whether the question is about people: with a name, about who asks, or about
// those who are mentioned.
func (p phrase) person(said *Command) bool {
	if p.has.has(self) && p.asks() && !p.has.has(all) && !p.has.has(people) {
		said.Self = true
		return true
	}
	if len(said.People) > 0 {
		return p.asks()
	}
	if !p.asks() || p.has.has(all) {
		return false
	}
	said.Numbered = p.besidePeople()
	return said.Numbered != "" || p.has.has(atWord)
}

// asksConfirmed finds a question about who has confirmed: 谁没回.
func (p phrase) asksConfirmed() (Command, bool) {
	asks := p.has.any(of(who, some, howMany, which)) || p.has.has(not) && p.has.has(people)
	if !p.has.any(of(confirm, sure)) || !asks || !p.only(nothing|aboutOne|asksWho|of(confirm, sure, not, neg, done, ask, aux, people, day, all)) {
		return Command{}, false
	}
	said := p.one(Command{Verb: WhoRead, Confirmed: true})
	if n := p.first(of(not, neg)); n >= 0 && n < p.last(of(confirm, sure)) {
		said.Verb = Unread
	}
	return said, true
}

// isDepartment reports whether a name ends as those of departments do.
func isDepartment(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(departmentEnds, func(end string) bool {
		return strings.HasSuffix(name, end) && utf8.RuneCountInString(name) > utf8.RuneCountInString(end)
	})
}

// lastWord is what stands behind the last white space of a Chinese text: before it may be
// another name.
func lastWord(text string) string {
	if written(text) == Chinese {
		if fields := strings.Fields(text); len(fields) > 0 {
			return fields[len(fields)-1]
		}
	}
	return text
}

// unquoted is a text without the quotation marks around it.
func unquoted(text string) string { return strings.Trim(text, `"“”「」『』《》 `) }

// dayOf is the day on which the message was sent that is meant.
func (p phrase) dayOf() Day {
	word := p.word(p.tokens[p.first(of(day))])
	for _, d := range dayWords {
		for _, begins := range d.words {
			if strings.HasPrefix(word, begins) {
				return d.day
			}
		}
	}
	return ""
}
