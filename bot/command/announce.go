package command

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// announcement reads an announcement: the word for it at the beginning, where nothing but
// politeness may stand before it, and apart from what follows. A question about
// announcements is none.
func announcement(text string) (Command, bool) {
	first, _, several := strings.Cut(text, "\n")
	l := newLine(first)
	head, end := announces(l)
	if head == "" {
		return Command{}, false
	}
	begin, behind := l.at[end-len(head)], first[l.ends(end):]
	seen := strings.TrimLeftFunc(behind, mark) // what is invisible does not keep words apart
	separate := apart
	switch {
	case slices.Contains(toEverybody(), head):
		if newPhrase(behind).only(courtesy|of(loose, done)) || asked(behind) {
			return Command{}, false
		}
		separate = nil
	case len([]rune(head)) > 2 && written(head) == Chinese || strings.Contains(head, " "):
		separate = separated
	}
	if strings.ContainsFunc(first[begin:l.ends(end)], mark) || separate != nil && seen != "" && strings.IndexFunc(seen, separate) != 0 {
		return Command{}, false
	}
	if said := newLine(strings.TrimLeftFunc(behind, separated)).text; begun(said+" ", saysAbout) != "" {
		return Command{}, false
	}
	said := announced(written(head), text[len(first)-len(behind):], separate)
	said.TitleIsCommand = !several && said.Title != "" && IsCommand(said.Title)
	return said, true
}

// announces finds the word that announces, and where it ends.
func announces(l line) (word string, end int) {
	s := scanner{line: l, words: lexical()}
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		if r, _ := utf8.DecodeRuneInString(rest); latinWord(r) && s.named(rest, wordEnd(rest)) { // such as announcement 3
			return "", 0
		}
		if before := s; before.word(rest) && before.tokens[len(before.tokens)-1].slot == list { // announcement list
			return "", 0
		}
		for _, word := range heads() {
			if strings.HasPrefix(rest, word) && (written(word) == Chinese || len(rest) == len(word) || wordEnd(rest[len(word)-1:]) == 1) {
				return word, s.pos + len(word)
			}
		}
		before := len(s.tokens)
		s.next()
		if len(s.tokens) > before && !of(polite, punct, thanks).has(s.tokens[before].slot) || len(s.tokens) == 1 && s.tokens[0].slot == punct {
			return "", 0
		}
		if n := len(s.tokens); n > 0 && s.tokens[n-1].slot == punct && strings.TrimRight(s.text[s.tokens[n-1].from:s.tokens[n-1].to], ",") != "" {
			return "", 0
		}
	}
	return "", 0
}

// separated reports what may stand behind words that announce and can be nothing else.
func separated(r rune) bool { return apart(r) || strings.ContainsRune(",，。;；、-—!！", r) }

// asked reports whether a text asks something at its end.
func asked(text string) bool {
	text = normal(text)
	return strings.HasSuffix(text, "吗") || strings.HasSuffix(text, "没") || strings.HasSuffix(text, "没有")
}

// IsCommand reports whether a title is something that one says to the bot: a command, a
// number, a confirmation, or nothing but courtesy.
func IsCommand(title string) bool {
	if said, ok := announcement(title); ok {
		return said.Title == "" || said.TitleIsCommand || IsCommand(said.Title) || announcesTwice(said.Title)
	}
	said, strange := parse(title), newPhrase(title).has.has(unknown)
	switch said.Verb {
	case Unknown:
		p := newPhrase(title)
		if p.language == English && !p.only(of(loose, punct)) && p.only(nothing&^of(atWord)|of(this, latest)) { // post it
			return true
		}
		return said.Personal || p.has.any(effects|of(number)) && p.only(nothing&^of(atWord)|aboutOne|effects|of(ask, how, who, what))
	case None: // words that say nothing by themselves, such as a greeting
		return said.Number > 0
	case Ignored:
		return !faceOnly(said)
	case Person, Unread, WhoRead:
		return true
	case Everyone: // 大家看 asks nothing
		return said.HowMany || newPhrase(title).asks()
	}
	return !strange
}

func announcesTwice(title string) bool { _, ok := announcement(title); return ok }

// apart reports what may stand between the word that announces and the title.
func apart(r rune) bool { return blank(r) || r == ':' || r == '：' }

// announced splits what follows the word into title and text. A single line is
// both.
func announced(l Language, rest string, separate func(rune) bool) Command {
	if separate == nil {
		separate = separated
	}
	line, _, _ := strings.Cut(rest, "\n")
	opening := strings.TrimFunc(line, separate) != ""
	title, text, _ := strings.Cut(strings.TrimLeftFunc(rest, separate), "\n")
	title, text = strings.TrimSpace(title), strings.Trim(text, "\r\n")
	if strings.TrimSpace(text) == "" {
		text = title
	}
	return Command{Verb: Announce, Language: l, Title: title, Text: text, Opening: opening && title != ""}
}
