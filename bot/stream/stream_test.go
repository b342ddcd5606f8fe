package stream_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"whoread/bot/stream"
	"whoread/store/storetest/need"
)

func TestMain(m *testing.M) {
	if err := trustTestServers(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.Remove(os.Getenv("SSL_CERT_FILE"))
		os.Exit(code)
	}))
}

// trustTestServers makes this process trust the certificate of httptest's TLS servers, where Go reads SSL_CERT_FILE. The SDK
// offers no way to say what to trust.
func trustTestServers() error {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	f, err := os.CreateTemp("", "whoread-test-*.pem")
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Setenv("SSL_CERT_FILE", f.Name())
}

// logBook keeps everything that is logged, at debug level.
type logBook struct {
	*board
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.buf.Write(p)
	l.mu.Unlock()
	l.changed()
	return len(p), nil
}

func (l *logBook) Sync() error { return nil }

func (l *logBook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// newLog returns a logger. When the test ends, nothing secret may be in what it logged.
func newLog(t *testing.T, g *gateway) (*zap.Logger, *logBook) {
	book := &logBook{board: g.board}
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), book, zap.DebugLevel))
	t.Cleanup(func() { noSecrets(t, g, "log", book.text()) })
	return log, book
}

func noSecrets(t *testing.T, g *gateway, where, text string) {
	t.Helper()
	noSecretsIn(t, append(g.ticketsIssued(), clientSecret, webhook, "sendBySession", "session="), where, text)
}

func noSecretsIn(t *testing.T, secrets []string, where, text string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the secret %q:\n%s", where, secret, text)
		}
	}
}

// bot is a running client.
type bot struct {
	*stream.Client
	log  *logBook
	stop func() // ends Run's context and waits for Run
}

// start runs a client against g until the test ends. Pauses are short unless configure says otherwise.
func start(t *testing.T, g *gateway, handle stream.Handler, configure ...func(*stream.Config)) *bot {
	t.Helper()
	log, book := newLog(t, g)
	cfg := config(g, handle)
	cfg.Log = log
	for _, change := range configure {
		change(&cfg)
	}
	client, err := stream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("Run does not return")
		}
	})
	t.Cleanup(stop)
	return &bot{client, book, stop}
}

func config(g *gateway, handle stream.Handler) stream.Config {
	return stream.Config{
		ClientID: clientID, ClientSecret: clientSecret, APIURL: g.srv.URL,
		Topics: []string{botTopic}, Events: true, Handle: handle,
		Connections: 1, Stagger: time.Hour, // none is renewed
		Backoff: stream.Backoff{Initial: time.Millisecond, Max: 10 * time.Millisecond, Credentials: 20 * time.Millisecond},
	}
}

func take(context.Context, stream.Frame) ([]byte, error) { return nil, nil }

func connections(n int) func(*stream.Config) { return func(c *stream.Config) { c.Connections = n } }

func TestOpensEveryConnectionWithWhatItSubscribes(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	b := start(t, g, take, connections(2))
	g.connection(2)
	g.await(t, "both connections up", func() bool { return b.Status().Up() == 2 })

	want := []subscription{{"CALLBACK", botTopic}, {"EVENT", "*"}, {"SYSTEM", "disconnect"}, {"SYSTEM", "ping"}}
	g.set(func(g *gateway) {
		if diff := cmp.Diff(want, g.subscribed); diff != "" {
			t.Error(diff)
		}
	})
	for i, c := range b.Status().Connections {
		if c.UpSince.IsZero() || c.LastError != nil || !c.LastFrame.IsZero() {
			t.Errorf("connection %d: %+v", i, c)
		}
	}
	b.stop()
	if up := b.Status().Up(); up != 0 {
		t.Errorf("%d connections up after Run", up)
	}
}

