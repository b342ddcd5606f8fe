package dingtalk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testSecret  = "c1ient-S3CRET-value+/="
	testSession = "s3ss1on-0f-the-webhook"
)

// script is a DingTalk that answers what a test says. Every request it sees is checked: the token where one belongs,
// JSON where a body belongs, or a form with one file in it.
type script struct {
	t      *testing.T
	answer map[string]func(n int, r seen) (status int, body string) // by path; n counts from 1

	mu     sync.Mutex
	calls  []seen
	tokens int
}

type seen struct {
	Method, Path, Token, Query string
	Body                       map[string]any
	Form                       []seenFile
}

type seenFile struct{ Field, Name, Content string }

func newScript(t *testing.T) *script {
	return &script{t: t, answer: map[string]func(int, seen) (int, string){}}
}

// always answers every call of a path in the same way.
func (s *script) always(path string, status int, body string) *script {
	return s.on(path, func(int, seen) (int, string) { return status, body })
}

func (s *script) on(path string, answer func(n int, r seen) (int, string)) *script {
	s.answer[path] = answer
	return s
}

// tokenValue is the nth access token.
func tokenValue(n int) string { return fmt.Sprintf("acc3ss-t0ken-%d-x", n) }

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	got := seen{Method: r.Method, Path: r.URL.Path, Token: r.Header.Get("x-acs-dingtalk-access-token"), Query: r.URL.RawQuery}
	if kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		got.Form = s.readForm(raw, params["boundary"])
	} else if len(raw) > 0 {
		if err := json.Unmarshal(raw, &got.Body); err != nil {
			s.t.Errorf("%s: the body is not a JSON object: %v", r.URL.Path, err)
		}
		if r.Header.Get("Content-Type") != "application/json" {
			s.t.Errorf("%s: Content-Type %q", r.URL.Path, r.Header.Get("Content-Type"))
		}
	}
	if got.Token == "" {
		got.Token = r.URL.Query().Get("access_token")
	}
	s.mu.Lock()
	s.calls = append(s.calls, got)
	n := 0
	for _, c := range s.calls {
		if c.Path == got.Path {
			n++
		}
	}
	answer := s.answer[got.Path]
	s.mu.Unlock()

	status, body := http.StatusNotFound, `{"code":"NotFound","message":"no such path in this test"}`
	switch {
	case answer != nil:
		status, body = answer(n, got)
	case got.Path == tokenAPI.path:
		if got.Body["appKey"] != "the-app" || got.Body["appSecret"] != testSecret {
			s.t.Errorf("credentials %v", got.Body)
		}
		s.mu.Lock()
		s.tokens++
		status, body = http.StatusOK, fmt.Sprintf(`{"accessToken":%q,"expireIn":7200}`, tokenValue(s.tokens))
		s.mu.Unlock()
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (s *script) readForm(raw []byte, boundary string) []seenFile {
	var files []seenFile
	for parts := multipart.NewReader(bytes.NewReader(raw), boundary); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			s.t.Errorf("the form cannot be read: %v", err)
			return files
		}
		content, err := io.ReadAll(part)
		if err != nil {
			s.t.Errorf("the form cannot be read: %v", err)
		}
		files = append(files, seenFile{part.FormName(), part.FileName(), string(content)})
	}
}

func (s *script) seen(path string) []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []seen
	for _, c := range s.calls {
		if c.Path == path {
			found = append(found, c)
		}
	}
	return found
}

// inProcess carries requests to a handler without a network, so that they can live in a synctest bubble.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// client talks to s without a network.
func (s *script) client(change ...func(*Config)) *Client {
	s.t.Helper()
	return newClient(s.t, "https://api.test", append([]func(*Config){func(c *Config) { c.Transport = inProcess{s} }}, change...)...)
}

func newClient(t testing.TB, address string, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		ClientID:       "the-app",
		ClientSecret:   NewSecret(testSecret),
		RobotCode:      "the-bot",
		APIURL:         address,
		OapiURL:        address,
		CallsPerSecond: 1 << 40,
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// want checks what a failure is, and that it gives nothing away.
func want(t testing.TB, err error, kind Kind, uncertain bool) {
	t.Helper()
	_ = wantError(t, err, kind, uncertain)
}

// wantError is want for a test that looks at more of the failure.
func wantError(t testing.TB, err error, kind Kind, uncertain bool) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want an *Error of kind %s", err, err, kind)
	}
	if e.Kind != kind || e.Uncertain() != uncertain {
		t.Errorf("got kind %s, uncertain %t; want %s, %t: %v", e.Kind, e.Uncertain(), kind, uncertain, e)
	}
	if e.Retryable() && e.Uncertain() {
		t.Errorf("%v is both retryable and uncertain", e)
	}
	if strings.Contains(e.Error(), "://") {
		t.Errorf("%v shows a URL", e)
	}
	noSecrets(t, err)
	return e
}

// noSecrets fails where a printed form of any of the values holds a secret.
func noSecrets(t testing.TB, values ...any) {
	t.Helper()
	for _, v := range values {
		forms := []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s %q %x %d", v, v, v, v)}
		if e, ok := v.(error); ok {
			for e := errors.Unwrap(e); e != nil; e = errors.Unwrap(e) {
				forms = append(forms, fmt.Sprintf("%v %#v", e, e))
			}
		}
		if encoded, err := json.Marshal(v); err == nil {
			forms = append(forms, string(encoded))
		}
		for _, form := range forms {
			for _, secret := range []string{testSecret, "c1ient-S3CRET", testSession, "acc3ss-t0ken"} {
				if strings.Contains(form, secret) {
					t.Errorf("%.300q gives %q away", form, secret)
					return
				}
			}
		}
	}
}
