// Package stream keeps DingTalk Stream connections up and hands over the frames that arrive on them.
//
// It is the adapter over the official SDK (dingtalk-stream-sdk-go v0.9.2-beta.1) and mends what that gets wrong.
// Nothing outside this package imports the SDK, and this package imports nothing else of whoread: it knows no
// commands and no event types. Raw frames go in, the decision how to acknowledge them comes out.
//
// One SDK client serves one connection and is thrown away with it. A slot keeps one connection up: it retries the first
// start like every other, opens the replacement before a connection that the server announced to close is gone, and
// replaces one that can no longer be written to or on which nothing arrives. The slots open their connections at once; those that opened together are
// replaced apart in time soon after, so that they do not expire together.
//
// Duplicates are passed on: DingTalk pushes a frame again when its ack was late or lost. Deduplicate by the message's
// msgId or by [Frame.EventID].
package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
)

// AckWithin is how long a [Handler] has, unless [Config.Deadlines] says otherwise. DingTalk wants the ack of a frame within 3 s
// and pushes an event again after that.
const AckWithin = 2500 * time.Millisecond

// PressWithin is how long a handler should have for the button of a card: DingTalk wants that ack within 2 s, shows the presser
// an error after that, and does not push the press again. The rest is for the way there and back.
const PressWithin = 1500 * time.Millisecond

// The types of the frames that a [Handler] sees.
const (
	TypeCallback = "CALLBACK"
	TypeEvent    = "EVENT"
)

// Frame is what DingTalk pushed, undecoded.
type Frame struct {
	Type      string // TypeCallback or TypeEvent
	Topic     string // as subscribed; "*" for every event
	MessageID string // of this push; a repeated push has another one

	// Of events only.
	EventType string // "robot_msg_read", "chat_add_member", ...
	EventID   string // the same in every push of one event
	CorpID    string // the organisation it happened in

	Born time.Time     // when the event happened or the callback was pushed; zero when DingTalk did not say
	Age  time.Duration // of the event when it was pushed this time, by DingTalk's clock alone; 0 when DingTalk did not say
	Data []byte        // the frame's data, usually JSON
}

// Handler takes a frame. What it returns decides the ack:
//
//   - nil: taken. A callback is acked with 200 and the data, which is JSON or nothing; an event with SUCCESS, whatever the data.
//   - an error, or a panic: not taken. A callback is acked with 500, an event with LATER (DingTalk then pushes it again). The
//     error is logged and never sent to DingTalk, so it must hold no secrets but may say why.
//
// ctx ends after [AckWithin], or the topic's own deadline, and the handler must return then. It does not end when the connection drops, nor when
// the context of [Client.Run] does: a frame that is being taken is taken to the end.
//
// Handlers run concurrently.
type Handler func(ctx context.Context, f Frame) (data []byte, err error)

// Backoff bounds the pauses between attempts to connect. They double from Initial to Max, jittered by half.
type Backoff struct {
	Initial     time.Duration // default 500 ms
	Max         time.Duration // default 60 s; a connection that lived this long starts again from Initial
	Credentials time.Duration // after refused credentials, which only a person can put right; default 2 min
}

// Config is what a [Client] needs. The zero value of every field without "required" is its default.
type Config struct {
	ClientID     string // required
	ClientSecret string // required; never logged
	APIURL       string // of DingTalk's OpenAPI, default https://api.dingtalk.com

	Topics []string // the CALLBACK topics to subscribe; required unless Events
	Events bool     // subscribe every EVENT (DingTalk knows only "*")
	Handle Handler  // required
	// Deadlines are of the topics whose acks are due sooner than others', such as PressWithin. None is longer than AckWithin.
	Deadlines map[string]time.Duration

	Connections int           // how many to keep up, default 2: DingTalk picks one at random for each push
	Stagger     time.Duration // least time between the openings of two connections in the long run, default 15 s: of those that opened together, all but one are replaced so much later
	KeepAlive   time.Duration // silence after which a connection is probed with a ping (5 s to answer), default 30 s, at least 3 s
	Silence     time.Duration // without a frame, after which a connection is replaced though it answers its probes, default 3 min
	Backoff     Backoff

	Log *zap.Logger
	Now func() time.Time
}

// withDefaults returns c with its defaults, or says which field is wrong.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.ClientID == "":
		return c, errors.New("client id is empty")
	case c.ClientSecret == "":
		return c, errors.New("client secret is empty")
	case len(c.Topics) == 0 && !c.Events:
		return c, errors.New("nothing to subscribe: neither topics nor events")
	case c.Handle == nil:
		return c, errors.New("no handler")
	case hasLate(c.Deadlines):
		return c, fmt.Errorf("a deadline of a topic is not within %s", AckWithin)
	case c.Connections < 0:
		return c, fmt.Errorf("connections is %d, want at least 1", c.Connections)
	}
	setDefault(&c.APIURL, "https://api.dingtalk.com")
	setDefault(&c.Connections, 2)
	setDefault(&c.Stagger, 15*time.Second)
	setDefault(&c.KeepAlive, 30*time.Second)
	setDefault(&c.Silence, 3*time.Minute)
	setDefault(&c.Backoff.Initial, 500*time.Millisecond)
	setDefault(&c.Backoff.Max, 60*time.Second)
	setDefault(&c.Backoff.Credentials, 2*time.Minute)
	setDefault(&c.Log, zap.NewNop())
	if c.Now == nil {
		c.Now = time.Now
	}
	c.APIURL = strings.TrimRight(c.APIURL, "/")
	// The URL is not quoted in the error: it might hold a password.
	u, err := url.Parse(c.APIURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || (u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname()))) {
		return c, errors.New("API URL is not of the form https://host (http:// only to this machine)")
	}
	return c, nil
}

