package command

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/width"

	"whoread/bot/frame"
	"whoread/receipts"
)

func TestUnderstandEveryPhrase(t *testing.T) {
	t.Parallel()
	commands := []struct {
		verb    Verb
		chinese []string
		english []string
	}{
		{WhoRead, []string{"谁读了", "谁看了", "已读"}, []string{"who read", "read", "readers", "status"}},
		{Unread, []string{"谁没读", "谁没看", "未读"}, []string{"unread", "who hasn't read", "who has not read"}},
		{List, []string{"列表"}, []string{"list"}},
		{Remind, []string{"提醒", "提醒一下", "催", "催一下"}, []string{"remind"}},
		{Stop, []string{"停止", "停止跟进"}, []string{"stop", "stop following"}},
		{Recall, []string{"撤回"}, []string{"recall"}},
		{Export, []string{"导出"}, []string{"export"}},
		{Chart, []string{"曲线", "图"}, []string{"chart"}},
		{Usage, []string{"用量"}, []string{"usage"}},
		{Help, []string{"帮助"}, []string{"help"}},
	}
	for _, command := range commands {
		for language, words := range map[Language][]string{Chinese: command.chinese, English: command.english} {
			for _, word := range words {
				said := map[string]int{
					word:                             0,
					strings.ToUpper(word):            0,
					width.Widen.String(word):         0,
					"  " + word + " \n":              0,
					"\u3000" + word + "\u00a0":       0,
					"\ufeff\u200b" + word + "\u200e": 0,
					"\u2067" + word + "\u2069":       0,
					word + "?":                       0,
					word + "？！":                      0,
					word + " 。":                      0,
					"@whoread " + word:               0,
					"@张三 @李四\u2005" + word:           0,
				}
				if command.verb != Help {
					for text, number := range map[string]int{
						word + " #12":                      12,
						word + " 12":                       12,
						word + "#12":                       12,
						word + "12":                        12,
						word + " # 12":                     12,
						word + "\u3000＃１２":                 12,
						word + "　１２？":                      12,
						word + "\u00a0#\u200b12":           12,
						word + "\n#12":                     12,
						word + "\r\n12\r\n":                12,
						"#12 " + word:                      12,
						"#12" + word:                       12,
						"＃１２　" + word + "？":                12,
						word + " #0012":                    12,
						word + " #2147483648":              maxNumber,
						word + " #99999999999999999999999": maxNumber,
						word + " #0":                       maxNumber,
					} {
						said[text] = number
					}
				}
				for text, number := range said {
					want := Command{Verb: command.verb, Language: language, Number: number}
					want.Named = command.verb.Acts() && strings.Count(text, "@") > 1
					if asked := strings.ContainsAny(text, "?？"); asked && asksBeforeActing(command.verb) {
						want = Command{Verb: Help, Language: language, About: command.verb}
					}
					if diff := cmp.Diff(want, Parse(text)); diff != "" {
						t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
					}
				}
			}
		}
	}
}

// asksBeforeActing tells the verbs of which a question is answered, and not carried out.
func asksBeforeActing(v Verb) bool { return v == Remind || v == Stop || v == Recall }

