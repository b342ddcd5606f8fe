package dingtalktest_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"whoread/receipts/dingtalk/dingtalktest"
)

const pathOpen = "/v1.0/gateway/connections/open"

func TestOpeningAConnectionIsChecked(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	good := c.openBody(everything)
	for name, tc := range map[string]struct {
		body   any
		status int
		code   string
		rude   bool
	}{
		"good":              {good, 200, "", false},
		"extras":            {with(good, "extras", json.RawMessage("null")), 200, "", false},
		"wrong secret":      {with(good, "clientSecret", "no"), 401, "authFailed", false},
		"wrong client":      {with(good, "clientId", "no"), 401, "authFailed", false},
		"no subscriptions":  {with(good, "subscriptions", []obj{}), 400, "invalidParameter.param.invalid", true},
		"event by its name": {with(good, "subscriptions", []obj{{"type": "EVENT", "topic": "robot_msg_read"}}), 400, "invalidParameter.param.invalid", true},
		"unknown type":      {with(good, "subscriptions", []obj{{"type": "X", "topic": "*"}}), 400, "invalidParameter.param.invalid", true},
		"no topic":          {with(good, "subscriptions", []obj{{"type": "CALLBACK"}}), 400, "invalidParameter.param.invalid", true},
		"a string":          {with(good, "subscriptions", "*"), 400, "invalidParameter.param.invalid", true},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(c.s.Violations())
			c.post(pathOpen, tc.body, "Accept", "application/json").want(t, tc.status, tc.code)
			if rude := len(c.s.Violations()) > before; rude != tc.rude {
				t.Errorf("violation %v, want %v", rude, tc.rude)
			}
		})
	}
	var answer struct {
		Endpoint string `xml:"endpoint"`
		Ticket   string `xml:"ticket"`
	}
	a := c.post(pathOpen, good)
	if err := xml.Unmarshal([]byte(a.raw), &answer); err != nil || answer.Ticket == "" || !strings.HasPrefix(answer.Endpoint, "ws://") {
		t.Errorf("without Accept it is XML: %v %s", err, a.raw)
	}
	if a := c.post(pathOpen, with(good, "clientId", "no")); !strings.Contains(a.raw, "<code>authFailed</code>") {
		t.Errorf("an error too: %s", a.raw)
	}
}

func (c *client) dial(target string) int {
	c.Helper()
	ws, resp, err := websocket.DefaultDialer.DialContext(c.ctx, target, nil)
	if resp == nil {
		c.Fatal(err)
	}
	_ = resp.Body.Close()
	if err == nil {
		c.Cleanup(func() { _ = ws.Close() })
	}
	return resp.StatusCode
}

func TestATicketOpensOneConnectionWithin90Seconds(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now})
	late, good := c.ticket(botOnly), c.ticket(botOnly)
	clk.advance(90*time.Second - 1)
	if got := c.dial(good); got != http.StatusSwitchingProtocols {
		t.Errorf("good ticket: HTTP %d", got)
	}
	c.clean()
	if got := c.dial(good); got != http.StatusUnauthorized {
		t.Errorf("used ticket: HTTP %d", got)
	}
	clk.advance(1)
	if got := c.dial(late); got != http.StatusUnauthorized {
		t.Errorf("late ticket: HTTP %d", got)
	}
	c.erred("stream", "unknown or was used")
	c.erred("stream", "expired")
	fresh := c.ticket(botOnly)
	c.s.RefuseGateway(true)
	c.post(pathOpen, c.openBody(botOnly), "Accept", "application/json").want(t, 503, "ServiceUnavailable")
	if got := c.dial(fresh); got != http.StatusServiceUnavailable {
		t.Errorf("refusing: HTTP %d", got)
	}
	c.s.RefuseGateway(false)
	if got := c.dial(fresh); got != http.StatusSwitchingProtocols {
		t.Errorf("not refusing: HTTP %d", got)
	}
}

