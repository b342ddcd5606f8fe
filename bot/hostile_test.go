package bot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"whoread/bot"
	"whoread/bot/command"
	"whoread/bot/reply"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store"
	"whoread/store/storetest/need"
)

// Whatever comes instead of a frame is dropped, and the next command is answered.
func TestWhatIsNoFrameIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	good := string(w.heard(w.group, w.lilei, say{Text: "帮助"}))
	nested := func(open, end string, times int) string {
		return strings.Repeat(open, times) + strings.Repeat(end, times)
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, data := range map[string]string{
		"100,000 brackets":        strings.Repeat("[", 100_000),
		"100,000 arrays":          nested("[", "]", 100_000),
		"100,000 objects":         strings.Repeat(`{"text":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"a field of 100,000":      strings.Replace(good, `{"`, `{"atUsers":`+nested("[", "]", 100_000)+`,"`, 1),
		"ten megabytes of arrays": nested("[", "]", 5<<20),
		"binary":                  strings.Repeat(string(every), 1_000),
		"compressed":              "\x1f\x8b\x08\x00" + good,
		"NULs":                    strings.Repeat("\x00", 1_000),
		"a NUL before it":         "\x00" + good,
		"a NUL in it":             strings.Replace(good, "帮助", "帮\x00助", 1),
		"UTF-16":                  "\xff\xfe{\x00}\x00",
		"a half rune for a quote": strings.Replace(good, `"msgId"`, "\xe2\x80msgId\"", 1),
		"no field that counts":    `{"headers":{}}`,
	} {
		w.bot.Accept(t.Context(), "frame1", []byte(data))
		if taken := w.inbox.take(); len(taken) != 0 {
			t.Errorf("%s: accepted", name)
		}
	}
	w.wants(w.asks(w.lilei, "帮助"), "谁没读")
}

// A frame of many megabytes is cut, and what is too long to name anything names
// nothing: neither fills the store.
func TestHugeFramesAreKeptSmall(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	w := newWorld(t, setup{})
	good := w.heard(w.group, w.lilei, say{Text: "帮助", Shape: dingtalktest.ShapeText})
	const most = 100 << 10
	huge := strings.Repeat("很长", 10<<20/6)
	quote := map[string]any{"content": "帮助", "isReplyMsg": true, "repliedMsg": map[string]any{"content": map[string]any{"text": huge}}}
	for field, value := range map[string]any{
		"msgId": huge, "senderNick": huge, "senderStaffId": huge, "robotCode": huge, "conversationTitle": huge, "sessionWebhook": huge, "originalProcessQueryKey": huge,
		"createAt": huge, "text": quote, "unheardOf": huge, "msgtype": huge,
	} {
		w.bot.Accept(t.Context(), "frame "+field, edit(t, good, func(f map[string]any) {
			f["msgId"] = "msg " + field
			f[field] = value
		}))
		taken := w.inbox.take()
		if len(taken) != 1 || len(taken[0].Body) > most {
			t.Errorf("%s: %d commands", field, len(taken))
			continue
		}
		var in struct {
			bot.Incoming
			Webhook struct{ URL string }
		}
		w.must(json.Unmarshal([]byte(taken[0].Body), &in))
		if (field == "msgId") != (in.ID == "frame msgId") || (field == "senderStaffId") != in.External || !utf8.ValidString(taken[0].Body) {
			t.Errorf("%s: %.200s", field, taken[0])
		}
		if field == "senderNick" && !strings.HasPrefix(huge, in.Sender.Name) {
			t.Errorf("the name was changed: %.200s", in.Sender.Name)
		}
	}
	w.bot.Accept(t.Context(), "frame", edit(t, good, func(f map[string]any) { f["conversationId"] = huge }))
	if len(w.inbox.take()) != 0 {
		t.Error("a group with a name of ten megabytes was accepted")
	}
}

// A field that stands twice counts once, in everything that is asked of it.
func TestFieldsThatStandTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	good := string(w.heard(w.group, w.lilei, say{Text: "公告 停机"}))
	twice := func(fields string) []byte { return []byte(strings.TrimSuffix(good, "}") + "," + fields + "}") }
	w.bot.Accept(t.Context(), "frame1", twice(`"robotCode":"dingother"`))
	w.bot.Accept(t.Context(), "frame1", twice(`"conversationId":""`))
	if taken := w.inbox.take(); len(taken) != 0 {
		t.Errorf("accepted: %q", taken)
	}
	w.wants(w.answer(w.carryOut(w.group, twice(`"senderCorpId":"dingother","isAdmin":true`))).Text, "抱歉，我只为本组织成员服务")
	if n := len(w.posted()); n != 0 {
		t.Errorf("%d messages were posted", n)
	}
}

// hostile is what people call themselves, their groups and their announcements.
var hostile = map[string]string{
	"everybody":         "@all",
	"somebody":          "张三 @lilei @lisi ",
	"a link":            "[x](dingtalk://dingtalkclient/page/link?url=http%3A%2F%2Fevil)",
	"a mention's link":  "[@lisi](dingtalk://dingtalkclient/action/open_profile?user_id=lisi)",
	"an image":          "![](http://evil/a.png)",
	"a heading":         "# 大\n# 大",
	"a quotation":       "> 引用\r\n> 引用",
	"HTML":              `<font color="red">红</font><at id=all></at>`,
	"emphasis and code": "**粗** __x__ ~~y~~ `z`",
	"escaped":           `\[x\](http://evil) \`,
	"broken lines":      "a  \n#9 全部已读\u2028b\u2029c\u0085d\ve",
	"direction marks":   "\u202egnp\u2066.exe\u200f",
	"zero width":        "a\u200b\u200c\u2060\ufeffb",
	"nothing visible":   "\u200b\u2060\u3164\u2800",
	"combining marks":   "\u0301\u0302\u0489",
	"a tower of marks":  "e" + strings.Repeat("\u0301", 5_000),
	"10,000 runes":      strings.Repeat("很长[", 2_500) + strings.Repeat("a\"", 1_250),
	"control":           "a\x00b\x1b[31m\x07\x7f",
	"a format":          "%s%d %[9]q ${HOME} {{.}}",
}

// What people chose as names and titles, and what they say, mentions nobody, links
// nowhere, shows no picture, breaks no line and turns no direction, in no kind of
// answer. Only an announcement stands as it was typed.
func TestNobodyInjectsAnything(t *testing.T) {
	t.Parallel()
	for name, said := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothLanguages(t, func(t *testing.T, language command.Language) {
				w := newWorld(t, setup{group: dingtalktest.GroupOptions{Title: said}})
				mallory := w.dingtalk.AddPerson(dingtalktest.Person{Name: said, UserID: "mallory", Admin: true})
				victim := w.dingtalk.AddPerson(dingtalktest.Person{Name: said, UserID: "victim"}) // who is told of
				w.must(w.group.Join(w.lilei, mallory, victim))
				title := strings.ToValidUTF8(said[:min(len(said), 3_000)], "") // DingTalk takes no longer one
				w.tells(mallory, spoken{"公告", "announce"}.in(language)+" 停 "+title)
				announcement := w.posted()[0]
				w.must(w.group.ReadAll(announcement.ID, w.lisi))
				unread := []string{"lilei", "hanmeimei", "zhangsan", "victim"}
				both := func(zh, en string) { w.tells(mallory, spoken{zh, en}.in(language)) }

				both("谁读了", "who read")
				both("谁没读", "unread")
				both("列表", "list")
				both("用量", "usage")
				both("提醒", "remind")
				both("提醒", "remind") // and is told of the last reminder
				w.clock.advance(5 * time.Minute)
				w.dingtalk.FlowControl(true, victim)
				both("提醒 私信", "remind by direct")
				w.dingtalk.FlowControl(false, victim)
				w.clock.advance(5 * time.Minute)
				both("提醒 DING", "remind by ding")
				both("跟进 #1 每30分钟", "follow #1 every 30m")
				w.pass(30 * time.Minute)
				both("帮助", "help")
				both("停止 #1", "stop #1")
				both("跟进 #1 每30分钟 直到 "+said, "follow #1 every 30m until "+said)
				both("公告 25:00前，"+said, "announce by 25:00, "+said)
				both("谁没读 "+said, "unread "+said)
				w.tells(mallory, said)
				w.reconfigure(func(o *wiring) { o.Direct = true })
				both("谁没读", "unread")
				both("列表", "list")

				messages := w.group.Messages()
				for _, p := range []dingtalktest.Person{w.lilei, w.hanmeimei, w.zhangsan, w.lisi, mallory, victim} {
					messages = append(messages, w.private(p)...)
				}
				mentions := 0
				for _, m := range messages {
					if !m.FromBot() || m.Via == dingtalktest.ViaSend { // which says it as it was typed
						continue
					}
					w.plain(m)
					var notified []string
					for _, p := range m.Mentioned {
						notified = append(notified, p.UserID)
					}
					if len(notified) > 0 {
						mentions++
						slices.Sort(notified)
						if diff := cmp.Diff(slices.Sorted(slices.Values(unread)), notified); diff != "" {
							t.Errorf("notified by %q (-want +got):\n%s", m.Text, diff)
						}
					}
				}
				if mentions != 2 {
					t.Errorf("%d messages notify people, want the reminder and the round", mentions)
				}
				if dings := w.dingtalk.Dings(); len(dings) != 1 {
					t.Errorf("%d DINGs", len(dings))
				} else {
					w.oneLine("the DING", dings[0].Content)
				}
			})
		})
	}
}

var (
	escaped   = regexp.MustCompile(`\\[^\n]`)
	formatted = regexp.MustCompile("(?m)!\\[|\\]\\(|`|~~|__|^\\s*#+\\s|^\\s*>|<[a-z/]+[ =>]")
)

// plain checks that an answer holds nothing but the bot's own formatting.
func (w *world) plain(m dingtalktest.Message) {
	w.Helper()
	text := escaped.ReplaceAllString(m.Text, "x")
	if found := formatted.FindString(text); found != "" && !strings.Contains(text, "**") { // help has its own
		w.Errorf("%q is in %q", found, m.Text)
	}
	for line := range strings.SplitSeq(m.Text, "\n") {
		w.oneLine("a line", line)
	}
	w.oneLine("the notification", m.Title)
	if m.MentionsAll || len(m.Text) > dingtalk.MaxMsgParamBytes || !utf8.ValidString(m.Text) {
		w.Errorf("%d bytes, to everybody %t: %.300q", len(m.Text), m.MentionsAll, m.Text)
	}
	if broken := strings.Count(m.Text, "\n"); broken > 10 && !strings.Contains(m.Text, "**") {
		w.Errorf("%d lines: %q", broken, m.Text)
	}
	if slices.ContainsFunc(strings.Split(m.Text, "\n"), func(line string) bool { return strings.HasPrefix(line, "#9") }) {
		w.Errorf("a line of a person's own: %q", m.Text)
	}
}

func (w *world) oneLine(what, text string) {
	w.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool {
		return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	}); i >= 0 {
		w.Errorf("%s holds %q: %q", what, text[i:min(i+4, len(text))], text)
	}
}

