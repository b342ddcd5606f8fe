package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// awaitAcks waits until that many events of the type are acknowledged, and not only asked for
// again.
func (w *world) awaitAcks(eventType string, n int) {
	w.t.Helper()
	// Now and then, and not after each of thousands of acks: to look at all of them each time would keep a core busy.
	w.eventually(fmt.Sprintf("%d events are acknowledged", n), func() bool {
		acked := map[string]bool{}
		for _, ack := range w.Acks() {
			if ack.EventType == eventType && !strings.Contains(ack.Data, `"LATER"`) {
				acked[ack.EventID] = true
			}
		}
		return len(acked) >= n
	})
}

func TestWhatIsPushedCostsNoCall(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		people := w.people(4)
		everybody := append(people, w.admin)
		group := w.AddGroup(dingtalktest.GroupOptions{}, everybody...)
		w.start(w.config(""))
		w.ask(group, w.admin, saying("公告 一"))
		message := posted(group)[0]

		minute := func() string { return time.Now().In(time.FixedZone("", 8*3600)).Format("15:04") }
		began := minute()
		if err := group.ReadAll(message.ID, people[:3]...); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRead, 3)
		ended := minute()
		said := w.ask(group, people[0], saying("谁读了"))
		wantIn(t, said, "已读 4/5", "未读 1 人：")
		wantIn(t, said, people[0].Name)
		if moment := "(" + began + "|" + ended + ")"; !regexp.MustCompile("最早.天 " + moment + "，最晚.天 " + moment).MatchString(said) {
			t.Errorf("%q; want that the first and the last read between %s and %s", said, began, ended)
		}
		wantIn(t, w.ask(group, people[0], saying("列表")), "4/5")

		if err := group.ReadAll(message.ID, everybody...); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRead, 5)
		before := w.CallCount(dingtalktest.APIQuery)
		wantIn(t, w.ask(group, people[0], saying("谁没读")), "✅ #1「一」5 人都读了")
		if after := w.CallCount(dingtalktest.APIQuery); after != before {
			t.Errorf("%d queries for what was pushed", after-before)
		}
	})
}

// Pushes are doubled and lost; the query makes up for it, and nobody who has read
// is called unread.
func TestDoubledAndLostPushesAreMadeUpFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		people := w.people(10)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(w.config("reports: {fresh_for: 0s}"))
		w.ask(group, w.admin, saying("公告 一"))
		message := posted(group)[0]

		w.DuplicatePushes(4)
		if err := group.ReadAll(message.ID, people[:4]...); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRead, 4)
		w.LosePushes(3)
		if err := group.ReadAll(message.ID, people[4:7]...); err != nil {
			t.Fatal(err)
		}
		reply := w.ask(group, w.admin, saying("谁读了"))
		wantIn(t, reply, "已读 8/11", "未读 3 人：", people[4].Name)
		wantNotIn(t, reply, "最早", "最晚") // of three nobody knows when they read
		wantIn(t, w.ask(group, people[4], saying("我读了吗")), "你读了 #1，最迟 ")
		unread := w.ask(group, w.admin, saying("谁没读"))
		for _, reader := range people[:7] {
			wantNotIn(t, unread, reader.Name)
		}
	})
}

func TestABurstOfPushedReadsLosesNone(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	// On a busy machine ten thousand take their time.
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{RetryAfter: 15 * time.Second})
	w.Events(true)
	people := w.people(10_000)
	group := w.AddGroup(dingtalktest.GroupOptions{}, people...)
	w.start(w.config("access: {announce: everyone}"))
	w.ask(group, people[0], saying("公告 早上好"))
	if err := group.ReadAll(posted(group)[0].ID); err != nil {
		t.Fatal(err)
	}
	w.awaitAcks(dingtalktest.EventRead, len(people))
	for _, ack := range w.Acks() {
		if ack.EventType == dingtalktest.EventRead && ack.Data != `{"status":"SUCCESS","message":"success"}` && !strings.Contains(ack.Data, `"LATER"`) {
			t.Fatalf("neither taken nor asked for again: %+v", ack)
		}
	}
	w.wantAckedInTime()
	wantIn(t, w.ask(group, people[1], saying("谁没读")), "✅ #1「早上好」10000 人都读了")
	if n := w.CallCount(dingtalktest.APIQuery); n != 0 {
		t.Errorf("%d queries", n)
	}
}

