package command

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"whoread/receipts"
)

// Sets of slots that the rules speak of.
var (
	ways      = of(mention, direct, ding)
	effects   = of(publish, tellAll, remind, remindMe, follow, stop, cancel, recall, skip, export, chart, mention, direct, ding)
	asksWho   = of(who, which, what, some, howMany)
	reads     = of(read, readers, whether)
	core      = of(read, notRead, readers, unread, remain, whether)
	questions = of(ask, how, whether)

	courtesy  = of(polite, thanks, punct)
	aboutOne  = of(number, latest, this, msg) // which message is meant
	unreadOne = of(people, them, not, read, notRead, unread)
	nothing   = of(polite, loose, punct, thanks, atWord)
)

// explained are the slots that explain a word beside a verb that has an effect. A word of any
// other is a reason to do nothing: a question, a negation, the past, and what is not known.
var explained = map[Verb]set{
	Remind: courtesy | aboutOne | unreadOne | ways | of(remind, sent, all, done, quoted),
	Follow: courtesy | aboutOne | unreadOne | ways | of(remind, follow, keep, every, timing, until, number, day, and, all),
	Stop:   courtesy | aboutOne | unreadOne | of(stop, cancel, remind, follow, neg, done, some, all, mention, ba),
	Cancel: courtesy | aboutOne | of(cancel, ba, done),
	Recall: courtesy | aboutOne | of(recall, ba, done, oops, sent),
	Skip:   courtesy | aboutOne | of(skip, neg, remind, done, until, day, timing, and, unknown),
	Export: courtesy | aboutOne | unreadOne | of(export, readers, list, loose, ask, sent, ba, self, perDept, quoted),
	Chart:  courtesy | aboutOne | of(chart, readers, loose, ask, sent, read, quoted),
}

// phrase is a line and what its words stand for.
type phrase struct {
	line
	tokens   []token
	has      set
	language Language
}

func newPhrase(text string) phrase {
	p := phrase{line: newLine(text)}
	p.tokens = split(p.line)
	for _, t := range p.tokens {
		p.has |= 1 << t.slot
	}
	for _, but := range []set{nothing | of(unknown, quoted, number, people), nothing | of(unknown, quoted), of(atWord, quoted)} {
		if p.language = p.spoken(but); p.language != "" {
			break
		}
	}
	return p
}

// spoken is the language of the words but for those.
func (p phrase) spoken(but set) (l Language) {
	for _, t := range p.tokens {
		if but.has(t.slot) {
			continue
		}
		switch written(p.word(t)) {
		case Chinese:
			return Chinese
		case English:
			l = English
		}
	}
	return l
}

// understand reads a text that is no announcement and in which no names are mentioned, but as
// @words.
func understand(text string) Command {
	p := newPhrase(text)
	for _, rule := range []func(phrase) (Command, bool){
		phrase.wantsHelp, phrase.courteous, phrase.wantsReminder, phrase.asksHow, phrase.acts, phrase.asksUsage, phrase.asksReads, phrase.asksList, phrase.asksWhether,
	} {
		if said, ok := rule(p); ok {
			said.Language = p.language
			return said
		}
	}
	said := Command{Verb: Unknown, Language: p.language}
	said.Nearest, said.Second = p.doubt()
	return said
}

// only reports whether all words stand for these.
func (p phrase) only(allowed set) bool { return p.has&^allowed == 0 }

// word is a token as the tables write it.
func (p phrase) word(t token) string { return p.text[t.from:t.to] }

// first is where the first token of these stands; -1 if there is none.
func (p phrase) first(wanted set) int {
	return slices.IndexFunc(p.tokens, func(t token) bool { return wanted.has(t.slot) })
}

// last is where the last token of these stands; -1 if there is none.
func (p phrase) last(wanted set) int {
	for i, t := range slices.Backward(p.tokens) {
		if wanted.has(t.slot) {
			return i
		}
	}
	return -1
}

// next is where the next token stands, behind i, that is none of these.
func (p phrase) next(i int, passed set) int {
	for i++; i < len(p.tokens) && passed.has(p.tokens[i].slot); i++ {
	}
	return i
}

// numbered is the number that was said. More than one are a reason to do nothing.
func (p phrase) numbered() (n int, one bool) {
	for _, t := range p.tokens {
		if t.slot == number {
			if n != 0 && n != t.number {
				return 0, false
			}
			n = t.number
		}
	}
	return n, true
}

