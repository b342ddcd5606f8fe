package main

import (
	"context"
	"os"

	"go.uber.org/zap"

	"whoread/store"
)

type runCommand struct {
	Config string `required:"" help:"The configuration, a YAML file; config.example.yaml explains every key." placeholder:"FILE"`
}

// Run runs the bot until a signal ends ctx.
func (r *runCommand) Run(ctx context.Context, out streams) error {
	return runBot(ctx, r.Config, wallClock(), out)
}

func runBot(ctx context.Context, file string, t timing, out streams) error {
	c, err := loadConfig(file, os.LookupEnv)
	if err != nil {
		return err
	}
	m := newMetrics()
	log, _, err := newLog(c.Log, out.err, m.lineDropped)
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
	err = a.run(ctx)
	log.Info("whoread ends")
	if closeErr := a.close(); err == nil {
		err = closeErr
	}
	return err
}
