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
	"whoread/receipts/dingtalk"
)

// sweepSpread is by how much of its time a sweep is put off, at most, so that
// messages that were sent together are not swept together.
const sweepSpread = 0.1

// A sweep in an outage of DingTalk's is made again after a while, unless it is very late.
const (
	sweepAgain = 10 * time.Minute
	sweepLate  = 12 * time.Hour
)

// dueSweep is a sweep that waits in the schedule: of one message, the nth.
type dueSweep struct {
	Group  string
	Number int
	Nth    int
}

// scheduled is what waits in the schedule: one of the two.
type scheduled struct {
	Sweep    *dueSweep    `json:",omitempty"`
	FollowUp *dueFollowUp `json:",omitempty"`
}

// waiting is what waits in the inbox, as JSON: what somebody said, or what was
// scheduled.
type waiting struct {
	Incoming
	scheduled
}

// kept is an Incoming with the session webhook that its own JSON does not show. The
// inbox is the only place where it is written down.
type kept struct {
	Incoming
	Webhook string
}

// command is what somebody said as it waits in the inbox.
func (in Incoming) command() (string, error) {
	command, err := json.Marshal(kept{in, in.Webhook.Reveal()})
	return string(command), err
}

func readCommand(command string) (waiting, error) {
	var w struct {
		kept
		scheduled
	}
	if err := json.Unmarshal([]byte(command), &w); err != nil {
		return waiting{}, fmt.Errorf("read command: %w", err)
	}
	w.Incoming.Webhook = dingtalk.NewSecret(w.Webhook)
	return waiting{w.Incoming, w.scheduled}, nil
}

// IsAbout tells whether a scheduled command is about the group.
func IsAbout(command, group string) bool {
	w, err := readCommand(command)
	return err == nil && (w.Sweep != nil && w.Sweep.Group == group || w.FollowUp != nil && w.FollowUp.Group == group)
}

// scheduleSweeps has the reads of a message saved after a while. It can be
// repeated: the times follow from the message. A failure costs the message its
// sweeps and nothing else.
func (b *Bot) scheduleSweeps(ctx context.Context, m receipts.Message) {
	if len(b.Sweep) == 0 {
		return
	}
	due := map[string]time.Time{}
	for nth := range b.Sweep {
		sweep := dueSweep{m.Group, m.Number, nth}
		command, err := json.Marshal(scheduled{Sweep: &sweep})
		if err != nil {
			b.log(ctx).Error("sweep not scheduled", zap.Int("number", m.Number), zap.Error(err))
			continue
		}
		due[string(command)] = b.sweepAt(m, sweep)
	}
	if err := b.Inbox.Schedule(ctx, due); err != nil {
		b.log(ctx).Error("sweeps not scheduled", zap.Int("number", m.Number), zap.Error(err))
	}
}

// sweepAt is when a sweep is due. Without that one in the settings any more it is when
// the message was announced.
func (b *Bot) sweepAt(m receipts.Message, due dueSweep) time.Time {
	if due.Nth >= len(b.Sweep) {
		return m.CreatedAt
	}
	after := b.Sweep[due.Nth]
	hash := fnv.New32a()
	_, _ = fmt.Fprint(hash, due) // never fails
	share := float64(hash.Sum32()) / (1 << 32) * sweepSpread
	return m.CreatedAt.Add(after + time.Duration(share*float64(after)))
}

// sweep saves what DingTalk knows of a message's reads.
func (b *Bot) sweep(ctx context.Context, due dueSweep) error {
	r, err := b.Reporter.Save(ctx, due.Group, due.Number)
	if errors.Is(err, receipts.ErrNoMessage) { // its time is over
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep #%d: %w", due.Number, err)
	}
	b.log(ctx).Info("swept", zap.Int("number", due.Number), zap.Int("read", len(r.Read)), zap.Int("total", r.Total), zap.Bool("complete", r.Complete()))
	if !slices.ContainsFunc(r.Gaps, passes) || b.Now().Sub(b.sweepAt(r.Message, due)) > sweepLate {
		return nil
	}
	command, err := json.Marshal(scheduled{Sweep: &due})
	if err == nil {
		err = b.Inbox.Schedule(ctx, map[string]time.Time{string(command): b.Now().Add(sweepAgain)})
	}
	if err != nil {
		return fmt.Errorf("sweep #%d later: %w", due.Number, err)
	}
	return nil
}

// passes tells whether a gap is of an outage that will be over.
func passes(gap receipts.Gap) bool {
	switch kindOf(gap.Err) {
	case dingtalk.Unavailable, dingtalk.Cancelled, dingtalk.Throttled, dingtalk.ThrottledMinute, dingtalk.IPBanned:
		return true
	default:
		return false
	}
}
