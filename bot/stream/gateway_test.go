package stream_test

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	clientID     = "dingxyz"
	clientSecret = "s3cr3t-of-the-app-0123456789"
	botTopic     = "/v1.0/im/bot/messages/get"
	webhook      = "https://oapi.dingtalk.com/robot/sendBySession?session=0123456789abcdef0123456789abcdef"
)

// board lets a test wait for a condition: whoever changes something that a condition may look at calls changed.
type board struct {
	mu   sync.Mutex
	next chan struct{}
}

func newBoard() *board { return &board{next: make(chan struct{})} }

func (b *board) changed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.next)
	b.next = make(chan struct{})
}

func (b *board) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		b.mu.Lock()
		next := b.next
		b.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-next:
		case <-deadline.C:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// frame and ack are what goes over the websocket.
type frame struct {
	SpecVersion string            `json:"specVersion"`
	Type        string            `json:"type"`
	Headers     map[string]string `json:"headers"`
	Data        string            `json:"data"`
}

type ack struct {
	Code    int               `json:"code"`
	Headers map[string]string `json:"headers"`
	Message string            `json:"message"`
	Data    string            `json:"data"`
}

func callback(topic, id, data string) frame {
	return frame{"1.0", "CALLBACK", map[string]string{
		"messageId": id, "topic": topic, "contentType": "application/json", "time": "1690362102194", "appId": "app-1",
	}, data}
}

func event(eventType, id, data string) frame {
	return frame{"1.0", "EVENT", map[string]string{
		"messageId": id, "topic": "*", "contentType": "application/json", "time": "1690362102194", "appId": "app-1",
		"eventType": eventType, "eventId": "event-" + id, "eventCorpId": "dingcorp", "eventBornTime": "1690362101000",
	}, data}
}

func system(topic, id, data string) frame {
	return frame{"1.0", "SYSTEM", map[string]string{"messageId": id, "topic": topic, "contentType": "application/json", "time": "1690362102194"}, data}
}

type subscription struct{ Type, Topic string }

// gateway is DingTalk's Stream gateway: it gives single-use tickets, pushes frames and wants each acked exactly once.
type gateway struct {
	*board
	t   *testing.T
	srv *httptest.Server

	mu            sync.Mutex
	answer        func(w http.ResponseWriter) bool // answers a request for a ticket instead of the gateway when it returns true
	refuseSockets bool
	deaf          bool // the next connections are not read from
	noPongs       bool // the next connections do not answer websocket pings
	asked         int  // requests for a ticket
	tickets       map[string]bool
	issued        []string
	subscribed    []subscription
	conns         []*serverConn // in the order of their opening
	opened, open  int
	fewest        int // the least number of open connections since watchFewest
	history       []string
}

func newGateway(t *testing.T) *gateway { return serveGateway(t, httptest.NewServer) }

