package dingtalktest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Limits of the gateway.
const (
	maxDeliveries  = 5 // of one push, if it is not acknowledged
	maxConnections = 100
	maxTickets     = 1000
	maxSent        = 60_000 // deliveries whose ack is recognised: of 10,000 pushes with all their repetitions, and more
	pathConnect    = "/connect"
	streamAPI      = "stream" // as [Violation] names what comes over a WebSocket
)

// subscription is what a client wants to be pushed.
type subscription struct {
	Type  string `json:"type"`
	Topic string `json:"topic"`
}

// ticket opens one WebSocket.
type ticket struct {
	client  Connection
	expires time.Time
}

// push is something to be delivered until it is acknowledged.
type push struct {
	kind      string // frameEvent or frameCallback
	topic     string
	eventType string
	eventID   string
	msgID     string // of the message that it tells of
	born      time.Time
	data      string
	overQuota string // what a CALLBACK says instead, when the month's pushes are used up
	press     *ask   // of a press, which is pushed once and always in the same frame

	// The gateway's lock guards the rest.
	counted  bool
	attempts int
	acked    bool
	timer    *time.Timer
}

// delivery is one frame on its way to one connection.
type delivery struct {
	kind    string
	topic   string
	push    *push  // nil for SYSTEM frames
	attempt int    // of push
	echo    string // the data that a ping wants back
}

// gateway is DingTalk's Stream side: tickets, connections, pushes and acks.
type gateway struct {
	now          func() time.Time
	app          App
	journal      *journal
	feed         *feed
	limits       *limits
	shapes       chooser
	keepAlive    time.Duration // between two KEEPALIVEs; 0 or less: none
	ticketTTL    time.Duration
	retry        map[string]time.Duration // by type of frame; 0: never
	disconnectIn time.Duration

	wg sync.WaitGroup // timers of redelivery

	mu          sync.Mutex
	closed      bool
	refusing    bool
	tickets     map[string]ticket
	ticketOrder []string
	connections []*connection // those that are open, draining ones included
	events      map[string]bool
	duplicates  int
	losses      int
	pushes      int                 // that were asked for, so far
	waiting     map[*push]struct{}  // pushes with a timer
	sent        map[string]delivery // by headers.messageId
	sentOrder   []string
}

// endpoint is the answer to a client that wants to connect.
type endpoint struct {
	XMLName  xml.Name `json:"-" xml:"ConnectionEndpoint"`
	Endpoint string   `json:"endpoint" xml:"endpoint"`
	Ticket   string   `json:"ticket" xml:"ticket"`
}

func (s *Server) openConnection(c *call) (any, *apiError) {
	c.asXML = !strings.Contains(c.r.Header.Get("Accept"), "application/json")
	f := fieldsOf(c)
	id, secret := f.text("clientId"), f.text("clientSecret")
	subs, _ := into[[]subscription](f, "subscriptions", "an array of {type, topic}")
	client := Connection{UserAgent: f.text("ua"), LocalIP: f.text("localIp")}
	f.object("extras")
	if err := f.end(); err != nil {
		return nil, err
	}
	if id != s.app.ClientID || secret != s.app.ClientSecret {
		return nil, &apiError{status: http.StatusUnauthorized, code: "authFailed", message: "Authentication failed"}
	}
	if len(subs) == 0 {
		return nil, c.careless(c.invalid("subscriptions is missing"))
	}
	for _, sub := range subs {
		if why := sub.problem(); why != "" {
			return nil, c.careless(c.invalid(why))
		}
		client.Subscriptions = append(client.Subscriptions, sub.Type+" "+sub.Topic)
	}
	t, ok := s.gateway.newTicket(client)
	if !ok {
		return nil, &apiError{status: http.StatusServiceUnavailable, code: "ServiceUnavailable", message: "The gateway is not available"}
	}
	c.entry.Caller = s.app.ClientID
	return endpoint{Endpoint: "ws" + strings.TrimPrefix(s.toldURL(), "http") + pathConnect, Ticket: t}, nil
}

func (sub subscription) problem() string {
	switch {
	case sub.Topic == "":
		return "a subscription has no topic"
	case sub.Type == frameEvent && sub.Topic != "*":
		return "EVENT subscriptions accept only the topic *"
	case sub.Type != frameEvent && sub.Type != frameCallback && sub.Type != frameSystem:
		return "the type of a subscription must be SYSTEM, CALLBACK or EVENT"
	default:
		return ""
	}
}

