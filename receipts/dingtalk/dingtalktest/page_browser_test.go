package dingtalktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest/need"
)

var (
	chinese   = screen{width: 1280, height: 800, language: "zh-CN"}
	wide      = screen{width: 1440, height: 900, language: "zh-CN"}
	phone     = screen{width: 390, height: 844, language: "zh-CN"}
	darkPhone = screen{width: 360, height: 740, language: "en-US", dark: true}
)

// TestPage is the page in a real browser. The bot is played by the test with plain calls.
func TestPage(t *testing.T) {
	need.Slow(t)
	chrome := browser(t)
	for _, tc := range []struct {
		name string
		test func(context.Context, *testing.T)
	}{
		{"an announcement is read, asked about and quoted", testAnAnnouncement},
		{"whom one is decides what one sees", testWhomOneIs},
		{"a group is made, changed and disbanded", testAGroupsLife},
		{"two thousand people", testTwoThousandPeople},
		{"faults are switches", testFaults},
		{"the clock is turned forward", testClock},
		{"who is really mentioned", testMentions},
		{"every kind of message, long and hostile", testKindsOfMessage},
		{"markdown is DingTalk's", testMarkdown},
		{"a card fills up, and people press its buttons", testCard},
		{"a card on a phone", testCardOnAPhone},
		{"a phone", testPhone},
		{"by keyboard alone", testKeyboard},
		{"what happens too fast is not missed", testTooFast},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(chrome, t) })
	}
}

