package dingtalk

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const rejectedToken = `{"code":"InvalidAuthentication","message":"不合法的access_token"}`

func TestATokenIsFetchedOnceAndRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 200, queryOK)
		c := s.client()
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				if err := query(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		expectTokens(t, s, 1)
		time.Sleep(2*time.Hour - tokenMargin - 1)
		_ = query(t.Context(), c)
		expectTokens(t, s, 1)
		time.Sleep(time.Nanosecond)
		_ = query(t.Context(), c)
		expectTokens(t, s, 2)
		calls := s.seen(readersURL)
		if got := calls[len(calls)-1].Token; got != tokenValue(2) {
			t.Errorf("used %s", got)
		}
	})
}

func expectTokens(t *testing.T, s *script, n int) {
	t.Helper()
	if got := len(s.seen(tokenAPI.path)); got != n {
		t.Errorf("%d token requests, want %d", got, n)
	}
}

func TestHowLongATokenLives(t *testing.T) {
	t.Parallel()
	for in, want := range map[text]time.Duration{
		"7200": 2 * time.Hour, "60": time.Minute,
		"": 2 * time.Hour, "0": 2 * time.Hour, "-1": 2 * time.Hour, "soon": 2 * time.Hour, "9223372036854775807": 2 * time.Hour, "1e3": 2 * time.Hour,
	} {
		if got := (tokenAnswer{ExpireIn: in}).life(); got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestAShortTokenIsNotAskedForWithEveryCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 200, queryOK).always(tokenAPI.path, 200, `{"accessToken":"a","expireIn":"60"}`)
		c := s.client()
		for range 29 {
			_ = query(t.Context(), c)
			time.Sleep(time.Second)
		}
		expectTokens(t, s, 1)
	})
}

// A token that DingTalk no longer accepts costs one refresh, however many calls were rejected with it.
func TestARejectedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		var gathered sync.WaitGroup
		const callers = 50
		gathered.Add(callers)
		s.on(sendURL, func(_ int, r seen) (int, string) {
			if r.Token != tokenValue(1) {
				return 200, sendOK
			}
			gathered.Done()
			gathered.Wait() // all of them use the first token
			return 400, rejectedToken
		})
		c := s.client()
		var done sync.WaitGroup
		for range callers {
			done.Go(func() {
				if err := send(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		expectTokens(t, s, 2)
		if n := len(s.seen(sendURL)); n != 2*callers {
			t.Errorf("%d requests", n)
		}
	})
}

func TestATokenThatIsRejectedAgainIsAFailure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
	}{{400, rejectedToken}, {401, `{}`}} {
		s := newScript(t).always(sendURL, tt.status, tt.body)
		e := wantError(t, send(t.Context(), s.client()), TokenRejected, false)
		if e.Retryable() {
			t.Error("retryable")
		}
		expectTokens(t, s, 2)
		if n := len(s.seen(sendURL)); n != 2 {
			t.Errorf("%d requests", n)
		}
	}
}

