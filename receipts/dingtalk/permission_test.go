package dingtalk

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
)

// trials are the calls that find out about a permission without doing anything.
var trials = map[string]struct {
	api        api
	receivers  string // the parameter that must be empty
	permission string
	try        func(*Client, context.Context) error
}{
	"direct": {directAPI, "userIds", dingtalktest.PermissionRobot, (*Client).TryDirect},
	"ding":   {dingAPI, "receiverUserIdList", dingtalktest.PermissionDing, (*Client).TryDing},
}

func TestAPermissionIsTriedWithoutReachingAnybody(t *testing.T) {
	t.Parallel()
	for name, trial := range trials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range []struct {
				status int
				body   string
				told   bool // whether the answer tells of the permission
				kind   Kind // of the failure; none: the app has the permission
			}{
				{400, `{"code":"invalidParameter.userIds.empty"}`, true, ""},
				{400, `{"code":"invalidParameter.param.invalid"}`, true, ""},
				{400, `{"code":"something.new"}`, false, Unknown},
				{400, `{"code":"miss.staffId"}`, true, ""},
				{400, `{"code":"MissingreceiverUserIdList"}`, false, BadRequest},
				{200, `{}`, false, BadAnswer},
				{403, `{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied"}`, true, PermissionDenied},
				{403, `{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg"}`, true, QuotaSpent},
				{500, `{"code":"system.error"}`, true, Unavailable},
			} {
				s := newScript(t).always(trial.api.path, c.status, c.body)
				err := trial.try(s.client(), t.Context())
				if (c.kind == "") != (err == nil) || errors.Is(err, ErrNotTold) == c.told {
					t.Errorf("%s: %v", c.body, err)
				}
				if c.kind != "" {
					if failure, ok := errors.AsType[*Error](err); !ok || failure.Kind != c.kind {
						t.Errorf("%s: %v; want %s", c.body, err, c.kind)
					}
				}
				for _, asked := range s.seen(trial.api.path) {
					if diff := cmp.Diff([]any{}, asked.Body[trial.receivers]); diff != "" {
						t.Errorf("somebody is named: %s", diff)
					}
				}
			}
		})
	}
}

// onDingTalk returns a DingTalk of the test's own and a client of its app.
func onDingTalk(t *testing.T, o dingtalktest.Options, change ...func(*Config)) (*dingtalktest.Server, *Client) {
	t.Helper()
	s := dingtalktest.New(o)
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	app := s.App()
	return s, newClient(t, s.URL(), append(change, func(cfg *Config) {
		cfg.ClientID, cfg.ClientSecret, cfg.RobotCode = app.ClientID, NewSecret(app.ClientSecret), app.RobotCode
	})...)
}

func TestAPermissionIsTriedOnDingTalk(t *testing.T) {
	t.Parallel()
	for name, trial := range trials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := onDingTalk(t, dingtalktest.Options{})
			if err := trial.try(c, t.Context()); err != nil {
				t.Errorf("granted: %v", err)
			}
			s.Permissions(false, trial.permission)
			want(t, trial.try(c, t.Context()), PermissionDenied, false)
		})
	}
}

// Each answer, good or bad, tells the clock of DingTalk.
func TestCallsTellDingTalksClock(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 11, 25, 20, 0, 0, 0, time.UTC)
	var calls []Call
	_, c := onDingTalk(t, dingtalktest.Options{Now: func() time.Time { return then }}, func(cfg *Config) {
		cfg.Observe = func(_ context.Context, c Call) { calls = append(calls, c) }
	})
	_, err := c.QueryReaders(t.Context(), "cid", "key", "")
	if err == nil || len(calls) != 2 {
		t.Fatalf("%v %v", calls, err)
	}
	for _, call := range calls {
		if !call.Date.Equal(then) {
			t.Errorf("%s: %s", call.API, call.Date)
		}
	}
}
