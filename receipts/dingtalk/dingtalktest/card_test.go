package dingtalktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
)

const (
	cardPath   = "/v1.0/card/instances/createAndDeliver"
	updatePath = "/v1.0/card/instances"
)

var cardsToo = append([]obj{{"type": "CALLBACK", "topic": dingtalktest.TopicCard}}, everything...)

// buttons is the value of sys_full_json_obj with a button that asks for each id, and one that opens a page.
func buttons(t testing.TB, ids ...string) string {
	t.Helper()
	all := []obj{}
	for _, id := range ids {
		all = append(all, obj{"text": "按 " + id, "color": "blue", "id": id, "request": true})
	}
	b, err := json.Marshal(obj{"msgButtons": append(all, obj{"text": "网页", "url": "https://example.com", "iosUrl": "https://example.com"})})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func values(pairs ...string) obj {
	out := obj{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return obj{"cardParamMap": out}
}

func (c *client) cardBody(g *dingtalktest.Group, id string) obj {
	return obj{
		"cardTemplateId": dingtalktest.TemplateWithButtons, "outTrackId": id, "callbackType": "STREAM",
		"cardData":                values("title", "停机", "markdown", "**周五** 22:00", "tips", "已读 0/2", "sys_full_json_obj", buttons(c, "confirm", "unread")),
		"openSpaceId":             "dtv1.card//IM_GROUP." + g.ID(),
		"imGroupOpenSpaceModel":   obj{"supportForward": false, "lastMessageI18n": obj{"ZH_CN": "#1 停机"}, "notification": obj{"alertContent": "#1 停机", "notificationOff": false}},
		"imGroupOpenDeliverModel": obj{"robotCode": c.s.App().RobotCode},
	}
}

// card puts a card into the group and returns its message.
func (c *client) card(g *dingtalktest.Group, id string) dingtalktest.Message {
	c.Helper()
	got := delivered(c.post(cardPath, c.cardBody(g, id)).want(c.T, 200, ""))
	if got["success"] != true || got["carrierId"] == "" || got["spaceType"] != "IM_GROUP" || got["spaceId"] != g.ID() {
		c.Fatalf("not delivered: %v", got)
	}
	all := g.Messages()
	m := all[len(all)-1]
	if m.ProcessQueryKey != got["carrierId"] {
		c.Fatalf("the carrierId is %v, the message %+v", got["carrierId"], m)
	}
	return m
}

// delivered is the only one of the deliverResults.
func delivered(a answer) obj {
	result, _ := a.body["result"].(obj)
	all, _ := result["deliverResults"].([]any)
	if len(all) != 1 {
		return nil
	}
	return all[0].(obj)
}

func (c *client) put(body any) answer {
	c.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		c.Fatal(err)
	}
	return c.request(http.MethodPut, updatePath, string(b), "Content-Type", "application/json")
}

func (c *client) update(id string, byKey bool, pairs ...string) answer {
	c.Helper()
	return c.put(obj{"outTrackId": id, "cardData": values(pairs...), "cardUpdateOptions": obj{"updateCardDataByKey": byKey}})
}

func (c *client) seen(g *dingtalktest.Group, m dingtalktest.Message, p dingtalktest.Person) map[string]string {
	c.Helper()
	got, err := g.CardSeen(m.ID, p)
	if err != nil {
		c.Fatal(err)
	}
	return got
}

func TestACardIsAMessage(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	c.s.Events(true)
	p := c.people(3)
	g := c.s.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, p...)
	bot := c.connect(everything)
	body := c.cardBody(g, "card-1")
	body["cardAtUserIds"] = []string{p[1].UserID}
	key := delivered(c.post(cardPath, body).want(t, 200, ""))["carrierId"].(string)
	m := g.Messages()[0]
	if m.Via != dingtalktest.ViaCard || m.Type != "interactiveCard" || m.Title != "停机" || m.Text != "**周五** 22:00" || m.OutTrackID != "card-1" || !m.FromBot() {
		t.Errorf("the message is %+v", m)
	}
	if len(m.Mentioned) != 1 || m.Mentioned[0] != p[1] || m.Card["tips"] != "已读 0/2" || c.s.Counted() != 1 {
		t.Errorf("mentioned %v, the card %v, %d counted calls", m.Mentioned, m.Card, c.s.Counted())
	}

	// Its readers are told by its carrierId.
	if err := g.Read(p[0], m.ID); err != nil {
		t.Fatal(err)
	}
	if got := bot.next(); got.data["processQueryKey"] != key || got.data["userId"] != p[0].UserID {
		t.Errorf("pushed %v", got.data)
	} else {
		bot.ack(got, 200, `{"status":"SUCCESS"}`)
	}
	if got := texts(c.query(g, key).want(t, 200, "").body["readUserIds"]); !slices.Equal(got, []string{p[0].UserID}) {
		t.Errorf("the readers are %v", got)
	}

	// It is recalled like a message, and what is quoted of it is a card.
	if _, err := g.Say(p[2], dingtalktest.Say{Text: "谁没读", Quote: m.ID}); err != nil {
		t.Fatal(err)
	}
	said := bot.next()
	bot.ack(said, 200, "")
	replied := said.data["text"].(obj)["repliedMsg"].(obj)
	if said.data["originalProcessQueryKey"] != key || replied["msgType"] != "interactiveCard" || !strings.Contains(said.Data, "**周五** 22:00") || !strings.Contains(said.Data, "停机") {
		t.Errorf("the quotation is %s", said.Data)
	}
	recalled := c.post("/v1.0/robot/groupMessages/recall", obj{"openConversationId": g.ID(), "robotCode": c.s.App().RobotCode, "processQueryKeys": []string{key}}).want(t, 200, "")
	if got := texts(recalled.body["successResult"]); !slices.Equal(got, []string{key}) || g.Messages()[0].Status != dingtalktest.StatusRecalled {
		t.Errorf("recalled %v, %v", got, g.Messages()[0].Status)
	}
	if err := g.Press(p[0], dingtalktest.Press{Message: m.ID, Button: "confirm"}); !errors.Is(err, dingtalktest.ErrRecalled) {
		t.Errorf("pressing what was recalled: %v", err)
	}
	c.clean()
}

