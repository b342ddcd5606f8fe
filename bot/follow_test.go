package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// everyHalfHour is the settings of a group whose announcements are all followed up.
func everyHalfHour() receipts.FollowUpSettings {
	return receipts.FollowUpSettings{Every: []time.Duration{30 * time.Minute}}
}

// follows sets how the announcements of every group are followed up.
func follows(f receipts.FollowUpSettings) func(*wiring) {
	return func(o *wiring) { o.Reminders.FollowUps = map[string]receipts.FollowUpSettings{"*": f} }
}

// nothingComes checks that nothing is said for three days.
func (w *world) nothingComes() {
	w.Helper()
	for range 3 {
		w.sees("later", w.pass(24*time.Hour))
	}
	if len(w.inbox.scheduled) != 0 {
		w.Errorf("still scheduled: %v", w.inbox.scheduled)
	}
}

// Times are meant from when they were said, however late they are read.
func TestTimesAreMeantFromWhenTheyWereSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	data := w.heard(w.group, w.lilei, say{Text: "公告 15:00前 停机"})
	w.clock.advance(30 * time.Minute) // in which nothing ran
	w.wants(w.answer(w.carryOut(w.group, data)).Text, "已发出 #1", "今天 15:00 截止，到时我报告谁没读")
	got := w.pass(0)
	if len(got) != 1 || !strings.Contains(got[0].Text, "截止时间到了，跟进结束。") {
		t.Errorf("%+v", got)
	}
	w.nothingComes()
}

// The clocks go back in the night to 25 October 2026 in Berlin: quiet is what they show.
func TestQuietHoursWhenTheClocksChange(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{options: func(o *wiring) {
		o.Zone = berlin
		o.Reminders.Quiet = receipts.QuietHours{From: 22 * 60, To: 8 * 60, Zone: berlin}
	}})
	w.clock.advance(time.Date(2026, 10, 24, 21, 40, 0, 0, berlin).Sub(w.clock.now()))
	w.announce("公告 周五停机")
	w.wants(w.asks(w.lilei, "跟进 #1 每30分钟"), "下次 明天 08:00。")
	for range 21 { // ten hours and a half until 07:10, for the night has eleven
		w.sees("in the night", w.pass(30*time.Minute))
	}
	w.sees("a minute before", w.pass(49*time.Minute))
	if got := w.pass(time.Minute); len(got) != 1 || !w.clock.now().Equal(time.Date(2026, 10, 25, 8, 0, 0, 0, berlin)) {
		t.Errorf("at %v: %+v", w.clock.now().In(berlin), got)
	}
}

// Several replicas at the same round: one post, and everybody is reminded once.
func TestReplicasDoARoundOnce(t *testing.T) {
	t.Parallel()
	for _, by := range []receipts.Channel{receipts.Mention, receipts.InPrivate, receipts.Ding} {
		t.Run(string(by), func(t *testing.T) {
			t.Parallel()
			settings := everyHalfHour()
			settings.By, settings.Tell, settings.Within = []receipts.Channel{by}, []string{"hanmeimei"}, time.Hour
			w := newWorld(t, setup{options: follows(settings), dingtalk: dingtalktest.Options{WebhookTTL: 48 * time.Hour}})
			post := w.announce("公告 周五停机")
			w.must(w.group.ReadAll(post.ID, w.hanmeimei))
			for round, until := range []time.Duration{30 * time.Minute, 30 * time.Minute} {
				w.clock.advance(until)
				due := w.inbox.due(w.clock.now())
				if len(due) != 1 {
					t.Fatalf("due: %q", due)
				}
				before := len(w.group.Messages())
				var working sync.WaitGroup
				for range 10 {
					replica := w.newBot(w.wiring)
					working.Go(func() {
						if err := replica.Work(w.soon(), due[0], false); err != nil {
							t.Error(err)
						}
					})
				}
				working.Wait()
				if got := w.group.Messages()[before:]; len(got) != 1 {
					t.Errorf("round %d: %+v", round, got)
				}
			}
			reminders := len(w.dingtalk.Dings()) + len(w.private(w.lisi))
			if want := map[receipts.Channel]int{receipts.Mention: 0, receipts.InPrivate: 1, receipts.Ding: 1}[by]; reminders != want {
				t.Errorf("Li Si was reminded %d times beside the group", reminders)
			}
			if n := len(w.private(w.hanmeimei)); n != 1 {
				t.Errorf("Han Meimei was told %d times", n)
			}
			w.nothingComes()
		})
	}
}

// unsettled records lose the next change of a follow-up.
type unsettled struct {
	receipts.Store
	lose *atomic.Bool
}

