package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"whoread/cmd/internal/config"
)

type healthCommand struct {
	Config  string        `xor:"where" type:"path" help:"The configuration of the bot; only its http.listen is read." placeholder:"FILE"`
	Address string        `xor:"where" help:"Where the bot answers probes, if not by the configuration (default ${default_listen})." placeholder:"ADDR"`
	Live    bool          `help:"Ask only whether the process is alive (/healthz), not whether it can do its work (/readyz)."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer."`
}

// maxHealthBytes bounds what is read of an answer.
const maxHealthBytes = 64 << 10

// Run asks the bot of this machine how it is, and prints one line. It fails if the bot
// is not well or does not answer.
func (h *healthCommand) Run(ctx context.Context, out streams) error {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	address, err := h.address()
	if err != nil {
		return err
	}
	how, err := askHealth(ctx, address, h.Live)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out.out, how)
	return err
}

func (h *healthCommand) address() (string, error) {
	address := h.Address
	if h.Config != "" {
		f, err := config.Read(h.Config, os.LookupEnv)
		if f == nil {
			return "", err
		}
		// Whatever else is wrong with the file: the bot may be well although somebody
		// has just broken it.
		address = f.Config.HTTP.Listen
	}
	if address == config.ListenOff {
		return "", errors.New("http.listen is off: the bot answers no probes")
	}
	return reachable(cmp.Or(address, config.DefaultListen)), nil
}

// reachable is where somebody on this machine reaches who listens on the address: who
// listens on every address is on loopback too.
func reachable(listen string) string {
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

// askHealth asks the bot at the address how it is. The error says why it is not well.
func askHealth(ctx context.Context, address string, live bool) (string, error) {
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