func (g *gateway) newTicket(client Connection) (string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refusing || len(g.connections) >= maxConnections {
		return "", false
	}
	if len(g.ticketOrder) >= maxTickets {
		delete(g.tickets, g.ticketOrder[0])
	}
	t := randomHex(16)
	g.ticketOrder = keep(g.ticketOrder, t, maxTickets)
	g.tickets[t] = ticket{client: client, expires: g.now().Add(g.ticketTTL)}
	return t, true
}

// redeem uses the ticket up.
func (g *gateway) redeem(t string) (Connection, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	found, ok := g.tickets[t]
	delete(g.tickets, t)
	switch {
	case !ok:
		return Connection{}, errors.New("a ticket that is unknown or was used")
	case !g.now().Before(found.expires):
		return Connection{}, errors.New("a ticket that has expired")
	default:
		return found.client, nil
	}
}

// connect serves a WebSocket until it ends.
func (g *gateway) connect(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	refusing := g.refusing
	g.mu.Unlock()
	if refusing {
		http.Error(w, "the gateway is not available", http.StatusServiceUnavailable)
		return
	}
	client, err := g.redeem(r.URL.Query().Get("ticket"))
	if err != nil {
		g.journal.violation(streamAPI, err.Error())
		http.Error(w, "invalid ticket", http.StatusUnauthorized)
		return
	}
	up := websocket.Upgrader{HandshakeTimeout: writeTimeout}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		g.journal.violation(streamAPI, "a handshake that is not a WebSocket's")
		return // Upgrade has answered
	}
	client.ID, client.Since = randomHex(16), g.now()
	c := newConnection(client, ws)
	if !g.shapes.tidy {
		g.greet(c)
	}
	if !g.add(c) {
		_ = ws.Close()
		return
	}
	c.serve(func(b []byte) { g.acked(c, b) })
	g.remove(c)
}

// greet sends what DingTalk says at the opening of a connection, and has a KEEPALIVE sent from time to time.
func (g *gateway) greet(c *connection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, topic := range []string{topicConnected, topicRegistered} {
		c.outbox <- outgoing{frame: g.systemFrameLocked(c, topic)} // it is empty yet
	}
	if g.keepAlive <= 0 {
		return
	}
	c.every = g.keepAlive
	c.beat = func() []byte {
		g.mu.Lock()
		defer g.mu.Unlock()
		if c.draining || c.silent {
			return nil
		}
		return g.systemFrameLocked(c, topicKeepAlive)
	}
}

func (g *gateway) systemFrameLocked(c *connection, topic string) []byte {
	return g.frameLocked(c, delivery{kind: frameSystem, topic: topic, echo: "{}"}, "{}")
}

func (g *gateway) add(c *connection) bool {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return false
	}
	g.connections = append(g.connections, c)
	g.mu.Unlock()
	g.feed.publish(Change{Kind: Connected})
	return true
}

func (g *gateway) remove(c *connection) {
	g.mu.Lock()
	before := len(g.connections)
	g.connections = slices.DeleteFunc(g.connections, func(other *connection) bool { return other == c })
	gone := len(g.connections) < before
	g.mu.Unlock()
	if gone {
		g.feed.publish(Change{Kind: Disconnected})
	}
}

// callback pushes a CALLBACK to whoever subscribed to the topic.
func (g *gateway) callback(topic, msgID, data, overQuota string) {
	g.push(&push{kind: frameCallback, topic: topic, msgID: msgID, data: data, overQuota: overQuota, born: g.now()})
}

// event pushes an EVENT, if it is switched on.
func (g *gateway) event(eventType string, data map[string]any) {
	g.mu.Lock()
	on := g.events[eventType]
	g.mu.Unlock()
	if !on {
		return
	}
	g.push(g.newEvent(eventType, data))
	g.mu.Lock()
	n := g.pushes
	g.mu.Unlock()
	if foreign, comes := g.shapes.foreign(n); comes {
		g.deliver(g.newEvent(foreign.Name, foreign.data(&occurrence{app: g.app, at: g.now()})))
	}
}

