package dingtalktest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
)

const (
	pathSend    = "/v1.0/robot/groupMessages/send"
	pathQuery   = "/v1.0/robot/groupMessages/query"
	pathRecall  = "/v1.0/robot/groupMessages/recall"
	pathMembers = "/v1.0/im/sceneGroups/members/batchQuery"
	pathDirect  = "/v1.0/robot/oToMessages/batchSend"
	pathDing    = "/v1.0/robot/ding/send"
)

func TestTokenIsKeptAndExtendedUntilItExpires(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now})
	first := c.token
	clk.advance(7000 * time.Second)
	c.login()
	if c.token != first {
		t.Error("a valid token was replaced")
	}
	clk.advance(7000 * time.Second) // 14,000 s after the first: it was extended
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(2)...)
	key := c.send(g, "x")
	clk.advance(200 * time.Second)
	c.query(g, key).want(t, 400, "InvalidAuthentication")
	c.post(c.old("/topapi/user/listid"), obj{"dept_id": 1}).want(t, 200, "40014")
	c.login()
	if c.token == first {
		t.Error("an expired token was given again")
	}
	c.query(g, key).want(t, 200, "")
	c.s.ExpireTokens()
	c.query(g, key).want(t, 400, "InvalidAuthentication")
	c.clean()

	app := c.s.App()
	old := c.request("GET", "/gettoken?appkey="+app.ClientID+"&appsecret="+app.ClientSecret, "").want(t, 200, "0")
	c.token = old.body["access_token"].(string) // good for both hosts
	c.query(g, key).want(t, 200, "")
	c.request("GET", "/gettoken?appkey="+app.ClientID+"&appsecret=no", "").want(t, 200, "40089")
	c.post("/v1.0/oauth2/accessToken", obj{"appKey": app.ClientID, "appSecret": "no"}).want(t, 400, "invalidClientIdOrSecret")
	c.clean()

	c.token = "never-issued"
	c.query(g, key).want(t, 400, "InvalidAuthentication")
	c.erred(dingtalktest.APIQuery, "never issued")
}

