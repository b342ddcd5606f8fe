package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// Everything that the bot sends into a group by API has a processQueryKey. Each sends one
// post, about #1 or about no announcement.
var sentByAPI = map[string]struct {
	post  func(w *world)
	about int
}{
	"a chart":   {func(w *world) { w.tells(w.lilei, "曲线 #1") }, 1},
	"an answer": {func(w *world) { w.withoutWebhooks("谁没读 #1") }, 1},
	"the list":  {func(w *world) { w.withoutWebhooks("列表") }, 0},
	"a follow-up's round": {func(w *world) {
		w.tells(w.lilei, "跟进 #1 每30分钟")
		w.dingtalk.ExpireWebhooks()
		w.pass(30 * time.Minute)
	}, 1},
}

// withoutWebhooks is Li Lei saying something whose answer has to go by API.
func (w *world) withoutWebhooks(text string) {
	w.Helper()
	w.dingtalk.Inject(code(dingtalktest.APIWebhook, "300001"))
	w.tells(w.lilei, text)
	w.dingtalk.ClearFaults()
}

// sendUncertainly announces something of which nobody knows whether it was delivered.
func (w *world) sendUncertainly(text string, delivered bool) {
	w.Helper()
	kind := dingtalktest.DropBefore
	if delivered {
		kind = dingtalktest.DropAfter
	}
	w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Kind: kind, Times: 1})
	w.wants(w.asks(w.lilei, text), "是否送达不确定")
}

// states are the lines of the list, the newest first.
func (w *world) states() []string {
	w.Helper()
	return strings.Split(w.asks(w.lisi, "列表"), "  \n")[1:]
}

// A quoted chart or answer means the announcement that it is about. It is none
// itself, and its readers have read nothing, whatever became of the announcement that was
// on its way.
func TestWhatTheBotPostedIsNoAnnouncement(t *testing.T) {
	t.Parallel()
	for name, test := range sentByAPI {
		for _, delivered := range []bool{true, false} {
			for _, bare := range []bool{true, false} {
				t.Run(name+" bare "+strconv.FormatBool(bare)+" delivered "+strconv.FormatBool(delivered), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, setup{})
					w.announce("公告 一号楼停电")
					w.sendUncertainly("公告 一", delivered) // short enough to stand in almost anything
					test.post(w)
					posts := w.posted()
					post := posts[len(posts)-1]
					w.must(w.group.ReadAll(post.ID, w.hanmeimei, w.zhangsan))
					queries := w.dingtalk.CallCount(dingtalktest.APIQuery)

					got := w.ask(w.lisi, say{Text: "谁没读", Quote: post.ID, QuoteBare: bare}).Text
					if test.about == 0 {
						w.wants(got, "我只能统计由我发出的公告")
						if now := w.dingtalk.CallCount(dingtalktest.APIQuery); now != queries {
							t.Errorf("%d queries about what is no announcement", now-queries)
						}
					} else {
						w.wants(got, "**还有 3 人没读** #1「一号楼停电」")
					}
					list := w.states()
					if len(list) != 2 || !strings.HasPrefix(list[0], "#2 一 · 是否送达不确定") || !strings.HasPrefix(list[1], "#1 一号楼停电 · ") {
						t.Errorf("the list is %q", list)
					}
					w.wants(w.asks(w.lisi, "谁没读"), "#2 一")
				})
			}
		}
	}
}

// Whoever reads a chart has read no announcement, and DingTalk is not made to push it again.
func TestReadsOfWhatTheBotPostedAreTaken(t *testing.T) {
	t.Parallel()
	for name, test := range sentByAPI {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.announce("公告 停机")
			test.post(w)
			posts := w.posted()
			data, err := json.Marshal(map[string]any{
				"openConversationId": w.group.ID(), "robotCode": w.dingtalk.App().RobotCode, "processQueryKey": posts[len(posts)-1].ProcessQueryKey,
				"userId": "zhangsan", "operatTime": strconv.FormatInt(w.clock.now().UnixMilli(), 10),
			})
			w.must(err)
			if err := w.bot.Event(w.soon(), "robot_msg_read", w.clock.now(), 0, data); err != nil {
				t.Errorf("it is to be pushed again: %v", err)
			}
			kept, err := w.store.Snapshot(w.soon(), w.group.ID(), 1)
			w.must(err)
			if len(kept.Reads) != 0 {
				t.Errorf("kept %+v", kept.Reads)
			}
		})
	}
}

// Whoever takes a chart back takes no announcement back.
func TestARecalledChartIsNoRecalledAnnouncement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.announce("公告 停机")
	w.tells(w.lilei, "曲线 #1")
	data, err := json.Marshal(map[string]any{
		"openConversationId": w.group.ID(), "robotCode": w.dingtalk.App().RobotCode, "processQueryKey": w.posted()[1].ProcessQueryKey, "userId": "lilei",
	})
	w.must(err)
	w.must(w.bot.Event(w.soon(), "robot_msg_recall", w.clock.now(), 0, data))
	w.wants(w.asks(w.lisi, "谁没读"), "**还有 3 人没读** #1「停机」")
}

// keyless does not record what was posted.
type keyless struct{ receipts.Store }

func (keyless) RecordPost(context.Context, string, string, int) error {
	return errors.New("redis: connection refused")
}

