package receipts

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"go.uber.org/zap"
)

// sweepSpread is by how much of its time a sweep comes earlier, at most, so that messages
// that were sent together are not swept together, and none after DingTalk may have forgotten.
const sweepSpread = 0.1

// A sweep in an outage of DingTalk's is made again after a while, unless it is very late. One that
// hears that the message is over is too, late enough to be the second answer that it takes, also
// by the clock of another process.
const (
	sweepAgain = 10 * time.Minute
	overAgain  = saidAgain + time.Minute
	sweepLate  = 12 * time.Hour
)

// sweeper has the reads of messages saved before DingTalk forgets them.
type sweeper struct {
	after    []time.Duration // from the record of a message to each of its sweeps
	ports    Ports
	reporter *Reporter
}

// dueSweep is the body of a job that saves the reads of a message: its nth sweep.
type dueSweep struct {
	Number int
	Nth    int
}

// schedule has the reads of a message saved after a while. It can be repeated: the times
// follow from the message. A failure costs the message its sweeps and nothing else.
func (s *sweeper) schedule(ctx context.Context, m Message) {
	if len(s.after) == 0 {
		return
	}
	jobs := make([]Job, len(s.after))
	for nth := range s.after {
		var err error
		if jobs[nth], err = jobOf(SweepJob, m.Group, fmt.Sprintf("%d/%d", m.Number, nth), dueSweep{m.Number, nth}, s.at(m, nth)); err != nil {
			s.ports.Log(ctx).Error("sweeps not scheduled", zap.Int("number", m.Number), zap.Error(err))
			return
		}
	}
	if err := s.ports.Jobs.Schedule(ctx, jobs...); err != nil {
		s.ports.Log(ctx).Error("sweeps not scheduled", zap.Int("number", m.Number), zap.Error(err))
	}
}

// at is when a sweep is due. Without that one in the settings any more it is when the
// message was announced.
func (s *sweeper) at(m Message, nth int) time.Time {
	if nth >= len(s.after) {
		return m.CreatedAt
	}
	after := s.after[nth]
	hash := fnv.New32a()
	_, _ = fmt.Fprint(hash, m.Group, m.Number, nth) // never fails
	share := float64(hash.Sum32()) / (1 << 32) * sweepSpread
	return m.CreatedAt.Add(after - time.Duration(share*float64(after)))
}

// run saves what DingTalk knows of a message's reads.
func (s *sweeper) run(ctx context.Context, j Job) error {
	due, err := BodyOf[dueSweep](j)
	if err != nil {
		return err
	}
	r, err := s.reporter.Save(ctx, j.Group, due.Number)
	if errors.Is(err, ErrNoMessage) { // its time is over
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep #%d: %w", due.Number, err)
	}
	s.ports.Log(ctx).Info("swept", zap.Int("number", due.Number), zap.Int("read", len(r.Read)), zap.Int("total", r.Total), zap.Bool("complete", r.Complete()))
	var again time.Duration
	for _, gap := range r.Gaps {
		again = max(again, sweptAgain(gap))
	}
	if again == 0 || s.ports.Now().Sub(s.at(r.Message, due.Nth)) > sweepLate {
		return nil
	}
	j.At = s.ports.Now().Add(again)
	if err := s.ports.Jobs.Schedule(ctx, j); err != nil {
		return fmt.Errorf("sweep #%d later: %w", due.Number, err)
	}
	return nil
}

// sweptAgain is when a sweep with that gap is made again; 0 for never.
func sweptAgain(g Gap) time.Duration {
	switch {
	case errors.Is(g.Err, ErrNoReadData), errors.Is(g.Err, ErrGroupGone):
		return overAgain
	case ReasonOf(g.Err).Passes():
		return sweepAgain
	}
	return 0
}
