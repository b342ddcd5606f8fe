package dingtalktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"whoread/receipts/dingtalk/dingtalktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// client calls a DingTalk by plain HTTP and WebSocket.
type client struct {
	*testing.T
	s     *dingtalktest.Server
	http  *http.Client
	ctx   context.Context
	token string
}

// dingtalk starts one; calls a second are unlimited unless o says otherwise, and all is tidy unless o has a seed.
func dingtalk(t *testing.T, o dingtalktest.Options) *client {
	t.Helper()
	o.Tidy = o.Tidy || o.Seed == 0
	if o.CallsPerSecond == 0 {
		o.CallsPerSecond = -1
	}
	s := dingtalktest.New(o)
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	c := &client{T: t, s: s, http: &http.Client{Transport: transport}, ctx: ctx}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c.login()
	return c
}

func (c *client) login() {
	c.Helper()
	a := c.post("/v1.0/oauth2/accessToken", obj{"appKey": c.s.App().ClientID, "appSecret": c.s.App().ClientSecret})
	c.token, _ = a.body["accessToken"].(string)
	if c.token == "" {
		c.Fatalf("no token: %+v", a)
	}
}

type obj = map[string]any

// with is base with some fields replaced; a nil value takes the field away.
func with(base obj, pairs ...any) obj {
	out := obj{}
	for k, v := range base {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(out, pairs[i].(string))
		} else {
			out[pairs[i].(string)] = pairs[i+1]
		}
	}
	return out
}

type answer struct {
	status int
	code   string // code, or errcode
	body   obj
	raw    string
	kind   string // Content-Type
	err    error
}

func (c *client) post(path string, body any, headers ...string) answer {
	c.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			c.Fatal(err)
		}
		text = string(b)
	}
	return c.request(http.MethodPost, path, text, headers...)
}

func (c *client) request(method, path, body string, headers ...string) answer {
	c.Helper()
	target := path
	if !strings.HasPrefix(path, "http") {
		target = c.s.URL() + path
	}
	r, err := http.NewRequestWithContext(c.ctx, method, target, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" && strings.HasPrefix(path, "/v1.0/") {
		r.Header.Set("x-acs-dingtalk-access-token", c.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return c.do(r)
}

func (c *client) do(r *http.Request) answer {
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, raw: string(raw), kind: resp.Header.Get("Content-Type"), err: err}
	_ = json.Unmarshal(raw, &a.body)
	switch {
	case a.body["code"] != nil:
		a.code = fmt.Sprint(a.body["code"])
	case a.body["errcode"] != nil:
		a.code = fmt.Sprint(a.body["errcode"])
	}
	return a
}

// old is the path of an old API with the token.
func (c *client) old(path string, query ...string) string {
	q := url.Values{"access_token": {c.token}}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	return path + "?" + q.Encode()
}

// want asserts status and code ("" or "0" is success).
func (a answer) want(t *testing.T, status int, code string) answer {
	t.Helper()
	if a.err != nil || a.status != status || a.code != code {
		t.Fatalf("got HTTP %d, code %q, error %v, want %d, %q\n%s", a.status, a.code, a.err, status, code, a.raw)
	}
	return a
}

func (c *client) sendBody(g *dingtalktest.Group, text string) obj {
	param, _ := json.Marshal(obj{"title": "t", "text": text})
	return obj{
		"openConversationId": g.ID(), "robotCode": c.s.App().RobotCode, "msgKey": "sampleMarkdown", "msgParam": string(param),
	}
}

// send posts a message as the bot and returns its processQueryKey.
func (c *client) send(g *dingtalktest.Group, text string) string {
	c.Helper()
	body := c.sendBody(g, text)
	if g.CoolAppCode() != "" {
		body["coolAppCode"] = g.CoolAppCode()
	}
	return c.post("/v1.0/robot/groupMessages/send", body).want(c.T, 200, "").body["processQueryKey"].(string)
}

func (c *client) queryBody(g *dingtalktest.Group, key string) obj {
	return obj{"openConversationId": g.ID(), "robotCode": c.s.App().RobotCode, "processQueryKey": key, "maxResults": 200}
}

func (c *client) query(g *dingtalktest.Group, key string) answer {
	c.Helper()
	return c.post("/v1.0/robot/groupMessages/query", c.queryBody(g, key))
}

func texts(v any) []string {
	out := []string{}
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, e.(string))
	}
	return out
}