func (u unsettled) Change(ctx context.Context, group string, number int, f receipts.FollowUp) (bool, error) {
	if u.lose.CompareAndSwap(true, false) {
		return false, errRedis
	}
	return u.Store.Change(ctx, group, number, f)
}

// A round that was cut off after its post is not done again, but goes on with the
// next one.
func TestARoundThatWasCutOff(t *testing.T) {
	t.Parallel()
	for name, by := range map[string][]receipts.Channel{"mention": {receipts.Mention}, "direct": {receipts.InPrivate}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := everyHalfHour()
			settings.By = by
			lose := new(atomic.Bool)
			w := newWorld(t, setup{dingtalk: dingtalktest.Options{WebhookTTL: 48 * time.Hour}, options: func(o *wiring) {
				follows(settings)(o)
				o.Store = unsettled{o.Store, lose}
			}})
			post := w.announce("公告 周五停机")
			again := func(what string) {
				t.Helper()
				w.clock.advance(30 * time.Minute)
				due := w.inbox.due(w.clock.now())
				lose.Store(true)
				before := len(w.group.Messages())
				if err := w.bot.Work(w.soon(), due[0], false); err == nil {
					t.Fatal("done without records")
				}
				w.must(w.newBot(w.wiring).Work(w.soon(), due[0], false))
				if got := w.group.Messages()[before:]; len(got) != 1 {
					t.Errorf("%s: %+v", what, got)
				}
			}
			again("the first round")
			again("the second round")
			if n := len(w.private(w.lisi)); n != 0 && n != 2 {
				t.Errorf("Li Si was reminded %d times", n)
			}
			w.must(w.group.ReadAll(post.ID))
			again("the end")
			w.nothingComes()
		})
	}
}

// What can't be carried out is put off, not lost.
func TestARoundThatIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 周五停机")
	w.clock.advance(30 * time.Minute)
	due := w.inbox.due(w.clock.now())[0]
	said := len(w.group.Messages())
	w.bot.GiveUp(w.soon(), due, false, errRedis)
	w.sees("nobody is bothered", w.group.Messages()[said:])
	w.sees("too early", w.pass(4*time.Minute))
	if got := w.pass(time.Minute); len(got) != 1 || len(got[0].Mentioned) != 3 {
		t.Errorf("five minutes later: %+v", got)
	}
}

// A mention that may be there is not followed by another post.
func TestARoundThatIsUncertain(t *testing.T) {
	t.Parallel()
	for _, kind := range []dingtalktest.FaultKind{dingtalktest.DropAfter, dingtalktest.DropBefore} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: follows(everyHalfHour()), dingtalk: dingtalktest.Options{WebhookTTL: 48 * time.Hour}})
			w.announce("公告 周五停机")
			w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIWebhook, Times: 1, Kind: kind})
			if got := w.pass(30 * time.Minute); len(got) > 1 || kind == dingtalktest.DropBefore && len(got) != 0 {
				t.Errorf("%+v", got)
			}
			if n := len(w.private(w.lisi)); n != 0 {
				t.Errorf("Li Si was written to %d times", n)
			}
			if got := w.pass(30 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 3 {
				t.Errorf("the next round: %+v", got)
			}
		})
	}
}

// A round mentions as many as one message takes and writes to the rest: one post,
// however many there are.
func TestARoundOfManyIsOnePost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	crowd := w.crowd(996)
	w.announce("公告 周五停机")
	got := w.pass(30 * time.Minute)
	if len(got) != 1 {
		t.Fatalf("%d posts", len(got))
	}
	direct := 0
	for _, p := range append(crowd, w.lilei, w.hanmeimei, w.zhangsan, w.lisi) {
		direct += len(w.private(p))
	}
	if n := len(got[0].Mentioned); n < 300 || n+direct != 999 {
		t.Errorf("%d were mentioned and %d written to", n, direct)
	}
	w.wants(got[0].Text, "请看 #1「周五停机」，已读 1/1000", fmt.Sprintf("已私信提醒 %d 人。", direct))
}

// A message that is over is not followed any more, which is said once, and why.
func TestAFollowUpEndsWithARecallInTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	post := w.announce("公告 周五停机")
	w.must(w.group.Recall(w.lilei, post.ID))
	w.event("robot_msg_recall", fmt.Sprintf(`,"processQueryKey":%q`, post.ProcessQueryKey))
	w.sees("the end", w.pass(0), byWebhook("**已撤回** #1「周五停机」", "不再有已读数据，跟进结束。"))
	w.nothingComes()
}

