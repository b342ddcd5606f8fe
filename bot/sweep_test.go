package bot_test

import (
	"errors"
	"testing"
	"time"

	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/receiptstest"
)

// What DingTalk knows is saved before it forgets, by one query and without a
// word; afterwards the answer comes from what is kept, with its date.
func TestASweepSavesWhatDingTalkForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.reconfigure(func(o *wiring) { o.Sweeps = []time.Duration{time.Hour, 23 * time.Hour} })
	began := w.clock.now()
	post := w.announce("公告 停机")
	sweeps, err := w.inbox.Scheduled(t.Context(), w.group.ID())
	w.must(err)
	for _, sweep := range sweeps {
		after := sweep.At.Sub(began)
		if (after < 54*time.Minute || after > time.Hour) && (after < 20*time.Hour || after > 23*time.Hour) {
			t.Errorf("a sweep after %v", after)
		}
	}
	if len(sweeps) != 2 {
		t.Fatalf("scheduled: %q", sweeps)
	}

	w.must(w.group.ReadAll(post.ID, w.hanmeimei, w.zhangsan))
	w.clock.advance(time.Hour)
	said := len(w.group.Messages())
	queries := w.dingtalk.CallCount(dingtalktest.APIQuery)
	w.must(w.bot.Work(w.soon(), sweeps[0], false))
	if now := w.dingtalk.CallCount(dingtalktest.APIQuery); now != queries+1 {
		t.Errorf("%d queries for a sweep", now-queries)
	}
	if now := len(w.group.Messages()); now != said {
		t.Error("the sweep said something")
	}

	w.clock.advance(30 * 24 * time.Hour) // DingTalk has forgotten
	w.wants(w.asks(w.hanmeimei, "谁读了"), "至少读了 3/4", "#1「停机」", "韩梅梅", "张三", "截至", "不再提供")
	w.never(w.asks(w.hanmeimei, "谁没读 #1"), "李雷", "李四", "人没读")
	w.wants(w.asks(w.hanmeimei, "unread #1"), "DingTalk no longer tells")
}

func TestASweepOfWhatIsGoneIsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	sweep := receipts.Job{ID: "sweep", Kind: receipts.SweepJob, Group: "cid", Body: `{"Number":7,"Nth":0}`}
	w.must(w.bot.Work(w.soon(), sweep, false))
	w.bot.GiveUp(w.soon(), sweep, false, errors.New("over"))
}

// The schedule of these tests does what the store's does.
func TestTheInboxOfTheseTestsKeepsTheContract(t *testing.T) {
	t.Parallel()
	receiptstest.RunScheduler(t, func(*testing.T) receipts.Scheduler { return &inbox{} })
}
