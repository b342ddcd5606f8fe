package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/budget"
	"whoread/receipts/dingtalk/dingtalktest"
)

// Paths of calls during which something happens.
const (
	queryPath  = "/v1.0/robot/groupMessages/query"
	directPath = "/v1.0/robot/oToMessages/batchSend"
	namePath   = "/topapi/v2/user/get"
)

// pushReads has people's reads of the announcement pushed, now.
func (w *world) pushReads(post dingtalktest.Message, people ...dingtalktest.Person) {
	w.Helper()
	reads := map[string]time.Time{}
	for _, p := range people {
		reads[p.UserID] = w.clock.now()
	}
	if known, err := w.store.SavePushedReads(w.soon(), w.group.ID(), post.ProcessQueryKey, reads); !known || err != nil {
		w.Error(known, err)
	}
}

// byBot leaves out what people said meanwhile.
func byBot(messages []dingtalktest.Message) []dingtalktest.Message {
	return slices.DeleteFunc(messages, func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaClient })
}

// Who reads while DingTalk is asked, and whose read is pushed meanwhile, is neither called
// unread nor mentioned.
func TestReadsThatArePushedDuringAQuery(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 周五停机")
		pushed := func() {
			w.clock.advance(4 * time.Second)
			w.pushReads(post, w.zhangsan, w.lisi)
		}
		w.wire.during(queryPath, 1, pushed)
		w.wants(w.asks(w.lisi, spoken{"谁没读", "unread"}.in(language)),
			spoken{"已读 3/4", "Read 3/4"}.in(language), "韩梅梅")

		post = w.announce("公告 周六停机")
		w.wire.during(queryPath, 1, pushed)
		w.sees("the reminder", w.tells(w.lilei, spoken{"提醒", "remind"}.in(language)), byWebhook(spoken{
			"@hanmeimei 请看 #2「周六停机」", `@hanmeimei please read #2 "周六停机"`,
		}.in(language)).mentioning("hanmeimei"))
	})
}

func TestAReminderOfWhatWasReadMeanwhile(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 周五停机")
		w.reconfigure(func(o *wiring) {
			o.Store = interrupted{o.Store, func() { w.pushReads(post, w.lilei, w.hanmeimei, w.zhangsan, w.lisi) }}
		})
		w.sees("the answer", w.tells(w.lilei, spoken{"提醒", "remind"}.in(language)), byWebhook(spoken{
			"要提醒的人刚刚都读了 #1，没有提醒任何人。", "Those who were to be reminded of #1 have read it meanwhile; nobody was reminded.",
		}.in(language)))
	})
}

// interrupted records have something happen when a reminder has begun.
type interrupted struct {
	receipts.Store
	happens func()
}

func (i interrupted) BeginReminder(ctx context.Context, group string, number int, r receipts.Reminder, cooldown time.Duration) (receipts.Reminder, *receipts.Reminder, error) {
	begun, earlier, err := i.Store.BeginReminder(ctx, group, number, r, cooldown)
	i.happens()
	return begun, earlier, err
}

// Of 600 people who are written to 20 at a time, those who read meanwhile are left in peace.
func TestAReminderInPrivateOfManyLeavesOutWhoReadsMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	crowd := w.crowd(600)
	post := w.announce("公告 周五停机")
	w.must(w.group.ReadAll(post.ID, w.lilei, w.hanmeimei, w.zhangsan, w.lisi))
	w.wire.during(directPath, 3, func() { w.pushReads(post, crowd[70:590]...) })
	w.wants(w.asks(w.lilei, "提醒 私信"), "已私信提醒 80 人。")
	for i, p := range crowd {
		want := 1
		if i >= 70 && i < 590 {
			want = 0
		}
		if n := len(w.private(p)); n != want {
			t.Errorf("%s got %d messages, not %d", p.UserID, n, want)
		}
	}
	if n := w.dingtalk.CallCount(dingtalktest.APIDirect); n != 5 { // no call for a batch of nobody
		t.Errorf("%d calls", n)
	}
}

