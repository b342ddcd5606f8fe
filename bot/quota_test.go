package bot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"whoread/bot"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// asked is how often DingTalk was asked what counts for a report.
func (w *world) asked() int {
	return w.dingtalk.CallCount(dingtalktest.APIQuery) + w.dingtalk.CallCount(dingtalktest.APIMembers)
}

var spentSentence = spoken{"本月的钉钉接口调用额度已用完", "API calls of this month are used up"}

// Once DingTalk has said it, nobody's question is asked again: the answer is what is known, says why, and names nobody. Who
// administers finds out that more was bought.
func TestASpentQuotaIsRememberedUntilAnAdministratorAsks(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language bot.Language) {
		w := newWorld(t, setup{})
		unread, usage := spoken{"谁没读", "unread"}.in(language), spoken{"用量", "usage"}.in(language)
		usageSpent := spoken{"说贵组织本月的接口调用额度已用完", "that your organisation's calls of this month are used up"}.in(language)
		post := w.announce("公告 停机")
		w.must(w.group.ReadAll(post.ID, w.zhangsan))
		w.clock.advance(time.Minute)
		w.asks(w.hanmeimei, unread)
		w.never(w.asks(w.lilei, usage), usageSpent)

		w.dingtalk.SetQuota(w.dingtalk.Counted(), 0)
		w.clock.advance(time.Minute)
		before := w.asked()
		for i := range 3 {
			got := w.asks(w.hanmeimei, unread)
			w.wants(got, spoken{"已读至少 1/4", "read by at least 1/4"}.in(language), spentSentence.in(language))
			w.never(got, "李雷", "李四", spoken{"未读 ", "Unread ("}.in(language))
			if now := w.asked() - before; now != 1 {
				t.Errorf("question %d: asked %d times", i+1, now)
			}
			w.clock.advance(11 * time.Minute) // past what is remembered of the members
		}
		w.wants(w.asks(w.lilei, spoken{"公告 二", "announce Two"}.in(language)), spentSentence.in(language)) // asks once again
		before = w.asked()
		sent := w.dingtalk.CallCount(dingtalktest.APISend)
		w.wants(w.asks(w.lilei, unread+" 1"), spentSentence.in(language)) // once, although readers and members are wanted
		if now := w.asked() - before; now != 1 {
			t.Errorf("an administrator's question asked %d times", now)
		}
		w.wants(w.asks(w.lilei, usage), usageSpent)
		if now := w.dingtalk.CallCount(dingtalktest.APISend); now != sent {
			t.Error("something was sent beside the webhook")
		}

		w.dingtalk.SetQuota(0, 0) // somebody has bought more
		before = w.asked()
		w.wants(w.asks(w.hanmeimei, unread+" 1"), spentSentence.in(language))
		if now := w.asked(); now != before {
			t.Errorf("asked %d times although nobody knows of it", now-before)
		}
		w.never(w.asks(w.lilei, unread+" 1"), spentSentence.in(language))
		w.clock.advance(time.Minute)
		got := w.asks(w.hanmeimei, unread+" 1")
		w.wants(got, "1/4", "李雷", "李四")
		w.never(got, spentSentence.in(language))
		w.never(w.asks(w.lilei, usage), usageSpent)
	})
}

// Who is named in access.admins may have it asked again as well.
func TestAConfiguredAdministratorHasASpentQuotaAskedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *bot.Options) { o.Access.Admins = []string{"zhangsan"} }})
	w.announce("公告 停机")
	w.dingtalk.SetQuota(w.dingtalk.Counted(), 0)
	w.wants(w.asks(w.lisi, "谁没读"), spentSentence.zh)
	w.dingtalk.SetQuota(0, 0)
	w.wants(w.asks(w.lisi, "谁没读"), spentSentence.zh)
	w.wants(w.asks(w.zhangsan, "谁没读"), "已读 0/4")
	w.clock.advance(time.Minute)
	w.wants(w.asks(w.lisi, "谁没读"), "已读 0/4")
}

// The month of the quota is that of UTC+8: the next one begins at 16:00 UTC.
func TestASpentQuotaIsForgottenWithItsMonth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	w.dingtalk.SetQuota(w.dingtalk.Counted(), 0)
	w.asks(w.lisi, "谁没读")
	w.clock.advance(time.Date(2026, 8, 31, 15, 59, 0, 0, time.UTC).Sub(w.clock.now()))
	before := w.asked()
	w.asks(w.lisi, "谁没读")
	if now := w.asked(); now != before {
		t.Errorf("asked %d times before the month was over", now-before)
	}
	w.clock.advance(time.Minute)
	w.asks(w.lisi, "谁没读")
	if now := w.asked(); now == before {
		t.Error("not asked in the new month")
	}
}

