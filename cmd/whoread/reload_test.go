package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// reloads waits until the process has taken its configuration so often, and refused it
// so often.
func (p *process) reloads(taken, refused int) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("%d times reloaded and %d times refused", taken, refused), func() bool {
		log := p.log.String()
		return strings.Count(log, "configuration reloaded") >= taken && strings.Count(log, "configuration refused") >= refused
	})
}

// await waits for what nothing announces.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for ctx := within(t); !met(); {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("not yet: %s", what)
		}
	}
}

// hangUp sends SIGHUP.
func (p *process) hangUp() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
}

func TestTheBotFollowsItsConfiguration(t *testing.T) {
	t.Parallel()
	redis := storetest.Real(t)
	proxy := storetest.NewProxy(t, redis.URL)
	w := newWorld(t, redis, dingtalktest.Options{})
	w.redis = proxy.URL()
	people := w.people(4)
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
	p := w.start(w.config(""))
	wantIn(t, w.ask(group, w.admin, saying("公告 停机维护")), "#1", "5 人应读")
	everybody := []string{"4 人没读", "员工0001", "员工0002", "员工0003", "员工0004"}
	wantIn(t, w.ask(group, people[0], saying("谁没读")), everybody...)

	// By itself.
	w.config("reports: {max_names: 2}\nmembers: {exclude: [" + people[3].UserID + "]}")
	p.reloads(1, 0)
	wantIn(t, w.ask(group, people[0], saying("谁没读")), "3 人没读", "… 等 3 人")

	// At a signal, and while Redis is away.
	proxy.Cut()
	w.config("access: {report: admins}")
	p.hangUp()
	p.reloads(2, 0)
	wantIn(t, w.ask(group, w.admin, saying("谁没读")), "没有执行")
	proxy.Mend(t)
	wantIn(t, w.ask(group, people[0], saying("谁没读")), "只有管理员")
	wantIn(t, w.ask(group, w.admin, saying("谁没读")), everybody...)

	// The level of the log.
	chatter := func() int {
		return strings.Count(p.log.String(), `"level":"debug"`) + strings.Count(p.log.String(), "command done")
	}
	w.rewrite(w.config(""), "level: debug", "level: warn")
	p.hangUp()
	p.reloads(3, 0)
	wantIn(t, p.log.String(), `"key":"log.level","from":"debug","to":"warn"`)
	said := chatter()
	wantIn(t, w.ask(group, people[0], saying("谁没读")), everybody...)
	if now := chatter(); now != said {
		t.Errorf("%d lines below warnings after the change", now-said)
	}

	// A file with a mistake, and one without the credentials.
	w.config("access: {reports: admins}")
	p.hangUp()
	p.reloads(3, 1)
	wantIn(t, p.log.String(), "access.reports: unknown key; did you mean report?")
	w.rewrite(w.config("access: {report: admins}"), "dingtalk:", "dingding:")
	p.hangUp()
	p.reloads(3, 2)
	wantIn(t, w.ask(group, people[0], saying("谁没读")), everybody...)
	wantNotIn(t, p.log.String(), w.App().ClientSecret)

	// At the very end.
	w.config("access: {report: admins}")
	p.hangUp()
	p.stop() // and expects exit status 0
}

// rewrite replaces a part of a file.
func (w *world) rewrite(file, part, by string) {
	w.t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(content), part, by)), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func TestACommandFinishesWithTheSettingsWithWhichItBegan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(4), w.admin)...)
	p := w.start(w.config(""))
	before := ids(group)
	w.hold(group, 6*time.Second) // it is announced, and not answered yet
	w.config("reports: {language: en}")
	p.hangUp()
	p.reloads(1, 0)
	if said := replies(group); len(said) > 0 {
		t.Errorf("the settings changed too late: %q", said)
	}
	wantIn(t, w.reply(group, before), "已发出 #1，5 人应读")
	wantIn(t, w.ask(group, w.admin, saying("谁没读")), "Read 1/5")
}

// A follow-up keeps the plan with which it began; when it may speak is for the settings
// of now to say.
func TestAFollowUpGoesOnWithOtherSettings(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		w.advanceTo(20)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(1), w.admin)...)
		const often = `follow_up: {"*": {every: [1h], by: [direct]}}`
		w.start(2, w.config(often)) // quiet from 22:00 to 08:00
		wantSaid(t, w.tell(group, w.admin, "公告 一")[1:], "已发出 #1", "每 1 小时")
		wantSaid(t, w.later(time.Hour, group), "已读 1/2") // 21:00

		w.config(`reminders: {quiet_hours: "23:00-08:00", time_zone: Asia/Tokyo}` + "\n" + strings.ReplaceAll(often, "1h", "3h"))
		for _, p := range w.running {
			p.hangUp()
			p.reloads(1, 0)
		}
		wantSilence(t, w.later(59*time.Minute, group))
		wantSilence(t, w.later(time.Minute, group)) // 22:00, and 23:00 in Tokyo
		wantSilence(t, w.later(8*time.Hour, group)) // 07:00 in Tokyo
		wantSaid(t, w.later(time.Hour, group), "已读 1/2")
		wantSaid(t, w.later(time.Hour, group), "已读 1/2")
		wantSaid(t, w.tell(group, w.admin, "公告 二")[1:], "已发出 #2", "每 3 小时")
	})
}
