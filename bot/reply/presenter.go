package reply

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
)

// Presenter makes posts of what the domain does. It implements receipts.Presenter.
type Presenter struct {
	MaxNames int // of people in one list
	Zone     *time.Location
	Quiet    receipts.QuietHours
	Now      func() time.Time
	Fits     func(receipts.Post) error // see receipts.Sender
	Unsigned bool                      // announcements do not say which they are, and whose
	// Language is spoken always, if there is one, and Default where nobody has told another.
	Language, Default command.Language
}

// Speaks returns the words of a language that somebody has told; empty if nobody has.
func (p Presenter) Speaks(told command.Language) *Words {
	return For(cmp.Or(p.Language, told, p.Default))
}

// Announcement implements receipts.Presenter.
func (p Presenter) Announcement(a receipts.Announcement) receipts.Post {
	post := Compose(a)
	if line := p.signature(a); line != "" {
		post.Text += "\n\n" + line // a list or a quotation in the text ends above it
	}
	return post
}

// signature is the last line of an announcement: which it is, whose, until when it is to be
// read, and how to confirm it. It stays in the group, and has the date.
func (p Presenter) signature(a receipts.Announcement) string {
	page := p.Page(command.Language(a.Language), a.Group, nil)
	var parts []string
	if !p.Unsigned {
		parts = append(parts, fmt.Sprintf("#%d", a.Number))
		if name := Escape(Shorten(a.Author.Name, NameRunes)); name != "" {
			parts = append(parts, name)
		}
	}
	if !a.Deadline.IsZero() {
		parts = append(parts, page.by(a.Deadline))
	}
	if a.Confirm {
		parts = append(parts, page.Confirm.Ask)
	}
	return strings.Join(parts, " · ")
}

// by is a deadline with its date and its day of the week.
func (p Page) by(deadline time.Time) string {
	t, layout := deadline.In(p.Zone), p.Dates.Day
	if t.Year() != p.Now.In(p.Zone).Year() {
		layout = p.Dates.OtherDay
	}
	return fmt.Sprintf(p.ReadByDay, t.Format(layout), p.Later.Weekdays[t.Weekday()], t.Format("15:04"))
}

// Page returns a page of that time about a group.
func (p Presenter) Page(language command.Language, group string, names receipts.Names) Page {
	return Page{Words: p.Speaks(language), Names: names, MaxNames: p.MaxNames, Now: p.Now(), Zone: p.Zone, Quiet: p.Quiet, Group: group}
}

// Reminder implements receipts.Presenter.
func (p Presenter) Reminder(by receipts.Channel, userIDs []string, v receipts.ReminderView) receipts.Post {
	page := p.Page(command.Language(v.Language), v.Message.Group, v.Names)
	page.ByItself = true
	text := Reminder{Page: page, Message: v.Message, Asker: v.Asker, Deadline: v.Deadline}
	switch by {
	case receipts.InPrivate:
		return text.Private(v.Title)
	case receipts.Ding:
		return text.Plain(v.Title)
	}
	so := text.due()
	if v.Round != nil {
		so = page.soFar(*v.Round, page.SoFar, page.SoFarUntil)
	}
	var below []string
	if v.SoFar != nil {
		below = page.Reached(*v.SoFar)
	}
	return text.Mention(userIDs, so, below...).Fit("", p.Fits)
}

// Together implements receipts.Presenter.
func (p Presenter) Together(by receipts.Channel, parts []receipts.ReminderPart, v receipts.TogetherView) receipts.Post {
	page := p.Page(command.Language(v.Language), v.Group, v.Names)
	page.ByItself = true
	if by == receipts.Mention {
		var said []string
		for _, part := range parts {
			said = append(said, mentions(part.UserIDs)+page.lookAtAll(part.Reports))
		}
		said = append(said, page.Reached(v.SoFar)...)
		return Answer{Title: page.allOf(parts[0].Reports), Text: Lines(said...)}.Fit("", p.Fits)
	}
	several := parts[0].Reports
	if len(several) == 1 {
		alone := Reminder{Page: page, Message: several[0].Message, Deadline: several[0].Deadline()}
		if by == receipts.Ding {
			return alone.Plain(v.Title)
		}
		return alone.Private(v.Title)
	}
	if by == receipts.Ding {
		return receipts.Post{Text: page.nudgeAll(several, Harmless(Shorten(v.Title, TitleRunes)), Harmless)}
	}
	return receipts.Post{Title: page.allOf(several), Text: page.nudgeAll(several, Escape(Shorten(v.Title, TitleRunes)), Escape)}
}