// A reminder ends when its message is recalled, and says so to who asked.
func TestARecallEndsAReminder(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		recall := spoken{"撤回 #1", "recall #1"}.in(language)
		recalled := byWebhook(spoken{"已撤回 #1。", "Recalled #1."}.in(language))
		t.Run("in private", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			crowd := w.crowd(96)
			w.announce("公告 周五停机")
			w.wire.during(directPath, 2, func() { w.tells(w.lilei, recall) })
			w.sees("the answers", byBot(w.tells(w.lilei, spoken{"提醒 私信", "remind by direct"}.in(language))), recalled, byWebhook(spoken{
				"#1 刚刚被撤回了，在那之前提醒了 40 人，其他人没有提醒。", "#1 was recalled meanwhile; 40 were reminded before that.",
			}.in(language)))
			if n := w.dingtalk.CallCount(dingtalktest.APIDirect); n != 2 {
				t.Errorf("%d calls", n)
			}
			w.sees("the last one of all", w.private(crowd[95]))
		})
		t.Run("before it began", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.announce("公告 周五停机")
			w.reconfigure(func(o *wiring) {
				o.Store = interrupted{o.Store, func() { w.tells(w.lilei, recall) }}
			})
			w.sees("the answers", byBot(w.tells(w.lilei, spoken{"提醒", "remind"}.in(language))), recalled,
				byWebhook(spoken{"#1 刚刚被撤回了，没有提醒任何人。", "#1 was recalled meanwhile; nobody was reminded."}.in(language)))
		})
		t.Run("during the query", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.announce("公告 周五停机")
			w.wire.during(queryPath, 1, func() { w.tells(w.lilei, recall) })
			got := byBot(w.tells(w.lilei, spoken{"提醒", "remind"}.in(language)))
			if len(got) != 2 || len(got[1].Mentioned) != 0 {
				t.Fatalf("%+v", got)
			}
			w.wants(got[1].Text, spoken{"它已被撤回", "It was recalled"}.in(language))
		})
	})
}

