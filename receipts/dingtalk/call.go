package dingtalk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxAnswerBytes bounds what is read of an answer; 1,000 members with their names are about 200 KB.
	maxAnswerBytes = 4 << 20

	maxTries   = 3
	retryAfter = time.Second // what DingTalk recommends after throttling; jittered by half, then growing
)

// api describes one of DingTalk's calls.
type api struct {
	name    string // Error.API and Call.API
	method  string
	path    string
	old     bool // the old API: its own host, the token in the query, failures inside HTTP 200
	noToken bool
	changes bool          // makes something happen in DingTalk
	counted bool          // against the organisation's monthly quota
	media   bool          // posts what was uploaded
	spare   bool          // changes something, and is given up like a question where the budget is spent
	timeout time.Duration // of one try; CallTimeout where 0
}

var (
	tokenAPI      = api{name: "token", method: http.MethodPost, path: "/v1.0/oauth2/accessToken", noToken: true}
	sendAPI       = api{name: "send", method: http.MethodPost, path: "/v1.0/robot/groupMessages/send", changes: true, counted: true}
	queryAPI      = api{name: "query", method: http.MethodPost, path: "/v1.0/robot/groupMessages/query", counted: true}
	membersAPI    = api{name: "members", method: http.MethodPost, path: "/v1.0/im/sceneGroups/members/batchQuery", counted: true}
	recallAPI     = api{name: "recall", method: http.MethodPost, path: "/v1.0/robot/groupMessages/recall", changes: true, counted: true}
	directAPI     = api{name: "direct", method: http.MethodPost, path: "/v1.0/robot/oToMessages/batchSend", changes: true, counted: true}
	dingAPI       = api{name: "ding", method: http.MethodPost, path: "/v1.0/robot/ding/send", changes: true, counted: true}
	cardAPI       = api{name: "card", method: http.MethodPost, path: "/v1.0/card/instances/createAndDeliver", changes: true, counted: true}
	cardUpdateAPI = api{name: "card_update", method: http.MethodPut, path: "/v1.0/card/instances", changes: true, counted: true, spare: true}
	replyAPI      = api{name: "reply", method: http.MethodPost, old: true, noToken: true, changes: true}
	userAPI       = api{name: "user", method: http.MethodPost, path: "/topapi/v2/user/get", old: true}
	departmentAPI = api{name: "department", method: http.MethodPost, path: "/topapi/user/listid", old: true}
	chatAPI       = api{name: "chat", method: http.MethodGet, path: "/chat/get", old: true, counted: true}
	uploadAPI     = api{name: "upload", method: http.MethodPost, path: "/media/upload", old: true, timeout: UploadTimeout}
)

// limitedAPIs are those with a limit of calls a second. The token is asked for once in two hours, and session webhooks have a
// limit for each group.
func limitedAPIs() []api {
	return []api{sendAPI, queryAPI, membersAPI, recallAPI, directAPI, dingAPI, cardAPI, cardUpdateAPI, userAPI, departmentAPI, chatAPI, uploadAPI}
}

// repeatable reports whether a call may be sent again after this failure.
func (a api) repeatable(failure *Error) bool {
	return failure.Retryable() && (!a.changes || failure.Kind == Throttled)
}

// request is what differs between two calls of one API.
type request struct {
	query   url.Values
	body    any          // marshalled to JSON; nothing is sent for nil
	file    *file        // instead of body
	encoded *encodedBody // instead of body, which it is
	webhook *url.URL     // instead of the API's own address
	began   *time.Time   // becomes when the last try went out; may be nil

	pastBudget bool
	turn       Turn

	while  func(context.Context) error // see While; may be nil
	called time.Time                   // when the call was begun
	tries  int                         // that went out
}

// Option changes one call of a client's.
type Option func(*request)

// late is how long after a call is begun its first request is not what was decided any more.
const late = time.Second

