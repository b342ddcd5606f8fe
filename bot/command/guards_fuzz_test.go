package command

import (
	"strconv"
	"strings"
	"testing"
)

// acting are commands that have an effect, in parts between which a number, a way and
// politeness may stand.
var acting = map[Verb][]string{
	Remind: {"提醒", "催一下", "提醒没看的人", "给没看的人发DING", "私信没读的人", "提醒一下还没看的同事", "remind", "remind them", "ping the unread", "remind those who haven't read it", "send them a DM reminder"},
	Follow: {"跟进 每30分钟", "每小时提醒一次没看的人", "一直催到都看完为止", "follow every 30m", "remind them every hour until 90%", "keep reminding every 2 hours"},
	Stop:   {"停止", "停止跟进", "取消提醒", "停止提醒", "stop", "stop following", "stop reminding"},
	Recall: {"撤回", "把刚才那条撤了", "撤回这条公告", "删掉刚才那条公告", "recall", "recall the last one", "take it back", "delete the last announcement"},
	Cancel: {"取消", "取消这条公告", "cancel", "cancel the last announcement"},
	Skip:   {"不用提醒张三", "跳过张三", "skip Bob"},
}

// guards take the effect away: before a command, behind it, and on both sides.
var guards = []struct {
	before, behind string
	negates        bool // what is refused may be stopped
}{
	{before: "别", negates: true},
	{before: "不要", negates: true},
	{before: "先别", negates: true},
	{before: "不用", negates: true},
	{before: "请不要再", negates: true},
	{before: "没", negates: true},
	{before: "还没有"},
	{before: "不能", negates: true},
	{before: "从不", negates: true},
	{before: "并非"},
	{before: "怎么"},
	{before: "如何"},
	{before: "能不能"},
	{before: "可以"},
	{before: "为什么"},
	{before: "是不是"},
	{before: "谁"},
	{before: "要不要"},
	{before: "如果"},
	{before: "什么时候"},
	{before: "已经"},
	{before: "刚才"},
	{before: "昨天"},
	{before: "张三"},
	{before: "谢谢"},
	{before: "我"},
	{before: "你们"},
	{before: "他们"},
	{before: "同事们"},
	{behind: "吗"},
	{behind: "？"},
	{behind: "?"},
	{behind: "了吗"},
	{behind: "了没"},
	{behind: "过了"},
	{behind: "过谁"},
	{behind: "失败"},
	{behind: "不了"},
	{behind: "什么"},
	{behind: "怎么用"},
	{behind: "的功能"},
	{behind: "也没用"},
	{behind: "行吗"},
	{behind: "可以吗"},
	{behind: "明天"},
	{behind: "张三开会"},
	{behind: "[疑问]"},
	{behind: "❌"},
	{behind: "写错了吗"},
	{behind: "看了的人"},
	{before: "don't ", negates: true},
	{before: "do not ", negates: true},
	{before: "never ", negates: true},
	{before: "please don't ", negates: true},
	{before: "no ", negates: true},
	{before: "how do I "},
	{before: "how to "},
	{before: "can I "},
	{before: "should we "},
	{before: "did you "},
	{before: "why "},
	{before: "who "},
	{before: "when did you "},
	{before: "was "},
	{before: "if "},
	{before: "I didn't "},
	{before: "haven't "},
	{before: "thanks for the "},
	{before: "I already "},
	{before: "Bob did "},
	{before: "what does ", behind: " mean"},
	{behind: "?"},
	{behind: " failed"},
	{behind: " is off"},
	{behind: " who"},
	{behind: " Bob to call"},
	{behind: " tomorrow"},
	{behind: " was wrong"},
	{behind: " by sms"},
	{behind: " does not work"},
	{behind: " me"},
	{behind: ", not"},
}

// guarded is a command with a guard, the message of that number and politeness in it.
func guarded(command, guard, number, courtesy int) (text string, verb Verb, negated bool) {
	var all []string
	var verbs []Verb
	for _, v := range Verbs() {
		for _, said := range acting[v] {
			all, verbs = append(all, said), append(verbs, v)
		}
	}
	at := command % len(all)
	text, verb = all[at], verbs[at]
	if number %= 5; number > 0 {
		said := []string{"#", "第", "no. ", "＃ "}[number-1] + strconv.Itoa(number)
		if number == 2 {
			said += "条"
		}
		text += " " + said
	}
	g := guards[guard%len(guards)]
	text = g.before + text + g.behind
	courtesies := []string{"", "请", "麻烦", "please ", "嗯那个"}
	return courtesies[courtesy%len(courtesies)] + text + []string{"", "，谢谢", " thanks", "🙏", "。"}[courtesy/len(courtesies)%5], verb, g.negates
}

// FuzzGuards takes commands that have an effect and guards them: none has it then. What is
// refused may end a follow-up, or let people be skipped.
func FuzzGuards(f *testing.F) {
	for n := range 40 {
		f.Add(uint16(n), uint16(3*n), uint16(n), uint16(7*n))
	}
	f.Fuzz(func(t *testing.T, command, guard, number, courtesy uint16) {
		text, verb, negated := guarded(int(command), int(guard), int(number), int(courtesy))
		checkGuarded(t, text, verb, negated)
	})
}

// Every guard takes the effect from every command.
func TestGuards(t *testing.T) {
	t.Parallel()
	commands := 0
	for _, said := range acting {
		commands += len(said)
	}
	for command := range commands {
		for guard := range guards {
			for _, courtesy := range []int{0, 1, 3, 5, 15, 24} {
				text, verb, negated := guarded(command, guard, command+guard, courtesy)
				checkGuarded(t, text, verb, negated)
			}
		}
	}
	for verb, said := range acting { // and without one they have it
		for _, text := range said {
			if got := Parse(text); got.Verb != verb {
				t.Errorf("%q is taken for %+v", text, got)
			}
		}
	}
}

func checkGuarded(t *testing.T, text string, verb Verb, negated bool) {
	t.Helper()
	said := Parse(text)
	switch {
	case harm(said) == "":
	case negated && (said.Verb == Stop || said.Verb == Skip) && (verb == Remind || verb == Follow || verb == Skip):
	case said.Verb == Skip && verb == Skip && strings.Contains(text, "张三"): // the guard may be a part of the name
	case said.Verb == Skip && verb == Skip && strings.Contains(text, "Bob"):

	default:
		t.Errorf("%q is taken for %+v", text, said)
	}
	for _, hint := range []string{said.Nearest, said.Second} {
		if negated && hint != "" && strings.Contains(text, "张三") == false && Parse(hint).Verb == verb && verb != Skip && verb != Stop && verb != Cancel {
			t.Errorf("%q is answered by the hint %q", text, hint)
		}
	}
}