// Whether a carrierId is really a key is not known of the field, so both can be had.
func TestACardWhoseReadersAreNotTold(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	c.s.Events(true)
	c.s.CardReads(false)
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	m := c.card(g, "card-1")
	if err := g.Read(p[0], m.ID); err != nil {
		t.Fatal(err)
	}
	c.query(g, m.ProcessQueryKey).want(t, 400, "invalid.processQueryKey")
	c.s.CardReads(true)
	c.query(g, m.ProcessQueryKey).want(t, 200, "")
	c.clean()
}

func TestCardsAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", dingtalktest.DocumentedCardValueBytes+1)
	deliver := func(robot any) obj { return obj{"robotCode": robot} }
	for name, tt := range map[string]struct {
		change   []any
		code     string
		careless bool
	}{
		"no id":                     {[]any{"outTrackId", nil}, "param.outTrackIdEmpty", true},
		"an empty id":               {[]any{"outTrackId", ""}, "param.outTrackIdEmpty", true},
		"an id that is too long":    {[]any{"outTrackId", strings.Repeat("卡", 101)}, "param.invalid", true},
		"no template":               {[]any{"cardTemplateId", nil}, "param.cardTemplateIdEmpty", true},
		"a template nobody knows":   {[]any{"cardTemplateId", "x.schema"}, "param.templateNotExist", false},
		"a template not published":  {[]any{"cardTemplateId", "draft.schema"}, "param.templateUnpublished", false},
		"no data":                   {[]any{"cardData", nil}, "param.empty", true},
		"a number":                  {[]any{"cardData", obj{"cardParamMap": obj{"tips": 7}}}, "MissingStringValue", true},
		"null for a value":          {[]any{"cardData", obj{"cardParamMap": obj{"tips": nil}}}, "MissingStringValue", true},
		"an object for a value":     {[]any{"cardData", obj{"cardParamMap": obj{"tips": obj{}}}}, "MissingStringValue", true},
		"no values":                 {[]any{"cardData", obj{}}, "MissingStringValue", true},
		"a value that is too long":  {[]any{"cardData", values("markdown", long)}, "param.invalid", false},
		"no space":                  {[]any{"openSpaceId", nil}, "param.openSpaceIdEmpty", true},
		"a space that is no group":  {[]any{"openSpaceId", "dtv1.card//IM_ROBOT.user1"}, "param.openSpaceIdInvalid", true},
		"a space without a group":   {[]any{"openSpaceId", "dtv1.card//IM_GROUP."}, "param.openSpaceIdInvalid", true},
		"no model of the space":     {[]any{"imGroupOpenSpaceModel", nil}, "param.openSpaceModelInvalid", true},
		"forwarding is not said":    {[]any{"imGroupOpenSpaceModel", obj{"notification": obj{}}}, "param.openSpaceModelInvalid", true},
		"forwarding as a string":    {[]any{"imGroupOpenSpaceModel", obj{"supportForward": "false"}}, "invalidParameter.param.invalid", true},
		"no model of the delivery":  {[]any{"imGroupOpenDeliverModel", nil}, "param.openDeliverModelEmpty", true},
		"no bot":                    {[]any{"imGroupOpenDeliverModel", deliver("")}, "param.openDeliverModelEmpty", true},
		"a callback of another way": {[]any{"callbackType", "MQ"}, "param.invalid", true},
		"a callback that is lost":   {[]any{"callbackType", "HTTP"}, "param.invalid", true},
		"some of the group":         {[]any{"imGroupOpenDeliverModel", obj{"robotCode": "x", "recipients": []string{"u"}}}, "param.invalid", true},
		"nobody to mention":         {[]any{"cardAtUserIds", []string{"nobody"}}, "param.userIdNotExist", false},
		"private to nobody":         {[]any{"privateData", obj{"nobody": values("tips", "x")}}, "param.userIdNotExist", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{})
			c.s.SetTemplate("draft.schema", dingtalktest.Template{Unpublished: true})
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
			c.post(cardPath, with(c.cardBody(g, "card-1"), tt.change...)).want(t, 400, tt.code)
			if got := len(c.s.Violations()) > 0; got != tt.careless || len(g.Messages()) > 0 {
				t.Errorf("violations %v, messages %v", c.s.Violations(), g.Messages())
			}
		})
	}
}

