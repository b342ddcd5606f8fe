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

// Say makes an answer of plain sentences; the first line is the notification.
func Say(sentences ...string) Answer {
	text := Lines(sentences...)
	title, _, _ := strings.Cut(text, "\n")
	return Answer{Title: Shorten(strings.ReplaceAll(strings.TrimSpace(title), "**", ""), 60), Text: text}
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
}

// Heading is #n and the title.
func (p Page) Heading(m receipts.Message) string {
	title := Escape(Shorten(m.Title, TitleRunes))
	if title == "" {
		title = p.Untitled
	}
	return fmt.Sprintf("#%d %s", m.Number, title)
}

// progress is how many have read: exactly, or at least so many.
func (p Page) progress(r receipts.Report, exact bool) string {
	switch {
	case r.Total == 0:
		return fmt.Sprintf(p.ReadBy, len(r.Read))
	case !exact:
		return fmt.Sprintf(p.ReadOfLeast, len(r.Read), r.Total)
	default:
		return fmt.Sprintf(p.ReadOf, len(r.Read), r.Total)
	}
}

// Share is the progress with its percentage and bar. Of an audience that may not be
// complete it never says that all have read.
func (p Page) Share(r receipts.Report, exact bool) string {
	if r.Total == 0 || r.Source == receipts.Learned && len(r.Read) == r.Total {
		return p.progress(r, exact)
	}
	return fmt.Sprintf("%s · %d%% %s", p.progress(r, exact), r.Percent(), bar(r.Percent()))
}

// Report renders a whole report, with the readers or only the unread.
func (p Page) Report(r receipts.Report, withReaders bool) Answer {
	m := r.Message
	title := fmt.Sprintf("#%d %s", m.Number, p.progress(r, r.Complete()))
	if !m.State.Posted() {
		return Answer{
			Title: fmt.Sprintf("#%d %s", m.Number, p.States[m.State]),
			Text:  Lines(p.Heading(m), p.StateExtra[m.State], p.why(m)),
		}
	}
	said := []string{p.Heading(m) + " · " + p.Share(r, r.Complete())}
	switch {
	case r.AllRead():
		said = append(said, fmt.Sprintf(p.AllRead, r.Total))
	case r.Complete() && r.Total > 0 && len(r.Read) == r.Total:
		said = append(said, fmt.Sprintf(p.KnownRead, r.Total))
	case r.Complete() && len(r.Read) == 0 && withReaders:
		said = append(said, p.NobodyRead)
	}
	if withReaders && len(r.Read) > 0 {
		said = append(said, p.list(p.Readers, p.readers(r)))
	}
	if len(r.Unread) > 0 {
		said = append(said, p.list(p.UnreadNames, p.unread(r)))
	}
	said = append(said, p.StateExtra[m.State])
	if m.State == receipts.Sent {
		said = append(said, p.gaps(r)...)
	}
	said = append(said, p.footer(r))
	return Answer{Title: title, Text: Lines(said...)}
}

// why is the reason of a message that failed or is uncertain.
func (p Page) why(m receipts.Message) string {
	if m.Reason == "" {
		return ""
	}
	return p.Reason(m.Reason)
}

// Gap is the sentence about what a report lacks. Where nobody can list the
// group's members, an administrator needs to know which group it is.
func (p Page) Gap(g receipts.Gap) string {
	kind := receipts.ReasonOf(g.Err)
	unasked := errors.Is(g.Err, receipts.ErrBudgetSpent) // another source might tell
	if errors.Is(g.Err, receipts.ErrNoMemberList) && !unasked && kind != receipts.PermissionDenied && kind != receipts.CoolAppNeeded {
		return fmt.Sprintf(p.NoMemberList, Escape(p.Group))
	}
	return p.Problem(g.Err)
}

// Lack is what an administrator can do about a learned audience: the sentence that
// would be said if nobody were known. It is empty if there is nothing to do.
func (p Page) Lack(why error) string {
	if why == nil {
		return ""
	}
	return p.Gap(receipts.Gap{Part: receipts.AudiencePart, Err: why})
}

// Summary is a report without names.
func (p Page) Summary(r receipts.Report) Answer {
	r.Unread = nil
	return p.Report(r, false)
}

// listed is somebody in a list of names, and what stands after the name.
type listed struct{ userID, after string }

// timesMax is how many readers are listed with their times; more would be hard
// to read.
const timesMax = 20