// strip is the strip under the message of the bot that holds the words.
func strip(words string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".message.from-bot")].find((n) => n.innerText.includes(%q))?.querySelector(".strip")`, words)
}

// reads waits until that strip says so.
func (x *tab) reads(words, count string) {
	x.Helper()
	x.until(count+" of "+words, strip(words)+fmt.Sprintf("?.innerText.includes(%q)", count))
}

func testAnAnnouncement(chrome context.Context, t *testing.T) {
	o := newOffice(t, "项目组")
	x := o.open(chrome, chinese)
	x.sees(".notice", "这不是钉钉")
	x.sees(".me b", "李雷") // the administrator
	x.sees(".chat-head h1", "项目组")
	x.say("@whoread 公告 周五 22:00 停机维护")
	heard := o.hears()
	if got := heard.data["text"].(obj)["content"]; got != " 公告 周五 22:00 停机维护" || heard.data["senderNick"] != "李雷" {
		t.Errorf("the bot heard %q", got)
	}
	key := o.send(o.g, "## 周五 22:00 停机维护\n请提前保存工作，**预计两小时**。  \n详情见[公告页](https://example.com/notice)。")
	o.answers(heard, "#1", "已发出 #1，8 人应读。说「谁没读」随时查看。")
	x.sees(".message.from-bot strong", "预计两小时")

	// Three people open the group, and so read what they see.
	x.reads("停机维护", "1 / 8")
	for i, name := range []string{"韩梅梅", "张三", "Alice Walker"} {
		x.become(name)
		x.reads("停机维护", fmt.Sprintf("%d / 8", i+2))
	}
	if got := texts(o.query(o.g, key).want(t, 200, "").body["readUserIds"]); len(got) != 4 {
		t.Errorf("the query tells %v", got)
	}
	x.become("韩梅梅")
	x.say("@whoread 谁没读")
	heard = o.hears()
	o.answers(heard, "#1 已读 4/8", fmt.Sprintf("#1 周五 22:00 停机维护  \n已读 4/8 · 50%% ▓▓▓▓▓░░░░░  \n**未读 4 人**：李四、王五、钱七、孙八  \n@%s 请看", o.people["韩梅梅"].UserID), o.people["韩梅梅"].UserID)
	x.sees(".mention.self", "@韩梅梅")

	// The truth, which only the sender sees in DingTalk.
	x.js(strip("预计两小时") + ".click()")
	x.sees("dialog [role=tab][aria-selected=true]", "未读 4")
	x.sees("dialog .people", "孙八")
	x.shot("truth")
	x.clickText("dialog .people button", "让其阅读: 孙八")
	x.sees("dialog [role=tab][aria-selected=true]", "未读 3")
	x.clickText("dialog [role=tab]", "已读")
	x.until("five readers", `document.querySelectorAll("dialog .people li").length === 5`)
	if got := texts(o.query(o.g, key).want(t, 200, "").body["readUserIds"]); len(got) != 4 {
		t.Errorf("somebody from outside is told by the query: %v", got)
	}
	x.press(escape)

	// Quoting: the bot is told which message.
	x.clickText(".message.from-bot [data-focus=quote]", "引用")
	x.sees(".quote-bar", "回复 whoread")
	x.say("@whoread 谁读了")
	if got := o.hears(); got.data["originalProcessQueryKey"] != key {
		t.Errorf("the quote names %v, want %v", got.data["originalProcessQueryKey"], key)
	}
	x.sees(".mine .quoted", "whoread")
	x.shot("announce-zh")
	x.fits()
	x.clickText(".message.from-bot [data-focus=recall]", "撤回")
	x.sees(".recalled", "已撤回")
	x.sees(".mine .quoted", "消息已撤回")
	o.clean()

	// The other language, by the switch.
	x.click(".language")
	x.sees(".notice", "This is not DingTalk")
	x.sees(".me", "You are")
	x.until("the chat", `document.querySelector(".strip")?.offsetParent && document.querySelector(".strip").innerText.includes("Read ")`)
	x.shot("announce-en")
}

func testWhomOneIs(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	quiet := o.s.AddGroup(dingtalktest.GroupOptions{Title: "Others"}, o.people["张三"], o.people["李四"])
	if _, err := quiet.Say(o.people["李四"], dingtalktest.Say{Text: "are you there?", NoAt: true, At: []dingtalktest.Person{o.people["张三"]}}); err != nil {
		t.Fatal(err)
	}
	x := o.open(chrome, desktop)
	x.sees("ul[aria-label='Groups you are not in']", "Others")
	x.become("张三")
	x.sees(".chat-button[data-group='"+quiet.ID()+"']", "[@you]")
	x.sees(".chat-button[data-group='"+quiet.ID()+"'] .badge", "1")
	x.click(".chat-button[data-group='" + quiet.ID() + "']")
	x.sees(".message", "are you there?")
	x.until("no badge", `document.querySelector(".chat-button[data-group='`+quiet.ID()+`'] .badge") === null`)
	if readers, _ := quiet.Readers(quiet.Messages()[0].ID); len(readers) != 1 || readers[0].Person.Name != "张三" {
		t.Errorf("the readers are %v", readers)
	}
	x.say("@李四 yes")
	x.until("the words", `document.querySelectorAll(".message.mine").length === 1`)

	// Somebody new, from outside, who joins: what was said before is not for them.
	x.click(".me")
	x.js(`document.querySelector("dialog details").open = true`)
	x.run(chromedp.Focus(chromedp.CSS("dialog .form input")))
	x.types("Zoë from Outside")
	x.clickText("dialog .check", "outside the organisation")
	x.click("dialog .form button.primary")
	x.sees(".me", "outside")
	x.sees(".banner", "You are not in this group.")
	if got := x.js(`document.querySelector("#composer").disabled`); got != "true" {
		t.Error("somebody who is not in the group can write")
	}
	x.clickText(".banner button", "Join")
	x.until("to be in it", `document.querySelector(".banner").hidden && !document.querySelector("#composer").disabled`)
	x.sees(".log", "Nothing was said here yet.")
	x.say("@whoread who read")
	if got := o.hears(); got.data["senderStaffId"] != "" || got.data["senderNick"] != "Zoë from Outside" {
		t.Errorf("the bot is told of %v, %v", got.data["senderNick"], got.data["senderStaffId"])
	}

	// One to one.
	x.clickText(".chat-button", "whoread")
	x.say("help")
	if got := o.hears(); got.data["conversationType"] != "1" || got.data["text"].(obj)["content"] != "help" {
		t.Errorf("the bot is told %v", got.data)
	}
	// DingTalk's DING reaches whom it is for.
	o.post("/v1.0/robot/ding/send", obj{"robotCode": o.s.App().RobotCode, "remindType": 1, "receiverUserIdList": []string{o.people["张三"].UserID}, "content": "read #1"})
	o.post("/v1.0/robot/oToMessages/batchSend", obj{"robotCode": o.s.App().RobotCode, "userIds": []string{o.people["张三"].UserID}, "msgKey": "sampleText", "msgParam": `{"content":"please read #1"}`}).want(t, 200, "")
	x.become("张三")
	x.sees(".pick", "Choose a chat") // the chat of somebody else with the bot is not theirs
	x.clickText(".chat-button", "please read #1")
	x.sees(".message.from-bot", "please read #1")
	x.until("the badge to go", `document.querySelector(".side .chat-button .badge")?.closest(".chat-button").innerText.includes("whoread") !== true`)
}

func testAGroupsLife(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	x := o.open(chrome, desktop)
	x.clickText(".side-head button", "New group")
	x.run(chromedp.Focus(chromedp.CSS("dialog .form input")))
	x.types("Launch")
	x.js(`[...document.querySelectorAll("dialog .field")][1].querySelector("input").focus()`)
	x.types("Mary Smith, 王小明")
	x.shot("new-group")
	x.click("dialog form > button.primary")
	x.sees(".chat-head h1", "Launch")
	x.sees(".count", "3 members")
	g := o.s.Groups()[1]
	if got := g.Members(); len(got) != 3 || got[0].Name != "李雷" || got[2].Name != "王小明" {
		t.Fatalf("the members are %v", got)
	}
	x.click(".count")
	x.js(`(() => { const i = document.querySelector("dialog form.inline input"); i.focus(); i.select(); })()`)
	x.types("Launch day")
	x.press(enter)
	x.sees(".chat-head h1", "Launch day")
	x.clickText("dialog .people button", "Remove: Mary Smith")
	x.until("two members", `document.querySelectorAll("dialog .people li").length === 2`)
	x.shot("group-settings")
	x.clickText("dialog .buttons button", "Disable the bot")
	x.sees(".banner", "The bot is disabled here.")
	x.clickText("dialog .buttons button", "Enable the bot")
	x.js(`(window.confirm = () => true, document.querySelector(".danger").click())`)
	x.sees(".banner", "This group was disbanded.")
	if !g.Disbanded() {
		t.Error("the group lives")
	}
	x.press(escape)
	x.sees(".chat-button", "disbanded")
}

func testTwoThousandPeople(chrome context.Context, t *testing.T) {
	o := newOffice(t, "小组")
	x := o.open(chrome, wide)
	x.clickText(".side-head button", "新建群")
	x.run(chromedp.Focus(chromedp.CSS("dialog .form input")))
	x.types("全员大群：这是一个名字特别特别长的群，长到任何一行都放不下，必须用省略号截断才行")
	for i, value := range []string{"2000", "50", "1400", "2"} {
		x.js(fmt.Sprintf(`[...document.querySelectorAll("dialog fieldset input")][%d].value = %q`, i, value))
	}
	x.shot("new-group-2000")
	x.click("dialog form > button.primary")
	x.sees(".count", "2001 人")
	o.send(o.g, "not here")
	g := o.s.Groups()[1]
	o.send(g, "### 放假通知\n国庆节放假七天，请大家知悉。")
	x.reads("放假通知", "/ 2001")
	x.reads("放假通知", "1401 / 2001")
	x.js(strip("放假通知") + ".click()")
	x.sees("dialog [role=tab][aria-selected=true]", "未读 600")
	x.until("one page of people", `document.querySelectorAll("dialog .people li").length === 50`)
	x.clickText("dialog .paged button", "显示更多")
	x.until("another page", `document.querySelectorAll("dialog .people li").length === 100`)
	x.shot("truth-2000")
	x.press(escape)
	x.click(".count")
	x.until("a page of members", `document.querySelectorAll("dialog .people li").length === 50`)
	x.shot("members-2000")
	x.press(escape)
	x.run(chromedp.Focus(chromedp.CSS("#composer")))
	x.types("@王")
	x.until("suggestions", `document.querySelectorAll(".suggestions li").length === 8`)
	x.shot("mention-2000")
	x.fits()
}

func testFaults(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	x := o.open(chrome, desktop)
	key := o.send(o.g, "hello")
	x.click("#tools-button")
	x.sees(".calls", dingtalktest.APISend)
	x.sees(".budget", "1 / unlimited")
	o.query(o.g, key)
	x.sees(".calls", dingtalktest.APIQuery)
	x.js(`(() => { const s = document.querySelector("#panel-calls select"); s.value = "robot/groupMessages/query"; s.dispatchEvent(new Event("change")); })()`)
	x.until("only queries", `[...document.querySelectorAll(".call-api")].every((n) => n.innerText === "robot/groupMessages/query") && document.querySelectorAll(".calls li").length === 1`)
	x.click(".calls summary")
	x.sees(".calls pre", `"readUserIds"`)
	x.shot("calls")

	x.click("#tab-faults")
	x.until("a switch for every kind of fault", `document.querySelectorAll("[data-fault]").length === 21`)
	fault := func(kind, part string) string { return `[data-fault=` + kind + `] ` + part }
	// Parameters first, then the switch.
	x.js(`(() => {
		const row = document.querySelector("[data-fault=code]");
		row.querySelector("details").open = true;
		const inputs = row.querySelectorAll("input:not([role])");
		inputs[0].value = 2; inputs[2].value = 418; inputs[3].value = "tea.pot";
		row.querySelector("select").value = "robot/groupMessages/query";
	})()`)
	x.js(`document.querySelector("` + fault("code", "[role=switch]") + `").click()`)
	x.sees(fault("code", ".left"), "2 left")
	x.sees("#tab-faults .badge", "1")
	x.shot("faults")
	o.query(o.g, key).want(t, 418, "tea.pot")
	x.sees(fault("code", ".left"), "1 left")
	o.query(o.g, key).want(t, 418, "tea.pot")
	x.until("the switch to go back", `!document.querySelector("`+fault("code", "[role=switch]")+`").checked`)
	x.js(`document.querySelector("` + fault("throttled", "[role=switch]") + `").click()`)
	x.sees(fault("throttled", ".left"), "on")
	o.query(o.g, key).want(t, 403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")
	x.js(`document.querySelector("` + fault("throttled", "[role=switch]") + `").click()`)
	o.until("no fault", func() bool { return len(o.s.Faults()) == 0 })

	x.clickText("#panel-faults .switch", "Refuse new Stream connections")
	o.until("the gateway to refuse", func() bool { return o.status()["refuseGateway"] == true })
	x.clickText("#panel-faults .switch", dingtalktest.PermissionDing)
	o.until("a permission to be taken", func() bool { return o.status()["permissions"].(obj)[dingtalktest.PermissionDing] == false })
	o.s.Permissions(true)
	x.until("the switch of the permission to go back", `[...document.querySelectorAll("#panel-faults .switch")].find(s => s.textContent === "`+dingtalktest.PermissionDing+`").querySelector("input").checked`)
	x.clickText("#panel-faults .switch", "All events")
	o.until("all events", func() bool { return o.status()["events"].(obj)[dingtalktest.EventRead] == true })
	x.clickText("#panel-faults .buttons button", "Expire access tokens")
	x.sees(".toast", "Done")
	o.query(o.g, key).want(t, 400, "InvalidAuthentication")
	o.login()

	o.post("/v1.0/robot/groupMessages/send", with(o.sendBody(o.g, "x"), "openConversationId", "")).want(t, 400, "invalidParameter.param.invalid")
	x.click("#tab-violations")
	x.sees("#panel-violations", "openConversationId is missing")
	x.shot("violations")
	x.click("#tab-connections")
	x.sees("#panel-connections", "EVENT *")
	x.shot("connections")
	x.clickText("#panel-connections button", "Cut")
	x.sees("#panel-connections", "No Stream connection is open")
	x.fits()
}

func testClock(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	x := o.open(chrome, desktop)
	shown := func() string { return x.js(`document.querySelector(".clock-time").textContent`) }
	// The clock of the page is that of this DingTalk, to a second or two.
	agrees := func(d time.Duration) {
		t.Helper()
		x.until("the clock to agree", fmt.Sprintf(`Math.abs(Date.parse(document.querySelector(".clock-time").dateTime) - Date.now() - %d) < 2000`, d.Milliseconds()))
		if got := time.Until(o.s.Clock().Now()) - d; got < -time.Second || got > time.Second {
			t.Errorf("the server's clock is off by %v", got)
		}
	}
	x.sees(".clock", "Clock of this DingTalk")
	x.sees(".clock", "goes with the real time")
	agrees(0)
	before := shown()
	x.until("it to go on", fmt.Sprintf(`document.querySelector(".clock-time").textContent !== %q`, before))

	o.send(o.g, "before")
	x.clickText(".clock button", "+10 min")
	x.sees(".clock", "10 min ahead of the real time")
	agrees(10 * time.Minute)
	x.clickText(".clock button", "+1 hr")
	x.sees(".clock", "1 hr 10 min ahead of the real time")
	x.clickText(".clock button", "+1 day")
	x.sees(".clock", "1 day 1 hr 10 min ahead of the real time")
	agrees(25*time.Hour + 10*time.Minute)
	o.login() // the token is of the day before
	o.send(o.g, "after")
	x.until("a day for each", `document.querySelectorAll(".day").length === 2`)
	x.shot("clock")
	x.fits()

	// Turned by somebody else, in the other language.
	x.click(".language")
	x.sees(".clock", "此钉钉的时钟")
	o.s.Advance(59*time.Hour + 50*time.Minute)
	x.sees(".clock", "比真实时间快 3天 13小时")
	agrees(85 * time.Hour)
	x.shot("clock-zh")
	y := o.open(chrome, darkPhone)
	y.sees(".clock", "3 days 13 hr ahead of the real time")
	y.shot("clock-phone")
	y.fits()
}

// testMentions: DingTalk notifies only a member who is in at.atUserIds and whose @userId stands in the text.
func testMentions(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	dotted := o.s.AddPerson(dingtalktest.Person{Name: "Dot Dotson", UserID: "manager.77_a"})
	if err := o.g.Join(dingtalktest.Person{}, dotted); err != nil {
		t.Fatal(err)
	}
	stranger := o.s.AddPerson(dingtalktest.Person{Name: "Stranger"})
	x := o.open(chrome, desktop)
	x.say("@whoread remind")
	id := func(name string) string { return o.people[name].UserID }
	o.answers(o.hears(), "#1", fmt.Sprintf("@%s @%s @%s, **@%s** please read; not @%s, not @%sx, not @%s",
		id("张三"), id("李雷"), dotted.UserID, id("Alice Walker"), id("李四"), id("张三"), stranger.UserID),
		id("张三"), id("李雷"), dotted.UserID, id("Alice Walker"), stranger.UserID, id("王五"))
	x.sees(".message.from-bot", "please read")
	shown := x.js(`[...document.querySelectorAll(".message.from-bot .mention")].map((n) => n.textContent).join()`)
	if shown != "@张三,@李雷,@Dot Dotson,@Alice Walker" {
		t.Errorf("shown as mentioned are %s", shown)
	}
	x.sees(".message.from-bot", fmt.Sprintf("not @%s, not @%sx, not @%s", id("李四"), id("张三"), stranger.UserID))
	x.sees(".mention.self", "@李雷")
	x.shot("mentions")
	x.become("张三")
	x.sees(".mention.self", "@张三")
	// The other programs are told the same.
	var told []string
	messages := o.asks("messages", "group", o.g.ID()).want(t, 200, "").body["messages"].([]any)
	for _, p := range messages[1].(obj)["mentioned"].([]any) {
		told = append(told, p.(obj)["name"].(string))
	}
	if got := strings.Join(told, ","); got != "张三,李雷,Dot Dotson,Alice Walker" {
		t.Errorf("told as mentioned are %s", got)
	}
}

func (o *office) status() obj { return o.asks("status").body }

func testKindsOfMessage(chrome context.Context, t *testing.T) {
	o := newOffice(t, strings.Repeat("A very long title of a group ", 6))
	long := o.s.AddPerson(dingtalktest.Person{Name: "阿卜杜勒·" + strings.Repeat("穆罕默德", 12)})
	if err := o.g.Join(dingtalktest.Person{}, long); err != nil {
		t.Fatal(err)
	}
	x := o.open(chrome, wide)
	post := func(key string, params obj) {
		t.Helper()
		param, _ := json.Marshal(params)
		o.post("/v1.0/robot/groupMessages/send", with(o.sendBody(o.g, ""), "msgKey", key, "msgParam", string(param))).want(t, 200, "")
	}
	pic := image.NewRGBA(image.Rect(0, 0, 480, 200))
	for i := range 480 * 200 {
		pic.Set(i%480, i/480, color.RGBA{uint8(i % 480 / 2), 120, uint8(i / 480), 255})
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, pic); err != nil {
		t.Fatal(err)
	}
	picID := o.upload("image", "media", "a.png", encoded.Bytes()).body["media_id"].(string)
	fileID := o.upload("file", "media", "a.xlsx", []byte("x")).body["media_id"].(string)

	post("sampleImageMsg", obj{"photoURL": picID})
	post("sampleFile", obj{"mediaId": fileID, "fileName": strings.Repeat("未读名单", 20) + ".xlsx", "fileType": "xlsx"})
	post("sampleLink", obj{"title": "公告", "text": "点这里看详情", "picUrl": "", "messageUrl": "https://example.com"})
	post("sampleActionCard2", obj{"title": "选择", "text": "### 参加吗？\n周五下午", "actionTitle1": "参加", "actionURL1": "https://example.com/1", "actionTitle2": "不参加", "actionURL2": "dingtalk://dingtalkclient/page/link?url=x"})
	post("sampleActionCard6", obj{"title": "选择", "text": "并排的按钮", "buttonTitle1": "同意", "buttonUrl1": "https://example.com/1", "buttonTitle2": "恶意", "buttonUrl2": "javascript:alert(1)"})
	post("sampleText", obj{"content": "第一行\n第二行 **不是粗体** https://example.com/a?b=c。"})
	hostile := "<img src=x onerror=\"window.hacked=1\"> [点](javascript:window.hacked=1) ![x](data:text/html,x) <b>not bold</b>  \n\u202e反 |a|b|\n|---|---|"
	post("sampleMarkdown", obj{"title": "t", "text": hostile})
	post("sampleMarkdown", obj{"title": "t", "text": "- 一\n- 二\n  - 二点一\n1. 甲\n2. 乙\n> 引用 **粗** *斜*  \n> 第二行\n\n" + strings.Repeat("很长的一段文字没有空格", 30) + strings.Repeat("W", 300)})
	post("sampleMarkdown", obj{"title": "t", "text": strings.Repeat("word ", 2000)})
	if _, err := o.g.Say(long, dingtalktest.Say{Text: strings.Repeat("Supercalifragilisticexpialidocious", 20), NoAt: true, At: []dingtalktest.Person{o.people["李雷"]}}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.g.Say(long, dingtalktest.Say{Picture: true, NoAt: true}); err != nil {
		t.Fatal(err)
	}
	x.until("all of them", `document.querySelectorAll(".message").length === 11`)
	x.until("the picture", `document.querySelector(".content img").naturalWidth === 480`)
	x.shot("kinds-end")
	x.fits()
	x.js(`(document.querySelector(".log").scrollTop = 0)`)
	x.shot("kinds-start")
	x.js(`document.querySelectorAll(".message")[6].scrollIntoView()`)
	x.shot("kinds-middle")
	if got := x.js(`[...document.querySelectorAll(".card-button")].map((n) => n.getAttribute("href")).join()`); got != "https://example.com/1,dingtalk://dingtalkclient/page/link?url=x,https://example.com/1," {
		t.Errorf("the buttons lead to %s", got)
	}
	if got := x.js(`[window.hacked, document.querySelectorAll(".markdown img").length, document.querySelectorAll(".markdown table, .markdown b").length].join()`); got != ",0,0" {
		t.Errorf("a hostile message got through: %s", got)
	}
	x.clickText(".message .link", "显示更多")
	x.until("all of the long text", `document.querySelectorAll(".message")[8].innerText.length > 9000`)
	x.click("#tools-button")
	x.fits()
	x.shot("kinds-drawer")
}

func testMarkdown(chrome context.Context, t *testing.T) {
	o := newOffice(t, "x")
	x := o.open(chrome, desktop)
	for markdown, want := range map[string]string{
		"plain":                           "<p>plain</p>",
		"a  \nb\nc":                       "<p>a<br>b c</p>",
		"# One\n###### Six ##":            `<h1>One</h1><h6>Six</h6>`,
		"#no heading":                     "<p>#no heading</p>",
		"**b** *i* __b__ _i_":             "<p><strong>b</strong> <em>i</em> <strong>b</strong> <em>i</em></p>",
		"***both***":                      "<p><strong><em>both</em></strong></p>",
		"snake_case_name 2*3*4":           "<p>snake_case_name 2<em>3</em>4</p>",
		"** not bold ** *":                "<p>** not bold ** *</p>",
		`\*\*a\*\* \# \[x\]\(y\) \\`:      `<p>**a** # [x](y) \</p>`,
		"[a](https://x.example)":          `<p><a href="https://x.example/">a</a></p>`,
		"[a **b**](dingtalk://x)":         `<p><a href="dingtalk://x">a <strong>b</strong></a></p>`,
		"[a](javascript:alert(1))":        "<p><span>a</span></p>",
		"[a](vbscript:x) [b]":             "<p><span>a</span> [b]</p>",
		"![alt](https://x.example/p.png)": `<p><img src="https://x.example/p.png" alt="alt"></p>`,
		"![alt](data:image/png,x)":        "<p>alt</p>",
		"> q\n> **r**\n\nafter":           "<blockquote><p>q <strong>r</strong></p></blockquote><p>after</p>",
		"- a\n- b":                        "<ul><li>a</li><li>b</li></ul>",
		"3. a\n4. b":                      `<ol start="3"><li>a</li><li>b</li></ol>`,
		"1\\. a":                          "<p>1. a</p>",
		"| a | b |\n|---|---|":            "<p>| a | b | |---|---|</p>",
		"`code` ~~x~~":                    "<p>`code` ~~x~~</p>",
		"<script>1</script> &amp;":        "<p>&lt;script&gt;1&lt;/script&gt; &amp;amp;</p>",
		"@user1 @user12 @nobody":          `<p><span>@张三</span> @user12 @nobody</p>`,
		"**@a_b.c** @a_b @user1，":         `<p><strong><span>@王五</span></strong> <span>@李四</span> <span>@张三</span>，</p>`,
		"see https://x.example/a.":        `<p>see <a href="https://x.example/a">https://x.example/a</a>.</p>`,
		"":                                "",
		"公告：**重要**的事":                     "<p>公告：<strong>重要</strong>的事</p>",
		"\u202eabc":                       "<p>\u202eabc</p>",
		strings.Repeat("*", 9000):         "<p>" + strings.Repeat("*", 9000) + "</p>",
		strings.Repeat(">", 40):           "",
	} {
		text, _ := json.Marshal(markdown)
		got := x.js(`(async () => {
			const { parse, render } = await import("/_dingtalktest/page/markdown.js");
			const { h } = await import("/_dingtalktest/page/dom.js");
			const ids = [{ id: "a_b.c", name: "王五" }, { id: "user1", name: "张三" }, { id: "a_b", name: "李四" }];
			const box = h("div", null, render(parse(` + string(text) + `), { h, image: (u) => (u.startsWith("https:") ? u : null), mentions: { ids, names: [] } }));
			for (const n of box.querySelectorAll("*")) for (const a of [...n.attributes]) if (!["href", "src", "alt", "start"].includes(a.name)) {
				if (a.name === "class" && a.value.startsWith("md-h")) { const g = document.createElement(a.value.split(" md-")[1]); g.append(...n.childNodes); n.replaceWith(g); }
				n.removeAttribute(a.name);
			}
			return box.innerHTML;
		})()`)
		if strings.HasPrefix(markdown, ">>>") {
			if strings.Count(got, "<blockquote>") > 7 {
				t.Errorf("quotes nest without end: %s", got)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.60q: %s", markdown, diff)
		}
	}
}

