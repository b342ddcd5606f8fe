package reply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"whoread/receipts"
)

// Outcome is what came of a command. Its values are labels of metrics.
type Outcome string

// The outcomes that an answer can have.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused" // the answer says why not: the sender may not, or what was said can't be done
	Failed  Outcome = "failed"  // the answer says that DingTalk did not do it, or perhaps not
)

// Answer is what the bot says: text in markdown, and the title that the
// notification on a phone shows.
type Answer struct {
	Title string
	Text  string
	// Delivered tells that this is only about an answer that the sender has by now.
	Delivered bool
	Outcome   Outcome // of the command; empty: Done
	Number    int     // of the message that it is about; 0 for none
}

// About makes it an answer about the message of that number.
func (a Answer) About(number int) Answer {
	a.Number = number
	return a
}

// maxNotification is how many characters of an answer a phone shows at most.
const maxNotification = 60

// Say makes an answer of plain sentences; the first line is the notification.
func Say(sentences ...string) Answer {
	text := Lines(sentences...)
	title, _, _ := strings.Cut(text, "\n")
	return Answer{Title: Shorten(plain(strings.TrimSpace(title)), maxNotification), Text: text}
}

// Refuse says why a command is not carried out.
func Refuse(sentences ...string) Answer {
	a := Say(sentences...)
	a.Outcome = Refused
	return a
}

// Fail says what DingTalk did not do, or perhaps not.
func Fail(sentences ...string) Answer {
	a := Say(sentences...)
	a.Outcome = Failed
	return a
}

// Under names the group that the answer is about, for who reads it elsewhere; an
// unknown title names nothing.
func (a Answer) Under(w *Words, title string) Answer {
	if title != "" {
		a.Text = Lines(fmt.Sprintf(w.InGroup, Escape(Shorten(title, TitleRunes))), a.Text)
	}
	return a
}

// Post is the answer as it is said.
func (a Answer) Post() receipts.Post {
	return receipts.Post{Title: a.Title, Text: a.Text, About: a.Number}
}

// Fit is the post of the answer with a note, if there is one, below the text, which it
// cuts until the post fits.
func (a Answer) Fit(note string, fits func(receipts.Post) error) receipts.Post {
	for {
		whole := a
		whole.Text = Lines(a.Text, note)
		if p := whole.Post(); fits(p) == nil || a.Text == "" {
			return p
		}
		a.Text = strings.ToValidUTF8(a.Text[:len(a.Text)*9/10], "")
	}
}

// Bounds of what is shown of names and titles.
const (
	NameRunes  = 24
	TitleRunes = 60
	// headingRunes bounds the title in an answer, of which a phone shows the first line.
	headingRunes = 20
	// listBytes bounds one list of names, so that two of them fit into a reply.
	listBytes = 5_500
)

// Page renders reports in one language.
type Page struct {
	*Words
	Names    receipts.Names
	MaxNames int
	Now      time.Time
	Zone     *time.Location
	Quiet    receipts.QuietHours
	Group    string
	// ByItself reports that nobody asked for it, and that it may be read on another day: then
	// it bears dates and suggests nothing.
	ByItself bool
	// AdminName is what an administrator is called whom who asks may ask; empty if none is known.
	AdminName string
	// Configures reports that an administrator asks how to configure the bot.
	Configures bool
}

// Heading is #n and the title, in markdown.
func (p Page) Heading(m receipts.Message) string { return p.heading(m, Escape) }

func (p Page) heading(m receipts.Message, write func(string) string) string {
	title := write(Shorten(m.Title, headingRunes))
	if title == "" {
		title = p.Untitled
	}
	return fmt.Sprintf(p.Named, m.Number, title)
}

// Progress is how many have read: exactly, or at least so many.
func (p Page) Progress(r receipts.Report) string {
	switch {
	case r.Total == 0:
		return fmt.Sprintf(p.ReadBy, len(r.Read))
	case !r.Complete():
		return fmt.Sprintf(p.ReadOfLeast, len(r.Read), r.Total)
	default:
		return fmt.Sprintf(p.ReadOf, len(r.Read), r.Total)
	}
}