func TestTheOldAPIsRejectionsRefreshToo(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"errcode":40014}`, `{"errcode":"40001"}`, `{"errcode":42001}`, `{"errcode":88,"sub_code":"40014","errmsg":"ding talk error"}`,
	} {
		s := newScript(t).on(userAPI.path, func(n int, r seen) (int, string) {
			if n == 1 {
				return 200, body
			}
			if r.Token != tokenValue(2) {
				t.Errorf("used %s", r.Token)
			}
			return 200, `{"errcode":"0","result":{"name":"李雷"}}`
		})
		name, err := s.client().UserName(t.Context(), "u1")
		if err != nil || name != "李雷" {
			t.Errorf("%s: got %q, %v", body, name, err)
		}
		expectTokens(t, s, 2)
	}
}

func TestBadCredentialsAreNotTriedInAStorm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
	}{
		{400, `{"code":"invalidClientIdOrSecret","message":"无效的clientId或者clientSecret"}`},
		{401, `{}`},
		{400, `{"code":"InvalidAuthentication"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t).always(tokenAPI.path, tt.status, tt.body)
			c := s.client()
			for range 20 {
				e := wantError(t, send(t.Context(), c), BadCredentials, false)
				if e.API != "token" || e.Retryable() {
					t.Errorf("got %v", e)
				}
			}
			expectTokens(t, s, 1)
			time.Sleep(failureLife)
			want(t, c.CheckToken(t.Context()), BadCredentials, false)
			expectTokens(t, s, 2)
			if n := len(s.seen(sendURL)); n != 0 {
				t.Errorf("%d sends without a token", n)
			}
			s.answer[tokenAPI.path] = nil // the administrator puts it right
			time.Sleep(failureLife)
			if err := c.CheckToken(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without a token nothing was sent, so a send is certain to have failed. It is not tried again; reads are.
func TestNoTokenNoUncertainty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(tokenAPI.path, 500, ``)
		want(t, send(t.Context(), s.client()), Unavailable, false)
		expectTokens(t, s, 1)
		want(t, query(t.Context(), s.client()), Unavailable, false)
		expectTokens(t, s, 4)
		want(t, s.client().CheckToken(t.Context()), Unavailable, false)
		expectTokens(t, s, 7)
		s.always(tokenAPI.path, 200, `{"expireIn":7200}`)
		want(t, s.client().CheckToken(t.Context()), BadAnswer, false)
	})
}

func TestOneCallersEndIsNotTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 200, queryOK)
		release := make(chan struct{})
		s.on(tokenAPI.path, func(int, seen) (int, string) {
			<-release
			return 200, `{"accessToken":"a","expireIn":7200}`
		})
		c := s.client()
		first, cancel := context.WithCancel(t.Context())
		var firstErr, secondErr error
		var callers sync.WaitGroup
		callers.Go(func() { firstErr = send(first, c) })
		synctest.Wait()
		callers.Go(func() { secondErr = query(t.Context(), c) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		want(t, firstErr, Cancelled, false)
		close(release)
		callers.Wait()
		if secondErr != nil {
			t.Error(secondErr)
		}
		expectTokens(t, s, 1)
	})
}

func TestCloseEndsAndAwaitsATokenRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		ended := false
		c := s.client(func(cfg *Config) {
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				ended = true
				return nil, r.Context().Err()
			})
		})
		var err error
		var caller sync.WaitGroup
		caller.Go(func() { err = send(t.Context(), c) })
		synctest.Wait()
		c.Close()
		if !ended {
			t.Error("Close did not wait")
		}
		caller.Wait()
		want(t, err, Cancelled, false)
		want(t, send(t.Context(), c), Cancelled, false)
		c.Close()
	})
}

func TestTheTokenGoesWhereItBelongs(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(readersURL, 200, queryOK).always(userAPI.path, 200, `{"errcode":0,"result":{"name":"n"}}`).always("/robot/sendBySession", 200, `{"errcode":0}`)
	c := s.client()
	_ = query(t.Context(), c)
	_, _ = c.UserName(t.Context(), "u1")
	_ = c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession?session=x"), Reply{})
	if r := s.seen(readersURL)[0]; r.Token != tokenValue(1) || r.Query != "" {
		t.Errorf("new API: %+v", r)
	}
	if r := s.seen(userAPI.path)[0]; r.Query != "access_token="+tokenValue(1) {
		t.Errorf("old API: %+v", r)
	}
	if r := s.seen("/robot/sendBySession")[0]; r.Token != "" || r.Query != "session=x" {
		t.Errorf("webhook: %+v", r)
	}
	if r := s.seen(tokenAPI.path)[0]; r.Token != "" || strings.Contains(fmt.Sprint(r.Query), "secret") {
		t.Errorf("token: %+v", r)
	}
	noSecrets(t, *c.tokens.current)
}