// one fills in which message is meant.
func (p phrase) one(said Command) Command {
	said.Number, _ = p.numbered()
	switch {
	case p.has.has(quoted) && said.Verb != "":
		said.Topic = unquoted(p.as(p.tokens[p.first(of(quoted))].from, p.tokens[p.first(of(quoted))].to))
	case p.has.has(day):
		said.Day = p.dayOf()
	case p.has.has(latest):
		said.Latest = true
	}
	return said
}

// unreadPeople reports whether the words say those who have not read.
func (p phrase) unreadPeople() bool {
	if p.has.any(of(unread, notRead)) {
		return true
	}
	not, read := p.first(of(not)), p.last(of(read))
	return not >= 0 && read > not
}

// wantsHelp finds a word for help at the beginning, whatever with, or anywhere, unless the
// rest is a question of its own.
func (p phrase) wantsHelp() (Command, bool) {
	first := p.next(-1, nothing)
	switch {
	case first < len(p.tokens) && p.tokens[first].slot == help:
	case p.has.has(help) && !p.has.any(core) && !p.has.has(who):
	default:
		return Command{}, false
	}
	return Command{Verb: Help, About: p.about()}, true
}

// courteous finds what wants no answer: that one has got it, and thanks.
func (p phrase) courteous() (Command, bool) {
	statement := courtesy | aboutOne | of(confirm, sure, okay, self, done, atWord, all, loose)
	switch {
	case len(p.tokens) == 1 && p.word(p.tokens[0]) == "1":
		return Command{Verb: Confirm}, true
	case p.only(statement) && p.has.any(of(confirm, sure)) && !p.requests():
		n, _ := p.numbered()
		return Command{Verb: Confirm, Number: n, Yes: p.has.has(sure) && p.only(courtesy|of(sure))}, true
	case p.only(statement|of(read, readers, aux)) && p.has.any(reads) && (p.has.any(of(self, done)) || p.endsRead()) && !p.asks() && !p.has.has(all):
		n, _ := p.numbered()
		return Command{Verb: Confirm, Number: n}, true
	case p.has.has(thanks) && p.spokenAbout() && p.only(nothing|of(okay, remind, done)): // 谢谢提醒
		return Command{Verb: Ignored}, true
	case p.has.any(of(okay, thanks)) && p.only(nothing|of(okay, all, people, done, this, self, latest, msg)):
		return Command{Verb: Ignored}, true
	case p.has.any(of(okay, thanks, confirm)) && len(p.text) <= maxCourtesy && p.only(statement|of(unknown, people, day, timing)):
		if first := p.tokens[0]; first.slot == confirm && len(p.tokens) > 1 && p.tokens[1].slot == punct {
			return Command{Verb: Confirm}, true
		} else if first.slot == okay || first.slot == thanks || p.tokens[len(p.tokens)-1].slot == thanks {
			return Command{Verb: Ignored}, true
		}
	}
	return Command{}, false
}

// requests reports whether others are asked for something: 收到请回复.
func (p phrase) requests() bool {
	return slices.ContainsFunc(p.tokens, func(t token) bool {
		return t.slot == polite && slices.Contains([]string{"请", "请问", "麻烦", "please", "pls", "plz", "kindly"}, p.word(t))
	})
}

// maxCourtesy is longer than what is said beside thanks, in bytes.
const maxCourtesy = 40

// endsRead reports whether a word says by itself that it was read, such as 看过.
func (p phrase) endsRead() bool {
	i := p.last(of(read))
	return i >= 0 && strings.HasSuffix(p.word(p.tokens[i]), "过") || p.has.has(read) && p.has.has(self)
}

// asks reports whether the words are a question.
func (p phrase) asks() bool {
	if p.has.any(questions) {
		return true
	}
	aux, self := p.first(of(aux)), p.first(of(self))
	if p.language == English && p.first(of(not)) == p.next(-1, nothing) { // hasn't Bob read it
		return true
	}
	return aux >= 0 && (self < 0 || aux < self) || p.finalNot() >= 0
}

// finalNot is where 没 stands that makes a question of what is before it: 看了没.
func (p phrase) finalNot() int {
	i := p.last(of(not))
	if i < 0 || p.next(i, nothing|aboutOne|of(all, done)) < len(p.tokens) || p.first(reads|of(confirm)) > i || p.first(reads|of(confirm)) < 0 {
		return -1
	}
	return i
}

