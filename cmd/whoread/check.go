package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"whoread/bot/stream"
	"whoread/receipts/dingtalk"
)

// checkWithin bounds each check.
const checkWithin = 15 * time.Second

type checkCommand struct {
	Config string `required:"" help:"The configuration to check." placeholder:"FILE"`
}

// Run checks one thing after another and prints a line for each: what is right,
// or what is wrong and what to do. It fails if anything is wrong.
func (c *checkCommand) Run(ctx context.Context, out streams) error {
	r := &checkReport{out: out}
	cfg, err := loadConfig(c.Config, os.LookupEnv)
	if err != nil {
		r.line("configuration", "", err.Error(), "correct the lines named above")
		return errReported
	}
	r.line("configuration", c.Config, "", "")
	r.checkRedis(ctx, cfg)
	if r.checkToken(ctx, cfg) {
		r.checkGateway(ctx, cfg)
	} else {
		r.skipped("gateway", "needs the token")
	}
	if r.failed {
		return errReported
	}
	return nil
}

type checkReport struct {
	out    streams
	failed bool
}

// line prints one check: right, or wrong and what to do about it.
func (r *checkReport) line(what, right, wrong, remedy string) {
	if wrong == "" {
		fmt.Fprintf(r.out.out, "✓ %-14s %s\n", what, right)
		return
	}
	r.failed = true
	fmt.Fprintf(r.out.out, "✗ %-14s %s\n  %-14s → %s\n", what, wrong, "", remedy)
}

func (r *checkReport) skipped(what, why string) {
	fmt.Fprintf(r.out.out, "- %-14s not checked: %s\n", what, why)
}

// remedies say where a refusal of DingTalk's is put right.
var remedies = map[dingtalk.Kind]string{
	dingtalk.BadCredentials:    "copy Client ID and Client Secret from DingTalk's developer console (the app's credentials) into dingtalk.client_id and client_secret",
	dingtalk.AddressNotAllowed: "add this machine's address in DingTalk's developer console (the app's security settings)",
	dingtalk.Unavailable:       "see whether this machine reaches the host (HTTPS_PROXY is respected), and whether dingtalk.site or api_url is right",
	dingtalk.Throttled:         "wait a minute and check again",
	dingtalk.ThrottledMinute:   "wait a minute and check again",
	dingtalk.IPBanned:          "DingTalk refuses this address for five minutes; wait and check again",
}

func (r *checkReport) checkToken(ctx context.Context, c config) bool {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	client, err := newClient(c, wallClock(), zap.NewNop(), nil, func(dingtalk.Call) {}, nil, nil) // it calls nothing about a group
	if err != nil {
		r.line("token", "", err.Error(), "correct dingtalk.api_url and oapi_url")
		return false
	}
	defer client.Close()
	if err := client.CheckToken(ctx); err != nil {
		remedy := "try again; if it stays, ask DingTalk's support with the request id"
		if failure, ok := errors.AsType[*dingtalk.Error](err); ok && remedies[failure.Kind] != "" {
			remedy = remedies[failure.Kind]
		}
		r.line("token", "", err.Error(), remedy)
		return false
	}
	r.line("token", "DingTalk accepts the credentials", "", "")
	return true
}

// unusedTopic is subscribed by the check instead of the bot's own topic, so that
// no command of a running bot is pushed to it. It is that of card buttons, which
// whoread has none of.
const unusedTopic = "/v1.0/card/instances/callback"

func (r *checkReport) checkGateway(ctx context.Context, c config) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	err := stream.CheckGateway(ctx, stream.Config{
		ClientID: c.DingTalk.ClientID, ClientSecret: string(c.DingTalk.ClientSecret), APIURL: c.DingTalk.APIURL,
		Topics: []string{unusedTopic},
	})
	if err != nil {
		r.line("gateway", "", err.Error(), "set the bot's receiving mode to Stream in DingTalk's developer console and publish the app; WebSockets (wss) must be allowed out of this network")
		return
	}
	r.line("gateway", "a Stream connection opens", "", "")
}