func TestABotMessageFrame(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now, App: dingtalktest.App{ClientID: "dingapp", RobotCode: "dingrobot", CorpID: "dingcorp"}})
	mei := c.s.AddPerson(dingtalktest.Person{Name: "韩梅梅", UserID: "mei", UnionID: "mei-union", DingtalkID: "$:mei", Admin: true})
	lei := c.s.AddPerson(dingtalktest.Person{Name: "李雷", UserID: "lei", UnionID: "lei-union", DingtalkID: "$:lei"})
	out := c.s.AddPerson(dingtalktest.Person{Name: "客户", DingtalkID: "$:out", Outside: true, Admin: true})
	g := c.s.AddGroup(dingtalktest.GroupOptions{Title: "组", ID: "cid+/=="}, mei, lei, out)
	st := c.connect(botOnly)

	m, err := g.Say(mei, dingtalktest.Say{Text: "谁没读", At: []dingtalktest.Person{lei}})
	if err != nil {
		t.Fatal(err)
	}
	f := st.next()
	now := clk.now().UnixMilli()
	h := f.Headers
	if f.Type != "CALLBACK" || h["topic"] != dingtalktest.TopicBotMessage || h["time"] != strconv.FormatInt(now, 10) ||
		h["contentType"] != "application/json" || h["messageId"] == "" || h["connectionId"] != c.s.Connections()[0].ID || h["appId"] != "dingapp" {
		t.Errorf("headers %v", h)
	}
	bot := f.data["chatbotUserId"].(string)
	hook := f.data["sessionWebhook"].(string)
	if !strings.HasPrefix(hook, c.s.URL()+"/robot/sendBySession?session=") {
		t.Errorf("webhook %s", hook)
	}
	want := obj{
		"conversationId": "cid+/==", "conversationType": "2", "conversationTitle": "组", "msgId": m.ID, "createAt": float64(now),
		"senderStaffId": "mei", "senderNick": "韩梅梅", "senderId": "$:mei", "senderUnionId": "mei-union", "senderCorpId": "dingcorp", "senderPlatform": "Mac",
		"chatbotCorpId": "dingcorp", "chatbotUserId": bot, "isAdmin": true, "isInAtList": true, "robotCode": "dingrobot",
		"sessionWebhook": hook, "sessionWebhookExpiredTime": float64(now + 90*60*1000), "msgtype": "text",
		"text": obj{"content": " 谁没读"},
		"atUsers": []any{
			obj{"dingtalkId": bot},
			obj{"dingtalkId": "$:lei", "staffId": "lei", "unionId": "lei-union"},
		},
	}
	if diff := cmp.Diff(want, f.data); diff != "" {
		t.Error(diff)
	}

	if _, err := g.Say(out, dingtalktest.Say{Text: "hi"}); err != nil {
		t.Fatal(err)
	}
	f = st.next()
	if f.data["senderStaffId"] != "" || f.data["isAdmin"] != false || f.data["senderCorpId"] == "dingcorp" {
		t.Errorf("from outside: %v", f.data)
	}

	if _, err := g.Say(mei, dingtalktest.Say{RichText: []string{"提醒 ", "#1"}}); err != nil {
		t.Fatal(err)
	}
	f = st.next()
	if diff := cmp.Diff(obj{"richText": []any{obj{"text": " 提醒 "}, obj{"text": "#1"}}}, f.data["content"]); diff != "" || f.data["msgtype"] != "richText" || f.data["text"] != nil {
		t.Errorf("rich text: %s", diff)
	}
	if _, err := g.Say(mei, dingtalktest.Say{Picture: true}); err != nil {
		t.Fatal(err)
	}
	if f = st.next(); f.data["msgtype"] != "picture" || f.data["content"].(obj)["downloadCode"] == "" {
		t.Errorf("picture: %v", f.data)
	}
	if _, err := g.Say(mei, dingtalktest.Say{Text: "不理它", NoAt: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Say(mei, dingtalktest.Say{Text: "x", OverQuota: true}); err != nil {
		t.Fatal(err)
	}
	f = st.next() // not the one without @
	if f.data["errorCode"] != 20001.0 || f.data["errorMessage"] == "" || f.data["text"] != nil || f.data["senderNick"] != "韩梅梅" {
		t.Errorf("over quota: %v", f.data)
	}
	if _, err := c.s.SayDirect(lei, dingtalktest.Say{Text: "help"}); err != nil {
		t.Fatal(err)
	}
	f = st.next()
	if f.data["conversationType"] != "1" || f.data["conversationTitle"] != nil || f.data["text"].(obj)["content"] != "help" || f.data["atUsers"] != nil {
		t.Errorf("one-to-one: %v", f.data)
	}
	if f.data["conversationId"] != c.s.Direct(lei).ID() {
		t.Error("the one-to-one chat stays the same")
	}
}

func TestAQuoteNamesItsMessage(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(botOnly)
	key := c.send(g, "正文")
	hook, _ := st.webhook(g, p)
	c.post(hook, obj{"msgtype": "text", "text": obj{"content": "答"}}).want(t, 200, "0")
	all := g.Messages()
	bySend, byPerson, byHook := all[0], all[1], all[2]
	quote := func(say dingtalktest.Say) obj {
		say.Text = "谁读了"
		if _, err := g.Say(p, say); err != nil {
			t.Fatal(err)
		}
		return st.next().data
	}
	d := quote(dingtalktest.Say{Quote: bySend.ID})
	replied := obj{"msgId": bySend.ID, "msgType": "markdown", "createdAt": float64(clk.now().UnixMilli()), "senderId": d["chatbotUserId"], "content": obj{"text": "正文"}}
	if diff := cmp.Diff(obj{"content": " 谁读了", "isReplyMsg": true, "repliedMsg": replied}, d["text"]); diff != "" {
		t.Error(diff)
	}
	if d["originalMsgId"] != bySend.ID || d["originalProcessQueryKey"] != key {
		t.Errorf("got %v, %v", d["originalMsgId"], d["originalProcessQueryKey"])
	}
	d = quote(dingtalktest.Say{Quote: bySend.ID, QuoteBare: true})
	if r := d["text"].(obj)["repliedMsg"].(obj); r["content"] != nil || d["originalProcessQueryKey"] != key {
		t.Errorf("bare: %v", d)
	}
	for _, m := range []dingtalktest.Message{byPerson, byHook} {
		if d = quote(dingtalktest.Say{Quote: m.ID}); d["originalMsgId"] != m.ID || d["originalProcessQueryKey"] != nil {
			t.Errorf("%s: %v", m.Via, d)
		}
	}
	if _, err := g.Say(p, dingtalktest.Say{Quote: "no"}); !errors.Is(err, dingtalktest.ErrUnknownMessage) {
		t.Errorf("got %v", err)
	}
}

func TestAMessageIDThatComesAgainIsTheSameMessage(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(botOnly)
	for range 2 {
		if _, err := g.Say(p, dingtalktest.Say{Text: "list", MsgID: "m1"}); err != nil {
			t.Fatal(err)
		}
	}
	first, second := st.next(), st.next()
	if first.data["msgId"] != "m1" || second.data["msgId"] != "m1" || first.Headers["messageId"] == second.Headers["messageId"] || len(g.Messages()) != 1 {
		t.Errorf("%v\n%v", first, second)
	}
}

func TestUnpublishedAppsSeeNoStaffID(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Unpublished: true})
	p := c.people(1)[0]
	st := c.connect(botOnly)
	if _, err := c.s.AddGroup(dingtalktest.GroupOptions{}, p).Say(p, dingtalktest.Say{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, has := st.next().data["senderStaffId"]; has {
		t.Error("senderStaffId")
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now})
	a, b := c.s.AddPerson(dingtalktest.Person{UserID: "a", UnionID: "ua"}), c.s.AddPerson(dingtalktest.Person{UserID: "b", UnionID: "ub"})
	out := c.s.AddPerson(dingtalktest.Person{UnionID: "uo", Outside: true})
	g := c.s.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp, CoolAppCode: "COOL", ID: "cid1", ChatID: "chat1"}, a)
	key := c.send(g, "x")
	id := g.Messages()[0].ID
	st := c.connect(everything)
	now := clk.now().UnixMilli()
	ms, text := float64(now), strconv.FormatInt(now, 10)
	robot := c.s.App().RobotCode
	if err := g.Read(a, id); err != nil { // events are off: not pushed
		t.Fatal(err)
	}
	c.s.Events(true)
	for _, step := range []struct {
		event string
		do    func() error
		data  obj
	}{
		{"chat_add_member", func() error { return g.Join(a, a, b, out) }, obj{"openConversationId": "cid1", "chatId": "chat1", "userId": []any{"b"}, "unionId": []any{"ub", "uo"}, "operator": "a", "timeStamp": ms}},
		{"chat_update_title", func() error { return g.Rename("新") }, obj{"openConversationId": "cid1", "title": "新"}},
		{"robot_msg_read", func() error { key = c.send(g, "y"); return g.Read(b, g.Messages()[1].ID) }, obj{"userId": "b", "unionId": "ub", "operatTime": text, "robotCode": robot, "openConversationId": "cid1"}},
		{"robot_msg_recall", func() error { return g.Recall(a, g.Messages()[1].ID) }, obj{"userId": "a", "unionId": "ua", "operatTime": ms, "robotCode": robot, "openConversationId": "cid1"}},
		{"chat_remove_member", func() error { return g.Remove(a, b) }, obj{"openConversationId": "cid1", "chatId": "chat1", "userId": []any{"b"}, "unionId": []any{"ub"}, "operator": "a", "timeStamp": ms}},
		{"chat_quit", func() error { return g.Leave(out) }, obj{"openConversationId": "cid1", "chatId": "chat1", "operator": "uo", "timeStamp": ms}},
		{"im_cool_app_uninstall", func() error { return g.RemoveBot(a) }, obj{"openConversationId": "cid1", "coolAppCode": "COOL", "robotCode": robot, "operator": "a"}},
		{"im_cool_app_install", func() error { return g.AddBot(a) }, obj{"openConversationId": "cid1", "coolAppCode": "COOL", "robotCode": robot, "operator": "a"}},
		{"chat_disband", g.Disband, obj{"openConversationId": "cid1"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.event, err)
		}
		f := st.next()
		if strings.HasPrefix(step.event, "robot_msg") {
			step.data["processQueryKey"] = key
		}
		if diff := cmp.Diff(step.data, f.data); diff != "" {
			t.Errorf("%s: %s", step.event, diff)
		}
		h := f.Headers
		if f.Type != "EVENT" || h["eventType"] != step.event || h["eventId"] == "" || h["eventCorpId"] != c.s.App().CorpID || h["eventBornTime"] != text || h["topic"] != "*" {
			t.Errorf("%s: headers %v", step.event, h)
		}
		st.ack(f, 200, `{"status":"SUCCESS","message":""}`)
	}
	c.until("acks", func() bool { return len(c.s.Acks()) == 9 })
	c.clean()
}