// wantsReminder finds who wants to be reminded of something: nobody does that.
func (p phrase) wantsReminder() (Command, bool) {
	if p.has.has(remindMe) {
		return Command{Verb: Unknown, Personal: true}, true
	}
	return Command{}, false
}

// about is the verb that has an effect and of which the words are.
func (p phrase) about() Verb {
	for _, v := range verbSlots {
		if p.has.has(v.slot) {
			return v.verb
		}
	}
	return None
}

// verbSlots are the verbs of the slots, the decisive ones first.
var verbSlots = []struct {
	slot slot
	verb Verb
}{
	{cancel, Cancel}, {stop, Stop}, {recall, Recall}, {export, Export}, {chart, Chart}, {follow, Follow}, {remind, Remind}, {skip, Skip}, {publish, Announce}, {tellAll, Announce},
}

// asksHow finds the question of how to do something, or whether one can.
func (p phrase) asksHow() (Command, bool) {
	verb := p.about()
	if verb == None && p.has.has(msg) && (p.has.has(sent) || p.only(nothing|of(msg, how, ask))) {
		verb = Announce
	}
	if verb == None || !p.has.has(how) || p.has.has(who) || p.has.has(neg) {
		return Command{}, false
	}
	return Command{Verb: Help, About: verb}, true
}

// acts finds what has an effect: every word of it is explained.
func (p phrase) acts() (Command, bool) {
	n, one := p.numbered()
	verb := p.effect()
	if verb == None || !one || p.has.has(badNumber) || p.spokenAbout() || p.weak() {
		return Command{}, false
	}
	if verb != Skip && verb != Export && !p.peopleUnread() {
		return Command{}, false
	}
	said := p.one(Command{Verb: verb, Number: n})
	switch verb {
	case Skip:
		return p.skips(said)
	case Follow:
		return p.follows(said)
	}
	if !p.only(explained[verb]|of(day)) || !p.undone() {
		return Command{}, false
	}
	switch verb {
	case Remind:
		return p.reminds(said)
	case Recall, Cancel:
		return said, true
	case Stop:
		return p.stops(said)
	case Export, Chart:
		return said, true
	}
	return said, true
}

// spokenAbout reports whether a verb that has an effect is only spoken about: 撤回的那条,
// 没提醒没看的人, 谢谢提醒, the recall.
func (p phrase) spokenAbout() bool {
	for i, t := range p.tokens {
		if !effects.has(t.slot) {
			continue
		}
		if i+1 < len(p.tokens) && p.tokens[i+1].to == t.to+len("的") && p.word(p.tokens[i+1]) == "的" && !ways.has(t.slot) {
			return true
		}
		if i > 0 && article(p.word(p.tokens[i-1])) && of(recall, follow, cancel).has(t.slot) {
			return true
		}
	}
	return p.denied() || p.thanked() || !p.tellsWhich()
}

// thanked reports whether one is thanked for what is said: 谢谢提醒.
func (p phrase) thanked() bool {
	i := p.next(-1, of(polite, loose))
	return i+1 < len(p.tokens) && p.tokens[i].slot == thanks && p.tokens[i+1].slot != punct && !strings.HasPrefix(p.word(p.tokens[i]), "辛苦")
}

// denied reports whether a 没 stands before anything but to read: it was not done.
func (p phrase) denied() bool {
	for i, t := range p.tokens {
		if t.slot != not {
			continue
		}
		if next := p.next(i, of(loose, done)); next == len(p.tokens) || p.tokens[next].slot != read {
			return true
		}
	}
	return false
}

// weak reports whether the verb alone may be anything: ping, off. Something must be said that
// it is about.
func (p phrase) weak() bool {
	if p.has.any(of(number, latest, this, msg, day, them, unread, read, notRead, people, every, neg)) {
		return false
	}
	verbs := 0
	for _, t := range p.tokens {
		if effects.has(t.slot) && !slices.Contains(weakWords, p.word(t)) {
			return false
		}
		if effects.has(t.slot) {
			verbs++
		}
	}
	return verbs == 1
}

