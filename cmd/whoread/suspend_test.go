package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// suspend stops every process as a machine that is frozen would, and returns them.
func (w *traveller) suspend() []*process {
	w.t.Helper()
	asleep := w.running
	w.running = nil
	for _, p := range asleep {
		if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = p.Process.Signal(syscall.SIGCONT) }) // so that it can end, whatever happens
	}
	return asleep
}

// wake lets them go on; they are the ones that run from now on.
func (w *traveller) wake(asleep []*process) {
	w.t.Helper()
	for _, p := range asleep {
		if err := p.Process.Signal(syscall.SIGCONT); err != nil {
			w.t.Fatal(err)
		}
	}
	w.running = append(w.running, asleep...)
}

// lost is how many commands these processes have left, or done after another had them.
func lost(processes []*process) int {
	n := 0
	for _, p := range processes {
		log := p.log.String()
		n += strings.Count(log, "command left to another process") + strings.Count(log, "command is done and was another's by then")
	}
	return n
}

// effects are the calls of DingTalk but those that only connect.
func (w *traveller) effects() []string {
	var apis []string
	for _, c := range w.Calls() {
		if c.API != dingtalktest.APIToken && c.API != dingtalktest.APIGateway {
			apis = append(apis, c.API)
		}
	}
	return apis
}

// takeover has other processes take over what those that sleep were at, and wakes them when
// that is done: n commands. Those that wake up must not call DingTalk any more, but for what
// other commands they may be given.
func (w *traveller) takeover(what string, asleep []*process, n int, config string, wake func()) {
	w.t.Helper()
	before := lost(asleep)
	w.redis = w.backend.URL
	w.start(2, config)
	heirs := w.running
	w.settle()
	w.ResetCalls()
	wake()
	w.wake(asleep)
	w.eventually(what+": those that wake up find that they have lost their work", func() bool { return lost(asleep) >= before+n })
	if calls := w.effects(); len(calls) > 0 {
		w.t.Errorf("%s: woken up, they called %q", what, calls)
	}
	// They go on alone.
	w.running = heirs
	w.stopAll()
	w.running = asleep
}

// acting are the commands that people see something of, and what was announced before.
var acting = []struct{ name, announce, command string }{
	{"announce", "公告 一", "公告 二"},
	{"remind", "公告 一", "提醒"},
	{"remind in private", "公告 一", "提醒 私信"},
	{"remind by DING", "公告 一", "提醒 DING"},
	{"export", "公告 一", "导出"},
	{"recall", "公告 一", "撤回 #1"},
	{"a round of a follow-up", "公告 每30分钟 一", ""},
	{"a scheduled announcement", soon, ""},
}

// Processes are suspended at each step of each command that people see something of, others
// take over and answer, and the first wake up: they do nothing any more, and say nothing.
func TestASuspendedProcessDoesNothingAfterAnotherHasAnswered(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	for _, c := range acting {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newTraveller(t, storetest.Real(t), dingtalktest.Options{CallsPerSecond: -1, WebhookTTL: 30 * 24 * time.Hour})
			p := newTap(t, w.backend.URL)
			w.redis = p.url
			config := w.config(anyHour + "\nbudget: {calls_per_second: 1000, calls_per_month: 0}\nreports: {sweep: []}")
			w.start(3, config) // they carry out more rounds at once than there are steps
			steps, commands := 0, 0
			for range 2 { // Redis does not know every script the first time
				undisturbed := w.pursue(1, c.announce, c.command)
				p.snag(w.tag(undisturbed[0].Group), snag{})
				w.begin(undisturbed)
				w.settle()
				commands++
				steps = p.seen(w.tag(undisturbed[0].Group))
				w.tell(undisturbed[0].Group, w.admin, "停止 #1")
				p.clear()
			}
			t.Logf("%d steps", steps)
			for _, done := range []bool{false, true} {
				w.redis = p.url
				all := w.pursue(steps, c.announce, c.command)
				for i, g := range all {
					p.snag(w.tag(g.Group), snag{nth: i + 1, done: done, holds: true})
				}
				w.begin(all)
				w.eventually("every command is at its step", func() bool { return p.met() == steps })
				w.takeover(fmt.Sprintf("carried out %t", done), w.suspend(), steps, config, p.clear)
				commands += steps
				if n := len(w.Direct(w.admin).Messages()); c.name == "export" && n > commands {
					t.Errorf("carried out %t: %d files for %d commands", done, n, commands)
				}
				for i, g := range all {
					for _, person := range g.unread {
						if n := w.reminded(g.Group, person) - g.before[slices.Index(g.unread, person)]; n > 1 {
							t.Errorf("carried out %t, step %d: reminded %d times", done, i+1, n)
						}
					}
					if n := len(posted(g.Group)); n > 2 {
						t.Errorf("carried out %t, step %d: %d posts", done, i+1, n)
					}
					if c.command == "" {
						w.tell(g.Group, w.admin, "停止 #1") // and no further round
					}
				}
			}
		})
	}
}

