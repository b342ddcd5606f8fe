package reply

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
)

// Planned says when an announcement will be posted, with notes below.
func (p Page) Planned(m receipts.Message, notes string) Answer {
	said := fmt.Sprintf(p.Later.Once, m.Number, p.at(m.Due))
	if m.Again != 0 {
		said = fmt.Sprintf(p.Later.Series, p.recurring(m), p.at(m.Due), m.Number)
	}
	due := ""
	if !m.Deadline.IsZero() {
		due = fmt.Sprintf(p.Later.Due, p.Clock(m.Deadline))
	}
	return Say(said, due, notes).About(m.Number)
}

// at is a time within a sentence.
func (p Page) at(t time.Time) string { return strings.TrimSpace(p.Clock(t)) }

// recurring tells the days and the time of day of a series.
func (p Page) recurring(m receipts.Message) string {
	var days string
	switch all := m.Again.All(); {
	case len(all) == len(p.Later.Weekdays):
		days = p.Later.EveryDay
	case m.Again == receipts.WeekdaysOf(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday):
		days = p.Later.Workdays
	default:
		names := make([]string, len(all))
		for i, day := range all {
			names[i] = p.Later.Weekdays[day]
		}
		days = fmt.Sprintf(p.Later.Weekly, strings.Join(names, p.Later.And))
	}
	return fmt.Sprintf(p.Later.Recurring, days, m.Due.In(p.Zone).Format("15:04"))
}

// planned says in a few words when a message will be posted that waits for its time.
func (p Page) planned(m receipts.Message) string {
	said := fmt.Sprintf(p.Later.InList, p.at(m.Due))
	if m.Again != 0 {
		said += " · " + p.recurring(m)
	}
	return said
}

// CalledOff says what came of a Cancel, given its error.
func (p Page) CalledOff(off receipts.CalledOffMessage, err error) (Answer, bool) {
	number := off.Message.Number
	if errors.Is(err, receipts.ErrWrongState) {
		return Refuse(fmt.Sprintf(p.Later.NotWaiting[off.Message.State], number)).About(number), true
	}
	if err != nil {
		refused, ok := p.Refused(err)
		return refused.About(number), ok
	}
	return Say(fmt.Sprintf(p.Later.CalledOff, number), p.nextOne(off.Next)).About(number), true
}

// Stopped says what came of a Stop.
func (p Page) Stopped(stopped receipts.StoppedMessage) Answer {
	sentence := p.StoppedIt
	if stopped.Series {
		sentence = p.Later.SeriesEnded
	}
	return Say(fmt.Sprintf(sentence, stopped.Number), p.nextOne(stopped.Next)).About(stopped.Number)
}

// nextOne says when the next one of a series comes; nothing if there is none.
func (p Page) nextOne(m *receipts.Message) string {
	if m == nil {
		return ""
	}
	return fmt.Sprintf(p.Later.NextOne, p.at(m.Due), m.Number)
}

// Later implements receipts.Presenter.
func (p Presenter) Later(v receipts.LaterView) receipts.Post {
	page := p.Page(command.Language(v.Language), v.Message.Group, nil)
	page.ByItself = true
	m := v.Message
	a := page.answer(m, func(heading string) string {
		switch m.State {
		case receipts.Scheduled:
			return fmt.Sprintf(page.Later.Late, heading, page.Clock(m.Due), m.Number)
		case receipts.Failed:
			return fmt.Sprintf(page.Later.NotSent, heading, page.Reason(m.Reason))
		case receipts.Uncertain:
			return fmt.Sprintf(page.Later.Perhaps, heading, page.Reason(m.Reason))
		}
		return fmt.Sprintf(page.Unrecorded, m.Number)
	})
	switch {
	case v.Mentions:
		a.Text = "@" + m.Author.UserID + " " + a.Text
	case m.Author.Name != "":
		a.Text = fmt.Sprintf(page.Later.To, Escape(Shorten(m.Author.Name, NameRunes)), a.Text)
	}
	return a.About(m.Number).Fit("", p.Fits)
}
