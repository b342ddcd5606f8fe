package bot

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"whoread/bot/reply"
	"whoread/receipts"
)

// usage tells an administrator how the bot is doing in this group: whose members it
// counts and why, whether reads are pushed, what it has cost, and what the group is called
// in the configuration.
func (b *Bot) usage(ctx context.Context, w *reply.Words, in Incoming) (reply.Answer, error) {
	if !b.allows(receipts.Admins, in, receipts.Person{}) {
		return reply.Refuse(w.Refusal(receipts.Admins)), nil
	}
	p, u := b.page(w, in.Group), w.Usage
	said := []string{fmt.Sprintf(u.Version, b.Version)}

	members, err := b.Members.Members(ctx, in.Group, receipts.Rights{})
	if errors.Is(err, receipts.ErrBudgetSpent) {
		known, failure := b.Members.Known(ctx, in.Group)
		if failure != nil {
			return reply.Answer{}, failure
		}
		if known != nil {
			members, err = *known, nil
		}
	}
	if err != nil {
		b.log(ctx).Warn("members unknown", zap.Error(err))
		said = append(said, fmt.Sprintf(u.NoMembers, p.Gap(receipts.Gap{Part: receipts.MembersPart, Err: err})))
	} else {
		people := len(members.Without(b.Reporter.Excluded).UserIDs)
		said = append(said, fmt.Sprintf(u.Members, w.Sources[members.Source], people, reply.Clock(members.At, p.Now, p.Zone)))
	}

	refusals, err := b.Members.Refusals(ctx, in.Group)
	if err != nil {
		return reply.Answer{}, err
	}
	for _, r := range refusals {
		why := p.Gap(receipts.Gap{Part: receipts.MembersPart, Err: &receipts.NoListError{Reason: r.Reason}})
		said = append(said, fmt.Sprintf(u.Refused, u.Sources[r.Source], why, reply.Clock(r.Until, p.Now, p.Zone)))
	}

	pushed, err := b.Learned.LastPush(ctx, in.Group)
	switch {
	case err != nil:
		return reply.Answer{}, err
	case pushed.IsZero():
		said = append(said, u.NotPushed)
	default:
		said = append(said, fmt.Sprintf(u.Pushed, reply.Clock(pushed, p.Now, p.Zone)))
	}

	usage, err := b.Budget.CallUsage(ctx)
	if err != nil {
		return reply.Answer{}, err
	}
	said = append(said, p.Budget(usage)...)
	if !usage.QuotaSpentAt.IsZero() {
		said = append(said, fmt.Sprintf(u.Spent, reply.Clock(usage.QuotaSpentAt, p.Now, p.Zone)))
	}
	return reply.Say(append(said, p.Connected(b.Connections), fmt.Sprintf(u.Group, reply.Escape(in.Group)))...), nil
}