// An answer that was given is not given again because its key could not be recorded. What
// it shows when quoted is then all that is known of it.
func TestAPostWhoseKeyIsNotRecorded(t *testing.T) {
	t.Parallel()
	for name, test := range sentByAPI {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.announce("公告 停机")
			w.sendUncertainly("公告 搬家", false)
			w.reconfigure(func(o *wiring) { o.Store = keyless{o.Store} })
			test.post(w)
			posts := w.posted()
			if len(posts) != 2 {
				t.Fatalf("%d posts, want the announcement and one more", len(posts))
			}
			w.wants(w.log.String(), "post not recorded")
			w.wants(w.ask(w.lisi, say{Text: "谁没读", Quote: posts[1].ID, QuoteBare: true}).Text, "我只能统计由我发出的公告")
			if list := w.states(); len(list) != 2 || !strings.HasPrefix(list[0], "#2 搬家 · 是否送达不确定") {
				t.Errorf("the list is %q", list)
			}
		})
	}
}

// Two announcements break off seconds apart. A quotation heals the one whose text it
// shows, which is signed with its number; and without a signature none if it could be either.
func TestQuotesOfTwoUncertainAnnouncements(t *testing.T) {
	t.Parallel()
	long := "请各部门在周五下班以前提交本周的工作周报，模板在群文件里，填写后发给自己的主管，"
	for name, test := range map[string]struct {
		first, second string // announced; the second is delivered
		bare          bool
		unsigned      bool
		want          []string // the answer and the list, the newest first
	}{
		"different texts":                 {"公告 停机", "公告 搬家", false, false, []string{"**还有 2 人没读** #2「搬家」", "#2 搬家 · 2/4", "#1 停机 · 是否送达不确定"}},
		"one title, two texts":            {"公告 周报\n" + long, "公告 周报\n本周不用交", false, false, []string{"**还有 2 人没读** #2「周报」", "#2 周报 · 2/4", "#1 周报 · 是否送达不确定"}},
		"the same text":                   {"公告 停机", "公告 停机", false, false, []string{"**还有 2 人没读** #2「停机」", "#2 停机 · 2/4", "#1 停机 · 是否送达不确定"}},
		"the same text, unsigned":         {"公告 停机", "公告 停机", false, true, []string{"**还有 3 人没读** #3「停机」", "#3 停机 · 1/4", "#2 停机 · 是否送达不确定", "#1 停机 · 是否送达不确定"}},
		"the same beginning":              {"公告 周报\n" + long + "谢谢", "公告 周报\n" + long + "辛苦了", false, false, []string{"**还有 2 人没读** #2「周报」", "#2 周报 · 2/4", "#1 周报 · 是否送达不确定"}},
		"the same beginning, unsigned":    {"公告 周报\n" + long + "谢谢", "公告 周报\n" + long + "辛苦了", false, true, []string{"**还有 3 人没读** #3「周报」", "#3 周报 · 1/4", "#2 周报 · 是否送达不确定", "#1 周报 · 是否送达不确定"}},
		"a number in a heading":           {"公告 停机", "公告 # 停电 #1 号楼", false, false, []string{`**还有 2 人没读** #2「\# 停电 \#1 号楼」`, `#2 \# 停电 \#1 号楼 · 2/4`, "#1 停机 · 是否送达不确定"}},
		"without its text":                {"公告 停机", "公告 搬家", true, false, []string{"我只能统计由我发出的公告，这条不是", "#2 搬家 · 是否送达不确定", "#1 停机 · 是否送达不确定"}},
		"a title within a text":           {"公告 停机\n" + long, "公告 关于停机\n" + long, false, false, []string{"**还有 2 人没读** #2「关于停机」", "#2 关于停机 · 2/4", "#1 停机 · 是否送达不确定"}},
		"a title within a text, unsigned": {"公告 停机\n" + long, "公告 关于停机\n" + long, false, true, []string{"**还有 3 人没读** #3「关于停机」", "#3 关于停机", "#2 关于停机 · 是否送达不确定", "#1 停机 · 是否送达不确定"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: func(o *wiring) { o.Unsigned = test.unsigned }})
			w.sendUncertainly(test.first, false)
			w.clock.advance(5 * time.Second)
			w.sendUncertainly(test.second, true)
			post := w.posted()[0]
			w.must(w.group.ReadAll(post.ID, w.zhangsan))
			w.clock.advance(time.Minute)
			got := append([]string{w.ask(w.lisi, say{Text: "谁没读", Quote: post.ID, QuoteBare: test.bare, QuoteFull: !test.bare}).Text}, w.states()...)
			if len(got) != len(test.want) {
				t.Fatalf("%q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("%q, want %q", got[i], want)
				}
			}
		})
	}
}

// The latest is what the bot announced last and can still be asked for: nothing that was
// only quoted, and nothing that is over.
func TestTheLatestIsWhatWasAnnouncedLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{dingtalk: dingtalktest.Options{KeyTTL: 24 * time.Hour}})
	old := w.announce("公告 旧公告")
	_, err := w.store.ForgetGroup(w.soon(), w.group.ID(), false)
	w.must(err)
	w.announce("公告 新公告")
	w.wants(w.ask(w.lisi, say{Text: "谁没读", Quote: old.ID, QuoteFull: true}).Text, "#2 旧公告")
	for _, text := range []string{"谁没读", "谁读了", "提醒", "跟进 每30分钟", "曲线", "导出"} {
		for _, m := range w.tells(w.lilei, text) {
			w.never(m.Text, "旧公告", "#2")
		}
	}
	w.wants(w.asks(w.lisi, "谁没读"), "#1 新公告")

	w.clock.advance(48 * time.Hour) // DingTalk answers for neither any more
	w.wants(w.asks(w.lisi, "谁没读 #1"), "至少读了 1/4", "#1「新公告」")
	w.wants(w.asks(w.lisi, "谁没读"), "现在没有能统计的公告")
	w.announce("公告 又一条")
	w.wants(w.asks(w.lisi, "谁没读"), "#3 又一条")
}
