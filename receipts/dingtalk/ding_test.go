package dingtalk

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"whoread/receipts/dingtalk/dingtalktest"
)

func TestSendDing(t *testing.T) {
	t.Parallel()
	failed := func(pairs ...string) DingResult {
		r := DingResult{ID: "d", Failed: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			r.Failed[pairs[i]] = pairs[i+1]
		}
		return r
	}
	for _, tt := range []struct {
		name, body string
		want       DingResult
		kind       Kind // every one of them is uncertain: DingTalk said that it did it
	}{
		{"the documented example", `{"openDingId":"d"}`, failed(), ""},
		{"nobody failed", `{"openDingId":"d","failedList":{}}`, failed(), ""},
		{"nobody failed, as a list", `{"openDingId":"d","failedList":[]}`, failed(), ""},
		{"nobody failed, as null", `{"openDingId":"d","failedList":null}`, failed(), ""},
		{"nobody failed, as a text", `{"openDingId":"d","failedList":""}`, failed(), ""},
		{"nobody failed for a reason", `{"openDingId":"d","failedList":{"未激活":[]}}`, failed(), ""},
		{"the id as a number", `{"openDingId":7}`, DingResult{ID: "7"}, ""},
		{"as documented", `{"openDingId":"d","failedList":{"未激活":["u1"],"停机":["33"]}}`, failed("u1", "未激活", "33", "停机"), ""},
		{"a secret for a reason", `{"openDingId":"d","failedList":{"bad ` + testSecret + `":["u1"]}}`, failed("u1", "bad "+redacted), ""},
		{"one user instead of a list", `{"openDingId":"d","failedList":{"未激活":"u1"}}`, failed("u1", ""), ""},
		{"reasons by user", `{"openDingId":"d","failedList":{"u1":"未激活","33":null}}`, failed("u1", "未激活", "33", ""), ""},
		{"a list", `{"openDingId":"d","failedList":["u1","33"]}`, failed("u1", "", "33", ""), ""},
		{"a list of objects", `{"openDingId":"d","failedList":[{"userId":"u1","code":9}]}`, failed("u1", ""), ""},
		{"a number for a user", `{"openDingId":"d","failedList":{"未激活":[33]}}`, failed("33", "未激活"), ""},
		{"somebody else as well", `{"openDingId":"d","failedList":{"未激活":["u1","u9"]}}`, failed("u1", "未激活"), ""},
		{"for everybody, and no id", `{"failedList":{"未激活":["u1","33"]}}`, DingResult{Failed: failed("u1", "未激活", "33", "未激活").Failed}, ""},
		// None of these may pass for "it reached everybody".
		{"an empty object", `{}`, DingResult{}, BadAnswer},
		{"null", `null`, DingResult{}, BadAnswer},
		{"cut off", `{"openDingId":"d","failedList":{"x":["u1"`, DingResult{}, BadAnswer},
		{"no id, and it did not fail for everybody", `{"failedList":{"未激活":["u1"]}}`, DingResult{}, BadAnswer},
		{"it failed for nobody of them", `{"openDingId":"d","failedList":{"未激活":["u9"]}}`, DingResult{}, BadAnswer},
		{"it failed for one knows not whom", `{"openDingId":"d","failedList":{"未激活":1}}`, DingResult{}, BadAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t).always(dingAPI.path, 200, tt.body)
			got, err := s.client().SendDing(t.Context(), DingSMS, []string{"u1", "33"}, "请看 <#1>")
			if tt.kind != "" {
				want(t, err, tt.kind, true)
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			wanted := map[string]any{"robotCode": "the-bot", "remindType": 2.0, "receiverUserIdList": []any{"u1", "33"}, "content": "请看 <#1>"}
			if diff := cmp.Diff([]seen{{Method: "POST", Path: dingAPI.path, Token: tokenValue(1), Body: wanted}}, s.seen(dingAPI.path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestADingIsSentAgainOnlyWhereDingTalkDidNotAct(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code  string
		kind  Kind
		tries int
		open  bool
	}{
		{"toomuch.msg", ThrottledMinute, 1, false},
		{"ding.serverquota.insufficient", DingQuotaSpent, 1, false},
		{"ding.receivercount.limit", BadRequest, 1, false},
		{"send.ding.exception", Unavailable, 1, true},
		{"system.error", Unavailable, 1, true},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t).always(dingAPI.path, 400, fmt.Sprintf(`{"code":%q}`, tt.code))
				_, err := s.client().SendDing(t.Context(), DingApp, []string{"u1"}, "x")
				want(t, err, tt.kind, tt.open)
				if n := len(s.seen(dingAPI.path)); n != tt.tries {
					t.Errorf("%d tries, want %d", n, tt.tries)
				}
			})
		})
	}
}

