package bot_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"whoread/bot"
	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
)

// FuzzField mutates what clients and DingTalk really send, and says it where there are an announcement, an answer about it that went
// by API, and an announcement of which nobody knows whether it was delivered. What has an effect stands in the text; readers of one
// thing never count for another; and only its key and its text together heal the uncertain one.
func FuzzField(f *testing.F) {
	said, quoted := shapesOf(dingtalktest.Said), shapesOf(dingtalktest.Quoted)
	for n := range said {
		f.Add("谁没读", uint8(n), uint8(n), uint8(n), []byte{})
		f.Add("提醒 #1", uint8(n), uint8(n), uint8(n), []byte{byte(n), byte(3 * n), byte(5 * n)})
	}
	for n := range quoted {
		for target := range 6 {
			f.Add("谁没读", uint8(0), uint8(n), uint8(target), []byte{})
			f.Add("谁读了", uint8(9), uint8(n), uint8(target), []byte{4, byte(7 * n), byte(11 * target), 0, byte(n), 0})
		}
	}
	for _, text := range []string{"", "撤回", "停止", "导出", "公告 三号楼停气", "跟进 每30分钟", "@提醒 谁没读", "🙏"} {
		f.Add(text, uint8(9), uint8(3), uint8(1), []byte{6, 1, 1, 7, 9, 2})
	}
	f.Fuzz(func(t *testing.T, text string, shape, quoteShape, target uint8, mutations []byte) {
		if strings.Contains(text, "%!") || len(text) > 500 || len(mutations) > 30 {
			t.Skip("it looks like a sentence with a gap, or is no more than long")
		}
		field := newField(t, target%6 >= 3)
		about := field.posts[int(target)%3%len(field.posts)]
		w := field.world
		frame := mutate(w.heard(w.group, w.lilei, say{
			Text: text, Quote: about.ID, Shape: said[int(shape)%len(said)], QuoteShape: quoted[int(quoteShape)%len(quoted)],
		}), mutations, text)
		w.carryOut(w.group, frame)
		event := mutate(field.readEvent(about, int(shape)), mutations, text)
		_ = w.bot.Event(w.soon(), dingtalktest.EventRead, w.clock.now(), 0, event) // it may be one that is to be pushed again
		field.check(frame, event)
	})
}

func shapesOf(kind dingtalktest.ShapeKind) []string {
	var names []string
	for _, s := range dingtalktest.Shapes() {
		if s.Kind == kind {
			names = append(names, s.Name)
		}
	}
	return names
}

// field is a group in which 张三 has read #1, 李四 the answer about it, and 韩梅梅 the announcement that broke off, if it was delivered.
type field struct {
	*world
	posts  []dingtalktest.Message // #1, the answer, and #2
	acting *actingVerbs
}

func newField(t *testing.T, delivered bool) *field {
	t.Helper()
	w := newWorld(t, setup{dingtalk: dingtalktest.Options{Tidy: true}})
	w.violations = []string{""} // a mutated key is one that DingTalk never gave
	x := &field{world: w, posts: []dingtalktest.Message{w.announce("公告 一号楼停电")}, acting: &actingVerbs{}}
	w.must(w.group.ReadAll(x.posts[0].ID, w.zhangsan))
	w.withoutWebhooks("谁没读 #1")
	x.posts = w.posted()
	w.must(w.group.ReadAll(x.posts[1].ID, w.lisi))
	w.sendUncertainly("公告 二号楼停水", delivered)
	if x.posts = w.posted(); delivered {
		w.must(w.group.ReadAll(x.posts[2].ID, w.hanmeimei))
	}
	w.reconfigure(func(o *wiring) { o.Observer = x.acting })
	return x
}

