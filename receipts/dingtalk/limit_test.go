package dingtalk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store"
	"whoread/store/storetest"
)

// turns gives the turns of every API as Redis does, and counts the questions.
type turns struct {
	mu     sync.Mutex
	over   map[string]time.Time
	asked  int
	down   error
	hangs  bool
	leased int
}

func (l *turns) Lease(ctx context.Context, _, api string, n int, each time.Duration) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.hangs {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if l.down != nil {
		return 0, l.down
	}
	if taken := time.Until(l.over[api]); taken > 0 {
		return taken, nil
	}
	l.leased += n
	l.over[api] = time.Now().Add(time.Duration(n) * each)
	return 0, nil
}

// within is a client at DingTalk's own limit whose turns l gives.
func within(l Limiter, change ...func(*Config)) []func(*Config) {
	return append(change, func(c *Config) { c.CallsPerSecond, c.Limits = DefaultCallsPerSecond, l })
}

// arrivals notes when calls arrive.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

func (a *arrivals) note(int, seen) (int, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	return 200, queryOK
}

// most is how many arrived within a second, and how long all of them took.
func (a *arrivals) most() (int, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.SortFunc(a.at, time.Time.Compare)
	most := 0
	for first, last := 0, 0; last < len(a.at); last++ {
		for a.at[last].Sub(a.at[first]) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most, a.at[len(a.at)-1].Sub(a.at[0])
}

// Three processes that are busy hold the limit together, share it, lose none of it, and ask for several turns at once.
func TestAllProcessesTogetherKeepTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const calls = 200
		var arrived arrivals
		s := newScript(t).on(readersURL, arrived.note)
		l := &turns{over: map[string]time.Time{}}
		var all sync.WaitGroup
		for process := range 3 {
			c := s.client(within(l)...)
			for range calls / 3 {
				all.Go(func() {
					if err := query(t.Context(), c); err != nil {
						t.Errorf("process %d: %v", process, err)
					}
				})
			}
		}
		all.Wait()
		most, took := arrived.most()
		if most > DefaultCallsPerSecond {
			t.Errorf("%d calls in a second", most)
		}
		for i := range len(arrived.at) - 1 { // nobody is in another's turns
			if apart := arrived.at[i+1].Sub(arrived.at[i]); apart < limitWindow/DefaultCallsPerSecond-time.Microsecond {
				t.Errorf("two calls are %v apart", apart)
			}
		}
		if least := time.Duration(calls) * limitWindow / DefaultCallsPerSecond; took > least*11/10 {
			t.Errorf("%d calls took %v, %v would do", calls, took, least)
		}
		if l.asked > calls/2 {
			t.Errorf("%d questions for %d calls", l.asked, calls)
		}
	})
}

// A call that is alone asks for its one turn. What another process has leased and does not use is over in half a second.
func TestACallWaitsForTheTurnsOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 200, queryOK).always(sendURL, 200, sendOK).always("/robot/sendBySession", 200, `{"errcode":0}`)
		l := &turns{over: map[string]time.Time{}}
		c := s.client(within(l)...)
		began := time.Now()
		if err := query(t.Context(), c); err != nil || time.Since(began) != 0 || l.asked != 1 || l.leased != 1 {
			t.Fatalf("%v after %v, %d questions for %d turns", err, time.Since(began), l.asked, l.leased)
		}
		l.over["query"] = time.Now().Add(leaseMax) // another process's
		if err := send(t.Context(), c); err != nil || time.Since(began) != 0 {
			t.Errorf("another API: %v after %v", err, time.Since(began))
		}
		if err := query(t.Context(), c); err != nil || time.Since(began) != leaseMax {
			t.Errorf("%v after %v", err, time.Since(began))
		}

		// Where the wait would be too long nothing is sent.
		l.over["query"] = time.Now().Add(leaseMax)
		sent := len(s.calls)
		ctx, cancel := context.WithTimeout(t.Context(), leaseMax/2)
		defer cancel()
		began = time.Now()
		want(t, query(ctx, c), Throttled, false)
		if len(s.calls) != sent || time.Since(began) != 0 {
			t.Errorf("%d calls after %v", len(s.calls)-sent, time.Since(began))
		}
		// A group's webhook is not the app's.
		asked := l.asked
		if err := c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession"), Reply{}); err != nil || l.asked != asked {
			t.Errorf("a reply: %v, %d questions", err, l.asked-asked)
		}
	})
}

// The answers of one group are spaced out, as all of them would be if they were an API's; no group waits for those of others.
func TestEachGroupHasItsOwnLimitOfReplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const groups, each = 2 * groupsMost, 4
		s := newScript(t).always("/robot/sendBySession", 200, `{"errcode":0}`)
		c := s.client(within(nil)...)
		var all sync.WaitGroup
		began := time.Now()
		for i := range groups {
			all.Go(func() {
				webhook := NewSecret(fmt.Sprint("https://api.test/robot/sendBySession?session=", i))
				for n := range each {
					if err := c.Reply(t.Context(), webhook, Reply{}); err != nil {
						t.Error(err)
					}
					if took, turn := time.Since(began), limitWindow/DefaultCallsPerSecond; took.Round(time.Microsecond) != time.Duration(n)*turn {
						t.Errorf("reply %d of a group after %v; want %d turns of %v", n, took, n, turn)
					}
				}
			})
		}
		all.Wait()
		time.Sleep(time.Second)
		if err := c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession?session=last"), Reply{}); err != nil {
			t.Error(err)
		}
		if n := len(c.limits.groups.byGroup); n > groupsMost {
			t.Errorf("%d groups are remembered when nobody replies", n)
		}
	})
}