// announces is the bot posting a card that asks for a confirmation, in a language.
func (o *office) announces(english bool) dingtalktest.Message {
	o.Helper()
	texts := []string{"周五 22:00 停机维护", "请提前保存工作，**预计两小时**。", "已读 0/8 · 收到 0 · 11-28 14:35", "收到", "谁没读", "提醒"}
	if english {
		texts = []string{"Maintenance on Friday", "Please save your work: **two hours**.", "Read 0/8 · confirmed 0 · 11-28 14:35", "Got it", "Unread", "Remind"}
	}
	shown, err := json.Marshal(obj{"msgButtons": []obj{
		{"text": texts[3], "color": "blue", "id": "confirm", "request": true},
		{"text": texts[4], "color": "gray", "id": "unread", "request": true},
		{"text": texts[5], "color": "gray", "id": "remind", "request": true},
	}})
	if err != nil {
		o.Fatal(err)
	}
	body := with(o.cardBody(o.g, "card-1"), "cardData", values("title", texts[0], "markdown", texts[1], "tips", texts[2], "sys_full_json_obj", string(shown)))
	o.post(cardPath, body).want(o.T, 200, "")
	all := o.g.Messages()
	return all[len(all)-1]
}

// answersPress is the bot answering a press, which only its presser sees.
func (o *office) answersPress(button, tips string) {
	o.Helper()
	f := o.stream.next()
	if f.Headers["topic"] != dingtalktest.TopicCard || !strings.Contains(f.Data, button) {
		o.Fatalf("the bot hears %v, not a press of %s", f, button)
	}
	data, err := json.Marshal(obj{"response": obj{"cardUpdateOptions": obj{"updateCardDataByKey": true}, "cardData": values("tips", tips)}})
	if err != nil {
		o.Fatal(err)
	}
	o.stream.ack(f, 200, string(data))
}

