package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// The bench is kept alive, and what it counts has to be right. What it times may be
// anything on a busy machine.
func TestTheBenchMeasuresEverything(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	program := filepath.Join(t.TempDir(), "whoread") // in the way that has been built for other tests already
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "whoread/cmd/whoread").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out := benched(t, "--brief", "--json", "--latency", "1ms", "--program", program, "--redis", storetest.Redis(t))
	measured := map[string]int{}
	month := map[string]float64{}
	for line := range strings.Lines(out) {
		var f figure
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		measured[f.Bench]++
		if f.Bench == "month" {
			month[f.What+": "+f.FloorIs] = f.Value
		}
		if f.What == "" || f.Value == 0 && f.Bench != "calls" {
			t.Errorf("it says nothing: %s", line)
		}
		if counts := f.Bench == "calls" || f.Unit == "" && f.Bench == "client"; counts && (f.Met == nil || !*f.Met) {
			t.Errorf("a count is off: %s", line)
		}
	}
	for _, b := range benches {
		if measured[b.name] == 0 {
			t.Errorf("%s measured nothing", b.name)
		}
	}
	// Of each of 18 messages to 30 people and 2 to 300: three answers and a sweep, with two
	// pages where more than 200 have read, and none where pushes told that all have.
	if diff := cmp.Diff(map[string]float64{
		"calls a month, 2 of 20 announcements a day to all 300 (2 days): 40 announcements, 172 queries, 22 for members; 160 pushes of 3000": 234,
		"calls a month, the same, reads are pushed (2 days): 40 announcements, 128 queries, 22 for members; 2440 pushes of 3000":            190,
		"calls a month, all announcements to all 300 (2 days): 40 announcements, 280 queries, 2 for members; 160 pushes of 3000":            322,
		"calls a month, all to all 300, reads are pushed (2 days): 40 announcements, 200 queries, 2 for members; 12160 pushes of 3000":      242,
	}, month); diff != "" {
		t.Errorf("the month (-want +got):\n%s", diff)
	}
}

func TestTheBenchPrintsATable(t *testing.T) {
	t.Parallel()
	out := benched(t, "--brief", "--only", "client", "--only", "records", "--redis", storetest.Redis(t))
	for _, part := range []string{"CPUs", "| | measured | floor | ratio | target |", "| one call, a page of 200 readers", "| at most 1.5 x", "bytes |"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is missing in:\n%s", part, out)
		}
	}
	if strings.Contains(out, "who read") {
		t.Errorf("more is measured:\n%s", out)
	}
}

func TestTheBenchSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"--only", "speed"}, {"--only", "records", "--redis", "nonsense://:hunter2@x"}} {
		var out, errs strings.Builder
		if code := run(t.Context(), arguments, &out, &errs); code != 1 {
			t.Errorf("%v: exit status %d", arguments, code)
		}
		if said := errs.String(); !strings.HasPrefix(said, "whoread-bench: ") || strings.Contains(said, "hunter2") {
			t.Errorf("%v: %s", arguments, said)
		}
	}
}

// benched runs the bench and returns what it printed.
func benched(t *testing.T, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var out, errs strings.Builder
	if code := run(ctx, arguments, &out, &errs); code != 0 {
		t.Fatalf("exit status %d: %s\n%s", code, &errs, &out)
	}
	return out.String()
}
