package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is read.
const (
	maxBytes       = 1 << 20  // bytes of a configuration
	MaxSecretBytes = 64 << 10 // bytes of a file that holds a secret
	// maxNested is how deep brackets may be in each other. The YAML library needs
	// gigabytes for a file of nothing else.
	maxNested = 100
)

// Mistakes are the mistakes of one file, by line; each names its line and key, and
// what to do. No text of the file is in them but keys and what is not secret.
type Mistakes struct {
	File string
	All  []Mistake
}

func (e *Mistakes) Error() string {
	return fmt.Sprintf("configuration %s:\n  %s", e.File, strings.Join(e.lines(), "\n  "))
}

// lines are the mistakes in words.
func (e *Mistakes) lines() []string {
	lines := make([]string, len(e.All))
	for i, m := range e.All {
		lines[i] = m.String()
	}
	return lines
}

// File is a configuration with the places of its keys.
type File struct {
	Config Config
	lines  keyLines
}

// Line returns the line of the key, or else of the nearest section around it; 0 if neither
// is in the file.
func (f *File) Line(key string) int { return f.lines.of(key) }

// Load reads the file, expands ${VAR} from the environment, reads secrets from
// their files, and checks everything. Its error is a *Mistakes.
func Load(path string, environment func(string) (string, bool)) (Config, error) {
	f, err := Read(path, environment)
	if err != nil {
		return Config{}, err
	}
	return f.Config, nil
}

// Read is Load that knows the lines of the keys too. With an error it returns what
// could be understood of the file, and nil if the file can't be read at all.
func Read(path string, environment func(string) (string, bool)) (*File, error) {
	source, err := readFile(path, maxBytes)
	if err != nil {
		wrong := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			wrong += "; copy config.example.yaml to it and fill in the credentials"
		}
		return nil, &Mistakes{File: path, All: []Mistake{{Text: wrong}}}
	}
	return Parse(path, source, environment)
}

// Parse is Read of a file that has been read. It never returns nil.
func Parse(path string, source []byte, environment func(string) (string, bool)) (*File, error) {
	c := Default()
	r := &reader{environment: environment, anchors: map[string]ast.Node{}, lines: keyLines{}, failed: map[string]bool{}}
	if body := r.parse(source); body != nil {
		r.read(body, reflect.ValueOf(&c).Elem(), "", "")
	}
	if !r.broken {
		c.complete(filepath.Dir(path), r)
	}
	f := &File{Config: c, lines: r.lines}
	if len(r.wrong) > 0 {
		slices.SortStableFunc(r.wrong, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
		return f, &Mistakes{File: path, All: r.wrong}
	}
	return f, nil
}

// readFile reads a file of at most so many bytes. Its errors say what is wrong and
// what to do, without the path, and match those of io/fs.
func readFile(path string, most int64) ([]byte, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, plainError{err}
	case info.IsDir():
		return nil, errors.New("is a directory; name the file in it")
	case !info.Mode().IsRegular():
		// It is read again whenever it may have changed: a pipe has nothing more then.
		return nil, errors.New("is no regular file; write it to one")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, plainError{err}
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, plainError{err}
	case int64(len(content)) > most:
		return nil, fmt.Errorf("is larger than %d KiB; is it the right file?", most>>10)
	}
	return content, nil
}

// ReadSecret reads a file that holds a secret. Its errors are without the path.
func ReadSecret(path string) (Secret, error) {
	content, err := readFile(path, MaxSecretBytes)
	return Secret(bytes.TrimSpace(content)), err
}

// plainError is an error of the file system in words for people.
type plainError struct{ error }

func (e plainError) Unwrap() error { return e.error }

