package dingtalktest

import (
	"context"
	"sync"
	"time"
)

// ChangeKind says what a [Change] is about.
type ChangeKind string

// The kinds of change.
const (
	PersonAdded    ChangeKind = "person" // one, or several at once
	GroupAdded     ChangeKind = "group"
	GroupChanged   ChangeKind = "groupChanged"   // title, members, bot, disbanded
	MessageAdded   ChangeKind = "message"        // also in a one-to-one chat
	MessageChanged ChangeKind = "messageChanged" // recalled, or its sendStatus was set
	MessageRead    ChangeKind = "read"           // by one person or by several at once
	DingSent       ChangeKind = "ding"
	CallMade       ChangeKind = "call"
	ClientErred    ChangeKind = "violation"
	FrameAcked     ChangeKind = "ack"
	Connected      ChangeKind = "connected"
	Disconnected   ChangeKind = "disconnected"
	FaultsChanged  ChangeKind = "faults" // or another switch: events, losses, quotas, ...
	ClockAdvanced  ChangeKind = "clock"  // turned forward, not merely gone on
)

// Change is one thing that happened. It names what changed; its state is asked of the [Server].
type Change struct {
	Seq       uint64     `json:"seq"` // 1, 2, 3, ... without gaps
	At        time.Time  `json:"at"`
	Kind      ChangeKind `json:"kind"`
	GroupID   string     `json:"groupId,omitempty"`
	MessageID string     `json:"messageId,omitempty"`
	Call      *Call      `json:"call,omitempty"` // of CallMade
}

// watchBuffer is how many changes a watcher may lag behind before it is cut off.
const watchBuffer = 1024

// feed tells watchers of changes without ever waiting for them.
type feed struct {
	now func() time.Time

	mu       sync.Mutex
	seq      uint64
	watchers map[chan Change]struct{}
	next     chan struct{} // closed at the next change
	closed   bool
}

func newFeed(now func() time.Time) *feed {
	return &feed{now: now, watchers: map[chan Change]struct{}{}, next: make(chan struct{})}
}

func (f *feed) publish(c Change) {
	c.At = f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.seq++
	c.Seq = f.seq
	for w := range f.watchers {
		select {
		case w <- c:
		default:
			delete(f.watchers, w)
			close(w)
		}
	}
	close(f.next)
	f.next = make(chan struct{})
}

func (f *feed) watch(ctx context.Context) <-chan Change {
	w := make(chan Change, watchBuffer)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		close(w)
		return w
	}
	f.watchers[w] = struct{}{}
	context.AfterFunc(ctx, func() { f.unwatch(w) })
	return w
}

func (f *feed) unwatch(w chan Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.watchers[w]; ok {
		delete(f.watchers, w)
		close(w)
	}
}

// await returns when cond holds, looking again after every change.
func (f *feed) await(ctx context.Context, cond func() bool) error {
	for {
		f.mu.Lock()
		next, closed := f.next, f.closed
		f.mu.Unlock()
		if cond() {
			return nil
		}
		if closed {
			return ErrClosed
		}
		select {
		case <-next:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	for w := range f.watchers {
		close(w)
	}
	clear(f.watchers)
	close(f.next)
}
