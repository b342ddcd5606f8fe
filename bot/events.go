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
		if id != "" {
			*u = append(*u, string(id))
		}
	}
	return nil
}

// Event takes an event that DingTalk pushed. An error means that DingTalk should
// push it again; an event that can't be understood, or is not for this bot, is
// taken and forgotten. Born is when it happened; zero if DingTalk did not say.
func (b *Bot) Event(ctx context.Context, kind string, born time.Time, data []byte) error {
	e, ok := understood(data)
	if !ok {
		b.Log.Warn("event dropped", zap.String("event", kind), zap.Int("bytes", len(data)))
		return nil
	}
	if e.Robot != "" && string(e.Robot) != b.RobotCode {
		return nil
	}
	group := string(e.Group)
	if !b.Access.works(group) {
		return nil
	}
	at := e.At.time()
	if at.IsZero() {
		at = born
	}
	if at.IsZero() {
		at = b.Now()
	}
	switch kind {
	case eventRead:
		return b.read(ctx, e, born)
	case eventRecall:
		return b.recalled(ctx, group, string(e.Key))
	case eventJoin:
		return b.Members.Joined(ctx, group, e.UserID, at)
	case eventRemove:
		return b.Members.Left(ctx, group, e.UserID, at)
	case eventQuit:
		if e.Operator == "" { // from outside
			return nil
		}
		return b.Members.Left(ctx, group, []string{string(e.Operator)}, at)
	case eventTitle:
		if e.Title == "" {
			return nil
		}
		return b.Groups.KeepTitle(ctx, group, cutBytes(string(e.Title), maxTitleBytes))
	case eventInstall, eventUninstall:
		return b.coolAppChanged(ctx, group, string(e.CoolApp), kind == eventInstall)
	case eventDisband:
		return b.disbanded(ctx, group)
	}
	return nil
}

// understood decodes the data of an event; ok is false if it is broken, or names
// no group.
func understood(data []byte) (e event, ok bool) {
	err := json.Unmarshal(data, &e)
	return e, err == nil && e.Group != ""
}

// read keeps who read which message, and when.
func (b *Bot) read(ctx context.Context, e event, born time.Time) error {
	if e.Key == "" || len(e.UserID) == 0 { // somebody from outside has no userId
		return nil
	}
	at := e.Operated.time()
	if at.IsZero() {
		at = born
	}
	if at.IsZero() {
		return nil // it says nothing that a query would not
	}
	known, err := b.gatherer.add(ctx, string(e.Group), string(e.Key), e.UserID[0], at)
	if err != nil {
		return err
	}
	if !known && b.Now().Sub(at).Abs() < recordingWithin {
		return errNotYetRecorded
	}
	return nil
}

// recalled follows somebody's taking a message back in DingTalk's client.
func (b *Bot) recalled(ctx context.Context, group, key string) error {
	m, err := b.Reporter.Records.ByKey(ctx, group, key)
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
	if errors.Is(err, receipts.ErrNoMessage) || errors.Is(err, receipts.ErrWrongState) {
		return nil
	}
	return err
}
