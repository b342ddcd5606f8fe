package receipts

import (
	"errors"
	"fmt"
)

// Why a Service does not do what somebody asks for.
var (
	// ErrExternal means that the bot does nothing for people from outside the organisation.
	ErrExternal = errors.New("not for people from outside")
	// ErrForeignGroup means that the bot does not work in the group.
	ErrForeignGroup = errors.New("the bot does not work in this group")
	// ErrNothingYet means that nothing was announced in the group so far.
	ErrNothingYet = errors.New("nothing was announced yet")
	// ErrNothingCurrent means that all that was announced is over.
	ErrNothingCurrent = errors.New("nothing that was announced is current")
	// ErrNoneFits means that no message has that part of a title, or is of that day.
	ErrNoneFits = errors.New("no message fits what was said of it")
	// ErrWhich means that it has to be said which message is meant.
	ErrWhich = errors.New("it was not said which message")
	// ErrNothingFollowed means that no message of the group is being followed up.
	ErrNothingFollowed = errors.New("nothing is being followed up")
)

// ForbiddenError means that a rule does not let somebody.
type ForbiddenError struct{ Rule Rule }

func (e *ForbiddenError) Error() string { return fmt.Sprintf("forbidden: only for %s", e.Rule) }

// NoSuchMessageError means that the group has no message of that number. It matches
// ErrNoMessage.
type NoSuchMessageError struct{ Number int }

func (e *NoSuchMessageError) Error() string { return fmt.Sprintf("no message #%d", e.Number) }

// Is makes it match ErrNoMessage.
func (e *NoSuchMessageError) Is(target error) bool { return target == ErrNoMessage }

// missing is err, where ErrNoMessage names the number.
func missing(number int, err error) error {
	if errors.Is(err, ErrNoMessage) {
		return &NoSuchMessageError{Number: number}
	}
	return err
}

// NotFollowedError means that a message has no follow-up that goes on.
type NotFollowedError struct{ Number int }

func (e *NotFollowedError) Error() string { return fmt.Sprintf("#%d is not followed up", e.Number) }

// ManyFollowedError means that several messages are being followed up, the smallest number
// first, and that it was not said which one is meant.
type ManyFollowedError struct{ Numbers []int }

func (e *ManyFollowedError) Error() string {
	return fmt.Sprintf("%d messages are being followed up", len(e.Numbers))
}
