package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// followed is a configuration that is followed, in the time of synctest.
type followed struct {
	t      *testing.T
	folder string
	log    *observer.ObservedLogs
	asked  chan os.Signal

	applied []Config // in their order
	members []bool   // whether the settings about members were others, each time
	outcome []bool
}

// lookEvery is the time between two looks.
const lookEvery = time.Second

// follow writes the files, starts following whoread.yaml, and runs the test.
func follow(t *testing.T, files map[string]string, test func(f *followed)) {
	folder := t.TempDir() // its end is outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		f := &followed{t: t, folder: folder, log: logs, asked: make(chan os.Signal, 1)}
		for name, content := range files {
			f.write(name, content)
		}
		c, err := Load(f.path("whoread.yaml"), environment(nil))
		if err != nil {
			t.Fatal(err)
		}
		r := &Reloader{
			File: f.path("whoread.yaml"), Environment: environment(nil), Every: lookEvery, Requests: f.asked, Effective: c, Log: zap.New(core), Level: zap.NewAtomicLevel(),
			Apply: func(c Config, members bool) error {
				f.applied, f.members = append(f.applied, c), append(f.members, members)
				return nil
			},
			Reloaded: func(ok bool) { f.outcome = append(f.outcome, ok) },
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx) })
		synctest.Wait()
		test(f)
		stop()
		running.Wait()
	})
}

func (f *followed) path(name string) string { return filepath.Join(f.folder, name) }

