package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// anyHour is a configuration in which nothing waits for the morning.
const anyHour = `reminders: {quiet_hours: ""}`

// A message is followed up by itself: those who have not read it, and only they, are
// reminded once a round, whichever process does it, until everybody has read it. This
// is said once.
func TestAFollowUpRemindsUntilEverybodyHasRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config(anyHour))
		wantSaid(t, w.tell(group, w.admin, "公告 每30分钟 一")[1:], "已发出 #1", "每 30 分钟提醒没读的人", "到都读了为止")

		w.readBy(group, w.admin, people[0])
		wantSilence(t, w.later(29*time.Minute, group))
		wantSaid(t, w.later(time.Minute, group), "已读 2/4", "@"+people[1].UserID, "@"+people[2].UserID)
		w.wantReminded(group, append(people, w.admin), 0, 1, 1, 0)
		wantSilence(t, w.later(29*time.Minute, group))

		w.readBy(group, people[1])
		wantSaid(t, w.later(time.Minute, group), "已读 3/4", "@"+people[2].UserID)
		w.wantReminded(group, append(people, w.admin), 0, 1, 2, 0)
		wantIn(t, w.ask(group, people[0], saying("列表")), "跟进中，下次")
		wantSaid(t, w.later(30*time.Minute, group), "已读 3/4", "@"+people[2].UserID)
		w.wantReminded(group, append(people, w.admin), 0, 1, 3, 0)
		wantIn(t, w.ask(group, people[0], saying("谁没读")), "员工0003（提醒过 3 次）")

		w.readBy(group)
		wantSaid(t, w.later(30*time.Minute, group), "✅ #1「一」4 人都读了", "跟进结束")
		wantSilence(t, w.later(24*time.Hour, group))
		w.wantReminded(group, append(people, w.admin), 0, 1, 3, 0)
	})
}

// What is due together is one post, whichever of the processes does it.
func TestRoundsThatAreDueTogetherAreOnePost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config(anyHour))
		for _, title := range []string{"一", "二", "三"} {
			wantSaid(t, w.tell(group, w.admin, "公告 每30分钟 "+title)[1:], "已发出 #")
		}
		w.readBy(group, people[0])
		for _, pause := range []time.Duration{25 * time.Minute, 22 * time.Minute} {
			wantSilence(t, w.later(pause, group))
			wantSaid(t, append(w.later(5*time.Minute, group), w.later(3*time.Minute, group)...), "@"+people[1].UserID+" @"+people[2].UserID+" 还有 3 条没读：#1「一」", "#2「二」", "#3「三」", "@"+people[0].UserID+" 还有 2 条没读：#1「一」", "#2「二」")
		}
	})
}

// A follow-up ends at the wanted share, or when somebody stops it; then nothing more
// is said.
func TestAFollowUpEndsAtTheShareOrWhenItIsStopped(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(4)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config(anyHour))
		w.tell(group, w.admin, "公告 一")
		wantSaid(t, w.tell(group, w.admin, "跟进 #1 每30分钟 直到60%"), "开始跟进 #1", "每 30 分钟", "到 60% 读了为止")
		w.readBy(group, w.admin, people[0])
		wantSaid(t, w.later(30*time.Minute, group), "已读 2/5")
		w.readBy(group, people[1])
		wantSaid(t, w.later(30*time.Minute, group), "已读 3/5", "够 60% 了，跟进结束")
		wantSilence(t, w.later(24*time.Hour, group))
		w.wantReminded(group, append(people, w.admin), 0, 1, 1, 1, 0)

		wantSaid(t, w.tell(group, w.admin, "跟进 #1 每1小时"), "开始跟进 #1")
		wantSaid(t, w.later(time.Hour, group), "已读 3/5")
		wantSaid(t, w.tell(group, people[0], "停止"), "只有管理员")
		wantSaid(t, w.tell(group, w.admin, "停止"), "已停止跟进 #1")
		wantSilence(t, w.later(24*time.Hour, group))
		w.wantReminded(group, append(people, w.admin), 0, 1, 2, 2, 0)
		wantSaid(t, w.tell(group, w.admin, "停止"), "没有在跟进")
	})
}

