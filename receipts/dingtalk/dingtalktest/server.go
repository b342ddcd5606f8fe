package dingtalktest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ErrClosed says that the server was closed.
var ErrClosed = errors.New("dingtalktest: closed")

// App is the application whose bot this DingTalk knows.
type App struct {
	ClientID     string // appKey
	ClientSecret string
	RobotCode    string // default ClientID
	CorpID       string
	BotName      string // default whoread
}

// Options are all optional.
type Options struct {
	// Clock is the time of tokens, tickets, webhooks, quotas, messages and reads; default one of its own. Delays and redelivery go
	// by the wall clock.
	Clock *Clock
	Now   func() time.Time // what the default Clock goes by until it is turned; default time.Now
	App   App              // what is empty is generated

	TokenTTL      time.Duration // default 7,200 s
	WebhookTTL    time.Duration // of a session webhook; default 90 min
	TicketTTL     time.Duration // of a gateway ticket; default 90 s
	KeyQueryDelay time.Duration // how long after a send a query answers "no data yet"; default 0
	KeyTTL        time.Duration // how long a group message can be queried; DingTalk does not document it; default 7 days

	CallsPerSecond int // per app and API; default [StandardCallsPerSecond], negative is unlimited
	CallsPerMonth  int // counted calls; default unlimited, unlike DingTalk: [StandardCallsPerMonth]
	PushesPerMonth int // default unlimited, unlike DingTalk: [StandardPushesPerMonth]

	RetryAfter         time.Duration // an EVENT without a good ack is pushed again after it, 5 times at most; default 3 s
	CallbackRetryAfter time.Duration // the same for a CALLBACK; default never
	DisconnectAfter    time.Duration // a connection is closed so long after its SYSTEM disconnect; default 10 s

	// CardValueBytes is how many bytes one value of a card may have; default [DocumentedCardValueBytes], negative is unlimited, as bots
	// have seen it.
	CardValueBytes int

	Unpublished bool // the app is not published: frames have no senderStaffId

	// Seed is what the shapes of messages, quotations and events are chosen by; see [Shapes]. What is chosen for a message depends on
	// the seed, the group's title, the author's name and how many messages they have said there. 0 is the one of the environment's
	// [SeedVariable], or else one at random, which [Server.Seed] tells.
	Seed uint64
	// Tidy has everything written as the documents show it: for tests of one frame. No event comes that nobody asked for.
	Tidy bool
	// KeepAlive is how often a SYSTEM KEEPALIVE goes over each connection; default 30 s, never if Tidy or negative.
	KeepAlive time.Duration

	// Page serves the page at / and its control API; see the package's documentation. Whoever reaches the listener can use them.
	Page bool
}

// Server is a DingTalk. All methods may be used concurrently.
type Server struct {
	clock       *Clock
	now         func() time.Time // of the clock
	app         App
	botID       string // chatbotUserId
	keyDelay    time.Duration
	keyTTL      time.Duration
	unpublished bool
	shapes      chooser

	feed     *feed
	world    *world
	journal  *journal
	limits   *limits
	faults   *faults
	tokens   *tokens
	sessions *sessions
	gateway  *gateway
	routes   map[string]route
	page     *page // nil without one

	http *http.Server
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // the listener and the requests being served

	mu     sync.Mutex
	asked  string // what Listen was given
	url    string
	told   string // in its place to clients; may be empty
	closed bool
}

// New makes a DingTalk without people. It serves nothing before [Server.Listen].
func New(o Options) *Server {
	clock := o.Clock
	if clock == nil {
		clock = &Clock{base: o.Now}
	}
	now := clock.Now
	app := o.App
	app.ClientID = cmp.Or(app.ClientID, "ding"+randomHex(8))
	app.ClientSecret = cmp.Or(app.ClientSecret, randomHex(32))
	app.RobotCode = cmp.Or(app.RobotCode, app.ClientID)
	app.CorpID = cmp.Or(app.CorpID, "ding"+randomHex(16))
	app.BotName = cmp.Or(app.BotName, "whoread")

	ctx, stop := context.WithCancel(context.Background())
	f := newFeed(now)
	clock.tell(f)
	s := &Server{
		clock: clock, now: now, app: app, botID: "$:LWCP_v1:$" + randomBase64(24), unpublished: o.Unpublished,
		shapes: newChooser(o), keyDelay: o.KeyQueryDelay, keyTTL: cmp.Or(o.KeyTTL, 7*24*time.Hour),
		feed: f, world: newWorld(now, f), journal: newJournal(now, f), faults: &faults{feed: f},
		limits:   newLimits(now, cmp.Or(o.CallsPerSecond, StandardCallsPerSecond), o.CallsPerMonth, o.PushesPerMonth),
		tokens:   &tokens{now: now, ttl: cmp.Or(o.TokenTTL, 7200*time.Second)},
		sessions: &sessions{now: now, ttl: cmp.Or(o.WebhookTTL, 90*time.Minute), open: map[string]session{}},
		routes:   routes(), ctx: ctx, stop: stop,
	}
	s.gateway = &gateway{
		now: now, app: app, journal: s.journal, feed: f, limits: s.limits, shapes: s.shapes,
		keepAlive:    cmp.Or(o.KeepAlive, 30*time.Second),
		ticketTTL:    cmp.Or(o.TicketTTL, 90*time.Second),
		retry:        map[string]time.Duration{frameEvent: cmp.Or(o.RetryAfter, 3*time.Second), frameCallback: o.CallbackRetryAfter},
		disconnectIn: cmp.Or(o.DisconnectAfter, 10*time.Second),
		tickets:      map[string]ticket{}, events: map[string]bool{}, waiting: map[*push]struct{}{}, sent: map[string]delivery{},
	}
	if o.CardValueBytes != 0 {
		s.world.cardValueBytes = o.CardValueBytes
	}
	if o.Page {
		s.page = newPage(s)
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serveHTTP), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	return s
}

