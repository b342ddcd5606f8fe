package receipts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Quote is what a quotation shows of the quoted message.
type Quote struct {
	// Key is the originalProcessQueryKey: the quoted message is the bot's own.
	Key string
	// CreatedAt and Text are of the quoted message. Both may be missing.
	CreatedAt time.Time
	Text      string
}

// A message is on its way to the group for less than this. An uncertain message
// and a quotation that are further apart do not belong together.
const deliveredWithin = 10 * time.Minute

// healable is how many of a group's last messages are looked through for an
// uncertain one.
const healable = 50

// Quoted finds the message of the group that somebody quoted.
//
// Three things can happen. Its key is recorded: that message. Its key is not,
// but an uncertain message fits it by text and time (the nearest, if several do):
// that message was delivered after all, and is Sent from now on. Otherwise the bot sent it without a
// record: if DingTalk answers for it in this group, it is adopted. An error is
// DingTalk's refusal, or that of the records.
func (r *Reporter) Quoted(ctx context.Context, group string, q Quote) (Message, error) {
	m, err := r.Records.ByKey(ctx, group, q.Key)
	if !errors.Is(err, ErrNoMessage) {
		return m, err
	}
	recent, err := r.Records.Recent(ctx, group, healable)
	if err != nil {
		return Message{}, err
	}
	fitting := slices.DeleteFunc(recent, func(m Message) bool { return !q.shows(m) })
	slices.SortStableFunc(fitting, func(a, b Message) int { return cmp.Compare(q.apart(a), q.apart(b)) })
	for _, m := range fitting {
		healed, err := r.Records.Mark(ctx, group, m.Number, Change{To: Sent, Key: q.Key, SentAt: r.sent(q)})
		if errors.Is(err, ErrWrongState) { // meanwhile it turned out to be another one
			continue
		}
		if err != nil {
			return Message{}, fmt.Errorf("heal message: %w", err)
		}
		return healed, nil
	}
	return r.adopt(ctx, group, q)
}

// shows tells whether the quoted message is the uncertain message m.
func (q Quote) shows(m Message) bool {
	if m.State != Uncertain && m.State != Sending || q.CreatedAt.IsZero() {
		return false
	}
	return q.apart(m) < deliveredWithin && (q.Text == "" || strings.Contains(q.Text, m.Title))
}

// apart is the time between the quoted message and the record of m.
func (q Quote) apart(m Message) time.Duration { return q.CreatedAt.Sub(m.CreatedAt).Abs() }

// sent is when the quoted message was sent, which is over, whatever DingTalk's clock
// shows.
func (r *Reporter) sent(q Quote) time.Time {
	if now := r.Now(); q.CreatedAt.IsZero() || q.CreatedAt.After(now) {
		return now
	}
	return q.CreatedAt
}

func (r *Reporter) adopt(ctx context.Context, group string, q Quote) (Message, error) {
	sent := r.sent(q)
	title, _, _ := strings.Cut(strings.TrimSpace(q.Text), "\n")
	m := Message{
		Group: group, Title: strings.TrimSpace(title), Key: q.Key, State: Sent,
		CreatedAt: sent, SentAt: sent, Adopted: true,
	}
	asked := r.Now()
	ids, delivery, err := r.readers(ctx, m)
	if err != nil && !errors.Is(err, ErrNoReadData) {
		return Message{}, fmt.Errorf("look up the quoted message: %w", err)
	}
	m, adoptErr := r.Records.Adopt(ctx, m)
	if adoptErr != nil {
		return Message{}, fmt.Errorf("adopt message: %w", adoptErr)
	}
	if err != nil || delivery != Delivered {
		asked = time.Time{}
	}
	if err := r.Records.KeepReads(ctx, group, m.Number, ids, r.Now(), asked); err != nil {
		return Message{}, fmt.Errorf("keep reads: %w", err)
	}
	return m, nil
}
