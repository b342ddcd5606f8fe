package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/platform"
)

// code is DingTalk refusing a call with a code.
func code(api, code string) dingtalktest.Fault {
	return dingtalktest.Fault{API: api, Kind: dingtalktest.Code, Code: code, Message: "secret words of DingTalk's"}
}

// Every refusal of an announcement is told in its own sentence, in the language
// of the command. Nothing is in the group then, and the list says so.
func TestAnnouncementsThatFail(t *testing.T) {
	t.Parallel()
	send := dingtalktest.APISend
	for name, test := range map[string]struct {
		fault dingtalktest.Fault
		want  spoken
	}{
		"throttled":             {dingtalktest.Fault{API: send, Kind: dingtalktest.Throttled}, spoken{"钉钉限制了调用频率", "DingTalk limits how often I may ask"}},
		"the group is too fast": {code(send, "send.too.fast"), spoken{"钉钉限制了调用频率", "DingTalk limits how often I may ask"}},
		"quota spent":           {dingtalktest.Fault{API: send, Kind: dingtalktest.QuotaSpent}, spoken{"本月的钉钉接口调用额度已用完", "API calls of this month are used up"}},
		"no permission":         {dingtalktest.Fault{API: send, Kind: dingtalktest.PermissionDenied}, spoken{"应用缺少接口权限", "The app lacks a permission"}},
		"unauthorized":          {code(send, "unauthorized"), spoken{"应用缺少接口权限", "The app lacks a permission"}},
		"address":               {dingtalktest.Fault{API: send, Kind: dingtalktest.NotInWhiteList}, spoken{"出口地址不在应用的白名单里", "address is not on the app's allow list"}},
		"credentials":           {code(dingtalktest.APIToken, "invalidClientIdOrSecret"), spoken{"应用凭证不对", "The app's credentials are wrong"}},
		"token":                 {code(send, "InvalidAuthentication"), spoken{"钉钉不认应用的访问凭证", "DingTalk does not accept the app's token"}},
		"bot stopped":           {code(send, "bot.stopped"), spoken{"机器人已被停用", "The bot was switched off"}},
		"bot not in the group":  {code(send, "invalidParameter.robotCode.notExsit"), spoken{"机器人不在这个群里", "The bot is not in this group"}},
		"robot code":            {code(send, "invalidParameter.robotCode.auth"), spoken{"机器人编码不对", "The robot code is wrong"}},
		"cool app":              {code(send, "invalidParameter.robotCode.coolApp"), spoken{"本群的群酷应用没有装好", "The group's cool app is not set up"}},
		"disbanded":             {code(send, "group.disbanded"), spoken{"这个群已解散", "This group was disbanded"}},
		"unknown group":         {code(send, "invalid.openConversationId"), spoken{"钉钉不认得这个群", "DingTalk does not know this group"}},
		"another organisation":  {code(send, "conversation.org.dismatch"), spoken{"这个群不属于本组织", "This group belongs to another organisation"}},
		"may not write":         {code(send, "bot.forbidden.sendMessage"), spoken{"机器人在这个群里不能发言", "The bot may not write in this group"}},
		"too long after all":    {code(send, "invalidParameter.msgParam.tooLong"), spoken{"消息太长", "The message is too long"}},
		"text refused":          {code(send, "contain.notAllowed.text"), spoken{"钉钉的内容检查没有通过", "DingTalk's content check refused it"}},
		"link refused":          {code(send, "contain.unsafe.url"), spoken{"请改一改文字或链接", "change the text or its links"}},
		"bad request":           {code(send, "paramIllegal"), spoken{"钉钉不接受这个请求", "DingTalk did not accept the request"}},
		"a code of tomorrow":    {code(send, "brand.new"), spoken{"出了意料之外的错", "Something unexpected went wrong"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{})
				w.asks(w.lilei, "公告 先前的") // so that the members are known
				if test.fault.API == dingtalktest.APIToken {
					w.dingtalk.ExpireTokens()
				}
				w.dingtalk.Inject(test.fault)
				got := w.asks(w.lilei, spoken{"公告 停机", "announce 停机"}.in(language))
				w.wants(got, spoken{"#2 没有发出。", "#2 was not posted. "}.in(language), test.want.in(language))
				w.never(got, "secret words", "已发出", "Posted as")
				w.dingtalk.ClearFaults()
				w.wants(w.asks(w.lilei, spoken{"列表", "list"}.in(language)), spoken{"#2 停机 · 没有发出", "#2 停机 · not posted"}.in(language))
				w.wants(w.asks(w.lilei, spoken{"谁没读 #2", "unread #2"}.in(language)), test.want.in(language))
				w.wants(w.asks(w.lilei, spoken{"撤回 #2", "recall #2"}.in(language)), spoken{"#2 没有撤回。它本来就没有发出", "#2 was not recalled. It was never posted"}.in(language))
				w.wants(w.asks(w.lilei, spoken{"谁没读", "unread"}.in(language)), "#1 先前的") // what failed is not the latest
				if posts := w.posted(); len(posts) != 1 {
					t.Errorf("%d messages in the group, want 1", len(posts))
				}
			})
		})
	}
}

