package dingtalk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"sync"
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
	// aheadMax is how long turns can be taken: a process leases half a second, or one turn. A Limiter that says more has had its
	// clock set back.
	aheadMax = 2 * time.Second
)

// errFarAhead means that the Limiter can't be believed.
var errFarAhead = errors.New("turns are taken for longer than anybody leases them")

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
	groups groupLimits
	warn   func(context.Context, error)
	began  time.Time    // from which askAt counts, whatever is done to the clock
	away   atomic.Bool  // the Limiter was out of reach when it was last asked
	askAt  atomic.Int64 // nanoseconds: not before then, while it is away
}

// limit is that of one API, or of one group's session webhooks.
type limit struct {
	spacing *rate.Limiter
	queue   queue
	callers int // that use it now; groupLimits guards it

	head chan struct{} // holds one token while a call gets the next turn; the rest belongs to that call
	till time.Time     // the last moment at which a call's place, a turn later at most, is within the lease
}

func newLimits(perSecond int, shared Limiter, warn func(context.Context, error)) *limits {
	l := &limits{shared: shared, byAPI: map[string]*limit{}, warn: warn, began: time.Now()}
	l.groups.byGroup = map[string]*limit{}
	for _, a := range limitedAPIs() {
		l.byAPI[a.name] = newLimit(0)
	}
	l.set(perSecond)
	return l
}

func newLimit(turn time.Duration) *limit {
	// A burst of one spaces the calls out: with a larger one a second could hold the burst and the rate.
	return &limit{spacing: rate.NewLimiter(rate.Every(turn), 1), head: make(chan struct{}, 1)}
}

func (l *limits) set(perSecond int) {
	turn := limitWindow / time.Duration(perSecond)
	l.turn.Store(int64(max(turn, 1)))
	for _, own := range l.byAPI {
		own.spacing.SetLimit(rate.Every(turn))
	}
	l.groups.set(turn)
}

// groupsMost is how many groups' limits are remembered, beside those whose last turn is not over.
const groupsMost = 1000

// groupLimits are the limits of session webhooks: what DingTalk documents is a limit for each group, and none for the app. So
// no group waits for the answers of others.
type groupLimits struct {
	mu      sync.Mutex
	turn    time.Duration
	byGroup map[string]*limit
}

func (g *groupLimits) set(turn time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn = turn
	for _, own := range g.byGroup {
		own.spacing.SetLimit(rate.Every(turn))
	}
}

// use returns the limit of a group, until it is left.
func (g *groupLimits) use(group string) (own *limit, leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	own = g.byGroup[group]
	if own == nil {
		if len(g.byGroup) >= groupsMost {
			maps.DeleteFunc(g.byGroup, func(_ string, other *limit) bool { return other.callers == 0 && other.spacing.Tokens() >= 1 })
		}
		own = newLimit(g.turn)
		g.byGroup[group] = own
	}
	own.callers++
	return own, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		own.callers--
	}
}

// SetCallsPerSecond changes Config.CallsPerSecond, which is at least 1, for the calls that begin from now on.
func (c *Client) SetCallsPerSecond(n int) { c.limits.set(n) }

// wait returns when it is the call's turn. Turns are not for who asks first, but for who comes first in the queue when the
// turn is there: whoever waits at the head gets one and gives it away, until it is its own.
func (l *limits) wait(ctx context.Context, app string, a api, t Turn) *Error {
	own := l.byAPI[a.name]
	if a.name == replyAPI.name {
		var leave func()
		own, leave = l.groups.use(t.Group)
		defer leave()
	}
	me, before := own.queue.join(t)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < time.Duration(before)*time.Duration(l.turn.Load()) {
		own.queue.leave(me)
		return limited(ctx, a)
	}
	for {
		select {
		case <-me.turn:
			return nil
		case <-ctx.Done():
			if own.queue.leave(me) {
				return limited(ctx, a)
			}
			return nil // it has just got its turn
		case own.head <- struct{}{}:
			var failure *Error
			if !me.served() {
				if failure = l.next(ctx, app, a, own); failure == nil {
					own.queue.give()
				}
			}
			<-own.head
			if failure != nil && own.queue.leave(me) {
				return failure
			}
		}
	}
}

// next returns when there is a turn.
func (l *limits) next(ctx context.Context, app string, a api, own *limit) *Error {
	// Session webhooks belong to a group, and not to the app: nobody else uses this one now.
	if l.shared != nil && a.name != replyAPI.name && !time.Now().Before(own.till) {
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
		if l.away.Load() && int64(asked.Sub(l.began)) < l.askAt.Load() {
			return nil
		}
		each := time.Duration(l.turn.Load())
		turns := max(1, min(own.queue.len(), int(leaseMax/each)))
		within, cancel := context.WithTimeout(ctx, limiterTimeout)
		taken, err := l.shared.Lease(within, app, a.name, turns, each)
		cancel()
		if err == nil && taken > max(aheadMax, 2*each) {
			err = fmt.Errorf("%w: %s", errFarAhead, taken)
		}
		switch {
		case ctx.Err() != nil:
			return limited(ctx, a)
		case err != nil:
			l.askAt.Store(int64(time.Since(l.began) + limiterPause))
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
