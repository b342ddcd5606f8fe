package api

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is openapi.json, as far as it is held against the handlers.
type document struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Security    *[]any                     `json:"security"`
		Responses   map[string]json.RawMessage `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties           map[string]any `json:"properties"`
			Required             []string       `json:"required"`
			AdditionalProperties *bool          `json:"additionalProperties"`
		} `json:"schemas"`
		Responses map[string]struct {
			Description string `json:"description"`
		} `json:"responses"`
	} `json:"components"`
}

func readDocument(t *testing.T) (d document) {
	t.Helper()
	if err := json.Unmarshal(openAPI, &d); err != nil || d.OpenAPI != "3.1.0" {
		t.Fatalf("%s, %v", d.OpenAPI, err)
	}
	return d
}

func TestTheDocumentHasTheRoutes(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	documented, served := map[string]string{}, map[string]string{}
	for path, operations := range d.Paths {
		for method, operation := range operations {
			documented[strings.ToUpper(method)+" "+path] = operation.OperationID
			if open := operation.Security != nil; open != (operation.OperationID == "openapi") {
				t.Errorf("%s is open to everybody: %t", path, open)
			}
		}
	}
	for _, r := range routes() {
		served[r.method+" "+r.pattern] = r.name
	}
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("served and documented:\n%s", diff)
	}
	if got := newWorld(t).ask("GET", "/v1/openapi.json", "", ""); got.status != 200 || got.body["openapi"] != "3.1.0" {
		t.Errorf("%d %.100s", got.status, got.text)
	}
}

// What is read and written has the fields of the document, and those that are always there are
// required.
func TestTheDocumentHasTheFields(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	for name, value := range map[string]any{
		"AnnounceRequest": announceRequest{}, "FollowUpWanted": followUpWanted{}, "RemindRequest": remindRequest{}, "FollowRequest": followRequest{},
		"Announcement": announcement{}, "Listed": listed{}, "Group": group{}, "Person": person{}, "Gap": gap{}, "Report": report{},
		"Reminded": reminded{}, "Followed": followed{}, "Problem": Problem{}, "Field": Field{}, "Page": page{}, "Groups": groups{},
	} {
		var all, always []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(value)) {
			key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if key == "" { // the fields of an embedded one are visible too
				continue
			}
			all = append(all, key)
			if options == "" {
				always = append(always, key)
			}
		}
		schema := d.Components.Schemas[name]
		if diff := cmp.Diff(sorted(all), slices.Sorted(maps.Keys(schema.Properties))); diff != "" {
			t.Errorf("%s has and is said to have:\n%s", name, diff)
		}
		if strict := schema.AdditionalProperties; strict != nil { // it is read, and what is required is tried below
			continue
		}
		if diff := cmp.Diff(sorted(always), sorted(schema.Required)); diff != "" {
			t.Errorf("of %s always there, and said to be:\n%s", name, diff)
		}
	}
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// Each status that the handlers refuse with is in the document with its code.
func TestTheDocumentHasTheCodes(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := ""
	for _, r := range d.Components.Responses {
		documented += r.Description
	}
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, code := range regexp.MustCompile(`refuse\(http\.\w+, "(\w+)"`).FindAllSubmatch(source, -1) {
			found++
			if name := string(code[1]); name != "no_such_path" && name != "method_not_allowed" && !regexp.MustCompile(`\b`+name+`\b`).MatchString(documented) {
				t.Errorf("%s is not documented", name)
			}
		}
	}
	if found < 15 {
		t.Errorf("%d codes found", found)
	}
}

// What is answered is as the document has it.
func TestAnswersAreAsTheDocumentHasThem(t *testing.T) {
	t.Parallel()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(openAPI)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", parsed); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	for _, test := range []struct{ method, path, body, schema string }{
		{"POST", "/v1/announcements", release, "Announcement"},
		{"POST", "/v1/announcements", `{}`, "Problem"},
		{"GET", "/v1/groups", "", "Groups"},
		{"GET", "/v1/groups/sales/announcements", "", "Page"},
		{"GET", "/v1/groups/sales/announcements/1", "", "Report"},
		{"POST", "/v1/groups/sales/announcements/1/remind", "", "Reminded"},
		{"POST", "/v1/groups/sales/announcements/1/follow", `{"every": "30m"}`, "Followed"},
		{"DELETE", "/v1/groups/sales/announcements/1", "", "Announcement"},
	} {
		w.report.Message.State, w.report.Message.Number = "sent", 1
		schema, err := compiler.Compile("openapi.json#/components/schemas/" + test.schema)
		if err != nil {
			t.Fatal(err)
		}
		got := w.ask(test.method, test.path, deploysToken, test.body)
		if err := schema.Validate(any(got.body)); err != nil {
			t.Errorf("%s %s: %v in %s", test.method, test.path, err, got.text)
		}
	}
}
