package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"whoread/cmd/internal/app"
	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
)

// laterWithin is the aim of all but the last 1% of announcements, where the limit of calls does
// not need longer.
const laterWithin = 10 * time.Second

// benchLater measures how late announcements are posted that are for the same time, at the
// calls a second that the standard edition allows.
func (b *bench) benchLater(ctx context.Context) error {
	for _, n := range []int{1, b.pick(100, 2), b.pick(1_000, 3)} {
		if err := b.later(ctx, n); err != nil {
			return fmt.Errorf("%d at once: %w", n, err)
		}
	}
	return nil
}

func (b *bench) later(ctx context.Context, n int) (err error) {
	looks := app.DefaultEnv("").DueEvery
	s, err := b.open(ctx, harnessOptions{travels: true, due: looks, config: func(c *config.Config) {
		c.Budget.CallsPerSecond, c.Budget.CallsPerMonth = 10_000, 0 // until all is scheduled
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	groups, _ := s.crowds(n, 10)
	zone, err := time.LoadLocation(s.config.Reminders.TimeZone)
	if err != nil {
		return err
	}
	due := s.Clock().Now().In(zone).Truncate(time.Minute).Add(2 * time.Hour)
	if err := s.sayInAll(ctx, groups, "公告 "+due.Format("15:04")+"发 大事"); err != nil {
		return err
	}
	if err := s.answered(ctx, groups); err != nil {
		return err
	}
	if err := s.slowDown(dingtalk.DefaultCallsPerSecond); err != nil {
		return err
	}
	s.Inject(dingtalktest.Fault{Kind: dingtalktest.SlowAnswer, Delay: b.latency})
	s.Advance(due.Sub(s.Clock().Now()) - 2*looks) // so that the bot has looked at its schedule by then
	ctx, cancel := context.WithTimeout(ctx, 10*answerTimeout)
	defer cancel()
	late := make([]float64, n)
	for i, g := range groups {
		m, err := g.WaitMessage(ctx, func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaSend })
		if err != nil {
			return fmt.Errorf("never posted: %w", err)
		}
		late[i] = milliseconds(m.At.Sub(due))
	}
	what := fmt.Sprintf("an announcement for later, %d at once, ", n)
	needed := float64(n) / dingtalk.DefaultCallsPerSecond * 1000
	p99, most := quantile(late, 0.99), max(1.1*needed, milliseconds(laterWithin))
	b.report(figure{Bench: "later", What: what + "p99", Value: p99, Unit: "ms"}.
		against(needed, fmt.Sprintf("the limit of calls; median %s", amount(median(late), "ms"))).
		aim(fmt.Sprintf("at most %s", amount(most, "ms")), p99 <= most))
	return nil
}