func TestFirstStartIsRetried(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"an error page": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>502</html>")
		},
		"DingTalk's error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"code":"ServiceUnavailable","message":"稍后再试"}`)
		},
		"an empty answer":          func(http.ResponseWriter, *http.Request) {},
		"an answer with no fields": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) },
		"an endpoint that is none": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"endpoint":"ws://[::1","ticket":"`+clientSecret+`"}`)
		},
		"bad credentials": func(w http.ResponseWriter, _ *http.Request) { authFailed(w) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.refuse(3, answer)
			b := start(t, g, take)
			g.connection(1)
			g.await(t, "up", func() bool { return b.Status().Up() == 1 })
			if n := g.requests(); n != 4 {
				t.Errorf("%d attempts, want 4", n)
			}
			c := b.Status().Connections[0]
			if c.LastError == nil || c.LastErrorAt.IsZero() {
				t.Errorf("the failure is not in the status: %+v", c)
			}
			noSecrets(t, g, "status", fmt.Sprint(c.LastError))
		})
	}
}

func TestBadCredentialsAreSaidAndRetriedSlowly(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.refuse(0, func(w http.ResponseWriter, _ *http.Request) { authFailed(w) })
	b := start(t, g, take, func(c *stream.Config) { c.Backoff.Credentials = time.Hour })
	g.await(t, "the refusal in the status", func() bool {
		return errors.Is(b.Status().Connections[0].LastError, stream.ErrCredentials)
	})
	g.await(t, "the refusal in the log", func() bool { return strings.Contains(b.log.text(), `"retry_in":3600`) })
	for _, want := range []string{`"level":"error"`, "DingTalk refuses the client id or the client secret", "authFailed"} {
		if !strings.Contains(b.log.text(), want) {
			t.Errorf("log lacks %q:\n%s", want, b.log.text())
		}
	}
}

func TestAcks(t *testing.T) {
	t.Parallel()
	const (
		success = `{"status":"SUCCESS","message":"success"}`
		later   = `{"status":"LATER","message":"later"}`
		refusal = "not taken, please push it again"
	)
	taken := func(context.Context, stream.Frame) ([]byte, error) { return nil, nil }
	failing := func(context.Context, stream.Frame) ([]byte, error) {
		return nil, fmt.Errorf("redis at 10.0.0.1 is down")
	}
	panicking := func(context.Context, stream.Frame) ([]byte, error) { panic("with " + webhook) }
	var unmade map[string]int
	answering := func(context.Context, stream.Frame) ([]byte, error) { return []byte(`{"response":{"a":"读"}}`), nil }
	crashing := func(context.Context, stream.Frame) ([]byte, error) { unmade["x"] = 1; return nil, nil }

	for _, tc := range []struct {
		name   string
		handle stream.Handler
		frame  frame
		code   int
		msg    string
		data   string
		logged string
	}{
		{"callback taken", taken, callback(botTopic, "1", `{}`), 200, "", "", "the frame was taken"},
		{"callback answered", answering, callback(botTopic, "1", `{}`), 200, "", `{"response":{"a":"读"}}`, "the frame was taken"},
		{"event answered", answering, event("robot_msg_read", "1", `{}`), 200, "", success, "robot_msg_read"},
		{"callback not taken", failing, callback(botTopic, "1", `{}`), 500, refusal, "", "redis at 10.0.0.1 is down"},
		{"callback panics", panicking, callback(botTopic, "1", `{}`), 500, refusal, "", "panicked"},
		{"callback crashes", crashing, callback(botTopic, "1", `{}`), 500, refusal, "", "assignment to entry in nil map"},
		{"event taken", taken, event("robot_msg_read", "1", `{}`), 200, "", success, "robot_msg_read"},
		{"event not taken", failing, event("robot_msg_read", "1", `{}`), 200, "", later, "redis at 10.0.0.1 is down"},
		{"event panics", panicking, event("robot_msg_read", "1", `{}`), 200, "", later, "stream_test.go"},
		{"unknown topic", taken, callback("/v1.0/else", "1", `{}`), 404, "", "", ""},
		{"unknown type", taken, frame{"1.0", "OTHER", map[string]string{"messageId": "1", "topic": "*"}, ""}, 404, "", "", ""},
		{"connected", failing, system("CONNECTED", "1", ""), 200, "", "", ""},
		{"registered", failing, system("REGISTERED", "1", `{}`), 200, "", "", ""},
		{"keepalive", failing, system("KEEPALIVE", "1", ""), 200, "", "", ""},
		{"ping", failing, system("ping", "1", `{"opaque":"0123-abc"}`), 200, "ok", `{"opaque":"0123-abc"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			b := start(t, g, tc.handle)
			conn := g.connection(1)
			conn.push(tc.frame)
			want := ack{tc.code, map[string]string{"messageId": "1", "contentType": "application/json"}, tc.msg, tc.data}
			if diff := cmp.Diff(want, conn.awaitAck("1")); diff != "" {
				t.Error(diff)
			}
			if tc.code == 200 && b.Status().Connections[0].LastFrame.IsZero() {
				t.Error("the status does not know that this frame arrived")
			}
			// The connection lives on.
			conn.push(system("ping", "2", ""))
			conn.awaitAck("2")
			if b.Status().Connections[0].LastFrame.IsZero() {
				t.Error("the status does not know that a frame arrived")
			}
			if !strings.Contains(b.log.text(), tc.logged) {
				t.Errorf("log lacks %q:\n%s", tc.logged, b.log.text())
			}
		})
	}
}

