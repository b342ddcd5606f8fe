package receipts

import (
	"context"
	"fmt"
	"sync"
)

// maxRemembered is how many steps a process remembers, the latest.
const maxRemembered = 20_000

// Remembering is a Store together with what this process has begun. A Redis that comes back a
// little older, after a crash or a failover, knows nothing of the last steps; whoever asks it
// whether a step was begun hears from here that it was, and does not do it again. And a step
// that certainly had no effect can be begun again, though Redis could not be told.
type Remembering struct {
	Store

	mu    sync.Mutex
	begun map[string]begun
	order []string // of begun, the oldest first
}

// begun is a step that this process has begun.
type begun struct {
	try     string
	dropped bool // it certainly had no effect
}

// Remember returns a Store that remembers.
func Remember(s Store) *Remembering { return &Remembering{Store: s, begun: map[string]begun{}} }

// first reports whether a step has not been begun by this process before, or was dropped, and
// notes that it has now, by that try.
func (r *Remembering) first(step, try string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.begun[step]
	if known && !before.dropped {
		return false
	}
	r.begun[step] = begun{try: try}
	if known {
		return true
	}
	if r.order = append(r.order, step); len(r.order) > maxRemembered {
		delete(r.begun, r.order[0])
		r.order = r.order[1:]
	}
	return true
}

// try is the one by which a step is begun: that of before, if it was dropped.
func (r *Remembering) try(step, fresh string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.begun[step]; before.dropped {
		return before.try
	}
	return fresh
}

// drop has a step count as not begun, and returns the try that began it.
func (r *Remembering) drop(step, try string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.begun[step]
	if !known {
		return try
	}
	before.dropped = true
	r.begun[step] = before
	return before.try
}

// Begin implements Records. A command that this process has begun comes back as begun before,
// though under a new number where the records have lost it.
func (r *Remembering) Begin(ctx context.Context, d Draft) (Message, bool, error) {
	m, again, err := r.Store.Begin(ctx, d)
	if err != nil {
		return m, again, err
	}
	return m, !r.first("announce/"+d.Group+"/"+d.Command, "") || again, nil
}

// BeginSending implements Records. What this process has begun to send comes back as begun
// before, though the records have lost it.
func (r *Remembering) BeginSending(ctx context.Context, group string, number int, start SendingStart) (Message, bool, error) {
	m, again, err := r.Store.BeginSending(ctx, group, number, start)
	if err != nil {
		return m, again, err
	}
	return m, !r.first(sendingStep(group, number), "") || again, nil
}

// Mark implements Records: what certainly was not sent may be sent again.
func (r *Remembering) Mark(ctx context.Context, group string, number int, c Change) (Message, error) {
	m, err := r.Store.Mark(ctx, group, number, c)
	if err == nil && c.To == Scheduled {
		r.drop(sendingStep(group, number), "")
	}
	return m, err
}

// sendingStep names the sending of a message that waited for its time.
func sendingStep(group string, number int) string { return fmt.Sprintf("send/%s/%d", group, number) }

// BeginBatch implements ReminderRecords.
func (r *Remembering) BeginBatch(ctx context.Context, group string, b BatchStart) (Standing, error) {
	step := batchStep(group, b.Run, b.Batch)
	b.Try = r.try(step, b.Try)
	now, err := r.Store.BeginBatch(ctx, group, b)
	if err == nil && now.First {
		now.First = r.first(step, b.Try)
	}
	return now, err
}

// DropBatch implements ReminderRecords.
func (r *Remembering) DropBatch(ctx context.Context, group, run string, batch int, try string) error {
	return r.Store.DropBatch(ctx, group, run, batch, r.drop(batchStep(group, run, batch), try))
}

// batchStep names a batch of a reminder.
func batchStep(group, run string, batch int) string {
	return fmt.Sprintf("remind/%s/%s/%d", group, run, batch)
}

// BeginStep implements StepLog.
func (r *Remembering) BeginStep(ctx context.Context, group, step, try string) (bool, error) {
	named := "step/" + group + "/" + step
	try = r.try(named, try)
	first, err := r.Store.BeginStep(ctx, group, step, try)
	return err == nil && first && r.first(named, try), err
}

// DropStep implements StepLog.
func (r *Remembering) DropStep(ctx context.Context, group, step, try string) error {
	return r.Store.DropStep(ctx, group, step, r.drop("step/"+group+"/"+step, try))
}
