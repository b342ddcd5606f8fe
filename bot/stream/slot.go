package stream

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
)

// slot is the place of one connection that is to be kept up.
type slot struct {
	log     *zap.Logger
	backoff *backoff.ExponentialBackOff // used by keepUp alone

	lastFrame atomic.Pointer[time.Time]

	// Guarded by Client.mu.
	since     time.Time   // when opening the newest connection began; zero when it failed or the connection is over
	conn      *connection // the newest that was opened, which may be over
	lastErr   error
	lastErrAt time.Time
}

// keepUp keeps a connection in s until ctx ends. The connections themselves are closed by their watchers, see dial.
func (c *Client) keepUp(ctx context.Context, s *slot) {
	var former *connection // to be replaced, and up until then
	renewing := false
	for {
		conn := c.open(ctx, s, renewing)
		if conn == nil {
			return
		}
		if former != nil {
			close(former.replaced)
			former = nil
		}
		renewing = false
		switch c.outlive(ctx, s, conn) {
		case stopped:
			return
		case crowded:
			former, renewing = conn, true
			continue
		case silent:
			s.log.Info("DingTalk pushes nothing on the connection: opening another one")
			s.backoff.Reset() // it was good until then
			former, renewing = conn, true
			continue
		case leaving:
			former = conn
			s.log.Info("DingTalk is about to close the connection: opening another one")
		case dropped:
			c.failed(s, conn.cause)
			s.log.Warn("the connection dropped", zap.Error(conn.cause))
		}
		// A connection that lived for long is replaced at once when asked. One that did not is a sign of trouble:
		// without the pause the gateway would be asked for connections in a tight loop.
		if c.cfg.Now().Sub(conn.opened) >= c.cfg.Backoff.Max {
			s.backoff.Reset()
			if former != nil {
				continue
			}
		}
		if !sleep(ctx, s.backoff.NextBackOff()) {
			return
		}
	}
}

// ending is why a connection needs a successor.
type ending int

const (
	stopped ending = iota // it needs none: the client stops
	crowded               // it was opened at the same time as another slot's
	silent                // no frame has arrived for Config.Silence
	leaving               // DingTalk announced to close it
	dropped               // nothing can arrive, or nothing can be acked any more
)

// outlive waits until conn needs a successor.
func (c *Client) outlive(ctx context.Context, s *slot, conn *connection) ending {
	crowd := time.NewTimer(c.untilRenewal(s))
	defer crowd.Stop()
	silence := time.NewTimer(c.cfg.Silence)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return stopped
		case <-conn.over:
			return dropped
		case <-conn.leaving:
			return leaving
		case <-crowd.C:
			return crowded
		case <-silence.C:
			left := c.cfg.Silence - conn.silentFor()
			if left <= 0 {
				return silent
			}
			silence.Reset(left)
		}
	}
}

// open returns a new connection, however many attempts that takes, or nil when ctx ended. One that only comes to be apart
// from the others waits for its turn.
func (c *Client) open(ctx context.Context, s *slot, renewing bool) *connection {
	for {
		if !c.awaitTurn(ctx, s, renewing) {
			return nil
		}
		conn, err := c.connect(ctx, s)
		if err == nil {
			c.mu.Lock()
			s.conn = conn
			c.mu.Unlock()
			s.log.Info("connected to DingTalk", zap.Bool("renewed", renewing))
			return conn
		}
		if ctx.Err() != nil {
			return nil
		}
		c.failed(s, err)
		pause := s.backoff.NextBackOff()
		if errors.Is(err, ErrCredentials) {
			pause = c.cfg.Backoff.Credentials
			s.log.Error("DingTalk refuses the client id or the client secret: compare both with the app's page in DingTalk's console",
				zap.String("dingtalk_request_id", requestID(err)), zap.Error(err), zap.Duration("retry_in", pause))
		} else {
			s.log.Warn("cannot connect to DingTalk", zap.String("dingtalk_request_id", requestID(err)), zap.Error(err), zap.Duration("retry_in", pause))
		}
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// awaitTurn waits until s may open a connection. It is false when ctx ended.
func (c *Client) awaitTurn(ctx context.Context, s *slot, renewing bool) bool {
	for {
		wait := c.claimTurn(s, renewing)
		if wait <= 0 {
			return ctx.Err() == nil
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// claimTurn marks s as opening, unless it has a connection, and another slot opened one less than Stagger ago: then it
// returns how long to wait before asking again.
func (c *Client) claimTurn(s *slot, renewing bool) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	if renewing {
		for _, other := range c.slots {
			if other == s || other.since.IsZero() {
				continue
			}
			if wait := other.since.Add(c.cfg.Stagger).Sub(now); wait > 0 {
				return wait
			}
		}
	}
	s.since = now
	return 0
}

// untilRenewal is how long the connection of s is kept before another one takes its place, because it was opened less than
// Stagger after one of another slot: DingTalk would end both at the same time. Of two that opened at once it is the one
// of the later slot. It is forever where s is apart from all others.
func (c *Client) untilRenewal(s *slot) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	crowded, wait := false, time.Duration(0)
	earlier := true // in the order of the slots
	for _, other := range c.slots {
		if other == s {
			earlier = false
			continue
		}
		if other.since.IsZero() {
			continue
		}
		behind := s.since.Sub(other.since)
		crowded = crowded || behind < c.cfg.Stagger && (behind > 0 || behind == 0 && earlier)
		wait = max(wait, other.since.Add(c.cfg.Stagger).Sub(c.cfg.Now()))
	}
	if !crowded {
		return math.MaxInt64
	}
	return wait
}

// failed notes why s has no new connection.
func (c *Client) failed(s *slot, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.since = time.Time{}
	s.lastErr, s.lastErrAt = err, c.cfg.Now()
}

// sleep waits for d and reports whether it could: false when ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