// readEvent is the event of 李四 having read a post, of one of the shapes.
func (x *field) readEvent(m dingtalktest.Message, shape int) []byte {
	x.Helper()
	event := map[string]any{
		"userId": x.lisi.UserID, "unionId": x.lisi.UnionID, "operatTime": "1785767700000", "robotCode": x.dingtalk.App().RobotCode,
		"openConversationId": x.group.ID(), "processQueryKey": m.ProcessQueryKey,
	}
	switch shape % 3 {
	case 1:
		delete(event, "userId")
	case 2:
		delete(event, "openConversationId")
		delete(event, "robotCode")
	}
	data, err := json.Marshal(event)
	x.must(err)
	return data
}

func (x *field) check(frame, event []byte) {
	x.Helper()
	heard, told := object(x.T, frame), object(x.T, event)
	key, _ := heard["originalProcessQueryKey"].(string)
	typed := visible(heard, false)
	for _, verb := range x.acting.seen() {
		if !slices.ContainsFunc(roots[verb], func(root string) bool { return strings.Contains(typed, root) }) {
			x.Fatalf("%q was carried out, and nobody said it: %s", verb, frame)
		}
	}

	first, err := x.store.Snapshot(x.soon(), x.group.ID(), 1)
	x.must(err)
	pushed := told["processQueryKey"] == x.posts[0].ProcessQueryKey
	for id := range first.Reads {
		if !pushed && id != "zhangsan" && id != "lilei" {
			x.Fatalf("%s has read #1, by %s and %s", id, frame, event)
		}
	}
	second, err := x.store.Snapshot(x.soon(), x.group.ID(), 2)
	x.must(err)
	own := key != "" && key != x.posts[0].ProcessQueryKey && key != x.posts[1].ProcessQueryKey
	if second.Message.State != receipts.Uncertain && (!own || !strings.Contains(visible(heard, true), "二号楼停水")) {
		x.Fatalf("#2 is %s by %s", second.Message.State, frame)
	}
	for id := range second.Reads {
		if told["processQueryKey"] != second.Message.Key && id != "hanmeimei" && id != "lilei" {
			x.Fatalf("%s has read #2, by %s and %s", id, frame, event)
		}
	}
	recent, err := x.store.Recent(x.soon(), x.group.ID(), 50)
	x.must(err)
	for _, m := range recent {
		if m.Number > 1 && (m.Key == x.posts[0].ProcessQueryKey || m.Key == x.posts[1].ProcessQueryKey) {
			x.Fatalf("#%d is what was posted before it, by %s", m.Number, frame)
		}
	}
	if len(x.acting.seen()) > 0 {
		return // #1 may be gone
	}
	x.clock.advance(time.Minute)
	unread := x.ask(x.zhangsan, say{Text: "谁没读 #1"}).Text
	if strings.Contains(unread, "张三") || !pushed && (!strings.Contains(unread, "李四") || !strings.Contains(unread, "韩梅梅")) {
		x.Fatalf("answered %q after %s and %s", unread, frame, event)
	}
}

// roots are what stands in everything that can be said for a command that has an effect.
var roots = map[string][]string{
	command.Announce.Label(): {"公告", "通知", "发布", "告诉", "announce", "announcement", "post", "publish", "telleveryone", "leteveryone"},
	command.Remind.Label():   {"提醒", "催", "督", "提个醒", "钉", "私", "单聊", "艾特", "圈", "提及", "remind", "nudge", "ping", "chase", "poke", "prod", "nag", "ding", "dm", "pm", "direct", "mention", "tag", "@"},
	command.Follow.Label():   {"跟", "追踪", "盯", "提醒", "催", "follow", "track", "chase", "remind", "nudge", "ping"},
	command.Stop.Label():     {"停", "结束", "终止", "关", "取消", "别", "不", "勿", "莫", "甭", "休", "少", "无", "没必要", "stop", "cancel", "end", "quit", "off", "follow", "halt", "pause", "disable", "no", "don", "never"},
	command.Recall.Label():   {"撤", "收回", "删", "recall", "take", "withdraw", "unsend", "retract", "delete", "remove", "pull", "revoke"},
	command.Cancel.Label():   {"取消", "cancel"},
	command.Skip.Label():     {"跳过", "略过", "排除", "豁免", "别", "不", "勿", "莫", "甭", "休", "少", "无", "没必要", "skip", "exempt", "leaveout", "except", "no", "don", "never"},
	command.Export.Label():   {"导", "表", "下载", "導", "export", "excel", "xls", "spreadsheet", "download", "csv", "file"},
	command.Chart.Label():    {"曲线", "曲線", "图", "圖", "画", "趋势", "走势", "chart", "graph", "curve", "plot", "trend", "diagram"},
}

