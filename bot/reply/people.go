package reply

import (
	"cmp"
	"fmt"
	"strings"

	"whoread/receipts"
)

// People says whether some people have read a message, one line each. Self is the userId of
// who asks.
func (p Page) People(r receipts.PeopleReport, self string) Answer {
	number := r.Report.Message.Number
	if !r.Report.Message.State.Posted() {
		return p.Summary(r.Report)
	}
	called := map[string]int{}
	for _, person := range r.People {
		called[r.Names[person.UserID]]++
	}
	var said []string
	unsure := false
	for _, person := range r.People[:min(len(r.People), p.MaxNames)] {
		name := Escape(Shorten(r.Names[person.UserID], NameRunes))
		if name == "" || called[r.Names[person.UserID]] > 1 { // the name does not tell them apart
			name += "(" + Escape(person.UserID) + ")"
		}
		of, until := p.Person, p.ReadUntil
		if person.UserID == self {
			of, until = p.You, p.YouUntil
		}
		sentence := of[person.Reading]
		if person.Reading == receipts.HasRead && !person.Read.Exact {
			sentence = until
		}
		at := person.Read.At
		if r.Report.Message.Confirm && person.Reading == receipts.HasRead && person.UserID != r.Report.Message.Author.UserID {
			sentence = p.confirmedOf(person, self)
			if !person.Confirmed.IsZero() {
				at = person.Confirmed
			}
		}
		unsure = unsure || person.Reading == receipts.NotKnown
		said = append(said, fmt.Sprintf(sentence, name, number, p.hour(at)))
	}
	if hidden := len(r.People) - len(said); hidden > 0 {
		said = append(said, strings.TrimLeft(fmt.Sprintf(p.AndMore, hidden, len(r.People)), "、, "))
	}
	stranger := p.NobodyIs
	if r.Report.Source == receipts.Learned || r.Report.Source == "" {
		stranger = p.NotMet
	}
	for _, name := range r.Unknown[:min(len(r.Unknown), p.MaxNames)] {
		said = append(said, fmt.Sprintf(stranger, Escape(Shorten(name, NameRunes))))
	}
	if unsure && r.Report.Message.State == receipts.Sent {
		said = append(said, p.gaps(r.Report)...)
	}
	if len(r.People) == 0 {
		return Refuse(said...).About(number)
	}
	return Say(said...).About(number)
}

// Everybody says in one line whether all have read, or how many have not. Of a report that
// can't tell it is a summary.
func (p Page) Everybody(r receipts.Report, howMany bool) Answer {
	m := r.Message
	switch unread := len(r.Unread); {
	case r.AllRead():
		title := Escape(Shorten(cmp.Or(m.Title, p.Untitled), TitleRunes))
		return Say(fmt.Sprintf(p.AllHave, m.Number, title, r.Total)).About(m.Number)
	case m.State != receipts.Sent || !r.Complete() || unread == 0:
		return p.Summary(r).About(m.Number)
	case howMany:
		return Say(fmt.Sprintf(p.SoMany.of(unread), m.Number, unread, len(r.Read), r.Total)).About(m.Number)
	default:
		return Say(fmt.Sprintf(p.NotAll.of(unread), m.Number, unread, len(r.Read), r.Total)).About(m.Number)
	}
}