// answer begins an answer with its first line, which a phone shows too: format makes it of
// the heading.
func (p Page) answer(m receipts.Message, line func(heading string) string) Answer {
	text := line(p.Heading(m))
	return Answer{Title: plain(text), Text: text}
}

// Report renders a whole report, with the readers or only the unread.
func (p Page) Report(r receipts.Report, withReaders bool) Answer {
	m := r.Message
	a := p.answer(m, func(heading string) string { return p.lead(r, heading, withReaders) })
	if m.State == receipts.Scheduled {
		a.Text = Lines(a.Text, fmt.Sprintf(p.Later.WillBe, p.at(m.Due)))
		return a
	}
	if !m.State.Posted() {
		a.Text = Lines(a.Text, p.StateExtra[m.State], p.why(m))
		return a
	}
	said := []string{a.Text}
	if m.State != receipts.Sent {
		said = append(said, fmt.Sprintf(p.KnownBefore, p.standing(r)))
	}
	switch unread := persons(r.Unread); {
	case len(unread) == 0:
	case withReaders:
		said = append(said, p.list(p.UnreadNames, p.unread(r), p.AndMoreExported))
	default:
		said = append(said, p.enumerate(p.unread(r), p.AndMoreExported))
	}
	if m.Confirm {
		said = append(said, p.onlyRead(r))
	}
	switch {
	case !withReaders || len(r.Read) == 0:
	case m.Confirm && len(r.Confirmed)+len(r.Unconfirmed) > 0:
		said = append(said, p.confirmed(r))
	default:
		said = append(said, p.list(p.Readers, readers(r), p.AndMoreExported), p.span(r))
	}
	said = append(said, p.StateExtra[m.State])
	if m.State == receipts.Sent {
		said = append(said, p.gaps(r)...)
	}
	said = append(said, p.footer(r), p.next(r, withReaders))
	a.Text = Lines(said...)
	return a
}

// lead is the answer in one line.
func (p Page) lead(r receipts.Report, heading string, withReaders bool) string {
	read, unread := len(r.Read), len(r.Unread)
	switch {
	case r.Message.State != receipts.Sent:
		return p.inState(heading, r.Message.State)
	case r.AllConfirmed():
		return p.leadConfirmed(r, heading)
	case r.Total == 0:
		return fmt.Sprintf(p.HaveRead.of(read), read, heading)
	case !r.Complete():
		return fmt.Sprintf(p.AtLeastRead, read, r.Total, heading)
	case r.AllRead() && r.Message.Confirm:
		return p.leadConfirmed(r, heading)
	case r.AllRead():
		return fmt.Sprintf(p.AllRead.of(read), read, heading)
	case read == r.Total:
		return fmt.Sprintf(p.KnownRead, read, heading)
	case withReaders || unread == 0: // a report without names
		return fmt.Sprintf(p.RatioRead, read, r.Total, heading)
	default:
		return fmt.Sprintf(p.HaveNotRead.of(unread), unread, heading)
	}
}

// next is how many have read, where the first line does not say so, and what can be done
// about the others.
func (p Page) next(r receipts.Report, withReaders bool) string {
	if r.Message.Confirm {
		return p.nextConfirmed(r)
	}
	if len(r.Unread) == 0 || r.Message.State != receipts.Sent {
		return ""
	}
	var said []string
	if !withReaders {
		said = append(said, fmt.Sprintf(p.RatioLine, len(r.Read), r.Total))
	}
	if !p.ByItself {
		said = append(said, p.SayRemind)
	}
	return strings.Join(said, p.Blank)
}

// why is the reason of a message that failed. That of one which is uncertain helps nobody: trying
// again is just what is not to be done.
func (p Page) why(m receipts.Message) string {
	if m.Reason == "" || m.State == receipts.Uncertain {
		return ""
	}
	return p.Reason(m.Reason)
}