// A process is suspended in the pause before it would call DingTalk again, which throttled
// it: of each API that people see something of.
func TestASuspendedProcessDoesNotTryAgain(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	for _, c := range []struct{ name, api, announce, command string }{
		{"announce", dingtalktest.APISend, "公告 一", "公告 二"},
		{"answer", dingtalktest.APIWebhook, "公告 一", "帮助"},
		{"remind", dingtalktest.APIWebhook, "公告 一", "提醒"},
		{"remind in private", dingtalktest.APIDirect, "公告 一", "提醒 私信"},
		{"remind by DING", dingtalktest.APIDing, "公告 一", "提醒 DING"},
		{"export", dingtalktest.APIUpload, "公告 一", "导出"},
		{"export, uploaded", dingtalktest.APIDirect, "公告 一", "导出"},
		{"recall", dingtalktest.APIRecall, "公告 一", "撤回 #1"},
		{"query", dingtalktest.APIQuery, "公告 一", "提醒"},
		{"a round of a follow-up", dingtalktest.APIWebhook, "公告 每30分钟 一", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newTraveller(t, storetest.Real(t), dingtalktest.Options{CallsPerSecond: -1, WebhookTTL: 30 * 24 * time.Hour})
			config := w.config(anyHour + "\nbudget: {calls_per_second: 1000, calls_per_month: 0}\nreports: {sweep: []}")
			w.start(1, config)
			all := w.pursue(5, c.announce, c.command)
			w.Inject(dingtalktest.Fault{API: c.api, Times: len(all), Kind: dingtalktest.Throttled})
			w.begin(all)
			if err := w.Await(within(t), func() bool { return len(w.Faults()) == 0 }); err != nil {
				t.Fatalf("not every call was made: %v", w.Faults())
			}
			w.takeover(c.name, w.suspend(), len(all), config, func() {})
		})
	}
}

// What Redis had handed to a process that was suspended before it had read it was done by
// another by the time it wakes up.
func TestASuspendedProcessLeavesWhatItHasNotRead(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	w := newTraveller(t, storetest.Real(t), dingtalktest.Options{CallsPerSecond: -1})
	p := newTap(t, w.backend.URL)
	w.redis = p.url
	config := w.config(anyHour + "\nreports: {sweep: []}")
	w.start(1, config)
	g := w.pursue(1, "公告 一", "公告 二")[0]

	// An entry as the bot writes it, from a command that is held.
	p.snag(w.tag(g.Group), snag{nth: 1, holds: true})
	w.begin([]*pursued{g})
	w.eventually("the command is at its first step", func() bool { return p.met() == 1 })
	rdb, stream := w.rdb(), "{"+w.prefix+":inbox}:stream"
	entries, err := rdb.XRange(t.Context(), stream, "-", "+").Result()
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries: %v", len(entries), err)
	}
	p.clear()
	w.settle()

	var asleep []*process
	for n := 0; ; n++ {
		asleep = w.suspend()
		values := entries[0].Values
		id := fmt.Sprint("unread ", n)
		values["body"] = strings.ReplaceAll(values["body"].(string), values["id"].(string), id)
		values["id"] = id
		if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
		pending, err := rdb.XPending(t.Context(), stream, "workers").Result()
		if err != nil {
			t.Fatal(err)
		}
		if pending.Count == 1 {
			break // it was waiting, and has it
		}
		w.wake(asleep)
		w.settle()
	}
	before := len(posted(g.Group))
	w.takeover("unread", asleep, 1, config, func() {})
	if n := len(posted(g.Group)); n != before+1 {
		t.Errorf("announced %d times", n-before)
	}
}

// A command that was acknowledged just before kill -9 is answered within 20 seconds of the
// restart, by the same program or by another that runs.
func TestAQuickRestart(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	for _, another := range []bool{false, true} {
		t.Run(fmt.Sprintf("another runs %t", another), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
			group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(4), w.admin)...)
			config := w.config("")
			first := w.start(config)
			w.ask(group, w.admin, saying("公告 一"))
			before := ids(group)
			w.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Times: 1, Kind: dingtalktest.Slow, Delay: time.Hour})
			acked := len(w.messageAcks())
			if _, err := group.Say(w.admin, saying("谁没读")); err != nil {
				t.Fatal(err)
			}
			if err := w.Await(within(t), func() bool { return len(w.Faults()) == 0 && len(w.messageAcks()) > acked }); err != nil {
				t.Fatal(err)
			}
			if another {
				w.start(config)
			}
			first.kill()
			restarted := time.Now()
			if !another {
				w.start(config)
			}
			wantIn(t, w.reply(group, before), "#1「一」", "已读 1/5")
			if took := time.Since(restarted); took > 20*time.Second {
				t.Errorf("it took %v", took)
			} else {
				t.Logf("it took %v", took)
			}
		})
	}
}
