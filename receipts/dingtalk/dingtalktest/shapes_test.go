package dingtalktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"whoread/receipts/dingtalk/dingtalktest"
)

// namesOf are the names of the shapes of a kind.
func namesOf(kind dingtalktest.ShapeKind) []string {
	var out []string
	for _, s := range dingtalktest.Shapes() {
		if s.Kind == kind {
			out = append(out, s.Name)
		}
	}
	return out
}

func TestEveryShapeHasANameAndASource(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range dingtalktest.Shapes() {
		id := string(s.Kind) + " " + s.Name
		if s.Name == "" || s.Kind == "" || s.Source == "" || seen[id] {
			t.Errorf("%+v has no name, no kind, no source, or is there twice", s)
		}
		seen[id] = true
	}
	if len(seen) < 40 {
		t.Errorf("%d shapes", len(seen))
	}
}

// opaque puts an x in the place of what is made at random.
func opaque(v any) any {
	switch v := v.(type) {
	case obj:
		out := obj{}
		for k, e := range v {
			if out[k] = opaque(e); strings.HasSuffix(strings.ToLower(k), "downloadcode") {
				out[k] = "x"
			}
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, opaque(e))
		}
		return out
	default:
		return v
	}
}

func decoded(t *testing.T, text string) obj {
	t.Helper()
	var out obj
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

// TestEveryShapeOfWhatIsSaid: the frame holds what the source of the shape shows.
func TestEveryShapeOfWhatIsSaid(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{App: dingtalktest.App{BotName: "whoread"}})
	mei := c.s.AddPerson(dingtalktest.Person{Name: "韩梅梅"})
	lei := c.s.AddPerson(dingtalktest.Person{Name: "李雷", UserID: "lei"})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, mei, lei)
	st := c.connect(botOnly)
	command := dingtalktest.Say{Text: "提醒 #1 @李雷 吧", At: []dingtalktest.Person{lei}}
	picture := dingtalktest.Say{Picture: true}
	const pieces = `{"text":"提醒 #1 "},{"text":"@李雷"},{"text":" 吧"}`
	tests := map[string]struct {
		say  dingtalktest.Say
		want string
	}{
		"text":                                  {command, `{"msgtype":"text","text":{"content":" 提醒 #1  吧"}}`},
		"text, no space":                        {command, `{"msgtype":"text","text":{"content":"提醒 #1  吧"}}`},
		"text, mention behind":                  {command, `{"msgtype":"text","text":{"content":"提醒 #1  吧 "}}`},
		"text, U+2005":                          {command, `{"msgtype":"text","text":{"content":"\u2005提醒 #1  吧"}}`},
		"text, NBSP":                            {command, `{"msgtype":"text","text":{"content":"\u00a0提醒 #1  吧"}}`},
		"text, mention left in":                 {command, `{"msgtype":"text","text":{"content":"@whoread 提醒 #1 @李雷  吧"}}`},
		"text, mention glued":                   {command, `{"msgtype":"text","text":{"content":"@whoread提醒 #1 @李雷  吧"}}`},
		"text, two bots":                        {command, `{"msgtype":"text","text":{"content":"  提醒 #1  吧"}}`},
		"richText":                              {command, `{"msgtype":"richText","content":{"richText":[{"text":" 提醒 #1 "},{"text":"@李雷"},{"text":" 吧"}]}}`},
		"richText, HarmonyOS":                   {command, `{"msgtype":"richText","content":{"richText":[{"text":"@whoread"},` + pieces + `]}}`},
		"richText, name with spaces":            {command, `{"msgtype":"richText","content":{"richText":[{"text":"@whoread 小助手 "},` + pieces + `]}}`},
		"richText, U+2005":                      {command, `{"msgtype":"richText","content":{"richText":[{"text":"@whoread\u2005"},` + pieces + `]}}`},
		"richText, one piece":                   {command, `{"msgtype":"richText","content":{"richText":[{"text":"@whoread 提醒 #1 @李雷  吧"}]}}`},
		"richText, one piece, name with spaces": {command, `{"msgtype":"richText","content":{"richText":[{"text":"@whoread 小助手 提醒 #1 @李雷  吧"}]}}`},
		"richText, mention behind":              {command, `{"msgtype":"richText","content":{"richText":[` + pieces + `,{"text":" "},{"text":"@whoread"}]}}`},
		"richText, two bots":                    {command, `{"msgtype":"richText","content":{"richText":[{"text":"@whoread"},{"text":"@天气 Bot "},` + pieces + `]}}`},
		"richText, picture between":             {command, `{"msgtype":"richText","content":{"richText":[{"text":"@whoread "},{"type":"picture","downloadCode":"x","pictureDownloadCode":"x"},` + pieces + `]}}`},
		"markdown":                              {command, `{"msgtype":"markdown","content":{"text":"@whoread 提醒 #1 @李雷  吧"}}`},
		"picture":                               {picture, `{"msgtype":"picture","content":{"downloadCode":"x","pictureDownloadCode":"x"}}`},
		"audio":                                 {picture, `{"msgtype":"audio","content":{"duration":3000,"downloadCode":"x"}}`},
		"video":                                 {picture, `{"msgtype":"video","content":{"duration":4,"downloadCode":"x","videoType":"mp4"}}`},
		"file":                                  {picture, `{"msgtype":"file","content":{"spaceId":"1","fileId":"2","fileName":"公告 周五停机.xlsx","downloadCode":"x"}}`},
		"chatRecord":                            {picture, `{"msgtype":"chatRecord","content":{"summary":"[\"李雷: 公告 周五停机\"]","chatRecord":"[]"}}`},
		"interactiveCard":                       {picture, `{"msgtype":"interactiveCard","content":{"biz_custom_action_url":"dingtalk://dingtalkclient/page/link?url=x"}}`},
		"unknownMsgType":                        {picture, `{"msgtype":"unknownMsgType","content":{"unknownMsgType":"此消息类型不支持"}}`},
	}
	for _, name := range namesOf(dingtalktest.Said) {
		test, ok := tests[name]
		if !ok {
			t.Errorf("%s is not tested", name)
			continue
		}
		test.say.Shape = name
		m, err := g.Say(mei, test.say)
		if err != nil {
			t.Fatal(err)
		}
		got := st.next().data
		said := obj{"msgtype": got["msgtype"]}
		for _, field := range []string{"text", "content"} {
			if got[field] != nil {
				said[field] = got[field]
			}
		}
		if diff := cmp.Diff(any(decoded(t, test.want)), opaque(said)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		wanted := 1 + len(test.say.At)
		if strings.HasSuffix(name, "two bots") {
			wanted++
		}
		if at := got["atUsers"].([]any); len(at) != wanted || wanted > 1 && at[wanted-1].(obj)["staffId"] != "lei" {
			t.Errorf("%s: mentioned are %v", name, at)
		}
		if m.Text != test.say.Text {
			t.Errorf("%s: people see %q", name, m.Text)
		}
	}
}

