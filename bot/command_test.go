package bot

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/width"
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
		{Recall, []string{"撤回"}, []string{"recall"}},
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
					want := Said{Verb: command.verb, Language: language, Number: number}
					if diff := cmp.Diff(want, Understand(text)); diff != "" {
						t.Errorf("Understand(%q) (-want +got):\n%s", text, diff)
					}
				}
			}
		}
	}
}

func TestUnderstandApostrophes(t *testing.T) {
	t.Parallel()
	for _, apostrophe := range []string{"'", "’", "‘", "`", "´", "＇"} {
		text := "who hasn" + apostrophe + "t read #3"
		if diff := cmp.Diff(Said{Verb: Unread, Language: English, Number: 3}, Understand(text)); diff != "" {
			t.Errorf("Understand(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestUnderstandWithoutACommand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Said{
		"":                       {Verb: None},
		" \t\r\n\u3000":          {Verb: None},
		"\u200b\u200d\ufeff":     {Verb: None},
		"@":                      {Verb: None},
		"@whoread":               {Verb: None},
		" @whoread\u2005@张三 ":    {Verb: None},
		"?":                      {Verb: Help},
		"？？！":                    {Verb: Help},
		"。。。…":                   {Verb: Help},
		"help me with announce":  {Verb: Help, Language: English},
		"HELP!":                  {Verb: Help, Language: English},
		"帮助：公告怎么发":               {Verb: Help, Language: Chinese},
		"帮助 #3":                  {Verb: Help, Language: Chinese},
		"#12":                    {Verb: Unknown},
		"12":                     {Verb: Unknown},
		"👍":                      {Verb: Unknown},
		"hello there, everybody": {Verb: Unknown, Language: English},
		"今天天气真不错":                {Verb: Unknown, Language: Chinese},
		"今天 is fine":             {Verb: Unknown, Language: Chinese},
	} {
		if diff := cmp.Diff(want, Understand(text)); diff != "" {
			t.Errorf("Understand(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestUnderstandSuggestsTheNearestCommand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"who has read it":                      "who read",
		"Who has already READ this?":           "who read",
		"has everybody read #3":                "read",
		"so who hasn't actually read it":       "who hasn't read",
		"unraed":                               "unread",
		"unreadd #3":                           "unread",
		"recal":                                "recall",
		"lst":                                  "list",
		"anounce":                              "announce",
		"recall all of them":                   "recall",
		"recall -3":                            "recall",
		"unread 1.5":                           "unread",
		"list #three":                          "list",
		"how do I announce something":          "announce",
		"announcement":                         "",
		"谁还没有读":                                "谁没读",
		"还有谁没看这条":                              "谁没看",
		"谁读了没":                                 "谁读了",
		"谁没读呢":                                 "谁没读",
		"谁没读👀":                                 "谁没读",
		"公告怎么发":                                "公告",
		"公告？":                                  "公告",
		"怎么撤回":                                 "撤回",
		"裂表":                                   "列表",
		"完全无关的一句话":                             "",
		strings.Repeat("very long words ", 99): "",
	} {
		got := Understand(text)
		if got.Verb != Unknown || got.Nearest != want {
			t.Errorf("Understand(%q) = %+v, want an unknown command near %q", text, got, want)
		}
	}
}

// An announcement is kept as it was typed, to the byte.
func TestUnderstandAnnouncements(t *testing.T) {
	t.Parallel()
	type announcement struct {
		language    Language
		title, text string
	}
	verbatim := "第一行  \n    indented\n\n- **bold** & [link](https://example.com)\n\t👨‍👩‍👧‍👦 אב\u200f  \n> ｗｉｄｅ　#１２"
	for typed, want := range map[string]announcement{
		"announce Lunch":                      {English, "Lunch", "Lunch"},
		"Announce Lunch is served?":           {English, "Lunch is served?", "Lunch is served?"},
		"ANNOUNCE\u3000ＬＵＮＣＨ　１２！":             {English, "ＬＵＮＣＨ　１２！", "ＬＵＮＣＨ　１２！"},
		"ａｎｎｏｕｎｃｅ　Lunch":                      {English, "Lunch", "Lunch"},
		"announce: Lunch":                     {English, "Lunch", "Lunch"},
		"announce\nLunch\nin the hall":        {English, "Lunch", "in the hall"},
		"公告 周五停机":                             {Chinese, "周五停机", "周五停机"},
		"公告　周五停机":                             {Chinese, "周五停机", "周五停机"},
		"公告\u00a0周五停机":                        {Chinese, "周五停机", "周五停机"},
		"公告：周五停机":                             {Chinese, "周五停机", "周五停机"},
		"公告:周五停机":                             {Chinese, "周五停机", "周五停机"},
		"公告 ： 周五停机":                           {Chinese, "周五停机", "周五停机"},
		"公告\n周五停机":                            {Chinese, "周五停机", "周五停机"},
		"发布 周五停机":                             {Chinese, "周五停机", "周五停机"},
		"@whoread 公告 周五停机":                    {Chinese, "周五停机", "周五停机"},
		"@whoread @李雷 发布：周五停机":                {Chinese, "周五停机", "周五停机"},
		"\u200b 公告 周五停机 \n 22:00 ":            {Chinese, "周五停机", " 22:00"},
		"公告 周五停机\r\n请保存工作\r\n谢谢\r\n":          {Chinese, "周五停机", "请保存工作\r\n谢谢"},
		"公告 周五停机\n\n\n请保存工作":                  {Chinese, "周五停机", "请保存工作"},
		"公告 周五停机  \n \n\t\n":                  {Chinese, "周五停机", "周五停机"},
		"公告 @张三 请看":                           {Chinese, "@张三 请看", "@张三 请看"},
		"公告 公告 公告":                            {Chinese, "公告 公告", "公告 公告"},
		"公告 #1 未读":                            {Chinese, "#1 未读", "#1 未读"},
		"公告 👨‍👩‍👧‍👦":                          {Chinese, "👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"},
		"公告 标题\n" + verbatim:                  {Chinese, "标题", verbatim},
		"announce Title\n" + verbatim + " \n": {English, "Title", verbatim},
		// Nothing to announce is still the command.
		"announce":      {English, "", ""},
		"公告 ":           {Chinese, "", ""},
		"公告：":           {Chinese, "", ""},
		"发布\n\u200b\n ": {Chinese, "", ""},
	} {
		got := Understand(typed)
		wanted := Said{Verb: Announce, Language: want.language, Title: want.title, Text: want.text}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("Understand(%q) (-want +got):\n%s", typed, diff)
		}
	}
}

// To announce by mistake can't be undone: the word must stand apart, at the
// beginning.
func TestUnderstandIsNoAnnouncement(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"公告怎么发", "公告？", "公告!", "公告，周五停机", "发布会在周五", "公告栏\n周五停机", "请公告 周五停机", "“公告” 周五停机",
		"announcement Lunch", "announced: Lunch", "announce? Lunch", "please announce Lunch", "un announce Lunch",
		"谁没读\n公告 周五停机", "公告\u200b怎么发", "announce\u200dment",
	} {
		if got := Understand(text); got.Verb == Announce {
			t.Errorf("Understand(%q) = %+v, want no announcement", text, got)
		}
	}
}

func TestUnderstandHugeText(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("很长的正文\n", 10_000)
	if got := Understand("公告 标题\n" + text); got.Text != strings.TrimSpace(text) {
		t.Errorf("%d bytes of text, want %d", len(got.Text), len(text)-1)
	}
	for _, huge := range []string{strings.Repeat("谁", 20_000), strings.Repeat("@a ", 10_000), strings.Repeat("#", 30_000), strings.Repeat("9", 30_000)} {
		if got := Understand(huge); got.Verb != Unknown && got.Verb != None {
			t.Errorf("Understand(%d × %q) = %+v", len(huge), huge[:3], got)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	for _, seed := range []string{
		"", "公告 周五停机\n请保存工作", "announce Title\r\nText\r\n", "谁没读 #12", "＃１２　谁读了？", "who hasn’t read", "@whoread 撤回 3",
		"who has read it", "？", "\u200b\u202e未读", "公告\xff\xfe标题", "#99999999999999999999 read", "ＡＮＮＯＵＮＣＥ　ｘ", "ﾞ公告 x", "İ list",
	} {
		f.Add(seed)
	}
	verbs := map[Verb]bool{None: true, Unknown: true, Announce: true, WhoRead: true, Unread: true, List: true, Recall: true, Help: true}
	f.Fuzz(func(t *testing.T, typed string) {
		said := Understand(typed)
		if !verbs[said.Verb] || said.Number < 0 || said.Number > maxNumber {
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
		if diff := cmp.Diff(said, Understand("\u3000"+typed+" \n")); diff != "" {
			t.Fatalf("surrounding space matters (-without +with):\n%s", diff)
		}
	})
}
