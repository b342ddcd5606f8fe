package reply

import (
	"fmt"
	"slices"
	"strings"

	"whoread/receipts"
)

// standing is how many have read, and confirmed if that is asked for.
func (p Page) standing(r receipts.Report) string {
	if !r.Message.Confirm {
		return p.Progress(r)
	}
	return fmt.Sprintf(p.Confirm.Progress, len(r.Confirmed), p.Progress(r))
}

// Confirmations tells who has confirmed a message and who has not, with the names of those who
// have if they are asked for.
func (p Page) Confirmations(r receipts.Report, withNames bool) Answer {
	m := r.Message
	switch {
	case !m.State.Posted():
		return p.Report(r, false)
	case !m.Confirm:
		return Say(fmt.Sprintf(p.Confirm.NotAsked, m.Number))
	}
	a := p.answer(m, func(heading string) string { return p.leadConfirmed(r, heading) })
	if m.State != receipts.Sent {
		a.Text = Lines(a.Text, fmt.Sprintf(p.KnownBefore, p.standing(r)), p.StateExtra[m.State])
		return a
	}
	said := []string{a.Text, p.onlyRead(r)}
	switch others := silent(r); {
	case len(others) == 0:
	case r.Complete():
		said = append(said, p.list(p.UnreadNames, p.unread(r), p.AndMoreExported))
	default:
		said = append(said, p.list(p.Confirm.NotYet, persons(others), p.AndMoreExported))
	}
	if withNames {
		said = append(said, p.confirmed(r))
	}
	said = append(said, p.gaps(r.Asked())...)
	a.Text = Lines(append(said, p.footer(r), p.nextConfirmed(r))...)
	return a
}

// silent are who has neither confirmed the message nor is known to have read it.
func silent(r receipts.Report) []string {
	read := r.OnlyRead()
	return slices.DeleteFunc(slices.Clone(r.Unconfirmed), func(id string) bool { return slices.Contains(read, id) })
}

// leadConfirmed is the answer in one line of a message that asks to be confirmed.
func (p Page) leadConfirmed(r receipts.Report, heading string) string {
	switch missing, confirmed := len(r.Unconfirmed), len(r.Confirmed); {
	case r.Message.State != receipts.Sent:
		return p.inState(heading, r.Message.State)
	case r.AllConfirmed():
		return fmt.Sprintf(p.Confirm.All.of(confirmed), confirmed, heading)
	case missing > 0:
		return fmt.Sprintf(p.Confirm.HaveNot.of(missing), missing, heading)
	default:
		return fmt.Sprintf(p.Confirm.Known, confirmed, heading)
	}
}

// onlyRead names who has read a message and not confirmed it; empty if nobody is known to.
func (p Page) onlyRead(r receipts.Report) string {
	people := r.OnlyRead()
	if len(people) == 0 {
		return ""
	}
	return p.list(p.Confirm.OnlyRead, persons(people), p.AndMoreExported)
}

// confirmed names who has confirmed a message; empty if nobody has.
func (p Page) confirmed(r receipts.Report) string {
	if len(r.Confirmed) == 0 {
		return ""
	}
	people := make([]listed, len(r.Confirmed))
	for i, receipt := range r.Confirmed {
		people[i].userID = receipt.UserID
	}
	return p.list(p.Confirm.Names, people, p.AndMoreExported)
}

// nextConfirmed is how many have confirmed and read, and what can be done about the others.
func (p Page) nextConfirmed(r receipts.Report) string {
	if r.Message.State != receipts.Sent || r.AllConfirmed() {
		return ""
	}
	said := []string{fmt.Sprintf(p.Confirm.Line, len(r.Confirmed), p.Progress(r))}
	if !p.ByItself && len(r.Unconfirmed) > 0 {
		said = append(said, p.Confirm.SayRemind)
	}
	return strings.Join(said, p.Blank)
}

// confirmedOf is the sentence about somebody who has read a message that asks to be confirmed.
func (p Page) confirmedOf(person receipts.PersonReading, self string) string {
	switch you, confirmed := person.UserID == self, !person.Confirmed.IsZero(); {
	case you && confirmed:
		return p.Confirm.You
	case you:
		return p.Confirm.YouRead
	case confirmed:
		return p.Confirm.Person
	default:
		return p.Confirm.ReadOnly
	}
}

// sayWho is how to ask who has not done what a message asks for.
func (p Page) sayWho(m receipts.Message) string {
	if m.Confirm {
		return p.Confirm.SayWho
	}
	return p.SayUnread
}

// oneAsks reports whether one of these messages asks to be confirmed.
func oneAsks(reports []receipts.Report) bool {
	return slices.ContainsFunc(reports, func(r receipts.Report) bool { return r.Message.Confirm })
}
