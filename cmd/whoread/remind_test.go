package main

import (
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// Whoever has not read, and nobody else, is reminded: in three ways, not twice within
// the cooldown, and by whichever process.
func TestOnlyTheUnreadAreRemindedAndNotTooOften(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		w.start(2, w.config(""))
		for _, by := range []struct {
			command string
			// answers are what stands in the replies to the first reminder and to the
			// one that comes too early.
			answer, early []string
			via           func(g *dingtalktest.Group, p dingtalktest.Person) int
		}{
			{
				command: "提醒", answer: []string{"请看 #1「一」"}, early: []string{"李雷 10:00 刚提醒过 #1 的这 ", "员工0003、员工0004"},
				via: func(g *dingtalktest.Group, p dingtalktest.Person) int { return mentions(g, p) },
			},
			{
				command: "提醒 私信", answer: []string{"#1「一」", "已私信提醒 3 人"}, early: []string{"李雷 10:00 刚提醒过 #1 的这 "},
				via: func(_ *dingtalktest.Group, p dingtalktest.Person) int { return len(w.Direct(p).Messages()) },
			},
			{
				command: "remind #1 by ding", answer: []string{`#1 "一"`, "3"}, early: []string{"李雷", "员工0003, 员工0004"},
				via: func(_ *dingtalktest.Group, p dingtalktest.Person) int { return dings(w.Server, p) },
			},
		} {
			w.advanceTo(10) // of the next day
			people := w.people(4)
			group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
			w.tell(group, w.admin, "公告 一")
			w.readBy(group, people[0], w.admin)

			wantSaid(t, w.tell(group, w.admin, by.command), by.answer...)
			w.wantReminded(group, append(people, w.admin), 0, 1, 1, 1, 0)
			w.readBy(group, people[1])
			early := w.tell(group, w.admin, by.command)
			wantSaid(t, early, append(by.early, "10:00")...)
			w.wantReminded(group, append(people, w.admin), 0, 1, 1, 1, 0)

			for n := 2; n <= 3; n++ {
				w.advance(5 * time.Minute)
				w.tell(group, w.admin, by.command)
				w.wantReminded(group, append(people, w.admin), 0, 1, n, n, 0)
			}
			for i, n := range []int{0, 1, 3, 3} {
				if got := by.via(group, people[i]); got != n {
					t.Errorf("%s: %d of %s's reminders came this way, not %d", by.command, got, people[i].Name, n)
				}
			}
			unread := w.ask(group, people[0], saying("谁没读"))
			wantIn(t, unread, "员工0003（提醒过 3 次）、员工0004（提醒过 3 次）")
			wantNotIn(t, unread, people[0].Name, people[1].Name, w.admin.Name)

			w.readBy(group)
			wantSaid(t, w.tell(group, w.admin, "提醒"), "#1 都读了，不用提醒")
		}
	})
}

// mentions is how often the bot mentioned the person in the group.
func mentions(g *dingtalktest.Group, p dingtalktest.Person) int {
	n := 0
	for _, m := range g.Messages() {
		for _, mentioned := range m.Mentioned {
			if m.FromBot() && mentioned == p {
				n++
			}
		}
	}
	return n
}

func dings(s *dingtalktest.Server, p dingtalktest.Person) int {
	n := 0
	for _, d := range s.Dings() {
		for _, receiver := range d.Receivers {
			if receiver == p {
				n++
			}
		}
	}
	return n
}

// A command to remind that is delivered again, to whichever process, reminds nobody
// again.
func TestARepeatedCommandRemindsOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(2)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(2, w.config(""))
		w.tell(group, w.admin, "公告 一")
		for range 5 {
			if _, err := group.Say(w.admin, dingtalktest.Say{Text: "提醒", MsgID: "msg-remind"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Await(within(t), func() bool { return len(callbacks(w.Server)) == 6 }); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.wantReminded(group, people, 1, 1)
	})
}

// callbacks are the acknowledged commands.
func callbacks(s *dingtalktest.Server) []dingtalktest.Ack {
	var acks []dingtalktest.Ack
	for _, ack := range s.Acks() {
		if ack.Topic == dingtalktest.TopicBotMessage {
			acks = append(acks, ack)
		}
	}
	return acks
}
