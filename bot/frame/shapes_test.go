package frame

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// decoded is a frame's message, with the documented one's fields replaced.
func decoded(t *testing.T, changes fields) Message {
	t.Helper()
	m, err := DecodeMessage(frameData(t, changes), "frame1")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func rich(pieces ...any) fields {
	parts := []fields{}
	for _, piece := range pieces {
		switch piece := piece.(type) {
		case string:
			parts = append(parts, fields{"text": piece})
		case fields:
			parts = append(parts, piece)
		}
	}
	return fields{"msgtype": "richText", "text": nil, "content": fields{"richText": parts}}
}

// Rich text keeps mentions as pieces of their own.
func TestMentionsAreFoundInRichText(t *testing.T) {
	t.Parallel()
	picture := fields{"type": "picture", "downloadCode": "d"}
	for name, test := range map[string]struct {
		pieces   []any
		text     string
		mentions []string
	}{
		"none":                           {[]any{"谁没读"}, "谁没读", nil},
		"before, glued":                  {[]any{"@whoread", "谁没读"}, "@whoread谁没读", []string{"@whoread"}},
		"of a name with a space":         {[]any{"@已读 小助手 ", "谁没读"}, "@已读 小助手 谁没读", []string{"@已读 小助手 "}},
		"behind":                         {[]any{"谁没读 ", "@whoread"}, "谁没读 @whoread", []string{"@whoread"}},
		"two":                            {[]any{"@whoread ", "@another bot ", "谁没读"}, "@whoread @another bot 谁没读", []string{"@whoread ", "@another bot "}},
		"around":                         {[]any{"@whoread ", "提醒 #1 ", "@张三"}, "@whoread 提醒 #1 @张三", []string{"@whoread ", "@张三"}},
		"a picture between":              {[]any{"@whoread", picture, "谁没读"}, "@whoread谁没读", []string{"@whoread"}},
		"in a full-width sign":           {[]any{"＠whoread", "谁没读"}, "＠whoread谁没读", []string{"＠whoread"}},
		"behind an invisible mark":       {[]any{"\u200b @whoread\u2005", "谁没读"}, "\u200b @whoread\u2005谁没读", []string{"\u200b @whoread\u2005"}},
		"in one piece with the command":  {[]any{"@已读 小助手 谁没读"}, "@已读 小助手 谁没读", nil},
		"the same, and a picture":        {[]any{"@whoread 谁没读", picture}, "@whoread 谁没读", nil},
		"the same, and nothing":          {[]any{" ", "@whoread 谁没读", "\n"}, " @whoread 谁没读\n", nil},
		"the last holds the command":     {[]any{"@another ", "@whoread 谁没读"}, "@another @whoread 谁没读", []string{"@another "}},
		"of several lines is none":       {[]any{"@whoread 公告 周五\n", "正文"}, "@whoread 公告 周五\n正文", nil},
		"too long for a name":            {[]any{"@" + strings.Repeat("x", maxMentionBytes), "谁没读"}, "@" + strings.Repeat("x", maxMentionBytes) + "谁没读", nil},
		"inside a piece is none":         {[]any{"公告 请 @张三 看", "谢谢"}, "公告 请 @张三 看谢谢", nil},
		"by the other name of the field": {[]any{fields{"msgType": "text", "content": "@whoread"}, fields{"content": "谁没读"}}, "@whoread谁没读", []string{"@whoread"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := decoded(t, rich(test.pieces...))
			var mentions []string
			for _, at := range m.Mentions {
				mentions = append(mentions, m.Text[at.From:at.To])
			}
			if diff := cmp.Diff([]any{test.text, test.mentions}, []any{m.Text, mentions}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A mention that the text is cut in is none.
func TestMentionsEndWithTheText(t *testing.T) {
	t.Parallel()
	m := decoded(t, rich("@whoread", strings.Repeat("x", maxTextBytes-10), "@张三丰"))
	if want := []Span{{0, 8}}; !cmp.Equal(m.Mentions, want) || !m.Truncated {
		t.Errorf("%v, cut %t", m.Mentions, m.Truncated)
	}
}

func TestMarkdownIsRead(t *testing.T) {
	t.Parallel()
	m := decoded(t, fields{"msgtype": "markdown", "text": nil, "content": fields{"text": "@whoread 谁没读"}})
	if m.Text != "@whoread 谁没读" || m.NoText {
		t.Errorf("%+v", m)
	}
}

func TestWhatHoldsNoWords(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"picture", "audio", "video", "file", "chatRecord", "interactiveCard", "unknownMsgType", "what may come"} {
		if m := decoded(t, fields{"msgtype": kind, "text": nil, "content": fields{"downloadCode": "d", "fileName": "谁没读.xlsx", "text": "谁没读"}}); !m.NoText || m.Text != "" {
			t.Errorf("%s: %+v", kind, m)
		}
	}
}

// Whoever is mentioned beside the bot is known by the userId, or is a stranger.
func TestWhoIsMentioned(t *testing.T) {
	t.Parallel()
	bot, zhang, li := fields{"dingtalkId": "$:LWCP_v1:$bot"}, fields{"dingtalkId": "z", "staffId": "zhangsan"}, fields{"dingtalkId": "l", "staffId": "lisi", "unionId": "u"}
	outside := fields{"dingtalkId": "o"}
	many := []any{bot}
	for i := range maxMentioned + 5 {
		many = append(many, fields{"staffId": fmt.Sprint("user", i)})
	}
	for name, test := range map[string]struct {
		at        any
		bot       any // chatbotUserId
		people    []string
		strangers int
	}{
		"the bot alone":                   {[]any{bot}, "$:LWCP_v1:$bot", nil, 0},
		"nobody":                          {nil, "$:LWCP_v1:$bot", nil, 0},
		"people, one of them twice":       {[]any{zhang, bot, li, zhang}, "$:LWCP_v1:$bot", []string{"zhangsan", "lisi"}, 0},
		"somebody from outside":           {[]any{bot, outside, zhang}, "$:LWCP_v1:$bot", []string{"zhangsan"}, 1},
		"the bot's id is not told":        {[]any{bot, zhang}, nil, []string{"zhangsan"}, 0},
		"the same, and from outside":      {[]any{bot, outside}, nil, nil, 1},
		"the bot has a userId, of a kind": {[]any{fields{"dingtalkId": "$:LWCP_v1:$bot", "staffId": "robot"}, zhang}, "$:LWCP_v1:$bot", []string{"zhangsan"}, 0},
		"odd":                             {[]any{7, "x", fields{"staffId": []any{1}}, fields{"staffId": 4711}}, "$:LWCP_v1:$bot", []string{"4711"}, 0},
		"no list":                         {fields{"staffId": "zhangsan"}, "$:LWCP_v1:$bot", nil, 0},
	} {
		m := decoded(t, fields{"atUsers": test.at, "chatbotUserId": test.bot})
		if diff := cmp.Diff([]any{test.people, test.strangers}, []any{m.Mentioned, m.Strangers}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if m := decoded(t, fields{"atUsers": many}); len(m.Mentioned) != maxMentioned || m.Strangers != 5 {
		t.Errorf("%d people and %d strangers", len(m.Mentioned), m.Strangers)
	}
}

func text(value string) fields { return fields{"elementType": "TEXT", "value": value} }

func element(kind string, children ...any) fields {
	return fields{"elementType": kind, "children": children}
}

func card(elements ...any) fields { return fields{"cardContent": elements} }

// However a client tells of a quoted message of the bot's, it is a quotation, with what
// can be read of it.
func TestQuotesInAllShapes(t *testing.T) {
	t.Parallel()
	deep := element("RICHTEXT", text("#1 深"))
	for range 8 {
		deep = element("RICHTEXT", deep)
	}
	tooDeep := deep
	for range maxCardDepth {
		tooDeep = element("RICHTEXT", tooDeep)
	}
	for name, test := range map[string]struct {
		kind    string
		content any
		text    string
		number  int
	}{
		"a card": {
			"interactiveCard", card(element("RICHTEXT", fields{"elementType": "UNKNOWN", "value": "{}"}, text("#1 一 · 已读 0/4"))), "#1 一 · 已读 0/4", 1,
		},
		"a card, in bold": {"interactiveCard", card(element("RICHTEXT", text("还有 25 人没读"), text(" #1「国庆放假」")), element("RICHTEXT", text("员工13"))), "还有 25 人没读 #1「国庆放假」\n员工13", 1},
		"a nested card":   {"interactiveCard", card(deep), "#1 深", 1},
		"too nested":      {"interactiveCard", card(tooDeep), "", 0},
		"a card, its lines in elements": {
			"interactiveCard", card(element("RICHTEXT", text("最近 2 条公告"), fields{"elementType": "UNKNOWN"}, text("#7 停机"))), "最近 2 条公告\n#7 停机", 0,
		},
		"a card, its lines in one": {"interactiveCard", card(element("RICHTEXT", text("最近 2 条公告"), text("#7 停机"), text("#6 填表"))), "最近 2 条公告#7 停机#6 填表", 0},
		"a card without text":      {"interactiveCard", card(fields{"elementType": "UNKNOWN", "value": "#1"}, element("IMAGE"), 7, "x", nil), "", 0},
		"a card that is none":      {"interactiveCard", fields{"cardContent": "#1"}, "", 0},
		"a card without content":   {"interactiveCard", nil, "", 0},
		"content.content":          {"text", fields{"content": "#1 一"}, "#1 一", 1},
		"content.text":             {"text", fields{"text": "#1 一"}, "#1 一", 1},
		"the content is a text":    {"text", "#1 一", "#1 一", 1},
		"rich text": {
			"richText", fields{"richText": []any{fields{"msgType": "text", "content": "#1 "}, fields{"msgType": "text", "text": "一"}, fields{"msgType": "picture", "downloadCode": "d"}}}, "#1 一", 1,
		},
		"markdown":               {"markdown", fields{"title": "#1", "text": "**还有 25 人没读** #1「国庆」\n#2 不是"}, "**还有 25 人没读** #1「国庆」\n#2 不是", 1},
		"a picture":              {"picture", fields{"downloadCode": "d"}, "", 0},
		"a file":                 {"file", fields{"downloadCode": "d", "fileName": "#1.xlsx", "fileId": "f"}, "", 0},
		"no number":              {"text", fields{"content": "没听懂。"}, "没听懂。", 0},
		"a number in the text":   {"text", fields{"content": "停机\n见 #1"}, "停机\n见 #1", 0},
		"an empty first line":    {"text", fields{"content": "\n #1 一"}, "\n #1 一", 1},
		"a number of no message": {"text", fields{"content": "#99999999999999999999 一"}, "#99999999999999999999 一", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replied := fields{"msgType": test.kind, "msgId": "m0", "senderId": "$:LWCP_v1:$bot", "createdAt": 1754215100000}
			if test.content != nil {
				replied["content"] = test.content
			}
			want := documented(func(m *Message) {
				m.IsReply = true
				m.Quote = receipts.Quote{Text: test.text, Number: test.number, CreatedAt: time.UnixMilli(1754215100000)}
			})
			// It stands in the text, in the content or beside them.
			for where, changes := range map[string]fields{
				"text":    {"text": fields{"content": " 谁没读", "repliedMsg": replied}},
				"content": {"content": fields{"repliedMsg": replied}},
				"frame":   {"repliedMsg": replied},
			} {
				if diff := cmp.Diff(want, decoded(t, changes)); diff != "" {
					t.Errorf("in the %s (-want +got):\n%s", where, diff)
				}
			}
			// The same text of anybody else's names no message.
			replied["senderId"] = "$:LWCP_v1:$abc"
			if m := decoded(t, fields{"repliedMsg": replied}); !m.IsReply || m.Quote.Number != 0 || m.Quote.Signed != 0 {
				t.Errorf("somebody else's: %+v", m)
			}
		})
	}
}

// An announcement ends with the line by which the bot signs it, whether a quotation shows its
// lines or not.
func TestSignedQuotes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"停机\n\n#12 · 李雷 · 11月29日（周五）18:00 前":   12,
		"停机\n\n#12 · 李雷\n":                     12,
		"停机\n\n#12":                            12,
		"停机\n#3 · 张三\n\n#12 · 李雷 · #4 · by me": 12,
		"停机  #12 · 李雷":                         12,
		"停机 #3 · 张三 #12 · 李雷":                  12,
		"停机#12·李雷":                             12,
		"停机\n\n11月29日（周五）18:00 前":              0,
		"停机 #12":     0,
		"#12":        0,
		"停机\n#12 号楼": 0,
		"**最近 2 条公告**\n#2 停机 · 1/4 · 今天 14:35": 0,
		"停机\n\n#99999999999999999999 · 李雷":     0,
		"": 0,
	} {
		replied := fields{"msgType": "text", "msgId": "m0", "senderId": "$:LWCP_v1:$bot", "content": fields{"text": text}}
		if got := decoded(t, fields{"repliedMsg": replied}).Quote.Signed; got != want {
			t.Errorf("%q is signed with %d, want %d", text, got, want)
		}
	}
}

// Older clients tell of a quotation in a field of its own.
func TestTheOldShapeOfQuotes(t *testing.T) {
	t.Parallel()
	old := fields{"msgId": "m0", "msgtype": "text", "senderId": "$:LWCP_v1:$bot", "text": fields{"content": "#1 一"}}
	got := decoded(t, fields{"quoteMessage": old})
	want := documented(func(m *Message) { m.IsReply, m.Quote.Number, m.Quote.Text = true, 1, "#1 一" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A quotation of which nothing can be read is one all the same.
func TestEverySignOfAQuotation(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]fields{
		"the id of the quoted message": {"originalMsgId": "m0"},
		"its key":                      {"originalProcessQueryKey": "k"},
		"said in the text":             {"text": fields{"content": "谁没读", "isReplyMsg": true}},
		"said in the content":          {"content": fields{"isReplyMsg": "true"}},
		"said beside them":             {"isReplyMsg": true},
		"an old one without content":   {"quoteMessage": fields{"msgId": "m0"}},
		"a new one without content":    {"repliedMsg": fields{"msgId": "m0"}},
	} {
		if m := decoded(t, changes); !m.IsReply || m.Quote.Number != 0 {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for name, changes := range map[string]fields{
		"nothing": nil, "said not to be": {"text": fields{"content": "谁没读", "isReplyMsg": false}}, "empty": {"repliedMsg": fields{}, "quoteMessage": fields{}},
	} {
		if decoded(t, changes).IsReply {
			t.Errorf("%s: a quotation", name)
		}
	}
}

// A card is read as far as an answer of the bot's can be long.
func TestHugeCardsAreBounded(t *testing.T) {
	t.Parallel()
	wide := make([]any, 4*maxCardNodes)
	for i := range wide {
		wide[i] = text(strings.Repeat("读", 100))
	}
	deep := json.RawMessage(strings.Repeat(`{"elementType":"RICHTEXT","children":[`, 4_000) + strings.Repeat(`]}`, 4_000))
	for name, content := range map[string]any{"wide": card(wide...), "deep": card(deep)} {
		m := decoded(t, fields{"repliedMsg": fields{"content": content, "senderId": "$:LWCP_v1:$bot"}})
		if !m.IsReply || len(m.Quote.Text) > maxTextBytes {
			t.Errorf("%s: %d bytes", name, len(m.Quote.Text))
		}
	}
}

func TestDecodeEvents(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1754215200000)
	for data, want := range map[string]Event{
		`{"openConversationId":"cid","robotCode":"robot","processQueryKey":"k","userId":"u","unionId":"x","operatTime":"1754215200000"}`: {
			Group: "cid", Robot: "robot", Key: "k", UserIDs: []string{"u"}, Operated: at,
		},
		`{"openConversationId":"cid","userId":["a",7,null,{},""],"timeStamp":1754215200000,"operator":"o"}`: {Group: "cid", UserIDs: []string{"a", "7"}, At: at, Operator: "o"},
		`{"openConversationId":"cid","title":"项目组","coolAppCode":"c"}`:                                      {Group: "cid", Title: "项目组", CoolApp: "c"},
		`{"processQueryKey":"k","userId":"u","unionId":"x","operatTime":"1754215200000"}`:                   {Key: "k", UserIDs: []string{"u"}, Operated: at},
		`{"staffId":["u"],"optStaffId":"o"}`:                                                                {},
		`{}`:                                                                                                {},
		`{"openConversationId":{"a":1},"userId":{"a":1},"processQueryKey":["x"],"operatTime":[]}`:           {},
	} {
		got, err := DecodeEvent([]byte(data))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", data, err, diff)
		}
	}
	for _, data := range []string{"", "null", "[]", `"x"`, "7", `{"openConv`, `{}{}`} {
		if got, err := DecodeEvent([]byte(data)); err == nil {
			t.Errorf("%q: %+v", data, got)
		}
	}
}
