package bot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"whoread/receipts"
)

// answer is what the bot says: text in markdown, and the title that the
// notification on a phone shows.
type answer struct {
	title string
	text  string
	// delivered tells that this is only about an answer that the sender has by now.
	delivered bool
	outcome   Outcome // of the command; empty: Done
	number    int     // of the message that it is about; 0 for none
}

// about makes it an answer about the message of that number.
func (a answer) about(number int) answer {
	a.number = number
	return a
}

// say makes an answer of plain sentences; the first line is the notification.
func say(sentences ...string) answer {
	text := lines(sentences...)
	title, _, _ := strings.Cut(text, "\n")
	return answer{title: shorten(strings.ReplaceAll(strings.TrimSpace(title), "**", ""), 60), text: text}
}

// refuse says why a command is not carried out.
func refuse(sentences ...string) answer {
	a := say(sentences...)
	a.outcome = Refused
	return a
}

// fail says what DingTalk did not do, or perhaps not.
func fail(sentences ...string) answer {
	a := say(sentences...)
	a.outcome = Failed
	return a
}

// under names the group that the answer is about, for who reads it elsewhere; an
// unknown title names nothing.
func (a answer) under(w *words, title string) answer {
	if title != "" {
		a.text = lines(fmt.Sprintf(w.InGroup, escape(shorten(title, titleRunes))), a.text)
	}
	return a
}

// post is the answer as it is said.
func (a answer) post() receipts.Post {
	return receipts.Post{Title: a.title, Text: a.text, About: a.number}
}

// fit is the post of the answer with a note, if there is one, below the text, which it
// cuts until the post fits.
func (a answer) fit(note string, fits func(receipts.Post) error) receipts.Post {
	for {
		whole := a
		whole.text = lines(a.text, note)
		if p := whole.post(); fits(p) == nil || a.text == "" {
			return p
		}
		a.text = strings.ToValidUTF8(a.text[:len(a.text)*9/10], "")
	}
}

// Bounds of what is shown of names and titles.
const (
	nameRunes  = 24
	titleRunes = 60
	// listBytes bounds one list of names, so that two of them fit into a reply.
	listBytes = 5_500
)

// page renders reports in one language.
type page struct {
	*words
	names    receipts.Names
	maxNames int
	now      time.Time
	zone     *time.Location
	quiet    receipts.QuietHours
	group    string
}

// heading is #n and the title.
func (p page) heading(m receipts.Message) string {
	title := escape(shorten(m.Title, titleRunes))
	if title == "" {
		title = p.Untitled
	}
	return fmt.Sprintf("#%d %s", m.Number, title)
}

// progress is how many have read: exactly, or at least so many.
func (p page) progress(r receipts.Report, exact bool) string {
	switch {
	case r.Total == 0:
		return fmt.Sprintf(p.ReadBy, len(r.Read))
	case !exact:
		return fmt.Sprintf(p.ReadOfLeast, len(r.Read), r.Total)
	default:
		return fmt.Sprintf(p.ReadOf, len(r.Read), r.Total)
	}
}

// share is the progress with its percentage and bar. Of an audience that may not be
// complete it never says that all have read.
func (p page) share(r receipts.Report, exact bool) string {
	if r.Total == 0 || r.Source == receipts.Learned && len(r.Read) == r.Total {
		return p.progress(r, exact)
	}
	return fmt.Sprintf("%s · %d%% %s", p.progress(r, exact), r.Percent(), bar(r.Percent()))
}

// report renders a whole report, with the readers or only the unread.
func (p page) report(r receipts.Report, withReaders bool) answer {
	m := r.Message
	title := fmt.Sprintf("#%d %s", m.Number, p.progress(r, r.Complete()))
	if !m.State.Posted() {
		return answer{
			title: fmt.Sprintf("#%d %s", m.Number, p.States[m.State]),
			text:  lines(p.heading(m), p.StateExtra[m.State], p.why(m)),
		}
	}
	said := []string{p.heading(m) + " · " + p.share(r, r.Complete())}
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
	return answer{title: title, text: lines(said...)}
}

// why is the reason of a message that failed or is uncertain.
func (p page) why(m receipts.Message) string {
	if m.Reason == "" {
		return ""
	}
	return p.reason(m.Reason)
}

// gap is the sentence about what a report lacks. Where nobody can list the
// group's members, an administrator needs to know which group it is.
func (p page) gap(g receipts.Gap) string {
	kind := receipts.ReasonOf(g.Err)
	unasked := errors.Is(g.Err, receipts.ErrBudgetSpent) // another source might tell
	if errors.Is(g.Err, receipts.ErrNoMemberList) && !unasked && kind != receipts.PermissionDenied && kind != receipts.CoolAppNeeded {
		return fmt.Sprintf(p.NoMemberList, escape(p.group))
	}
	return p.problem(g.Err)
}

