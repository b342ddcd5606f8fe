package stream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// away is a DingTalk that can't be reached at times.
type away struct {
	mu       sync.Mutex
	is       bool
	attempts map[*slot][]time.Time
	open     []*connection
}

func (a *away) connect(_ context.Context, s *slot) (*connection, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempts[s] = append(a.attempts[s], time.Now())
	if a.is {
		return nil, errors.New("no route to host")
	}
	conn := newConnection(time.Now)
	conn.opened = time.Now()
	a.open = append(a.open, conn)
	return conn, nil
}

// goes breaks all connections, and lets none be opened any more.
func (a *away) goes() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.is, a.attempts = true, map[*slot][]time.Time{}
	for _, conn := range a.open {
		conn.end(errClosed)
	}
	a.open = nil
}

// comes ends that, and returns the attempts to connect that were in vain.
func (a *away) comes() (attempts map[*slot][]time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	attempts = a.attempts
	a.is, a.attempts = false, map[*slot][]time.Time{}
	return attempts
}

// An hour without DingTalk, at the start and after a day, is waited out: the pauses grow
// to their limit and not beyond, no two connections ask in step, and both are up soon
// after it is back. Time is that of the test, all else is as configured for a real bot.
func TestAnHourWithoutDingTalkIsWaitedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{ClientID: "id", ClientSecret: "secret", Events: true, Handle: func(context.Context, Frame) ([]byte, error) { return nil, nil }})
		if err != nil {
			t.Fatal(err)
		}
		dingtalk := &away{is: true, attempts: map[*slot][]time.Time{}}
		c.connect = dingtalk.connect
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()

		longest := c.cfg.Backoff.Max * 3 / 2 // a pause is jittered by half
		for _, when := range []string{"at the start", "after a day"} {
			time.Sleep(time.Hour)
			synctest.Wait()
			if up := c.Status().Up(); up != 0 {
				t.Fatalf("%s: %d connections to nowhere", when, up)
			}
			back := time.Now()
			attempts := dingtalk.comes()
			if len(attempts) != len(c.slots) {
				t.Errorf("%s: %d connections were tried", when, len(attempts))
			}
			for _, times := range attempts {
				checkPauses(t, when, times, back, longest)
			}
			time.Sleep(longest + c.cfg.Stagger)
			synctest.Wait()
			if up := c.Status().Up(); up != len(c.slots) {
				t.Errorf("%s: %d connections after %v", when, up, longest+c.cfg.Stagger)
			}
			time.Sleep(24 * time.Hour)
			dingtalk.goes()
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// checkPauses looks at an hour of attempts in vain.
func checkPauses(t *testing.T, when string, times []time.Time, end time.Time, longest time.Duration) {
	t.Helper()
	early, different := 0, map[time.Duration]bool{}
	for i, at := range append(times[1:], end) {
		pause := at.Sub(times[i])
		if pause > longest {
			t.Errorf("%s: a pause of %v", when, pause)
		}
		if at.Sub(times[0]) < 10*time.Second {
			early++
		}
		different[pause.Round(time.Second)] = true
	}
	if early < 2 {
		t.Errorf("%s: %d attempts in the first ten seconds", when, early)
	}
	// An hour of the longest pauses has 40, and one of the shortest 120.
	if n := len(times); n < 40 || n > 130 {
		t.Errorf("%s: %d attempts in an hour", when, n)
	}
	if len(different) < 15 {
		t.Errorf("%s: the pauses are always the same: %v", when, different)
	}
}

// In an organisation in which nobody says anything, connections are replaced every three minutes, each before its
// predecessor ends, and never two at once. Where frames come in time, none is. What the pauses between attempts grew to before
// that day is forgotten.
func TestAQuietDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{ClientID: "id", ClientSecret: "secret", Events: true, Handle: func(context.Context, Frame) ([]byte, error) { return nil, nil }})
		if err != nil {
			t.Fatal(err)
		}
		dingtalk := &away{is: true, attempts: map[*slot][]time.Time{}}
		c.connect = dingtalk.connect
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		time.Sleep(time.Hour)
		dingtalk.comes()

		time.Sleep(24 * time.Hour)
		synctest.Wait()
		openings, replaced := dingtalk.openings()
		if each := len(openings) / len(c.slots); each < 24*60/4 || each > 24*60/3+2 {
			t.Errorf("%d times in a day each connection is opened", each)
		}
		for i, at := range openings[4:] { // those of the beginning are parted first
			if apart := at.Sub(openings[i+3]); apart < c.cfg.Stagger {
				t.Fatalf("two connections are opened %v apart", apart)
			}
		}
		if open := len(openings) - replaced; open != len(c.slots) || c.Status().Up() != open {
			t.Errorf("%d connections are open, and %d up", open, c.Status().Up())
		}

		for range 24 * 60 {
			dingtalk.speaks()
			time.Sleep(2*time.Minute + 59*time.Second)
		}
		synctest.Wait()
		if more, _ := dingtalk.openings(); len(more) != len(openings) {
			t.Errorf("%d connections are replaced though something arrives on them", len(more)-len(openings))
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for i, s := range c.slots {
			if pause := s.backoff.NextBackOff(); pause > 2*c.cfg.Backoff.Initial {
				t.Errorf("connection %d would be tried again after %v", i, pause)
			}
		}
	})
}

// openings are when connections were opened, in order, and how many of them are replaced by others.
func (a *away) openings() (at []time.Time, replaced int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, conn := range a.open {
		at = append(at, conn.opened)
		select {
		case <-conn.replaced:
			replaced++
		default:
		}
	}
	return at, replaced
}

// speaks has a frame arrive on every connection.
func (a *away) speaks() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, conn := range a.open {
		conn.arrived()
	}
}