// A deadline ends a follow-up with who has not read, said once.
func TestAFollowUpEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		w.advanceTo(9)
		people := w.people(2)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		other := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config(anyHour))
		wantSaid(t, w.tell(group, w.admin, "公告 11:00前 每40分钟 交表")[1:], "已发出 #1", "每 40 分钟", "最晚到今天 11:00")
		wantSaid(t, w.tell(other, w.admin, "公告 明天 9:00前 交表")[1:], "明天 09:00 截止，到时我报告谁没读")
		if title := posted(group)[0].Title; title != "交表" {
			t.Errorf("announced %q", title)
		}
		w.readBy(group, w.admin, people[0])
		for range 2 {
			wantSaid(t, w.later(40*time.Minute, group), "已读 2/3", "@"+people[1].UserID)
		}
		wantSilence(t, w.later(35*time.Minute, group)) // 10:55
		wantSaid(t, w.later(5*time.Minute, group), "已读 2/3", "员工0002", "截止时间到了，跟进结束")
		wantSilence(t, w.later(21*time.Hour, group)) // 08:00
		w.wantReminded(group, people, 0, 2)
		wantSaid(t, w.later(time.Hour, other), "已读 1/3", "截止时间到了，跟进结束")
		wantSilence(t, w.later(24*time.Hour, other))
	})
}

// At night nothing comes by itself, though commands are answered. What was due comes
// once in the morning.
func TestQuietHoursPutRoundsOffUntilTheMorning(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		w.advanceTo(21)
		people := w.people(2)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config("")) // quiet from 22:00 to 08:00
		w.tell(group, w.admin, "公告 每50分钟 一")
		w.readBy(group, w.admin)
		wantSaid(t, w.later(50*time.Minute, group), "已读 1/3") // 21:50
		for range 10 {
			wantSilence(t, w.later(time.Hour, group)) // 22:50 to 07:50
		}
		wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 1/3")
		wantSaid(t, w.later(15*time.Minute, group), "已读 1/3") // 08:05
		w.wantReminded(group, people, 2, 2)
		wantSilence(t, w.later(49*time.Minute, group))
		wantSaid(t, w.later(time.Minute, group), "已读 1/3")
		w.wantReminded(group, people, 3, 3)
	})
}

// The settings of a group follow every announcement up, more insistently round by
// round, and tell whoever is to be told at the deadline.
func TestTheSettingsOfAGroupEscalateAndTellAtTheDeadline(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		w.advanceTo(9)
		people, boss := w.people(2), w.AddPerson(dingtalktest.Person{Name: "王总"})
		group := w.AddGroup(dingtalktest.GroupOptions{Title: "产品群"}, append(people, w.admin)...)
		other := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config(anyHour+fmt.Sprintf(`
follow_up: {"%s": {every: [30m, 1h], by: [mention, direct, ding], until: 90%%, deadline: "13:00", tell: ["%s"]}}`, group.ID(), boss.UserID)))
		wantSaid(t, w.tell(group, w.admin, "公告 一")[1:], "先过 30 分钟，之后每 1 小时", "到 90% 读了为止", "最晚到今天 13:00")
		wantNotIn(t, w.tell(other, w.admin, "公告 二")[1].Text, "跟进")
		w.readBy(group, w.admin, people[0])
		unread := people[1]
		for _, round := range []struct {
			after                   time.Duration
			mentioned, direct, ding int
		}{
			{30 * time.Minute, 1, 0, 0},
			{time.Hour, 1, 1, 0},
			{time.Hour, 1, 1, 1},
			{time.Hour, 1, 1, 2}, // 12:30
		} {
			wantSaid(t, w.later(round.after, group), "已读 2/3")
			if m, d, x := mentions(group, unread), len(w.Direct(unread).Messages()), dings(w.Server, unread); m != round.mentioned || d != round.direct || x != round.ding {
				t.Errorf("%d mentions, %d messages, %d DINGs; want %+v", m, d, x, round)
			}
		}
		w.wantReminded(group, append(people, w.admin), 0, 4, 0)
		wantSaid(t, w.later(30*time.Minute, group), "已读 2/3", "员工0002", "截止时间到了，跟进结束")
		wantSaid(t, w.Direct(boss).Messages(), "产品群", "#1「一」", "已读 2/3", "员工0002")
		wantSilence(t, w.later(24*time.Hour, group))
		if n := len(w.Direct(boss).Messages()); n != 1 {
			t.Errorf("told %d times", n)
		}
		wantSilence(t, since(other, map[string]bool{other.Messages()[1].ID: true, other.Messages()[2].ID: true}))
	})
}