// What was answered "stopped" or "recalled" says nothing more, though a round was under way.
func TestARoundUnderWayIsOvertaken(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		stop, recall := spoken{"停止 #1", "stop #1"}.in(language), spoken{"撤回 #1", "recall #1"}.in(language)
		stopped, recalled := spoken{"已停止跟进 #1。", "Stopped following up #1."}.in(language), spoken{"已撤回 #1。", "Recalled #1."}.in(language)
		follow := spoken{"跟进 #1 每30分钟", "follow #1 every 30m"}.in(language)
		for name, c := range map[string]struct {
			options func(*wiring)
			crowd   int
			command string
			before  func(w *world)
			path    string // the call that is under way, the nth
			nth     int
			say     string
			want    []string // all that is said in the group: how it begins, the answer first
			direct  int      // private messages
		}{
			"a mention, stopped":  {nil, 0, follow, nil, queryPath, 1, stop, []string{stopped}, 0},
			"a mention, recalled": {nil, 0, follow, nil, queryPath, 1, recall, []string{recalled, spoken{"**已撤回** #1「周五停机」", `#1 "周五停机": **recalled**`}.in(language)}, 0},
			"a mention, followed anew": {
				nil, 0, follow, nil, queryPath, 1, spoken{"跟进 #1 每60分钟", "follow #1 every 60m"}.in(language),
				[]string{spoken{"开始跟进 #1", "#1: I"}.in(language)},
				0,
			},
			"in private, stopped":          {func(o *wiring) { o.Reminders.By = receipts.InPrivate }, 96, follow, nil, directPath, 2, stop, []string{stopped}, 2},
			"in private, recalled":         {func(o *wiring) { o.Reminders.By = receipts.InPrivate }, 96, follow, nil, directPath, 2, recall, []string{recalled, spoken{"**已撤回** #1「周五停机」", `#1 "周五停机": **recalled**`}.in(language)}, 2},
			"the report below it, stopped": {func(o *wiring) { o.Reminders.By = receipts.InPrivate }, 0, follow, nil, directPath, 1, stop, []string{stopped}, 1},
			"an excuse, stopped": {
				nil, 0, follow, func(w *world) {
					w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.TruncatedBody, Times: 1})
				}, queryPath, 1, stop, []string{stopped}, 0,
			},
			"the end, stopped": {nil, 0, follow, func(w *world) { w.must(w.group.ReadAll(w.posted()[0].ID)) }, queryPath, 1, stop, []string{stopped}, 0},
			"who are told of the deadline, recalled": {
				func(o *wiring) {
					f := receipts.FollowUpSettings{Within: 30 * time.Minute}
					for i := range 25 {
						f.Tell = append(f.Tell, fmt.Sprintf("manager%04d", i))
					}
					follows(f)(o)
				}, 25, "", nil, directPath, 1, recall,
				[]string{"**还有 28 人没读** #1「周五停机」", recalled},
				1,
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{options: c.options})
				w.crowd(c.crowd)
				w.announce("公告 周五停机")
				if c.command != "" {
					w.asks(w.lilei, c.command)
				}
				w.clock.advance(30 * time.Minute)
				if c.before != nil {
					c.before(w)
				}
				w.wire.during(c.path, c.nth, func() { w.tells(w.lilei, c.say) })
				got := w.pass(0)
				for range 2 {
					got = append(got, w.pass(time.Minute)...)
				}
				var said []string
				for _, m := range byBot(got) {
					if len(m.Mentioned) > 0 {
						t.Errorf("mentions people: %q", m.Text)
					}
					said = append(said, m.Text)
				}
				if !slices.EqualFunc(said, c.want, strings.HasPrefix) {
					t.Errorf("said %q; want %q", said, c.want)
				}
				if n := w.dingtalk.CallCount(dingtalktest.APIDirect); n != c.direct {
					t.Errorf("%d private messages, not %d", n, c.direct)
				}
			})
		}
	})
}

// An administrator's reminder that comes while somebody without his rights waits for the
// same readers is not told that the budget is spent.
func TestAReminderHasItsOwnRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{budget: budget.Limits{CallsPerMonth: 100}, options: func(o *wiring) { o.Policy.Remind = receipts.Everyone }})
	w.announce("公告 周五停机")
	w.spendAll()
	w.clock.advance(11 * time.Minute) // the members are to be asked for again
	waiting := &gate{Store: w.store, there: make(chan struct{}, 2), open: make(chan struct{})}
	w.reconfigure(func(o *wiring) {
		o.Store, o.FreshFor = waiting, 0
	})
	var both sync.WaitGroup
	for _, p := range []dingtalktest.Person{w.lisi, w.lilei} {
		w.bot.Accept(context.Background(), "frame", w.heard(w.group, p, say{Text: "提醒 #1"}))
		for _, command := range w.inbox.take() {
			both.Go(func() {
				if err := w.bot.Work(w.soon(), command, false); err != nil {
					t.Error(err)
				}
			})
		}
		<-waiting.there
	}
	close(waiting.open)
	both.Wait()
	mentioned := 0
	for _, m := range w.group.Messages() {
		mentioned += len(m.Mentioned)
	}
	if mentioned != 3 {
		t.Errorf("%d people were mentioned: %+v", mentioned, w.group.Messages())
	}
}

// gate holds up whoever reads what is known.
type gate struct {
	receipts.Store
	there chan struct{} // is told of each
	open  chan struct{}
}

func (g *gate) Snapshot(ctx context.Context, group string, number int) (receipts.Snapshot, error) {
	select {
	case <-g.open:
	case g.there <- struct{}{}:
		<-g.open
	}
	return g.Store.Snapshot(ctx, group, number)
}