// HTTP 200 does not mean that a card is in the group, and its id is used up all the same.
func TestACardThatIsNotDelivered(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*client, *dingtalktest.Group, obj){
		"no such group":    func(_ *client, _ *dingtalktest.Group, b obj) { b["openSpaceId"] = "dtv1.card//IM_GROUP.cidNowhere==" },
		"disbanded":        func(_ *client, g *dingtalktest.Group, _ obj) { _ = g.Disband() },
		"the bot has gone": func(_ *client, g *dingtalktest.Group, _ obj) { _ = g.RemoveBot(dingtalktest.Person{}) },
		"the bot is off":   func(_ *client, g *dingtalktest.Group, _ obj) { _ = g.StopBot() },
		"another bot": func(_ *client, _ *dingtalktest.Group, b obj) {
			b["imGroupOpenDeliverModel"] = obj{"robotCode": "another"}
		},
		"a fault of theirs": func(c *client, _ *dingtalktest.Group, _ obj) {
			c.s.Inject(dingtalktest.Fault{Kind: dingtalktest.Undelivered, Times: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{})
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
			body := c.cardBody(g, "card-1")
			spoil(c, g, body)
			got := delivered(c.post(cardPath, body).want(t, 200, ""))
			if got["success"] != false || got["errorMsg"] == "" || got["carrierId"] != nil || len(g.Messages()) > 0 {
				t.Errorf("%v, messages %v", got, g.Messages())
			}
			c.post(cardPath, body).want(t, 400, "param.cardAlreadyExist")
			c.update("card-1", true, "tips", "x").want(t, 200, "")
			c.clean()
		})
	}
}

func TestACardIsNotPostedTwice(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	c.s.Inject(dingtalktest.Fault{API: dingtalktest.APICard, Kind: dingtalktest.DoneButError, Code: "system.busy", Times: 1})
	c.post(cardPath, c.cardBody(g, "card-1")).want(t, 500, "system.busy")
	c.post(cardPath, c.cardBody(g, "card-1")).want(t, 400, "param.cardAlreadyExist")
	if got := len(g.Messages()); got != 1 {
		t.Errorf("%d cards", got)
	}
}

