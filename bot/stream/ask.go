package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// The SDK asks the gateway for a connection with the client secret, by http.DefaultTransport and with a client that follows
// redirects and reads answers of any size. What it asks under a scheme of this package's own goes through asker instead.
const (
	ownScheme = "stream+" // before http and https
	// answerMax is many times longer than the gateway's answers.
	answerMax = 64 << 10
)

var (
	// errElsewhere means that the gateway wants to be asked at another address.
	errElsewhere = errors.New("the gateway answers with a redirect, which is not followed")
	// errNotEncrypted means that the gateway wants the ticket and the messages to go over the network in the clear.
	errNotEncrypted = errors.New("the gateway asks for a connection without TLS, which is taken on this machine only")
)

// PageError is an answer that is none of DingTalk's gateway, such as a page of HTML.
type PageError struct{ Status int }

func (e *PageError) Error() string {
	if e.Passing() {
		return fmt.Sprintf("DingTalk's gateway answers HTTP %d and does not say why: the trouble is DingTalk's own", e.Status)
	}
	return fmt.Sprintf("%v (HTTP %d)", errNotDingTalk, e.Status)
}

// Passing reports whether the status tells of trouble behind the right address, which may be over in a while.
func (e *PageError) Passing() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

// asker sends requests on, bounds the answers and hands over only those that the SDK may act on: it follows redirects, makes
// errors of whole answers and dials wherever it is told. It is safe for concurrent use.
type asker struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a asker) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = strings.TrimPrefix(r.URL.Scheme, ownScheme)
	answer, err := a.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return nil, err
	}
	if err := judge(r.URL, answer.StatusCode, body); err != nil {
		return nil, err
	}
	if conn, ours := r.Context().Value(watchedBy{}).(*connection); ours {
		conn.registerUnsubscribed()
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// judge returns why the SDK may not act on the gateway's answer; nil if it may. The texts of a *GatewayError are not cleaned yet.
func judge(asked *url.URL, status int, body []byte) error {
	var said struct{ Code, Message, RequestID, Endpoint string }
	err := json.Unmarshal(body, &said)
	switch {
	case status >= 300 && status < 400:
		return errElsewhere
	case err != nil, status != http.StatusOK && said.Code == "":
		return &PageError{status}
	case status != http.StatusOK:
		return &GatewayError{status, said.Code, said.Message, said.RequestID}
	}
	endpoint, err := url.Parse(said.Endpoint)
	if err == nil && endpoint.Scheme == "ws" && (!isLoopback(asked.Hostname()) || !isLoopback(endpoint.Hostname())) {
		return errNotEncrypted
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
