package bot_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/platform"
)

// event lets the bot take an event of the group; fields is more of its data.
func (w *world) event(kind, fields string) {
	w.Helper()
	data := fmt.Appendf(nil, `{"openConversationId":%q,"timeStamp":%d%s}`, w.group.ID(), w.clock.now().UnixMilli(), fields)
	w.must(w.bot.Event(w.soon(), kind, time.Time{}, 0, data))
}

// In a plain group the bot begins with whom it heard, says so, and what an
// administrator can do about it.
func TestMembersAreLearned(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, learned: true})
		unread := spoken{"谁没读", "unread"}.in(language)
		notAll := spoken{"名单不全：只算我见过的人", "I only know some of the members"}.in(language)
		w.wants(w.asks(w.lilei, spoken{"公告 停机", "announce 停机"}.in(language)),
			spoken{"已发出 #1。这个群的名单钉钉不给，我只认得其中 1 人", "Posted as #1. DingTalk does not tell me who is in this group; I know 1 of them"}.in(language),
			spoken{"管理员说「用量」", `say "usage"`}.in(language))
		w.wants(w.asks(w.lilei, unread), spoken{"**我认得的 1 人都读了**", "**All I know here (1) have read**"}.in(language), notAll)

		w.clock.advance(time.Minute)
		post := w.posted()[0]
		w.must(w.group.ReadAll(post.ID, w.zhangsan, w.lilei))
		got := w.asks(w.lisi, unread) // who comes to be known after the message may have come after it
		w.wants(got, spoken{"**我认得的 2 人都读了**", "**All I know here (2) have read**"}.in(language), notAll)
		w.never(got, "100%", "全部", "verybody", "李四")

		w.event("chat_add_member", `,"userId":["hanmeimei","newcomer"]`)
		w.clock.advance(time.Minute)
		w.event("chat_quit", `,"operator":"newcomer"`)
		w.wants(w.asks(w.lilei, spoken{"公告 二", "announce 二"}.in(language)), spoken{"只认得其中 4 人", "I know 4 of them"}.in(language))
		w.wants(w.asks(w.lilei, unread), "#2", "1/4", "韩梅梅", "张三", "李四", notAll)
		w.event("chat_remove_member", `,"userId":["hanmeimei"]`)
		w.clock.advance(time.Minute)
		got = w.asks(w.lilei, unread)
		w.wants(got, "1/3", spoken{"1 人没读就退了群", "1 left without reading"}.in(language))
		w.never(got, "韩梅梅")
		if calls := w.dingtalk.CallCount(dingtalktest.APIMembers); calls != 1 {
			t.Errorf("the members were asked for %d times", calls)
		}
	})
}

func TestOutsidersAreNotLearned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, learned: true})
	w.must(w.group.Join(w.lilei, w.john))
	w.asks(w.john, "谁没读")
	w.event("chat_quit", `,"operator":""`)
	w.event("chat_add_member", `,"userId":[],"unionId":["john"]`)
	w.wants(w.asks(w.lilei, "公告 停机"), "只认得其中 1 人")
}

// An audience that a list told is not made smaller by a learned list: only who was
// seen leaving has left.
func TestALostMemberListIsMadeUpForByWhatIsLearned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{learned: true})
	w.wants(w.asks(w.lilei, "公告 停机"), "4 人应读")
	w.clock.advance(time.Hour)
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIMembers, Kind: dingtalktest.PermissionDenied})
	w.wants(w.asks(w.lisi, "谁没读"), "已读 1/4", "3 人没读", "名单不全：只算我见过的人")
	w.event("chat_quit", `,"operator":"lisi"`)
	w.wants(w.asks(w.lilei, "谁没读"), "2 人没读", "1 人没读就退了群")
	w.wants(w.asks(w.lilei, "公告 二"), "只认得其中 1 人", "管理员说「用量」")
}

func TestNothingIsWrittenOfGroupsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Policy.Groups = []string{"another"} }})
	w.asks(w.lilei, "帮助")
	w.event("chat_add_member", `,"userId":["zhangsan"]`)
	w.event("chat_update_title", `,"title":"秘密"`)
	w.event("im_cool_app_install", `,"coolAppCode":"COOLAPP-1"`)
	noticed, err := w.store.Sightings(w.soon(), w.group.ID(), 50)
	title, titleErr := w.store.Title(w.soon(), w.group.ID())
	code, codeErr := w.store.CoolApp(w.soon(), w.group.ID())
	if err := errors.Join(err, titleErr, codeErr); err != nil || len(noticed.Signs)+len(noticed.Readers) > 0 || title != "" || code != "" {
		t.Errorf("%v %q %q, %v", noticed, title, code, err)
	}
}

