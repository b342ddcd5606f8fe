package dingtalk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	throttled  = `{"code":"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi","message":"slow down"}`
	stopped    = `{"code":"bot.stopped"}`
	sendOK     = `{"processQueryKey":"the-key"}`
	queryOK    = `{"sendStatus":"SUCCESS","readUserIds":["u1"]}`
	readersURL = "/v1.0/robot/groupMessages/query"
	sendURL    = "/v1.0/robot/groupMessages/send"
)

func query(ctx context.Context, c *Client) error {
	_, err := c.QueryReaders(ctx, "cid", "key", "")
	return err
}

func send(ctx context.Context, c *Client) error {
	_, err := c.SendGroup(ctx, "cid", Markdown("t", "x"))
	return err
}

// What is repeated, and how often.
func TestRetries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		kind   Kind
		reads  int  // requests a query makes
		sends  int  // requests a send makes
		open   bool // the send is uncertain
	}{
		{"throttled", 403, throttled, Throttled, 3, 3, false},
		{"throttled, status only", 429, ``, Throttled, 3, 3, false},
		{"fault", 500, `{"code":"system.error"}`, Unavailable, 3, 1, true},
		{"gateway", 502, `<html>Bad Gateway`, Unavailable, 3, 1, true},
		{"fault with a known refusal", 503, throttled, Throttled, 3, 1, true},
		{"result unknown", 400, `{"code":"unknown.send.result"}`, Unavailable, 3, 1, true},
		{"refused", 400, stopped, BotStopped, 1, 1, false},
		{"quota", 403, `{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg"}`, QuotaSpent, 1, 1, false},
		{"permission", 403, `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied"}`, PermissionDenied, 1, 1, false},
		{"banned", 403, `{"status":1111,"wait":5,"punish":"deny"}`, IPBanned, 1, 1, false},
		{"empty", 200, `{}`, BadAnswer, 1, 1, true},
		{"undecodable", 200, `{"processQueryKey":`, BadAnswer, 1, 1, true},
		{"redirect", 307, ``, Unknown, 1, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t).always(readersURL, tt.status, tt.body).always(sendURL, tt.status, tt.body)
				want(t, query(t.Context(), s.client()), tt.kind, false)
				want(t, send(t.Context(), s.client()), tt.kind, tt.open)
				if r, w := len(s.seen(readersURL)), len(s.seen(sendURL)); r != tt.reads || w != tt.sends {
					t.Errorf("%d queries, %d sends; want %d, %d", r, w, tt.reads, tt.sends)
				}
			})
		})
	}
}

func TestARetrySucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).on(sendURL, func(n int, _ seen) (int, string) {
			if n < 3 {
				return 403, throttled
			}
			return 200, sendOK
		})
		var calls []Call
		c := s.client(func(cfg *Config) { cfg.Observe = func(_ context.Context, c Call) { calls = append(calls, c) } })
		started := time.Now()
		posted, err := c.SendGroup(t.Context(), "cid", Markdown("t", "x"))
		// No time passes while DingTalk answers.
		if err != nil || posted != (Posted{"the-key", time.Now()}) || !posted.At.After(started.Add(time.Second)) {
			t.Fatalf("got %+v, %v", posted, err)
		}
		// 1 s and 1.5 s, each give or take a half.
		if took := time.Since(started); took < 1250*time.Millisecond || took > 3750*time.Millisecond {
			t.Errorf("took %v", took)
		}
		for i, call := range calls {
			if (call.Failure != nil) != (call.Kind != "") || call.Failure != nil && call.Failure.Kind != call.Kind {
				t.Errorf("the failure of kind %q is %v", call.Kind, call.Failure)
			}
			calls[i].Failure = nil
		}
		wanted := []Call{
			{API: "token"},
			{API: "send", Kind: Throttled, Counted: true},
			{API: "send", Kind: Throttled, Counted: true},
			{API: "send", Counted: true},
		}
		if diff := cmp.Diff(wanted, calls); diff != "" {
			t.Error(diff)
		}
	})
}

// An empty part of a paged answer must not be taken over from an earlier try.
func TestTriesDoNotMix(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).on(readersURL, func(n int, _ seen) (int, string) {
			if n == 1 {
				return 500, `{"readUserIds":["somebody"],"hasMore":true,"nextToken":"x"}`
			}
			return 200, `{"sendStatus":"SUCCESS"}`
		})
		got, err := s.client().QueryReaders(t.Context(), "cid", "key", "")
		if diff := cmp.Diff(ReadersPage{At: got.At, Status: SendSuccess}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

func TestRetriesStayWithinTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 403, throttled)
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		started := time.Now()
		want(t, query(ctx, s.client()), Throttled, false)
		if took := time.Since(started); took != 0 {
			t.Errorf("waited %v for a try that had no time left", took)
		}
	})
}

func TestACancelledCallerGetsDingTalksLastWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 403, throttled)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		want(t, query(ctx, s.client()), Throttled, false)
	})
}

func TestACallHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		c := s.client(func(cfg *Config) {
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == tokenAPI.path {
					return inProcess{s}.RoundTrip(r)
				}
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		})
		started := time.Now()
		err := send(t.Context(), c)
		want(t, err, Unavailable, true)
		if took := time.Since(started); took != CallTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %v, %v", took, err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started = time.Now()
		err = send(ctx, c)
		want(t, err, Unavailable, true)
		if took := time.Since(started); took != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %v, %v", took, err)
		}

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err = send(ctx, c)
		want(t, err, Cancelled, true)
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestACallThatIsOverBeforeItBeginsSendsNothing(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, send(ctx, s.client()), Cancelled, false)
	ctx, cancel = context.WithTimeout(t.Context(), -1)
	defer cancel()
	want(t, send(ctx, s.client()), Unavailable, false)
	if len(s.calls) != 0 {
		t.Errorf("sent %v", s.calls)
	}
}

func TestTheLocalLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(readersURL, 200, queryOK).always(sendURL, 200, sendOK)
		c := s.client(func(cfg *Config) { cfg.CallsPerSecond = 0 })
		started := time.Now()
		for range DefaultCallsPerSecond + 1 {
			if err := query(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(started); took < limitWindow-time.Microsecond || took > limitWindow+time.Microsecond {
			t.Errorf("%d calls took %v", DefaultCallsPerSecond+1, took)
		}
		// Each API has its own.
		if err := send(t.Context(), c); err != nil || time.Since(started) > limitWindow+time.Microsecond {
			t.Error(time.Since(started), err)
		}
		// Where the wait would be too long nothing is sent.
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		want(t, send(ctx, c), Throttled, false)
		if n := len(s.seen(sendURL)); n != 1 {
			t.Errorf("%d sends", n)
		}
	})
}

func TestAfterABanNothingIsSentUntilItIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).on(readersURL, func(n int, _ seen) (int, string) {
			if n == 1 {
				return 200, "<html>punish</html>"
			}
			return 200, queryOK
		}).always("/robot/sendBySession", 200, `{"errcode":0}`)
		c := s.client()
		want(t, query(t.Context(), c), IPBanned, false)
		sent := len(s.calls)
		time.Sleep(BanDuration - 1)
		for _, err := range []error{
			query(t.Context(), c), send(t.Context(), c),
			c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession"), Reply{}),
		} {
			e := wantError(t, err, IPBanned, false)
			if e.HTTPStatus != 0 || !strings.Contains(e.Detail, "not sent") {
				t.Errorf("got %v", e)
			}
		}
		if n := len(s.calls); n != sent {
			t.Errorf("%d calls were sent during the ban", n-sent)
		}
		time.Sleep(time.Nanosecond)
		if err := query(t.Context(), c); err != nil {
			t.Errorf("after the ban: %v", err)
		}
	})
}

// A page that does not say that it is a ban is about one call, whatever its status.
func TestAPageFailsOneCallOnly(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 401, 403, 404, 405, 407, 408, 413, 414, 429, 431, 500, 502, 503, 504} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t).always(readersURL, status, "<html><h1>No</h1>").always(sendURL, 200, `{"processQueryKey":"k"}`).always("/robot/sendBySession", 200, `{"errcode":0}`)
			c := s.client()
			if err := query(t.Context(), c); err == nil {
				t.Errorf("%d: the page passes for an answer", status)
			}
			if err := errors.Join(send(t.Context(), c), c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession"), Reply{})); err != nil {
				t.Errorf("%d: the next calls: %v", status, err)
			}
		})
	}
}

func TestABanReachesCallsThatWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newScript(t).on(readersURL, func(int, seen) (int, string) {
			<-release
			return 200, `{"status":1111,"punish":"deny"}`
		})
		c := s.client(func(cfg *Config) { cfg.CallsPerSecond = 1 })
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() { want(t, query(t.Context(), c), IPBanned, false) })
		}
		synctest.Wait() // one is under way, the others wait for the local limit
		close(release)
		callers.Wait()
		// Who comes now does not wait for the limit either.
		started := time.Now()
		for range 5 {
			want(t, query(t.Context(), c), IPBanned, false)
		}
		if n, took := len(s.seen(readersURL)), time.Since(started); n != 1 || took != 0 {
			t.Errorf("%d requests; failing fast took %v", n, took)
		}
	})
}

func TestABanOfTheTokenRequestLastsNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t).always(tokenAPI.path, 403, `<html>punish`)
		c := s.client()
		want(t, c.CheckToken(t.Context()), IPBanned, false)
		time.Sleep(BanDuration - 1)
		want(t, c.CheckToken(t.Context()), IPBanned, false)
		expectTokens(t, s, 1)
		s.answer[tokenAPI.path] = nil
		time.Sleep(time.Nanosecond)
		if err := c.CheckToken(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCountedCalls(t *testing.T) {
	t.Parallel()
	s := newScript(t).
		always(sendURL, 200, sendOK).
		always(readersURL, 200, queryOK).
		always(membersAPI.path, 200, `{"success":true,"memberUserIds":["u1"]}`).
		always(recallAPI.path, 200, `{"successResult":["k"]}`).
		always(directAPI.path, 200, sendOK).
		always(dingAPI.path, 200, `{"openDingId":"d"}`).
		always("/robot/sendBySession", 200, `{"errcode":0}`).
		always(userAPI.path, 200, `{"errcode":0,"result":{"name":"李雷"}}`).
		always(departmentAPI.path, 200, `{"errcode":0,"result":{"userid_list":[]}}`).
		always(chatAPI.path, 200, `{"errcode":0,"chat_info":{"name":"n","useridlist":[]}}`)
	got := map[string]bool{}
	c := s.client(func(cfg *Config) { cfg.Observe = func(_ context.Context, c Call) { got[c.API] = c.Counted } })
	ctx := t.Context()
	_, e1 := c.GroupMembers(ctx, "cid", "")
	_, e2 := c.RecallGroup(ctx, "cid", "k")
	_, e3 := c.SendDirect(ctx, []string{"u1"}, Markdown("t", "x"))
	_, e4 := c.UserName(ctx, "u1")
	_, e5 := c.DepartmentUserIDs(ctx, 1)
	_, _, e6 := c.Chat(ctx, "chat1")
	_, e7 := c.SendDing(ctx, DingApp, []string{"u1"}, "x")
	if err := errors.Join(send(ctx, c), query(ctx, c), e1, e2, e3, e4, e5, e6, e7, c.Reply(ctx, NewSecret("https://api.test/robot/sendBySession"), Reply{})); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{
		"send": true, "query": true, "members": true, "recall": true, "direct": true, "ding": true, "chat": true,
		"token": false, "reply": false, "user": false, "department": false,
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever DingTalk answers, and whatever it repeats in its answer, no error shows a secret.
func TestNoErrorShowsASecret(t *testing.T) {
	t.Parallel()
	echo := func(r seen) string {
		return fmt.Sprintf("secret %s token %s session %s at https://oapi.dingtalk.com/x?access_token=%[2]s", testSecret, r.Token, r.Query)
	}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 429, 500} {
		for _, shape := range []string{
			`{"code":%[1]q,"message":%[1]q,"requestid":%[1]q}`,
			`{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","message":"权限：[%[1]s]","accessdenieddetail":{"requiredScopes":[%[1]q]}}`,
			`{"errcode":%[1]q,"errmsg":%[1]q,"request_id":%[1]q}`,
			`{"errcode":88,"sub_code":%[1]q,"sub_msg":%[1]q}`,
			`%[1]s`,
		} {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				answer := func(_ int, r seen) (int, string) { return status, fmt.Sprintf(shape, echo(r)) }
				for _, a := range limitedAPIs() {
					s.on(a.path, answer)
				}
				s.on("/robot/sendBySession", answer)
				var calls []any
				c := s.client(func(cfg *Config) { cfg.Observe = func(_ context.Context, c Call) { calls = append(calls, c) } })
				ctx := t.Context()
				_, e1 := c.GroupMembers(ctx, "cid", "")
				_, e2 := c.RecallGroup(ctx, "cid", "k")
				_, e3 := c.SendDirect(ctx, []string{"u1"}, Markdown("t", "x"))
				_, e4 := c.UserName(ctx, "u1")
				_, e5 := c.DepartmentUserIDs(ctx, 1)
				_, _, e6 := c.Chat(ctx, "chat1")
				e7 := c.Reply(ctx, NewSecret("https://api.test/robot/sendBySession?session="+testSession), Reply{})
				_, e8 := c.SendDing(ctx, DingCall, []string{"u1"}, "x")
				for _, err := range []error{send(ctx, c), query(ctx, c), e1, e2, e3, e4, e5, e6, e7, e8} {
					if err == nil {
						t.Fatalf("%d %s: no error", status, shape)
					}
					noSecrets(t, err)
				}
				noSecrets(t, calls...)

				s.on(tokenAPI.path, answer)
				fresh := s.client()
				err := fresh.CheckToken(ctx)
				if err == nil {
					t.Fatalf("%d %s: a token", status, shape)
				}
				noSecrets(t, err)
			})
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What its caller has lost to another process is not sent: not the first time, nor again after DingTalk throttled it and
// the caller was lost in the pause.
func TestNothingIsSentForLostWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lost := make(chan struct{})
		observed := 0
		s := newScript(t).always(sendURL, 429, `{"code":"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"}`)
		c := s.client(func(cfg *Config) {
			cfg.Observe = func(context.Context, Call) { observed++ }
			cfg.MayAct = func(context.Context) error {
				select {
				case <-lost:
					return errors.New("lost")
				default:
					return nil
				}
			}
		})
		time.AfterFunc(time.Millisecond, func() { close(lost) })
		want(t, send(t.Context(), c), Cancelled, false)
		want(t, send(t.Context(), c), Cancelled, false)
		if n := len(s.seen(sendURL)); n != 1 || observed != 2 { // the token's is one
			t.Errorf("sent %d times, %d calls observed", n, observed)
		}
	})
}