func TestCardsNeedAPermission(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	c.s.Permissions(false, dingtalktest.PermissionCards)
	got := c.post(cardPath, c.cardBody(g, "card-1")).want(t, 403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")
	if !strings.Contains(got.raw, "Card.Instance.Write") || c.s.Counted() != 0 {
		t.Errorf("%s, %d counted", got.raw, c.s.Counted())
	}
	c.update("card-1", true, "tips", "x").want(t, 403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")
}

func TestACardIsUpdated(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(2)...)
	m := c.card(g, "card-1")
	before := c.seen(g, m, dingtalktest.Person{})
	got := c.update("card-1", true, "tips", "已读 1/2").want(t, 200, "")
	if got.body["success"] != true || got.body["result"] != true {
		t.Errorf("%s", got.raw)
	}
	before["tips"] = "已读 1/2"
	if diff := cmp.Diff(before, c.seen(g, m, dingtalktest.Person{})); diff != "" {
		t.Errorf("by key: %s", diff)
	}
	c.update("card-1", false, "markdown", "别的").want(t, 200, "")
	if diff := cmp.Diff(map[string]string{"markdown": "别的"}, c.seen(g, m, dingtalktest.Person{})); diff != "" || g.Messages()[0].Text != "别的" {
		t.Errorf("not by key, all of it is replaced: %s", diff)
	}
	c.clean()
	c.update("card-2", true, "tips", "x").want(t, 400, "param.cardNotExist")
	c.update("card-1", true, "tips", strings.Repeat("x", dingtalktest.DocumentedCardValueBytes+1)).want(t, 400, "param.invalid")
	c.clean()
	c.put(obj{"outTrackId": "", "cardData": values()}).want(t, 400, "param.outTrackIdEmpty")
	c.put(obj{"outTrackId": "card-1"}).want(t, 400, "param.empty")
	c.put(obj{"outTrackId": "card-1", "cardData": obj{"cardParamMap": obj{"tips": 1}}}).want(t, 400, "MissingStringValue")
	c.request(http.MethodPost, updatePath, "{}").want(t, 404, "InvalidAction.NotFound")
}

// DingTalk documents 1 KB a value, and bots send more.
func TestTheLengthOfAValueIsASwitch(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("读", 2_000)
	c := dingtalk(t, dingtalktest.Options{CardValueBytes: -1})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	send := func(id, text string) answer {
		return c.post(cardPath, with(c.cardBody(g, id), "cardData", values("markdown", text)))
	}
	send("1", long).want(t, 200, "")
	send("2", strings.Repeat("x", 100<<10)).want(t, 400, "param.invalid")
	c.s.SetCardValueBytes(len(long) - 1)
	send("3", long).want(t, 400, "param.invalid")
	c.s.SetCardValueBytes(len(long))
	send("4", long).want(t, 200, "")
}

func TestWhatATemplateDoesNotDraw(t *testing.T) {
	t.Parallel()
	for what, data := range map[string]obj{
		`no variable "tipps"`:  values("tipps", "x"),
		"is not the JSON":      values("sys_full_json_obj", "{"),
		"a button has no text": values("sys_full_json_obj", `{"msgButtons":[{"id":"a","request":true}]}`),
		"an id of its own":     values("sys_full_json_obj", `{"msgButtons":[{"text":"a","id":"a","request":true},{"text":"b","id":"a","request":true}]}`),
		"either ask":           values("sys_full_json_obj", `{"msgButtons":[{"text":"a","id":"a"}]}`),
		"blue or gray":         values("sys_full_json_obj", `{"msgButtons":[{"text":"a","id":"a","request":true,"color":"red"}]}`),
		"with msgButtons":      values("sys_full_json_obj", `{"buttons":[]}`),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{})
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
			c.post(cardPath, with(c.cardBody(g, "1"), "cardData", data)).want(t, 200, "")
			c.erred(dingtalktest.APICard, what)
		})
	}
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	c.post(cardPath, with(c.cardBody(g, "1"), "privateData", obj{p[0].UserID: values("tips", "x")})).want(t, 200, "")
	c.erred(dingtalktest.APICard, `no private variable "tips"`)
}

// presses presses a button while the bot does something with the press.
func (s *stream) presses(g *dingtalktest.Group, p dingtalktest.Person, press dingtalktest.Press, bot func(pushed)) error {
	s.Helper()
	done := make(chan error, 1)
	go func() { done <- g.Press(p, press) }()
	bot(s.next())
	return <-done
}

