package command

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"whoread/bot/frame"
)

// FuzzFrame lets a person say anything in pieces, in a frame of any shape: a command
// that has an effect stands in the text, outside of what is a mention.
func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		"谁没读", "@whoread|谁没读", "@公告 小助手 |谁没读", "谁没读 |@提醒", "@whoread|公告 周五停机，请 |@张三 |准备", "@撤回|@提醒|你好", "@whoread 提醒 #1 @张三", "提醒|@x|#1", "@提醒 小助手 谁没读", "@whoread提醒", "跟进 每30分钟|@x",
		"🚫提醒", "提醒[抱拳]", "＠whoread\u2005ｒｅｃａｌｌ #1", "@ 提醒", "@@提醒 @", "@\n提醒", "[公告]\n停机", "@a|@b stop", "\u200b@stop\u200b|stop\u200b",
	} {
		f.Add(seed, "richText")
		f.Add(seed, "text")
		f.Add(seed, "markdown")
	}
	f.Fuzz(func(t *testing.T, typed, kind string) {
		var parts []map[string]any
		for piece := range strings.SplitSeq(typed, "|") {
			parts = append(parts, map[string]any{"text": piece})
		}
		whole := strings.ReplaceAll(typed, "|", "")
		data, err := json.Marshal(map[string]any{
			"msgId": "m", "conversationId": "c", "msgtype": kind, "text": map[string]any{"content": whole},
			"content": map[string]any{"text": whole, "richText": parts}, "senderStaffId": "u",
		})
		if err != nil {
			t.Fatal(err)
		}
		in, err := frame.DecodeMessage(data, "frame")
		if err != nil {
			t.Fatal(err)
		}
		said := Parse(in.Text, in.Mentions...)
		if said.Verb.Acts() && !holds(withoutPieces(in.Text, in.Mentions), said.Verb) {
			t.Fatalf("%q, of which %v are mentions, is taken for %+v", in.Text, in.Mentions, said)
		}
	})
}

// holds reports whether a word of the command stands in the text, without what is
// invisible in it.
func holds(text string, v Verb) bool {
	seen := strings.ReplaceAll(newLine(text).text, " ", "")
	ways := map[Verb][]slot{Remind: {remind, mention, direct, ding}, Follow: {follow, remind}, Stop: {stop, cancel, neg}, Skip: {skip, neg}, Announce: {publish, tellAll}}
	for _, s := range verbSlots {
		ways[s.verb] = append(ways[s.verb], s.slot)
	}
	return slices.ContainsFunc(ways[v], func(s slot) bool {
		return slices.ContainsFunc(slices.Concat(chineseWords[s], englishWords[s], map[slot][]string{mention: {"@"}}[s]), func(word string) bool {
			return strings.Contains(seen, strings.ReplaceAll(word, " ", ""))
		})
	})
}
