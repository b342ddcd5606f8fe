package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
)

// request is what somebody wants, from their words to the answer.
type request struct {
	*Bot
	in   Incoming
	said command.Command
	by   receipts.Actor
	w    *reply.Words // in which it is answered

	// admin is what somebody is called whom they can ask who may not do what they want.
	admin string
	// note stands below the answer, such as that the budget is nearly spent.
	note string
	// again makes the answer as things stand now, for one that has waited to be given; nil if
	// it does not change.
	again func(context.Context) (reply.Answer, error)
}

// request returns the request that somebody's words are.
func (b *Bot) request(in Incoming) *request {
	said := command.Parse(in.Text, in.Mentions...)
	if said.Verb == command.None && in.IsReply && in.Pictures == 0 {
		said.Verb = command.Unread // of what is quoted
	}
	return &request{
		Bot: b, in: in, said: said, w: b.Presenter.Speaks(said.Language),
		by: receipts.Actor{Person: in.Sender, Admin: in.Admin, External: in.External},
	}
}

// page renders into the language of the request, with these names.
func (r *request) page(names receipts.Names) reply.Page {
	p := r.Presenter.Page(r.w.Language, r.in.Group, names)
	p.AdminName = r.admin
	return p
}

// ref is the message that is spoken of.
func (r *request) ref() receipts.Ref {
	ref := receipts.Ref{Number: r.said.Number, Topic: r.said.Topic, On: r.said.Day.Before(r.in.SaidAt.In(r.Presenter.Zone))}
	if r.in.IsReply {
		quote := r.in.Quote
		quote.Answer = quote.Number > 0 && reply.Begins(quote.Text, quote.Number)
		ref.Quote = &quote
	}
	return ref
}

// work carries out what was said and answers it.
func (r *request) work(ctx context.Context) (Outcome, error) {
	admin := r.Service.Policy.Allows(receipts.Admins, r.by, receipts.Person{})
	r.heard(ctx)
	a, err := r.dispatch(ctx)
	if forbidden, ok := errors.AsType[*receipts.ForbiddenError](err); ok && forbidden.Rule == receipts.Admins {
		r.admin = r.Service.AdminName(ctx, r.in.Group)
	}
	if err != nil {
		refused, ok := r.page(nil).Refused(err)
		if !ok {
			return AttemptFailed, fmt.Errorf("%s: %w", r.said.Verb, err)
		}
		a = refused
	}
	if admin && a.Text != "" {
		if usage, due := r.Budget.Warn(r.in.ID); due {
			r.note = r.w.BudgetNotice(usage)
		}
	}
	if a.Text != "" {
		switch err := r.answer(ctx, a); {
		case err != nil && a.Delivered:
			r.Log(ctx).Error("reply is lost", zap.Error(err)) // again, the sender would have it twice
		case err != nil:
			return AttemptFailed, fmt.Errorf("answer %s: %w", r.said.Verb, err)
		}
	}
	return cmp.Or(a.Outcome, Done), nil
}

// heard has the service keep what the frame tells of its group.
func (r *request) heard(ctx context.Context) {
	if r.in.Direct {
		return
	}
	h := receipts.GroupUpdate{At: r.in.SaidAt}
	if !r.in.External {
		h.Speaker, h.Title = r.in.Sender, r.in.Title
		h.Command, h.Language = r.in.ID, r.language()
	}
	if r.in.Webhook.Usable(r.Now()) {
		h.Webhook = r.in.Webhook
	}
	r.Service.UpdateGroup(ctx, r.in.Group, h)
}

// language is what a command tells of the language of its group. What was not understood and what
// is said by the way, such as ok, tells nothing.
func (r *request) language() string {
	switch r.said.Verb {
	case command.Unknown, command.Ignored, command.Confirm:
		return ""
	}
	return string(r.said.Language)
}

// Times that an answer waits for a DingTalk that can't be reached.
const (
	answerWithin   = 90 * time.Minute // as long as a session webhook is good
	answerAgainMax = time.Minute      // between two tries
)

// answer gives the answer, and waits for DingTalk where it can't be reached or takes no more
// calls for a while: whoever asked just before hears of it after, as things stand then.
func (r *request) answer(ctx context.Context, a reply.Answer) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = answerAgainMax
	tried := false
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		if tried && r.again != nil {
			if later, err := r.again(ctx); err == nil {
				a = later
			}
		}
		tried = true
		err := r.reply(ctx, a)
		if err != nil && !canBeWaitedOut(receipts.ReasonOf(err)) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(answerWithin))
	return err
}

// canBeWaitedOut reports whether waiting helps against a failure: DingTalk can't be reached,
// or takes no call at all for a while.
func canBeWaitedOut(reason receipts.Reason) bool {
	return reason == receipts.Unavailable || reason == receipts.IPBanned || reason == receipts.ThrottledMinute
}

