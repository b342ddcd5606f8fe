package dingtalk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limiter lets one process at a time call an API, so that all processes of an app together keep to DingTalk's limit of calls
// a second.
type Limiter interface {
	// Lease asks for turns of the API, each so long, from now on and for this process alone. It returns zero if it got them,
	// and else after how long to ask again. App names the app and its DingTalk; an error means that what is shared is out of
	// reach.
	Lease(ctx context.Context, app, api string, turns int, each time.Duration) (taken time.Duration, err error)
}

const (
	// limitWindow is the time in which this package begins as many calls as DingTalk allows in a second: of two calls that are
	// a second apart, the first one may take 50 ms longer to arrive.
	limitWindow = time.Second + 50*time.Millisecond
	// leaseMax is how much time a process may lease at once: while many calls wait, one question to the Limiter is enough for
	// several of them, and the other processes still have their turn soon.
	leaseMax = 500 * time.Millisecond
	// limiterPause is for how long a Limiter that is out of reach is not asked: each call would wait for it in vain.
	limiterPause = 5 * time.Second
	// limiterTimeout bounds each question to a Limiter: a call to DingTalk must not hang on it.
	limiterTimeout = time.Second
)

// appDigest names an app and the DingTalk that it belongs to, and shows neither: another client id or another host never
// takes this one's turns.
func appDigest(clientID string, api *url.URL) string {
	sum := sha256.Sum256([]byte(clientID + "\n" + api.String()))
	return hex.EncodeToString(sum[:16])
}

// limits are what keeps the calls of this process, and of the others, apart in time.
type limits struct {
	shared Limiter      // nil where this process is alone
	turn   atomic.Int64 // nanoseconds from one call of an API to the next
	byAPI  map[string]*limit
	warn   func(context.Context, error)
	away   atomic.Bool  // the Limiter was out of reach when it was last asked
	askAt  atomic.Int64 // Unix nanoseconds: not before then, while it is away
}

// limit is that of one API.
type limit struct {
	spacing *rate.Limiter
	wanted  atomic.Int64 // calls that wait for a turn

	head chan struct{} // holds one token while a call is the next; the rest belongs to that call
	till time.Time     // the last moment at which a call's place, a turn later at most, is within the lease
}

func newLimits(perSecond int, shared Limiter, warn func(context.Context, error)) *limits {
	l := &limits{shared: shared, byAPI: map[string]*limit{}, warn: warn}
	for _, a := range limitedAPIs() {
		// A burst of one spaces the calls out: with a larger one a second could hold the burst and the rate.
		l.byAPI[a.name] = &limit{spacing: rate.NewLimiter(0, 1), head: make(chan struct{}, 1)}
	}
	l.set(perSecond)
	return l
}

func (l *limits) set(perSecond int) {
	turn := limitWindow / time.Duration(perSecond)
	l.turn.Store(int64(max(turn, 1)))
	for _, own := range l.byAPI {
		own.spacing.SetLimit(rate.Every(turn))
	}
}

// SetCallsPerSecond changes Config.CallsPerSecond, which is at least 1, for the calls that begin from now on.
func (c *Client) SetCallsPerSecond(n int) { c.limits.set(n) }

// wait returns when the API may be called.
func (l *limits) wait(ctx context.Context, app string, a api) *Error {
	own := l.byAPI[a.name]
	// Session webhooks belong to a group, and not to the app: nobody else uses this one now.
	if l.shared == nil || a.name == replyAPI.name {
		return own.space(ctx, a)
	}
	before := own.wanted.Add(1) - 1
	defer own.wanted.Add(-1)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < time.Duration(before*l.turn.Load()) {
		return limited(ctx, a)
	}
	select {
	case own.head <- struct{}{}:
		defer func() { <-own.head }()
	case <-ctx.Done():
		return limited(ctx, a)
	}
	if !time.Now().Before(own.till) {
		if failure := l.lease(ctx, app, a, own); failure != nil {
			return failure
		}
	}
	return own.space(ctx, a)
}

// lease gets turns for the calls that wait, or none where the Limiter is away: then this process goes by its own limit.
func (l *limits) lease(ctx context.Context, app string, a api, own *limit) *Error {
	for {
		asked := time.Now()
		if l.away.Load() && asked.UnixNano() < l.askAt.Load() {
			return nil
		}
		each := time.Duration(l.turn.Load())
		turns := max(1, min(int(own.wanted.Load()), int(leaseMax/each)))
		within, cancel := context.WithTimeout(ctx, limiterTimeout)
		taken, err := l.shared.Lease(within, app, a.name, turns, each)
		cancel()
		switch {
		case ctx.Err() != nil:
			return limited(ctx, a)
		case err != nil:
			l.askAt.Store(time.Now().Add(limiterPause).UnixNano())
			if !l.away.Swap(true) {
				l.warn(ctx, fmt.Errorf("calls a second are limited in this process alone: %w", err))
			}
			return nil
		}
		l.away.Store(false)
		if taken <= 0 {
			own.till = asked.Add(time.Duration(turns-1) * each)
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < taken {
			return limited(ctx, a)
		}
		pause := time.NewTimer(taken)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return limited(ctx, a)
		}
	}
}

// space keeps this process's calls apart.
func (l *limit) space(ctx context.Context, a api) *Error {
	if err := l.spacing.Wait(ctx); err != nil {
		return limited(ctx, a)
	}
	return nil
}
