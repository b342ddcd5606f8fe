package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// answersInVain lets a command be carried out, and waits until it was tried so often to
// answer it. Done tells what came of it in the end.
func (w *world) answersInVain(ctx context.Context, command receipts.Job, tries int) (done <-chan error) {
	w.Helper()
	ended := make(chan error, 1)
	go func() { ended <- w.bot.Work(ctx, command, false) }()
	w.tried(tries, ended)
	return ended
}

// tried waits until the answer was tried so often; it does not end by then.
func (w *world) tried(tries int, ended <-chan error) {
	w.Helper()
	for strings.Count(w.log.String(), "reply goes another way") < tries {
		select {
		case err := <-ended:
			w.Fatalf("it did not wait: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// What was asked just before DingTalk could not be reached any more is answered when it
// can be, once.
func TestAnAnswerWaitsForDingTalk(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		command, before := w.accepted(say{Text: spoken{"谁没读", "unread"}.in(language)}), len(w.group.Messages())
		w.wire.cut(true)
		done := w.answersInVain(w.soon(), command, 3)
		w.wire.cut(false)
		w.must(<-done)
		said := w.group.Messages()[before:]
		if len(said) != 1 { // by whichever way came first when DingTalk was back
			w.Fatalf("it answers %d times: %+v", len(said), said)
		}
		w.wants(said[0].Text, "#1 停机", spoken{"钉钉没有响应", "DingTalk did not answer"}.in(language))
	})
}

// Who waits for DingTalk does not hold a shutdown up: another process answers.
func TestAnAnswerThatWaitsIsHandedBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	command := w.accepted(say{Text: "列表"})
	w.wire.cut(true)
	ctx, stop := context.WithCancel(w.soon())
	done := w.answersInVain(ctx, command, 1)
	stop()
	if err := <-done; err == nil {
		t.Error("it is done as if it was answered")
	}
}

// A sweep that DingTalk could not answer is made again, until it is of no use.
func TestASweepInAnOutageIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.reconfigure(func(o *wiring) { o.Sweeps = []time.Duration{time.Hour} })
	post := w.announce("公告 停机")
	w.must(w.group.ReadAll(post.ID, w.zhangsan))
	next := func() (sweep receipts.Job) {
		t.Helper()
		if len(w.inbox.scheduled) != 1 {
			t.Fatalf("scheduled: %v", w.inbox.scheduled)
		}
		for _, sweep = range w.inbox.scheduled {
			delete(w.inbox.scheduled, sweep.ID)
		}
		w.clock.advance(sweep.At.Sub(w.clock.now()))
		return sweep
	}
	w.wire.cut(true)
	sweep := next()
	for range 2 {
		w.must(w.bot.Work(w.soon(), sweep, false))
		again := next()
		if again.ID != sweep.ID || again.At.Sub(sweep.At) != 10*time.Minute {
			t.Errorf("%v; want it 10 minutes after %v", again, sweep)
		}
		sweep = again
	}
	w.wire.cut(false)
	w.must(w.bot.Work(w.soon(), sweep, false))
	if len(w.inbox.scheduled) > 0 {
		t.Errorf("scheduled once more: %v", w.inbox.scheduled)
	}
	w.clock.advance(30 * 24 * time.Hour) // DingTalk has forgotten
	w.wants(w.asks(w.hanmeimei, "谁读了"), "至少读了 2/4", "#1「停机」", "张三")

	w.wire.cut(true)
	w.must(w.bot.Work(w.soon(), sweep, false)) // far too late
	if len(w.inbox.scheduled) > 0 {
		t.Errorf("scheduled once more: %v", w.inbox.scheduled)
	}
}

// An answer that had to wait says who has read by then, whatever was asked.
func TestAnAnswerThatWaitedIsOfItsTime(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for name, c := range map[string]struct{ say, want spoken }{
			"who has not read": {spoken{"谁没读", "unread"}, spoken{"**还有 2 人没读** #1「停机」", `**2 have not read** #1 "停机"`}},
			"everybody":        {spoken{"都读了吗", "has everyone read it"}, spoken{"2 人没读 #1，已读 2/4", "2 have not read #1, 2/4 have"}},
			"how many":         {spoken{"几个人没看", "how many have not read"}, spoken{"2 人没读 #1，已读 2/4", "2 have not read #1, 2/4 have"}},
			"one person":       {spoken{"张三读了吗", "has 张三 read it"}, spoken{"张三读了 #1，14:35。", "张三 read #1 at 14:35."}},
			"the list":         {spoken{"列表", "list"}, spoken{"#1 停机 · 2/4", "#1 停机 · 2/4"}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{})
				post := w.announce("公告 停机")
				command, before := w.accepted(say{Text: c.say.in(language)}), len(w.group.Messages())
				for _, api := range []string{dingtalktest.APIWebhook, dingtalktest.APISend} {
					w.dingtalk.Inject(dingtalktest.Fault{API: api, Kind: dingtalktest.ThrottledPerMinute})
				}
				done := w.answersInVain(w.soon(), command, 1)
				w.pushReads(post, w.zhangsan)
				w.tried(3, done) // the second may have begun before
				w.dingtalk.ClearFaults()
				w.must(<-done)
				said := w.group.Messages()[before:]
				if len(said) != 1 {
					t.Fatalf("it answers %d times: %+v", len(said), said)
				}
				w.wants(said[0].Text, c.want.in(language))
			})
		}
	})
}