// weakWords are verbs that are also said to somebody else, or about something else.
var weakWords = []string{
	"停", "删", "删除", "删掉", "盯", "盯着", "圈", "结束", "关闭", "关掉", "收回", "撤", "撤下", "下载", "排除", "豁免",
	"ping", "chase", "poke", "prod", "nag", "track", "off", "end", "quit", "pause", "halt", "disable", "delete", "remove", "download", "trend", "diagram", "send a reminder to", "tag", "except",
}

// justNow are words for the latest message that before a verb only tell when.
var justNow = []string{"刚才", "刚刚", "刚", "最近", "just now", "recently"}

func article(word string) bool { return slices.Contains([]string{"the", "a", "an"}, word) }

// tellsWhich reports whether every day, and just now, is that of a message, such as 昨天那条, or
// until when something is to be done. Else it is when that was done, or shall be.
func (p phrase) tellsWhich() bool {
	until := p.first(of(until))
	for i, t := range p.tokens {
		if t.slot != day && !slices.Contains(justNow, p.word(t)) || until >= 0 && until < i {
			continue
		}
		next := p.next(i, of(polite))
		if next == len(p.tokens) || !of(this, msg, sent, latest).has(p.tokens[next].slot) || p.tokens[next].slot == sent && slices.Contains([]string{"发", "发个", "发一下", "发下", "send"}, p.word(p.tokens[next])) {
			return false
		}
	}
	return true
}

// undone reports whether the words that tell the past only round off an order: 把它撤了, 别催了.
func (p phrase) undone() bool {
	for i, t := range p.tokens {
		if t.slot == done && (p.word(t) != "了" || i == 0 || !p.has.any(of(neg, ba)) ||
			!effects.has(p.tokens[i-1].slot) && !(aboutOne|of(them)).has(p.tokens[i-1].slot)) {
			return false
		}
	}
	return true
}

// effect is the verb that has an effect and that the words say.
func (p phrase) effect() Verb {
	reminding := p.has.any(of(remind, follow))
	switch {
	case p.has.has(neg):
		if !reminding || p.has.any(of(stop, cancel, recall, export, chart, publish)) {
			return None
		}
		verb := p.next(p.first(of(neg)), nothing)
		if slices.Contains(denials, p.word(p.tokens[p.first(of(neg))])) {
			return None
		}
		if verb == len(p.tokens) || !of(remind, follow).has(p.tokens[verb].slot) {
			return None
		}
		if p.tokens[verb].slot == remind && p.next(verb, nothing|of(done)) < len(p.tokens) && p.tokens[p.next(verb, nothing&^of(atWord)|of(done))].slot == unknown {
			return Skip
		}
		return Stop
	case p.has.has(cancel) && reminding, p.has.has(stop):
		return Stop
	case p.has.has(cancel):
		return Cancel
	case p.has.has(skip):
		return Skip
	case p.has.has(recall):
		return Recall
	case p.has.has(export):
		return Export
	case p.has.has(chart):
		return Chart
	case p.has.has(follow), p.has.has(remind) && p.has.any(of(every, keep)):
		return Follow
	case p.has.has(remind):
		return Remind
	case p.has.any(ways) && (p.unreadPeople() || p.has.has(them)) && p.remindsByWay():
		return Remind
	}
	return None
}

// denials say that something is not so, and order nothing.
var denials = []string{
	"并非", "不是", "从不", "不能", "不该", "不想", "不得", "拒绝", "少", "休",
	"cannot", "cant", "wont", "nothing", "none", "neither", "nor", "refuse", "avoid", "instead of", "stop it", "nobody else", "shouldnt", "should not",
}

// places are the words for ways to remind that also say where something is: alone they remind
// nobody.
var places = []string{"群里", "在群里", "in the group chat", "in the group", "at", "direct", "private", "privately", "in private", "private chat"}

// remindsByWay reports whether a way stands as the verb: DING一下没看的人, 给没看的人发DING.
func (p phrase) remindsByWay() bool {
	way := p.first(ways)
	if slices.Contains(places, p.word(p.tokens[way])) && !p.has.has(sent) {
		return false
	}
	return p.has.has(sent) || slices.Contains(toward, p.word(p.tokens[0])) || p.next(-1, nothing|of(number)) == way
}

