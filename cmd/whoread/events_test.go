package main

import (
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// awaitAcks waits until that many events of the type are acknowledged, and
// expects that none had to be pushed again.
func (w *world) awaitAcks(eventType string, n int) {
	w.t.Helper()
	acked := map[string]bool{}
	err := w.Await(within(w.t), func() bool {
		for _, ack := range w.Acks() {
			if ack.EventType == eventType {
				acked[ack.EventID] = true
			}
		}
		return len(acked) >= n
	})
	if err != nil {
		w.t.Fatalf("%d of %d events are acknowledged: %v", len(acked), n, err)
	}
}

func TestWhatIsPushedCostsNoCall(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		people := w.people(4)
		everybody := append(people, w.admin)
		group := w.AddGroup(dingtalktest.GroupOptions{}, everybody...)
		w.start(w.config(""))
		w.ask(group, w.admin, saying("公告 一"))
		message := posted(group)[0]

		if err := group.ReadAll(message.ID, people[:3]...); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRead, 3)
		today := time.Now().In(time.FixedZone("", 8*3600)).Format("15:04")
		wantIn(t, w.ask(group, people[0], saying("谁读了")), "已读 3/5", people[0].Name+" "+today, "未读 2 人")
		wantIn(t, w.ask(group, people[0], saying("列表")), "3/5")

		if err := group.ReadAll(message.ID, everybody...); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRead, 5)
		before := w.CallCount(dingtalktest.APIQuery)
		wantIn(t, w.ask(group, people[0], saying("谁没读")), "已读 5/5 · 100%", "5 人全部已读")
		if after := w.CallCount(dingtalktest.APIQuery); after != before {
			t.Errorf("%d queries for what was pushed", after-before)
		}
	})
}

// Pushes are doubled and lost; the query makes up for it, and nobody who has read
// is called unread.
func TestDoubledAndLostPushesAreMadeUpFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		w.Events(true)
		people := w.people(10)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		w.start(w.config("reports: {fresh_for: 0s}"))
		w.ask(group, w.admin, saying("公告 一"))
		message := posted(group)[0]

		w.DuplicatePushes(4)
		if err := group.ReadAll(message.ID, people[:4]...); err != nil {
			t.Fatal(err)
		}
		w.awaitAcks(dingtalktest.EventRead, 4)
		w.LosePushes(3)
		if err := group.ReadAll(message.ID, people[4:7]...); err != nil {
			t.Fatal(err)
		}
		reply := w.ask(group, w.admin, saying("谁读了"))
		wantIn(t, reply, "已读 7/11", "未读 4 人", people[4].Name+" ", "前")
		unread := w.ask(group, w.admin, saying("谁没读"))
		for _, reader := range people[:7] {
			wantNotIn(t, unread, reader.Name)
		}
	})
}

func TestABurstOfPushedReadsLosesNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	w.Events(true)
	people := w.people(10_000)
	group := w.AddGroup(dingtalktest.GroupOptions{}, people...)
	w.start(w.config("access: {announce: everyone}"))
	w.ask(group, people[0], saying("公告 早上好"))
	if err := group.ReadAll(posted(group)[0].ID); err != nil {
		t.Fatal(err)
	}
	w.awaitAcks(dingtalktest.EventRead, len(people))
	for _, ack := range w.Acks() {
		if ack.EventType == dingtalktest.EventRead && (ack.Attempt != 1 || ack.Data != `{"status":"SUCCESS","message":"success"}`) {
			t.Fatalf("acknowledged late or not at all: %+v", ack)
		}
	}
	wantIn(t, w.ask(group, people[1], saying("谁没读")), "已读 10000/10000 · 100%")
	if n := w.CallCount(dingtalktest.APIQuery); n != 0 {
		t.Errorf("%d queries", n)
	}
}

func TestRecallingJoiningLeavingAndDisbandingAreFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	w.Events(true)
	people := w.people(4)
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
	w.start(w.config(""))
	w.ask(group, w.admin, saying("公告 一"))
	w.ask(group, w.admin, saying("公告 二"))

	newcomer := w.people(1)[0]
	if err := group.Join(w.admin, newcomer); err != nil {
		t.Fatal(err)
	}
	if err := group.Leave(people[0]); err != nil {
		t.Fatal(err)
	}
	if err := group.Remove(w.admin, people[1]); err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{dingtalktest.EventAddMember, dingtalktest.EventQuit, dingtalktest.EventRemoveMember} {
		w.awaitAcks(event, 1)
	}
	reply := w.ask(group, w.admin, saying("谁没读 #2"))
	wantIn(t, reply, "已读 0/3", "未读 3 人", "另有 1 人后来入群", "2 人没读就退了群")
	wantNotIn(t, reply, people[0].Name, people[1].Name)
	if n := w.CallCount(dingtalktest.APIMembers); n != 1 {
		t.Errorf("the members were asked for %d times", n)
	}

	if err := group.Recall(w.admin, posted(group)[1].ID); err != nil {
		t.Fatal(err)
	}
	w.awaitAcks(dingtalktest.EventRecall, 1)
	queries := w.CallCount(dingtalktest.APIQuery)
	wantIn(t, w.ask(group, w.admin, saying("谁没读 #2")), "#2 二", "已被撤回")
	if n := w.CallCount(dingtalktest.APIQuery); n != queries {
		t.Error("a recalled message was asked about")
	}
}
