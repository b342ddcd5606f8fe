package dingtalktest_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
)

func TestContacts(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.s.AddPerson(dingtalktest.Person{Name: "韩梅梅", UserID: "manager1"})
	out := c.s.AddPerson(dingtalktest.Person{Name: "客户", UserID: "ignored", Outside: true})
	chat := c.s.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindChat, Title: "群"}, p, out)
	scene := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	c.s.SetDepartment(7, p, out)

	a := c.request("GET", c.old("/chat/get", "chatid", chat.ChatID()), "").want(t, 200, "0")
	if diff := cmp.Diff(obj{"name": "群", "useridlist": []any{"manager1"}}, a.body["chat_info"]); diff != "" {
		t.Error(diff)
	}
	c.request("GET", c.old("/chat/get", "chatid", scene.ChatID()), "").want(t, 200, "34003")

	a = c.post(c.old("/topapi/user/listid"), obj{"dept_id": 7}).want(t, 200, "0")
	if diff := cmp.Diff(obj{"userid_list": []any{"manager1"}}, a.body["result"]); diff != "" {
		t.Error(diff)
	}
	c.post(c.old("/topapi/user/listid"), obj{"dept_id": 8}).want(t, 200, "60003")

	a = c.post(c.old("/topapi/v2/user/get"), obj{"userid": "manager1", "language": "zh_CN"}).want(t, 200, "0")
	if got := a.body["result"].(obj)["name"]; got != "韩梅梅" {
		t.Errorf("name %v", got)
	}
	c.post(c.old("/topapi/v2/user/get"), obj{"userid": "nobody"}).want(t, 200, "60121")
	c.clean()
	if c.s.Counted() != 0 {
		t.Errorf("contact calls are not counted: %d", c.s.Counted())
	}
	c.post(c.old("/topapi/user/listid"), obj{"dept_id": "7"}).want(t, 200, "40035")
	c.post("/topapi/user/listid", obj{"dept_id": 7}).want(t, 200, "40014")
	c.erred(dingtalktest.APIDepartment, "dept_id must be an integer")
	c.erred(dingtalktest.APIDepartment, "never issued")
}

// TestTheOldTokenIsJSONForEverybody: only the gateway answers XML to who does not accept JSON.
func TestTheOldTokenIsJSONForEverybody(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	app := c.s.App()
	for _, accept := range []string{"", "*/*", "application/json, text/plain, */*"} {
		a := c.request(http.MethodGet, "/gettoken?appkey="+app.ClientID+"&appsecret="+app.ClientSecret, "", "Accept", accept).want(t, 200, "0")
		if a.body["access_token"] != c.token || !strings.HasPrefix(a.kind, "application/json") {
			t.Errorf("with Accept %q it is %s: %s", accept, a.kind, a.raw)
		}
	}
}

// upload posts a file as multipart.
func (c *client) upload(kind, field, name string, content []byte) answer {
	c.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, name)
	if err != nil {
		c.Fatal(err)
	}
	_, _ = part.Write(content)
	_ = w.Close()
	r, err := http.NewRequestWithContext(c.ctx, http.MethodPost, c.s.URL()+c.old("/media/upload", "type", kind), &b)
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	return c.do(r)
}

func TestUpload(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	full := make([]byte, 20<<20+1)
	for name, tc := range map[string]struct {
		kind, field, name string
		content           []byte
		code              string
	}{
		"xlsx":          {"file", "media", "名单.xlsx", []byte("PK"), "0"},
		"png":           {"image", "media", "a.PNG", []byte("x"), "0"},
		"20 MB":         {"file", "media", "a.zip", full[:20<<20], "0"},
		"over 20 MB":    {"file", "media", "a.zip", full, "40006"},
		"empty":         {"file", "media", "a.zip", nil, "40006"},
		"unknown type":  {"voice", "media", "a.amr", []byte("x"), "40004"},
		"svg":           {"image", "media", "a.svg", []byte("x"), "40005"},
		"csv as a file": {"file", "media", "a.csv", []byte("x"), "40005"},
		"wrong field":   {"file", "file", "a.zip", []byte("x"), "40035"},
	} {
		t.Run(name, func(t *testing.T) { c.upload(tc.kind, tc.field, tc.name, tc.content).want(t, 200, tc.code) })
	}
	c.post(c.old("/media/upload", "type", "file"), obj{}).want(t, 200, "40035")

	id := c.upload("file", "media", "名单.xlsx", []byte("PK")).want(t, 200, "0").body["media_id"].(string)
	if m, ok := c.s.Media(id); !ok || m.Name != "名单.xlsx" || string(m.Content) != "PK" {
		t.Errorf("got %+v", m)
	}
	g := c.s.AddGroup(dingtalktest.GroupOptions{})
	body := with(c.sendBody(g, ""), "msgKey", "sampleFile", "msgParam", `{"mediaId":"`+id+`","fileName":"名单.xlsx","fileType":"xlsx"}`)
	c.post(pathSend, body).want(t, 200, "")
	c.post(pathSend, with(body, "msgParam", `{"mediaId":"`+id+`","fileName":"a.csv","fileType":"csv"}`)).want(t, 400, "invalidParameter.msgParam.invalid")
}

