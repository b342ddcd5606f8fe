package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// environment is one with these variables only.
func environment(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}
}

const credentials = "dingtalk: {client_id: id, client_secret: hush}\n"

func TestCredentialsAloneAreAWorkingConfiguration(t *testing.T) {
	t.Parallel()
	got, err := Parse("whoread.yaml", []byte(credentials), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.DingTalk.ClientID, want.DingTalk.ClientSecret, want.DingTalk.RobotCode = "id", "hush", "id"
	want.DingTalk.APIURL, want.DingTalk.OapiURL = "https://api.dingtalk.com", "https://oapi.dingtalk.com"
	want.Redis.URL = "memory://"
	if diff := cmp.Diff(want, got.Config); diff != "" {
		t.Error(diff)
	}
}

// example returns config.example.yaml, and the same with every key switched on but
// those that would be given twice.
func example(t *testing.T) (source, all []byte) {
	t.Helper()
	source, err := os.ReadFile("../../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all = regexp.MustCompile(`(?m)^(  )# (  )?(  )?([a-z_]+|cidExample1234==):`).ReplaceAll(source, []byte("$1$2$3$4:"))
	all = regexp.MustCompile(`(?m)^# (follow_up:|  "\*":|    [a-z]+:)`).ReplaceAll(all, []byte("$1"))
	all = regexp.MustCompile(`(?m)^  (client_secret|url|sentinel_password)_file:.*\n`).ReplaceAll(all, nil)
	return source, all
}

func TestTheExampleWorksOnceCredentialsAreFilledIn(t *testing.T) {
	t.Parallel()
	source, all := example(t)
	filled := environment(map[string]string{"WHOREAD_CLIENT_ID": "id", "WHOREAD_CLIENT_SECRET": "hush"})
	plain, err := Parse("example", source, filled)
	if err != nil {
		t.Fatal(err)
	}
	defaultFile, err := Parse("defaults", []byte(credentials), nil)
	if err != nil {
		t.Fatal(err)
	}
	defaults := defaultFile.Config
	if diff := cmp.Diff(defaults, plain.Config); diff != "" {
		t.Error(diff)
	}

	// With every key switched on it is understood too, and it names every key with its
	// default and whatever may stand there.
	fullFile, err := Parse("example", all, filled)
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	full := fullFile.Config
	if len(full.Members.Rosters) != 1 || len(full.FollowUp) != 1 {
		t.Errorf("rosters: %+v, follow-ups: %+v", full.Members.Rosters, full.FollowUp)
	}
	if full.Groups["sales"] != "cidExample1234==" {
		t.Errorf("groups: %v", full.Groups)
	}
	full.Groups, full.Members.Rosters, full.FollowUp = nil, nil, nil
	full.HTTP.Listen = "" // the same, but where it is taken
	full.DingTalk.RobotCode, full.DingTalk.CoolAppCode = defaults.DingTalk.RobotCode, ""
	if diff := cmp.Diff(defaults, full, emptyIsNone()); diff != "" {
		t.Errorf("the example shows other defaults:\n%s", diff)
	}
	lines := strings.Split(string(all), "\n")
	for key, s := range settings {
		if strings.HasSuffix(key, "_file") && key != "redis.tls_ca_file" && key != "api.tls_cert_file" { // they are in it, but not switched on
			continue
		}
		if inner, found := strings.CutPrefix(key, "api.tokens."); found { // the list is empty by default
			if !strings.Contains(string(source), inner+": ") {
				t.Errorf("the example does not explain %s", key)
			}
			continue
		}
		key = strings.NewReplacer("rosters.*", "rosters.cidExample1234==", "groups.*", "groups.sales").Replace(key)
		if fullFile.lines[key] == 0 {
			t.Errorf("the example does not explain %s", key)
			continue
		}
		for _, choice := range s.choices {
			about := strings.Join(lines[fullFile.lines[key]-1:fullFile.lines[key]+1], "\n")
			if !regexp.MustCompile(`\b` + choice + `\b`).MatchString(about) {
				t.Errorf("the example does not say that %s may be %s: %s", key, choice, about)
			}
		}
	}
}

var update = flag.Bool("update", false, "write down what is said of each file in testdata/mistakes")

// Each file of testdata/mistakes has mistakes; the text beside it is what is said of them.
func TestEachMistakeIsNamedWithItsLineItsKeyAndWhatToDo(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	variables := environment(map[string]string{"HUSH": "hush-of-the-environment", "HUSH_BLANK": "hush of-the-environment", "EMPTY": ""})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			_, err := Load(file, variables)
			if err == nil {
				t.Fatal("no mistake is found")
			}
			said := err.Error() + "\n"
			if strings.Contains(said, "hush") {
				t.Errorf("a secret is in:\n%s", said)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(said), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), said); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecretsComeFromFilesAndVariablesAndAreNeverPrinted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "secret"), []byte("hush-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	source := "dingtalk: {client_id: '${ID}', client_secret_file: secret}\nredis: {url: 'redis://:${PASSWORD}@host:1/2'}\nmembers: {cache_for: '${TIME}'}\nreports: {keep_for: \"48h\"}\n"
	file := filepath.Join(folder, "whoread.yaml")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, environment(map[string]string{"ID": "app", "PASSWORD": "hush-redis", "TIME": "90s"}))
	if err != nil {
		t.Fatal(err)
	}
	if c.DingTalk.ClientID != "app" || c.DingTalk.ClientSecret != "hush-file" || c.Redis.URL != "redis://:hush-redis@host:1/2" || c.Members.CacheFor != Duration(90*time.Second) ||
		c.Reports.KeepFor != Duration(48*time.Hour) {
		t.Errorf("%+v", c)
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c.Redis.URL), string(asJSON), string(asYAML)} {
		if strings.Contains(printed, "hush") {
			t.Errorf("a secret is in %s", printed)
		}
	}
}

