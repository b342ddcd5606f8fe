package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// travelVariable names the file that tells a whoread process how far its clock is
// ahead. Such a process is the test program itself, which then runs the bot as
// "whoread run" does, with the file as its clock.
const travelVariable = "WHOREAD_TEST_TRAVEL"

// travel runs the bot as a process that can travel in time, and returns its exit
// status.
func travel(file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := runBot(ctx, os.Args[1], timing{now: fileClock(file), dueEvery: 50 * time.Millisecond, lease: 2 * time.Second}, streams{os.Stdout, os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, "whoread:", err)
		return 1
	}
	return 0
}

// fileClock is the wall clock and the nanoseconds that the file holds.
func fileClock(file string) func() time.Time {
	return func() time.Time {
		content, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		ahead, err := strconv.ParseInt(string(content), 10, 64)
		if err != nil {
			panic(err)
		}
		return time.Now().Add(time.Duration(ahead))
	}
}

// traveller is a world whose time can be turned forward: that of its DingTalk and
// of its processes alike.
type traveller struct {
	*world
	file string
}

func newTraveller(t *testing.T, b storetest.Backend, o dingtalktest.Options) *traveller {
	t.Helper()
	tr := &traveller{world: newWorld(t, b, o), file: filepath.Join(t.TempDir(), "ahead")}
	tr.advance(0)
	return tr
}

// advance turns the clock forward.
func (w *traveller) advance(d time.Duration) {
	w.t.Helper()
	w.Advance(d)
	next := w.file + ".next" // the processes never see half a number
	if err := os.WriteFile(next, []byte(strconv.FormatInt(int64(w.Clock().Ahead()), 10)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(next, w.file); err != nil {
		w.t.Fatal(err)
	}
}

// start runs a whoread that goes by the world's time.
func (w *traveller) start(config string) *process {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	command := exec.Command(self, config)
	command.Env = append(os.Environ(), travelVariable+"="+w.file)
	return w.run(command)
}