// Listen serves on addr, for example 127.0.0.1:0, until [Server.Close]. It may be called once.
func (s *Server) Listen(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.url != "" {
		return errors.New("dingtalktest: it listens already")
	}
	l, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("dingtalktest: listen: %w", err)
	}
	s.asked, s.url = addr, "http://"+l.Addr().String()
	s.wg.Go(func() { _ = s.http.Serve(l) }) // it always ends with ErrServerClosed
	return nil
}

// URL is the api_url and the oapi_url of a client, without a slash at its end; empty before Listen.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// TellURL has clients told another URL than that of this DingTalk for its gateway and its webhooks, such as that of a proxy that
// stands before it.
func (s *Server) TellURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = url
}

// toldURL is what clients are told.
func (s *Server) toldURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.told, s.url)
}

func (s *Server) listenedOn() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Seed is what shapes are chosen by. A test that fails prints it: with it in the environment's [SeedVariable] the same are chosen.
func (s *Server) Seed() uint64 { return s.shapes.seed }

// App is the application, with what was generated.
func (s *Server) App() App { return s.app }

// Close ends all connections and waits for all goroutines. A second call does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.clock.untell(s.feed)
	s.stop()
	err := s.http.Close()
	if s.page != nil {
		s.page.close()
	}
	s.gateway.close()
	s.wg.Wait()
	s.feed.close()
	return err
}

// enter registers a request that is served, unless the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Add(1)
	}
	return !s.closed
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.wg.Done()
	if r.URL.Path == pathConnect {
		s.gateway.connect(w, r)
		return
	}
	if s.page != nil && s.page.wants(r) {
		s.page.ServeHTTP(w, r)
		return
	}
	if rt, ok := s.routes[r.URL.Path]; ok {
		s.serveCall(w, r, rt)
		return
	}
	s.serveUnknown(w, r)
}

// Watch tells of every change from now on, until ctx ends or the server is closed; then the channel is closed. It is also
// closed if the receiver falls more than 1,024 changes behind: then look at everything anew and watch again.
func (s *Server) Watch(ctx context.Context) <-chan Change { return s.feed.watch(ctx) }

// Await returns when cond holds. It looks at once and after every change, so cond may ask the server anything but must not
// change it. It returns the cause of ctx's end, or [ErrClosed].
func (s *Server) Await(ctx context.Context, cond func() bool) error { return s.feed.await(ctx, cond) }

// AwaitConnections returns when at least n Stream connections are open, or for 0 when none is; errors as [Server.Await].
func (s *Server) AwaitConnections(ctx context.Context, n int) error {
	return s.Await(ctx, func() bool {
		open := len(s.Connections())
		return open == n || n > 0 && open > n
	})
}

// AddPerson adds a person, or changes the one with this UnionID, and returns them with what was generated.
func (s *Server) AddPerson(p Person) Person { return s.world.addPerson(p) }

// People are in the order in which they were added.
func (s *Server) People() []Person { return s.world.allPeople() }

// AddGroup makes a group with the bot in it. People who were not added yet are added.
func (s *Server) AddGroup(o GroupOptions, people ...Person) *Group {
	return &Group{s: s, c: s.world.addGroup(o, people)}
}

// Groups are in the order in which they were added, without the one-to-one chats.
func (s *Server) Groups() []*Group {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	out := make([]*Group, len(s.world.groupOrder))
	for i, id := range s.world.groupOrder {
		out[i] = &Group{s: s, c: s.world.groups[id]}
	}
	return out
}

// Group is the group or one-to-one chat with this openConversationId.
func (s *Server) Group(id string) (*Group, bool) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	c, ok := s.world.groups[id]
	return &Group{s: s, c: c}, ok
}

// Direct is the one-to-one chat of the person with the bot. The person must have been added.
func (s *Server) Direct(p Person) *Group {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return &Group{s: s, c: s.world.directLocked(p)}
}

// SayDirect is a person saying something to the bot alone; errors as [Group.Say].
func (s *Server) SayDirect(p Person, say Say) (Message, error) { return s.Direct(p).Say(p, say) }

// SetDepartment says who is in a department; people from outside are left out.
func (s *Server) SetDepartment(id int64, people ...Person) {
	users := []string{}
	for _, p := range people {
		if p.UserID != "" {
			users = append(users, p.UserID)
		}
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.world.departments[id] = users
}

// FlowControl makes these people get no messages by oToMessages/batchSend while on, because they got too many lately
// (flowControlledStaffIdList). Nobody is controlled at first.
func (s *Server) FlowControl(on bool, people ...Person) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for _, p := range people {
		if on {
			s.world.controlled[p.UnionID] = struct{}{}
		} else {
			delete(s.world.controlled, p.UnionID)
		}
	}
	s.feed.publish(Change{Kind: FaultsChanged})
}

// Dings are the DINGs that were sent, oldest first: the last 1,000.
func (s *Server) Dings() []Ding {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return slices.Clone(s.world.dings)
}

// Media is an uploaded file. The last 64 are kept.
func (s *Server) Media(id string) (Media, bool) { return s.world.mediaByID(id) }

// ExpireTokens makes every access token invalid now.
func (s *Server) ExpireTokens() { s.tokens.expire() }

// ExpireWebhooks makes every session webhook invalid now, earlier than its frame said.
func (s *Server) ExpireWebhooks() { s.sessions.revokeAll() }
