package ops

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A web page whose name leads to this machine (DNS rebinding) gets no profile.
func TestProfilesAreGivenToThisMachinesNamesOnly(t *testing.T) {
	t.Parallel()
	handler := Handler(nil, NewMetrics("v0"), true)
	for host, want := range map[string]int{
		"127.0.0.1:9090": http.StatusOK, "127.0.0.1": http.StatusOK, "127.0.0.2:9090": http.StatusOK, "localhost:9090": http.StatusOK, "LOCALHOST": http.StatusOK,
		"[::1]:9090": http.StatusOK, "[::1]": http.StatusOK,
		"bot.example.com:9090": http.StatusForbidden, "bot.example.com": http.StatusForbidden, "localhost.example.com:9090": http.StatusForbidden,
		"192.0.2.1:9090": http.StatusForbidden, "0.0.0.0:9090": http.StatusForbidden, "[::]:9090": http.StatusForbidden, "": http.StatusForbidden,
	} {
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline", "/debug/pprof/symbol"} {
			request := httptest.NewRequest(http.MethodGet, path, nil)
			request.Host = host
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if answer.Code != want {
				t.Errorf("%s at %q: %d, want %d", path, host, answer.Code, want)
			}
			if want == http.StatusForbidden {
				if text := answer.Body.String(); !strings.Contains(text, "this machine only") || !strings.Contains(text, "localhost") {
					t.Errorf("%q says %q", host, text)
				}
			}
		}
	}
}
