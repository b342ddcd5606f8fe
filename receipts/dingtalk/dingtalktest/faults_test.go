package dingtalktest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	const denied = "Forbidden.AccessDenied."
	for name, tc := range map[string]struct {
		fault   dingtalktest.Fault
		status  int // 0: no answer
		code    string
		sent    bool // the message is in the group
		counted int
		kind    string // Content-Type
	}{
		"throttled":            {dingtalktest.Fault{Kind: dingtalktest.Throttled}, 403, denied + "QpsLimitForAppkeyAndApi", false, 0, "json"},
		"throttled, platform":  {dingtalktest.Fault{Kind: dingtalktest.ThrottledPlatform}, 403, denied + "QpsLimitForApi", false, 0, "json"},
		"throttled per minute": {dingtalktest.Fault{Kind: dingtalktest.ThrottledPerMinute}, 403, denied + "QpmLimitForAppkeyAndApi", false, 0, "json"},
		"quota":                {dingtalktest.Fault{Kind: dingtalktest.QuotaSpent}, 403, denied + "ApiCountLimitForOrg", false, 0, "json"},
		"permission":           {dingtalktest.Fault{Kind: dingtalktest.PermissionDenied}, 403, denied + "AccessTokenPermissionDenied", false, 0, "json"},
		"white list":           {dingtalktest.Fault{Kind: dingtalktest.NotInWhiteList}, 403, denied + "IpNotInWhiteList", false, 0, "json"},
		"ban, HTML":            {dingtalktest.Fault{Kind: dingtalktest.IPBanHTML}, 403, "", false, 0, "html"},
		"ban, JSON":            {dingtalktest.Fault{Kind: dingtalktest.IPBanJSON, Status: 200}, 200, "", false, 0, "json"},
		"page":                 {dingtalktest.Fault{Kind: dingtalktest.HTMLPage}, 503, "", false, 0, "html"},
		"page, 400":            {dingtalktest.Fault{Kind: dingtalktest.HTMLPage, Status: 400}, 400, "", false, 0, "html"},
		"server error":         {dingtalktest.Fault{Kind: dingtalktest.ServerError}, 500, "system.error", false, 1, "json"},
		"code":                 {dingtalktest.Fault{Kind: dingtalktest.Code, Code: "send.too.fast", Message: "m"}, 400, "send.too.fast", false, 1, "json"},
		"dropped before":       {dingtalktest.Fault{Kind: dingtalktest.DropBefore}, 0, "", false, 0, ""},
		"dropped after":        {dingtalktest.Fault{Kind: dingtalktest.DropAfter}, 0, "", true, 1, ""},
		"done but error":       {dingtalktest.Fault{Kind: dingtalktest.DoneButError}, 500, "unknown.send.result", true, 1, "json"},
		"done but code":        {dingtalktest.Fault{Kind: dingtalktest.DoneButError, Status: 400, Code: "x"}, 400, "x", true, 1, "json"},
		"wrong content type":   {dingtalktest.Fault{Kind: dingtalktest.WrongContentType}, 200, "", true, 1, "html"},
		"slow":                 {dingtalktest.Fault{Kind: dingtalktest.Slow, Delay: time.Millisecond}, 200, "", true, 1, "json"},
		"slow answer":          {dingtalktest.Fault{Kind: dingtalktest.SlowAnswer, Delay: time.Millisecond}, 200, "", true, 1, "json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{})
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
			tc.fault.API, tc.fault.Times = dingtalktest.APISend, 1
			c.s.Inject(tc.fault)
			a := c.post(pathSend, c.sendBody(g, "x"))
			if tc.status == 0 {
				if a.err == nil {
					t.Errorf("answered: %+v", a)
				}
			} else {
				a.want(t, tc.status, tc.code)
			}
			if !strings.Contains(a.kind, tc.kind) {
				t.Errorf("Content-Type %q", a.kind)
			}
			if sent := len(g.Messages()) == 1; sent != tc.sent {
				t.Errorf("sent %v, want %v", sent, tc.sent)
			}
			if got := c.s.Counted(); got != tc.counted {
				t.Errorf("counted %d, want %d", got, tc.counted)
			}
			calls := c.s.Calls()
			last := calls[len(calls)-1]
			if last.API != dingtalktest.APISend || last.Status != tc.status || last.Code != tc.code || last.Counted != (tc.counted == 1) {
				t.Errorf("journal: %+v", last)
			}
			c.post(pathSend, c.sendBody(g, "x")).want(t, 200, "") // it is over
			c.clean()
		})
	}
}

