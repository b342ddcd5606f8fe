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

// signed is the text of an announcement of Li Lei's as it stands in the group.
func signed(number int, text string) string { return fmt.Sprintf("%s\n\n#%d · 李雷", text, number) }

// markdown is lines as DingTalk's markdown breaks them.
func markdown(lines ...string) string { return strings.Join(lines, "  \n") }

func TestAnnouncementsAreVerbatim(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	body := "    indented  \r\n- **bold** [link](https://example.com)\r\n\r\n👨‍👩‍👧‍👦 ＃１２ אב"
	post := w.announce("announce **Title** & <more>\n" + body)
	want := "**Title** & <more>  \n    indented  \n- **bold** [link](https://example.com)\n\n👨‍👩‍👧‍👦 ＃１２ אב"
	if diff := cmp.Diff(signed(1, want), post.Text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.wants(w.asks(w.lilei, "unread"), `**3 have not read** #1 "\*\*Title\*\* & \<more\>"`)
}

// What no script can say.
func TestAnswersToWhatIsNoText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	for _, test := range []struct {
		said say
		want string
	}{
		{say{Picture: true}, "我只看得懂文字。"},
		{say{Text: "谁没读", OverQuota: true}, "贵组织本月的钉钉消息推送额度已用完"},
		{say{Text: "还有谁没读", Shape: dingtalktest.ShapeText}, "本群还没有发过公告。"},
	} {
		w.wants(w.ask(w.lilei, test.said).Text, test.want)
	}
	if len(w.posted()) != 0 || w.dingtalk.Counted() != 0 {
		t.Errorf("%d messages posted and %d calls counted", len(w.posted()), w.dingtalk.Counted())
	}
}

func TestAloneWithTheBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 周五停机")
	chat := w.dingtalk.Direct(w.lilei)
	for text, want := range map[string]string{
		"帮助": "把我加进群，在群里 @我", "公告 午饭": "把我加进群，在群里 @我", "谁没读 #1": "把我加进群，在群里 @我", "": "把我加进群，在群里 @我", "hello": "Add me to a group",
	} {
		got := w.answer(w.carryOut(chat, w.heard(chat, w.lilei, say{Text: text})))
		w.wants(got.Text, want)
		w.never(got.Text, "周五停机")
	}
	// Where the webhook is over, help is not worth a counted call.
	data := w.heard(chat, w.lilei, say{Text: "帮助"})
	w.clock.advance(2 * time.Hour)
	if got := w.carryOut(chat, data); len(got) != 0 {
		t.Errorf("answered by %+v", got)
	}
}

// msgParam holds title and text as JSON: 15,000 bytes are DingTalk's limit.
func TestTooLong(t *testing.T) {
	t.Parallel()
	envelope := len(`{"title":"T","text":"T  \n\n\n#999999999 · 李雷"}`) // whatever number it will have
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
		if post := w.announce(command + fits); post.Text != signed(1, markdown("T", fits)) {
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
	w.wants(ask("公告 周五停机\n", "请保存").Text, markdown("已发出 #1，4 人应读。说「谁没读」随时看。", "图片没有带上（2 张），只发了文字。"))
	w.wants(ask("announce Lunch").Text, "Posted as #2 for 4 people.", "Pictures are not carried over (2); only the text was posted.")
	w.wants(ask(" ").Text, "我只看得懂文字")
	if posts := w.posted(); len(posts) != 2 || posts[0].Text != signed(1, markdown("周五停机", "请保存")) || posts[1].Text != signed(2, "Lunch") {
		t.Fatalf("posted %+v", posts)
	}
	w.wants(w.ask(w.lisi, say{RichText: []string{"谁", "没读 #1"}}).Text, "**还有 3 人没读** #1「周五停机」")
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
		if m.Via == dingtalktest.ViaWebhook && m.Text != "已发出 #1，4 人应读。说「谁没读」随时看。" {
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
	w.wants(w.asks(w.lisi, "谁没读"), "**还有 3 人没读** #1「周五停机」")
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
		w.wants(w.ask(w.lisi, say{Text: "谁没读", Quote: post.ID, QuoteFull: true}).Text, "**还有 2 人没读** #1「周五停机」")
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
	w.wants(w.ask(w.lisi, say{Text: "谁读了", Quote: post.ID, QuoteFull: true}).Text, "**已读 1/4** #1「旧公告」", "已读 1 人：张三", "未读 3 人：李雷、韩梅梅、李四")
	w.wants(w.asks(w.lisi, "未读 1"), "**还有 3 人没读** #1「旧公告」")
	w.wants(w.ask(w.zhangsan, say{Text: "撤回", Quote: post.ID}).Text, "只有发布人和管理员能撤回") // nobody's
	w.wants(w.ask(w.lilei, say{Text: "撤回", Quote: post.ID}).Text, "已撤回 #1")
	w.never(w.log.String(), sent.Key)
}

// What a quotation means where its frame tells little of what is quoted.
func TestQuotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	first := w.announce("公告 一")
	w.announce("公告 二")
	chatter, err := w.group.Say(w.zhangsan, say{Text: "#1 是什么", NoAt: true})
	w.must(err)
	about1 := w.ask(w.lilei, say{Text: "谁没读 #1"})
	for name, test := range map[string]struct {
		said say
		want string
	}{
		"an announcement, without its content": {say{Text: "谁没读", Quote: first.ID, QuoteBare: true}, "**还有 3 人没读** #1「一」"},
		"an announcement, in rich text":        {say{RichText: []string{"谁没读"}, Quote: first.ID}, "**还有 3 人没读** #1「一」"},
		"an answer, without its content":       {say{Text: "谁没读", Quote: about1.ID, QuoteBare: true}, "我只能统计由我发出的公告，这条不是"},
		"a person, in rich text":               {say{RichText: []string{"谁没读"}, Quote: chatter.ID}, "我只能统计由我发出的公告，这条不是"},
	} {
		if got := w.ask(w.lilei, test.said).Text; !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	// The answer went by a way that has a key, which DingTalk does not know.
	w.violations = []string{"Invalid processQueryKey"}
	data := edit(t, w.heard(w.group, w.lilei, say{Text: "谁没读", Quote: about1.ID, QuoteFull: true}), func(f map[string]any) { f["originalProcessQueryKey"] = "none" })
	w.wants(w.answer(w.carryOut(w.group, data)).Text, "#1 一")
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
		if !strings.Contains(got, "没有") && !strings.Contains(got, "我只能统计由我发出的公告") {
			t.Errorf("answered %q", got)
		}
	}
	if m, err := w.group.Message(post.ID); err != nil || m.Status != dingtalktest.StatusSuccess {
		t.Errorf("the announcement is %s, %v", m.Status, err)
	}
	// The other group counts by itself.
	w.carryOut(other, w.heard(other, w.lilei, say{Text: "公告 别的"}))
	w.wants(ask("谁没读 #1", nil), "✅ #1「别的」1 人都读了。", "外部的 1 人没算")
	w.wants(w.asks(w.lisi, "谁没读 #1"), "**还有 2 人没读** #1「机密」")
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
	w.wants(w.asks(w.lisi, "谁读了"), "**已读 2/3** #1「停机」", "已读 2 人：李雷、张三", "未读 1 人：韩梅梅")
}

func TestAChatOfTheApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		group:   dingtalktest.GroupOptions{Kind: dingtalktest.KindChat, ID: "cidChat", ChatID: "chat1"},
		rosters: map[string]platform.RosterOptions{"cidChat": {ChatID: "chat1"}},
	})
	w.announce("公告 停机")
	w.wants(w.asks(w.lisi, "who read"), `**Read 1/4** #1 "停机"`, "Unread (3): 韩梅梅, 张三, 李四")
}

func TestAGroupWithACoolApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp, CoolAppCode: "COOLAPP-1"}})
	w.announce("公告 停机")
	w.must(w.group.UninstallCoolApp(w.lilei))
	w.clock.advance(11 * time.Minute)
	got := w.asks(w.lisi, "谁没读")
	w.wants(got, "**至少读了 1/4** #1「停机」", "群成员没有取全", "本群的群酷应用没有装好")
	w.never(got, "人没读")
}

func TestNamesThatNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{NoNicks: true}, options: func(o *wiring) {
		o.Excluded = []string{"lilei", "lisi"} // they speak, and are known by their frames
	}})
	w.announce("公告 停机")
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIUser, Kind: dingtalktest.PermissionDenied})
	got := w.asks(w.lisi, "谁没读")
	w.wants(got, "**还有 2 人没读** #1「停机」", "查不到姓名")
	w.never(got, "hanmeimei", "zhangsan")
	w.wants(w.log.String(), "names missing")
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.must(w.group.Join(w.lilei, w.dingtalk.AddPerson(dingtalktest.Person{Name: "@all **[点](http://evil)**\n# \u202e大", UserID: "x"})))
	w.wants(w.asks(w.lilei, "公告 停机"), "5 人应读")
	w.wants(w.asks(w.lilei, "谁没读"), `韩梅梅、张三、李四、@all \*\*\[点\]\(http://evil\)…`)
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
	w.wants(w.asks(w.lilei, "谁读了"), "**已读 301/604** #1「停机」", "已读 301 人：", "未读 303 人：")
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
			data := w.heard(w.group, w.lilei, say{Text: "列表"})
			end(w)
			got := w.carryOut(w.group, data)
			if len(got) != 1 || got[0].Via != dingtalktest.ViaSend || !strings.Contains(got[0].Text, "还没有发过公告") {
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
		data := edit(t, w.heard(w.group, w.lilei, say{Text: "列表"}), func(f map[string]any) { f["sessionWebhook"] = address })
		got := w.carryOut(w.group, data)
		if len(got) != 1 || got[0].Via != dingtalktest.ViaSend {
			t.Errorf("%q: answered %+v, want one message to the group", address, got)
		}
	}
	w.never(w.log.String(), "stolen", hook, "evil.invalid")
}

// The frame names a person whom DingTalk does not know.
func TestAPersonWhoCannotBeReached(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Direct = true }})
		w.announce("公告 停机")
		question := spoken{"谁没读", "unread"}.in(language)
		data := edit(t, w.heard(w.group, w.zhangsan, say{Text: question}), func(f map[string]any) { f["senderStaffId"] = "unknown" })
		got := w.answer(w.carryOut(w.group, data)).Text
		w.wants(got, spoken{"结果没能私信给你", "I could not send you the answer in private"}.in(language))
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
	if posts := w.posted(); len(posts) != 1 || posts[0].Text != signed(1, markdown("停机", "请保存")) {
		t.Errorf("posted %+v", posts)
	}
}

// A shutdown while a command is being carried out leaves it for later.
func TestAShutdownInBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: "列表"}))
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
	w.wants(w.answer(w.group.Messages()[1:]).Text, "还没有")
}