// clean asserts that the client did nothing careless.
func (c *client) clean() {
	c.Helper()
	for _, v := range c.s.Violations() {
		c.Errorf("violation: %s: %s", v.API, v.What)
	}
}

// erred asserts that a violation of the API says so.
func (c *client) erred(api, what string) {
	c.Helper()
	if !slices.ContainsFunc(c.s.Violations(), func(v dingtalktest.Violation) bool {
		return v.API == api && strings.Contains(v.What, what)
	}) {
		c.Errorf("no violation of %s says %q: %+v", api, what, c.s.Violations())
	}
}

func (c *client) until(what string, cond func() bool) {
	c.Helper()
	if err := c.s.Await(c.ctx, cond); err != nil {
		c.Fatalf("waiting for %s: %v", what, err)
	}
}

// stream is a Stream connection that a test reads frame by frame.
type stream struct {
	*client
	ws *websocket.Conn
}

type pushed struct {
	Type    string
	Headers map[string]string
	Data    string
	data    obj
}

var botOnly = []obj{{"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"}}

var everything = append([]obj{{"type": "EVENT", "topic": "*"}, {"type": "SYSTEM", "topic": "ping"}}, botOnly...)

func (c *client) openBody(subs []obj) obj {
	return obj{
		"clientId": c.s.App().ClientID, "clientSecret": c.s.App().ClientSecret, "subscriptions": subs, "ua": "test", "localIp": "127.0.0.1",
	}
}

func (c *client) ticket(subs []obj) string {
	c.Helper()
	a := c.post("/v1.0/gateway/connections/open", c.openBody(subs), "Accept", "application/json").want(c.T, 200, "")
	return a.body["endpoint"].(string) + "?ticket=" + a.body["ticket"].(string)
}

func (c *client) connect(subs []obj) *stream {
	c.Helper()
	n := len(c.s.Connections())
	ws, resp, err := websocket.DefaultDialer.DialContext(c.ctx, c.ticket(subs), nil)
	if err != nil {
		c.Fatal(err)
	}
	_ = resp.Body.Close()
	c.Cleanup(func() { _ = ws.Close() })
	if err := c.s.AwaitConnections(c.ctx, n+1); err != nil {
		c.Fatal(err)
	}
	return &stream{client: c, ws: ws}
}

func (s *stream) next() pushed {
	s.Helper()
	_ = s.ws.SetReadDeadline(time.Now().Add(time.Minute))
	_, raw, err := s.ws.ReadMessage()
	if err != nil {
		s.Fatal(err)
	}
	var p pushed
	if err := json.Unmarshal(raw, &p); err != nil {
		s.Fatalf("%v: %s", err, raw)
	}
	if err := json.Unmarshal([]byte(p.Data), &p.data); err != nil {
		s.Fatalf("%v: %s", err, p.Data)
	}
	return p
}

func (s *stream) ack(p pushed, code int, data string) {
	s.Helper()
	err := s.ws.WriteJSON(obj{
		"code": code, "message": "ok", "data": data,
		"headers": obj{"messageId": p.Headers["messageId"], "contentType": "application/json"},
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (c *client) people(n int) []dingtalktest.Person {
	out := make([]dingtalktest.Person, n)
	for i := range out {
		out[i] = c.s.AddPerson(dingtalktest.Person{Name: fmt.Sprintf("人%d", i)})
	}
	return out
}
