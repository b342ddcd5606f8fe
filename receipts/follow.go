package receipts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// FollowRequest is how somebody wants a message to be followed up.
type FollowRequest struct {
	Group   string
	Ref     Ref
	Command string // the msgId of the command, by which a repetition is known
	Every   time.Duration
	By      Channel   // empty for the usual one
	Share   int       // the percentage of readers that is enough, from 1 to 100; 0 for all
	Until   time.Time // zero for none
}

// Follow begins to follow a message up, and returns the message and its follow-up, which is
// over if that happened since an earlier try of the same command. Errors are those of Permit
// and of a Ref; with the message ErrWrongState, if it is neither sent nor may turn out to be,
// and a *RecordEndsError.
func (s *Service) Follow(ctx context.Context, by Actor, r FollowRequest) (Message, FollowUp, error) {
	if err := s.Permit(by, r.Group, RightRemind); err != nil {
		return Message{}, FollowUp{}, err
	}
	m, err := s.find(ctx, by, r.Group, r.Ref)
	if err != nil {
		return Message{}, FollowUp{}, err
	}
	if m.State != Sent && m.State != Uncertain {
		return m, FollowUp{}, fmt.Errorf("follow up a message that is %s: %w", m.State, ErrWrongState)
	}
	f, err := s.followUps.start(ctx, m, FollowUp{
		ID: r.Command, Starter: by.Person,
		Plan: Plan{Every: []time.Duration{r.Every}, By: []Channel{cmp.Or(r.By, s.Reminders.By)}, Share: cmp.Or(r.Share, 100), Until: r.Until, Confirm: m.Confirm},
	})
	return m, f, err
}

// StoppedMessage is a message whose follow-up was ended, or the series that it belongs to.
type StoppedMessage struct {
	Number int
	Series bool // it was not followed up, and its series was ended
	// Next is the one of its series that comes all the same; nil if there is none.
	Next *Message
}

// Stop ends the follow-up of a message; or the series that it belongs to, if it is not followed
// up. Without a Ref it is the only one of these in the group: otherwise the error is
// ErrNothingFollowed or a *ManyFollowedError. Other errors are those of Permit and of a Ref, a
// *NotFollowedError and ErrBeingSent.
func (s *Service) Stop(ctx context.Context, by Actor, group string, ref Ref) (StoppedMessage, error) {
	if err := s.Permit(by, group, RightRemind); err != nil {
		return StoppedMessage{}, err
	}
	if !ref.named() && !ref.described() {
		number, err := s.onlyStoppable(ctx, group)
		if err != nil {
			return StoppedMessage{}, err
		}
		ref.Number = number
	}
	m, err := s.find(ctx, by, group, ref)
	if err != nil {
		return StoppedMessage{}, err
	}
	stopped := StoppedMessage{Number: m.Number}
	switch _, err = s.followUps.records.Stop(ctx, group, m.Number, by.Person); {
	case err == nil && m.Series != "":
		stopped.Next, err = s.nextOf(ctx, group, m.Series)
		return stopped, err
	case !errors.Is(err, ErrNotFollowed):
		return stopped, err
	}
	if stopped.Series, err = s.endSeries(ctx, m); err == nil && !stopped.Series {
		err = &NotFollowedError{Number: m.Number}
	}
	return stopped, err
}

// onlyStoppable is the number of the only message of a group that is followed up, or that waits
// as one of a series.
func (s *Service) onlyStoppable(ctx context.Context, group string) (int, error) {
	numbers, err := s.ports.Store.Followed(ctx, group)
	if err != nil {
		return 0, err
	}
	waiting, err := s.planner.waiting(ctx, group)
	if err != nil {
		return 0, err
	}
	series := map[string]bool{"": true}
	for _, one := range waiting {
		if id := one.Announcement.Series; !series[id] {
			series[id], numbers = true, append(numbers, one.Number)
		}
	}
	switch len(numbers) {
	case 0:
		return 0, ErrNothingFollowed
	case 1:
		return numbers[0], nil
	}
	slices.Sort(numbers)
	return 0, &ManyFollowedError{Numbers: numbers}
}

// Followed is a message's follow-up that goes on.
type Followed struct {
	Number   int
	FollowUp FollowUp
}

// FollowUps returns the follow-ups of a group that go on, at most limit of them, those of
// the smallest numbers.
func (s *Service) FollowUps(ctx context.Context, group string, limit int) ([]Followed, error) {
	numbers, err := s.ports.Store.Followed(ctx, group)
	if err != nil {
		return nil, err
	}
	var all []Followed
	for _, number := range numbers[:min(len(numbers), limit)] {
		f, err := s.ports.Store.FollowUp(ctx, group, number)
		if err != nil {
			return nil, err
		}
		if f != nil && f.Ended == "" {
			all = append(all, Followed{number, *f})
		}
	}
	return all, nil
}

// follower follows messages up: it begins that, and carries the rounds out.
type follower struct {
	settings    Settings
	ports       Ports
	records     *FollowUps
	reporter    *Reporter
	reminderKit *reminderKit
	poster      *Poster
}

