package main

import (
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// Each of two processes asks for a token once, and once more after it has ended, and both go on with the same one. Each hears
// for itself that the quota is spent, and finds out within ten minutes that it is not any more.
func TestTwoProcessesWithTokensAndAQuotaThatEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		config := w.config("limits: {person: 0, group: 0}\nreports: {fresh_for: 0s}\nmembers: {cache_for: 0s}")
		w.start(2, config)
		wantIn(t, w.ask(group, w.admin, saying("公告 一")), "已发出 #1")
		const questions = 6 // enough that each process answers some, and right if not
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 1/4")
		}
		if n := w.CallCount(dingtalktest.APIToken); n < 1 || n > 2 {
			t.Errorf("%d tokens asked for", n)
		}
		w.ExpireTokens()
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 1/4")
		}
		if n := w.CallCount(dingtalktest.APIToken); n < 2 || n > 4 {
			t.Errorf("%d tokens asked for after the first one's end", n)
		}

		w.SetQuota(w.Counted(), 0)
		calls := w.asked()
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "本月的钉钉接口调用额度已用完")
		}
		// Each process asks for readers and members once, at the same time perhaps.
		if now := w.asked(); now > calls+4 {
			t.Errorf("DingTalk was asked %d times although the quota is spent", now-calls)
		}
		w.SetQuota(0, 0)
		w.advance(10 * time.Minute)
		for range questions {
			wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 1/4")
		}
	})
}