// TestAShapeThatDoesNotFitIsTheDocuments is one of a text asked for a picture, of a mention asked for a one-to-one chat, and so on.
func TestAShapeThatDoesNotFitIsTheDocuments(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(botOnly)
	said := func(g *dingtalktest.Group, say dingtalktest.Say) obj {
		t.Helper()
		if _, err := g.Say(p, say); err != nil {
			t.Fatal(err)
		}
		return st.next().data
	}
	if got := said(g, dingtalktest.Say{Picture: true, Shape: "markdown"}); got["msgtype"] != "picture" {
		t.Errorf("a picture as markdown: %v", got)
	}
	if got := said(g, dingtalktest.Say{RichText: []string{"提醒 ", "#1"}, Shape: "text"}); got["msgtype"] != "richText" {
		t.Errorf("rich text as text: %v", got)
	}
	if got := said(c.s.Direct(p), dingtalktest.Say{Text: "help", Shape: "richText, HarmonyOS"}); got["text"].(obj)["content"] != "help" {
		t.Errorf("a mention in a one-to-one chat: %v", got)
	}
	if got := said(c.s.Direct(p), dingtalktest.Say{Text: "help", Shape: "markdown"}); got["content"].(obj)["text"] != "help" {
		t.Errorf("markdown in a one-to-one chat: %v", got)
	}
	if got := said(g, dingtalktest.Say{Shape: "richText, HarmonyOS"}); len(got["content"].(obj)["richText"].([]any)) != 1 {
		t.Errorf("a mention alone: %v", got)
	}
	for _, say := range []dingtalktest.Say{{Text: "x", Shape: "no"}, {Text: "x", Shape: "content.text"}, {Text: "x", QuoteShape: "markdown"}} {
		if _, err := g.Say(p, say); !errors.Is(err, dingtalktest.ErrUnknownShape) {
			t.Errorf("%+v: %v", say, err)
		}
	}
}

