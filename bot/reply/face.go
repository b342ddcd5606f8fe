package reply

import (
	"fmt"
	"strings"
	"unicode"

	"whoread/receipts"
)

// Begins reports whether a text begins as the bot's answers about #number do, and not only as
// somebody may write who speaks of it. A quotation shows white space and markdown's marks of
// an answer, or does not.
func Begins(text string, number int) bool {
	text, hash := outline(text), fmt.Sprintf("#%d", number)
	for _, w := range []*Words{&chinese, &english} {
		for _, face := range w.faces(hash) {
			if strings.HasPrefix(text, outline(face)) {
				return true
			}
		}
	}
	return false
}

// faces are how answers about a message begin, up to where its title does. The numbers of
// people in them stand for any.
func (w *Words) faces(hash string) []string {
	const until = "\x00"
	opening, _, _ := strings.Cut(strings.ReplaceAll(w.Named, "%s", until), until)
	heading := strings.ReplaceAll(opening, "#%d", hash) + until
	all := []string{
		fmt.Sprintf(w.HaveNotRead.One, 0, heading), fmt.Sprintf(w.HaveNotRead.More, 0, heading),
		fmt.Sprintf(w.HaveRead.One, 0, heading), fmt.Sprintf(w.HaveRead.More, 0, heading),
		fmt.Sprintf(w.AllRead.One, 0, heading), fmt.Sprintf(w.AllRead.More, 0, heading),
		fmt.Sprintf(w.KnownRead, 0, heading), fmt.Sprintf(w.RatioRead, 0, 0, heading), fmt.Sprintf(w.AtLeastRead, 0, 0, heading),
		fmt.Sprintf(w.ReallyRecall, heading),
	}
	for state := range w.States {
		all = append(all, w.inState(heading, state))
	}
	for _, sentence := range []string{
		w.Announced, w.AnnouncedBlind, w.AnnouncedLearned, w.AnnouncedKnown, w.NotAnnounced, w.Unrecorded, w.Following, w.NotFollowed, w.StoppedIt,
		w.Recalled, w.NotRecalled, w.Exported, w.NobodyReminded, w.NobodyToRemind, w.OnlyYou, w.ReadMeanwhile,
	} {
		before, after, _ := strings.Cut(sentence, "#%d")
		next, _, _ := strings.Cut(after, "%")
		all = append(all, before+hash+next)
	}
	for i, face := range all {
		all[i], _, _ = strings.Cut(face, until)
	}
	return all
}

// outline is a text without white space and marks, and with one 0 for each number that is
// no message's.
func outline(text string) string {
	var b strings.Builder
	var last rune
	ofMessage := false
	for _, r := range text {
		if unicode.IsSpace(r) || strings.ContainsRune("\\`*_", r) {
			ofMessage = false
			last = ' '
			continue
		}
		digit := r >= '0' && r <= '9'
		if !digit {
			ofMessage = r == '#'
		}
		switch {
		case digit && !ofMessage && last == '0': // of the same number
		case digit && !ofMessage:
			b.WriteByte('0')
			last = '0'
		default:
			b.WriteRune(r)
			last = r
		}
	}
	return b.String()
}

// inState says what became of a message.
func (w *Words) inState(heading string, state receipts.State) string {
	return fmt.Sprintf(w.IsInState, heading, w.States[state])
}
