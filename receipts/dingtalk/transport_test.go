package dingtalk

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rawServer accepts connections on this machine and serves each with handle. It counts the requests that it read whole.
type rawServer struct {
	net.Listener
	sends atomic.Int32
	conns atomic.Int32
}

const rawToken = `{"accessToken":"acc3ss-t0ken-1-x","expireIn":7200}`

func answerOK(w io.Writer, body string) {
	_, _ = fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// newRawServer answers token requests; onSend gets the connection after each other request was read.
// A connection is closed when onSend returns false.
func newRawServer(t *testing.T, onSend func(n int32, conn net.Conn) bool) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{Listener: l}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			conns.Go(func() {
				defer func() { _ = conn.Close() }()
				for in := bufio.NewReader(conn); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						return
					}
					if _, sent := r.Header["Idempotency-Key"]; sent {
						t.Error("an Idempotency-Key went over the wire")
					}
					if r.URL.Path == tokenAPI.path {
						answerOK(conn, rawToken)
						continue
					}
					if !onSend(s.sends.Add(1), conn) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	return s
}

func (s *rawServer) url() string { return "http://" + s.Addr().String() }

// Each of these may or may not have been carried out, and reached the server exactly once.
func TestASendWhoseAnswerIsLostIsUncertainAndSentOnce(t *testing.T) {
	t.Parallel()
	for name, onSend := range map[string]func(int32, net.Conn) bool{
		"closed without an answer": func(int32, net.Conn) bool { return false },
		"reset without an answer": func(_ int32, conn net.Conn) bool {
			_ = conn.(*net.TCPConn).SetLinger(0)
			return false
		},
		"half a head": func(_ int32, conn net.Conn) bool {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-")
			return false
		},
		"no HTTP, and it repeats the token": func(_ int32, conn net.Conn) bool {
			_, _ = io.WriteString(conn, "acc3ss-t0ken-1-x "+testSecret+"\r\n\r\n")
			return false
		},
		"half a body": func(_ int32, conn net.Conn) bool {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"+sendOK)
			return false
		},
		"half a body after a fault": func(_ int32, conn net.Conn) bool {
			_, _ = io.WriteString(conn, "HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n{")
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRawServer(t, onSend)
			c := newClient(t, s.url())
			// The token's connection is kept and used again: the case in which net/http may repeat requests by itself.
			want(t, send(t.Context(), c), Unavailable, true)
			if n := s.sends.Load(); n != 1 {
				t.Errorf("sent %d times", n)
			}
			if n := s.conns.Load(); n != 1 {
				t.Errorf("%d connections: the send was not on a kept one", n)
			}
		})
	}
}

