package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/bot"
	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/platform"
	"whoread/store/storetest/need"
)

// spoken is a conversation in one language.
type spoken struct{ zh, en string }

func (s spoken) in(language command.Language) string {
	if language == command.English {
		return s.en
	}
	return s.zh
}

// inBothLanguages runs a test in Chinese and in English.
func inBothLanguages(t *testing.T, test func(t *testing.T, language command.Language)) {
	t.Helper()
	for _, language := range []command.Language{command.Chinese, command.English} {
		t.Run(string(language), func(t *testing.T) {
			t.Parallel()
			test(t, language)
		})
	}
}

// markdown is lines as DingTalk's markdown breaks them.
func markdown(lines ...string) string { return strings.Join(lines, "  \n") }

func TestTheExchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	same := func(what, got, want string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	post := w.announce("公告 周五 22:00 停机维护\n请提前保存工作。")
	same("the announcement", post.Text, markdown("周五 22:00 停机维护", "请提前保存工作。"))
	same("its notification", post.Title, "周五 22:00 停机维护")
	same("the reply", w.group.Messages()[2].Text, "已发出 #1，4 人应读。说「谁没读」随时查看。")

	w.must(w.group.ReadAll(post.ID, w.hanmeimei, w.zhangsan))
	w.clock.advance(time.Minute)
	unread := w.ask(w.hanmeimei, say{Text: "谁没读"})
	same("unread", unread.Text, markdown(
		"#1 周五 22:00 停机维护 · 已读 2/4 · 50% ▓▓▓▓▓░░░░░", "未读 2 人：李雷、李四", "14:36 查询 · 成员来自群成员列表"))
	same("its notification", unread.Title, "#1 已读 2/4")

	w.clock.advance(5 * time.Second)
	same("who read, in English and of what was just asked", w.asks(w.lisi, "Who read #1?"), markdown(
		"#1 周五 22:00 停机维护 · read 2/4 · 50% ▓▓▓▓▓░░░░░", "Read (2): 韩梅梅, 张三", "Unread (2): 李雷, 李四",
		"asked at 14:36 (5 s ago) · members: the group's list"))

	w.must(w.group.Join(w.lilei, w.dingtalk.AddPerson(dingtalktest.Person{Name: "王五", UserID: "wangwu"}), w.john))
	w.must(w.group.Leave(w.lisi))
	w.clock.advance(20 * time.Minute) // past what is remembered of the members
	same("people came and left", w.ask(w.zhangsan, say{Text: "谁没读", Quote: post.ID}).Text, markdown(
		"#1 周五 22:00 停机维护 · 已读 2/3 · 66% ▓▓▓▓▓▓░░░░", "未读 1 人：李雷",
		"14:56 查询 · 另有 1 人后来入群，未计入 · 1 人没读就退了群，未计入 · 1 位外部人员无法统计 · 成员来自群成员列表"))

	second := w.announce("announce Lunch is served")
	same("the second announcement", second.Text, "Lunch is served")
	w.must(w.group.ReadAll(second.ID))
	w.clock.advance(time.Minute)
	same("all have read", w.asks(w.hanmeimei, "unread"), markdown(
		"#2 Lunch is served · read 4/4 · 100% ▓▓▓▓▓▓▓▓▓▓", "Everybody has read it (4).", "asked at 14:57 · 1 from outside can't be tracked · members: the group's list"))
	calls := w.dingtalk.Counted()
	same("the list", w.asks(w.hanmeimei, "list"), markdown(
		"**Last announcements (2)**", "#2 Lunch is served · read 4/4 · 100% ▓▓▓▓▓▓▓▓▓▓ · 14:56",
		"#1 周五 22:00 停机维护 · read by at least 2/3 · 66% ▓▓▓▓▓▓░░░░ · 14:35"))
	w.asks(w.hanmeimei, "谁没读") // all have read: nobody is asked again
	if now := w.dingtalk.Counted(); now != calls {
		t.Errorf("%d counted calls for what is known", now-calls)
	}

	same("recalled by a quote", w.ask(w.lilei, say{Text: "撤回", Quote: post.ID}).Text, "已撤回 #1。")
	if m, err := w.group.Message(post.ID); err != nil || m.Status != dingtalktest.StatusRecalled {
		t.Errorf("#1 is %s in the group, %v", m.Status, err)
	}
	same("recalled again", w.asks(w.lilei, "撤回 #1"), "#1 没有撤回。它之前已经撤回了。")
	same("recalled by its number", w.asks(w.lilei, "recall 2"), "Recalled #2.")
	same("nothing is left", w.asks(w.hanmeimei, "谁没读"), "本群现在没有可以统计的公告。以前的请写上编号，说「列表」看有哪些。")
	same("and in English", w.asks(w.hanmeimei, "unread"), `No announcement of this group can be counted at the moment. Give the number of an earlier one; "list" shows them.`)
	w.wants(w.asks(w.hanmeimei, "谁没读 1"), "#1 周五 22:00 停机维护 · 已读至少 2/", "它已被撤回")
	same("a wrong word", w.asks(w.hanmeimei, "who has read the book"), `I did not get that. Did you mean "who read"? Say "help" for everything I know.`)
}

