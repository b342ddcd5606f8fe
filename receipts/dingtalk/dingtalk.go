// Package dingtalk is the client of DingTalk's OpenAPI: the access token, sending to a group, who has read,
// the members of a group, recalling, direct messages, DINGs, interactive cards, replies by session webhook, pictures and files,
// and names from the contacts.
//
// What lives here is DingTalk's side of the conversation and nothing of ours: hosts, paths, limits, and the meaning of every
// failure, classified once into an [Error] with a [Kind]. It decides nothing about messages, audiences or reports.
// It is a leaf: it imports nothing from whoread, and the receipts domain does not import it; the program wires them together.
//
// Three things might happen to a call:
//  1. DingTalk answered that it did it: the error is nil.
//  2. DingTalk certainly did not do it: the error's Uncertain is false.
//  3. Nobody knows, because the answer got lost: Uncertain is true. A call that changes something is never repeated then.
//
// Calls that only read are repeated up to three times while DingTalk is busy or out of reach. Calls that change something
// are repeated only where DingTalk said that it did not act: when it throttled the call or rejected the token. A limit of
// calls a minute is not over after three tries, nor is a month's: such calls fail at once.
//
// Sources of the platform's facts: the public documentation of DingTalk's OpenAPI as of August 2026; the error codes of the
// session webhooks and of the old API are those documented for group robots and in the list of global error codes.
package dingtalk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// CallTimeout bounds one try of one call, from waiting for a connection to the last byte of the answer.
	// A nearer deadline of the caller's context wins.
	CallTimeout = 10 * time.Second

	// UploadTimeout is CallTimeout for an upload: 20 MB in it need 3 Mbit a second.
	UploadTimeout = time.Minute

	// DefaultCallsPerSecond is what the standard edition allows an app for each API.
	DefaultCallsPerSecond = 20

	// BanDuration is how long DingTalk refuses an IP address that sent more than 10,000 calls in 20 seconds.
	// After such an answer every call fails here, without being sent, until it is over.
	BanDuration = 5 * time.Minute
)

// Config is what a [Client] needs. ClientID, ClientSecret, APIURL and OapiURL are required.
type Config struct {
	ClientID     string // also called appKey
	ClientSecret Secret
	RobotCode    string // the bot that sends; the ClientID where empty

	// CoolAppCode returns the code of the group cool app with which the bot came into a group, or nothing: DingTalk requires it
	// for sending to such a group and listing it. Each of these calls asks once and waits for it. It may be nil.
	CoolAppCode func(ctx context.Context, conversationID string) string

	APIURL  string // "new" API, https://api.dingtalk.com or https://api.dingtalk.io
	OapiURL string // "old" API and session webhooks, https://oapi.dingtalk.com or https://oapi.dingtalk.io

	CallsPerSecond int               // limit for each API; DefaultCallsPerSecond where 0
	Transport      http.RoundTripper // where nil, one of the client's own
	Now            func() time.Time  // time.Now where nil

	Limits Limiter // holds CallsPerSecond over all processes; where nil, and while it is away, each process has it for itself

	// WithinBudget tells, at once, whether the app may go on asking: where not, counted calls that change nothing, and updates of
	// cards, fail with [BudgetSpent]. What posts, recalls or reminds goes out until DingTalk refuses. Where nil, there is no budget.
	WithinBudget func() bool

	// WithinQuota tells, at once, whether a counted call may be tried: where not, DingTalk said lately that the organisation's
	// calls of the month are used up, and the call fails with [QuotaSpent]. Where nil, each call asks DingTalk.
	WithinQuota func() bool

	// MayAct tells, at once and just before each request goes out, why it must not any more: the work that it is for was lost
	// to another process. Then it fails with [Cancelled]. What is not seen is a stop of this process between that and the
	// writing, which is a dial where no connection was kept. Where nil, every request goes out.
	MayAct func(context.Context) error

	// Observe is told of every try, and Warn that Limits is out of reach, from any goroutine. Their context
	// holds the values of the caller's, unless it is about a token, which belongs to no single caller. Both may be nil.
	Observe func(context.Context, Call)
	Warn    func(context.Context, error)
}

// Call is one try of one call, for logs and metrics. It holds no secrets.
type Call struct {
	API     string        // a stable word, such as "query"
	Took    time.Duration // without waiting for the limit of calls a second and the token
	Kind    Kind          // empty when it succeeded
	Failure *Error        // nil when it succeeded
	Counted bool          // whether it counts against the organisation's monthly quota
	Date    time.Time     // DingTalk's clock when it answered, to the second; zero where it did not say
}

