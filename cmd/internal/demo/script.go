package demo

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// action is what a step of a script does.
type action string

// The actions. demo.txt explains the format.
const (
	actionGroup  action = "group"
	actionSay    action = "say"
	actionRead   action = "read"
	actionJoin   action = "join"
	actionLeave  action = "leave"
	actionLater  action = "later"
	actionPress  action = "press"
	actionRemark action = "--"
)

// step is one step of a script.
type step struct {
	line   int
	action action
	title  string        // of beginGroup
	people []role        // of beginGroup, read, join and leave; the speaker of say
	text   string        // of say and remark; the button of press
	quote  string        // of say: words of the quoted message
	after  time.Duration // of later
}

// role is a person of a script.
type role struct {
	name           string
	admin, outside bool
}

var (
	spokenLine = regexp.MustCompile(`^([^\s:：>]+)\s*(?:>\s*([^:：]+?)\s*)?[:：]\s*(.*)$`)
	roleWord   = regexp.MustCompile(`^(.+?)(\(admin\)|\(outside\))?$`)
)

// parseScript reads the steps of a script. Its error names the line.
func parseScript(r io.Reader) ([]step, error) {
	var steps []step
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			if len(steps) == 0 || steps[len(steps)-1].action != actionSay {
				return nil, fmt.Errorf("line %d: an indented line must follow what somebody says", n)
			}
			steps[len(steps)-1].text += "\n" + strings.TrimSpace(line)
			continue
		}
		s, err := parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		s.line = n
		if len(steps) == 0 && s.action != actionRemark && s.action != actionGroup {
			return nil, fmt.Errorf("line %d: a script begins with: group TITLE: NAME NAME", n)
		}
		steps = append(steps, s)
	}
	return steps, lines.Err()
}

func parseStep(line string) (step, error) {
	word, rest, _ := strings.Cut(line, " ")
	switch action(word) {
	case actionRemark:
		return step{action: actionRemark, text: rest}, nil
	case actionGroup:
		title, names, ok := strings.Cut(strings.ReplaceAll(rest, "：", ":"), ":")
		s := step{action: actionGroup, title: strings.TrimSpace(title), people: parseRoles(names)}
		if !ok || s.title == "" || len(s.people) == 0 {
			return step{}, fmt.Errorf("a group needs a title and people: group TITLE: NAME NAME")
		}
		return s, nil
	case actionLater:
		after, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil || after <= 0 || after > 31*24*time.Hour {
			return step{}, fmt.Errorf("later needs a time such as 30m, up to 744h")
		}
		return step{action: actionLater, after: after}, nil
	case actionPress:
		button, names, ok := strings.Cut(strings.ReplaceAll(rest, "：", ":"), ":")
		s := step{action: actionPress, text: strings.TrimSpace(button), people: parseRoles(names)}
		if !ok || s.text == "" || len(s.people) == 0 {
			return step{}, fmt.Errorf("press needs a button and people: press BUTTON: NAME NAME")
		}
		return s, nil
	case actionRead, actionJoin, actionLeave:
		if people := parseRoles(rest); len(people) > 0 {
			return step{action: action(word), people: people}, nil
		}
		return step{}, fmt.Errorf("%s needs at least one name", word)
	}
	if m := spokenLine.FindStringSubmatch(line); m != nil {
		return step{action: actionSay, people: parseRoles(m[1]), quote: m[2], text: m[3]}, nil
	}
	return step{}, fmt.Errorf("%q is not understood; say NAME: TEXT, or one of group, read, press, join, leave, later, --", word)
}

func parseRoles(names string) []role {
	var roles []role
	for word := range strings.FieldsSeq(names) {
		m := roleWord.FindStringSubmatch(word)
		roles = append(roles, role{name: m[1], admin: m[2] == "(admin)", outside: m[2] == "(outside)"})
	}
	return roles
}