func TestAnnouncementsAreVerbatim(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	body := "    indented  \r\n- **bold** [link](https://example.com)\r\n\r\n👨‍👩‍👧‍👦 ＃１２ אב"
	post := w.announce("announce **Title** & <more>\n" + body)
	want := "**Title** & <more>  \n    indented  \n- **bold** [link](https://example.com)\n\n👨‍👩‍👧‍👦 ＃１２ אב"
	if diff := cmp.Diff(want, post.Text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.wants(w.asks(w.lilei, "unread"), `#1 \*\*Title\*\* & \<more\> · read 0/4`)
}

func TestPlainAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	for _, test := range []struct {
		said say
		want string
	}{
		{say{Text: ""}, "**我能告诉群里谁还没读消息。**"},
		{say{Text: "？"}, "**我能告诉群里谁还没读消息。**"},
		{say{Text: "help"}, "**I tell a group who has not read a message.**"},
		{say{Text: "帮助"}, "**我能告诉群里谁还没读消息。**"},
		{say{Picture: true}, "我只看得懂文字。"},
		{say{Text: "谁没读", OverQuota: true}, "贵组织本月的钉钉消息推送额度已用完"},
		{say{Text: "列表"}, "本群还没有发过公告。"},
		{say{Text: "list"}, "Nothing has been announced in this group yet."},
		{say{Text: "未读"}, "本群还没有发过公告。"},
		{say{Text: "read"}, "Nothing has been announced in this group yet."},
		{say{Text: "谁没读 #7"}, "本群没有 #7 这条公告"},
		{say{Text: "unread 7"}, "There is no #7 in this group"},
		{say{Text: "recall 99999999999999999999"}, "There is no #1000000000 in this group"},
		{say{Text: "公告"}, "要发什么？"},
		{say{Text: "announce"}, "What shall I post?"},
		{say{Text: "撤回"}, "要撤回哪一条？"},
		{say{Text: "recall"}, "Which one?"},
		{say{Text: "今天天气真不错"}, "没听懂。我会「公告」「谁没读」"},
		{say{Text: "good morning everybody"}, `I know "announce", "who read"`},
		{say{Text: "还有谁没读", Shape: dingtalktest.ShapeText}, "本群还没有发过公告。"},
		{say{Text: "who has read the book"}, `Did you mean "who read"?`},
		{say{Text: "谁看了我的书"}, "你是想说「谁看了」吗？"},
		{say{Text: "提醒 #1 短信"}, "你是想说「提醒 #1」吗？"},
		{say{Text: "公告怎么发"}, "我能告诉群里谁还没读消息"},
		{say{Text: "撤回 #9？"}, "我能告诉群里谁还没读消息"},
		{say{Text: "提醒？"}, "我能告诉群里谁还没读消息"},
		{say{Text: "公告 谁没读"}, "没有发出：「谁没读」更像是对我说的话，不像标题。"},
		{say{Text: "公告 18:00前 谁没读"}, "没有发出：「谁没读」更像是对我说的话，不像标题。"},
		{say{Text: "announce stop #3"}, `Not posted: "stop \#3" looks like something said to me`},
		{say{Text: "提醒我三点开会"}, "我不会定时提醒个人"},
		{say{Text: "remind me at 3"}, "I remind nobody of other things"},
		{say{Text: "取消 #3"}, "没听懂。"}, // nothing waits for its time yet
		{say{Text: "停机维护那条谁没看"}, "没有找到你说的那条公告"},
	} {
		got := w.ask(w.lilei, test.said)
		w.wants(got.Text, test.want)
		if strings.ContainsAny(got.Title, "\n*") || got.Title == "" {
			t.Errorf("notification %q", got.Title)
		}
	}
	if len(w.posted()) != 0 || w.dingtalk.Counted() != 0 {
		t.Errorf("%d messages posted and %d calls counted for plain answers", len(w.posted()), w.dingtalk.Counted())
	}
}

// A whole group would hear the answer to whoever has got it.
func TestCourtesyIsNotAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	for _, text := range []string{"收到", "收到，谢谢", "1", "好的", "谢谢", "👍", "[OK]", "got it", "thanks!", "ok", "I have read it"} {
		if got := w.tells(w.lisi, text); len(got) != 0 {
			t.Errorf("%q is answered %+v", text, got)
		}
	}
	if n := len(w.posted()); n != 1 {
		t.Errorf("%d messages posted", n)
	}
}