func testCard(chrome context.Context, t *testing.T) {
	o := newOffice(t, "项目组")
	o.announces(false)
	x := o.open(chrome, chinese)
	x.sees(".card-title", "周五 22:00 停机维护")
	x.sees(".card.live strong", "预计两小时")
	x.sees(".card-tips", "已读 0/8")
	if got := x.js(`[...document.querySelectorAll(".card-button")].map((n) => n.innerText).join()`); got != "收到,谁没读,提醒" {
		t.Errorf("the buttons are %s", got)
	}
	x.reads("停机维护", "1 / 8")
	x.shot("card-zh")
	x.fits()

	// It fills up in place.
	o.update("card-1", true, "tips", "已读 1/8 · 收到 0 · 11-28 14:36").want(t, 200, "")
	x.sees(".card-tips", "已读 1/8")

	// Who presses sees what came of it, and nobody else does.
	x.become("张三")
	x.clickText(".card-button", "收到")
	o.answersPress("confirm", "✓ 你已收到")
	x.sees(".card-tips", "✓ 你已收到")
	x.sees(".card-own", "只有你看到的是这样。")
	x.shot("card-own-zh")
	x.clickText(".card-own button", "看其他人的")
	x.sees(".card-tips", "已读 1/8")
	x.clickText(".card-own button", "看我的")
	x.sees(".card-tips", "✓ 你已收到")
	x.become("李四")
	x.sees(".card-tips", "已读 1/8")
	x.until("no view of their own", `document.querySelector(".card-own") === null`)
	o.clean()

	// A bot that does not answer within two seconds.
	x.clickText(".card-button", "谁没读")
	x.until("the button to wait", `document.querySelector("[data-button=unread]").ariaDisabled === "true"`)
	o.stream.next()
	x.sees(".toast", "机器人没有及时应答")
	x.until("the button to be back", `document.querySelector("[data-button=unread]").ariaDisabled !== "true"`)
	x.shot("card-unanswered-zh")

	// Its switches, and the end of it.
	x.click("#tools-button")
	x.sees(".calls", dingtalktest.APICardUpdate)
	x.click("#tab-faults")
	x.clickText("#panel-faults .switch", "公共模板可用")
	o.until("no template", func() bool { return len(o.status()["templates"].([]any)) == 1 })
	x.clickText("#panel-faults .switch", "接受超过 1 KB 的变量")
	x.clickText("#panel-faults .switch", "可查询卡片的已读")
	o.until("the other switches", func() bool { return o.status()["cardReads"] == false && o.status()["cardValueBytes"] == -1.0 })
	x.press(escape)
	x.clickText(".message.from-bot [data-focus=recall]", "撤回")
	x.sees(".recalled", "已撤回")
}

