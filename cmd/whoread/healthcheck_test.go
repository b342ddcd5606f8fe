package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// inProcess runs a command line of whoread in this process.
func inProcess(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	status = run(within(t), args, &out, &errs)
	return status, out.String(), errs.String()
}

// freeAddress is an address on loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestHealthIsOneLineAndAnExitStatus(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   []string
		code   int    // of HTTP
		body   string // of the answer
		status int    // of the command
		line   string
	}{
		"ready":           {nil, 200, `{"ready":true,"redis":"ok"}`, 0, "ready\n"},
		"with a reason":   {nil, 200, `{"ready":true,"reasons":["connection 2: cut"]}`, 0, "ready, but: connection 2: cut\n"},
		"not ready":       {nil, 503, `{"ready":false,"reasons":["redis: refused","no connection to DingTalk"]}`, 1, "whoread: not ready: redis: refused; no connection to DingTalk\n"},
		"alive":           {[]string{"--live"}, 200, `{"status":"ok"}`, 0, "alive\n"},
		"another program": {nil, 200, `{"hello":"world"}`, 1, "is no whoread\n"},
		"another page":    {nil, 200, `<html>`, 1, "is no whoread\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if want := map[bool]string{true: "/healthz", false: "/readyz"}[len(c.args) > 0]; r.URL.Path != want {
					t.Errorf("asks for %s; want %s", r.URL.Path, want)
				}
				w.WriteHeader(c.code)
				_, _ = w.Write([]byte(c.body))
			}))
			defer bot.Close()
			status, out, errs := inProcess(t, append([]string{"health", "--address", bot.Listener.Addr().String()}, c.args...)...)
			if line := out + errs; status != c.status || !strings.HasSuffix(line, c.line) || strings.Count(line, "\n") != 1 {
				t.Errorf("%d %q; want %d %q", status, line, c.status, c.line)
			}
		})
	}
}

func TestHealthGivesUp(t *testing.T) {
	t.Parallel()
	deaf := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer deaf.Close()
	began := time.Now()
	status, _, errs := inProcess(t, "health", "--timeout", "50ms", "--address", deaf.Listener.Addr().String())
	if status != 1 || !strings.Contains(errs, "nobody answers") || time.Since(began) > 30*time.Second {
		t.Errorf("%d %q after %s", status, errs, time.Since(began))
	}
	status, _, errs = inProcess(t, "health", "--address", freeAddress(t))
	if status != 1 || !strings.Contains(errs, "nobody answers") || !strings.Contains(errs, "refused") {
		t.Errorf("%d %q", status, errs)
	}
}

// The file may be broken, and the bot well with what it read before.
func TestHealthReadsOnlyWhereToAsk(t *testing.T) {
	t.Setenv("WHOREAD_TEST_PORT", "9191")
	for source, want := range map[string]string{
		"http: {listen: 127.0.0.1:9999}":                      "127.0.0.1:9999",
		"http: {listen: 0.0.0.0:9999}":                        "127.0.0.1:9999",
		"http: {listen: ':9999'}":                             "127.0.0.1:9999",
		"http: {listen: '[::]:9999'}":                         "[::1]:9999",
		"http: {listen: '127.0.0.1:${WHOREAD_TEST_PORT}'}":    "127.0.0.1:9191",
		"dingtalk: {client_secret: ${NOT_SET}}\nwrong: [1]":   config.DefaultListen,
		"http: {listen: 127.0.0.1:9999, wrong: 1}\nalso: {":   config.DefaultListen,
		"http: {listen: 127.0.0.1:9999, wrong: 1}\nalso: [1]": "127.0.0.1:9999",
		"": config.DefaultListen,
	} {
		file := filepath.Join(t.TempDir(), "whoread.yaml")
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := (&healthCommand{Config: file}).address(); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", source, got, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "whoread.yaml")
	if err := os.WriteFile(file, []byte("http: {listen: off}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&healthCommand{Config: file}).address(); err == nil {
		t.Error("somebody is asked although http.listen is off")
	}
}

func TestHealthOfARunningBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Mini(t), dingtalktest.Options{})
	source := filepath.Join(t.TempDir(), "where.yaml")
	health := func(address string) (int, string, string) {
		t.Helper()
		if err := os.WriteFile(source, []byte("http: {listen: "+address+"}"), 0o600); err != nil {
			t.Fatal(err)
		}
		return inProcess(t, "health", "--timeout", patience.String(), "--config", source)
	}
	if status, _, errs := health(freeAddress(t)); status != 1 {
		t.Errorf("before it runs: %d %q", status, errs)
	}
	address := w.start(w.config(anyPort)).endpoint().address
	// DingTalk knows of a connection a moment before the bot does.
	for ctx := within(t); ctx.Err() == nil; {
		status, out, errs := health(address)
		if status == 0 && strings.HasPrefix(out, "ready") {
			return
		}
		if status != 1 || !strings.Contains(errs, "not ready: no connection to DingTalk") {
			t.Fatalf("%d %q %q", status, out, errs)
		}
	}
	t.Error("never ready")
}
