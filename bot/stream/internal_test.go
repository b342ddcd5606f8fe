package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/logger"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestConnectionsThatOpenedTogetherAreRenewedApart(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	c, err := New(Config{
		ClientID: "id", ClientSecret: "secret", Events: true, Handle: func(context.Context, Frame) ([]byte, error) { return nil, nil },
		Connections: 3, Stagger: 15 * time.Second, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	const never = time.Duration(math.MaxInt64)
	open := func(what string, slot int, renewing bool, wantWait time.Duration) {
		t.Helper()
		if got := c.claimTurn(c.slots[slot], renewing); got != wantWait {
			t.Errorf("%s: wait %v, want %v", what, got, wantWait)
		}
	}
	renewals := func(what string, want ...time.Duration) {
		t.Helper()
		for i, s := range c.slots[:len(want)] {
			if got := c.untilRenewal(s); got != want[i] {
				t.Errorf("%s: connection %d is renewed after %v, want %v", what, i, got, want[i])
			}
		}
	}
	for i := range 2 {
		open("all open at once", i, false, 0)
	}
	now = now.Add(time.Second)
	open("a moment later", 2, false, 0)
	renewals("the first one stays", never, 15*time.Second, 14*time.Second)
	now = now.Add(14 * time.Second)
	open("the third is renewed", 2, true, 0)
	open("the second wants to be at the same time", 1, true, 15*time.Second)
	now = now.Add(15 * time.Second)
	open("and is later", 1, true, 0)
	renewals("all are apart", never, never, never)
	now = now.Add(time.Hour)
	c.failed(c.slots[0], errors.New("dropped"))
	open("what dropped comes back at once", 0, false, 0)
	renewals("far from the others", never, never, never)
}

// A real bot knows of a silent connection within two minutes, a dial in vain included.
// The end-to-end test that measures it probes sooner.
func TestASilentConnectionIsKnownWithinTwoMinutes(t *testing.T) {
	t.Parallel()
	const pongWithin = 5 * time.Second // of the SDK's
	cfg, err := Config{ClientID: "id", ClientSecret: "secret", Events: true, Handle: func(context.Context, Frame) ([]byte, error) { return nil, nil }}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if longest := cfg.KeepAlive + pongWithin + dialWithin; cfg.KeepAlive <= 0 || longest > 2*time.Minute {
		t.Errorf("up to %v", longest)
	}
}

// What the SDK may act on of the gateway's answers.
func TestAnswersOfTheGatewayAreJudged(t *testing.T) {
	t.Parallel()
	const (
		real  = "https://api.dingtalk.com/v1.0/gateway/connections/open"
		local = "http://127.0.0.1:8080/v1.0/gateway/connections/open"
		html  = "<html><title>No</title>"
	)
	endpoint := func(url string) string { return fmt.Sprintf(`{"endpoint":%q,"ticket":"t"}`, url) }
	for _, tt := range []struct {
		asked  string
		status int
		body   string
		want   error
	}{
		{real, 200, endpoint("wss://wss-open-connection.dingtalk.com:443/connect"), nil},
		{real, 200, endpoint("WSS://wss-open-connection.dingtalk.com/connect"), nil},
		{real, 200, endpoint("ws://wss-open-connection.dingtalk.com/connect"), errNotEncrypted},
		{real, 200, endpoint("WS://wss-open-connection.dingtalk.com/connect"), errNotEncrypted},
		{real, 200, endpoint("ws://127.0.0.1/connect"), errNotEncrypted},
		{local, 200, endpoint("ws://127.0.0.1:8080/connect"), nil},
		{local, 200, endpoint("ws://[::1]:8080/connect"), nil},
		{local, 200, endpoint("ws://LocalHost/connect"), nil},
		{local, 200, endpoint("ws://wss-open-connection.dingtalk.com/connect"), errNotEncrypted},
		{local, 200, endpoint("ws://localhost.example.com/connect"), errNotEncrypted},

		{real, 401, `{"code":"authFailed","message":"m","requestid":"r"}`, &GatewayError{401, "authFailed", "m", "r"}},
		{real, 503, `{"code":"ServiceUnavailable"}`, &GatewayError{Status: 503, Code: "ServiceUnavailable"}},
		{real, 302, html, errElsewhere},
		{real, 200, html, &PageError{200}},
		{real, 400, html, &PageError{400}},
		{real, 404, html, &PageError{404}},
		{real, 429, html, &PageError{429}},
		{real, 500, `{}`, &PageError{500}},
		{real, 502, html, &PageError{502}},
		{real, 503, ``, &PageError{503}},
	} {
		asked, err := url.Parse(tt.asked)
		if err != nil {
			t.Fatal(err)
		}
		if got := judge(asked, tt.status, []byte(tt.body)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%d %s of %s: got %v, want %v", tt.status, tt.body, tt.asked, got, tt.want)
		}
	}
}

// Only trouble that passes is called DingTalk's own; a page in the place of an answer suggests another server.
func TestPagesInPlaceOfAnAnswer(t *testing.T) {
	t.Parallel()
	for status, passing := range map[int]bool{200: false, 400: false, 403: false, 404: false, 408: true, 429: true, 500: true, 502: true, 503: true, 504: true} {
		e := &PageError{status}
		if text := e.Error(); e.Passing() != passing || strings.Contains(text, "proxy") == passing || !strings.Contains(text, fmt.Sprint("HTTP ", status)) {
			t.Errorf("%d: passing is %t: %s", status, e.Passing(), text)
		}
	}
}

