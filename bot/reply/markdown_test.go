package reply

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ typed, want string }{
		"a usual name":            {"张三", "张三"},
		"a Western name":          {"Ann-Marie O'Neil, Jr.", "Ann-Marie O'Neil, Jr."},
		"emoji":                   {"👨‍👩‍👧‍👦 家", "👨‍👩‍👧‍👦 家"},
		"a link":                  {"[click](https://evil.example)", `\[click\]\(https://evil.example\)`},
		"a picture":               {"![](https://evil.example/a.png)", `\!\[\]\(https://evil.example/a.png\)`},
		"an address":              {"<https://evil.example>", `\<https://evil.example\>`},
		"HTML":                    {"<font color=red>x</font>", `\<font color=red\>x\</font\>`},
		"bold":                    {"**全部已读**", `\*\*全部已读\*\*`},
		"italic":                  {"_x_", `\_x\_`},
		"code":                    {"`x`", "\\`x\\`"},
		"struck out":              {"~~x~~", `\~\~x\~\~`},
		"a table":                 {"a|b", `a\|b`},
		"a heading":               {"# 大", `\# 大`},
		"a heading on a new line": {"a\n# 大", `a \# 大`},
		"a quotation":             {"> x", `\> x`},
		"an escape":               {`\[x\]`, `\\\[x\\\]`},
		"line breaks":             {"a\r\nb\u2028c\u2029d\u0085e\vf", "a  b c d e f"},
		"a tab and wide spaces":   {"\t a\u3000b\u00a0 ", "a b"},
		"control characters":      {"a\x00b\x1b[31mc\x7f", `ab\[31mc`},
		"right to left override":  {"abc\u202egnp.exe\u202c", "abcgnp.exe"},
		"every direction mark":    {"\u061c\u200e\u200fa\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", "a"},
		"a mention":               {"@all 你好", "@all 你好"}, // only atUserIds notify
		"nothing":                 {"", ""},
		"nothing but spaces":      {" \n\t", ""},
		"nothing to be seen":      {"\u202e\u2066\x00", ""},
	} {
		if got := Escape(test.typed); got != test.want {
			t.Errorf("%s: Escape(%q) = %q, want %q", name, test.typed, got, test.want)
		}
	}
}

// A phone's notification is plain text.
func TestNotificationsArePlainText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"已发出 #1。", "已发出 #1。"},
		{"**还有 3 人没读** #1「停机」", "还有 3 人没读 #1「停机」"},
		{Escape("a_b *c* [x](y) #1 ~ | ! ` < >"), "a_b *c* [x](y) #1 ~ | ! ` < >"},
		{"**" + Escape("**粗**") + "**", "**粗**"},
		{Escape(`\_/ \\ C:\*`), `\_/ \\ C:\*`},
		{"a  \nb", "a"},
		{`ends with \`, `ends with \`},
		{`C:\Users`, `C:\Users`}, // no escape of the bot's
		{strings.Repeat("长", 70), strings.Repeat("长", 59) + "…"},
		{strings.Repeat(`\_`, 60), strings.Repeat("_", 60)},
		{"", ""},
	} {
		if got := Say(test.text).Title; got != test.want {
			t.Errorf("a phone shows %q of %q, want %q", got, test.text, test.want)
		}
	}
	for _, language := range []command.Language{command.Chinese, command.English} {
		r, names := reportOf(1, 3)
		r.Message.Title = "a_b **c** [d]"
		p := pageOf(language, names)
		done := receipts.Reminded{Report: r, Reached: map[receipts.Channel][]string{receipts.Ding: {"u1"}}}
		for name, title := range map[string]string{
			"report": p.Report(r, false).Title, "readers": p.Report(r, true).Title, "everybody": p.Everybody(r, true).Title, "reminder": p.Reminded(done, time.Minute).Title,
			"mention": Reminder{Page: p, Message: r.Message}.Mention(nil, "").Title, "refusal": Refuse(fmt.Sprintf(p.TitleIsCommand, Escape(r.Message.Title))).Title,
			"end": p.Ended(receipts.FollowUp{Ended: receipts.MessageOver}, r).Title, "private": Reminder{Page: p, Message: r.Message}.Private("").Title,
		} {
			if strings.Contains(title, `\`) {
				t.Errorf("%s in %s: a phone shows %q", name, language, title)
			}
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		runes int
		want  string
	}{
		{"", 3, ""},
		{"读", 1, "读"},
		{"谁没读", 3, "谁没读"},
		{"谁没读了", 3, "谁没…"},
		{"who read", 5, "who…"}, // no space before the dots
		{"👍👍👍👍", 2, "👍…"},
		{"ab", 1, "…"},
	} {
		if got := Shorten(test.text, test.runes); got != test.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", test.text, test.runes, got, test.want)
		}
	}
}

// The bar is full only when everybody has read.
func TestBar(t *testing.T) {
	t.Parallel()
	for percent, want := range map[int]string{
		0: "░░░░░░░░░░", 9: "░░░░░░░░░░", 10: "▓░░░░░░░░░", 50: "▓▓▓▓▓░░░░░", 82: "▓▓▓▓▓▓▓▓░░", 99: "▓▓▓▓▓▓▓▓▓░", 100: "▓▓▓▓▓▓▓▓▓▓",
	} {
		if got := bar(percent); got != want {
			t.Errorf("bar(%d) = %s, want %s", percent, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	if got, want := Lines("", "a", "", "b", ""), "a  \nb"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Lines(); got != "" {
		t.Errorf("%q, want nothing", got)
	}
}

func TestAsTyped(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"one line":               "one line",
		"a\nb\nc":                "a  \nb  \nc",
		"a\r\nb":                 "a  \nb",
		"a\n\nb":                 "a\n\nb", // a paragraph of its own breaks anyway
		"a   \nb ":               "a  \nb ",
		"- x\n    - y\n\tz":      "- x  \n    - y  \n\tz",
		"**b** [l](u) <x> #1 \\": "**b** [l](u) <x> #1 \\", // who announces may format
		"👨‍👩‍👧‍👦\n\u200fאב":      "👨‍👩‍👧‍👦  \n\u200fאב",
		"":                       "",
	} {
		if got := asTyped(typed); got != want {
			t.Errorf("asTyped(%q) = %q, want %q", typed, got, want)
		}
	}
}

// fits is as strict as DingTalk.
func fits(p receipts.Post) error {
	_, err := dingtalk.Markdown(p.Title, p.Text).Encode()
	return err
}

func TestFit(t *testing.T) {
	t.Parallel()
	small := Answer{Title: "t", Text: "谁没读"}
	if got := small.Fit("", fits); !cmp.Equal(got, small.Post()) {
		t.Errorf("%+v was changed to %+v", small, got)
	}
	for _, piece := range []string{"读", "👨‍👩‍👧‍👦", `"`, "\n", `\*`, "a", "\u202e"} {
		for odd := range 4 {
			whole := strings.Repeat("x", odd) + strings.Repeat(piece, 2*dingtalk.MaxMsgParamBytes)
			got := Answer{Title: strings.Repeat("题", 60), Text: whole}.Fit("", fits)
			if err := fits(got); err != nil {
				t.Errorf("%q: %v", piece, err)
			}
			if !utf8.ValidString(got.Text) || !strings.HasPrefix(whole, got.Text) {
				t.Errorf("%q: not the beginning of the text, or cut inside a rune", piece)
			}
			if len(got.Text) < 5_000 {
				t.Errorf("%q: only %d bytes are left", piece, len(got.Text))
			}
			noted := Answer{Text: whole}.Fit("note", fits)
			if err := fits(noted); err != nil || !strings.HasSuffix(noted.Text, lineBreak+"note") || len(noted.Text) < 5_000 {
				t.Errorf("%q: %v, or the note is not whole", piece, err)
			}
		}
	}
}