// Where nobody knows whether it was delivered, it is called uncertain and never
// sent again; whoever sees it in the group quotes it.
func TestAnnouncementsThatAreUncertain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault     dingtalktest.Fault
		delivered bool
	}{
		"cut off before":   {dingtalktest.Fault{Kind: dingtalktest.DropBefore}, false},
		"server error":     {dingtalktest.Fault{Kind: dingtalktest.ServerError}, false},
		"unknown result":   {dingtalktest.Fault{Kind: dingtalktest.Code, Code: "unknown.send.result"}, false},
		"cut off after":    {dingtalktest.Fault{Kind: dingtalktest.DropAfter}, true},
		"done but error":   {dingtalktest.Fault{Kind: dingtalktest.DoneButError}, true},
		"a truncated body": {dingtalktest.Fault{Kind: dingtalktest.TruncatedBody}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{})
				fault := test.fault
				fault.API, fault.Times = dingtalktest.APISend, 1
				w.dingtalk.Inject(fault)
				data := w.heard(w.group, w.lilei, say{Text: spoken{"公告 停机", "announce 停机"}.in(language)})
				w.bot.Accept(context.Background(), "frame1", data)
				command := w.inbox.take()[0]
				for range 3 { // however often it is carried out
					before := len(w.group.Messages())
					w.must(w.bot.Work(w.soon(), command, false))
					w.wants(w.answer(w.group.Messages()[before:]).Text,
						spoken{"#1 是否送达不确定，为免重复不会自动再发。群里若看得到它", "It is uncertain whether #1 was delivered; I will not send it again, so that nobody gets it twice. If you see it"}.in(language))
				}
				if got := w.dingtalk.CallCount(dingtalktest.APISend); got != 1 {
					t.Errorf("sent %d times", got)
				}
				w.wants(w.asks(w.lilei, spoken{"谁没读", "unread"}.in(language)), spoken{"它是否送达不确定", "It is uncertain whether it was delivered"}.in(language))
				w.wants(w.asks(w.lilei, spoken{"撤回 #1", "recall #1"}.in(language)), spoken{"#1 没有撤回。它是否送达不确定", "#1 was not recalled. It is uncertain"}.in(language))

				posts := w.posted()
				if !test.delivered {
					if len(posts) != 0 {
						t.Errorf("posted %+v", posts)
					}
					return
				}
				w.must(w.group.ReadAll(posts[0].ID, w.zhangsan))
				w.wants(w.ask(w.lisi, say{Text: "who read", Quote: posts[0].ID, QuoteFull: true}).Text, `**Read 2/4** #1 "停机"`, "Read (2): 李雷, 张三")
				w.wants(w.asks(w.lilei, "撤回 #1"), "已撤回 #1")
			})
		})
	}
}

// An answer in another content type is an answer all the same.
func TestAnAnswerOfAnotherContentType(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: dingtalktest.WrongContentType})
	w.wants(w.asks(w.lilei, "公告 停机"), "已发出 #1")
}