func TestOldAPIsFail(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	c.s.SetDepartment(1)
	for kind, code := range map[dingtalktest.FaultKind]string{
		dingtalktest.Throttled: "90018", dingtalktest.ThrottledPlatform: "90002", dingtalktest.QuotaSpent: "90020",
		dingtalktest.ServerError: "-1",
	} {
		c.s.Inject(dingtalktest.Fault{Kind: kind, Times: 1})
		c.post(c.old("/topapi/user/listid"), obj{"dept_id": 1}).want(t, 200, code)
	}
	c.s.Inject(dingtalktest.Fault{Kind: dingtalktest.Code, Code: "42001", Times: 1})
	c.post(c.old("/topapi/user/listid"), obj{"dept_id": 1}).want(t, 200, "42001")
}

func TestATruncatedAnswer(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	c.s.Inject(dingtalktest.Fault{Kind: dingtalktest.TruncatedBody, Times: 1})
	a := c.post(pathSend, c.sendBody(g, "x"))
	if a.err == nil || a.raw == "" || len(g.Messages()) != 1 {
		t.Errorf("got %+v", a)
	}
}

func TestFaultsAreSkippedCountedAndCleared(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	status := func() int { c.Helper(); return c.post(pathSend, c.sendBody(g, "x")).status }
	c.s.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: dingtalktest.ServerError, Skip: 1, Times: 2})
	c.s.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.ServerError})
	if diff := cmp.Diff([]int{200, 500, 500, 200}, []int{status(), status(), status(), status()}); diff != "" {
		t.Error(diff)
	}
	if f := c.s.Faults(); len(f) != 1 || f[0].API != dingtalktest.APIQuery {
		t.Errorf("left: %+v", f)
	}
	for range 3 {
		c.query(g, "x").want(t, 500, "system.error") // Times 0: until cleared
	}
	c.s.ClearFaults()
	c.query(g, "x").want(t, 400, "invalid.processQueryKey")
}

func TestACallerThatGivesUp(t *testing.T) {
	t.Parallel()
	for kind, sent := range map[dingtalktest.FaultKind]int{dingtalktest.Slow: 0, dingtalktest.SlowAnswer: 1} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{})
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
			c.s.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: kind, Delay: time.Hour, Times: 1})
			whole := c.ctx
			ctx, cancel := context.WithTimeout(whole, 50*time.Millisecond)
			defer cancel()
			c.ctx = ctx
			if a := c.post(pathSend, c.sendBody(g, "x")); a.err == nil {
				t.Errorf("answered: %+v", a)
			}
			c.ctx = whole
			c.until("the call to end", func() bool { return c.s.CallCount(dingtalktest.APISend) == 1 })
			if got := len(g.Messages()); got != sent {
				t.Errorf("%d messages, want %d", got, sent)
			}
		})
	}
}

