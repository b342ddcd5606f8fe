package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
)

// Reminders are the settings of reminders and follow-ups.
type Reminders struct {
	By    receipts.Channel    // where the command does not say
	Quiet receipts.QuietHours // in which nothing comes by itself
	// FollowUps are those of every announcement, by openConversationId; "*" is for
	// the groups that have none of their own.
	FollowUps map[string]FollowUpOptions
}

// remind reminds those who have not read a message.
func (b *Bot) remind(ctx context.Context, w *reply.Words, in Incoming, said command.Command) (reply.Answer, error) {
	if !b.allows(b.Policy.Remind, in, receipts.Person{}) {
		return reply.Refuse(w.Refusal(b.Policy.Remind)), nil
	}
	if unresolved(in, said) {
		return reply.Refuse(w.WhomToRemind), nil
	}
	number, refusal, err := b.number(ctx, w, in, said)
	if err != nil || refusal != "" {
		return reply.Refuse(refusal), err
	}
	r, err := b.Reporter.Ask(ctx, in.Group, number, b.rights(in, said))
	if errors.Is(err, receipts.ErrNoMessage) {
		return reply.Refuse(fmt.Sprintf(w.NoSuch, number)), nil
	}
	if err != nil {
		return reply.Answer{}, err
	}
	if len(in.Mentioned) > 0 && r.Message.State == receipts.Sent && r.Complete() {
		whole := r
		if r.Unread = among(in.Mentioned, r.Unread); len(r.Unread) == 0 {
			return b.deliver(ctx, w, in, b.nobodyMentioned(ctx, w, in.Mentioned, whole))
		}
	}
	n := b.nudges(ctx, w, r.Message)
	n.text.Asker, n.mentions = in.Sender.Name, mentionsOfCommand
	if in.Webhook.Usable(b.Now()) {
		n.webhook = in.Webhook
	}
	done, err := b.Prompter.Remind(ctx, r, receipts.Prompt{Run: in.ID, Who: in.Sender, By: cmp.Or(said.By, b.Reminders.By)}, n)
	if errors.Is(err, receipts.ErrNoMessage) {
		return reply.Refuse(fmt.Sprintf(w.NoSuch, number)), nil
	}
	if err != nil {
		return reply.Answer{}, err
	}
	b.logReminded(ctx, in.ID, done)
	p := b.page(w, in.Group)
	p.Names = b.namesOf(ctx, in.Group, done)
	if in.Strangers == 0 && n.saidAll(done) {
		return reply.Answer{}, nil
	}
	a := p.Reminded(done, b.Prompter.Cooldown).About(number)
	if in.Strangers > 0 {
		a.Text = reply.Lines(a.Text, fmt.Sprintf(w.StrangersLeft, in.Strangers))
	}
	return b.deliver(ctx, w, in, a)
}

// rights are those of a command. An administrator's reminder is wanted now, and nobody can
// be reminded without asking who has read.
func (b *Bot) rights(in Incoming, said command.Command) receipts.Rights {
	return receipts.Rights{PastBudget: said.Verb == command.Remind && b.allows(receipts.Admins, in, receipts.Person{})}
}

// nudges is how people are reminded of the message; who asks and how often people
// may be mentioned is to be filled in.
func (b *Bot) nudges(ctx context.Context, w *reply.Words, m receipts.Message) *nudges {
	n := &nudges{messenger: b.Messenger, text: reply.Reminder{Words: w, Message: m}}
	n.group = sync.OnceValue(func() string { return b.titleOf(ctx, m.Group) })
	n.notes = func(soFar receipts.Reminded) []string {
		p := b.page(w, m.Group)
		p.Names = b.namesOf(ctx, m.Group, soFar)
		return p.Reached(soFar)
	}
	return n
}

// namesOf finds the names that the outcome of a reminder will show.
func (b *Bot) namesOf(ctx context.Context, group string, done receipts.Reminded) receipts.Names {
	var ids []string
	lists := [][]string{done.Missed.Unknown, done.Missed.Flooded, done.Uncertain, done.Failed}
	if done.Earlier != nil {
		lists = append(lists, done.Earlier.UserIDs())
	}
	for _, list := range lists {
		ids = append(ids, list[:min(len(list), b.MaxNames)]...)
	}
	return b.namesFor(ctx, group, ids)
}

func (b *Bot) logReminded(ctx context.Context, run string, done receipts.Reminded) {
	b.log(ctx).Log(levelOf(done.Err), "reminded", zap.String("run", run), zap.Int("number", done.Report.Message.Number),
		zap.Int("mentioned", len(done.Reached[receipts.Mention])), zap.Int("direct", len(done.Reached[receipts.InPrivate])),
		zap.Int("ding", len(done.Reached[receipts.Ding])), zap.Int("missed", len(done.Missed.Unknown)+len(done.Missed.Flooded)),
		zap.Int("uncertain", len(done.Uncertain)), zap.Int("failed", len(done.Failed)), zap.Int("read_meanwhile", len(done.Read)),
		zap.String("state", string(done.Halt.State)), zap.Bool("superseded", done.Halt.Superseded),
		zap.Bool("complete", done.Report.Complete()), zap.Error(done.Err))
}