func TestSendIsChecked(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	people := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{Title: "组"}, people...)
	cool := c.s.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp}, people...)
	gone, stopped, without := c.s.AddGroup(dingtalktest.GroupOptions{}), c.s.AddGroup(dingtalktest.GroupOptions{}), c.s.AddGroup(dingtalktest.GroupOptions{})
	for _, err := range []error{gone.Disband(), stopped.StopBot(), without.RemoveBot(people[0])} {
		if err != nil {
			t.Fatal(err)
		}
	}
	good := c.sendBody(g, "正文")
	param := func(key, param string) obj { return with(good, "msgKey", key, "msgParam", param) }
	long := func(n int) string { // a msgParam of n bytes
		s := `{"content":"` + strings.Repeat("a", n-len(`{"content":""}`)) + `"}`
		return s
	}
	for name, tc := range map[string]struct {
		body any
		code string
		rude bool // a violation
	}{
		"good":                   {good, "", false},
		"text":                   {param("sampleText", `{"content":"你好"}`), "", false},
		"link":                   {param("sampleLink", `{"title":"t","text":"x","picUrl":"","messageUrl":"https://a"}`), "", false},
		"card":                   {param("sampleActionCard", `{"title":"t","text":"x","singleTitle":"a","singleURL":"https://a"}`), "", false},
		"card with two buttons":  {param("sampleActionCard2", `{"title":"t","text":"x","actionTitle1":"a","actionURL1":"b","actionTitle2":"a","actionURL2":"b"}`), "", false},
		"card, side by side":     {param("sampleActionCard6", `{"title":"t","text":"x","buttonTitle1":"a","buttonUrl1":"b","buttonTitle2":"a","buttonUrl2":"b"}`), "", false},
		"image by url":           {param("sampleImageMsg", `{"photoURL":"https://a/b.png"}`), "", false},
		"15,000 bytes":           {param("sampleText", long(15_000)), "", false},
		"15,001 bytes":           {param("sampleText", long(15_001)), "invalidParameter.msgParam.tooLong", true},
		"card without a button":  {param("sampleActionCard3", `{"title":"t","text":"x","actionTitle1":"a","actionURL1":"b"}`), "invalidParameter.msgParam.invalid", true},
		"field of another key":   {param("sampleText", `{"content":"a","title":"b"}`), "invalidParameter.msgParam.invalid", true},
		"field missing":          {param("sampleMarkdown", `{"title":"t"}`), "invalidParameter.msgParam.invalid", true},
		"field empty":            {param("sampleText", `{"content":""}`), "invalidParameter.msgParam.invalid", true},
		"field not a string":     {param("sampleText", `{"content":1}`), "invalidParameter.msgParam.invalid", true},
		"param not JSON":         {param("sampleText", `hello`), "invalidParameter.msgParam.invalid", true},
		"file not uploaded":      {param("sampleFile", `{"mediaId":"@x","fileName":"a.xlsx","fileType":"xlsx"}`), "invalidParameter.msgParam.invalid", true},
		"param an object":        {with(good, "msgParam", obj{"title": "t", "text": "x"}), "invalidParameter.param.invalid", true},
		"unknown key":            {param("sampleTable", `{}`), "invalidParameter.msgKey.invalid", true},
		"no key":                 {with(good, "msgKey", nil), "invalidParameter.msgKey.empty", true},
		"no robot":               {with(good, "robotCode", nil), "invalidParameter.robotCode.missing", true},
		"robot a number":         {with(good, "robotCode", 1), "invalidParameter.param.invalid", true},
		"another robot":          {with(good, "robotCode", "dingx"), "invalidParameter.robotCode.notExsit", false},
		"no group":               {with(good, "openConversationId", nil), "invalidParameter.param.invalid", true},
		"unknown group":          {with(good, "openConversationId", "cid=="), "invalid.openConversationId", false},
		"unknown field":          {with(good, "at", obj{}), "", true},
		"not JSON":               {`{"robotCode":`, "invalidParameter.param.invalid", true},
		"an array":               {`[]`, "invalidParameter.param.invalid", true},
		"a rune cut in two":      {"{\"robotCode\":\"\xe4\xbd\"}", "invalidParameter.param.invalid", true},
		"disbanded":              {with(good, "openConversationId", gone.ID()), "group.disbanded", false},
		"stopped":                {with(good, "openConversationId", stopped.ID()), "bot.stopped", false},
		"bot removed":            {with(good, "openConversationId", without.ID()), "invalidParameter.robotCode.notExsit", false},
		"cool app":               {with(good, "openConversationId", cool.ID(), "coolAppCode", cool.CoolAppCode()), "", false},
		"cool app, no code":      {with(good, "openConversationId", cool.ID()), "invalidParameter.robotCode.coolApp", false},
		"cool app, another code": {with(good, "openConversationId", cool.ID(), "coolAppCode", "x"), "invalidParameter.robotCode.coolApp", false},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(c.s.Violations())
			status := 200
			if tc.code != "" {
				status = 400
			}
			a := c.post(pathSend, tc.body).want(t, status, tc.code)
			if tc.code == "" && a.body["processQueryKey"] == "" {
				t.Error("no processQueryKey")
			}
			if rude := len(c.s.Violations()) > before; rude != tc.rude {
				t.Errorf("violation %v, want %v: %+v", rude, tc.rude, c.s.Violations()[before:])
			}
		})
	}
}