// What a report lacks is said, with the reason; and nobody is called unread.
func TestReportsThatAreIncomplete(t *testing.T) {
	t.Parallel()
	query, members := dingtalktest.APIQuery, dingtalktest.APIMembers
	part := map[string]spoken{
		query:   {"已读名单没有取全，所以不列未读的人。", "I could not get all readers, so I don't name anybody as unread. "},
		members: {"群成员没有取全，可能有人已退群，所以不列未读的人。", "I could not get all members and some may have left, so I don't name anybody as unread. "},
	}
	for name, test := range map[string]struct {
		fault dingtalktest.Fault
		want  spoken
	}{
		"readers throttled":          {dingtalktest.Fault{API: query, Kind: dingtalktest.ThrottledPlatform}, spoken{"钉钉限制了调用频率", "DingTalk limits how often"}},
		"readers quota":              {dingtalktest.Fault{API: query, Kind: dingtalktest.QuotaSpent}, spoken{"本月的钉钉接口调用额度已用完", "API calls of this month are used up"}},
		"readers permission":         {dingtalktest.Fault{API: query, Kind: dingtalktest.PermissionDenied}, spoken{"应用缺少接口权限", "The app lacks a permission"}},
		"readers server error":       {dingtalktest.Fault{API: query, Kind: dingtalktest.ServerError}, spoken{"钉钉没有响应", "DingTalk did not answer"}},
		"readers cut off":            {dingtalktest.Fault{API: query, Kind: dingtalktest.DropAfter}, spoken{"钉钉没有响应", "DingTalk did not answer"}},
		"readers bot stopped":        {code(query, "bot.stopped"), spoken{"机器人已被停用", "The bot was switched off"}},
		"readers no data yet":        {code(query, "processQueryKey.expireTime"), spoken{"钉钉还没有阅读数据", "DingTalk has no read data yet"}},
		"readers key":                {code(query, "invalid.processQueryKey"), spoken{"钉钉不认得这条消息", "DingTalk does not know this message"}},
		"readers empty pages":        {dingtalktest.Fault{API: query, Kind: dingtalktest.EmptyPage}, spoken{"钉钉返回的分页有误", "DingTalk's pages make no sense"}},
		"readers repeated cursor":    {dingtalktest.Fault{API: query, Kind: dingtalktest.RepeatedCursor}, spoken{"钉钉的回答看不懂", "DingTalk's answer makes no sense"}},
		"readers endless cursors":    {dingtalktest.Fault{API: query, Kind: dingtalktest.EndlessCursor}, spoken{"钉钉返回的分页有误", "DingTalk's pages make no sense"}},
		"members throttled":          {dingtalktest.Fault{API: members, Kind: dingtalktest.ThrottledPerMinute}, spoken{"钉钉限制了调用频率", "DingTalk limits how often"}},
		"members quota":              {dingtalktest.Fault{API: members, Kind: dingtalktest.QuotaSpent}, spoken{"本月的钉钉接口调用额度已用完", "API calls of this month are used up"}},
		"members permission":         {dingtalktest.Fault{API: members, Kind: dingtalktest.PermissionDenied}, spoken{"应用缺少接口权限", "The app lacks a permission"}},
		"members none":               {code(members, "groupPermissionDenied"), spoken{"这个群的名单钉钉不给", "DingTalk does not tell me who is in this group"}},
		"members cool app":           {code(members, "coolAppUninstalled"), spoken{"本群的群酷应用没有装好", "The group's cool app is not set up"}},
		"members endless cursors":    {dingtalktest.Fault{API: members, Kind: dingtalktest.EndlessCursor}, spoken{"钉钉返回的分页有误", "DingTalk's pages make no sense"}},
		"members a code of tomorrow": {code(members, "brand.new"), spoken{"出了意料之外的错", "Something unexpected went wrong"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{group: dingtalktest.GroupOptions{ID: "cid1=="}})
				post := w.announce("公告 停机")
				w.must(w.group.ReadAll(post.ID, w.zhangsan))
				w.clock.advance(5 * time.Minute)
				w.asks(w.lisi, "谁没读") // so that something is known
				w.must(w.group.ReadAll(post.ID, w.hanmeimei))
				w.clock.advance(6 * time.Minute)
				if test.fault.Code == "processQueryKey.expireTime" { // the same code means "no longer" later
					w.announce("公告 停机")
				}

				w.dingtalk.Inject(test.fault)
				got := w.asks(w.lisi, spoken{"谁读了", "who read"}.in(language))
				w.wants(got, spoken{"至少读了 ", "Read at least "}.in(language), part[test.fault.API].in(language), test.want.in(language))
				w.never(got, spoken{"人没读", "Unread ("}.in(language), "李四", "secret words")

				w.dingtalk.ClearFaults()
				w.clock.advance(6 * time.Hour)
				// An administrator asks: for others a spent quota is remembered.
				w.wants(w.asks(w.lilei, spoken{"谁没读 #1", "unread #1"}.in(language)), "3/4", "李四")
			})
		})
	}
}

func TestAMessageThatIsBeingDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	post := w.announce("公告 停机")
	w.must(w.group.SetSendStatus(post.ID, dingtalktest.StatusProcessing))
	w.wants(w.asks(w.lisi, "谁没读"), "**至少读了 1/4** #1「停机」", "钉钉还在投递这条消息")
	w.wants(w.asks(w.lisi, "unread"), `**Read at least 1/4** #1 "停机"`, "DingTalk is still delivering it")
}

// DingTalk forgets; what was known before is kept, and nobody is called unread.
func TestAMessageThatExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{dingtalk: dingtalktest.Options{KeyTTL: time.Hour}})
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID, w.zhangsan))
	w.asks(w.lisi, "谁没读")
	w.must(w.group.ReadAll(post.ID, w.lisi))
	w.clock.advance(2 * time.Hour)
	w.wants(w.asks(w.lisi, "谁没读"), "**至少读了 2/4** #1「停机」", "请过十几分钟再问一次") // one answer proves nothing
	w.clock.advance(16 * time.Minute)
	for _, text := range []string{"谁读了", "谁读了 #1"} { // it is the latest until that is known
		got := w.asks(w.lisi, text)
		w.wants(got, "**钉钉已不再提供数据** #1「停机」", "至少读了 2/4", "已读 2 人：李雷、张三", "钉钉已不再提供这条消息的阅读数据", "截至今天 14:35")
		w.never(got, "人没读", "李四")
	}
	w.wants(w.asks(w.lisi, "list"), "no longer tracked by DingTalk · today")
}

func TestAGroupThatWasDisbanded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID, w.zhangsan))
	w.asks(w.lisi, "谁没读")
	w.clock.advance(time.Minute)
	for range 2 { // one answer proves nothing
		w.dingtalk.Inject(code(dingtalktest.APIQuery, "group.disbanded"))
		w.clock.advance(16 * time.Minute)
		w.wants(w.asks(w.lisi, "谁没读"), "至少读了 2/4", "解散")
	}
	got := w.asks(w.lisi, "谁没读 #1")
	w.wants(got, "至少读了 2/4", "**群已解散** #1「停机」")
	w.never(got, "人没读")
	w.wants(w.asks(w.lilei, "recall #1"), "The group of #1 was disbanded.")
}

// forgetful loses what became of a message once.
type forgetful struct {
	receipts.Store
	once *sync.Once
}

func (f forgetful) Mark(ctx context.Context, group string, number int, c receipts.Change) (m receipts.Message, err error) {
	f.once.Do(func() { err = errRedis })
	if err != nil {
		return receipts.Message{}, err
	}
	return f.Store.Mark(ctx, group, number, c)
}

// DingTalk took it back and the record did not hear of it: the command is
// carried out again, and ends well.
func TestRecalledButNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	post := w.announce("公告 停机")
	w.reconfigure(func(o *wiring) {
		o.Store = forgetful{o.Store, new(sync.Once)}
	})
	w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: "撤回", Quote: post.ID}))
	command := w.inbox.take()[0]
	if err := w.bot.Work(w.soon(), command, false); !errors.Is(err, errRedis) {
		t.Fatalf("%v, want the records' error", err)
	}
	before := len(w.group.Messages())
	w.must(w.bot.Work(w.soon(), command, false))
	w.wants(w.answer(w.group.Messages()[before:]).Text, "已撤回 #1。")
}

func TestRostersThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		roster platform.RosterOptions
		fault  dingtalktest.Fault
		want   []string
	}{
		"a department out of sight": {platform.RosterOptions{Departments: []int64{7}}, code(dingtalktest.APIDepartment, "50004"), []string{"已发出 #1，但不知道群里有谁", "应用缺少接口权限"}},
		"a department that is gone": {platform.RosterOptions{Departments: []int64{8}}, dingtalktest.Fault{}, []string{"已发出 #1，但不知道群里有谁", "出了意料之外的错"}},
		"a quota that is spent":     {platform.RosterOptions{ChatID: "chat1"}, code(dingtalktest.APIChat, "90020"), []string{"#1 没有发出", "本月的钉钉接口调用额度已用完"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{
				group:   dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain, ID: "cidPlain"},
				rosters: map[string]platform.RosterOptions{"cidPlain": test.roster},
			})
			if test.fault.API != "" {
				w.dingtalk.Inject(test.fault)
			}
			got := w.asks(w.lilei, "公告 停机")
			w.wants(got, test.want...)
			w.never(got, "secret words")
		})
	}
}

func TestAMessageThatSomebodyRecalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	post := w.announce("公告 停机")
	w.must(w.group.Recall(w.lilei, post.ID))
	got := w.asks(w.lisi, "谁没读")
	w.wants(got, "#1 停机", "它已被撤回")
	w.never(got, "人没读")
	w.wants(w.asks(w.lisi, "recall #1"), "Only its author") // and still nobody else's
}

func TestRecallsThatFail(t *testing.T) {
	t.Parallel()
	api := dingtalktest.APIRecall
	for name, test := range map[string]struct {
		fault dingtalktest.Fault
		want  spoken
	}{
		"throttled":            {dingtalktest.Fault{API: api, Kind: dingtalktest.Throttled}, spoken{"钉钉限制了调用频率", "DingTalk limits how often"}},
		"quota":                {dingtalktest.Fault{API: api, Kind: dingtalktest.QuotaSpent}, spoken{"本月的钉钉接口调用额度已用完", "API calls of this month are used up"}},
		"permission":           {dingtalktest.Fault{API: api, Kind: dingtalktest.PermissionDenied}, spoken{"应用缺少接口权限", "The app lacks a permission"}},
		"bot stopped":          {code(api, "bot.stopped"), spoken{"机器人已被停用", "The bot was switched off"}},
		"bot not in the group": {code(api, "invalidParameter.robotCode.notExsit"), spoken{"机器人不在这个群里", "The bot is not in this group"}},
		"key":                  {code(api, "invalid.processQueryKey"), spoken{"钉钉不认得这条消息", "DingTalk does not know this message"}},
		"a code of tomorrow":   {code(api, "brand.new"), spoken{"出了意料之外的错", "Something unexpected went wrong"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{})
				post := w.announce("公告 停机")
				w.dingtalk.Inject(test.fault)
				w.wants(w.asks(w.lilei, spoken{"撤回 #1", "recall #1"}.in(language)), spoken{"#1 没有撤回。", "#1 was not recalled. "}.in(language), test.want.in(language))
				if m, err := w.group.Message(post.ID); err != nil || m.Status != dingtalktest.StatusSuccess {
					t.Errorf("it is %s, %v", m.Status, err)
				}
				w.dingtalk.ClearFaults()
				w.clock.advance(10 * time.Minute) // past the pause after a spent quota
				w.wants(w.asks(w.lilei, spoken{"撤回 #1", "recall #1"}.in(language)), spoken{"已撤回 #1。", "Recalled #1."}.in(language))
			})
		})
	}
}

// The answer to a recall got lost: DingTalk is asked whether it is gone.
func TestRecallsThatAreUncertain(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		recall := spoken{"撤回 #1", "recall #1"}.in(language)
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIRecall, Kind: dingtalktest.DropAfter, Times: 1})
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.ServerError, Times: 3})
		w.wants(w.asks(w.lilei, recall), spoken{"#1 是否已撤回不确定", "It is uncertain whether #1 was recalled"}.in(language), spoken{"钉钉没有响应", "DingTalk did not answer"}.in(language))
		w.wants(w.asks(w.lilei, recall), spoken{"已撤回 #1。", "Recalled #1."}.in(language)) // as the sentence says: once more

		w.announce("公告 午饭")
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIRecall, Kind: dingtalktest.DropAfter, Times: 1})
		w.wants(w.asks(w.lilei, strings.ReplaceAll(recall, "1", "2")), spoken{"已撤回 #2。", "Recalled #2."}.in(language))
	})
}

