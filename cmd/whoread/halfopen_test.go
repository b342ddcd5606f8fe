package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"whoread/cmd/internal/ops"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// noticedWithin is how long /readyz may say that all is well when nothing comes in any
// more.
const noticedWithin = 2 * time.Minute

// network is what Stream connections go through. It can swallow what is sent in one
// direction or in both, without closing anything: neither side hears that the other one
// is gone.
type network struct {
	t                 *testing.T
	target            string
	listener          net.Listener
	front             *httptest.Server // DingTalk's API, which sends clients here
	toBot, toDingTalk atomic.Bool      // what is swallowed

	work   sync.WaitGroup
	mu     sync.Mutex
	open   []net.Conn
	closed bool // from now on each connection is closed at once
}

func newNetwork(w *world) *network {
	w.t.Helper()
	dingtalk, err := url.Parse(w.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	n := &network{t: w.t, target: dingtalk.Host, listener: l}
	n.front = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(dingtalk) },
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			body = bytes.ReplaceAll(body, []byte("ws://"+n.target), []byte("ws://"+l.Addr().String()))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Del("Content-Length")
			return err
		},
	})
	n.work.Go(func() {
		for {
			bot, err := l.Accept()
			if err != nil {
				return
			}
			n.work.Go(func() { n.serve(bot) })
		}
	})
	w.t.Cleanup(func() {
		n.front.Close()
		_ = l.Close()
		n.mu.Lock()
		n.closed = true
		for _, c := range n.open {
			_ = c.Close()
		}
		n.mu.Unlock()
		n.work.Wait()
	})
	return n
}

func (n *network) serve(bot net.Conn) {
	gateway, err := net.Dial("tcp", n.target) //nolint:noctx // of this machine
	if err != nil {
		_ = bot.Close()
		return
	}
	n.mu.Lock()
	if n.closed {
		_, _ = bot.Close(), gateway.Close()
	}
	n.open = append(n.open, bot, gateway)
	n.mu.Unlock()
	n.work.Go(func() { carry(gateway, bot, &n.toDingTalk) })
	carry(bot, gateway, &n.toBot)
}

// carry copies until one of the two is closed; then it closes the other one.
func carry(to, from net.Conn, swallows *atomic.Bool) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if swallows.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// config is that of a bot whose Stream connections go through the network.
func (n *network) config(w *world, name string) string {
	content, err := os.ReadFile(w.config(anyPort))
	if err != nil {
		n.t.Fatal(err)
	}
	file := filepath.Join(w.files, name)
	changed := strings.Replace(string(content), `api_url: "`+w.URL(), `api_url: "`+n.front.URL, 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		n.t.Fatal(err)
	}
	return file
}

// readyz asks the bot at the address.
func readyz(t *testing.T, address string) (int, ops.Readiness) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	return probe(t, func(path string) (int, []byte) {
		response, err := client.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var body json.RawMessage
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, body
	})
}

// A network that swallows what is sent, in either direction or in both, closes no
// connection. The bot finds out by itself and says so; when the network is mended it
// comes back by itself, and a command that was said meanwhile is answered once.
func TestAConnectionThatLeadsNowhereIsNoticed(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	// As for every bot if the variable is set to nothing.
	keepAlive, set := os.LookupEnv(keepAliveVariable)
	if !set {
		keepAlive = "3s"
	}
	w := newTraveller(t, storetest.Mini(t), dingtalktest.Options{CallbackRetryAfter: 10 * time.Second})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(2), w.admin)...)
	type bot struct {
		name, address string
		network       *network
		swallows      []*atomic.Bool
	}
	var bots []*bot
	for _, name := range []string{"both", "to the bot", "to DingTalk"} {
		b := &bot{name: name, network: newNetwork(w.world)}
		if name != "to DingTalk" {
			b.swallows = append(b.swallows, &b.network.toBot)
		}
		if name != "to the bot" {
			b.swallows = append(b.swallows, &b.network.toDingTalk)
		}
		b.address = w.launchWith(b.network.config(w.world, name+".yaml"), keepAliveVariable+"="+keepAlive).endpoint().address
		bots = append(bots, b)
	}
	becomes := func(what string, status int) {
		t.Helper()
		began := time.Now()
		for _, b := range bots {
			for {
				got, r := readyz(t, b.address)
				if got == status {
					break
				}
				if time.Since(began) > noticedWithin {
					t.Fatalf("%s, %s: still %d %+v", b.name, what, got, r)
				}
				time.Sleep(100 * time.Millisecond)
			}
			t.Logf("%s, %s: /readyz is %d after %v", b.name, what, status, time.Since(began).Round(100*time.Millisecond))
		}
	}
	becomes("connected", http.StatusOK)
	w.ask(group, w.admin, saying("公告 一"))

	for _, b := range bots {
		for _, s := range b.swallows {
			s.Store(true)
		}
	}
	before := ids(group)
	if _, err := group.Say(w.admin, saying("谁没读")); err != nil {
		t.Fatal(err)
	}
	becomes("nothing comes through", http.StatusServiceUnavailable)
	for _, b := range bots {
		for _, s := range b.swallows {
			s.Store(false)
		}
	}
	becomes("mended", http.StatusOK)
	wantIn(t, w.reply(group, before), "#1「一」")
	wantIn(t, w.ask(group, w.admin, saying("列表")), "#1 一")
	if n := holding(texts(since(group, before)), "人没读** #1「一」"); n != 1 {
		t.Errorf("the command was answered %d times", n)
	}
}
