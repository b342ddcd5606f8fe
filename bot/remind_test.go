package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/platform"
	"whoread/store/storetest/need"
)

// crowd adds so many people to the group.
func (w *world) crowd(n int) []dingtalktest.Person {
	w.Helper()
	crowd := make([]dingtalktest.Person, n)
	for i := range crowd {
		crowd[i] = w.dingtalk.AddPerson(dingtalktest.Person{Name: fmt.Sprintf("人%d", i), UserID: fmt.Sprintf("manager%04d", i)})
	}
	w.must(w.group.Join(w.lilei, crowd...))
	return crowd
}

// In the app a DING reaches 200 people, by SMS and by call 20, which an administrator
// must have allowed.
func TestBatchesOfDINGs(t *testing.T) {
	t.Parallel()
	for how, want := range map[dingtalk.DingType][]int{dingtalk.DingApp: {200, 50}, dingtalk.DingSMS: {20, 20, 5}, dingtalk.DingCall: {20, 20, 5}} {
		t.Run(fmt.Sprint(how), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{ding: how})
			total := 0
			for _, n := range want {
				total += n
			}
			w.crowd(total - 3)
			w.announce("公告 周五停机")
			w.wants(w.asks(w.lilei, "提醒 DING"), fmt.Sprintf("已用 DING 提醒 %d 人。", total))
			var sizes []int
			reached := map[string]int{}
			for _, d := range w.dingtalk.Dings() {
				sizes = append(sizes, len(d.Receivers))
				for _, p := range d.Receivers {
					reached[p.UserID]++
				}
				if d.Type != int(how) {
					t.Errorf("a DING of type %d", d.Type)
				}
			}
			if diff := cmp.Diff(want, sizes); diff != "" || len(reached) != total {
				t.Errorf("%d people reached; batches (-want +got):\n%s", len(reached), diff)
			}
		})
	}
}

// Two messages mention as many as DingTalk takes; the rest is written to in twenties.
// Nobody is missing and nobody reminded twice.
func TestRemindFiveThousand(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: "全员"}})
	crowd := w.crowd(4_996)
	post := w.announce("公告 周五停机")
	w.must(w.group.ReadAll(post.ID, crowd[7]))
	messages := w.tells(w.lilei, "提醒")
	if len(messages) != 2 {
		t.Fatalf("%d messages in the group, want 2", len(messages))
	}
	reminded := map[string]int{}
	mentioned := 0
	for _, m := range messages {
		for _, p := range m.Mentioned {
			reminded[p.UserID]++
			mentioned++
		}
		if !strings.Contains(m.Text, "请看 #1「周五停机」") {
			t.Errorf("a message says %q", m.Text[len(m.Text)-100:])
		}
	}
	directly := 0
	for _, p := range append(crowd, w.lilei, w.hanmeimei, w.zhangsan, w.lisi) {
		n := len(w.private(p))
		reminded[p.UserID] += n
		directly += n
		want := 1
		if p.UserID == crowd[7].UserID || p.UserID == w.lilei.UserID {
			want = 0
		}
		if reminded[p.UserID] != want {
			t.Errorf("%s was reminded %d times, want %d", p.UserID, reminded[p.UserID], want)
		}
	}
	if mentioned < 600 || mentioned+directly != 4_998 {
		t.Errorf("%d were mentioned and %d written to", mentioned, directly)
	}
	if calls, want := w.dingtalk.CallCount(dingtalktest.APIDirect), (directly+19)/20; calls != want {
		t.Errorf("%d calls for %d people, want %d", calls, directly, want)
	}
	w.wants(messages[0].Text, fmt.Sprintf("已私信提醒 %d 人。", directly))
	w.never(messages[1].Text, "已私信")
}

