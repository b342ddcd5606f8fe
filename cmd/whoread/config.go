package main

import (
	"context"
	"os"

	"whoread/cmd/internal/config"
)

type configCommand struct {
	Print  configPrintCommand  `cmd:"" help:"Print the configuration that is in effect, with all defaults and without secrets."`
	Schema configSchemaCommand `cmd:"" help:"Print a JSON Schema of the configuration, with which editors complete and check it."`
}

type configPrintCommand struct {
	Config string `required:"" help:"The configuration." placeholder:"FILE"`
}

// Run prints the configuration as YAML.
func (p *configPrintCommand) Run(_ context.Context, out streams) error {
	f, err := config.Read(p.Config, os.LookupEnv)
	if err != nil {
		return err
	}
	return f.Print(out.out)
}

type configSchemaCommand struct{}

// Run prints the JSON Schema.
func (configSchemaCommand) Run(out streams) error { return config.PrintSchema(out.out) }