// ask is a press that waits for its ack.
type ask struct {
	frameID  string
	answered chan pressAnswer // holds one

	late bool // nobody waits any more; the gateway's lock guards it
}

// ask pushes a press, and returns what its ack says; ok is false if no good one came in time.
func (g *gateway) ask(topic, data string, stop <-chan struct{}) (a pressAnswer, ok bool) {
	p := &push{kind: frameCallback, topic: topic, data: data, born: g.now(), press: &ask{frameID: randomHex(16), answered: make(chan pressAnswer, 1)}}
	within := time.NewTimer(PressWithin)
	defer within.Stop()
	g.push(p)
	select {
	case a = <-p.press.answered:
		return a, true
	case <-within.C:
	case <-stop:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p.press.late = true
	select {
	case a = <-p.press.answered: // at the last moment
		return a, true
	default:
		return a, false
	}
}

// answeredLocked takes the good ack of a press; only the first one counts.
func (p *ask) answeredLocked(code int, data string) (why string) {
	a, why := pressAnswerOf(data)
	switch {
	case code != http.StatusOK:
		return "" // it was judged already
	case p.late:
		return "a press was acknowledged after 2 s"
	case why != "":
		return why
	}
	select {
	case p.answered <- a:
	default:
	}
	return ""
}

func (g *gateway) newEvent(eventType string, data map[string]any) *push {
	return &push{kind: frameEvent, topic: "*", eventType: eventType, eventID: randomHex(16), data: mustJSON(data), born: g.now()}
}

func (g *gateway) push(p *push) {
	g.mu.Lock()
	g.pushes++
	n := g.pushes
	if g.losses > 0 {
		g.losses--
		g.mu.Unlock()
		g.feed.publish(Change{Kind: FaultsChanged})
		return
	}
	again := g.duplicates > 0
	if again {
		g.duplicates--
	}
	g.mu.Unlock()
	g.deliver(p)
	if again {
		g.deliver(p)
		g.feed.publish(Change{Kind: FaultsChanged})
	}
	if g.shapes.keepsAlive(n) {
		g.system(topicKeepAlive, "{}", nil, func(*connection) bool { return false })
	}
}

// deliver sends the push to one connection, and arranges for it to be sent again if no good ack comes.
func (g *gateway) deliver(p *push) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return
	}
	c := g.pickLocked(p)
	if c != nil && !p.counted {
		p.counted = true
		if !g.limits.push() {
			if p.overQuota == "" {
				g.mu.Unlock()
				return
			}
			p.data = p.overQuota
		}
	}
	p.attempts++
	var out []byte
	if c != nil && !c.silent {
		out = g.frameLocked(c, delivery{kind: p.kind, topic: p.topic, push: p, attempt: p.attempts}, p.data)
	}
	g.mu.Unlock()
	if out != nil {
		c.send(outgoing{frame: out})
	}
	// Only now: while a client is slow to read, what is not even sent is not repeated.
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retryLocked(p)
}

