package receipts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Plan is how a message is followed up.
type Plan struct {
	// Every holds the pauses before the rounds; the last one is repeated. Without
	// any, the only round is at the deadline.
	Every []time.Duration
	// By holds the channels of the rounds; the last one is repeated.
	By []Channel
	// Share is the percentage of readers that is enough, from 1 to 100.
	Share int
	// Until is the deadline; zero for none.
	Until time.Time
	// Cut is whether it would go on after Until if the message were kept for longer.
	Cut bool
	// Tell is who is told at the deadline, by userId.
	Tell []string
	// Confirm is whether people are reminded to confirm the message.
	Confirm bool
}

// End is why a follow-up is over. The values are stored.
type End string

// The ends. The zero value is a follow-up that goes on.
const (
	EnoughRead    End = "read"      // everybody, or the wanted share
	DeadlineOver  End = "deadline"  // the deadline is over
	WentOnTooLong End = "too_long"  // it went on for FollowMax
	Stopped       End = "stopped"   // somebody said so
	MessageOver   End = "message"   // the message is failed, recalled, disbanded or expired: its State says
	Unresolved    End = "uncertain" // whether the message was delivered has not turned out
)

// NoRound reports whether no round is due before the end.
func (f FollowUp) NoRound() bool {
	return len(f.Every) == 0 || !f.Next.Before(f.last())
}

// FollowMax is how long a message without a deadline is followed up at most.
// Whoever has not read it after a week will not because of another reminder.
const FollowMax = 7 * 24 * time.Hour

// The bounds of what people and settings may ask for.
const (
	EveryMin = 5 * time.Minute     // between two rounds
	EveryMax = 7 * 24 * time.Hour  // the same
	AheadMax = 30 * 24 * time.Hour // from an announcement to its deadline
)

// FollowUp is the following up of one message.
type FollowUp struct {
	// ID is the msgId of the command that began it. Another command's follow-up of
	// the same message takes its place.
	ID string
	Plan
	Starter Person
	Began   time.Time

	Rounds  int       // that were carried out
	Next    time.Time // when the next one is due
	Trouble bool      // the last round could not find out who has read
	Ended   End
	Stopper Person // who stopped it
	// Version counts the changes.
	Version int
}

// pause is the one before round n, counted from 0; zero if there is none.
func (p Plan) pause(n int) time.Duration {
	if len(p.Every) == 0 {
		return 0
	}
	return p.Every[min(n, len(p.Every)-1)]
}

// Channel is how the due round reminds.
func (f FollowUp) Channel() Channel { return f.By[min(f.Rounds, len(f.By)-1)] }

// Begin returns the follow-up with its first round planned.
func (f FollowUp) Begin(now time.Time) FollowUp {
	f.Began = now
	f.Next = f.after(now)
	return f
}

// after is when the next round is due after one at now. What was missed while
// nothing ran is not made up for: the next round is a whole pause away.
func (f FollowUp) after(now time.Time) time.Time {
	last := f.last()
	pause := f.pause(f.Rounds)
	if next := now.Add(pause); pause > 0 && next.Before(last) {
		return next
	}
	return last
}

// last is when the follow-up ends at the latest.
func (f FollowUp) last() time.Time {
	if f.Until.IsZero() {
		return f.Began.Add(FollowMax)
	}
	return f.Until
}

// at is when a round counts as carried out that comes now: not before it is due.
func (f FollowUp) at(now time.Time) time.Time {
	if f.Next.After(now) {
		return f.Next
	}
	return now
}

// reminds reports whether a round that is due within a while would remind people, by what is
// known without asking.
func (f FollowUp) reminds(now time.Time, within time.Duration) bool {
	return !f.Next.After(now.Add(within)) && f.at(now).Before(f.last())
}

// Act is what a round does.
type Act string

// The acts.
const (
	Wait          Act = "wait"    // nothing; it is not yet time
	Remind        Act = "remind"  // report, and remind the unread
	ReportFailure Act = "excuse"  // say that it could not be found out who has read
	Skip          Act = "silence" // nothing: that was said last time, or only who began it is unread
	Finish        Act = "finish"  // say why the follow-up is over
)

// Before decides what to do without asking who has read: to Wait, to Finish, or
// else to ask. The follow-up comes back as it is after a Wait or a Finish.
func (f FollowUp) Before(m Message, quiet QuietHours, now time.Time) (Act, FollowUp) {
	unresolved := m.State == Sending || m.State == Uncertain
	switch {
	case unresolved && now.Before(f.last()):
		if !now.Before(f.Next) { // it may turn out to be sent
			f.Next = f.after(now)
		}
		return Wait, f
	case m.State == Sent && now.Before(f.Next):
		return Wait, f
	}
	if end := quiet.End(now); end.After(now) {
		f.Next = end
		return Wait, f
	}
	switch {
	case unresolved:
		return f.finish(Unresolved)
	case m.State != Sent:
		return f.finish(MessageOver)
	}
	return Remind, f
}

