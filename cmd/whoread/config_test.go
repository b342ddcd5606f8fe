package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
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
	got, err := parseConfig("whoread.yaml", []byte(credentials), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.DingTalk.ClientID, want.DingTalk.ClientSecret, want.DingTalk.RobotCode = "id", "hush", "id"
	want.DingTalk.APIURL, want.DingTalk.OapiURL = "https://api.dingtalk.com", "https://oapi.dingtalk.com"
	want.Redis.URL = "memory://"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheExampleWorksOnceCredentialsAreFilledIn(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	filled := environment(map[string]string{"WHOREAD_CLIENT_ID": "id", "WHOREAD_CLIENT_SECRET": "hush"})
	plain, err := parseConfig("example", source, filled)
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := parseConfig("defaults", []byte(credentials), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults, plain); diff != "" {
		t.Error(diff)
	}

	// With every key switched on it is understood too, and it names every key.
	all := regexp.MustCompile(`(?m)^(  )# (  )?(  )?([a-z_]+|cidExample1234==):`).ReplaceAll(source, []byte("$1$2$3$4:"))
	all = regexp.MustCompile(`(?m)^  .*_file:.*\n`).ReplaceAll(all, nil)
	full, err := parseConfig("example", all, filled)
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	if len(full.Members.Rosters) != 1 {
		t.Errorf("rosters: %+v", full.Members.Rosters)
	}
	for _, key := range keysOf(reflect.TypeFor[config](), nil) {
		if !regexp.MustCompile(`(?m)^[ #]*` + key + `:`).Match(source) {
			t.Errorf("the example does not explain %s", key)
		}
	}
}

// keysOf lists the YAML keys of a struct and of those in it.
func keysOf(t reflect.Type, keys []string) []string {
	for field := range t.Fields() {
		keys = append(keys, field.Tag.Get("yaml"))
		inner := field.Type
		if inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			keys = keysOf(inner, keys)
		}
	}
	return keys
}

func TestMistakesAreNamedByLineAndKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, yaml, want string }{
		{"empty file", "", "dingtalk.client_id"},
		{"no secret", "dingtalk: {client_id: id}", "line 1: dingtalk.client_secret"},
		{"unknown key", credentials + "reports:\n  max_name: 3\n", `line 3: unknown field "max_name"`},
		{"unknown section", credentials + "report: {}\n", `line 2: unknown field "report"`},
		{"wrong type", credentials + "reports: {max_names: many}\n", "line 2: "},
		{"wrong duration", credentials + "members:\n  cache_for: soon\n", "line 3: "},
		{"twice the same key", credentials + "log: {level: info}\nlog: {level: warn}\n", "line 3: "},
		{"no YAML", credentials + "log: [}\n", "line 2: "},
		{"a list at the top", "- a\n- b\n", "line 1: "},
		{"unset variable", "dingtalk:\n  client_id: ${NOWHERE}\n", "line 2: ${NOWHERE} is not set"},
		{"site", "dingtalk: {client_id: a, client_secret: b, site: cn}", `line 1: dingtalk.site: "cn" is not one of com, io`},
		{"connections", "dingtalk: {client_id: a, client_secret: b, connections: 0}", "line 1: dingtalk.connections"},
		{"both secrets", "dingtalk: {client_id: a, client_secret: b, client_secret_file: c}", "given twice"},
		{"no secret file", "dingtalk:\n  client_id: a\n  client_secret_file: nowhere\n", "line 3: dingtalk.client_secret_file: can't be read"},
		{"redis scheme", credentials + "redis:\n  url: http://host\n", "line 3: redis.url"},
		{"redis parameter", credentials + "redis:\n  url: redis://:hush@host?timeout=1\n", `line 3: redis.url: redis url: unknown parameter "timeout"`},
		{"database of a cluster", credentials + "redis:\n  url: redis://:hush@host/1\n  addrs: [other]\n", "line 3: redis.url: redis url: a cluster has no database but 0"},
		{"both Sentinel passwords", credentials + "redis: {url: redis://a, master_name: m, sentinel_password: hush, sentinel_password_file: c}\n", "line 2: redis.sentinel_password: is given twice"},
		{"no CA file", credentials + "redis:\n  url: rediss://host\n  tls_ca_file: nowhere\n", "line 4: redis.tls_ca_file: can't be read"},
		{"Sentinel and memory", credentials + "redis: {master_name: m}\n", "line 2: redis.url: redis url: memory:// has no"},
		{"key prefix", credentials + "redis: {key_prefix: '{a}'}\n", "line 2: redis.key_prefix"},
		{"announce", credentials + "access: {announce: author}\n", "line 2: access.announce"},
		{"report", credentials + "access: {report: nobody}\n", "line 2: access.report"},
		{"recall", credentials + "access: {recall: x}\n", `line 2: access.recall: "x" is not one of author, admins, everyone`},
		{"source", credentials + "members: {source: web}\n", "line 2: members.source"},
		{"cache", credentials + "members: {cache_for: -1s}\n", "line 2: members.cache_for"},
		{"empty roster", credentials + "members: {rosters: {cid1==: {name: 销售}}}\n", "line 2: members.rosters: the roster of 销售"},
		{"language", credentials + "reports: {language: fr}\n", "line 2: reports.language"},
		{"to", credentials + "reports: {to: mail}\n", "line 2: reports.to"},
		{"max_names", credentials + "reports: {max_names: 0}\n", "line 2: reports.max_names"},
		{"fresh_for", credentials + "reports: {fresh_for: 2h}\n", "line 2: reports.fresh_for"},
		{"sweep", credentials + "reports: {sweep: [1h, 5s]}\n", "line 2: reports.sweep: 5s"},
		{"keep_for", credentials + "reports: {keep_for: 1h}\n", "line 2: reports.keep_for"},
		{"time zone", credentials + "reminders: {time_zone: Beijing}\n", "line 2: reminders.time_zone"},
		{"calls", credentials + "budget: {calls_per_second: 0}\n", "line 2: budget.calls_per_second"},
		{"calls a month", credentials + "budget: {calls_per_month: -1}\n", "line 2: budget.calls_per_month"},
		{"warning", credentials + "budget:\n  warn_at: 80\n", `line 3: "80" is not a percentage such as 80%`},
		{"no address", credentials + "http: {listen: here}\n", `line 2: http.listen: "here" is not an address such as 127.0.0.1:9090`},
		{"profiles for everybody", credentials + "http: {listen: ':9090', pprof: true}\n", "line 2: http.pprof: "},
		{"level", credentials + "log: {level: loud}\n", "line 2: log.level"},
		{"format", credentials + "log: {format: xml}\n", "line 2: log.format"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseConfig("whoread.yaml", []byte(test.yaml), environment(nil))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q is missing in:\n%v", test.want, err)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the secret is in:\n%v", err)
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
	c, err := loadConfig(file, environment(map[string]string{"ID": "app", "PASSWORD": "hush-redis", "TIME": "90s"}))
	if err != nil {
		t.Fatal(err)
	}
	if c.DingTalk.ClientID != "app" || c.DingTalk.ClientSecret != "hush-file" || c.Redis.URL != "redis://:hush-redis@host:1/2" || c.Members.CacheFor != duration(90*time.Second) ||
		c.Reports.KeepFor != duration(48*time.Hour) {
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

func FuzzConfig(f *testing.F) {
	f.Add(credentials)
	f.Add("dingtalk: {client_id: ${A}, client_secret: b}\nmembers: {rosters: {a: {users: [b]}}}")
	f.Add("a: &x [*x]")
	f.Fuzz(func(t *testing.T, source string) {
		_, err := parseConfig("fuzz", []byte(source), environment(nil))
		if err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
	})
}
