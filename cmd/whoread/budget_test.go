package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

const overBudget = "本月的接口用完了，下月 1 日恢复"

// asked is how often DingTalk was asked what counts for a report.
func (w *world) asked() int {
	return w.CallCount(dingtalktest.APIQuery) + w.CallCount(dingtalktest.APIMembers)
}

// Past the budget a report is what is known, and says so; announcements, recalls and an administrator's reminder go on; and a
// process that begins then knows it too.
func TestPastTheBudgetTheBotIsStillOfUse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		config := w.config(anyHour + "\nreports: {fresh_for: 0s}\nmembers: {cache_for: 0s}\nbudget: {calls_per_month: 4, warn_at: 0%}")
		w.start(1, config)
		wantIn(t, w.ask(group, w.admin, saying("公告 停机")), "已发出 #1，4 人应读")
		w.read(group, people[0])
		wantIn(t, w.ask(group, people[1], saying("谁没读")), "已读 2/4", "2 人没读")
		w.read(group, people[1])

		asked := w.asked()
		for _, who := range []dingtalktest.Person{people[2], w.admin} {
			answer := w.ask(group, who, saying("谁没读"))
			wantIn(t, answer, "至少读了 2/4", overBudget)
			wantNotIn(t, answer, "人没读", people[1].Name, people[2].Name)
			if n := strings.Count(answer, overBudget); n != 1 {
				t.Errorf("said %d times:\n%s", n, answer)
			}
		}
		wantIn(t, w.ask(group, w.admin, saying("用量")), "4/4（100%）", overBudget)
		if now := w.asked(); now != asked {
			t.Errorf("asked %d times", now-asked)
		}
		w.stopAll()
		w.start(1, config)
		// Its first calls may begin before it has heard of the others: those of one command at most.
		w.ask(group, people[2], saying("谁没读"))
		asked = w.asked()
		wantIn(t, w.ask(group, people[2], saying("谁没读")), "至少读了 ", overBudget)
		if now := w.asked(); now != asked {
			t.Errorf("asked %d times", now-asked)
		}
		wantIn(t, w.ask(group, w.admin, saying("公告 二")), "已发出 #2，按已知的 4 人应读", overBudget)
		wantIn(t, w.ask(group, w.admin, saying("撤回 #2")), "已撤回 #2")
		w.tell(group, w.admin, "提醒 #1")
		if n := mentions(group, people[2]); n != 1 {
			t.Errorf("reminded %d times", n)
		}

		w.SetQuota(w.Counted(), 0) // and now DingTalk refuses
		wantIn(t, w.ask(group, w.admin, saying("公告 三")), "#3 没有发出", "本月的钉钉接口调用额度已用完")
	})
}

// read has people read the last announcement.
func (w *world) read(g *dingtalktest.Group, people ...dingtalktest.Person) {
	w.t.Helper()
	all := posted(g)
	if err := g.ReadAll(all[len(all)-1].ID, people...); err != nil {
		w.t.Fatal(err)
	}
}

