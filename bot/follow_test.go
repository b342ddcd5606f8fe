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

// A message is followed up until everybody has read it: reports and reminders come by
// themselves, one post each time, and the end is said once.
func TestFollow(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 周五停机")
		w.sees("the answer", w.tells(w.lilei, spoken{"跟进 #1 每30分钟", "follow #1 every 30m"}.in(language)), byWebhook(spoken{
			"开始跟进 #1：每 30 分钟提醒一次没读的人，到全部已读为止，下次 15:05。说「停止 #1」结束。",
			`Following up #1: every 30 min I remind those who have not read it, until everybody has read it, next at 15:05. Say "stop #1" to end it.`,
		}.in(language)))
		w.must(w.group.ReadAll(post.ID, w.zhangsan))
		w.sees("too early", w.pass(29*time.Minute))

		w.sees("the first round", w.pass(time.Minute), byWebhook(
			spoken{"#1 周五停机 · 已读 1/4 · 25% ▓▓░░░░░░░░", "#1 周五停机 · read 1/4 · 25% ▓▓░░░░░░░░"}.in(language),
			spoken{"@lilei @hanmeimei @lisi 请看 #1「周五停机」", `@lilei @hanmeimei @lisi please read #1 "周五停机"`}.in(language),
		).mentioning("lilei", "hanmeimei", "lisi"))

		w.must(w.group.ReadAll(post.ID, w.lilei, w.hanmeimei))
		w.sees("the second round", w.pass(30*time.Minute), byWebhook(
			spoken{"#1 周五停机 · 已读 3/4 · 75% ▓▓▓▓▓▓▓░░░", "#1 周五停机 · read 3/4 · 75% ▓▓▓▓▓▓▓░░░"}.in(language),
			spoken{"@lisi 请看 #1「周五停机」", `@lisi please read #1 "周五停机"`}.in(language),
		).mentioning("lisi"))

		w.must(w.group.ReadAll(post.ID))
		end := w.pass(29 * time.Minute)
		w.sees("the end", append(end, w.pass(time.Minute)...), bySend( // the webhook is over
			spoken{"#1 周五停机 · 已读 4/4 · 100% ▓▓▓▓▓▓▓▓▓▓", "#1 周五停机 · read 4/4 · 100% ▓▓▓▓▓▓▓▓▓▓"}.in(language),
			spoken{"4 人全部已读。", "Everybody has read it (4)."}.in(language),
			spoken{"16:05 查询 · 成员来自群成员列表", "asked at 16:05 · members: the group's list"}.in(language),
			spoken{"跟进结束。", "The follow-up is over."}.in(language)))
		w.nothingComes()
		w.wants(w.asks(w.lilei, spoken{"停止 #1", "stop #1"}.in(language)), spoken{"#1 没有在跟进，不用停止。", "#1 was not being followed up."}.in(language))
	})
}

func TestFollowUntilAShareHasRead(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		post := w.announce("公告 周五停机")
		w.wants(w.asks(w.lilei, spoken{"跟进 每30分钟 直到75%", "follow every 30m until 75%"}.in(language)),
			spoken{"到 75% 已读为止，下次 15:05", "until 75% have read it, next at 15:05"}.in(language))
		w.must(w.group.ReadAll(post.ID, w.lilei, w.hanmeimei, w.lisi))
		w.sees("the end", w.pass(30*time.Minute), byWebhook(
			spoken{"#1 周五停机 · 已读 3/4 · 75% ▓▓▓▓▓▓▓░░░", "#1 周五停机 · read 3/4 · 75% ▓▓▓▓▓▓▓░░░"}.in(language),
			spoken{"未读 1 人：张三", "Unread (1): 张三"}.in(language),
			spoken{"15:05 查询 · 成员来自群成员列表", "asked at 15:05 · members: the group's list"}.in(language),
			spoken{"已达到 75%，跟进结束。", "75% is reached; the follow-up is over."}.in(language)))
		w.nothingComes()
	})
}

// Who is to be told is told at the deadline, in private and under the group's name.
func TestTheDeadline(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		settings := everyHalfHour()
		settings.Tell = []string{"hanmeimei", "zhangsan"}
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: "*研发*"}, options: follows(settings)})
		got := w.tells(w.lilei, spoken{"公告 15:30前 周五停机\n请保存", "announce by 15:30, 周五停机\n请保存"}.in(language))
		w.sees("the announcement", got, bySend("周五停机", "请保存"), byWebhook(
			spoken{"已发出 #1，4 人应读。说「谁没读」随时查看。", `Posted as #1, to be read by 4. Say "unread" at any time.`}.in(language),
			spoken{
				"开始跟进 #1：每 30 分钟提醒一次没读的人，到全部已读为止，最晚到 15:30，下次 15:05。说「停止 #1」结束。",
				`Following up #1: every 30 min I remind those who have not read it, until everybody has read it, until 15:30 at the latest, next at 15:05. Say "stop #1" to end it.`,
			}.in(language)))
		if got := w.pass(30 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
			t.Errorf("the first round: %+v", got)
		}
		w.must(w.group.ReadAll(got[0].ID, w.zhangsan))
		end := []string{
			spoken{"#1 周五停机 · 已读 1/4 · 25% ▓▓░░░░░░░░", "#1 周五停机 · read 1/4 · 25% ▓▓░░░░░░░░"}.in(language),
			spoken{"未读 3 人：李雷（提醒 1 次）、韩梅梅（提醒 1 次）、李四（提醒 1 次）", "Unread (3): 李雷 (reminded 1×), 韩梅梅 (reminded 1×), 李四 (reminded 1×)"}.in(language),
			spoken{"15:30 查询 · 成员来自群成员列表", "asked at 15:30 · members: the group's list"}.in(language),
			spoken{"截止时间到了，跟进结束。", "The deadline is over, and so is the follow-up."}.in(language),
		}
		w.sees("the end", w.pass(25*time.Minute), byWebhook(end...))
		told := append([]string{spoken{`群「\*研发\*」`, `In the group \*研发\*:`}.in(language)}, end...)
		for _, p := range []dingtalktest.Person{w.hanmeimei, w.zhangsan} {
			w.sees(p.Name, w.private(p), byDirect(told...))
		}
		w.sees("who began it", w.private(w.lilei))
		w.nothingComes()
	})
}