// webhook is a session webhook of the group, and when it ends.
func (s *stream) webhook(g *dingtalktest.Group, p dingtalktest.Person) (string, time.Time) {
	s.Helper()
	if _, err := g.Say(p, dingtalktest.Say{Text: "hi"}); err != nil {
		s.Fatal(err)
	}
	f := s.next()
	s.ack(f, 200, "")
	return f.data["sessionWebhook"].(string), time.UnixMilli(int64(f.data["sessionWebhookExpiredTime"].(float64)))
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now})
	people := []dingtalktest.Person{{Name: "a", UserID: "user1"}, {Name: "b", UserID: "user12"}, {Name: "c", UserID: "user3"}}
	for i, p := range people {
		people[i] = c.s.AddPerson(p)
	}
	absent := c.s.AddPerson(dingtalktest.Person{Name: "d", UserID: "absent"})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, people...)
	hook, ends := c.connect(botOnly).webhook(g, people[0])
	if want := clk.now().Add(90 * time.Minute); !ends.Equal(want) {
		t.Errorf("ends %v, want %v", ends, want)
	}
	markdown := obj{"msgtype": "markdown", "markdown": obj{"title": "t", "text": "@user1 @user123 @user3, @absent 请看"}}
	c.post(hook, with(markdown, "at", obj{"atUserIds": []string{"user1", "user3", "absent"}, "isAtAll": false})).want(t, 200, "0")
	c.clean()
	all := g.Messages()
	m := all[len(all)-1]
	if diff := cmp.Diff([]dingtalktest.Person{people[0], people[2]}, m.Mentioned); diff != "" {
		t.Errorf("mentioned are members in at.atUserIds whose @userId stands in the text: %s", diff)
	}
	if m.Via != dingtalktest.ViaWebhook || m.ProcessQueryKey != "" || m.Title != "t" || !m.FromBot() || absent.UserID == "" {
		t.Errorf("got %+v", m)
	}
	c.post(hook, with(markdown, "at", obj{"atUserIds": []string{"user12"}})).want(t, 200, "0")
	if all = g.Messages(); len(all[len(all)-1].Mentioned) != 0 {
		t.Error("@user12 does not stand in a text with @user123")
	}
	c.erred(dingtalktest.APIWebhook, "nobody is notified")

	text := func(n int) obj {
		empty := len(`{"msgtype":"text","text":{"content":""}}`)
		return obj{"msgtype": "text", "text": obj{"content": strings.Repeat("a", n-empty)}}
	}
	for name, tc := range map[string]struct {
		url  string
		body any
		code string
	}{
		"text":           {hook, obj{"msgtype": "text", "text": obj{"content": "你好"}}, "0"},
		"20,000 bytes":   {hook, text(20_000), "0"},
		"20,001 bytes":   {hook, text(20_001), "460101"},
		"other type":     {hook, obj{"msgtype": "empty"}, "400105"},
		"no title":       {hook, obj{"msgtype": "markdown", "markdown": obj{"text": "x"}}, "40035"},
		"no text":        {hook, obj{"msgtype": "markdown", "markdown": obj{"title": "x"}}, "40035"},
		"text a number":  {hook, obj{"msgtype": "text", "text": obj{"content": 1}}, "40035"},
		"at a list":      {hook, with(markdown, "at", []string{"user1"}), "40035"},
		"not JSON":       {hook, "hello", "40035"},
		"unknown secret": {c.s.URL() + "/robot/sendBySession?session=x", markdown, "400101"},
	} {
		t.Run(name, func(t *testing.T) { c.post(tc.url, tc.body).want(t, 200, tc.code) })
	}
	for _, step := range []struct {
		do   func() error
		code string
	}{
		{g.StopBot, "400102"},
		{g.StartBot, "0"},
		{func() error { return g.RemoveBot(people[0]) }, "400106"},
		{func() error { return g.AddBot(people[0]) }, "0"},
		{func() error { clk.advance(90 * time.Minute); return nil }, "400101"},
		{func() error { clk.advance(-time.Minute); return nil }, "0"},
		{func() error { c.s.ExpireWebhooks(); return nil }, "400101"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		c.post(hook, markdown).want(t, 200, step.code)
	}
}

func TestWebhookOfADisbandedGroup(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	hook, _ := c.connect(botOnly).webhook(g, p[0])
	if err := g.Disband(); err != nil {
		t.Fatal(err)
	}
	c.post(hook, obj{"msgtype": "text", "text": obj{"content": "x"}}).want(t, 200, "400013")
}

func TestWebhooksAreMutedPerGroup(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now})
	p := c.people(1)
	g, other := c.s.AddGroup(dingtalktest.GroupOptions{}, p...), c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	st := c.connect(botOnly)
	hook, _ := st.webhook(g, p[0])
	second, _ := st.webhook(g, p[0]) // of the same group
	third, _ := st.webhook(other, p[0])
	body := obj{"msgtype": "text", "text": obj{"content": "x"}}
	for range 25 {
		c.post(hook, body).want(t, 200, "0") // off at first
	}
	c.s.MuteWebhooks(true)
	for i := range 20 {
		c.post([]string{hook, second}[i%2], body).want(t, 200, "0")
	}
	c.post(second, body).want(t, 200, "410100")
	c.post(third, body).want(t, 200, "0")
	clk.advance(9 * time.Minute)
	c.post(hook, body).want(t, 200, "410100")
	clk.advance(time.Minute)
	c.post(hook, body).want(t, 200, "0")
	c.clean()
}