func quotedJSON(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryShapeOfAQuotation: the frame holds what the source of the shape shows, and the key of whatever the bot sent by API.
func TestEveryShapeOfAQuotation(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect(botOnly)
	sent := func(msgKey, param string) dingtalktest.Message {
		t.Helper()
		c.post(pathSend, with(c.sendBody(g, ""), "msgKey", msgKey, "msgParam", param)).want(t, 200, "")
		all := g.Messages()
		return all[len(all)-1]
	}
	words := sent("sampleMarkdown", `{"title":"t","text":"正文"}`)
	image := sent("sampleImageMsg", `{"photoURL":"`+c.upload("image", "media", "a.png", []byte("x")).body["media_id"].(string)+`"}`)
	file := sent("sampleFile", `{"mediaId":"`+c.upload("file", "media", "a.xlsx", []byte("x")).body["media_id"].(string)+`","fileName":"a.xlsx","fileType":"xlsx"}`)
	drawn := c.card(g, "card-1")
	nothing, err := g.Say(p, dingtalktest.Say{NoAt: true})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		quoted dingtalktest.Message
		want   string // without msgId, createdAt and senderId
	}{
		"content.text":               {words, `{"msgType":"markdown","content":{"text":"正文"}}`},
		"content.content":            {words, `{"msgType":"text","content":{"content":"正文"}}`},
		"richText":                   {words, `{"msgType":"richText","content":{"richText":[{"msgType":"text","content":"正文"}]}}`},
		"card":                       {words, `{"msgType":"interactiveCard","content":{"cardContent":[{"elementType":"RICHTEXT","children":[{"elementType":"UNKNOWN","value":"{}"},{"elementType":"TEXT","value":"正文"}]}]}}`},
		"card, nested":               {words, `{"msgType":"interactiveCard","content":{"cardContent":[{"elementType":"UNKNOWN","value":"{\"type\":\"header\"}"},{"elementType":"CONTAINER","children":[{"elementType":"CONTAINER","children":[{"elementType":"RICHTEXT","children":[{"elementType":"TEXT","value":"正文"},{"elementType":"UNKNOWN","value":"{}"}]}]}]}]}}`},
		"card of a template":         {drawn, `{"msgType":"interactiveCard","content":{"cardContent":[{"elementType":"RICHTEXT","children":[{"elementType":"TEXT","value":"停机"}]},{"elementType":"RICHTEXT","children":[{"elementType":"TEXT","value":"**周五** 22:00"},{"elementType":"UNKNOWN","value":"{}"}]},{"elementType":"UNKNOWN","value":` + quotedJSON(t, drawn.Card["sys_full_json_obj"]) + `}]}}`},
		"card of a template, nested": {drawn, `{"msgType":"interactiveCard","content":{"cardContent":[{"elementType":"CONTAINER","children":[{"elementType":"CONTAINER","children":[{"elementType":"TEXT","value":"停机"}]},{"elementType":"RICHTEXT","children":[{"elementType":"TEXT","value":"**周五** 22:00"}]},{"elementType":"UNKNOWN","value":"{}"}]}]}}`},
		"picture":                    {image, `{"msgType":"picture","content":{"downloadCode":"x"}}`},
		"file":                       {file, `{"msgType":"file","content":{"fileName":"a.xlsx","downloadCode":"x","spaceId":"1","fileId":"2"}}`},
		"type only":                  {nothing, `{"msgType":"text"}`},
		"card, no content":           {words, `{"msgType":"interactiveCard"}`},
		"quoteMessage":               {words, `{"msgtype":"text","text":{"content":"正文"}}`},
		"no content":                 {words, `{"msgType":"markdown"}`},
	}
	for _, name := range namesOf(dingtalktest.Quoted) {
		test, ok := tests[name]
		if !ok {
			t.Errorf("%s is not tested", name)
			continue
		}
		for _, shape := range []string{"text", "richText, HarmonyOS", "markdown"} {
			if _, err := g.Say(p, dingtalktest.Say{Text: "谁没读", Shape: shape, Quote: test.quoted.ID, QuoteShape: name}); err != nil {
				t.Fatal(err)
			}
			data := st.next().data
			said, _ := data["text"].(obj)
			if said == nil {
				said = data["content"].(obj)
			}
			got, _ := said["repliedMsg"].(obj)
			if name == "quoteMessage" {
				got = data["quoteMessage"].(obj)
			} else if said["isReplyMsg"] != true || data["originalMsgId"] != test.quoted.ID || got["createdAt"] != float64(clk.now().UnixMilli()) {
				t.Errorf("%s: %v", name, data)
			}
			sender := data["chatbotUserId"]
			if !test.quoted.FromBot() {
				sender = p.DingtalkID
			}
			if got["msgId"] != test.quoted.ID || got["senderId"] != sender {
				t.Errorf("%s: %v", name, got)
			}
			got = with(got, "msgId", nil, "createdAt", nil, "senderId", nil)
			if diff := cmp.Diff(any(decoded(t, test.want)), opaque(got)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if key, _ := data["originalProcessQueryKey"].(string); key != test.quoted.ProcessQueryKey {
				t.Errorf("%s: the key is %q, want %q", name, key, test.quoted.ProcessQueryKey)
			}
		}
	}
}

// TestAQuotationThatIsFull tells what was quoted, in whatever shape.
func TestAQuotationThatIsFull(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 1, KeepAlive: -1})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	c.send(g, "正文")
	st := c.connect(botOnly)
	bare := 0
	for n := range 60 {
		full := n%2 == 0
		if _, err := g.Say(p, dingtalktest.Say{Text: "谁没读", Quote: g.Messages()[0].ID, QuoteFull: full}); err != nil {
			t.Fatal(err)
		}
		f := st.next()
		for f.Type == "SYSTEM" {
			f = st.next()
		}
		switch told := strings.Contains(f.Data, "正文"); {
		case full && !told:
			t.Errorf("not told: %s", f.Data)
		case !told:
			bare++
		}
	}
	if bare == 0 {
		t.Error("the others are all told")
	}
}