// A deadline alone is reported on once.
func TestADeadlineAlone(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.wants(w.asks(w.lilei, spoken{"公告 16:00前 周五停机", "announce by 16:00, 周五停机"}.in(language)),
			spoken{"开始跟进 #1：16:00 截止时报告一次。", "Following up #1: I report once, at the deadline (16:00). "}.in(language))
		w.sees("before", w.pass(84*time.Minute))
		got := w.pass(time.Minute)
		if len(got) != 1 {
			t.Fatalf("%+v", got)
		}
		w.wants(got[0].Text, "0/4", spoken{"截止时间到了", "The deadline is over"}.in(language))
		w.nothingComes()
	})
}

// Each round can insist more than the one before.
func TestEscalation(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		settings := receipts.FollowUpSettings{
			Every: []time.Duration{10 * time.Minute, 20 * time.Minute, 30 * time.Minute},
			By:    []receipts.Channel{receipts.Mention, receipts.InPrivate, receipts.Ding}, Share: 90, Within: 2 * time.Hour,
		}
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: "研发"}, options: follows(settings), dingtalk: dingtalktest.Options{WebhookTTL: 48 * time.Hour}})
		w.wants(w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language)), spoken{
			"开始跟进 #1：先隔 10 分钟、20 分钟，之后每 30 分钟提醒一次没读的人，到 90% 已读为止，最晚到 16:35，下次 14:45。",
			"Following up #1: after 10 min, 20 min, then every 30 min I remind those who have not read it, until 90% have read it, until 16:35 at the latest, next at 14:45.",
		}.in(language))
		w.must(w.group.ReadAll(w.posted()[0].ID, w.zhangsan))
		head := spoken{"#1 周五停机 · 已读 1/4 · 25% ▓▓░░░░░░░░", "#1 周五停机 · read 1/4 · 25% ▓▓░░░░░░░░"}.in(language)
		w.sees("14:45", w.pass(10*time.Minute), byWebhook(head,
			spoken{"@lilei @hanmeimei @lisi 请看 #1「周五停机」", `@lilei @hanmeimei @lisi please read #1 "周五停机"`}.in(language)).mentioning("lilei", "hanmeimei", "lisi"))
		unread := func(times int) string {
			return fmt.Sprintf(spoken{
				"未读 3 人：李雷（提醒 %[1]d 次）、韩梅梅（提醒 %[1]d 次）、李四（提醒 %[1]d 次）",
				"Unread (3): 李雷 (reminded %[1]d×), 韩梅梅 (reminded %[1]d×), 李四 (reminded %[1]d×)",
			}.in(language), times)
		}
		asked := func(at string) string { return askedAt(language, at) }
		w.sees("15:05", w.pass(20*time.Minute), byWebhook(head, unread(1), asked("15:05"), spoken{"已私信提醒 3 人。", "Reminded in private: 3."}.in(language)))
		w.sees("in private", w.private(w.lisi), byDirect(spoken{
			"「研发」群里的 #1「周五停机」你还没有读，请看一下。", `You have not read this yet, please do: in the group "研发", #1 "周五停机".`,
		}.in(language)))
		w.sees("15:35", w.pass(30*time.Minute), byWebhook(head, unread(2), asked("15:35"), spoken{"已用 DING 提醒 3 人。", "Reminded by DING: 3."}.in(language)))
		w.sees("16:05", w.pass(30*time.Minute), byWebhook(head, unread(3), asked("16:05"), spoken{"已用 DING 提醒 3 人。", "Reminded by DING: 3."}.in(language)))
		if dings := w.dingtalk.Dings(); len(dings) != 2 || len(dings[0].Receivers) != 3 {
			t.Errorf("%+v", dings)
		}
		w.sees("16:35", w.pass(30*time.Minute), byWebhook(head, unread(4), asked("16:35"),
			spoken{"截止时间到了，跟进结束。", "The deadline is over, and so is the follow-up."}.in(language)))
		w.nothingComes()
	})
}

