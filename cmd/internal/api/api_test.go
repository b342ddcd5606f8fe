package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"whoread/receipts"
)

const (
	deploysToken = "hush-of-the-deploys-0001"
	readerToken  = "hush-of-the-reader-00002"
	sales        = "cidSales=="
	ops          = "cid/ops+=="
)

// world is an API on a Service that does what a test says.
type world struct {
	*API
	t   *testing.T
	log *observer.ObservedLogs

	mu       sync.Mutex
	steps    map[string]string
	messages map[string]receipts.Message // by command
	sends    bool                        // what is submitted is sent at once
	said     []any                       // the requests that got through
	report   receipts.Report
	fails    error
	observed []string
}

func newWorld(t *testing.T) *world {
	core, logs := observer.New(zap.DebugLevel)
	w := &world{t: t, log: logs, steps: map[string]string{}, messages: map[string]receipts.Message{}, sends: true}
	w.API = New(Config{Service: func() Service { return w }, Records: w, Observer: w, Now: time.Now, Log: zap.New(core)})
	w.SetAccess(Access{
		Groups: map[string]string{"sales": sales, "ops": ops, "hidden": "cidHidden=="},
		Tokens: []Token{
			{"deploys", receipts.NewSecret(deploysToken), []string{sales, ops}, []receipts.Right{receipts.RightAnnounce, receipts.RightRemind, receipts.RightReport, receipts.RightRecall}},
			{"reader", receipts.NewSecret(readerToken), []string{All}, []receipts.Right{receipts.RightReport}},
		},
	})
	return w
}

// The Service and the Records of a world.

func (w *world) Request(route string, status int, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observed = append(w.observed, fmt.Sprint(route, " ", status))
}

func (w *world) BeginStep(_ context.Context, _, step, try string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.steps[step]; !known {
		w.steps[step] = try
	}
	return w.steps[step] == try, w.fails
}

func (w *world) DropStep(_ context.Context, _, step, try string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.steps[step] == try {
		delete(w.steps, step)
	}
	return nil
}

func (w *world) Names(_ context.Context, _ string, ids []string) (receipts.Names, error) {
	names := receipts.Names{}
	for _, id := range ids {
		names[id] = strings.ToUpper(id)
	}
	return names, nil
}

func (w *world) Title(_ context.Context, group string) string { return "title of " + group }

func (w *world) Permit(by receipts.Actor, group string, right receipts.Right) error {
	switch {
	case group == "cidHidden==":
		return receipts.ErrForeignGroup
	case !slices.Contains(by.May, right):
		return &receipts.ForbiddenError{}
	case by.UserID != "" || by.Name == "":
		w.t.Errorf("the actor is %+v", by)
	}
	return w.fails
}

func (w *world) Submit(_ context.Context, by receipts.Actor, a receipts.Announcement) (receipts.Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, again := w.messages[a.Command]
	if !again {
		w.said = append(w.said, a)
		m = receipts.Message{Group: a.Group, Number: len(w.messages) + 1, Title: a.Title, Author: by.Person, State: receipts.Scheduled, Due: time.Now(), CreatedAt: time.Now()}
		switch {
		case !a.At.IsZero():
			m.Due = a.At
		case w.sends:
			m.State, m.SentAt = receipts.Sent, time.Now()
		}
		w.messages[a.Command] = m
	}
	return m, w.fails
}

func (w *world) Submitted(_ context.Context, _ receipts.Actor, group string, number int) (receipts.Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		if m.Group == group && m.Number == number {
			return m, nil
		}
	}
	return receipts.Message{}, receipts.ErrNoMessage
}

func (w *world) Page(_ context.Context, _ receipts.Actor, group string, before, limit int) ([]receipts.Report, error) {
	w.said = append(w.said, []int{before, limit})
	return []receipts.Report{w.report}, w.fails
}

func (w *world) Known(_ context.Context, _ receipts.Actor, _ string, number int) (receipts.Report, error) {
	w.said = append(w.said, fmt.Sprint("known ", number))
	return w.report, w.fails
}

func (w *world) Report(_ context.Context, _ receipts.Actor, _ string, ref receipts.Ref) (receipts.Report, error) {
	w.said = append(w.said, fmt.Sprint("fresh ", ref.Number))
	return w.report, w.fails
}

