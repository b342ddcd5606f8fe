package receipts

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

// ErrNotAsked means that what somebody says they have got asks nobody to say so, or not them:
// its author need not.
var ErrNotAsked = errors.New("no confirmation is asked for")

// Confirm notes that somebody confirmed a message at that time. The first time stays, and is
// never undone. Without a Ref it is the group's latest message. No call is made for it. The
// error is ErrNotAsked where there is nothing to confirm, one of Permit, or that of the records,
// and it can be repeated.
func (s *Service) Confirm(ctx context.Context, by Actor, group string, ref Ref, at time.Time) (Message, error) {
	if err := s.Enter(by, group); err != nil {
		return Message{}, err
	}
	m, err := s.reporter.find(ctx, group, ref, Asker{Rights: Rights{NoCalls: true}})
	switch {
	case isNoMessage(err):
		return Message{}, ErrNotAsked
	case err != nil:
		return Message{}, err
	case !m.asks(by.Person), !ref.named() && m.CreatedAt.After(at): // they had said it before
		return m, ErrNotAsked
	}
	if err := s.ports.Store.SaveConfirmation(ctx, group, m.Number, by.UserID, at); err != nil {
		return m, err
	}
	s.ports.Log(ctx).Info("confirmed", zap.Int("number", m.Number))
	return m, nil
}

// PrivateRecords keep which messages are spoken of in private. Every method is safe to repeat.
type PrivateRecords interface {
	// SavePrivatePost records the processQueryKey of what was written to people in private
	// about a message.
	SavePrivatePost(ctx context.Context, key, group string, number int) error
	// PrivatePost returns that message; ErrNotMessage if the key is not known.
	PrivatePost(ctx context.Context, key string) (group string, number int, err error)
}

// ConfirmQuoted is Confirm in the one-to-one chat, of the message that what is quoted there
// reminded of. Its errors are those of Confirm.
func (s *Service) ConfirmQuoted(ctx context.Context, by Actor, key string, at time.Time) (Message, error) {
	group, number, err := s.ports.Store.PrivatePost(ctx, key)
	if errors.Is(err, ErrNotMessage) {
		return Message{}, ErrNotAsked
	}
	if err != nil {
		return Message{}, err
	}
	return s.Confirm(ctx, by, group, Ref{Number: number}, at)
}

// asks reports whether the message asks somebody to confirm it, and can be seen.
func (m Message) asks(person Person) bool {
	switch m.State {
	case Sending, Sent, Uncertain, Expired:
		return m.Confirm && person.UserID != "" && person.UserID != m.Author.UserID
	}
	return false
}

// isNoMessage reports whether an error of looking up a Ref says that no message is meant, or
// that it is not known which.
func isNoMessage(err error) bool {
	_, none := errors.AsType[*NoSuchMessageError](err)
	_, several := errors.AsType[*SeveralFitError](err)
	_, failed := errors.AsType[*Failure](err)
	return none || several || failed || errors.Is(err, ErrNotMessage) || errors.Is(err, ErrNothingYet) || errors.Is(err, ErrNothingCurrent) ||
		errors.Is(err, ErrNoneFits) || errors.Is(err, ErrLimited) || errors.Is(err, ErrPaging)
}