// The bot knows the keys of what it posted: no read of a chart is pushed twice, and none is
// the announcement's.
func TestReadsOfAChartAreTakenAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{RetryAfter: 15 * time.Second}) // what is refused is pushed again, however busy the machine is
		w.Events(true)
		people := append(w.people(1_999), w.admin)
		group := w.AddGroup(dingtalktest.GroupOptions{}, people...)
		w.start(w.config(""))
		w.ask(group, w.admin, saying("公告 早上好"))
		w.ask(group, w.admin, saying("曲线 #1"))
		if err := group.ReadAll(posted(group)[1].ID); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRead, len(people))
		for _, ack := range w.Acks() {
			if ack.EventType == dingtalktest.EventRead && (ack.Attempt > 1 || !strings.Contains(ack.Data, `"SUCCESS"`)) {
				t.Fatalf("it is pushed again: %+v", ack)
			}
		}
		wantIn(t, w.ask(group, w.admin, saying("谁没读")), "已读 1/2000")
	})
}

func TestRecallingJoiningLeavingAndDisbandingAreFollowed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		people := w.people(4)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(w.config(""))
		w.ask(group, w.admin, saying("公告 一"))
		w.ask(group, w.admin, saying("公告 二"))

		newcomer := w.people(1)[0]
		if err := group.Join(w.admin, newcomer); err != nil {
			t.Fatal(err)
		}
		if err := group.Leave(people[0]); err != nil {
			t.Fatal(err)
		}
		if err := group.Remove(w.admin, people[1]); err != nil {
			t.Fatal(err)
		}
		for _, event := range []string{dingtalktest.EventAddMember, dingtalktest.EventQuit, dingtalktest.EventRemoveMember} {
			w.awaitAcks(event, 1)
		}
		reply := w.ask(group, w.admin, saying("谁没读 #2"))
		wantIn(t, reply, "已读 1/3", "2 人没读", "另有 1 人后来入群", "2 人没读就退了群")
		wantNotIn(t, reply, people[0].Name, people[1].Name)
		if n := w.CallCount(dingtalktest.APIMembers); n != 1 {
			t.Errorf("the members were asked for %d times", n)
		}

		if err := group.Recall(w.admin, posted(group)[1].ID); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRecall, 1)
		queries := w.CallCount(dingtalktest.APIQuery)
		wantIn(t, w.ask(group, w.admin, saying("谁没读 #2")), "#2「二」", "已被撤回")
		if n := w.CallCount(dingtalktest.APIQuery); n != queries {
			t.Error("a recalled message was asked about")
		}

		if err := group.Disband(); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventDisband, 1)
		state := w.rdb().HGet(t.Context(), w.keyOf(group, "message:1"), "state").Val()
		if state != "disbanded" {
			t.Errorf("#1 of a disbanded group is %q", state)
		}
	})
}

// rdb is a client of the test's own for what no answer shows.
func (w *world) rdb() *redis.Client {
	options, err := redis.ParseURL(w.redis)
	if err != nil {
		w.t.Fatal(err)
	}
	client := redis.NewClient(options)
	w.t.Cleanup(func() { _ = client.Close() })
	return client
}

func (w *world) keyOf(g *dingtalktest.Group, name string) string {
	return "{" + w.prefix + ":group:" + url.QueryEscape(g.ID()) + "}:" + name
}

func TestAReportToThePersonAloneFollowsTheTitleOfTheGroup(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		group := w.AddGroup(dingtalktest.GroupOptions{Title: "产品群"}, append(w.people(1), w.admin)...)
		w.start(w.config("reports: {to: direct}"))
		w.ask(group, w.admin, saying("公告 一"))
		for n, title := range []string{"产品群", "研发群"} {
			if group.Title() != title {
				if err := group.Rename(title); err != nil {
					t.Fatal(err)
				}
				w.awaitAcks(dingtalktest.EventUpdateTitle, 1)
				if kept := w.rdb().Get(t.Context(), w.keyOf(group, "title")).Val(); kept != title {
					t.Errorf("before anybody spoke, the title is %q", kept)
				}
			}
			wantIn(t, w.ask(group, w.admin, saying("谁没读")), "私信")
			wantIn(t, w.Direct(w.admin).Messages()[n].Text, "群「"+title+"」", "#1「一」", "1/2")
		}
	})
}