// However much there is to say beside the mentions, DingTalk takes the message.
func TestMentionsWithManyWhoCouldNotBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.MaxNames = 500 }})
	crowd := make([]dingtalktest.Person, 1_500)
	for i := range crowd {
		crowd[i] = w.dingtalk.AddPerson(dingtalktest.Person{Name: strings.Repeat(`"<`, 12), UserID: fmt.Sprintf("manager%04d", i)})
	}
	w.must(w.group.Join(w.lilei, crowd...))
	w.announce("公告 " + strings.Repeat(`"\`, 60))
	w.dingtalk.FlowControl(true, crowd...)
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIDirect, Times: 20, Kind: dingtalktest.ServerError}) // of whom nobody knows
	messages := w.tells(w.lilei, "提醒")
	mentioned := 0
	for _, m := range messages {
		mentioned += len(m.Mentioned)
	}
	if len(messages) != 2 || mentioned < 600 {
		t.Fatalf("%d people mentioned in %d messages", mentioned, len(messages))
	}
	w.wants(messages[0].Text, fmt.Sprintf("%d 人最近收到的消息太多", 1_103-mentioned))
}

// What people chose as names and titles formats nothing, mentions nobody and turns no
// direction, wherever it is said.
func TestRemindersWithHostileNamesAndTitles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		group:   dingtalktest.GroupOptions{Title: "**群**\u202e[x](http://evil)"},
		options: func(o *wiring) { o.Policy.Remind = receipts.Everyone },
	})
	wang := w.dingtalk.AddPerson(dingtalktest.Person{Name: "*王*\n# \u202e五 @all", UserID: "wangwu"})
	twin := w.dingtalk.AddPerson(dingtalktest.Person{Name: wang.Name, UserID: "twin"})
	w.must(w.group.Join(w.lilei, wang, twin))
	w.announce("公告 **停机** [点](http://evil) \u202e`x`\u2066")
	const title = `\*\*停机\*\* \[点\]\(http://evil\) ` + "\\`x\\`"
	const plain = "**停机** [点](http://evil) `x`"

	everybody := []string{"hanmeimei", "zhangsan", "lisi", "twin"}
	got := w.tells(wang, "提醒")
	w.sees("mentions", got, byWebhook("@hanmeimei @zhangsan @lisi @twin 请看 #1「"+title+"」").mentioning(everybody...))
	if want := "请看 #1「" + plain + "」"; got[0].Title != want {
		t.Errorf("the notification is %q, want %q", got[0].Title, want)
	}
	w.wants(w.asks(w.lilei, "提醒"), `\*王\* \# 五 @all 14:35 刚提醒过`)

	w.clock.advance(5 * time.Minute)
	w.dingtalk.FlowControl(true, twin)
	w.sees("the answer", w.tells(wang, "提醒 私信"), byWebhook(`#1「\*\*停机\*\* \[点\]\(http://e…」`, "已私信提醒 3 人。", `1 人最近收到的消息太多，钉钉没有送达：\*王\* \# 五 @all`))
	w.sees("in private", w.private(w.lisi), byDirect(`\*王\* \# 五 @all 提醒你看「\*\*群\*\*\[x\]\(http://evil\)」群的 #1「`+title+`」。`, `在「\*\*群\*\*\[x\]\(http://evil\)」里打开才算已读。`))

	w.clock.advance(5 * time.Minute)
	w.asks(wang, "提醒 DING")
	if got, want := w.dingtalk.Dings()[0].Content, "*王* # 五 @all 提醒你看「**群**[x](http://evil)」群的 #1「"+plain+"」。在「**群**[x](http://evil)」里打开才算已读。"; got != want {
		t.Errorf("the DING says %q, want %q", got, want)
	}

	w.dingtalk.FlowControl(false, twin)
	w.asks(wang, "跟进 #1 每30分钟")
	w.sees("a round", w.pass(30*time.Minute), byWebhook("@hanmeimei @zhangsan @lisi @twin 请看 #1「"+title+"」，已读 1/6").mentioning(everybody...))
}

// Who could not be reminded is told by name, and why.
func TestPeopleWhoCannotBeReminded(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{
			group:   dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain, ID: "cidPlain"},
			rosters: map[string]platform.RosterOptions{"cidPlain": {Users: []string{"lilei", "hanmeimei", "wangwu", "zhangsan"}}},
		})
		wang := w.dingtalk.AddPerson(dingtalktest.Person{Name: "王五", UserID: "wangwu"})
		w.must(w.group.Join(w.lilei, wang))
		w.announce("公告 周五停机")
		w.asks(wang, "谁没读")
		wang.UserID = "rehired"
		w.dingtalk.AddPerson(wang) // wangwu left the organisation
		w.dingtalk.FlowControl(true, w.zhangsan)

		w.sees("in private", w.tells(w.lilei, spoken{"提醒 私信", "remind by direct"}.in(language)), byWebhook(spoken{"#1「周五停机」", `#1 "周五停机"`}.in(language),
			spoken{"已私信提醒 1 人。", "Reminded in private: 1."}.in(language),
			spoken{"1 人收不到提醒：王五", "Can't be reminded (1): 王五"}.in(language),
			spoken{"1 人最近收到的消息太多，钉钉没有送达：张三", "Got too many messages lately, so that DingTalk did not deliver this one (1): 张三"}.in(language)))
		w.clock.advance(5 * time.Minute)
		w.sees("by DING", w.tells(w.lilei, spoken{"提醒 DING", "remind by ding"}.in(language)), byWebhook(spoken{"#1「周五停机」", `#1 "周五停机"`}.in(language),
			spoken{"已用 DING 提醒 2 人。", "Reminded by DING: 2."}.in(language),
			spoken{"1 人收不到提醒：王五", "Can't be reminded (1): 王五"}.in(language)))
		known, err := w.store.Snapshot(w.soon(), w.group.ID(), 1)
		w.must(err)
		if diff := cmp.Diff(map[string]int{"hanmeimei": 2, "zhangsan": 1}, known.Reminders); diff != "" {
			t.Errorf("only who was reached counts as reminded (-want +got):\n%s", diff)
		}
	})
}

