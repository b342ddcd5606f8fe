package config

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar is what a single value of the file says.
type scalar struct {
	text      string // with variables replaced
	line      int
	kind      ast.NodeType
	quoted    bool
	secret    bool
	variables []string // that were replaced in it
}

// String is how a message names it: what variables stand for may be secret.
func (s scalar) String() string {
	switch {
	case len(s.variables) > 0:
		return "what ${" + s.variables[0] + "} stands for"
	case s.secret, strings.Contains(s.text, "@") && strings.Contains(s.text, ":"): // perhaps an address with a password
		return "this"
	case s.quoted || s.kind == ast.StringType || s.kind == ast.LiteralType:
		return strconv.Quote(shown(s.text))
	default:
		return shown(s.text)
	}
}

// shown is a text as it may stand in a message.
func shown(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// scalar returns what a single value says; false if the node is none. It is nil if a
// variable of it is not set, which is recorded as a mistake.
func (r *reader) scalar(node ast.Node, path string) (*scalar, bool) {
	s := &scalar{line: lineOf(node), kind: node.Type()}
	switch node := node.(type) {
	case *ast.StringNode:
		s.quoted = node.Token.Type == token.DoubleQuoteType || node.Token.Type == token.SingleQuoteType
		s.text = node.Value
	case *ast.LiteralNode:
		s.quoted = true
		s.text = node.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		s.text = node.GetToken().Value
		return s, true // as it is written: the zeros before a userId belong to it
	default:
		return nil, false
	}
	if !r.expand(s, path) {
		return nil, true
	}
	return s, true
}

var (
	// variable is ${NAME}; $${NAME} stands for the text ${NAME}.
	variable     = regexp.MustCompile(`\$?\$\{[^}]*\}?`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// expand replaces the variables; false if one of them can't be.
func (r *reader) expand(s *scalar, path string) bool {
	ok := true
	s.text = variable.ReplaceAllStringFunc(s.text, func(match string) string {
		if strings.HasPrefix(match, "$$") {
			return match[1:]
		}
		name, closed := strings.CutSuffix(match[len("${"):], "}")
		if !closed || !variableName.MatchString(name) {
			// It may be a piece of a secret, and is not repeated.
			r.mistake(s.line, path, "holds ${, but not ${NAME}; there is no other form, and $${ stands for the text ${")
			ok = false
			return ""
		}
		value, set := r.environment(name)
		if !set {
			r.mistake(s.line, path, "${%s} is not set in the environment; set %s, or write the value here", name, name)
			ok = false
		}
		s.variables = append(s.variables, name)
		return value
	})
	s.quoted = s.quoted && len(s.variables) == 0
	return ok
}

// readScalar reads a single value by its setting.
func (r *reader) readScalar(said scalar, into reflect.Value, path string, s setting) {
	wrong := func(wanted, hint string) {
		if hint != "" && !said.secret && len(said.variables) == 0 {
			hint = "; " + hint
		} else {
			hint = ""
		}
		r.mistake(said.line, path, "%s is not %s%s", said, wanted, hint)
	}
	wanted := s.wanted(into.Type())
	switch into.Interface().(type) {
	case Duration:
		d, err := time.ParseDuration(said.text)
		if err != nil || !s.within(int64(d)) {
			if err != nil {
				wanted += ", such as " + s.likely().String()
			}
			wrong(wanted, durationHint(said.text, s))
			return
		}
		into.SetInt(int64(d))
		return
	case Percentage:
		p, ok := parsePercentage(said.text)
		if !ok || said.text != "" && !s.within(p) {
			wrong(wanted, percentageHint(said.text, s))
			return
		}
		into.SetInt(p)
		return
	case Secret, RedisURL:
		said.secret = true
	}
	switch into.Kind() {
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(said.text, 10, 64)
		if err != nil || said.quoted || !s.within(n) {
			wrong(wanted, numberHint(said.text, s))
			return
		}
		into.SetInt(n)
	case reflect.Bool:
		if said.text != "true" && said.text != "false" || said.quoted {
			wrong(wanted, boolHint(said.text))
			return
		}
		into.SetBool(said.text == "true")
	default:
		r.readText(said, into, path, s, func(hint string) { wrong(wanted, hint) })
	}
}

// readText reads a text by its setting; wrong records that it is not what is wanted.
func (r *reader) readText(said scalar, into reflect.Value, path string, s setting, wrong func(hint string)) {
	if said.secret || s.noSpaces {
		said.text = strings.TrimSpace(said.text) // as where it is in a file
	}
	switch {
	case s.noSpaces && strings.ContainsFunc(said.text, isUnseen):
		r.mistake(said.line, path, "%s", unseenRemedy)
	case said.secret && strings.ContainsAny(said.text, "\r\n"):
		r.mistake(said.line, path, "holds more than one line; the secret must be alone in it")
	case said.text == "" && strings.HasSuffix(path, "]"):
		r.mistake(said.line, path, "is empty; take it out of the list")
	case said.kind == ast.BoolType:
		r.mistake(said.line, path, "true and false are not text; put it in quotes")
	case len(s.choices) > 0 && !slices.Contains(s.choices, said.text):
		wrong(choiceHint(said.text, s.choices))
	case s.form != nil && s.form.accepts != nil && !s.form.accepts(said.text):
		wrong(s.form.hint(said.text))
	case len(s.choices) == 0 && s.form == nil && foreignQuotes(said.text):
		r.mistake(said.line, path, `is in quotes of another kind (“”); use "..." or none`)
	case strings.HasSuffix(path, "]") && strings.ContainsAny(said.text, ",，、"):
		r.mistake(said.line, path, "holds a comma: separate the entries of a list by a comma and a space, as in [one, two]")
	default:
		into.SetString(said.text)
	}
}

// isUnseen reports whether a character is blank or does not show.
func isUnseen(c rune) bool { return c == ' ' || !unicode.IsPrint(c) }

const unseenRemedy = "holds a blank, a line break or a character that can't be seen; copy it again, without"
