// Package script is a language for what people say and do in a group of dingtalktest's, and a
// Stage on which they do it. The demo plays such scripts, and so do tests of conversations.
//
//	group TITLE: NAME NAME ...   begins a group; (admin) after a name makes an administrator,
//	                             (outside) somebody of another organisation
//	NAME: TEXT                   says something; lines that are indented go on with it
//	NAME > WORDS: TEXT           the same, quoting the last message that holds the words, one whose
//	                             readers can be asked for if there is any
//	read NAME NAME ...           these people read what the bot last posted
//	press BUTTON: NAME NAME ...  these people press the button of the last card
//	join NAME ... / leave NAME ...
//	later DURATION               time passes
//	-- TEXT                      a remark
//	# TEXT                       a comment, which nobody sees
package script

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Action is what a step of a script does.
type Action string

// The actions of the language.
const (
	Group  Action = "group"
	Say    Action = "say"
	Read   Action = "read"
	Join   Action = "join"
	Leave  Action = "leave"
	Later  Action = "later"
	Press  Action = "press"
	Remark Action = "--"
)

// Step is one step of a script.
type Step struct {
	Line   int // where it begins, from 1
	Action Action
	Title  string        // of Group
	People []Role        // of Group, Read, Press, Join and Leave; the speaker of Say
	Text   string        // of Say and Remark; the button of Press; the rest of the line of a caller's own action
	Quote  string        // of Say: words of the quoted message
	After  time.Duration // of Later
}

// Role is a person of a script.
type Role struct {
	Name           string
	Admin, Outside bool
}

var (
	spokenLine = regexp.MustCompile(`^([^\s:：>]+)\s*(?:>\s*([^:：]+?)\s*)?[:：]\s*(.*)$`)
	roleWord   = regexp.MustCompile(`^(.+?)(\(admin\)|\(outside\))?$`)
)

// Parse reads the steps of a script. Beside the actions of the language it knows the caller's
// own, which may stand before the group. Its error names the line.
func Parse(r io.Reader, own ...Action) ([]Step, error) {
	var steps []Step
	grouped := false
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			if len(steps) == 0 || steps[len(steps)-1].Action != Say {
				return nil, fmt.Errorf("line %d: an indented line must follow what somebody says", n)
			}
			steps[len(steps)-1].Text += "\n" + strings.TrimSpace(line)
			continue
		}
		s, err := parseStep(line, own)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		s.Line = n
		grouped = grouped || s.Action == Group
		if !grouped && s.Action != Remark && !slices.Contains(own, s.Action) {
			return nil, fmt.Errorf("line %d: a script begins with: group TITLE: NAME NAME", n)
		}
		steps = append(steps, s)
	}
	return steps, lines.Err()
}

func parseStep(line string, own []Action) (Step, error) {
	word, rest, _ := strings.Cut(line, " ")
	switch action := Action(word); action {
	case Remark:
		return Step{Action: Remark, Text: rest}, nil
	case Group:
		title, names, ok := strings.Cut(strings.ReplaceAll(rest, "：", ":"), ":")
		s := Step{Action: Group, Title: strings.TrimSpace(title), People: Roles(names)}
		if !ok || s.Title == "" || len(s.People) == 0 {
			return Step{}, fmt.Errorf("a group needs a title and people: group TITLE: NAME NAME")
		}
		return s, nil
	case Later:
		after, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil || after <= 0 || after > 31*24*time.Hour {
			return Step{}, fmt.Errorf("later needs a time such as 30m, up to 744h")
		}
		return Step{Action: Later, After: after}, nil
	case Press:
		button, names, ok := strings.Cut(strings.ReplaceAll(rest, "：", ":"), ":")
		s := Step{Action: Press, Text: strings.TrimSpace(button), People: Roles(names)}
		if !ok || s.Text == "" || len(s.People) == 0 {
			return Step{}, fmt.Errorf("press needs a button and people: press BUTTON: NAME NAME")
		}
		return s, nil
	case Read, Join, Leave:
		if people := Roles(rest); len(people) > 0 {
			return Step{Action: action, People: people}, nil
		}
		return Step{}, fmt.Errorf("%s needs at least one name", word)
	default:
		if slices.Contains(own, action) {
			return Step{Action: action, Text: strings.TrimSpace(rest)}, nil
		}
	}
	if m := spokenLine.FindStringSubmatch(line); m != nil {
		return Step{Action: Say, People: Roles(m[1]), Quote: m[2], Text: m[3]}, nil
	}
	return Step{}, fmt.Errorf("%q is not understood; say NAME: TEXT, or one of group, read, press, join, leave, later, --", word)
}

// Roles reads the names of people.
func Roles(names string) []Role {
	var roles []Role
	for word := range strings.FieldsSeq(names) {
		m := roleWord.FindStringSubmatch(word)
		roles = append(roles, Role{Name: m[1], Admin: m[2] == "(admin)", Outside: m[2] == "(outside)"})
	}
	return roles
}