func TestHalfARefusalIsStillARefusal(t *testing.T) {
	t.Parallel()
	s := newRawServer(t, func(_ int32, conn net.Conn) bool {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\n{")
		return false
	})
	want(t, send(t.Context(), newClient(t, s.url())), Unavailable, false)
}

func TestASendThatTimesOutIsUncertain(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	release := make(chan struct{})
	s := newRawServer(t, func(int32, net.Conn) bool { close(arrived); <-release; return false })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	err := send(ctx, newClient(t, s.url()))
	want(t, err, Cancelled, true)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A read on a kept connection that turns out to be dead is simply read again, on a new one and without a pause.
func TestAReadSurvivesADeadConnection(t *testing.T) {
	t.Parallel()
	s := newRawServer(t, func(n int32, conn net.Conn) bool {
		if n == 1 {
			return false
		}
		answerOK(conn, queryOK)
		return true
	})
	var tries atomic.Int32
	c := newClient(t, s.url(), func(cfg *Config) {
		cfg.Observe = func(_ context.Context, c Call) {
			if c.API == "query" {
				tries.Add(1)
			}
		}
	})
	if err := query(t.Context(), c); err != nil || tries.Load() != 1 || s.sends.Load() != 2 {
		t.Errorf("%v after %d tries, %d requests", err, tries.Load(), s.sends.Load())
	}
}

// A kept connection that fails before one byte is written: the send goes out on a new connection, once.
func TestASendOfWhichNothingWasWrittenIsSentOnANewConnection(t *testing.T) {
	t.Parallel()
	s := newRawServer(t, func(_ int32, conn net.Conn) bool { answerOK(conn, sendOK); return true })
	transport := newTransport()
	t.Cleanup(transport.CloseIdleConnections)
	var dialled atomic.Int32
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil || dialled.Add(1) > 1 {
			return conn, err
		}
		return &dyingConn{Conn: conn}, nil
	}
	c := newClient(t, s.url(), func(cfg *Config) { cfg.Transport = transport })
	if err := send(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if d, n := dialled.Load(), s.sends.Load(); d != 2 || n != 1 {
		t.Errorf("%d connections, sent %d times", d, n)
	}

	// Where there is no new connection either, it is certain that nothing was sent.
	dialled.Store(0)
	transport.CloseIdleConnections()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Load() > 0 {
			return nil, errors.New("no route")
		}
		return dial(ctx, network, address)
	}
	c = newClient(t, s.url(), func(cfg *Config) { cfg.Transport = transport })
	want(t, send(t.Context(), c), Unavailable, false)
	if n := s.sends.Load(); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// dyingConn takes one request and fails to write anything after that.
type dyingConn struct {
	net.Conn
	used atomic.Bool
}

func (c *dyingConn) Write(p []byte) (int, error) {
	if c.used.Swap(true) {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(p)
}

func TestWithoutAConnectionASendIsCertainlyNotSent(t *testing.T) {
	t.Parallel()
	noTLS := newRawServer(t, func(int32, net.Conn) bool { return false })
	for name, address := range map[string]string{
		"refused":      "http://127.0.0.1:1", // below the ports that other tests are given
		"unknown host": "https://nowhere.invalid",
		"no TLS":       "https://" + noTLS.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls []Call
			c := newClient(t, address, func(cfg *Config) { cfg.Observe = func(_ context.Context, c Call) { calls = append(calls, c) } })
			c.tokens.current = &token{value: NewSecret(tokenValue(1)), renewAt: time.Now().Add(time.Hour)}
			want(t, send(t.Context(), c), Unavailable, false)
			if len(calls) != 1 || calls[0].Counted || calls[0].Kind != Unavailable {
				t.Errorf("observed %v", calls)
			}
		})
	}
	t.Run("no time to connect", func(t *testing.T) {
		t.Parallel()
		over := make(chan struct{}) // net/http does not end a dial with its request: another may use the connection
		t.Cleanup(func() { close(over) })
		c := newClient(t, "https://api.test", func(cfg *Config) {
			transport := newTransport()
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				<-over
				return nil, errors.New("too late")
			}
			cfg.Transport = transport
		})
		c.tokens.current = &token{value: NewSecret(tokenValue(1)), renewAt: time.Now().Add(time.Hour)}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := send(ctx, c)
		want(t, err, Unavailable, false)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer elsewhere.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tokenAPI.path {
			_, _ = io.WriteString(w, rawToken)
			return
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	c := newClient(t, s.URL)
	want(t, query(t.Context(), c), Unknown, false)
	want(t, c.Reply(t.Context(), NewSecret(s.URL+"/robot/sendBySession?session="+testSession), Reply{}), Unknown, true)
	if followed.Load() {
		t.Error("followed")
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	var size atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tokenAPI.path {
			_, _ = io.WriteString(w, rawToken)
			return
		}
		_, _ = io.WriteString(w, sendOK+strings.Repeat(" ", int(size.Load())-len(sendOK)))
	}))
	defer s.Close()
	c := newClient(t, s.URL)
	size.Store(maxAnswerBytes)
	if err := send(t.Context(), c); err != nil {
		t.Error(err)
	}
	size.Store(maxAnswerBytes + 1)
	e := wantError(t, send(t.Context(), c), BadAnswer, true)
	if !strings.Contains(e.Detail, "larger") {
		t.Error(e)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	s := newRawServer(t, func(n int32, conn net.Conn) bool {
		body := queryOK
		if n%2 == 0 {
			body = stopped
		}
		answerOK(conn, body)
		return true
	})
	c := newClient(t, s.url())
	for range 10 {
		_ = query(t.Context(), c)
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections for 11 calls", n)
	}
}

func TestTheOwnTransport(t *testing.T) {
	t.Parallel()
	tr := newTransport()
	if tr.TLSClientConfig.MinVersion != tls.VersionTLS12 || tr.Proxy == nil || tr.IdleConnTimeout == 0 || tr.MaxConnsPerHost == 0 {
		t.Errorf("got %+v", tr)
	}
}

func TestTheAnswersTypeIsNotTrusted(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == tokenAPI.path {
			_, _ = io.WriteString(w, rawToken)
			return
		}
		_, _ = io.WriteString(w, queryOK)
	}))
	defer s.Close()
	if err := query(t.Context(), newClient(t, s.URL)); err != nil {
		t.Error(err)
	}
}