func TestPagingGoesWrong(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	people := c.people(10)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, people...)
	key := c.send(g, "x")
	if err := g.ReadAll(g.Messages()[0].ID); err != nil {
		t.Fatal(err)
	}
	c.s.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.ShortPages, Size: 3})
	if got, pages := c.readers(g, key, 200); len(got) != 10 || pages != 4 {
		t.Errorf("short pages: %d readers in %d pages", len(got), pages)
	}
	c.s.ClearFaults()
	c.s.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.EmptyPage, Times: 2})
	if got, pages := c.readers(g, key, 5); len(got) != 10 || pages != 4 {
		t.Errorf("empty pages: %d readers in %d pages", len(got), pages)
	}
	follow := func(kind dingtalktest.FaultKind) (tokens map[any]bool, readers int) {
		c.s.ClearFaults()
		c.s.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: kind})
		body := with(c.queryBody(g, key), "maxResults", 5)
		tokens = map[any]bool{}
		for range 6 {
			a := c.post(pathQuery, body).want(t, 200, "")
			if a.body["hasMore"] != true {
				t.Fatalf("%s: it ended: %s", kind, a.raw)
			}
			readers += len(texts(a.body["readUserIds"]))
			body["nextToken"] = a.body["nextToken"]
			tokens[a.body["nextToken"]] = true
		}
		return tokens, readers
	}
	if tokens, readers := follow(dingtalktest.RepeatedCursor); len(tokens) != 1 || readers != 30 {
		t.Errorf("repeated cursor: %d cursors, %d readers", len(tokens), readers)
	}
	if tokens, readers := follow(dingtalktest.EndlessCursor); len(tokens) != 6 || readers != 10 {
		t.Errorf("endless cursor: %d cursors, %d readers", len(tokens), readers)
	}
	c.clean()
}

func TestThrottleAndQuota(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now, CallsPerSecond: 20, CallsPerMonth: 50, TokenTTL: 1000 * time.Hour})
	c.s.SetDepartment(1)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	key := c.send(g, "x")
	for range 20 {
		c.query(g, key).want(t, 200, "")
		c.post(c.old("/topapi/user/listid"), obj{"dept_id": 1}).want(t, 200, "0")
	}
	c.query(g, key).want(t, 403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")
	c.post(c.old("/topapi/user/listid"), obj{"dept_id": 1}).want(t, 200, "90018")
	c.send(g, "y") // another API
	clk.advance(time.Second)
	for range 20 {
		c.query(g, key).want(t, 200, "")
	}
	clk.advance(time.Second)
	for range 8 {
		c.query(g, "bad").want(t, 400, "invalid.processQueryKey") // counts
	}
	if got := c.s.Counted(); got != 50 {
		t.Errorf("counted %d", got)
	}
	c.query(g, key).want(t, 403, "Forbidden.AccessDenied.ApiCountLimitForOrg")
	c.post(c.old("/topapi/user/listid"), obj{"dept_id": 1}).want(t, 200, "0")   // contacts are free
	clk.advance(time.Date(2026, 8, 31, 15, 59, 59, 0, time.UTC).Sub(clk.now())) // one second before September in China
	c.query(g, key).want(t, 403, "Forbidden.AccessDenied.ApiCountLimitForOrg")
	clk.advance(time.Second)
	c.query(g, "bad").want(t, 400, "invalid.processQueryKey")
	if got := c.s.Counted(); got != 1 {
		t.Errorf("counted %d in the new month", got)
	}
	c.s.SetQuota(1, 0)
	c.query(g, key).want(t, 403, "Forbidden.AccessDenied.ApiCountLimitForOrg")
}

func TestTheJournalHoldsNoCredentials(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	st := c.connect(botOnly)
	hook, _ := st.webhook(g, p[0])
	c.send(g, "看得见")
	c.post(hook, obj{"msgtype": "text", "text": obj{"content": "x"}}).want(t, 200, "0")
	c.request("GET", "/gettoken?appkey="+c.s.App().ClientID+"&appsecret="+c.s.App().ClientSecret, "")
	c.post(hook+"x", obj{}).want(t, 200, "400101")
	seen := false
	for _, call := range c.s.Calls() {
		all := call.Request + call.Response + call.Code + call.Caller
		seen = seen || strings.Contains(all, "看得见")
		for _, secret := range []string{c.token, c.s.App().ClientSecret, hook[strings.LastIndex(hook, "=")+1:]} {
			if strings.Contains(all, secret) {
				t.Errorf("%s holds a secret: %+v", call.API, call)
			}
		}
	}
	if !seen {
		t.Error("bodies of other calls are kept")
	}
	if n := c.s.CallCount(dingtalktest.APISend); n != 1 {
		t.Errorf("%d sends", n)
	}
	c.s.ResetCalls()
	if len(c.s.Calls()) != 0 || c.s.CallCount(dingtalktest.APISend) != 0 || c.s.Counted() != 1 {
		t.Error("ResetCalls forgets the calls, not what they used")
	}
}

