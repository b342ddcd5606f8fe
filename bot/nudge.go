package bot

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"whoread/receipts"
)

// A command may have two replies; what comes by itself is one post.
const (
	mentionsOfCommand  = 2
	mentionsOfFollowUp = 1
)

// nudges reminds people of one message, in one language. It implements
// receipts.Nudger.
type nudges struct {
	messenger receipts.Messenger
	words     *words
	message   receipts.Message
	asker     string        // who reminds; empty for a follow-up
	group     func() string // the group's title; may be empty

	// The webhook by which people can be mentioned; empty if there is none.
	webhook  receipts.Webhook
	mentions int    // how many messages may mention people
	above    string // stands above the mentions; may be empty
	// notes tells what came of the people who were reminded before the mentions.
	notes func(receipts.Reminded) []string
	told  int // of how many uncertain people the mentions have told
}

// Batches implements receipts.Nudger. People who can't be mentioned are written to
// first, so that the mentions can tell what came of it.
func (n *nudges) Batches(by receipts.Channel, userIDs []string) []receipts.Batch {
	mentions := n.mentions
	if n.webhook.URL.Reveal() == "" {
		mentions = 0
	}
	return n.messenger.Batches(by, userIDs, mentions)
}

// Nudge implements receipts.Nudger.
func (n *nudges) Nudge(ctx context.Context, b receipts.Batch, soFar receipts.Reminded) (receipts.Missed, error) {
	switch b.By {
	case receipts.Mention:
		return receipts.Missed{}, n.mention(ctx, b.UserIDs, soFar)
	case receipts.Ding:
		return n.messenger.Ding(ctx, b.UserIDs, receipts.Post{Text: n.plain()})
	default:
		return n.messenger.Direct(ctx, b.UserIDs, receipts.Post{Title: n.lookAt(harmless(n.title())), Text: n.private()})
	}
}

func (n *nudges) mention(ctx context.Context, userIDs []string, soFar receipts.Reminded) error {
	var people strings.Builder
	for _, id := range userIDs {
		people.WriteString("@" + id + " ")
	}
	said := []string{n.above, people.String() + n.lookAt(escape(n.title()))}
	if len(soFar.Reached[receipts.Mention]) == 0 { // the first of two
		said = append(said, n.notes(soFar)...)
		n.told = len(soFar.Uncertain)
	}
	p := answer{title: n.lookAt(harmless(n.title())), text: lines(said...)}.fit("", n.messenger.Fits)
	return n.messenger.Reply(ctx, n.webhook, p, userIDs)
}

// saidAll reports whether the mentions have told all that came of the reminder.
func (n *nudges) saidAll(done receipts.Reminded) bool {
	return len(done.Reached[receipts.Mention]) > 0 && len(done.Uncertain) == n.told && len(done.Failed) == 0 && done.Halt == (receipts.Halt{})
}

// private is what somebody reads in the one-to-one chat: who wants them to look at
// what, and where.
func (n *nudges) private() string {
	return n.wish(escape(shorten(n.asker, nameRunes)), escape(shorten(n.group(), titleRunes)), escape(n.title()))
}

// plain is the same without markdown.
func (n *nudges) plain() string {
	return n.wish(harmless(shorten(n.asker, nameRunes)), harmless(shorten(n.group(), titleRunes)), harmless(n.title()))
}

func (n *nudges) title() string {
	return cmp.Or(shorten(n.message.Title, titleRunes), n.words.Untitled)
}

func (n *nudges) lookAt(title string) string {
	return fmt.Sprintf(n.words.LookAt, n.message.Number, title)
}

func (n *nudges) wish(asker, group, title string) string {
	where := n.words.SomeGroup
	if group != "" {
		where = fmt.Sprintf(n.words.TheGroup, group)
	}
	if asker == "" {
		return fmt.Sprintf(n.words.Nudge, where, n.message.Number, title)
	}
	return fmt.Sprintf(n.words.NudgeBy, asker, where, n.message.Number, title)
}
