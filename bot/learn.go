package bot

import (
	"cmp"
	"context"
	"time"

	"go.uber.org/zap"

	"whoread/bot/reply"
	"whoread/receipts"
)

// GroupRecords keep what the bot notices of a group by itself. Every method is safe to
// repeat.
type GroupRecords interface {
	// KeepHeard keeps what a command told of its group.
	KeepHeard(ctx context.Context, group string, h receipts.Heard) error
	KeepTitle(ctx context.Context, group, title string) error
	// Title returns nothing if it is not known.
	Title(ctx context.Context, group string) (string, error)
	KeepCoolApp(ctx context.Context, group, code string) error
	// ForgetCoolApp forgets the group's cool app if it has that code; with an empty
	// code, whichever it has.
	ForgetCoolApp(ctx context.Context, group, code string) error
}

// noteHeard keeps who spoke in which group, and its webhook for what the bot says by
// itself. A failure costs nothing else: it is kept with the next command.
func (b *Bot) noteHeard(ctx context.Context, in Incoming) {
	if in.Direct || !b.Policy.Works(in.Group) {
		return
	}
	h := receipts.Heard{At: in.SaidAt}
	if !in.Outsider {
		h.Speaker, h.Title = in.Sender, in.Title
	}
	if in.Webhook.Usable(b.Now()) {
		h.Webhook = in.Webhook
	}
	if err := b.Groups.KeepHeard(ctx, in.Group, h); err != nil {
		b.log(ctx).Warn("what was heard is not kept", zap.Error(err))
	}
}

// titleOf is what a group is called; empty if that is not known.
func (b *Bot) titleOf(ctx context.Context, group string) string {
	title, err := b.Groups.Title(ctx, group)
	if err != nil {
		b.log(ctx).Warn("title unknown", zap.String("group", group), zap.Error(err))
	}
	return title
}

// coolAppChanged follows the installing and uninstalling of a group's cool app. Either
// may change whose members DingTalk tells.
func (b *Bot) coolAppChanged(ctx context.Context, group, code string, installed bool) error {
	if code == "" {
		return nil
	}
	change := b.Groups.ForgetCoolApp
	if installed {
		change = b.Groups.KeepCoolApp
	}
	if err := change(ctx, group, code); err != nil {
		return err
	}
	return b.Members.ForgetRefusals(ctx, group)
}

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
	Log        *zap.Logger
}

// Code returns the code of the group's cool app; empty if there is none. It never
// fails: DingTalk says so if the code is missing.
func (c *CoolApps) Code(ctx context.Context, group string) string {
	ctx, cancel := context.WithTimeout(ctx, coolAppWithin)
	defer cancel()
	code, err := c.Records.CoolApp(ctx, group)
	if err != nil {
		LogOf(ctx, c.Log).Warn("cool app not looked up; the configured one is used", zap.Error(err))
	}
	return cmp.Or(code, c.Configured)
}

// lack is what an administrator can do about a learned audience: the sentence that
// would be said if nobody were known. It is empty if there is nothing to do.
func (b *Bot) lack(w *reply.Words, in Incoming, why error) string {
	if why == nil {
		return ""
	}
	return b.page(w, in.Group).Gap(receipts.Gap{Part: receipts.AudiencePart, Err: why})
}
