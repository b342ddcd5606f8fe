package reply

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/receipts"
)

// drawn is what a card's values show: the line below the text, and the buttons with their
// colours.
func drawn(t testing.TB, values map[string]string) string {
	t.Helper()
	var shown struct {
		Buttons []struct {
			Text, Color, ID string
			Request         bool
		} `json:"msgButtons"`
	}
	if err := json.Unmarshal([]byte(values[CardButtons]), &shown); err != nil || shown.Buttons == nil {
		t.Fatalf("the buttons are %q: %v", values[CardButtons], err)
	}
	line := values[CardTips] + " |"
	for _, b := range shown.Buttons {
		if !b.Request || b.ID == "" {
			t.Errorf("a button that asks nobody: %+v", b)
		}
		line += fmt.Sprintf(" %s:%s:%s", b.ID, b.Text, b.Color)
	}
	return line
}

func TestCard(t *testing.T) {
	t.Parallel()
	const (
		zhButtons = " unread:谁没读:gray remind:提醒:gray"
		enButtons = " unread:Unread:gray remind:Remind:gray"
		zhConfirm = " confirm:收到:blue"
		enConfirm = " confirm:Got it:blue"
	)
	lacking := func(c *Card) {
		c.Report.Unread, c.Report.Gaps = nil, []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrNotYet}}
	}
	for name, tt := range map[string]struct {
		read, total int
		change      func(*Card)
		zh, en      string
	}{
		"just posted":                   {0, 45, nil, "已读 0/45 · 08-03 14:35 |" + zhButtons, "Read 0/45 · 08-03 14:35 |" + enButtons},
		"some have read":                {37, 45, nil, "已读 37/45 · 08-03 14:35 |" + zhButtons, "Read 37/45 · 08-03 14:35 |" + enButtons},
		"a confirmation is asked for":   {37, 45, func(c *Card) { c.Asks, c.Confirmed = true, 12 }, "已读 37/45 · 收到 12 · 08-03 14:35 |" + zhConfirm + zhButtons, "Read 37/45 · confirmed 12 · 08-03 14:35 |" + enConfirm + enButtons},
		"all have read":                 {45, 45, nil, "已读 45/45 · 08-03 14:35 |", "Read 45/45 · 08-03 14:35 |"},
		"all have read, some confirmed": {45, 45, func(c *Card) { c.Asks, c.Confirmed = true, 12 }, "已读 45/45 · 收到 12 · 08-03 14:35 |" + zhConfirm + zhButtons, "Read 45/45 · confirmed 12 · 08-03 14:35 |" + enConfirm + enButtons},
		"all have confirmed":            {45, 45, func(c *Card) { c.Asks, c.Confirmed = true, 45 }, "已读 45/45 · 收到 45 · 08-03 14:35 |" + zhConfirm, "Read 45/45 · confirmed 45 · 08-03 14:35 |" + enConfirm},
		"not certain":                   {37, 45, lacking, "至少读了 37/45 · 08-03 14:35 |" + zhButtons, "Read at least 37/45 · 08-03 14:35 |" + enButtons},
		"nobody knows out of how many":  {37, 45, func(c *Card) { lacking(c); c.Report.Total = 0 }, "已读 37 人 · 08-03 14:35 |" + zhButtons, "Read by 37 · 08-03 14:35 |" + enButtons},
		"nothing is known":              {0, 45, func(c *Card) { lacking(c); c.Report.AsOf = time.Time{} }, " |" + zhButtons, " |" + enButtons},
		"nothing but confirmations":     {0, 45, func(c *Card) { lacking(c); c.Report.AsOf = time.Time{}; c.Asks, c.Confirmed = true, 3 }, "收到 3 · 08-03 14:35 |" + zhConfirm + zhButtons, "confirmed 3 · 08-03 14:35 |" + enConfirm + enButtons},
		"not everybody may see it":      {37, 45, func(c *Card) { c.Hidden, c.Asks, c.Confirmed = true, true, 12 }, " |" + zhConfirm + zhButtons, " |" + enConfirm + enButtons},
		"recalled":                      {37, 45, func(c *Card) { c.Report.Message.State = receipts.Recalled; c.Asks = true }, "已撤回 · 已读 37/45 · 收到 0 · 08-03 14:35 |", "recalled · Read 37/45 · confirmed 0 · 08-03 14:35 |"},
		"in another year":               {37, 45, func(c *Card) { c.Now = time.Date(2027, 1, 1, 20, 0, 0, 0, time.UTC) }, "已读 37/45 · 01-02 04:00 |" + zhButtons, "Read 37/45 · 01-02 04:00 |" + enButtons},
	} {
		for language, want := range map[command.Language]string{command.Chinese: tt.zh, command.English: tt.en} {
			report, names := reportOf(tt.read, tt.total)
			c := Card{Page: pageOf(language, names), Report: report, Text: "请 **保存**  \n#3 · 李雷"}
			if tt.change != nil {
				tt.change(&c)
			}
			values := c.Values()
			if diff := cmp.Diff(want, drawn(t, values)); diff != "" {
				t.Errorf("%s, %s: %s", name, language, diff)
			}
			if values[CardTitle] != "周五 22:00 停机维护" || values[CardMarkdown] != c.Text || len(values) != 4 || c.Line() != "#3 周五 22:00 停机维护" {
				t.Errorf("%s, %s: %v", name, language, values)
			}
			progress := c.Progress()
			if diff := cmp.Diff(map[string]string{CardTips: values[CardTips], CardButtons: values[CardButtons]}, progress); diff != "" {
				t.Errorf("%s, %s: an update changes %s", name, language, diff)
			}
		}
	}
}

