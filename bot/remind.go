package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/bot/command"
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
func (b *Bot) remind(ctx context.Context, w *words, in Incoming, said command.Command) (answer, error) {
	if !b.Access.may(b.Access.Remind, in, receipts.Person{}) {
		return refuse(w.refusal(b.Access.Remind)), nil
	}
	if unresolved(in, said) {
		return refuse(w.WhomToRemind), nil
	}
	number, refusal, err := b.number(ctx, w, in, said)
	if err != nil || refusal != "" {
		return refuse(refusal), err
	}
	r, err := b.Reporter.Ask(ctx, in.Group, number, b.rights(in, said))
	if errors.Is(err, receipts.ErrNoMessage) {
		return refuse(fmt.Sprintf(w.NoSuch, number)), nil
	}
	if err != nil {
		return answer{}, err
	}
	if len(in.Mentioned) > 0 && r.Message.State == receipts.Sent && r.Complete() {
		whole := r
		if r.Unread = among(in.Mentioned, r.Unread); len(r.Unread) == 0 {
			return b.deliver(ctx, w, in, b.nobodyMentioned(ctx, w, in.Mentioned, whole))
		}
	}
	n := b.nudges(ctx, w, r.Message)
	n.asker, n.mentions = in.Sender.Name, mentionsOfCommand
	if in.Webhook.Usable(b.Now()) {
		n.webhook = in.Webhook
	}
	done, err := b.Prompter.Remind(ctx, r, receipts.Prompt{Run: in.ID, Who: in.Sender, By: cmp.Or(said.By, b.Reminders.By)}, n)
	if errors.Is(err, receipts.ErrNoMessage) {
		return refuse(fmt.Sprintf(w.NoSuch, number)), nil
	}
	if err != nil {
		return answer{}, err
	}
	b.logReminded(ctx, in.ID, done)
	p := b.page(w, in.Group)
	p.names = b.namesOf(ctx, in.Group, done)
	if in.Strangers == 0 && n.saidAll(done) {
		return answer{}, nil
	}
	a := p.reminded(done, b.Prompter.Cooldown).about(number)
	if in.Strangers > 0 {
		a.text = lines(a.text, fmt.Sprintf(w.StrangersLeft, in.Strangers))
	}
	return b.deliver(ctx, w, in, a)
}

// rights are those of a command. An administrator's reminder is wanted now, and nobody can
// be reminded without asking who has read.
func (b *Bot) rights(in Incoming, said command.Command) receipts.Rights {
	return receipts.Rights{PastBudget: said.Verb == command.Remind && b.Access.may(Admins, in, receipts.Person{})}
}

// nudges is how people are reminded of the message; who asks and how often people
// may be mentioned is to be filled in.
func (b *Bot) nudges(ctx context.Context, w *words, m receipts.Message) *nudges {
	n := &nudges{messenger: b.Messenger, words: w, message: m}
	n.group = sync.OnceValue(func() string { return b.titleOf(ctx, m.Group) })
	n.notes = func(soFar receipts.Reminded) []string {
		p := b.page(w, m.Group)
		p.names = b.namesOf(ctx, m.Group, soFar)
		return p.reached(soFar)
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

// reminded answers a command that reminds.
func (p page) reminded(done receipts.Reminded, cooldown time.Duration) answer {
	r := done.Report
	switch {
	case r.Message.State != receipts.Sent:
		return p.summary(r)
	case !r.Complete():
		return fail(append([]string{fmt.Sprintf(p.NobodyReminded, r.Message.Number)}, p.gaps(r)...)...)
	case len(r.Unread) == 0 && !r.AllRead(): // all who are known
		return p.summary(r)
	case len(r.Unread) == 0:
		return say(fmt.Sprintf(p.NobodyToRemind, r.Message.Number))
	case done.Earlier != nil:
		return refuse(p.earlier(r.Message.Number, *done.Earlier, cooldown))
	case done.Halt.State != "":
		return say(append([]string{p.halted(done)}, p.notReached(done)...)...)
	case len(done.Read) > 0 && len(done.Reached) == 0 && len(p.notReached(done)) == 0:
		return say(fmt.Sprintf(p.ReadMeanwhile, r.Message.Number))
	}
	said := append([]string{p.heading(r.Message)}, p.reached(done)...)
	if done.Err != nil {
		return fail(said...)
	}
	return say(said...)
}

// earlier says who was reminded when, and when it can be done again.
func (p page) earlier(number int, e receipts.Reminder, cooldown time.Duration) string {
	by := p.FollowUpItself
	if e.Who.Name != "" {
		by = escape(shorten(e.Who.Name, nameRunes))
	}
	return fmt.Sprintf(p.RemindedEarlier, number, by, clock(e.At, p.now, p.zone),
		p.list(p.RemindedThese, persons(e.UserIDs())), clock(e.At.Add(cooldown), p.now, p.zone))
}

// reached are the sentences about who was reminded other than by a mention, and who
// was not.
func (p page) reached(done receipts.Reminded) []string {
	var said []string
	for _, by := range []receipts.Channel{receipts.InPrivate, receipts.Ding} {
		if n := len(done.Reached[by]); n > 0 {
			said = append(said, fmt.Sprintf(p.RemindedBy[by], n))
		}
	}
	return append(said, p.notReached(done)...)
}

// halted says what came between, and how many were reminded before.
func (p page) halted(done receipts.Reminded) string {
	why := fmt.Sprintf(p.Halted[done.Halt.State], done.Report.Message.Number)
	before := 0
	for _, userIDs := range done.Reached {
		before += len(userIDs)
	}
	if before == 0 {
		return fmt.Sprintf(p.HaltedFirst, why)
	}
	return fmt.Sprintf(p.HaltedAfter, why, before)
}

// notReached are the sentences about who was not reminded, or not certainly.
func (p page) notReached(done receipts.Reminded) []string {
	var said []string
	for _, part := range []struct {
		format  string
		userIDs []string
	}{
		{p.CantRemind, done.Missed.Unknown},
		{p.Flooded, done.Missed.Flooded},
		{p.RemindedMaybe, done.Uncertain},
		{p.NotReminded, done.Failed},
	} {
		if len(part.userIDs) > 0 {
			said = append(said, p.list(part.format, persons(part.userIDs)))
		}
	}
	if done.Err != nil {
		said = append(said, p.whyNot(done.Err))
	}
	return said
}

// persons are listed without anything after their names.
func persons(userIDs []string) []listed {
	all := make([]listed, len(userIDs))
	for i, id := range userIDs {
		all[i].userID = id
	}
	return all
}

// whyNot is the sentence about why people could not be reminded.
func (p page) whyNot(err error) string {
	if failure, ok := errors.AsType[*receipts.Failure](err); ok {
		return strings.TrimSpace(p.reason(failure.Reason))
	}
	return p.problem(err)
}