// reply says the answer once, as well as it can.
func (r *request) reply(ctx context.Context, a reply.Answer) error {
	to := receipts.Recipient{Group: r.in.Group, Webhook: r.in.Webhook, Private: r.in.Direct}
	if !r.in.External {
		to.Person = r.in.Sender
	}
	to.Free = a.Outcome == reply.Refused || r.said.Verb.Label() == command.Help.Label()
	return r.Service.Answer(ctx, to, a.Fit(reply.Lines(r.note, r.doubt()), r.Service.Fits))
}

// tell says one sentence, as well as it can.
func (r *request) tell(ctx context.Context, sentence string) {
	if err := r.reply(ctx, reply.Say(sentence)); err != nil {
		r.Log(ctx).Error("sender not told", zap.Error(err))
	}
}

// doubt is the note under an answer that may have been given before; else empty.
func (r *request) doubt() string {
	if !r.in.MaybeDone {
		return ""
	}
	return r.w.PerhapsAgain
}

// deliver sends an answer to the person alone, where that is configured, and
// returns what the group gets to see.
func (r *request) deliver(ctx context.Context, a reply.Answer) reply.Answer {
	if !r.Service.Direct {
		return a
	}
	r.again = nil
	a = a.Under(r.w, cmp.Or(r.Service.Title(ctx, r.in.Group), r.in.Title))
	missed, err := r.Service.Private(ctx, r.in.Sender.UserID, a.Fit(r.doubt(), r.Service.Fits))
	if err != nil || missed.Count() > 0 {
		r.Log(ctx).Warn("direct answer failed", zap.Int("missed", missed.Count()), zap.Error(err))
		return reply.Fail(fmt.Sprintf(r.w.CantReach, r.w.Undelivered(missed, err))).About(a.Number)
	}
	sent := reply.Say(r.w.SentYou).About(a.Number)
	sent.Delivered, sent.Outcome = true, a.Outcome
	return sent
}

// actsWithin is how long after it was said a command with an effect is begun. Its session
// webhook is good for as long.
const actsWithin = 90 * time.Minute

// dispatch does what was said and returns the answer. An error that is no refusal means
// that it should be tried again.
func (r *request) dispatch(ctx context.Context) (reply.Answer, error) {
	if !r.in.Direct && r.said.Verb == command.Ignored {
		return reply.Answer{}, nil // a whole group would hear it
	}
	if !r.in.Direct && r.said.Verb == command.Confirm {
		return r.confirm(ctx)
	}
	switch err := r.Service.Enter(r.by, r.in.Group); {
	case r.in.Direct && !r.in.External:
		return r.alone(), nil
	case err != nil:
		return reply.Answer{}, err
	case r.in.TextWithheld:
		return reply.Refuse(r.w.Spent), nil
	case r.in.NoText:
		return reply.Refuse(r.w.Wordless), nil
	case r.in.Unnamed && r.said.Verb.Acts():
		return reply.Refuse(r.w.Unnamed), nil
	case r.said.Verb.Acts() && !r.inTime(r.in.ID, r.in.SaidAt):
		if r.in.MaybeDone {
			return reply.Fail(r.w.TooLateMaybe), nil
		}
		return reply.Fail(r.w.TooLate), nil
	}
	switch r.said.Verb {
	case command.Announce:
		return r.announce(ctx)
	case command.WhoRead, command.Unread:
		return r.report(ctx)
	case command.Person:
		return r.people(ctx)
	case command.Everyone:
		return r.everyone(ctx)
	case command.List:
		return r.list(ctx)
	case command.Remind:
		return r.remind(ctx)
	case command.Follow:
		return r.follow(ctx)
	case command.Stop:
		return r.stop(ctx)
	case command.Recall:
		return r.recall(ctx, r.ref())
	case command.Cancel:
		return r.cancel(ctx)
	case command.Export:
		return r.export(ctx)
	case command.Chart:
		return r.chart(ctx)
	case command.Usage:
		return r.usage(ctx)
	case command.Help:
		return r.help(ctx)
	case command.None:
		if r.in.Pictures > 0 { // there was something to see beside the mention
			return reply.Refuse(r.w.Wordless), nil
		}
		return r.help(ctx)
	default:
		switch {
		case r.said.Personal:
			return reply.Refuse(r.w.NotPersonal), nil
		case r.said.Second != "":
			return reply.Refuse(fmt.Sprintf(r.w.UnknownTwo, r.said.Nearest, r.said.Second)), nil
		case r.said.Nearest != "":
			return reply.Refuse(fmt.Sprintf(r.w.UnknownNear, r.said.Nearest)), nil
		case r.in.Pictures > 0: // and what else there is may be the bot's name
			return reply.Refuse(r.w.Wordless), nil
		}
		return reply.Refuse(r.w.Unknown), nil
	}
}

// alone answers in the one-to-one chat, where there is nothing to do but to tell how to use
// the bot. Whoever confirms there was perhaps reminded there.
func (r *request) alone() reply.Answer {
	switch r.said.Verb {
	case command.Confirm, command.Ignored:
		return reply.Say(r.w.PrivateThanks)
	case command.Help, command.None:
		return reply.Say(r.w.Private)
	}
	return reply.Refuse(r.w.Private)
}