// A group's own settings win over those for every group, and the words of an
// announcement over both.
func TestSettingsOfFollowUps(t *testing.T) {
	t.Parallel()
	eight := receipts.ClockTime(8 * 60)
	settings := map[string]receipts.FollowUpSettings{
		"*":      {Every: []time.Duration{time.Hour}},
		"cidOne": {Every: []time.Duration{2 * time.Hour}, By: []receipts.Channel{receipts.InPrivate}, Clock: &eight, Share: 50},
	}
	for name, test := range map[string]struct {
		group, said string
		want        string
	}{
		"every group":                    {"cidTwo", "公告 停机", "每 1 小时提醒一次没读的人，到全部已读为止，下次 15:35。"},
		"one group":                      {"cidOne", "公告 停机", "每 2 小时提醒一次没读的人，到 50% 已读为止，最晚到 08-04 08:00，下次 16:35。"},
		"another interval":               {"cidOne", "公告 每1小时30分钟 停机", "每 1 小时 30 分钟提醒一次没读的人，到 50% 已读为止，最晚到 08-04 08:00，下次 16:05。"},
		"another deadline":               {"cidOne", "公告 16:00前 停机", "每 2 小时提醒一次没读的人，到 50% 已读为止，最晚到 16:00，下次 16:00。"},
		"a deadline where there is none": {"cidTwo", "公告 16:00前，每10分钟，停机", "每 10 分钟提醒一次没读的人，到全部已读为止，最晚到 16:00，下次 14:45。"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{group: dingtalktest.GroupOptions{ID: test.group}, options: func(o *wiring) { o.Reminders.FollowUps = settings }})
			w.wants(w.asks(w.lilei, test.said), "开始跟进 #1："+test.want)
			if post := w.posted()[0]; post.Text != "停机" {
				t.Errorf("posted %q", post.Text)
			}
		})
	}
	t.Run("no settings", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{options: func(o *wiring) {
			o.Reminders.FollowUps = map[string]receipts.FollowUpSettings{"cidOther": everyHalfHour()}
		}})
		w.never(w.asks(w.lilei, "公告 停机"), "跟进")
		w.nothingComes()
	})
}

// The first line of an announcement may begin with a deadline and an interval, in
// either order; everything else is posted as it was typed.
func TestAnnouncementsWithTimes(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct{ text, plan string }{
		"公告 18:00前 周五停机\n请保存":                          {markdown("周五停机", "请保存"), "18:00 截止时报告一次"},
		"公告 每30分钟 周五停机":                                {"周五停机", "每 30 分钟提醒一次"},
		"公告 每30分钟，明天9:00前，周五 22:00 停机":                 {"周五 22:00 停机", "最晚到 08-04 09:00"},
		"发布：周五18:00前 每2小时\n周五停机\n请保存":                  {markdown("周五停机", "请保存"), "每 2 小时提醒一次没读的人，到全部已读为止，最晚到 08-07 18:00"},
		"announce by 18:00 Lunch is served":            {"Lunch is served", "at the deadline (18:00)"},
		"Announce: by 6pm, every 30m: Lunch\nat 12":    {markdown("Lunch", "at 12"), "every 30 min I remind those who have not read it, until everybody has read it, until 18:00 at the latest, next at 15:05"},
		"announce every 2h\nby 18:00 we close\nreally": {markdown("by 18:00 we close", "really"), "every 2 h I remind"},
		// What is no time, or stands on the second line, is the title.
		"公告\n18:00前 周五停机":               {"18:00前 周五停机", ""},
		"announce\nevery 30m\nby 18:00": {markdown("every 30m", "by 18:00"), ""},
		"公告 周五 22:00 停机":                {"周五 22:00 停机", ""},
		"公告 前台每天有人":                     {"前台每天有人", ""},
		"announce By the way":           {"By the way", ""},
		"announce Everyone is welcome":  {"Everyone is welcome", ""},
	} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			got := w.tells(w.lilei, said)
			if posts := w.posted(); len(posts) != 1 || posts[0].Text != want.text {
				t.Fatalf("posted %+v, want %q", posts, want.text)
			}
			answer := w.answer(got).Text
			if followed := len(w.inbox.scheduled) > 0; followed != (want.plan != "") {
				t.Errorf("followed: %v; answered %q", followed, answer)
			}
			w.wants(answer, "#1", want.plan)
		})
	}
}

