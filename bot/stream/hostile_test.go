package stream_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"whoread/bot/stream"
)

// seen are the messageIds of the frames that a handler was given.
type seen struct {
	mu  sync.Mutex
	ids []string
}

func (s *seen) take(_ context.Context, f stream.Frame) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, f.MessageID)
	return nil, nil
}

func (s *seen) sorted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.ids))
}

// The SDK knows a frame's headers as texts only: a frame with a numeric time is dropped
// without an ack, so that DingTalk may push it again, and the log says so without its
// content. The connection goes on. This test runs alone, because the SDK's lines go to the log
// of every client of the process.
func TestANumericTimeDropsTheFrameAndNothingElse(t *testing.T) {
	g := newGateway(t)
	var got seen
	b := start(t, g, got.take)
	conn := g.connection(1)
	for _, raw := range []string{
		`{"specVersion":"1.0","type":"CALLBACK","headers":{"messageId":"c","topic":"` + botTopic + `","time":1690362102194},"data":"{\"text\":\"谁没读\",\"sessionWebhook\":\"` + webhook + `\"}"}`,
		`{"specVersion":"1.0","type":"EVENT","headers":{"messageId":"e","topic":"*","eventType":"robot_msg_read","eventBornTime":1690362101000,"time":"1690362102194"},"data":"{\"userId\":\"谁没读\"}"}`,
		`{"specVersion":"1.0","type":"SYSTEM","headers":{"messageId":"s","topic":"disconnect","time":1690362102194},"data":"谁没读"}`,
	} {
		if err := conn.send(websocket.TextMessage, []byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	g.await(t, "a warning for each", func() bool {
		return strings.Count(b.log.text(), "connection process decode data frame error") == 3
	})
	conn.push(callback(botTopic, "good", `{}`))
	conn.awaitAck("good")
	if diff := cmp.Diff([]string{"good"}, got.sorted()); diff != "" {
		t.Errorf("given to the handler (-want +got):\n%s", diff)
	}
	for _, id := range []string{"c", "e", "s"} {
		if a, ok := conn.ack(id); ok {
			t.Errorf("%s was acked %+v", id, a)
		}
	}
	if log := b.log.text(); !strings.Contains(log, `"level":"warn"`) || strings.Contains(log, "谁没读") {
		t.Errorf("log:\n%s", log)
	}
	if n := len(g.connections()); n != 1 {
		t.Errorf("%d connections, want the first one only", n)
	}
}

// What no handler can understand reaches none, and costs the connection nothing. It runs
// alone too.
func TestHostileFramesCostNothingElse(t *testing.T) {
	nested := func(open, end string) string { return strings.Repeat(open, 100_000) + strings.Repeat(end, 100_000) }
	good := func(more string) string {
		return `{"type":"CALLBACK","headers":{"messageId":"bad","topic":"` + botTopic + `"},"data":"{}"` + more + `}`
	}
	g := newGateway(t)
	var got seen
	b := start(t, g, got.take)
	conn := g.connection(1)
	for name, raw := range map[string]string{
		"100,000 brackets":        strings.Repeat("[", 100_000),
		"100,000 arrays":          nested("[", "]"),
		"100,000 objects":         strings.Repeat(`{"headers":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"a field of 100,000":      good(`,"more":` + nested("[", "]")),
		"ten megabytes of arrays": strings.Repeat("[", 10<<20),
		"ten megabytes of spaces": strings.Repeat(" ", 10<<20),
		"NULs":                    strings.Repeat("\x00", 1_000),
		"a NUL in it":             good(",\x00"),
		"two frames":              good("") + good(""),
		"headers that are a list": `{"type":"CALLBACK","headers":["messageId"],"data":"{}"}`,
		"headers of numbers":      `{"type":"CALLBACK","headers":{"messageId":1,"topic":2},"data":"{}"}`,
		"a number for data":       `{"type":"CALLBACK","headers":{"messageId":"bad","topic":"` + botTopic + `"},"data":7}`,
		"a type that is none":     `{"type":{},"headers":{"messageId":"bad","topic":"` + botTopic + `"},"data":"{}"}`,
	} {
		if err := conn.send(websocket.TextMessage, []byte(raw)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	binary := append([]byte("\x1f\x8b\x00\xff"), bytes.Repeat([]byte{0xff, 0}, 5<<20)...)
	for _, raw := range [][]byte{binary, []byte(good("")), nil} { // a frame of DingTalk's is text
		if err := conn.send(websocket.BinaryMessage, raw); err != nil {
			t.Fatal(err)
		}
	}
	g.await(t, "a warning for each text", func() bool {
		return strings.Count(b.log.text(), "connection process decode data frame error") == 13
	})
	conn.push(callback(botTopic, "good", `{}`))
	conn.awaitAck("good")
	if diff := cmp.Diff([]string{"good"}, got.sorted()); diff != "" {
		t.Errorf("given to the handler (-want +got):\n%s", diff)
	}
	if a, ok := conn.ack("bad"); ok {
		t.Errorf("acked %+v", a)
	}
	if n := len(g.connections()); n != 1 {
		t.Errorf("%d connections, want the first one only", n)
	}
}

// What is odd and can be read all the same is handed over: the handler decides.
func TestOddFramesAreHandedOver(t *testing.T) {
	t.Parallel()
	head := func(id string) string {
		return `{"type":"CALLBACK","headers":{"messageId":"` + id + `","topic":"` + botTopic + `"}`
	}
	for name, test := range map[string]struct{ raw, data string }{
		"ten megabytes":        {head("x") + `,"data":"` + strings.Repeat("长", 10<<20/3) + `"}`, strings.Repeat("长", 10<<20/3)},
		"deep data":            {head("x") + `,"data":"` + strings.Repeat("[", 100_000) + `"}`, strings.Repeat("[", 100_000)},
		"invalid UTF-8":        {head("x") + ",\"data\":\"谁\xff没\xc3读\"}", "谁\ufffd没\ufffd读"},
		"a NUL":                {head("x") + `,"data":"a\u0000b"}`, "a\x00b"},
		"a field twice":        {head("first") + `,"data":"1","data":"2","headers":{"messageId":"x"}}`, "2"},
		"fields of the future": {head("x") + `,"data":"1","specVersion":"9","more":{"a":[1]}}`, "1"},
		"no data":              {head("x") + `}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			got := make(chan stream.Frame, 1)
			start(t, g, func(_ context.Context, f stream.Frame) ([]byte, error) { got <- f; return nil, nil })
			conn := g.connection(1)
			conn.expect("x")
			if err := conn.send(websocket.TextMessage, []byte(test.raw)); err != nil {
				t.Fatal(err)
			}
			if a := conn.awaitAck("x"); a.Code != 200 {
				t.Errorf("acked %+v", a)
			}
			if f := <-got; string(f.Data) != test.data || f.MessageID != "x" || f.Topic != botTopic {
				t.Errorf("%q of %q with %d bytes, want %d", f.MessageID, f.Topic, len(f.Data), len(test.data))
			}
		})
	}
}

// expect lets an ack come that was not pushed as a frame.
func (c *serverConn) expect(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unacked[id] = true
}
