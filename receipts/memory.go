package receipts

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// maxRemembered is how many steps a process remembers, the latest.
const maxRemembered = 20_000

// Remembering is a Store together with what this process has begun. A Redis that comes back a
// little older, after a crash or a failover, knows nothing of the last steps; whoever asks it
// whether a step was begun hears from here that it was, and does not do it again.
type Remembering struct {
	Store

	mu    sync.Mutex
	begun map[string]bool
	order []string // of begun, the oldest first
}

// Remember returns a Store that remembers.
func Remember(s Store) *Remembering { return &Remembering{Store: s, begun: map[string]bool{}} }

// first reports whether a step has not been begun by this process before, and notes that it
// has now.
func (r *Remembering) first(step string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun[step] {
		return false
	}
	r.begun[step] = true
	if r.order = append(r.order, step); len(r.order) > maxRemembered {
		delete(r.begun, r.order[0])
		r.order = r.order[1:]
	}
	return true
}

// forget has a step count as not begun.
func (r *Remembering) forget(step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(step)
}

// drop is forget by who holds the lock.
func (r *Remembering) drop(step string) {
	delete(r.begun, step)
	r.order = slices.DeleteFunc(r.order, func(one string) bool { return one == step })
}

// Begin implements Records. A command that this process has begun comes back as begun before,
// though under a new number where the records have lost it.
func (r *Remembering) Begin(ctx context.Context, d Draft) (Message, bool, error) {
	m, again, err := r.Store.Begin(ctx, d)
	if err != nil {
		return m, again, err
	}
	return m, !r.first("announce/"+d.Group+"/"+d.Command) || again, nil
}

// BeginBatch implements ReminderRecords.
func (r *Remembering) BeginBatch(ctx context.Context, group string, b BatchStart) (Standing, error) {
	now, err := r.Store.BeginBatch(ctx, group, b)
	if err == nil && now.First {
		now.First = r.first(batchStep(group, b.Run, b.Batch))
	}
	return now, err
}

// batchStep names a batch of a reminder.
func batchStep(group, run string, batch int) string {
	return fmt.Sprintf("remind/%s/%s/%d", group, run, batch)
}

// DropReminder implements ReminderRecords: the run reached nobody, and may be begun again.
func (r *Remembering) DropReminder(ctx context.Context, group string, number int, run string) error {
	r.mu.Lock()
	for i := 0; r.begun[batchStep(group, run, i)]; i++ {
		r.drop(batchStep(group, run, i))
	}
	r.mu.Unlock()
	return r.Store.DropReminder(ctx, group, number, run)
}

// BeginStep implements StepLog.
func (r *Remembering) BeginStep(ctx context.Context, group, step string) (bool, error) {
	first, err := r.Store.BeginStep(ctx, group, step)
	return first && (err != nil || r.first("step/"+group+"/"+step)), err
}

// DropStep implements StepLog.
func (r *Remembering) DropStep(ctx context.Context, group, step string) error {
	r.forget("step/" + group + "/" + step)
	return r.Store.DropStep(ctx, group, step)
}