// A time that can't be understood, or could mean two things, is a question. Nothing is
// posted then, nothing recorded, and no number used.
func TestTimesThatAreQuestions(t *testing.T) {
	t.Parallel()
	below := spoken{"如果这就是标题，请把标题写到第二行：先单独写「公告」，再换行。", `If this is the title, write it on the second line: "announce" alone, then a new line.`}
	questions := map[command.Language]map[string]string{
		command.Chinese: {
			"公告 周五前 停机":                 "「周五前」是几点？请把时间也写上，比如「周五 18:00前」。什么也没做。",
			"公告 14:00前 停机":              "「14:00前」今天已经过了。如果是明天，请写上明天，比如「明天 9:00前」。什么也没做。",
			"公告 昨天18:00前 停机":            "「昨天18:00前」已经过了，请换一个以后的时间。什么也没做。",
			"公告 6点前 停机":                 "「6点前」是上午还是下午？请写成 24 小时制，比如「18:00前」，或加上上午、下午，比如「下午6点前」。什么也没做。",
			"公告 12月24日18:00前 停机":        "「12月24日18:00前」太远了，截止时间最多在 30 天以内。什么也没做。",
			"公告 每1分钟 停机":                "「每1分钟」太频繁了，最短每 5 分钟一次。什么也没做。",
			"公告 每8天 停机":                 "「每8天」太久了，最长每 7 天一次。什么也没做。",
			"公告 下班前 停机":                 "「下班前」是什么时间？没看懂，所以什么也没做。截止时间请写成「18:00前」「明天 9:00前」「周五 18:00前」，间隔请写成「每30分钟」「每2小时」。",
			"公告 18:00前，每30分钟，19:00前 停机": "「19:00前」是什么时间？没看懂，所以什么也没做。截止时间请写成「18:00前」「明天 9:00前」「周五 18:00前」，间隔请写成「每30分钟」「每2小时」。",
			"公告 每30分钟 18:00前 停机":        "「每30分钟 18:00前」里哪些是时间、哪些是标题？请在时间后面加一个逗号。什么也没做。",
			"跟进 #1":                     "多久跟进一次？比如「跟进 #编号 每30分钟」，还可以加「直到18:00」。",
			"跟进 #1 每30分钟 直到0%":          "「0%」不是 1 到 100 的百分比。什么也没做。",
			"跟进 #1 每30分钟 直到周五":          "「周五」是几点？请把时间也写上，比如「周五 18:00前」。什么也没做。",
			"跟进 #1 每1分钟":                "「每1分钟」太频繁了，最短每 5 分钟一次。什么也没做。",
			"跟进 #1 经常":                  "「经常」是什么时间？没看懂，所以什么也没做。截止时间请写成「18:00前」「明天 9:00前」「周五 18:00前」，间隔请写成「每30分钟」「每2小时」。",
		},
		command.English: {
			"announce by friday Lunch":             `At what time is "by friday"? Add the time, as in "by friday 18:00". Nothing was done.`,
			"announce by 14:00 Lunch":              `"by 14:00" is over today. If you mean tomorrow, say so, as in "by tomorrow 9:00". Nothing was done.`,
			"announce by 6 Lunch":                  `Is "by 6" in the morning or in the evening? Write 18:00, 6am or 6pm. Nothing was done.`,
			"announce by dec 24 18:00 Lunch":       `"by dec 24 18:00" is too far away: a deadline is within 30 days. Nothing was done.`,
			"announce by eod Lunch":                `What time is "by eod"? I did not get it and did nothing. Write a deadline as "by 18:00", "by tomorrow 9:00" or "by friday 18:00", and an interval as "every 30m" or "every 2h".`,
			"announce every 1m Lunch":              `"every 1m" is too often: every 5 minutes at most. Nothing was done.`,
			"announce every 8d Lunch":              `"every 8d" is too seldom: every 7 days at least. Nothing was done.`,
			"announce every 2 hours 30 people eat": `Is "every 2 hours 30" a time or part of the title? Put a comma after the time. Nothing was done.`,
			"follow #1":                            `How often? Say "follow #n every 30m"; "until 18:00" may follow.`,
			"follow #1 every 30m until 101%":       `"101%" is no percentage from 1 to 100. Nothing was done.`,
			"follow #1 every 30m until friday":     `At what time is "friday"? Add the time, as in "by friday 18:00". Nothing was done.`,
			"follow #1 often":                      `What time is "often"? I did not get it and did nothing. Write a deadline as "by 18:00", "by tomorrow 9:00" or "by friday 18:00", and an interval as "every 30m" or "every 2h".`,
			"follow #1 every **x**":                `What time is "every \*\*x\*\*"? I did not get it and did nothing. Write a deadline as "by 18:00", "by tomorrow 9:00" or "by friday 18:00", and an interval as "every 30m" or "every 2h".`,
		},
	}
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{dingtalk: dingtalktest.Options{WebhookTTL: time.Hour}})
		for said, question := range questions[language] {
			want := byWebhook(question)
			if strings.HasPrefix(said, "公告") || strings.HasPrefix(said, "announce") {
				want = byWebhook(question, below.in(language))
			}
			w.sees(said, w.tells(w.lilei, said), want)
		}
		if len(w.posted()) != 0 || len(w.inbox.scheduled) != 0 || w.dingtalk.Counted() != 0 {
			t.Errorf("posted %+v, scheduled %v, %d calls counted", w.posted(), w.inbox.scheduled, w.dingtalk.Counted())
		}
		w.wants(w.asks(w.lilei, "list"), "Nothing has been announced")
		w.wants(w.asks(w.lilei, "公告 停机"), "已发出 #1")
	})
}

// Times are meant from when they were said, however late they are read.
func TestTimesAreMeantFromWhenTheyWereSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	data := w.heard(w.group, w.lilei, say{Text: "公告 15:00前 停机"})
	w.clock.advance(30 * time.Minute) // in which nothing ran
	w.wants(w.answer(w.carryOut(w.group, data)).Text, "已发出 #1", "15:00 截止时报告一次")
	got := w.pass(0)
	if len(got) != 1 || !strings.Contains(got[0].Text, "截止时间到了，跟进结束。") {
		t.Errorf("%+v", got)
	}
	w.nothingComes()
}