// way is how to remind. More than one way are a reason to do nothing.
func (p phrase) way() (by receipts.Channel, one bool) {
	for _, t := range p.tokens {
		said := channelOf[t.slot]
		if said == "" {
			continue
		}
		if by != "" && by != said {
			if !slices.Contains(places, p.word(t)) || t.slot != mention {
				return "", false
			}
			continue
		}
		by = said
	}
	return by, true
}

var channelOf = map[slot]receipts.Channel{mention: receipts.Mention, direct: receipts.InPrivate, ding: receipts.Ding}

// reminds checks whom to remind: those who have not read, and nobody else.
func (p phrase) reminds(said Command) (Command, bool) {
	by, one := p.way()
	said.By = by
	if !one || p.has.has(done) || !p.onlyUnread() || p.noun() && !p.has.any(ways|of(sent)) {
		return Command{}, false
	}
	return said, true
}

// noun reports whether reminders are spoken of, and not to remind.
func (p phrase) noun() bool {
	i := p.first(of(remind))
	return i >= 0 && slices.Contains([]string{"reminder", "reminders"}, p.word(p.tokens[i]))
}

// onlyUnread reports whether the people in the words, if any, are those who have not read.
func (p phrase) onlyUnread() bool {
	switch {
	case p.unreadPeople():
		return !p.has.has(done)
	case p.has.any(of(read, readers, not, all)):
		return false
	}
	return true
}

// toward stand before those to whom something is done.
var toward = []string{"给", "对", "向", "把", "将", "to", "send"}

// peopleUnread reports whether all people that are spoken of are said to have not read: 没看的同事,
// those who haven't read. Others may be who is told to do something.
func (p phrase) peopleUnread() bool {
	for i, t := range p.tokens {
		if t.slot == them && i < p.first(effects) && (i == 0 || !slices.Contains(toward, p.word(p.tokens[i-1]))) {
			return false
		}
		if t.slot != people || i > p.first(effects) && p.has.any(of(stop, cancel, neg)) { // all the same whom to remind no more
			continue
		}
		before := i - 1
		for before >= 0 && (aboutOne | of(polite, people, day)).has(p.tokens[before].slot) {
			before--
		}
		next := p.next(i, of(people, loose))
		saidBefore := before >= 0 && of(read, notRead, unread, them).has(p.tokens[before].slot)
		saidBehind := next < len(p.tokens) && of(not, notRead, unread).has(p.tokens[next].slot)
		if !saidBefore && !saidBehind {
			return false
		}
	}
	return true
}

// stops checks what to stop.
func (p phrase) stops(said Command) (Command, bool) {
	bare := !p.has.any(of(remind, follow))
	if bare && p.has.any(unreadOne|of(all, some, done)) {
		return Command{}, false
	}
	if p.has.has(day) || bare && p.has.has(msg) && !p.has.any(of(number, latest, this)) || p.has.has(mention) && bare {
		return Command{}, false
	}
	return said, true
}

// skips finds whom not to remind, and until when: 不用提醒张三 到周五.
func (p phrase) skips(said Command) (Command, bool) {
	verb := p.last(of(remind, skip))
	if !p.only(explained[Skip]) || verb < 0 || p.first(of(unknown)) < verb {
		return Command{}, false
	}
	end := p.first(of(until))
	if end < 0 {
		end = len(p.tokens)
	}
	last := verb
	for i := verb + 1; i < end; i++ {
		if of(unknown, and).has(p.tokens[i].slot) {
			last = i
		}
	}
	if end < len(p.tokens) && (p.first(of(until)) < last || end+1 == len(p.tokens)) {
		return Command{}, false
	}
	from := p.next(verb, nothing|of(done))
	if from > last {
		return Command{}, false
	}
	said.People, said.Day = names(p.as(p.tokens[from].from, p.tokens[last].to)), ""
	if end < len(p.tokens) {
		said.Rest = normal(p.as(p.tokens[end].to, len(p.text)))
	}
	return said, len(said.People) > 0
}