// A word of its title, or the day, tell a message; if two fit the bot asks which.
func TestAMessageIsSpokenOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机维护")
	w.clock.advance(24 * time.Hour)
	w.announce("公告 消防演习")
	w.announce("公告 消防检查")
	for text, want := range map[string]string{
		"停机维护那条谁没看":                   "#1 停机维护",
		"演习的公告谁没看":                    "#2 消防演习",
		"昨天那条谁没看":                     "#1 停机维护",
		"今天那条谁没看":                     "你说的是哪一条：#3、#2？",
		"消防那条谁没看":                     "你说的是哪一条：#3、#2？",
		"停机维护那条谁没看 #3":                "#3 消防检查",
		"年会那个公告谁没看":                   "没有找到你说的那条公告",
		"who hasn't read yesterday's": "#1 停机维护",
	} {
		w.wants(w.asks(w.lisi, text), want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	nobody := func(o *wiring) { o.Policy = receipts.Policy{} }
	for name, test := range map[string]struct {
		options func(*wiring)
		said    spoken
		want    spoken
	}{
		"announcing is for administrators": {
			nil, spoken{"公告 午饭", "announce Lunch"}, spoken{"这个命令只有管理员可以用", "Only administrators may say this"},
		},
		"recalling is for the author": {
			nil, spoken{"撤回 #1", "recall #1"}, spoken{"只有这条公告的发布人和管理员可以撤回它", "Only who announced it, and administrators"},
		},
		"recalling is for administrators": {
			func(o *wiring) { o.Policy.Recall = receipts.Admins },
			spoken{"撤回 #9", "recall #9"},
			spoken{"这个命令只有管理员可以用", "Only administrators may say this"},
		},
		"reports are for administrators": {
			func(o *wiring) { o.Policy.Report = receipts.Admins },
			spoken{"谁没读", "unread"},
			spoken{"这个命令只有管理员可以用", "Only administrators may say this"},
		},
		"the list is a report": {
			func(o *wiring) { o.Policy.Report = receipts.Admins },
			spoken{"列表", "list"},
			spoken{"这个命令只有管理员可以用", "Only administrators may say this"},
		},
		"no rule lets nobody announce": {nobody, spoken{"公告 午饭", "announce Lunch"}, spoken{"没有对任何人开放", "lets nobody"}},
		"no rule lets nobody read":     {nobody, spoken{"谁读了", "who read"}, spoken{"没有对任何人开放", "lets nobody"}},
		"no rule lets nobody list":     {nobody, spoken{"列表", "list"}, spoken{"没有对任何人开放", "lets nobody"}},
		"no rule lets nobody recall":   {nobody, spoken{"撤回 #1", "recall #1"}, spoken{"没有对任何人开放", "lets nobody"}},
		"another group": {
			func(o *wiring) { o.Policy.Groups = []string{"cidOther"} }, spoken{"帮助", "help"}, spoken{"没有被允许在这个群里", "not allowed to work in this group"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			post := w.announce("公告 周五停机")
			w.reconfigure(test.options)
			calls := w.dingtalk.Counted()
			for _, language := range []command.Language{command.Chinese, command.English} {
				got := w.ask(w.zhangsan, say{Text: test.said.in(language)}).Text
				w.wants(got, test.want.in(language))
				if name == "another group" { // whoever can let the bot in must know what to write down
					w.wants(got, w.group.ID())
				}
				w.never(got, "周五停机", "李雷", "韩梅梅")
			}
			if m, err := w.group.Message(post.ID); err != nil || m.Status != dingtalktest.StatusSuccess {
				t.Errorf("the announcement is %s, %v", m.Status, err)
			}
			if len(w.posted()) != 1 || w.dingtalk.Counted() != calls {
				t.Errorf("%d messages posted and %d calls counted for refusals", len(w.posted())-1, w.dingtalk.Counted()-calls)
			}
		})
	}
}

func TestTheAuthorMayRecall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Policy.Announce = receipts.Everyone }})
	w.wants(w.asks(w.zhangsan, "公告 午饭"), "已发出 #1")
	w.wants(w.asks(w.lisi, "撤回 #1"), "只有这条公告的发布人和管理员")
	w.wants(w.asks(w.zhangsan, "撤回 #1"), "已撤回 #1")
}

func TestAConfiguredAdministrator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Policy.Admins = []string{"zhangsan"} }})
	w.wants(w.asks(w.zhangsan, "公告 午饭"), "已发出 #1")
	w.wants(w.asks(w.lisi, "公告 晚饭"), "只有管理员")
}

func TestOutsidersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) {
		o.Policy = receipts.Policy{Announce: receipts.Everyone, Report: receipts.Everyone, Recall: receipts.Everyone, Admins: []string{""}}
	}})
	w.must(w.group.Join(w.lilei, w.john))
	w.announce("公告 周五停机")
	calls := w.dingtalk.Counted()
	for _, text := range []string{"公告 午饭", "谁没读", "列表", "撤回 #1", "帮助", ""} {
		got := w.asks(w.john, text)
		w.wants(got, "只有本组织的成员可以用我")
		w.never(got, "周五停机", "李雷")
	}
	w.wants(w.asks(w.john, "unread"), "Only members of this organisation can use me.")
	if len(w.posted()) != 1 || w.dingtalk.Counted() != calls {
		t.Error("something was done for somebody from outside")
	}
}

func TestAnUnpublishedAppKnowsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{dingtalk: dingtalktest.Options{Unpublished: true}})
	w.wants(w.asks(w.lilei, "公告 午饭"), "请管理员检查应用是否已发布")
}

func TestAloneWithTheBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 周五停机")
	chat := w.dingtalk.Direct(w.lilei)
	for text, want := range map[string]string{
		"帮助": "我在群里工作：把我加进群", "公告 午饭": "我在群里工作", "谁没读 #1": "我在群里工作", "": "我在群里工作", "hello": "I work in groups: add me to one",
	} {
		got := w.answer(w.carryOut(chat, w.heard(chat, w.lilei, say{Text: text})))
		w.wants(got.Text, want)
		w.never(got.Text, "周五停机")
	}
	// Where the webhook is over, the answer is a message to that person.
	data := w.heard(chat, w.lilei, say{Text: "帮助"})
	w.clock.advance(2 * time.Hour)
	if got := w.carryOut(chat, data); len(got) != 1 || got[0].Via != dingtalktest.ViaDirect {
		t.Errorf("answered by %+v", got)
	}
}

func TestAFixedLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Language = command.English }})
	w.wants(w.asks(w.lilei, "公告 午饭"), "Posted as #1, to be read by 4.")
	w.wants(w.asks(w.lilei, "谁没读"), "read 0/4")
}

func TestTheDefaultLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Default = command.English }})
	w.wants(w.asks(w.lilei, ""), "I tell a group")
	w.wants(w.asks(w.lilei, "12"), "I know")
	w.wants(w.asks(w.lilei, "公告 午饭"), "已发出 #1")
}

// msgParam holds title and text as JSON: 15,000 bytes are DingTalk's limit.
func TestTooLong(t *testing.T) {
	t.Parallel()
	envelope := len(`{"title":"T","text":"T  \n"}`)
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		command := spoken{"公告 T\n", "announce T\n"}.in(language)
		fits := strings.Repeat("x", dingtalk.MaxMsgParamBytes-envelope)
		for _, long := range []string{fits + "x", strings.Repeat("读", 20_000), strings.Repeat("\n", 40_000) + "end"} {
			w.wants(w.asks(w.lilei, command+long), spoken{"太长了，没有发出：钉钉一条消息最多 15000 字节", "Too long, nothing was posted: DingTalk takes 15000 bytes"}.in(language))
		}
		if w.dingtalk.Counted() != 0 || len(w.posted()) != 0 {
			t.Errorf("%d calls counted, %d messages posted", w.dingtalk.Counted(), len(w.posted()))
		}
		w.wants(w.asks(w.lilei, "list"), "Nothing has been announced")
		if post := w.announce(command + fits); post.Text != markdown("T", fits) {
			t.Errorf("%d bytes were posted", len(post.Text))
		}
		w.wants(w.asks(w.lilei, "list"), "#1 T") // the first number: none was wasted
	})
}

func TestPicturesAreNotCarriedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	picture := map[string]any{"type": "picture", "downloadCode": "code"}
	ask := func(parts ...string) dingtalktest.Message {
		data := edit(t, w.heard(w.group, w.lilei, say{RichText: parts}), func(frame map[string]any) {
			content := frame["content"].(map[string]any)
			content["richText"] = append(content["richText"].([]any), picture, picture)
		})
		return w.answer(w.carryOut(w.group, data))
	}
	w.wants(ask("公告 周五停机\n", "请保存").Text, markdown("已发出 #1，4 人应读。说「谁没读」随时查看。", "图片没有带上（2 张），只发了文字。"))
	w.wants(ask("announce Lunch").Text, "Posted as #2, to be read by 4.", "Pictures are not carried over (2); only the text was posted.")
	w.wants(ask(" ").Text, "我只看得懂文字")
	if posts := w.posted(); len(posts) != 2 || posts[0].Text != markdown("周五停机", "请保存") || posts[1].Text != "Lunch" {
		t.Fatalf("posted %+v", posts)
	}
	w.wants(w.ask(w.lisi, say{RichText: []string{"谁", "没读 #1"}}).Text, "#1 周五停机 · 已读 0/4")
}

func TestACommandIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	data := w.heard(w.group, w.lilei, say{Text: "公告 周五停机"})
	var accepting sync.WaitGroup
	for range 20 {
		accepting.Go(func() { w.bot.Accept(context.Background(), "frame1", data) })
	}
	accepting.Wait()
	commands := w.inbox.take()
	if len(commands) != 1 {
		t.Fatalf("%d commands in the inbox, want 1", len(commands))
	}
	for range 20 { // by replicas that each thought that the one before had died
		w.must(w.bot.Work(w.soon(), commands[0], false))
	}
	if posts := w.posted(); len(posts) != 1 {
		t.Fatalf("%d announcements, want 1", len(posts))
	}
	for _, m := range w.group.Messages() {
		if m.Via == dingtalktest.ViaWebhook && m.Text != "已发出 #1，4 人应读。说「谁没读」随时查看。" {
			t.Errorf("answered %q", m.Text)
		}
	}
}

// At the same moment, on several replicas: one of them sends.
func TestACommandIsCarriedOutOnceAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: "公告 周五停机"}))
	command := w.inbox.take()[0]
	var working sync.WaitGroup
	for range 20 {
		replica := w.newBot(w.wiring)
		working.Go(func() {
			if err := replica.Work(w.soon(), command, false); err != nil {
				t.Error(err)
			}
		})
	}
	working.Wait()
	if posts := w.posted(); len(posts) != 1 {
		t.Fatalf("%d announcements, want 1", len(posts))
	}
	w.wants(w.asks(w.lisi, "谁没读"), "#1 周五停机 · 已读 0/4")
}

func TestFramesThatAreNotForTheBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	data := w.heard(w.group, w.lilei, say{Text: "公告 周五停机"})
	for name, frame := range map[string][]byte{
		"another robot's": edit(t, data, func(f map[string]any) { f["robotCode"] = "dingother" }),
		"no group":        edit(t, data, func(f map[string]any) { delete(f, "conversationId") }),
		"broken":          data[:len(data)/2],
		"empty":           nil,
	} {
		w.bot.Accept(context.Background(), "frame1", frame)
		if taken := w.inbox.take(); len(taken) != 0 {
			t.Errorf("%s: accepted", name)
		}
	}
	w.wants(w.log.String(), "frame is for another robot", "frame dropped")
	// One without a robotCode is: DingTalk delivers to one app only.
	w.carryOut(w.group, edit(t, data, func(f map[string]any) { delete(f, "robotCode") }))
	if len(w.posted()) != 1 {
		t.Error("nothing was posted")
	}
}

// Without a msgId the frame's own id tells commands apart.
func TestFramesWithoutMsgID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	data := edit(t, w.heard(w.group, w.lilei, say{Text: "公告 周五停机"}), func(f map[string]any) { delete(f, "msgId") })
	for _, id := range []string{"frame1", "frame1", "frame2"} {
		w.bot.Accept(context.Background(), id, data)
	}
	if got := len(w.inbox.take()); got != 2 {
		t.Errorf("%d commands, want 2", got)
	}
}

func TestWhenRedisIsDown(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for _, lost := range []bool{false, true} { // the command, or only Redis's answer
			w := newWorld(t, setup{})
			data := w.heard(w.group, w.lilei, say{Text: spoken{"公告 周五停机", "announce Lunch"}.in(language)})
			if lost {
				w.inbox.lost = errRedis
			} else {
				w.inbox.fail = errRedis
			}
			w.bot.Accept(context.Background(), "frame1", data)
			w.bot.Close() // everybody is told
			told := w.answer(w.group.Messages()[1:])
			w.wants(told.Text, spoken{"你的命令没有执行，什么也没有发出", "your command was not carried out and nothing was posted"}.in(language))
			w.never(told.Text, "10.0.0.1")

			// Redis is back. DingTalk may push the same frame again, or the command be
			// in the inbox after all: the sender was told that nothing was done.
			w.inbox.fail, w.inbox.lost = nil, nil
			if got := w.carryOut(w.group, data); len(got) != 0 {
				t.Errorf("carried out after all: %+v", got)
			}
			w.wants(w.asks(w.lilei, "list"), "Nothing has been announced")
			w.wants(w.log.String(), "command not accepted", "command was refused before")
		}
	})
}

