package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"whoread/receipts"
)

// usage tells an administrator how the bot is doing in this group: whose members it
// counts and why, whether reads are pushed, what it has cost, and what the group is called
// in the configuration.
func (b *Bot) usage(ctx context.Context, w *words, in Incoming) (answer, error) {
	if !b.Access.may(Admins, in, receipts.Person{}) {
		return refuse(w.refusal(Admins)), nil
	}
	p, u := b.page(w, in.Group), w.Usage
	said := []string{fmt.Sprintf(u.Version, b.Version)}

	members, err := b.Members.Members(ctx, in.Group, receipts.Rights{})
	if errors.Is(err, receipts.ErrBudgetSpent) {
		known, failure := b.Members.Known(ctx, in.Group)
		if failure != nil {
			return answer{}, failure
		}
		if known != nil {
			members, err = *known, nil
		}
	}
	if err != nil {
		b.log(ctx).Warn("members unknown", zap.Error(err))
		said = append(said, fmt.Sprintf(u.NoMembers, p.gap(receipts.Gap{Part: receipts.MembersPart, Err: err})))
	} else {
		people := len(members.Without(b.Reporter.Excluded).UserIDs)
		said = append(said, fmt.Sprintf(u.Members, w.Sources[members.Source], people, clock(members.At, p.now, p.zone)))
	}

	refusals, err := b.Members.Refusals(ctx, in.Group)
	if err != nil {
		return answer{}, err
	}
	for _, r := range refusals {
		why := p.gap(receipts.Gap{Part: receipts.MembersPart, Err: &receipts.NoListError{Reason: r.Reason}})
		said = append(said, fmt.Sprintf(u.Refused, u.Sources[r.Source], why, clock(r.Until, p.now, p.zone)))
	}

	pushed, err := b.Learned.LastPush(ctx, in.Group)
	switch {
	case err != nil:
		return answer{}, err
	case pushed.IsZero():
		said = append(said, u.NotPushed)
	default:
		said = append(said, fmt.Sprintf(u.Pushed, clock(pushed, p.now, p.zone)))
	}

	usage, err := b.Budget.CallUsage(ctx)
	if err != nil {
		return answer{}, err
	}
	said = append(said, p.budget(usage)...)
	if !usage.QuotaSpentAt.IsZero() {
		said = append(said, fmt.Sprintf(u.Spent, clock(usage.QuotaSpentAt, p.now, p.zone)))
	}
	return say(append(said, p.connected(b.Connections), fmt.Sprintf(u.Group, escape(in.Group)))...), nil
}

// budget tells what the bot has used in this month, of what, and what limits it.
func (p page) budget(u CallUsage) []string {
	many := strconv.Itoa(u.Used)
	if u.CallsPerMonth > 0 {
		many = fmt.Sprintf(p.Usage.OfBudget, u.Used, u.CallsPerMonth, u.Used*100/u.CallsPerMonth)
	}
	var parts []string
	for _, api := range slices.SortedFunc(maps.Keys(u.ByAPI), func(a, b string) int {
		return cmp.Or(cmp.Compare(u.ByAPI[b], u.ByAPI[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", cmp.Or(p.Usage.APIs[api], api), u.ByAPI[api]))
	}
	of := ""
	if len(parts) > 0 {
		of = fmt.Sprintf(p.Usage.Of, strings.Join(parts, p.Comma))
	}
	said := []string{fmt.Sprintf(p.Usage.Calls, many, of, clock(u.MonthEnds, p.now, p.zone))}
	if u.Spent {
		said = append(said, p.Problems[receipts.BudgetSpent])
	}
	return append(said, fmt.Sprintf(p.Usage.PerSecond, u.CallsPerSecond))
}

// connected tells how many connections to DingTalk are up, and since when any was.
func (p page) connected(connections func() []time.Time) string {
	if connections == nil {
		return ""
	}
	all := connections()
	var up []time.Time
	for _, since := range all {
		if !since.IsZero() {
			up = append(up, since)
		}
	}
	if len(up) == 0 {
		return fmt.Sprintf(p.Usage.Cut, len(all))
	}
	return fmt.Sprintf(p.Usage.Connected, len(up), len(all), clock(slices.MinFunc(up, time.Time.Compare), p.now, p.zone))
}
