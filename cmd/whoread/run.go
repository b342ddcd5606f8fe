package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"whoread/cmd/internal/app"
)

type runCommand struct {
	Config string `required:"" help:"The configuration, a YAML file; config.example.yaml explains every key." placeholder:"FILE"`
}

// Run runs the bot until a signal ends ctx. SIGHUP has it read its configuration again.
func (r *runCommand) Run(ctx context.Context, out streams) error {
	app.TuneGC()
	asked := make(chan os.Signal, 1) // one that comes while one waits is the same
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	return app.Serve(ctx, r.Config, app.DefaultEnv(versionText()), asked, out.err)
}