// pickLocked is a connection at random of those that want the push, or nil.
func (g *gateway) pickLocked(p *push) *connection {
	want := p.kind + " " + p.topic
	var fit []*connection
	for _, c := range g.connections {
		if !c.draining && slices.Contains(c.info.Subscriptions, want) {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit[rand.IntN(len(fit))]
}

// retryLocked starts the timer of the next delivery, if the push has none and is not at its last.
func (g *gateway) retryLocked(p *push) {
	after := g.retry[p.kind]
	if p.press != nil {
		return
	}
	if _, has := g.waiting[p]; has || g.closed || after <= 0 || p.acked || p.attempts >= maxDeliveries {
		return
	}
	g.waiting[p] = struct{}{}
	g.wg.Add(1)
	p.timer = time.AfterFunc(after, func() {
		defer g.wg.Done()
		g.mu.Lock()
		delete(g.waiting, p)
		acked := p.acked
		g.mu.Unlock()
		if !acked {
			g.deliver(p)
		}
	})
}

// stopRetryLocked stops the timer of the push, if it has one that has not run yet.
func (g *gateway) stopRetryLocked(p *push) {
	if p.timer != nil && p.timer.Stop() {
		delete(g.waiting, p)
		g.wg.Done()
	}
}

// frameLocked encodes a frame with a new messageId, and remembers that it was sent.
func (g *gateway) frameLocked(c *connection, d delivery, data string) []byte {
	id := randomHex(16)
	if d.push != nil && d.push.press != nil {
		id = d.push.press.frameID
	}
	if _, again := g.sent[id]; !again {
		if len(g.sentOrder) >= maxSent {
			delete(g.sent, g.sentOrder[0])
		}
		g.sentOrder = keep(g.sentOrder, id, maxSent)
	}
	g.sent[id] = d
	headers := map[string]string{
		"messageId": id, "topic": d.topic, "contentType": "application/json", "time": millis(g.now()),
		"appId": g.app.ClientID, "connectionId": c.info.ID,
	}
	if d.kind == frameEvent {
		maps.Copy(headers, map[string]string{
			"eventType": d.push.eventType, "eventId": d.push.eventID, "eventCorpId": g.app.CorpID,
			"eventBornTime": millis(d.push.born), "eventUnifiedAppId": g.app.ClientID,
		})
	}
	return []byte(mustJSON(frame{SpecVersion: "1.0", Type: d.kind, Headers: headers, Data: data}))
}

// acked takes a client's answer to a frame.
func (g *gateway) acked(c *connection, raw []byte) {
	var ack struct {
		Code    *int              `json:"code"`
		Headers map[string]string `json:"headers"`
		Message string            `json:"message"`
		Data    string            `json:"data"`
	}
	if err := json.Unmarshal(raw, &ack); err != nil || ack.Code == nil {
		g.journal.violation(streamAPI, "an ack that cannot be read")
		return
	}
	id := ack.Headers["messageId"]
	g.mu.Lock()
	d, known := g.sent[id]
	out := Ack{Connection: c.info.ID, MessageID: id, Type: d.kind, Topic: d.topic, Attempt: d.attempt, Code: *ack.Code, Data: ack.Data}
	if d.push != nil {
		out.EventType, out.EventID, out.MsgID = d.push.eventType, d.push.eventID, d.push.msgID
	}
	good, why := d.judge(*ack.Code, ack.Data)
	if good && d.push != nil {
		d.push.acked = true
		g.stopRetryLocked(d.push)
	}
	if d.push != nil && d.push.press != nil && why == "" {
		why = d.push.press.answeredLocked(*ack.Code, ack.Data)
	}
	g.mu.Unlock()
	switch {
	case !known:
		g.journal.violation(streamAPI, "an ack of a frame that was never sent")
		return
	case why != "":
		g.journal.violation(streamAPI, why)
	}
	if ack.Headers["contentType"] == "" {
		g.journal.violation(streamAPI, "an ack without headers.contentType")
	}
	g.journal.ack(out)
}

// judge says whether the ack ends the delivery, and what is wrong with it.
func (d delivery) judge(code int, data string) (good bool, why string) {
	switch {
	case d.kind == frameSystem && d.topic == "ping" && data != d.echo:
		return false, "a ping was not answered with its data"
	case d.kind == frameSystem && d.topic != "ping" && d.topic != "disconnect":
		return true, "" // the official Go package answers 404, that for Node not at all
	case d.kind != frameEvent:
		if code == http.StatusOK {
			return true, ""
		}
		return false, fmt.Sprintf("%s %s was answered with %d", d.kind, d.topic, code)
	}
	var result struct {
		Status string `json:"status"`
	}
	switch err := json.Unmarshal([]byte(data), &result); {
	case err != nil || result.Status != "SUCCESS" && result.Status != "LATER":
		return false, "an EVENT was answered without the status SUCCESS or LATER in data"
	case result.Status == "LATER":
		return false, ""
	case code != http.StatusOK:
		return false, fmt.Sprintf("an EVENT was answered with SUCCESS and %d", code)
	default:
		return true, ""
	}
}

// system sends a SYSTEM frame to the connections with these IDs, or to all, and calls each before it is sent.
func (g *gateway) system(topic string, data string, ids []string, each func(*connection) (last bool)) {
	type job struct {
		c   *connection
		out outgoing
	}
	var jobs []job
	g.mu.Lock()
	for _, c := range g.connections {
		if c.draining || c.silent || len(ids) > 0 && !slices.Contains(ids, c.info.ID) {
			continue
		}
		out := outgoing{closeAfter: g.disconnectIn, last: each(c)}
		out.frame = g.frameLocked(c, delivery{kind: frameSystem, topic: topic, echo: data}, data)
		jobs = append(jobs, job{c, out})
	}
	g.mu.Unlock()
	for _, j := range jobs {
		j.c.send(j.out)
	}
}

// drop closes the connections with these IDs, or all, without a word.
func (g *gateway) drop(ids []string) {
	g.mu.Lock()
	var dropped []*connection
	g.connections = slices.DeleteFunc(g.connections, func(c *connection) bool {
		hit := len(ids) == 0 || slices.Contains(ids, c.info.ID)
		if hit {
			dropped = append(dropped, c)
		}
		return hit
	})
	g.mu.Unlock()
	for _, c := range dropped {
		_ = c.ws.Close()
		g.feed.publish(Change{Kind: Disconnected})
	}
}

func (g *gateway) close() {
	g.mu.Lock()
	g.closed = true
	for p := range g.waiting {
		g.stopRetryLocked(p)
	}
	g.mu.Unlock()
	g.drop(nil)
	g.wg.Wait()
}

// Connections are the open Stream connections, without those that were told to disconnect.
func (s *Server) Connections() []Connection {
	s.gateway.mu.Lock()
	defer s.gateway.mu.Unlock()
	out := []Connection{}
	for _, c := range s.gateway.connections {
		if !c.draining {
			out = append(out, c.info)
		}
	}
	return out
}

// Events switches the pushing of events on or off, by eventType; without types all of them. All are off at first.
func (s *Server) Events(on bool, types ...string) {
	if len(types) == 0 {
		types = eventTypes()
	}
	s.gateway.set(func(g *gateway) {
		for _, t := range types {
			g.events[t] = on
		}
	})
}

// set changes a switch.
func (g *gateway) set(change func(*gateway)) {
	g.mu.Lock()
	change(g)
	g.mu.Unlock()
	g.feed.publish(Change{Kind: FaultsChanged})
}

// DuplicatePushes delivers the next n pushes twice, whatever their acks.
func (s *Server) DuplicatePushes(n int) {
	s.gateway.set(func(g *gateway) { g.duplicates = n })
}

// LosePushes loses the next n pushes for ever.
func (s *Server) LosePushes(n int) {
	s.gateway.set(func(g *gateway) { g.losses = n })
}

// RefuseGateway makes the gateway refuse new connections (503) while on.
func (s *Server) RefuseGateway(on bool) {
	s.gateway.set(func(g *gateway) { g.refusing = on })
}

// Ping sends a SYSTEM ping to every connection. A client answers with its data.
func (s *Server) Ping() {
	s.gateway.system("ping", mustJSON(map[string]string{"opaque": randomHex(16)}), nil, func(*connection) bool { return false })
}

// Disconnect tells the connections with these IDs, or all, to disconnect. Nothing is pushed to them any more, and they are
// closed after Options.DisconnectAfter.
func (s *Server) Disconnect(ids ...string) {
	s.gateway.system("disconnect", mustJSON(map[string]string{"reason": "persistent connection is going to be closed"}), ids, func(c *connection) bool {
		c.draining = true
		return true
	})
	s.feed.publish(Change{Kind: Disconnected})
}

// Silence makes the connections with these IDs, or all that are open, silent for ever: WebSocket pings are answered, and what is
// pushed over them does not arrive. Connections that are opened later are not silent.
func (s *Server) Silence(ids ...string) {
	s.gateway.set(func(g *gateway) {
		for _, c := range g.connections {
			c.silent = c.silent || len(ids) == 0 || slices.Contains(ids, c.info.ID)
		}
	})
}

// DropConnections closes the connections with these IDs, or all, without a word.
func (s *Server) DropConnections(ids ...string) { s.gateway.drop(ids) }

// PushRaw sends the bytes as a text message to one connection at random; without a connection it does nothing.
func (s *Server) PushRaw(frame []byte) {
	s.gateway.mu.Lock()
	fit := slices.DeleteFunc(slices.Clone(s.gateway.connections), func(c *connection) bool { return c.draining || c.silent })
	s.gateway.mu.Unlock()
	if len(fit) > 0 {
		fit[rand.IntN(len(fit))].send(outgoing{frame: slices.Clone(frame)})
	}
}