func TestFrameIsHandedOverAsItCame(t *testing.T) {
	t.Parallel()
	const text = `{"msgId":"m","text":{"content":" 谁没读 \u200f👩‍👩‍👧 １２ \u0000","isReplyMsg":true},"originalProcessQueryKey":"k=","sessionWebhook":"` + webhook + `"}`
	huge := `"` + strings.Repeat("长", 500_000) + `"`
	ev := event("robot_msg_read", "e1", `{"userId":"u"}`)
	odd := callback(botTopic, "c3", "not JSON \xf0\x9f\x98\x80")
	odd.Headers["time"] = "soon"
	bare := frame{"1.0", "CALLBACK", map[string]string{"topic": botTopic}, ""}
	pushed := time.UnixMilli(1690362102194)
	early := event("robot_msg_read", "e2", `{}`)
	early.Headers["eventBornTime"], early.Headers["time"] = early.Headers["time"], early.Headers["eventBornTime"]
	for _, tc := range []struct {
		name  string
		frame frame
		want  stream.Frame
	}{
		{"callback", callback(botTopic, "c1", text), stream.Frame{
			Type: stream.TypeCallback, Topic: botTopic, MessageID: "c1", Born: pushed, Data: []byte(text),
		}},
		{"event", ev, stream.Frame{
			Type: stream.TypeEvent, Topic: "*", MessageID: "e1", EventType: "robot_msg_read", EventID: "event-e1", CorpID: "dingcorp",
			Born: time.UnixMilli(1690362101000), Age: 1194 * time.Millisecond, Data: []byte(`{"userId":"u"}`),
		}},
		{"an event that is pushed before it happens", early, stream.Frame{
			Type: stream.TypeEvent, Topic: "*", MessageID: "e2", EventType: "robot_msg_read", EventID: "event-e2", CorpID: "dingcorp",
			Born: pushed, Data: []byte(`{}`),
		}},
		{"huge data", callback(botTopic, "c2", huge), stream.Frame{
			Type: stream.TypeCallback, Topic: botTopic, MessageID: "c2", Born: pushed, Data: []byte(huge),
		}},
		{"data that is no JSON, a time that is none", odd, stream.Frame{
			Type: stream.TypeCallback, Topic: botTopic, MessageID: "c3", Data: []byte("not JSON 😀"),
		}},
		{"nothing but a topic", bare, stream.Frame{Type: stream.TypeCallback, Topic: botTopic, Data: []byte{}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			got := make(chan stream.Frame, 1)
			start(t, g, func(_ context.Context, f stream.Frame) ([]byte, error) { got <- f; return nil, nil })
			conn := g.connection(1)
			conn.push(tc.frame)
			conn.awaitAck(tc.frame.Headers["messageId"])
			if diff := cmp.Diff(tc.want, <-got, cmp.Comparer(bytes.Equal)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBrokenFramesLoseNothingElse(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	b := start(t, g, take)
	conn := g.connection(1)
	for _, broken := range []string{
		``, `{`, `null`, `[]`, `"x"`, `{"type":"CALLBACK"}`, `{"headers":null,"type":"EVENT"}`,
		`{"type":"CALLBACK","headers":{"messageId":"b","topic":"` + botTopic + `","time":1690362102194},"data":"{\"sessionWebhook\":\"` + webhook + `\"}"}`,
		`{"type":"CALLBACK","headers":{"messageId":"b","topic":"` + botTopic + `"},"data":{"sessionWebhook":"` + webhook + `"}}`,
	} {
		if err := conn.send(websocket.TextMessage, []byte(broken)); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.send(websocket.BinaryMessage, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	conn.push(callback(botTopic, "good", `{}`))
	conn.awaitAck("good")
	const line = "connection process decode data frame error"
	g.await(t, "a warning for each frame that could not be decoded", func() bool {
		return strings.Count(b.log.text(), line) == 6
	})
	if !strings.Contains(b.log.text(), `"level":"warn"`) || !strings.Contains(b.log.text(), "something else than a string") {
		t.Errorf("log:\n%s", b.log.text())
	}
}

func TestHandlerGoesOnWhenTheConnectionDrops(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	working, goOn := make(chan context.Context), make(chan struct{})
	b := start(t, g, func(ctx context.Context, _ stream.Frame) ([]byte, error) {
		working <- ctx
		<-goOn
		return nil, ctx.Err()
	})
	conn := g.connection(1)
	conn.push(callback(botTopic, "1", `{}`))
	ctx := <-working
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > stream.AckWithin {
		t.Errorf("deadline %v, %v: want one within %v", deadline, ok, stream.AckWithin)
	}
	conn.drop()
	g.connection(2)
	g.await(t, "up again", func() bool { return b.Status().Up() == 1 })
	if err := ctx.Err(); err != nil {
		t.Errorf("the handler's context ended with the connection: %v", err)
	}
	close(goOn)
	g.await(t, "the frame taken", func() bool { return strings.Contains(b.log.text(), "the frame was taken") })
}

func TestHandlerIsGivenUntilTheAckIsDue(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	start(t, g, func(ctx context.Context, _ stream.Frame) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	conn := g.connection(1)
	pushed := time.Now()
	conn.push(event("robot_msg_read", "1", `{}`))
	if got := conn.awaitAck("1"); !strings.Contains(got.Data, "LATER") {
		t.Errorf("ack %+v, want LATER", got)
	}
	if waited := time.Since(pushed); waited < stream.AckWithin {
		t.Errorf("the handler's context ended after %v, want %v", waited, stream.AckWithin)
	}
}

// DingTalk waits less for some topics than for others.
func TestATopicMayHaveADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	given := make(chan time.Duration, 2)
	start(t, g, func(ctx context.Context, _ stream.Frame) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		given <- time.Until(deadline)
		return nil, nil
	}, func(c *stream.Config) {
		c.Topics = append(c.Topics, "/card")
		c.Deadlines = map[string]time.Duration{"/card": stream.PressWithin}
	})
	conn := g.connection(1)
	for topic, want := range map[string]time.Duration{"/card": stream.PressWithin, botTopic: stream.AckWithin} {
		conn.push(callback(topic, topic, `{}`))
		if got := <-given; got > want || got < want-500*time.Millisecond {
			t.Errorf("%s: the handler is given %v, want %v", topic, got, want)
		}
		conn.awaitAck(topic)
	}
}

func TestDisconnectIsAnsweredByMakingBeforeBreaking(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	b := start(t, g, take)
	old := g.connection(1)
	g.await(t, "up", func() bool { return b.Status().Up() == 1 })
	for n := 1; n <= 5; n++ {
		g.set(func(g *gateway) { g.fewest = g.open })
		old.push(system("disconnect", "bye", `{"reason":"going away"}`))
		replacement := g.connection(n + 1)
		select {
		case <-old.gone:
		case <-time.After(30 * time.Second):
			t.Fatal("the old connection is kept though its replacement is up")
		}
		if got, ok := old.ack("bye"); !ok || got.Code != 200 {
			t.Errorf("disconnect %d was acked %+v, %v", n, got, ok)
		}
		g.set(func(g *gateway) {
			if g.fewest < 1 {
				t.Errorf("disconnect %d left no connection for a moment: %v", n, g.history)
			}
		})
		replacement.push(callback(botTopic, "1", `{}`))
		replacement.awaitAck("1")
		g.await(t, "up", func() bool { return b.Status().Up() == 1 })
		old = replacement
	}
	g.set(func(g *gateway) {
		want := []string{"open 1", "open 2", "end 1", "open 3", "end 2", "open 4", "end 3", "open 5", "end 4", "open 6", "end 5"}
		if diff := cmp.Diff(want, g.history); diff != "" {
			t.Error(diff)
		}
	})
}

// Both connections are up at once, and one is soon replaced so that they do not end
// together. What DingTalk has pushed on it until it hears of that is taken all the same.
func TestConnectionsThatOpenTogetherArePartedWithoutLoss(t *testing.T) {
	t.Parallel()
	const stagger = 300 * time.Millisecond
	g := newGateway(t)
	var got seen
	b := start(t, g, got.take, connections(2), func(c *stream.Config) { c.Stagger = stagger })
	began := time.Now()
	g.connection(2)
	g.await(t, "both up", func() bool { return b.Status().Up() == 2 })
	if took := time.Since(began); took >= stagger {
		t.Logf("both were up only after %v", took) // on a busy machine
	}
	first, second := g.connection(1), g.connection(2)
	g.set(func(g *gateway) { g.fewest = g.open })
	pushed := 0
	for g.openedEver() < 3 { // until the replacement comes, and just after
		for _, conn := range []*serverConn{first, second} {
			if conn.tryPush(callback(botTopic, fmt.Sprint(pushed), `{}`)) == nil {
				pushed++
			}
		}
	}
	var retired *serverConn
	select {
	case <-first.gone:
		retired = first
	case <-second.gone:
		retired = second
	case <-time.After(30 * time.Second):
		t.Fatal("none of the two is retired")
	}
	g.await(t, "what was pushed", func() bool { return len(got.sorted()) == pushed })
	g.set(func(g *gateway) {
		if g.fewest < 2 {
			t.Errorf("a connection was missed: %v", g.history)
		}
	})
	if up := b.Status().Up(); up != 2 || retired == nil {
		t.Errorf("%d up", up)
	}
	time.Sleep(2 * stagger)
	if n := g.openedEver(); n != 3 {
		t.Errorf("%d connections were opened: they are parted once", n)
	}
}

// The secret goes to the gateway and to nobody to whom the gateway sends on.
func TestNoRedirectOfTheGatewayIsFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		g := newGateway(t)
		var asked atomic.Int32
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		t.Cleanup(elsewhere.Close)
		g.refuse(3, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
		})
		b := start(t, g, take)
		g.await(t, "up", func() bool { return b.Status().Up() == 1 })
		if n := asked.Load(); n > 0 {
			t.Errorf("%d: another server was asked %d times", status, n)
		}
		if err := b.Status().Connections[0].LastError; err == nil || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("%d: the status says %v", status, err)
		}
	}
}

// An answer of the gateway's that has no end is not read to its end.
func TestAnEndlessAnswerOfTheGateway(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	const much = 200 << 20
	var written atomic.Int64
	g.refuse(1, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for written.Load() < much {
			n, err := w.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	b := start(t, g, take)
	g.await(t, "up", func() bool { return b.Status().Up() == 1 })
	if n := written.Load(); n >= much {
		t.Errorf("%d bytes were read", n)
	}
}

func TestLeavingConnectionServesUntilItsReplacementIsUp(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	b := start(t, g, take)
	old := g.connection(1)
	var refusing atomic.Bool
	refusing.Store(true)
	g.set(func(g *gateway) {
		g.answer = func(w http.ResponseWriter) bool {
			if refusing.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
			return false
		}
	})
	old.push(system("disconnect", "bye", ""))
	old.push(system("disconnect", "bye again", "")) // DingTalk repeats what is not acked
	before := g.requests()
	g.await(t, "vain attempts", func() bool { return g.requests() > before+3 })
	old.push(callback(botTopic, "late", `{}`))
	if got := old.awaitAck("late"); got.Code != 200 {
		t.Errorf("ack %+v", got)
	}
	if up := b.Status().Up(); up != 1 {
		t.Errorf("%d up, want the old one to count", up)
	}
	// DingTalk closes it before the replacement is there.
	old.drop()
	g.await(t, "down", func() bool { return b.Status().Up() == 0 })
	refusing.Store(false)
	g.connection(2)
	g.await(t, "up", func() bool { return b.Status().Up() == 1 })
}

func TestLeavingConnectionIsClosedInTimeWithoutReplacement(t *testing.T) {
	t.Parallel()
	need.Slow(t)
	g := newGateway(t)
	b := start(t, g, take, func(c *stream.Config) { c.Backoff = stream.Backoff{Initial: time.Hour, Max: time.Hour} })
	old := g.connection(1)
	g.await(t, "up", func() bool { return b.Status().Up() == 1 })
	old.push(system("disconnect", "bye", ""))
	<-old.gone
	if got, ok := old.ack("bye"); !ok || got.Code != 200 {
		t.Errorf("acked %+v, %v", got, ok)
	}
	if n := g.requests(); n != 1 {
		t.Errorf("%d requests for a ticket: a gateway that sends every new connection away is not asked again without a pause", n)
	}
}

func TestDroppedConnectionsComeBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*serverConn){
		"reset": (*serverConn).drop,
		"closed": func(c *serverConn) {
			_ = c.send(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, clientSecret))
		},
		"broken websocket frame": func(c *serverConn) { _, _ = c.ws.NetConn().Write([]byte("GET / HTTP/1.1\r\n\r\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			b := start(t, g, take, connections(2))
			g.connection(2)
			g.await(t, "both up", func() bool { return b.Status().Up() == 2 })
			for n := range 4 {
				end(g.connection(n + 1))
				next := g.connection(n + 3)
				next.push(callback(botTopic, "1", `{}`))
				next.awaitAck("1")
			}
			g.await(t, "both up", func() bool { return b.Status().Up() == 2 })
			for i, c := range b.Status().Connections {
				if c.LastError == nil {
					t.Errorf("connection %d: the drop is not in the status", i)
				}
			}
		})
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE is not read here")
	}
	g := serveGateway(t, httptest.NewTLSServer)
	b := start(t, g, take)
	for n := range 3 {
		conn := g.connection(n + 1)
		conn.push(callback(botTopic, "1", `{}`))
		conn.awaitAck("1")
		conn.drop()
	}
	g.connection(4)
	g.await(t, "up", func() bool { return b.Status().Up() == 1 })
}

func TestConnectionThatCannotBeWrittenToIsReplaced(t *testing.T) {
	t.Parallel()
	need.Slow(t)
	g := newGateway(t)
	g.set(func(g *gateway) { g.deaf = true })
	b := start(t, g, take)
	deaf := g.connection(1)
	g.set(func(g *gateway) { g.deaf = false })
	// The answer to a ping repeats its data. Since nobody reads the answers, they fill every buffer in between.
	for i := range 24 {
		if deaf.tryPush(system("ping", fmt.Sprint(i), strings.Repeat("x", 1<<20))) != nil {
			break // it is being replaced already
		}
	}
	conn := g.connection(2)
	conn.push(callback(botTopic, "1", `{}`))
	conn.awaitAck("1")
	c := b.Status().Connections[0]
	if c.LastError == nil || !strings.Contains(c.LastError.Error(), "cannot be written to") {
		t.Errorf("last error %v", c.LastError)
	}
}

func TestHalfOpenConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	need.Slow(t)
	g := newGateway(t)
	g.set(func(g *gateway) { g.noPongs = true })
	start(t, g, take, func(c *stream.Config) { c.KeepAlive = 3 * time.Second })
	silent := g.connection(1)
	g.set(func(g *gateway) { g.noPongs = false })
	g.connection(2)
	<-silent.gone
}

// A gateway that answers WebSocket pings, and sends some of its own, and pushes nothing any more: the connection is replaced
// though it seems to live, and what is pushed on it meanwhile is taken.
func TestASilentConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serveGateway(t, serve)
			var got seen
			b := start(t, g, got.take, func(c *stream.Config) { c.Silence = 500 * time.Millisecond })
			for n := range 3 {
				old := g.connection(n + 1)
				g.await(t, "up", func() bool { return b.Status().Up() == 1 })
				g.set(func(g *gateway) { g.fewest = g.open })
				for began := time.Now(); g.openedEver() < n+2; time.Sleep(5 * time.Millisecond) {
					if time.Since(began) > 30*time.Second {
						t.Fatal("the silent connection is not replaced")
					}
					_ = old.control(websocket.PingMessage)
					_ = old.control(websocket.PongMessage)
				}
				last := fmt.Sprint("last of ", n)
				pushed := old.tryPush(callback(botTopic, last, `{}`)) == nil
				<-old.gone
				for began := time.Now(); pushed && !slices.Contains(got.sorted(), last); time.Sleep(5 * time.Millisecond) {
					if time.Since(began) > 10*time.Second {
						t.Fatalf("connection %d: what was pushed last is lost", n+1)
					}
				}
				g.set(func(g *gateway) {
					if g.fewest < 1 {
						t.Errorf("no connection for a moment: %v", g.history)
					}
				})
			}
			for _, want := range []string{"DingTalk pushes nothing on the connection", `"renewed":true`} {
				if !strings.Contains(b.log.text(), want) {
					t.Errorf("log lacks %q:\n%s", want, b.log.text())
				}
			}
			if err := b.Status().Connections[0].LastError; err != nil {
				t.Errorf("the status calls it an error: %v", err)
			}
		})
	}
}