func (w *world) Remind(_ context.Context, _ receipts.Actor, r receipts.RemindRequest) (receipts.Reminded, error) {
	w.said = append(w.said, r)
	return receipts.Reminded{Report: w.report, Reached: map[receipts.Channel][]string{receipts.InPrivate: {"li"}}, Failed: []string{"wang"}}, w.fails
}

func (w *world) Follow(_ context.Context, _ receipts.Actor, r receipts.FollowRequest) (receipts.Message, receipts.FollowUp, error) {
	w.said = append(w.said, r)
	return receipts.Message{Group: r.Group, Number: r.Ref.Number}, receipts.FollowUp{Next: time.Unix(0, 0)}, w.fails
}

func (w *world) Recall(_ context.Context, _ receipts.Actor, group string, ref receipts.Ref) (receipts.Message, error) {
	w.said = append(w.said, "recall")
	m := w.report.Message
	if m.State != receipts.Sent {
		return m, receipts.ErrWrongState
	}
	m.State = receipts.Recalled
	return m, w.fails
}

func (w *world) Cancel(_ context.Context, _ receipts.Actor, group string, ref receipts.Ref) (receipts.CalledOffMessage, error) {
	m := w.report.Message
	if m.State != receipts.Scheduled {
		return receipts.CalledOffMessage{Message: m}, receipts.ErrWrongState
	}
	w.said = append(w.said, "cancel")
	m.State = receipts.CalledOff
	return receipts.CalledOffMessage{Message: m}, w.fails
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// ask sends a request; headers are names and values.
func (w *world) ask(method, path, token, body string, headers ...string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	got := recorder.Result()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: got.StatusCode, header: got.Header, text: string(text)}
	if err := json.Unmarshal(text, &a.body); err != nil {
		w.t.Errorf("%s %s: %v in %s", method, path, err, text)
	}
	if strings.Contains(a.text, "hush") {
		w.t.Errorf("a token is in %s", a.text)
	}
	return a
}

const release = `{"group": "sales", "title": "Release 7", "text": "It is out."}`