// However many were refused before, the latest are remembered, and no more than those.
func TestTheLatestRefusalsAreRemembered(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	w := newWorld(t, setup{})
	data := w.heard(w.group, w.lilei, say{Text: "公告 周五停机"})
	w.inbox.fail = errRedis
	w.wire.cut(true) // nobody can be told either, which is quick
	numbered := func(i int) []byte {
		return edit(t, data, func(frame map[string]any) { frame["msgId"] = fmt.Sprint("msg", i) })
	}
	for i := range 10_001 {
		w.bot.Accept(context.Background(), "frame", numbered(i))
	}
	w.bot.Accept(context.Background(), "frame", data)
	w.bot.Close()
	w.wire.cut(false)
	w.inbox.fail = nil
	if got := w.carryOut(w.group, data); len(got) != 0 {
		t.Errorf("carried out after all: %+v", got)
	}
	if got := w.carryOut(w.group, numbered(0)); len(got) != 2 {
		t.Errorf("the first one is still refused: %+v", got)
	}
}

// With other settings it is the same bot: who was told before that nothing was done
// stays told, and the commands that it is at finish with theirs.
func TestABotGoesOnWithOtherSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	before := w.bot
	data := w.heard(w.group, w.lilei, say{Text: "公告 周五停机"})
	w.inbox.fail = errRedis
	before.Accept(context.Background(), "frame1", data)

	w.wiring.Policy.Announce = "nobody"
	w.bot = before.Reconfigure(w.wiring.made())
	w.bot.Close() // everybody is told, whom either of them began to tell
	w.wants(w.answer(w.group.Messages()[1:]).Text, "你的命令没有执行")
	w.inbox.fail = nil
	if got := w.carryOut(w.group, data); len(got) != 0 {
		t.Errorf("carried out after all: %+v", got)
	}
	w.wants(w.asks(w.lilei, "公告 周五停机"), "没有对任何人开放")
	w.bot = before
	w.wants(w.asks(w.lilei, "公告 周五停机"), "已发出 #1")
}

func TestWhenTooManyCommandsWait(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.inbox.fail = fmt.Errorf("%w: the inbox is full", bot.ErrBusy)
		w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: spoken{"公告 周五停机", "announce Lunch"}.in(language)}))
		w.bot.Close()
		w.wants(w.answer(w.group.Messages()[1:]).Text, spoken{"要处理的命令太多，你的命令没有执行", "Too many commands are waiting and yours was not carried out"}.in(language))
	})
}

// While Redis is down and DingTalk is slow, everybody of a burst is told, by a bounded
// number of goroutines, and Accept still returns at once.
func TestTellingIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	data := w.heard(w.group, w.lilei, say{Text: "谁没读"})
	w.inbox.fail = errRedis
	release := w.wire.holdUp()
	for i := range 504 {
		w.bot.Accept(context.Background(), "frame1", edit(t, data, func(f map[string]any) { f["msgId"] = fmt.Sprint("msg", i) }))
	}
	release()
	w.bot.Close()
	if told := len(w.group.Messages()) - 1; told != 500 {
		t.Errorf("%d people were told, want 500", told)
	}
	if missed := strings.Count(w.log.String(), "nobody told the sender"); missed != 4 {
		t.Errorf("the log tells of %d that were not, want 4", missed)
	}
}

// What the records do not answer is tried again, and given up some day.
func TestWhenTheRecordsAreGone(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 停机")
		for _, said := range []spoken{
			{"公告 周五停机", "announce Lunch"}, {"谁没读", "unread"}, {"谁读了 #1", "read #1"}, {"列表", "list"}, {"撤回 #1", "recall #1"},
		} {
			w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: said.in(language)}))
		}
		w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: spoken{"撤回", "recall"}.in(language), Quote: post.ID}))
		w.loseStore()
		before := len(w.group.Messages())
		for _, command := range w.inbox.take() {
			err := w.bot.Work(w.soon(), command, false)
			if err == nil {
				t.Errorf("done without records: %s", command)
				continue
			}
			w.bot.GiveUp(w.soon(), command, false, err)
		}
		told := w.group.Messages()[before:]
		for _, m := range told {
			w.wants(m.Text, spoken{"试了几次都没有做成", "I tried several times and gave up"}.in(language))
		}
		if len(told) != 6 || len(w.posted()) != 1 {
			t.Errorf("%d people were told and %d announcements posted, want 6 and none", len(told), len(w.posted())-1)
		}
	})
}

func TestACommandThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	broken := receipts.Job{ID: "msg1", Kind: bot.MessageJob, Body: "{"}
	if err := w.bot.Work(w.soon(), broken, false); err == nil {
		t.Error("carried out")
	}
	w.bot.GiveUp(w.soon(), broken, false, errRedis)
	if got := w.group.Messages(); len(got) != 0 {
		t.Errorf("said %+v", got)
	}
}

// unrecorded loses what became of a send.
type unrecorded struct{ receipts.Store }

func (u unrecorded) Mark(context.Context, string, int, receipts.Change) (receipts.Message, error) {
	return receipts.Message{}, receipts.ErrNoMessage
}

func TestSentButNotRecorded(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		healthy := w.bot
		w.reconfigure(func(o *wiring) {
			o.Store = unrecorded{o.Store}
		})
		w.wants(w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language)),
			spoken{"#1 已经发出，但没能记下来", "#1 was posted, but I could not write it down"}.in(language))
		// Quoting it later, as the sentence says, brings it back.
		w.bot = healthy
		post := w.posted()[0]
		w.must(w.group.ReadAll(post.ID, w.zhangsan))
		w.wants(w.ask(w.lisi, say{Text: "谁没读", Quote: post.ID, QuoteFull: true}).Text, "#1 周五停机", "它正在发送，稍等再问")
		w.clock.advance(10 * time.Minute)
		w.wants(w.ask(w.lisi, say{Text: "谁没读", Quote: post.ID, QuoteFull: true}).Text, "#1 周五停机 · 已读 1/4")
	})
}