// Times are written as people say them, and with their dates where they stay to be read.
func TestClock(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CST", 8*3600)
	now := time.Date(2026, 8, 3, 1, 0, 0, 0, zone) // still the day before in UTC
	for name, test := range map[string]struct {
		at              time.Time
		zh, en          string
		datedZH, datedE string
	}{
		"today":                     {now.Add(-time.Minute), "今天 00:59", "today 00:59", "8月3日 00:59", "3 Aug 00:59"},
		"yesterday":                 {now.Add(-2 * time.Hour), "昨天 23:00", "yesterday 23:00", "8月2日 23:00", "2 Aug 23:00"},
		"tomorrow":                  {now.Add(23 * time.Hour), "明天 00:00", "tomorrow 00:00", "8月4日 00:00", "4 Aug 00:00"},
		"the day after":             {now.Add(47 * time.Hour), "8月5日 00:00", "5 Aug 00:00", "8月5日 00:00", "5 Aug 00:00"},
		"today in UTC only":         {time.Date(2026, 8, 2, 3, 0, 0, 0, time.UTC), "昨天 11:00", "yesterday 11:00", "8月2日 11:00", "2 Aug 11:00"},
		"last year":                 {now.AddDate(-1, 0, 0), "2025年8月3日 01:00", "3 Aug 2025 01:00", "2025年8月3日 01:00", "3 Aug 2025 01:00"},
		"last year in the zone":     {time.Date(2025, 12, 31, 15, 59, 0, 0, time.UTC), "2025年12月31日 23:59", "31 Dec 2025 23:59", "2025年12月31日 23:59", "31 Dec 2025 23:59"},
		"this year in the zone too": {time.Date(2025, 12, 31, 16, 0, 0, 0, time.UTC), "1月1日 00:00", "1 Jan 00:00", "1月1日 00:00", "1 Jan 00:00"},
	} {
		for _, byItself := range []bool{false, true} {
			zh, en := test.zh, test.en
			if byItself {
				zh, en = test.datedZH, test.datedE
			}
			for language, want := range map[command.Language]string{command.Chinese: zh, command.English: en} {
				p := Page{Words: For(language), Now: now.UTC(), Zone: zone, ByItself: byItself}
				if got := p.Clock(test.at); got != want {
					t.Errorf("%s, by itself %t: %q, want %q", name, byItself, got, want)
				}
			}
		}
	}
}