func TestADingForTooManyIsNotSent(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(dingAPI.path, 200, `{"openDingId":"d"}`)
	c := s.client()
	for _, tt := range []struct {
		how     DingType
		people  int
		content string
		ok      bool
	}{
		{DingApp, 1, "x", true},
		{DingApp, MaxDingAppUsers, "x", true},
		{DingSMS, MaxDingPhoneUsers, "x", true},
		{DingCall, MaxDingPhoneUsers, "x", true},
		{DingApp, MaxDingAppUsers + 1, "x", false},
		{DingSMS, MaxDingPhoneUsers + 1, "x", false},
		{DingCall, MaxDingPhoneUsers + 1, "x", false},
		{DingApp, 0, "x", false},
		{DingApp, 1, "", false},
		{0, 1, "x", false},
		{4, 1, "x", false},
	} {
		before := len(s.seen(dingAPI.path))
		_, err := c.SendDing(t.Context(), tt.how, slices.Repeat([]string{"u"}, tt.people), tt.content)
		if tt.ok && err != nil {
			t.Errorf("%+v: %v", tt, err)
		} else if !tt.ok {
			want(t, err, BadRequest, false)
		}
		if sent := len(s.seen(dingAPI.path)) > before; sent != tt.ok {
			t.Errorf("%+v: sent %t", tt, sent)
		}
	}
}

// Against the DingTalk of this machine, which is as strict as the documents.
func TestDingsAndDirectMessagesAgainstDingTalk(t *testing.T) {
	t.Parallel()
	s := dingtalktest.New(dingtalktest.Options{CallsPerSecond: -1})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s.URL(), func(cfg *Config) {
		cfg.ClientID, cfg.ClientSecret, cfg.RobotCode = s.App().ClientID, NewSecret(s.App().ClientSecret), s.App().RobotCode
	})
	p1, p2 := s.AddPerson(dingtalktest.Person{Name: "李雷"}), s.AddPerson(dingtalktest.Person{Name: "Ada"})
	both := []string{p1.UserID, p2.UserID}

	sent, err := c.SendDing(t.Context(), DingCall, append(both, "nobody"), "请看 #1")
	if err != nil || sent.ID != s.Dings()[0].ID || len(sent.Failed) != 1 || sent.Failed["nobody"] == "" {
		t.Errorf("got %+v, %v", sent, err)
	}
	if d := s.Dings()[0]; d.Type != int(DingCall) || d.Content != "请看 #1" || !slices.Equal(d.Receivers, []dingtalktest.Person{p1, p2}) {
		t.Errorf("the DING is %+v", d)
	}
	if sent, err = c.SendDing(t.Context(), DingApp, both, "x"); err != nil || sent.ID == "" || len(sent.Failed) != 0 {
		t.Errorf("got %+v, %v", sent, err)
	}
	_, err = c.SendDing(t.Context(), DingApp, []string{"nobody"}, "x")
	want(t, err, UserNotFound, false)
	s.SetDingQuota(dingtalktest.DingQuota{App: -1, SMS: 1})
	_, err = c.SendDing(t.Context(), DingSMS, both, "x")
	want(t, err, DingQuotaSpent, false)
	s.Inject(dingtalktest.Fault{API: dingtalktest.APIDing, Kind: dingtalktest.PermissionDenied, Times: 1})
	_, err = c.SendDing(t.Context(), DingApp, both, "x")
	if e := wantError(t, err, PermissionDenied, false); !slices.Equal(e.Scopes, []string{"Premium.Ding.Write"}) {
		t.Errorf("the missing permissions are %q", e.Scopes)
	}
	s.Inject(dingtalktest.Fault{API: dingtalktest.APIDing, Kind: dingtalktest.DropAfter})
	_, err = c.SendDing(t.Context(), DingApp, both, "x")
	want(t, err, Unavailable, true)
	if n := s.CallCount(dingtalktest.APIDing); n != 6 || len(s.Dings()) != 3 {
		t.Errorf("%d calls, %d DINGs", n, len(s.Dings()))
	}

	s.FlowControl(true, p2)
	got, err := c.SendDirect(t.Context(), append(both, "nobody"), Markdown("t", "x"))
	if diff := cmp.Diff(DirectResult{ProcessQueryKey: got.ProcessQueryKey, Invalid: []string{"nobody"}, FlowControlled: []string{p2.UserID}}, got); err != nil || diff != "" || got.ProcessQueryKey == "" {
		t.Error(err, diff)
	}
	if a, b := len(s.Direct(p1).Messages()), len(s.Direct(p2).Messages()); a != 1 || b != 0 {
		t.Errorf("%d and %d messages arrived", a, b)
	}
	for _, v := range s.Violations() {
		t.Errorf("violation: %+v", v)
	}
}