// A message that is gone is not followed up any more; the group is told why, once, or
// who began it if there is no group.
func TestAFollowUpEndsWithItsMessage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{KeyTTL: 2 * time.Hour})
		w.Events(true)
		w.start(2, w.config(anyHour))
		announced := func(every string) *dingtalktest.Group {
			group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
			w.tell(group, w.admin, "公告 "+every+" 一")
			return group
		}
		expired, lost := announced("每3小时"), announced("每30分钟")
		byCommand, byEvent, disbanded := announced("每30分钟"), announced("每30分钟"), announced("每30分钟")
		const over = "不再有已读数据，跟进结束"

		before := ids(byCommand)
		wantIn(t, w.ask(byCommand, w.admin, saying("撤回 #1")), "#1")
		w.settle()
		said := strings.Join(texts(since(byCommand, before)), "\n")
		wantIn(t, said, "已撤回 #1。", "**已撤回** #1「一」", over)

		before = ids(byEvent)
		if err := byEvent.Recall(w.admin, posted(byEvent)[0].ID); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRecall, 1)
		w.settle()
		wantSaid(t, since(byEvent, before), "**已撤回** #1「一」", over)

		if err := disbanded.Disband(); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventDisband, 1)
		w.settle()
		wantSaid(t, w.Direct(w.admin).Messages(), "**群已解散** #1「一」", over)

		w.LosePushes(1)
		if err := lost.Recall(w.admin, posted(lost)[0].ID); err != nil {
			t.Fatal(err)
		}
		wantSaid(t, w.later(30*time.Minute, lost), "**已撤回** #1「一」", over)
		// DingTalk has to say it twice.
		wantSaid(t, w.later(150*time.Minute, expired), "没有提醒任何人")
		wantSaid(t, w.later(3*time.Hour, expired), "**钉钉已不再提供数据** #1「一」", over)

		for _, group := range []*dingtalktest.Group{byCommand, byEvent, lost, expired, disbanded} {
			wantSilence(t, w.later(24*time.Hour, group))
			for _, p := range group.Members() {
				w.wantReminded(group, []dingtalktest.Person{p}, 0)
			}
		}
		if n := len(w.Direct(w.admin).Messages()); n != 1 {
			t.Errorf("who began it was told %d times", n)
		}
	})
}

// After hours without Redis or without any process, one round makes up for all that
// were missed; the next one is a whole pause away.
func TestAnOutageIsFollowedByOneRound(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(2)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		proxy := storetest.NewProxy(t, b.URL)
		w.redis = proxy.URL()
		config := w.config(anyHour)
		w.start(2, config)
		w.tell(group, w.admin, "公告 每30分钟 一")
		w.readBy(group, w.admin)
		wantSaid(t, w.later(30*time.Minute, group), "已读 1/3")

		for i, outage := range []struct{ begin, end func() }{
			{proxy.Cut, func() { proxy.Mend(t) }},
			{w.stopAll, func() { w.start(2, config) }},
			{w.killAll, func() { w.start(2, config) }},
		} {
			before := ids(group)
			outage.begin()
			w.advance(5 * time.Hour)
			outage.end()
			w.settle()
			wantSaid(t, since(group, before), "已读 1/3")
			w.wantReminded(group, append(people, w.admin), 2+2*i, 2+2*i, 0)
			wantSilence(t, w.later(29*time.Minute, group))
			wantSaid(t, w.later(time.Minute, group), "已读 1/3")
			w.wantReminded(group, append(people, w.admin), 3+2*i, 3+2*i, 0)
		}
	})
}

