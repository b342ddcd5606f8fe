package reply

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"whoread/receipts"
)

// Reminded answers a command that reminds.
func (p Page) Reminded(done receipts.Reminded, cooldown time.Duration) Answer {
	r, nobody, meanwhile, unsure := done.Report, p.NobodyToRemind, p.ReadMeanwhile, p.NobodyReminded
	if r.Message.Confirm {
		r, nobody, meanwhile, unsure = r.Asked(), p.Confirm.Nobody, p.Confirm.Meanwhile, p.Confirm.Unknown
	}
	switch {
	case r.Message.State != receipts.Sent:
		a := p.Summary(done.Report)
		a.Text = Lines(a.Text, p.NobodyWas)
		return a
	case !r.Complete():
		return Fail(append([]string{fmt.Sprintf(unsure, r.Message.Number)}, p.gaps(r)...)...)
	case done.OnlyAsker:
		return Say(fmt.Sprintf(p.OnlyYou, r.Message.Number))
	case len(r.Unread) == 0 && !r.AllRead(): // all who are known
		return p.Summary(done.Report)
	case len(r.Unread) == 0:
		return Say(fmt.Sprintf(nobody, r.Message.Number))
	case done.Earlier != nil:
		return Refuse(p.earlier(r.Message.Number, *done.Earlier, cooldown))
	case done.Halt.State != "":
		return Say(append([]string{p.halted(done)}, p.notReached(done)...)...)
	case len(done.Read) > 0 && len(done.Reached) == 0 && len(p.notReached(done)) == 0:
		return Say(fmt.Sprintf(meanwhile, r.Message.Number))
	}
	said := append([]string{p.Heading(r.Message)}, p.Reached(done)...)
	if done.Err != nil {
		return Fail(said...)
	}
	return Say(said...)
}

// earlier says who was reminded when, and when it can be done again.
func (p Page) earlier(number int, e receipts.Reminder, cooldown time.Duration) string {
	by := p.FollowUpItself
	if e.Who.Name != "" {
		by = Escape(Shorten(e.Who.Name, NameRunes))
	}
	people := e.UserIDs()
	return fmt.Sprintf(p.RemindedEarlier.of(len(people)), number, by, p.hour(e.At), len(people), p.enumerate(persons(people), p.AndMore), p.hour(e.At.Add(cooldown)))
}

// Reached are the sentences about who was reminded other than by a mention, and who
// was not.
func (p Page) Reached(done receipts.Reminded) []string {
	var said []string
	for _, by := range []receipts.Channel{receipts.InPrivate, receipts.Ding} {
		if n := len(done.Reached[by]); n > 0 {
			said = append(said, fmt.Sprintf(p.RemindedBy[by], n))
		}
	}
	return append(said, p.notReached(done)...)
}

// halted says what came between, and how many were reminded before.
func (p Page) halted(done receipts.Reminded) string {
	why := fmt.Sprintf(p.Halted[done.Halt.State], done.Report.Message.Number)
	before := 0
	for _, userIDs := range done.Reached {
		before += len(userIDs)
	}
	if before == 0 {
		return fmt.Sprintf(p.HaltedFirst, why)
	}
	return fmt.Sprintf(p.HaltedAfter, why, before)
}

// notReached are the sentences about who was not reminded, or not certainly.
func (p Page) notReached(done receipts.Reminded) []string {
	var said []string
	for _, part := range []struct {
		format  string
		userIDs []string
	}{
		{p.CantRemind, done.Missed.Unknown},
		{p.Flooded, done.Missed.Flooded},
		{p.RemindedMaybe, done.Uncertain},
		{p.NotReminded, done.Failed},
	} {
		if len(part.userIDs) > 0 {
			said = append(said, p.list(part.format, persons(part.userIDs), p.AndMore))
		}
	}
	if done.Err != nil {
		said = append(said, p.whyNot(done.Err))
	}
	return said
}

// NobodyMentioned says why none of the people whom a command mentions is reminded: they have
// read the message, or it is not for them.
func (p Page) NobodyMentioned(m receipts.Message, read, others []string) Answer {
	number, they := m.Number, p.TheyHaveRead
	if m.Confirm {
		they = p.Confirm.They
	}
	var said []string
	if len(read) > 0 {
		said = append(said, fmt.Sprintf(they, p.enumerate(persons(read), p.AndMore), number))
	}
	if len(others) > 0 {
		said = append(said, fmt.Sprintf(p.NotForThem, p.enumerate(persons(others), p.AndMore), number))
	}
	return Say(said...)
}

// persons are listed without anything after their names.
func persons(userIDs []string) []listed {
	all := make([]listed, len(userIDs))
	for i, id := range userIDs {
		all[i].userID = id
	}
	return all
}

// whyNot is the sentence about why people could not be reminded.
func (p Page) whyNot(err error) string {
	if failure, ok := errors.AsType[*receipts.Failure](err); ok {
		return strings.TrimSpace(p.Reason(failure.Reason))
	}
	return p.Problem(err)
}