func testCardOnAPhone(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	o.announces(true)
	x := o.open(chrome, darkPhone)
	x.clickText(".chat-button", "Project")
	x.sees(".card-tips", "Read 0/8")
	x.shot("card-phone-en")
	x.fits()
	if got := x.js(`[...document.querySelectorAll(".card-button")].every((n) => n.offsetHeight >= 40 && n.offsetWidth >= 40)`); got != "true" {
		t.Error("the buttons are too small for a thumb")
	}
	// By keyboard too, and the focus stays where it was.
	x.js(`document.querySelector("[data-button=confirm]").focus()`)
	x.press(enter)
	o.answersPress("confirm", "✓ You have got it")
	x.sees(".card-tips", "✓ You have got it")
	x.sees(".card-own", "Only you see it like this.")
	x.until("the focus to stay", `document.activeElement?.dataset.button === "confirm"`)
	x.fits()
	x.shot("card-phone-own-en")

	y := o.open(chrome, phone)
	y.become("Alice Walker")
	y.clickText(".chat-button", "Project")
	y.sees(".card-tips", "Read 0/8")
	y.fits()
	o.clean()
}

func testPhone(chrome context.Context, t *testing.T) {
	o := newOffice(t, "一个名字很长很长很长很长很长很长很长的项目组")
	o.send(o.g, "## 周五 22:00 停机维护\n请提前保存工作，**预计两小时**。")
	x := o.open(chrome, phone)
	x.sees(".chat-button .badge", "1") // at this width nothing is open, and so nothing read
	x.shot("phone-list")
	x.fits()
	x.clickText(".chat-button", "一个名字")
	x.until("the chat alone", `getComputedStyle(document.querySelector(".side")).display === "none"`)
	x.reads("停机维护", "1 / 8")
	x.say("@whoread 谁没读")
	o.answers(o.hears(), "#1", "#1 周五 22:00 停机维护  \n已读 1/8 · 12% ▓░░░░░░░░░  \n未读 7 人：韩梅梅、张三、李四、王五、Alice Walker、钱七、孙八")
	x.sees(".message.from-bot", "未读 7 人")
	x.shot("phone-chat")
	x.fits()
	x.js(strip("预计两小时") + ".click()")
	x.sees("dialog [role=tab][aria-selected=true]", "未读 7")
	x.shot("phone-truth")
	x.fits()
	x.press(escape)
	x.click("#tools-button")
	x.sees(".calls", dingtalktest.APISend)
	x.shot("phone-tools")
	x.click("#tab-faults")
	x.shot("phone-faults")
	x.fits()
	x.press(escape)
	x.click(".back")
	x.until("the list", `getComputedStyle(document.querySelector(".chat")).display === "none"`)

	y := o.open(chrome, darkPhone)
	y.clickText(".chat-button", "一个名字")
	y.sees(".message.from-bot", "未读 7 人")
	y.shot("phone-dark")
	y.fits()
}