// An announcement of the bot's that is in no record is adopted when quoted.
func TestAQuotedMessageIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	sent, err := w.wiring.Platform.Post(w.soon(), w.group.ID(), receipts.Post{Title: "旧公告", Text: "旧公告\n正文"})
	w.must(err)
	post := w.posted()[0]
	w.must(w.group.ReadAll(post.ID, w.zhangsan))
	w.wants(w.ask(w.lisi, say{Text: "谁读了", Quote: post.ID, QuoteFull: true}).Text, "#1 旧公告 · 已读 1/4", "已读 1 人：张三", "未读 3 人：李雷、韩梅梅、李四")
	w.wants(w.asks(w.lisi, "未读 1"), "#1 旧公告 · 已读 1/4")
	w.wants(w.ask(w.zhangsan, say{Text: "撤回", Quote: post.ID}).Text, "只有这条公告的发布人和管理员") // nobody's
	w.wants(w.ask(w.lilei, say{Text: "撤回", Quote: post.ID}).Text, "已撤回 #1")
	w.never(w.log.String(), sent.Key)
}

func TestQuotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	first := w.announce("公告 一")
	w.announce("公告 二")
	chatter, err := w.group.Say(w.zhangsan, say{Text: "#1 是什么", NoAt: true})
	w.must(err)
	about1 := w.ask(w.lilei, say{Text: "谁没读 #1"})
	about2 := w.ask(w.lilei, say{Text: "谁没读"})
	list := w.ask(w.lilei, say{Text: "列表"})
	for name, test := range map[string]struct {
		said say
		want string
	}{
		"an announcement":                      {say{Text: "谁没读", Quote: first.ID}, "#1 一"},
		"an announcement, without its content": {say{Text: "谁没读", Quote: first.ID, QuoteBare: true}, "#1 一"},
		"a number wins":                        {say{Text: "谁没读 #2", Quote: first.ID}, "#2 二"},
		"an announcement, in rich text":        {say{RichText: []string{"谁没读"}, Quote: first.ID}, "#1 一"},
		"an answer about it":                   {say{Text: "谁没读", Quote: about1.ID}, "#1 一"},
		"an answer about the other":            {say{Text: "unread", Quote: about2.ID}, "#2 二"},
		"an answer, without its content":       {say{Text: "谁没读", Quote: about1.ID, QuoteBare: true}, "你引用的不是我能统计的公告"},
		"the list":                             {say{Text: "谁没读", Quote: list.ID}, "你引用的不是我能统计的公告"},
		"a person":                             {say{Text: "谁没读", Quote: chatter.ID}, "你引用的不是我能统计的公告"},
		"a person, in English":                 {say{Text: "recall", Quote: chatter.ID}, "What you quoted is not an announcement that I can track."},
		"a person, in rich text":               {say{RichText: []string{"谁没读"}, Quote: chatter.ID}, "你引用的不是我能统计的公告"},
	} {
		if got := w.ask(w.lilei, test.said).Text; !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	// The answer went by a way that has a key, which DingTalk does not know.
	w.violations = []string{"Invalid processQueryKey"}
	data := edit(t, w.heard(w.group, w.lilei, say{Text: "谁没读", Quote: about1.ID}), func(f map[string]any) { f["originalProcessQueryKey"] = "none" })
	w.wants(w.answer(w.carryOut(w.group, data)).Text, "#1 一")

	// Quoting the question "which one?" answers it by no number of its own.
	which := w.ask(w.lilei, say{Text: "撤回"})
	w.wants(w.ask(w.lilei, say{Text: "撤回", Quote: which.ID}).Text, "你引用的不是我能统计的公告")
}

// No group sees another group's messages: neither by number nor by a quote.
func TestGroupsAreApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	post := w.announce("公告 机密")
	w.must(w.group.ReadAll(post.ID, w.zhangsan))
	other := w.dingtalk.AddGroup(dingtalktest.GroupOptions{Title: "别的群"}, w.lilei, w.john)
	ask := func(text string, change func(map[string]any)) string {
		data := w.heard(other, w.lilei, say{Text: text, Shape: dingtalktest.ShapeText})
		if change != nil {
			data = edit(t, data, change)
		}
		return w.answer(w.carryOut(other, data)).Text
	}
	quoting := func(text, senderID string) func(map[string]any) {
		return func(frame map[string]any) {
			frame["originalProcessQueryKey"] = post.ProcessQueryKey
			frame["text"].(map[string]any)["isReplyMsg"] = true
			frame["text"].(map[string]any)["repliedMsg"] = map[string]any{"senderId": senderID, "content": map[string]any{"text": text}}
		}
	}
	w.violations = []string{"Invalid processQueryKey"} // DingTalk itself never shows one group's key in another
	for _, got := range []string{
		ask("谁没读", nil), ask("谁没读 #1", nil), ask("列表", nil), ask("撤回 #1", nil),
		ask("谁没读", quoting("机密", "")), ask("撤回", quoting("机密", "")),
	} {
		w.never(got, "机密", "张三", "/4")
		if !strings.Contains(got, "没有") && !strings.Contains(got, "不是我能统计的公告") {
			t.Errorf("answered %q", got)
		}
	}
	if m, err := w.group.Message(post.ID); err != nil || m.Status != dingtalktest.StatusSuccess {
		t.Errorf("the announcement is %s, %v", m.Status, err)
	}
	// The other group counts by itself.
	w.carryOut(other, w.heard(other, w.lilei, say{Text: "公告 别的"}))
	w.wants(ask("谁没读 #1", nil), "#1 别的 · 已读 0/1", "未读 1 人：李雷", "1 位外部人员无法统计")
	w.wants(w.asks(w.lisi, "谁没读 #1"), "#1 机密 · 已读 1/4")
}

