package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"go.uber.org/zap"

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

// thrifty has the garbage collected twice as often, unless GOGC says how often: a bot
// waits most of its time, and its memory costs more than the collector does.
func thrifty() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// runBot runs the bot with the configuration, which it follows, until ctx ends.
func runBot(ctx context.Context, file string, t timing, asked <-chan os.Signal, out streams) error {
	c, err := loadConfig(file, os.LookupEnv)
	if err != nil {
		return err
	}
	m := newMetrics()
	log, level, err := newLog(c.Log, out.err, m.lineDropped)
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
	settings := &reloader{
		file: file, environment: os.LookupEnv, every: t.configEvery, asked: asked, effective: c, log: log,
		level: level, apply: a.apply,
		reloaded: m.reloaded,
	}
	following, stop := context.WithCancel(ctx)
	var follower sync.WaitGroup
	follower.Go(func() { settings.run(following) })
	err = a.run(ctx)
	stop()
	follower.Wait()
	log.Info("whoread ends")
	if closeErr := a.close(); err == nil {
		err = closeErr
	}
	return err
}