// actingVerbs remembers the commands that have an effect and were understood.
type actingVerbs struct {
	mu    sync.Mutex
	verbs []string
}

func (a *actingVerbs) Command(verb string, _ bot.Outcome, _ time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, acts := roots[verb]; acts {
		a.verbs = append(a.verbs, verb)
	}
}

func (*actingVerbs) Job(string, bot.Outcome)  {}
func (*actingVerbs) Push(string, bot.Outcome) {}

func (a *actingVerbs) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.verbs)
}

func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// visible is all that a frame shows of what was said, or of what was quoted, without white space, marks, case and width.
func visible(frame map[string]any, quoted bool) string {
	var b strings.Builder
	var walk func(field string, v any, in bool)
	walk = func(field string, v any, in bool) {
		switch v := v.(type) {
		case string:
			if in == quoted && !strings.HasSuffix(field, "Id") {
				b.WriteString(v)
			}
		case float64:
			if in == quoted && field == "text" {
				b.WriteString("7") // the number that mutate puts in
			}
		case []any:
			for _, e := range v {
				walk(field, e, in)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if strings.HasSuffix(strings.ToLower(k), "downloadcode") || k == "type" {
					continue
				}
				walk(k, v[k], in || k == "repliedMsg" || k == "quoteMessage")
			}
		}
	}
	for _, field := range []string{"text", "content", "repliedMsg", "quoteMessage"} {
		walk(field, frame[field], field == "repliedMsg" || field == "quoteMessage")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc, unicode.Mn) {
			return -1
		}
		return r
	}, strings.ToLower(width.Fold.String(b.String())))
}

// place is a value in a frame, and how to change it.
type place struct {
	value any
	set   func(any)
}

// places are all values in a frame, but for those by which it is known and answered.
func places(frame map[string]any) []place {
	var all []place
	var walk func(v any, set func(any))
	walk = func(v any, set func(any)) {
		all = append(all, place{v, set})
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(v[k], func(to any) { v[k] = to })
			}
		case []any:
			for i := range v {
				walk(v[i], func(to any) { v[i] = to })
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(frame)) {
		if k != "msgId" && k != "conversationId" && k != "robotCode" && !strings.HasPrefix(k, "sessionWebhook") {
			walk(frame[k], func(to any) { frame[k] = to })
		}
	}
	return all
}

// mutate changes values of a frame: each three bytes are what is done, where, and with what.
func mutate(data []byte, mutations []byte, text string) []byte {
	var frame map[string]any
	if err := json.Unmarshal(data, &frame); err != nil {
		return data
	}
	for ; len(mutations) >= 3; mutations = mutations[3:] {
		all := places(frame)
		at, other := all[int(mutations[1])%len(all)], all[int(mutations[2])%len(all)]
		switch mutations[0] % 8 {
		case 0, 1:
			at.set(nil)
		case 2:
			at.set(7.0)
		case 3:
			at.set("")
		case 4:
			at.set(copied(other.value))
		case 5:
			at.set([]any{copied(at.value), copied(other.value)})
		case 6:
			at.set(map[string]any{"text": copied(at.value), "content": copied(other.value)})
		case 7:
			at.set(text)
		}
	}
	changed, err := json.Marshal(frame)
	if err != nil {
		return data
	}
	return changed
}

// copied is a value that shares nothing with the one it is of.
func copied(v any) any {
	var c any
	if b, err := json.Marshal(v); err == nil {
		_ = json.Unmarshal(b, &c)
	}
	return c
}