// A plain group has no list: whoever speaks, comes or reads is learned, whether reads
// are pushed, not pushed, doubled or lost.
func TestAPlainGroupIsLearned(t *testing.T) {
	t.Parallel()
	for name, events := range map[string]struct {
		pushed, lost bool
		doubled      int
	}{
		"pushes on":      {pushed: true},
		"pushes off":     {},
		"pushes doubled": {pushed: true, doubled: 100},
		"pushes lost":    {pushed: true, lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				w := newWorld(t, b, dingtalktest.Options{})
				w.Events(events.pushed)
				people := w.people(6)
				group := w.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, append(people, w.admin)...)
				w.start(w.config("reports: {fresh_for: 0s}"))
				w.DuplicatePushes(events.doubled)

				wantIn(t, w.ask(group, w.admin, saying("公告 一")), "已发出 #1。", "我只认得其中 1 人", "管理员说「用量」看怎么补")
				wantIn(t, w.ask(group, w.admin, saying("用量")), "members.rosters", group.ID())
				if events.lost {
					w.LosePushes(3)
				}
				if err := group.ReadAll(posted(group)[0].ID, people[:3]...); err != nil {
					t.Fatal(err)
				}
				if events.pushed && !events.lost {
					w.awaitAcks(dingtalktest.EventRead, 3)
				}
				reply := w.ask(group, people[3], saying("谁没读"))
				wantIn(t, reply, "我认得的 4 人都读了", "名单不全：只算我见过的人")
				wantNotIn(t, reply, people[0].Name, people[1].Name, people[2].Name)

				// Three readers, the admin and who asked are known by now.
				wantIn(t, w.ask(group, w.admin, saying("announce two")), "Posted as #2. DingTalk does not tell me who is in this group; I know 5 of them")
				gone, left := people[0], 0
				if err := group.Leave(gone); err != nil {
					t.Fatal(err)
				}
				if events.pushed {
					w.awaitAcks(dingtalktest.EventQuit, 1)
					left = 1
				}
				reply = w.ask(group, w.admin, saying("unread"))
				wantIn(t, reply, fmt.Sprintf("Read 1/%d", 5-left), fmt.Sprintf("**%d have not read**", 4-left), "I only know some of the members")
				if left == 1 {
					wantIn(t, reply, "1 left without reading")
					wantNotIn(t, reply, gone.Name)
				}

				// Also when all who are known have read, nobody says that everybody has.
				if err := group.ReadAll(posted(group)[1].ID, append(people[1:4:4], w.admin)...); err != nil {
					t.Fatal(err)
				}
				queries := w.CallCount(dingtalktest.APIQuery)
				reply = w.ask(group, people[4], saying("谁没读"))
				wantIn(t, reply, map[int]string{0: "已读 4/5", 1: "我认得的 4 人都读了"}[left])
				wantNotIn(t, reply, "✅")
				if n := w.CallCount(dingtalktest.APIQuery); n != queries+1 {
					t.Errorf("%d queries; want one", n-queries)
				}
				if n := w.CallCount(dingtalktest.APIMembers); n != 1 {
					t.Errorf("the members were asked for %d times", n)
				}
			})
		})
	}
}

// The cool app comes later: its event makes posting and the member list work, without
// its code in the configuration.
func TestACoolAppThatIsInstalledLaterIsLearned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		people := w.people(4)
		group := w.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp}, append(people, w.admin)...)
		if err := group.UninstallCoolApp(w.admin); err != nil {
			t.Fatal(err)
		}
		w.start(w.config(""))
		wantIn(t, w.ask(group, w.admin, saying("公告 一")), "#1 没有发出", "群酷应用没有装好")
		wantIn(t, w.ask(group, w.admin, saying("用量")), "群成员列表没给出成员")

		if err := group.AddBot(w.admin); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventCoolAppInstall, 1)
		wantIn(t, w.ask(group, w.admin, saying("公告 二")), "已发出 #2，5 人应读")
		wantIn(t, w.ask(group, w.admin, saying("谁没读")), "1/5", people[3].Name)
		usage := w.ask(group, w.admin, saying("用量"))
		wantIn(t, usage, "成员：群成员列表 5 人")
		wantNotIn(t, usage, "没给出成员")

		if err := group.UninstallCoolApp(w.admin); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventCoolAppUninstall, 1)
		if n := w.rdb().Exists(t.Context(), w.keyOf(group, "cool_app")).Val(); n != 0 {
			t.Error("the code of an uninstalled cool app is still there")
		}
		wantIn(t, w.ask(group, w.admin, saying("公告 三")), "#3 没有发出", "群酷应用没有装好")
	})
}

