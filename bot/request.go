package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
)

// request is what somebody wants, and how each command of theirs is carried out.
type request struct{ *exchange }

// request returns the request that somebody's words are.
func (b *Bot) request(in Incoming) *request {
	return &request{b.exchange(in)}
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
		return r.alone(ctx)
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
	case command.WhoRead:
		if len(r.in.Mentioned) > 0 { // who read @Bob
			return r.people(ctx)
		}
		return r.report(ctx)
	case command.Unread:
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
