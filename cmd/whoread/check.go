package main

import (
	"context"
	"io"

	"whoread/cmd/internal/check"
)

type checkCommand struct {
	Config string `required:"" help:"The configuration to check." placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print one JSON document instead of lines."`
	All    bool   `help:"Look at every configured group and person, not only at the first ${checked_groups} and ${checked_people}. Each group costs two counted calls or more."`
}

// Run looks at one thing after another and prints a line for each: what is right, or
// what is wrong and what to do. It fails if anything is wrong, or could not be looked
// at.
func (c *checkCommand) Run(ctx context.Context, out streams) error {
	lines := out.out
	if c.JSON {
		lines = io.Discard
	}
	report, err := check.Run(ctx, check.Options{Config: c.Config, All: c.All, Version: versionText()}, lines)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := report.WriteJSON(out.out); err != nil {
			return err
		}
	}
	if !report.OK {
		return errReported
	}
	return nil
}