func TestWhatThePresserSees(t *testing.T) {
	t.Parallel()
	for language, want := range map[command.Language]struct{ confirmed, hidden, unread, all string }{
		command.Chinese: {"✓ 你已收到 · 已读 5/8 · 收到 3 · 08-03 14:35 | unread:谁没读:gray remind:提醒:gray", "✓ 你已收到", "还有 3 人没读：人6、人7、人8", "8 人都读了"},
		command.English: {"✓ You have got it · Read 5/8 · confirmed 3 · 08-03 14:35 | unread:Unread:gray remind:Remind:gray", "✓ You have got it", "Not read (3): 人6, 人7, 人8", "All 8 have read it"},
	} {
		report, names := reportOf(5, 8)
		c := Card{Page: pageOf(language, names), Report: report, Asks: true, Confirmed: 3}
		if diff := cmp.Diff(want.confirmed, drawn(t, c.OwnConfirmed())); diff != "" {
			t.Errorf("confirmed, %s: %s", language, diff)
		}
		c.Hidden = true
		if got := c.OwnConfirmed()[CardTips]; got != want.hidden {
			t.Errorf("confirmed, while the progress is hidden, %s: %q", language, got)
		}
		if own, ok := c.OwnUnread(); !ok || own[CardTips] != want.unread || len(own) != 1 {
			t.Errorf("unread, %s: %v, %t", language, own, ok)
		}
		c.Report, _ = reportOf(8, 8)
		if own, ok := c.OwnUnread(); !ok || own[CardTips] != want.all {
			t.Errorf("all have read, %s: %v, %t", language, own, ok)
		}
	}
}

// Names that are not certain, not known or too many are no card's.
func TestNamesThatAreNotForACard(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Card){
		"not certain": func(c *Card) {
			c.Report.Gaps = []receipts.Gap{{Part: receipts.ReadersPart, Err: errors.New("x")}}
		},
		"one without a name":                 func(c *Card) { delete(c.Names, "u7") },
		"one with a name that shows nothing": func(c *Card) { c.Names["u7"] = "\u200b" },
		"too many":                           func(c *Card) { c.MaxNames = 2 },
		"too long": func(c *Card) {
			c.Report, c.Names = reportOf(0, 50)
			for id := range c.Names {
				c.Names[id] = strings.Repeat("长", NameRunes)
			}
		},
		"nobody to be named": func(c *Card) {
			c.Report.Source = receipts.Learned
			c.Report.Read = append(c.Report.Read, make([]receipts.Receipt, 3)...)
			c.Report.Unread = nil
		},
	} {
		report, names := reportOf(5, 8)
		c := Card{Page: pageOf(command.Chinese, names), Report: report}
		change(&c)
		if own, ok := c.OwnUnread(); ok {
			t.Errorf("%s: %v", name, own)
		}
	}
}

// Whatever people chose for a title or a name, a card's own lines are one line each, of
// no more than DingTalk takes.
func TestACardOfHostileText(t *testing.T) {
	t.Parallel()
	report, names := reportOf(5, 8)
	report.Message.Title = "a\nb\u202e\"}]" + strings.Repeat("长", 500)
	names["u7"] = "x\n#9 \u202e"
	c := Card{Page: pageOf(command.Chinese, names), Report: report, Asks: true}
	own, ok := c.OwnUnread()
	if !ok {
		t.Fatal("no names")
	}
	for what, value := range map[string]string{
		"title": c.Values()[CardTitle], "line": c.Line(), "names": own[CardTips], "sentence": c.Own(strings.Repeat("很长\n", 500))[CardTips], "buttons": c.Values()[CardButtons],
	} {
		if len(value) > cardValueBytes || strings.ContainsAny(value, "\n\u202e") || !utf8.ValidString(value) {
			t.Errorf("%s: %d bytes, %.100q", what, len(value), value)
		}
	}
	report.Message.Title = "\u200b"
	c.Report = report
	if got := c.Values()[CardTitle]; got != chinese.Untitled {
		t.Errorf("a title that shows nothing is %q", got)
	}
}
