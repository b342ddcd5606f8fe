package dingtalk

import (
	"context"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// tokenMargin before a token expires a new one is asked for, so that none expires on its way.
	tokenMargin = 5 * time.Minute
	// maxTokenLife bounds what DingTalk says (2 hours); it also serves where it says nothing that can be understood.
	maxTokenLife = 2 * time.Hour
	// failureLife is how long a lasting failure to get a token answers for the next calls: DingTalk throttles this call.
	failureLife = 10 * time.Second
)

// token is one access token.
type token struct {
	value   Secret
	renewAt time.Time
}

// tokens caches the access token of one app, for all callers of this process. DingTalk gives other processes that ask the
// same one.
type tokens struct {
	fetch func(ctx context.Context) (*token, *Error)
	now   func() time.Time

	flight singleflight.Group
	ctx    context.Context // of the fetches, which belong to no single caller; ends with close
	cancel context.CancelFunc

	mu          sync.Mutex
	current     *token // nil where none is known
	rejected    bool   // the current one was
	failure     *Error // lasting, answers until failedUntil
	failedUntil time.Time
	closed      bool
	running     sync.WaitGroup
}

func newTokens(fetch func(ctx context.Context) (*token, *Error), now func() time.Time) *tokens {
	ctx, cancel := context.WithCancel(context.Background())
	return &tokens{fetch: fetch, now: now, ctx: ctx, cancel: cancel}
}

// get returns a good token. Callers at the same time share one request for it; one whose ctx ends stops waiting and
// leaves the request to the others.
func (t *tokens) get(ctx context.Context) (*token, *Error) {
	if held, failure := t.cached(); held != nil || failure != nil {
		return held, failure
	}
	type outcome struct {
		token   *token
		failure *Error
	}
	landed := t.flight.DoChan("", func() (any, error) {
		if !t.start() {
			return outcome{failure: tokenAPI.refuse(Cancelled, "the client is closed", context.Canceled)}, nil
		}
		defer t.running.Done()
		// Another flight may have landed between the look above and this one's start.
		held, failure := t.cached()
		if held == nil && failure == nil {
			held, failure = t.fetch(t.ctx)
			t.keep(held, failure)
		}
		return outcome{held, failure}, nil
	})
	select {
	case r := <-landed:
		got := r.Val.(outcome)
		return got.token, got.failure
	case <-ctx.Done():
		return nil, interrupted(ctx, tokenAPI)
	}
}

// reject has a token replaced that DingTalk did not accept, unless it was already: however many calls were rejected with
// it, one new token is asked for.
func (t *tokens) reject(rejected *token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rejected = t.rejected || t.current == rejected
}

// close ends and awaits a fetch that is under way.
func (t *tokens) close() {
	t.mu.Lock()
	t.closed = true
	t.current = nil
	t.mu.Unlock()
	t.cancel()
	t.running.Wait()
}

func (t *tokens) cached() (*token, *Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	switch {
	case t.current != nil && !t.rejected && now.Before(t.current.renewAt):
		return t.current, nil
	case t.failure != nil && now.Before(t.failedUntil):
		return nil, t.failure
	default:
		return nil, nil
	}
}

func (t *tokens) keep(fetched *token, failure *Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.failure = nil
	if fetched != nil {
		t.current, t.rejected = fetched, false
	}
	// A ban is remembered for all calls together, and for as long as it lasts.
	if failure != nil && !failure.Retryable() && failure.Kind != Cancelled && failure.Kind != IPBanned {
		t.failure, t.failedUntil = failure, t.now().Add(failureLife)
	}
}

// start reports whether a fetch may begin; running counts it then.
func (t *tokens) start() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.running.Add(1)
	return true
}

type tokenAnswer struct {
	AccessToken string `json:"accessToken"`
	ExpireIn    text   `json:"expireIn"` // seconds
}

func (a tokenAnswer) complete() bool { return a.AccessToken != "" }

// life is how long the token is good, from now on.
func (a tokenAnswer) life() time.Duration {
	seconds, err := strconv.Atoi(string(a.ExpireIn))
	if err != nil || seconds <= 0 || seconds > int(maxTokenLife/time.Second) {
		return maxTokenLife
	}
	return time.Duration(seconds) * time.Second
}

// fetchToken asks DingTalk for a token.
func (c *Client) fetchToken(ctx context.Context) (*token, *Error) {
	payload, failure := tokenAPI.payload(request{body: struct {
		AppKey    string `json:"appKey"`
		AppSecret string `json:"appSecret"`
	}{c.clientID, c.secret.Reveal()}})
	if failure != nil {
		return nil, failure
	}
	asked := c.now()
	got, failure := exchange[tokenAnswer](ctx, c, tokenAPI, new(request), payload, "")
	if failure != nil {
		return nil, failure
	}
	life := got.life()
	return &token{value: NewSecret(got.AccessToken), renewAt: asked.Add(life - min(tokenMargin, life/2))}, nil
}
