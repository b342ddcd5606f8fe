package main

import (
	"fmt"
	"strings"
	"testing"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// Wherever both replicas are killed around the moment at which an announcement is due, before
// or after each of its steps in Redis: it is posted at most once, and where it is not, the
// group hears so.
func TestAKillAroundAScheduledAnnouncementPostsItOnce(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{CallsPerSecond: -1})
		p := newTap(t, w.backend.URL)
		w.redis = p.url
		config := w.config(anyHour + "\nbudget: {calls_per_second: 1000, calls_per_month: 0}\nreports: {sweep: []}")
		w.start(2, config)
		steps := 0
		for range 2 { // Redis does not know every script the first time
			undisturbed := w.pursue(1, soon, "")
			p.snag(w.tag(undisturbed[0].Group), snag{})
			w.begin(undisturbed)
			w.settle()
			if n := len(posted(undisturbed[0].Group)); n != 1 {
				t.Fatalf("undisturbed it is posted %d times", n)
			}
			steps = p.seen(w.tag(undisturbed[0].Group))
			p.clear()
		}
		t.Logf("%d steps", steps)
		for _, done := range []bool{false, true} {
			all := w.pursue(steps, soon, "")
			for i, g := range all {
				p.snag(w.tag(g.Group), snag{nth: i + 1, done: done, holds: true})
			}
			w.begin(all)
			w.eventually("every announcement is at its step", func() bool { return p.met() == steps })
			w.killAll()
			p.cut()
			p.clear()
			p.mend(t)
			w.start(2, config)
			w.settle()
			lost := 0
			for i, g := range all {
				name := fmt.Sprintf("carried out %t, step %d", done, i+1)
				announced, told := 0, 0
				for _, m := range g.Messages() {
					switch {
					case m.Via == dingtalktest.ViaSend && m.Title == "一":
						announced++
					case m.FromBot() && strings.Contains(m.Text, "是否送达不确定"):
						told++
					}
				}
				if announced > 1 || told > 1 {
					t.Errorf("%s: posted %d times, and called uncertain %d times", name, announced, told)
				}
				if announced+told == 0 {
					lost++
				}
			}
			if lost > 0 {
				t.Errorf("carried out %t: %d announcements were neither posted nor spoken of", done, lost)
			}
		}
	})
}