// Two processes keep one budget, and each has an administrator read that it is nearly spent, and that it is, once; with the next
// month everything begins anew.
func TestTwoProcessesKeepOneBudget(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(3)
		groups := make([]*dingtalktest.Group, 6) // one alone may not use up a month in a day
		for i := range groups {
			groups[i] = w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		}
		// Early in a month, so that the days that follow are in it.
		now := w.Clock().Now().In(time.FixedZone("UTC+8", 8*60*60))
		w.advance(time.Date(now.Year(), now.Month()+1, 2, 10, 0, 0, 0, now.Location()).Sub(now))
		w.start(2, w.config(anyHour+"\nreports: {fresh_for: 0s, sweep: []}\nmembers: {cache_for: 720h}\nbudget: {calls_per_month: 40, warn_at: 50%}"))
		for _, group := range groups {
			wantIn(t, w.ask(group, w.admin, saying("公告 停机")), "已发出 #1")
		}
		asked := 0
		warnings := map[string]int{}
		ask := func(who dingtalktest.Person) string {
			asked++
			answer := w.ask(groups[asked%len(groups)], who, saying("谁没读"))
			for _, warning := range []string{"管理员请看：本月接口用了 ", "管理员请看：本月接口用完了"} {
				warnings[warning] += strings.Count(answer, warning)
			}
			return answer
		}
		for range 60 {
			if strings.Contains(ask(w.admin), overBudget) {
				break
			}
		}
		late := 0
		for range 10 { // each process has its turn
			if !strings.Contains(ask(w.admin), "至少读了 1/4") {
				late++
			}
		}
		if late > 1 { // the other process asks once more until it hears of it
			t.Errorf("asked %d times past the budget", late)
		}
		for warning, n := range warnings {
			if n < 1 || n > 2 {
				t.Errorf("%s is said %d times by two processes", warning, n)
			}
		}
		if n := w.Counted(); n < 40 || n > 42 { // what was under way
			t.Errorf("%d calls of 40", n)
		}

		w.advance(time.Date(now.Year(), now.Month()+2, 1, 0, 1, 0, 0, now.Location()).Sub(w.Clock().Now()))
		group := groups[0]
		wantIn(t, w.ask(group, w.admin, saying("公告 下月")), "已发出 #2")
		wantIn(t, w.ask(group, people[1], saying("谁没读")), "已读 1/4", "3 人没读")
		wantIn(t, w.ask(group, w.admin, saying("用量")), "本月接口用了 ", "/40（")
	})
}

// The bot counts what DingTalk counts, and no less: the difference is what DingTalk refused at its gate. Its documents do not say
// whether that counts.
func TestTheBotCountsWhatDingTalkCounts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(5)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config(anyHour+"\nreports: {fresh_for: 0s, sweep: []}\nmembers: {cache_for: 0s}"))
		session := func() {
			w.advance(10 * time.Minute) // past the cooldown
			w.ask(group, w.admin, saying("公告 停机"))
			w.read(group, people[0])
			for _, say := range []string{"谁没读", "谁读了", "列表", "导出", "曲线", "提醒 私信", "用量"} {
				w.ask(group, w.admin, saying(say))
			}
			w.advance(10 * time.Minute)
			w.ask(group, w.admin, saying("提醒 DING"))
			w.ask(group, w.admin, saying("撤回 #"+strconv.Itoa(len(announcements(group)))))
		}
		session()
		if used := w.used(group); used != w.Counted() {
			t.Errorf("the bot counts %d calls, DingTalk %d", used, w.Counted())
		}
		refused := 0
		for _, f := range []struct {
			fault   dingtalktest.Fault
			refused int // tries that DingTalk does not count
		}{
			{dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.ServerError, Times: 2}, 0}, // tried again
			{dingtalktest.Fault{API: dingtalktest.APIMembers, Kind: dingtalktest.Throttled, Times: 2}, 2},
			{dingtalktest.Fault{API: dingtalktest.APIRecall, Kind: dingtalktest.DropAfter, Times: 1}, 0},
			{dingtalktest.Fault{API: dingtalktest.APIDirect, Kind: dingtalktest.PermissionDenied, Times: 1}, 1},
			{dingtalktest.Fault{API: dingtalktest.APIDing, Kind: dingtalktest.ThrottledPlatform, Times: 1}, 1},
		} {
			w.Inject(f.fault)
			refused += f.refused
		}
		session()
		if used := w.used(group); used != w.Counted()+refused {
			t.Errorf("the bot counts %d calls, DingTalk %d, and %d were refused", used, w.Counted(), refused)
		}
	})
}

// announcements are what the bot posted, but for files.
func announcements(g *dingtalktest.Group) []dingtalktest.Message {
	return slices.DeleteFunc(posted(g), func(m dingtalktest.Message) bool { return m.Type != "sampleMarkdown" })
}

// used is how many calls of the month the bot tells.
func (w *world) used(g *dingtalktest.Group) int {
	w.t.Helper()
	answer := w.ask(g, w.admin, saying("用量"))
	found := regexp.MustCompile(`本月接口用了 (\d+)/5000`).FindStringSubmatch(answer)
	if found == nil {
		w.t.Fatalf("no calls in:\n%s", answer)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
