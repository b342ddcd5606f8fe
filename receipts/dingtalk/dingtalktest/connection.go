package dingtalktest

import (
	"time"

	"github.com/gorilla/websocket"
)

const (
	writeTimeout  = 5 * time.Second
	outboxSize    = 256
	maxFrameBytes = 1 << 20 // of an ack
)

// Connection is an open Stream connection of a client.
type Connection struct {
	ID            string    `json:"id"` // headers.connectionId
	Since         time.Time `json:"since"`
	UserAgent     string    `json:"userAgent"`
	LocalIP       string    `json:"localIp"`
	Subscriptions []string  `json:"subscriptions"` // "type topic"
}

// outgoing is a frame to be written. After the last one the connection is closed when closeAfter is over.
type outgoing struct {
	frame      []byte
	last       bool
	closeAfter time.Duration
}

// connection is one WebSocket: one goroutine writes, the one that serves reads.
type connection struct {
	info     Connection
	ws       *websocket.Conn
	outbox   chan outgoing
	gone     chan struct{} // closed when reading has ended
	draining bool          // told to disconnect; guarded by the gateway's lock
	silent   bool          // nothing that is pushed arrives; guarded by the gateway's lock

	every time.Duration // between two beats; 0: none
	beat  func() []byte // a frame, or nil
}

func newConnection(info Connection, ws *websocket.Conn) *connection {
	return &connection{info: info, ws: ws, outbox: make(chan outgoing, outboxSize), gone: make(chan struct{})}
}

// serve reads until the WebSocket ends, and then waits for the writer.
func (c *connection) serve(received func([]byte)) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	c.ws.SetReadLimit(maxFrameBytes)
	for {
		kind, b, err := c.ws.ReadMessage()
		if err != nil {
			break
		}
		if kind == websocket.TextMessage {
			received(b)
		}
	}
	close(c.gone)
	_ = c.ws.Close()
	<-written
}

func (c *connection) write() {
	var end, beat <-chan time.Time
	if c.every > 0 {
		ticker := time.NewTicker(c.every)
		defer ticker.Stop()
		beat = ticker.C
	}
	for {
		var out outgoing
		select {
		case <-beat:
			if len(c.outbox) == 0 { // else what waits goes first, such as the greeting
				out.frame = c.beat()
			}
		case out = <-c.outbox:
		case <-end:
			_ = c.ws.Close()
			return
		case <-c.gone:
			return
		}
		if out.frame != nil && !c.writeFrame(out.frame) {
			_ = c.ws.Close()
			return
		}
		if out.last {
			timer := time.NewTimer(out.closeAfter)
			defer timer.Stop()
			end = timer.C
		}
	}
}

func (c *connection) writeFrame(frame []byte) bool {
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.ws.WriteMessage(websocket.TextMessage, frame) == nil
}

// send hands the frame to the writer. It waits while the client does not read, until the connection ends.
func (c *connection) send(out outgoing) {
	select {
	case c.outbox <- out:
	case <-c.gone:
	}
}