// While has a call go out only as long as stands returns nil, which is asked just before each request but a first one that goes
// out at once: before a repetition, and after a long wait for a turn. Otherwise it fails with [Cancelled], and with the error.
func While(stands func(context.Context) error) Option { return func(r *request) { r.while = stands } }

// stands returns why a request must not go out any more.
func (r *request) stands(ctx context.Context) error {
	if r.while == nil || r.tries == 0 && time.Since(r.called) < late {
		return nil
	}
	return r.while(ctx)
}

// with returns the request as the options change it.
func (r request) with(options []Option) request {
	for _, option := range options {
		option(&r)
	}
	return r
}

// answer is a decoded success.
type answer interface {
	// complete reports whether the fields are there without which the answer means nothing. An empty object must never
	// pass for "nobody has read it".
	complete() bool
}

// failing is an answer that may tell by its fields, and not by a code, that nothing came of the call.
type failing interface {
	failure(of api, secrets []string) *Error
}

// call carries out one call, with its retries. Its error is always an *Error.
func call[T answer](ctx context.Context, c *Client, a api, r request) (T, error) {
	var result T
	r.called = time.Now()
	payload, failure := a.payload(r)
	if failure != nil {
		return result, failure
	}
	if failure := c.affordable(a, r); failure != nil {
		return result, failure
	}
	err := c.retry(ctx, a, func() *Error {
		var failure *Error
		result, failure = authorised[T](ctx, c, a, &r, payload)
		return failure
	})
	return result, err
}

// retry runs try until it succeeds, must not be repeated, or was tried often enough. It gives up early where the next try
// would begin after ctx's deadline.
func (c *Client) retry(ctx context.Context, a api, try func() *Error) error {
	growing := backoff.NewExponentialBackOff()
	growing.InitialInterval = retryAfter
	options := []backoff.RetryOption{backoff.WithBackOff(growing), backoff.WithMaxTries(maxTries)}
	if deadline, ok := ctx.Deadline(); ok {
		options = append(options, backoff.WithMaxElapsedTime(max(time.Until(deadline), 1)))
	}
	var last *Error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = try()
		switch {
		case last == nil:
			return struct{}{}, nil
		case !a.repeatable(last):
			return struct{}{}, backoff.Permanent(last)
		default:
			return struct{}{}, last
		}
	}, options...)
	if err == nil {
		return nil
	}
	// Retry's own error would be the context's where that ended during a wait: DingTalk's says more.
	return last
}

// authorised is one try: the local limits, the token, the call; and once more with another token where it was rejected.
func authorised[T answer](ctx context.Context, c *Client, a api, r *request, payload encodedBody) (T, *Error) {
	var none T
	if failure := c.banned(a); failure != nil {
		return none, failure
	}
	if failure := c.limits.wait(ctx, c.app, a, r.turn); failure != nil {
		return none, failure
	}
	if a.noToken {
		return exchange[T](ctx, c, a, r, payload, "")
	}
	for replaced := false; ; replaced = true {
		held, failure := c.tokens.get(ctx)
		if failure != nil {
			return none, failure
		}
		result, failure := exchange[T](ctx, c, a, r, payload, held.value.Reveal())
		if failure == nil || failure.Kind != TokenRejected || replaced {
			return result, failure
		}
		c.tokens.reject(held)
	}
}

