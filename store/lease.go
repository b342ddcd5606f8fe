package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// ErrLeaseOver means that the lease of the work that a call was made for is over: by now
// another process may do it, and has perhaps answered.
var ErrLeaseOver = errors.New("the lease of this work is over")

// Held returns ErrLeaseOver where ctx, or what it comes from, is that of work whose lease
// is over. It is to be asked just before an effect: unlike ctx.Err it knows at once,
// without any goroutine having run, also in a process that was suspended and has just
// woken up.
func Held(ctx context.Context) error {
	if l, ok := ctx.Value(leaseKey{}).(*lease); ok {
		return l.held()
	}
	return nil
}

// leaseKey finds the lease of the work in its context. It stands there for the reason for
// which the end of a context does: everything that is done for the work depends on it.
type leaseKey struct{}

// lease says for how long one entry of the inbox is this replica's, as far as it knows:
// from when it last asked Redis for it, so that it never thinks longer than Redis does. A
// lease that was over once stays so.
type lease struct {
	length time.Duration
	clock  func() time.Time

	mu    sync.Mutex
	since time.Time
	state leaseState
	timer *time.Timer
	lost  chan struct{} // closed with the lease's end, if it ends before the work
}

type leaseState int

const (
	leaseHeld leaseState = iota
	leaseOver
	leaseDone // the work came to its end before
)

func newLease(asked time.Time, length time.Duration) *lease {
	l := &lease{length: length, clock: time.Now, since: asked, lost: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(length-time.Since(asked), func() { _ = l.held() })
	return l
}

// held returns ErrLeaseOver if the lease is over.
func (l *lease) held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == leaseHeld && l.lapsed(l.clock()) {
		l.drop()
	}
	if l.state == leaseOver {
		return ErrLeaseOver
	}
	return nil
}

// lapsed compares both clocks: the monotonic one stands still where a whole machine was
// suspended, and the wall clock may be set back.
func (l *lease) lapsed(now time.Time) bool {
	return now.Sub(l.since) >= l.length || now.Round(0).Sub(l.since.Round(0)) >= l.length
}

func (l *lease) drop() {
	l.state = leaseOver
	l.timer.Stop()
	close(l.lost)
}

// renewed notes that Redis renewed the lease when it was asked to, at that time.
func (l *lease) renewed(asked time.Time) {
	if l.held() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == leaseHeld && asked.After(l.since) {
		l.since = asked
		l.timer.Reset(l.length - time.Since(asked))
	}
}

// lose ends the lease: Redis says that the entry is another's.
func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == leaseHeld {
		l.drop()
	}
}

// done ends the lease with the work. Whatever shares a context with it goes on.
func (l *lease) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == leaseHeld {
		l.state = leaseDone
		l.timer.Stop()
	}
}

// context returns a context for the work, which ends with the lease or with stop.
func (l *lease) context(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, leaseKey{}, l))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-l.lost:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-ended }
}

// fence is a redis.Hook that refuses what work whose lease is over wants of Redis.
type fence struct{}

func (fence) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (fence) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := Held(ctx); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

func (fence) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := Held(ctx); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		return next(ctx, cmds)
	}
}

const (
	// beatsPerLease is how often a lease is renewed before it would be over.
	beatsPerLease = 6
	// beatMost is how many leases one call renews.
	beatMost = 200
)

// beat renews the leases of all jobs at work until ctx ends.
func (i *Inbox) beat(ctx context.Context) {
	every := i.options.Lease / beatsPerLease
	for pause(ctx, every); ctx.Err() == nil; pause(ctx, every) {
		for _, l := range i.lanes {
			if err := i.renewAll(ctx, l); err != nil && ctx.Err() == nil {
				i.log.Warn("leases not renewed", zap.Error(err))
			}
		}
	}
}

// renewAll renews the leases of one lane, and ends those that are another's by now.
func (i *Inbox) renewAll(ctx context.Context, in *lane) error {
	ctx, cancel := context.WithTimeout(ctx, i.options.Lease/3)
	defer cancel()
	entries, leases := in.atWork()
	for len(entries) > 0 {
		n := min(len(entries), beatMost)
		args := []any{consumerGroup, i.consumer}
		for _, entry := range entries[:n] {
			args = append(args, entry)
		}
		asked := time.Now()
		held, err := beatScript.Run(ctx, i.beats, []string{in.stream}, args...).Int64Slice()
		if err == nil && len(held) != n {
			err = fmt.Errorf("%d answers about %d entries", len(held), n)
		}
		if err != nil {
			return fmt.Errorf("renew leases: %w", err)
		}
		for k, l := range leases[:n] {
			if held[k] == 1 {
				l.renewed(asked)
			} else {
				l.lose()
			}
		}
		entries, leases = entries[n:], leases[n:]
	}
	return nil
}