func TestUnderstandApostrophes(t *testing.T) {
	t.Parallel()
	for _, apostrophe := range []string{"'", "’", "‘", "`", "´", "＇"} {
		text := "who hasn" + apostrophe + "t read #3"
		if diff := cmp.Diff(Command{Verb: Unread, Language: English, Number: 3}, Parse(text)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

// To remind is said with a number and a channel, either of them before the other, or
// neither.
func TestUnderstandReminding(t *testing.T) {
	t.Parallel()
	languages := map[Language]struct {
		words, by []string
		channels  map[string]receipts.Channel
	}{
		Chinese: {
			[]string{"提醒", "提醒一下", "催", "催一下"},
			[]string{"", " ", "用", "通过 ", "以"},
			map[string]receipts.Channel{
				"提及": receipts.Mention, "艾特": receipts.Mention, "@": receipts.Mention, "群里": receipts.Mention, "在群里": receipts.Mention,
				"私信": receipts.InPrivate, "私聊": receipts.InPrivate, "单聊": receipts.InPrivate,
				"ding": receipts.Ding, "DING": receipts.Ding, "ＤＩＮＧ": receipts.Ding, "钉": receipts.Ding, "钉一下": receipts.Ding,
			},
		},
		English: {
			[]string{"remind", "Remind", "ＲＥＭＩＮＤ"},
			[]string{" ", " by ", " BY　", " with ", " using "},
			map[string]receipts.Channel{
				"mention": receipts.Mention, "mentioning": receipts.Mention, "at": receipts.Mention, "@": receipts.Mention,
				"direct": receipts.InPrivate, "direct message": receipts.InPrivate, "Direct　Message": receipts.InPrivate, "dm": receipts.InPrivate,
				"private": receipts.InPrivate, "private message": receipts.InPrivate, "ding": receipts.Ding, "DING": receipts.Ding,
			},
		},
	}
	for language, said := range languages {
		for _, word := range said.words {
			for channel, by := range said.channels {
				for _, prefix := range said.by {
					for text, number := range map[string]int{
						word + prefix + channel:                          0,
						word + prefix + channel + "。":                    0,
						word + " #12" + prefix + channel:                 12,
						word + "＃１２" + prefix + channel + "！":            12,
						word + " 12 " + prefix + channel:                 12,
						word + prefix + channel + " #12":                 12,
						word + prefix + channel + "　１２?":                 12,
						"@whoread " + word + prefix + channel + "\n# 12": 12,
					} {
						want := Command{Verb: Remind, Language: language, Number: number, By: by}
						if strings.Contains(text, "?") {
							want = Command{Verb: Help, Language: language, About: Remind}
						}
						if diff := cmp.Diff(want, Parse(text)); diff != "" {
							t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
						}
					}
				}
			}
		}
	}
}

// People are not disturbed in another way than was said: a channel that is not known
// is a question.
func TestUnderstandNoOtherWayToRemind(t *testing.T) {
	t.Parallel()
	for text, nearest := range map[string]string{
		"remind by sms":             "remind",
		"remind by phone call":      "remind",
		"remind everybody":          "remind",
		"remind #1 #2":              "remind",
		"remind #1 by ding #2":      "remind",
		"remind by ding and direct": "remind",
		"please remind everyone":    "remind",
		"reminder":                  "remind",
		"提醒 短信":                     "提醒",
		"提醒所有人":                     "提醒",
		"提醒 #1 电话":                  "提醒 #1",
		"催大家":                       "催",
		"请提醒看了的人":                   "提醒",
	} {
		got := Parse(text)
		if got.Verb != Unknown || got.Nearest != nearest {
			t.Errorf("Parse(%q) = %+v, want an unknown command near %q", text, got, nearest)
		}
	}
}

// How to follow up is left to those who understand times.
func TestUnderstandFollowing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Command{
		"follow":                           {Verb: Follow, Language: English},
		"follow #12 every 30m":             {Verb: Follow, Language: English, Rest: " #12 every 30m"},
		"FOLLOW　＃１２　EVERY 30M":             {Verb: Follow, Language: English, Rest: " #12 every 30m"},
		"follow every 2 hours until 90%.":  {Verb: Follow, Language: English, Rest: " every 2 hours until 90%"},
		"follow#12 every 30m\nuntil 18:00": {Verb: Follow, Language: English, Rest: "#12 every 30m until 18:00"},
		"@whoread follow 12 each hour":     {Verb: Follow, Language: English, Rest: " 12 each hour"},
		"跟进":                               {Verb: Follow, Language: Chinese},
		"跟进 #12 每30分钟":                     {Verb: Follow, Language: Chinese, Rest: " #12 每30分钟"},
		"跟进每小时":                            {Verb: Follow, Language: Chinese, Rest: "每小时"},
		"following #12":                    {Verb: Unknown, Language: English},
		"please follow it":                 {Verb: Follow, Language: English},
		"please follow Bob":                {Verb: Unknown, Language: English, Nearest: "follow"},
		"请跟进":                              {Verb: Follow, Language: Chinese},
		"请跟进张三":                            {Verb: Unknown, Language: Chinese, Nearest: "跟进"},
		"stop following all of them":       {Verb: Unknown, Language: English, Nearest: "stop following"},
		"stop it":                          {Verb: Unknown, Language: English, Nearest: "stop"},
		"停止吧":                              {Verb: Stop, Language: Chinese},
		"停止工作":                             {Verb: Unknown, Language: Chinese, Nearest: "停止"},

		// Formatters do not agree on how wide this one is.
		"跟进＃１２每３０分钟，直到９０％。": {Verb: Follow, Language: Chinese, Rest: "#12每30分钟,直到90%"},
	} {
		if diff := cmp.Diff(want, Parse(text)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestUnderstandWithoutACommand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Command{
		"":                       {Verb: None},
		" \t\r\n\u3000":          {Verb: None},
		"\u200b\u200d\ufeff":     {Verb: None},
		"@":                      {Verb: None},
		"@whoread":               {Verb: None},
		" @whoread\u2005@张三 ":    {Verb: None},
		"?":                      {Verb: Help},
		"？？！":                    {Verb: Help},
		"。。。…":                   {Verb: Help},
		"help me with announce":  {Verb: Help, Language: English, About: Announce},
		"HELP!":                  {Verb: Help, Language: English},
		"帮助：公告怎么发":               {Verb: Help, Language: Chinese},
		"帮助 #3":                  {Verb: Help, Language: Chinese},
		"#12":                    {Verb: Unknown},
		"12":                     {Verb: Unknown},
		"👍":                      {Verb: Ignored},
		"hello there, everybody": {Verb: Unknown, Language: English},
		"今天天气真不错":                {Verb: Unknown, Language: Chinese},
		"今天 is fine":             {Verb: Unknown, Language: Chinese},
	} {
		if diff := cmp.Diff(want, Parse(text)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestUnderstandSuggestsTheNearestCommand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"recal":                                "recall",
		"lst":                                  "list",
		"anounce":                              "announce",
		"recall all of them":                   "recall",
		"recall -3":                            "recall",
		"unread 1.5":                           "unread",
		"list #three":                          "list",
		"recall #3 and #4":                     "recall",
		"recall #3 or so":                      "recall #3",
		"谁看了我的手机":                              "谁看了",
		"裂表":                                   "列表",
		"完全无关的一句话":                             "",
		strings.Repeat("very long words ", 99): "",
	} {
		got := Parse(text)
		if got.Verb != Unknown || got.Nearest != want {
			t.Errorf("Parse(%q) = %+v, want an unknown command near %q", text, got, want)
		}
	}
}

// An announcement is kept as it was typed, to the byte.
func TestUnderstandAnnouncements(t *testing.T) {
	t.Parallel()
	type announcement struct {
		language    Language
		title, text string
		opening     bool // the title stands behind the word, where times may stand
	}
	verbatim := "第一行  \n    indented\n\n- **bold** & [link](https://example.com)\n\t👨‍👩‍👧‍👦 אב\u200f  \n> ｗｉｄｅ　#１２"
	for typed, want := range map[string]announcement{
		"announce Lunch":                      {English, "Lunch", "Lunch", true},
		"Announce Lunch is served?":           {English, "Lunch is served?", "Lunch is served?", true},
		"ANNOUNCE\u3000ＬＵＮＣＨ　１２！":             {English, "ＬＵＮＣＨ　１２！", "ＬＵＮＣＨ　１２！", true},
		"ａｎｎｏｕｎｃｅ　Lunch":                      {English, "Lunch", "Lunch", true},
		"announce: Lunch":                     {English, "Lunch", "Lunch", true},
		"announce\nLunch\nin the hall":        {English, "Lunch", "in the hall", false},
		"公告 周五停机":                             {Chinese, "周五停机", "周五停机", true},
		"公告　周五停机":                             {Chinese, "周五停机", "周五停机", true},
		"公告\u00a0周五停机":                        {Chinese, "周五停机", "周五停机", true},
		"公告：周五停机":                             {Chinese, "周五停机", "周五停机", true},
		"公告:周五停机":                             {Chinese, "周五停机", "周五停机", true},
		"公告 ： 周五停机":                           {Chinese, "周五停机", "周五停机", true},
		"公告\n周五停机":                            {Chinese, "周五停机", "周五停机", false},
		"发布 周五停机":                             {Chinese, "周五停机", "周五停机", true},
		"@whoread 公告 周五停机":                    {Chinese, "周五停机", "周五停机", true},
		"@whoread @李雷 发布：周五停机":                {Chinese, "周五停机", "周五停机", true},
		"\u200b 公告 周五停机 \n 22:00 ":            {Chinese, "周五停机", " 22:00", true},
		"公告 周五停机\r\n请保存工作\r\n谢谢\r\n":          {Chinese, "周五停机", "请保存工作\r\n谢谢", true},
		"公告 周五停机\n\n\n请保存工作":                  {Chinese, "周五停机", "请保存工作", true},
		"公告 周五停机  \n \n\t\n":                  {Chinese, "周五停机", "周五停机", true},
		"公告 @张三 请看":                           {Chinese, "@张三 请看", "@张三 请看", true},
		"公告 公告 公告":                            {Chinese, "公告 公告", "公告 公告", true},
		"公告 #1 未读":                            {Chinese, "#1 未读", "#1 未读", true},
		"公告 👨‍👩‍👧‍👦":                          {Chinese, "👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦", true},
		"请公告 周五停机":                            {Chinese, "周五停机", "周五停机", true},
		"announcement Lunch":                  {English, "Lunch", "Lunch", true},
		"please announce Lunch":               {English, "Lunch", "Lunch", true},
		"帮我发个公告，周五停机":                         {Chinese, "周五停机", "周五停机", true},
		"通知大家周五停机":                            {Chinese, "周五停机", "周五停机", true},
		"發公告 週五停機":                            {Chinese, "週五停機", "週五停機", true},
		"公告 标题\n" + verbatim:                  {Chinese, "标题", verbatim, true},
		"announce Title\n" + verbatim + " \n": {English, "Title", verbatim, true},
		// Nothing to announce is still the command.
		"announce":      {English, "", "", false},
		"公告 ":           {Chinese, "", "", false},
		"公告：":           {Chinese, "", "", false},
		"发布\n\u200b\n ": {Chinese, "", "", false},
	} {
		got := Parse(typed)
		wanted := Command{Verb: Announce, Language: want.language, Title: want.title, Text: want.text, Opening: want.opening}
		wanted.TitleIsCommand = want.title == "公告 公告" || want.title == "#1 未读"
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", typed, diff)
		}
	}
}

// To announce by mistake can't be undone: the word must stand apart, at the
// beginning.
func TestUnderstandIsNoAnnouncement(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"公告怎么发", "公告？", "公告!", "公告，周五停机", "发布会在周五", "公告栏\n周五停机", "“公告” 周五停机",
		"announced: Lunch", "announce? Lunch", "un announce Lunch",
		"谁没读\n公告 周五停机", "公告\u200b怎么发", "announce\u200dment",
	} {
		if got := Parse(text); got.Verb == Announce {
			t.Errorf("Parse(%q) = %+v, want no announcement", text, got)
		}
	}
}

func TestUnderstandHugeText(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("很长的正文\n", 10_000)
	if got := Parse("公告 标题\n" + text); got.Text != strings.TrimSpace(text) {
		t.Errorf("%d bytes of text, want %d", len(got.Text), len(text)-1)
	}
	for _, huge := range []string{strings.Repeat("谁", 20_000), strings.Repeat("@a ", 10_000), strings.Repeat("#", 30_000), strings.Repeat("9", 30_000)} {
		if got := Parse(huge); got.Verb != Unknown && got.Verb != None {
			t.Errorf("Parse(%d × %q) = %+v", len(huge), huge[:3], got)
		}
	}
}

// A command that only reads may stand before, behind and around mentions, whatever a
// name holds, and among emoji and faces.
func TestUnderstandMentionsInPlainText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"@whoread谁没读", "@whoread 谁没读", "＠whoread　谁没读", "﹫whoread 谁没读", "@whoread\u2005谁没读", "@whoread\u00a0谁没读", "@whoread\u200b谁没读",
		"@已读 小助手 谁没读", "@已读 小助手谁没读", "@已读\u2005小助手\u2005谁没读", "谁没读 @whoread", "谁没读@whoread", "谁没读 @已读 小助手", "谁没读@已读 小助手",
		"@whoread @已读 小助手 谁没读", "@已读 小助手 @whoread 谁没读", "@whoread 谁没读 @已读 小助手", "@张三 谁没读 @whoread", "@提醒 小助手 谁没读", "@撤回谁没读",
		"谁没读🙏", "谁没读[抱拳]", "🙏谁没读", "[抱拳] 谁没读", "谁没读🙏🏻🙏🏻", "谁没读 [抱拳][抱拳]？", "谁没读？🙏", "谁没读❤️", "👨‍👩‍👧谁没读", "谁没读[OK]", "谁没读［抱拳］", "@whoread 谁没读[抱拳]", "@whoread谁没读🙏",
	} {
		if diff := cmp.Diff(Command{Verb: Unread, Language: Chinese}, Parse(text)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{
		"@whoread unread #3", "@Read Bot unread #3", "unread #3 @Read Bot", "@小助手unread #3", "@whoread unread #3🙏", "unread 3 [OK]", "@Bob unread #3 @Al", "@read unread ＃３", "🙏 unread #3",
	} {
		if diff := cmp.Diff(Command{Verb: Unread, Language: English, Number: 3}, Parse(text)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

// One that acts may stand behind @words and white space, and before @words; of whom it
// may be about somebody.
func TestUnderstandActingBesideMentions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Command{
		"@whoread 提醒 #1":           {Verb: Remind, Language: Chinese, Number: 1},
		"@whoread\u2005提醒 #1":      {Verb: Remind, Language: Chinese, Number: 1},
		"提醒 #1 @张三":                {Verb: Remind, Language: Chinese, Number: 1, Named: true},
		"@whoread 提醒@张三 #1":        {Verb: Remind, Language: Chinese, Number: 1, Named: true},
		"提醒 @张三#1 私信":              {Verb: Remind, Language: Chinese, Number: 1, By: receipts.InPrivate, Named: true},
		"remind @Bob #1 by ding":   {Verb: Remind, Language: English, Number: 1, By: receipts.Ding, Named: true},
		"@whoread @张三 提醒 #1":       {Verb: Remind, Language: Chinese, Number: 1, Named: true},
		"@whoread@张三 提醒 #1":        {Verb: Remind, Language: Chinese, Number: 1, Named: true},
		"remind @ #1":              {Verb: Remind, Language: English, Number: 1, By: receipts.Mention},
		"撤回 #3 @张三":                {Verb: Recall, Language: Chinese, Number: 3, Named: true},
		"跟进 #1 每30分钟 @张三":          {Verb: Follow, Language: Chinese, Rest: " #1 每30分钟", Named: true},
		"follow #1 @Bob every 30m": {Verb: Follow, Language: English, Rest: " #1 every 30m", Named: true},
		"停止 #1🙏":                   {Verb: Stop, Language: Chinese, Number: 1},
		"提醒 #1 [抱拳]":               {Verb: Remind, Language: Chinese, Number: 1},
		"提醒 🙏🏻":                    {Verb: Remind, Language: Chinese},
		"@whoread 公告 周五停机 @张三 [抱拳]🙏 @x y": {Verb: Announce, Language: Chinese, Title: "周五停机 @张三 [抱拳]🙏 @x y", Text: "周五停机 @张三 [抱拳]🙏 @x y", Opening: true},
	} {
		if diff := cmp.Diff(want, Parse(text)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

// What may be part of a name, or take a command back, never acts.
func TestUnderstandNeverActsOnAGuess(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"@whoread提醒", "@whoread提醒 #1", "@whoread公告 周五停机", "@whoread\u200b提醒", "@已读 小助手 提醒", "@whoread 请不要 撤回", "@whoread 别 撤回 #1", "@whoread别 撤回 #1", "@whoread不要 提醒", "@whoread不要 公告 周五停机",
		"@whoread 请不要 公告 周五停机", "@alice could you ask them to announce Lunch", "@张三截图", "@王 撤回 吗", "提醒 @张三了吗", "提醒@张三？",
		"🚫提醒", "提醒❌", "提醒🤔", "提醒❓", "提醒[疑问]", "[禁止]撤回 #1", "🙏公告 周五停机", "公告🙏 周五停机", "撤回 #1 [疑问]", "图🚫",
	} {
		if got := Parse(text); got.Verb.Acts() {
			t.Errorf("Parse(%q) = %+v", text, got)
		}
	}
}

// inPieces joins the pieces of a rich text; those in @ are mentions.
func inPieces(all ...string) (text string, mentions []frame.Span) {
	for _, piece := range all {
		if strings.HasPrefix(piece, "@") {
			mentions = append(mentions, frame.Span{From: len(text), To: len(text) + len(piece)})
		}
		text += piece
	}
	return text, mentions
}

// A piece that is a mention is no word of a command, whatever the name.
func TestUnderstandMentionsInPieces(t *testing.T) {
	t.Parallel()
	unread, toPost := Command{Verb: Unread, Language: Chinese}, func(text string) Command {
		return Command{Verb: Announce, Language: Chinese, Title: text, Text: text, Opening: true}
	}
	for _, test := range []struct {
		pieces []string
		want   Command
	}{
		{[]string{"@whoread", "谁没读"}, unread},
		{[]string{"@公告 小助手", "谁没读"}, unread},
		{[]string{"谁没读 ", "@提醒 小助手"}, unread},
		{[]string{"谁", "@whoread", "没读"}, unread},
		{[]string{"@whoread 谁没读", "🙏"}, unread},
		{[]string{"@提醒 ", "@公告 ", "你好"}, Command{Verb: Unknown, Language: Chinese}},
		{[]string{"@提醒"}, Command{Verb: None}},
		{[]string{"@whoread", "提醒 #1 ", "@张 三 丰"}, Command{Verb: Remind, Language: Chinese, Number: 1}},
		{[]string{"提醒", "@别 问我", "#1 私信"}, Command{Verb: Remind, Language: Chinese, Number: 1, By: receipts.InPrivate}},
		{[]string{"@whoread", " @张三 提醒 #1"}, Command{Verb: Remind, Language: Chinese, Number: 1, Named: true}},
		{[]string{"@whoread 别", "提醒 #1"}, Command{Verb: Unknown, Language: Chinese}},
		{[]string{"@whoread do not", "remind #1"}, Command{Verb: Unknown, Language: English}},
		{[]string{"@whoread 先不发：", "公告 周五停机"}, Command{Verb: Unknown, Language: Chinese, Nearest: "公告"}},
		{[]string{"提醒 #1", "@whoread 怎么用"}, Command{Verb: Unknown, Language: Chinese, Nearest: "提醒 #1"}},
		{[]string{"@whoread 还没", "谁没读"}, unread},
		{[]string{"@whoread", "公告 周五停机"}, toPost("周五停机")},
		{[]string{"@whoread", "@李四 ", "公告 周五停机"}, toPost("周五停机")},
		{[]string{"@别催 小助手", "公告 周五停机，请", "@张三 丰 ", "准备"}, toPost("周五停机，请@张三 丰 准备")},
		{[]string{"公告 周五停机 ", "@whoread"}, toPost("周五停机")},
		{[]string{"公告", "@whoread", "周五停机"}, toPost("周五停机")},
		{[]string{"公告 ", "@张三 ", "请看 ", "@whoread"}, toPost("@张三 请看")},
		{[]string{"@whoread", "别发公告 周五停机"}, Command{Verb: Unknown, Language: Chinese, Nearest: "公告"}},
	} {
		text, mentions := inPieces(test.pieces...)
		if diff := cmp.Diff(test.want, Parse(text, mentions...)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.pieces, diff)
		}
	}
}

// Questions tell about whom and about which message.
func TestUnderstandQuestions(t *testing.T) {
	t.Parallel()
	people := func(l Language, names ...string) Command { return Command{Verb: Person, Language: l, People: names} }
	with := func(c Command, set func(*Command)) Command { set(&c); return c }
	unread := Command{Verb: Unread, Language: Chinese}
	for text, want := range map[string]Command{
		"张三读了吗":                       people(Chinese, "张三"),
		"张三和李四看了吗":                    people(Chinese, "张三", "李四"),
		"has Bob read #3":             with(people(English, "Bob"), func(c *Command) { c.Number = 3 }),
		"did Alice Smith see it?":     people(English, "Alice Smith"),
		"我读了吗":                        {Verb: Person, Language: Chinese, Self: true},
		"did I read it":               {Verb: Person, Language: English, Self: true},
		"@张三 读了吗":                     {Verb: Person, Language: Chinese, AtWords: []string{"张三"}},
		"读了吗":                         {Verb: Person, Language: Chinese},
		"值班2号读了吗":                     with(people(Chinese, "值班"), func(c *Command) { c.Number, c.Numbered = 2, "值班2号" }),
		"都读了吗":                        {Verb: Everyone, Language: Chinese},
		"has everyone read #3?":       {Verb: Everyone, Language: English, Number: 3},
		"几个人没看":                       {Verb: Everyone, Language: Chinese, HowMany: true},
		"how many have read":          {Verb: Everyone, Language: English, HowMany: true},
		"谁没回":                         with(unread, func(c *Command) { c.Confirmed = true }),
		"who hasn't confirmed #3":     {Verb: Unread, Language: English, Number: 3, Confirmed: true},
		"谁确认了":                        {Verb: WhoRead, Language: Chinese, Confirmed: true},
		"研发部谁没看":                      with(unread, func(c *Command) { c.Department = "研发部" }),
		"@whoread 研发部谁没看":             with(unread, func(c *Command) { c.Department = "研发部" }),
		"who in Sales hasn't read it": {Verb: Unread, Language: English, Department: "Sales"},
		"各部门":                         with(unread, func(c *Command) { c.ByDepartment = true }),
		"unread by department":        {Verb: Unread, Language: English, ByDepartment: true},
		"停机维护那条谁没看":                   with(unread, func(c *Command) { c.Topic = "停机维护" }),
		"@whoread 停机维护那条谁没看":          with(unread, func(c *Command) { c.Topic = "停机维护" }),
		"年会通知谁没看":                     with(unread, func(c *Command) { c.Topic = "年会" }),
		"谁没看「停机维护」":                   with(unread, func(c *Command) { c.Topic = "停机维护" }),
		"昨天那条谁没看":                     with(unread, func(c *Command) { c.Day = Yesterday }),
		"刚才那条谁没看":                     with(unread, func(c *Command) { c.Latest = true }),
		"第十二条誰沒讀":                     with(unread, func(c *Command) { c.Number = 12 }),
		"谁没渎３号":                       with(unread, func(c *Command) { c.Number = 3 }),
		"不用提醒张三 到周五":                  {Verb: Skip, Language: Chinese, People: []string{"张三"}, Rest: "周五"},
		"skip Bob until Friday":       {Verb: Skip, Language: English, People: []string{"Bob"}, Rest: "friday"},
		"取消 #3":                       {Verb: Cancel, Language: Chinese, Number: 3},
		"取消提醒 #3":                     {Verb: Stop, Language: Chinese, Number: 3},
		"别催了":                         {Verb: Stop, Language: Chinese},
		"收到 #3":                       {Verb: Confirm, Language: Chinese, Number: 3},
		"1":                           {Verb: Confirm},
		"确认":                          {Verb: Confirm, Language: Chinese, Yes: true},
		"yes":                         {Verb: Confirm, Language: English, Yes: true},
		"thanks!":                     {Verb: Ignored, Language: English},
		"提醒我三点开会":                     {Verb: Unknown, Language: Chinese, Personal: true},
		"撤回 #9？":                      {Verb: Help, Language: Chinese, About: Recall},
		"how do I announce something": {Verb: Help, Language: English, About: Announce},
		"每小时私信提醒没看的人":                 {Verb: Follow, Language: Chinese, By: receipts.InPrivate, Rest: "每小时"},
		"跟进3号，每半小时催一次":                {Verb: Follow, Language: Chinese, Rest: "#3,每半小时"},
	} {
		if diff := cmp.Diff(want, Parse(text)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

// What is not understood may have meant two commands, but none that was refused.
func TestUnderstandDoubt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"提醒 #3 或者撤回":     {"提醒 #3", "撤回 #3"},
		"stop or export": {"export", "stop"},
		"recall #3 so":   {"recall #3", ""},
		"别撤回 #3":         {},
		"公告先别发":          {},
		"don't recall":   {},
		"没提醒":            {},
		"吃饭了":            {},
	} {
		if got := Parse(text); got.Verb != Unknown || [2]string{got.Nearest, got.Second} != want {
			t.Errorf("Parse(%q) = %+v, want %q", text, got, want)
		}
	}
}

// A title is asked about where it is all there is, and something that one says to the bot.
func TestUnderstandTitlesThatAreCommands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"公告 谁没读": true, "公告 #3": true, "公告 3": true, "公告 收到": true, "公告 谢谢": true, "公告 提醒 #3": true, "公告 研发部谁没看": true, "announce list": true, "announce it": true, "announce stop": true,
		"公告 3号楼停电": false, "公告 收到请回复1": false, "公告 停止使用旧系统": false, "公告 大家看": false, "公告 都读了吗": true, "公告 几个人没看": true, "announce everybody read": false, "公告 提醒大家带工牌": false, "公告 又一条": false, "公告\n谁没读": false, "公告 谁没读\n请看": false, "announce No meeting today": false,
		"announce Hello": false, "announce Update": false, "公告 早上好": false, "公告 情况": false,
	} {
		if got := Parse(text); got.Verb != Announce || got.TitleIsCommand != want {
			t.Errorf("Parse(%q) = %+v", text, got)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	for _, seed := range []string{
		"", "公告 周五停机\n请保存工作", "announce Title\r\nText\r\n", "谁没读 #12", "＃１２　谁读了？", "who hasn’t read", "@whoread 撤回 3",
		"who has read it", "？", "\u200b\u202e未读", "公告\xff\xfe标题", "#99999999999999999999 read", "ＡＮＮＯＵＮＣＥ　ｘ", "ﾞ公告 x", "İ list",
		"remind #3 by ding", "提醒 3 私信", "提醒＃３用ＤＩＮＧ", "follow #1 every 30m until 90%", "跟进 #1 每30分钟", "stop #1",
	} {
		f.Add(seed)
	}
	verbs := map[Verb]bool{None: true}
	for _, v := range Verbs() {
		verbs[v] = true
	}
	ways := map[receipts.Channel]bool{"": true, receipts.Mention: true, receipts.InPrivate: true, receipts.Ding: true}
	f.Fuzz(func(t *testing.T, typed string) {
		said := Parse(typed)
		if !verbs[said.Verb] || said.Number < 0 || said.Number > maxNumber {
			t.Fatalf("%+v", said)
		}
		if !ways[said.By] || said.Verb != Remind && said.Verb != Follow && said.By != "" || said.Verb != Follow && said.Verb != Skip && said.Rest != "" || said.Opening && said.Title == "" {
			t.Fatalf("%+v", said)
		}
		if !strings.Contains(typed, said.Title) || !strings.Contains(typed, said.Text) {
			t.Fatalf("announces what was not typed: %+v", said)
		}
		if said.Verb != Announce && said.Title+said.Text != "" || said.Title == "" && said.Text != "" {
			t.Fatalf("a text without an announcement: %+v", said)
		}
		if strings.ContainsRune(said.Title, '\n') {
			t.Fatalf("a title of several lines: %q", said.Title)
		}
		if utf8.ValidString(typed) && (!utf8.ValidString(said.Title) || !utf8.ValidString(said.Text)) {
			t.Fatalf("cut inside a rune: %+v", said)
		}
		if diff := cmp.Diff(said, Parse("\u3000"+typed+" \n")); diff != "" {
			t.Fatalf("surrounding space matters (-without +with):\n%s", diff)
		}
	})
}