// Gap is the sentence about what a report lacks. Where nobody can list the
// group's members, who configures needs to know which group it is.
func (p Page) Gap(g receipts.Gap) string {
	kind := receipts.ReasonOf(g.Err)
	unasked := errors.Is(g.Err, receipts.ErrBudgetSpent) // another source might tell
	if !errors.Is(g.Err, receipts.ErrNoMemberList) || unasked || kind == receipts.PermissionDenied || kind == receipts.CoolAppNeeded {
		return p.Problem(g.Err)
	}
	if p.Configures {
		return p.told(p.NoMemberList, fmt.Sprintf(p.RosterRemedy, Escape(p.Group)))
	}
	return p.told(p.NoMemberList, p.AskUsage)
}

// Lack says how a learned audience can be completed. It is empty if there is nothing to do.
func (p Page) Lack(why error) string {
	switch {
	case why == nil:
		return ""
	case errors.Is(why, receipts.ErrBudgetSpent):
		return p.Problem(why)
	}
	return p.AskUsage
}

// Summary is a report without names.
func (p Page) Summary(r receipts.Report) Answer {
	r.Unread = nil
	return p.Report(r, false)
}

// listed is somebody in a list of names, and what stands after the name.
type listed struct{ userID, after string }

// readers lists who has read.
func readers(r receipts.Report) []listed {
	all := make([]listed, len(r.Read))
	for i, receipt := range r.Read {
		all[i].userID = receipt.UserID
	}
	return all
}

// span is when the first and the last one read whom it was new to, where DingTalk pushed the
// times of all.
func (p Page) span(r receipts.Report) string {
	others := slices.DeleteFunc(slices.Clone(r.Read), func(receipt receipts.Receipt) bool { return receipt.UserID == r.Message.Author.UserID })
	if len(others) == 0 || slices.ContainsFunc(others, func(receipt receipts.Receipt) bool { return !receipt.Exact }) {
		return ""
	}
	return fmt.Sprintf(p.ReadBetween, p.Clock(others[0].At), p.Clock(others[len(others)-1].At))
}

// oftenReminded is how many reminders are worth a word behind a name.
const oftenReminded = 3

// unread lists who has not read, and how often they were reminded, if that was often.
func (p Page) unread(r receipts.Report) []listed {
	all := persons(r.Unread)
	for i, person := range all {
		if times := r.Reminders[person.userID]; times >= oftenReminded {
			all[i].after = fmt.Sprintf(p.RemindedTimes, times)
		}
	}
	return all
}

// gaps are the sentences about what a report lacks.
func (p Page) gaps(r receipts.Report) []string {
	var sentences []string
	for i, gap := range r.Gaps {
		unasked := func(cause error) bool { return i > 0 && errors.Is(gap.Err, cause) && errors.Is(r.Gaps[i-1].Err, cause) }
		if unasked(receipts.ErrBudgetSpent) || unasked(receipts.ErrLimited) {
			continue // nothing was asked; it is said once
		}
		sentences = append(sentences, strings.TrimSpace(fmt.Sprintf(p.Gaps[gap.Part], p.Gap(gap))))
	}
	return sentences
}

// list renders names into the format, and counts those that are not shown: too
// many, or nobody knows what they are called.
func (p Page) list(format string, people []listed, more string) string {
	return fmt.Sprintf(format, len(people), p.enumerate(people, more))
}

func (p Page) enumerate(people []listed, more string) string {
	var b strings.Builder
	shown := 0
	for _, person := range people {
		if shown == p.MaxNames {
			break
		}
		name := Escape(Shorten(p.Names[person.userID], NameRunes))
		if name == "" {
			continue
		}
		if b.Len()+len(name) > listBytes {
			break
		}
		name += person.after
		if shown > 0 {
			b.WriteString(p.Comma)
		}
		b.WriteString(name)
		shown++
	}
	switch rest := len(people) - shown; {
	case shown == 0:
		b.WriteString(p.Nameless)
	case rest > 0:
		fmt.Fprintf(&b, more, rest, len(people))
	}
	return b.String()
}

