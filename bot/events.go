package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

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

// event is the data of an event, whichever it is.
type event struct {
	Group    lenient `json:"openConversationId"`
	Robot    lenient `json:"robotCode"`
	Key      lenient `json:"processQueryKey"`
	UserID   userIDs `json:"userId"`
	Operator lenient `json:"operator"`
	Operated lenient `json:"operatTime"`
	At       lenient `json:"timeStamp"`
	Title    lenient `json:"title"`
	CoolApp  lenient `json:"coolAppCode"`
}

// userIDs is one userId or a list of them.
type userIDs []string

// UnmarshalJSON never fails; what is neither is no userId.
func (u *userIDs) UnmarshalJSON(data []byte) error {
	var list []lenient
	if json.Unmarshal(data, &list) != nil {
		var one lenient
		_ = one.UnmarshalJSON(data) // never fails
		list = []lenient{one}
	}
	*u = nil
	for _, id := range list {
		if id := id.id(); id != "" {
			*u = append(*u, id)
		}
	}
	return nil
}

// Event takes an event that DingTalk pushed. An error means that DingTalk should
// push it again; an event that can't be understood, or is not for this bot, is
// taken and forgotten. Born is when it happened, and age how old it was when it was
// pushed, both by DingTalk's clock; zero if DingTalk did not say.
func (b *Bot) Event(ctx context.Context, kind string, born time.Time, age time.Duration, data []byte) error {
	arrived := b.Now()
	e, ok := understood(data)
	if !ok {
		b.Log.Warn("event dropped", zap.String("event", kind), zap.Int("bytes", len(data)))
		b.Observer.Push(eventLabel(kind), Dropped)
		return nil
	}
	if e.Robot != "" && string(e.Robot) != b.RobotCode || !b.Access.works(e.Group.id()) {
		b.Observer.Push(eventLabel(kind), Ignored)
		return nil
	}
	err := b.follows(ctx, kind, born, arrived.Add(-age), e)
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

// follows does what an event is about. Own is when it happened at the latest, by this
// machine's clock.
func (b *Bot) follows(ctx context.Context, kind string, born, own time.Time, e event) error {
	group := e.Group.id()
	at := moment(b.happened(e.At.time(), born), own)
	switch kind {
	case eventRead:
		return b.read(ctx, e, born)
	case eventRecall:
		return b.recalled(ctx, group, e.Key.id())
	case eventJoin:
		return b.Members.Joined(ctx, group, e.UserID, at)
	case eventRemove:
		return b.Members.Left(ctx, group, e.UserID, at)
	case eventQuit:
		who := e.Operator.id()
		if who == "" { // from outside
			return nil
		}
		return b.Members.Left(ctx, group, []string{who}, at)
	case eventTitle:
		if e.Title == "" {
			return nil
		}
		return b.Groups.KeepTitle(ctx, group, cutBytes(string(e.Title), maxTitleBytes))
	case eventInstall, eventUninstall:
		return b.coolAppChanged(ctx, group, e.CoolApp.id(), kind == eventInstall)
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

// understood decodes the data of an event; ok is false if it is broken, or names
// no group.
func understood(data []byte) (e event, ok bool) {
	err := json.Unmarshal(data, &e)
	return e, err == nil && e.Group.id() != ""
}

// read keeps who read which message, and when.
func (b *Bot) read(ctx context.Context, e event, born time.Time) error {
	key := e.Key.id()
	if key == "" || len(e.UserID) == 0 { // somebody from outside has no userId
		return nil
	}
	at, now := b.happened(e.Operated.time(), born), b.Now()
	if at.IsZero() {
		return nil // it says nothing that a query would not
	}
	young := now.Sub(at).Abs() < recordingWithin
	if at.After(now) { // by DingTalk's clock; nobody reads in time to come
		at = now
	}
	known, err := b.gatherer.add(ctx, e.Group.id(), key, e.UserID[0], at)
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
