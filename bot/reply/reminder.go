package reply

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"whoread/receipts"
)

// Reminder says what people read who are reminded of a message.
type Reminder struct {
	Page
	Message  receipts.Message
	Asker    string    // the name of who reminds; empty for a follow-up
	Deadline time.Time // zero for none
}

// Mention mentions people in the group. So says how many have read by now; it and what
// stands below may be empty.
func (r Reminder) Mention(userIDs []string, so string, below ...string) Answer {
	said := append([]string{mentions(userIDs) + r.look() + so}, below...)
	return Answer{Title: r.notification(), Text: Lines(said...)}
}

// look is what the group reads of it.
func (r Reminder) look() string {
	if r.Message.Confirm {
		return r.lookAt(Escape(r.title())) + r.Confirm.Please
	}
	return r.lookAt(Escape(r.title()))
}

// mentions are the marks that notify people.
func mentions(userIDs []string) string {
	var people strings.Builder
	for _, id := range userIDs {
		people.WriteString("@" + id + " ")
	}
	return people.String()
}

// Private is what somebody reads in the one-to-one chat with the bot: who wants them to
// look at what, how it begins, and in which group; its title may be empty.
func (r Reminder) Private(group string) receipts.Post {
	group = Escape(Shorten(group, TitleRunes))
	wish := r.wish(Escape(Shorten(r.Asker, NameRunes)), group, Escape(r.title()))
	return receipts.Post{Title: r.notification(), Text: Lines(wish, Escape(r.Message.Excerpt), r.next(group))}
}

// Plain is the same without markdown, and without the beginning of the text.
func (r Reminder) Plain(group string) receipts.Post {
	group = Harmless(Shorten(group, TitleRunes))
	return receipts.Post{Text: r.wish(Harmless(Shorten(r.Asker, NameRunes)), group, Harmless(r.title())) + r.Blank + r.next(group)}
}

// next is what somebody does who reads it in private.
func (r Reminder) next(group string) string {
	if r.Message.Confirm {
		return r.Confirm.Open
	}
	return r.open(1, group)
}

// due is the deadline behind what names the message.
func (r Reminder) due() string { return r.until(r.Due, r.Deadline) }

func (r Reminder) title() string { return cmp.Or(Shorten(r.Message.Title, TitleRunes), r.Untitled) }

func (r Reminder) notification() string { return r.lookAt(Harmless(r.title())) }

func (r Reminder) lookAt(title string) string { return fmt.Sprintf(r.LookAt, r.Message.Number, title) }

func (r Reminder) wish(asker, group, title string) string {
	where, nudge, by := r.where(group), r.Nudge, r.NudgeBy
	if r.Message.Confirm {
		nudge, by = r.Confirm.Nudge, r.Confirm.NudgeBy
	}
	if asker == "" {
		return fmt.Sprintf(nudge, where, r.Message.Number, title, r.due())
	}
	return fmt.Sprintf(by, asker, where, r.Message.Number, title, r.due())
}

// where names a group, whose title may be empty.
func (w *Words) where(group string) string {
	if group == "" {
		return w.SomeGroup
	}
	return fmt.Sprintf(w.TheGroup, group)
}

// open says where so many messages are to be read.
func (w *Words) open(messages int, group string) string {
	if group == "" {
		return w.OpenThere.of(messages)
	}
	return fmt.Sprintf(w.OpenIn.of(messages), group)
}
