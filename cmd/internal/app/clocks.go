package app

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/bot/reply"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

const (
	// clockOff is how far this machine's clock may be from another's before administrators are
	// told: a read is dated by DingTalk and a message by this machine.
	clockOff = time.Minute
	// clockSaidEvery is the time between two lines of the log about one clock.
	clockSaidEvery = time.Hour
	// clockWithin is how long an answer may take that is believed to show a clock.
	clockWithin = 5 * time.Second
)

// clocks compares this machine's clock with those of DingTalk and Redis, by the answers that
// they give anyway.
type clocks struct {
	now     func() time.Time
	log     *zap.Logger
	measure func(of string, ahead time.Duration) // is told of each comparison

	mu    sync.Mutex
	known map[reply.ClockOwner]*compared
}

// compared is what is known of another's clock.
type compared struct {
	last  time.Duration // how far this machine's was ahead of it
	ahead time.Duration // the smaller one of the last two: a single odd answer warns nobody
	said  time.Time     // when the log last told of it
}

func newClocks(now func() time.Time, log *zap.Logger, measure func(of string, ahead time.Duration)) *clocks {
	return &clocks{now: now, log: log, measure: measure, known: map[reply.ClockOwner]*compared{}}
}

// call compares with DingTalk's clock, by one of its answers.
func (c *clocks) call(call dingtalk.Call) {
	if call.Date.IsZero() {
		return
	}
	c.compare(reply.DingTalksClock, call.ClockAhead(c.now()), call.Took)
}

// ping returns what pings Redis and compares with its clock.
func (c *clocks) ping(s *store.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := s.Ping(ctx); err != nil {
			return err
		}
		began := c.now()
		// A Redis that takes writes is up, whether it tells its time or not.
		if at, err := s.Time(ctx); err == nil {
			now := c.now()
			c.compare(reply.RedisClock, now.Sub(at)-now.Sub(began)/2, now.Sub(began))
		}
		return nil
	}
}

func (c *clocks) compare(of reply.ClockOwner, ahead, took time.Duration) {
	if took < 0 || took > clockWithin {
		return
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.known[of]
	if known == nil {
		known = &compared{last: ahead}
		c.known[of] = known
	}
	if known.ahead = ahead; known.last.Abs() < ahead.Abs() {
		known.ahead = known.last
	}
	known.last = ahead
	c.measure(string(of), known.ahead)
	if known.ahead.Abs() >= clockOff && (known.said.IsZero() || now.Sub(known.said).Abs() >= clockSaidEvery) {
		known.said = now
		c.log.Warn("clock of this machine is off", zap.String("of", string(of)), zap.Duration("ahead", known.ahead))
	}
}

// off returns the clocks from which this machine's is off by too much.
func (c *clocks) off() []reply.ClockOff {
	c.mu.Lock()
	defer c.mu.Unlock()
	var off []reply.ClockOff
	for _, of := range []reply.ClockOwner{reply.DingTalksClock, reply.RedisClock} {
		if known := c.known[of]; known != nil && known.ahead.Abs() >= clockOff {
			off = append(off, reply.ClockOff{Of: of, Ahead: known.ahead})
		}
	}
	return off
}
