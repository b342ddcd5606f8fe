package dingtalk

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestRepliesGoToDingTalkAlone(t *testing.T) {
	t.Parallel()
	const session = "/robot/sendBySession?session=" + testSession
	for _, tt := range []struct {
		webhook string
		sentTo  string // host; empty where it is refused
	}{
		{"https://oapi.dingtalk.com" + session, "oapi.dingtalk.com"},
		{"https://api.dingtalk.com" + session, "api.dingtalk.com"},
		{"https://oapi.dingtalk.com:443" + session, "oapi.dingtalk.com"},
		{"https://OAPI.DingTalk.com" + session, "oapi.dingtalk.com"},
		{"HTTPS://oapi.dingtalk.com" + session, "oapi.dingtalk.com"},

		{"https://oapi.dingtalk.com/robot/send?session=" + testSession, ""},
		{"https://oapi.dingtalk.com/topapi/v2/user/get?session=" + testSession, ""},
		{"https://oapi.dingtalk.com" + strings.Replace(session, "?", "/?", 1), ""},
		{"https://oapi.dingtalk.com/robot/../robot/sendBySession", ""},
		{"https://oapi.dingtalk.com/robot%2FsendBySession", ""},
		{"https://oapi.dingtalk.com?session=" + testSession, ""},
		{"http://oapi.dingtalk.com" + session, ""},
		{"http://oapi.dingtalk.com:443" + session, ""},
		{"https://oapi.dingtalk.com:444" + session, ""},
		{"https://oapi.dingtalk.com:80" + session, ""},
		{"https://oapi.dingtalk.com." + session, ""},
		{"https://oapi.dingtalk.io" + session, ""},
		{"https://oapi.dingtalk.com.evil.example" + session, ""},
		{"https://evil.example/oapi.dingtalk.com" + session, ""},
		{"https://evil.example#oapi.dingtalk.com" + session, ""},
		{"https://evil.example?oapi.dingtalk.com", ""},
		{"https://evil-oapi.dingtalk.com" + session, ""},
		{"https://oapi.dingtalk.com@evil.example" + session, ""},
		{"https://me@oapi.dingtalk.com" + session, ""},
		{"https://me:" + testSession + "@oapi.dingtalk.com" + session, ""},
		{"https://oapi.dingtal\u212a.com" + session, ""}, // the Kelvin sign folds to k
		{"https://oapi。dingtalk.com" + session, ""},
		{"https://oapi.dingtalk.com\\@evil.example" + session, ""},
		{"https://[::1]" + session, ""},
		{"https://127.0.0.1" + session, ""},
		{"http://127.0.0.1" + session, ""},
		{"http://169.254.169.254/latest", ""},
		{"//oapi.dingtalk.com" + session, ""},
		{"oapi.dingtalk.com" + session, ""},
		{"https:oapi.dingtalk.com" + session, ""},
		{"ftp://oapi.dingtalk.com" + session, ""},
		{"file:///etc/passwd", ""},
		{"javascript:alert(1)", ""},
		{"https://oapi.dingtalk.com\r\nHost: evil.example/" + session, ""},
		{"https://", ""},
		{"", ""},
		{"%zz" + session, ""},
		{" https://oapi.dingtalk.com" + session, ""},
	} {
		var sentTo string
		c := newClient(t, "https://api.dingtalk.com", func(cfg *Config) {
			cfg.OapiURL = "https://oapi.dingtalk.com"
			s := newScript(t).always("/robot/sendBySession", 200, `{"errcode":0,"errmsg":"ok"}`)
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				sentTo = r.URL.Host
				return inProcess{s}.RoundTrip(r)
			})
		})
		err := c.Reply(t.Context(), NewSecret(tt.webhook), Reply{Title: "t", Text: "x"})
		if sentTo != tt.sentTo {
			t.Errorf("%q was sent to %q, want %q", tt.webhook, sentTo, tt.sentTo)
		}
		if tt.sentTo != "" {
			if err != nil {
				t.Errorf("%q: %v", tt.webhook, err)
			}
			continue
		}
		want(t, err, ForeignHost, false)
		if !errors.Is(err, ErrForeignHost) {
			t.Errorf("%q: %v is not ErrForeignHost", tt.webhook, err)
		}
	}
}

func TestRepliesOnThisMachineMayBeUnencrypted(t *testing.T) {
	t.Parallel()
	s := newScript(t).always("/robot/sendBySession", 200, `{"errcode":0}`)
	c := newClient(t, "http://127.0.0.1:8080", func(cfg *Config) {
		cfg.OapiURL = "http://localhost:8081"
		cfg.Transport = inProcess{s}
	})
	for webhook, ok := range map[string]bool{
		"http://127.0.0.1:8080/robot/sendBySession": true,
		"http://LOCALHOST:8081/robot/sendBySession": true,
		"http://127.0.0.1:8081/robot/sendBySession": false,
		"http://127.0.0.1/robot/sendBySession":      false,
		"http://[::1]:8080/robot/sendBySession":     false,
	} {
		if err := c.Reply(t.Context(), NewSecret(webhook), Reply{}); (err == nil) != ok {
			t.Errorf("%s: %v", webhook, err)
		}
	}
}

func TestAReply(t *testing.T) {
	t.Parallel()
	s := newScript(t).always("/robot/sendBySession", 200, `{"errcode":"0","errmsg":"ok"}`)
	c := s.client()
	err := c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession?session="+testSession), Reply{Title: "#12 已读 37/45", Text: "@u1 <b>&\u200f😀", AtUserIDs: []string{"u1"}})
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]any{
		"msgtype":  "markdown",
		"markdown": map[string]any{"title": "#12 已读 37/45", "text": "@u1 <b>&\u200f😀"},
		"at":       map[string]any{"atUserIds": []any{"u1"}, "isAtAll": false},
	}
	if diff := cmp.Diff(wanted, s.seen("/robot/sendBySession")[0].Body); diff != "" {
		t.Error(diff)
	}
	expectTokens(t, s, 0)

	err = c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession"), Reply{Text: strings.Repeat("读", MaxReplyBytes/3)})
	want(t, err, TooLong, false)
	if !errors.Is(err, ErrTooLong) || len(s.seen("/robot/sendBySession")) != 1 {
		t.Errorf("%v after %d requests", err, len(s.seen("/robot/sendBySession")))
	}
}

func TestARepliesFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status    int
		body      string
		kind      Kind
		uncertain bool
		requests  int
	}{
		{200, `{"errcode":300001,"errmsg":"session 不存在"}`, WebhookExpired, false, 1},
		{200, `{"errcode":130101,"errmsg":"send too fast"}`, Throttled, false, 3},
		{200, `{"errcode":-1}`, Unavailable, true, 1},
		{200, `{}`, BadAnswer, true, 1},
		{200, `not JSON`, BadAnswer, true, 1},
		{500, ``, Unavailable, true, 1},
		{403, `<html>punish`, IPBanned, false, 1},
		{403, `<html>`, Unknown, false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t).always("/robot/sendBySession", tt.status, tt.body)
			want(t, s.client().Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession?session="+testSession), Reply{}), tt.kind, tt.uncertain)
			if n := len(s.seen("/robot/sendBySession")); n != tt.requests {
				t.Errorf("%s: %d requests", tt.body, n)
			}
		})
	}
}
