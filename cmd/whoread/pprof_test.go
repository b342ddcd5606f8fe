package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// A profile of the CPU takes longer than any other answer may, and comes whole.
func TestProfilesAreOnlyThereWhenTheyAreSwitchedOn(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	off := w.start(w.config(anyPort)).endpoint()
	on := w.start(w.config(strings.Replace(anyPort, "}", ", pprof: true}", 1))).endpoint()
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1"} {
		if status, _ := off.get(path); status != http.StatusNotFound {
			t.Errorf("%s: %d although it is off", path, status)
		}
	}
	status, index := on.get("/debug/pprof/")
	if status != http.StatusOK || !strings.Contains(index, "goroutine") {
		t.Errorf("the index: %d %.100s", status, index)
	}
	const seconds = "11" // longer than reading and writing may take otherwise
	began := time.Now()
	status, profile := on.get("/debug/pprof/profile?seconds=" + seconds)
	if took := time.Since(began); status != http.StatusOK || took < 11*time.Second {
		t.Fatalf("%d after %s: %.200s", status, took, profile)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader([]byte(profile)))
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := io.ReadAll(unpacked); err != nil || !bytes.Contains(whole, []byte("cpu")) {
		t.Errorf("%d bytes of profile, %v", len(whole), err)
	}
}

// Profiles show what is in memory: nobody but this machine may have them.
func TestProfilesAreRefusedWhereOthersReachThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	for _, listen := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:9090", "bot.example.com:9090"} {
		command := exec.CommandContext(within(t), whoread, "run", "--config", w.config("http: {listen: \""+listen+"\", pprof: true}"))
		command.Env = append(command.Environ(), "TEST_REDIS="+w.redis)
		out, err := command.CombinedOutput()
		if err == nil {
			t.Errorf("%s: it runs", listen)
		}
		wantIn(t, string(out), "http.pprof", "loopback")
	}
}