func TestADINGQuotaThatIsSpent(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.crowd(297)
		w.announce("公告 周五停机")
		w.dingtalk.SetDingQuota(dingtalktest.DingQuota{App: 250})
		got := w.asks(w.lilei, spoken{"提醒 DING", "remind by ding"}.in(language))
		w.wants(got, spoken{"已用 DING 提醒 200 人。", "Reminded by DING: 200."}.in(language),
			spoken{"100 人没有提醒：人197、人198", "Not reminded (100): 人197, 人198"}.in(language),
			spoken{"贵组织的 DING 用完了，换一种方式提醒吧。", "Your organisation has no DINGs left; remind in another way."}.in(language))
	})
}

// Where nobody knows whether people were reminded, that is said, and they are not
// reminded again, however often the command is carried out.
func TestRemindersThatAreUncertain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		command spoken
		api     string
		kind    dingtalktest.FaultKind
	}{
		"mention, delivered":     {spoken{"提醒", "remind"}, dingtalktest.APIWebhook, dingtalktest.DropAfter},
		"mention, not delivered": {spoken{"提醒", "remind"}, dingtalktest.APIWebhook, dingtalktest.DropBefore},
		"direct, delivered":      {spoken{"提醒 私信", "remind by direct"}, dingtalktest.APIDirect, dingtalktest.DropAfter},
		"direct, truncated":      {spoken{"提醒 私信", "remind by direct"}, dingtalktest.APIDirect, dingtalktest.TruncatedBody},
		"direct, not delivered":  {spoken{"提醒 私信", "remind by direct"}, dingtalktest.APIDirect, dingtalktest.ServerError},
		"DING, delivered":        {spoken{"提醒 DING", "remind by ding"}, dingtalktest.APIDing, dingtalktest.DoneButError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{})
				w.announce("公告 周五停机")
				data := w.heard(w.group, w.lilei, say{Text: test.command.in(language)})
				w.dingtalk.Inject(dingtalktest.Fault{API: test.api, Times: 1, Kind: test.kind})
				w.bot.Accept(w.soon(), "frame", data)
				command := w.inbox.take()[0]
				maybe := byWebhook(spoken{"#1「周五停机」", `#1 "周五停机"`}.in(language), spoken{
					"3 人是否提醒到不确定，为免打扰不再重复：韩梅梅、张三、李四",
					"Perhaps reminded already, and so not again (3): 韩梅梅, 张三, 李四",
				}.in(language))
				for range 3 {
					before := len(w.group.Messages())
					w.must(w.bot.Work(w.soon(), command, false))
					got := w.group.Messages()[before:]
					w.sees("the answer", got[len(got)-1:], maybe)
				}
				mentions := 0
				for _, m := range w.group.Messages() {
					mentions += len(m.Mentioned)
				}
				for _, p := range []dingtalktest.Person{w.hanmeimei, w.zhangsan, w.lisi} {
					if reminded := len(w.private(p)) + len(w.dingtalk.Dings()) + mentions/3; reminded > 1 {
						t.Errorf("%s was reminded %d times", p.Name, reminded)
					}
				}
				// Another command has to wait: they may have been reminded.
				w.wants(w.asks(w.lilei, test.command.in(language)), spoken{"刚提醒过", "reminded these 3 of #1"}.in(language))
			})
		})
	}
}

// Where nobody can be mentioned any more, people are written to, or it is said that
// nobody was reminded.
func TestTheWebhookIsOverBeforeTheReminder(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		command := spoken{"提醒", "remind"}.in(language)
		w := newWorld(t, setup{})
		w.announce("公告 周五停机")
		data := w.heard(w.group, w.lilei, say{Text: command})
		w.clock.advance(90 * time.Minute) // in which the command waited
		w.sees("as its frame said", w.carryOut(w.group, data), bySend(spoken{"#1「周五停机」", `#1 "周五停机"`}.in(language), spoken{"已私信提醒 3 人。", "Reminded in private: 3."}.in(language)))
		if n := len(w.private(w.lisi)); n != 1 {
			t.Errorf("%d messages in private", n)
		}

		w.clock.advance(5 * time.Minute)
		data = w.heard(w.group, w.lilei, say{Text: command})
		w.dingtalk.ExpireWebhooks()
		w.sees("earlier", w.carryOut(w.group, data), bySend(spoken{"#1「周五停机」", `#1 "周五停机"`}.in(language),
			spoken{"3 人没有提醒：韩梅梅、张三、李四", "Not reminded (3): 韩梅梅, 张三, 李四"}.in(language),
			spoken{"回复的有效期已过，请再说一次。", "The time to reply was over; please say it again."}.in(language)))
		if got := w.tells(w.lilei, command); len(got) != 1 || len(got[0].Mentioned) != 3 {
			t.Errorf("said again: %+v", got)
		}
	})
}