func TestRunWaitsForHandlersAndLetsThemFinish(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	working, goOn := make(chan context.Context), make(chan struct{})
	finished := make(chan struct{})
	b := start(t, g, func(ctx context.Context, _ stream.Frame) ([]byte, error) {
		working <- ctx
		<-goOn
		close(finished)
		return nil, nil
	})
	conn := g.connection(1)
	conn.push(callback(botTopic, "1", `{}`))
	ctx := <-working
	stopped := make(chan struct{})
	go func() { b.stop(); close(stopped) }()
	<-conn.gone // Run's context has ended
	if err := ctx.Err(); err != nil {
		t.Errorf("the handler's context ended with Run's: %v", err)
	}
	select {
	case <-stopped:
		t.Error("Run returned while a handler was at work")
	default:
	}
	close(goOn)
	<-stopped
	select {
	case <-finished:
	default:
		t.Error("Run returned before the handler")
	}
}

func TestRunEndsWhileTheGatewayIsAway(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.refuse(0, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b := start(t, g, take, connections(3), func(c *stream.Config) {
		c.Backoff = stream.Backoff{Initial: time.Hour, Max: time.Hour}
		c.Stagger = time.Hour
	})
	g.await(t, "an attempt", func() bool { return g.requests() > 0 })
	b.stop()
}

func TestRunRefusesToRunTwice(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	b := start(t, g, take)
	g.connection(1)
	if err := b.Run(t.Context()); err == nil {
		t.Error("the second Run did not fail")
	}
}

// The SDK drops what is past its limit of frames in hand. Here ten thousand are in hand at the same moment.
func TestBurstOfEventsIsAckedToTheLast(t *testing.T) {
	t.Parallel()
	const events = 10_000
	g := newGateway(t)
	var inHand atomic.Int64
	all := make(chan struct{})
	start(t, g, func(context.Context, stream.Frame) ([]byte, error) {
		if inHand.Add(1) == events {
			close(all)
		}
		<-all
		return nil, nil
	}, func(c *stream.Config) { c.Log = zap.NewNop() })
	conn := g.connection(1)
	for i := range events {
		conn.push(event("robot_msg_read", fmt.Sprint(i), `{"userId":"u"}`))
	}
	g.await(t, "every ack", func() bool { return conn.ackCount() == events })
	for i := range events {
		if got, _ := conn.ack(fmt.Sprint(i)); got.Code != 200 || !strings.Contains(got.Data, "SUCCESS") {
			t.Fatalf("event %d was acked %+v", i, got)
		}
	}
}

func TestClientsOfOneProcessDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	gA, gB := newGateway(t), newGateway(t)
	a, b := start(t, gA, take), start(t, gB, take)
	gA.connection(1)
	other := gB.connection(1)
	gB.await(t, "up", func() bool { return b.Status().Up() == 1 })
	gA.connection(1).drop()
	gA.connection(2)
	a.stop()
	other.push(callback(botTopic, "1", `{}`))
	other.awaitAck("1")
	if n := len(gB.connections()); n != 1 {
		t.Errorf("%d connections of the undisturbed client, want 1", n)
	}
}