// The night is quiet, also across midnight, and what was due in it comes once after
// it. The answers tell that time.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("CST", 8*3600)
	quiet := func(o *wiring) {
		o.Zone = shanghai
		o.Reminders.Quiet = receipts.QuietHours{From: 22 * 60, To: 8 * 60, Zone: shanghai}
	}
	w := newWorld(t, setup{options: quiet}) // it is 22:35
	w.announce("公告 周五停机")
	w.wants(w.asks(w.lilei, "跟进 #1 每30分钟"), "下次 08-04 08:00。")
	w.wants(w.asks(w.lilei, "列表"), "跟进中，下次 08-04 08:00")
	w.wants(w.asks(w.lilei, "帮助"), "正在跟进 #1：每 30 分钟提醒一次没读的人，到全部已读为止，下次 08-04 08:00。")
	for range 18 { // until 07:35
		w.sees("in the night", w.pass(30*time.Minute))
	}
	w.sees("a minute before", w.pass(24*time.Minute))
	morning := w.pass(time.Minute)
	if len(morning) != 1 || !strings.Contains(morning[0].Text, "已私信提醒 4 人。") {
		t.Fatalf("at 08:00: %+v", morning)
	}
	w.sees("no round is made up for", w.pass(29*time.Minute))
	if got := w.pass(time.Minute); len(got) != 1 {
		t.Errorf("at 08:30: %+v", got)
	}
	// A command is answered at any time.
	w.clock.advance(15 * time.Hour)
	w.wants(w.asks(w.lilei, "提醒 私信"), "已私信提醒 4 人。")
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
	w.wants(w.asks(w.lilei, "跟进 #1 每30分钟"), "下次 10-25 08:00。")
	for range 21 { // ten hours and a half until 07:10, for the night has eleven
		w.sees("in the night", w.pass(30*time.Minute))
	}
	w.sees("a minute before", w.pass(49*time.Minute))
	if got := w.pass(time.Minute); len(got) != 1 || !w.clock.now().Equal(time.Date(2026, 10, 25, 8, 0, 0, 0, berlin)) {
		t.Errorf("at %v: %+v", w.clock.now().In(berlin), got)
	}
}

// The deadline is told after the night, with those who are to be told.
func TestADeadlineInQuietHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) {
		o.Reminders.Quiet = receipts.QuietHours{From: 22 * 60, To: 8 * 60, Zone: time.UTC}
		o.Reminders.FollowUps = map[string]receipts.FollowUpSettings{"*": {Tell: []string{"hanmeimei"}}}
	}})
	w.asks(w.lilei, "公告 23:00前 停机")
	w.sees("at the deadline", w.pass(9*time.Hour))
	if n := len(w.private(w.hanmeimei)); n != 0 {
		t.Errorf("%d messages at night", n)
	}
	if got := w.pass(9 * time.Hour); len(got) != 1 || len(w.private(w.hanmeimei)) != 1 {
		t.Errorf("in the morning: %+v", got)
	}
	w.nothingComes()
}

// After an outage there is one post for each message, and the next is a whole pause
// away.
func TestAfterAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 一")
	w.announce("公告 二")
	got := w.pass(10 * time.Hour)
	if len(got) != 2 || !strings.HasPrefix(got[0].Text, "#1 一 · 已读 0/4") || !strings.HasPrefix(got[1].Text, "#2 二 · 已读 0/4") {
		t.Errorf("after the outage: %+v", got)
	}
	w.sees("a moment later", w.pass(29*time.Minute))
	if got := w.pass(time.Minute); len(got) != 2 {
		t.Errorf("after a pause: %+v", got)
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
	if got := w.pass(time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
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
			if got := w.pass(30 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
				t.Errorf("the next round: %+v", got)
			}
		})
	}
}

// Without a webhook nobody can be mentioned: people are written to, and the report is
// sent.
func TestFollowUpsWithoutAWebhook(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world){
		"its time is over": func(w *world) { w.clock.advance(2 * time.Hour) },
		"it ended earlier": func(w *world) { w.dingtalk.ExpireWebhooks() },
		"it is throttled":  func(w *world) { w.dingtalk.Inject(code(dingtalktest.APIWebhook, "410100")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{options: follows(everyHalfHour())})
				w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language))
				end(w)
				got := w.pass(30 * time.Minute)
				at := w.clock.now().Format("15:04")
				w.sees("the round", got, bySend(
					spoken{"#1 周五停机 · 已读 0/4 · 0% ░░░░░░░░░░", "#1 周五停机 · read 0/4 · 0% ░░░░░░░░░░"}.in(language),
					spoken{"未读 4 人：李雷、韩梅梅、张三、李四", "Unread (4): 李雷, 韩梅梅, 张三, 李四"}.in(language),
					askedAt(language, at),
					spoken{"已私信提醒 4 人。", "Reminded in private: 4."}.in(language)))
				for _, p := range []dingtalktest.Person{w.lilei, w.hanmeimei, w.zhangsan, w.lisi} {
					if n := len(w.private(p)); n != 1 {
						t.Errorf("%s was reminded %d times", p.Name, n)
					}
				}
				// Such a report has a key of its own, and is no announcement all the same.
				w.dingtalk.ClearFaults()
				quoting := w.ask(w.lisi, say{Text: spoken{"谁没读", "unread"}.in(language), Quote: got[0].ID}).Text
				if !strings.HasPrefix(quoting, "#1 周五停机 · ") {
					t.Errorf("quoted, it is taken for %q", quoting)
				}
				w.never(w.asks(w.lilei, "list"), "#2")
			})
		})
	}
}

func askedAt(language command.Language, at string) string {
	return spoken{at + " 查询 · 成员来自群成员列表", "asked at " + at + " · members: the group's list"}.in(language)
}

// A new command brings a new webhook, and people can be mentioned again.
func TestTheLatestWebhookIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 周五停机")
	w.dingtalk.ExpireWebhooks()
	w.clock.advance(20 * time.Minute)
	w.asks(w.lisi, "帮助")
	if got := w.pass(10 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
		t.Errorf("%+v", got)
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
	if n := len(got[0].Mentioned); n < 300 || n+direct != 1_000 {
		t.Errorf("%d were mentioned and %d written to", n, direct)
	}
	w.wants(got[0].Text, "#1 周五停机 · 已读 0/1000 · 0%", fmt.Sprintf("已私信提醒 %d 人。", direct))
}