// failing records do not answer once: at the nth batch that is begun.
type failing struct {
	receipts.Store
	in *atomic.Int32
}

func (f failing) BeginBatch(ctx context.Context, group string, b receipts.BatchStart) (receipts.Standing, error) {
	if f.in.Add(-1) == 0 {
		return receipts.Standing{}, errRedis
	}
	return f.Store.BeginBatch(ctx, group, b)
}

// failAt makes the records fail once, at the nth batch of a reminder.
func (w *world) failAt(n int32) {
	w.reconfigure(func(o *wiring) {
		in := new(atomic.Int32)
		in.Store(n)
		o.Store = failing{o.Store, in}
	})
}

// A reminder that was cut off goes on where it was: nobody is reminded twice, nobody
// forgotten, and who has read meanwhile is left in peace.
func TestAReminderGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	crowd := w.crowd(46)
	post := w.announce("公告 周五停机")
	w.failAt(3)
	w.bot.Accept(w.soon(), "frame", w.heard(w.group, w.lilei, say{Text: "提醒 私信"}))
	command := w.inbox.take()[0]
	if err := w.bot.Work(w.soon(), command, false); !errors.Is(err, errRedis) {
		t.Fatalf("%v, want the records' error", err)
	}
	w.must(w.group.ReadAll(post.ID, crowd[45]))
	w.clock.advance(6 * time.Minute) // beyond the cooldown: it is still the same reminder
	before := len(w.group.Messages())
	w.must(w.newBot(w.wiring).Work(w.soon(), command, false))
	w.sees("the answer", w.group.Messages()[before:], byWebhook("#1「周五停机」", "已私信提醒 48 人。"))
	for i, p := range append(crowd, w.hanmeimei, w.lisi) {
		want := 1
		if i == 45 {
			want = 0
		}
		if n := len(w.private(p)); n != want {
			t.Errorf("%s was reminded %d times, want %d", p.Name, n, want)
		}
	}
}

// A command that is done is not done again: neither the mentions nor the answer to
// them.
func TestAReminderIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 周五停机")
	w.bot.Accept(w.soon(), "frame", w.heard(w.group, w.lilei, say{Text: "提醒"}))
	command := w.inbox.take()[0]
	w.must(w.bot.Work(w.soon(), command, false))
	said := len(w.group.Messages())
	for range 3 {
		w.must(w.newBot(w.wiring).Work(w.soon(), command, false))
	}
	if now := len(w.group.Messages()); now != said {
		t.Errorf("said %+v", w.group.Messages()[said:])
	}
	known, err := w.store.Snapshot(w.soon(), w.group.ID(), 1)
	w.must(err)
	if n := known.Reminders["lisi"]; n != 1 {
		t.Errorf("he was reminded %d times", n)
	}
}

// Without records nobody is reminded: it would not be known afterwards.
func TestRemindWithoutRecords(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 周五停机")
		w.bot.Accept(w.soon(), "frame", w.heard(w.group, w.lilei, say{Text: spoken{"提醒 私信", "remind by direct"}.in(language)}))
		command := w.inbox.take()[0]
		w.loseStore()
		err := w.bot.Work(w.soon(), command, false)
		if err == nil {
			t.Fatal("done without records")
		}
		w.bot.GiveUp(w.soon(), command, false, err)
		messages := w.group.Messages()
		w.wants(messages[len(messages)-1].Text, spoken{"试了几次都没有做成", "I tried several times and gave up"}.in(language))
		if n := len(w.private(w.lisi)); n != 0 {
			t.Errorf("%d people were reminded", n)
		}
	})
}

func TestTheWorkbookShowsReminders(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 周五停机")
		w.tells(w.lilei, "提醒")
		w.must(w.group.ReadAll(post.ID, w.hanmeimei, w.lisi))
		w.clock.advance(5 * time.Minute)
		w.asks(w.lilei, "提醒 DING")
		w.asks(w.lilei, spoken{"导出", "export"}.in(language))
		column, reminders := -1, map[string]string{}
		for _, row := range w.workbook() {
			for i, cell := range row {
				if cell == (spoken{"提醒次数", "Reminders"}).in(language) {
					column = i
				}
			}
			if column >= 0 && len(row) > column {
				reminders[row[0]] = row[column]
			}
		}
		for name, want := range map[string]string{"李雷": "0", "韩梅梅": "1", "张三": "2", "李四": "1"} {
			if reminders[name] != want {
				t.Errorf("%s: %q reminders, want %q, in %q", name, reminders[name], want, reminders)
			}
		}
	})
}
