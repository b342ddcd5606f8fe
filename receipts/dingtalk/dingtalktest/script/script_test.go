package script_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts/dingtalk/dingtalktest/script"
)

func TestAScriptIsReadStepByStep(t *testing.T) {
	t.Parallel()
	got, err := script.Parse(strings.NewReader(`# a comment
group 项目组：李雷(admin) Bob(outside)
-- a remark: with a colon

李雷: @whoread 公告 标题
    第二行
Bob > 标题: @whoread 谁没读
read Bob
join Eve
leave Bob
later 1h30m
press Got it: Bob
press 收到：Bob Eve
`))
	if err != nil {
		t.Fatal(err)
	}
	bob := []script.Role{{Name: "Bob"}}
	want := []script.Step{
		{Line: 2, Action: script.Group, Title: "项目组", People: []script.Role{{Name: "李雷", Admin: true}, {Name: "Bob", Outside: true}}},
		{Line: 3, Action: script.Remark, Text: "a remark: with a colon"},
		{Line: 5, Action: script.Say, People: []script.Role{{Name: "李雷"}}, Text: "@whoread 公告 标题\n第二行"},
		{Line: 7, Action: script.Say, People: bob, Quote: "标题", Text: "@whoread 谁没读"},
		{Line: 8, Action: script.Read, People: bob},
		{Line: 9, Action: script.Join, People: []script.Role{{Name: "Eve"}}},
		{Line: 10, Action: script.Leave, People: bob},
		{Line: 11, Action: script.Later, After: 90 * time.Minute},
		{Line: 12, Action: script.Press, Text: "Got it", People: bob},
		{Line: 13, Action: script.Press, Text: "收到", People: []script.Role{{Name: "Bob"}, {Name: "Eve"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A test has words of its own; the demo knows none of them.
func TestACallersOwnActionTakesTheRestOfItsLine(t *testing.T) {
	t.Parallel()
	const source = "set reports.to  direct\ngroup T: Bob\nset a: b"
	got, err := script.Parse(strings.NewReader(source), "set")
	want := []script.Step{
		{Line: 1, Action: "set", Text: "reports.to  direct"},
		{Line: 2, Action: script.Group, Title: "T", People: []script.Role{{Name: "Bob"}}},
		{Line: 3, Action: "set", Text: "a: b"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := script.Parse(strings.NewReader(source)); err == nil {
		t.Error("somebody else's word passes")
	}
}

func TestAMistakeInAScriptIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"Bob: hi":                   "line 1: a script begins with",
		"   indented":               "line 1: an indented line",
		"group Team":                "line 1: a group needs",
		"group : Bob":               "line 1: a group needs",
		"group T: Bob\nread":        "line 2: read needs",
		"group T: Bob\npress X":     "line 2: press needs a button",
		"group T: Bob\npress : Bob": "line 2: press needs a button",
		"group T: Bob\npress X:":    "line 2: press needs a button",
		"group T: Bob\nshout":       `line 2: "shout" is not understood`,
		"group T: Bob\nlater":       "line 2: later needs a time",
		"group T: Bob\nlater 30":    "line 2: later needs a time",
		"group T: Bob\nlater -30m":  "line 2: later needs a time",
		"group T: Bob\nlater 745h":  "line 2: later needs a time",
		"later 30m":                 "line 1: a script begins with",
		"group T: Bob\nread A\n  x": "line 3: an indented line",
	} {
		if _, err := script.Parse(strings.NewReader(source)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %s", source, err, want)
		}
	}
}
