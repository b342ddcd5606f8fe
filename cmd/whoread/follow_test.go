package main

import (
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// A message is followed up by itself: those who have not read it, and only they, are
// mentioned, until everybody has read it, which is said once.
func TestAFollowUpRemindsUntilEverybodyHasRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newTraveller(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, append(people, w.admin)...)
		config := w.config(`reminders: {quiet_hours: ""}`)
		w.start(config)
		w.start(config)
		wantIn(t, w.ask(group, w.admin, saying("公告 每30分钟 一")), "已发出 #1", "每 30 分钟提醒一次没读的人", "到全部已读为止")

		if err := group.ReadAll(posted(group)[0].ID, w.admin, people[0]); err != nil {
			t.Fatal(err)
		}
		before := ids(group)
		w.advance(30 * time.Minute)
		wantIn(t, w.reply(group, before), "已读 2/4", "@"+people[1].UserID, "@"+people[2].UserID)

		if err := group.ReadAll(posted(group)[0].ID); err != nil {
			t.Fatal(err)
		}
		before = ids(group)
		w.advance(30 * time.Minute)
		wantIn(t, w.reply(group, before), "已读 4/4 · 100%", "跟进结束")
	})
}
