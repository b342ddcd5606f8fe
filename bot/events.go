package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"whoread/bot/frame"
	"whoread/receipts"
)

// The events that the bot follows. An administrator ticks them in DingTalk's
// console; the bot is right without any of them.
const (
	eventRead      = "robot_msg_read"
	eventRecall    = "robot_msg_recall"
	eventJoin      = "chat_add_member"
	eventRemove    = "chat_remove_member"
	eventQuit      = "chat_quit"
	eventTitle     = "chat_update_title"
	eventDisband   = "chat_disband"
	eventInstall   = "im_cool_app_install"
	eventUninstall = "im_cool_app_uninstall"
)

const (
	// recordingWithin is how young a read of an unknown message is pushed again: the
	// message may have been read before its sending was recorded.
	recordingWithin = 10 * time.Second
	// skewMax is how far DingTalk's clock may be ahead of this machine's. What is said
	// to have happened later than that did not.
	skewMax = time.Hour
	// onItsWayFor is how long an event may take from DingTalk to here.
	onItsWayFor = 3 * time.Second
	// disbandedMax is how many messages of a disbanded group are ended, the newest.
	// An older one is ended when somebody asks for it: DingTalk then says so.
	disbandedMax = 200
)

// errNotYetRecorded makes DingTalk push an event again: it is about a message
// that may be about to be recorded.
var errNotYetRecorded = errors.New("the message of the event is not recorded yet")

// Event takes an event that DingTalk pushed. An error means that DingTalk should
// push it again; an event that can't be understood, or is none of this bot's, such as
// one of no group, is taken and forgotten. Born is when it happened, and age how old it
// was when it was pushed, both by DingTalk's clock; zero if DingTalk did not say.
func (b *Bot) Event(ctx context.Context, kind string, born time.Time, age time.Duration, data []byte) error {
	arrived := b.Now()
	e, err := frame.DecodeEvent(data)
	if err != nil {
		b.Log.Warn("event dropped", zap.String("event", kind), zap.Int("bytes", len(data)), zap.Error(err))
		b.Observer.Push(eventLabel(kind), Dropped)
		return nil
	}
	if !b.concerns(kind, e) {
		b.Log.Debug("event ignored", zap.String("event", kind))
		b.Observer.Push(eventLabel(kind), Ignored)
		return nil
	}
	err = b.follows(ctx, kind, born, arrived.Add(-age), e)
	outcome := Taken
	switch {
	case errors.Is(err, errNotYetRecorded):
		outcome = Early
	case err != nil:
		outcome = Refused
	}
	b.Observer.Push(eventLabel(kind), outcome)
	return err
}

// concerns reports whether an event is of a kind that the bot follows, and of a group
// of its own. The administrator may have ticked any others, and people read in private
// too.
func (b *Bot) concerns(kind string, e frame.Event) bool {
	return slices.Contains(EventTypes(), kind) && e.Group != "" && b.Policy.Works(e.Group) && (e.Robot == "" || e.Robot == b.RobotCode)
}

// follows does what an event is about. Own is when it happened at the latest, by this
// machine's clock.
func (b *Bot) follows(ctx context.Context, kind string, born, own time.Time, e frame.Event) error {
	group := e.Group
	at := moment(b.happened(e.At, born), own)
	switch kind {
	case eventRead:
		return b.read(ctx, e, born)
	case eventRecall:
		return b.recalled(ctx, group, e.Key)
	case eventJoin:
		return b.Members.Joined(ctx, group, e.UserIDs, at)
	case eventRemove:
		return b.Members.Left(ctx, group, e.UserIDs, at)
	case eventQuit:
		if e.Operator == "" { // from outside
			return nil
		}
		return b.Members.Left(ctx, group, []string{e.Operator}, at)
	case eventTitle:
		if e.Title == "" {
			return nil
		}
		return b.Groups.KeepTitle(ctx, group, e.Title)
	case eventInstall, eventUninstall:
		return b.coolAppChanged(ctx, group, e.CoolApp, kind == eventInstall)
	case eventDisband:
		return b.disbanded(ctx, group)
	}
	return nil
}

// moment is when something happened that DingTalk says was at said, zero if it does not
// say, and that arrived as if it was at own. If own is but a little later, that is how
// long it was on its way; otherwise the clocks differ.
func moment(said, own time.Time) receipts.Moment {
	switch late := own.Sub(said); {
	case said.IsZero():
		return receipts.Moment{Said: own, Own: own}
	case late >= 0 && late < onItsWayFor:
		return receipts.Moment{Said: said, Own: said}
	default:
		return receipts.Moment{Said: said, Own: own}
	}
}

// happened is the first of the times that something can have happened at; zero if
// it is none of them.
func (b *Bot) happened(times ...time.Time) time.Time {
	latest := b.Now().Add(skewMax)
	for _, at := range times {
		if !at.IsZero() && at.Before(latest) {
			return at
		}
	}
	return time.Time{}
}

// read keeps who read which message, and when.
func (b *Bot) read(ctx context.Context, e frame.Event, born time.Time) error {
	if e.Key == "" || len(e.UserIDs) == 0 { // somebody from outside has no userId
		return nil
	}
	at, now := b.happened(e.Operated, born), b.Now()
	if at.IsZero() {
		return nil // it says nothing that a query would not
	}
	young := now.Sub(at).Abs() < recordingWithin
	if at.After(now) { // by DingTalk's clock; nobody reads in time to come
		at = now
	}
	reads := make(map[string]time.Time, len(e.UserIDs))
	for _, id := range e.UserIDs {
		reads[id] = at
	}
	known, err := b.Pushes.KeepPushed(ctx, e.Group, e.Key, reads)
	if err != nil {
		return err
	}
	if !known && young {
		return errNotYetRecorded
	}
	return nil
}

// recalled follows somebody's taking a message back in DingTalk's client.
func (b *Bot) recalled(ctx context.Context, group, key string) error {
	m, err := b.Reporter.Records.ByKey(ctx, group, key)
	if err == nil && m.Key != key { // a chart or an answer
		return nil
	}
	if err == nil {
		_, err = b.Reporter.Records.Mark(ctx, group, m.Number, receipts.Change{To: receipts.Recalled})
	}
	if err != nil {
		return ignored(err)
	}
	return b.wake(ctx, group, m.Number)
}

// disbanded ends the messages of a group that is gone, and forgets its cool app.
func (b *Bot) disbanded(ctx context.Context, group string) error {
	recent, err := b.Reporter.Records.Recent(ctx, group, disbandedMax)
	if err != nil {
		return fmt.Errorf("end the messages of a disbanded group: %w", err)
	}
	var over []int
	for _, m := range recent {
		_, err := b.Reporter.Records.Mark(ctx, group, m.Number, receipts.Change{To: receipts.Disbanded})
		if err := ignored(err); err != nil {
			return err
		}
		over = append(over, m.Number)
	}
	if err := b.wake(ctx, group, over...); err != nil {
		return err
	}
	return b.Groups.ForgetCoolApp(ctx, group, "")
}

// ignored drops the errors of events about what is not recorded, or over.
func ignored(err error) error {
	if errors.Is(err, receipts.ErrNoMessage) || errors.Is(err, receipts.ErrNotMessage) || errors.Is(err, receipts.ErrWrongState) {
		return nil
	}
	return err
}
