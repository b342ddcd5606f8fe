package dingtalk

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// piped is a server behind the client's own transport, without a network, so that it lives in a synctest bubble: hours of
// slowness pass at once. It answers token requests; every other request is given to answer, which gets the connection
// and what was asked. The connection is closed when answer returns false.
type piped struct {
	answer func(conn net.Conn, r *http.Request) bool

	tries  atomic.Int32 // other requests that began to arrive
	behind sync.WaitGroup
}

func (p *piped) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.behind.Go(func() {
		defer func() { _ = far.Close() }()
		for in := bufio.NewReader(far); ; {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if r.URL.Path == tokenAPI.path {
				_, _ = io.Copy(io.Discard, r.Body)
				answerOK(far, rawToken)
				continue
			}
			p.tries.Add(1)
			if !p.answer(far, r) {
				return
			}
		}
	})
	return near, nil
}

// tryOn lets call talk to a server that answers like this, and returns the number of its tries, how long it took, and its
// failure.
func tryOn(t *testing.T, answer func(conn net.Conn, r *http.Request) bool, call func(context.Context, *Client) error) (tries int, took time.Duration, err error) {
	t.Helper()
	p := &piped{answer: answer}
	transport := newTransport()
	transport.Proxy, transport.DialContext = nil, p.dial
	cfg := Config{
		ClientID: "the-app", ClientSecret: NewSecret(testSecret), APIURL: "http://localhost", OapiURL: "http://localhost",
		CallsPerSecond: 1 << 40, Transport: transport,
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err = call(t.Context(), c)
	took = time.Since(began)
	c.Close()
	transport.CloseIdleConnections()
	p.behind.Wait() // nothing of the connection outlives the call
	return int(p.tries.Load()), took, err
}

// says answers with these bytes once the whole request was read, and closes the connection.
func says(answer string) func(net.Conn, *http.Request) bool {
	return func(conn net.Conn, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, answer)
		return false
	}
}

// status answers with a whole answer of that status.
func status(code int, body string, headers ...string) func(net.Conn, *http.Request) bool {
	return says(fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n%s\r\n%s", code, len(body), strings.Join(append(headers, ""), "\r\n"), body))
}

// silence reads the request, writes this, and then nothing until the client hangs up.
func silence(after string) func(net.Conn, *http.Request) bool {
	return func(conn net.Conn, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, after)
		_, _ = io.Copy(io.Discard, conn)
		return false
	}
}

// endless writes the head, and then the piece for ever, with a pause each time.
func endless(head, piece string, pause time.Duration) func(net.Conn, *http.Request) bool {
	return func(conn net.Conn, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		_, err := io.WriteString(conn, head)
		for err == nil {
			time.Sleep(pause)
			_, err = io.WriteString(conn, piece)
		}
		return false
	}
}

// zipped is so many bytes of white space in front of an answer, packed so that they are few.
func zipped(size int, answer string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	space := bytes.Repeat([]byte(" "), 1<<20)
	for ; size > 0; size -= len(space) {
		_, _ = w.Write(space[:min(size, len(space))])
	}
	_, _ = io.WriteString(w, answer)
	_ = w.Close()
	return b.String()
}

