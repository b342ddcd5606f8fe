package dingtalk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// While calls wait, turns go to people before the schedule, to small work before large, and
// to one group after the other.
func TestWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	sweep := Turn{Group: "s", Scheduled: true}
	for name, test := range map[string]struct {
		come []Turn // in this order
		want string // their places
	}{
		"as they come":                 {[]Turn{{}, {}, {}}, "0 1 2"},
		"people first":                 {[]Turn{sweep, {Group: "a", Size: 25}, {Group: "s"}}, "2 1 0"},
		"small before large":           {[]Turn{{Group: "a", Size: 5}, {Group: "b", Size: 25}, {Group: "c"}, {Group: "d", Size: 1}}, "2 3 0 1"},
		"one group after the other":    {[]Turn{{Group: "a"}, {Group: "a"}, {Group: "a"}, {Group: "b"}, {Group: "c"}, {Group: "b"}}, "0 3 4 1 5 2"},
		"of the schedule too":          {[]Turn{sweep, sweep, {Group: "t", Scheduled: true}}, "0 2 1"},
		"large work of all in its way": {[]Turn{{Group: "a", Size: 5}, {Group: "a", Size: 5}, {Group: "b", Size: 5}}, "0 2 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var q queue
			var all []*waiter
			for _, turn := range test.come {
				w, _ := q.join(turn)
				all = append(all, w)
			}
			var got []string
			for range all {
				before := slices.Clone(q.waiting)
				q.give()
				for _, w := range before {
					if w.served() {
						got = append(got, fmt.Sprint(slices.Index(all, w)))
					}
				}
			}
			if order := strings.Join(got, " "); order != test.want {
				t.Errorf("%s, want %s", order, test.want)
			}
			q.give() // for nobody
		})
	}
}

// Whatever is asked for meanwhile, large work and what is scheduled come to their end.
func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q queue
		late, _ := q.join(Turn{Group: "s", Scheduled: true})
		for range 2 * oldestEvery {
			q.join(Turn{Group: "a"})
			q.give()
		}
		if late.served() {
			t.Error("passed over for nothing yet, it goes before people")
		}
		time.Sleep(starving + 1)
		for range oldestEvery {
			q.join(Turn{Group: "a"})
			q.give()
		}
		if !late.served() {
			t.Error("it starves")
		}
	})
}

// A small call that comes while many large ones wait has the next turn; those before it keep
// their places, and one that gives up holds up nobody.
func TestASmallCallDoesNotWaitForLargeOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var arrived arrivals
		s := newScript(t).on(readersURL, arrived.note)
		for _, l := range []Limiter{nil, &turns{over: map[string]time.Time{}}} {
			c := s.client(within(l)...)
			var all sync.WaitGroup
			ask := func(ctx context.Context, turn Turn) {
				all.Go(func() {
					if _, err := c.QueryReaders(ctx, "cid", "key", "", For(turn)); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				})
			}
			hurried, giveUp := context.WithCancel(t.Context())
			for n := range 300 {
				ctx := t.Context()
				if n%10 == 0 {
					ctx = hurried
				}
				ask(ctx, Turn{Group: fmt.Sprint(n), Size: 5})
			}
			time.Sleep(time.Second)
			giveUp()
			synctest.Wait()
			began := time.Now()
			if _, err := c.QueryReaders(t.Context(), "cid", "key", "", For(Turn{Group: "small"})); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 2*limitWindow/DefaultCallsPerSecond {
				t.Errorf("it took %v", took)
			}
			all.Wait()
		}
	})
}

// A Limiter whose clock was set back says that turns are taken for minutes: no call waits for
// that.
func TestNoCallWaitsForAClockThatWasSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var arrived arrivals
		s := newScript(t).on(readersURL, arrived.note)
		l := &turns{over: map[string]time.Time{"query": time.Now().Add(10 * time.Minute)}}
		var warned []error
		c := s.client(within(l, func(cfg *Config) { cfg.Warn = func(_ context.Context, err error) { warned = append(warned, err) } })...)
		began := time.Now()
		const calls = 10 * DefaultCallsPerSecond
		for range calls {
			if err := query(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > calls*limitWindow/DefaultCallsPerSecond {
			t.Errorf("%d calls took %v", calls, took)
		}
		if most, _ := arrived.most(); most > DefaultCallsPerSecond || len(warned) != 1 {
			t.Errorf("%d calls in a second, warned %v", most, warned)
		}
		l.over["query"] = time.Time{} // it has caught up
		time.Sleep(limiterPause)
		if err := query(t.Context(), c); err != nil || l.leased == 0 {
			t.Errorf("%v, %d turns leased", err, l.leased)
		}
	})
}
