package dingtalk

import (
	"slices"
	"sync"
	"time"
)

// Turn says for whom a call is. While calls of an API wait because of the limit of calls a second, those go first that people
// wait for; of these those about fewer people; of these the groups take turns, and a group's calls go in their order.
type Turn struct {
	Group     string // that the call is about; empty for none
	Scheduled bool   // nobody waits for it
	Size      int    // how many people the work is about, as far as is known
}

// For has the call take its turn as t says.
func For(t Turn) Option { return func(r *request) { r.turn = t } }

const (
	// starving is for how long a call waits before it is passed over less.
	starving = 30 * time.Second
	// oldestEvery is which turn goes to the call that has waited longest, if it starves: whatever is asked for meanwhile,
	// large work and what is scheduled come to their end.
	oldestEvery = 8
	// servedMost is how many groups are remembered for taking turns.
	servedMost = 10_000
)

// queue is the calls of one API that wait for their turn. Its zero value is ready for use.
type queue struct {
	mu      sync.Mutex
	waiting []*waiter // in the order in which they came
	given   uint64    // turns
	served  map[string]uint64
}

// waiter is one call; its turn is there once the channel is closed.
type waiter struct {
	Turn
	since time.Time
	turn  chan struct{}
}

func (w *waiter) served() bool {
	select {
	case <-w.turn:
		return true
	default:
		return false
	}
}

// join adds a call, and tells how many go before it as things are.
func (q *queue) join(t Turn) (me *waiter, before int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	me = &waiter{t, time.Now(), make(chan struct{})}
	for _, w := range q.waiting {
		if q.compare(w, me) <= 0 {
			before++
		}
	}
	q.waiting = append(q.waiting, me)
	return me, before
}

// leave takes a call off the queue; false if it has got its turn.
func (q *queue) leave(me *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, me)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// give gives a turn to the call that is first.
func (q *queue) give() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return // whoever it was for has given up
	}
	q.given++
	first := slices.MinFunc(q.waiting, q.compare) // of equals the one that came first
	if oldest := q.waiting[0]; q.given%oldestEvery == 0 && time.Since(oldest.since) > starving {
		first = oldest
	}
	i := slices.Index(q.waiting, first)
	q.waiting = slices.Delete(q.waiting, i, i+1)
	if len(q.waiting) == 0 || len(q.served) >= servedMost || q.served == nil {
		q.served = map[string]uint64{}
	}
	q.served[first.Group] = q.given
	close(first.turn)
}

// compare is negative where a goes before b.
func (q *queue) compare(a, b *waiter) int {
	switch {
	case a.Scheduled != b.Scheduled && b.Scheduled:
		return -1
	case a.Scheduled != b.Scheduled:
		return 1
	case a.Size != b.Size:
		return a.Size - b.Size
	default: // those of a group that had its turn longer ago
		return int(q.served[a.Group]) - int(q.served[b.Group]) //nolint:gosec // turns of one process
	}
}
