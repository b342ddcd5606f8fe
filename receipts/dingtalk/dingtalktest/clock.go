package dingtalktest

import (
	"slices"
	"sync"
	"time"
)

// Clock is a clock that can be turned forward. The zero value goes with the wall clock. One may be shared by several servers and
// by the client under test; all methods may be used concurrently.
type Clock struct {
	base func() time.Time // time.Now where nil

	mu    sync.Mutex
	ahead time.Duration
	feeds []*feed // that hear of a turn
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base != nil {
		return c.base().Add(c.ahead)
	}
	return time.Now().Add(c.ahead)
}

// Advance turns the clock forward by d, and tells the watchers of every server that goes by it. Time does not go back: what is not
// positive changes nothing.
func (c *Clock) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	c.ahead += d
	feeds := slices.Clone(c.feeds)
	c.mu.Unlock()
	for _, f := range feeds { // without the lock: they ask for the time
		f.publish(Change{Kind: ClockAdvanced})
	}
}

// Ahead is how far the clock was turned since it was made.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// tell makes f hear of every turn; untell undoes it.
func (c *Clock) tell(f *feed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feeds = append(c.feeds, f)
}

func (c *Clock) untell(f *feed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feeds = slices.DeleteFunc(c.feeds, func(other *feed) bool { return other == f })
}

// Clock is what the server's time goes by.
func (s *Server) Clock() *Clock { return s.clock }

// Advance turns the server's clock forward, as [Clock.Advance] does.
func (s *Server) Advance(d time.Duration) { s.clock.Advance(d) }