// When DingTalk is away, nobody is reminded twice, and a round that came to nothing is
// made up for.
func TestARoundIsMadeUpForWhenDingTalkIsBack(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{WebhookTTL: 30 * 24 * time.Hour})
		people := w.people(2)
		everybody := append(people, w.admin)
		group := w.AddGroup(dingtalktest.GroupOptions{}, everybody...)
		w.start(2, w.config(anyHour))
		w.tell(group, w.admin, "公告 每30分钟 一")
		w.readBy(group, w.admin)

		// It does not tell who has read: this is said once.
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.Code, Code: "system.error", Status: 503})
		wantSaid(t, w.later(30*time.Minute, group), "#1 这次没能确定谁没读，没有提醒任何人")
		w.ClearFaults()
		refuseQueries := dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.PermissionDenied} // not tried again, which is faster
		w.Inject(refuseQueries)
		wantSilence(t, w.later(30*time.Minute, group))
		w.wantReminded(group, everybody, 0, 0, 0)
		w.ClearFaults()
		wantSaid(t, w.later(30*time.Minute, group), "已读 1/3")
		w.wantReminded(group, everybody, 1, 1, 0)

		// Nor does it take what the bot says: the round comes later.
		w.Inject(refuseQueries)
		w.ExpireWebhooks()
		w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: dingtalktest.Throttled})
		wantSilence(t, w.later(30*time.Minute, group))
		w.wantReminded(group, everybody, 1, 1, 0)
		wantIn(t, w.logs(), "follow-up put off")
		w.ClearFaults()
		wantIn(t, w.ask(group, people[0], saying("帮助")), "正在跟进 #1") // which also brings a new webhook
		wantSaid(t, w.later(5*time.Minute, group), "已读 1/3")
		w.wantReminded(group, everybody, 2, 2, 0)

		// It takes the mentions and does not say so, or never gets them: they are not
		// repeated before the next round.
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIWebhook, Times: 1, Kind: dingtalktest.DropAfter})
		wantSaid(t, w.later(30*time.Minute, group), "已读 1/3")
		w.wantReminded(group, everybody, 3, 3, 0)
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIWebhook, Times: 1, Kind: dingtalktest.DropBefore})
		wantSilence(t, w.later(30*time.Minute, group))
		w.wantReminded(group, everybody, 3, 3, 0)

		// It refuses the mentions: these people are written to.
		w.ExpireWebhooks()
		wantSaid(t, w.later(30*time.Minute, group), "已读 1/3", "已私信提醒 2 人")
		w.wantReminded(group, everybody, 4, 4, 0)
		wantSaid(t, w.later(30*time.Minute, group), "已读 1/3")
		w.wantReminded(group, everybody, 5, 5, 0)
	})
}

// The demo shows a follow-up: time passes in its scripts.
func TestTheDemoFollowsUpByItself(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "script.txt")
	if err := os.WriteFile(script, []byte(`group Team: Ann(admin) Bob Eve
Ann: @whoread announce every 30m Lunch
read Ann
later 30m
read Bob Eve
later 30m
`), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(within(t), whoread, "demo", "--script", script)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantIn(t, string(out), "every 30 min", "（30m0s 后 later）", "@Bob @Eve", "read 1/3", `✅ All 3 have read #1 "Lunch"`)
	if n := strings.Count(string(out), "@Bob @Eve"); n != 1 {
		t.Errorf("reminded %d times:\n%s", n, out)
	}
}
