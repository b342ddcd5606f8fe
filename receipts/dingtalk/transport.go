package dingtalk

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

func newTransport() *http.Transport {
	// HTTP/1.1 alone keeps it plain when a request may be repeated, and a bot's few calls gain nothing from HTTP/2.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: CallTimeout,
		// Short, because a send on a connection that the other side has just closed ends in an uncertain message.
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           40,
		MaxIdleConnsPerHost:    20,
		MaxConnsPerHost:        100,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              &protocols,
	}
}

// progress watches how far a request gets. From the moment it has a connection it may arrive: the bytes are written by
// another goroutine, so a later event would come too late where the context ends in between.
// A transport that reports no events leaves it at "may have arrived".
type progress struct {
	waiting atomic.Bool // for a connection, and not one byte was sent
}

func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// Asked for again where net/http repeats a request of which nothing was written.
		GetConn: func(string) { p.waiting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.waiting.Store(false) },
	})
}

func (p *progress) mayHaveArrived() bool { return !p.waiting.Load() }
