package dingtalktest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
)

const controlAPI = "/_dingtalktest/api/"

// asks is a question to the control API.
func (c *client) asks(name string, query ...string) answer {
	c.Helper()
	return c.request(http.MethodGet, strings.TrimSuffix(c.old(controlAPI+name, query...), "&"), "")
}

// does is a write to the control API.
func (c *client) does(name string, body any, headers ...string) answer {
	c.Helper()
	return c.post(controlAPI+name, body, append([]string{"X-Dingtalktest", "test"}, headers...)...)
}

func pageServer(t *testing.T) *client {
	t.Helper()
	return dingtalk(t, dingtalktest.Options{Page: true})
}

func TestThereIsNoPageUnlessSwitchedOn(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	for _, path := range []string{"/", controlAPI + "about", "/_dingtalktest/page/app.js"} {
		if a := c.request(http.MethodGet, path, ""); a.code != "404" {
			t.Errorf("%s: HTTP %d, code %q", path, a.status, a.code)
		}
	}
}

func TestThePageIsServed(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	a := c.request(http.MethodGet, "/", "").want(t, 200, "")
	if !strings.Contains(a.raw, "/_dingtalktest/page/app.js") || !strings.HasPrefix(a.kind, "text/html") {
		t.Errorf("%s: %s", a.kind, a.raw)
	}
	c.request(http.MethodGet, "/_dingtalktest/page/app.js", "").want(t, 200, "")
	if n := len(c.s.Calls()); n != 1 {
		t.Errorf("the page made %d calls of DingTalk's APIs", n-1)
	}
	c.clean()
}

