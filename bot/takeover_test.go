package bot_test

import (
	"context"
	"strings"
	"testing"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// perhapsAgain is the line under an answer that may have been given before.
var perhapsAgain = spoken{"（中途被打断过，这个回答之前可能已经给过一次。）", "(Something interrupted me: I may have given you this answer before.)"}

// accepted lets somebody say something, and returns the command in the inbox.
func (w *world) accepted(what say) receipts.Job {
	w.Helper()
	w.bot.Accept(context.Background(), "frame1", w.heard(w.group, w.lilei, what))
	commands := w.inbox.take()
	if len(commands) != 1 {
		w.Fatalf("%d commands in the inbox, want 1", len(commands))
	}
	return commands[0]
}

// A process that died may have answered before. Who takes its command over answers all
// the same, and says so: of two answers to a command at most one does not.
func TestAnAnswerThatMayHaveBeenGivenBeforeSaysSo(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		for _, said := range []spoken{
			{"公告 每30分钟 午饭", "announce every 30m Lunch"},
			{"谁没读", "unread"},
			{"谁读了", "who read"},
			{"谁没读 #99", "unread #99"},
			{"列表", "list"},
			{"用量", "usage"},
			{"帮助", "help"},
			{"今天天气真不错", "good morning"},
			{"跟进 #1 每30分钟", "follow #1 every 30m"},
			{"停止 #1", "stop #1"},
			{"提醒 私信", "remind by direct"},
			{"提醒 DING", "remind by ding"},
			{"导出", "export"},
			{"曲线", "chart"},
			{"撤回 #1", "recall #1"},
		} {
			t.Run(said.in(language), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{})
				post := w.announce("公告 停机")
				w.must(w.group.ReadAll(post.ID, w.zhangsan))
				command := w.accepted(say{Text: said.in(language)})
				for _, takenOver := range []bool{false, true, true} {
					before := len(w.group.Messages())
					w.must(w.newBot(w.wiring).Work(w.soon(), command, takenOver))
					var answers []dingtalktest.Message
					for _, m := range w.group.Messages()[before:] {
						if m.Via == dingtalktest.ViaWebhook {
							answers = append(answers, m)
						}
					}
					if len(answers) != 1 || strings.HasSuffix(answers[0].Text, markdown("", perhapsAgain.in(language))) != takenOver {
						t.Errorf("taken over %v: %+v", takenOver, texts(answers))
					}
				}
			})
		}
	})
}

func texts(all []dingtalktest.Message) []string {
	said := make([]string, len(all))
	for i, m := range all {
		said[i] = m.Text
	}
	return said
}

// Mentions are no answer that could come twice: who takes them over only tells that
// they may have been made.
func TestMentionsThatAreTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	command := w.accepted(say{Text: "提醒"})
	w.must(w.bot.Work(w.soon(), command, false))
	before := len(w.group.Messages())
	w.must(w.newBot(w.wiring).Work(w.soon(), command, true))
	for _, m := range w.group.Messages()[before:] {
		if len(m.Mentioned) > 0 {
			t.Errorf("mentioned again: %s", m.Text)
		}
		w.wants(m.Text, perhapsAgain.zh)
	}
}

func TestGivingUpWhatWasTakenOver(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		command := w.accepted(say{Text: spoken{"公告 停机", "announce Lunch"}.in(language)})
		w.bot.GiveUp(w.soon(), command, false, errRedis)
		w.bot.GiveUp(w.soon(), command, true, errRedis)
		told := w.group.Messages()[1:]
		if len(told) != 2 {
			t.Fatalf("told %q", texts(told))
		}
		w.never(told[0].Text, perhapsAgain.in(language))
		w.wants(told[1].Text, spoken{"试了几次都没有做成", "I tried several times and gave up"}.in(language), perhapsAgain.in(language))
	})
}

func TestAPrivateAnswerThatMayHaveBeenGivenBefore(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Direct = true }})
		w.announce("公告 停机")
		command := w.accepted(say{Text: spoken{"谁没读", "unread"}.in(language)})
		w.must(w.bot.Work(w.soon(), command, false))
		w.must(w.bot.Work(w.soon(), command, true))
		private := w.dingtalk.Direct(w.lilei).Messages()
		if len(private) != 2 {
			t.Fatalf("told %q", texts(private))
		}
		w.never(private[0].Text, perhapsAgain.in(language))
		w.wants(private[1].Text, "#1 停机", perhapsAgain.in(language))
	})
}

// Whoever has the answer in private does not get it again because the group could not
// be told of it.
func TestAPrivateAnswerIsGivenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *wiring) { o.Direct = true }})
	w.announce("公告 停机")
	command := w.accepted(say{Text: "谁没读"})
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APIWebhook, Kind: dingtalktest.Throttled})
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: dingtalktest.Throttled})
	w.must(w.bot.Work(w.soon(), command, false))
	if private := w.dingtalk.Direct(w.lilei).Messages(); len(private) != 1 {
		t.Errorf("told %q", texts(private))
	}
	w.wants(w.log.String(), "reply is lost")
}
