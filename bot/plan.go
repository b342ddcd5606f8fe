package bot

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"whoread/bot/command/when"
	"whoread/receipts"
)

// plan tells how a message is followed up, from now on.
func (p page) plan(f receipts.FollowUp) string {
	if len(f.Every) == 0 {
		return fmt.Sprintf(p.OnlyAtEnd, p.next(f))
	}
	parts := []string{p.often(f.Plan), p.goal(f.Share)}
	if !f.Until.IsZero() {
		parts = append(parts, fmt.Sprintf(p.AtLatest, clock(f.Until, p.now, p.zone)))
	}
	return strings.Join(append(parts, fmt.Sprintf(p.NextRound, p.next(f))), p.Clause)
}

// next is when a follow-up goes on: after the quiet hours, if it is due in them.
func (p page) next(f receipts.FollowUp) string {
	return clock(p.quiet.End(f.Next), p.now, p.zone)
}

// often tells the pauses between the rounds.
func (p page) often(plan receipts.Plan) string {
	var pauses []string
	for _, every := range plan.Every {
		pauses = append(pauses, p.lasting(every))
	}
	last := len(pauses) - 1
	if last == 0 {
		return fmt.Sprintf(p.EachTime, pauses[0])
	}
	return fmt.Sprintf(p.FirstThen, strings.Join(pauses[:last], p.Comma), pauses[last])
}

// goal tells how many readers are enough.
func (p page) goal(share int) string {
	if share < 100 {
		return fmt.Sprintf(p.UntilShare, share)
	}
	return p.UntilAll
}

// lasting writes a duration in whole minutes.
func (p page) lasting(d time.Duration) string {
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

// ended says that a follow-up is over, and why.
func (p page) ended(f receipts.FollowUp, r receipts.Report) answer {
	m := r.Message
	why := p.Ends[f.Ended]
	switch f.Ended {
	case receipts.MessageOver, receipts.Unresolved:
		state := p.States[m.State]
		return answer{
			title: fmt.Sprintf("#%d %s", m.Number, state),
			text:  lines(p.heading(m)+" · "+state, why),
		}
	case receipts.EnoughRead:
		if f.Share < 100 {
			why = fmt.Sprintf(p.ShareReached, f.Share)
		}
	}
	a := p.report(r, false)
	a.text = lines(a.text, why)
	return a
}

// question asks about a time that could not be understood.
func (w *words) question(err error) string {
	unclear, ok := errors.AsType[*when.Unclear](err)
	if !ok {
		return w.Questions[when.NotUnderstood]
	}
	question := w.Questions[unclear.Why]
	if strings.Contains(question, "%s") {
		return fmt.Sprintf(question, escape(shorten(unclear.Said, nameRunes)))
	}
	return question
}
