package receipts

import (
	"context"
	"time"
)

// Records keeps messages and what is known of them. Every method is safe to
// repeat: after an answer that was lost, the same call gives the same result.
type Records interface {
	// Begin records a message as Sending with the next number of its group. If
	// the draft's command already has a message, that one comes back with again
	// set, and nothing is written.
	Begin(ctx context.Context, d Draft) (m Message, again bool, err error)
	// Adopt records a message that was sent without a record, as Sent. If its
	// key is known, the recorded message comes back unchanged.
	Adopt(ctx context.Context, m Message) (Message, error)
	// Mark takes a message a step on. ErrWrongState comes back, with the message
	// as it is, where State.Before does not allow the step; ErrNoMessage where
	// there is none.
	Mark(ctx context.Context, group string, number int, c Change) (Message, error)

	// ByKey finds a message of the group by its processQueryKey, or gives
	// ErrNoMessage.
	ByKey(ctx context.Context, group, key string) (Message, error)
	// Recent returns the last messages of a group, at most limit of them, the
	// newest first.
	Recent(ctx context.Context, group string, limit int) ([]Message, error)

	// Kept returns all that is known of a message, or ErrNoMessage.
	Kept(ctx context.Context, group string, number int) (Kept, error)
	// RecentKept returns all that is known of the messages that Recent returns.
	RecentKept(ctx context.Context, group string, limit int) ([]Kept, error)
	// KeepReads adds readers who had read by then. When is the time of the query
	// if it showed all readers, else zero.
	KeepReads(ctx context.Context, group string, number int, userIDs []string, by, when time.Time) error
	// KeepAudience sets the audience of a message that has none yet.
	KeepAudience(ctx context.Context, group string, number int, m Members) error
}

// PushRecords keeps the reads that DingTalk pushes. It is safe to repeat.
type PushRecords interface {
	// KeepPushed adds reads with their times, by userId, to the message of the
	// group with the processQueryKey. It returns false if there is no such message,
	// and then nothing was written.
	KeepPushed(ctx context.Context, group, key string, reads map[string]time.Time) (bool, error)
}

// Kept is what is known of a message without asking anybody.
type Kept struct {
	Message  Message
	Audience *Members // nil if it is not known
	// Moves are of who came into the group or left it before the message was posted, but
	// perhaps after the audience was counted, by userId, in any order. There may be
	// later ones too.
	Moves map[string][]Sign
	Reads Reads
	// AsOf is when a query last showed all readers; zero if none did.
	AsOf time.Time
	// Reminders is how often each person was reminded, by userId.
	Reminders map[string]int
	FollowUp  *FollowUp // over or not; nil if there is none
}
