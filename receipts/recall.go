package receipts

import (
	"context"
	"fmt"
)

// RecallSource takes messages of the bot back.
type RecallSource interface {
	Recall(ctx context.Context, group, key string) error
}

// Recaller takes announcements back.
type Recaller struct {
	Records Records
	Source  RecallSource
	Readers ReadersSource
}

// Recall takes a message back and returns it as it then is. It can be repeated:
// a message that DingTalk already took back counts as recalled. ErrWrongState
// means that there is nothing to take back; any other error is DingTalk's, or
// that of the records.
func (r *Recaller) Recall(ctx context.Context, m Message) (Message, error) {
	if m.State != Sent && m.State != Expired {
		return m, fmt.Errorf("recall a message that is %s: %w", m.State, ErrWrongState)
	}
	if err := r.Source.Recall(ctx, m.Group, m.Key); err != nil {
		// An earlier try may have been cut off after DingTalk had done it.
		page, queryErr := r.Readers.Readers(ctx, m.Group, m.Key, "", Rights{})
		if queryErr != nil || page.Delivery != TakenBack {
			return m, fmt.Errorf("recall message: %w", err)
		}
	}
	return r.Records.Mark(ctx, m.Group, m.Number, Change{To: Recalled})
}