func TestSecretsStayOutOfLogAndStatus(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	b := start(t, g, func(_ context.Context, f stream.Frame) ([]byte, error) {
		if f.MessageID == "panic" {
			panic(string(f.Data))
		}
		return nil, nil
	})
	conn := g.connection(1)
	message := `{"text":{"content":"谁没读"},"sessionWebhook":"` + webhook + `"}`
	for _, id := range []string{"taken", "panic"} {
		conn.push(callback(botTopic, id, message))
		conn.awaitAck(id)
	}
	conn.push(callback("/v1.0/unknown", "unknown", message))
	conn.awaitAck("unknown")
	if err := conn.send(websocket.TextMessage, []byte(`{"data":`+message+`}`)); err != nil {
		t.Fatal(err)
	}
	ticket := g.ticketsIssued()[0]
	var answers atomic.Int64
	var statuses []string // guarded by the gateway
	echoes := []string{
		`{"code":"` + clientSecret + `","message":"` + ticket + " " + webhook + `"}`,
		`{"code":"authFailed","message":"secret ` + clientSecret + ` is wrong, see ` + webhook + `","requestid":"` + clientSecret + `"}`,
		`<html>` + clientSecret + ticket + `</html>`,
		`{"endpoint":"ws://%zz` + webhook + `","ticket":"` + ticket + `"}`,
		`{"endpoint":"ftp://` + clientSecret + `","ticket":"` + ticket + `"}`,
	}
	g.set(func(g *gateway) {
		g.answer = func(w http.ResponseWriter) bool {
			n := int(answers.Add(1)) - 1
			if n >= len(echoes) {
				return false
			}
			if n < 3 {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = io.WriteString(w, echoes[n])
			statuses = append(statuses, fmt.Sprint(b.Status()))
			return true
		}
	})
	_ = conn.send(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.ClosePolicyViolation, clientSecret+" "+ticket))
	g.connection(2)
	g.set(func(*gateway) {
		noSecretsIn(t, []string{clientSecret, ticket, webhook}, "status", strings.Join(statuses, "\n"))
	})
	b.stop()
	if text := b.log.text(); strings.Contains(text, "谁没读") {
		t.Errorf("a person's words are in the log:\n%s", text)
	}
	for _, want := range []string{"authFailed", `"logger":"sdk"`} {
		if !strings.Contains(b.log.text(), want) {
			t.Errorf("log lacks %q:\n%s", want, b.log.text())
		}
	}
}

