// Package demo shows the bot at work: Run plays a script with a DingTalk of this machine, an
// embedded Redis and the bot itself, and ServeDingTalk runs that DingTalk alone.
//
// demo.txt is the script that is played by default, and explains the language.
package demo

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"whoread/cmd/internal/app"
	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/dingtalk/dingtalktest/script"
	"whoread/store"
)

//go:embed demo.txt
var ownScript string

// Options are where the page is, and which script is played.
type Options struct {
	Listen  string // empty: a free port of this machine
	Script  string // a file; empty: the demo's own
	Version string // of whoread
}

// answerTimeout is how long the demo waits for the bot.
const answerTimeout = 30 * time.Second

// Run plays a script with a DingTalk on this machine, an embedded Redis and the bot, and
// writes to out what the group sees. Then the page stays open to chat in, if there may be
// somebody to do so. The log goes to errs.
func Run(ctx context.Context, o Options, out, errs io.Writer) (err error) {
	steps, err := o.steps()
	if err != nil {
		return fmt.Errorf("script: %w", err)
	}
	server := dingtalktest.New(dingtalktest.Options{Page: true, CallsPerMonth: dingtalktest.StandardCallsPerMonth})
	if err := server.Listen(cmp.Or(o.Listen, "127.0.0.1:0")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	c := Config(server)
	m := ops.NewMetrics(o.Version)
	log, _, err := ops.NewLog(c.Log, errs, m.LineDropped)
	if err != nil {
		return err
	}
	a, err := app.New(c, app.Env{Now: server.Clock().Now, DueEvery: dueEvery, Version: o.Version}, log, m)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended, a.Close())
	}()

	waiting, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := server.AwaitConnections(waiting, 1); err != nil {
		return fmt.Errorf("wait for the bot to connect: %w", err)
	}
	fmt.Fprintln(out, "A DingTalk of this machine's own (nothing leaves it), an embedded Redis, and the bot:")
	play := &player{Stage: script.Stage{DingTalk: server, People: map[string]dingtalktest.Person{}}, out: out}
	for _, s := range steps {
		if err := play.step(ctx, s); err != nil {
			return fmt.Errorf("script line %d: %w", s.Line, err)
		}
	}
	if o.stays(out) {
		fmt.Fprintf(out, "\nNow you: open %s/ and chat. Ctrl-C ends it.\n轮到你了：在浏览器打开 %s/ 聊聊看，按 Ctrl-C 结束。\n", server.URL(), server.URL())
		fmt.Fprintln(out, "\nFor another program:")
		describe(out, server)
		<-ctx.Done()
	}
	return nil
}

// steps reads the chosen script.
func (o Options) steps() ([]script.Step, error) {
	if o.Script == "" {
		return script.Parse(strings.NewReader(ownScript))
	}
	file, err := os.Open(o.Script)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return script.Parse(file)
}

// stays reports whether the page stays open after the exchange: a pipe or a CI job
// has nobody to open it, unless told where it should be.
func (o Options) stays(out io.Writer) bool {
	if o.Listen != "" || o.Script != "" {
		return o.Script == ""
	}
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// dueEvery is how often the demo searches for what is due, so that a clock that was
// turned forward shows its effect at once.
const dueEvery = 200 * time.Millisecond

// Config returns the configuration of a bot that works against that DingTalk.
func Config(d *dingtalktest.Server) config.Config {
	c := config.Default()
	app := d.App()
	c.DingTalk.ClientID, c.DingTalk.ClientSecret, c.DingTalk.RobotCode = app.ClientID, config.Secret(app.ClientSecret), app.RobotCode
	c.DingTalk.APIURL, c.DingTalk.OapiURL = d.URL(), d.URL()
	c.Redis.URL = store.Memory
	c.Reports.FreshFor = 0 // a script moves faster than people do
	c.Members.CacheFor = 0
	c.Reminders.QuietHours = "" // it shows follow-ups at any time of the day
	c.HTTP.Listen = config.ListenOff
	c.Log = config.Log{Level: "error", Format: "console"}
	return c
}