// A restart asks a source that failed for good no more, 用量 and the log say why, and
// the calls of both processes are counted.
func TestASourceThatFailedIsNotAskedAgainAfterARestart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, code, hint string
		status           int
	}{
		{"no template", "groupPermissionDenied", "members.rosters", 400},
		{"no permission", "Forbidden.AccessDenied.AccessTokenPermissionDenied", "qyapi_chat_manage", 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				w := newWorld(t, b, dingtalktest.Options{})
				group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(4), w.admin)...)
				w.Inject(dingtalktest.Fault{API: dingtalktest.APIMembers, Kind: dingtalktest.Code, Code: test.code, Status: test.status})
				config := w.config("members: {cache_for: 0s}")
				first := w.start(config)
				wantIn(t, w.ask(group, w.admin, saying("公告 一")), "已发出 #1。", "管理员说「用量」看怎么补")
				const told = "a source of members will not be asked for a while"
				if n := strings.Count(first.log.String(), told); n != 1 {
					t.Errorf("the log says it %d times", n)
				}
				first.stop()
				second := w.start(config)
				wantIn(t, w.ask(group, w.admin, saying("公告 二")), "已发出 #2。", "管理员说「用量」看怎么补")
				wantIn(t, w.ask(group, w.admin, saying("用量")), "成员：名单不全，只认得 1 人",
					"群成员列表没给出成员", test.hint, "前不再问", "没有推送来的已读", "本月接口用了 3/5000（0%）", "群消息 2、群成员 1")
				wantIn(t, w.ask(group, w.admin, saying("usage")), "No members by the group's list", test.hint, "API calls this month: 3/5000 (0%)", "group messages 2, group members 1")
				if n := w.CallCount(dingtalktest.APIMembers); n != 1 {
					t.Errorf("the members were asked for %d times", n)
				}
				wantNotIn(t, second.log.String(), told)
			})
		})
	}
}

// Of a group in which the bot may not work, nothing is kept.
func TestNothingIsKeptOfGroupsThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		people := w.people(2)
		group := w.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindCoolApp}, append(people, w.admin)...)
		w.start(w.config("access: {groups: [cidAnother]}"))
		wantIn(t, w.ask(group, w.admin, saying("谁没读")), "我还不能在这个群里用")
		if err := errors.Join(group.Rename("秘密"), group.Leave(people[0]), group.RemoveBot(w.admin), group.AddBot(w.admin)); err != nil {
			t.Fatal(err)
		}
		for _, event := range []string{dingtalktest.EventUpdateTitle, dingtalktest.EventQuit, dingtalktest.EventCoolAppUninstall, dingtalktest.EventCoolAppInstall} {
			w.awaitAcks(event, 1)
		}
		keys, err := w.rdb().Keys(t.Context(), "*"+w.prefix+":group:*").Result()
		if err != nil || len(keys) != 0 {
			t.Errorf("kept: %q, %v", keys, err)
		}
	})
}

// Whoever wants no counted call for members has them learned alone; nothing is lacking
// then.
func TestMembersThatAreOnlyLearnedCostNoCall(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(w.config("members: {source: learned}"))
		reply := w.ask(group, people[0], saying("列表"))
		wantIn(t, reply, "还没有发过公告")
		reply = w.ask(group, w.admin, saying("公告 一"))
		wantIn(t, reply, "已发出 #1。", "我只认得其中 2 人")
		wantNotIn(t, reply, "members.rosters")
		wantIn(t, w.ask(group, w.admin, saying("谁没读")), "已读 1/2", people[0].Name, "名单不全")
		if n := w.CallCount(dingtalktest.APIMembers); n != 0 {
			t.Errorf("the members were asked for %d times", n)
		}
	})
}