// A quoted message without a record that DingTalk can't be asked about: the reason is told.
func TestQuotesThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault dingtalktest.Fault
		want  spoken
	}{
		"quota":       {dingtalktest.Fault{Kind: dingtalktest.QuotaSpent}, spoken{"本月的钉钉接口调用额度已用完", "API calls of this month are used up"}},
		"permission":  {dingtalktest.Fault{Kind: dingtalktest.PermissionDenied}, spoken{"应用缺少接口权限", "The app lacks a permission"}},
		"bot stopped": {dingtalktest.Fault{Kind: dingtalktest.Code, Code: "bot.stopped"}, spoken{"机器人已被停用", "The bot was switched off"}},
		"pages":       {dingtalktest.Fault{Kind: dingtalktest.EndlessCursor}, spoken{"钉钉返回的分页有误", "DingTalk's pages make no sense"}},
		"key":         {dingtalktest.Fault{Kind: dingtalktest.Code, Code: "invalid.processQueryKey"}, spoken{"我只能统计由我发出的公告，这条不是", "I can only count announcements that I posted"}},
		"group":       {dingtalktest.Fault{Kind: dingtalktest.Code, Code: "invalid.openConversationId"}, spoken{"我只能统计由我发出的公告，这条不是", "I can only count announcements that I posted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{})
				_, err := w.wiring.Platform.Post(w.soon(), w.group.ID(), receipts.Post{Title: "旧公告", Text: "旧公告"})
				w.must(err)
				fault := test.fault
				fault.API = dingtalktest.APIQuery
				w.dingtalk.Inject(fault)
				w.wants(w.ask(w.lisi, say{Text: spoken{"谁没读", "unread"}.in(language), Quote: w.posted()[0].ID, QuoteFull: true}).Text, test.want.in(language))
				w.wants(w.asks(w.lisi, "list"), "Nothing has been announced") // nothing was adopted
			})
		})
	}
}

// The members are not known in time: the announcement goes out all the same.
func TestAnnouncingWithoutTheMembers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault dingtalktest.Fault
		want  spoken
	}{
		"throttled":  {dingtalktest.Fault{Kind: dingtalktest.Throttled}, spoken{"钉钉限制了调用频率", "DingTalk limits how often"}},
		"permission": {dingtalktest.Fault{Kind: dingtalktest.PermissionDenied}, spoken{"应用缺少接口权限", "The app lacks a permission"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{})
				fault := test.fault
				fault.API = dingtalktest.APIMembers
				w.dingtalk.Inject(fault)
				w.wants(w.asks(w.lilei, spoken{"公告 停机", "announce 停机"}.in(language)),
					spoken{"已发出 #1，但不知道群里有谁，只能统计已读的人。", "Posted as #1, but I don't know who is in the group and can only tell who has read. "}.in(language), test.want.in(language))
				w.dingtalk.ClearFaults()
				w.clock.advance(6 * time.Hour)
				w.wants(w.asks(w.lisi, "谁没读"), "**还有 3 人没读** #1「停机」", "按今天 20:35 的成员计")
			})
		})
	}
}

// The webhook refuses: the answer goes another way, but is never said twice.
func TestRepliesThatFail(t *testing.T) {
	t.Parallel()
	hook := dingtalktest.APIWebhook
	for name, test := range map[string]struct {
		fault dingtalktest.Fault
		want  []dingtalktest.Via
	}{
		"expired":            {code(hook, "300001"), []dingtalktest.Via{dingtalktest.ViaSend}},
		"no such token":      {code(hook, "300005"), []dingtalktest.Via{dingtalktest.ViaSend}},
		"security settings":  {code(hook, "310000"), []dingtalktest.Via{dingtalktest.ViaSend}},
		"text refused":       {code(hook, "430101"), []dingtalktest.Via{dingtalktest.ViaSend}},
		"a code of tomorrow": {code(hook, "424242"), []dingtalktest.Via{dingtalktest.ViaSend}},
		"throttled":          {code(hook, "130101"), []dingtalktest.Via{dingtalktest.ViaSend}},
		"server error":       {dingtalktest.Fault{API: hook, Kind: dingtalktest.ServerError}, nil},
		"cut off after":      {dingtalktest.Fault{API: hook, Kind: dingtalktest.DropAfter}, []dingtalktest.Via{dingtalktest.ViaWebhook}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			data := w.heard(w.group, w.lilei, say{Text: "列表"})
			w.dingtalk.Inject(test.fault)
			var ways []dingtalktest.Via
			for _, m := range w.carryOut(w.group, data) {
				ways = append(ways, m.Via)
			}
			if len(ways) != len(test.want) || len(ways) == 1 && ways[0] != test.want[0] {
				t.Errorf("answered by %q, want %q", ways, test.want)
			}
		})
	}
}

