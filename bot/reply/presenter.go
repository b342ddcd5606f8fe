package reply

import (
	"cmp"
	"fmt"
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
	// Language is spoken always, if there is one, and Default where nobody has told another.
	Language, Default command.Language
}

// Speaks returns the words of a language that somebody has told; empty if nobody has.
func (p Presenter) Speaks(told command.Language) *Words {
	return For(cmp.Or(p.Language, told, p.Default))
}

// Announcement implements receipts.Presenter.
func (Presenter) Announcement(a receipts.Announcement) receipts.Post { return Compose(a) }

// Page returns a page of that time about a group.
func (p Presenter) Page(language command.Language, group string, names receipts.Names) Page {
	return Page{Words: p.Speaks(language), Names: names, MaxNames: p.MaxNames, Now: p.Now(), Zone: p.Zone, Quiet: p.Quiet, Group: group}
}

// Reminder implements receipts.Presenter.
func (p Presenter) Reminder(by receipts.Channel, userIDs []string, v receipts.ReminderView) receipts.Post {
	page := p.Page(command.Language(v.Language), v.Message.Group, v.Names)
	page.ByItself = true
	text := Reminder{Words: page.Words, Message: v.Message, Asker: v.Asker}
	switch by {
	case receipts.InPrivate:
		return text.Private(v.Title)
	case receipts.Ding:
		return text.Plain(v.Title)
	}
	so := ""
	if v.Round != nil {
		so = page.soFar(*v.Round)
	}
	var below []string
	if v.SoFar != nil {
		below = page.Reached(*v.SoFar)
	}
	return text.Mention(userIDs, so, below...).Fit("", p.Fits)
}

// Round implements receipts.Presenter.
func (p Presenter) Round(v receipts.RoundView) receipts.Post {
	page := p.Page(command.Language(v.Language), v.Report.Message.Group, v.Names)
	page.ByItself = true
	var a Answer
	switch v.Act {
	case receipts.Finish:
		a = page.Ended(v.FollowUp, v.Report)
	case receipts.ReportFailure:
		a = page.Summary(v.Report)
		a.Text = Lines(a.Text, fmt.Sprintf(page.RoundFailed, v.Report.Message.Number, page.Next(v.FollowUp)))
	default:
		a = page.Report(v.Report, false)
		if v.Reminded != nil {
			a.Text = Lines(append([]string{a.Text}, page.Reached(*v.Reminded)...)...)
		}
	}
	return a.About(v.Report.Message.Number).Under(page.Words, v.Title).Fit("", p.Fits)
}

// soFar says how many have read, and until when they should have.
func (p Page) soFar(r receipts.Report) string {
	if r.FollowUp == nil || r.FollowUp.Until.IsZero() {
		return fmt.Sprintf(p.SoFar, p.Progress(r))
	}
	return fmt.Sprintf(p.SoFarUntil, p.Progress(r), p.Clock(r.FollowUp.Until))
}