// Who waits for a turn can give up, and leaves it to the next.
func TestWhoWaitsForATurnCanGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 200, queryOK)
		l := &turns{over: map[string]time.Time{"query": time.Now().Add(aheadMax)}}
		c := s.client(within(l)...)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 3 { // one at the head, the others behind it
			all.Go(func() { want(t, query(ctx, c), Cancelled, false) })
		}
		synctest.Wait()
		all.Go(func() {
			if err := query(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		all.Wait()
		if n := len(s.seen(readersURL)); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// A Limiter that is away, or hangs, costs one wait in five seconds and one warning until it is back.
func TestWithoutTheLimiterEachProcessKeepsTheLimitForItself(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]struct {
		down  error
		hangs bool
	}{"down": {down: errors.New("no route to the records")}, "hanging": {hangs: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var arrived arrivals
				s := newScript(t).on(readersURL, arrived.note)
				l := &turns{over: map[string]time.Time{}, down: away.down, hangs: away.hangs}
				var warned []error
				c := s.client(within(l, func(cfg *Config) { cfg.Warn = func(_ context.Context, err error) { warned = append(warned, err) } })...)
				if err := query(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				for range 2 * DefaultCallsPerSecond {
					if err := query(t.Context(), c); err != nil {
						t.Error(err)
					}
				}
				if most, _ := arrived.most(); most > DefaultCallsPerSecond || time.Since(began) > 2*limitWindow+time.Microsecond {
					t.Errorf("%d calls in a second, in all %v", most, time.Since(began))
				}
				if l.asked != 1 || len(warned) != 1 {
					t.Errorf("asked %d times, warned %v", l.asked, warned)
				}
				time.Sleep(limiterPause)
				for range 2 {
					if err := query(t.Context(), c); err != nil {
						t.Error(err)
					}
				}
				if l.asked != 2 || len(warned) != 1 {
					t.Errorf("asked %d times, warned %v", l.asked, warned)
				}
				l.down, l.hangs = nil, false
				time.Sleep(limiterPause)
				for range 3 {
					if err := query(t.Context(), c); err != nil {
						t.Error(err)
					}
				}
				if l.leased != 3 {
					t.Errorf("%d turns leased when it was back", l.leased)
				}
			})
		})
	}
}

func TestTheLimitChangesWhileCallsAreMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 200, queryOK)
		for _, l := range []Limiter{nil, &turns{over: map[string]time.Time{}}} {
			c := s.client(within(l)...)
			for _, perSecond := range []int{5, 50, 1} {
				c.SetCallsPerSecond(perSecond)
				_ = query(t.Context(), c) // may have waited by the old limit
				began := time.Now()
				for range perSecond {
					if err := query(t.Context(), c); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took < limitWindow-time.Millisecond || took > limitWindow+time.Millisecond {
					t.Errorf("%d calls took %v", perSecond, took)
				}
			}
		}
	})
}

// Another app, or the same one at another DingTalk, takes turns of its own.
func TestTurnsBelongToAnAppAndItsDingTalk(t *testing.T) {
	t.Parallel()
	digests := map[string]bool{}
	for _, c := range []Config{
		{ClientID: "the-app", APIURL: "https://api.test"},
		{ClientID: "another-app", APIURL: "https://api.test"},
		{ClientID: "the-app", APIURL: "https://api.elsewhere"},
		{ClientID: "the-app\nhttps://api.test", APIURL: "https://api.test"},
		{ClientID: "the-app", APIURL: "https://api.test/"}, // is the first one
	} {
		c.ClientSecret, c.OapiURL = NewSecret("secret"), c.APIURL
		client, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		digests[client.app] = true
	}
	if len(digests) != 4 {
		t.Errorf("%d apps: %v", len(digests), digests)
	}
}

// Three processes on one Redis, against a DingTalk that allows 20 calls a second: a burst of calls gets no throttling answer,
// but for calls that a busy machine lets arrive later, together with those behind them. Without Redis each process goes on.
func TestThreeProcessesOnOneRedisKeepTheLimitTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		const calls = 120
		dt := dingtalktest.New(dingtalktest.Options{})
		if err := dt.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = dt.Close() })
		lilei := dt.AddPerson(dingtalktest.Person{Name: "李雷"})
		group := dt.AddGroup(dingtalktest.GroupOptions{}, lilei)
		proxy := storetest.NewProxy(t, b.URL)
		var mu sync.Mutex
		kinds := map[Kind]int{}
		var processes []*Client
		for range 3 {
			records, err := store.Open(store.Options{URL: proxy.URL(), KeyPrefix: b.KeyPrefix, KeepFor: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = records.Close() })
			app := dt.App()
			processes = append(processes, newClient(t, dt.URL(), func(c *Config) {
				c.ClientID, c.ClientSecret, c.RobotCode = app.ClientID, NewSecret(app.ClientSecret), app.RobotCode
				c.CallsPerSecond, c.Limits = DefaultCallsPerSecond, records
				c.Observe = func(_ context.Context, call Call) {
					mu.Lock()
					defer mu.Unlock()
					kinds[call.Kind]++
				}
			}))
		}
		burst := func(calls int) {
			var all sync.WaitGroup
			for i := range calls {
				all.Go(func() {
					if _, err := processes[i%len(processes)].GroupMembers(t.Context(), group.ID(), ""); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		began := time.Now()
		burst(calls)
		t.Logf("%d calls took %v; %v would do", calls, time.Since(began), calls*limitWindow/DefaultCallsPerSecond)
		if kinds[Throttled] > calls/20 { // each for itself: as many as there are calls
			t.Errorf("throttled %d times", kinds[Throttled])
		}
		proxy.Cut()
		burst(2 * len(processes)) // all succeed, after another try where DingTalk throttles
	})
}
