package storetest

import (
	"context"
	"io"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// dialingWithin bounds the way from the proxy to its Redis.
const dialingWithin = 5 * time.Second

// Proxy stands between a client and its Redis, and can take the Redis away.
type Proxy struct {
	network, target string
	url             string
	loseReply       atomic.Bool
	work            sync.WaitGroup

	mu       sync.Mutex
	address  string
	listener net.Listener // nil while it is cut
	release  func()       // gives its port up while it is cut
	open     map[net.Conn]bool
}

// NewProxy returns a proxy to the Redis at the URL. It ends with the test.
func NewProxy(t testing.TB, redisURL string) *Proxy {
	t.Helper()
	options, err := redis.ParseURL(redisURL)
	if err != nil || options.TLSConfig != nil {
		t.Fatalf("a proxy can't stand before the Redis of this URL")
	}
	p := &Proxy{network: options.Network, target: options.Addr, address: "127.0.0.1:0", release: func() {}, open: map[net.Conn]bool{}}
	if err := p.listen(); err != nil {
		t.Fatalf("start proxy: %v", err)
	}
	front := url.URL{Scheme: "redis", Host: p.address, User: url.UserPassword(options.Username, options.Password)}
	p.url = front.String()
	t.Cleanup(func() {
		p.Cut()
		p.release()
		p.work.Wait()
	})
	return p
}

// URL returns the Redis URL of the proxy, with the credentials of the Redis
// behind it.
func (p *Proxy) URL() string { return p.url }

// Cut takes the Redis away: connections break, and new ones are refused.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener, p.release = nil, occupy(p.address)
	}
	for c := range p.open {
		_ = c.Close()
	}
}

// occupy keeps the address, a loopback's, from all who want some free port, without
// listening there, until it is released. Where that fails it does nothing: the port is
// most likely still free when it is wanted.
func occupy(address string) (release func()) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return func() {}
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return func() {}
	}
	syscall.CloseOnExec(fd)
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) // connections of before may not be over
	_ = syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
	return sync.OnceFunc(func() { _ = syscall.Close(fd) })
}

// Mend gives the Redis back, at the same address.
func (p *Proxy) Mend(t testing.TB) {
	t.Helper()
	if err := p.listen(); err != nil {
		t.Fatalf("mend proxy: %v", err)
	}
}

// LoseReply breaks one connection in the place of its next reply, after Redis has
// done what it was asked for.
func (p *Proxy) LoseReply() { p.loseReply.Store(true) }

// ReplyLost reports whether a reply was lost since LoseReply.
func (p *Proxy) ReplyLost() bool { return !p.loseReply.Load() }

func (p *Proxy) listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", p.address)
	if err != nil {
		return err
	}
	p.listener, p.address = l, l.Addr().String()
	p.work.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.work.Go(func() { p.serve(client) })
		}
	})
	return nil
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{Timeout: dialingWithin}).DialContext(context.Background(), p.network, p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !p.keep(client, server) {
		return
	}
	defer p.drop(client, server)
	p.work.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || p.loseReply.CompareAndSwap(true, false) {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// keep notes open connections; false if the proxy was cut meanwhile.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return false
	}
	for _, c := range conns {
		p.open[c] = true
	}
	return true
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}
