package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAScriptIsReadStepByStep(t *testing.T) {
	t.Parallel()
	got, err := parseScript(strings.NewReader(`# a comment
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
	bob := []role{{name: "Bob"}}
	want := []step{
		{line: 2, action: actionGroup, title: "项目组", people: []role{{name: "李雷", admin: true}, {name: "Bob", outside: true}}},
		{line: 3, action: actionRemark, text: "a remark: with a colon"},
		{line: 5, action: actionSay, people: []role{{name: "李雷"}}, text: "@whoread 公告 标题\n第二行"},
		{line: 7, action: actionSay, people: bob, quote: "标题", text: "@whoread 谁没读"},
		{line: 8, action: actionRead, people: bob},
		{line: 9, action: actionJoin, people: []role{{name: "Eve"}}},
		{line: 10, action: actionLeave, people: bob},
		{line: 11, action: actionLater, after: 90 * time.Minute},
		{line: 12, action: actionPress, text: "Got it", people: bob},
		{line: 13, action: actionPress, text: "收到", people: []role{{name: "Bob"}, {name: "Eve"}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(step{}, role{})); diff != "" {
		t.Error(diff)
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
		if _, err := parseScript(strings.NewReader(source)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %s", source, err, want)
		}
	}
}