func TestAButtonIsPressed(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	m := c.card(g, "card-1")
	bot := c.connect(cardsToo)
	everybody := c.seen(g, m, dingtalktest.Person{})
	err := bot.presses(g, p[0], dingtalktest.Press{Message: m.ID, Button: "confirm"}, func(f pushed) {
		want := obj{
			"type": "actionCallback", "outTrackId": "card-1", "corpId": c.s.App().CorpID, "userId": p[0].UserID, "userIdType": 1.0, "spaceType": "im", "spaceId": g.ID(),
			"content": `{"cardPrivateData":{"actionIds":["confirm"],"params":{}}}`, "extension": "{}",
		}
		if diff := cmp.Diff(want, f.data); diff != "" || f.Type != "CALLBACK" || f.Headers["topic"] != "/v1.0/card/instances/callback" {
			t.Errorf("%s %s: %s", f.Type, f.Headers["topic"], diff)
		}
		bot.ack(f, 200, `{"response":{"cardUpdateOptions":{"updateCardDataByKey":true},"cardData":{"cardParamMap":{"tips":"✓ 你已收到"}}}}`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := g.CardButtons(m.ID, p[0]); err != nil || len(got) != 3 || got[0].ID != "confirm" || got[2].URL != "https://example.com" {
		t.Errorf("the buttons are %+v, %v", got, err)
	}
	// Only who pressed sees it, until it changes for everybody.
	if got := c.seen(g, m, p[0]); got["tips"] != "✓ 你已收到" || got["title"] != "停机" {
		t.Errorf("the presser sees %v", got)
	}
	for _, other := range []dingtalktest.Person{p[1], {}} {
		if diff := cmp.Diff(everybody, c.seen(g, m, other)); diff != "" {
			t.Errorf("somebody else sees it: %s", diff)
		}
	}
	c.update("card-1", true, "title", "停机（改）").want(t, 200, "")
	if got := c.seen(g, m, p[0]); got["tips"] != "✓ 你已收到" || got["title"] != "停机（改）" {
		t.Errorf("after an update of something else: %v", got)
	}
	c.update("card-1", true, "tips", "已读 2/2").want(t, 200, "")
	if got := c.seen(g, m, p[0]); got["tips"] != "已读 2/2" {
		t.Errorf("after an update of the same: %v", got)
	}
	if c.s.Pushed() != 1 || c.s.CallCount(dingtalktest.APICardUpdate) != 2 {
		t.Errorf("%d pushes", c.s.Pushed())
	}
	c.clean()
}

func TestPrivateVariables(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	c.s.SetTemplate("own.schema", dingtalktest.Template{Variables: []string{"title", "sys_full_json_obj"}, Private: []string{"mine", "more"}})
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	c.post(cardPath, with(c.cardBody(g, "1"), "cardTemplateId", "own.schema", "cardData", values("title", "t", "mine", "all", "sys_full_json_obj", buttons(t, "a")),
		"privateData", obj{p[1].UserID: values("mine", "1")})).want(t, 200, "")
	m := g.Messages()[0]
	bot := c.connect(cardsToo)
	press := func(data string) {
		t.Helper()
		if err := bot.presses(g, p[0], dingtalktest.Press{Message: m.ID, Button: "a"}, func(f pushed) { bot.ack(f, 200, data) }); err != nil {
			t.Fatal(err)
		}
	}
	press(`{"response":{"cardUpdateOptions":{"updatePrivateDataByKey":true},"userPrivateData":{"cardParamMap":{"mine":"0"}}}}`)
	press(`{"response":{"cardUpdateOptions":{"updatePrivateDataByKey":true},"cardData":null,"userPrivateData":{"cardParamMap":{"more":"x"}}}}`)
	for i, want := range []map[string]string{{"mine": "0", "more": "x"}, {"mine": "1", "more": ""}} {
		if got := c.seen(g, m, p[i]); got["mine"] != want["mine"] || got["more"] != want["more"] {
			t.Errorf("person %d sees %v", i, got)
		}
	}
	c.put(obj{"outTrackId": "1", "privateData": obj{p[0].UserID: values("more", "y")}}).want(t, 200, "")
	if got := c.seen(g, m, p[0]); got["mine"] != "all" || got["more"] != "y" {
		t.Errorf("replaced, it is %v", got)
	}
	c.clean()
}

func TestWhoCannotPress(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(4)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p[:2]...)
	m := c.card(g, "card-1")
	said, err := g.Say(p[0], dingtalktest.Say{Text: "x", NoAt: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Leave(p[1]), g.Join(p[0], p[2])); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		who   dingtalktest.Person
		press dingtalktest.Press
		want  error
	}{
		"nobody knows them":    {dingtalktest.Person{UnionID: "x"}, dingtalktest.Press{Message: m.ID, Button: "confirm"}, dingtalktest.ErrUnknownPerson},
		"no such message":      {p[0], dingtalktest.Press{Message: "x", Button: "confirm"}, dingtalktest.ErrUnknownMessage},
		"no card":              {p[0], dingtalktest.Press{Message: said.ID, Button: "confirm"}, dingtalktest.ErrNoButton},
		"no such button":       {p[0], dingtalktest.Press{Message: m.ID, Button: "x"}, dingtalktest.ErrNoButton},
		"a button for a page":  {p[0], dingtalktest.Press{Message: m.ID, Button: ""}, dingtalktest.ErrNoButton},
		"never a member":       {p[3], dingtalktest.Press{Message: m.ID, Button: "confirm"}, dingtalktest.ErrNotMember},
		"no member any more":   {p[1], dingtalktest.Press{Message: m.ID, Button: "confirm"}, dingtalktest.ErrNotMember},
		"a member since":       {p[2], dingtalktest.Press{Message: m.ID, Button: "confirm"}, dingtalktest.ErrNotInAudience},
		"in no shape there is": {p[0], dingtalktest.Press{Message: m.ID, Button: "confirm", Shape: "x"}, dingtalktest.ErrUnknownShape},
	} {
		if err := g.Press(tt.who, tt.press); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if got := c.s.Pushed(); got != 0 {
		t.Errorf("%d pushes", got)
	}
}

// Whoever gets no good answer in time sees an error, and the press is lost.
func TestAPressThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	const good = `{"response":{"cardUpdateOptions":{"updateCardDataByKey":true},"cardData":{"cardParamMap":{"tips":"x"}}}}`
	for name, tt := range map[string]struct {
		bot      func(*stream, pushed)
		answered bool
		careless string // what a violation says
	}{
		"with nothing":         {func(s *stream, f pushed) { s.ack(f, 200, "") }, true, ""},
		"with an empty object": {func(s *stream, f pushed) { s.ack(f, 200, "{}") }, true, ""},
		"with an empty answer": {func(s *stream, f pushed) { s.ack(f, 200, `{"response":""}`) }, true, ""},
		"with nulls": {func(s *stream, f pushed) {
			s.ack(f, 200, `{"response":{"cardUpdateOptions":null,"cardData":null,"userPrivateData":null}}`)
		}, true, ""},
		"twice":      {func(s *stream, f pushed) { s.ack(f, 200, good); s.ack(f, 200, good) }, true, ""},
		"not at all": {func(*stream, pushed) {}, false, ""},
		"not taken":  {func(s *stream, f pushed) { s.ack(f, 500, "") }, false, "was answered with 500"},
		"late": {func(s *stream, f pushed) {
			time.Sleep(dingtalktest.PressWithin + 300*time.Millisecond)
			s.ack(f, 200, good)
		}, false, "after 2 s"},
		"with no JSON":          {func(s *stream, f pushed) { s.ack(f, 200, "ok") }, false, "no JSON object"},
		"with a number":         {func(s *stream, f pushed) { s.ack(f, 200, `{"response":{"cardData":{"cardParamMap":{"tips":1}}}}`) }, false, "not a string"},
		"with something beside": {func(s *stream, f pushed) { s.ack(f, 200, `{"response":{"carddata":{}}, "x":1}`) }, false, `"x"`},
		"with a field unknown":  {func(s *stream, f pushed) { s.ack(f, 200, `{"response":{"cardParamMap":{}}}`) }, false, "unknown field"},
		"with no response":      {func(s *stream, f pushed) { s.ack(f, 200, `{"cardData":{"cardParamMap":{}}}`) }, false, `"cardData"`},
		"with too much": {func(s *stream, f pushed) {
			s.ack(f, 200, fmt.Sprintf(`{"response":{"cardData":{"cardParamMap":{"tips":%q}}}}`, strings.Repeat("x", 1025)))
		}, false, "1025 bytes"},
		"with what is not private": {func(s *stream, f pushed) {
			s.ack(f, 200, `{"response":{"userPrivateData":{"cardParamMap":{"tips":"x"}}}}`)
		}, false, "no private variable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{CallbackRetryAfter: 10 * time.Millisecond})
			p := c.people(1)
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
			m := c.card(g, "card-1")
			bot := c.connect(cardsToo)
			err := bot.presses(g, p[0], dingtalktest.Press{Message: m.ID, Button: "confirm"}, func(f pushed) { tt.bot(bot, f) })
			if tt.answered != (err == nil) || err != nil && !errors.Is(err, dingtalktest.ErrNotAnswered) {
				t.Errorf("the presser is told %v", err)
			}
			if !tt.answered && c.seen(g, m, p[0])["tips"] != "已读 0/2" {
				t.Errorf("the presser sees %v", c.seen(g, m, p[0]))
			}
			if tt.careless == "" {
				c.clean()
			} else {
				c.until("a violation", func() bool { return len(c.s.Violations()) > 0 })
				c.erred("stream", tt.careless)
			}
			if got := c.s.Pushed(); got != 1 {
				t.Errorf("pushed %d times", got)
			}
		})
	}
}

func TestAPressNobodyHears(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*client, *dingtalktest.Group, obj){
		"no connection":            func(*client, *dingtalktest.Group, obj) {},
		"no connection that wants": func(c *client, _ *dingtalktest.Group, _ obj) { c.connect(everything) },
		"the month is spent": func(c *client, _ *dingtalktest.Group, _ obj) {
			c.connect(cardsToo)
			c.s.SetQuota(0, 1)
			c.s.Events(true)
			_ = c.s.Groups()[0].Rename("x")
		},
		"it is lost": func(c *client, _ *dingtalktest.Group, _ obj) { c.connect(cardsToo); c.s.LosePushes(1) },
		"it goes by HTTP": func(c *client, _ *dingtalktest.Group, b obj) {
			c.connect(cardsToo)
			b["callbackType"], b["callbackRouteKey"] = "HTTP", "key"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{})
			p := c.people(1)
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
			body := c.cardBody(g, "card-1")
			prepare(c, g, body)
			c.post(cardPath, body).want(t, 200, "")
			if err := g.Press(p[0], dingtalktest.Press{Message: g.Messages()[0].ID, Button: "confirm"}); !errors.Is(err, dingtalktest.ErrNotAnswered) {
				t.Errorf("the presser is told %v", err)
			}
		})
	}
}

