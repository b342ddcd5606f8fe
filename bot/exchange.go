package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/bot/command/when"
	"whoread/bot/reply"
	"whoread/receipts"
)

// exchange is what somebody said and how they are answered.
type exchange struct {
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

// exchange returns the one that begins with somebody's words.
func (b *Bot) exchange(in Incoming) *exchange {
	said := command.Parse(in.Text, in.Mentions...)
	if said.Verb == command.None && in.IsReply && in.Pictures == 0 {
		said.Verb = command.Unread // of what is quoted
	}
	return &exchange{
		Bot: b, in: in, said: said, w: b.Presenter.Speaks(said.Language),
		by: receipts.Actor{Person: in.Sender, Admin: in.Admin, External: in.External},
	}
}

// page renders into the language of the request, with these names.
func (x *exchange) page(names receipts.Names) reply.Page {
	p := x.Presenter.Page(x.w.Language, x.in.Group, names)
	p.AdminName = x.admin
	return p
}

// ref is the message that is spoken of.
func (x *exchange) ref() receipts.Ref {
	ref := receipts.Ref{Number: x.said.Number, Topic: x.said.Topic, On: x.said.Day.Before(x.in.SaidAt.In(x.Presenter.Zone))}
	if x.in.IsReply {
		quote := x.in.Quote
		quote.Answer = quote.Number > 0 && reply.Begins(quote.Text, quote.Number)
		ref.Quote = &quote
	}
	return ref
}

// heard has the service keep what the frame tells of its group.
func (x *exchange) heard(ctx context.Context) {
	if x.in.Direct {
		return
	}
	h := receipts.GroupUpdate{At: x.in.SaidAt}
	if !x.in.External {
		h.Speaker, h.Title = x.in.Sender, x.in.Title
		h.Command, h.Language = x.in.ID, x.language()
	}
	if x.in.Webhook.Usable(x.Now()) {
		h.Webhook = x.in.Webhook
	}
	x.Service.UpdateGroup(ctx, x.in.Group, h)
}

// language is what a command tells of the language of its group. What was not understood and what
// is said by the way, such as ok, tells nothing.
func (x *exchange) language() string {
	switch x.said.Verb {
	case command.Unknown, command.Ignored, command.Confirm:
		return ""
	}
	return string(x.said.Language)
}

// Times that an answer waits for a DingTalk that can't be reached.
const (
	answerWithin   = 90 * time.Minute // as long as a session webhook is good
	answerAgainMax = time.Minute      // between two tries
)

// answer gives the answer, and waits for DingTalk where it can't be reached or takes no more
// calls for a while: whoever asked just before hears of it after, as things stand then.
func (x *exchange) answer(ctx context.Context, a reply.Answer) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = answerAgainMax
	tried := false
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		if tried && x.again != nil {
			if later, err := x.again(ctx); err == nil {
				a = later
			}
		}
		tried = true
		err := x.reply(ctx, a)
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
func (x *exchange) reply(ctx context.Context, a reply.Answer) error {
	to := receipts.Recipient{Group: x.in.Group, Webhook: x.in.Webhook, Private: x.in.Direct}
	if !x.in.External {
		to.Person = x.in.Sender
	}
	to.Free = a.Outcome == reply.Refused || x.said.Verb.Label() == command.Help.Label()
	return x.Service.Answer(ctx, to, a.Fit(reply.Lines(x.note, x.doubt()), x.Service.Fits))
}

// tell says one sentence, as well as it can.
func (x *exchange) tell(ctx context.Context, sentence string) {
	if err := x.reply(ctx, reply.Say(sentence)); err != nil {
		x.Log(ctx).Error("sender not told", zap.Error(err))
	}
}

// doubt is the note under an answer that may have been given before; else empty.
func (x *exchange) doubt() string {
	if !x.in.MaybeDone {
		return ""
	}
	return x.w.PerhapsAgain
}

// deliver sends an answer to the person alone, where that is configured, and
// returns what the group gets to see.
func (x *exchange) deliver(ctx context.Context, a reply.Answer) reply.Answer {
	if !x.Service.Direct {
		return a
	}
	x.again = nil
	a = a.Under(x.w, cmp.Or(x.Service.Title(ctx, x.in.Group), x.in.Title))
	missed, err := x.Service.Private(ctx, x.in.Sender.UserID, a.Fit(x.doubt(), x.Service.Fits))
	if err != nil || missed.Count() > 0 {
		x.Log(ctx).Warn("direct answer failed", zap.Int("missed", missed.Count()), zap.Error(err))
		return reply.Fail(fmt.Sprintf(x.w.CantReach, x.w.Undelivered(missed, err))).About(a.Number)
	}
	sent := reply.Say(x.w.SentYou).About(a.Number)
	sent.Delivered, sent.Outcome = true, a.Outcome
	return sent
}

// times understands the times of a command: they are meant from when it was said,
// also where it is carried out later, or once more.
func (x *exchange) times() when.Times {
	return when.Times{Now: x.in.SaidAt.In(x.Presenter.Zone), MinEvery: receipts.EveryMin, MaxEvery: receipts.EveryMax, MaxAhead: receipts.AheadMax, MaxLater: receipts.LaterMax}
}

// unresolved reports whether a command is about somebody, and DingTalk does not tell
// about whom. One of several mentions is the bot's.
func (x *exchange) unresolved() bool {
	return len(x.in.Mentioned) == 0 && (x.said.Named || x.in.Strangers > 0 || len(x.in.Mentions) > 1)
}

// alone answers in the one-to-one chat, where there is nothing to do but to confirm what one was
// reminded of there, and to tell how to use the bot.
func (x *exchange) alone(ctx context.Context) (reply.Answer, error) {
	switch {
	case x.said.Verb == command.Confirm && x.in.IsReply:
		m, err := x.Service.ConfirmQuoted(ctx, x.by, x.in.Quote.Key, x.in.SaidAt)
		switch {
		case errors.Is(err, receipts.ErrNotAsked), errors.Is(err, receipts.ErrForeignGroup):
			return reply.Say(x.w.PrivateQuoted), nil
		case err != nil:
			return reply.Answer{}, err
		}
		return reply.Say(fmt.Sprintf(x.w.ConfirmedFor, x.page(nil).Heading(m))), nil
	case x.said.Verb == command.Confirm, x.said.Verb == command.Ignored:
		return reply.Say(x.w.PrivateThanks), nil
	case x.said.Verb == command.Help, x.said.Verb == command.None:
		return reply.Say(x.w.Private), nil
	}
	return reply.Refuse(x.w.Private), nil
}

// withNames is the text of an announcement with the people who are mentioned below it,
// those whose names do not stand in it, and what its author is told about that:
// DingTalk notifies nobody of a mention in it.
func (x *exchange) withNames(ctx context.Context) (text, note string) {
	in, said, w := x.in, x.said, x.w
	if len(in.Mentioned) == 0 {
		return said.Text, ""
	}
	names := x.Service.Names(ctx, in.Group, in.Mentioned)
	var below []string
	nameless := 0
	for _, id := range in.Mentioned {
		switch {
		case reply.Harmless(names[id]) == "":
			nameless++
		case !mentions(said.Title+"\n"+said.Text, names[id]):
			below = append(below, "@"+reply.Escape(reply.Shorten(names[id], reply.NameRunes)))
		}
	}
	switch {
	case len(below) > 0:
		note = fmt.Sprintf(w.NamedBelow, strings.Join(below, w.Comma))
	case nameless < len(in.Mentioned):
		note = w.NamedInside
	}
	if nameless > 0 {
		note = reply.Lines(note, fmt.Sprintf(w.NamelessBelow, nameless))
	}
	switch line := strings.Join(below, " "); {
	case line == "":
		return said.Text, note
	case said.Text == said.Title: // there was a single line
		return line, note
	default:
		return said.Text + "\n\n" + line, note
	}
}

// open takes the deadline, the interval, the time to post and the wish for confirmation off the
// beginning of an announcement.
func (x *exchange) open() (when.Opening, error) {
	if !x.said.Opening {
		return when.Opening{}, nil
	}
	terms, err := x.times().Announce(x.said.Title)
	if err != nil || terms.Deadline.IsZero() && terms.Every == 0 && terms.At.IsZero() && !terms.Confirm {
		return terms, err
	}
	text := x.said.Text
	if text == x.said.Title { // there was a single line
		text = terms.Title
	}
	title := strings.TrimSpace(terms.Title)
	if title == "" { // it is on the next line
		title, text, _ = strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
		title, text = strings.TrimSpace(title), strings.Trim(text, "\r\n")
	}
	if strings.TrimSpace(text) == "" {
		text = title
	}
	x.said.Title, x.said.Text = title, text
	return terms, nil
}
