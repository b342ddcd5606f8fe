package bot

import (
	"context"
	"fmt"

	"whoread/bot/reply"
	"whoread/receipts"
)

// usage tells an administrator how the bot is doing in this group: whose members it
// counts and why, whether reads are pushed, what it has cost, and what the group is called
// in the configuration.
func (r *request) usage(ctx context.Context) (reply.Answer, error) {
	status, err := r.Service.Status(ctx, r.by, r.in.Group)
	if err != nil {
		return reply.Answer{}, err
	}
	p, u := r.page(nil), r.w.Usage
	why := func(gap error) string { return p.Gap(receipts.Gap{Part: receipts.MembersPart, Err: gap}) }
	said := []string{fmt.Sprintf(u.Version, r.Version)}
	if m := status.Members; m != nil {
		said = append(said, fmt.Sprintf(u.Members, r.w.Sources[m.Source], len(m.UserIDs), reply.Clock(m.At, p.Now, p.Zone)))
	} else {
		said = append(said, fmt.Sprintf(u.NoMembers, why(status.NoMembers)))
	}
	for _, refusal := range status.Refusals {
		reason := why(&receipts.NoListError{Reason: refusal.Reason})
		said = append(said, fmt.Sprintf(u.Refused, u.Sources[refusal.Source], reason, reply.Clock(refusal.Until, p.Now, p.Zone)))
	}
	if status.LastPush.IsZero() {
		said = append(said, u.NotPushed)
	} else {
		said = append(said, fmt.Sprintf(u.Pushed, reply.Clock(status.LastPush, p.Now, p.Zone)))
	}
	usage, err := r.Budget.CallUsage(ctx)
	if err != nil {
		return reply.Answer{}, err
	}
	said = append(said, p.Budget(usage)...)
	if !usage.QuotaSpentAt.IsZero() {
		said = append(said, fmt.Sprintf(u.Spent, reply.Clock(usage.QuotaSpentAt, p.Now, p.Zone)))
	}
	said = append(said, p.ClocksOff(r.ClocksOff)...)
	return reply.Say(append(said, p.Connected(r.Connections), fmt.Sprintf(u.Group, reply.Escape(r.in.Group)))...), nil
}
