package receipts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// ErrUnrecorded means that a message was sent, but its record could not be
// written. It will show up as uncertain.
var ErrUnrecorded = errors.New("the message was sent but not recorded")

// Times that an announcement waits.
const (
	// membersWithin bounds how long an announcement is held up by its audience.
	// Past it, the message goes out with an audience to be found later.
	membersWithin = 10 * time.Second
	// recordWithin bounds how long the record of a sent message is tried.
	recordWithin = 10 * time.Second
)

// Announcer sends announcements, each one at most once.
type Announcer struct {
	Records Records
	Members *MemberResolver
	Sender  Sender
	// Compose makes the post of an announcement, whose Number and Deadline are those of its
	// message.
	Compose func(Announcement) Post
	Now     func() time.Time
}

// Announcement is what somebody wants the group to read.
type Announcement struct {
	Group   string
	Command string // the msgId of the command, by which a repetition is known
	Title   string
	Text    string // the title again where there is nothing else
	Author  Person // a Service fills it in
	// Language is that in which the bot signs it.
	Language string
	// How it is followed up. What is zero is as the settings have it.
	Deadline time.Time
	Every    time.Duration
	// Confirm asks its readers to confirm it.
	Confirm bool

	// At is when to post it; zero for at once. Again are the days on which it is posted again,
	// at Clock, as one of a Series, which the command names that began it; a Service fills in
	// these two.
	At     time.Time
	Again  Weekdays
	Clock  ClockTime
	Series string

	// Number is that of its message; an Announcer fills it in.
	Number int
}

// numberMax is longer than the number of any message.
const numberMax = 999_999_999

// longest is the announcement as if its number was as long as any: what fits then, fits once
// the number is known.
func (a Announcement) longest() Announcement {
	a.Number = numberMax
	return a
}

// draft is what is recorded of an announcement before it is sent.
func (a Announcement) draft(at time.Time) Draft {
	return Draft{
		Group: a.Group, Command: a.Command, Title: a.Title, Beginning: Beginning(a.Title, a.Text), Excerpt: Excerpt(a.Title, a.Text),
		Author: a.Author, At: at, Deadline: a.Deadline, Confirm: a.Confirm,
	}
}

// Announced is the outcome of an announcement.
type Announced struct {
	Message Message
	// Audience is nil if it is not known, for the reason NoAudience. With both, it is
	// the members as they were last known, and NoAudience is why nobody was asked.
	Audience   *Members
	NoAudience error
	// Failure is why it was not sent, or not certainly, for the log; nil also of a
	// repetition.
	Failure  error
	FollowUp *FollowUp // nil if it is not followed up
}

// Announce records the announcement, sends it, and records the outcome.
//
// Whatever DingTalk answered is in the state of the message: sent, failed or
// uncertain. An error means that nothing was sent: the text does not fit, or
// the record could not be written. There are two exceptions: ErrUnrecorded,
// then it was sent; and a failure of the records after a send that did not
// succeed, then a repetition of the command finds it uncertain.
//
// A repetition of the same command sends nothing. If the earlier try was cut
// off while sending, the message becomes uncertain.
func (a *Announcer) Announce(ctx context.Context, n Announcement) (Announced, error) {
	if err := a.Sender.Fits(a.Compose(n.longest())); err != nil {
		return Announced{}, err
	}
	var done Announced
	done.Audience, done.NoAudience = a.audience(ctx, n.Group)
	draft := n.draft(a.Now())
	draft.Audience = done.Audience
	message, again, err := a.Records.Begin(ctx, draft)
	if err != nil {
		return Announced{}, fmt.Errorf("record announcement: %w", err)
	}
	if again {
		done.Message, err = a.resume(ctx, message)
		return done, err
	}
	n.Number = message.Number
	return a.post(ctx, message, a.Compose(n), done, outcome)
}

