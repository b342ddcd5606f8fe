package bot

import (
	"context"

	"whoread/bot/reply"
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
	text      reply.Reminder
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
		return n.messenger.Ding(ctx, b.UserIDs, n.text.Plain(n.group()))
	default:
		return n.messenger.Direct(ctx, b.UserIDs, n.text.Private(n.group()))
	}
}

func (n *nudges) mention(ctx context.Context, userIDs []string, soFar receipts.Reminded) error {
	var below []string
	if len(soFar.Reached[receipts.Mention]) == 0 { // the first of two
		below = n.notes(soFar)
		n.told = len(soFar.Uncertain)
	}
	return n.messenger.Reply(ctx, n.webhook, n.text.Mention(userIDs, n.above, below...).Fit("", n.messenger.Fits), userIDs)
}

// saidAll reports whether the mentions have told all that came of the reminder.
func (n *nudges) saidAll(done receipts.Reminded) bool {
	return len(done.Reached[receipts.Mention]) > 0 && len(done.Uncertain) == n.told && len(done.Failed) == 0 && done.Halt == (receipts.Halt{})
}