func testKeyboard(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	o.send(o.g, "Maintenance on Friday")
	x := o.open(chrome, desktop)
	x.sees(".message.from-bot", "Maintenance")
	focus := func() string {
		return x.js(`(document.activeElement.getAttribute("aria-label") || document.activeElement.innerText || document.activeElement.id)`)
	}
	x.js(`document.activeElement.blur()`)
	var order []string
	for range 12 {
		x.press(tabKey)
		order = append(order, strings.SplitN(strings.SplitN(focus(), "\n", 2)[0], ",", 2)[0])
	}
	want := []string{
		"Skip to the message box", "You are: 李雷. Choose who you are", "中文", "New group",
		"whoread", "Project", // the chat with the bot comes first
		"Turn the clock forward by 10 min", "Turn the clock forward by 1 hr", "Turn the clock forward by 1 day",
		"8 members", "Group and members", "Tools",
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
	if got := x.js(`getComputedStyle(document.activeElement).outlineStyle`); got != "solid" {
		t.Errorf("the focus is shown as %q", got)
	}
	// The skip link, a mention by the list, a line of its own, and Enter.
	x.js(`document.querySelector(".skip").focus()`)
	x.press(enter)
	if got := x.js(`document.activeElement.id`); got != "composer" {
		t.Fatalf("the skip link leads to %q", got)
	}
	x.types("@who")
	x.until("the bot to be suggested", `document.querySelector("#mention-0 span:nth-child(2)")?.innerText === "whoread"`)
	x.press(enter)
	x.types("announce Hello @")
	x.until("people to be suggested", `document.querySelectorAll(".suggestions li").length > 3`)
	x.press(down)
	x.press(down)
	x.until("the second to be marked", `document.querySelector("#composer").getAttribute("aria-activedescendant") === "mention-2"`)
	name := x.js(`document.querySelector("#mention-2 span:nth-child(2)").innerText`)
	x.press(tabKey)
	x.press(enter, shiftKey)
	x.types("second line")
	x.shot("keyboard")
	x.press(enter)
	heard := o.hears()
	if got := heard.data["text"].(obj)["content"]; got != " announce Hello  \nsecond line" { // linked names are taken out
		t.Errorf("the bot heard %q", got)
	}
	if at := heard.data["atUsers"].([]any); len(at) != 2 || at[1].(obj)["staffId"] != o.people[name].UserID {
		t.Errorf("mentioned are %v", at)
	}
	// A dialog keeps the focus and gives it back.
	x.js(strip("Maintenance") + ".focus()")
	x.press(enter)
	x.sees("dialog [role=tab][aria-selected=true]", "Unread")
	x.js(`document.querySelector("#truth-unread").focus()`)
	x.press(right)
	x.sees("dialog [role=tab][aria-selected=true]", "Read 1")
	x.press(escape)
	x.until("the dialog to close", `!document.querySelector("dialog")`)
	if got := x.js(`document.activeElement.className`); !strings.Contains(got, "strip") {
		t.Errorf("after the dialog the focus is on %q", got)
	}
	x.js(`document.querySelector("#tools-button").focus()`)
	x.press(enter)
	x.until("the drawer's tab to have the focus", `document.activeElement.id === "tab-calls"`)
	x.press(right)
	x.until("the next tab", `document.activeElement.id === "tab-faults" && !document.querySelector("#panel-faults").hidden`)
	x.press(escape)
	x.until("the focus to come back", `document.activeElement.id === "tools-button"`)
	// What a screen reader is told.
	for selector, n := range map[string]string{
		"[role=log][aria-live=polite][aria-label]": "1", "nav[aria-label]": "1", "main": "1", "aside[aria-label]": "1", "h1": "1",
		"button:not([aria-label]):not([title])": "", "img:not([alt])": "0", "input:not([aria-label]):not([id]):not([type=checkbox])": "0",
	} {
		if got := x.js(fmt.Sprintf("document.querySelectorAll(%q).length", selector)); n != "" && got != n {
			t.Errorf("%s of %s, want %s", got, selector, n)
		}
	}
	if got := x.js(`[...document.querySelectorAll("button")].filter((b) => !b.getAttribute("aria-label") && !b.innerText.trim() && b.offsetParent).map((b) => b.className).join()`); got != "" {
		t.Errorf("buttons without a name: %s", got)
	}
}

func testTooFast(chrome context.Context, t *testing.T) {
	o := newOffice(t, "Project")
	x := o.open(chrome, desktop)
	x.sees(".chat-head h1", "Project")
	for i := range 3000 {
		if _, err := o.g.Say(o.people["张三"], dingtalktest.Say{Text: fmt.Sprintf("message %d", i), NoAt: true}); err != nil {
			t.Fatal(err)
		}
	}
	x.sees(".message:last-child", "message 2999")
	if n := x.js(`document.querySelectorAll(".message").length <= 400`); n != "true" {
		t.Errorf("too many messages are in the page")
	}
	x.sees(".jump.above", "unread above")
	x.click(".jump.above")
	x.until("older messages", `document.querySelectorAll(".message").length > 60`)
	x.say("I am here")
	x.sees(".message.mine", "I am here")
	x.shot("busy")
}
