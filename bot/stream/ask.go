package stream

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// The SDK asks the gateway for a connection with the client secret, by http.DefaultTransport and with a client that follows
// redirects and reads answers of any size. What it asks under a scheme of this package's own goes through asker instead.
const (
	ownScheme = "stream+" // before http and https
	// answerMax is many times longer than the gateway's answers.
	answerMax = 64 << 10
)

// errElsewhere means that the gateway wants to be asked at another address.
var errElsewhere = errors.New("the gateway answers with a redirect, which is not followed")

// asker sends requests on, refuses redirects and bounds the answers. It is safe for concurrent use.
type asker struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a asker) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = strings.TrimPrefix(r.URL.Scheme, ownScheme)
	answer, err := a.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 && answer.StatusCode < 400 {
		_ = answer.Body.Close()
		return nil, errElsewhere
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, answerMax), answer.Body}
	return answer, nil
}
