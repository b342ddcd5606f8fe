package main

import (
	"testing"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// A confirmation that was acknowledged is never lost: of two replicas both are killed as soon as
// everybody's is, most of which nobody has carried out yet. Nothing is said to any of them.
func TestConfirmationsSurviveAKill(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{CallsPerSecond: -1})
		config := w.config(anyHour + "\nreports: {sweep: []}")
		w.start(2, config)
		people := w.people(60)
		g := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.tell(g, w.admin, "公告 需回执 停机维护")
		before := ids(g)
		for half := range 2 {
			unacked := map[string]bool{}
			for i, p := range people {
				if i%2 != half {
					continue
				}
				m, err := g.Say(p, saying("收到"))
				if err != nil {
					t.Fatal(err)
				}
				unacked[m.ID] = true
			}
			if err := w.Await(within(t), func() bool {
				for _, ack := range callbacks(w.Server) {
					delete(unacked, ack.MsgID)
				}
				return len(unacked) == 0
			}); err != nil {
				t.Fatalf("%d confirmations were not acknowledged: %v", len(unacked), err)
			}
			w.killAll()
			w.start(2, config)
		}
		w.settle()
		if said := since(g, before); len(said) > 0 {
			t.Errorf("said %q", texts(said))
		}
		wantSaid(t, w.tell(g, w.admin, "谁没回"), "✅ #1「停机维护」60 人都收到了。")
	})
}