func TestQueryIsChecked(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := dingtalk(t, dingtalktest.Options{Now: clk.now, KeyQueryDelay: time.Second, KeyTTL: 24 * time.Hour, TokenTTL: 100 * time.Hour})
	people := c.people(3)
	outsider := c.s.AddPerson(dingtalktest.Person{Name: "客户", Outside: true})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, append(people, outsider)...)
	other := c.s.AddGroup(dingtalktest.GroupOptions{}, people...)
	key := c.send(g, "x")
	foreign := c.send(other, "y")
	c.query(g, key).want(t, 400, "processQueryKey.expireTime") // no data yet
	clk.advance(time.Second)
	if diff := cmp.Diff([]string{}, texts(c.query(g, key).want(t, 200, "").body["readUserIds"])); diff != "" {
		t.Error(diff)
	}
	m := g.Messages()[0]
	if err := g.ReadAll(m.ID, people[1], outsider, people[0]); err != nil {
		t.Fatal(err)
	}
	a := c.query(g, key).want(t, 200, "")
	if diff := cmp.Diff([]string{people[1].UserID, people[0].UserID}, texts(a.body["readUserIds"])); diff != "" {
		t.Errorf("readers are those of the organisation: %s", diff)
	}
	if a.body["sendStatus"] != "SUCCESS" || a.body["hasMore"] != false {
		t.Errorf("got %s", a.raw)
	}
	c.clean()

	good := c.queryBody(g, key)
	for name, tc := range map[string]struct {
		body obj
		code string
	}{
		"no key":                    {with(good, "processQueryKey", nil), "invalidParameter.processQueryKey.missing"},
		"empty key":                 {with(good, "processQueryKey", ""), "invalidParameter.processQueryKey.missing"},
		"unknown key":               {with(good, "processQueryKey", "abc="), "invalid.processQueryKey"},
		"key of another group":      {with(good, "processQueryKey", foreign), "invalid.processQueryKey"},
		"no robot":                  {with(good, "robotCode", nil), "invalidParameter.robotCode.missing"},
		"another robot":             {with(good, "robotCode", "dingx"), "invalidParameter.robotCode.invalid"},
		"no group":                  {with(good, "openConversationId", nil), "openConversationId.notExisted"},
		"unknown group":             {with(good, "openConversationId", "cid"), "invalid.openConversationId"},
		"0 results":                 {with(good, "maxResults", 0), "invalidParameter.pageSize.invalid"},
		"201 results":               {with(good, "maxResults", 201), "invalidParameter.pageSize.invalid"},
		"results as a string":       {with(good, "maxResults", "50"), "invalidParameter.param.invalid"},
		"half a result":             {with(good, "maxResults", 1.5), "invalidParameter.param.invalid"},
		"made-up cursor":            {with(good, "nextToken", "50"), "invalidParameter.cursor.invalid"},
		"cursor as a number":        {with(good, "nextToken", 50), "invalidParameter.param.invalid"},
		"200 results":               {good, ""},
		"without results":           {with(good, "maxResults", nil), ""},
		"empty cursor: first page":  {with(good, "nextToken", ""), ""},
		"results null: without one": {with(good, "maxResults", json.RawMessage("null")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			status := 200
			if tc.code != "" {
				status = 400
			}
			c.post(pathQuery, tc.body).want(t, status, tc.code)
		})
	}

	if err := g.SetSendStatus(m.ID, dingtalktest.StatusProcessing); err != nil {
		t.Fatal(err)
	}
	if a := c.query(g, key).want(t, 200, ""); a.body["sendStatus"] != "PROCESSING" {
		t.Errorf("got %s", a.raw)
	}
	recall := c.post(pathRecall, obj{"openConversationId": g.ID(), "robotCode": c.s.App().RobotCode, "processQueryKeys": []string{key, "no"}}).want(t, 200, "")
	if diff := cmp.Diff(obj{"no": "invalid.processQueryKey"}, recall.body["failedResult"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{key}, texts(recall.body["successResult"])); diff != "" {
		t.Error(diff)
	}
	if a := c.query(g, key).want(t, 200, ""); a.body["sendStatus"] != "RECALLED" {
		t.Errorf("got %s", a.raw)
	}
	if err := g.StopBot(); err != nil {
		t.Fatal(err)
	}
	c.query(g, key).want(t, 400, "bot.stopped")
	if err := g.StartBot(); err != nil {
		t.Fatal(err)
	}
	clk.advance(24 * time.Hour)
	c.query(g, key).want(t, 400, "processQueryKey.expireTime")
	if err := g.RemoveBot(people[0]); err != nil {
		t.Fatal(err)
	}
	c.query(g, key).want(t, 400, "invalidParameter.robotCode.notExsit")
}

// readers follows the cursors of a query to the end.
func (c *client) readers(g *dingtalktest.Group, key string, size int) (ids []string, pages int) {
	c.Helper()
	body := with(c.queryBody(g, key), "maxResults", size)
	for {
		a := c.post(pathQuery, body).want(c.T, 200, "")
		ids, pages = append(ids, texts(a.body["readUserIds"])...), pages+1
		if a.body["hasMore"] != true {
			return ids, pages
		}
		body["nextToken"] = a.body["nextToken"]
	}
}

