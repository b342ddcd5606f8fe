package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/budget"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/platform"
)

var (
	budgetSentence = spoken{
		"本月的接口用完了，下月 1 日恢复。",
		"My DingTalk API calls of this month are used up; I have new ones on the 1st.",
	}
	nearlySpent = spoken{"管理员请看：本月接口用了 ", "For admins: "}
)

var counted = dingtalk.Call{API: "query", Counted: true}

// spend makes n counted calls more that this process knows of.
func (w *world) spend(n int) {
	for range n {
		w.counter.Observe(counted)
	}
}

// spendAll leaves nothing of the budget.
func (w *world) spendAll() {
	s := w.budget.State()
	w.spend(s.CallsPerMonth - s.Used)
}

// monthEnd is when the month of the quota is over that the worlds are in.
var monthEnd = time.Date(2026, 8, 31, 16, 0, 0, 0, time.UTC)

// Past the budget nothing is asked that counts, whoever wants to know. Answers are what is known, say so once and when more is to be
// had, and name nobody as unread. Announcements go on, and with the next month everything does.
func TestPastTheBudgetReportsSayWhatIsKnown(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{budget: budget.Limits{CallsPerSecond: 20, CallsPerMonth: 100}})
		w.clock.advance(monthEnd.Add(-85 * time.Minute).Sub(w.clock.now())) // 14:35
		unread, budget := spoken{"谁没读", "unread"}.in(language), budgetSentence.in(language)
		post := w.announce("公告 停机")
		w.must(w.group.ReadAll(post.ID, w.zhangsan))
		w.clock.advance(time.Minute)
		w.wants(w.asks(w.hanmeimei, unread), "2/4")
		w.must(w.group.ReadAll(post.ID, w.lisi))
		w.spendAll()
		w.clock.advance(11 * time.Minute) // past what is remembered of the members
		before := w.asked()
		for _, who := range []dingtalktest.Person{w.hanmeimei, w.lilei} {
			got := w.asks(who, unread)
			w.wants(got, spoken{"至少读了 2/4", "Read at least 2/4"}.in(language), budget, spoken{"截至今天 14:36", "as of today 14:36"}.in(language))
			w.never(got, "李四", "李雷", "韩梅梅", spoken{"人没读", "Unread ("}.in(language))
			if n := strings.Count(got, budget); n != 1 {
				t.Errorf("said %d times:\n%s", n, got)
			}
		}
		got := w.asks(w.lilei, spoken{"用量", "usage"}.in(language))
		w.wants(got, budget, fmt.Sprintf("%[1]d/100", 100), spoken{"成员名单是今天 14:35 的", "Members counted today 14:35"}.in(language))

		// A new announcement counts whom it last knew of.
		w.wants(w.asks(w.lilei, spoken{"公告 二", "announce Two"}.in(language)), budget,
			spoken{"已发出 #2，按已知的 4 人应读（今天 14:35 的成员）", "Posted as #2 for 4 people (as of today 14:35)"}.in(language))
		w.wants(w.asks(w.lilei, spoken{"撤回 2", "recall 2"}.in(language)), spoken{"已撤回", "Recalled"}.in(language))
		w.wants(w.asks(w.zhangsan, spoken{"曲线 1", "chart 1"}.in(language)), spoken{"至少读了 2/4", "Read at least 2/4"}.in(language), budget)
		if now := w.asked(); now != before {
			t.Errorf("asked %d times", now-before)
		}

		w.clock.advance(monthEnd.Sub(w.clock.now()) - time.Second)
		w.wants(w.asks(w.hanmeimei, unread+" 1"), budget)
		w.clock.advance(time.Second)
		got = w.asks(w.hanmeimei, unread+" 1")
		w.wants(got, "3/4", "韩梅梅")
		w.never(got, budget, "李雷")
	})
}

// What pushes have told costs nothing: where everybody has read, the answer is whole.
func TestPastTheBudgetPushesTellAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{budget: budget.Limits{CallsPerMonth: 100}})
	post := w.announce("公告 停机")
	w.spendAll()
	reads := map[string]time.Time{}
	for _, id := range []string{"lilei", "hanmeimei", "zhangsan", "lisi"} {
		reads[id] = w.clock.now()
	}
	_, err := w.store.SavePushedReads(w.soon(), w.group.ID(), post.ProcessQueryKey, reads)
	w.must(err)
	got := w.asks(w.hanmeimei, "谁没读")
	w.wants(got, "4 人都读了")
	w.never(got, budgetSentence.zh)
}

// An administrator who has people reminded wants to know who has not read, whatever it costs; what comes by itself does not.
func TestPastTheBudgetAnAdministratorCanRemind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{budget: budget.Limits{CallsPerMonth: 100}, options: func(o *wiring) { o.Policy.Remind = receipts.Everyone }})
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID, w.lisi))
	w.spendAll()
	w.clock.advance(11 * time.Minute)
	before := w.asked()
	w.wants(w.asks(w.hanmeimei, "提醒"), "#1 没有提醒任何人", budgetSentence.zh)
	if now := w.asked(); now != before {
		t.Errorf("asked %d times for somebody else", now-before)
	}
	said := len(w.group.Messages())
	w.tells(w.lilei, "提醒")
	if got := w.group.Messages()[said:]; len(got) != 2 || len(got[1].Mentioned) != 2 {
		t.Errorf("reminded: %+v", got)
	}
}