// Somebody reminded a moment ago: the round reports, and disturbs nobody again.
func TestARoundWithinTheCooldown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 周五停机")
	w.clock.advance(26 * time.Minute)
	w.tells(w.lisi, "提醒") // who may not
	w.tells(w.lilei, "提醒")
	w.sees("the round", w.pass(4*time.Minute), byWebhook("#1 周五停机 · 已读 0/4 · 0% ░░░░░░░░░░",
		"未读 4 人：李雷（提醒 1 次）、韩梅梅（提醒 1 次）、张三（提醒 1 次）、李四（提醒 1 次）", "15:05 查询 · 成员来自群成员列表"))
	w.clock.advance(29 * time.Minute)
	if got := w.pass(time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
		t.Errorf("the next round: %+v", got)
	}
	w.wants(w.asks(w.lilei, "提醒"), "#1 刚提醒过（自动跟进，15:35）")
}

// It is said once that it is not known who has not read, and when it is looked again.
// Nobody is reminded meanwhile.
func TestARoundWithoutACompleteAnswer(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: follows(everyHalfHour())})
		w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language))
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.EmptyPage})
		w.sees("the first", w.pass(30*time.Minute), byWebhook(
			spoken{"#1 周五停机 · 已读至少 0/4 · 0% ░░░░░░░░░░", "#1 周五停机 · read by at least 0/4 · 0% ░░░░░░░░░░"}.in(language),
			spoken{
				"已读名单没有取全，所以不列未读的人。钉钉返回的分页有误，请稍后再问；若一直这样，请管理员看日志。",
				"I could not get all readers, so I don't name anybody as unread. DingTalk's pages make no sense; ask again later, and if this goes on an administrator should look at the log.",
			}.in(language),
			spoken{"成员来自群成员列表", "members: the group's list"}.in(language),
			spoken{"#1 这次没能确定谁没读，没有提醒任何人，15:35 再看。", "This time it is not certain who has not read #1; nobody was reminded. I look again at 15:35."}.in(language)))
		w.sees("the second", w.pass(30*time.Minute))
		w.sees("the third", w.pass(29*time.Minute))
		w.dingtalk.ClearFaults()
		if got := w.pass(time.Minute); len(got) != 1 || !strings.Contains(got[0].Text, "0/4") {
			t.Errorf("again: %+v", got)
		}
	})
}

// Of people who came to be known little by little nobody says that all have read.
func TestFollowingLearnedMembers(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, learned: true, options: follows(everyHalfHour())})
		w.asks(w.lisi, "帮助")
		w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language))
		got := w.pass(30 * time.Minute)
		if len(got) != 1 || len(got[0].Mentioned) != 2 {
			t.Errorf("the first round: %+v", got)
		}
		w.must(w.group.ReadAll(w.posted()[0].ID, w.lilei, w.lisi))
		got = w.pass(30 * time.Minute)
		if len(got) != 1 {
			t.Fatalf("the end: %+v", got)
		}
		w.wants(got[0].Text, spoken{"目前认得的 2 人都读了，可能还有我不认得的人没读。", "All whom I know so far have read it (2); there may be others who have not."}.in(language),
			spoken{"跟进结束。", "The follow-up is over."}.in(language))
		w.never(got[0].Text, "全部", "verybody", "100%")
		w.nothingComes()
	})
}

// A message that is over is not followed any more, which is said once, and why.
func TestFollowUpsEndWithTheirMessage(t *testing.T) {
	t.Parallel()
	over := spoken{"不再有已读数据，跟进结束。", "There is no more read data; the follow-up is over."}
	for name, test := range map[string]struct {
		end  func(w *world, post dingtalktest.Message, language command.Language)
		want spoken // the state
	}{
		"recalled by command": {
			func(w *world, _ dingtalktest.Message, language command.Language) {
				w.asks(w.lilei, spoken{"撤回 #1", "recall #1"}.in(language))
			},
			spoken{"已撤回", "recalled"},
		},
		"recalled in the client": {
			func(w *world, post dingtalktest.Message, _ command.Language) {
				w.must(w.group.Recall(w.lilei, post.ID))
				w.event("robot_msg_recall", fmt.Sprintf(`,"processQueryKey":%q`, post.ProcessQueryKey))
			},
			spoken{"已撤回", "recalled"},
		},
		"recalled, without an event": {
			func(w *world, post dingtalktest.Message, _ command.Language) {
				w.must(w.group.Recall(w.lilei, post.ID))
				w.clock.advance(30 * time.Minute)
			},
			spoken{"已撤回", "recalled"},
		},
		"expired": {
			func(w *world, _ dingtalktest.Message, _ command.Language) {
				w.dingtalk.Inject(code(dingtalktest.APIQuery, "processQueryKey.expireTime"))
				w.clock.advance(24 * time.Hour)
			},
			spoken{"钉钉已不再提供数据", "no longer tracked by DingTalk"},
		},
		"expired, as somebody's question showed": {
			func(w *world, _ dingtalktest.Message, language command.Language) {
				w.dingtalk.Inject(code(dingtalktest.APIQuery, "processQueryKey.expireTime"))
				w.clock.advance(24 * time.Hour)
				w.asks(w.lisi, spoken{"谁没读", "unread"}.in(language))
			},
			spoken{"钉钉已不再提供数据", "no longer tracked by DingTalk"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{options: follows(everyHalfHour()), dingtalk: dingtalktest.Options{WebhookTTL: 48 * time.Hour}})
				w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language))
				test.end(w, w.posted()[0], language)
				w.sees("the end", w.pass(0), byWebhook("#1 周五停机 · "+test.want.in(language), over.in(language)))
				w.nothingComes()
				w.never(w.asks(w.lilei, spoken{"帮助", "help"}.in(language)), spoken{"正在跟进", "Following up"}.in(language))
			})
		})
	}
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
					spoken{"#1 周五停机 · 群已解散", "#1 周五停机 · group disbanded"}.in(language),
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

