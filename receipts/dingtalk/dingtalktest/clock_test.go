package dingtalktest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
)

func TestAClockGoesOnAndIsTurnedForward(t *testing.T) {
	t.Parallel()
	var c dingtalktest.Clock
	near := func(got, want time.Time) {
		t.Helper()
		if d := got.Sub(want); d < -10*time.Second || d > 10*time.Second {
			t.Errorf("it is %v, want %v", got, want)
		}
	}
	near(c.Now(), time.Now())
	c.Advance(36 * time.Hour)
	near(c.Now(), time.Now().Add(36*time.Hour))
	for _, d := range []time.Duration{0, -time.Hour} {
		c.Advance(d)
	}
	if c.Ahead() != 36*time.Hour {
		t.Errorf("it is %v ahead: time went back", c.Ahead())
	}
	if first := c.Now(); c.Now().Before(first) {
		t.Error("it goes back")
	}
}

// TestEverythingGoesByTheClock: what is turned is the time of tokens, tickets, webhooks, keys, messages, reads and months.
func TestEverythingGoesByTheClock(t *testing.T) {
	t.Parallel()
	still := time.Date(2026, 8, 30, 9, 0, 0, 0, time.UTC)
	c := dingtalk(t, dingtalktest.Options{Now: func() time.Time { return still }, KeyTTL: 24 * time.Hour, CallsPerMonth: 3})
	p := c.people(2)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)
	s := c.connect(everything)
	key := c.send(g, "x")
	if _, err := g.Say(p[0], dingtalktest.Say{Text: "hi"}); err != nil {
		t.Fatal(err)
	}
	hook := s.next().data["sessionWebhook"].(string)
	reply := obj{"msgtype": "text", "text": obj{"content": "x"}}
	ticket := c.ticket(botOnly)

	c.s.Advance(90*time.Minute - time.Second)
	c.post(hook, reply).want(t, 200, "0")
	c.s.Advance(time.Second)
	c.post(hook, reply).want(t, 200, "400101")
	if resp, err := http.Get("http" + ticket[len("ws"):]); err != nil || resp.StatusCode != http.StatusUnauthorized || resp.Body.Close() != nil {
		t.Errorf("an old ticket: %v, %v", resp, err)
	}
	c.s.Advance(30 * time.Minute)
	c.query(g, key).want(t, 400, "InvalidAuthentication")
	c.login()
	c.query(g, key).want(t, 200, "")
	if err := g.Read(p[1], g.Messages()[0].ID); err != nil {
		t.Fatal(err)
	}
	if readers, _ := g.Readers(g.Messages()[0].ID); !readers[0].At.Equal(still.Add(2 * time.Hour)) {
		t.Errorf("read at %v", readers[0].At)
	}
	c.s.Advance(22 * time.Hour)
	c.login()
	c.query(g, key).want(t, 400, "processQueryKey.expireTime")
	c.query(g, key).want(t, 403, "Forbidden.AccessDenied.ApiCountLimitForOrg")
	if c.s.Counted() != 3 {
		t.Errorf("%d counted calls", c.s.Counted())
	}
	c.s.Advance(24 * time.Hour) // September begins
	c.login()
	c.send(g, "y")
	if c.s.Counted() != 1 {
		t.Errorf("%d counted calls in a new month", c.s.Counted())
	}
	messages := g.Messages()
	if at := messages[len(messages)-1].At; !at.Equal(still.Add(48 * time.Hour)) {
		t.Errorf("the last message is of %v", at)
	}
}

// TestAClockIsShared: two servers, and the test itself, go by one clock, and the watchers of both hear of it.
func TestAClockIsShared(t *testing.T) {
	t.Parallel()
	clock := new(dingtalktest.Clock)
	a, b := dingtalktest.New(dingtalktest.Options{Clock: clock}), dingtalktest.New(dingtalktest.Options{Clock: clock, Now: func() time.Time { return time.Time{} }})
	if a.Clock() != clock || b.Clock() != clock {
		t.Fatal("the clock is another")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	hears := func(changes <-chan dingtalktest.Change) {
		t.Helper()
		select {
		case got := <-changes:
			if got.Kind != dingtalktest.ClockAdvanced || got.At.Before(time.Now().Add(59*time.Minute)) {
				t.Errorf("got %+v", got)
			}
		case <-ctx.Done():
			t.Fatal("it was not told")
		}
	}
	ofA, ofB := a.Watch(ctx), b.Watch(ctx)
	clock.Advance(time.Hour)
	hears(ofA)
	hears(ofB)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b.Advance(time.Hour) // also after one of them is gone
	hears(ofB)
	if clock.Ahead() != 2*time.Hour {
		t.Errorf("it is %v ahead", clock.Ahead())
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTheClockIsTurnedByTheControlAPI(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	tells := func(a answer) time.Time {
		t.Helper()
		at, err := time.Parse(time.RFC3339Nano, a.want(t, 200, "").body["now"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if got := c.asks("status").body["ahead"]; got != 0.0 {
		t.Errorf("a new clock is %v s ahead", got)
	}
	c.does("actions", obj{"do": "advance", "seconds": 31 * 86400}).want(t, 200, "")
	c.does("actions", obj{"do": "advance", "seconds": 1}).want(t, 200, "")
	want := time.Now().Add(31*24*time.Hour + time.Second)
	for _, from := range []string{"status", "about"} {
		if d := tells(c.asks(from)).Sub(want); d < -10*time.Second || d > 10*time.Second {
			t.Errorf("%s is off by %v", from, d)
		}
	}
	if got := c.asks("status").body["ahead"]; got != 31*86400.0+1 {
		t.Errorf("it is %v s ahead", got)
	}
	for range 116 {
		c.does("actions", obj{"do": "advance", "seconds": 31 * 86400}).want(t, 200, "")
	}
	c.does("actions", obj{"do": "advance", "seconds": 31 * 86400}).want(t, 400, "badRequest") // ten years are enough
}

// TestPeopleWhoReadByThemselvesGoByTheClock: who would read within an hour has read when an hour is over.
func TestPeopleWhoReadByThemselvesGoByTheClock(t *testing.T) {
	t.Parallel()
	c := pageServer(t)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, c.people(50)...)
	c.send(g, "x")
	m := g.Messages()[0]
	c.does("let-read", obj{"group": g.ID(), "message": m.ID, "number": 40, "seconds": 3600}).want(t, 200, "")
	if readers, _ := g.Readers(m.ID); len(readers) > 1 {
		t.Errorf("%d have read at once", len(readers))
	}
	c.s.Advance(time.Hour)
	c.until("forty readers", func() bool { r, _ := g.Readers(m.ID); return len(r) == 40 })
}
