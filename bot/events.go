package bot

import (
	"context"
	"errors"
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
	// skewMax is how far DingTalk's clock may be ahead of this machine's. What is said
	// to have happened later than that did not.
	skewMax = time.Hour
	// onItsWayFor is how long an event may take from DingTalk to here.
	onItsWayFor = 3 * time.Second
)

// PushedMessage is the kind of push that a command is; the others are the types of
// events.
const PushedMessage = "message"

// EventTypes are the events that the bot follows, by DingTalk's names. The first tells
// who reads what.
func EventTypes() []string {
	return []string{
		eventRead, eventRecall, eventJoin, eventRemove, eventQuit, eventTitle, eventDisband, eventInstall, eventUninstall,
	}
}

// Event takes an event that DingTalk pushed. An error means that DingTalk should
// push it again; an event that can't be understood, or is none of this bot's, such as
// one of no group, is taken and forgotten. Born is when it happened, and age how old it
// was when it was pushed, both by DingTalk's clock; zero if DingTalk did not say.
func (b *Bot) Event(ctx context.Context, kind string, born time.Time, age time.Duration, data []byte) error {
	arrived := b.Now()
	e, err := frame.DecodeEvent(data)
	if err != nil {
		b.Log(ctx).Warn("event dropped", zap.String("event", kind), zap.Int("bytes", len(data)), zap.Error(err))
		b.Observer.Push(eventLabel(kind), Dropped)
		return nil
	}
	if !b.concerns(kind, e) {
		b.Log(ctx).Debug("event ignored", zap.String("event", kind))
		b.Observer.Push(eventLabel(kind), Ignored)
		return nil
	}
	err = b.follows(ctx, kind, born, arrived.Add(-age), e)
	outcome := Taken
	switch {
	case errors.Is(err, receipts.ErrNotYetRecorded):
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
	return slices.Contains(EventTypes(), kind) && e.Group != "" && b.Service.Policy.Works(e.Group) && (e.Robot == "" || e.Robot == b.RobotCode)
}

// follows does what an event is about. Own is when it happened at the latest, by this
// machine's clock.
func (b *Bot) follows(ctx context.Context, kind string, born, own time.Time, e frame.Event) error {
	events, at := b.Service.Events, moment(b.happened(e.At, born), own)
	switch kind {
	case eventRead:
		return b.read(ctx, e, born)
	case eventRecall:
		return events.Recalled(ctx, e.Group, e.Key)
	case eventJoin:
		return events.Joined(ctx, e.Group, e.UserIDs, at)
	case eventRemove:
		return events.Left(ctx, e.Group, e.UserIDs, at)
	case eventQuit:
		if e.Operator != "" { // else somebody from outside
			return events.Left(ctx, e.Group, []string{e.Operator}, at)
		}
	case eventTitle:
		if e.Title != "" {
			return events.Retitled(ctx, e.Group, e.Title)
		}
	case eventInstall:
		if e.CoolApp != "" {
			return events.CoolAppInstalled(ctx, e.Group, e.CoolApp)
		}
	case eventUninstall:
		if e.CoolApp != "" {
			return events.CoolAppRemoved(ctx, e.Group, e.CoolApp)
		}
	case eventDisband:
		return events.Disbanded(ctx, e.Group)
	}
	return nil
}

// moment is when something happened that DingTalk says was at said, zero if it does not
// say, and that arrived as if it was at own. If own is but a little later, that is how
// long it was on its way; otherwise the clocks differ.
func moment(said, own time.Time) receipts.EventTime {
	switch late := own.Sub(said); {
	case said.IsZero():
		return receipts.EventTime{Reported: own, Local: own}
	case late >= 0 && late < onItsWayFor:
		return receipts.EventTime{Reported: said, Local: said}
	default:
		return receipts.EventTime{Reported: said, Local: own}
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

// read takes who read which message, and when.
func (b *Bot) read(ctx context.Context, e frame.Event, born time.Time) error {
	at := b.happened(e.Operated, born)
	if e.Key == "" || len(e.UserIDs) == 0 || at.IsZero() {
		return nil // somebody from outside has no userId; without a time it says nothing that a query would not
	}
	return b.Service.Events.Read(ctx, e.Group, e.Key, e.UserIDs, at)
}
