package reply

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"whoread/bot/command/when"
	"whoread/receipts"
)

// Plan tells how a message is followed up, from now on.
func (p Page) Plan(f receipts.FollowUp) string {
	if f.NoRound() {
		if f.Confirm {
			return fmt.Sprintf(p.Confirm.AtEnd, p.Next(f))
		}
		return fmt.Sprintf(p.OnlyAtEnd, p.Next(f))
	}
	parts := []string{p.often(f.Plan), p.goal(f.Plan)}
	if !f.Until.IsZero() {
		parts = append(parts, fmt.Sprintf(p.AtLatest, p.Clock(f.Until)))
	}
	return strings.Join(append(parts, fmt.Sprintf(p.NextRound, p.soon(f))), p.Clause)
}

// Following tells how a message is followed up from now on, and that it can't be for as long as
// was wanted; announced is whether it stands below what names the message.
func (p Page) Following(number int, f receipts.FollowUp, announced bool) string {
	cut := ""
	switch {
	case f.Cut && len(f.Every) > 0 && f.NoRound():
		cut = p.FollowCutFirst
	case f.Cut:
		cut = fmt.Sprintf(p.FollowCutShort, p.Clock(f.Until))
	}
	if announced {
		return Lines(fmt.Sprintf(p.FollowingIt, p.Plan(f), number), cut)
	}
	return Lines(fmt.Sprintf(p.Words.Following, number, p.Plan(f), number), cut)
}

// Next is when a follow-up goes on: after the quiet hours, if it is due in them.
func (p Page) Next(f receipts.FollowUp) string {
	return p.Clock(p.Quiet.End(f.Next))
}

// soon is Next, without the day where that is today.
func (p Page) soon(f receipts.FollowUp) string {
	next := p.Quiet.End(f.Next)
	if !p.ByItself && next.In(p.Zone).Format(time.DateOnly) == p.Now.In(p.Zone).Format(time.DateOnly) {
		return p.hour(next)
	}
	return p.Clock(next)
}

// often tells the pauses between the rounds.
func (p Page) often(plan receipts.Plan) string {
	var pauses []string
	for _, every := range plan.Every {
		pauses = append(pauses, p.lasting(every))
	}
	last, each, first := len(pauses)-1, p.EachTime, p.FirstThen
	if plan.Confirm {
		each, first = p.Confirm.Remind, p.Confirm.FirstThen
	}
	if last == 0 {
		return fmt.Sprintf(each, pauses[0])
	}
	return fmt.Sprintf(first, strings.Join(pauses[:last], p.Comma), pauses[last])
}

// goal tells how many readers are enough.
func (p Page) goal(plan receipts.Plan) string {
	all, share := p.UntilAll, p.UntilShare
	if plan.Confirm {
		all, share = p.Confirm.Until, p.Confirm.UntilShare
	}
	if plan.Share < 100 {
		return fmt.Sprintf(share, plan.Share)
	}
	return all
}

// lasting writes a duration in whole minutes.
func (p Page) lasting(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	var parts []string
	for _, unit := range []struct {
		minutes int
		format  string
	}{{24 * 60, p.Days}, {60, p.Hours}, {1, p.Minutes}} {
		if n := minutes / unit.minutes; n > 0 {
			parts = append(parts, fmt.Sprintf(unit.format, n))
		}
		minutes %= unit.minutes
	}
	return strings.Join(parts, " ")
}

// Ended says that a follow-up is over, and why.
func (p Page) Ended(f receipts.FollowUp, r receipts.Report) Answer {
	m := r.Message
	why := p.Ends[f.Ended]
	switch f.Ended {
	case receipts.MessageOver, receipts.Unresolved:
		a := p.answer(m, func(heading string) string { return p.inState(heading, m.State) })
		a.Text = Lines(a.Text, why)
		return a
	case receipts.EnoughRead:
		if f.Share < 100 {
			why = fmt.Sprintf(p.ShareReached, f.Share)
		}
	}
	a := p.Report(r, false)
	a.Text = Lines(a.Text, why)
	return a
}

// Question asks about a time that could not be understood.
func (w *Words) Question(err error) string {
	unclear, ok := errors.AsType[*when.Unclear](err)
	if !ok {
		return w.Questions[when.NotUnderstood]
	}
	question := w.Questions[unclear.Why]
	if own := w.Later.Questions[unclear.Why]; unclear.Posting && own != "" {
		question = own
	}
	if strings.Contains(question, "%s") {
		return fmt.Sprintf(question, Escape(Shorten(unclear.Said, NameRunes)))
	}
	return question
}