// exchange sends one request and judges its answer.
func exchange[T answer](ctx context.Context, c *Client, a api, r *request, payload encodedBody, token string) (T, *Error) {
	var none T
	if err := r.stands(ctx); err != nil {
		return none, a.refuse(Cancelled, "given up before it was sent: "+cleanText(err.Error(), nil), err)
	}
	if c.mayAct(ctx) != nil { // no try, as nobody is to hear of it
		return none, interruptedBy(a, context.Canceled)
	}
	// Again, because a ban may have come while this call waited for its turn.
	if failure := c.banned(a); failure != nil {
		return none, failure
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(a.timeout, CallTimeout))
	defer cancel()
	r.tries++
	started := c.now()
	if r.began != nil {
		*r.began = started
	}
	way := new(progress)
	secrets := []string{c.secret.Reveal(), token}
	if r.webhook != nil {
		secrets = append(secrets, webhookSecrets(r.webhook)...)
	}
	var date time.Time
	result, failure := func() (T, *Error) {
		got, err := c.roundTrip(way.trace(ctx), a, *r, payload, token)
		date = got.date
		if err != nil {
			return none, broken(ctx, a, err, got.status, way.mayHaveArrived(), secrets)
		}
		return judge[T](a, got.status, got.body, secrets)
	}()
	done := Call{API: a.name, Took: c.now().Sub(started), Counted: a.counted && way.mayHaveArrived(), Date: date}
	if failure != nil {
		done.Kind, done.Failure = failure.Kind, failure
		if failure.Kind == IPBanned {
			c.bannedUntil.Store(c.now().Add(BanDuration).UnixNano())
		}
	}
	c.observe(ctx, done)
	return result, failure
}

// errTooLarge means that an answer, unpacked, has no end in sight: the rest is not read and the connection is dropped.
var errTooLarge = fmt.Errorf("the answer is larger than %d bytes", maxAnswerBytes)

// received is what arrived of an answer; its status is 0 where nothing did.
type received struct {
	status int
	date   time.Time // zero where the answer does not say
	body   []byte
}

// roundTrip sends one request and reads the whole answer.
func (c *Client) roundTrip(ctx context.Context, a api, r request, payload encodedBody, token string) (received, error) {
	target := c.target(a, r, token)
	req, err := http.NewRequestWithContext(ctx, a.method, target.String(), bytes.NewReader(payload.content))
	if err != nil {
		return received{}, errors.New("the request could not be built") // its own text would repeat the URL
	}
	req.Header.Set("Accept", "application/json")
	if payload.content != nil {
		req.Header.Set("Content-Type", payload.contentType)
	}
	if token != "" && !a.old {
		req.Header.Set("X-Acs-Dingtalk-Access-Token", token)
	}
	if !a.changes {
		// Tells net/http that it may repeat the request when a kept connection turns out to be dead; an empty value is
		// not sent. Without it a POST is repeated only when not one byte of it was written, which is right for the rest.
		req.Header["Idempotency-Key"] = nil
	}
	// RoundTrip instead of an http.Client: it follows no redirect and puts no URL into its errors.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return received{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got := received{status: resp.StatusCode}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		got.date = date
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return got, nil // its body is the bare connection, which no deadline ends
	}
	got.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err == nil && len(got.body) > maxAnswerBytes {
		err = errTooLarge
	}
	return got, err
}

func (c *Client) target(a api, r request, token string) *url.URL {
	if r.webhook != nil {
		return r.webhook
	}
	base := c.api
	query := url.Values{}
	for key, values := range r.query {
		query[key] = values
	}
	if a.old {
		base = c.oapi
		query.Set("access_token", token)
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: a.path, RawQuery: query.Encode()}
}

// encodedBody is what goes over the wire, the same for every try of a call.
type encodedBody struct {
	content     []byte
	contentType string
}

func (a api) payload(r request) (encodedBody, *Error) {
	var p encodedBody
	var err error
	switch {
	case r.encoded != nil:
		return *r.encoded, nil
	case r.file != nil:
		p.content, p.contentType, err = r.file.encode()
	case r.body != nil:
		p.content, err = encode(r.body)
		p.contentType = "application/json"
	}
	if err != nil {
		return encodedBody{}, a.refuse(BadRequest, "the request cannot be encoded", nil)
	}
	return p, nil
}