// follows finds how to follow up. What cannot be read behind a number is left to others, who
// ask.
func (p phrase) follows(said Command) (Command, bool) {
	by, one := p.way()
	verb := p.next(-1, courtesy)
	leads := verb < len(p.tokens) && p.tokens[verb].slot == follow
	left := leads && verb+1 < len(p.tokens) && p.tokens[verb+1].slot == number && !p.explainsFollowing()
	switch {
	case !one, p.has.any(questions|of(neg, badNumber, oops, ba)) && !left, p.has.any(of(ask, how, neg)):
		return Command{}, false
	case !left && !p.explainsFollowing():
		return Command{}, false
	}
	said.By, said.Number, said.Latest, said.Day = by, 0, false, ""
	var b strings.Builder
	from := 0
	if leads {
		from = p.tokens[verb].to
	}
	kept, wasUntil := of(every, timing, number, unknown, day, and, quoted), -1
	for i := 0; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if leads && i <= verb {
			continue
		}
		switch {
		case t.slot == until:
			if end := p.untilAllRead(i); end > i {
				from, i = p.tokens[end].to, end
				continue
			}
			wasUntil = i
		case t.slot == number:
			b.WriteString(p.keeping(from, t.from))
			from = t.to
			if strings.Trim(p.word(t), "0123456789") == "" {
				b.WriteString(p.keeping(t.from, t.to))
			} else {
				b.WriteString("#" + strconv.Itoa(t.number))
			}
			continue
		case left || kept.has(t.slot) || t.slot == punct && wasUntil < 0:
		default:
			from = t.to
			continue
		}
		b.WriteString(p.keeping(from, t.to))
		from = t.to
	}
	said.Rest = strings.TrimRight(b.String(), endings)
	return said, true
}

// explainsFollowing reports whether every word tells how to follow up.
func (p phrase) explainsFollowing() bool {
	for i := 0; i < len(p.tokens); i++ {
		if !explained[Follow].has(p.tokens[i].slot) {
			return false
		}
		if p.tokens[i].slot == until {
			i = p.untilAllRead(i)
		}
	}
	return true
}

// untilAllRead is where "until everybody has read it" ends that begins at i; i if it is not
// said, and so meant anyway.
func (p phrase) untilAllRead(i int) int {
	end := i
	for j := i + 1; j < len(p.tokens); j++ {
		switch s := p.tokens[j].slot; {
		case of(all, aux, read, done, this, people, not, unread, until, readers, some).has(s):
			end = j
		case nothing.has(s):
		default:
			return end
		}
	}
	return end
}

func (p phrase) asksUsage() (Command, bool) {
	if !p.has.has(usage) || !p.only(nothing|of(usage, howMany, remain, ask, what, how, done, day, self, aux, this, msg, latest, all, number)) {
		return Command{}, false
	}
	n, _ := p.numbered()
	return Command{Verb: Usage, Number: n}, true
}

func (p phrase) asksList() (Command, bool) {
	allowed := nothing | of(list, msg, which, what, all, latest, day, sent, this, people, ask, done, aux, how, self, number, howMany)
	if !p.only(allowed) {
		return Command{}, false
	}
	if p.has.has(list) || p.has.has(msg) && (p.has.any(of(which, what, howMany)) || !p.has.any(of(ask, how, sent, done)) && p.has.any(of(all, latest, day)) || p.plural()) {
		n, _ := p.numbered()
		return Command{Verb: List, Number: n}, true
	}
	return Command{}, false
}

// plural reports whether the messages are spoken of as several, or as the past ones.
func (p phrase) plural() bool {
	i := p.first(of(msg))
	return i >= 0 && slices.Contains([]string{"历史公告", "以前的公告", "公告记录", "announcements", "messages"}, p.word(p.tokens[i]))
}

// asksWhether finds a question about what was done: it does nothing.
func (p phrase) asksWhether() (Command, bool) {
	verb := p.about()
	if verb == None && p.has.has(msg) && p.only(nothing|of(msg, ask)) {
		verb = Announce
	}
	if verb == None || !p.has.any(of(ask, aux, what)) || p.has.any(of(neg, unknown)) && !p.has.has(ask) {
		return Command{}, false
	}
	return Command{Verb: Help, About: verb}, true
}

// names splits names that are joined by and.
func names(text string) []string {
	var all []string
	for _, name := range strings.FieldsFunc(andWords.Replace(text), func(r rune) bool { return strings.ContainsRune("、，,&＆/", r) }) {
		if name = strings.TrimFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }); name != "" && !slices.Contains(noNames, strings.ToLower(name)) {
			all = append(all, name)
		}
	}
	return all
}

var andWords = strings.NewReplacer(" and ", ",", " or ", ",", "和", ",", "跟", ",", "与", ",", "及", ",")
