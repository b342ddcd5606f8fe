package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"whoread/receipts"
)

// Bounds of a PushBatch.
const (
	pendingMax  = 20_000          // calls that wait at the same time: as many as handlers can run
	batchMax    = 2_000           // calls whose reads are written together
	writers     = 8               // messages that are written to at the same time
	writeWithin = 2 * time.Second // bounds one write; DingTalk wants its ack within 3 s
)

// ErrClosed is the error of a PushBatch that was closed.
var ErrClosed = errors.New("pushed reads are taken no more")

// PushBatch writes pushed reads in batches: while one batch is being written, the next one
// gathers. It implements receipts.PushRecords.
type PushBatch struct {
	records receipts.PushRecords
	pending chan push
	quit    chan struct{}
	once    sync.Once
	done    sync.WaitGroup
}

// push is a call of SavePushedReads that waits.
type push struct {
	message message
	reads   map[string]time.Time
	outcome chan<- pushOutcome
	gone    <-chan struct{} // closed once nobody waits for the outcome
}

// message names a message by what an event says of it.
type message struct{ group, key string }

type pushOutcome struct {
	known bool
	err   error
}

// NewPushBatch returns a PushBatch that writes to records. Close ends it.
func NewPushBatch(records receipts.PushRecords) *PushBatch {
	b := &PushBatch{records: records, pending: make(chan push, pendingMax), quit: make(chan struct{})}
	b.done.Go(b.run)
	return b
}

// Close ends the writing and waits for the write under way. Calls that wait, and later ones,
// fail with ErrClosed. A second call does nothing.
func (b *PushBatch) Close() {
	b.once.Do(func() { close(b.quit) })
	b.done.Wait()
}

// SavePushedReads returns once the reads are written.
func (b *PushBatch) SavePushedReads(ctx context.Context, group, key string, reads map[string]time.Time) (bool, error) {
	outcome := make(chan pushOutcome, 1)
	select {
	case b.pending <- push{message{group, key}, reads, outcome, ctx.Done()}:
	case <-ctx.Done():
		return false, ctx.Err()
	case <-b.quit:
		return false, ErrClosed
	}
	select {
	case o := <-outcome:
		return o.known, o.err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-b.quit:
		return false, ErrClosed
	}
}

func (b *PushBatch) run() {
	for {
		var batch []push
		select {
		case first := <-b.pending:
			batch = append(batch, first)
		case <-b.quit:
			return
		}
		for len(batch) < batchMax && len(b.pending) > 0 {
			batch = append(batch, <-b.pending) // nobody else takes from it
		}
		b.write(batch)
	}
}

// write writes a batch, message by message, each within a time of its own: many messages
// take none of it from each other. Reads that nobody waits for any more are left out
// when their turn comes: DingTalk pushes them again.
func (b *PushBatch) write(batch []push) {
	byMessage := map[message][]push{}
	for _, p := range batch {
		byMessage[p.message] = append(byMessage[p.message], p)
	}
	var all errgroup.Group
	all.SetLimit(writers)
	for m, pushes := range byMessage {
		all.Go(func() error {
			b.writeTo(m, slices.DeleteFunc(pushes, push.abandoned))
			return nil // each push has its own outcome
		})
	}
	_ = all.Wait() // nothing fails as a whole
}

// writeTo writes the reads of one message.
func (b *PushBatch) writeTo(m message, pushes []push) {
	if len(pushes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeWithin)
	defer cancel()
	reads := make(map[string]time.Time, len(pushes))
	for _, p := range pushes {
		for id, at := range p.reads {
			if known, twice := reads[id]; !twice || at.Before(known) {
				reads[id] = at
			}
		}
	}
	known, err := b.records.SavePushedReads(ctx, m.group, m.key, reads)
	for _, p := range pushes {
		p.outcome <- pushOutcome{known, err}
	}
}

// abandoned reports whether nobody waits for the outcome any more.
func (p push) abandoned() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

var _ receipts.PushRecords = (*PushBatch)(nil)