// An announcement of which nobody knows whether it was delivered is followed up once
// that turns out.
func TestFollowingWhatWasUncertain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.DropAfter})
	w.tells(w.lilei, "公告 16:00前 每30分钟 周五停机")
	w.sees("as long as it is not known", w.pass(30*time.Minute))
	w.ask(w.lisi, say{Text: "谁没读", Quote: w.posted()[0].ID, QuoteFull: true})
	if got := w.pass(30 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 3 {
		t.Errorf("once it is known: %+v", got)
	}
}

// A command to stop is carried out once more, after a crash.
func TestAStopThatComesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 周五停机")
	w.bot.Accept(w.soon(), "frame", w.heard(w.group, w.lilei, say{Text: "停止"}))
	command := w.inbox.take()[0]
	for _, want := range []string{"已停止跟进 #1。", "现在没有在跟进的公告。"} {
		before := len(w.group.Messages())
		w.must(w.bot.Work(w.soon(), command, false))
		w.sees("the answer", w.group.Messages()[before:], byWebhook(want))
	}
	w.nothingComes()
}

// A group that is gone can't be told: who began the follow-up is, alone.
func TestFollowUpsEndWithTheirGroup(t *testing.T) {
	t.Parallel()
	for name, disband := range map[string]func(w *world){
		"by event": func(w *world) {
			w.must(w.group.Disband())
			w.event("chat_disband", "")
			w.event("chat_disband", "") // pushed again
		},
		"by a query": func(w *world) {
			w.must(w.group.Disband())
			w.dingtalk.Inject(code(dingtalktest.APIQuery, "group.disbanded"))
			w.sees("the group after one answer, which proves nothing", w.pass(30*time.Minute))
			w.dingtalk.Inject(code(dingtalktest.APIQuery, "group.disbanded"))
			w.clock.advance(30 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				settings := everyHalfHour()
				settings.Tell = []string{"hanmeimei"}
				w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: "研发"}, options: follows(settings)})
				w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language))
				disband(w)
				w.sees("the group", w.pass(0))
				w.sees("who began it", w.private(w.lilei), byDirect(spoken{"群「研发」", "In the group 研发:"}.in(language),
					spoken{"**群已解散** #1「周五停机」", `#1 "周五停机": **group disbanded**`}.in(language),
					spoken{"不再有已读数据，跟进结束。", "There is no more read data; the follow-up is over."}.in(language)))
				w.sees("who is told of deadlines", w.private(w.hanmeimei))
				w.nothingComes()
				if n := len(w.private(w.lilei)); n != 1 {
					t.Errorf("told %d times", n)
				}
			})
		})
	}
}

// A command that is carried out again, long after, begins nothing anew.
func TestACommandThatComesAgainDoesNotBeginAnew(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for _, said := range []spoken{{"公告 每30分钟 周五停机", "announce every 30m 周五停机"}, {"跟进 #1 每30分钟", "follow #1 every 30m"}} {
			w := newWorld(t, setup{dingtalk: dingtalktest.Options{WebhookTTL: 48 * time.Hour}})
			if strings.HasPrefix(said.zh, "跟进") {
				w.announce("公告 周五停机")
			}
			w.bot.Accept(w.soon(), "frame", w.heard(w.group, w.lilei, say{Text: said.in(language)}))
			command := w.inbox.take()[0]
			w.must(w.bot.Work(w.soon(), command, false))
			w.clock.advance(20 * time.Minute)
			before := len(w.group.Messages())
			w.must(w.bot.Work(w.soon(), command, false))
			w.wants(w.answer(w.group.Messages()[before:]).Text, spoken{"下次 15:05", "next 15:05"}.in(language))
			if n := len(w.posted()); n != 1 {
				t.Errorf("%d posts", n)
			}
			if got := w.pass(10 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 3 {
				t.Errorf("the round: %+v", got)
			}
			w.asks(w.lilei, spoken{"停止", "stop"}.in(language))
			before = len(w.group.Messages())
			w.must(w.bot.Work(w.soon(), command, false))
			again := w.answer(w.group.Messages()[before:]).Text
			w.never(again, spoken{"开始跟进", "Following up"}.in(language))
			if strings.HasPrefix(said.zh, "跟进") && again != (spoken{"没有跟进 #1。跟进已停止。", "#1 is not followed. The follow-up was stopped."}).in(language) {
				t.Errorf("answered %q", again)
			}
			w.nothingComes()
		}
	})
}

