package dingtalk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"whoread/store"
	"whoread/store/storetest"
)

// sharing is a client that shares its token in the store at the URL.
func (s *script) sharing(b storetest.Backend, url string, change ...func(*Config)) *Client {
	s.t.Helper()
	records, err := store.Open(store.Options{URL: url, KeyPrefix: b.KeyPrefix, KeepFor: time.Hour})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = records.Close() })
	return s.client(append([]func(*Config){func(c *Config) { c.Tokens = records }}, change...)...)
}

// In the middle of the pages of two processes the token is over: one of them asks for a new one, and both go on.
func TestATokenThatEndsInTheMiddleOfPagesIsReplacedOnceForAllProcesses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		const pages, middle = 15, 8
		var both sync.WaitGroup // of the two rejections: at once
		both.Add(2)
		s := newScript(t)
		s.on(readersURL, func(_ int, r seen) (int, string) {
			page := 1
			if cursor, ok := r.Body["nextToken"].(string); ok {
				_, _ = fmt.Sscanf(cursor, "page-%d", &page)
			}
			if page >= middle && r.Token == tokenValue(1) {
				both.Done()
				both.Wait()
				return 400, rejectedToken
			}
			return 200, fmt.Sprintf(`{"sendStatus":"SUCCESS","readUserIds":["u%d"],"hasMore":%t,"nextToken":"page-%d"}`, page, page < pages, page+1)
		})
		var all sync.WaitGroup
		for range 2 {
			c := s.sharing(b, b.URL)
			all.Go(func() {
				cursor := ""
				for page := 1; page <= pages; page++ {
					got, err := c.QueryReaders(t.Context(), "cid", "key", cursor)
					if err != nil || got.More != (page < pages) {
						t.Errorf("page %d: %+v, %v", page, got, err)
						return
					}
					cursor = got.Next
				}
			})
		}
		all.Wait()
		expectTokens(t, s, 2) // the first, and the one that replaced it
	})
}

func TestManyProcessesThatBeginAskForOneToken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := newScript(t).always(readersURL, 200, queryOK)
		var all sync.WaitGroup
		for range 10 {
			c := s.sharing(b, b.URL)
			all.Go(func() {
				if err := query(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		expectTokens(t, s, 1)
	})
}

// A process that held an older token uses the shared one, and does not replace it.
func TestARejectedTokenIsReplacedOnlyIfItIsTheSharedOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		good := atomic.Int32{}
		good.Store(1)
		s := newScript(t).on(readersURL, func(_ int, r seen) (int, string) {
			if r.Token != tokenValue(int(good.Load())) {
				return 400, rejectedToken
			}
			return 200, queryOK
		})
		one, two := s.sharing(b, b.URL), s.sharing(b, b.URL)
		for range 2 {
			if err := errors.Join(query(t.Context(), one), query(t.Context(), two)); err != nil {
				t.Fatal(err)
			}
			good.Add(1)
		}
		expectTokens(t, s, 2)

		// The shared one may be rejected as well: then it is replaced in the same call.
		if err := query(t.Context(), one); err != nil { // the third token
			t.Fatal(err)
		}
		good.Add(1)
		if err := query(t.Context(), two); err != nil { // holds the second, finds the third, asks for the fourth
			t.Fatal(err)
		}
		expectTokens(t, s, 4)
	})
}

