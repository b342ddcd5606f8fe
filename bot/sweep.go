package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"go.uber.org/zap"

	"whoread/receipts"
)

// sweepSpread is by how much of its time a sweep is put off, at most, so that
// messages that were sent together are not swept together.
const sweepSpread = 0.1

// A sweep in an outage of DingTalk's is made again after a while, unless it is very late.
const (
	sweepAgain = 10 * time.Minute
	sweepLate  = 12 * time.Hour
)

// dueSweep is the body of a job that saves the reads of a message: its nth sweep.
type dueSweep struct {
	Number int
	Nth    int
}

// sweepJob is the nth sweep of a message, without its time.
func sweepJob(group string, number, nth int) (receipts.Job, error) {
	body, err := json.Marshal(dueSweep{number, nth})
	return receipts.Job{ID: fmt.Sprintf("%s/%s/%d/%d", SweepJob, group, number, nth), Kind: SweepJob, Group: group, Body: string(body)}, err
}

// scheduleSweeps has the reads of a message saved after a while. It can be
// repeated: the times follow from the message. A failure costs the message its
// sweeps and nothing else.
func (b *Bot) scheduleSweeps(ctx context.Context, m receipts.Message) {
	if len(b.Sweep) == 0 {
		return
	}
	jobs := make([]receipts.Job, len(b.Sweep))
	for nth := range b.Sweep {
		var err error
		if jobs[nth], err = sweepJob(m.Group, m.Number, nth); err != nil {
			b.log(ctx).Error("sweeps not scheduled", zap.Int("number", m.Number), zap.Error(err))
			return
		}
		jobs[nth].At = b.sweepAt(m, nth)
	}
	if err := b.Inbox.Schedule(ctx, jobs...); err != nil {
		b.log(ctx).Error("sweeps not scheduled", zap.Int("number", m.Number), zap.Error(err))
	}
}

// sweepAt is when a sweep is due. Without that one in the settings any more it is when
// the message was announced.
func (b *Bot) sweepAt(m receipts.Message, nth int) time.Time {
	if nth >= len(b.Sweep) {
		return m.CreatedAt
	}
	after := b.Sweep[nth]
	hash := fnv.New32a()
	_, _ = fmt.Fprint(hash, m.Group, m.Number, nth) // never fails
	share := float64(hash.Sum32()) / (1 << 32) * sweepSpread
	return m.CreatedAt.Add(after + time.Duration(share*float64(after)))
}

// sweep saves what DingTalk knows of a message's reads.
func (b *Bot) sweep(ctx context.Context, j receipts.Job) error {
	due, err := bodyOf[dueSweep](j)
	if err != nil {
		return err
	}
	r, err := b.Reporter.Save(ctx, j.Group, due.Number)
	if errors.Is(err, receipts.ErrNoMessage) { // its time is over
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep #%d: %w", due.Number, err)
	}
	b.log(ctx).Info("swept", zap.Int("number", due.Number), zap.Int("read", len(r.Read)), zap.Int("total", r.Total), zap.Bool("complete", r.Complete()))
	if !slices.ContainsFunc(r.Gaps, passes) || b.Now().Sub(b.sweepAt(r.Message, due.Nth)) > sweepLate {
		return nil
	}
	j.At = b.Now().Add(sweepAgain)
	if err := b.Inbox.Schedule(ctx, j); err != nil {
		return fmt.Errorf("sweep #%d later: %w", due.Number, err)
	}
	return nil
}

// passes tells whether a gap is of an outage that will be over.
func passes(gap receipts.Gap) bool {
	switch receipts.ReasonOf(gap.Err) {
	case receipts.Unavailable, receipts.Cancelled, receipts.Throttled, receipts.ThrottledMinute, receipts.IPBanned:
		return true
	default:
		return false
	}
}
