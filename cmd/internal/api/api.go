// Package api is the front door for programs: HTTP with JSON, on receipts.Service.
//
// A program shows a bearer token, which says in which groups it may do what. openapi.json
// describes all there is; it is served, and a test holds it against the handlers.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"whoread/receipts"
)

// Service is what the API needs of receipts.Service.
type Service interface {
	Permit(by receipts.Actor, group string, right receipts.Right) error
	Submit(ctx context.Context, by receipts.Actor, a receipts.Announcement) (receipts.Message, error)
	Submitted(ctx context.Context, by receipts.Actor, group string, number int) (receipts.Message, error)
	Page(ctx context.Context, by receipts.Actor, group string, before, limit int) ([]receipts.Report, error)
	Known(ctx context.Context, by receipts.Actor, group string, number int) (receipts.Report, error)
	Report(ctx context.Context, by receipts.Actor, group string, ref receipts.Ref) (receipts.Report, error)
	Remind(ctx context.Context, by receipts.Actor, r receipts.RemindRequest) (receipts.Reminded, error)
	Follow(ctx context.Context, by receipts.Actor, r receipts.FollowRequest) (receipts.Message, receipts.FollowUp, error)
	Recall(ctx context.Context, by receipts.Actor, group string, ref receipts.Ref) (receipts.Message, error)
	Cancel(ctx context.Context, by receipts.Actor, group string, ref receipts.Ref) (receipts.CalledOffMessage, error)
	Title(ctx context.Context, group string) string
}

// Records are what the API needs of the store.
type Records interface {
	// Names returns what people of a group are called, as far as that is known.
	Names(ctx context.Context, group string, userIDs []string) (receipts.Names, error)
	receipts.StepLog
}

// Observer is told of each request that was answered, for metrics: by the name of its route and
// the status of its answer.
type Observer interface {
	Request(route string, status int, took time.Duration)
}

// Config is what an API stands on. All is needed.
type Config struct {
	Service  func() Service // with the settings that are in effect
	Records  Records
	Observer Observer
	Now      func() time.Time
	Log      *zap.Logger
}

// Token is what one program may do.
type Token struct {
	Name   string
	Secret receipts.Secret
	Groups []string // conversation ids; All for every one
	May    []receipts.Right
}

// All stands for every group of a token.
const All = "*"

// Access is who may use the API, and what the groups are called.
type Access struct {
	Tokens []Token
	Groups map[string]string // conversation ids by name
}

// The limit of each token: so many requests a second, and so many at once after a rest.
const (
	perSecond = 100
	atOnce    = 200
)

// API answers programs. It is safe for concurrent use.
type API struct {
	Config
	access atomic.Pointer[grants]
	mux    *http.ServeMux
}

// grants is an Access with what follows from it.
type grants struct {
	Access
	digests [][sha256.Size]byte // of the tokens
	limits  map[string]*rate.Limiter
}

// New returns an API that nobody may use yet.
func New(c Config) *API {
	a := &API{Config: c, mux: http.NewServeMux()}
	a.access.Store(&grants{})
	byPattern := map[string]methods{}
	for _, r := range routes() {
		if byPattern[r.pattern] == nil {
			byPattern[r.pattern] = methods{}
		}
		byPattern[r.pattern][r.method] = r
	}
	for pattern, all := range byPattern {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, all) })
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, nil) })
	return a
}

// SetAccess says who may use the API from now on. A token that keeps its name keeps its limit.
func (a *API) SetAccess(access Access) {
	before := a.access.Load()
	next := &grants{Access: access, limits: map[string]*rate.Limiter{}}
	for _, t := range access.Tokens {
		next.digests = append(next.digests, sha256.Sum256([]byte(t.Secret.Reveal())))
		if next.limits[t.Name] = before.limits[t.Name]; next.limits[t.Name] == nil {
			next.limits[t.Name] = rate.NewLimiter(perSecond, atOnce)
		}
	}
	a.access.Store(next)
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// holder returns whose token a request shows; false if it shows none that is good. How long
// that takes does not tell how much of a token was right.
func (g *grants) holder(r *http.Request) (Token, bool) {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	digest := sha256.Sum256([]byte(strings.TrimSpace(shown)))
	found := -1
	for i := range g.digests {
		if subtle.ConstantTimeCompare(digest[:], g.digests[i][:]) == 1 {
			found = i
		}
	}
	if found < 0 || !strings.EqualFold(scheme, "Bearer") {
		return Token{}, false
	}
	return g.Tokens[found], true
}

// group returns the conversation id of a group that is named or given by its id.
func (g *grants) group(t Token, named string) (string, error) {
	id, known := g.Groups[named]
	if !known {
		id = named
	}
	if !slices.Contains(t.Groups, All) && !slices.Contains(t.Groups, id) {
		return "", refuse(http.StatusForbidden, "group_not_allowed", "this token is not for the group "+quoted(named)+g.nearest(t, named))
	}
	if !known && !strings.HasPrefix(named, "cid") {
		return "", refuse(http.StatusNotFound, "no_such_group", "no group is called "+quoted(named)+g.nearest(t, named))
	}
	return id, nil
}
