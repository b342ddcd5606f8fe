package bot_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

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

// A chart is its own answer, and comes once: who takes it over only tells that it may be there.
func TestAChartThatIsTakenOver(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{})
		w.announce("公告 停机")
		command := w.accepted(say{Text: spoken{"曲线", "chart"}.in(language)})
		before := len(w.group.Messages())
		w.must(w.bot.Work(w.soon(), command, false))
		w.must(w.newBot(w.wiring).Work(w.soon(), command, true))
		told := w.group.Messages()[before:]
		if len(told) != 2 || told[0].Type != "sampleImageMsg" {
			t.Fatalf("told %+v", told)
		}
		w.wants(told[1].Text, spoken{"是否发出不确定", "It is uncertain whether"}.in(language), perhapsAgain.in(language))
	})
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

// What DingTalk refused is not there: who comes after posts it.
func TestAFileThatWasRefusedIsPostedByARepetition(t *testing.T) {
	t.Parallel()
	refuse := func(api string) func(w *world) {
		return func(w *world) {
			fault := code(api, "resource.not.found")
			fault.Times = 1
			w.dingtalk.Inject(fault)
		}
	}
	for name, c := range map[string]struct {
		say    string
		refuse func(w *world)
	}{
		"an export":                {"导出", refuse(dingtalktest.APIDirect)},
		"an export, not delivered": {"导出", func(w *world) { w.dingtalk.FlowControl(true, w.lilei) }},
		"a chart":                  {"曲线", refuse(dingtalktest.APISend)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.announce("公告 停机")
			command := w.accepted(say{Text: c.say})
			c.refuse(w)
			w.must(w.bot.Work(w.soon(), command, false))
			if n := w.files(); n != 0 {
				t.Fatalf("%d files; want that it is refused", n)
			}
			w.dingtalk.FlowControl(false, w.lilei)
			for range 2 {
				w.must(w.newBot(w.wiring).Work(w.soon(), command, true))
			}
			if n := w.files(); n != 1 {
				t.Errorf("%d files", n)
			}
		})
	}
}

// amnesiac knows nothing of the commands that it has recorded.
type amnesiac struct{ receipts.Store }

func (a amnesiac) Begin(ctx context.Context, d receipts.Draft) (receipts.Message, bool, error) {
	d.Command += rand.Text()
	return a.Store.Begin(ctx, d)
}

// A Redis that comes back a little older brings a command back that was carried out: this
// process remembers, and calls it uncertain.
func TestAnAnnouncementOutOfAnOlderRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.reconfigure(func(o *wiring) { o.Store = receipts.Remember(amnesiac{o.Store}) })
	w.bot.Accept(w.soon(), "frame1", w.heard(w.group, w.lilei, say{Text: "公告 周五停机"}))
	command := w.inbox.take()[0]
	w.must(w.bot.Work(w.soon(), command, false))
	w.must(w.bot.Work(w.soon(), command, false))
	if posts := w.posted(); len(posts) != 1 {
		t.Errorf("posted %d times", len(posts))
	}
	said := w.group.Messages()
	w.wants(said[len(said)-1].Text, "#2", "不确定")
}

// What waited for hours does nothing any more, and says so if it can.
func TestAnOldCommandDoesNothing(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{dingtalk: dingtalktest.Options{WebhookTTL: 48 * time.Hour}})
		w.announce("公告 周五停机")
		for said, answer := range map[spoken]spoken{
			{"公告 五分钟后关机", "announce Shutdown in five minutes"}: {"没有执行", "did not carry it out"},
			{"提醒 #1", "remind #1"}:  {"没有执行", "did not carry it out"},
			{"谁没读 #1", "unread #1"}: {"1/4", "1/4"},
		} {
			data := w.heard(w.group, w.lilei, say{Text: said.in(language)})
			w.bot.Accept(w.soon(), "frame", data)
			w.clock.advance(91 * time.Minute)
			before := len(w.group.Messages())
			for _, c := range w.inbox.take() {
				w.must(w.bot.Work(w.soon(), c, false))
			}
			w.wants(w.answer(w.group.Messages()[before:]).Text, answer.in(language))
		}
		if len(w.posted()) != 1 {
			t.Errorf("posted %+v", w.posted())
		}
	})
}

