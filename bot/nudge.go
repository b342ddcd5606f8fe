package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// Bounds of mentions. A person takes the userId twice: in the text, where it must
// stand, and in the list of those to notify. With a text as long as any answer may
// be, the list of them stays under dingtalk.MaxReplyBytes.
const (
	mentionBytes    = 9_000 // of the people of one message
	mentionOverhead = 6     // bytes beside the two userIds
	// A command may have two replies; what comes by itself is one post.
	mentionsOfCommand  = 2
	mentionsOfFollowUp = 1
)

// nudges reminds people of one message, in one language. It implements
// receipts.Nudger.
type nudges struct {
	client  *dingtalk.Client
	ding    dingtalk.DingType
	words   *words
	message receipts.Message
	asker   string        // who reminds; empty for a follow-up
	group   func() string // the group's title; may be empty

	// The webhook by which people can be mentioned; empty if there is none.
	webhook  dingtalk.Secret
	mentions int    // how many messages may mention people
	above    string // stands above the mentions; may be empty
	// notes tells what came of the people who were reminded before the mentions.
	notes func(receipts.Reminded) []string
	told  int // of how many uncertain people the mentions have told
}

// Batches implements receipts.Nudger. People who can't be mentioned are written to
// first, so that the mentions can tell what came of it.
func (n *nudges) Batches(by receipts.Channel, userIDs []string) []receipts.Batch {
	switch by {
	case receipts.Ding:
		return chunks(receipts.Ding, userIDs, n.ding.MaxUsers())
	case receipts.Mention:
		mentioned, rest := n.mentionable(userIDs)
		return append(chunks(receipts.InPrivate, rest, dingtalk.MaxDirectUsers), mentioned...)
	default:
		return chunks(receipts.InPrivate, userIDs, dingtalk.MaxDirectUsers)
	}
}

// plainID is a userId that is the same in markdown. Another one would format the
// message, and escaped it would mention nobody.
var plainID = regexp.MustCompile(`^[\p{L}\p{N}]([\p{L}\p{N}_.@-]*[\p{L}\p{N}])?$`)

// mentionable splits people into messages that mention them, as many as may be, and
// the rest.
func (n *nudges) mentionable(userIDs []string) (mentioned []receipts.Batch, rest []string) {
	var odd []string
	for _, id := range userIDs {
		if plainID.MatchString(id) {
			rest = append(rest, id)
		} else {
			odd = append(odd, id)
		}
	}
	for len(rest) > 0 && n.webhook.Reveal() != "" && len(mentioned) < n.mentions {
		bytes, count := 0, 0
		for _, id := range rest {
			if bytes += 2*len(id) + mentionOverhead; bytes > mentionBytes {
				break
			}
			count++
		}
		if count == 0 {
			break
		}
		mentioned = append(mentioned, receipts.Batch{By: receipts.Mention, UserIDs: rest[:count]})
		rest = rest[count:]
	}
	return mentioned, append(odd, rest...)
}

func chunks(by receipts.Channel, userIDs []string, most int) []receipts.Batch {
	var all []receipts.Batch
	for ids := range slices.Chunk(userIDs, most) {
		all = append(all, receipts.Batch{By: by, UserIDs: ids})
	}
	return all
}

// Nudge implements receipts.Nudger.
func (n *nudges) Nudge(ctx context.Context, b receipts.Batch, soFar receipts.Reminded) (receipts.Missed, error) {
	switch b.By {
	case receipts.Mention:
		return receipts.Missed{}, sendError(n.mention(ctx, b.UserIDs, soFar))
	case receipts.Ding:
		result, err := n.client.SendDing(ctx, n.ding, b.UserIDs, n.plain())
		return receipts.Missed{Unknown: slices.Sorted(maps.Keys(result.Failed))}, sendError(err)
	default:
		result, err := n.client.SendDirect(ctx, b.UserIDs, dingtalk.Markdown(n.lookAt(harmless(n.title())), n.private()))
		return receipts.Missed{Unknown: result.Invalid, Flooded: result.FlowControlled}, sendError(err)
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
	a := answer{title: n.lookAt(harmless(n.title())), text: lines(said...)}.fit("")
	return n.client.Reply(ctx, n.webhook, dingtalk.Reply{Title: a.title, Text: a.text, AtUserIDs: userIDs})
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

// sendError says whether a failed call may have reached people all the same.
func sendError(err error) error {
	if err == nil {
		return nil
	}
	failure := &receipts.SendError{Uncertain: true, Reason: string(dingtalk.Unknown), Err: err}
	if known, ok := errors.AsType[*dingtalk.Error](err); ok {
		failure.Uncertain, failure.Reason = known.Uncertain(), string(known.Kind)
	}
	return failure
}

// usable tells whether a session webhook can still be used.
func usable(webhook dingtalk.Secret, until, now time.Time) bool {
	return webhook.Reveal() != "" && now.Add(webhookMargin).Before(until)
}
