package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"whoread/receipts"
)

const (
	maxBody = 64 << 10
	maxKey  = 200 // of an Idempotency-Key, in bytes
	// workWithin bounds what is done for a request, also where whoever asked has gone.
	workWithin = time.Minute
)

// route is one thing that can be asked for.
type route struct {
	method, pattern string
	name            string // in metrics and the log, and the operationId of openapi.json
	open            bool   // to everybody
	do              func(*call) (status int, answer any, err error)
}

// routes are all of them.
func routes() []route {
	const one = "/v1/groups/{group}/announcements/{number}"
	return []route{
		{http.MethodPost, "/v1/announcements", "announce", false, (*call).announce},
		{http.MethodGet, "/v1/groups", "groups", false, (*call).groups},
		{http.MethodGet, "/v1/groups/{group}/announcements", "list", false, (*call).list},
		{http.MethodGet, one, "report", false, (*call).report},
		{http.MethodDelete, one, "recall", false, (*call).recall},
		{http.MethodPost, one + "/remind", "remind", false, (*call).remind},
		{http.MethodPost, one + "/follow", "follow", false, (*call).follow},
		{http.MethodGet, "/v1/openapi.json", "openapi", true, (*call).openAPI},
	}
}

// methods are the routes of one pattern.
type methods map[string]route

// call is one request of a program.
type call struct {
	*API
	*http.Request
	ctx     context.Context // of the work, which goes on where whoever asked has gone
	id      string
	service Service
	grants  *grants
	token   Token
	header  http.Header // of the answer
}

// by is who asks.
func (c *call) by() receipts.Actor {
	return receipts.Actor{Person: receipts.Person{Name: c.token.Name}, May: append([]receipts.Right{}, c.token.May...)}
}

// answer answers a request, whichever it is.
func (a *API) answer(w http.ResponseWriter, r *http.Request, all methods) {
	began, id := time.Now(), rand.Text()
	ctx, cancel := context.WithTimeout(receipts.WithRequest(context.WithoutCancel(r.Context()), id), workWithin)
	defer cancel()
	wanted, known := all[r.Method]
	c := &call{API: a, Request: r, ctx: ctx, id: id, service: a.Service(), grants: a.access.Load(), header: w.Header()}
	c.header.Set("X-Request-Id", id)
	c.header.Set("X-Content-Type-Options", "nosniff")
	c.header.Set("Cache-Control", "no-store")
	var (
		status int
		body   any
		err    error
	)
	switch {
	case len(all) == 0:
		err = refuse(http.StatusNotFound, "no_such_path", "there is nothing at this path; /v1/openapi.json says what there is")
	case !known:
		c.header.Set("Allow", strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		err = refuse(http.StatusMethodNotAllowed, "method_not_allowed", "this path has no such method")
	default:
		if err = c.enter(wanted); err == nil {
			status, body, err = wanted.do(c)
		}
	}
	log := receipts.RequestLog(a.Log)(ctx)
	if err != nil {
		p := problemOf(err)
		if status = p.Status; status >= http.StatusInternalServerError {
			log.Error("request of a program failed", zap.String("route", wanted.name), zap.Error(err))
		}
		p.write(w, id)
	} else {
		c.header.Set("Content-Type", "application/json")
		w.WriteHeader(status)
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(body) // to who has gone
	}
	route := wanted.name
	if !known {
		route = "other"
	}
	took := time.Since(began)
	a.Observer.Request(route, status, took)
	log.Info("request of a program", zap.String("token", c.token.Name), zap.String("route", route), zap.Int("status", status), zap.Duration("took", took))
}

// RouteLabels are what an Observer is told as routes.
func RouteLabels() []string {
	labels := []string{"other"}
	for _, r := range routes() {
		labels = append(labels, r.name)
	}
	return labels
}

// enter looks whose token is shown, and whether it has not asked too much.
func (c *call) enter(r route) error {
	if r.open {
		return nil
	}
	var good bool
	if c.token, good = c.grants.holder(c.Request); !good {
		c.header.Set("WWW-Authenticate", `Bearer realm="whoread"`)
		return refuse(http.StatusUnauthorized, "no_good_token", "show a token: Authorization: Bearer …")
	}
	if !c.grants.limits[c.token.Name].Allow() {
		c.header.Set("Retry-After", "1")
		return refuse(http.StatusTooManyRequests, "too_many_requests", "this token has asked too much in the last seconds")
	}
	return nil
}

// within returns the conversation id of a group in which the token may do something.
func (c *call) within(named string, right receipts.Right) (string, error) {
	group, err := c.grants.group(c.token, named)
	if err != nil {
		return "", err
	}
	return group, c.service.Permit(c.by(), group, right)
}

// read reads the body, strictly. Only an optional one may be empty.
func (c *call) read(into any, optional bool) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than 64 KiB")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "bad_request", "the body did not come whole")
	}
	if optional && len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "not_json", "the body must be JSON, with Content-Type: application/json")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(into)
	if odd, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrongFields{{odd.Field, "is " + odd.Value + ", which does not belong there"}}.problem()
	}
	if odd, ok := errors.AsType[*time.ParseError](err); ok {
		return wrongFields{{"", odd.Value + " is no time such as 2026-11-30T18:00:00+08:00"}}.problem()
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "bad_json", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, "bad_json", "there is more behind the JSON object")
	}
	return nil
}

// command is the id by which a repetition of this request is known: that of its Idempotency-Key,
// which is the token's own and stands for the same request each time, or else its own.
func (c *call) command(request ...any) (string, error) {
	step, err := c.key()
	if err != nil || step == "" {
		return "api/" + c.id, err
	}
	content, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	same, err := c.Records.BeginStep(c.ctx, keysGroup, step, digest(string(content)))
	if err == nil && !same {
		err = refuse(http.StatusConflict, "key_reused", "this Idempotency-Key was used for another request")
	}
	return "api/" + step, err
}

// keysGroup is in the place of a group where keys are noted: a key is of all of them.
const keysGroup = "api"

// key names the step of the request's Idempotency-Key; empty if it has none.
func (c *call) key() (string, error) {
	keys := c.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	bad := func(r rune) bool { return r <= ' ' || r > '~' }
	if key := keys[0]; len(keys) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, bad) {
		return "", refuse(http.StatusBadRequest, "bad_idempotency_key", "an Idempotency-Key has up to 200 letters, digits and signs, and no blank")
	}
	return digest(c.token.Name, keys[0]), nil
}

// keyTaken reports whether the request's Idempotency-Key was used before.
func (c *call) keyTaken() (bool, error) {
	step, err := c.key()
	if err != nil || step == "" {
		return false, err
	}
	try := rand.Text()
	free, err := c.Records.BeginStep(c.ctx, keysGroup, step, try)
	if err == nil && free {
		err = c.Records.DropStep(c.ctx, keysGroup, step, try)
	}
	return !free, err
}

// digest is one of texts that may hold anything.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:])
}