// Later posts an announcement whose record waits for its time. It is as Announce, and a
// repetition sends nothing either; but what DingTalk certainly did not take, and may take
// later, goes on waiting. Begun is called once it is certain that this call sends it; its
// error is that of the call, and nothing is sent. ErrWrongState comes back where the message
// does not wait any more.
func (a *Announcer) Later(ctx context.Context, m Message, n Announcement, begun func(context.Context) error) (Announced, error) {
	if m.State == Sending {
		return a.cutOff(ctx, m, begun)
	}
	var done Announced
	done.Audience, done.NoAudience = a.audience(ctx, n.Group)
	message, again, err := a.Records.BeginSending(ctx, m.Group, m.Number, SendingStart{At: a.Now(), Deadline: n.Deadline, Audience: done.Audience})
	switch {
	case err != nil:
		return Announced{Message: message}, fmt.Errorf("record that #%d is being sent: %w", m.Number, err)
	case again:
		return a.cutOff(ctx, message, begun)
	}
	if err := begun(ctx); err != nil {
		_, failure := a.record(ctx, message, Change{To: Scheduled})
		return Announced{Message: message}, errors.Join(err, failure)
	}
	n.Number = message.Number
	return a.post(ctx, message, a.Compose(n), done, func(posted Posted, err error) Change {
		c := outcome(posted, err)
		if c.To == Failed && c.Reason.Passes() {
			c = Change{To: Scheduled}
		}
		return c
	})
}

// cutOff answers for an announcement whose sending was begun before.
func (a *Announcer) cutOff(ctx context.Context, m Message, begun func(context.Context) error) (Announced, error) {
	if err := begun(ctx); err != nil {
		return Announced{Message: m}, err
	}
	m, err := a.resume(ctx, m)
	return Announced{Message: m}, err
}

// post sends what is recorded as being sent, and records the outcome.
func (a *Announcer) post(ctx context.Context, m Message, post Post, done Announced, change func(Posted, error) Change) (_ Announced, err error) {
	post.Stands = func(ctx context.Context) error { return a.stillSending(ctx, m) }
	posted, failure := a.Sender.Post(ctx, m.Group, post)
	done.Failure = failure
	done.Message, err = a.record(ctx, m, change(posted, failure))
	return done, err
}

// errChanged means that something was not sent because what it is about has changed since it
// was decided.
var errChanged = errors.New("what it is about has changed meanwhile")

// stillSending returns errChanged where somebody was told meanwhile that the message is
// uncertain, and will not be sent.
func (a *Announcer) stillSending(ctx context.Context, m Message) error {
	now, err := a.Records.Snapshot(ctx, m.Group, m.Number)
	if err == nil && now.Message.State != Sending {
		err = errChanged
	}
	return err
}

// audience returns who is in the group, or nil and why it can't be told. For want of
// budget it is who was last known to be.
func (a *Announcer) audience(ctx context.Context, group string) (*Members, error) {
	ctx, cancel := context.WithTimeout(ctx, membersWithin)
	defer cancel()
	members, err := a.Members.Members(ctx, group, Rights{})
	if errors.Is(err, ErrBudgetSpent) {
		known, failure := a.Members.Known(ctx, group)
		return known, errors.Join(err, failure)
	}
	if err != nil {
		return nil, err
	}
	return &members, nil
}

// resume answers for a command that was carried out before, at least in part.
func (a *Announcer) resume(ctx context.Context, m Message) (Message, error) {
	if m.State != Sending {
		return m, nil
	}
	marked, err := a.Records.Mark(ctx, m.Group, m.Number, Change{To: Uncertain, Reason: Interrupted})
	if errors.Is(err, ErrWrongState) { // the earlier try has ended after all
		return marked, nil
	}
	return marked, err
}

func outcome(posted Posted, err error) Change {
	var failure *Failure
	switch {
	case err == nil:
		return Change{To: Sent, Key: posted.Key, SentAt: posted.At}
	case errors.As(err, &failure) && !failure.Uncertain:
		return Change{To: Failed, Reason: failure.Reason}
	case errors.As(err, &failure):
		return Change{To: Uncertain, Reason: failure.Reason}
	default:
		return Change{To: Uncertain, Reason: Interrupted}
	}
}

// record writes the outcome of a send. It tries for a while, and although ctx
// may have ended: a message that was sent and not recorded can't be reported on.
func (a *Announcer) record(ctx context.Context, m Message, c Change) (Message, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	marked, err := backoff.Retry(ctx, func() (Message, error) {
		marked, err := a.Records.Mark(ctx, m.Group, m.Number, c)
		if errors.Is(err, ErrWrongState) || errors.Is(err, ErrNoMessage) {
			return marked, backoff.Permanent(err)
		}
		return marked, err
	}, backoff.WithMaxElapsedTime(recordWithin))
	if errors.Is(err, ErrWrongState) && (c.To != Sent || marked.Key == c.Key) {
		return marked, nil // a quotation was faster
	}
	if err != nil && c.To == Sent {
		return m, fmt.Errorf("%w: %w", ErrUnrecorded, err)
	}
	return marked, err
}
