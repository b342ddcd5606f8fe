package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"whoread/cmd/internal/ops"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// probe asks for /readyz.
func probe(t *testing.T, get func(path string) (int, []byte)) (int, ops.Readiness) {
	t.Helper()
	status, body := get("/readyz")
	var r ops.Readiness
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return status, r
}

func TestProbesFollowOutages(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	b := storetest.Real(t)
	proxy := storetest.NewProxy(t, b.URL)
	b.URL = proxy.URL()
	w := newWorld(t, b, dingtalktest.Options{DisconnectAfter: time.Millisecond})
	address := w.start(w.config(anyPort)).endpoint().address
	becomes := func(status int, reason string) {
		t.Helper()
		ctx := within(t)
		for ctx.Err() == nil {
			got, r := readyz(t, address)
			if got == status && strings.Contains(strings.Join(r.Reasons, "\n"), reason) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("never %d because of %q", status, reason)
	}
	becomes(200, "")
	proxy.Cut()
	becomes(503, "redis")
	proxy.Mend(t)
	becomes(200, "")
	w.RefuseGateway(true)
	w.DropConnections()
	becomes(503, "no connection to DingTalk")
	w.RefuseGateway(false)
	becomes(200, "")
}