// Beyond its share a person or a group hears what is known; an administrator has no limit of
// his own.
func TestQuestionsAreLimited(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Limits, o.FreshFor = receipts.Limits{Person: 3, Group: 6}, 0 }})
		post := w.announce("公告 周五停机")
		unread, limited := spoken{"谁没读", "unread"}.in(language), spoken{"这次没有去问钉钉", "I did not ask DingTalk"}.in(language)
		calls := func() int { return w.dingtalk.CallCount(dingtalktest.APIQuery) }
		for range 3 {
			w.never(w.asks(w.lisi, unread), limited)
		}
		w.must(w.group.ReadAll(post.ID, w.zhangsan))
		before := calls()
		got := w.asks(w.lisi, unread)
		w.wants(got, limited, "#1 周五停机")
		w.never(got, "李雷", "李四")
		if calls() != before {
			t.Error("DingTalk was asked")
		}
		w.wants(w.asks(w.lisi, spoken{"帮助", "help"}.in(language)), "**") // costs nothing
		for range 3 {
			w.never(w.asks(w.lilei, unread), limited)
		}
		w.wants(w.asks(w.lilei, unread), limited)    // the group's share is used up
		w.wants(w.asks(w.zhangsan, unread), limited) // for everybody
		w.clock.advance(20 * time.Minute)
		w.never(w.asks(w.lisi, unread), limited)
	})
}

// What is quoted and not recorded is looked up, which counts: whoever has nothing left is told
// so, and nothing is done.
func TestQuotationsAreLimited(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.Limits = receipts.Limits{Person: 1} }})
		var posts []dingtalktest.Message
		for _, title := range []string{"旧公告", "更旧的公告"} {
			_, err := w.wiring.Platform.Post(w.soon(), w.group.ID(), receipts.Post{Title: title, Text: title})
			w.must(err)
			posts = w.posted()
		}
		limited := spoken{"没有去问钉钉你引用的是哪条", "did not ask DingTalk what you quote"}.in(language)
		unread, recall := spoken{"谁没读", "unread"}.in(language), spoken{"撤回", "recall"}.in(language)
		w.wants(w.ask(w.lisi, say{Text: unread, Quote: posts[0].ID, QuoteFull: true}).Text, "#1", "旧公告")
		before := w.dingtalk.CallCount(dingtalktest.APIQuery)
		for _, said := range []string{unread, recall} {
			w.wants(w.ask(w.lisi, say{Text: said, Quote: posts[1].ID, QuoteFull: true}).Text, limited)
		}
		if w.dingtalk.CallCount(dingtalktest.APIQuery) != before {
			t.Error("DingTalk was asked")
		}
		w.wants(w.ask(w.lilei, say{Text: unread, Quote: posts[1].ID, QuoteFull: true}).Text, "#2") // an administrator has no limit
	})
}

// A follow-up that would outlive what is kept of its message is cut to that, and says so.
func TestAFollowUpThatCannotLastSaysSo(t *testing.T) {
	t.Parallel()
	inBothLanguages(t, func(t *testing.T, language command.Language) {
		w := newWorld(t, setup{options: func(o *wiring) { o.KeepFor = 48 * time.Hour }})
		w.announce("公告 周五停机")
		w.never(w.asks(w.lilei, spoken{"跟进 #1 每30分钟 到18:00", "follow #1 every 30m until 18:00"}.in(language)), spoken{"只能到", "kept for not much longer"}.in(language))
		w.wants(w.asks(w.lilei, spoken{"跟进 #1 每2小时", "follow #1 every 2h"}.in(language)), spoken{"跟进只能到 8月5日 13:35 为止", "the follow-up ends 5 Aug 13:35"}.in(language))
	})
}
