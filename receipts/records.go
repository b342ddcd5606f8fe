package receipts

import (
	"context"
	"time"
)

// Records keeps messages and what is known of them. Every method is safe to
// repeat: after an answer that was lost, the same call gives the same result.
type Records interface {
	// Begin records a message with the next number of its group, as Sending, or as Scheduled
	// if it is for later. If the draft's command already has a message, that one comes back
	// with again set, and nothing is written.
	Begin(ctx context.Context, d Draft) (m Message, again bool, err error)
	// BeginSending takes a Scheduled message to Sending. Again is whether that was done before, by another
	// call. ErrWrongState comes back, with the message as it is, where it is in another state.
	BeginSending(ctx context.Context, group string, number int, start SendingStart) (m Message, again bool, err error)
	// Content returns the draft's of a message that waits to be sent; empty once it is sent or
	// will not be: it is erased then.
	Content(ctx context.Context, group string, number int) (string, error)
	// Adopt records a message that was sent without a record, as Sent. If its
	// key is known, what ByKey finds comes back unchanged.
	Adopt(ctx context.Context, m Message) (Message, error)
	// Mark takes a message a step on. ErrWrongState comes back, with the message
	// as it is, where State.Before does not allow the step or the key is that of a post;
	// ErrNoMessage where there is none.
	Mark(ctx context.Context, group string, number int, c Change) (Message, error)

	// RecordPost records the processQueryKey of something that the bot posted into
	// the group and that is no message, such as a chart. About is the number of the
	// message that it is about, 0 for none.
	RecordPost(ctx context.Context, group, key string, about int) error
	// ByKey finds the message of the group with the processQueryKey, or the one that
	// the post with that key is about: its own Key is another. ErrNotMessage comes
	// back for a post about none that is recorded, ErrNoMessage if the key is not
	// known.
	ByKey(ctx context.Context, group, key string) (Message, error)
	// Latest returns the Current message of the group whose sending the bot began last, or
	// ErrNoMessage. Adopted messages were not announced.
	Latest(ctx context.Context, group string) (Message, error)
	// Recent returns the last messages of a group, at most limit of them, the newest first:
	// in the order in which they were recorded, or their sending began if that was later.
	Recent(ctx context.Context, group string, limit int) ([]Message, error)

	// Snapshot returns all that is known of a message, or ErrNoMessage.
	Snapshot(ctx context.Context, group string, number int) (Snapshot, error)
	// RecentSnapshots returns all that is known of the messages that Recent returns.
	RecentSnapshots(ctx context.Context, group string, limit int) ([]Snapshot, error)
	// SaveReads adds readers who had read by then. When is the time of the query
	// if it showed all readers, else zero. An earlier one counts instead of one that is more
	// than a minute ahead of it, which is of a clock that is wrong.
	SaveReads(ctx context.Context, group string, number int, userIDs []string, by, when time.Time) error
	// SaveConfirmation notes that somebody confirmed a message at that time, unless they did
	// before, or returns ErrNoMessage.
	SaveConfirmation(ctx context.Context, group string, number int, userID string, at time.Time) error
	// SaveOver notes that DingTalk said that a message is Expired or Disbanded, and returns when
	// it first said the same since it last showed readers. ErrNoMessage if there is no such
	// message.
	SaveOver(ctx context.Context, group string, number int, end State, at time.Time) (since time.Time, err error)
	// SaveEndless notes that DingTalk's list of the readers of a message had no end, or
	// returns ErrNoMessage.
	SaveEndless(ctx context.Context, group string, number int, at time.Time) error
	// SaveAudience sets the audience of a message that has none yet.
	SaveAudience(ctx context.Context, group string, number int, m Members) error
}

// PushRecords keeps the reads that DingTalk pushes. It is safe to repeat.
type PushRecords interface {
	// SavePushedReads adds reads with their times, by userId, to the message of the
	// group with the processQueryKey. Those of a recorded post are nobody's and not
	// written. It returns false if the key is not known.
	SavePushedReads(ctx context.Context, group, key string, reads map[string]time.Time) (bool, error)
}

// Snapshot is what is known of a message without asking anybody.
type Snapshot struct {
	Message  Message
	Audience *Members // nil if it is not known
	// Moves are of who came into the group or left it before the message was posted, but
	// perhaps after the audience was counted, by userId, in any order. There may be
	// later ones too.
	Moves map[string][]Sighting
	Reads Reads
	// Confirmations are when people confirmed the message, by userId.
	Confirmations map[string]time.Time
	// AsOf is when a query last showed all readers; zero if none did.
	AsOf time.Time
	// EndlessAt is when DingTalk's list of readers last had no end; zero if it never did.
	EndlessAt time.Time
	// Reminders is how often each person was reminded, by userId.
	Reminders map[string]int
	FollowUp  *FollowUp // over or not; nil if there is none
}
