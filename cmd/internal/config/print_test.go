package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestWhatIsPrintedIsTheConfigurationWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	validate := validator(t)
	write("token", "hush-0123456789-of-a-program\n")
	write("redis-url", "rediss://bot:hush-redis@redis.example:6380/2?db=2\n")
	for name, source := range map[string]string{
		"secrets in it": `
dingtalk: {client_id: dingexample, client_secret: hush}
redis: {url: "redis://bot:hush@redis.example:26379?sentinel_password=hush", master_name: main}
reports: {sweep: []}
members: {rosters: {cid1==: {name: "012", users: [0123, "off"]}}}
follow_up:
  "*": {every: [30m, 1h30m], until: 90%, deadline: "18:00"}
  cid/a+b==: {deadline: 24h}
groups: {sales: cid9==}
api: {listen: "127.0.0.1:9443", tokens: [{name: ci, token_file: token, groups: [sales, "*"], may: [announce, report]}]}
http: {listen: "off"}
budget: {warn_at: 0}
`,
		"secrets in files": "dingtalk: {client_id: dingexample, client_secret: hush}\nredis: {url_file: redis-url}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(strings.ReplaceAll(name, " ", "-")+".yaml", source)
			f, err := Read(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := f.Print(&out); err != nil {
				t.Fatal(err)
			}
			printed := out.String()
			if strings.Contains(printed, "hush") {
				t.Errorf("a secret is in\n%s", printed)
			}
			if !strings.Contains(printed, "bot:***@redis.example:") {
				t.Errorf("it does not say where Redis is:\n%s", printed)
			}
			if !regexp.MustCompile(`(?m)^  max_names: 20 # default$`).MatchString(printed) || strings.Contains(printed, "client_id: dingexample # default") {
				t.Errorf("defaults are not marked:\n%s", printed)
			}
			if err := validate([]byte(printed)); err != nil {
				t.Errorf("%v in\n%s", err, printed)
			}
			// It may be read from elsewhere: files are named by their whole path.
			again, err := Parse("/elsewhere/printed.yaml", []byte(printed), nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			before, after := f.Config, again.Config
			after.DingTalk.ClientSecret, after.Redis.URL = before.DingTalk.ClientSecret, before.Redis.URL
			if diff := cmp.Diff(before, after, emptyIsNone()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// emptyIsNone compares lists: an empty one is none.
func emptyIsNone() cmp.Option {
	return cmp.FilterValues(func(a, b any) bool {
		x, y := reflect.ValueOf(a), reflect.ValueOf(b)
		list := func(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.Map }
		return list(x) && list(y) && x.Len() == 0 && y.Len() == 0
	}, cmp.Ignore())
}

func printedSchema(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	if err := PrintSchema(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// validator validates a YAML file by the schema as an editor would.
func validator(t *testing.T) func(source []byte) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(printedSchema(t)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("whoread.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("whoread.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(source []byte) error {
		asJSON, err := yaml.YAMLToJSON(source)
		if err != nil {
			return err
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			return err
		}
		return schema.Validate(instance)
	}
}

func TestEditorsFindNoMistakeInTheExample(t *testing.T) {
	t.Parallel()
	validate := validator(t)
	source, all := example(t)
	for _, text := range [][]byte{source, all} {
		if err := validate(text); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}

// onlyWhenRead are the mistakes of testdata/mistakes that an editor does not show:
// they are in several keys together, in other files, in the environment, or in what a
// pattern does not tell.
var onlyWhenRead = []string{
	"api_for_everybody_without_tls", "api_tls_that_does_not_fit", "api_tls_without_a_key", "api_token_of_an_unknown_group", "api_token_too_short",
	"api_token_twice", "api_token_without_anything", "api_without_tokens", "groups_twice_in_a_section",
	"access_groups_empty_entry", "access_groups_star", "api_url", "empty_roster", "follow_up_too_often", "follow_up_without_a_purpose",
	"full_width_comma", "full_width_quotes_of_a_secret", "gbk", "kept_shorter_than_a_follow_up", "kept_shorter_than_a_sweep", "listen_port",
	"no_secret_file", "pprof_for_everybody", "quiet_hours_all_day", "redis_ca_file_without_a_certificate", "redis_ca_file_without_tls",
	"redis_cluster_with_a_database", "redis_master_twice", "redis_no_ca_file", "redis_parameter", "redis_password_not_escaped", "redis_port",
	"redis_sentinel_password_without_a_master", "redis_sentinel_username_without_a_redis", "redis_sentinels_without_an_address", "redis_url_of_a_file",
	"roster_of_every_group", "roster_without_a_conversation_id", "secret_file_is_a_directory", "secret_file_of_another_kind",
	"secret_file_with_a_blank", "secret_with_a_blank", "secret_with_a_line_break", "tag", "time_zone", "time_zone_of_the_machine", "two_documents",
	"variable_holds_something_else", "variable_is_empty", "variable_not_set", "variable_of_a_secret_file_not_set", "variable_with_a_default",
}

func TestEditorsShowMostMistakes(t *testing.T) {
	t.Parallel()
	validate := validator(t)
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if unseen := validate(source) == nil; unseen != slices.Contains(onlyWhenRead, name) {
			t.Errorf("%s: an editor does not show it: %v", name, unseen)
		}
	}
}

// The schema and the reader know the same keys.
func TestTheSchemaAndTheReaderKnowTheSameKeys(t *testing.T) {
	t.Parallel()
	var schema map[string]any
	if err := json.Unmarshal([]byte(printedSchema(t)), &schema); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	var walk func(node map[string]any, path string)
	walk = func(node map[string]any, path string) {
		if path != "" {
			known[path] = true
			if node["description"] == nil {
				t.Errorf("%s is not described", path)
			}
		}
		properties, _ := node["properties"].(map[string]any)
		for key, inner := range properties {
			walk(inner.(map[string]any), below(path, key))
		}
		if inner, ok := node["additionalProperties"].(map[string]any); ok {
			walk(inner, below(path, "*"))
		}
		if items, ok := node["items"].(map[string]any); ok && items["properties"] != nil {
			for key, inner := range items["properties"].(map[string]any) {
				walk(inner.(map[string]any), below(path, "-."+key))
			}
		}
	}
	walk(schema, "")
	for key := range known {
		source := credentials
		if section, _, found := strings.Cut(key, "."); found && section != "dingtalk" {
			for i, part := range strings.Split(key, ".") {
				if part == "-" {
					source += strings.Repeat("  ", i) + "-\n"
					continue
				}
				source += strings.Repeat("  ", i) + "'" + part + "':\n"
			}
		}
		_, err := Parse("whoread.yaml", []byte(source), nil)
		if err != nil && strings.Contains(err.Error(), "unknown key") {
			t.Errorf("the reader does not know %s: %v", key, err)
		}
	}
	for key := range known {
		if inList := strings.ReplaceAll(key, "-.", ""); inList != key {
			delete(known, key)
			known[inList] = true
		}
	}
	for key := range settings {
		if !known[key] {
			t.Errorf("%s is a setting, but no key", key)
		}
		delete(known, key)
	}
	for key := range known {
		t.Errorf("%s is a key, but no setting", key)
	}
}

func TestEverySecretCanBeInAFile(t *testing.T) {
	t.Parallel()
	for section := range reflect.TypeFor[Config]().Fields() {
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		keys := keysBelow(keyOf(section))
		for field := range section.Type.Fields() {
			if field.Type != reflect.TypeFor[Secret]() && field.Type != reflect.TypeFor[RedisURL]() {
				continue
			}
			if !slices.Contains(keys, keyOf(field)+"_file") {
				t.Errorf("%s.%s has no _file", keyOf(section), keyOf(field))
			}
		}
	}
}