func TestFiveThousandPeopleComeInPages(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	people := c.people(4990)
	for i := range 10 {
		people = append(people, c.s.AddPerson(dingtalktest.Person{Name: fmt.Sprintf("外%d", i), Outside: true}))
	}
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, people...)
	key := c.send(g, "x")
	m := g.Messages()[0]
	if m.Audience != 5000 {
		t.Errorf("audience %d", m.Audience)
	}
	if err := g.ReadAll(m.ID, people[:3000]...); err != nil {
		t.Fatal(err)
	}
	got, pages := c.readers(g, key, 200)
	if len(got) != 3000 || pages != 15 || got[0] != people[0].UserID || got[2999] != people[2999].UserID {
		t.Errorf("%d readers in %d pages", len(got), pages)
	}

	body := obj{"openConversationId": g.ID(), "maxResults": 20}
	users, outside, nicks := 0, 0, 0
	for pages = 1; ; pages++ {
		a := c.post(pathMembers, body).want(t, 200, "")
		users += len(texts(a.body["memberUserIds"]))
		outside += len(texts(a.body["unionIdList"]))
		nicks += len(a.body["staffIdNickMap"].(obj)) + len(a.body["unionIdNickMap"].(obj))
		if a.body["hasMore"] != true {
			break
		}
		body["nextToken"] = a.body["nextToken"]
	}
	if users != 4990 || outside != 10 || nicks != 5000 || pages != 5 {
		t.Errorf("%d users, %d from outside, %d nicks, %d pages", users, outside, nicks, pages)
	}
	c.clean()
}