// encode is json.Marshal without the escapes for HTML, which would make a message six times longer than what it says.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// judge decodes a success or classifies a failure.
func judge[T answer](a api, status int, body []byte, secrets []string) (T, *Error) {
	var result T
	success := status >= 200 && status < 300
	said := verdictOf(body)
	decoded := success && (!a.old || said.ErrCode == "0") && json.Unmarshal(body, &result) == nil
	if of, ok := any(result).(failing); ok && decoded {
		if failure := of.failure(a, secrets); failure != nil {
			var none T
			return none, failure
		}
	}
	whole := decoded && result.complete()
	if whole && !said.failed() {
		return result, nil
	}
	failure := classify(a, status, body, secrets)
	if whole { // both at once: neither can be believed
		failure.Kind, failure.uncertain = BadAnswer, a.changes
	}
	var none T
	return none, failure
}

// verdict is what an answer says of its success, besides its status.
type verdict struct {
	ErrCode text `json:"errcode"` // old API
	Code    text `json:"code"`    // new API
	Success text `json:"success"` // some calls of the new API
}

func verdictOf(body []byte) verdict {
	var v verdict
	_ = json.Unmarshal(body, &v) // what can't be decoded is no success either
	return v
}

// failed reports whether the answer tells of a failure.
func (v verdict) failed() bool {
	return isErrorCode(v.ErrCode) || isErrorCode(v.Code) || strings.EqualFold(string(v.Success), "false")
}

// isErrorCode reports whether a code is not one of those that gateways put beside a success.
func isErrorCode(code text) bool {
	switch strings.ToLower(string(code)) {
	case "", "0", "200", "ok", "success":
		return false
	default:
		return true
	}
}

// refuse is a failure found here; nothing was sent.
func (a api) refuse(kind Kind, why string, cause error) *Error {
	return &Error{API: a.name, Kind: kind, Detail: why, cause: cause}
}

// badAnswer is a success that contradicts itself.
func (a api) badAnswer(why string) *Error {
	return &Error{API: a.name, Kind: BadAnswer, HTTPStatus: http.StatusOK, Detail: why, uncertain: a.changes}
}

// banned is the failure of every call while DingTalk refuses this machine's address.
func (c *Client) banned(a api) *Error {
	until := time.Unix(0, c.bannedUntil.Load())
	if !c.now().Before(until) {
		return nil
	}
	return a.refuse(IPBanned, "not sent: DingTalk refuses this address until "+until.UTC().Format(time.RFC3339), nil)
}

// limited is the failure of a call for which there was no room within the limit before ctx ended.
func limited(ctx context.Context, a api) *Error {
	if ctx.Err() != nil {
		return interrupted(ctx, a)
	}
	return a.refuse(Throttled, "no room within the limit of calls a second", context.DeadlineExceeded)
}

// interrupted is the failure of a call whose context ended before anything was sent.
func interrupted(ctx context.Context, a api) *Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return interruptedBy(a, context.Canceled)
	}
	return interruptedBy(a, context.DeadlineExceeded)
}

func interruptedBy(a api, cause error) *Error {
	if errors.Is(cause, context.Canceled) {
		return a.refuse(Cancelled, "given up before it was sent", cause)
	}
	return a.refuse(Unavailable, "no time left to send it", cause)
}

// broken is the failure of a call that got no whole answer. The status is 0 where not even the head of one arrived.
func broken(ctx context.Context, a api, err error, status int, mayHaveArrived bool, secrets []string) *Error {
	e := &Error{
		API:        a.name,
		Kind:       Unavailable,
		HTTPStatus: status,
		Detail:     cleanText(err.Error(), secrets),
		uncertain:  a.changes && mayHaveArrived && (status < 400 || status >= 500),
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		e.Kind, e.cause = Cancelled, context.Canceled
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		e.cause = context.DeadlineExceeded
	case errors.Is(err, errTooLarge):
		e.Kind = BadAnswer
	}
	return e
}

// webhookSecrets are the parts of a session webhook that let whoever has them write into the group.
func webhookSecrets(webhook *url.URL) []string {
	var secrets []string
	for _, values := range webhook.Query() {
		secrets = append(secrets, values...)
	}
	for pair := range strings.SplitSeq(webhook.RawQuery, "&") {
		_, value, _ := strings.Cut(pair, "=")
		secrets = append(secrets, value)
	}
	return secrets
}