func TestEveryRefusalHasItsCode(t *testing.T) {
	t.Parallel()
	const one = "/v1/groups/sales/announcements/1"
	post := func(body string) []string { return []string{"POST", "/v1/announcements", deploysToken, body} }
	for name, test := range map[string]struct {
		ask     []string
		headers []string
		status  int
		code    string
		says    string
	}{
		"no token":                    {[]string{"GET", "/v1/groups", "", ""}, nil, 401, "no_good_token", ""},
		"another token":               {[]string{"GET", "/v1/groups", "hush-of-nobody-00000000", ""}, nil, 401, "no_good_token", ""},
		"a part of a token":           {[]string{"GET", "/v1/groups", deploysToken[:12], ""}, nil, 401, "no_good_token", ""},
		"another scheme":              {[]string{"GET", "/v1/groups", "", ""}, []string{"Authorization", "Basic " + deploysToken}, 401, "no_good_token", ""},
		"no such path":                {[]string{"GET", "/v2/groups", deploysToken, ""}, nil, 404, "no_such_path", "openapi.json"},
		"no such method":              {[]string{"PUT", "/v1/groups", deploysToken, ""}, nil, 405, "method_not_allowed", ""},
		"a question of a browser":     {[]string{"OPTIONS", "/v1/announcements", "", ""}, []string{"Origin", "https://example.com"}, 405, "method_not_allowed", ""},
		"a group of others":           {[]string{"GET", "/v1/groups/cidOther==/announcements", deploysToken, ""}, nil, 403, "group_not_allowed", ""},
		"a group of others by name":   {[]string{"GET", "/v1/groups/hidden/announcements", deploysToken, ""}, nil, 403, "group_not_allowed", ""},
		"a name that is misspelt":     {[]string{"GET", "/v1/groups/sale/announcements", deploysToken, ""}, nil, 403, "group_not_allowed", `did you mean \"sales\"?`},
		"a name that is unknown":      {[]string{"GET", "/v1/groups/marketing/announcements", readerToken, ""}, nil, 404, "no_such_group", ""},
		"where the bot does not work": {[]string{"GET", "/v1/groups/hidden/announcements", readerToken, ""}, nil, 403, "group_not_allowed", ""},
		"a right that is missing":     {[]string{"POST", "/v1/announcements", readerToken, release}, nil, 403, "right_missing", ""},
		"a right for reminders":       {[]string{"POST", one + "/remind", readerToken, ""}, nil, 403, "right_missing", ""},
		"a right for follow-ups":      {[]string{"POST", one + "/follow", readerToken, `{"every": "30m"}`}, nil, 403, "right_missing", ""},
		"a right for recalls":         {[]string{"DELETE", one, readerToken, ""}, nil, 403, "right_missing", ""},
		"no number":                   {[]string{"GET", "/v1/groups/sales/announcements/one", deploysToken, ""}, nil, 404, "no_such_announcement", ""},
		"number 0":                    {[]string{"GET", "/v1/groups/sales/announcements/0", deploysToken, ""}, nil, 404, "no_such_announcement", ""},
		"no body":                     {post(""), nil, 415, "not_json", ""},
		"a form":                      {post(release), []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "not_json", ""},
		"no JSON":                     {post(`{"group": `), nil, 400, "bad_json", ""},
		"a key that is unknown":       {post(`{"group": "sales", "titel": "a"}`), nil, 400, "bad_json", "titel"},
		"more than one object":        {post(release + `{}`), nil, 400, "bad_json", ""},
		"a large body":                {post(`{"group": "sales", "title": "a", "text": "` + strings.Repeat("a", 64<<10) + `"}`), nil, 413, "too_large", ""},
		"no group":                    {post(`{"title": "a"}`), nil, 422, "bad_fields", "group"},
		"no title":                    {post(`{"group": "sales", "title": " ", "text": "a"}`), nil, 422, "bad_fields", "title"},
		"a title of two lines":        {post(`{"group": "sales", "title": "a\nb"}`), nil, 422, "bad_fields", "title"},
		"a long title":                {post(`{"group": "sales", "title": "` + strings.Repeat("长", 201) + `"}`), nil, 422, "bad_fields", "title"},
		"a title that is a number":    {post(`{"group": "sales", "title": 1}`), nil, 422, "bad_fields", "title"},
		"a time without a zone":       {post(`{"group": "sales", "title": "a", "at": "18:00"}`), nil, 422, "bad_fields", "18:00"},
		"a time that is over":         {post(`{"group": "sales", "title": "a", "at": "2020-01-01T00:00:00Z"}`), nil, 422, "bad_fields", "at"},
		"a deadline that is over":     {post(`{"group": "sales", "title": "a", "deadline": "2020-01-01T00:00:00Z"}`), nil, 422, "bad_fields", "deadline"},
		"a deadline far off":          {post(`{"group": "sales", "title": "a", "deadline": "2126-01-01T00:00:00Z"}`), nil, 422, "bad_fields", "deadline"},
		"rounds too often":            {post(`{"group": "sales", "title": "a", "follow_up": {"every": "1m"}}`), nil, 422, "bad_fields", "follow_up.every"},
		"a key with a blank":          {post(release), []string{"Idempotency-Key", "a b"}, 400, "bad_idempotency_key", ""},
		"a long key":                  {post(release), []string{"Idempotency-Key", strings.Repeat("a", 201)}, 400, "bad_idempotency_key", ""},
		"an empty key":                {post(release), []string{"Idempotency-Key", ""}, 400, "bad_idempotency_key", ""},
		"a limit that is none":        {[]string{"GET", "/v1/groups/sales/announcements?limit=101", deploysToken, ""}, nil, 422, "bad_fields", "limit"},
		"a page before nothing":       {[]string{"GET", "/v1/groups/sales/announcements?before=x", deploysToken, ""}, nil, 422, "bad_fields", "before"},
		"neither fresh nor not":       {[]string{"GET", one + "?fresh=1", deploysToken, ""}, nil, 422, "bad_fields", "fresh"},
		"a way that is none":          {[]string{"POST", one + "/remind", deploysToken, `{"by": "mail"}`}, nil, 422, "bad_fields", "by"},
		"a follow-up without rounds":  {[]string{"POST", one + "/follow", deploysToken, `{}`}, nil, 422, "bad_fields", "every"},
		"more than everybody":         {[]string{"POST", one + "/follow", deploysToken, `{"every": "30m", "until": 101}`}, nil, 422, "bad_fields", "until"},
		"what can't be taken back":    {[]string{"DELETE", one, deploysToken, ""}, nil, 409, "wrong_state", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.report.Message = receipts.Message{Group: sales, Number: 1, State: receipts.Uncertain}
			got := w.ask(test.ask[0], test.ask[1], test.ask[2], test.ask[3], test.headers...)
			if got.status != test.status || got.body["code"] != test.code || got.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(got.text, test.says) {
				t.Errorf("%d %s", got.status, got.text)
			}
			if got.body["status"] != float64(test.status) || got.body["title"] == "" || got.body["request_id"] != got.header.Get("X-Request-Id") {
				t.Errorf("no problem of RFC 9457: %s", got.text)
			}
			if got.header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("other pages may read it")
			}
			for _, said := range w.said {
				if said != "recall" {
					t.Errorf("something was done: %v", w.said)
				}
			}
			for _, line := range w.log.All() {
				if text := fmt.Sprint(line.ContextMap()); strings.Contains(text, "hush") || line.ContextMap()["request"] != got.body["request_id"] {
					t.Errorf("logged %s", text)
				}
			}
		})
	}
}

