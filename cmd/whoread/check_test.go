package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"whoread/cmd/internal/check"
	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// checkWorld is a DingTalk and a Redis with which a configuration of testdata/check is
// checked. Everything that the files name is in it.
type checkWorld struct {
	*dingtalktest.Server
	t           *testing.T
	redis       *storetest.Server
	group       *dingtalktest.Group
	files       string
	environment map[string]string
}

func newCheckWorld(t *testing.T, o dingtalktest.Options, redis *storetest.Server) *checkWorld {
	t.Helper()
	w := &checkWorld{Server: dingtalktest.New(o), t: t, redis: redis, files: t.TempDir()}
	if err := w.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"hello":"world"}`) }))
	t.Cleanup(other.Close)
	people := make([]dingtalktest.Person, 6)
	for i := range people {
		people[i] = w.AddPerson(dingtalktest.Person{Name: fmt.Sprintf("员工%d", i), UserID: fmt.Sprintf("user%d", i)})
	}
	add := func(kind dingtalktest.GroupKind) *dingtalktest.Group {
		return w.AddGroup(dingtalktest.GroupOptions{Kind: kind}, people...)
	}
	chat, cool := add(dingtalktest.KindChat), add(dingtalktest.KindCoolApp)
	w.group = add(dingtalktest.KindScene)
	w.SetDepartment(10, people[1])
	app := w.App()
	w.environment = map[string]string{
		"CLIENT_ID": app.ClientID, "CLIENT_SECRET": app.ClientSecret, "API": w.URL(), "OTHER": other.URL,
		"GROUP": w.group.ID(), "PLAIN": add(dingtalktest.KindPlain).ID(), "CHAT": chat.ID(), "CHAT_ID": chat.ChatID(), "COOL": cool.ID(),
		"USER": people[0].UserID, "REDIS": redis.URL(), "REDIS_ADDRESS": redis.Address(), "LISTEN": other.Listener.Addr().String(),
		// Nothing leaves this machine, also where a file names DingTalk's own hosts.
		"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "",
	}
	if err := os.WriteFile(filepath.Join(w.files, "secret"), []byte(app.ClientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// checkWorlds are what is wrong with the world, by the name of the file that is checked
// in it. Where there is no entry, the file itself is wrong.
var checkWorlds = map[string]struct {
	options dingtalktest.Options
	redis   []string // arguments of a Redis of its own
	harm    func(w *checkWorld)
}{
	"address-not-allowed":               {harm: func(w *checkWorld) { w.Inject(dingtalktest.Fault{Kind: dingtalktest.NotInWhiteList}) }},
	"address-banned":                    {harm: func(w *checkWorld) { w.Inject(dingtalktest.Fault{Kind: dingtalktest.IPBanJSON}) }},
	"no-permission-robot":               {harm: without(dingtalktest.PermissionRobot)},
	"no-permission-groups":              {harm: without(dingtalktest.PermissionGroups)},
	"no-permission-groups-but-rosters":  {harm: without(dingtalktest.PermissionGroups)},
	"no-permission-chats":               {harm: without(dingtalktest.PermissionChats)},
	"no-permission-contacts":            {harm: without(dingtalktest.PermissionContacts)},
	"no-permission-upload":              {harm: without(dingtalktest.PermissionBase)},
	"no-permission-cards":               {harm: without(dingtalktest.PermissionCards)},
	"no-card-template":                  {harm: func(w *checkWorld) { w.DropTemplate(dingtalktest.TemplateWithButtons) }},
	"no-permission-ding":                {harm: without(dingtalktest.PermissionDing)},
	"no-permission-ding-in-a-follow-up": {harm: without(dingtalktest.PermissionDing)},
	"person-out-of-scope": {harm: func(w *checkWorld) {
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIUser, Kind: dingtalktest.Code, Code: "50002", Message: "out of scope"})
	}},
	"department-out-of-scope": {harm: func(w *checkWorld) {
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIDepartment, Kind: dingtalktest.Code, Code: "50004", Message: "out of scope"})
	}},
	"quota-spent": {harm: func(w *checkWorld) {
		w.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Kind: dingtalktest.QuotaSpent})
	}},
	"disbanded-group":          {harm: func(w *checkWorld) { w.must(w.group.Disband()) }},
	"bot-not-in-group":         {harm: func(w *checkWorld) { w.must(w.group.RemoveBot(w.People()[0])) }},
	"bot-stopped":              {harm: func(w *checkWorld) { w.must(w.group.StopBot()) }},
	"clock-ten-minutes-behind": {options: dingtalktest.Options{Now: shifted(10 * time.Minute)}},
	"clock-two-minutes-ahead":  {options: dingtalktest.Options{Now: shifted(-2 * time.Minute)}},
	"secret-file-open":         {harm: func(w *checkWorld) { w.must(os.Chmod(filepath.Join(w.files, "secret"), 0o644)) }},
	"gateway-refuses":          {harm: func(w *checkWorld) { w.RefuseGateway(true) }},
	"redis-replica":            {redis: []string{}, harm: func(w *checkWorld) { w.redis.Do("REPLICAOF", "127.0.0.1", "1") }},
	"redis-full":               {redis: []string{}, harm: func(w *checkWorld) { w.redis.Do("CONFIG", "SET", "maxmemory", "1") }},
	"redis-evicts":             {redis: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}},
	"redis-forgets":            {redis: []string{}},
	"redis-tls-on-its-side-only": {harm: func(w *checkWorld) {
		u, err := url.Parse(storetest.NewSecured(w.t, "127.0.0.1").URL())
		w.must(err)
		u.Scheme = "redis"
		w.environment["REDIS"] = u.String()
	}},
	"redis-too-old": {harm: func(w *checkWorld) {
		u, err := url.Parse(w.environment["REDIS"])
		w.must(err)
		u.Host = says(w.t, u.Host, "redis_version:"+w.redis.Info("redis_version")[:2], "redis_version:5.")
		w.environment["REDIS"] = u.String()
	}},
	"redis-missing-right": {redis: []string{}, harm: func(w *checkWorld) { w.user("~{whoread:*", "+@all", "-xreadgroup") }},
	"redis-missing-keys":  {redis: []string{}, harm: func(w *checkWorld) { w.user("~{whoread:inbox}*", "+@all") }},
}

func without(permission string) func(w *checkWorld) {
	return func(w *checkWorld) { w.Permissions(false, permission) }
}

// shifted is a clock that is ahead of this machine's.
func shifted(by time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(by) }
}

func (w *checkWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// user has the check use Redis as a user that may so much.
func (w *checkWorld) user(rights ...string) {
	set := []any{"ACL", "SETUSER", "whoread", "on", ">secret"}
	for _, right := range rights {
		set = append(set, right)
	}
	w.redis.Do(set...)
	w.environment["REDIS"] = "redis://whoread:secret@" + w.redis.Address()
}

// says returns the address of a proxy before a server that says something else.
func says(t *testing.T, server, instead, another string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	pipe := func(to io.WriteCloser, from io.Reader) {
		defer func() { _ = to.Close() }()
		buffer := make([]byte, 1<<16)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if _, err := to.Write(bytes.ReplaceAll(buffer[:n], []byte(instead), []byte(another))); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			redis, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go pipe(client, redis)
			go pipe(redis, client)
		}
	}()
	return listener.Addr().String()
}

// expectation is a line at the head of a file of testdata/check: a mark, the id of a
// check and perhaps what it is about, and what must be said of it.
type expectation struct {
	status    check.Verdict
	id, about string
	said      []string
}

func expectations(t *testing.T, source string) (all []expectation) {
	t.Helper()
	for line := range strings.Lines(source) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			break
		}
		for _, status := range []check.Verdict{check.Right, check.Wrong, check.Failed, check.Doubtful, check.Unknown} {
			expected, ok := strings.CutPrefix(line, status.Mark()+" ")
			if !ok {
				continue
			}
			what, said, _ := strings.Cut(expected, ": ")
			e := expectation{status: status}
			e.id, e.about, _ = strings.Cut(what, " ")
			if said != "" {
				e.said = strings.Split(said, " | ")
			}
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		t.Fatal("the file says nothing of what is expected")
	}
	return all
}

func (e expectation) met(f check.Finding) bool {
	said := f.Detail + "\n" + f.Remedy
	if f.Console != nil {
		said += "\n" + f.Console.Chinese
	}
	return f.ID == e.id && f.Status == e.status && strings.HasPrefix(f.About, e.about) &&
		!slices.ContainsFunc(e.said, func(part string) bool { return !strings.Contains(said, part) })
}

// Each wrong setting, and each wrong world, is named with what to do about it, and
// nothing else is called wrong.
func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/check/*.yaml")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	good := storetest.Own(t, "--appendonly", "yes")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := checkWorlds[name]
			redis := good
			if world.redis != nil {
				redis = storetest.Own(t, world.redis...)
			}
			w := newCheckWorld(t, world.options, redis)
			if world.harm != nil {
				world.harm(w)
			}
			source, err := os.ReadFile(file)
			w.must(err)
			w.must(os.WriteFile(filepath.Join(w.files, "whoread.yaml"), source, 0o600))
			report, text := w.check("whoread.yaml")
			expected := expectations(t, string(source))
			failing := false
			for _, e := range expected {
				failing = failing || e.status == check.Wrong || e.status == check.Failed
				if !slices.ContainsFunc(report.Checks, e.met) {
					t.Errorf("missing: %+v", e)
				}
			}
			for _, f := range report.Checks {
				bad := f.Status == check.Wrong || f.Status == check.Failed
				if bad && !slices.ContainsFunc(expected, func(e expectation) bool { return e.met(f) }) {
					t.Errorf("called %s: %+v", f.Status, f)
				}
				if bad && f.Remedy == "" {
					t.Errorf("nothing is said about what to do: %+v", f)
				}
			}
			if report.OK == failing {
				t.Errorf("ok is %t", report.OK)
			}
			for _, secret := range []string{w.App().ClientSecret, redis.Password(), "not-the-secret", "secret-guess"} {
				if strings.Contains(text, secret) {
					t.Errorf("a secret is in: %s", text)
				}
			}
			w.nobodyNoticed(report.CountedCalls)
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

// check runs the program and returns what it says in both ways.
func (w *checkWorld) check(config string) (check.Report, string) {
	w.t.Helper()
	run := func(arguments ...string) (string, int) {
		command := exec.CommandContext(within(w.t), whoread, append([]string{"check", "--config", config}, arguments...)...)
		command.Dir = w.files
		command.Env = os.Environ()
		for _, name := range slices.Sorted(maps.Keys(w.environment)) {
			command.Env = append(command.Env, name+"="+w.environment[name])
		}
		var out, errs bytes.Buffer
		command.Stdout, command.Stderr = &out, &errs
		_ = command.Run() // the exit status is looked at
		if errs.Len() > 0 {
			w.t.Errorf("%v: stderr: %s", arguments, errs.String())
		}
		return out.String(), command.ProcessState.ExitCode()
	}
	document, status := run("--json")
	var report check.Report
	if err := json.Unmarshal([]byte(document), &report); err != nil {
		w.t.Fatalf("%v: %s", err, document)
	}
	if (status == 0) != report.OK {
		w.t.Errorf("exit status %d, ok %t", status, report.OK)
	}
	return report, document
}

// nobodyNoticed fails if the check did anything that people see, or counted its calls
// otherwise than DingTalk.
func (w *checkWorld) nobodyNoticed(counted int) {
	w.t.Helper()
	for _, group := range w.Groups() {
		if len(group.Messages()) != 0 {
			w.t.Errorf("the check wrote into a group: %v", group.Messages())
		}
	}
	for _, p := range w.People() {
		if said := w.Direct(p).Messages(); len(said) != 0 {
			w.t.Errorf("the check wrote to %s: %v", p.Name, said)
		}
	}
	if len(w.Dings()) != 0 {
		w.t.Errorf("the check sent DINGs: %v", w.Dings())
	}
	// DingTalk does not say whether it counts what it refuses for want of a permission or of quota, nor chat/get; here they count,
	// to be on the safe side.
	most := w.Counted() + w.CallCount(dingtalktest.APIChat)
	for _, call := range w.Calls() {
		if call.Status == http.StatusForbidden {
			most++
		}
	}
	if counted < w.Counted() || counted > most {
		w.t.Errorf("the check says that it cost %d calls at most; it cost from %d to %d", counted, w.Counted(), most)
	}
}

// The lines say the same as the document.
func TestCheckPrintsALineForEachThing(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t, dingtalktest.Options{}, storetest.Own(t))
	w.Permissions(false, dingtalktest.PermissionBase)
	source, err := os.ReadFile("testdata/check/right.yaml")
	w.must(err)
	w.must(os.WriteFile(filepath.Join(w.files, "whoread.yaml"), source, 0o600))
	report, _ := w.check("whoread.yaml")
	command := exec.CommandContext(within(t), whoread, "check", "--config", filepath.Join(w.files, "whoread.yaml"))
	command.Env = os.Environ()
	for name, value := range w.environment {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.Output()
	if err == nil {
		t.Error("the exit status is 0 although something is wrong")
	}
	for _, f := range report.Checks {
		if !strings.Contains(string(out), fmt.Sprintf("%s %s", f.Status.Mark(), strings.TrimSpace(f.ID+" "+f.About))) {
			t.Errorf("no line for %+v", f)
		}
	}
	wantIn(t, string(out), "✗ permission-upload", "→ apply for the permission that is named", "→ in DingTalk: Permissions (权限管理)", "1 wrong", fmt.Sprint(report.CountedCalls, " counted calls of DingTalk's at most"))
	wantIn(t, string(out), "! redis-persistence")
}

// What only a running bot can know is known when one has run.
func TestCheckKnowsWhatWasPushed(t *testing.T) {
	t.Parallel()
	b := storetest.Real(t)
	w := newWorld(t, b, dingtalktest.Options{})
	w.Events(true, dingtalktest.EventRead)
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(3), w.admin)...)
	config := w.config("")
	w.forged = append(w.forged, "Invalid processQueryKey")
	look := func() map[string]check.Finding {
		t.Helper()
		command := exec.CommandContext(within(t), whoread, "check", "--json", "--config", config)
		command.Env = append(os.Environ(), "TEST_REDIS="+w.redis)
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var report check.Report
		if err := json.Unmarshal(out, &report); err != nil {
			t.Fatal(err)
		}
		found := map[string]check.Finding{}
		for _, f := range report.Checks {
			found[f.ID] = f
		}
		return found
	}
	before := look()
	for id, said := range map[string]string{"commands": "no command has ever come", "events": "no read was ever pushed"} {
		if f := before[id]; f.Status != check.Unknown || !strings.Contains(f.Detail, said) || f.Console == nil {
			t.Errorf("before: %+v", f)
		}
	}
	w.start(config)
	wantIn(t, w.ask(group, w.admin, saying("公告 一")), "已发出 #1")
	if err := group.ReadAll(posted(group)[0].ID); err != nil {
		t.Fatal(err)
	}
	for ctx := within(t); ; {
		after := look()
		if after["events"].Status == check.Right {
			if f := after["commands"]; f.Status != check.Right || !strings.Contains(f.Detail, "the last one came at ") {
				t.Errorf("after: %+v", f)
			}
			wantIn(t, after["events"].Detail, "the last read was pushed at ", "never yet: ", "chat_add_member")
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("never: %+v", after["events"])
		}
	}
}

// An interrupted check says so, and calls nothing wrong for it.
func TestAnInterruptedCheckCallsNothingWrong(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"check"}, {"check", "--json"}} {
		server := dingtalktest.New(dingtalktest.Options{})
		if err := server.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		file := filepath.Join(t.TempDir(), "whoread.yaml")
		source := fmt.Sprintf("dingtalk: {client_id: %q, client_secret: %q, api_url: %q, oapi_url: %q}\nhttp: {listen: off}\n",
			server.App().ClientID, server.App().ClientSecret, server.URL(), server.URL())
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, interrupt := context.WithCancel(within(t))
		changes := server.Watch(within(t))
		server.Inject(dingtalktest.Fault{API: dingtalktest.APIUser, Kind: dingtalktest.Slow, Times: 1, Delay: time.Hour})
		go func() {
			for len(server.Faults()) > 0 { // it is taken by the call that then waits
				<-changes
			}
			interrupt()
		}()
		var out, errs bytes.Buffer
		code := run(ctx, append(arguments, "--config", file), &out, &errs)
		interrupt()
		if code != 1 || errs.Len() > 0 {
			t.Errorf("%v: exit status %d, %s", arguments, code, &errs)
		}
		if len(arguments) == 1 {
			wantIn(t, out.String(), "✓ permission-robot", "? interrupted", "0 wrong, 1 could not be looked at")
			if strings.Contains(out.String(), "✗") || strings.Contains(out.String(), "canceled") {
				t.Errorf("something is called wrong:\n%s", &out)
			}
			continue
		}
		var report check.Report
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
		if last := report.Checks[len(report.Checks)-1]; report.OK || last.ID != "interrupted" || last.Status != check.Failed || report.Counts[check.Wrong] > 0 {
			t.Errorf("%+v", report)
		}
	}
}

// Each mistake of the configuration is a finding with its key and line, and what to do is printed once for all of them.
func TestCheckTellsEachMistakeOfTheConfigurationByItself(t *testing.T) {
	t.Parallel()
	const file = "../internal/config/testdata/mistakes/many_mistakes.yaml"
	_, err := config.Load(file, func(string) (string, bool) { return "", false })
	mistakes, ok := errors.AsType[*config.Mistakes](err)
	if !ok || len(mistakes.All) < 5 {
		t.Fatal(err)
	}
	code, document, _ := command(t, "check", "--json", "--config", file)
	var report check.Report
	if err := json.Unmarshal([]byte(document), &report); err != nil || code != 1 {
		t.Fatalf("exit status %d, %v: %s", code, err, document)
	}
	var found []config.Mistake
	for _, f := range report.Checks {
		if f.ID != "config" || f.Status != check.Wrong || f.Remedy == "" {
			t.Errorf("%+v", f)
		}
		found = append(found, config.Mistake{Line: f.Line, Key: f.About, Text: f.Detail})
	}
	if !slices.Equal(found, mistakes.All) {
		t.Errorf("%v\nwant %v", found, mistakes.All)
	}
	_, lines, _ := command(t, "check", "--config", file)
	if strings.Count(lines, "✗ config ") != len(found) || strings.Count(lines, "→") != 1 {
		t.Errorf("it is printed:\n%s", lines)
	}
}