// lookAtAll is what mentioned people read of several messages, or of one.
func (p Page) lookAtAll(reports []receipts.Report) string {
	if len(reports) == 1 {
		return Reminder{Page: p, Message: reports[0].Message}.look() + p.soFar(reports[0], p.SoFar, p.SoFarUntil)
	}
	return fmt.Sprintf(p.toLookAtAll(reports), len(reports), p.itemised(reports, func(r receipts.Report) string {
		return p.Heading(r.Message) + p.soFar(r, p.ItemSoFar, p.ItemSoFarUntil)
	}))
}

// toLookAtAll is how people are asked to look at several messages.
func (p Page) toLookAtAll(reports []receipts.Report) string {
	if oneAsks(reports) {
		return p.Confirm.LookAtAll
	}
	return p.LookAtAll
}

// allOf is the notification of several messages.
func (p Page) allOf(reports []receipts.Report) string {
	return Shorten(plain(fmt.Sprintf(p.toLookAtAll(reports), len(reports), p.itemised(reports, func(r receipts.Report) string { return p.Heading(r.Message) }))), maxNotification)
}

// nudgeAll is what somebody reads in private of several messages.
func (p Page) nudgeAll(reports []receipts.Report, group string, write func(string) string) string {
	titles := p.itemised(reports, func(r receipts.Report) string {
		return p.heading(r.Message, write) + p.until(p.ItemDue, r.Deadline())
	})
	nudge, open := p.NudgeAll, p.open(len(reports), group)
	if oneAsks(reports) {
		nudge, open = p.Confirm.NudgeAll, p.Confirm.OpenAll
	}
	return fmt.Sprintf(nudge, p.where(group), len(reports), titles, open)
}

func (p Page) itemised(reports []receipts.Report, item func(receipts.Report) string) string {
	items := make([]string, len(reports))
	for i, r := range reports {
		items[i] = item(r)
	}
	return strings.Join(items, p.Comma)
}

// Rounds implements receipts.Presenter.
func (p Presenter) Rounds(all []receipts.RoundView) receipts.Post {
	texts, reports := make([]string, len(all)), make([]receipts.Report, len(all))
	for i, v := range all {
		texts[i], reports[i] = p.round(v).Text, v.Report
	}
	w := p.Speaks(command.Language(all[0].Language))
	title := w.SeveralUnread
	if oneAsks(reports) {
		title = w.Confirm.Several
	}
	return Answer{Title: fmt.Sprintf(title, len(all)), Text: strings.Join(texts, "\n\n")}.Fit("", p.Fits)
}

// Round implements receipts.Presenter.
func (p Presenter) Round(v receipts.RoundView) receipts.Post {
	return p.round(v).About(v.Report.Message.Number).Under(p.Speaks(command.Language(v.Language)), v.Title).Fit("", p.Fits)
}

func (p Presenter) round(v receipts.RoundView) Answer {
	page := p.Page(command.Language(v.Language), v.Report.Message.Group, v.Names)
	page.ByItself = true
	var a Answer
	switch v.Act {
	case receipts.Finish:
		a = page.Ended(v.FollowUp, v.Report)
	case receipts.ReportFailure:
		a = page.Summary(v.Report)
		a.Text = Lines(a.Text, page.until(page.Later.Due, v.Report.Deadline()), fmt.Sprintf(page.RoundFailed, v.Report.Message.Number, page.Next(v.FollowUp)))
	default:
		a = page.Report(v.Report, false)
		a.Text = Lines(a.Text, page.until(page.Later.Due, v.Report.Deadline()))
		if v.Reminded != nil {
			a.Text = Lines(append([]string{a.Text}, page.Reached(*v.Reminded)...)...)
		}
	}
	return a
}

// soFar says how many have read, and until when they should have, if they should.
func (p Page) soFar(r receipts.Report, so, until string) string {
	if r.Deadline().IsZero() {
		return fmt.Sprintf(so, p.standing(r))
	}
	return fmt.Sprintf(until, p.standing(r), p.Clock(r.Deadline()))
}

// until says something of a deadline; nothing if there is none.
func (p Page) until(format string, deadline time.Time) string {
	if deadline.IsZero() {
		return ""
	}
	return fmt.Sprintf(format, p.Clock(deadline))
}