func TestMembers(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	people := c.people(2)
	group := func(o dingtalktest.GroupOptions) *dingtalktest.Group { return c.s.AddGroup(o, people...) }
	scene, plain, chat := group(dingtalktest.GroupOptions{}), group(dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}), group(dingtalktest.GroupOptions{Kind: dingtalktest.KindChat})
	cool, uninstalled := group(dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp}), group(dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp})
	noNicks, gone := group(dingtalktest.GroupOptions{NoNicks: true}), group(dingtalktest.GroupOptions{})
	if err := uninstalled.UninstallCoolApp(people[0]); err != nil {
		t.Fatal(err)
	}
	if err := gone.Disband(); err != nil {
		t.Fatal(err)
	}
	of := func(g *dingtalktest.Group, more ...any) obj {
		return with(obj{"openConversationId": g.ID(), "maxResults": 100}, more...)
	}
	for name, tc := range map[string]struct {
		body obj
		code string
	}{
		"scene group":             {of(scene), ""},
		"without nick names":      {of(noNicks), ""},
		"no maxResults":           {of(scene, "maxResults", nil), "invalidParameter.param.invalid"},
		"maxResults a string":     {of(scene, "maxResults", "100"), "invalidParameter.param.invalid"},
		"unknown group":           {of(scene, "openConversationId", "x"), "cidEncryptError"},
		"plain group":             {of(plain), "groupTemplatePermissionDenied"},
		"plain group, cool app":   {of(plain, "coolAppCode", "x"), "coolAppUninstalled"},
		"chat":                    {of(chat), "groupTemplatePermissionDenied"},
		"cool app":                {of(cool, "coolAppCode", cool.CoolAppCode()), ""},
		"cool app without code":   {of(cool), "groupTemplatePermissionDenied"},
		"cool app, another's":     {of(cool, "coolAppCode", "x"), "coolAppUnexist"},
		"cool app, uninstalled":   {of(uninstalled, "coolAppCode", uninstalled.CoolAppCode()), "coolAppUninstalled"},
		"disbanded":               {of(gone), "permession.checkFailed"},
		"cursor of another group": {of(scene, "nextToken", "MHxhfGI="), "invalidParameter.param.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			status := 200
			if tc.code != "" {
				status = 400
			}
			a := c.post(pathMembers, tc.body).want(t, status, tc.code)
			if tc.code != "" {
				return
			}
			if diff := cmp.Diff([]string{people[0].UserID, people[1].UserID}, texts(a.body["memberUserIds"])); diff != "" {
				t.Error(diff)
			}
			nicks := obj{people[0].UserID: people[0].Name, people[1].UserID: people[1].Name}
			if tc.body["openConversationId"] == noNicks.ID() {
				nicks = obj{}
			}
			if diff := cmp.Diff(nicks, a.body["staffIdNickMap"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDirectMessagesAndDings(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	people := c.people(201)
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.UserID
	}
	direct := obj{"robotCode": c.s.App().RobotCode, "userIds": []string{ids[0], "nobody", ids[1]}, "msgKey": "sampleText", "msgParam": `{"content":"请看"}`}
	a := c.post(pathDirect, direct).want(t, 200, "")
	if diff := cmp.Diff([]string{"nobody"}, texts(a.body["invalidStaffIdList"])); diff != "" {
		t.Error(diff)
	}
	c.s.FlowControl(true, people[3], people[4])
	c.s.FlowControl(false, people[4])
	a = c.post(pathDirect, with(direct, "userIds", []string{ids[3], ids[4], "nobody"})).want(t, 200, "")
	if diff := cmp.Diff([]string{ids[3]}, texts(a.body["flowControlledStaffIdList"])); diff != "" {
		t.Error(diff)
	}
	if blocked, free := len(c.s.Direct(people[3]).Messages()), len(c.s.Direct(people[4]).Messages()); blocked != 0 || free != 1 {
		t.Errorf("%d messages reached who is controlled, %d who no longer is", blocked, free)
	}
	c.s.FlowControl(false, people[3])
	if m := c.s.Direct(people[1]).Messages(); len(m) != 1 || m[0].Text != "请看" || m[0].Via != dingtalktest.ViaDirect {
		t.Errorf("got %+v", m)
	}
	c.post(pathDirect, with(direct, "userIds", ids[:20])).want(t, 200, "")
	c.post(pathDirect, with(direct, "userIds", ids[:21])).want(t, 400, "invalidParameter.userIds.overMax")
	c.post(pathDirect, with(direct, "userIds", []string{})).want(t, 400, "invalidParameter.userIds.empty")

	ding := obj{"robotCode": c.s.App().RobotCode, "remindType": 1, "receiverUserIdList": ids[:200], "content": "快看"}
	c.post(pathDing, ding).want(t, 200, "")
	c.post(pathDing, with(ding, "receiverUserIdList", ids)).want(t, 400, "ding.receivercount.limit")
	for _, kind := range []int{2, 3} {
		c.post(pathDing, with(ding, "remindType", kind, "receiverUserIdList", ids[:20])).want(t, 200, "")
		c.post(pathDing, with(ding, "remindType", kind, "receiverUserIdList", ids[:21])).want(t, 400, "ding.receivercount.limit")
	}
	for field, bad := range (obj{"remindType": 4, "content": "", "receiverUserIdList": []string{}, "robotCode": nil}) {
		c.post(pathDing, with(ding, field, bad)).want(t, 400, "invalidParameter.param.invalid")
	}
	c.post(pathDing, with(ding, "robotCode", "other")).want(t, 400, "invalid.chatbotId")
	c.post(pathDing, with(ding, "receiverUserIdList", []string{"nobody"})).want(t, 400, "miss.staffId")
	if d := c.s.Dings(); len(d) != 3 || d[0].Type != 1 || len(d[0].Receivers) != 200 || d[0].Content != "快看" {
		t.Errorf("%d dings", len(d))
	}
}

func TestADingTellsWhomItFailedFor(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	people := c.people(2)
	ding := obj{"robotCode": c.s.App().RobotCode, "remindType": 3, "receiverUserIdList": []string{people[0].UserID}, "content": "快看", "callVoice": "Standard_Female_Voice"}
	if a := c.post(pathDing, ding).want(t, 200, ""); a.body["openDingId"] == "" || len(a.body) != 1 {
		t.Errorf("got %s", a.raw) // DingTalk's example has no failedList
	}
	a := c.post(pathDing, with(ding, "receiverUserIdList", []string{"x", people[1].UserID, "y"})).want(t, 200, "")
	if diff := cmp.Diff(obj{"miss.staffId": []any{"x", "y"}}, a.body["failedList"]); diff != "" {
		t.Error(diff)
	}
	c.clean()
}

func TestDingsAreBoughtByType(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	people := c.people(3)
	ids := []string{people[0].UserID, people[1].UserID, people[2].UserID}
	ding := func(kind int, receivers ...string) answer {
		return c.post(pathDing, obj{"robotCode": c.s.App().RobotCode, "remindType": kind, "receiverUserIdList": receivers, "content": "快看"})
	}
	c.s.SetDingQuota(dingtalktest.DingQuota{App: -1, SMS: 4})
	ding(3, ids[0]).want(t, 400, "ding.serverquota.insufficient")
	ding(2, ids...).want(t, 200, "")
	ding(2, ids[:2]...).want(t, 400, "ding.serverquota.insufficient") // all or nobody
	ding(2, ids[0], "nobody").want(t, 200, "")
	ding(2, ids[0]).want(t, 400, "ding.serverquota.insufficient")
	ding(1, ids...).want(t, 200, "")
	if diff := cmp.Diff(dingtalktest.DingQuota{App: -1}, c.s.DingQuota()); diff != "" {
		t.Error(diff)
	}
	if n := len(c.s.Dings()); n != 3 || c.s.Counted() != 6 {
		t.Errorf("%d DINGs, %d counted calls", n, c.s.Counted())
	}
	c.clean()
}

func TestAMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	c.s.Inject(dingtalktest.Fault{Kind: dingtalktest.PermissionDenied})
	for path, scope := range map[string]string{pathDing: "Premium.Ding.Write", pathDirect: "qyapi_robot_sendmsg", pathSend: "qyapi_robot_sendmsg"} {
		a := c.post(path, obj{}).want(t, 403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")
		if diff := cmp.Diff(obj{"requiredScopes": []any{scope}}, a.body["accessdenieddetail"]); diff != "" || !strings.Contains(a.raw, "["+scope+"]") {
			t.Errorf("%s: %s %s", path, diff, a.raw)
		}
	}
	a := c.post(c.old("/topapi/v2/user/get"), obj{"userid": "x"}).want(t, 200, "60011")
	if !strings.Contains(a.raw, "[qyapi_get_member]") {
		t.Errorf("got %s", a.raw)
	}
}

func TestRecallTakesTwentyKeys(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(1)...)
	var keys []string
	for range 21 {
		keys = append(keys, c.send(g, "x"))
	}
	body := obj{"openConversationId": g.ID(), "robotCode": c.s.App().RobotCode, "processQueryKeys": keys}
	c.post(pathRecall, body).want(t, 400, "invalidParameter.param.invalid")
	a := c.post(pathRecall, with(body, "processQueryKeys", keys[:20])).want(t, 200, "")
	if got := texts(a.body["successResult"]); len(got) != 20 {
		t.Errorf("%d recalled", len(got))
	}
	a = c.post(pathRecall, with(body, "processQueryKeys", keys[:1])).want(t, 200, "")
	if diff := cmp.Diff(obj{keys[0]: "message.recalled"}, a.body["failedResult"]); diff != "" {
		t.Error(diff)
	}
}

func TestCarelessRequestsAreNoted(t *testing.T) {
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{})
	g := c.s.AddGroup(dingtalktest.GroupOptions{})
	c.post("/v1.0/robot/nothing", obj{}).want(t, 404, "InvalidAction.NotFound")
	c.erred(dingtalktest.APIUnknown, "/v1.0/robot/nothing")
	c.request("GET", "/topapi/nothing", "").want(t, 200, "404")
	c.request("GET", pathSend, "").want(t, 404, "InvalidAction.NotFound")
	c.erred(dingtalktest.APISend, "not found for this method")
	c.request("GET", c.old("/topapi/user/listid"), "").want(t, 200, "43002")
	c.post("/gettoken?appkey=a&appsecret=b", "").want(t, 200, "43001")
	c.post(pathSend, c.sendBody(g, "x"), "Content-Type", "text/plain").want(t, 400, "invalidParameter.param.invalid")
	c.erred(dingtalktest.APISend, "Content-Type")
	c.post(pathSend+"?access_token="+c.token, c.sendBody(g, "x")).want(t, 200, "")
	c.erred(dingtalktest.APISend, "belongs in a header")
	for _, query := range []string{"chatid=a+b", "chatid=%zz", "chatid=a;b", "chatid={}"} {
		c.request("GET", "/chat/get?access_token="+c.token+"&"+query, "").want(t, 200, "40035")
	}
	c.erred(dingtalktest.APIChat, "query")
	c.post(pathSend, strings.Repeat(" ", 2<<20)).want(t, 400, "invalidParameter.param.invalid")
	c.erred(dingtalktest.APISend, "too large")
}