// TestEveryEventOfTheField: reads by members, by people from outside and in one-to-one chats, and events that nobody asked for.
func TestEveryEventOfTheField(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 7, KeepAlive: -1, RetryAfter: time.Hour})
	member := c.s.AddPerson(dingtalktest.Person{UserID: "a", UnionID: "ua"})
	guest := c.s.AddPerson(dingtalktest.Person{UnionID: "uo", Outside: true})
	c.s.Events(true)
	st := c.connect(everything)
	seen := map[string]int{}
	next := func() pushed {
		t.Helper()
		for {
			f := st.next()
			if f.Type == "SYSTEM" {
				seen[f.Headers["topic"]]++
				continue
			}
			if event := f.Headers["eventType"]; event != dingtalktest.EventRead {
				if seen[event]++; f.data["openConversationId"] != nil || f.data["corpId"] != c.s.App().CorpID || f.Headers["eventId"] == "" {
					t.Errorf("%s: %v", event, f.data)
				}
				continue
			}
			return f
		}
	}
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, member, guest)
	robot := c.s.App().RobotCode
	for range 200 {
		key := c.send(g, "x")
		all := g.Messages()
		if err := g.ReadAll(all[len(all)-1].ID, member, guest); err != nil {
			t.Fatal(err)
		}
		for _, want := range []obj{
			{"userId": "a", "unionId": "ua", "robotCode": robot, "openConversationId": g.ID(), "processQueryKey": key},
			{"unionId": "uo", "robotCode": robot, "openConversationId": g.ID(), "processQueryKey": key},
		} {
			got := next().data
			if _, text := got["operatTime"].(string); !text {
				t.Errorf("operatTime is %v", got["operatTime"])
			}
			if diff := cmp.Diff(want, with(got, "operatTime", nil)); diff != "" {
				t.Error(diff)
			}
		}
	}
	seen[dingtalktest.EventRead], seen["robot_msg_read, from outside"] = 1, 1

	body := obj{"robotCode": robot, "userIds": []string{"a"}, "msgKey": "sampleText", "msgParam": `{"content":"x"}`}
	key := c.post("/v1.0/robot/oToMessages/batchSend", body).want(t, 200, "").body["processQueryKey"]
	if err := c.s.Direct(member).ReadAll(c.s.Direct(member).Messages()[0].ID, member); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(obj{"userId": "a", "unionId": "ua", "processQueryKey": key}, with(next().data, "operatTime", nil)); diff != "" {
		t.Error(diff)
	}
	seen["robot_msg_read, one-to-one"] = 1
	for _, name := range append(namesOf(dingtalktest.Pushed), namesOf(dingtalktest.System)...) {
		if seen[name] == 0 {
			t.Errorf("%s never came in 401 events: %v", name, seen)
		}
	}
}

