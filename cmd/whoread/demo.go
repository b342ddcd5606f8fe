package main

import (
	"context"

	"whoread/cmd/internal/demo"
)

type demoCommand struct {
	Listen string `help:"Where the page is; a free port of this machine by default. With this, or in a terminal, the demo stays until Ctrl-C." placeholder:"ADDR"`
	Script string `type:"existingfile" help:"Play this exchange and end; cmd/internal/demo/demo.txt shows the format." placeholder:"FILE"`
}

// Run plays a script with a DingTalk on this machine, an embedded Redis and the bot.
func (d *demoCommand) Run(ctx context.Context, out streams) error {
	return demo.Run(ctx, demo.Options{Listen: d.Listen, Script: d.Script, Version: versionText()}, out.out, out.err)
}
