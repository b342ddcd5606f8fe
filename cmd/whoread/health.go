package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
)

type healthCommand struct {
	Config  string        `xor:"where" type:"path" help:"The configuration of the bot; only its http.listen is read." placeholder:"FILE"`
	Address string        `xor:"where" help:"Where the bot answers probes, if not by the configuration (default ${default_listen})." placeholder:"ADDR"`
	Live    bool          `help:"Ask only whether the process is alive (/healthz), not whether it can do its work (/readyz)."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer."`
}

// Run asks the bot of this machine how it is, and prints one line. It fails if the bot
// is not well or does not answer.
func (h *healthCommand) Run(ctx context.Context, out streams) error {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	address, err := h.address()
	if err != nil {
		return err
	}
	how, err := ops.Ask(ctx, address, h.Live)
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
	return ops.Reachable(cmp.Or(address, config.DefaultListen)), nil
}