// framesOf is what two people said at the same time, as it was pushed.
func framesOf(t *testing.T, seed uint64) []string {
	t.Helper()
	c := dingtalk(t, dingtalktest.Options{Seed: seed, KeepAlive: -1})
	p := []dingtalktest.Person{c.s.AddPerson(dingtalktest.Person{Name: "李雷"}), c.s.AddPerson(dingtalktest.Person{Name: "韩梅梅"})}
	g := c.s.AddGroup(dingtalktest.GroupOptions{Title: "组"}, p...)
	c.send(g, "正文")
	quoted := g.Messages()[0].ID
	st := c.connect(botOnly)
	var wg sync.WaitGroup
	for _, who := range p {
		wg.Go(func() {
			for n := range 20 {
				if _, err := g.Say(who, dingtalktest.Say{Text: fmt.Sprintf("%s%02d", who.Name, n), Quote: quoted}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var out []string
	for len(out) < 40 {
		f := st.next()
		if f.Type == "SYSTEM" {
			continue
		}
		said, _ := json.Marshal([]any{f.data["senderNick"], f.data["msgtype"], f.data["text"], f.data["content"], f.data["quoteMessage"]})
		out = append(out, strings.ReplaceAll(string(said), quoted, "quoted"))
	}
	slices.Sort(out)
	return out
}

// unlike are the fields of a repliedMsg that differ from run to run.
func unlike(t *testing.T, frames []string) []string {
	t.Helper()
	for i, text := range frames {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(forget(v))
		frames[i] = string(b)
	}
	return frames
}

func forget(v any) any {
	switch v := v.(type) {
	case obj:
		for k, e := range v {
			if v[k] = forget(e); k == "createdAt" || k == "senderId" {
				v[k] = "x"
			}
		}
	case []any:
		for i := range v {
			v[i] = forget(v[i])
		}
	}
	return v
}

// TestShapesDependOnTheSeedAlone: whoever talks at the same time changes nothing.
func TestShapesDependOnTheSeedAlone(t *testing.T) {
	t.Parallel()
	first := unlike(t, framesOf(t, 1))
	if diff := cmp.Diff(first, unlike(t, framesOf(t, 1))); diff != "" {
		t.Errorf("the same seed: %s", diff)
	}
	if cmp.Equal(first, unlike(t, framesOf(t, 2))) {
		t.Error("another seed changes nothing")
	}
	types := map[string]bool{}
	for _, f := range first {
		types[strings.Split(f, `"`)[3]] = true
	}
	if len(types) != 3 {
		t.Errorf("of text, richText and markdown came %v", types)
	}
}

// TestAMessageThatComesAgainKeepsItsShape: a second push of a message is the first one.
func TestAMessageThatComesAgainKeepsItsShape(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 3, KeepAlive: -1})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	st := c.connect([]obj{{"type": "CALLBACK", "topic": dingtalktest.TopicBotMessage}})
	heard := func(id string) any {
		t.Helper()
		if _, err := g.Say(p, dingtalktest.Say{Text: "list", MsgID: id}); err != nil {
			t.Fatal(err)
		}
		f := st.next()
		for f.Type == "SYSTEM" {
			f = st.next()
		}
		return []any{f.data["msgtype"], f.data["text"], f.data["content"]}
	}
	for n := range 10 {
		id := fmt.Sprintf("m%d", n)
		if first, again := heard(id), heard(id); !cmp.Equal(first, again) {
			t.Errorf("first %v, then %v", first, again)
		}
	}
}

func TestTheSeed(t *testing.T) {
	seed := func(o dingtalktest.Options) uint64 { return dingtalktest.New(o).Seed() }
	if a, b := seed(dingtalktest.Options{}), seed(dingtalktest.Options{}); a == 0 || a == b {
		t.Errorf("two seeds at random are %d and %d", a, b)
	}
	t.Setenv(dingtalktest.SeedVariable, "42")
	if got := seed(dingtalktest.Options{}); got != 42 {
		t.Errorf("of the environment: %d", got)
	}
	if got := seed(dingtalktest.Options{Seed: 7}); got != 7 {
		t.Errorf("of the options: %d", got)
	}
}

func TestShapesByTheControlAPI(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	c.send(g, "正文")
	st := c.connect(botOnly)
	about := c.asks("about").want(t, 200, "").body
	if !slices.Equal(texts(about["shapes"]), namesOf(dingtalktest.Said)) || !slices.Equal(texts(about["quoteShapes"]), namesOf(dingtalktest.Quoted)) || about["seed"] != fmt.Sprint(c.s.Seed()) {
		t.Errorf("about tells %v", about)
	}
	say := obj{"group": g.ID(), "person": p.UnionID, "text": "@whoread 谁没读", "quote": g.Messages()[0].ID, "shape": "markdown", "quoteShape": "card, no content"}
	c.does("say", say).want(t, 200, "")
	got := st.next().data["content"].(obj)
	if replied := got["repliedMsg"].(obj); got["text"] != "@whoread 谁没读" || replied["msgType"] != "interactiveCard" || replied["content"] != nil {
		t.Errorf("got %v", got)
	}
	c.does("say", with(say, "shape", "no")).want(t, 400, "unknownShape")
}

// TestKeepAlive: a connection on which nothing happens gets a KEEPALIVE from time to time.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 1, KeepAlive: time.Millisecond})
	st := c.connect(botOnly)
	for _, want := range []string{"CONNECTED", "REGISTERED", "KEEPALIVE", "KEEPALIVE"} {
		f := st.next()
		if f.Type != "SYSTEM" || f.Headers["topic"] != want {
			t.Errorf("got %v, want %s", f, want)
		}
		st.ack(f, 404, "") // as the official Go package does
	}
	c.until("acks", func() bool { return len(c.s.Acks()) >= 4 })
	c.clean()
}

// TestASilentConnection answers WebSocket pings, and nothing that is pushed arrives on it; a new one is not silent.
func TestASilentConnection(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 1, KeepAlive: time.Millisecond})
	p := c.people(1)[0]
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p)
	silent := c.connect(botOnly)
	c.s.Silence()
	if _, err := g.Say(p, dingtalktest.Say{Text: "lost"}); err != nil {
		t.Fatal(err)
	}
	c.s.Ping()
	pong := make(chan struct{})
	silent.ws.SetPongHandler(func(string) error { close(pong); return nil })
	if err := silent.ws.WriteMessage(websocket.PingMessage, nil); err != nil {
		t.Fatal(err)
	}
	frames := make(chan string, 1000)
	go func() {
		defer close(frames)
		for {
			_, raw, err := silent.ws.ReadMessage()
			if err != nil {
				return
			}
			frames <- string(raw)
		}
	}()
	select {
	case <-pong:
	case <-c.ctx.Done():
		t.Fatal("the ping was not answered")
	}
	if len(c.s.Connections()) != 1 {
		t.Error("it is not open")
	}
	lively := c.connect(botOnly)
	if f := lively.next(); f.Headers["topic"] != "CONNECTED" {
		t.Errorf("got %v", f)
	}
	_ = silent.ws.Close()
	for f := range frames {
		if strings.Contains(f, "lost") || strings.Contains(f, `"ping"`) {
			t.Errorf("it was pushed %s", f)
		}
	}
	c.clean()
}
