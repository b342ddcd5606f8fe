package bot_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"whoread/bot/command"
	"whoread/receipts/dingtalk/dingtalktest"
)

func TestConfirmationsAreObserved(t *testing.T) {
	t.Parallel()
	o := &observer{}
	w := newWorld(t, observed(o))
	for _, c := range []struct {
		by   dingtalktest.Person
		say  string
		told []string
	}{
		{w.hanmeimei, "收到", []string{"confirm ignored"}}, // there is nothing yet
		{w.lilei, "公告 需回执 停机", []string{"announce done"}},
		{w.lilei, "收到", []string{"confirm ignored"}}, // its own author
		{w.hanmeimei, "收到", []string{"confirm done"}},
		{w.zhangsan, "确认", []string{"confirm done"}},
		{w.zhangsan, "谢谢", []string{"ignored done"}},
	} {
		w.carryOut(w.group, w.heard(w.group, c.by, say{Text: c.say}))
		told := slices.DeleteFunc(o.take(), func(told string) bool { return told == "push message taken" })
		if !slices.Equal(told, c.told) {
			t.Errorf("%s: %q, want %q", c.say, told, c.told)
		}
	}
}

// Where confirmations can't be recorded, the group is told so once a minute, however many people
// say it; who says thanks is told nothing.
func TestConfirmationsThatAreNotRecorded(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 需回执 停机")
		everybody := func(text string) []dingtalktest.Message {
			before := len(w.group.Messages())
			for _, p := range []dingtalktest.Person{w.hanmeimei, w.zhangsan, w.lisi} {
				w.bot.Accept(context.Background(), "frame", w.heard(w.group, p, say{Text: text}))
			}
			w.bot.Close()
			return slices.DeleteFunc(w.group.Messages()[before:], func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaClient })
		}
		gotIt := spoken{"收到", "got it"}.in(language)
		w.inbox.fail = errRedis
		told := spoken{"刚才的「收到」没能记下来", `Please say "got it" again`}.in(language)
		if said := everybody(spoken{"谢谢", "thanks"}.in(language)); len(said) != 0 {
			t.Errorf("to thanks: %+v", said)
		}
		for range 2 {
			w.wants(w.answer(everybody(gotIt)).Text, told)
			w.clock.advance(59 * time.Second)
			if said := everybody(gotIt); len(said) != 0 {
				t.Errorf("again within a minute: %+v", said)
			}
			w.clock.advance(time.Second)
		}
		w.inbox.fail = nil
		w.clock.advance(time.Minute)
		before := len(w.group.Messages())
		for range 2 {
			w.bot.GiveUp(w.soon(), w.accepted(say{Text: gotIt}), false, errRedis)
		}
		said := slices.DeleteFunc(w.group.Messages()[before:], func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaClient })
		w.wants(w.answer(said).Text, told)
	})
}

// In private it can't be told of which group a quoted reminder is.
func TestAPrivateReminderIsConfirmedByQuotingIt(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 需回执 停机")
		w.carryOut(w.group, w.heard(w.group, w.lilei, say{Text: "提醒 私信"}))
		chat := w.dingtalk.Direct(w.hanmeimei)
		reminder := w.private(w.hanmeimei)[0]
		w.wants(reminder.Text, "引用它，@我 说「收到」")
		quoting := func(id string) string {
			said := w.carryOut(chat, w.heard(chat, w.hanmeimei, say{Text: spoken{"收到", "got it"}.in(language), Quote: id}))
			return said[len(said)-1].Text
		}
		for range 2 { // the first time stays
			w.wants(quoting(reminder.ID), spoken{"✓ 你已收到 #1「停机」。", "✓ You have confirmed #1 \"停机\"."}.in(language))
		}
		kept, err := w.store.Snapshot(w.soon(), w.group.ID(), 1)
		if _, has := kept.Confirmations["hanmeimei"]; err != nil || !has || len(kept.Confirmations) != 1 {
			t.Errorf("%+v, %v", kept.Confirmations, err)
		}
		answer := w.private(w.hanmeimei)
		w.wants(quoting(answer[len(answer)-1].ID), spoken{"请到群里引用那条公告", "Please quote the announcement in the group"}.in(language))
	})
}
