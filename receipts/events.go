package receipts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// GroupRecords keep what the bot notices of a group by itself. Every method is safe to
// repeat.
type GroupRecords interface {
	// SaveGroupUpdate keeps what a command told of its group.
	SaveGroupUpdate(ctx context.Context, group string, u GroupUpdate) error
	SaveTitle(ctx context.Context, group, title string) error
	// Title returns nothing if it is not known.
	Title(ctx context.Context, group string) (string, error)
	// Voice returns how the group is spoken to.
	Voice(ctx context.Context, group string) (Voice, error)
	SaveCoolApp(ctx context.Context, group, code string) error
	// DeleteCoolApp forgets the group's cool app if it has that code; with an empty
	// code, whichever it has.
	DeleteCoolApp(ctx context.Context, group, code string) error
}

// Voice is how the bot speaks to a group by itself.
type Voice struct {
	Language string  // of the last command that told one; empty if none did
	Webhook  Webhook // the latest, the only way to mention people; the zero value if none is recorded
}

const (
	// recordingWithin is how young a read of an unknown message is to be pushed again: the
	// message may have been read before its sending was recorded.
	recordingWithin = 10 * time.Second
	// disbandedMax is how many messages of a disbanded group are ended, the newest.
	// An older one is ended when somebody asks for it: DingTalk then says so.
	disbandedMax = 200
)

// ErrNotYetRecorded means that an event is about a message which may be about to be recorded,
// so that it should be pushed again.
var ErrNotYetRecorded = errors.New("the message of the event is not recorded yet")

// Events takes what DingTalk pushes about the groups in which the bot works. An error means
// that DingTalk should push it again; every method is safe to repeat.
type Events struct {
	Records Records
	Pushes  PushRecords
	Groups  GroupRecords
	Members *MemberResolver
	// CallOff calls off all that is scheduled in a group.
	CallOff func(ctx context.Context, group string) error
	// Wake has the follow-ups of these messages looked at, where there are any.
	Wake func(ctx context.Context, group string, numbers ...int) error
	Now  func() time.Time
}

// Read keeps that people have read a message at that time, by DingTalk's clock.
func (e *Events) Read(ctx context.Context, group, key string, userIDs []string, at time.Time) error {
	now := e.Now()
	young := now.Sub(at).Abs() < recordingWithin
	if at.After(now) { // nobody reads in time to come
		at = now
	}
	reads := make(map[string]time.Time, len(userIDs))
	for _, id := range userIDs {
		reads[id] = at
	}
	known, err := e.Pushes.SavePushedReads(ctx, group, key, reads)
	if err != nil {
		return err
	}
	if !known && young {
		return ErrNotYetRecorded
	}
	return nil
}

// Recalled follows somebody's taking a message back in DingTalk's client.
func (e *Events) Recalled(ctx context.Context, group, key string) error {
	m, err := e.Records.ByKey(ctx, group, key)
	if err == nil && m.Key != key { // a chart or an answer
		return nil
	}
	if err == nil {
		_, err = e.Records.Mark(ctx, group, m.Number, Change{To: Recalled})
	}
	if err != nil {
		return overtaken(err)
	}
	return e.Wake(ctx, group, m.Number)
}

// Joined notes that people came into the group, and Left that they are in it no more.
func (e *Events) Joined(ctx context.Context, group string, userIDs []string, at EventTime) error {
	return e.Members.Joined(ctx, group, userIDs, at)
}

// Left notes that people are in the group no more.
func (e *Events) Left(ctx context.Context, group string, userIDs []string, at EventTime) error {
	return e.Members.Left(ctx, group, userIDs, at)
}

// Retitled keeps what the group is called now.
func (e *Events) Retitled(ctx context.Context, group, title string) error {
	return e.Groups.SaveTitle(ctx, group, title)
}

// CoolAppInstalled and CoolAppRemoved follow the group's cool app. Either may change whose
// members DingTalk tells.
func (e *Events) CoolAppInstalled(ctx context.Context, group, code string) error {
	if err := e.Groups.SaveCoolApp(ctx, group, code); err != nil {
		return err
	}
	return e.Members.DeleteRefusals(ctx, group)
}

// CoolAppRemoved is as CoolAppInstalled.
func (e *Events) CoolAppRemoved(ctx context.Context, group, code string) error {
	if err := e.Groups.DeleteCoolApp(ctx, group, code); err != nil {
		return err
	}
	return e.Members.DeleteRefusals(ctx, group)
}

// Disbanded ends the messages of a group that is gone, and forgets its cool app.
func (e *Events) Disbanded(ctx context.Context, group string) error {
	if err := e.CallOff(ctx, group); err != nil {
		return err
	}
	recent, err := e.Records.Recent(ctx, group, disbandedMax)
	if err != nil {
		return fmt.Errorf("end the messages of a disbanded group: %w", err)
	}
	var over []int
	for _, m := range recent {
		_, err := e.Records.Mark(ctx, group, m.Number, Change{To: Disbanded})
		if err := overtaken(err); err != nil {
			return err
		}
		over = append(over, m.Number)
	}
	if err := e.Wake(ctx, group, over...); err != nil {
		return err
	}
	return e.Groups.DeleteCoolApp(ctx, group, "")
}

// overtaken drops the errors of events about what is not recorded, or over.
func overtaken(err error) error {
	if errors.Is(err, ErrNoMessage) || errors.Is(err, ErrNotMessage) || errors.Is(err, ErrWrongState) {
		return nil
	}
	return err
}