// readers lists who has read and, if they are few, when. Without any time that
// DingTalk pushed, all would be "by" the time of a query, which says nothing.
func (p Page) readers(r receipts.Report) []listed {
	exact := func(receipt receipts.Receipt) bool { return receipt.Exact }
	times := len(r.Read) <= timesMax && slices.ContainsFunc(r.Read, exact)
	all := make([]listed, len(r.Read))
	for i, receipt := range r.Read {
		all[i].userID = receipt.UserID
		if !times {
			continue
		}
		at := Clock(receipt.At, p.Now, p.Zone)
		if !receipt.Exact {
			at = fmt.Sprintf(p.ReadBefore, at)
		}
		all[i].after = " " + at
	}
	return all
}

// unread lists who has not read, and how often they were reminded.
func (p Page) unread(r receipts.Report) []listed {
	all := persons(r.Unread)
	for i, person := range all {
		if times := r.Reminders[person.userID]; times > 0 {
			all[i].after = fmt.Sprintf(p.RemindedTimes, times)
		}
	}
	return all
}

// gaps are the sentences about what a report lacks.
func (p Page) gaps(r receipts.Report) []string {
	var sentences []string
	for i, gap := range r.Gaps {
		if i > 0 && errors.Is(gap.Err, receipts.ErrBudgetSpent) && errors.Is(r.Gaps[i-1].Err, receipts.ErrBudgetSpent) {
			continue // nothing was asked; it is said once
		}
		sentences = append(sentences, strings.TrimSpace(fmt.Sprintf(p.Gaps[gap.Part], p.Gap(gap))))
	}
	return sentences
}

// list renders names into the format, and counts those that are not shown: too
// many, or nobody knows what they are called.
func (p Page) list(format string, people []listed) string {
	return fmt.Sprintf(format, len(people), p.enumerate(people))
}

func (p Page) enumerate(people []listed) string {
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
		fmt.Fprintf(&b, p.AndMore, rest)
	}
	return b.String()
}

// footer tells how the report came about and who is not in it.
func (p Page) footer(r receipts.Report) string {
	var parts []string
	switch age := p.Now.Sub(r.AsOf); {
	case r.AsOf.IsZero():
	case r.Message.State != receipts.Sent || age >= time.Minute:
		parts = append(parts, fmt.Sprintf(p.Known, Clock(r.AsOf, p.Now, p.Zone)))
	case age >= time.Second:
		parts = append(parts, fmt.Sprintf(p.Queried, Clock(r.AsOf, p.Now, p.Zone))+fmt.Sprintf(p.SecondsAgo, age/time.Second))
	default:
		parts = append(parts, fmt.Sprintf(p.Queried, Clock(r.AsOf, p.Now, p.Zone)))
	}
	if r.Joined > 0 {
		parts = append(parts, fmt.Sprintf(p.Joined, r.Joined))
	}
	if r.Left > 0 {
		parts = append(parts, fmt.Sprintf(p.Left, r.Left))
	}
	if r.Outsiders > 0 {
		parts = append(parts, fmt.Sprintf(p.Outsiders, r.Outsiders))
	}
	if !r.Counted.IsZero() && r.Counted.Sub(r.Message.SentAt).Abs() > countedApart {
		parts = append(parts, fmt.Sprintf(p.CountedAt, Clock(r.Counted, p.Now, p.Zone)))
	}
	if source := p.Sources[r.Source]; source != "" {
		parts = append(parts, source)
	}
	if r.Present == receipts.Learned && r.Source != receipts.Learned {
		parts = append(parts, p.LearnedNow)
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
		parts := []string{p.Heading(m)}
		if state := p.States[m.State]; state != "" {
			parts = append(parts, state)
		}
		switch {
		case !m.State.Posted():
		case m.State == receipts.Sent && r.AsOf.IsZero() && len(r.Read) == 0: // "at least 0" would say less
			parts = append(parts, p.NotAskedYet)
		default:
			parts = append(parts, p.Share(r, r.AllRead()))
		}
		if r.FollowUp != nil && m.State == receipts.Sent {
			parts = append(parts, fmt.Sprintf(p.InPursuitShort, p.Next(*r.FollowUp)))
		}
		said = append(said, strings.Join(append(parts, Clock(m.CreatedAt, p.Now, p.Zone)), " · "))
	}
	return Answer{Title: title, Text: Lines(said...)}
}
