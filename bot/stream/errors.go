package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"runtime"
	"strings"

	"github.com/gorilla/websocket"
)

// ErrCredentials matches the error of a connection that DingTalk refused because of the client id or the client secret.
var ErrCredentials = errors.New("client id or client secret refused")

// credentialCodes are the codes for which an error matches ErrCredentials: the gateway's own (HTTP 401), and that of the token endpoint.
var credentialCodes = map[string]bool{"authFailed": true, "invalidClientIdOrSecret": true}

// GatewayError is DingTalk's answer when it refuses a connection. Its fields are what DingTalk said, with secrets and whatever
// looks like one taken out.
type GatewayError struct {
	Status    int    // of HTTP
	Code      string // such as "authFailed" or "Forbidden.AccessDenied.IpNotInWhiteList"
	Message   string // for people, mostly Chinese; at most 200 runes
	RequestID string // what DingTalk's support asks for; may be empty
}

func (e *GatewayError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "DingTalk's gateway answered %s", e.Code)
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Is makes the codes of refused credentials match [ErrCredentials].
func (e *GatewayError) Is(target error) bool {
	return target == ErrCredentials && credentialCodes[e.Code]
}

// requestID is DingTalk's name for the request that it refused; empty if it did not give one.
func requestID(err error) string {
	refused, ok := errors.AsType[*GatewayError](err)
	if !ok {
		return ""
	}
	return refused.RequestID
}

var (
	errNoWebsocket = errors.New("DingTalk's gateway gave a ticket but refused the websocket")
	errNotDingTalk = errors.New("the answer is not one of DingTalk's gateway; is there a proxy in between, or is the API URL wrong")
)

// clean makes an error of the SDK's Start fit to be shown. The SDK makes errors from URLs with the ticket in them, so the text is
// kept only of errors that are known to hold nothing of the kind.
func (c *Client) clean(err error) error {
	var wrongCertificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var network *net.OpError
	if page, ok := errors.AsType[*PageError](err); ok {
		return page
	}
	if refused, ok := errors.AsType[*GatewayError](err); ok {
		return refused.cleaned(c.cfg.ClientSecret)
	}
	switch {
	case errors.Is(err, errElsewhere):
		return errElsewhere
	case errors.Is(err, errNotEncrypted):
		return errNotEncrypted
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &wrongCertificate):
		return wrongCertificate
	case errors.As(err, &noTLS):
		return noTLS
	case errors.As(err, &network):
		return network
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, websocket.ErrBadHandshake):
		return errNoWebsocket
	default:
		return errNotDingTalk
	}
}

// cleaned is the answer without what is, or looks like, a secret.
func (e *GatewayError) cleaned(secret string) *GatewayError {
	scrub := scrubber{secret}
	clean := &GatewayError{Status: e.Status, Code: scrub.text(e.Code), Message: scrub.text(e.Message)}
	if requestIDPattern.MatchString(e.RequestID) && !strings.Contains(e.RequestID, secret) {
		clean.RequestID = e.RequestID
	}
	return clean
}

var (
	requestIDPattern = regexp.MustCompile(`^[0-9A-Fa-f-]{8,40}$`)
	urlPattern       = regexp.MustCompile(`[a-z]+://\S+`)
	opaquePattern    = regexp.MustCompile(`[A-Za-z0-9_+/=-]{16,}`)
)

// scrubber takes secrets out of text that DingTalk wrote for people.
type scrubber struct{ secret string }

// text returns at most 200 runes of s, without the secret, URLs, and long runs of letters with a digit among them, as
// tickets, tokens and keys are. An IP address, which DingTalk tells when it is not on the app's list, stays.
func (r scrubber) text(s string) string {
	s = strings.ReplaceAll(s, r.secret, "***")
	s = urlPattern.ReplaceAllString(s, "***")
	s = opaquePattern.ReplaceAllStringFunc(s, func(run string) string {
		if strings.ContainsAny(run, "0123456789") {
			return "***"
		}
		return run
	})
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:199]) + "…"
	}
	return s
}

// describe says what went wrong without repeating what a peer or a person wrote: the text of an error, or of a value that was
// panicked with, is kept only when it cannot hold that, else it is the type.
func describe(v any) string {
	err, ok := v.(error)
	if !ok {
		return fmt.Sprintf("%T", v)
	}
	var closed *websocket.CloseError
	var network *net.OpError
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	var certificate x509.UnknownAuthorityError
	var bug runtime.Error
	switch {
	case errors.As(err, &closed):
		return fmt.Sprintf("websocket close code %d", closed.Code)
	case errors.As(err, &network):
		return network.Error()
	case errors.As(err, &syntax):
		return fmt.Sprintf("invalid JSON at byte %d", syntax.Offset)
	case errors.As(err, &wrongType):
		return fmt.Sprintf("JSON with something else than a %s at byte %d", wrongType.Type, wrongType.Offset)
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &bug):
		return bug.Error()
	}
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, websocket.ErrCloseSent, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprintf("%T", err)
}