// TestEveryPageOfTheFront: they are HTML, say their status and no ban.
func TestEveryPageOfTheFront(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	c.s.SetDepartment(1)
	for _, status := range []int{400, 401, 405, 414, 429, 503} {
		for _, path := range []string{pathSend, c.old("/topapi/user/listid"), pathOpen} {
			c.s.Inject(dingtalktest.Fault{Kind: dingtalktest.HTMLPage, Status: status, Times: 1})
			a := c.post(path, obj{"dept_id": 1}).want(t, status, "")
			if !strings.Contains(a.raw, fmt.Sprintf("<h1>%d ", status)) || strings.Contains(a.raw, "denied") || (status == 400) != strings.Contains(a.raw, "plain HTTP request") {
				t.Errorf("%s: %s", path, a.raw)
			}
		}
	}
	c.clean()
}

func TestOnlyFilesAreRefused(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	file := with(c.sendBody(g, ""), "msgKey", "sampleFile", "msgParam", `{"mediaId":"`+c.upload("file", "media", "a.xlsx", []byte("x")).body["media_id"].(string)+`","fileName":"a.xlsx","fileType":"xlsx"}`)
	c.s.Inject(dingtalktest.Fault{Kind: dingtalktest.NoFiles, Times: 1})
	c.send(g, "x")
	if a := c.post(pathSend, file).want(t, 400, "resource.not.found"); a.body["message"] != "robot 不存在" {
		t.Errorf("got %s", a.raw)
	}
	c.post(pathSend, file).want(t, 200, "") // it is over
	c.clean()
}

// TestAnswersInDoubt are queries that succeed and say nothing for certain.
func TestAnswersInDoubt(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(3)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	key := c.send(g, "x")
	if err := g.ReadAll(g.Messages()[0].ID, p...); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		fault dingtalktest.Fault
		want  obj
		code  string
	}{
		{dingtalktest.Fault{Kind: dingtalktest.UnknownStatus}, obj{"sendStatus": "UNKNOWN", "readers": 0, "token": false, "hasMore": false}, ""},
		{dingtalktest.Fault{Kind: dingtalktest.UnknownStatus, Code: "FAILED"}, obj{"sendStatus": "FAILED", "readers": 0, "token": false, "hasMore": false}, ""},
		{dingtalktest.Fault{Kind: dingtalktest.SuccessWithCode}, obj{"sendStatus": "SUCCESS", "readers": 0, "token": false, "hasMore": false}, "system.error"},
		{dingtalktest.Fault{Kind: dingtalktest.LostMore, Size: 2}, obj{"sendStatus": "SUCCESS", "readers": 2, "token": true, "hasMore": false}, ""},
	} {
		tc.fault.API, tc.fault.Times = dingtalktest.APIQuery, 1
		c.s.Inject(tc.fault)
		a := c.query(g, key).want(t, 200, tc.code)
		got := obj{"sendStatus": a.body["sendStatus"], "readers": len(texts(a.body["readUserIds"])), "token": a.body["nextToken"] != "", "hasMore": a.body["hasMore"]}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.fault.Kind, diff)
		}
	}
	if a := c.query(g, key).want(t, 200, ""); len(texts(a.body["readUserIds"])) != 3 {
		t.Errorf("got %s", a.raw)
	}
	c.clean()
}