// Nothing is followed up longer than a week without a deadline.
func TestAFollowUpWithoutADeadlineEnds(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		settings := receipts.FollowUpSettings{Every: []time.Duration{72 * time.Hour}}
		w := newWorld(t, setup{options: follows(settings), dingtalk: dingtalktest.Options{KeyTTL: 30 * 24 * time.Hour}})
		w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language))
		posts := 0
		for range 6 {
			posts += len(w.pass(24 * time.Hour))
		}
		end := w.pass(24 * time.Hour)
		if posts != 2 || len(end) != 1 {
			t.Fatalf("%d posts, and in the end %+v", posts, end)
		}
		w.wants(end[0].Text, spoken{"已经跟进了 7 天，到此为止。", "It has been followed up for 7 days; that is enough."}.in(language))
		w.nothingComes()
	})
}

// An announcement of which nobody knows whether it was delivered is followed up once
// that turns out, and else ends with a word.
func TestFollowingWhatIsUncertain(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for _, healed := range []bool{true, false} {
			w := newWorld(t, setup{dingtalk: dingtalktest.Options{KeyTTL: 30 * 24 * time.Hour}})
			w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.DropAfter})
			w.tells(w.lilei, spoken{"公告 16:00前 每30分钟 周五停机", "announce by 16:00 every 30m 周五停机"}.in(language))
			w.sees("as long as it is not known", w.pass(30*time.Minute))
			if healed {
				w.ask(w.lisi, say{Text: "谁没读", Quote: w.posted()[0].ID, QuoteFull: true})
				if got := w.pass(30 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
					t.Errorf("once it is known: %+v", got)
				}
				continue
			}
			w.sees("still", w.pass(30*time.Minute))
			got := w.pass(25 * time.Minute)
			if len(got) != 1 {
				t.Fatalf("at the deadline: %+v", got)
			}
			w.wants(got[0].Text, spoken{"一直不能确定它是否送达，跟进结束。", "It never turned out whether it was delivered; the follow-up is over."}.in(language))
			w.nothingComes()
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		stop := spoken{"停止", "stop"}.in(language)
		first := w.announce("公告 一")
		w.announce("公告 二")
		w.sees("nothing to stop", w.tells(w.lilei, stop), byWebhook(spoken{"本群没有在跟进的公告。", "Nothing is being followed up in this group."}.in(language)))
		w.sees("not that one", w.tells(w.lilei, stop+" #2"), byWebhook(spoken{"#2 没有在跟进，不用停止。", "#2 was not being followed up."}.in(language)))
		w.wants(w.asks(w.lilei, stop+" #9"), "#9")
		w.asks(w.lilei, "跟进 #1 每30分钟")
		w.asks(w.lilei, "跟进 #2 每30分钟")
		w.sees("which one", w.tells(w.lilei, stop), byWebhook(spoken{
			"正在跟进 #1、#2，要停止哪一条？请写上编号，比如「停止 #编号」。", `Being followed up: #1, #2. Which one shall I stop? Give its number: "stop #n".`,
		}.in(language)))
		quoting := w.carryOut(w.group, w.heard(w.group, w.lilei, say{Text: stop, Quote: first.ID}))
		w.sees("the quoted one", quoting, byWebhook(spoken{"已停止跟进 #1。", "Stopped following up #1."}.in(language)))

		data := w.heard(w.group, w.lilei, say{Text: stop})
		w.bot.Accept(w.soon(), "frame", data)
		command := w.inbox.take()[0]
		for range 2 { // the only one that is left; and once more, after a crash
			before := len(w.group.Messages())
			w.must(w.bot.Work(w.soon(), command, false))
			got := w.answer(w.group.Messages()[before:]).Text
			if got != (spoken{"已停止跟进 #2。", "Stopped following up #2."}).in(language) && got != (spoken{"本群没有在跟进的公告。", "Nothing is being followed up in this group."}).in(language) {
				t.Errorf("answered %q", got)
			}
		}
		w.nothingComes()
	})
}

// Another command takes a follow-up's place.
func TestASecondFollowReplacesTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 周五停机")
	w.asks(w.lilei, "跟进 #1 每10分钟")
	w.wants(w.asks(w.lilei, "follow #1 every 1h"), "every 1 h I remind those who have not read it", "next at 15:35")
	w.sees("the first's time", w.pass(59*time.Minute))
	if got := w.pass(time.Minute); len(got) != 1 || !strings.Contains(got[0].Text, "read 0/4") {
		t.Errorf("%+v", got)
	}
	w.sees("stopped", w.tells(w.lilei, "停止"), byWebhook("已停止跟进 #1。"))
	w.nothingComes()
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
			w.wants(w.answer(w.group.Messages()[before:]).Text, spoken{"下次 15:05", "next at 15:05"}.in(language))
			if n := len(w.posted()); n != 1 {
				t.Errorf("%d posts", n)
			}
			if got := w.pass(10 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
				t.Errorf("the round: %+v", got)
			}
			w.asks(w.lilei, spoken{"停止", "stop"}.in(language))
			before = len(w.group.Messages())
			w.must(w.bot.Work(w.soon(), command, false))
			again := w.answer(w.group.Messages()[before:]).Text
			w.never(again, spoken{"开始跟进", "Following up"}.in(language))
			if strings.HasPrefix(said.zh, "跟进") && again != (spoken{"#1 没有跟进。跟进已停止。", "#1 is not followed up. The follow-up was stopped."}).in(language) {
				t.Errorf("answered %q", again)
			}
			w.nothingComes()
		}
	})
}

