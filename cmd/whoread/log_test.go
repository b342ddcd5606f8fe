package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"whoread/cmd/internal/ops/opstest"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// ownKeys are those that the log gives to every line by itself, and to some: see ops.NewLog.
var ownKeys = []string{"level", "ts", "msg", "logger", "left_out"}

// line is what the source says about one line of the log.
type line struct {
	place   string
	message string
	fixed   bool // the message is a literal
}

// logging finds the lines of the log in the source, and the keys of their fields.
func logging(t *testing.T) (lines []line, keys map[string]string) {
	t.Helper()
	keys = map[string]string{}
	for _, folder := range []string{"../../bot", "../../store", "../../receipts", ".."} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "dingtalktest", entry.IsDir() && entry.Name() == "storetest":
				return filepath.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				method, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				place := files.Position(call.Pos()).String()
				if of, ok := method.X.(*ast.Ident); ok && of.Name == "zap" {
					if key, ok := fieldKey(method.Sel.Name, call); ok {
						keys[key] = place
					}
					return true
				}
				if at := messageAt(method); at >= 0 && len(call.Args) > at {
					message, fixed := literal(call.Args[at])
					lines = append(lines, line{place, message, fixed})
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return lines, keys
}

// fieldKey is the key of the field that a call of zap makes, if it makes one.
func fieldKey(constructor string, call *ast.CallExpr) (string, bool) {
	if constructor == "Error" {
		return "error", true
	}
	if !ast.IsExported(constructor) || len(call.Args) < 2 {
		return "", false
	}
	key, ok := literal(call.Args[0])
	return key, ok
}

// messageAt tells which argument of a call of a logger is the message; -1 if it is none
// of a logger's.
func messageAt(method *ast.SelectorExpr) int {
	var written strings.Builder
	ast.Inspect(method.X, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			written.WriteString("." + name.Name)
		}
		return true
	})
	if !regexp.MustCompile(`(?i)log(of)?\b|log\.(ctx|with)`).MatchString(written.String()) {
		return -1
	}
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error", "DPanic", "Panic", "Fatal":
		return 0
	case "Log":
		return 1
	default:
		return -1
	}
}

func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// vocabulary are the keys of the tables of README.md, one in each language.
func vocabulary(t *testing.T) (tables [][]string) {
	t.Helper()
	row := regexp.MustCompile("^ *\\| (`[^|]*`) \\|")
	in := false
	var keys []string
	for text := range strings.Lines(readmeText(t) + "\n") {
		switch {
		case strings.Contains(text, "| key of a line |"), strings.Contains(text, "| 键（日志） |"):
			in, keys = true, nil
		case in && !strings.HasPrefix(strings.TrimSpace(text), "|"):
			in = false
			slices.Sort(keys)
			tables = append(tables, keys)
		case in:
			if found := row.FindStringSubmatch(text); found != nil {
				for _, key := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(found[1], -1) {
					keys = append(keys, key[1])
				}
			}
		}
	}
	return tables
}

// Whoever searches the log knows what to search for.
func TestTheVocabularyOfTheLogIsTheREADMEs(t *testing.T) {
	t.Parallel()
	lines, keys := logging(t)
	if len(lines) < 50 {
		t.Errorf("only %d lines found", len(lines))
	}
	used := slices.Sorted(maps.Keys(keys))
	used = append(used, ownKeys...)
	slices.Sort(used)
	used = slices.Compact(used)
	tables := vocabulary(t)
	if len(tables) != 2 {
		t.Fatalf("%d tables in README.md", len(tables))
	}
	for i, table := range tables {
		if diff := cmp.Diff(table, used); diff != "" {
			t.Errorf("table %d of README.md (-README +source):\n%s", i+1, diff)
			for key, place := range keys {
				if !slices.Contains(table, key) {
					t.Logf("%s: %s", key, place)
				}
			}
		}
	}
	for _, key := range used {
		if !regexp.MustCompile(`^[a-z][a-z_]*$`).MatchString(key) {
			t.Errorf("key %q", key)
		}
	}
}

// names are what a message may begin with in capitals.
var names = []string{"DingTalk", "Redis", "HTTP"}

// A message is the same whenever its line is written, so that it can be counted.
func TestMessagesOfTheLogAreFixed(t *testing.T) {
	t.Parallel()
	lines, _ := logging(t)
	for _, l := range lines {
		first, _ := utf8.DecodeRuneInString(l.message)
		named := slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(l.message, name) })
		switch {
		case !l.fixed:
			t.Errorf("%s: the message is no literal", l.place)
		case strings.Contains(l.message, "%"), strings.HasSuffix(l.message, "."), unicode.IsUpper(first) && !named:
			t.Errorf("%s: %q", l.place, l.message)
		}
	}
}

// One id leads through the log from the frame to the answer, and to DingTalk's own id
// of what it refused.
func TestOneRequestLeadsThroughTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	p := w.start(w.config(""))
	w.Inject(dingtalktest.Fault{API: dingtalktest.APISend, Times: 1, Kind: dingtalktest.Code, Code: "bot.stopped"})
	if _, err := group.Say(w.admin, dingtalktest.Say{Text: "公告 一", MsgID: "msg-one"}); err != nil {
		t.Fatal(err)
	}
	w.reply(group, nil)
	w.ask(group, w.admin, saying("公告 二"))
	w.ask(group, w.admin, saying("谁没读"))
	p.stop()

	var way []string
	for _, entry := range opstest.Lines(t, p.log.String()) {
		request, message := entry["request"], entry["msg"]
		if request == "msg-one" {
			api, _ := entry["api"].(string)
			way = append(way, strings.TrimSpace(fmt.Sprint(message, " ", api)))
		}
		if message == "command accepted" && entry["group"] != group.ID() {
			t.Errorf("which group is it: %v", entry)
		}
		if message == "a call of DingTalk failed" && (request != "msg-one" || entry["kind"] != "bot_stopped" || entry["dingtalk_request_id"] == "") {
			t.Errorf("a refused call: %v", entry)
		}
		about := []any{"command accepted", "announced", "command done", "reply goes another way", "a call of DingTalk failed"}
		if request == nil && (slices.Contains(about, message) || entry["api"] != nil && entry["api"] != "token") {
			t.Errorf("whose is this: %v", entry)
		}
	}
	slices.Sort(way) // a worker may be faster than the line about the acceptance
	if diff := cmp.Diff([]string{
		"a call of DingTalk failed send", "announced", "called DingTalk members", "called DingTalk reply", "command accepted", "command done",
	}, way); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