// Round decides what a due round does, given a report that was just asked for.
// The follow-up comes back as it is after it.
func (f FollowUp) Round(r Report, now time.Time) (Act, FollowUp) {
	if r.Message.State != Sent {
		return f.finish(MessageOver)
	}
	r = r.Asked()
	if f.enough(r) {
		return f.finish(EnoughRead)
	}
	if !now.Before(f.last()) {
		if f.Until.IsZero() {
			return f.finish(WentOnTooLong)
		}
		return f.finish(DeadlineOver)
	}
	said := f.Trouble
	f.Trouble = !r.Complete()
	f.Rounds++
	f.Next = f.after(now)
	nobody := r.Total > 0 && len(r.sparing(f.Starter).Unread) == 0 // but who began it
	switch {
	case r.Complete() && !nobody:
		return Remind, f
	case r.Complete(), said:
		return Skip, f
	default:
		return ReportFailure, f
	}
}

// enough reports whether the wanted share has certainly read. Of a share, missing
// readers don't matter: more can only have read. Where nobody but the author is known to be
// in the group, nothing is.
func (f FollowUp) enough(r Report) bool {
	if r.Total == 0 || r.Source == Learned && !r.ReadByOthers() {
		return false
	}
	if f.Share < 100 {
		return len(r.Read)*100 >= f.Share*r.Total
	}
	return r.Complete() && len(r.Unread) == 0
}

func (f FollowUp) finish(why End) (Act, FollowUp) {
	f.Ended = why
	return Finish, f
}

// FollowUpRecords keep the follow-ups of messages. Every method is safe to
// repeat.
type FollowUpRecords interface {
	// Follow records a follow-up in the place of another command's. If that of the
	// same command is recorded, it comes back as it is. ErrNoMessage if there is no
	// such message.
	Follow(ctx context.Context, group string, number int, f FollowUp) (FollowUp, error)
	// FollowUp returns the follow-up of a message, over or not; nil if it has none.
	FollowUp(ctx context.Context, group string, number int) (*FollowUp, error)
	// Change records f in the place of its version before, and reports whether that
	// was still the recorded one.
	Change(ctx context.Context, group string, number int, f FollowUp) (bool, error)
	// Stands reports whether f is still the version that is recorded, and its message
	// still in that state.
	Stands(ctx context.Context, group string, number int, f FollowUp, state State) (bool, error)
	// FollowUps returns the follow-ups of the group's messages that go on, by their numbers.
	FollowUps(ctx context.Context, group string) ([]Followed, error)
	// Followed returns the numbers of the group's messages whose follow-up goes on,
	// the smallest first.
	Followed(ctx context.Context, group string) ([]int, error)
}

// ErrNotFollowed means that a message has no follow-up that goes on.
var ErrNotFollowed = errors.New("the message is not followed up")

// stopTries bounds how often stopping is tried while rounds change the follow-up
// under its hands.
const stopTries = 5

// FollowUps begins and stops follow-ups.
type FollowUps struct {
	Records FollowUpRecords
	Now     func() time.Time
}

// Start follows a message up. A repetition of the same command changes nothing.
func (w *FollowUps) Start(ctx context.Context, m Message, f FollowUp) (FollowUp, error) {
	return w.Records.Follow(ctx, m.Group, m.Number, f.Begin(w.Now()))
}

// Stop ends a follow-up. ErrNotFollowed means that there is none that goes on, nor
// one that the same person stopped.
func (w *FollowUps) Stop(ctx context.Context, group string, number int, who Person) (FollowUp, error) {
	for range stopTries {
		f, err := w.Records.FollowUp(ctx, group, number)
		if err != nil {
			return FollowUp{}, err
		}
		if f != nil && f.Ended == Stopped && f.Stopper.UserID == who.UserID {
			return *f, nil // an earlier try of the same command got this far
		}
		if f == nil || f.Ended != "" {
			return FollowUp{}, ErrNotFollowed
		}
		f.Ended, f.Stopper = Stopped, who
		f.Version++
		done, err := w.Records.Change(ctx, group, number, *f)
		if err != nil || done {
			return *f, err
		}
	}
	return FollowUp{}, fmt.Errorf("stop following #%d: it changed %d times meanwhile", number, stopTries)
}
