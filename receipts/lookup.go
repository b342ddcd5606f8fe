package receipts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Ref is how somebody names a message: by its number, or else by quoting it or something
// about it, or else by a part of its title or the day on which it was sent, or else not at
// all, which means the latest one of the group.
//
// Looking it up gives these errors: a *NoSuchMessageError; ErrNotMessage where what is quoted
// is none of the messages, nor known to be about one; ErrNothingYet and ErrNothingCurrent
// where nothing is named and there is none; ErrNoneFits and a *SeveralFitError for a title or a
// day; a *Failure, ErrPaging or ErrLimited where DingTalk was asked about what is quoted and
// could not tell, or was not asked; else those of the records.
type Ref struct {
	Number int       // 0 if none was said
	Quote  *Quote    // nil if nothing is quoted
	Topic  string    // a part of its title; empty if none was said
	On     time.Time // any time of that day, in its zone; zero if none was said
}

// described reports whether a title or a day tells which message is meant.
func (r Ref) described() bool { return !r.named() && (r.Topic != "" || !r.On.IsZero()) }

// named reports whether a message is named by its number or by a quotation.
func (r Ref) named() bool { return r.Number > 0 || r.Quote != nil }

// number is that of the message that is meant. There may be no such message, if it was said:
// whoever wants its report finds that out.
func (r *Reporter) number(ctx context.Context, group string, ref Ref, by Asker) (int, error) {
	if ref.Number > 0 {
		return ref.Number, nil
	}
	m, err := r.find(ctx, group, ref, by)
	return m.Number, err
}

// find returns the message that is meant.
func (r *Reporter) find(ctx context.Context, group string, ref Ref, by Asker) (Message, error) {
	switch {
	case ref.Number > 0:
		return r.numbered(ctx, group, ref.Number)
	case ref.described():
		return r.spokenOf(ctx, group, ref)
	case ref.Quote == nil:
		return r.latest(ctx, group)
	case ref.Quote.Key != "":
		return r.quoted(ctx, group, *ref.Quote, by)
	}
	return r.shownOrNumbered(ctx, group, *ref.Quote)
}

func (r *Reporter) numbered(ctx context.Context, group string, number int) (Message, error) {
	m, err := r.Message(ctx, group, number)
	return m, missing(number, err)
}

// latest is the message of the group that is meant where nothing says which one.
func (r *Reporter) latest(ctx context.Context, group string) (Message, error) {
	m, err := r.Records.Latest(ctx, group)
	if !errors.Is(err, ErrNoMessage) {
		return m, err
	}
	earlier, err := r.Records.Recent(ctx, group, 1)
	switch {
	case err != nil:
		return Message{}, err
	case len(earlier) == 0:
		return Message{}, ErrNothingYet
	}
	return Message{}, ErrNothingCurrent
}

// about is the number that a quoted text gives if it is an answer of the bot, or begins with
// the number; else 0.
func (q Quote) about() int {
	if q.Number > 0 && (q.Answer || strings.HasPrefix(q.Text, fmt.Sprintf("#%d", q.Number))) {
		return q.Number
	}
	return 0
}

// shownOrNumbered is the message that a quotation without a key is about: the one that it is
// signed with, or else the one whose number it gives, unless that stands in an announcement.
func (r *Reporter) shownOrNumbered(ctx context.Context, group string, q Quote) (Message, error) {
	signed, err := r.signed(ctx, group, q)
	switch {
	case err != nil:
		return Message{}, err
	case signed > 0:
		return r.numbered(ctx, group, signed)
	case q.Number == 0:
		return Message{}, ErrNotMessage
	}
	if q.about() == 0 {
		if m, err := r.Shown(ctx, group, q.Text); !errors.Is(err, ErrNoMessage) {
			return m, err
		}
	}
	return r.numbered(ctx, group, q.Number)
}

// quoted is the message that a quotation with a key is about.
func (r *Reporter) quoted(ctx context.Context, group string, q Quote, by Asker) (Message, error) {
	m, err := r.Quoted(ctx, group, q, by)
	switch ReasonOf(err) {
	case KeyInvalid, GroupInvalid, BadRequest, WrongRobotCode: // it is no key of a message in this group
		return r.shownOrNumbered(ctx, group, q)
	}
	return m, err
}
