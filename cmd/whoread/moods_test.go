package main

import (
	"strings"
	"testing"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// Two processes have one token between them, from the first and after it has ended; and what one of them hears about the
// quota, the other knows.
func TestProcessesShareTheTokenAndTheQuota(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		config := w.config("reports: {fresh_for: 0s}\nmembers: {cache_for: 0s}")
		processes := []*process{w.start(config), w.start(config)}
		wantIn(t, w.ask(group, w.admin, saying("公告 一")), "已发出 #1")
		const questions = 6 // enough that each process answers some, and right if not
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 0/4")
		}
		if n := w.CallCount(dingtalktest.APIToken); n != 1 {
			t.Errorf("%d tokens asked for", n)
		}
		w.ExpireTokens()
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 0/4")
		}
		if n := w.CallCount(dingtalktest.APIToken); n != 2 {
			t.Errorf("%d tokens asked for after the first one's end", n)
		}

		w.SetQuota(w.Counted(), 0)
		wantIn(t, w.ask(group, people[0], saying("谁没读")), "本月的钉钉接口调用额度已用完")
		calls := w.CallCount(dingtalktest.APIQuery) + w.CallCount(dingtalktest.APIMembers)
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "本月的钉钉接口调用额度已用完")
		}
		// The other process may have heard a moment ago that the quota is not spent: it asks
		// for readers and members once.
		if now := w.CallCount(dingtalktest.APIQuery) + w.CallCount(dingtalktest.APIMembers); now > calls+2 {
			t.Errorf("DingTalk was asked %d times although the quota is spent", now-calls)
		}
		w.SetQuota(0, 0)
		wantIn(t, w.ask(group, w.admin, saying("谁没读")), "已读 0/4")
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 0/4")
		}
		for _, p := range processes {
			if log := p.log.String(); !strings.Contains(log, "command accepted") && !strings.Contains(log, "command done") {
				t.Logf("a process had nothing to do")
			}
		}
	})
}