// A message whose time is over leaves nothing behind that fails.
func TestAFollowUpOfWhatIsGoneIsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	due := receipts.Job{ID: "follow-up", Kind: receipts.FollowUpJob, Group: "cid", Body: `{"Number":7}`}
	w.must(w.bot.Work(w.soon(), due, false))
	w.bot.GiveUp(w.soon(), due, false, errRedis)
	w.sees("later", w.pass(5*time.Minute))
	w.nothingComes()
}

// Everybody who is to be told of a deadline is told, in twenties, and once.
func TestManyAreToldOfTheDeadline(t *testing.T) {
	t.Parallel()
	settings := receipts.FollowUpSettings{Within: time.Hour}
	for i := range 45 {
		settings.Tell = append(settings.Tell, fmt.Sprintf("manager%04d", i))
	}
	w := newWorld(t, setup{options: follows(settings)})
	crowd := w.crowd(45)
	w.announce("公告 周五停机")
	w.dingtalk.FlowControl(true, crowd[3])
	w.pass(time.Hour)
	var told []int
	for _, p := range crowd {
		told = append(told, len(w.private(p)))
	}
	want := slices.Repeat([]int{1}, 45)
	want[3] = 0
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if n := w.dingtalk.CallCount(dingtalktest.APIDirect); n != 3 {
		t.Errorf("%d calls", n)
	}
	w.wants(w.log.String(), "people not told")
	w.nothingComes()
}

// The stored webhook is a secret.
func TestTheStoredWebhookIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 周五停机")
	voice, err := w.store.Voice(w.soon(), w.group.ID())
	w.must(err)
	webhook := voice.Webhook
	if webhook.URL.Reveal() == "" || !webhook.Until.Equal(w.clock.now().Add(90*time.Minute)) {
		t.Fatalf("no webhook is kept, or until %v", webhook.Until)
	}
	w.dingtalk.ExpireWebhooks()
	said := ""
	for _, m := range append(w.pass(30*time.Minute), w.tells(w.lilei, "帮助")...) {
		said += m.Text
	}
	w.never(w.log.String()+said, webhook.URL.Reveal(), "sendBySession?")
}

// Whichever job comes first, the rounds of a group that are due together are one post.
func TestRoundsThatAreDueTogetherAreOnePostInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]func([]receipts.Job){
		"the first first": func([]receipts.Job) {},
		"the last first":  func(jobs []receipts.Job) { slices.Reverse(jobs) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: follows(everyHalfHour())})
			w.announce("公告 一")
			w.announce("公告 二")
			w.announce("公告 三")
			for _, pause := range []time.Duration{30 * time.Minute, 20 * time.Minute} {
				before := len(w.group.Messages())
				w.clock.advance(pause)
				for range 2 { // what is left to another is looked at later
					jobs := w.inbox.due(w.clock.now())
					order(jobs)
					for _, j := range jobs {
						w.must(w.bot.Work(w.soon(), j, false))
					}
					w.clock.advance(5 * time.Minute)
				}
				said := w.group.Messages()[before:]
				if len(said) != 1 || !strings.Contains(said[0].Text, "还有 3 条没读：#1「一」") {
					t.Fatalf("said %+v", said)
				}
			}
		})
	}
}

// A round that was left to another one comes by itself where that one does not.
func TestARoundIsNotLeftForLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 一")
	w.announce("公告 二")
	w.clock.advance(30 * time.Minute)
	jobs := w.inbox.due(w.clock.now())
	if len(jobs) != 2 {
		t.Fatalf("due: %v", jobs)
	}
	w.must(w.bot.Work(w.soon(), jobs[1], false)) // and the first is lost
	w.sees("at once", w.pass(time.Minute))
	w.sees("after a while", w.pass(time.Minute), byWebhook("@hanmeimei @lisi @zhangsan 请看 #2「二」，已读 1/4").mentioning("hanmeimei", "lisi", "zhangsan"))
}

// Of two that take the rounds along at once, each reminds whom the other does not.
func TestRoundsThatAreCarriedOutTwiceAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 一")
	w.announce("公告 二")
	w.clock.advance(30 * time.Minute)
	jobs := w.inbox.due(w.clock.now())
	before := len(w.group.Messages())
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := w.bot.Work(w.soon(), jobs[0], false); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	times := map[string]int{}
	for _, m := range w.group.Messages()[before:] {
		for _, title := range []string{"#1「一」", "#2「二」"} {
			if strings.Contains(m.Text, title) {
				times[title]++
			}
		}
	}
	if times["#1「一」"] != 1 || times["#2「二」"] != 1 {
		t.Errorf("reminded of %v: %+v", times, w.group.Messages()[before:])
	}
}
