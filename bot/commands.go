package bot

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
)

// listLimit is how many messages a list shows.
const listLimit = 10

func (r *request) announce(ctx context.Context) (reply.Answer, error) {
	if err := r.Service.Permit(r.by, r.in.Group, receipts.RightAnnounce); err != nil {
		return reply.Answer{}, err
	}
	if r.in.Truncated {
		return reply.Answer{}, receipts.ErrTooLong
	}
	terms, err := r.open()
	switch {
	case err != nil:
		return reply.Refuse(r.w.Question(err), r.w.TitleBelow), nil
	case r.said.Title == "":
		return reply.Refuse(r.w.WhatToAnnounce), nil
	case r.said.TitleIsCommand || r.said.Opening && r.said.Text == r.said.Title && command.IsCommand(r.said.Title):
		return reply.Refuse(fmt.Sprintf(r.w.TitleIsCommand, reply.Escape(r.said.Title)), r.w.TitleBelow), nil
	}
	text, notes := r.withNames(ctx)
	if r.in.Pictures > 0 {
		notes = reply.Lines(notes, fmt.Sprintf(r.w.NoPictures, r.in.Pictures))
	}
	done, err := r.Service.Announce(ctx, r.by, receipts.Announcement{
		Group: r.in.Group, Command: r.in.ID, Title: r.said.Title, Text: text, Language: string(r.said.Language),
		Deadline: terms.Deadline, Every: terms.Every, At: terms.At, Again: terms.Again, Confirm: terms.Confirm,
	})
	number := done.Message.Number
	if errors.Is(err, receipts.ErrUnrecorded) {
		r.Log(ctx).Error("announcement sent but not recorded", zap.Error(err))
		return reply.Fail(fmt.Sprintf(r.w.Unrecorded, number)).About(number), nil
	}
	if err != nil {
		return reply.Answer{}, err
	}
	return r.page(nil).AnnouncementOutcome(done, notes).About(number), nil
}

func (r *request) report(ctx context.Context) (reply.Answer, error) {
	report, err := r.Service.Report(ctx, r.by, r.in.Group, r.ref())
	if err != nil {
		return reply.Answer{}, err
	}
	withReaders := r.said.Verb == command.WhoRead
	report, names, err := r.Service.Named(ctx, report, report.Shown(r.Service.MaxNames, withReaders))
	if err != nil {
		return reply.Answer{}, err
	}
	return r.deliver(ctx, r.stating(report, func(report receipts.Report) reply.Answer {
		if r.said.Confirmed {
			return r.page(names).Confirmations(report, withReaders).About(report.Message.Number)
		}
		return r.page(names).Report(report, withReaders).About(report.Message.Number)
	})), nil
}

// stating is the answer that states a report. If it has to wait, it states what is known then.
func (r *request) stating(report receipts.Report, state func(receipts.Report) reply.Answer) reply.Answer {
	r.again = func(ctx context.Context) (reply.Answer, error) {
		later, err := r.Service.Again(ctx, report)
		return state(later), err
	}
	return state(report)
}

func (r *request) list(ctx context.Context) (reply.Answer, error) {
	reports, err := r.Service.List(ctx, r.by, r.in.Group, listLimit)
	if err != nil {
		return reply.Answer{}, err
	}
	r.again = func(ctx context.Context) (reply.Answer, error) {
		later, err := r.Service.List(ctx, r.by, r.in.Group, listLimit)
		return r.page(nil).Overview(later), err
	}
	return r.deliver(ctx, r.page(nil).Overview(reports)), nil
}

// send posts an announcement that its author was asked about, as it was late.
func (r *request) send(ctx context.Context, number int) (reply.Answer, error) {
	done, err := r.Service.Send(ctx, r.by, r.in.Group, number)
	switch {
	case errors.Is(err, receipts.ErrWrongState):
		return reply.Refuse(fmt.Sprintf(r.w.Later.NotWaiting[done.Message.State], number)).About(number), nil
	case errors.Is(err, receipts.ErrUnrecorded):
		r.Log(ctx).Error("announcement sent but not recorded", zap.Error(err))
		return reply.Fail(fmt.Sprintf(r.w.Unrecorded, number)).About(number), nil
	case err != nil:
		return reply.Answer{}, err
	case done.Message.State == receipts.Scheduled:
		return reply.Fail(fmt.Sprintf(r.w.Later.Waits, number)).About(number), nil
	}
	return r.page(nil).AnnouncementOutcome(done, "").About(number), nil
}

// cancel calls off an announcement that waits for its time.
func (r *request) cancel(ctx context.Context) (reply.Answer, error) {
	off, err := r.Service.Cancel(ctx, r.by, r.in.Group, r.ref())
	a, ok := r.page(nil).CalledOff(off, err)
	if !ok {
		return reply.Answer{}, err
	}
	return a, nil
}

// recall takes a message back.
func (r *request) recall(ctx context.Context, ref receipts.Ref) (reply.Answer, error) {
	m, err := r.Service.Recall(ctx, r.by, r.in.Group, ref)
	failure, failed := errors.AsType[*receipts.Failure](err)
	switch {
	case m.Number == 0: // none was found
		return reply.Answer{}, err
	case errors.Is(err, receipts.ErrAsks):
		return reply.Refuse(fmt.Sprintf(r.w.ReallyRecall, r.page(nil).Heading(m))).About(m.Number), nil
	case errors.Is(err, receipts.ErrWrongState):
		return reply.Refuse(fmt.Sprintf(r.w.Unrecallable[m.State], m.Number)).About(m.Number), nil
	case failed && failure.Uncertain:
		return reply.Fail(fmt.Sprintf(r.w.MayBeGone, m.Number, r.w.Problem(err))).About(m.Number), nil
	case failed:
		return reply.Fail(fmt.Sprintf(r.w.NotRecalled, m.Number, r.w.Problem(err))).About(m.Number), nil
	case err != nil:
		refused, ok := r.page(nil).Refused(err)
		if !ok {
			return reply.Answer{}, err
		}
		return refused.About(m.Number), nil
	}
	return reply.Say(fmt.Sprintf(r.w.Recalled, m.Number)).About(m.Number), nil
}