// Whatever mood DingTalk is in, a call ends: in bounded time, with a bounded answer, with a kind that people are told a
// sentence about, and a send only once where it may have been carried out. A call that goes well despite it has no kind.
func TestDingTalksMoods(t *testing.T) {
	t.Parallel()
	const (
		json  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		ban   = `<!doctype html><title>403</title><script src="//host/_____tmd_____/punish?x5secdata=1"></script>`
	)
	denied := func(reason string) string {
		return `{"code":"Forbidden.AccessDenied.` + reason + `","message":"no","requestid":"R-1"}`
	}
	block := strings.Repeat("x", 64<<10)
	// Both calls understand this, so that one answer serves the read and the send.
	const both = `{"sendStatus":"SUCCESS","readUserIds":[],"processQueryKey":"k"}`
	for _, tt := range []struct {
		name      string
		answer    func(net.Conn, *http.Request) bool
		kind      Kind // empty: it goes well
		reads     int  // tries of a query
		sends     int  // tries of a send
		uncertain bool // whether the send is
		atMost    time.Duration
	}{
		{"calls a second, of the app", status(403, denied("QpsLimitForAppkeyAndApi")), Throttled, 3, 3, false, 5 * time.Second},
		{"calls a second, of the platform", status(403, denied("QpsLimitForApi")), Throttled, 3, 3, false, 5 * time.Second},
		{"calls a minute", status(403, denied("QpmLimitForAppkeyAndApi")), ThrottledMinute, 1, 1, false, 0},
		{"calls a month", status(403, denied("ApiCountLimitForOrg")), QuotaSpent, 1, 1, false, 0},
		{"429", status(429, ""), Throttled, 3, 3, false, 5 * time.Second},

		{"address banned, HTML", status(403, ban, "Content-Type: text/html"), IPBanned, 1, 1, false, 0},
		{"address banned, HTML with 200", status(200, ban, "Content-Type: text/html"), IPBanned, 1, 1, false, 0},
		{"address banned, JSON", status(403, `{"status":1111,"wait":5,"source":"x5","punish":"deny"}`), IPBanned, 1, 1, false, 0},
		{"address banned, JSON with 200", status(200, `{"status":1111,"wait":5,"punish":"deny"}`), IPBanned, 1, 1, false, 0},
		{"address banned, HTML in gzip", status(403, zipped(0, ban), "Content-Encoding: gzip"), IPBanned, 1, 1, false, 0},

		{"a page, 400", status(400, "<html><h1>400 Bad Request</h1>", "Content-Type: text/html"), Unknown, 1, 1, false, 0},
		{"a page, 403", status(403, "<html><h1>Access denied</h1>", "Content-Type: text/html"), Unknown, 1, 1, false, 0},
		{"a page, 429", status(429, "<html>", "Content-Type: text/html"), Throttled, 3, 3, false, 5 * time.Second},
		{"a page, 200", status(200, "<html>Log in to the network", "Content-Type: text/html"), BadAnswer, 1, 1, true, 0},

		{"500", status(500, `{"code":"system.error"}`), Unavailable, 3, 1, true, 5 * time.Second},
		{"502, HTML", status(502, "<html>Bad Gateway", "Content-Type: text/html"), Unavailable, 3, 1, true, 5 * time.Second},
		{"503, empty", status(503, ""), Unavailable, 3, 1, true, 5 * time.Second},
		{"504, with a redirect", status(504, "", "Location: /elsewhere"), Unavailable, 3, 1, true, 5 * time.Second},

		{"301 to the same host", status(301, "", "Location: http://localhost/v2"), Unknown, 1, 1, true, 0},
		{"302 to another host", status(302, "", "Location: http://localhost.example.com/"), Unknown, 1, 1, true, 0},
		{"303 to a page", status(303, "<html>moved", "Location: /page"), Unknown, 1, 1, true, 0},
		{"307 to the same host", status(307, "", "Location: /v2"), Unknown, 1, 1, true, 0},
		{"308 to another host", status(308, "", "Location: http://127.0.0.1/"), Unknown, 1, 1, true, 0},

		{"JSON called HTML", status(200, both, "Content-Type: text/html"), "", 1, 1, false, 0},
		{"JSON without a type", status(200, both), "", 1, 1, false, 0},
		{"a picture", status(200, "\x89PNG\r\n\x1a\n", "Content-Type: image/png"), BadAnswer, 1, 1, true, 0},
		{"XML", status(200, `<?xml version="1.0"?><error/>`, "Content-Type: application/xml"), BadAnswer, 1, 1, true, 0},
		{"plain words", status(200, "OK", "Content-Type: text/plain"), BadAnswer, 1, 1, true, 0},
		{"nothing", status(200, ""), BadAnswer, 1, 1, true, 0},
		{"204", says("HTTP/1.1 204 No Content\r\n\r\n"), BadAnswer, 1, 1, true, 0},
		{"JSON cut off, with the right length", status(200, both[:len(both)/2]), BadAnswer, 1, 1, true, 0},

		{"truncated body", says(json + "Content-Length: 1000\r\n\r\n" + both), Unavailable, 3, 1, true, 5 * time.Second},
		{"truncated chunk", says(chunk + "ff\r\n{"), Unavailable, 3, 1, true, 5 * time.Second},
		{"chunks that never were", says(chunk + "not a length\r\n"), Unavailable, 3, 1, true, 5 * time.Second},
		{"endless body, by length", endless(json+"Content-Length: 9999999999\r\n\r\n", block, 0), BadAnswer, 1, 1, true, 0},
		{"endless body, in chunks", endless(chunk, "10000\r\n"+block+"\r\n", 0), BadAnswer, 1, 1, true, 0},
		{"endless body, until it closes", endless(json+"Connection: close\r\n\r\n", block, 0), BadAnswer, 1, 1, true, 0},
		{"endless body of a refusal", endless("HTTP/1.1 403 No\r\nConnection: close\r\n\r\n", block, 0), BadAnswer, 1, 1, false, 0},
		{"gzip bomb", status(200, zipped(16<<20, both), "Content-Encoding: gzip"), BadAnswer, 1, 1, true, 0},
		{"gzip", status(200, zipped(1<<20, both), "Content-Encoding: gzip"), "", 1, 1, false, 0},
		{"gzip that is none", status(200, both, "Content-Encoding: gzip"), Unavailable, 3, 1, true, 5 * time.Second},
		{"gzip cut off", status(200, zipped(0, both)[:20], "Content-Encoding: gzip"), Unavailable, 3, 1, true, 5 * time.Second},
		{"a packing that nobody asked for", status(200, "\x1b\x00\x00", "Content-Encoding: br"), BadAnswer, 1, 1, true, 0},

		{"no answer", silence(""), Unavailable, 3, 1, true, 3*CallTimeout + 5*time.Second},
		{"half a head, then nothing", silence("HTTP/1.1 200 OK\r\nContent-Ty"), Unavailable, 3, 1, true, 3*CallTimeout + 5*time.Second},
		{"a head, then nothing", silence(json + "Content-Length: 100\r\n\r\n"), Unavailable, 3, 1, true, 3*CallTimeout + 5*time.Second},
		{"half a body, then nothing", silence(json + "Content-Length: 1000\r\n\r\n" + both), Unavailable, 3, 1, true, 3*CallTimeout + 5*time.Second},
		{"a head that drips", endless("HTTP/1.1 200 OK\r\nX-Slow: ", "x", time.Second), Unavailable, 3, 1, true, 3*CallTimeout + 5*time.Second},
		{"a body that drips", endless(json+"Content-Length: 1000\r\n\r\n", " ", time.Second), Unavailable, 3, 1, true, 3*CallTimeout + 5*time.Second},
		{"an endless head", endless("HTTP/1.1 200 OK\r\n", "X-More: "+block+"\r\n", 0), Unavailable, 3, 1, true, 5 * time.Second},

		{"HTTP/1.0", says("HTTP/1.0 200 OK\r\n\r\n" + both), "", 1, 1, false, 0},
		{"HTTP/1.0, cut off", says("HTTP/1.0 200 OK\r\n\r\n" + both[:20]), BadAnswer, 1, 1, true, 0},
		{"no HTTP", says("220 smtp.example.com ESMTP\r\n"), Unavailable, 3, 1, true, 5 * time.Second},
		{"HTTP/2 on its own", says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Unavailable, 3, 1, true, 5 * time.Second},
		{"100 before the answer", says("HTTP/1.1 100 Continue\r\n\r\n" + json + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(both)) + both), "", 1, 1, false, 0},
		{"103 before the answer", says("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + json + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(both)) + both), "", 1, 1, false, 0},
		{"100 for ever", endless("", "HTTP/1.1 100 Continue\r\n\r\n", 0), Unavailable, 3, 1, true, 5 * time.Second},
		{"100, then nothing", silence("HTTP/1.1 100 Continue\r\n\r\n"), Unavailable, 3, 1, true, 3*CallTimeout + 5*time.Second},
		{"101, then nothing", silence("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), BadAnswer, 1, 1, true, 0},

		// The first try of a read is on the token's connection: net/http repeats it by itself, on a new one.
		{"closed without an answer", says(""), Unavailable, 4, 1, true, 5 * time.Second},
		{"closed while the request is written", func(_ net.Conn, r *http.Request) bool {
			_, _ = io.CopyN(io.Discard, r.Body, 1)
			return false
		}, Unavailable, 4, 1, true, 5 * time.Second},
		{"refused while the request is written", func(conn net.Conn, r *http.Request) bool {
			_, _ = io.CopyN(io.Discard, r.Body, 1)
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return false
		}, TooLong, 1, 1, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, call := range []struct {
					name      string
					do        func(context.Context, *Client) error
					tries     int
					uncertain bool
				}{{"query", query, tt.reads, false}, {"send", send, tt.sends, tt.uncertain}} {
					tries, took, err := tryOn(t, tt.answer, call.do)
					switch {
					case tt.kind != "":
						want(t, err, tt.kind, call.uncertain)
					case err != nil:
						t.Errorf("%s: %v", call.name, err)
					}
					if tries != call.tries {
						t.Errorf("%s: %d tries, want %d", call.name, tries, call.tries)
					}
					if took > tt.atMost {
						t.Errorf("%s: took %v", call.name, took)
					}
				}
			})
		})
	}
}

// A request that goes over the wire slowly is under the same deadline as an answer.
func TestARequestThatIsNotReadHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(conn net.Conn, _ *http.Request) bool {
			time.Sleep(time.Hour) // reads nothing of the body, and its end is the connection's
			return false
		}
		long := func(ctx context.Context, c *Client) error {
			_, err := c.SendGroup(ctx, "cid", Markdown("t", strings.Repeat("x", 12_000)))
			return err
		}
		began := time.Now()
		p := &piped{answer: hang}
		transport := newTransport()
		transport.Proxy, transport.DialContext = nil, p.dial
		c, err := New(Config{
			ClientID: "the-app", ClientSecret: NewSecret(testSecret), APIURL: "http://localhost", OapiURL: "http://localhost", Transport: transport,
		})
		if err != nil {
			t.Fatal(err)
		}
		err = long(t.Context(), c)
		want(t, err, Unavailable, true)
		if took := time.Since(began); took > CallTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %v: %v", took, err)
		}
		c.Close()
		transport.CloseIdleConnections()
		p.behind.Wait()
	})
}
