package dingtalk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"time"
)

const (
	// tokenLock is for how long one process asks for a new token while the others wait for it. It is shorter than CallTimeout:
	// a token request that takes longer is hardly coming back, and another process that asks too gets the same token.
	tokenLock = 5 * time.Second
	// tokenWait is how long a process waits for another's new token before it asks for its own; longer than tokenLock, so
	// that a dead process is succeeded by one and not by all.
	tokenWait = 8 * time.Second
	// tokenPause is how long it waits between two looks, at least; twice that at most.
	tokenPause = 50 * time.Millisecond
	// storeWithin bounds each look into what is shared: a call to DingTalk must not hang on it.
	storeWithin = time.Second
)

// TokenStore keeps the access tokens of apps for all processes that use them, and has one of them at a time ask for a new
// one. A token is a secret: no error of the store's may show it. App names the app and its DingTalk; an error means that the
// store is out of reach, and the client goes on with a token of its own.
type TokenStore interface {
	// Token returns the kept token, who asked for it, and how long it is good; nothing where none is kept.
	Token(ctx context.Context, app string) (value, by string, life time.Duration, err error)
	// LockToken tells whether the token may be asked for now, for hold at most; it may not while another does. By is
	// different each time, so that a repetition of the same is known.
	LockToken(ctx context.Context, app, by string, hold time.Duration) (bool, error)
	// UnlockToken ends what LockToken began, and keeps the new token for its life; an empty value for none. Where the lock
	// is not by's any more it does nothing.
	UnlockToken(ctx context.Context, app, by, value string, life time.Duration) error
}

// appDigest names an app and the DingTalk that it belongs to, and shows neither: another client id or another host never
// finds this one's token.
func appDigest(clientID string, api *url.URL) string {
	sum := sha256.Sum256([]byte(clientID + "\n" + api.String()))
	return hex.EncodeToString(sum[:16])
}

// renewToken returns a token in the place of old, which is nil, over, or was rejected: the one that is shared, if it is
// another than old; else a new one, which one process asks for and the others wait for.
func (c *Client) renewToken(ctx context.Context, old *token) (*token, *Error) {
	by := rand.Text()
	if c.shared == nil {
		return c.fetchToken(ctx, by)
	}
	ended := time.NewTimer(tokenWait)
	defer ended.Stop()
	for {
		shared, err := c.sharedToken(ctx, old)
		if shared != nil {
			return shared, nil
		}
		mine := false
		if err == nil {
			mine, err = c.lockToken(ctx, by)
		}
		switch {
		case ctx.Err() != nil:
			return nil, interrupted(ctx, tokenAPI)
		case err != nil:
			c.warn(ctx, fmt.Errorf("the shared token is out of reach, this process asks for its own: %w", err))
			return c.fetchToken(ctx, by)
		case mine:
			return c.replaceToken(ctx, old, by)
		}
		pause := time.NewTimer(tokenPause + mathrand.N(tokenPause))
		select {
		case <-pause.C:
		case <-ended.C:
			pause.Stop()
			return c.fetchToken(ctx, by)
		case <-ctx.Done():
			pause.Stop()
			return nil, interrupted(ctx, tokenAPI)
		}
	}
}

// replaceToken asks for a new token while the lock is this process's, and shares it.
func (c *Client) replaceToken(ctx context.Context, old *token, by string) (*token, *Error) {
	var fetched *token
	var failure *Error
	value, life := "", time.Duration(0)
	defer func() { c.unlockToken(ctx, by, value, life) }()
	// Another may have replaced it between the look before and the lock.
	if shared, err := c.sharedToken(ctx, old); shared != nil && err == nil {
		return shared, nil
	}
	if fetched, failure = c.fetchToken(ctx, by); failure == nil {
		value, life = fetched.value.Reveal(), fetched.renewAt.Sub(c.now())
	}
	return fetched, failure
}

// sharedToken returns the shared token; nil where there is none, or only the old one.
func (c *Client) sharedToken(ctx context.Context, old *token) (*token, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	value, by, life, err := c.shared.Token(ctx, c.app)
	if err != nil || value == "" || life <= 0 || old != nil && old.by == by {
		return nil, err
	}
	return &token{value: NewSecret(value), by: by, renewAt: c.now().Add(min(life, maxTokenLife)), borrowed: true}, nil
}

func (c *Client) lockToken(ctx context.Context, by string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	return c.shared.LockToken(ctx, c.app, by, tokenLock)
}

// unlockToken lets the others go on, also where this process is ending.
func (c *Client) unlockToken(ctx context.Context, by, value string, life time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	if err := c.shared.UnlockToken(ctx, c.app, by, value, life); err != nil {
		c.warn(ctx, fmt.Errorf("the new token is not shared: %w", err))
	}
}