// footer tells what is unusual about a report: when it is from, and who is not in it.
func (p Page) footer(r receipts.Report) string {
	var parts []string
	if !r.AsOf.IsZero() && (r.Message.State != receipts.Sent || p.Now.Sub(r.AsOf) >= time.Minute) {
		parts = append(parts, fmt.Sprintf(p.Known, p.Clock(r.AsOf)))
	}
	if r.Joined > 0 {
		parts = append(parts, fmt.Sprintf(p.Joined, r.Joined))
	}
	if r.Left > 0 {
		parts = append(parts, fmt.Sprintf(p.Left, r.Left))
	}
	if r.Outsiders > 0 {
		parts = append(parts, fmt.Sprintf(p.Outsiders.of(r.Outsiders), r.Outsiders))
	}
	if !r.Counted.IsZero() && r.Counted.Sub(r.Message.SentAt).Abs() > countedApart {
		parts = append(parts, fmt.Sprintf(p.CountedAt, p.Clock(r.Counted)))
	}
	if r.Source == receipts.Learned || r.Present == receipts.Learned {
		parts = append(parts, p.Sources[receipts.Learned])
	}
	return strings.Join(parts, " · ")
}

// countedApart is how long before or after its sending the audience of a message may
// be counted without saying so.
const countedApart = 15 * time.Minute

// Overview renders the last messages of a group. DingTalk was not asked for it:
// more people may have read since, unless all had.
func (p Page) Overview(reports []receipts.Report) Answer {
	if len(reports) == 0 {
		return Say(p.ListNothing)
	}
	title := fmt.Sprintf(p.ListTitle, len(reports))
	said := []string{"**" + title + "**"}
	for _, r := range reports {
		m := r.Message
		title := Escape(Shorten(m.Title, headingRunes))
		if title == "" {
			title = p.Untitled
		}
		parts := []string{fmt.Sprintf("#%d %s", m.Number, title)}
		switch {
		case m.State == receipts.Scheduled && m.Due.After(p.Now):
			parts = append(parts, p.planned(m))
		case m.State != receipts.Sent:
			parts = append(parts, p.States[m.State])
		case r.AsOf.IsZero() && !r.ReadByOthers() && !r.AllRead() && r.Total > 0: // the ratio would say more than is known
			parts = append(parts, fmt.Sprintf(p.ForPeople, r.Total))
		case r.AsOf.IsZero() && !r.ReadByOthers() && r.Total == 0:
			parts = append(parts, p.NotAskedYet)
		case r.Total == 0:
			parts = append(parts, fmt.Sprintf(p.ReadBy, len(r.Read)))
		case r.AllRead() && (!m.Confirm || r.AllConfirmed()):
			parts = append(parts, fmt.Sprintf("✅ %d/%d", len(r.Read), r.Total))
		default:
			parts = append(parts, fmt.Sprintf("%d/%d", len(r.Read), r.Total))
		}
		if m.Confirm && m.State == receipts.Sent {
			parts = slices.Insert(parts, 1, fmt.Sprintf(p.Confirm.InList, len(r.Confirmed)))
		}
		if m.State != receipts.Scheduled || !m.Due.After(p.Now) {
			parts = append(parts, p.listedTime(r))
		}
		said = append(said, strings.Join(parts, " · "))
	}
	return Answer{Title: title, Text: Lines(said...)}
}

// listedTime is the one time that a list has of a message, for a second one would be taken for the
// first: until when it is to be read or is followed up, or when it was announced.
func (p Page) listedTime(r receipts.Report) string {
	m := r.Message
	switch waits := m.State == receipts.Sent && (!r.AllRead() || m.Confirm && !r.AllConfirmed()); {
	case waits && !m.Deadline.IsZero():
		return p.until(p.ListDue, m.Deadline)
	case waits && r.FollowUp != nil:
		return p.pursued(*r.FollowUp)
	}
	return p.Clock(m.CreatedAt)
}

// pursued says in a few words until when a message is followed up, or when next.
func (p Page) pursued(f receipts.FollowUp) string {
	if !f.Until.IsZero() {
		return fmt.Sprintf(p.PursuedUntil, p.Clock(f.Until))
	}
	return fmt.Sprintf(p.PursuedNext, p.soon(f))
}