// A name that shows nothing is no name: nobody is counted as named by it.
func TestANameThatShowsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{group: dingtalktest.GroupOptions{NoNicks: true}})
	for i, name := range []string{"\u200b", "\u0301\u0302", "\u3164", "\u2800\u00a0", "\U000e0041"} {
		w.must(w.group.Join(w.lilei, w.dingtalk.AddPerson(dingtalktest.Person{Name: name, UserID: fmt.Sprint("ghost", i)})))
	}
	w.announce("公告 停机")
	w.wants(w.asks(w.lilei, "谁没读"), "韩梅梅、张三、李四、… 等 8 人")
}

// A userId that would format the message is not put into it: who has it is written to.
func TestUserIDsWithMarkdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	var odd []dingtalktest.Person
	for _, id := range []string{"[x](http://evil)", "**x**", "<b>", "a b", "_x_", "`x`", "@all", "#", "a\nb", `a\`, "!"} {
		odd = append(odd, w.dingtalk.AddPerson(dingtalktest.Person{Name: "怪", UserID: id}))
	}
	usual := w.dingtalk.AddPerson(dingtalktest.Person{Name: "常", UserID: "manager_47-11.a@b"})
	w.must(w.group.Join(w.lilei, append(odd, usual)...))
	w.announce("公告 停机")
	w.sees("the reminder", w.tells(w.lilei, "提醒"),
		byWebhook("@hanmeimei @zhangsan @lisi @manager_47-11.a@b 请看 #1「停机」", "已私信提醒 11 人。").
			mentioning("hanmeimei", "zhangsan", "lisi", usual.UserID))
	for _, p := range odd {
		if n := len(w.private(p)); n != 1 {
			t.Errorf("%q was written to %d times", p.UserID, n)
		}
	}
}

// about is the data of an event about the bot's group.
func (w *world) about(changes map[string]any) []byte {
	w.Helper()
	fields := map[string]any{"openConversationId": w.group.ID(), "robotCode": w.dingtalk.App().RobotCode}
	for field, value := range changes {
		fields[field] = value
	}
	data, err := json.Marshal(fields)
	w.must(err)
	return data
}

// A read is not before its message was sent and not in time to come, whatever time its
// event tells; a time that none can be is that of the event, or none.
func TestReadsWithTimesThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.reconfigure(func(o *wiring) { o.Pushes = w.store })
	readers := w.crowd(11)
	post := w.announce("公告 停机") // at 14:35
	w.clock.advance(10 * time.Minute)
	sent, now := post.At, w.clock.now()
	ms := func(at time.Time) string { return fmt.Sprint(at.UnixMilli()) }
	cases := []struct {
		what     string
		operated any
		born     time.Time
		want     string // after the name; empty: nobody knows when
	}{
		{"as it was", ms(sent.Add(time.Minute)), now, " 14:36"},
		{"five minutes before it was sent", ms(sent.Add(-5 * time.Minute)), now, " 14:35"},
		{"1970", "1", now, " 14:35"},
		{"five minutes ahead", ms(now.Add(5 * time.Minute)), now, " 14:45"},
		{"two hours ahead", ms(now.Add(2 * time.Hour)), now.Add(-time.Minute), " 14:44"},
		{"the year 9999", "253402300799000", now.Add(-2 * time.Minute), " 14:43"},
		{"the year 9999, and the event too", "253402300799000", time.UnixMilli(253402300799000), " 14:45前"},
		{"before there was time", "-9223372036854775808", now.Add(-3 * time.Minute), " 14:42"},
		{"more than fits", "99999999999999999999999", now.Add(-4 * time.Minute), " 14:41"},
		{"no number", "soon", now.Add(-5 * time.Minute), " 14:40"},
		{"no time at all", nil, time.Time{}, " 14:45前"},
	}
	for i, test := range cases {
		w.must(w.group.ReadAll(post.ID, readers[i]))
		for range 2 { // and replayed
			w.must(w.bot.Event(t.Context(), "robot_msg_read", test.born, 0, w.about(map[string]any{
				"processQueryKey": post.ProcessQueryKey, "userId": readers[i].UserID, "operatTime": test.operated,
			})))
		}
	}
	w.asks(w.lisi, "谁读了")
	report, err := w.bot.Service.Report(t.Context(), receipts.Actor{Person: receipts.Person{UserID: "lisi"}}, w.group.ID(), receipts.Ref{})
	w.must(err)
	for i, test := range cases {
		read := slices.IndexFunc(report.Read, func(r receipts.Receipt) bool { return r.UserID == readers[i].UserID })
		if read < 0 {
			t.Errorf("%s: has not read", test.what)
			continue
		}
		got := report.Read[read].At.Format(" 15:04")
		if !report.Read[read].Exact {
			got += "前"
		}
		if got != test.want {
			t.Errorf("%s: read at %q, want %q", test.what, got, test.want)
		}
	}
	w.tells(w.lisi, "曲线")
	w.asks(w.lilei, "导出")
	w.wants(w.asks(w.lilei, "用量"), "最近一次推送的已读：今天 14:4")
}

// Who came before an announcement is asked to read it, however late that is pushed, and
// who came after it is not, whatever DingTalk's clock says: nobody who was not there is
// called unread.
func TestWhoCameWhenTheClocksDiffer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what     string
		came     time.Duration // after the posting
		late     time.Duration // from then until it is pushed
		ahead    time.Duration // DingTalk's clock
		age      bool          // the push says how old it is
		timeless bool          // it does not even say when it was
		asked    bool
	}{
		{what: "a minute before, as it happened", came: -time.Minute, age: true, asked: true},
		{what: "a minute before, late", came: -time.Minute, late: 5 * time.Minute, age: true, asked: true},
		{what: "a minute before, late, and nobody knows how late", came: -time.Minute, late: 5 * time.Minute},
		{what: "a second before, two seconds on its way", came: -time.Second, late: 2 * time.Second, asked: true},
		{what: "a second after, two seconds on its way", came: time.Second, late: 2 * time.Second},
		{what: "a minute after", came: time.Minute, age: true},
		{what: "a minute after, by a clock that is behind", came: time.Minute, ahead: -5 * time.Minute, age: true},
		{what: "a minute after, late, by a clock that is behind", came: time.Minute, late: 2 * time.Minute, ahead: -5 * time.Minute, age: true},
		{what: "a minute before, late, by a clock that is behind", came: -time.Minute, late: 2 * time.Minute, ahead: -5 * time.Minute, age: true, asked: true},
		{what: "a minute before, late, by a clock that is ahead", came: -time.Minute, late: 2 * time.Minute, ahead: 5 * time.Minute, age: true, asked: true},
		{what: "a minute before, without a time", came: -time.Minute, timeless: true, asked: true},
		{what: "a minute after, without a time", came: time.Minute, timeless: true},
	} {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			wang := w.dingtalk.AddPerson(dingtalktest.Person{Name: "王五", UserID: "wangwu"})
			w.announce("公告 名单") // the members are known from now on
			w.clock.advance(2 * time.Minute)
			var happened time.Time
			comes := func() {
				happened = w.clock.now()
				w.must(w.group.Join(w.lilei, wang))
			}
			isPushed := func() {
				changes, born, age := map[string]any{"userId": []string{wang.UserID}}, time.Time{}, time.Duration(0)
				if !test.timeless {
					born = happened.Add(test.ahead)
					changes["timeStamp"] = born.UnixMilli()
				}
				if test.age {
					age = test.late
				}
				w.must(w.bot.Event(t.Context(), "chat_add_member", born, age, w.about(changes)))
			}
			switch before := -test.came; {
			case before < 0:
				w.announce("公告 停机")
				w.clock.advance(test.came)
				comes()
				w.clock.advance(test.late)
				isPushed()
			case before < test.late:
				comes()
				w.clock.advance(before)
				w.announce("公告 停机")
				w.clock.advance(test.late - before)
				isPushed()
			default:
				comes()
				w.clock.advance(test.late)
				isPushed()
				w.clock.advance(before - test.late)
				w.announce("公告 停机")
			}
			got := w.asks(w.lisi, "谁没读 #2")
			if test.asked {
				w.wants(got, "已读 1/5", "王五")
				w.never(got, "后来入群")
				return
			}
			w.wants(got, "已读 1/4", "另有 1 人后来入群")
			w.never(got, "王五")
		})
	}
}

// Events of another robot, of groups and messages that nobody knows, and events that
// come again change nothing.
func TestReplayedAndForeignEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.reconfigure(func(o *wiring) { o.Pushes = w.store })
	post := w.announce("公告 停机")
	before := w.asks(w.lisi, "谁读了")
	kinds := []string{
		"robot_msg_read", "robot_msg_recall", "chat_add_member", "chat_remove_member", "chat_quit", "chat_update_title", "chat_disband", "im_cool_app_install", "im_cool_app_uninstall", "", "x",
	}
	full := map[string]any{
		"processQueryKey": post.ProcessQueryKey, "userId": "lisi", "operator": "lisi", "operatTime": fmt.Sprint(w.clock.now().UnixMilli()), "title": "[x](http://evil)", "coolAppCode": "c",
	}
	change := func(field string, value any) map[string]any {
		changed := map[string]any{}
		for k, v := range full {
			changed[k] = v
		}
		changed[field] = value
		return changed
	}
	for _, kind := range kinds {
		for _, changes := range []map[string]any{
			change("robotCode", "dingother"), change("openConversationId", "cidNobodyKnows"), change("openConversationId", ""), change("openConversationId", []string{w.group.ID()}),
		} {
			for range 2 {
				err := w.bot.Event(t.Context(), kind, w.clock.now().Add(-time.Hour), 0, w.about(changes))
				// A read that is a moment old may be of a message that is just being recorded.
				if pushedAgain := kind == "robot_msg_read" && changes["openConversationId"] == "cidNobodyKnows"; (err != nil) != pushedAgain {
					t.Errorf("%s %v: %v", kind, changes, err)
				}
			}
		}
	}
	for _, kind := range kinds[:2] { // of a message that nobody knows
		w.must(w.bot.Event(t.Context(), kind, time.Time{}, 0, w.about(map[string]any{"processQueryKey": "nobody knows", "userId": "lisi", "operatTime": "1"})))
	}
	if got := w.asks(w.lisi, "谁读了"); got != before {
		t.Errorf("%q, and before %q", got, before)
	}

	// An event that comes again, later than one that undid it, does not undo that.
	joined := w.about(map[string]any{"userId": []string{"wang"}, "timeStamp": w.clock.now().Add(-2 * time.Minute).UnixMilli()})
	left := w.about(map[string]any{"userId": []string{"wang"}, "timeStamp": w.clock.now().Add(-time.Minute).UnixMilli()})
	w.must(w.bot.Event(t.Context(), "chat_add_member", time.Time{}, 0, joined))
	w.must(w.bot.Event(t.Context(), "chat_remove_member", time.Time{}, 0, left))
	w.must(w.bot.Event(t.Context(), "chat_add_member", time.Time{}, 0, joined))
	noticed, err := w.store.Sightings(t.Context(), w.group.ID(), 50)
	w.must(err)
	if sign := noticed.Signs["wang"]; sign.Here {
		t.Errorf("who left is there again: %+v", sign)
	}
	// A sign out of time to come does not outlast all others.
	w.must(w.bot.Event(t.Context(), "chat_add_member", time.Time{}, 0, w.about(map[string]any{"userId": []string{"wang"}, "timeStamp": 253402300799000})))
	w.clock.advance(time.Minute)
	w.must(w.bot.Event(t.Context(), "chat_quit", w.clock.now(), 0, w.about(map[string]any{"operator": "wang"})))
	noticed, err = w.store.Sightings(t.Context(), w.group.ID(), 50)
	w.must(err)
	if sign := noticed.Signs["wang"]; sign.Here {
		t.Errorf("who left is there for ever: %+v", sign)
	}
}

// skewed is a frame from a DingTalk whose clock is so far ahead.
func skewed(t *testing.T, data []byte, ahead time.Duration) []byte {
	t.Helper()
	return edit(t, data, func(f map[string]any) {
		shift := func(in map[string]any, field string) {
			if ms, ok := in[field].(float64); ok {
				in[field] = ms + float64(ahead.Milliseconds())
			}
		}
		shift(f, "createAt")
		shift(f, "sessionWebhookExpiredTime")
		for _, said := range []string{"text", "content"} {
			if words, ok := f[said].(map[string]any); ok {
				if replied, ok := words["repliedMsg"].(map[string]any); ok {
					shift(replied, "createdAt")
				}
			}
		}
	})
}

// Five minutes between DingTalk's clock and this machine's, either way, change neither
// what is done nor what is said.
func TestFiveMinutesBetweenTheClocks(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"DingTalk is ahead": 5 * time.Minute, "DingTalk is behind": -5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: func(o *wiring) { o.Sweeps = []time.Duration{time.Hour} }})
			hears := func(what say) []byte { return skewed(t, w.heard(w.group, w.lilei, what), ahead) }

			// Its deadline, and its sweep by this machine's clock.
			said := w.carryOut(w.group, hears(say{Text: "公告 15:30前 停机"}))
			w.wants(w.answer(said).Text, "已发出 #1", "今天 15:30 截止，到时我报告谁没读")
			for _, job := range w.inbox.scheduled {
				if after := job.At.Sub(w.clock.now()); job.Kind == receipts.SweepJob && (after < 54*time.Minute || after > time.Hour) {
					t.Errorf("swept after %v", after)
				}
			}
			w.wants(w.answer(w.carryOut(w.group, hears(say{Text: "谁没读"}))).Text, "**还有 3 人没读** #1「停机」")

			// The quotation of a message that is uncertain shows when it was sent, by another clock.
			w.dingtalk.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.DropAfter})
			w.wants(w.answer(w.carryOut(w.group, hears(say{Text: "公告 搬家"}))).Text, "#2 是否送达不确定")
			uncertain := w.posted()[1]
			w.must(w.group.ReadAll(uncertain.ID, w.lisi))
			w.wants(w.answer(w.carryOut(w.group, hears(say{Text: "谁没读", Quote: uncertain.ID, QuoteShape: dingtalktest.QuoteText}))).Text, "**还有 2 人没读** #2「搬家」")
			known, err := w.store.Snapshot(t.Context(), w.group.ID(), 2)
			w.must(err)
			if known.Message.SentAt.After(w.clock.now()) {
				t.Errorf("it was sent at %v", known.Message.SentAt)
			}
			w.wants(w.answer(w.carryOut(w.group, hears(say{Text: "列表"}))).Text, "#2 搬家 · 2/4 · 今天 14:35")

			// The deadline comes by this machine's clock, once.
			got := w.pass(55 * time.Minute)
			if len(got) != 1 || !strings.Contains(got[0].Text, "截止时间到了") {
				t.Errorf("at the deadline: %+v", got)
			}

			// A webhook that is over for one clock only: the answer comes all the same, once.
			data := hears(say{Text: "谁没读 #1"})
			w.clock.advance(90*time.Minute + ahead - 6*time.Second)
			if ahead > 0 {
				w.violations = []string{"the session has expired"} // as this machine can't know
				w.dingtalk.ExpireWebhooks()
			}
			answers := w.carryOut(w.group, data)
			if len(answers) != 1 || !strings.Contains(answers[0].Text, "#1「停机」") {
				t.Errorf("answered %+v", answers)
			}
		})
	}
}

// A command whose time can't be is meant from when it came.
func TestCommandsWithTimesThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]any{
		"none": nil, "seconds instead of milliseconds": 1754215200, "1970": 1, "negative": -1, "the year 9999": 253402300799000, "tomorrow": 1785940500000,
		"more than fits": 1e300, "no number": "soon",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			data := edit(t, w.heard(w.group, w.lilei, say{Text: "公告 15:00前 停机"}), func(f map[string]any) { f["createAt"] = at })
			w.wants(w.answer(w.carryOut(w.group, data)).Text, "已发出 #1", "今天 15:00 截止，到时我报告谁没读")
			noticed, err := w.store.Sightings(t.Context(), w.group.ID(), 50)
			w.must(err)
			if sign := noticed.Signs["lilei"]; !sign.Here || !sign.At.Equal(w.clock.now()) {
				t.Errorf("who spoke was seen %+v", sign)
			}
		})
	}
}

// FuzzEvent lets any event come, of any group: nothing is written of a group that is
// not the bot's.
func FuzzEvent(f *testing.F) {
	const group, robot = "cidOurs", "robot"
	kinds := []string{
		"robot_msg_read", "robot_msg_recall", "chat_add_member", "chat_remove_member", "chat_quit", "chat_update_title", "chat_disband", "im_cool_app_install", "im_cool_app_uninstall", "",
	}
	for _, seed := range []string{
		`{"openConversationId":"cidOurs","robotCode":"robot","processQueryKey":"k","userId":"u","operatTime":"1785767700000"}`,
		`{"openConversationId":"cidOurs","processQueryKey":"k","userId":["a",7,null,{}],"operatTime":1e300,"timeStamp":-1}`,
		`{"openConversationId":"cidOther","processQueryKey":"k","userId":"u","operator":"o","title":"t","coolAppCode":"c"}`,
		`{"openConversationId":"cidOurs","openConversationId":"cidOther","userId":"\u0000"}`,
		`{"openConversationId":"cidOurs","title":"\ud800\n# x","coolAppCode":{},"operator":[]}`, `{"openConversationId":["cidOurs"]}`, "", "[]", "null", "{", "\xff",
	} {
		for kind := range kinds {
			f.Add(uint8(kind), int64(1_785_767_700_000), []byte(seed))
		}
	}
	redis := miniredis.RunT(f)
	records, err := store.Open(store.Options{URL: "redis://" + redis.Addr(), KeyPrefix: "whoread", KeepFor: time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = records.Close() })
	now := func() time.Time { return time.UnixMilli(1_785_767_700_000) }
	log, jobs := receipts.RequestLog(zap.NewNop()), &inbox{seen: map[string]bool{}}
	b := bot.New(bot.Options{
		Service: receipts.NewService(
			receipts.Ports{Store: records, Pushes: records, Jobs: jobs, Presenter: reply.Presenter{}, Now: now, Log: log},
			receipts.Settings{Policy: receipts.Policy{Groups: []string{group}}, Zone: time.UTC},
		),
		Inbox: jobs, RobotCode: robot, Now: now, Log: log,
	})
	f.Cleanup(b.Close)
	f.Fuzz(func(t *testing.T, kind uint8, born int64, data []byte) {
		redis.FlushAll()
		err := b.Event(context.Background(), kinds[int(kind)%len(kinds)], time.UnixMilli(born), 0, data)
		if err != nil && !strings.Contains(err.Error(), "not recorded yet") {
			t.Fatal(err)
		}
		for _, key := range redis.Keys() {
			if !strings.Contains(key, ":group:"+group+"}") {
				t.Fatalf("%s was written", key)
			}
		}
		var said struct{ OpenConversationID any }
		if json.Unmarshal(data, &said) == nil && said.OpenConversationID != group && len(redis.Keys()) > 0 {
			t.Fatalf("written for %v: %v", said.OpenConversationID, redis.Keys())
		}
	})
}
