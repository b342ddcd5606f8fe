package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk/dingtalktest"
)

// The month that is simulated: an organisation of 300 people, all of them in one group,
// and thirty each in ten others.
const (
	monthPeople = 300
	monthTeam   = 30
	monthDays   = 30
	perDay      = 20 // announcements
)

// month is one way to live through it.
type month struct {
	what     string
	pushed   bool // reads are pushed
	everyone int  // how many announcements a day go to everybody, and not to a team
	most     int  // how many calls it may take
}

// benchMonth counts the calls and the pushes of a month against what DingTalk's standard
// edition allows. Time is that of the DingTalk, which is turned forward.
func (b *bench) benchMonth(ctx context.Context) error {
	const (
		allowed  = dingtalktest.StandardCallsPerMonth
		ordinary = allowed * 80 / 100 // design.md's promise for the default settings
	)
	for _, m := range []month{
		{what: "2 of 20 announcements a day to all 300", everyone: 2, most: ordinary},
		{what: "the same, reads are pushed", everyone: 2, pushed: true, most: ordinary},
		{what: "all announcements to all 300", everyone: perDay, most: allowed},
		{what: "all to all 300, reads are pushed", everyone: perDay, pushed: true, most: ordinary},
	} {
		cost, err := b.liveThrough(ctx, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		if b.brief {
			m.what += fmt.Sprintf(" (%d days)", b.days())
		}
		calls := cost.sends + cost.queries + cost.members
		b.report(figure{Bench: "month", What: "calls a month, " + m.what, Value: float64(calls), FloorIs: fmt.Sprintf(
			"%d announcements, %d queries, %d for members; %d pushes of %d", cost.sends, cost.queries, cost.members, cost.pushes, dingtalktest.StandardPushesPerMonth,
		)}.aim(fmt.Sprintf("at most %d", m.most), calls <= m.most))
	}
	return nil
}

// monthCost is what a month takes of DingTalk: counted calls by their kind, and pushes.
type monthCost struct{ sends, queries, members, pushes int }

func (b *bench) days() int { return b.pick(monthDays, 2) }

// liveThrough is one month: announcements at nine, whose readers are asked for after
// half an hour, after five and after eight and a half. Four in ten have read by the
// first time, 85 by the second and 95 of a hundred by the third; all by the next
// morning.
func (b *bench) liveThrough(ctx context.Context, m month) (cost monthCost, err error) {
	morning := time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("Shanghai", 8*60*60))
	began := time.Now()
	s, err := b.open(ctx, harnessOptions{travels: true, dingtalk: dingtalktest.Options{
		Now: func() time.Time { return morning.Add(time.Since(began)) },
	}, config: func(c *config.Config) {
		usual := config.Default()
		c.Members.CacheFor, c.Reports.FreshFor = usual.Members.CacheFor, usual.Reports.FreshFor
		c.Budget.CallsPerSecond, c.Budget.CallsPerMonth = 10_000, 0 // what it would take, allowed or not
	}})
	if err != nil {
		return cost, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	all, people := s.crowd(monthPeople)
	groups := []*dingtalktest.Group{all}
	crowds := [][]dingtalktest.Person{people}
	for i := range monthPeople / monthTeam {
		team := people[i*monthTeam : (i+1)*monthTeam]
		if i > 0 { // whoever announces is in every group
			team = append([]dingtalktest.Person{s.admin}, team[1:]...)
		}
		groups, crowds = append(groups, s.AddGroup(dingtalktest.GroupOptions{}, team...)), append(crowds, team)
	}
	s.Events(m.pushed, dingtalktest.EventRead)
	s.ResetCalls()
	last := make([]int, len(groups)) // the number of each group's last announcement
	type posted struct {
		group, number, read int
		message             dingtalktest.Message
	}
	// turn turns the clock, between two things that are done: a session webhook that
	// ends while a reply is on its way would cost a counted call instead.
	turn := func(to time.Time) error {
		if err := s.idle(ctx); err != nil {
			return err
		}
		s.Advance(to.Sub(s.Clock().Now()))
		return s.idle(ctx)
	}
	for day := range b.days() {
		if err := turn(morning.AddDate(0, 0, day)); err != nil {
			return cost, err
		}
		var today []*posted
		for i := range perDay {
			group := 0
			if i >= m.everyone {
				group = 1 + i%(len(groups)-1)
			}
			message, err := s.announce(ctx, groups[group], fmt.Sprintf("第 %d 天第 %d 条", day+1, i+1))
			if err != nil {
				return cost, err
			}
			last[group]++
			today = append(today, &posted{group: group, number: last[group], message: message})
		}
		readUpTo := func(percent int) error {
			for _, p := range today {
				crowd := crowds[p.group]
				until := len(crowd) * percent / 100
				if err := groups[p.group].ReadAll(p.message.ID, crowd[p.read:until]...); err != nil {
					return err
				}
				p.read = until
				if m.pushed {
					if err := s.kept(ctx, groups[p.group].ID(), p.number, until); err != nil {
						return err
					}
				}
			}
			return nil
		}
		for _, then := range []struct {
			after   time.Duration
			percent int
			asked   bool
		}{
			{30 * time.Minute, 40, true},
			{5 * time.Hour, 85, true},
			{8*time.Hour + 30*time.Minute, 95, true},
		} {
			if err := turn(morning.AddDate(0, 0, day).Add(then.after)); err != nil {
				return cost, err
			}
			if err := errors.Join(readUpTo(then.percent), s.idle(ctx)); err != nil {
				return cost, err
			}
			for _, p := range today {
				if !then.asked {
					break
				}
				if _, _, err := s.ask(ctx, groups[p.group], fmt.Sprintf("谁没读 #%d", p.number)); err != nil {
					return cost, err
				}
			}
		}
		if err := readUpTo(100); err != nil {
			return cost, err
		}
	}
	if err := turn(s.Clock().Now().Add(26 * time.Hour)); err != nil { // past the last sweep
		return cost, err
	}
	return monthCost{s.CallCount(dingtalktest.APISend), s.CallCount(dingtalktest.APIQuery), s.CallCount(dingtalktest.APIMembers), s.Pushed()}, nil
}

// kept waits until that many reads of a message are kept.
func (s *harness) kept(ctx context.Context, group string, number, reads int) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for {
		kept, err := s.records.Snapshot(ctx, group, number)
		if err != nil || len(kept.Reads) >= reads {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// idle waits until what was due is done: whatever is due is moved into the inbox every
// millisecond.
func (s *harness) idle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	scheduled := -1
	for quiet := 0; quiet < 5; quiet++ {
		time.Sleep(3 * time.Millisecond)
		depth, err := s.inbox.Depth(ctx)
		if err != nil {
			return err
		}
		if depth.Waiting+depth.Working > 0 || depth.Scheduled != scheduled {
			scheduled, quiet = depth.Scheduled, 0
		}
	}
	return nil
}
