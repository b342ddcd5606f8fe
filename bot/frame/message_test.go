package frame

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

type fields = map[string]any

// frameData is the data of a documented frame, with some fields replaced; nil
// takes a field away.
func frameData(t testing.TB, changes fields) []byte {
	t.Helper()
	frame := fields{
		"conversationId": "cid1", "conversationType": "2", "conversationTitle": "项目组", "msgId": "msg1", "createAt": 1754215200000,
		"senderStaffId": "user1", "senderNick": "李雷", "senderId": "$:LWCP_v1:$abc", "senderCorpId": "ding1", "chatbotCorpId": "ding1",
		"chatbotUserId": "$:LWCP_v1:$bot", "isAdmin": true, "isInAtList": true, "atUsers": []fields{{"dingtalkId": "$:LWCP_v1:$bot"}},
		"robotCode": "robot1", "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=s1",
		"sessionWebhookExpiredTime": 1754220600000, "msgtype": "text", "text": fields{"content": " 谁没读"},
	}
	maps.Copy(frame, changes)
	maps.DeleteFunc(frame, func(_ string, value any) bool { return value == nil })
	data, err := json.Marshal(frame)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// documented is what frameData is decoded to.
func documented(change func(*Message)) Message {
	in := Message{
		ID: "msg1", Group: "cid1", Title: "项目组", Robot: "robot1", SaidAt: time.UnixMilli(1754215200000), Sender: receipts.Person{UserID: "user1", Name: "李雷"}, Admin: true,
		Text: " 谁没读", Webhook: receipts.Webhook{URL: receipts.NewSecret("https://oapi.dingtalk.com/robot/sendBySession?session=s1"), Until: time.UnixMilli(1754220600000)},
	}
	change(&in)
	return in
}

func TestDecodeDocumentedFrames(t *testing.T) {
	t.Parallel()
	richText := func(parts ...fields) fields { return fields{"richText": parts} }
	quoting := func(replied any, more fields) fields {
		text := fields{"content": " 谁没读", "isReplyMsg": true, "repliedMsg": replied}
		return with(fields{"text": text, "originalMsgId": "msg0"}, more)
	}
	createdAt := time.UnixMilli(1754215100000)
	for name, test := range map[string]struct {
		changes fields
		want    func(*Message)
	}{
		"text": {nil, func(*Message) {}},
		"no administrator": {
			fields{"isAdmin": false}, func(in *Message) { in.Admin = false },
		},
		"one-to-one": {
			fields{"conversationType": "1", "conversationTitle": nil, "isInAtList": nil, "atUsers": nil},
			func(in *Message) { in.Direct, in.Title = true, "" },
		},
		"from outside": {
			fields{"senderStaffId": "", "senderCorpId": "ding2", "isAdmin": false},
			func(in *Message) { in.Sender.UserID, in.External, in.Admin = "", true, false },
		},
		"of another organisation, with a userId of theirs": {
			fields{"senderCorpId": "ding2"}, func(in *Message) { in.External = true },
		},
		"the app is not published": {
			fields{"senderStaffId": nil}, func(in *Message) { in.Sender.UserID, in.External = "", true },
		},
		"over quota": {
			fields{"text": nil, "errorCode": 20001, "errorMessage": "The number of messages exceeds the quota"},
			func(in *Message) { in.Text, in.TextWithheld = "", true },
		},
		"over quota, the code as a string": {
			fields{"text": nil, "errorCode": "20001"}, func(in *Message) { in.Text, in.TextWithheld = "", true },
		},
		"no error after all": {fields{"errorCode": 0}, func(*Message) {}},
		"picture": {
			fields{"msgtype": "picture", "text": nil, "content": fields{"downloadCode": "d", "pictureDownloadCode": "p"}},
			func(in *Message) { in.Text, in.NoText = "", true },
		},
		"voice": {
			fields{"msgtype": "audio", "text": nil, "content": fields{"recognition": "谁没读", "duration": 3}},
			func(in *Message) { in.Text, in.NoText = "", true },
		},
		"rich text": {
			fields{"msgtype": "richText", "text": nil, "content": richText(fields{"text": " 公告 标题\n"}, fields{"text": "正文", "attrs": fields{"bold": true}})},
			func(in *Message) { in.Text = " 公告 标题\n正文" },
		},
		"rich text with pictures": {
			fields{"msgtype": "richText", "text": nil, "content": richText(
				fields{"text": "公告 标题"}, fields{"type": "picture", "downloadCode": "d"}, fields{"downloadCode": "d"}, fields{"type": "picture"}, fields{},
			)},
			func(in *Message) { in.Text, in.Pictures = "公告 标题", 3 },
		},
		"rich text of nothing but a picture": {
			fields{"msgtype": "richText", "text": nil, "content": richText(fields{"text": " \n"}, fields{"type": "picture", "downloadCode": "d"})},
			func(in *Message) { in.Text, in.Pictures, in.NoText = " \n", 1, true },
		},
		"an empty mention as rich text": {
			fields{"msgtype": "richText", "text": nil, "content": richText()}, func(in *Message) { in.Text = "" },
		},
		"quotes an announcement": {
			quoting(fields{"createdAt": 1754215100000, "senderId": "$:LWCP_v1:$bot", "content": fields{"text": "周五停机\n请保存"}},
				fields{"originalProcessQueryKey": "key1"}),
			func(in *Message) {
				in.IsReply, in.Quote = true, receipts.Quote{Key: "key1", CreatedAt: createdAt, Text: "周五停机\n请保存"}
			},
		},
		"quotes an announcement, and the frame tells nothing of it": {
			quoting(nil, fields{"originalProcessQueryKey": "key1"}),
			func(in *Message) { in.IsReply, in.Quote = true, receipts.Quote{Key: "key1"} },
		},
		"quotes by the key alone": {
			fields{"originalProcessQueryKey": "key1"},
			func(in *Message) { in.IsReply, in.Quote = true, receipts.Quote{Key: "key1"} },
		},
		"quotes an answer": {
			quoting(fields{"createdAt": "1754215100000", "senderId": "$:LWCP_v1:$bot", "content": fields{"text": "#7 周五 #8 停机  \n未读 9 人"}}, nil),
			func(in *Message) {
				in.IsReply = true
				in.Quote = receipts.Quote{Number: 7, CreatedAt: createdAt, Text: "#7 周五 #8 停机  \n未读 9 人"}
			},
		},
		"quotes an answer without a number in its first line": {
			quoting(fields{"senderId": "$:LWCP_v1:$bot", "content": fields{"text": "最近 2 条公告\n#7 周五停机"}}, nil),
			func(in *Message) { in.IsReply, in.Quote.Text = true, "最近 2 条公告\n#7 周五停机" },
		},
		"quotes a person who wrote a number": {
			quoting(fields{"senderId": "$:LWCP_v1:$abc", "content": fields{"text": "#7 是什么"}}, nil),
			func(in *Message) { in.IsReply, in.Quote.Text = true, "#7 是什么" },
		},
		"quotes a person as rich text": {
			fields{"msgtype": "richText", "text": nil, "content": richText(fields{"text": "谁没读"}), "originalMsgId": "msg0"},
			func(in *Message) { in.Text, in.IsReply = "谁没读", true },
		},
		"quotes an answer as rich text": {
			fields{"msgtype": "richText", "text": nil, "content": fields{
				"richText": []fields{{"text": "谁没读"}}, "isReplyMsg": true,
				"repliedMsg": fields{"senderId": "$:LWCP_v1:$bot", "content": fields{"text": "已发出 #7"}},
			}},
			func(in *Message) {
				in.Text, in.IsReply, in.Quote.Number, in.Quote.Text = "谁没读", true, 7, "已发出 #7"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := DecodeMessage(frameData(t, test.changes), "frame1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(documented(test.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func with(base, more fields) fields {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

// A frame is not lost for an odd field: of another type it counts as absent.
func TestDecodeOddFields(t *testing.T) {
	t.Parallel()
	odd := []any{fields{"a": 1}, []any{1, "a"}, []any{}, fields{}}
	for field, want := range map[string]func(*Message){
		"msgId":                     func(in *Message) { in.ID, in.Unnamed = "frame1", true },
		"conversationType":          func(*Message) {},
		"senderStaffId":             func(in *Message) { in.Sender.UserID, in.External = "", true },
		"senderNick":                func(in *Message) { in.Sender.Name = "" },
		"senderId":                  func(*Message) {},
		"senderCorpId":              func(*Message) {},
		"chatbotCorpId":             func(*Message) {},
		"chatbotUserId":             func(*Message) {},
		"isAdmin":                   func(in *Message) { in.Admin = false },
		"isInAtList":                func(*Message) {},
		"atUsers":                   func(*Message) {},
		"robotCode":                 func(in *Message) { in.Robot = "" },
		"sessionWebhook":            func(in *Message) { in.Webhook.URL = receipts.NewSecret("") },
		"sessionWebhookExpiredTime": func(in *Message) { in.Webhook.Until = time.Time{} },
		"conversationTitle":         func(in *Message) { in.Title = "" },
		"createAt":                  func(in *Message) { in.SaidAt = time.Time{} },
		"msgtype":                   func(*Message) {},
		"text":                      func(in *Message) { in.Text = "" },
		"content":                   func(*Message) {},
		"errorCode":                 func(*Message) {},
		"originalMsgId":             func(*Message) {},
		"originalProcessQueryKey":   func(*Message) {},
	} {
		for _, value := range append(odd, nil) {
			changes := fields{field: value}
			if field == "text" && value != nil {
				changes[field] = []any{"谁没读"} // an object would be of the right type
			}
			got, err := DecodeMessage(frameData(t, changes), "frame1")
			if err != nil {
				t.Errorf("%s %v: %v", field, value, err)
				continue
			}
			if diff := cmp.Diff(documented(want), got); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", field, value, diff)
			}
		}
	}
}

func TestDecodeOddQuotesAndParts(t *testing.T) {
	t.Parallel()
	for _, odd := range []any{nil, 7, "x", true, []any{1}, fields{"content": 7, "createdAt": fields{}, "senderId": []any{}}, fields{"content": fields{"text": fields{}}}} {
		got, err := DecodeMessage(frameData(t, fields{"text": fields{"content": " 谁没读", "isReplyMsg": true, "repliedMsg": odd}}), "")
		if diff := cmp.Diff(documented(func(in *Message) { in.IsReply = true }), got); err != nil || diff != "" {
			t.Errorf("repliedMsg %v: %v (-want +got):\n%s", odd, err, diff)
		}
		got, err = DecodeMessage(frameData(t, fields{"msgtype": "richText", "content": fields{"richText": odd}}), "")
		if diff := cmp.Diff(documented(func(in *Message) { in.Text = "" }), got); err != nil || diff != "" {
			t.Errorf("richText %v: %v (-want +got):\n%s", odd, err, diff)
		}
	}
}

// DingTalk's documents show numbers and booleans as strings, and the other way
// round.
func TestDecodeNumbersAndStringsAlike(t *testing.T) {
	t.Parallel()
	got, err := DecodeMessage(frameData(t, fields{
		"conversationType": 2, "isAdmin": "true", "senderStaffId": 4711, "sessionWebhookExpiredTime": "1754220600000",
		"text": fields{"content": 12, "isReplyMsg": "true"},
	}), "")
	want := documented(func(in *Message) { in.Sender.UserID, in.Text, in.IsReply = "4711", "12", true })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Whatever time a frame holds, the command can be put into the inbox.
func TestDecodeTimes(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]time.Time{
		"1754220600000": time.UnixMilli(1754220600000), `"1754220600000"`: time.UnixMilli(1754220600000), "1.7542206e12": time.UnixMilli(1754220600000),
		"0": {}, "-1": {}, `""`: {}, `"soon"`: {}, `"NaN"`: {}, `"Inf"`: {}, "1e300": {}, "true": {}, "null": {}, "{}": {},
		"253402300799000": time.UnixMilli(253402300799000), "253402300800000": {}, "999999999999999": {},
	} {
		data := frameData(t, fields{
			"sessionWebhookExpiredTime": json.RawMessage(raw),
			"text":                      fields{"content": "谁没读", "repliedMsg": fields{"createdAt": json.RawMessage(raw)}},
		})
		got, err := DecodeMessage(data, "")
		if err != nil || !got.Webhook.Until.Equal(want) || !got.Quote.CreatedAt.Equal(want) {
			t.Errorf("%s: %v, %v, %v, want %v", raw, got.Webhook.Until, got.Quote.CreatedAt, err, want)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestDecodeDropsWhatNobodyCanAnswer(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"text":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	for name, data := range map[string]string{
		"nothing": "", "no JSON": "hello", "cut off": `{"msgId":"msg1","conversationId":"cid`, "two objects": `{"conversationId":"c"}{}`,
		"an array": `[1]`, "a string": `"{}"`, "a number": "7", "null": "null", "too deep": deep, "an empty object": "{}",
		"no group":             string(frameData(t, fields{"conversationId": nil})),
		"an empty group":       string(frameData(t, fields{"conversationId": ""})),
		"a group that is none": string(frameData(t, fields{"conversationId": []any{"cid1"}})),
	} {
		if got, err := DecodeMessage([]byte(data), "frame1"); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %+v, %v, want ErrBroken", name, got, err)
		}
	}
	if got, err := DecodeMessage(frameData(t, fields{"msgId": nil}), ""); !errors.Is(err, ErrBroken) {
		t.Errorf("no id at all: %+v, %v, want ErrBroken", got, err)
	}
}

func TestDecodeDeepFieldsAreAbsent(t *testing.T) {
	t.Parallel()
	deep := json.RawMessage(strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000))
	got, err := DecodeMessage(frameData(t, fields{"senderNick": deep, "text": fields{"content": deep, "repliedMsg": deep}, "atUsers": deep}), "")
	want := documented(func(in *Message) { in.Sender.Name, in.Text = "", "" })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestDecodeHugeText(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"", "a", "ab"} { // so that the limit falls on every byte of a rune
		whole := odd + strings.Repeat("读", maxTextBytes)
		got, err := DecodeMessage(frameData(t, fields{"text": fields{"content": whole, "repliedMsg": fields{"content": fields{"text": whole}}}}), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{got.Text, got.Quote.Text} {
			if len(text) > maxTextBytes || len(text) <= maxTextBytes-3 || !utf8.ValidString(text) || !strings.HasPrefix(whole, text) {
				t.Errorf("%d bytes, valid %t, want up to %d of the beginning", len(text), utf8.ValidString(text), maxTextBytes)
			}
		}
		if !got.Truncated {
			t.Error("nothing tells that the text was cut")
		}
	}
	exact, err := DecodeMessage(frameData(t, fields{"text": fields{"content": strings.Repeat("x", maxTextBytes)}}), "")
	if err != nil || len(exact.Text) != maxTextBytes || exact.Truncated {
		t.Errorf("%d bytes, cut %t, %v", len(exact.Text), exact.Truncated, err)
	}
}

func TestDecodeInvalidUTF8(t *testing.T) {
	t.Parallel()
	data := strings.NewReplacer("谁没读", "谁\xff没\xc3读", "李雷", "李\x80雷").Replace(string(frameData(t, nil)))
	got, err := DecodeMessage([]byte(data), "")
	want := documented(func(in *Message) { in.Text, in.Sender.Name = " 谁\ufffd没\ufffd读", "李\ufffd雷" })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(frameData(f, nil))
	f.Add(frameData(f, fields{"errorCode": 20001, "text": nil, "sessionWebhookExpiredTime": "253402300799999"}))
	f.Add(frameData(f, fields{"msgtype": "richText", "content": fields{"richText": []fields{{"text": "公告"}, {"type": "picture"}}}}))
	f.Add(frameData(f, fields{"originalProcessQueryKey": "k", "text": fields{
		"content": "撤回", "isReplyMsg": true, "repliedMsg": fields{"createdAt": 1, "senderId": "$:LWCP_v1:$bot", "content": fields{"text": "#3 x"}},
	}}))
	f.Add(frameData(f, with(rich("@whoread ", "提醒 #1 ", "@张三"), fields{"atUsers": []fields{{"dingtalkId": "$:LWCP_v1:$bot"}, {"staffId": "zhangsan"}, {}}})))
	f.Add(frameData(f, fields{"repliedMsg": fields{"senderId": "$:LWCP_v1:$bot", "content": card(element("RICHTEXT", element("RICHTEXT", text("#1 一"), text("二"))))}}))
	f.Add(frameData(f, fields{"quoteMessage": fields{"senderId": "$:LWCP_v1:$bot", "text": fields{"content": "#1 一"}}, "msgtype": "markdown", "content": fields{"text": "@x"}}))
	for _, seed := range []string{"", "null", "[]", `{"conversationId":7,"text":{"content":"\ud800"}}`, `{"conversationId":"c","isAdmin":{},"text":7}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := DecodeMessage(data, "frame1")
		if err != nil {
			if !errors.Is(err, ErrBroken) {
				t.Fatal(err)
			}
			return
		}
		if in.ID == "" || in.Group == "" || len(in.Text) > maxTextBytes || !utf8.ValidString(in.Text) || in.Quote.Number < 0 {
			t.Fatalf("%+v", in)
		}
		if !in.External && in.Sender.UserID == "" {
			t.Fatalf("somebody without a userId is let in: %+v", in)
		}
		for i, mention := range in.Mentions {
			if mention.From < 0 || mention.To > len(in.Text) || mention.From >= mention.To || i > 0 && mention.From < in.Mentions[i-1].To {
				t.Fatalf("mentions %v of %d bytes", in.Mentions, len(in.Text))
			}
		}
		if slices.Contains(in.Mentioned, "") || in.Strangers < 0 || len(in.Quote.Text) > maxTextBytes {
			t.Fatalf("%+v", in)
		}
		if (in.Quote.Key != "" || in.Quote.Text != "" || in.Quote.Number > 0) && !in.IsReply {
			t.Fatalf("a quotation that is none: %+v", in)
		}
	})
}