// dueFollowUp is the body of a job that looks at the follow-up of a message.
type dueFollowUp struct {
	Number int
	// Left reports that its round was left to that of another message, and has not come yet.
	Left bool
}

// announced begins to follow an announcement up, if it is to be; nil if not, or not any
// more. It can be repeated.
func (f *follower) announced(ctx context.Context, m Message, a Announcement) (*FollowUp, error) {
	plan := f.settings.planOf(a, m)
	if plan == nil {
		return nil, nil
	}
	begun, err := f.start(ctx, m, FollowUp{ID: a.Command, Plan: *plan, Starter: a.Author})
	if err != nil || begun.Ended != "" {
		return nil, err
	}
	return &begun, nil
}

// start begins the follow-up that somebody asks for. It can be repeated: one that is over
// meanwhile stays so.
func (f *follower) start(ctx context.Context, m Message, wanted FollowUp) (FollowUp, error) {
	var err error
	if wanted.Plan, err = f.settings.cut(wanted.Plan, m, f.ports.Now()); err != nil {
		return FollowUp{}, err
	}
	begun, err := f.records.Start(ctx, m, wanted)
	if err != nil || begun.Ended != "" {
		return begun, err
	}
	return begun, f.schedule(ctx, m.Group, m.Number, begun.Next)
}

// schedule has the follow-up of a message looked at.
func (f *follower) schedule(ctx context.Context, group string, number int, at time.Time) error {
	return f.put(ctx, group, dueFollowUp{Number: number}, at)
}

func (f *follower) put(ctx context.Context, group string, due dueFollowUp, at time.Time) error {
	job, err := jobOf(FollowUpJob, group, strconv.Itoa(due.Number), due, at)
	if err != nil {
		return err
	}
	if err := f.ports.Jobs.Schedule(ctx, job); err != nil {
		return fmt.Errorf("schedule the follow-up of #%d: %w", due.Number, err)
	}
	return nil
}

// wake has the follow-ups of these messages looked at now, where there are any: something
// happened that may end them.
func (f *follower) wake(ctx context.Context, group string, numbers ...int) error {
	followed, err := f.ports.Store.Followed(ctx, group)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if slices.Contains(followed, number) {
			if err := f.schedule(ctx, group, number, f.ports.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// againAfter is how long a follow-up waits that could not be carried out.
const againAfter = 5 * time.Minute

// postpone has a follow-up looked at again later that could not be carried out now.
func (f *follower) postpone(ctx context.Context, j Job, reason error) {
	f.ports.Log(ctx).Error("follow-up put off", zap.String("job", j.ID), zap.Error(reason))
	j.At = f.ports.Now().Add(againAfter)
	if err := f.ports.Jobs.Schedule(ctx, j); err != nil {
		f.ports.Log(ctx).Error("follow-up lost", zap.String("job", j.ID), zap.Error(err))
	}
}

// run carries out the round of a follow-up, if one is due, and with it those of the group's other
// messages that remind people in the same way at that time. It can be repeated: people are
// reminded and told once each. An error means that it should be tried again.
func (f *follower) run(ctx context.Context, j Job) error {
	due, err := BodyOf[dueFollowUp](j)
	if err != nil {
		return err
	}
	all, err := f.ports.Store.FollowUps(ctx, j.Group)
	if err != nil {
		return fmt.Errorf("follow up #%d: %w", due.Number, err)
	}
	i := slices.IndexFunc(all, func(one Followed) bool { return one.Number == due.Number })
	if i < 0 {
		return nil
	}
	this := all[i]
	if !f.settings.Policy.Works(j.Group) { // not any more: nothing is said there
		next := this.FollowUp
		next.Ended = Stopped
		return f.settle(ctx, j.Group, due.Number, this.FollowUp, next)
	}
	now := f.ports.Now()
	others := this.dueWith(all, now)
	switch {
	case due.Left, f.settings.Reminders.Quiet.End(now).After(now):
		others = nil
	case len(others) > 0 && others[0].Number < this.Number:
		return f.put(ctx, j.Group, dueFollowUp{Number: due.Number, Left: true}, now.Add(leaveFor))
	}
	return f.carryOut(ctx, j.Group, append([]Followed{this}, others...))
}

// settle records the follow-up as it is after a round and has it looked at again.
func (f *follower) settle(ctx context.Context, group string, number int, recorded, next FollowUp) error {
	if !next.Next.Equal(recorded.Next) || next.Rounds != recorded.Rounds || next.Ended != recorded.Ended {
		next.Version = recorded.Version + 1
		changed, err := f.ports.Store.Change(ctx, group, number, next)
		if err != nil {
			return fmt.Errorf("record the follow-up: %w", err)
		}
		if !changed { // stopped, begun anew, or another's round
			return nil
		}
	}
	if next.Ended != "" {
		return nil
	}
	return f.schedule(ctx, group, number, next.Next)
}