func serveGateway(t *testing.T, serve func(http.Handler) *httptest.Server) *gateway {
	g := &gateway{board: newBoard(), t: t, tickets: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1.0/gateway/connections/open", g.giveTicket)
	mux.HandleFunc("GET /connect", g.connect)
	g.srv = serve(mux)
	t.Cleanup(func() {
		for _, c := range g.connections() {
			c.hear()
			_ = c.ws.Close()
		}
		g.await(t, "the gateway's connections to end", func() bool { return g.openNow() == 0 })
		g.srv.Close()
	})
	return g
}

func (g *gateway) giveTicket(w http.ResponseWriter, r *http.Request) {
	defer g.changed()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	if g.answer != nil && g.answer(w) {
		return
	}
	var req struct {
		ClientID      string         `json:"clientId"`
		ClientSecret  string         `json:"clientSecret"`
		Subscriptions []subscription `json:"subscriptions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		g.t.Errorf("broken request for a ticket: %v", err)
	}
	w.Header().Set("Content-Type", "application/json")
	if req.ClientID != clientID || req.ClientSecret != clientSecret {
		authFailed(w)
		return
	}
	slices.SortFunc(req.Subscriptions, func(a, b subscription) int { return strings.Compare(a.Type+a.Topic, b.Type+b.Topic) })
	g.subscribed = req.Subscriptions
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	ticket := fmt.Sprintf("%x-%x-%x", raw[:4], raw[4:8], raw[8:])
	g.tickets[ticket] = true
	g.issued = append(g.issued, ticket)
	_ = json.NewEncoder(w).Encode(map[string]string{"endpoint": "ws" + strings.TrimPrefix(g.srv.URL, "http") + "/connect", "ticket": ticket})
}

func authFailed(w http.ResponseWriter) {
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, `{"requestid":"ED203550-DBBC-7C58-9504-9FA6D4444F17","code":"authFailed","message":"鉴权失败"}`)
}

func (g *gateway) connect(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	g.mu.Lock()
	good := g.tickets[ticket] && !g.refuseSockets
	delete(g.tickets, ticket)
	g.mu.Unlock()
	if !good {
		http.Error(w, "no such ticket: "+ticket, http.StatusForbidden)
		return
	}
	// The client may act on the connection before Upgrade returns, so it counts as open from here.
	g.mu.Lock()
	g.opened++
	number := g.opened
	g.open++
	g.history = append(g.history, fmt.Sprintf("open %d", number))
	g.mu.Unlock()
	ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		g.t.Errorf("upgrade: %v", err)
		return
	}
	c := &serverConn{g: g, ws: ws, unacked: map[string]bool{}, acks: map[string]ack{}, hearing: make(chan struct{}), gone: make(chan struct{})}
	g.mu.Lock()
	if !g.deaf {
		c.hear()
	}
	if g.noPongs {
		ws.SetPingHandler(func(string) error { return nil })
	}
	g.conns = append(g.conns, c)
	g.mu.Unlock()
	g.changed()
	c.read()
	_ = ws.Close()
	g.mu.Lock()
	g.open--
	g.fewest = min(g.fewest, g.open)
	g.history = append(g.history, fmt.Sprintf("end %d", number))
	g.mu.Unlock()
	close(c.gone)
	g.changed()
}

// set changes how the gateway behaves from now on.
func (g *gateway) set(change func(*gateway)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
}

// refuse makes it answer the following requests for tickets, if times > 0 only that many.
func (g *gateway) refuse(times int, answer http.HandlerFunc) {
	g.set(func(g *gateway) {
		until := g.asked + times
		g.answer = func(w http.ResponseWriter) bool {
			if times > 0 && g.asked > until {
				return false
			}
			answer(w, nil)
			return true
		}
	})
}

func (g *gateway) connections() []*serverConn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.conns)
}

func (g *gateway) openNow() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// openedEver is how many connections were opened so far.
func (g *gateway) openedEver() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

func (g *gateway) requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

func (g *gateway) ticketsIssued() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.issued)
}

// connection waits until n connections have been opened since the beginning and returns the nth.
func (g *gateway) connection(n int) *serverConn {
	g.t.Helper()
	g.await(g.t, fmt.Sprintf("connection %d", n), func() bool { return len(g.connections()) >= n })
	return g.connections()[n-1]
}

// serverConn is the gateway's end of a connection.
type serverConn struct {
	g  *gateway
	ws *websocket.Conn

	writing sync.Mutex
	hearing chan struct{}
	once    sync.Once
	gone    chan struct{}

	mu      sync.Mutex
	unacked map[string]bool
	acks    map[string]ack
}

func (c *serverConn) hear() { c.once.Do(func() { close(c.hearing) }) }

func (c *serverConn) read() {
	<-c.hearing
	for {
		_, msg, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		var a ack
		if err := json.Unmarshal(msg, &a); err != nil {
			c.g.t.Errorf("broken ack: %v", err)
			continue
		}
		id := a.Headers["messageId"]
		c.mu.Lock()
		if !c.unacked[id] {
			c.g.t.Errorf("ack of a frame that was not pushed or was acked before: %s", msg)
		}
		delete(c.unacked, id)
		c.acks[id] = a
		c.mu.Unlock()
		c.g.changed()
	}
}

func (c *serverConn) push(f frame) {
	c.g.t.Helper()
	if err := c.tryPush(f); err != nil {
		c.g.t.Fatalf("push: %v", err)
	}
}

// tryPush pushes on a connection that the client may close meanwhile.
func (c *serverConn) tryPush(f frame) error {
	c.g.t.Helper()
	c.mu.Lock()
	c.unacked[f.Headers["messageId"]] = true
	c.mu.Unlock()
	raw, err := json.Marshal(f)
	if err != nil {
		c.g.t.Fatalf("marshal frame: %v", err)
	}
	return c.send(websocket.TextMessage, raw)
}

func (c *serverConn) send(messageType int, raw []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.ws.WriteMessage(messageType, raw)
}

// control sends a ping or a pong of the WebSocket protocol.
func (c *serverConn) control(messageType int) error {
	return c.ws.WriteControl(messageType, nil, time.Now().Add(time.Second))
}

func (c *serverConn) ack(id string) (ack, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.acks[id]
	return a, ok
}

func (c *serverConn) ackCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acks)
}

func (c *serverConn) awaitAck(id string) ack {
	c.g.t.Helper()
	c.g.await(c.g.t, "the ack of "+id, func() bool { _, ok := c.ack(id); return ok })
	a, _ := c.ack(id)
	return a
}

// drop cuts the connection as a crash would: with a reset.
func (c *serverConn) drop() {
	conn := c.ws.NetConn()
	if overTLS, ok := conn.(*tls.Conn); ok {
		conn = overTLS.NetConn()
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}