func (f *followed) write(name, content string) {
	f.t.Helper()
	if err := os.WriteFile(f.path(name), []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// looks waits until it was looked so often.
func (f *followed) looks(n int) {
	time.Sleep(time.Duration(n) * lookEvery)
	synctest.Wait()
}

// told returns the log since it was last asked for, a line an event.
func (f *followed) told() string {
	var lines []string
	for _, e := range f.log.TakeAll() {
		line := e.Level.String() + " " + e.Message
		for _, field := range e.Context {
			line += fmt.Sprintf(" %s=%v", field.Key, e.ContextMap()[field.Key])
		}
		lines = append(lines, strings.ReplaceAll(line, f.folder+"/", ""))
	}
	return strings.Join(lines, "\n")
}

func (f *followed) wants(told ...string) {
	f.t.Helper()
	if diff := cmp.Diff(strings.Join(told, "\n"), f.told()); diff != "" {
		f.t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestAChangeIsTakenOnceTheFileStaysTheSame(t *testing.T) {
	t.Parallel()
	follow(t, map[string]string{"whoread.yaml": credentials}, func(f *followed) {
		f.looks(10)
		f.wants() // nothing has changed

		// Whoever writes it may be in the middle of it.
		f.write("whoread.yaml", credentials+"access: {admins: [manager1")
		f.looks(1)
		f.write("whoread.yaml", credentials+"access: {admins: [manager1, manager2]}\n")
		f.looks(1)
		f.wants()
		f.looks(1)
		f.wants(
			"info setting changed key=access.admins from= to=[manager1 manager2]",
			"info configuration reloaded changed=1 need_restart=0",
		)
		f.looks(10)
		f.wants()
		if diff := cmp.Diff([]string{"manager1", "manager2"}, f.applied[0].Access.Admins); diff != "" || len(f.applied) != 1 {
			f.t.Errorf("applied %d times: %s", len(f.applied), diff)
		}
	})
}

func TestWhatCanChangeWhileItRunsIsAppliedAndTheRestNeedsARestart(t *testing.T) {
	t.Parallel()
	before := credentials + `
redis: {url: "redis://:hush@host"}
members: {rosters: {cid1==: {users: [a]}, cid2==: {users: [b]}}}
follow_up: {"*": {every: [1h]}}
`
	after := `
dingtalk: {client_id: other, client_secret: hush-hush, connections: 3}
redis: {url: "redis://:hush-hush@other"}
access: {groups: [cid1==], report: admins}
members: {cache_for: 1m, exclude: [robot], rosters: {cid1==: {users: [a, c]}}}
reports: {max_names: 5, sweep: []}
reminders: {time_zone: UTC, quiet_hours: ""}
follow_up: {"*": {every: [2h], until: 90%}}
budget: {calls_per_second: 10, warn_at: 0}
http: {listen: "off"}
log: {level: debug, format: console}
`
	follow(t, map[string]string{"whoread.yaml": before}, func(f *followed) {
		f.write("whoread.yaml", after)
		f.looks(2)
		f.wants(
			"info setting changed key=access.groups from= to=[cid1==]",
			"info setting changed key=access.report from=everyone to=admins",
			"info setting changed key=budget.calls_per_second from=20 to=10",
			"info setting changed key=budget.warn_at from=80% to=0%",
			"warn setting needs a restart key=dingtalk.client_id from=id to=other",
			"warn setting needs a restart key=dingtalk.client_secret from=*** to=***",
			"warn setting needs a restart key=dingtalk.connections from=2 to=3",
			"warn setting needs a restart key=dingtalk.robot_code from=id to=other",
			"info setting changed key=follow_up.*.every from=[1h] to=[2h]",
			"info setting changed key=follow_up.*.until from=100% to=90%",
			"warn setting needs a restart key=http.listen from= to=off",
			"warn setting needs a restart key=log.format from=json to=console",
			"info setting changed key=log.level from=info to=debug",
			"info setting changed key=members.cache_for from=24h to=1m",
			"info setting changed key=members.exclude from= to=[robot]",
			"info setting changed key=members.rosters.cid1==.users from=[a] to=[a c]",
			"info setting changed key=members.rosters.cid2==.chat_id from= to=",
			"info setting changed key=members.rosters.cid2==.name from= to=",
			"info setting changed key=members.rosters.cid2==.users from=[b] to=",
			"warn setting needs a restart key=redis.url from=redis://:***@host to=redis://:***@other",
			"info setting changed key=reminders.quiet_hours from=22:00-08:00 to=",
			"info setting changed key=reminders.time_zone from=Asia/Shanghai to=UTC",
			"info setting changed key=reports.max_names from=20 to=5",
			"info setting changed key=reports.sweep from=[23h] to=",
			"info configuration reloaded changed=17 need_restart=7",
		)
		parsed := func(source string) Config {
			file, err := Parse("whoread.yaml", []byte(source), nil)
			if err != nil {
				f.t.Fatal(err)
			}
			return file.Config
		}
		old, want := parsed(before), parsed(after)
		want.DingTalk, want.Redis, want.HTTP, want.Log.Format = old.DingTalk, old.Redis, old.HTTP, old.Log.Format
		if diff := cmp.Diff(want, f.applied[0]); diff != "" {
			f.t.Error(diff)
		}
		if diff := cmp.Diff([]bool{true}, f.members); diff != "" {
			f.t.Error(diff)
		}

		// What waits for a restart is said again, until the file says what is in effect.
		f.write("whoread.yaml", before+"access: {report: admins}\n")
		f.looks(2)
		if told := f.told(); strings.Contains(told, "restart key") || !strings.Contains(told, "members.rosters.cid1==.users from=[a c] to=[a]") {
			f.t.Error(told)
		}
	})
}

func TestAFileWithAMistakeIsRefusedAndTheOldSettingsStay(t *testing.T) {
	t.Parallel()
	follow(t, map[string]string{"whoread.yaml": credentials}, func(f *followed) {
		bad := credentials + "access: {report: admins}\nreports: {max_name: 5}\nlog: {level: loud}\n"
		f.write("whoread.yaml", bad)
		f.looks(10)
		_, err := Load(f.path("whoread.yaml"), environment(nil))
		want := "error configuration refused: the settings stay as they were file=whoread.yaml mistakes=" +
			"[line 3: reports.max_name: unknown key; did you mean max_names? line 4: log.level: \"loud\" is not one of debug, info, warn, error]"
		f.wants(want) // once, and not at each look
		if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 || !strings.Contains(want, strings.TrimSpace(lines[1])) {
			f.t.Errorf("at the start it says\n%v", err)
		}
		if err := os.Remove(f.path("whoread.yaml")); err != nil {
			f.t.Fatal(err)
		}
		f.looks(10)
		f.wants("error configuration refused: the settings stay as they were file=whoread.yaml mistakes=" +
			"[there is no such file; copy config.example.yaml to it and fill in the credentials]")
		f.write("whoread.yaml", credentials+"access: {report: admins}\n")
		f.looks(2)
		f.wants(
			"info setting changed key=access.report from=everyone to=admins",
			"info configuration reloaded changed=1 need_restart=0",
		)
		if diff := cmp.Diff([]bool{false, false, true}, f.outcome); diff != "" || len(f.applied) != 1 {
			f.t.Errorf("applied %d times; outcomes: %s", len(f.applied), diff)
		}
	})
}

func TestASignalHasTheFileReadAtOnce(t *testing.T) {
	t.Parallel()
	follow(t, map[string]string{"whoread.yaml": credentials}, func(f *followed) {
		f.asked <- syscall.SIGHUP
		synctest.Wait()
		f.wants("info configuration reloaded changed=0 need_restart=0")
		f.write("whoread.yaml", credentials+"log: {level: debug}\n")
		f.asked <- syscall.SIGHUP
		synctest.Wait()
		f.write("whoread.yaml", credentials+"log: {level: warn}\n")
		f.asked <- syscall.SIGHUP
		synctest.Wait()
		f.looks(10) // it is not read once more
		f.wants(
			"info setting changed key=log.level from=info to=debug",
			"info configuration reloaded changed=1 need_restart=0",
			"info setting changed key=log.level from=debug to=warn",
			"info configuration reloaded changed=1 need_restart=0",
		)
		if diff := cmp.Diff([]bool{false, false, false}, f.members); diff != "" {
			f.t.Error(diff)
		}
	})
}

// Kubernetes replaces a link to a folder; editors replace the file.
func TestItDoesNotMatterHowTheFileIsReplaced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, content string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to string) {
		next := filepath.Join(folder, "..data_tmp")
		if err := os.Symlink(to, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(folder, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	write("..1/whoread.yaml", credentials)
	link("..1")
	if err := os.Symlink("..data/whoread.yaml", filepath.Join(folder, "whoread.yaml")); err != nil {
		t.Fatal(err)
	}
	r := &Reloader{File: filepath.Join(folder, "whoread.yaml")}
	before := r.look()
	write("..2/whoread.yaml", credentials+"log: {level: debug}\n")
	link("..2")
	if r.look() == before {
		t.Error("a new folder behind the link is not noticed")
	}
	write("..3/whoread.yaml", credentials)
	link("..3")
	if r.look() != before {
		t.Error("the same content is not the same")
	}
}

func TestAnotherSecretInItsFileNeedsARestart(t *testing.T) {
	t.Parallel()
	source := "dingtalk: {client_id: id, client_secret_file: secret}\nredis: {url_file: url}\n"
	follow(t, map[string]string{"whoread.yaml": source, "secret": "hush\n", "url": "redis://:hush@host\n"}, func(f *followed) {
		f.write("secret", "hush-hush\n")
		f.looks(2)
		f.write("url", "redis://:hush-hush@host\n")
		f.looks(2)
		f.wants(
			"warn setting needs a restart key=dingtalk.client_secret from=*** to=***",
			"info configuration reloaded changed=0 need_restart=1",
			"warn setting needs a restart key=dingtalk.client_secret from=*** to=***",
			"warn setting needs a restart key=redis.url from=redis://:***@host to=redis://:***@host",
			"info configuration reloaded changed=0 need_restart=2",
		)
	})
}

// Between the start and the first look the file may have changed.
func TestAChangeJustAtTheStartIsNotMissed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "whoread.yaml")
	if err := os.WriteFile(file, []byte(credentials+"log: {level: debug}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := Parse(file, []byte(credentials), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &Reloader{
		File: file, Environment: environment(nil), Every: time.Hour, Effective: before.Config, Log: zap.NewNop(), Level: zap.NewAtomicLevel(),
		Apply:    func(Config, bool) error { return nil },
		Reloaded: func(bool) { stop() },
	}
	r.Run(ctx)
	if r.Effective.Log.Level != "debug" {
		t.Errorf("log.level is %s", r.Effective.Log.Level)
	}
}

func TestATokenThatChangesIsAppliedAndNeverLogged(t *testing.T) {
	t.Parallel()
	api := "api: {listen: '127.0.0.1:9443', tokens: [{name: ci, token_file: token, groups: ['*'], may: [announce]}]}\n"
	follow(t, map[string]string{"whoread.yaml": credentials + api, "token": "hush-0123456789-one"}, func(f *followed) {
		f.write("token", "hush-0123456789-two")
		f.looks(2)
		f.wants("info configuration reloaded changed=0 need_restart=0")
		if len(f.applied) != 1 {
			t.Fatalf("applied %d times", len(f.applied))
		}
		if secrets, err := f.applied[0].API.Secrets(); err != nil || len(secrets) != 1 || string(secrets[0]) != "hush-0123456789-two" {
			t.Errorf("%d tokens, %v", len(secrets), err)
		}
		f.write("token", "hush-short")
		f.looks(2)
		if told := f.told(); !strings.Contains(told, "fewer than 16 bytes") || strings.Contains(told, "hush") {
			t.Error(told)
		}
		f.write("token", "hush-0123456789-two")
		f.write("whoread.yaml", credentials+strings.NewReplacer("9443", "9444", "[announce]", "[report]").Replace(api))
		f.looks(2)
		told := f.told()
		for _, line := range []string{"warn setting needs a restart key=api.listen from=127.0.0.1:9443 to=127.0.0.1:9444", "info setting changed key=api.tokens"} {
			if !strings.Contains(told, line) {
				t.Errorf("%q is not in %s", line, told)
			}
		}
		if strings.Contains(told, "hush") {
			t.Error(told)
		}
		if last := f.applied[len(f.applied)-1].API; last.Listen != "127.0.0.1:9443" || last.Tokens[0].May[0] != "report" {
			t.Errorf("%+v", last)
		}
	})
}
