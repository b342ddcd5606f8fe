package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// A DingTalk that can't be reached for more than an hour, by any of its addresses: what
// was asked before is answered after, what came due meanwhile comes once, and nothing is
// said twice.
func TestAnHourWithoutDingTalk(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	w := newTraveller(t, storetest.Mini(t), dingtalktest.Options{CallbackRetryAfter: time.Second})
	proxy := storetest.NewProxy(t, "redis://"+strings.TrimPrefix(w.URL(), "http://")) // any server will do
	front := "http://" + strings.TrimPrefix(proxy.URL(), "redis://:@")
	w.TellURL(front)
	people := w.people(3)
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
	config := w.config(anyHour + "\n" + unlimited + "\n" + bothSweeps)
	content, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, []byte(strings.ReplaceAll(string(content), w.URL(), front)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.start(1, config)
	wantSaid(t, w.tell(group, w.admin, "公告 每30分钟 值班")[1:], "已发出 #1，")
	wantSaid(t, w.tell(group, w.admin, "公告 清扫")[1:], "已发出 #2，")
	if err := group.ReadAll(posted(group)[1].ID, people[0]); err != nil {
		t.Fatal(err)
	}

	// The command waits for DingTalk's answer as it goes away.
	before := ids(group)
	w.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Times: 1, Kind: dingtalktest.Slow, Delay: time.Hour})
	if _, err := group.Say(w.admin, saying("谁没读 #2")); err != nil {
		t.Fatal(err)
	}
	w.eventually("the command is accepted", func() bool { return strings.Count(w.logs(), "command accepted") == 3 })
	proxy.Cut()
	w.ClearFaults()
	w.eventually("the answer waits", func() bool { return strings.Contains(w.logs(), "reply goes another way") })
	w.advance(31 * time.Minute)
	w.eventually("the follow-up waits", func() bool { return strings.Contains(w.logs(), "follow-up put off") })
	w.advance(40 * time.Minute)
	w.eventually("the sweeps wait", func() bool { return strings.Count(w.logs(), `"msg":"swept"`) == 2 })
	wantSilence(t, since(group, before))

	proxy.Mend(t)
	w.eventually("both are said", func() bool { return len(since(group, before)) >= 2 })
	if err := w.AwaitConnections(within(t), 1); err != nil {
		t.Fatal(err)
	}
	w.settle()
	said := texts(since(group, before))
	answers := with(said, "**至少读了 1/4** #2「清扫」")
	rounds := with(said, "请看 #1「值班」", "#1 这次没能确定谁没读") // which of them is a matter of moments
	if len(said) != 2 || len(answers) != 1 || len(rounds) != 1 {
		t.Errorf("said after the outage: %q", said)
	}
	asked := w.queries()
	wantSilence(t, w.later(15*time.Minute, group)) // what was put off is due
	for _, m := range w.remembered(group) {
		if n := w.queries()[m.query] - asked[m.query]; n != 1 {
			t.Errorf("#%d was swept %d times", m.number, n)
		}
	}
	wantSaid(t, w.later(20*time.Minute, group), "**还有 3 人没读** #1「值班」") // the next round is in time
	w.wantScheduledOnceOf(1, 2)                                        // the sweeps of the next day
	wantIn(t, w.ask(group, w.admin, saying("谁没读 #2")), "已读 2/4")
}