// Who reads while others are reminded in private is not called unread in the report below.
func TestTheReportOfARoundKnowsWhoReadMeanwhile(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Reminders.By = receipts.InPrivate }})
		post := w.announce("公告 周五停机")
		w.asks(w.lilei, spoken{"跟进 #1 每30分钟", "follow #1 every 30m"}.in(language))
		w.wire.during(directPath, 1, func() { w.pushReads(post, w.zhangsan, w.lisi) })
		got := w.answer(w.pass(30 * time.Minute)).Text
		w.wants(got, spoken{"已读 3/4", "Read 3/4"}.in(language), "韩梅梅")
		w.never(got, "张三", "李四")
	})
}

// Who reads while names are looked up is not called unread, wherever the names go.
func TestReadsThatArePushedWhileNamesAreLookedUp(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for name, c := range map[string]struct {
			say  spoken
			want spoken
		}{
			"an answer": {spoken{"谁没读", "unread"}, spoken{"2 人没读", "2 have not read"}},
			"recalled":  {spoken{"谁没读", "unread"}, spoken{"它已被撤回", "It was recalled"}},
		} {
			w := newWorld(t, setup{group: dingtalktest.GroupOptions{NoNicks: true}})
			post := w.announce("公告 周五停机")
			w.wire.during(namePath, 1, func() {
				w.clock.advance(4 * time.Second)
				w.pushReads(post, w.zhangsan)
				if name == "recalled" {
					w.tells(w.lilei, "撤回 #1")
				}
			})
			got := w.tells(w.lilei, c.say.in(language))
			said := got[len(got)-1].Text
			w.wants(said, c.want.in(language))
			w.never(said, "张三")
		}
	})
}

func TestAnExportKnowsWhoReadWhileNamesWereLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{NoNicks: true}})
	post := w.announce("公告 周五停机")
	w.wire.during(namePath, 1, func() {
		w.clock.advance(4 * time.Second)
		w.pushReads(post, w.zhangsan)
	})
	w.tells(w.lilei, "导出")
	states := map[string]string{}
	for _, row := range w.workbook() {
		if len(row) > 2 && (row[2] == "已读" || row[2] == "未读") {
			states[row[1]] = row[2]
		}
	}
	if diff := cmp.Diff(map[string]string{"lilei": "已读", "hanmeimei": "未读", "zhangsan": "已读", "lisi": "未读"}, states); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What was stopped or recalled while rounds were carried out together is left out of their post.
func TestOneOfSeveralRoundsIsOvertaken(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for name, c := range map[string]struct{ say, answer, end spoken }{
			"stopped": {say: spoken{"停止 #2", "stop #2"}, answer: spoken{"已停止跟进 #2。", "Stopped following up #2."}},
			"recalled": {
				spoken{"撤回 #2", "recall #2"}, spoken{"已撤回 #2。", "Recalled #2."}, spoken{"**已撤回** #2「二」", `#2 "二": **recalled**`},
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{options: follows(everyHalfHour())})
				w.announce("公告 一")
				w.announce("公告 二")
				w.clock.advance(30 * time.Minute)
				w.wire.during(queryPath, 2, func() { w.tells(w.lilei, c.say.in(language)) })
				got := byBot(w.pass(0))
				for range 2 {
					got = append(got, w.pass(time.Minute)...)
				}
				want := []string{c.answer.in(language), spoken{"@hanmeimei @zhangsan @lisi 请看 #1「一」", `@hanmeimei @zhangsan @lisi please read #1 "一"`}.in(language)}
				if end := c.end.in(language); end != "" {
					want = append(want, end)
				}
				var said []string
				for _, m := range got {
					said = append(said, m.Text)
				}
				if !slices.EqualFunc(said, want, strings.HasPrefix) {
					t.Errorf("said %q; want %q", said, want)
				}
			})
		}
	})
}