// ClockAhead returns how far a clock is ahead of DingTalk's that shows now just after the call, whose Date is known.
func (c Call) ClockAhead(now time.Time) time.Duration {
	// The answer left about half the time ago, in the second that it names.
	return now.Add(-c.Took / 2).Sub(c.Date.Add(time.Second / 2))
}

// Client calls DingTalk for one app. It is safe for concurrent use. [New] makes one; Close ends it.
type Client struct {
	clientID, robotCode string
	coolAppCode         func(ctx context.Context, conversationID string) string

	api, oapi    *url.URL
	transport    http.RoundTripper
	ownTransport *http.Transport // nil where Config brought one
	limits       *limits
	tokens       *tokens
	secret       Secret
	now          func() time.Time
	observe      func(context.Context, Call)
	app          string // names it to the Limiter
	withinBudget func() bool
	withinQuota  func() bool
	mayAct       func(context.Context) error
	warn         func(context.Context, error)
	bannedUntil  atomic.Int64 // Unix nanoseconds
}

// New checks the configuration and makes a client. It calls nobody.
func New(cfg Config) (*Client, error) {
	if cfg.ClientID == "" || cfg.ClientSecret.Reveal() == "" {
		return nil, errors.New("dingtalk: the client id and the client secret are required")
	}
	api, err := baseURL(cfg.APIURL)
	if err != nil {
		return nil, fmt.Errorf("dingtalk: API URL: %w", err)
	}
	oapi, err := baseURL(cfg.OapiURL)
	if err != nil {
		return nil, fmt.Errorf("dingtalk: oapi URL: %w", err)
	}
	if cfg.CallsPerSecond < 0 {
		return nil, errors.New("dingtalk: calls per second must not be negative")
	}
	c := &Client{
		clientID:     cfg.ClientID,
		robotCode:    cmp.Or(cfg.RobotCode, cfg.ClientID),
		coolAppCode:  cfg.CoolAppCode,
		api:          api,
		oapi:         oapi,
		transport:    cfg.Transport,
		secret:       cfg.ClientSecret,
		now:          cfg.Now,
		observe:      cfg.Observe,
		app:          appDigest(cfg.ClientID, api),
		withinBudget: cfg.WithinBudget,
		withinQuota:  cfg.WithinQuota,
		mayAct:       cfg.MayAct,
		warn:         cfg.Warn,
	}
	if c.transport == nil {
		c.ownTransport = newTransport()
		c.transport = c.ownTransport
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.withinBudget == nil {
		c.withinBudget = func() bool { return true }
	}
	if c.withinQuota == nil {
		c.withinQuota = func() bool { return true }
	}
	if c.mayAct == nil {
		c.mayAct = func(context.Context) error { return nil }
	}
	if c.coolAppCode == nil {
		c.coolAppCode = func(context.Context, string) string { return "" }
	}
	if c.observe == nil {
		c.observe = func(context.Context, Call) {}
	}
	if c.warn == nil {
		c.warn = func(context.Context, error) {}
	}
	c.limits = newLimits(cmp.Or(cfg.CallsPerSecond, DefaultCallsPerSecond), cfg.Limits, c.warn)
	c.tokens = newTokens(c.fetchToken, c.now)
	return c, nil
}

// Close waits for a token request that is still under way and closes the idle connections of the client's own transport.
// Calls after it fail.
func (c *Client) Close() {
	c.tokens.close()
	if c.ownTransport != nil {
		c.ownTransport.CloseIdleConnections()
	}
}

// CheckToken gets a token (or has one that is still good), which proves the credentials and the way to DingTalk.
// Failures: [BadCredentials], [AddressNotAllowed], [Unavailable], [Throttled], [ThrottledMinute], [IPBanned].
func (c *Client) CheckToken(ctx context.Context) error {
	return c.retry(ctx, tokenAPI, func() *Error {
		_, failure := c.tokens.get(ctx)
		return failure
	})
}

// CheckURL tells why an address can't be one of Config's URLs; nil if it can. Its errors repeat nothing of the address.
func CheckURL(raw string) error {
	_, err := baseURL(raw)
	return err
}

// baseURL accepts https://host[:port], and http where the host is this machine. Its errors repeat nothing of the address,
// which might hold a password.
func baseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return nil, errors.New("missing")
	case err != nil:
		return nil, errors.New("not a URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, errors.New("must begin with https:// (http:// only to this machine)")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || (u.Path != "" && u.Path != "/"):
		return nil, errors.New("must be a host only, such as https://api.dingtalk.com")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