// A press that comes twice is the same frame: its data has no id.
func TestAPressThatComesTwice(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	p := c.people(1)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	m := c.card(g, "card-1")
	bot := c.connect(cardsToo)
	c.s.DuplicatePushes(1)
	err := bot.presses(g, p[0], dingtalktest.Press{Message: m.ID, Button: "confirm"}, func(f pushed) {
		again := bot.next()
		if f.Headers["messageId"] != again.Headers["messageId"] || f.Data != again.Data {
			t.Errorf("%v, then %v", f, again)
		}
		bot.ack(f, 200, "")
		bot.ack(again, 200, "")
	})
	if err != nil {
		t.Error(err)
	}
	c.clean()
}

func TestShapesOfPresses(t *testing.T) {
	t.Parallel()
	said := `{"cardPrivateData":{"actionIds":["confirm"],"params":{}}}`
	for shape, want := range map[string]obj{
		"content":           {"content": said, "spaceType": "im"},
		"content, IM":       {"content": said, "spaceType": "IM"},
		"content and value": {"content": said, "value": said, "spaceType": "im"},
		"params.id":         {"content": `{"cardPrivateData":{"params":{"id":"confirm"}}}`, "spaceType": "im"},
		"value alone":       {"value": said, "spaceType": "im"},
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{Seed: 1})
			p := c.people(1)
			g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
			m := c.card(g, "card-1")
			bot := c.connect([]obj{{"type": "CALLBACK", "topic": dingtalktest.TopicCard}})
			done := make(chan error, 1)
			go func() { done <- g.Press(p[0], dingtalktest.Press{Message: m.ID, Button: "confirm", Shape: shape}) }()
			f := bot.next()
			for f.Type == "SYSTEM" {
				f = bot.next()
			}
			for _, field := range []string{"content", "value", "spaceType"} {
				if f.data[field] != want[field] {
					t.Errorf("%s is %v, want %v", field, f.data[field], want[field])
				}
			}
			bot.ack(f, 200, "")
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