// No way is open just now: the command is tried again. No way will ever be: it
// is not.
func TestRepliesThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		send  dingtalktest.Fault
		again bool
	}{
		"throttled":   {dingtalktest.Fault{Kind: dingtalktest.Throttled}, true},
		"quota":       {dingtalktest.Fault{Kind: dingtalktest.QuotaSpent}, false},
		"bot stopped": {dingtalktest.Fault{Kind: dingtalktest.Code, Code: "bot.stopped"}, false},
		"uncertain":   {dingtalktest.Fault{Kind: dingtalktest.ServerError}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, say{Text: "列表"}))
			w.dingtalk.ExpireWebhooks()
			test.send.API = dingtalktest.APISend
			w.dingtalk.Inject(test.send)
			if err := w.bot.Work(w.soon(), w.inbox.take()[0], false); (err != nil) != test.again {
				t.Errorf("%v, want an error: %t", err, test.again)
			}
			if got := w.group.Messages()[1:]; len(got) != 0 {
				t.Errorf("said %+v", got)
			}
		})
	}
}

// DingTalk refuses this machine's address: every call fails for five minutes. Who asked,
// or announced something, hears of it after them.
func TestABannedAddress(t *testing.T) {
	t.Parallel()
	for _, kind := range []dingtalktest.FaultKind{dingtalktest.IPBanHTML, dingtalktest.IPBanJSON} {
		for api, c := range map[string]struct{ say, answer string }{
			dingtalktest.APIQuery:   {"谁没读", "#1 停机"},
			dingtalktest.APIWebhook: {"公告 二", "已发出 #2，"},
		} {
			t.Run(fmt.Sprintf("%s of %s", kind, api), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{})
				w.announce("公告 停机")
				command, before := w.accepted(say{Text: c.say}), len(replies(w))
				w.dingtalk.Inject(dingtalktest.Fault{API: api, Kind: kind, Times: 1})
				done := w.answersInVain(w.soon(), command, 2)
				w.clock.advance(6 * time.Minute)
				w.must(<-done)
				said := replies(w)[before:]
				if len(said) != 1 {
					t.Fatalf("it answers %d times: %+v", len(said), said)
				}
				w.wants(said[0].Text, c.answer)
				w.wants(w.log.String(), "ip_banned")
				w.wants(w.asks(w.lisi, "谁没读 1"), "**还有 3 人没读** #1「停机」")
			})
		}
	}
}

// DingTalk takes no more calls for this minute, by whichever way: who asked hears of it
// after that.
func TestNoMoreCallsForTheMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	command, before := w.accepted(say{Text: "谁没读"}), len(replies(w))
	for _, api := range []string{dingtalktest.APIWebhook, dingtalktest.APISend} {
		w.dingtalk.Inject(dingtalktest.Fault{API: api, Kind: dingtalktest.ThrottledPerMinute})
	}
	done := w.answersInVain(w.soon(), command, 2)
	w.dingtalk.ClearFaults()
	w.must(<-done)
	if said := replies(w)[before:]; len(said) != 1 || !strings.HasPrefix(said[0].Text, "**还有 3 人没读** #1「停机」") {
		t.Errorf("said %+v", said)
	}
}

// replies are what the bot said in the group but its announcements.
func replies(w *world) []dingtalktest.Message {
	return slices.DeleteFunc(w.group.Messages(), func(m dingtalktest.Message) bool {
		return !m.FromBot() || strings.HasPrefix(m.Title, "停机") || m.Title == "二"
	})
}

// The log tells of every failure with DingTalk's code, and of no secret: the end
// of every test looks for them.
func TestTheLogTellsWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.dingtalk.Inject(code(dingtalktest.APIMembers, "groupPermissionDenied"))
	w.dingtalk.Inject(code(dingtalktest.APIWebhook, "300001"))
	w.carryOut(w.group, w.heard(w.group, w.lilei, say{Text: "公告 机密的正文"}))
	w.wants(w.log.String(), "command accepted", "audience unknown", "groupPermissionDenied", "announced", "reply goes another way", "300001", "command done", `"verb":"announce"`)
	w.never(w.log.String(), "机密的正文", "李雷") // what people say is nobody else's business
	secrets := w.wire.secrets()
	if len(secrets) == 0 {
		t.Error("no secret was used, so nothing was proven")
	}
}
