package stream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-dingtalk/dingtalk-stream-sdk-go/client"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/payload"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/utils"
)

const (
	// dialWithin bounds the opening of a connection: the ticket (the SDK gives that 5 s) and the websocket.
	dialWithin = 15 * time.Second

	// replaceWithin is how long a connection that DingTalk announced to close is kept for its replacement.
	// DingTalk closes it after 10 s.
	replaceWithin = 8 * time.Second

	// maxHandlers is how many frames of one connection may be in hand at once. Past it the SDK drops frames without an ack (its
	// default is 100), so it is set to more than DingTalk can be expected to push within AckWithin.
	maxHandlers = 20_000
)

// answeredTopics are those of SYSTEM frames that DingTalk pushes to everybody. They ask for nothing, and are acked.
var answeredTopics = []string{"CONNECTED", "REGISTERED", "KEEPALIVE"}

// pongMax is more than the bytes of a WebSocket pong or ping, encrypted or not, and less than those of any frame of
// DingTalk's: its headers alone are longer.
const pongMax = 100

var (
	errClosed     = errors.New("the connection was closed")
	errNotWritten = errors.New("the connection cannot be written to")
)

// connection is one websocket to DingTalk, from its opening to its end.
type connection struct {
	now    func() time.Time
	opened time.Time
	last   atomic.Pointer[time.Time] // when a frame arrived; nil before the first

	// registerUnsubscribed makes the SDK answer frames that it must not subscribe.
	registerUnsubscribed func()

	leaving  chan struct{} // closed when DingTalk announces that it will close the connection
	replaced chan struct{} // closed by keepUp when the replacement is up

	over  chan struct{} // closed when nothing can be received or nothing can be acked any more
	cause error         // why it is over; set before over is closed

	leaveOnce, overOnce sync.Once

	netConn  net.Conn    // under the websocket
	draining atomic.Bool // nothing is written any more: a failed write says nothing
}

func newConnection(now func() time.Time) *connection {
	return &connection{now: now, leaving: make(chan struct{}), replaced: make(chan struct{}), over: make(chan struct{})}
}

func (c *connection) isOver() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// arrived notes that a frame arrives.
func (c *connection) arrived() {
	now := c.now()
	c.last.Store(&now)
}

// silentFor is how long no frame has arrived.
func (c *connection) silentFor() time.Duration {
	if last := c.last.Load(); last != nil && last.After(c.opened) {
		return c.now().Sub(*last)
	}
	return c.now().Sub(c.opened)
}

// end notes that the connection is over; the first cause counts.
func (c *connection) end(cause error) {
	c.overOnce.Do(func() {
		c.cause = cause
		close(c.over)
	})
}

// drain ends a connection whose replacement is up, and that DingTalk does not mean to end: it closes its own half, and
// what is on its way is still taken, until DingTalk has closed the other half. What is taken so late is not acked; DingTalk
// may push it again.
func (c *connection) drain(ctx context.Context) {
	select {
	case <-c.leaving: // the SDK closes it
	default:
		half, ok := c.netConn.(interface{ CloseWrite() error })
		c.draining.Store(true)
		if !ok || half.CloseWrite() != nil {
			return
		}
	}
	timer := time.NewTimer(replaceWithin)
	defer timer.Stop()
	select {
	case <-c.over:
	case <-ctx.Done():
	case <-timer.C:
	}
}

// onDisconnect holds the SYSTEM frame "disconnect" back until the replacement is up, because the SDK acks it and closes the
// connection as soon as its handler returns.
func (c *connection) onDisconnect() {
	c.leaveOnce.Do(func() { close(c.leaving) })
	timer := time.NewTimer(replaceWithin)
	defer timer.Stop()
	select {
	case <-c.replaced:
	case <-c.over:
	case <-timer.C:
	}
}

// dial opens one connection. A watcher, waited for by c.connections, closes it when it is over or ctx ends.
// The errors are those of [CheckGateway].
func (c *Client) dial(ctx context.Context, s *slot) (*connection, error) {
	conn := newConnection(c.cfg.Now)
	sdk := client.NewStreamClient(
		client.WithAppCredential(client.NewAppCredentialConfig(c.cfg.ClientID, c.cfg.ClientSecret)),
		client.WithOpenApiHost(ownScheme+c.cfg.APIURL),
		client.WithAutoReconnect(false), // it leaves a gap of 3 s or more; keepUp does better
		client.WithKeepAlive(c.cfg.KeepAlive),
		client.WithMaxPendingHandlers(maxHandlers),
	)
	// The context that the SDK gives to handlers ends with the connection, so it is not used. The routers must be
	// registered before Start: the SDK reads them without a lock.
	work := context.WithoutCancel(ctx)
	for _, topic := range c.cfg.Topics {
		sdk.RegisterCallbackRouter(topic, func(_ context.Context, df *payload.DataFrame) (*payload.DataFrameResponse, error) {
			return callbackAck(c.take(work, s, df))
		})
	}
	if c.cfg.Events {
		sdk.RegisterAllEventRouter(func(_ context.Context, df *payload.DataFrame) (*payload.DataFrameResponse, error) {
			return eventAck(c.take(work, s, df))
		})
	}
	sdk.RegisterRouter(utils.SubscriptionTypeKSystem, "ping", func(ctx context.Context, df *payload.DataFrame) (*payload.DataFrameResponse, error) {
		c.heard(s)
		return sdk.OnPing(ctx, df)
	})
	sdk.RegisterRouter(utils.SubscriptionTypeKSystem, "disconnect", func(context.Context, *payload.DataFrame) (*payload.DataFrameResponse, error) {
		if c.handlers.begin() {
			defer c.handlers.end()
			c.heard(s)
			conn.onDisconnect()
		}
		return nil, nil // the SDK acks and closes
	})
	// The SDK subscribes whatever has a router when it asks the gateway, and the gateway knows no subscription of these.
	conn.registerUnsubscribed = func() {
		for _, topic := range answeredTopics {
			sdk.RegisterRouter(utils.SubscriptionTypeKSystem, topic, func(context.Context, *payload.DataFrame) (*payload.DataFrameResponse, error) {
				c.heard(s)
				return payload.NewSuccessDataFrameResponse(), nil
			})
		}
	}

	dialCtx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	if err := sdk.Start(context.WithValue(dialCtx, watchedBy{}, conn)); err != nil {
		return nil, fmt.Errorf("open a Stream connection: %w", c.clean(err))
	}
	conn.opened = conn.now()
	c.connections.Go(func() {
		select {
		case <-ctx.Done():
		case <-conn.over:
		case <-conn.replaced:
			conn.drain(ctx)
		}
		sdk.Close()
	})
	return conn, nil
}

// watchedBy is the key under which dial puts the *connection into the context that reaches the websocket's dialer.
type watchedBy struct{}

// socket is the network connection under a websocket. It tells when something arrives and when it is over, which the SDK
// keeps to itself: the SDK closes it whenever it gives a connection up, it does not give one up that it can no longer write to
// (it goes on handling frames and acks none), and one that answers its WebSocket pings is good enough for it.
type socket struct {
	net.Conn
	conn *connection
}

func (s socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > pongMax {
		s.conn.arrived()
	}
	if err != nil {
		s.conn.end(fmt.Errorf("%w: %s", errClosed, describe(err)))
	}
	return n, err
}

func (s socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if err != nil && !s.conn.draining.Load() {
		s.conn.end(fmt.Errorf("%w: %s", errNotWritten, describe(err)))
	}
	return n, err
}

func (s socket) Close() error {
	s.conn.end(errClosed)
	return s.Conn.Close()
}
