package bot_test

import (
	"strings"
	"testing"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// asked is how often DingTalk was asked what counts for a report.
func (w *world) asked() int {
	return w.dingtalk.CallCount(dingtalktest.APIQuery) + w.dingtalk.CallCount(dingtalktest.APIMembers)
}

var spentSentence = spoken{"本月的钉钉接口调用额度已用完", "API calls of this month are used up"}

// Once DingTalk has said it, nothing is asked for ten minutes: the answer is what is known, says why, and names nobody. Then
// whoever asks finds out whether more was bought.
func TestASpentQuotaIsTriedAgainAfterTenMinutes(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		unread, usage := spoken{"谁没读", "unread"}.in(language), spoken{"用量", "usage"}.in(language)
		usageSpent := spoken{"说贵组织本月的接口额度用完了", "that your organisation's calls of this month are used up"}.in(language)
		post := w.announce("公告 停机")
		w.must(w.group.ReadAll(post.ID, w.zhangsan))
		w.clock.advance(time.Minute)
		w.asks(w.hanmeimei, unread)
		w.never(w.asks(w.lilei, usage), usageSpent)

		w.dingtalk.SetQuota(w.dingtalk.Counted(), 0)
		w.clock.advance(time.Minute)
		before := w.asked()
		for i := range 3 {
			for _, who := range []dingtalktest.Person{w.hanmeimei, w.lilei} {
				got := w.asks(who, unread+" 1")
				w.wants(got, spoken{"至少读了 2/4", "Read at least 2/4"}.in(language), spentSentence.in(language))
				w.never(got, "李雷", "李四", spoken{"人没读", "Unread ("}.in(language))
				w.clock.advance(4 * time.Minute)
			}
			w.wants(w.asks(w.lilei, usage), usageSpent)
			w.clock.advance(3 * time.Minute)
			if now := w.asked() - before; now < i+1 || now > 2*(i+1) { // for readers and members at the same time
				t.Errorf("asked %d times in %d spans of 11 minutes", now, i+1)
			}
		}
		w.wants(w.asks(w.lilei, spoken{"公告 二", "announce Two"}.in(language)), spentSentence.in(language))
		sent := w.dingtalk.CallCount(dingtalktest.APISend)
		w.wants(w.asks(w.lilei, spoken{"公告 三", "announce Three"}.in(language)), spentSentence.in(language))
		if now := w.dingtalk.CallCount(dingtalktest.APISend); now != sent {
			t.Error("something was sent beside the webhook")
		}

		w.dingtalk.SetQuota(0, 0) // somebody has bought more
		before = w.asked()
		w.wants(w.asks(w.hanmeimei, unread+" 1"), spentSentence.in(language))
		if now := w.asked(); now != before {
			t.Errorf("asked %d times within ten minutes", now-before)
		}
		w.clock.advance(10 * time.Minute)
		got := w.asks(w.hanmeimei, unread+" 1")
		w.wants(got, "2/4", "韩梅梅", "李四")
		w.never(got, spentSentence.in(language))
		w.never(w.asks(w.lilei, usage), usageSpent)
	})
}

// What comes by itself asks once each time, and does not say the same excuse each time.
func TestWhatComesByItselfSaysOnceThatTheQuotaIsSpent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.reconfigure(func(o *wiring) { o.Sweeps = []time.Duration{time.Hour} })
	w.announce("公告 每30分钟 停机")
	var sweep, follow receipts.Job
	for _, job := range w.inbox.scheduled {
		if job.Kind == receipts.SweepJob {
			sweep = job
		} else {
			follow = job
		}
	}
	w.dingtalk.SetQuota(w.dingtalk.Counted(), 0)
	round := func() []dingtalktest.Message {
		w.clock.advance(30 * time.Minute)
		said := len(w.group.Messages())
		w.must(w.bot.Work(w.soon(), follow, false))
		return w.group.Messages()[said:]
	}
	w.wants(w.answer(round()).Text, "#1 这次没能确定谁没读", spentSentence.zh)
	before := w.asked()
	const rounds = 4
	for range rounds {
		if got := round(); len(got) != 0 {
			t.Errorf("said again: %+v", got)
		}
		w.must(w.bot.Work(w.soon(), sweep, false))
	}
	if now := w.asked() - before; now < rounds || now > 2*rounds { // each round for readers and members
		t.Errorf("asked %d times in %d rounds", now, rounds)
	}
	w.dingtalk.SetQuota(0, 0)
	w.clock.advance(10 * time.Minute)
	w.wants(w.asks(w.lilei, "谁没读"), "已读 1/4")
	if got := round(); len(got) != 1 || !strings.Contains(got[0].Text, "@lisi") {
		t.Errorf("the next round said %+v", got)
	}
}

// A failure is in the log with what DingTalk's support asks for, on a line about the command.
func TestTheLogHasTheCauseWithDingTalksRequestID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: dingtalktest.ThrottledPerMinute})
	w.wants(w.asks(w.lilei, "announce Lunch"), "please try again in a minute")
	if n := w.dingtalk.CallCount(dingtalktest.APISend); n != 1 {
		t.Errorf("sent %d times in a minute that has no room", n)
	}
	w.dingtalk.ClearFaults()
	w.announce("announce Dinner")
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIRecall, Kind: dingtalktest.PermissionDenied})
	w.asks(w.lilei, "recall #2")
	for message, cause := range map[string]string{"announced": "QpmLimitForAppkeyAndApi", "not recalled": "AccessTokenPermissionDenied"} {
		found := false
		for line := range strings.Lines(w.log.String()) {
			found = found || strings.Contains(line, `"msg":"`+message+`"`) && strings.Contains(line, cause) &&
				strings.Contains(line, "; request ") && strings.Contains(line, `"request":"`)
		}
		if !found {
			t.Errorf("no line %q with %q and DingTalk's request id", message, cause)
		}
	}
}
