package main

import (
	"bytes"
	"encoding/json"
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
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"whoread/cmd/internal/config"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// ownKeys are those that the log gives to every line by itself, and to some: see newLog.
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

// linesOf are the lines of a log, decoded.
func linesOf(t *testing.T, written string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(written) {
		entry := map[string]any{}
		if err := json.Unmarshal([]byte(text), &entry); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		lines = append(lines, entry)
	}
	return lines
}

// An hour without Redis does not fill the disk, and nothing is left out in silence.
func TestRepeatedErrorsAreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	var mu sync.Mutex
	dropped := map[zapcore.Level]int{}
	log, _, err := newLog(config.Log{Level: "debug", Format: "json"}, &written, func(l zapcore.Level) {
		mu.Lock()
		defer mu.Unlock()
		dropped[l]++
	})
	if err != nil {
		t.Fatal(err)
	}
	// A line each second for an hour, and by many loggers: each command has its own.
	clock := zap.WithClock(&second{at: time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)})
	log = log.WithOptions(clock)
	const seconds = 3600
	for i := range seconds {
		log.With(zap.Int("number", i)).Error("command not accepted")
	}
	lines := linesOf(t, written.String())
	if n := len(lines); n > 700 || n < 60*sampledFirst {
		t.Errorf("%d lines in an hour", n)
	}
	leftOut := 0
	for _, entry := range lines {
		if n, ok := entry["left_out"].(float64); ok {
			leftOut += int(n)
		}
	}
	if dropped[zapcore.ErrorLevel] != seconds-len(lines) || leftOut < dropped[zapcore.ErrorLevel]-60 || len(dropped) != 1 {
		t.Errorf("of %d lines %d were written, %v were counted, and the log tells of %d", seconds, len(lines), dropped, leftOut)
	}
	written.Reset()
	// What is not repeated is written, and so is everything that is no failure.
	for i := range 500 {
		log.Info("command accepted", zap.Int("number", i))
		log.Debug("called DingTalk", zap.Int("number", i))
	}
	log.Error("command given up")
	log.Warn("command failed")
	if n := len(linesOf(t, written.String())); n != 1002 {
		t.Errorf("%d lines, want 1002", n)
	}
}

// second is a clock that is a second later each time.
type second struct{ at time.Time }

func (s *second) Now() time.Time {
	s.at = s.at.Add(time.Second)
	return s.at
}

func (*second) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

// Times of a machine in China are in UTC too, those of fields as well.
func TestTimesInTheLogAreInUTC(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("", 8*60*60)
	for format, want := range map[string][]string{
		"json":    {`"ts":"2026-11-25T16:00:01.000Z"`, `"until":"2026-11-30T16:00:00.000Z"`},
		"console": {"2026-11-25T16:00:01.000Z", `"until": "2026-11-30T16:00:00.000Z"`},
	} {
		var written bytes.Buffer
		log, _, err := newLog(config.Log{Level: "info", Format: format}, &written, nil)
		if err != nil {
			t.Fatal(err)
		}
		clock := zap.WithClock(&second{at: time.Date(2026, 11, 26, 0, 0, 0, 0, shanghai)})
		log.WithOptions(clock).Info("budget spent", zap.Time("until", time.Date(2026, 12, 1, 0, 0, 0, 0, shanghai)))
		for _, part := range want {
			if !strings.Contains(written.String(), part) {
				t.Errorf("%s: %s is not in %s", format, part, written.String())
			}
		}
	}
}

// The level of the configuration holds for all lines.
func TestTheLevelOfTheLogIsTheConfigurations(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		for _, format := range []string{"json", "console"} {
			var written bytes.Buffer
			log, _, err := newLog(config.Log{Level: level, Format: format}, &written, func(zapcore.Level) {})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range []zapcore.Level{zapcore.DebugLevel, zapcore.InfoLevel, zapcore.WarnLevel, zapcore.ErrorLevel} {
				log.Log(l, "said", zap.String("stack", "first\nsecond"))
			}
			if n := strings.Count(written.String(), "\n"); n != want {
				t.Errorf("%s, %s: %d lines, want %d:\n%s", level, format, n, want, written.String())
			}
		}
	}
	if _, _, err := newLog(config.Log{Level: "loud"}, &bytes.Buffer{}, nil); err == nil {
		t.Error("level loud is taken")
	}
}

// Whatever is secret is so by its type: no way of printing shows it.
func TestSecretsAreMaskedByTheirTypes(t *testing.T) {
	t.Parallel()
	const value = "hunter2-of-the-client"
	type holder struct {
		Config config.Config
		Client dingtalk.Config
		hidden dingtalk.Secret
	}
	c := config.Default()
	c.DingTalk.ClientSecret, c.Redis.SentinelPassword = value, value
	c.Redis.URL = "redis://user:" + value + "@localhost:6379/0?sentinel_password=" + value
	held := holder{c, dingtalk.Config{ClientSecret: dingtalk.NewSecret(value)}, dingtalk.NewSecret(value)}
	for name, secret := range map[string]any{
		"client secret": c.DingTalk.ClientSecret, "URL of Redis": c.Redis.URL, "password of Sentinels": c.Redis.SentinelPassword, "secret of the client": held.hidden,
		"a configuration": c, "a pointer to it": &c, "all": held, "a pointer to all": &held, "a list": []any{c.Redis.URL, held.hidden}, "a map": map[string]any{"x": held},
		"an error": fmt.Errorf("%v %+v", c, held),
	} {
		var written bytes.Buffer
		for _, format := range []string{"json", "console"} {
			log, _, err := newLog(config.Log{Level: "debug", Format: format}, &written, func(zapcore.Level) {})
			if err != nil {
				t.Fatal(err)
			}
			log.Info("logged", zap.Any("any", secret), zap.Reflect("reflect", secret))
			log.Sugar().Infof("%v %+v %#v %s", secret, secret, secret, secret)
			log.Sugar().Infow("logged", "value", secret)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&written, verb, secret)
		}
		if encoded, err := json.Marshal(secret); err == nil { // functions have no JSON
			written.Write(encoded)
		}
		for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
			if strings.Contains(written.String(), form) {
				t.Errorf("%s: %q is in %.2000s", name, form, written.String())
			}
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
	for _, entry := range linesOf(t, p.log.String()) {
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
