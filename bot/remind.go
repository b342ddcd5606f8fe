package bot

import (
	"context"
	"fmt"
	"slices"

	"whoread/bot/reply"
	"whoread/receipts"
)

// remind reminds those who have not read a message.
func (r *request) remind(ctx context.Context) (reply.Answer, error) {
	if err := r.Service.Permit(r.by, r.in.Group, receipts.RightRemind); err != nil {
		return reply.Answer{}, err
	}
	if r.unresolved() {
		return reply.Refuse(r.w.WhomToRemind), nil
	}
	return r.reminded(ctx, receipts.RemindRequest{Ref: r.ref(), By: r.said.By, People: r.in.Mentioned})
}

// yes carries out what a person was asked about.
func (r *request) yes(ctx context.Context, asked receipts.Pending) (reply.Answer, error) {
	if r.Now().Sub(r.in.SaidAt) > actsWithin {
		return reply.Refuse(r.w.TooLate), nil
	}
	ref := receipts.Ref{Number: asked.Number}
	switch asked.Kind {
	case receipts.PendingRecall:
		return r.recall(ctx, ref)
	case receipts.PendingSend:
		return r.send(ctx, asked.Number)
	}
	return r.reminded(ctx, receipts.RemindRequest{Ref: ref, By: asked.By, People: asked.People, Confirmed: true})
}

// reminded carries a reminder out and tells what came of it.
func (r *request) reminded(ctx context.Context, wanted receipts.RemindRequest) (reply.Answer, error) {
	wanted.Group, wanted.Command, wanted.Language, wanted.Webhook = r.in.Group, r.in.ID, string(r.w.Language), r.in.Webhook
	done, err := r.Service.Remind(ctx, r.by, wanted)
	if err != nil {
		return reply.Answer{}, err
	}
	if done.Asks {
		return reply.Refuse(fmt.Sprintf(r.w.ReallyRemind, done.Report.Message.Number, len(done.Report.Unread))).About(done.Report.Message.Number), nil
	}
	if len(done.NotUnread) > 0 {
		return r.deliver(ctx, r.notUnread(ctx, done)), nil
	}
	if r.in.Strangers == 0 && done.Told {
		return reply.Answer{}, nil
	}
	names := r.Service.Names(ctx, r.in.Group, done.Shown(r.Service.MaxNames))
	a := r.page(names).Reminded(done, r.Service.Reminders.Cooldown).About(done.Report.Message.Number)
	if r.in.Strangers > 0 {
		a.Text = reply.Lines(a.Text, fmt.Sprintf(r.w.StrangersLeft, r.in.Strangers))
	}
	return r.deliver(ctx, a), nil
}

// notUnread says why none of the people who are mentioned is reminded.
func (r *request) notUnread(ctx context.Context, done receipts.Reminded) reply.Answer {
	read := slices.DeleteFunc(slices.Clone(done.NotUnread), func(id string) bool {
		return !slices.ContainsFunc(done.Report.Asked().Read, func(receipt receipts.Receipt) bool { return receipt.UserID == id })
	})
	others := slices.DeleteFunc(slices.Clone(done.NotUnread), func(id string) bool { return slices.Contains(read, id) })
	names := r.Service.Names(ctx, r.in.Group, done.NotUnread)
	return r.page(names).NobodyMentioned(done.Report.Message, read, others)
}
