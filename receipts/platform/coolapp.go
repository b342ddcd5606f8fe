package platform

import (
	"cmp"
	"context"
	"time"

	"go.uber.org/zap"
)

// coolAppWithin bounds how long a call waits for the code of a group's cool app.
const coolAppWithin = time.Second

// CoolApps knows with which cool app the bot came into a group.
type CoolApps struct {
	Records interface {
		// CoolApp returns nothing if none is known.
		CoolApp(ctx context.Context, group string) (string, error)
	}
	// Configured is used where nothing is known.
	Configured string
	Log        func(context.Context) *zap.Logger
}

// Code returns the code of the group's cool app; empty if there is none. It never
// fails: DingTalk says so if the code is missing.
func (c *CoolApps) Code(ctx context.Context, group string) string {
	ctx, cancel := context.WithTimeout(ctx, coolAppWithin)
	defer cancel()
	code, err := c.Records.CoolApp(ctx, group)
	if err != nil {
		c.Log(ctx).Warn("cool app not looked up; the configured one is used", zap.Error(err))
	}
	return cmp.Or(code, c.Configured)
}
