package main

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"whoread/store/storetest"
)

// The bench is kept alive, and what it counts has to be right. What it times may be
// anything on a busy machine.
func TestTheBenchMeasuresEverything(t *testing.T) {
	t.Parallel()
	out := benched(t, "--brief", "--json", "--latency", "1ms", "--redis", storetest.Redis(t))
	measured := map[string]int{}
	for line := range strings.Lines(out) {
		var f figure
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		measured[f.Bench]++
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
}

func TestTheBenchPrintsATable(t *testing.T) {
	t.Parallel()
	out := benched(t, "--brief", "--only", "client", "--only", "records", "--redis", storetest.Redis(t))
	wantIn(t, out, "CPUs", "| | measured | floor | ratio | target |", "| one call, a page of 200 readers", "| at most 1.5 x", "bytes |")
	wantNotIn(t, out, "who read")
}

func TestTheBenchSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"--only", "speed"}, {"--only", "records", "--redis", "nonsense://:hunter2@x"}} {
		out, err := exec.CommandContext(within(t), whoread, append([]string{"bench"}, arguments...)...).CombinedOutput()
		if exit, failed := errors.AsType[*exec.ExitError](err); !failed || exit.ExitCode() != 1 {
			t.Errorf("%v: %v", arguments, err)
		}
		wantIn(t, string(out), "whoread: ")
		wantNotIn(t, string(out), "hunter2")
	}
}

// benched runs the bench and returns what it printed. On a busy machine it takes longer
// than other tests have patience for.
func benched(t *testing.T, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	command := exec.CommandContext(ctx, whoread, append([]string{"bench"}, arguments...)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) } // it ends what it started
	command.WaitDelay = 10 * time.Second
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