// TestOtherSitesAreRefused is what a page of another site, or a name that was made to point here, can send.
func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	host := strings.TrimPrefix(c.s.URL(), "http://")
	port := host[strings.LastIndex(host, ":"):]
	person := obj{"name": "张三"}
	type request struct {
		method, path, host string
		body               any
		headers            []string
		status             int
	}
	for name, r := range map[string]request{
		"a program":                      {path: "about", status: 200},
		"the page itself":                {path: "about", headers: []string{"Origin", c.s.URL(), "Sec-Fetch-Site", "same-origin"}, status: 200},
		"by the name localhost":          {path: "about", host: "localhost" + port, status: 200},
		"by loopback of IPv6":            {path: "about", host: "[::1]" + port, status: 200},
		"by a name made to point here":   {path: "about", host: "evil.example" + port, status: 403},
		"by an address that is not ours": {path: "about", host: "192.0.2.7" + port, status: 403},
		"another origin":                 {path: "about", headers: []string{"Origin", "http://evil.example"}, status: 403},
		"an opaque origin":               {path: "about", headers: []string{"Origin", "null"}, status: 403},
		"another port of this machine":   {path: "about", headers: []string{"Sec-Fetch-Site", "same-site"}, status: 403},
		"an image of another site":       {path: "media", headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		"events of another site":         {path: "events", headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		"a write of the page": {
			path: "people", body: person, headers: []string{"X-Dingtalktest", "page", "Origin", c.s.URL(), "Sec-Fetch-Site", "same-origin"}, status: 200,
		},
		"a write without the header":    {path: "people", body: person, status: 403},
		"a write as a form can send it": {path: "people", body: person, headers: []string{"X-Dingtalktest", "page", "Content-Type", "text/plain"}, status: 403},
		"a write of another site":       {path: "people", body: person, headers: []string{"X-Dingtalktest", "page", "Sec-Fetch-Site", "cross-site"}, status: 403},
		"a write of another origin":     {path: "people", body: person, headers: []string{"X-Dingtalktest", "page", "Origin", "https://evil.example"}, status: 403},
		"another method":                {method: http.MethodPut, path: "people", body: person, headers: []string{"X-Dingtalktest", "page", "Content-Type", "application/json"}, status: 405},
	} {
		t.Run(name, func(t *testing.T) {
			method, body := http.MethodGet, ""
			if r.body != nil {
				b, _ := json.Marshal(r.body)
				method, body = http.MethodPost, string(b)
			}
			if r.method != "" {
				method = r.method
			}
			req, err := http.NewRequestWithContext(c.ctx, method, c.s.URL()+controlAPI+r.path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if r.host != "" {
				req.Host = r.host
			}
			if method == http.MethodPost {
				req.Header.Set("Content-Type", "application/json")
			}
			for i := 0; i < len(r.headers); i += 2 {
				req.Header.Set(r.headers[i], r.headers[i+1])
			}
			if a := c.do(req); a.status != r.status {
				t.Errorf("HTTP %d, want %d: %s", a.status, r.status, a.raw)
			}
		})
	}
	if n := len(c.s.People()); n != 1 {
		t.Errorf("%d people were added, want only that of the page", n)
	}
}

// TestALinkFromElsewhereOpensThePage: it may be opened, but not framed.
func TestALinkFromElsewhereOpensThePage(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	c.request(http.MethodGet, "/", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate").want(t, 200, "")
	c.request(http.MethodGet, "/", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors").want(t, 403, "crossSite")
	resp, err := c.http.Get(c.s.URL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") || !strings.Contains(got, "script-src 'self'") {
		t.Errorf("the policy is %q", got)
	}
}

func TestControlRefusesBadInput(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p[0])
	m, err := g.Say(p[0], dingtalktest.Say{Text: "hi", NoAt: true})
	if err != nil {
		t.Fatal(err)
	}
	me, id := p[0].UnionID, g.ID()
	say := obj{"group": id, "person": me, "text": "x"}
	for name, tc := range map[string]struct {
		path   string
		body   any
		status int
		code   string
	}{
		"not JSON":                     {"people", "{", 400, "badRequest"},
		"two objects":                  {"people", `{"name":"a"}{"name":"b"}`, 400, "badRequest"},
		"a wrong type":                 {"people", obj{"name": 7}, 400, "badRequest"},
		"an unknown field":             {"people", obj{"name": "a", "age": 7}, 400, "badRequest"},
		"a huge body":                  {"people", obj{"name": strings.Repeat("x", 70_000)}, 413, "tooLarge"},
		"no name":                      {"people", obj{"name": " "}, 400, "badRequest"},
		"a long name":                  {"people", obj{"name": strings.Repeat("长", 201)}, 400, "badRequest"},
		"a group without a title":      {"groups", obj{"title": ""}, 400, "badRequest"},
		"a kind that is none":          {"groups", obj{"title": "g", "kind": "direct"}, 400, "badRequest"},
		"too large a crowd":            {"groups", obj{"title": "g", "crowd": obj{"people": 20_001}}, 400, "badRequest"},
		"more readers than people":     {"crowd", obj{"group": id, "people": 2, "read": 3}, 400, "badRequest"},
		"reading for too long":         {"crowd", obj{"group": id, "people": 2, "read": 1, "seconds": 3601}, 400, "badRequest"},
		"less than nobody":             {"crowd", obj{"group": id, "people": -1}, 400, "badRequest"},
		"a group that is none":         {"say", with(say, "group", "x"), 404, "unknownGroup"},
		"a person who is none":         {"say", with(say, "person", "x"), 404, "unknownPerson"},
		"somebody not in the group":    {"say", with(say, "person", p[1].UnionID), 409, "notMember"},
		"nothing to say":               {"say", with(say, "text", " "), 400, "badRequest"},
		"a text too long":              {"say", with(say, "text", strings.Repeat("x", 20_001)), 400, "badRequest"},
		"a mention of nobody":          {"say", with(say, "at", []string{"x"}), 404, "unknownPerson"},
		"a quote of nothing":           {"say", with(say, "quote", "x"), 404, "unknownMessage"},
		"reading a group of none":      {"read", obj{"group": "x", "person": me}, 404, "unknownGroup"},
		"too many messages":            {"read", obj{"group": id, "person": me, "messages": make([]string, 501)}, 400, "badRequest"},
		"recalling nothing":            {"recall", obj{"group": id, "person": me, "message": "x"}, 404, "unknownMessage"},
		"letting nothing be read":      {"let-read", obj{"group": id, "message": "x"}, 404, "unknownMessage"},
		"leaving without being in":     {"members", obj{"group": id, "do": "leave", "person": p[1].UnionID}, 409, "notMember"},
		"doing to members":             {"members", obj{"group": id, "do": "dance", "person": me}, 400, "badRequest"},
		"doing to a group":             {"group", obj{"group": id, "do": "dance", "person": me}, 400, "badRequest"},
		"a fault that is none":         {"faults", obj{"kind": "dance"}, 400, "badRequest"},
		"a fault of no API":            {"faults", obj{"kind": "slow", "api": "dance"}, 400, "badRequest"},
		"a fault that waits too long":  {"faults", obj{"kind": "slow", "delay": 61}, 400, "badRequest"},
		"a status that is none":        {"faults", obj{"kind": "code", "status": 42}, 400, "badRequest"},
		"an event that is none":        {"switches", obj{"events": obj{"dance": true}}, 400, "badRequest"},
		"a permission that is none":    {"switches", obj{"permissions": obj{"qyapi_dance": false}}, 400, "badRequest"},
		"a negative number":            {"switches", obj{"lose": -1}, 400, "badRequest"},
		"an action that is none":       {"actions", obj{"do": "dance"}, 400, "badRequest"},
		"turning the clock by nothing": {"actions", obj{"do": "advance"}, 400, "badRequest"},
		"turning the clock back":       {"actions", obj{"do": "advance", "seconds": -60}, 400, "badRequest"},
		"turning it by over a month":   {"actions", obj{"do": "advance", "seconds": 31*86400 + 1}, 400, "badRequest"},
		"controlling nobody":           {"switches", obj{"flowControl": obj{"x": true}, "lose": 5}, 404, "unknownPerson"},
	} {
		t.Run(name, func(t *testing.T) { c.does(tc.path, tc.body).want(t, tc.status, tc.code) })
	}
	for _, tc := range []struct{ path, key, value, code string }{
		{"messages", "group", "x", "unknownGroup"}, {"truth", "group", "x", "unknownGroup"}, {"people", "group", "x", "unknownGroup"}, {"media", "id", "x", "unknownMedia"},
	} {
		c.asks(tc.path, tc.key, tc.value).want(t, 404, tc.code)
	}
	c.asks("truth", "group", id, "message", "x").want(t, 404, "unknownMessage")
	if got := g.Messages(); len(got) != 1 || got[0].ID != m.ID || len(c.s.Groups()) != 1 || len(c.s.People()) != 2 || len(c.s.Faults()) != 0 {
		t.Error("a refused request changed something")
	}
	if err := g.Disband(); err != nil {
		t.Fatal(err)
	}
	c.does("say", say).want(t, 409, "disbanded")
	c.does("crowd", obj{"group": id, "people": 5}).want(t, 409, "disbanded")
	if n := len(c.s.People()); n != 2 {
		t.Errorf("there are %d people after people were refused to join", n)
	}
}

// TestControlTellsNoSecret: whoever looks at the page does not learn the app's secret or a token.
func TestControlTellsNoSecret(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	p := c.people(1)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	s := c.connect(everything)
	if _, err := g.Say(p[0], dingtalktest.Say{Text: "hi"}); err != nil {
		t.Fatal(err)
	}
	hook := s.next().data["sessionWebhook"].(string)
	c.post(hook, obj{"msgtype": "text", "text": obj{"content": "x"}}).want(t, 200, "0")
	for _, path := range []string{"about", "status", "people", "groups", "calls", "violations", "acks"} {
		raw := c.request(http.MethodGet, controlAPI+path, "").want(t, 200, "").raw
		for _, secret := range []string{c.s.App().ClientSecret, c.token, hook[strings.Index(hook, "=")+1:]} {
			if strings.Contains(raw, secret) {
				t.Errorf("%s tells a secret", path)
			}
		}
	}
}

func TestControlIsWhatPeopleDo(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	admin := c.does("people", obj{"name": " 李雷 ", "admin": true}).want(t, 200, "").body
	guest := c.does("people", obj{"name": "外人", "outside": true}).want(t, 200, "").body
	me := admin["unionId"].(string)
	if admin["name"] != "李雷" || admin["admin"] != true || guest["userId"] != "" {
		t.Fatalf("the people are %v, %v", admin, guest)
	}
	id := c.does("groups", obj{
		"title": "项目组", "people": []string{me}, "names": []string{"韩梅梅", "张三"}, "crowd": obj{"people": 3, "outside": 1},
	}).want(t, 200, "").body["id"].(string)
	g, _ := c.s.Group(id)
	if n := len(g.Members()); n != 6 {
		t.Fatalf("%d members", n)
	}
	s := c.connect(everything)
	said := c.does("say", obj{"group": id, "person": me, "text": "@WhoRead 谁没读", "at": []string{g.Members()[1].UnionID}}).want(t, 200, "").body["id"].(string)
	if got := s.next(); got.data["msgId"] != said || got.data["text"].(obj)["content"] != " 谁没读" {
		t.Errorf("the bot heard %v", got.data)
	}
	c.does("say", obj{"group": id, "person": me, "text": "@whoreader hello"}).want(t, 200, "")
	if got := g.Messages()[1]; got.AtBot || got.Text != "@whoreader hello" {
		t.Errorf("a longer name spoke to the bot: %+v", got)
	}

	key := c.send(g, "公告")
	posted := g.Messages()[2]
	c.does("read", obj{"group": id, "person": g.Members()[1].UnionID, "messages": []string{said, posted.ID, "unknown"}}).want(t, 200, "")
	truth := c.asks("truth", "group", id, "message", posted.ID).want(t, 200, "").body
	if diff := cmp.Diff(obj{"read": 1.0, "unread": 5.0}, truth["counts"]); diff != "" {
		t.Error(diff)
	}
	if got := texts(c.query(g, key).want(t, 200, "").body["readUserIds"]); len(got) != 1 {
		t.Errorf("the query tells %v", got)
	}
	c.does("let-read", obj{"group": id, "message": posted.ID, "number": 2}).want(t, 200, "")
	c.until("two more readers", func() bool { r, _ := g.Readers(posted.ID); return len(r) == 3 })

	c.does("members", obj{"group": id, "do": "join", "person": guest["unionId"]}).want(t, 200, "")
	if n := len(g.Members()); n != 7 {
		t.Errorf("%d members after one joined", n)
	}
	seen := c.asks("messages", "group", id, "person", guest["unionId"].(string)).want(t, 200, "").body["messages"].([]any)
	if len(seen) != 0 {
		t.Errorf("who joined later sees %d messages", len(seen))
	}
	c.does("members", obj{"group": id, "do": "remove", "person": me, "people": []string{guest["unionId"].(string)}}).want(t, 200, "")
	c.does("members", obj{"group": id, "do": "leave", "person": g.Members()[1].UnionID}).want(t, 200, "")
	c.does("group", obj{"group": id, "do": "rename", "person": me, "title": "新名"}).want(t, 200, "")
	if g.Title() != "新名" || len(g.Members()) != 5 {
		t.Errorf("the group is %q with %d members", g.Title(), len(g.Members()))
	}
	for _, do := range []string{"stopBot", "startBot", "removeBot", "addBot"} {
		c.does("group", obj{"group": id, "do": do, "person": me}).want(t, 200, "")
	}
	c.does("recall", obj{"group": id, "person": me, "message": posted.ID}).want(t, 200, "")
	messages := c.asks("messages", "group", id, "person", me).want(t, 200, "").body["messages"].([]any)
	if got := messages[2].(obj); got["status"] != "RECALLED" || got["text"] != "" || got["params"] != nil {
		t.Errorf("a recalled message still tells %v", got)
	}
	c.does("group", obj{"group": id, "do": "disband", "person": me}).want(t, 200, "")
	if !g.Disbanded() {
		t.Error("the group was not disbanded")
	}
}

func TestControlThrowsEverySwitch(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	about := c.asks("about").want(t, 200, "").body
	kinds := texts(about["faultKinds"])
	if len(kinds) != 27 {
		t.Errorf("%d kinds of fault", len(kinds))
	}
	for _, kind := range kinds {
		c.does("faults", obj{"kind": kind, "api": dingtalktest.APIQuery, "times": 2, "skip": 1, "status": 418, "code": "c", "message": "m", "delay": 1.5, "size": 3}).want(t, 200, "")
	}
	c.does("faults", obj{"kind": "slow", "times": 1, "delay": 0.25}).want(t, 200, "") // instead of the one before
	if n := len(c.s.Faults()); n != len(kinds) {
		t.Errorf("%d faults, want one of each kind", n)
	}
	c.does("faults/clear", obj{"kinds": []string{"slow"}}).want(t, 200, "")
	if n := len(c.s.Faults()); n != len(kinds)-1 {
		t.Errorf("%d faults after one was switched off", n)
	}
	c.does("faults/clear", obj{}).want(t, 200, "")

	events := obj{}
	for _, e := range texts(about["eventTypes"]) {
		events[e] = true
	}
	c.does("switches", obj{
		"events": events, "duplicate": 2, "lose": 3, "refuseGateway": true, "muteWebhooks": true, "callsPerMonth": 5000, "pushesPerMonth": 3000,
	}).want(t, 200, "")
	status := c.asks("status").want(t, 200, "").body
	for name, want := range (obj{
		"duplicate": 2.0, "lose": 3.0, "refuseGateway": true, "muteWebhooks": true, "callsPerMonth": 5000.0, "pushesPerMonth": 3000.0, "events": events, "faults": []any{},
	}) {
		if diff := cmp.Diff(want, status[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	p := c.people(2)
	c.does("switches", obj{"dingQuota": obj{"app": -1, "sms": 7}, "flowControl": obj{p[0].UnionID: true, p[1].UnionID: false}}).want(t, 200, "")
	status = c.asks("status").want(t, 200, "").body
	if diff := cmp.Diff(obj{"app": -1.0, "sms": 7.0, "call": 0.0}, status["dingQuota"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{p[0].UnionID}, status["flowControlled"]); diff != "" {
		t.Error(diff)
	}
	c.does("switches", obj{"permissions": obj{dingtalktest.PermissionDing: false}}).want(t, 200, "")
	if got := c.asks("status").body["permissions"].(obj); got[dingtalktest.PermissionDing] != false || got[dingtalktest.PermissionRobot] != true {
		t.Errorf("permissions: %v", got)
	}
	public := []any{dingtalktest.TemplateWithButtons, dingtalktest.TemplatePlain}
	for _, step := range []struct {
		throw, want obj
	}{
		{obj{}, obj{"cardReads": true, "cardValueBytes": 1024.0, "templates": public}},
		{obj{"cardReads": false, "cardValueBytes": -1}, obj{"cardReads": false, "cardValueBytes": -1.0}},
		{obj{"templates": obj{dingtalktest.TemplateWithButtons: "missing"}}, obj{"templates": public[1:]}},
		{obj{"templates": obj{dingtalktest.TemplatePlain: "unpublished"}}, obj{"templates": []any{}}},
		{obj{"templates": obj{dingtalktest.TemplateWithButtons: "published", dingtalktest.TemplatePlain: "published"}}, obj{"templates": public}},
	} {
		c.does("switches", step.throw).want(t, 200, "")
		status := c.asks("status").body
		for name, want := range step.want {
			if diff := cmp.Diff(want, status[name]); diff != "" {
				t.Errorf("%v: %s: %s", step.throw, name, diff)
			}
		}
	}
	for _, bad := range []obj{{"cardValueBytes": -2}, {"cardValueBytes": 1 << 20}, {"templates": obj{"x": "missing"}}, {"templates": obj{dingtalktest.TemplatePlain: "x"}}} {
		c.does("switches", bad).want(t, 400, "badRequest")
	}
	c.does("switches", obj{"flowControl": obj{p[0].UnionID: false}}).want(t, 200, "")
	if got := c.asks("status").body["flowControlled"]; len(got.([]any)) != 0 {
		t.Errorf("%v are still controlled", got)
	}
	c.does("switches", obj{"refuseGateway": false, "lose": 0, "duplicate": 0}).want(t, 200, "")
	s := c.connect(everything)
	c.does("actions", obj{"do": "ping"}).want(t, 200, "")
	if got := s.next(); got.Headers["topic"] != "ping" {
		t.Errorf("got %v", got)
	}
	c.does("actions", obj{"do": "disconnect", "connections": []string{c.s.Connections()[0].ID}}).want(t, 200, "")
	if got := s.next(); got.Headers["topic"] != "disconnect" {
		t.Errorf("got %v", got)
	}
	c.connect(everything)
	c.does("actions", obj{"do": "drop"}).want(t, 200, "")
	c.until("no connection", func() bool { return len(c.s.Connections()) == 0 })
	c.does("actions", obj{"do": "expireWebhooks"}).want(t, 200, "")
	c.does("actions", obj{"do": "expireTokens"}).want(t, 200, "")
	c.query(c.s.AddGroup(dingtalktest.GroupOptions{}), "x").want(t, 400, "InvalidAuthentication")
}

// TestControlPressesButtons: a person sees what the press changed in their own view, or that nobody answered.
func TestControlPressesButtons(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	m := c.card(g, "card-1")
	bot := c.connect(cardsToo)
	press := obj{"group": g.ID(), "person": p[0].UnionID, "message": m.ID, "button": "confirm", "shape": "params.id"}
	answered := make(chan answer, 1)
	go func() { answered <- c.does("press", press) }()
	bot.ack(bot.next(), 200, `{"response":{"cardUpdateOptions":{"updateCardDataByKey":true},"cardData":{"cardParamMap":{"tips":"✓"}}}}`)
	(<-answered).want(t, 200, "")
	card := func(of dingtalktest.Person) (card, everybody obj) {
		t.Helper()
		seen := c.asks("messages", "group", g.ID(), "person", of.UnionID).want(t, 200, "").body["messages"].([]any)[0].(obj)
		everybody, _ = seen["everybody"].(obj)
		return seen["card"].(obj), everybody
	}
	if own, all := card(p[0]); own["tips"] != "✓" || all["tips"] != "已读 0/2" {
		t.Errorf("the presser sees %v, everybody %v", own, all)
	}
	if own, all := card(p[1]); own["tips"] != "已读 0/2" || all != nil {
		t.Errorf("somebody else sees %v, everybody %v", own, all)
	}
	c.does("press", with(press, "button", "x")).want(t, 409, "noButton")
	c.does("press", with(press, "shape", "x")).want(t, 400, "unknownShape")
	c.does("press", with(press, "group", "x")).want(t, 404, "unknownGroup")
	c.s.DropConnections()
	c.does("press", press).want(t, 504, "notAnswered")
	c.does("recall", obj{"group": g.ID(), "person": p[0].UnionID, "message": m.ID}).want(t, 200, "")
	if got := c.asks("messages", "group", g.ID()).body["messages"].([]any)[0].(obj); got["card"] != nil {
		t.Errorf("a recalled card still shows %v", got)
	}
}

// TestACrowdReadsByItself: 2,000 people of whom 1,400 read, with the group's own time in between.
func TestACrowdReadsByItself(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	id := c.does("groups", obj{"title": "all", "crowd": obj{"people": 2000, "outside": 100, "read": 1400, "seconds": 0.3, "english": true}}).want(t, 200, "").body["id"].(string)
	g, _ := c.s.Group(id)
	names := map[string]bool{}
	for _, m := range g.Members() {
		names[m.Name] = true
	}
	if len(names) != 2000 {
		t.Errorf("2,000 people have %d names", len(names))
	}
	key := c.send(g, "x")
	m := g.Messages()[0]
	partly := false
	c.until("1,400 readers", func() bool {
		now, err := g.Message(m.ID)
		partly = partly || now.Read > 0 && now.Read < 1400
		return err == nil && now.Read == 1400
	})
	if !partly {
		t.Error("all of them read at once")
	}
	a := c.query(g, key).want(t, 200, "")
	if n := len(texts(a.body["readUserIds"])); n != 200 || a.body["hasMore"] != true {
		t.Errorf("the first page has %d readers", n)
	}

	c.does("group", obj{"group": id, "do": "stopReading", "person": g.Members()[0].UnionID}).want(t, 200, "")
	c.send(g, "y")
	c.does("let-read", obj{"group": id, "message": g.Messages()[1].ID, "number": 10}).want(t, 200, "")
	c.until("the ten who were told to", func() bool { r, _ := g.Readers(g.Messages()[1].ID); return len(r) == 10 })
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	p := c.people(260)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	for i := range 60 {
		if _, err := g.Say(p[0], dingtalktest.Say{Text: fmt.Sprint(i), NoAt: true}); err != nil {
			t.Fatal(err)
		}
	}
	a := c.asks("people", "group", g.ID(), "members", "1", "limit", "999").want(t, 200, "").body
	if n := len(a["people"].([]any)); n != 200 || a["total"] != 260.0 {
		t.Errorf("%d of %v people", n, a["total"])
	}
	a = c.asks("people", "q", "人25", "offset", "1").want(t, 200, "").body
	if n := len(a["people"].([]any)); n != 10 || a["total"] != 11.0 {
		t.Errorf("%d of %v people are called 人25", n, a["total"])
	}
	a = c.asks("messages", "group", g.ID(), "person", p[1].UnionID).want(t, 200, "").body
	last := a["messages"].([]any)
	if len(last) != 50 || a["more"] != true || last[0].(obj)["text"] != "10" {
		t.Fatalf("the last messages are %d, from %v", len(last), last[0])
	}
	a = c.asks("messages", "group", g.ID(), "person", p[1].UnionID, "before", last[0].(obj)["id"].(string)).want(t, 200, "").body
	if first := a["messages"].([]any); len(first) != 10 || a["more"] != false || first[9].(obj)["text"] != "9" {
		t.Errorf("the messages before are %d, more is %v", len(first), a["more"])
	}
	groups := c.asks("groups", "person", p[1].UnionID).want(t, 200, "").body["groups"].([]any)
	if direct, group := groups[0].(obj), groups[1].(obj); direct["kind"] != "direct" || group["unread"] != 60.0 {
		t.Errorf("the chats are %v", groups)
	}
}

func TestMediaIsShownSafely(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	upload := func(kind, name, content string) string {
		return c.upload(kind, "media", name, []byte(content)).want(t, 200, "0").body["media_id"].(string)
	}
	get := func(id string) (http.Header, string) {
		resp, err := c.http.Get(c.s.URL() + controlAPI + "media?id=" + id)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.Header, resp.Header.Get("Content-Type")
	}
	if h, kind := get(upload("image", "a.png", "\x89PNG\r\n\x1a\nx")); kind != "image/png" || h.Get("Content-Disposition") != "" {
		t.Errorf("a picture comes as %q, %q", kind, h.Get("Content-Disposition"))
	}
	for _, id := range []string{upload("image", "b.png", "<script>alert(1)</script>"), upload("file", "报告.xlsx", "<html>")} {
		h, kind := get(id)
		if kind != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("something that is no picture comes as %q: %v", kind, h)
		}
	}
}

// event is one of the Server-Sent Events.
type sse struct {
	name string
	data obj
}

// listens opens the events as a browser does.
func (c *client) listens(ctx context.Context, person string) (next func() sse) {
	c.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.s.URL()+controlAPI+"events?person="+person, nil)
	if err != nil {
		c.Fatal(err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		c.Fatalf("it is %q", kind)
	}
	lines := bufio.NewReader(resp.Body)
	return func() sse {
		c.Helper()
		var e sse
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				c.Fatalf("read an event: %v", err)
			}
			switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
			case "event":
				e.name = value
			case "data":
				if err := json.Unmarshal([]byte(value), &e.data); err != nil {
					c.Fatal(err)
				}
			case "":
				return e
			}
		}
	}
}

func TestEventsTellWhatHappens(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	p := c.people(3)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p[:2]...)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	member, stranger := c.listens(ctx, p[1].UnionID), c.listens(ctx, p[2].UnionID)
	for _, next := range []func() sse{member, stranger} {
		if e := next(); e.name != "hello" {
			t.Fatalf("the first is %+v", e)
		}
	}
	key := c.send(g, "x")
	e := member()
	for e.data["messages"] == nil {
		e = member()
	}
	m := e.data["messages"].([]any)[0].(obj)
	if m["processQueryKey"] != key || m["added"] != true || m["seen"] != false || e.data["groups"].([]any)[0].(obj)["unread"] != 1.0 {
		t.Errorf("the member is told %v", e.data)
	}
	e = stranger()
	for e.data["calls"] == nil {
		e = stranger()
	}
	if e.data["messages"] != nil || e.data["groups"] != nil && e.data["groups"].([]any)[0].(obj)["last"] != nil {
		t.Errorf("somebody who is not in the group is told %v", e.data)
	}
	c.post("/v1.0/robot/ding/send", obj{"robotCode": c.s.App().RobotCode, "remindType": 1, "receiverUserIdList": []string{p[1].UserID}, "content": "read it"}).want(t, 200, "")
	for e = member(); e.data["dings"] == nil; {
		e = member()
	}
	for e = stranger(); e.data["status"].(obj)["counted"] != 2.0; {
		e = stranger()
	}
	if e.data["dings"] != nil {
		t.Errorf("somebody else got the DING: %v", e.data)
	}
}

// TestABrowserThatFallsBehindLooksAnew: more changes than a watcher may lag behind lead to another hello, not to a gap.
func TestABrowserThatFallsBehindLooksAnew(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	p := c.people(1)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	next := c.listens(ctx, p[0].UnionID)
	next()
	for i := range 3000 {
		if _, err := g.Say(p[0], dingtalktest.Say{Text: fmt.Sprint(i), NoAt: true}); err != nil {
			t.Fatal(err)
		}
	}
	for next().name != "hello" {
	}
	if _, err := g.Say(p[0], dingtalktest.Say{Text: "after", NoAt: true}); err != nil {
		t.Fatal(err)
	}
	for told := false; !told; {
		var list []any
		switch e := next(); e.name {
		case "hello": // another one: what came meanwhile is asked for
			list = c.asks("messages", "group", g.ID(), "person", p[0].UnionID).want(t, 200, "").body["messages"].([]any)
		case "update":
			list, _ = e.data["messages"].([]any)
		}
		told = len(list) > 0 && list[len(list)-1].(obj)["text"] == "after"
	}
}

func TestCloseEndsEventsAndCrowds(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	next := c.listens(c.ctx, "")
	next()
	c.does("groups", obj{"title": "g", "crowd": obj{"people": 100, "read": 100, "seconds": 3600}}).want(t, 200, "")
	c.send(c.s.Groups()[0], "x")
	if err := c.s.Close(); err != nil {
		t.Fatal(err)
	}
	// goleak sees what is left.
}

// TestWhoListensEverywhereIsCalledByAnyAddress, but still by no name.
func TestWhoListensEverywhereIsCalledByAnyAddress(t *testing.T) {
	t.Parallel()
	s := dingtalktest.New(dingtalktest.Options{Page: true})
	if err := s.Listen("0.0.0.0:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := &client{T: t, s: s, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, ctx: t.Context()}
	for host, status := range map[string]int{"192.0.2.7:80": 200, "[2001:db8::1]:80": 200, "evil.example:80": 403, "": 200} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(s.URL(), "[::]", "127.0.0.1", 1)+controlAPI+"about", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		if a := c.do(r); a.status != status {
			t.Errorf("%q: HTTP %d, error %v", host, a.status, a.err)
		}
	}
}