// What was never posted, or is over, is not followed up.
func TestFollowWhatIsNotThere(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		follow := spoken{"跟进 #1 每30分钟", "follow #1 every 30m"}.in(language)
		w.wants(w.asks(w.lilei, follow), spoken{"本群没有 #1 这条公告", "There is no #1 in this group"}.in(language))
		w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.Code, Code: "bot.stopped"})
		w.never(w.asks(w.lilei, spoken{"公告 每30分钟 一", "announce every 30m 一"}.in(language)), spoken{"开始跟进", "Following up"}.in(language))
		w.sees("never posted", w.tells(w.lilei, follow), byWebhook(
			spoken{"#1 没有跟进。它没有发出，所以没有人读过。", "#1 is not followed up. It was not posted, so nobody has read it."}.in(language)))
		w.announce("公告 二")
		w.asks(w.lilei, "撤回 #2")
		w.wants(w.asks(w.lilei, spoken{"跟进 #2 每30分钟", "follow #2 every 30m"}.in(language)), spoken{"#2 没有跟进。", "#2 is not followed up. "}.in(language))
		w.nothingComes()
	})
}

// The list and the help show what is followed up, and when it goes on.
func TestWhatIsFollowedIsShown(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 一")
		w.announce("公告 二")
		w.asks(w.lilei, "跟进 #1 每1小时30分钟 直到90%或18:00")
		w.sees("the list", w.tells(w.lisi, spoken{"列表", "list"}.in(language)), byWebhook(
			spoken{"**最近 2 条公告**", "**Last announcements (2)**"}.in(language),
			spoken{"#2 二 · 还没有人问过 · 14:35", "#2 二 · nobody has asked yet · 14:35"}.in(language),
			spoken{"#1 一 · 还没有人问过 · 跟进中，下次 16:05 · 14:35", "#1 一 · nobody has asked yet · followed up, next at 16:05 · 14:35"}.in(language)))
		help := w.asks(w.lisi, spoken{"帮助", "help"}.in(language))
		w.wants(help, spoken{
			"正在跟进 #1：每 1 小时 30 分钟提醒一次没读的人，到 90% 已读为止，最晚到 18:00，下次 16:05。",
			"Following up #1: every 1 h 30 min I remind those who have not read it, until 90% have read it, until 18:00 at the latest, next at 16:05.",
		}.in(language))
		w.asks(w.lilei, "停止")
		w.never(w.asks(w.lisi, spoken{"帮助", "help"}.in(language))+w.asks(w.lisi, spoken{"列表", "list"}.in(language)),
			spoken{"正在跟进", "Following up #"}.in(language), spoken{"跟进中", "followed up, next"}.in(language))
	})
}

// Where reports go to who asked, those of a follow-up go to who began it, and the
// group sees no more than the mentions.
func TestFollowUpsToThePersonAlone(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		settings := receipts.FollowUpSettings{
			Every: []time.Duration{30 * time.Minute}, By: []receipts.Channel{receipts.Mention, receipts.Ding}, Within: 90 * time.Minute, Tell: []string{"lilei", "hanmeimei"},
		}
		w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: "研发"}, options: func(o *wiring) {
			follows(settings)(o)
			o.Direct = true
		}})
		w.asks(w.lilei, spoken{"公告 周五停机", "announce 周五停机"}.in(language))
		if got := w.pass(30 * time.Minute); len(got) != 1 || len(got[0].Mentioned) != 4 {
			t.Errorf("mentions: %+v", got)
		}
		w.sees("the group", w.pass(30*time.Minute))
		w.sees("the group, at the deadline", w.pass(30*time.Minute))
		private := w.private(w.lilei)
		if len(private) != 2 || len(w.private(w.hanmeimei)) != 1 {
			t.Fatalf("%d to who began it, %d to who is told", len(private), len(w.private(w.hanmeimei)))
		}
		w.wants(private[0].Text, spoken{"群「研发」", "In the group 研发:"}.in(language), "0/4", "张三", spoken{"已用 DING 提醒 4 人。", "Reminded by DING: 4."}.in(language))
		w.wants(private[1].Text, "0/4", spoken{"截止时间到了", "The deadline is over"}.in(language))
		w.nothingComes()
	})
}

// A fixed language is that of what comes by itself, too; otherwise it is that of the
// command.
func TestFollowUpsSpeakTheLanguageOfTheirCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 周五停机")
	w.asks(w.lilei, "follow #1 every 30m")
	w.asks(w.lisi, "谁没读")
	if got := w.pass(30 * time.Minute); len(got) != 1 || !strings.Contains(got[0].Text, "please read #1") {
		t.Errorf("%+v", got)
	}
}

// In a group that the bot may work in no more, it says nothing.
func TestFollowUpsOfAGroupThatIsNotAllowedAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: follows(everyHalfHour())})
	w.announce("公告 周五停机")
	w.reconfigure(func(o *wiring) { o.Policy.Groups = []string{"cidOther"} })
	w.sees("the group", w.pass(30*time.Minute))
	w.nothingComes()
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
	webhook, err := w.store.Webhook(w.soon(), w.group.ID())
	w.must(err)
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