func (e plainError) Error() string {
	switch {
	case errors.Is(e.error, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(e.error, fs.ErrPermission):
		return fmt.Sprintf("may not be read by the user that runs whoread (uid %d); chown or chmod it", os.Getuid())
	}
	if path, ok := errors.AsType[*fs.PathError](e.error); ok {
		return "can't be read: " + path.Err.Error()
	}
	return "can't be read: " + e.error.Error()
}

// Mistake is one thing that is wrong in a file.
type Mistake struct {
	Line int    // 0: of no line, or nobody knows
	Key  string // the whole path; empty: the file itself
	Text string
}

func (m Mistake) String() string {
	var parts []string
	if m.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", m.Line))
	}
	if m.Key != "" {
		parts = append(parts, m.Key)
	}
	return strings.Join(append(parts, m.Text), ": ")
}

// reader reads a file into a config, and goes on after each mistake, so that all are
// found at once.
type reader struct {
	environment func(string) (string, bool)
	anchors     map[string]ast.Node
	lines       keyLines
	failed      map[string]bool // keys whose value could not be read
	wrong       []Mistake
	broken      bool // the file can't be read at all
}

// mistake records that the value of the key can't be taken.
func (r *reader) mistake(line int, key, format string, args ...any) {
	r.failed[key] = true
	r.wrong = append(r.wrong, Mistake{line, key, fmt.Sprintf(format, args...)})
}

// fatal records why nothing of the file can be read.
func (r *reader) fatal(line int, format string, args ...any) {
	r.broken = true
	r.mistake(line, "", format, args...)
}

// check records a mistake at the key, unless ok or the key could not be read anyway.
// Where the key is missing, the line is that of its section.
func (r *reader) check(ok bool, key, format string, args ...any) {
	if ok || r.failed[key] {
		return
	}
	r.mistake(r.lines.of(key), key, format, args...)
}

// keyLines are the lines of the keys that are in a file.
type keyLines map[string]int

// of returns the line of the key, or else of the nearest section around it; 0 if neither is
// in the file.
func (l keyLines) of(key string) int {
	for place := key; place != ""; place = place[:max(0, strings.LastIndexByte(place, '.'))] {
		if line := l[place]; line > 0 {
			return line
		}
	}
	return 0
}

