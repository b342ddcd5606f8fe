package bot

import (
	"context"

	"whoread/bot/reply"
)

// Budget tells administrators what the bot's calls of DingTalk cost in a month.
type Budget interface {
	// CallUsage returns what all processes have used by now.
	CallUsage(ctx context.Context) (reply.CallUsage, error)
	// Warn reports whether the answer to an administrator's command is to say that the
	// budget is nearly or quite spent.
	Warn(command string) (reply.CallUsage, bool)
}
