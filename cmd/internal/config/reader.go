package config

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

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
		missing := "conversation id"
		if known == "groups" {
			missing = "name"
		}
		r.mistake(e.line, path, "has an entry without a %s; write one, or take the entry out", missing)
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