// hasLate reports whether a deadline is none, or too late for DingTalk.
func hasLate(deadlines map[string]time.Duration) bool {
	for _, d := range deadlines {
		if d <= 0 || d > AckWithin {
			return true
		}
	}
	return false
}

// deadline is how long the handler has for a frame of the topic.
func (c Config) deadline(topic string) time.Duration {
	return cmp.Or(c.Deadlines[topic], AckWithin)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Client keeps the connections of one DingTalk app up. Make it with [New].
type Client struct {
	cfg         Config
	connect     func(context.Context, *slot) (*connection, error) // is dial, but in a test of the pauses
	started     atomic.Bool
	handlers    inFlight
	connections sync.WaitGroup // one watcher for each connection, see dial

	mu    sync.Mutex // guards the fields of the slots that say so
	slots []*slot
}

// New returns a client that does nothing until [Client.Run]. It fails when the configuration is incomplete.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	tameSDK()
	c := &Client{cfg: cfg, slots: make([]*slot, cfg.Connections)}
	c.connect = c.dial
	for i := range c.slots {
		c.slots[i] = &slot{
			log: cfg.Log.With(zap.Int("connection", i)),
			backoff: &backoff.ExponentialBackOff{
				InitialInterval:     cfg.Backoff.Initial,
				MaxInterval:         cfg.Backoff.Max,
				Multiplier:          2,
				RandomizationFactor: 0.5,
			},
		}
	}
	return c, nil
}

// Run connects and keeps the connections up until ctx ends. Then it closes them, waits for every handler at work
// (at most [AckWithin] when they respect their context) and returns nil.
// Nothing that DingTalk or the network does makes it return earlier: see [Client.Status] and the log.
// It can be called once; a second call is an error.
func (c *Client) Run(ctx context.Context) error {
	if c.started.Swap(true) {
		return errors.New("stream: Run was called before")
	}
	defer sdkLines.attach(c.cfg.Log)()
	var slots sync.WaitGroup
	for _, s := range c.slots {
		slots.Go(func() { c.keepUp(ctx, s) })
	}
	slots.Wait()
	c.connections.Wait()
	c.handlers.closeAndWait()
	return nil
}

// CheckGateway opens one connection and closes it again. A nil error means that DingTalk accepts the credentials and
// that its gateway can be reached from here. [Config.Handle] is not used: a frame that is pushed meanwhile is not taken.
//
// Errors hold no secrets. They match [ErrCredentials] or hold a [*GatewayError] when DingTalk answered, hold a [*PageError] when
// something else did, or hold the cause in the network (*net.OpError, context.DeadlineExceeded, ...).
func CheckGateway(ctx context.Context, cfg Config) error {
	cfg.Handle = func(context.Context, Frame) ([]byte, error) {
		return nil, errors.New("only the gateway is being checked")
	}
	c, err := New(cfg)
	if err != nil {
		return err
	}
	defer sdkLines.attach(c.cfg.Log)()
	ctx, closeConnection := context.WithCancel(ctx)
	_, err = c.dial(ctx, c.slots[0])
	closeConnection()
	c.connections.Wait()
	c.handlers.closeAndWait()
	return err
}

// Status is how the connections of a [Client] are.
type Status struct {
	Connections []ConnectionStatus // as many as configured
}

// Up returns how many connections are up. With none, no command and no event arrives.
func (s Status) Up() int {
	n := 0
	for _, c := range s.Connections {
		if c.Up() {
			n++
		}
	}
	return n
}

// ConnectionStatus is how one of the connections is.
type ConnectionStatus struct {
	UpSince   time.Time // zero while it is down
	LastFrame time.Time // when DingTalk last pushed something, its own pings included; zero when never

	LastError   error // why it last dropped or could not be opened, without secrets; kept after it recovered
	LastErrorAt time.Time
}

// Up says whether frames can arrive on it.
func (c ConnectionStatus) Up() bool { return !c.UpSince.IsZero() }

// Status returns the state of every connection now. It may be called at any time.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	var st Status
	for _, s := range c.slots {
		cs := ConnectionStatus{LastError: s.lastErr, LastErrorAt: s.lastErrAt}
		if s.conn != nil && !s.conn.isOver() {
			cs.UpSince = s.conn.opened
		}
		if at := s.lastFrame.Load(); at != nil {
			cs.LastFrame = *at
		}
		st.Connections = append(st.Connections, cs)
	}
	return st
}
