package dingtalk

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const quotaSpent = `{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg"}`

// memory is a quota as one process remembers it.
type memory struct {
	mu    sync.Mutex
	spent bool
	down  error // of the records behind it
	sets  []bool
}

func (m *memory) Spent(context.Context) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spent, m.down
}

func (m *memory) SetSpent(_ context.Context, spent bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent, m.sets = spent, append(m.sets, spent)
	return m.down
}

func remembering(m *memory) func(*Config) { return func(c *Config) { c.Quota = m } }

// What DingTalk has said once is not asked again by any counted call; the others go on.
func TestASpentQuotaIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(readersURL, 403, quotaSpent).always(sendURL, 200, sendOK).
		always("/hook", 200, `{"errcode":0}`).always(userAPI.path, 200, `{"errcode":0,"result":{"name":"李雷"}}`)
	m := &memory{}
	var observed int
	c := s.client(remembering(m), func(cfg *Config) { cfg.Observe = func(_ context.Context, _ Call) { observed++ } })
	want(t, query(t.Context(), c), QuotaSpent, false)
	made, tries := len(s.calls), observed
	for range 5 {
		e := wantError(t, query(t.Context(), c), QuotaSpent, false)
		if e.HTTPStatus != 0 || e.Retryable() {
			t.Errorf("got %v", e)
		}
		want(t, send(t.Context(), c), QuotaSpent, false)
	}
	if len(s.calls) != made || observed != tries {
		t.Errorf("%d calls although the quota is spent", len(s.calls)-made)
	}
	if err := c.Reply(t.Context(), NewSecret("https://api.test/hook"), Reply{}); err != nil {
		t.Errorf("a reply is not counted: %v", err)
	}
	if _, err := c.UserName(t.Context(), "u1"); err != nil {
		t.Errorf("a name is not counted: %v", err)
	}
}

func TestACallThatGoesThroughIsNoNews(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(readersURL, 200, queryOK).always(sendURL, 400, stopped)
	m := &memory{}
	c := s.client(remembering(m))
	_ = query(AskAgain(t.Context()), c)
	_ = query(t.Context(), c)
	_ = send(t.Context(), c)
	if len(m.sets) != 0 {
		t.Errorf("remembered %v", m.sets)
	}
}

func TestWhoMayAskAgainFindsOutThatTheQuotaWasRaised(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(readersURL, 200, queryOK).always(sendURL, 200, sendOK)
	m := &memory{spent: true}
	c := s.client(remembering(m))
	want(t, query(t.Context(), c), QuotaSpent, false)
	ctx := AskAgain(t.Context())
	for range 3 {
		if err := query(ctx, c); err != nil {
			t.Error(err)
		}
	}
	if err := send(t.Context(), c); err != nil {
		t.Errorf("for everybody else: %v", err)
	}
	if len(m.sets) != 1 || m.sets[0] {
		t.Errorf("remembered %v", m.sets)
	}
}

// However many calls a command makes, and makes at the same time, one of them asks.
func TestWhoMayAskAgainAsksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newScript(t).on(readersURL, func(int, seen) (int, string) {
			<-release
			return 403, quotaSpent
		})
		m := &memory{spent: true}
		c := s.client(remembering(m))
		ctx := AskAgain(t.Context())
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { want(t, query(ctx, c), QuotaSpent, false) })
		}
		synctest.Wait()
		given, cancel := context.WithCancel(ctx)
		all.Go(func() { want(t, query(given, c), Cancelled, false) })
		synctest.Wait()
		cancel() // who waits for the one that asks can give up
		synctest.Wait()
		close(release)
		all.Wait()
		want(t, query(ctx, c), QuotaSpent, false)
		if n := len(s.seen(readersURL)); n != 1 {
			t.Errorf("%d calls", n)
		}
		// The next command asks anew.
		want(t, query(AskAgain(t.Context()), c), QuotaSpent, false)
		if n := len(s.seen(readersURL)); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

// An answer that says nothing about the quota leaves it to the next call to find out.
func TestAnAnswerAboutSomethingElseDoesNotSettleTheQuota(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(readersURL, 200, queryOK).always(sendURL, 400, stopped)
	m := &memory{spent: true}
	c := s.client(remembering(m))
	ctx := AskAgain(t.Context())
	want(t, send(ctx, c), BotStopped, false)
	if !m.spent || len(m.sets) != 0 {
		t.Errorf("spent %t, remembered %v", m.spent, m.sets)
	}
	if err := query(ctx, c); err != nil || m.spent {
		t.Errorf("%v, spent %t", err, m.spent)
	}
}

// Out of reach, the memory is what this process knows; and somebody is told.
func TestWithoutTheSharedMemoryTheQuotaIsThisProcesses(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(readersURL, 403, quotaSpent)
	m := &memory{down: errors.New("no route to the records")}
	var warned []error
	c := s.client(remembering(m), func(cfg *Config) { cfg.Warn = func(_ context.Context, err error) { warned = append(warned, err) } })
	want(t, query(t.Context(), c), QuotaSpent, false)
	want(t, query(t.Context(), c), QuotaSpent, false)
	if n := len(s.seen(readersURL)); n != 1 {
		t.Errorf("%d calls", n)
	}
	if len(warned) != 3 || !errors.Is(warned[0], m.down) {
		t.Errorf("warned %v", warned)
	}
}

// Who gave up meanwhile leaves the others what DingTalk said.
func TestTheQuotaIsRememberedAlsoOfACallThatWasGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := newScript(t)
	heard := make(chan error, 1)
	c := s.client(func(cfg *Config) {
		cfg.Quota = quotaFunc(func(ctx context.Context, spent bool) { heard <- ctx.Err() })
		cfg.Observe = func(_ context.Context, call Call) {
			if call.Kind == QuotaSpent {
				cancel()
			}
		}
	})
	s.always(readersURL, 403, quotaSpent)
	want(t, query(ctx, c), QuotaSpent, false)
	select {
	case err := <-heard:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("not remembered")
	}
}

type quotaFunc func(ctx context.Context, spent bool)

func (quotaFunc) Spent(context.Context) (bool, error) { return false, nil }

func (f quotaFunc) SetSpent(ctx context.Context, spent bool) error {
	f(ctx, spent)
	return nil
}