// A process that dies while it asks holds the others up no longer than its lock.
func TestAProcessThatDiesWhileItAsksIsSucceeded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := newScript(t).always(readersURL, 200, queryOK)
		dead := s.sharing(b, b.URL)
		const hold = 300 * time.Millisecond
		began := time.Now()
		if mine, err := dead.shared.LockToken(t.Context(), dead.app, "the dead", hold); !mine || err != nil {
			t.Fatal(mine, err)
		}
		if b.Mini != nil { // its time stands still by itself
			timer := time.AfterFunc(hold, func() { b.Mini.FastForward(hold) })
			defer timer.Stop()
		}
		var all sync.WaitGroup
		for range 3 {
			c := s.sharing(b, b.URL)
			all.Go(func() {
				if err := query(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		expectTokens(t, s, 1)
		if took := time.Since(began); took < hold-50*time.Millisecond || took > tokenWait {
			t.Errorf("succeeded after %v", took)
		}
		// What the dead one has found out after all changes nothing.
		if err := dead.shared.UnlockToken(t.Context(), dead.app, "the dead", "late", time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := query(t.Context(), dead); err != nil || s.seen(readersURL)[3].Token != tokenValue(1) {
			t.Errorf("%v, with the token %s", err, s.seen(readersURL)[3].Token)
		}
	})
}

func TestWithoutTheStoreAProcessHasATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		proxy := storetest.NewProxy(t, b.URL)
		s := newScript(t).on(readersURL, func(n int, r seen) (int, string) {
			if n == 2 {
				return 400, rejectedToken
			}
			return 200, queryOK
		})
		var mu sync.Mutex
		var warned []error
		c := s.sharing(b, proxy.URL(), func(cfg *Config) {
			cfg.Warn = func(_ context.Context, err error) {
				mu.Lock()
				defer mu.Unlock()
				warned = append(warned, err)
			}
		})
		proxy.Cut()
		for range 2 { // the second one's token is rejected
			if err := query(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
		expectTokens(t, s, 2)
		mu.Lock()
		defer mu.Unlock()
		if len(warned) != 2 {
			t.Errorf("warned %v", warned)
		}
		for _, err := range warned {
			noSecrets(t, err)
		}
	})
}

// The store breaks after the token was asked for: it is used all the same, and shown nowhere.
func TestATokenThatCannotBeSharedIsUsedAndNotShown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		proxy := storetest.NewProxy(t, b.URL)
		s := newScript(t).always(readersURL, 200, queryOK)
		s.on(tokenAPI.path, func(int, seen) (int, string) {
			proxy.Cut()
			return 200, fmt.Sprintf(`{"accessToken":%q,"expireIn":7200}`, tokenValue(1))
		})
		var shown []any
		c := s.sharing(b, proxy.URL(), func(cfg *Config) {
			cfg.Warn = func(_ context.Context, err error) { shown = append(shown, err) }
			cfg.Observe = func(_ context.Context, call Call) { shown = append(shown, call) }
		})
		if err := query(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if len(shown) != 3 { // two calls, one warning
			t.Errorf("shown %v", shown)
		}
		noSecrets(t, append(shown, *c.tokens.current)...)
	})
}

// Another app, or the same one at another DingTalk, never gets this one's token.
func TestATokenBelongsToAnAppAndItsDingTalk(t *testing.T) {
	t.Parallel()
	b := storetest.Mini(t)
	s := newScript(t).always(readersURL, 200, queryOK).always(tokenAPI.path, 200, rawToken)
	for i, change := range []func(*Config){
		func(*Config) {},
		func(c *Config) { c.ClientID = "another-app" },
		func(c *Config) { c.APIURL = "https://api.elsewhere" },
		func(c *Config) { c.ClientID, c.APIURL = "the-app\nhttps://api.test", "https://api.test" },
	} {
		if err := query(t.Context(), s.sharing(b, b.URL, change)); err != nil {
			t.Fatal(err)
		}
		expectTokens(t, s, i+1)
	}
	if err := query(t.Context(), s.sharing(b, b.URL, func(c *Config) { c.APIURL = "https://api.test/" })); err != nil { // the same
		t.Fatal(err)
	}
	expectTokens(t, s, 4)
	for _, key := range b.Mini.Keys() {
		if left := b.Mini.TTL(key); left <= 0 || left > maxTokenLife {
			t.Errorf("%s is kept for %v", key, left)
		}
	}
}

// busy is a store whose lock somebody always has.
type busy struct{ looks atomic.Int32 }

func (s *busy) Token(context.Context, string) (string, string, time.Duration, error) {
	s.looks.Add(1)
	return "", "", 0, nil
}

func (*busy) LockToken(context.Context, string, string, time.Duration) (bool, error) {
	return false, nil
}

func (*busy) UnlockToken(context.Context, string, string, string, time.Duration) error {
	return errors.New("there was no lock")
}

func TestWaitingForAnothersTokenIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, held := newScript(t).always(readersURL, 200, queryOK), &busy{}
		c := s.client(func(cfg *Config) { cfg.Tokens = held })
		began := time.Now()
		if err := query(t.Context(), c); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != tokenWait {
			t.Errorf("waited %v", took)
		}
		if n := held.looks.Load(); n > int32(tokenWait/tokenPause)+1 {
			t.Errorf("looked %d times", n)
		}
		expectTokens(t, s, 1)

		// Who waits can give up, and the client can end.
		c = s.client(func(cfg *Config) { cfg.Tokens = held })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want(t, query(ctx, c), Unavailable, false)
		var waiter sync.WaitGroup
		waiter.Go(func() { want(t, query(t.Context(), c), Cancelled, false) })
		synctest.Wait()
		c.Close()
		waiter.Wait()
		expectTokens(t, s, 1)
	})
}

// A failure to get a token lets the next one try at once.
func TestALockIsReleasedWhereNoTokenCame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := newScript(t).always(readersURL, 200, queryOK).on(tokenAPI.path, func(n int, _ seen) (int, string) {
			if n == 1 {
				return 400, `{"code":"invalidClientIdOrSecret"}`
			}
			return 200, rawToken
		})
		want(t, query(t.Context(), s.sharing(b, b.URL)), BadCredentials, false)
		began := time.Now()
		if err := query(t.Context(), s.sharing(b, b.URL)); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > tokenLock/2 {
			t.Errorf("waited %v", took)
		}
	})
}
