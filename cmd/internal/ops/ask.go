package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"whoread/cmd/internal/config"
)

// maxHealthBytes bounds what is read of an answer.
const maxHealthBytes = 64 << 10

// Reachable returns the address by which this machine reaches a listener on the address: one
// on every address is on loopback too.
func Reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

// Ask asks the bot at the address whether it is ready, or if live whether it is alive. It
// returns one line, or an error that says why the bot is not well.
func Ask(ctx context.Context, address string, live bool) (string, error) {
	path, well := "/readyz", "ready"
	if live {
		path, well = "/healthz", "alive"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return "", fmt.Errorf("%q is not an address such as %s", address, config.DefaultListen)
	}
	// No proxy, and no connection that is kept.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("nobody answers at %s: %w", address, errors.Unwrap(err))
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHealthBytes))
	if err != nil {
		return "", fmt.Errorf("the answer of %s breaks off: %w", address, err)
	}
	// Of both answers; another program's holds neither.
	var answer struct {
		Status  string   `json:"status"`
		Ready   *bool    `json:"ready"`
		Reasons []string `json:"reasons"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil, answer.Status == "" && answer.Ready == nil:
		return "", fmt.Errorf("who answers at %s is no whoread", address)
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("not %s: %s", well, strings.Join(answer.Reasons, "; "))
	case len(answer.Reasons) > 0:
		return well + ", but: " + strings.Join(answer.Reasons, "; "), nil
	}
	return well, nil
}
