package main

import (
	"context"

	"whoread/cmd/internal/demo"
)

type dingtalkCommand struct {
	Listen      string `default:"127.0.0.1:8800" help:"Where it listens; whoever reaches this address can use it." placeholder:"ADDR"`
	WriteConfig string `type:"path" help:"Write the configuration with which 'whoread run' works against it." placeholder:"FILE"`
}

// Run runs the DingTalk of this machine alone until a signal ends ctx.
func (d *dingtalkCommand) Run(ctx context.Context, out streams) error {
	return demo.ServeDingTalk(ctx, d.Listen, d.WriteConfig, out.out)
}