// A report to one person says which group it is about, by the group's newest title.
func TestReportsToThePersonAloneNameTheGroup(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: "产品*群"}, options: func(o *wiring) { o.Direct = true }})
		w.announce("公告 停机")
		w.asks(w.zhangsan, spoken{"谁没读", "unread"}.in(language))
		w.event("chat_update_title", `,"title":"研发群"`)
		w.event("chat_update_title", `,"title":""`)
		w.asks(w.zhangsan, spoken{"列表", "list"}.in(language)) // its frame says the old title once more
		private := w.dingtalk.Direct(w.zhangsan).Messages()
		w.wants(private[0].Text, spoken{`群「产品\*群」  `, `In the group 产品\*群:  `}.in(language)+"\n**")
		w.wants(private[0].Title, spoken{"还有 3 人没读", "3 have not read"}.in(language), "#1 停机")
		w.wants(private[1].Text, spoken{`群「产品\*群」  `, `In the group 产品\*群:  `}.in(language)+"\n**")
		title, err := w.store.Title(w.soon(), w.group.ID())
		if err != nil || title != "产品*群" {
			t.Errorf("the title is %q, %v", title, err)
		}
	})
}

// Installing a cool app may give the group a member list: what failed is asked again.
func TestTheCoolAppIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, learned: true})
	apps := &platform.CoolApps{Records: w.store, Configured: "COOLAPP-0", Log: receipts.RequestLog(zap.NewNop())}
	w.asks(w.lilei, "公告 停机")
	w.wants(w.asks(w.lilei, "用量"), "群成员列表没给出成员")
	for _, step := range []struct{ kind, fields, want string }{
		{"im_cool_app_install", `,"coolAppCode":"COOLAPP-1","robotCode":"another"`, "COOLAPP-0"},
		{"im_cool_app_install", "", "COOLAPP-0"},
		{"im_cool_app_install", `,"coolAppCode":"COOLAPP-1","operator":"lilei"`, "COOLAPP-1"},
		{"im_cool_app_uninstall", `,"coolAppCode":"COOLAPP-2"`, "COOLAPP-1"},
		{"im_cool_app_uninstall", `,"coolAppCode":"COOLAPP-1"`, "COOLAPP-0"},
		{"im_cool_app_install", `,"coolAppCode":"COOLAPP-3"`, "COOLAPP-3"},
		{"chat_disband", "", "COOLAPP-0"},
	} {
		w.event(step.kind, step.fields)
		if got := apps.Code(w.soon(), w.group.ID()); got != step.want {
			t.Errorf("after %+v: %q", step, got)
		}
	}
	if refusals, err := w.store.Refusals(w.soon(), w.group.ID()); len(refusals) != 0 || err != nil {
		t.Errorf("still refused: %v, %v", refusals, err)
	}
}

// noCoolApps is a store that does not answer.
type noCoolApps struct{}

func (noCoolApps) CoolApp(ctx context.Context, _ string) (string, error) {
	if _, ok := ctx.Deadline(); !ok {
		return "", errors.New("would wait for ever")
	}
	<-ctx.Done()
	return "", ctx.Err()
}

func TestWithoutTheStoreTheConfiguredCoolAppIsUsed(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	apps := &platform.CoolApps{Records: noCoolApps{}, Configured: "COOLAPP-0", Log: receipts.RequestLog(logTo(log))}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if code := apps.Code(ctx, "cid"); code != "COOLAPP-0" {
		t.Errorf("%q", code)
	}
	if log.String() == "" {
		t.Error("the log says nothing")
	}
}

func TestUsageTellsOfTheLastPush(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 停机")
		_, err := w.store.SavePushedReads(w.soon(), w.group.ID(), post.ProcessQueryKey, map[string]time.Time{"zhangsan": w.clock.now()})
		w.must(err)
		w.wants(w.asks(w.lilei, spoken{"用量", "usage"}.in(language)), spoken{"最近一次推送的已读：今天 14:35", "Last pushed read: today 14:35"}.in(language))
	})
}

func TestUsageWithoutTheRecordsIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	data := w.heard(w.group, w.lilei, say{Text: "用量"})
	w.bot.Accept(t.Context(), "frame", data)
	commands := w.inbox.take()
	w.loseStore()
	if err := w.bot.Work(w.soon(), commands[0], false); err == nil {
		t.Error("it passes for done")
	}
}