// A refusal of the old month that comes when the new one has begun here says nothing of the
// new one.
func TestARefusalWhereMonthsMeetIsNotKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after time.Duration // from the beginning of the month, by the bot's clock
		kept  bool
	}{{-time.Minute, false}, {0, false}, {5 * time.Minute, false}, {15 * time.Minute, true}} {
		w := newWorld(t, setup{})
		w.clock.advance(time.Date(2026, 8, 31, 16, 0, 0, 0, time.UTC).Add(c.after).Sub(w.clock.now()))
		w.announce("公告 停机")
		w.dingtalk.SetQuota(w.dingtalk.Counted(), 0)
		w.wants(w.asks(w.lisi, "谁没读"), spentSentence.zh)
		w.clock.advance(20 * time.Minute)
		w.dingtalk.SetQuota(0, 0)
		if got := w.asks(w.lisi, "谁没读"); strings.Contains(got, spentSentence.zh) != c.kept {
			t.Errorf("refused %v after the beginning of the month, and later:\n%s", c.after, got)
		}
	}
}

// What comes by itself neither asks again nor says the same excuse each time.
func TestWhatComesByItselfDoesNotAskForASpentQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.reconfigure(func(o *bot.Options) { o.Sweep = []time.Duration{time.Hour} })
	w.announce("公告 每30分钟 停机")
	var sweep, follow receipts.Job
	for _, job := range w.inbox.scheduled {
		if job.Kind == bot.SweepJob {
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
	for range 4 {
		if got := round(); len(got) != 0 {
			t.Errorf("said again: %+v", got)
		}
		w.must(w.bot.Work(w.soon(), sweep, false))
	}
	if now := w.asked(); now != before {
		t.Errorf("asked %d times", now-before)
	}
	w.dingtalk.SetQuota(0, 0)
	w.wants(w.asks(w.lilei, "谁没读"), "已读 0/4")
	if got := round(); len(got) != 1 || !strings.Contains(got[0].Text, "@lisi") {
		t.Errorf("the next round said %+v", got)
	}
}

// quotaRecords keep one month's quota, and can be out of reach.
type quotaRecords struct {
	spent map[string]time.Time
	down  error
	asked int
}

func (r *quotaRecords) KeepQuotaSpent(_ context.Context, month string, at time.Time) error {
	if r.down == nil {
		r.spent[month] = at
	}
	return r.down
}

func (r *quotaRecords) ForgetQuotaSpent(_ context.Context, month string) error {
	if r.down == nil {
		delete(r.spent, month)
	}
	return r.down
}

func (r *quotaRecords) QuotaSpent(_ context.Context, month string) (time.Time, error) {
	r.asked++
	return r.spent[month], r.down
}

// One question makes a call for each page, and needs not ask before each. Whoever hears it
// knows it at once; another process does so a second later.
func TestThatAQuotaIsNotSpentIsKnownForASecond(t *testing.T) {
	t.Parallel()
	r := &quotaRecords{spent: map[string]time.Time{}}
	clock := &clock{at: time.Date(2026, 8, 31, 15, 59, 59, 0, time.UTC)}
	one, two := bot.NewQuota(r, clock.now), bot.NewQuota(r, clock.now)
	expect := func(what string, q *bot.Quota, want bool, asked int) {
		t.Helper()
		r.asked = 0
		if got, err := q.Spent(t.Context()); got != want || err != nil || r.asked != asked {
			t.Errorf("%s: %t, %v, asked %d times; want %t, asked %d times", what, got, err, r.asked, want, asked)
		}
	}
	expect("the first page", one, false, 1)
	expect("the next page", one, false, 0)
	clock.advance(999 * time.Millisecond)
	expect("within the second", one, false, 0)
	expect("another process", two, false, 1)
	if err := two.SetSpent(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	expect("who heard it", two, true, 1)
	clock.advance(-999 * time.Millisecond)
	expect("the other, in the same second", one, false, 0)
	clock.advance(-time.Second)
	expect("with a clock that was set back", one, true, 1)
	expect("once it is spent", one, true, 1)
	if err := one.SetSpent(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	expect("who went through", one, false, 0)
	clock.advance(time.Second)
	expect("after the second", one, false, 1)
	clock.advance(time.Second)
	expect("in a new month", one, false, 1)
}

func TestWithoutTheRecordsAQuotaIsWhatThisProcessKnows(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	r := &quotaRecords{spent: map[string]time.Time{}}
	clock := &clock{at: time.Date(2026, 8, 31, 15, 0, 0, 0, time.UTC)}
	one, two := bot.NewQuota(r, clock.now), bot.NewQuota(r, clock.now)
	expect := func(what string, q *bot.Quota, want bool) {
		t.Helper()
		if got, err := q.Spent(t.Context()); got != want || !errors.Is(err, r.down) {
			t.Errorf("%s: %t, %v", what, got, err)
		}
	}
	expect("at first", one, false)
	r.down = down
	if err := one.SetSpent(t.Context(), true); !errors.Is(err, down) {
		t.Error(err)
	}
	expect("who heard it", one, true)
	expect("the other", two, false)
	clock.advance(time.Hour)
	expect("the next month", one, false)
	clock.advance(-time.Hour)

	r.down = nil // the records' word counts: it costs one call to hear it again
	expect("who heard it, with records", one, false)
	if err := one.SetSpent(t.Context(), true); err != nil {
		t.Error(err)
	}
	expect("the other, by the records", two, true)
	r.down = down
	expect("the other, as it last knew", two, true)
	r.down = nil
	if err := two.SetSpent(t.Context(), false); err != nil {
		t.Error(err)
	}
	expect("who heard it, after the other went through", one, false)
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