func TestAPlainGroup(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}})
		where := spoken{"（会话 " + w.group.ID() + "）", "(conversation " + w.group.ID() + ")"}.in(language)
		w.wants(w.asks(w.lilei, spoken{"公告 停机", "announce 停机"}.in(language)),
			spoken{"已发出 #1，但不知道群里有谁", "Posted as #1, but I don't know who is in the group"}.in(language), "members.rosters", where)
		w.must(w.group.ReadAll(w.posted()[0].ID, w.zhangsan))
		got := w.asks(w.lisi, spoken{"谁读了", "who read"}.in(language))
		w.wants(got, spoken{"#1 停机 · 已读 1 人", "#1 停机 · read by 1"}.in(language), "张三", where)
		w.never(got, "李四", "%", spoken{"未读 ", "Unread ("}.in(language))
	})
}

func TestAPlainGroupWithARoster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		group: dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain, ID: "cidPlain"},
		rosters: map[string]platform.RosterOptions{
			"cidPlain": {Users: []string{"lilei", "zhangsan", "zhangsan", ""}, Departments: []int64{7}},
			"cidOther": {Users: []string{"lisi"}},
		},
	})
	w.dingtalk.SetDepartment(7, w.zhangsan, w.hanmeimei)
	w.wants(w.asks(w.lilei, "公告 停机"), "已发出 #1，3 人应读")
	w.must(w.group.ReadAll(w.posted()[0].ID, w.zhangsan))
	w.wants(w.asks(w.lisi, "谁读了"), "#1 停机 · 已读 1/3", "已读 1 人：张三", "未读 2 人：李雷、韩梅梅", "成员来自管理员配置的名册")
}

func TestAChatOfTheApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		group:   dingtalktest.GroupOptions{Kind: dingtalktest.KindChat, ID: "cidChat", ChatID: "chat1"},
		rosters: map[string]platform.RosterOptions{"cidChat": {ChatID: "chat1"}},
	})
	w.announce("公告 停机")
	w.wants(w.asks(w.lisi, "who read"), "#1 停机 · read 0/4", "Nobody has read it yet.", "Unread (4): 李雷, 韩梅梅, 张三, 李四", "members: the chat's list")
}

func TestAGroupWithACoolApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp, CoolAppCode: "COOLAPP-1"}})
	w.announce("公告 停机")
	w.must(w.group.UninstallCoolApp(w.lilei))
	w.clock.advance(11 * time.Minute)
	got := w.asks(w.lisi, "谁没读")
	w.wants(got, "#1 停机 · 已读至少 0/4", "群成员没有取全", "本群的群酷应用没有装好")
	w.never(got, "未读 ")
}

func TestExcludedPeopleAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Excluded = []string{"lilei"} }})
	w.wants(w.asks(w.lilei, "公告 停机"), "已发出 #1，3 人应读")
	got := w.asks(w.lisi, "谁没读")
	w.wants(got, "已读 0/3", "未读 3 人：韩梅梅、张三、李四")
}

func TestNamesAreLookedUpOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{NoNicks: true}})
	w.announce("公告 停机")
	for range 2 {
		w.wants(w.asks(w.lisi, "谁没读"), "未读 4 人：李雷、韩梅梅、张三、李四")
	}
	// Li Lei and Li Si spoke: their frames say what they are called.
	if got := w.dingtalk.CallCount(dingtalktest.APIUser); got != 2 {
		t.Errorf("user/get was called %d times, want 2", got)
	}
}

func TestNamesThatNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{NoNicks: true}, options: func(o *wiring) {
		o.Excluded = []string{"lilei", "lisi"} // they speak, and are known by their frames
	}})
	w.announce("公告 停机")
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIUser, Kind: dingtalktest.PermissionDenied})
	got := w.asks(w.lisi, "谁没读")
	w.wants(got, "#1 停机 · 已读 0/2", "未读 2 人：查不到姓名")
	w.never(got, "hanmeimei", "zhangsan")
	w.wants(w.log.String(), "names missing")
}

func TestMaxNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{NoNicks: true}, options: func(o *wiring) { o.MaxNames = 2 }})
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID, w.lisi))
	w.wants(w.asks(w.lisi, "谁读了"), "已读 1 人：李四", "未读 3 人：李雷、韩梅梅等，另有 1 人未列名")
	if got := w.dingtalk.CallCount(dingtalktest.APIUser); got != 1 { // Li Lei and Li Si spoke
		t.Errorf("user/get was called %d times for one name", got)
	}
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.must(w.group.Join(w.lilei, w.dingtalk.AddPerson(dingtalktest.Person{Name: "@all **[点](http://evil)**\n# \u202e大", UserID: "x"})))
	w.wants(w.asks(w.lilei, "公告 停机"), "5 人应读")
	w.wants(w.asks(w.lilei, "谁没读"), `未读 5 人：李雷、韩梅梅、张三、李四、@all \*\*\[点\]\(http://evil\)…`)
}

// Names that take most room in JSON: the answer is cut, not lost.
func TestAnAnswerThatIsTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.MaxNames = 5_000 }})
	var crowd []dingtalktest.Person
	for range 600 {
		crowd = append(crowd, w.dingtalk.AddPerson(dingtalktest.Person{Name: strings.Repeat(`"`, 24)}))
	}
	w.must(w.group.Join(w.lilei, crowd...))
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID, crowd[:300]...))
	w.wants(w.asks(w.lilei, "谁读了"), "#1 停机 · 已读 300/604 · 49%", "已读 300 人：", "未读 304 人：")
}