func TestOnlySubscribersArePushed(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	c.s.Events(true, dingtalktest.EventUpdateTitle)
	if _, err := g.Say(p[0], dingtalktest.Say{Text: "nobody listens: lost"}); err != nil {
		t.Fatal(err)
	}
	events := c.connect([]obj{{"type": "EVENT", "topic": "*"}})
	bot := c.connect(botOnly)
	if err := g.Leave(p[1]); err != nil { // not switched on
		t.Fatal(err)
	}
	if err := g.Rename("x"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Say(p[0], dingtalktest.Say{Text: "heard"}); err != nil {
		t.Fatal(err)
	}
	if f := events.next(); f.Headers["eventType"] != "chat_update_title" {
		t.Errorf("got %v", f)
	}
	if f := bot.next(); f.data["text"].(obj)["content"] != " heard" {
		t.Errorf("got %v", f.data)
	}
	if got := c.s.Pushed(); got != 2 {
		t.Errorf("%d pushes counted", got)
	}
}

func TestPushesGoToAConnectionAtRandom(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	for _, st := range []*stream{c.connect(botOnly), c.connect(botOnly)} {
		go func() {
			for {
				var f pushed
				if st.ws.ReadJSON(&f) != nil {
					return
				}
				_ = st.ws.WriteJSON(obj{"code": 200, "data": "", "headers": obj{"messageId": f.Headers["messageId"], "contentType": "application/json"}})
			}
		}()
	}
	for range 60 {
		if _, err := g.Say(p, dingtalktest.Say{Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	c.until("60 acks", func() bool { return len(c.s.Acks()) == 60 })
	by := map[string]int{}
	for _, a := range c.s.Acks() {
		by[a.Connection]++
	}
	if len(by) != 2 {
		t.Errorf("one of two connections got everything: %v", by)
	}
	c.clean()
}

func TestAnEventIsPushedAgainUntilItsAckIsGood(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{RetryAfter: time.Millisecond})
	c.s.Events(true)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	st := c.connect(everything)
	if err := g.Rename("x"); err != nil {
		t.Fatal(err)
	}
	id := ""
	for attempt := 1; attempt <= 5; attempt++ {
		f := st.next()
		if id == "" {
			id = f.Headers["eventId"]
		}
		if f.Headers["eventId"] != id {
			t.Errorf("eventId %s, want %s", f.Headers["eventId"], id)
		}
		switch attempt {
		case 1:
			st.ack(f, 200, "") // what an SDK handler that returns nil sends
		case 2:
			st.ack(f, 200, `{"status":"LATER"}`)
		}
	}
	if err := g.Rename("y"); err != nil { // the first was given up after 5
		t.Fatal(err)
	}
	for attempt := 1; attempt <= 5; attempt++ {
		f := st.next()
		if f.data["title"] != "y" {
			t.Errorf("a sixth delivery: %v", f)
		}
		if attempt == 5 {
			st.ack(f, 200, `{"status":"SUCCESS"}`)
		}
	}
	c.until("acks", func() bool { return len(c.s.Acks()) == 3 })
	c.erred("stream", "without the status")
	if n := len(c.s.Violations()); n != 1 {
		t.Errorf("%d violations: LATER is none: %+v", n, c.s.Violations())
	}
	if got := c.s.Pushed(); got != 2 {
		t.Errorf("counted %d pushes: deliveries do not count", got)
	}
}

func TestACallbackIsPushedAgainOnlyIfToldTo(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{CallbackRetryAfter: time.Millisecond})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(botOnly)
	if _, err := g.Say(p, dingtalktest.Say{Text: "x", MsgID: "m1"}); err != nil {
		t.Fatal(err)
	}
	st.ack(st.next(), 500, "")
	if f := st.next(); f.data["msgId"] != "m1" {
		t.Errorf("got %v", f)
	}
	c.until("the ack", func() bool { return len(c.s.Acks()) == 1 })
	c.erred("stream", "answered with 500")
}

func TestWrongAcksAreNoted(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	c.s.Events(true)
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(everything)
	if err := st.ws.WriteMessage(websocket.TextMessage, []byte(`{"code":"200"}`)); err != nil {
		t.Fatal(err)
	}
	st.ack(pushed{Headers: map[string]string{"messageId": "x"}}, 200, "")
	if _, err := g.Say(p, dingtalktest.Say{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	st.ack(st.next(), 404, "")
	c.s.Ping()
	f := st.next()
	if f.Type != "SYSTEM" || f.Headers["topic"] != "ping" {
		t.Errorf("got %+v", f)
	}
	st.ack(f, 200, "something else")
	st.ack(f, 200, f.Data)
	c.until("acks", func() bool { return len(c.s.Acks()) == 3 && len(c.s.Violations()) == 4 })
	for _, what := range []string{"cannot be read", "never sent", "answered with 404", "ping"} {
		c.erred("stream", what)
	}
}

func TestPushesAreDuplicatedAndLost(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(botOnly)
	c.s.LosePushes(1)
	say := func(text string) {
		t.Helper()
		if _, err := g.Say(p, dingtalktest.Say{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	say("lost")
	c.s.DuplicatePushes(1)
	say("twice")
	say("once")
	for _, want := range []string{" twice", " twice", " once"} {
		if got := st.next().data["text"].(obj)["content"]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	c.s.PushRaw([]byte(`{"broken`))
	if _, raw, err := st.ws.ReadMessage(); err != nil || string(raw) != `{"broken` {
		t.Errorf("%v, %s", err, raw)
	}
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{DisconnectAfter: 10 * time.Millisecond})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	old := c.connect(botOnly)
	oldID := c.s.Connections()[0].ID
	fresh := c.connect(botOnly)
	c.s.Disconnect(oldID)
	for range 10 { // nothing goes to the old one any more
		if _, err := g.Say(p, dingtalktest.Say{Text: "x"}); err != nil {
			t.Fatal(err)
		}
		fresh.next()
	}
	if f := old.next(); f.Type != "SYSTEM" || f.Headers["topic"] != "disconnect" {
		t.Errorf("got %+v", f)
	}
	if _, _, err := old.ws.ReadMessage(); err == nil {
		t.Error("the server closes the connection")
	}
	c.s.DropConnections()
	if _, _, err := fresh.ws.ReadMessage(); err == nil || len(c.s.Connections()) != 0 {
		t.Errorf("dropped: %v", err)
	}
}

func TestThePushesOfAMonthAreLimited(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{PushesPerMonth: 2})
	c.s.Events(true)
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(everything)
	for _, want := range []any{nil, nil, 20001.0} {
		if _, err := g.Say(p, dingtalktest.Say{Text: "x"}); err != nil {
			t.Fatal(err)
		}
		if got := st.next().data["errorCode"]; got != want {
			t.Errorf("errorCode %v, want %v", got, want)
		}
	}
	if err := g.Rename("not pushed"); err != nil {
		t.Fatal(err)
	}
	c.s.SetQuota(0, 0)
	if err := g.Rename("pushed"); err != nil {
		t.Fatal(err)
	}
	if f := st.next(); f.data["title"] != "pushed" {
		t.Errorf("got %v", f.data)
	}
}