// parse returns what the file holds; nil if that is nothing, or not YAML.
func (r *reader) parse(source []byte) ast.Node {
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	source = bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n"))
	switch {
	case bytes.HasPrefix(source, []byte{0xff, 0xfe}), bytes.HasPrefix(source, []byte{0xfe, 0xff}):
		r.fatal(0, "the file is in UTF-16; save it as UTF-8")
		return nil
	case !utf8.Valid(source):
		line := 1
		for text := range bytes.Lines(source) {
			if !utf8.Valid(text) {
				break
			}
			line++
		}
		r.fatal(line, "the file is not in UTF-8, but perhaps in GBK; save it as UTF-8")
		return nil
	case len(bytes.TrimSpace(source)) == 0:
		r.fatal(0, "the file is empty; copy config.example.yaml to it and fill in the credentials")
		return nil
	}
	nested, line := 0, 1
	for _, c := range source {
		switch c {
		case '\n':
			line++
		case '[', '{':
			nested++
		case ']', '}':
			nested--
		}
		if nested > maxNested {
			r.fatal(line, "there are more than %d brackets that are not closed", maxNested)
			return nil
		}
	}
	file, err := parser.ParseBytes(source, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, text := syntaxMistake(err, strings.Split(string(source), "\n"))
		r.fatal(line, "%s", text)
		return nil
	}
	var bodies []ast.Node
	for _, document := range file.Docs {
		if _, directive := document.Body.(*ast.DirectiveNode); document.Body != nil && !directive {
			bodies = append(bodies, document.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return nil
	case 1:
	default:
		r.fatal(bodies[1].GetToken().Position.Line, "the file holds more than one YAML document; take the --- out")
		return nil
	}
	for _, node := range ast.Filter(ast.AnchorType, bodies[0]) {
		anchor := node.(*ast.AnchorNode)
		r.anchors[anchor.Name.GetToken().Value] = anchor.Value
	}
	return bodies[0]
}

// maxLinks is how many references of YAML (&name, *name) may lead to a value.
const maxLinks = 8

// resolve follows anchors, aliases and YAML's own tags to the value itself; nil where
// there is none, which is recorded as a mistake.
func (r *reader) resolve(node ast.Node, path string) ast.Node {
	line := lineOf(node)
	for range maxLinks {
		switch link := node.(type) {
		case *ast.AnchorNode:
			node = link.Value
		case *ast.AliasNode:
			target, known := r.anchors[link.Value.GetToken().Value]
			if !known {
				r.mistake(line, path, "refers to an anchor that is not in the file (*name needs an &name above)")
				return nil
			}
			node = target
		case *ast.TagNode:
			if !strings.HasPrefix(link.Start.Value, "!!") {
				r.mistake(line, path, "has a tag (!...) that is not known here; take it out")
				return nil
			}
			node = link.Value
		default:
			return node
		}
	}
	r.mistake(line, path, "refers to itself (&name, *name); write it out")
	return nil
}

func lineOf(node ast.Node) int {
	if node == nil || node.GetToken() == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

// read reads a node into a value. Path is where it stands in the file; known is the
// key of its setting. Nothing in the file leaves the default.
func (r *reader) read(node ast.Node, into reflect.Value, path, known string) {
	line := lineOf(node)
	if node = r.resolve(node, path); node == nil || node.Type() == ast.NullType {
		return
	}
	s := settings[known]
	var given string // what stands there that does not belong
	switch {
	case into.Kind() == reflect.Struct || into.Kind() == reflect.Map:
		if entries, ok := r.entries(node, path); ok {
			for _, e := range entries {
				if into.Kind() == reflect.Map {
					r.readEntry(e, into, path, known)
				} else {
					r.readKey(e, into, path, known)
				}
			}
			return
		}
	case into.Kind() == reflect.Slice:
		if list, ok := node.(*ast.SequenceNode); ok {
			r.readList(list, into, path, known)
			return
		}
	default:
		if said, ok := r.scalar(node, path); ok {
			if said != nil {
				r.readScalar(*said, into, path, s)
			}
			return
		}
	}
	switch node.Type() {
	case ast.MappingType, ast.MappingValueType:
		given = "keys with values"
	case ast.SequenceType:
		given = "a list"
	default:
		given = "a single value"
	}
	remedy := ""
	if into.Kind() == reflect.Slice && given == "a single value" {
		remedy = "; put it in [ ]"
	}
	if text, ok := node.(*ast.StringNode); ok && into.Kind() != reflect.Slice {
		remedy = colonRemedy(text.Value)
	}
	if path == "" {
		r.fatal(line, "the file is %s, not sections such as dingtalk: with their keys below%s", given, remedy)
		return
	}
	r.mistake(line, path, "is %s, not %s%s", given, s.wanted(into.Type()), remedy)
}

// entry is one key of a mapping with its value.
type entry struct {
	key   string
	line  int
	value ast.Node
}

// entries are the keys of a mapping, each once; false if the node is none.
func (r *reader) entries(node ast.Node, path string) ([]entry, bool) {
	var pairs []*ast.MappingValueNode
	switch m := node.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		return nil, false
	}
	var all, merged []entry
	first := map[string]int{} // lines
	for _, pair := range pairs {
		line := lineOf(pair.Key)
		if pair.Key.IsMergeKey() {
			base := r.resolve(pair.Value, path)
			if base == pair.Value || base == nil || base.Type() != ast.MappingType {
				r.mistake(line, path, "<< takes the keys of one other section by its anchor (<<: *name)")
				continue
			}
			for _, e := range base.(*ast.MappingNode).Values {
				merged = append(merged, entry{e.Key.GetToken().Value, line, e.Value})
			}
			continue
		}
		key := pair.Key.GetToken().Value
		if text, ok := r.scalar(pair.Key, below(path, key)); ok && text != nil {
			key = text.text
		}
		if before := first[key]; before > 0 {
			r.mistake(line, below(path, shown(key)), "is given twice, first in line %d; keep one of them", before)
			continue
		}
		first[key] = line
		all = append(all, entry{key, line, pair.Value})
	}
	for _, e := range merged {
		if first[e.key] == 0 {
			first[e.key] = e.line
			all = append(all, e)
		}
	}
	return all, true
}

// below is the path of a key of a section.
func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// readKey reads one key of a section.
func (r *reader) readKey(e entry, section reflect.Value, path, known string) {
	for field, value := range section.Fields() {
		if keyOf(field) == e.key {
			r.lines[below(path, e.key)] = e.line
			r.read(e.value, value, below(path, e.key), below(known, e.key))
			return
		}
	}
	remedy, guess := unknownRemedy(e.key, known)
	if guess == "" && e.value.Type() == ast.NullType && !keyLike.MatchString(e.key) {
		// A value that lost its key, perhaps a secret.
		r.mistake(e.line, path, "holds something that is no key with a value (key: value)")
		return
	}
	r.mistake(e.line, below(path, shown(e.key)), "unknown key%s", remedy)
	if guess != "" {
		r.failed[below(path, guess)] = true // it is not missing, but misspelt
	}
}

// keyLike is what keys look like.
var keyLike = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// keyOf is the key of a field of the configuration.
func keyOf(field reflect.StructField) string {
	key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return key
}

// readEntry reads one entry of what is by conversation id.
func (r *reader) readEntry(e entry, all reflect.Value, path, known string) {
	if all.IsNil() {
		all.Set(reflect.MakeMap(all.Type()))
	}
	r.lines[below(path, e.key)] = e.line
	if e.key == "" {
		r.mistake(e.line, path, "has an entry without a conversation id; write one, or take the entry out")
		return
	}
	one := reflect.New(all.Type().Elem()).Elem()
	r.read(e.value, one, below(path, e.key), below(known, "*"))
	all.SetMapIndex(reflect.ValueOf(e.key), one)
}

func (r *reader) readList(list *ast.SequenceNode, into reflect.Value, path, known string) {
	all := reflect.MakeSlice(into.Type(), 0, len(list.Values))
	for i, node := range list.Values {
		place := fmt.Sprintf("%s[%d]", path, i)
		r.lines[place] = lineOf(node)
		one := reflect.New(into.Type().Elem()).Elem()
		if value := r.resolve(node, place); value != nil && value.Type() == ast.NullType {
			r.mistake(lineOf(node), place, "is empty; take it out of the list")
		} else {
			r.read(node, one, place, known)
		}
		all = reflect.Append(all, one)
	}
	into.Set(all)
	if most := settings[known].items; most > 0 && len(list.Values) > most {
		r.mistake(lineOf(list), path, "has %d entries; there may be %d at most", len(list.Values), most)
	}
}

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

// secretFromFile reads the secret from its file, if it has one; path is made absolute.
func (r *reader) secretFromFile(current string, file *string, folder, key string) string {
	if *file == "" {
		r.failed[key] = r.failed[key] || r.failed[key+"_file"] // it is not missing
		return current
	}
	fileKey := key + "_file"
	r.check(current == "", fileKey, "and %s are both given; keep one of them", key[strings.LastIndexByte(key, '.')+1:])
	*file = inFolder(*file, folder)
	content, err := readFile(*file, MaxSecretBytes)
	if err != nil {
		r.check(false, fileKey, "%v", err)
		r.failed[key] = true // one mistake about it is enough
		return ""
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
	r.check(text != "", fileKey, "is an empty file; write the secret into it")
	r.check(!strings.ContainsAny(text, "\r\n"), fileKey, "holds more than one line; the secret must be alone in it")
	r.check(!settings[key].noSpaces || !strings.ContainsFunc(text, isUnseen), fileKey, "%s", unseenRemedy)
	r.failed[key] = r.failed[key] || r.failed[fileKey]
	return text
}

// inFolder is where a file of the configuration is: relative to its folder.
func inFolder(file, folder string) string {
	if filepath.IsAbs(file) {
		return file
	}
	absolute, err := filepath.Abs(filepath.Join(folder, file))
	if err != nil {
		return filepath.Join(folder, file)
	}
	return absolute
}