func TestEveryFailureHasItsCode(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		errors.New("redis: hush"):               "503 unavailable",
		&receipts.NoSuchMessageError{Number: 1}: "404 no_such_announcement",
		receipts.ErrTooLong:                     "422 too_long",
		receipts.ErrForeignGroup:                "403 group_not_allowed",
		receipts.ErrWrongState:                  "409 wrong_state",
		&receipts.RecordEndsError{}:             "409 record_ends",
		&receipts.Failure{Reason: receipts.BotNotInGroup, Err: errors.ErrUnsupported}: "502 dingtalk_refused",
		&receipts.Failure{Uncertain: true, Err: errors.ErrUnsupported}:                "502 dingtalk_uncertain",
	} {
		w := newWorld(t)
		w.fails = err
		got := w.ask("GET", "/v1/groups/sales/announcements/1", deploysToken, "")
		if said := fmt.Sprint(got.status, " ", got.body["code"]); said != want {
			t.Errorf("%v: %s, want %s", err, said, want)
		}
	}
}

func TestAnAnnouncementIsPostedOnceForAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := func(token, body, key string) answer {
		t.Helper()
		return w.ask("POST", "/v1/announcements", token, body, "Idempotency-Key", key)
	}
	first := post(deploysToken, release, "k1")
	if first.status != http.StatusCreated || first.body["state"] != "sent" || first.body["number"] != 1.0 || first.body["group"] != sales || first.body["author"] != "deploys" {
		t.Fatalf("%d %s", first.status, first.text)
	}
	byID := strings.Replace(release, `"sales"`, `"`+sales+`"`, 1)
	for _, body := range []string{release, byID} {
		if again := post(deploysToken, body, "k1"); again.status != http.StatusCreated || again.text != first.text {
			t.Errorf("%d %s, not %s", again.status, again.text, first.text)
		}
	}
	for _, other := range []string{
		strings.Replace(release, "7", "8", 1), strings.Replace(release, "sales", "ops", 1),
		strings.Replace(release, "}", `, "deadline": "`+time.Now().Add(time.Hour).Format(time.RFC3339)+`"}`, 1),
	} {
		if got := post(deploysToken, other, "k1"); got.status != http.StatusConflict || got.body["code"] != "key_reused" {
			t.Errorf("%s: %d %s", other, got.status, got.text)
		}
	}
	if got := w.ask("POST", "/v1/groups/sales/announcements/1/remind", deploysToken, "", "Idempotency-Key", "k1"); got.status != http.StatusConflict {
		t.Errorf("of a reminder: %d %s", got.status, got.text)
	}
	if len(w.said) != 1 {
		t.Errorf("posted %v", w.said)
	}
	for range 2 {
		if got := w.ask("POST", "/v1/announcements", deploysToken, release); got.status != http.StatusCreated {
			t.Errorf("without a key: %d %s", got.status, got.text)
		}
	}
	if len(w.said) != 3 {
		t.Errorf("posted %v", w.said)
	}
	// What is wrong takes no key.
	if got := post(deploysToken, `{"group": "sales", "title": ""}`, "k2"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := post(deploysToken, release, "k2"); got.status != http.StatusCreated {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestWhatIsAnnouncedComesThroughWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		at, deadline := time.Now().Add(time.Hour).UTC(), time.Now().Add(26*time.Hour).UTC()
		body := fmt.Sprintf(`{"group": "ops", "title": " T ", "text": " one\n\ntwo ", "at": %q, "deadline": %q, "confirm": true, "follow_up": {"every": "90m"}}`, at.Format(time.RFC3339), deadline.Format(time.RFC3339))
		got := w.ask("POST", "/v1/announcements", deploysToken, body, "Idempotency-Key", "k1")
		if got.status != http.StatusCreated || got.body["state"] != "scheduled" || got.body["due_at"] != at.Format(time.RFC3339) {
			t.Errorf("%d %s", got.status, got.text)
		}
		a := w.said[0].(receipts.Announcement)
		a.Command = ""
		want := receipts.Announcement{Group: ops, Title: "T", Text: "one\n\ntwo", At: at, Deadline: deadline, Confirm: true, Every: 90 * time.Minute}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Error(diff)
		}
		time.Sleep(2 * time.Hour) // the same request is as good as it was, though its time is over
		w.mu.Lock()
		for command, m := range w.messages {
			m.State = receipts.Sent
			w.messages[command] = m
		}
		w.mu.Unlock()
		if got := w.ask("POST", "/v1/announcements", deploysToken, body, "Idempotency-Key", "k1"); got.status != http.StatusCreated || got.body["state"] != "sent" {
			t.Errorf("%d %s", got.status, got.text)
		}
		if got := w.ask("POST", "/v1/announcements", deploysToken, body, "Idempotency-Key", "k2"); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%d %s", got.status, got.text)
		}
	})
}

func TestWhatTakesLongIsSaidToBeOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sends = false
		began := time.Now()
		got := w.ask("POST", "/v1/announcements", deploysToken, release, "Idempotency-Key", "k1")
		if took := time.Since(began); got.status != http.StatusAccepted || got.body["state"] != "sending" || got.body["number"] != 1.0 || took != sentWithin {
			t.Errorf("%d %s after %s", got.status, got.text, took)
		}
		for state, want := range map[receipts.State]string{
			receipts.Sent: "201 <nil>", receipts.Failed: "502 dingtalk_refused", receipts.Uncertain: "502 dingtalk_uncertain",
		} {
			time.AfterFunc(3*time.Second, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				for command, m := range w.messages {
					m.State, m.Reason = state, receipts.BotNotInGroup
					w.messages[command] = m
				}
			})
			w.mu.Lock()
			for command, m := range w.messages {
				m.State = receipts.Sending
				w.messages[command] = m
			}
			w.mu.Unlock()
			got := w.ask("POST", "/v1/announcements", deploysToken, release, "Idempotency-Key", "k1")
			if said := fmt.Sprint(got.status, " ", got.body["code"]); said != want || got.body["number"] != 1.0 {
				t.Errorf("%s: %s, want %s: %s", state, said, want, got.text)
			}
		}
	})
}

func TestAReportIsAsComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := time.Date(2026, 11, 28, 6, 2, 0, 0, time.UTC)
	w.report = receipts.Report{
		Message: receipts.Message{Group: sales, Number: 3, State: receipts.Sent, Title: "T", Author: receipts.Person{Name: "deploys"}, CreatedAt: at, SentAt: at},
		Read:    []receipts.Receipt{{UserID: "li", Read: receipts.Read{At: at, Exact: true}}}, Unread: []string{"wang"}, Total: 2, AsOf: at,
	}
	got := w.ask("GET", "/v1/groups/sales/announcements/3?fresh=true", readerToken, "")
	want := `{"group":"cidSales==","number":3,"state":"sent","title":"T","author":"deploys","created_at":"2026-11-28T06:02:00Z","sent_at":"2026-11-28T06:02:00Z",` +
		`"complete":true,"gaps":[],"total":2,"read":[{"user_id":"li","name":"LI","at":"2026-11-28T06:02:00Z","exact":true}],"confirmed":[],"unread":[{"user_id":"wang","name":"WANG"}],` +
		`"left":0,"joined":0,"as_of":"2026-11-28T06:02:00Z"}` + "\n"
	if got.status != http.StatusOK || got.text != want {
		t.Errorf("%d\n%s\n%s", got.status, got.text, want)
	}
	w.report.Unread, w.report.Gaps = nil, []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrLimited}}
	got = w.ask("GET", "/v1/groups/cidSales==/announcements/3", readerToken, "")
	if got.body["complete"] != false || fmt.Sprint(got.body["unread"]) != "[]" || fmt.Sprint(got.body["gaps"]) != "[map[code:not_asked part:readers]]" {
		t.Errorf("%s", got.text)
	}
	if diff := cmp.Diff([]any{"fresh 3", "known 3"}, w.said); diff != "" {
		t.Error(diff)
	}
	got = w.ask("GET", "/v1/groups/sales/announcements?limit=5&before=4", readerToken, "")
	if got.status != http.StatusOK || got.body["next_before"] != 3.0 || fmt.Sprint(w.said[2]) != "[4 5]" {
		t.Errorf("%d %s of %v", got.status, got.text, w.said[2])
	}
	got = w.ask("GET", "/v1/groups", readerToken, "")
	if strings.Contains(got.text, "Hidden") || !strings.Contains(got.text, `{"id":"cidSales==","name":"sales","title":"title of cidSales=="}`) {
		t.Error(got.text)
	}
}

func TestPeopleAreRemindedAndFollowedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.report = receipts.Report{Message: receipts.Message{Group: ops, Number: 2, State: receipts.Sent}}
	got := w.ask("POST", "/v1/groups/cid%2Fops+==/announcements/2/remind", deploysToken, `{"by": "direct", "people": ["li", "wang"]}`, "Idempotency-Key", "k1")
	if got.status != http.StatusOK || fmt.Sprint(got.body["reached"], got.body["failed"]) != "[map[name:LI user_id:li]] [map[name:WANG user_id:wang]]" {
		t.Errorf("%d %s", got.status, got.text)
	}
	asked := w.said[0].(receipts.RemindRequest)
	if asked.Group != ops || asked.Ref.Number != 2 || asked.By != receipts.InPrivate || len(asked.People) != 2 || !strings.HasPrefix(asked.Command, "api/") {
		t.Errorf("%+v", asked)
	}
	got = w.ask("POST", "/v1/groups/ops/announcements/2/follow", deploysToken, `{"every": "30m", "until": 90}`)
	if got.status != http.StatusOK || got.body["next"] != "1970-01-01T00:00:00Z" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if f := w.said[1].(receipts.FollowRequest); f.Every != 30*time.Minute || f.Share != 90 || f.Ref.Number != 2 {
		t.Errorf("%+v", f)
	}
}

func TestWhatIsTakenBackIsRecalledOrCalledOff(t *testing.T) {
	t.Parallel()
	for state, want := range map[receipts.State]string{
		receipts.Sent: "200 recalled [recall]", receipts.Scheduled: "200 cancelled [cancel]",
		receipts.Recalled: "200 recalled [recall]", receipts.CalledOff: "200 cancelled []",
	} {
		w := newWorld(t)
		w.report.Message = receipts.Message{Group: sales, Number: 1, State: state}
		got := w.ask("DELETE", "/v1/groups/sales/announcements/1", deploysToken, "")
		if said := fmt.Sprint(got.status, " ", got.body["state"], " ", w.said); said != want {
			t.Errorf("%s: %s, want %s", state, said, want)
		}
	}
}

func TestATokenHasALimitOfItsOwnAndCanBeReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range atOnce {
			if got := w.ask("GET", "/v1/groups", deploysToken, ""); got.status != http.StatusOK {
				t.Fatalf("%d %s", got.status, got.text)
			}
		}
		got := w.ask("GET", "/v1/groups", deploysToken, "")
		if got.status != http.StatusTooManyRequests || got.body["code"] != "too_many_requests" || got.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", got.status, got.text)
		}
		if got := w.ask("GET", "/v1/groups", readerToken, ""); got.status != http.StatusOK {
			t.Errorf("of another token: %d %s", got.status, got.text)
		}
		access := w.access.Load().Access
		access.Tokens[0].Secret = receipts.NewSecret("hush-of-the-deploys-0002")
		w.SetAccess(access)
		if got := w.ask("GET", "/v1/groups", "hush-of-the-deploys-0002", ""); got.status != http.StatusTooManyRequests {
			t.Errorf("its limit is forgotten: %d", got.status)
		}
		time.Sleep(time.Second)
		if got := w.ask("GET", "/v1/groups", "hush-of-the-deploys-0002", ""); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.text)
		}
		if got := w.ask("GET", "/v1/groups", deploysToken, ""); got.status != http.StatusUnauthorized {
			t.Errorf("the old token: %d %s", got.status, got.text)
		}
		if last := w.observed[len(w.observed)-1]; last != "groups 401" {
			t.Errorf("observed %s", last)
		}
	})
}