// A question costs one query, and none while its answer is fresh.
func TestQuestionsShareAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	w.dingtalk.ResetCalls()
	for range 3 {
		w.asks(w.lisi, "谁没读")
	}
	w.clock.advance(9 * time.Second)
	w.wants(w.asks(w.lisi, "谁没读"), "（9 秒前）")
	if got := w.dingtalk.CallCount(dingtalktest.APIQuery); got != 1 {
		t.Errorf("%d queries, want 1", got)
	}
	w.clock.advance(time.Second)
	w.never(w.asks(w.lisi, "谁没读"), "秒前")
	if got := w.dingtalk.CallCount(dingtalktest.APIQuery); got != 2 {
		t.Errorf("%d queries, want 2", got)
	}
	if got := w.dingtalk.CallCount(dingtalktest.APIMembers); got != 0 {
		t.Errorf("the members were asked for %d times although they are known", got)
	}
}

func TestTheWebhookIsOver(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world){
		"as its frame said": func(w *world) { w.clock.advance(90 * time.Minute) },
		"a moment before":   func(w *world) { w.clock.advance(90*time.Minute - 4*time.Second) },
		"earlier":           func(w *world) { w.dingtalk.ExpireWebhooks() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			data := w.heard(w.group, w.lilei, say{Text: "帮助"})
			end(w)
			got := w.carryOut(w.group, data)
			if len(got) != 1 || got[0].Via != dingtalktest.ViaSend || !strings.Contains(got[0].Text, "谁没读") {
				t.Errorf("answered %+v, want one message to the group", got)
			}
		})
	}
}

// A frame can hold any address. The bot answers, but never there.
func TestAForeignWebhookIsNeverCalled(t *testing.T) {
	t.Parallel()
	foreign := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was called", r.Method, r.URL)
	}))
	t.Cleanup(foreign.Close)
	w := newWorld(t, setup{})
	hook := strings.TrimPrefix(foreign.URL, "http://")
	for _, address := range []string{
		foreign.URL + "/robot/sendBySession?session=stolen", "https://" + hook, "http://oapi.dingtalk.com@" + hook, "https://evil.invalid/?session=stolen",
		"file:///etc/passwd", "not an address", "://", "",
	} {
		data := edit(t, w.heard(w.group, w.lilei, say{Text: "帮助"}), func(f map[string]any) { f["sessionWebhook"] = address })
		got := w.carryOut(w.group, data)
		if len(got) != 1 || got[0].Via != dingtalktest.ViaSend {
			t.Errorf("%q: answered %+v, want one message to the group", address, got)
		}
	}
	w.never(w.log.String(), "stolen", hook, "evil.invalid")
}

func TestReportsToThePersonAlone(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Direct = true }})
		w.announce("公告 停机")
		for _, said := range []spoken{{"谁没读", "unread"}, {"列表", "list"}} {
			got := w.asks(w.zhangsan, said.in(language))
			if got != (spoken{"结果已私信发给你。", "I sent you the answer directly."}).in(language) {
				t.Errorf("the group sees %q", got)
			}
		}
		private := w.dingtalk.Direct(w.zhangsan).Messages()
		if len(private) != 2 {
			t.Fatalf("%d messages to the person, want 2", len(private))
		}
		w.wants(private[0].Text, "#1 停机", "0/4", "李雷")
		w.wants(private[1].Text, "#1 停机", "0/4")
		// What is no report stays in the group.
		w.wants(w.asks(w.zhangsan, spoken{"谁没读 #9", "unread #9"}.in(language)), "#9")
		w.wants(w.asks(w.lilei, spoken{"帮助", "help"}.in(language)), spoken{"**公告 标题**", "**announce Title**"}.in(language))
	})
}

func TestAPersonWhoCannotBeReached(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Direct = true }})
		w.announce("公告 停机")
		question, sorry := spoken{"谁没读", "unread"}.in(language), spoken{"结果没能私信发给你", "I could not send you the answer directly"}.in(language)
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIDirect, Times: 1, Kind: dingtalktest.Code, Code: "robot.oto.notExist"})
		got := w.asks(w.zhangsan, question)
		w.wants(got, sorry)
		w.never(got, "停机", "李四")

		data := edit(t, w.heard(w.group, w.zhangsan, say{Text: question}), func(f map[string]any) { f["senderStaffId"] = "unknown" })
		got = w.answer(w.carryOut(w.group, data)).Text
		w.wants(got, sorry)
		w.never(got, "停机", "李四")
	})
}

// What waits in the inbox is all that another replica needs.
func TestAnotherReplicaCarriesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: "公告 停机\n请保存"}))
	command := w.inbox.take()[0]
	if !json.Valid([]byte(command.Body)) {
		t.Errorf("%q is no JSON", command.Body)
	}
	w.must(w.newBot(w.wiring).Work(w.soon(), command, false))
	if posts := w.posted(); len(posts) != 1 || posts[0].Text != markdown("停机", "请保存") {
		t.Errorf("posted %+v", posts)
	}
}

// A shutdown while a command is being carried out leaves it for later.
func TestAShutdownInBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: "帮助"}))
	command := w.inbox.take()[0]
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.bot.Work(ctx, command, false); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	w.bot.GiveUp(ctx, command, false, errRedis)
	if got := w.group.Messages()[1:]; len(got) != 0 {
		t.Errorf("said %+v", got)
	}
	w.wants(w.log.String(), "command given up", "sender not told")
	w.never(w.log.String(), "reply goes another way") // there is none any more
	w.must(w.bot.Work(w.soon(), command, false))
	w.wants(w.answer(w.group.Messages()[1:]).Text, "谁没读")
}