// Every setting is in the tables of README.md, in both languages.
func TestTheREADMEHasEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, head := range []string{"| key | default | meaning |", "| 键 | 默认 | 含义 |"} {
		_, table, found := strings.Cut(string(readme), head)
		if !found {
			t.Fatalf("README.md has no table %s", head)
		}
		table, _, _ = strings.Cut(table, "\n\n")
		for key := range settings {
			section, rest, _ := strings.Cut(key, ".")
			last := key[strings.LastIndexByte(key, '.')+1:]
			if rest == "" || last == "*" {
				continue
			}
			if !regexp.MustCompile("(?m)^\\| `" + section + "\\..*\\b" + last + "`").MatchString(table) {
				t.Errorf("%s is not in the table %s", key, head)
			}
		}
	}
}

func TestWhatPeopleMayWriteIsUnderstood(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		source string
		got    func(c Config) any
		want   any
	}{
		"a byte order mark and lines of Windows": {
			"\ufeffdingtalk:\r\n  client_id: id\r\n  client_secret: hush\r\nreports:\r\n  max_names: 7\r\n",
			func(c Config) any {
				return []any{c.DingTalk.ClientID, string(c.DingTalk.ClientSecret), c.Reports.MaxNames}
			},
			[]any{"id", "hush", 7},
		},
		"ids of digits, with their zeros": {
			credentials + "access: {admins: [0123, '0456', 7.50]}\n",
			func(c Config) any { return c.Access.Admins },
			[]string{"0123", "0456", "7.50"},
		},
		"times of day without quotes": {
			credentials + "reminders:\n  quiet_hours: 22:00-08:00\nfollow_up:\n  '*':\n    deadline: 18:00\n",
			func(c Config) any { return []string{c.Reminders.QuietHours, c.FollowUp["*"].Deadline} },
			[]string{"22:00-08:00", "18:00"},
		},
		"a text over several lines": {
			credentials + "members:\n  rosters:\n    cid1==:\n      name: |-\n        Sales: north\n      users: [a]\n",
			func(c Config) any { return c.Members.Rosters["cid1=="].Name },
			"Sales: north",
		},
		"a section with nothing in it": {
			credentials + "reports:\n  max_names:\nlog:\n",
			func(c Config) any { return []any{c.Reports.MaxNames, c.Log} },
			[]any{20, Log{Level: "info", Format: "json"}},
		},
		"none of a list that has a default": {
			credentials + "reports: {sweep: []}\n",
			func(c Config) any { return c.Reports.Sweep },
			[]Duration{},
		},
		"never": {
			credentials + "budget: {warn_at: 0, calls_per_month: 0}\n",
			func(c Config) any { return c.Budget },
			Budget{CallsPerSecond: 20},
		},
		"the same for several groups": {
			credentials + "follow_up:\n  cid1==: &usual\n    every: [1h]\n    until: 90%\n  cid2==: *usual\n  cid3==:\n    <<: *usual\n    until: 50%\n",
			func(c Config) any {
				return []Percentage{c.FollowUp["cid1=="].Until, c.FollowUp["cid2=="].Until, c.FollowUp["cid3=="].Until}
			},
			[]Percentage{90, 90, 50},
		},
		"variables for anything": {
			credentials + "reports: {max_names: \"${N}\", sweep: ['${T}']}\naccess: {report: '${WHO}'}\nmembers: {rosters: {'cid${N}': {users: ['x${N}y${N}']}}}\n",
			func(c Config) any {
				return []any{c.Reports.MaxNames, c.Reports.Sweep, c.Access.Report, c.Members.Rosters["cid7"].Users}
			},
			[]any{7, []Duration{Duration(90 * time.Second)}, receipts.Admins, []string{"x7y7"}},
		},
		"credentials with blanks and the end of their line behind them": {
			"dingtalk: {client_id: 'id ', client_secret: \"${WINDOWS}\"}\nredis:\n  url: |\n    redis://host:1\n",
			func(c Config) any {
				return []string{c.DingTalk.ClientID, c.DingTalk.RobotCode, string(c.DingTalk.ClientSecret), string(c.Redis.URL)}
			},
			[]string{"id", "id", "hush", "redis://host:1"},
		},
		"a password of Sentinels with a blank in it": {
			credentials + "redis: {url: 'redis://host', master_name: main, sentinel_password: 'hush hush'}\n",
			func(c Config) any { return string(c.Redis.SentinelPassword) },
			"hush hush",
		},
		"groups by their names": {
			credentials + "groups: {sales: cid1==}\naccess: {groups: [sales, cid2==]}\nmembers: {rosters: {sales: {users: [a]}}}\nfollow_up: {sales: {every: [1h]}}\n",
			func(c Config) any {
				return []any{c.Access.Groups, c.Members.Rosters["cid1=="].Users, len(c.FollowUp["cid1=="].Every)}
			},
			[]any{[]string{"cid1==", "cid2=="}, []string{"a"}, 1},
		},
		"dollars that are none": {
			"dingtalk: {client_id: $HOME, client_secret: 'a$b$${N}'}\n",
			func(c Config) any { return []string{c.DingTalk.ClientID, string(c.DingTalk.ClientSecret)} },
			[]string{"$HOME", "a$b${N}"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse("whoread.yaml", []byte(test.source), environment(map[string]string{"N": "7", "T": "90s", "WHO": "admins", "WINDOWS": "hush \r"}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, test.got(f.Config)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASecretIsReadFromItsFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want, wrong string }{
		"with the end of its line":         {content: "hush\n", want: "hush"},
		"as Windows writes it":             {content: "\ufeffhush\r\n", want: "hush"},
		"without the end of its line":      {content: "hush", want: "hush"},
		"which is empty":                   {content: "\n", wrong: "is an empty file; write the secret into it"},
		"which holds more":                 {content: "client_id=x\nclient_secret=hush\n", wrong: "holds more than one line; the secret must be alone in it"},
		"which is something else, and big": {content: strings.Repeat("hush", MaxSecretBytes), wrong: "is larger than 64 KiB; is it the right file?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			secretFile := filepath.Join(folder, "secret")
			if err := os.WriteFile(secretFile, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, named := range []string{"secret", secretFile} {
				source := "dingtalk:\n  client_id: id\n  client_secret_file: " + named + "\n"
				f, err := Parse(filepath.Join(folder, "whoread.yaml"), []byte(source), nil)
				switch {
				case test.wrong == "" && err != nil:
					t.Error(err)
				case test.wrong == "" && string(f.Config.DingTalk.ClientSecret) != test.want:
					t.Errorf("%q is read", string(f.Config.DingTalk.ClientSecret))
				case test.wrong != "" && (err == nil || !strings.HasSuffix(err.Error(), "\n  line 3: dingtalk.client_secret_file: "+test.wrong)):
					t.Errorf("%v; want %s", err, test.wrong)
				}
			}
		})
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(credentials)
	f.Add("dingtalk: {client_id: ${A}, client_secret: b}\nmembers: {rosters: {a: {users: [b]}}}")
	f.Add("a: &x [*x]")
	f.Add(credentials + "follow_up:\n  a: &x {every: [1h]}\n  b: *x\n  c: {<<: *x, until: 90%}\n")
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(source))
	}
	f.Fuzz(func(t *testing.T, source string) {
		first, err := Parse("fuzz", []byte(source), environment(map[string]string{"A": "secret-of-the-environment"}))
		if err != nil {
			said := strings.TrimPrefix(err.Error(), "configuration fuzz:\n  ")
			if said == err.Error() || said == "" || strings.Contains(said, "secret-of-the-environment") {
				t.Errorf("it is said: %s", err)
			}
			return
		}
		// What is understood can be printed, and is understood again.
		var printed bytes.Buffer
		if err := first.Print(&printed); err != nil {
			t.Fatal(err)
		}
		second, err := Parse("fuzz", printed.Bytes(), nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, &printed)
		}
		c, again := first.Config, second.Config
		again.DingTalk.ClientSecret, again.Redis.URL, again.Redis.SentinelPassword = c.DingTalk.ClientSecret, c.Redis.URL, c.Redis.SentinelPassword
		if diff := cmp.Diff(c, again, emptyIsNone()); diff != "" {
			t.Errorf("%s in\n%s", diff, &printed)
		}
	})
}