// Every frame is life, whatever it holds; pings and pongs of the WebSocket protocol are none.
func TestWhatCountsAsLife(t *testing.T) {
	t.Parallel()
	pong := []byte{0x8a, 0}
	keepalive := `{"specVersion":"1.0","type":"SYSTEM","headers":{"contentType":"application/json","messageId":"0a1b","topic":"KEEPALIVE","time":"1690362102194"},"data":"{}"}`
	for name, tt := range map[string]struct {
		bytes []byte
		life  bool
	}{
		"a pong":               {pong, false},
		"a pong in TLS 1.3":    {make([]byte, 5+len(pong)+1+16), false},
		"a pong in TLS 1.2":    {make([]byte, 5+8+len(pong)+16), false},
		"a ping with a time":   {append([]byte{0x89, 13}, "1690362102194"...), false},
		"a small frame":        {append([]byte{0x81, 126, 0, byte(len(keepalive))}, keepalive...), true},
		"a frame that is long": {make([]byte, 4096), true},
	} {
		local, remote := net.Pipe()
		conn := newConnection(time.Now)
		go func() { _, _ = remote.Write(tt.bytes) }()
		if n, err := (socket{Conn: local, conn: conn}).Read(make([]byte, 8192)); n != len(tt.bytes) || err != nil {
			t.Fatalf("%s: %d bytes, %v", name, n, err)
		}
		if life := conn.last.Load() != nil; life != tt.life {
			t.Errorf("%s: life is %t", name, life)
		}
		_, _ = local.Close(), remote.Close()
	}
}

func TestNoHandlerBeginsOnceRunWaits(t *testing.T) {
	t.Parallel()
	var handlers inFlight
	if !handlers.begin() {
		t.Fatal("refused from the start")
	}
	handlers.end()
	handlers.closeAndWait()
	if handlers.begin() {
		t.Error("began after closing")
	}
}

func TestScrubber(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"访问ip不在白名单之中,request ip=203.0.113.7", "访问ip不在白名单之中,request ip=203.0.113.7"},
		{"Forbidden.AccessDenied.ApiCountLimitForOrg", "Forbidden.AccessDenied.ApiCountLimitForOrg"},
		{"secret=hunter2!", "secret=***!"},
		{"ticket 6a3f0c3e-1f2e-11ee-be56-0242ac120002 used", "ticket *** used"},
		{"see wss://host/connect?ticket=x now", "see *** now"},
		{strings.Repeat("长", 201), strings.Repeat("长", 199) + "…"},
		{strings.Repeat("长", 200), strings.Repeat("长", 200)},
		{"", ""},
	} {
		if got := (scrubber{"hunter2"}).text(tc.in); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestDescribeKeepsCausesAndDropsContents(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, tc := range []struct {
		value any
		want  string
	}{
		{secret, "string"},
		{errors.New(secret), "*errors.errorString"},
		{fmt.Errorf("%s: %w", secret, io.EOF), "EOF"},
		{fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), "context deadline exceeded"},
		{fmt.Errorf("%s: %w", secret, refused), "dial tcp: connection refused"},
		{&websocket.CloseError{Code: 1001, Text: secret}, "websocket close code 1001"},
	} {
		if got := describe(tc.value); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.value, got, tc.want)
		}
	}
}

func TestSDKLogIsReplacedAndTame(t *testing.T) {
	t.Parallel()
	tameSDK()
	core, seen := observer.New(zap.DebugLevel)
	detach := sdkLines.attach(zap.New(core))
	sdk := logger.GetLogger()
	sdk.Debugf("[wire] %s", "s3cr3t in a body")
	sdk.Infof("marker success, sessionId=[%s]", "s3cr3t")
	sdk.Warningf("marker capacity reached")
	sdk.Fatalf("marker %d %v %s", 7, []byte("s3cr3t"), errors.New("s3cr3t"))
	detach()
	sdk.Errorf("marker after detaching")

	var got []string
	for _, e := range seen.All() {
		line, _ := e.ContextMap()["line"].(string)
		if strings.Contains(line, "s3cr3t") {
			t.Errorf("a secret passed: %s", line)
		}
		if strings.HasPrefix(line, "marker") { // clients of other tests log here as well
			got = append(got, e.Level.String()+" "+line)
		}
	}
	want := "debug marker success, sessionId=[(left out)]; warn marker capacity reached; error marker 7 (left out) *errors.errorString"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %q", got)
	}
}

func TestSocketTellsTheFirstReasonWhyItIsOver(t *testing.T) {
	t.Parallel()
	local, remote := net.Pipe()
	conn := newConnection(time.Now)
	s := socket{Conn: local, conn: conn}
	if conn.isOver() {
		t.Fatal("over from the start")
	}
	_ = s.SetWriteDeadline(time.Unix(1, 0))
	if _, err := s.Write([]byte("x")); err == nil {
		t.Fatal("a write past its deadline went well")
	}
	_ = remote.Close()
	_ = s.Close()
	if !conn.isOver() || !errors.Is(conn.cause, errNotWritten) {
		t.Errorf("cause %v, want %v", conn.cause, errNotWritten)
	}
}
