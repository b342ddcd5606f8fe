package bot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"whoread/receipts"
)

// Bounds of gathering pushed reads.
const (
	gatheredMax = 20_000          // wait at the same time; as many as handlers can run
	batchMax    = 2_000           // are written together
	writers     = 8               // messages that are written to at the same time
	writeWithin = 2 * time.Second // bounds one write; DingTalk wants its ack within 3 s
)

// errClosed is the answer to reads that come after the end.
var errClosed = errors.New("the bot is ending")

// gatherer writes pushed reads in batches: while one batch is being written, the
// next one gathers. A read is acknowledged only once it is written.
type gatherer struct {
	records receipts.PushRecords
	waiting chan pushedRead
	quit    chan struct{}
	end     sync.Once
	done    sync.WaitGroup
}

// pushedRead is what one event tells, on its way, and where its outcome goes.
type pushedRead struct {
	group, key string
	userIDs    []string
	at         time.Time
	outcome    chan<- gathered
	gone       <-chan struct{} // closed once nobody waits for the outcome
}

type gathered struct {
	known bool
	err   error
}

func newGatherer(records receipts.PushRecords) *gatherer {
	g := &gatherer{records: records, waiting: make(chan pushedRead, gatheredMax), quit: make(chan struct{})}
	g.done.Go(g.run)
	return g
}

// close ends the gatherer; what is added from now on is refused. A second call
// does nothing.
func (g *gatherer) close() {
	g.end.Do(func() { close(g.quit) })
	g.done.Wait()
}

// add keeps that these people read a message and returns once it is written: false if
// the message is not known.
func (g *gatherer) add(ctx context.Context, group, key string, userIDs []string, at time.Time) (bool, error) {
	outcome := make(chan gathered, 1)
	select {
	case g.waiting <- pushedRead{group, key, userIDs, at, outcome, ctx.Done()}:
	case <-ctx.Done():
		return false, ctx.Err()
	case <-g.quit:
		return false, errClosed
	}
	select {
	case o := <-outcome:
		return o.known, o.err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-g.quit:
		return false, errClosed
	}
}

func (g *gatherer) run() {
	for {
		var batch []pushedRead
		select {
		case first := <-g.waiting:
			batch = append(batch, first)
		case <-g.quit:
			return
		}
		for len(batch) < batchMax && len(g.waiting) > 0 {
			batch = append(batch, <-g.waiting) // nobody else takes from it
		}
		g.write(batch)
	}
}

// message names a message by what an event says of it.
type message struct{ group, key string }

// write keeps a batch, message by message, each within a time of its own: many messages
// take none of it from each other. Reads that nobody waits for any more are left out
// when their turn comes: DingTalk pushes them again.
func (g *gatherer) write(batch []pushedRead) {
	byMessage := map[message][]pushedRead{}
	for _, r := range batch {
		m := message{r.group, r.key}
		byMessage[m] = append(byMessage[m], r)
	}
	var all errgroup.Group
	all.SetLimit(writers)
	for m, reads := range byMessage {
		all.Go(func() error {
			g.writeTo(m, slices.DeleteFunc(reads, pushedRead.abandoned))
			return nil // each read has its own outcome
		})
	}
	_ = all.Wait() // nothing fails as a whole
}

// writeTo keeps the reads of one message.
func (g *gatherer) writeTo(m message, reads []pushedRead) {
	if len(reads) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeWithin)
	defer cancel()
	times := make(map[string]time.Time, len(reads))
	for _, r := range reads {
		for _, id := range r.userIDs {
			if known, twice := times[id]; !twice || r.at.Before(known) {
				times[id] = r.at
			}
		}
	}
	known, err := g.records.KeepPushed(ctx, m.group, m.key, times)
	for _, r := range reads {
		r.outcome <- gathered{known, err}
	}
}

// abandoned reports whether nobody waits for the outcome any more.
func (r pushedRead) abandoned() bool {
	select {
	case <-r.gone:
		return true
	default:
		return false
	}
}