func TestCheckGateway(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		setup func(t *testing.T, g *gateway, cfg *stream.Config)
		want  func(error) bool
	}{
		{"reachable", func(*testing.T, *gateway, *stream.Config) {}, func(err error) bool { return err == nil }},
		{"incomplete", func(_ *testing.T, _ *gateway, cfg *stream.Config) { cfg.ClientID = "" }, func(err error) bool { return err != nil }},
		{"wrong secret", func(_ *testing.T, _ *gateway, cfg *stream.Config) { cfg.ClientSecret = "wrong" }, func(err error) bool {
			var answer *stream.GatewayError
			return errors.Is(err, stream.ErrCredentials) && errors.As(err, &answer) && answer.Message == "鉴权失败" &&
				answer.RequestID == "ED203550-DBBC-7C58-9504-9FA6D4444F17"
		}},
		{"address not allowed", func(_ *testing.T, g *gateway, _ *stream.Config) {
			g.refuse(0, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, `{"code":"Forbidden.AccessDenied.IpNotInWhiteList","message":"访问ip不在白名单之中,request ip=203.0.113.7"}`)
			})
		}, func(err error) bool {
			var answer *stream.GatewayError
			return !errors.Is(err, stream.ErrCredentials) && errors.As(err, &answer) &&
				answer.Code == "Forbidden.AccessDenied.IpNotInWhiteList" && strings.Contains(err.Error(), "203.0.113.7")
		}},
		{"nobody there", func(t *testing.T, _ *gateway, cfg *stream.Config) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			cfg.APIURL = "http://" + l.Addr().String()
			_ = l.Close()
		}, func(err error) bool {
			var network *net.OpError
			return errors.As(err, &network)
		}},
		{"no TLS there", func(_ *testing.T, g *gateway, cfg *stream.Config) {
			cfg.APIURL = strings.Replace(g.srv.URL, "http:", "https:", 1)
		}, func(err error) bool { return err != nil }},
		{"not DingTalk", func(_ *testing.T, g *gateway, cfg *stream.Config) { cfg.APIURL = g.srv.URL + "/else" }, func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "API URL")
		}},
		{"trouble of DingTalk's", func(_ *testing.T, g *gateway, _ *stream.Config) {
			g.refuse(0, page(http.StatusServiceUnavailable))
		}, func(err error) bool {
			var answer *stream.PageError
			return errors.As(err, &answer) && answer.Passing() && strings.Contains(err.Error(), "HTTP 503") && !strings.Contains(err.Error(), "proxy")
		}},
		{"a page of another server", func(_ *testing.T, g *gateway, _ *stream.Config) {
			g.refuse(0, page(http.StatusOK))
		}, func(err error) bool {
			var answer *stream.PageError
			return errors.As(err, &answer) && !answer.Passing() && strings.Contains(err.Error(), "HTTP 200") && strings.Contains(err.Error(), "proxy")
		}},
		{"without TLS", func(_ *testing.T, g *gateway, _ *stream.Config) {
			g.refuse(0, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"endpoint":"ws://wss-open-connection.dingtalk.com/connect","ticket":"t"}`)
			})
		}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "without TLS") }},
		{"websocket refused", func(_ *testing.T, g *gateway, _ *stream.Config) {
			g.set(func(g *gateway) { g.refuseSockets = true })
		}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "refused the websocket") }},
		{"message of any length", func(_ *testing.T, g *gateway, _ *stream.Config) {
			g.refuse(0, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, `{"code":"x","message":"`+strings.Repeat("错", 100_000)+`"}`)
			})
		}, func(err error) bool { return err != nil && len([]rune(err.Error())) < 300 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			cfg := config(g, nil)
			cfg.Log, _ = newLog(t, g)
			tc.setup(t, g, &cfg)
			err := stream.CheckGateway(t.Context(), cfg)
			if !tc.want(err) {
				t.Errorf("got %v", err)
			}
			noSecrets(t, g, "error", fmt.Sprint(err))
			g.await(t, "the connection closed again", func() bool { return g.openNow() == 0 })
		})
	}
}

// page answers with a page of HTML.
func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body>"+clientSecret)
	}
}

func TestCheckGatewayGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ctx, cancel := context.WithCancel(t.Context())
	g.refuse(0, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	cfg := config(g, nil)
	if err := stream.CheckGateway(ctx, cfg); err == nil {
		t.Error("no error")
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	if err := stream.CheckGateway(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		want   string
		change func(*stream.Config)
	}{
		{"client id", func(c *stream.Config) { c.ClientID = "" }},
		{"client secret", func(c *stream.Config) { c.ClientSecret = "" }},
		{"nothing to subscribe", func(c *stream.Config) { c.Topics, c.Events = nil, false }},
		{"no handler", func(c *stream.Config) { c.Handle = nil }},
		{"connections is -1", func(c *stream.Config) { c.Connections = -1 }},
		{"deadline of a topic", func(c *stream.Config) { c.Deadlines = map[string]time.Duration{"/card": stream.AckWithin + 1} }},
		{"deadline of a topic", func(c *stream.Config) { c.Deadlines = map[string]time.Duration{"/card": 0} }},
		{"API URL", func(c *stream.Config) { c.APIURL = "api.dingtalk.com" }},
		{"API URL", func(c *stream.Config) { c.APIURL = "http://api.dingtalk.com" }},
		{"API URL", func(c *stream.Config) { c.APIURL = "https://user:" + clientSecret + "@api.dingtalk.com" }},
		{"API URL", func(c *stream.Config) { c.APIURL = "ws://%zz" + clientSecret }},
	} {
		cfg := stream.Config{ClientID: clientID, ClientSecret: clientSecret, Events: true, Handle: take}
		if _, err := stream.New(cfg); err != nil {
			t.Fatalf("the smallest configuration: %v", err)
		}
		tc.change(&cfg)
		_, err := stream.New(cfg)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), clientSecret) {
			t.Errorf("got %v, want something about %q", err, tc.want)
		}
	}
}
