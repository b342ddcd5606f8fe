package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
	"whoread/store"
)

type runCommand struct {
	Config string `required:"" help:"The configuration, a YAML file; config.example.yaml explains every key." placeholder:"FILE"`
}

// Run runs the bot until a signal ends ctx. SIGHUP has it read its configuration again.
func (r *runCommand) Run(ctx context.Context, out streams) error {
	thrifty()
	asked := make(chan os.Signal, 1) // one that comes while one waits is the same
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	return runBot(ctx, r.Config, wallClock(), asked, out)
}

// endsWithin is how long the process takes to end at most, whatever does not answer:
// whoever asked it to would kill it soon. What is cut off then is as after a crash: another
// process takes it over.
const endsWithin = 18 * time.Second

// thrifty has the garbage collected twice as often, unless GOGC says how often: a bot
// waits most of its time, and its memory costs more than the collector does.
func thrifty() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// runBot runs the bot with the configuration, which it follows, until ctx ends.
func runBot(ctx context.Context, file string, t timing, asked <-chan os.Signal, out streams) error {
	c, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return err
	}
	m := ops.NewMetrics(versionText())
	log, level, err := ops.NewLog(c.Log, out.err, m.LineDropped)
	if err != nil {
		return err
	}
	a, err := newApp(c, t, log, m)
	if err != nil {
		return err
	}
	log.Info("whoread starts", zap.String("version", versionText()), zap.String("client_id", c.DingTalk.ClientID))
	if c.Redis.URL == store.Memory {
		log.Warn("redis.url is memory://: everything known is lost when this process ends")
	}
	settings := &config.Reloader{
		File: file, Environment: os.LookupEnv, Every: t.configEvery, Requests: asked, Effective: c, Log: log,
		Level: level, Apply: a.apply,
		Reloaded: m.ConfigReloaded,
	}
	ended := make(chan error, 1)
	go func() {
		following, stop := context.WithCancel(ctx)
		var follower sync.WaitGroup
		follower.Go(func() { settings.Run(following) })
		err := a.run(ctx)
		stop()
		follower.Wait()
		log.Info("whoread ends")
		ended <- errors.Join(err, a.close())
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(endsWithin):
		log.Warn("whoread ends before everything has come to its end")
		return nil
	}
}
