package receipts

import (
	"context"
	"errors"
	"time"
)

// PendingKind is what waits for a yes. The values are stored.
type PendingKind string

// The kinds.
const (
	PendingReminder PendingKind = "remind" // a reminder to many people
	PendingRecall   PendingKind = "recall" // of the message that was announced last
	PendingSend     PendingKind = "send"   // an announcement that is late
)

// PendingFor is how long a question waits for its answer, if who is asked has just given a
// command.
const PendingFor = 5 * time.Minute

// Lasts is how long a question of that kind waits for its answer.
func (k PendingKind) Lasts() time.Duration {
	if k == PendingSend { // its author may be asleep
		return 24 * time.Hour
	}
	return PendingFor
}

// Pending is what somebody has asked for and is to say yes to, as their next command in the
// group.
type Pending struct {
	Kind   PendingKind
	Number int      // of the message
	By     Channel  // PendingReminder: how
	People []string // PendingReminder: the only ones to remind; empty for everybody
}

// PendingRecords keep one question for each person of a group. Every method is safe to repeat.
type PendingRecords interface {
	// SavePending keeps a question in the place of an earlier one of the person, for
	// as long as its kind lasts. SaveGroupUpdate gives it to the first command of the person that follows.
	SavePending(ctx context.Context, group, userID string, p Pending) error
	// Ask keeps a question that nobody's command has led to, as SavePending does, and reports
	// whether it may be asked: not while another one of the person waits for its answer.
	Ask(ctx context.Context, group, userID string, p Pending) (bool, error)
	// Pending returns the question that was given to the command; nil if none was.
	Pending(ctx context.Context, group, userID, command string) (*Pending, error)
}

// Pending returns what somebody says yes to with a command, which UpdateGroup was told of; nil
// if nothing was asked. It can be repeated.
func (s *Service) Pending(ctx context.Context, by Actor, group, command string) (*Pending, error) {
	if err := s.Enter(by, group); err != nil {
		return nil, err
	}
	return s.ports.Store.Pending(ctx, group, by.UserID, command)
}

// asksFirst reports whether a reminder is to so many people that it is asked about first.
func (r ReminderSettings) asksFirst(report Report) bool {
	return r.AskAbove > 0 && report.Message.State == Sent && report.Complete() && len(report.Unread) > r.AskAbove
}

// ErrAsks means that who gave a command is asked first whether they mean it.
var ErrAsks = errors.New("the command is to be confirmed first")

// justAnnounced is how long a message need not be named by its author who wants it back.
const justAnnounced = time.Minute

// asksToRecall finds the message that somebody wants back without naming it: their own, which is
// the group's latest, and so young that it must be meant. Else the error is ErrWhich.
func (s *Service) asksToRecall(ctx context.Context, by Actor, group string, ref Ref) (Message, error) {
	if ref.described() {
		return Message{}, ErrWhich
	}
	m, err := s.ports.Store.Latest(ctx, group)
	switch {
	case errors.Is(err, ErrNoMessage):
		return Message{}, ErrWhich
	case err != nil:
		return Message{}, err
	case m.State != Sent || m.Author.UserID != by.UserID || s.ports.Now().Sub(m.SentAt).Abs() > justAnnounced:
		return Message{}, ErrWhich
	}
	if err := s.allow(s.Policy.Recall, by, m.Author); err != nil {
		return m, err
	}
	if err := s.ports.Store.SavePending(ctx, group, by.UserID, Pending{Kind: PendingRecall, Number: m.Number}); err != nil {
		return Message{}, err
	}
	return m, ErrAsks
}