func TestPastTheBudgetWhatComesByItselfSaysItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{budget: budget.Limits{CallsPerMonth: 100}})
	w.reconfigure(func(o *wiring) { o.Sweeps = []time.Duration{time.Hour} })
	post := w.announce("公告 每30分钟 停机")
	w.must(w.group.ReadAll(post.ID, w.lisi))
	w.asks(w.lisi, "谁没读")
	var sweep, follow receipts.Job
	for _, job := range w.inbox.scheduled {
		if job.Kind == receipts.SweepJob {
			sweep = job
		} else {
			follow = job
		}
	}
	w.spendAll()
	round := func() []dingtalktest.Message {
		w.clock.advance(30 * time.Minute)
		said := len(w.group.Messages())
		w.must(w.bot.Work(w.soon(), follow, false))
		return w.group.Messages()[said:]
	}
	before := w.asked()
	w.wants(w.answer(round()).Text, "至少读了 2/4", budgetSentence.zh, "#1 这次没能确定谁没读，没有提醒任何人")
	for range 3 {
		if got := round(); len(got) != 0 {
			t.Errorf("said again: %+v", got)
		}
		w.must(w.bot.Work(w.soon(), sweep, false))
	}
	if now := w.asked(); now != before {
		t.Errorf("asked %d times", now-before)
	}
	w.budget.SetLimits(budget.Limits{CallsPerMonth: 1000}) // somebody has raised it
	if got := round(); len(got) != 1 || !strings.Contains(got[0].Text, "韩梅梅、张三") {
		t.Errorf("the next round said %+v", got)
	}
}

// Where nobody has listed the group's members before, those whom the configuration names are used, and else those who are
// known by and by.
func TestPastTheBudgetMembersComeFromWhatCostsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set  setup
		want []string
	}{
		"a roster": {setup{rosters: nil}, []string{"已发出 #1，2 人应读"}},
		"learned":  {setup{learned: true}, []string{"已发出 #1。这个群的名单钉钉不给，我只认得其中 2 人", budgetSentence.zh}},
		"nothing":  {setup{}, []string{"已发出 #1，但不知道群里有谁", budgetSentence.zh}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.set.budget = budget.Limits{CallsPerMonth: 1}
			if name == "a roster" {
				test.set.group = dingtalktest.GroupOptions{ID: "cidRoster=="}
				test.set.rosters = map[string]platform.RosterOptions{"cidRoster==": {Users: []string{"lisi", "zhangsan"}}}
			}
			w := newWorld(t, test.set)
			w.spendAll()
			w.asks(w.lisi, "帮助")
			w.wants(w.asks(w.lilei, "公告 停机"), test.want...)
			if n := w.asked(); n != 0 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// A quoted message that is not known can't be looked up, and nothing is recorded about it.
func TestPastTheBudgetAnUnknownMessageIsNotAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{budget: budget.Limits{CallsPerMonth: 1}})
	w.spendAll()
	foreign := w.announce("公告 停机")
	_, err := w.store.ForgetGroup(w.soon(), w.group.ID(), false)
	w.must(err)
	got := w.answer(w.carryOut(w.group, w.heard(w.group, w.lisi, say{Text: "谁没读", Quote: foreign.ID, QuoteFull: true}))).Text
	w.wants(got, budgetSentence.zh)
}

// The next administrator who gives a command reads in the answer that the budget is nearly spent, and that it is, each once; and
// again for a budget that was raised, and in the next month.
func TestAnAdministratorReadsOnceThatTheBudgetIsNearlySpent(t *testing.T) {
	t.Parallel()
	for name, admins := range map[string][]string{"DingTalk's": nil, "configured": {"zhangsan"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{
					budget:  budget.Limits{CallsPerMonth: 100, WarnAt: 80},
					options: func(o *wiring) { o.Policy.Admins = admins },
				})
				admin := w.lilei
				if admins != nil {
					admin = w.zhangsan
				}
				help := spoken{"帮助", "help"}.in(language)
				once := func(words ...string) {
					t.Helper()
					w.never(w.asks(w.hanmeimei, help), words...)
					w.wants(w.asks(admin, help), words...)
					w.never(w.asks(admin, help), words...)
				}
				w.spend(79)
				w.never(w.asks(admin, help), nearlySpent.in(language))
				w.spend(1)
				once(nearlySpent.in(language)+"80/100", "80%")
				w.spendAll()
				once("100/100", spoken{"用完了", "are used up"}.in(language))
				w.budget.SetLimits(budget.Limits{CallsPerMonth: 110, WarnAt: 90})
				once("100/110", nearlySpent.in(language))
				w.clock.advance(monthEnd.Sub(w.clock.now()))
				w.never(w.asks(admin, help), nearlySpent.in(language))
				w.spend(105)
				once("105/110")
				if n := strings.Count(w.log.String(), "the budget of calls is nearly or quite spent"); n != 4 {
					t.Errorf("%d lines in the log", n)
				}
				if told := len(w.private(w.zhangsan)); told != 0 {
					t.Errorf("told %d times in private", told)
				}
			})
		})
	}
}

func TestNobodyIsToldWhereNoWarningIsWanted(t *testing.T) {
	t.Parallel()
	for _, limits := range []budget.Limits{{CallsPerMonth: 100}, {WarnAt: 80}, {}} {
		w := newWorld(t, setup{budget: limits})
		w.spend(150)
		w.never(w.asks(w.lilei, "帮助"), nearlySpent.zh)
	}
}