// summary is a report without names.
func (p page) summary(r receipts.Report) answer {
	r.Unread = nil
	return p.report(r, false)
}

// listed is somebody in a list of names, and what stands after the name.
type listed struct{ userID, after string }

// timesMax is how many readers are listed with their times; more would be hard
// to read.
const timesMax = 20

// readers lists who has read and, if they are few, when. Without any time that
// DingTalk pushed, all would be "by" the time of a query, which says nothing.
func (p page) readers(r receipts.Report) []listed {
	exact := func(receipt receipts.Receipt) bool { return receipt.Exact }
	times := len(r.Read) <= timesMax && slices.ContainsFunc(r.Read, exact)
	all := make([]listed, len(r.Read))
	for i, receipt := range r.Read {
		all[i].userID = receipt.UserID
		if !times {
			continue
		}
		at := clock(receipt.At, p.now, p.zone)
		if !receipt.Exact {
			at = fmt.Sprintf(p.ReadBefore, at)
		}
		all[i].after = " " + at
	}
	return all
}

// unread lists who has not read, and how often they were reminded.
func (p page) unread(r receipts.Report) []listed {
	all := persons(r.Unread)
	for i, person := range all {
		if times := r.Reminders[person.userID]; times > 0 {
			all[i].after = fmt.Sprintf(p.RemindedTimes, times)
		}
	}
	return all
}

// gaps are the sentences about what a report lacks.
func (p page) gaps(r receipts.Report) []string {
	var sentences []string
	for i, gap := range r.Gaps {
		if i > 0 && errors.Is(gap.Err, receipts.ErrBudgetSpent) && errors.Is(r.Gaps[i-1].Err, receipts.ErrBudgetSpent) {
			continue // nothing was asked; it is said once
		}
		sentences = append(sentences, strings.TrimSpace(fmt.Sprintf(p.Gaps[gap.Part], p.gap(gap))))
	}
	return sentences
}

// list renders names into the format, and counts those that are not shown: too
// many, or nobody knows what they are called.
func (p page) list(format string, people []listed) string {
	return fmt.Sprintf(format, len(people), p.enumerate(people))
}

func (p page) enumerate(people []listed) string {
	var b strings.Builder
	shown := 0
	for _, person := range people {
		if shown == p.maxNames {
			break
		}
		name := escape(shorten(p.names[person.userID], nameRunes))
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
func (p page) footer(r receipts.Report) string {
	var parts []string
	switch age := p.now.Sub(r.AsOf); {
	case r.AsOf.IsZero():
	case r.Message.State != receipts.Sent || age >= time.Minute:
		parts = append(parts, fmt.Sprintf(p.Known, clock(r.AsOf, p.now, p.zone)))
	case age >= time.Second:
		parts = append(parts, fmt.Sprintf(p.Queried, clock(r.AsOf, p.now, p.zone))+fmt.Sprintf(p.SecondsAgo, age/time.Second))
	default:
		parts = append(parts, fmt.Sprintf(p.Queried, clock(r.AsOf, p.now, p.zone)))
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
		parts = append(parts, fmt.Sprintf(p.CountedAt, clock(r.Counted, p.now, p.zone)))
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

// overview renders the last messages of a group. DingTalk was not asked for it:
// more people may have read since, unless all had.
func (p page) overview(reports []receipts.Report) answer {
	if len(reports) == 0 {
		return say(p.ListNothing)
	}
	title := fmt.Sprintf(p.ListTitle, len(reports))
	said := []string{"**" + title + "**"}
	for _, r := range reports {
		m := r.Message
		parts := []string{p.heading(m)}
		if state := p.States[m.State]; state != "" {
			parts = append(parts, state)
		}
		switch {
		case !m.State.Posted():
		case m.State == receipts.Sent && r.AsOf.IsZero() && len(r.Read) == 0: // "at least 0" would say less
			parts = append(parts, p.NotAskedYet)
		default:
			parts = append(parts, p.share(r, r.AllRead()))
		}
		if r.FollowUp != nil && m.State == receipts.Sent {
			parts = append(parts, fmt.Sprintf(p.InPursuitShort, p.next(*r.FollowUp)))
		}
		said = append(said, strings.Join(append(parts, clock(m.CreatedAt, p.now, p.zone)), " · "))
	}
	return answer{title: title, text: lines(said...)}
}
