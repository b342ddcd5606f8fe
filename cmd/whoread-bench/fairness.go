package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"whoread/cmd/internal/config"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/dingtalktest"
)

// Aims of an answer that asks DingTalk nothing, and of a question of one page.
const (
	helpWithin     = 500 * time.Millisecond
	questionWithin = 3 * time.Second
)

// crowdedness is what others want of the bot while somebody in a small group asks.
type crowdedness struct {
	behind   string
	groups   int
	members  int
	announce string // in each of the groups
	read     bool   // by nearly all, so that a question has as many pages as there can be
	// begin has it all wanted at once.
	begin func(ctx context.Context, s *harness, groups []*dingtalktest.Group) error
	// hangs is an API that does not answer meanwhile. Where it is that of the readers, no question is asked.
	hangs string
}

// benchFairness measures how long a small group waits behind everybody else, at the calls a
// second that the standard edition allows.
func (b *bench) benchFairness(ctx context.Context) error {
	few := func(n int) int { return b.pick(n, max(1, n/50)) }
	everyone := func(text string) func(ctx context.Context, s *harness, groups []*dingtalktest.Group) error {
		return func(ctx context.Context, s *harness, groups []*dingtalktest.Group) error {
			return s.sayInAll(ctx, groups, text)
		}
	}
	for _, c := range []crowdedness{
		{behind: "nobody", groups: 1, members: 10, announce: "公告 大事", begin: everyone("帮助")},
		{behind: fmt.Sprintf("%d `who read` of groups of 900", few(300)), groups: few(300), members: 900, announce: "公告 大事", read: true, begin: everyone("谁读了")},
		{behind: fmt.Sprintf("%d `who read` of groups of 3,000", few(20)), groups: few(20), members: 3_000, announce: "公告 大事", read: true, begin: everyone("谁读了")},
		{behind: fmt.Sprintf("%d sweeps due", few(10_500)), groups: few(300), members: 10, announce: "公告 大事", begin: sweepsDue(few(10_500))},
		{behind: fmt.Sprintf("%d follow-ups due", few(300)), groups: few(300), members: 10, announce: "公告 每30分钟 大事", begin: func(_ context.Context, s *harness, _ []*dingtalktest.Group) error {
			s.Advance(31 * time.Minute)
			return nil
		}},
		{behind: fmt.Sprintf("%d reminders of 1,000 in private", few(16)), groups: few(16), members: 1_000, announce: "公告 大事", begin: everyone("提醒 私信")},
		{behind: fmt.Sprintf("%d `who read` while queries hang", few(300)), groups: few(300), members: 10, announce: "公告 大事", begin: everyone("谁读了"), hangs: dingtalktest.APIQuery},
		{behind: fmt.Sprintf("%d reminders of 1,000 while private messages hang", few(16)), groups: few(16), members: 1_000, announce: "公告 大事", begin: everyone("提醒 私信"), hangs: dingtalktest.APIDirect},
	} {
		if err := b.crowd(ctx, c); err != nil {
			return fmt.Errorf("behind %s: %w", c.behind, err)
		}
	}
	return nil
}

// crowd measures one.
func (b *bench) crowd(ctx context.Context, c crowdedness) (err error) {
	small := b.pick(200, 2)
	s, err := b.open(ctx, harnessOptions{travels: true, config: func(cfg *config.Config) {
		cfg.Budget.CallsPerSecond, cfg.Budget.CallsPerMonth = 10_000, 0 // until all is announced
		cfg.Members.CacheFor = config.Default().Members.CacheFor
		cfg.Reminders.AskAbove = 0 // it is the load of reminders that counts
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	groups, people := s.crowds(c.groups, c.members)
	asking, _ := s.crowds(2*small, 10)
	if err := s.sayInAll(ctx, asking, "公告 小事"); err != nil {
		return err
	}
	if err := s.sayInAll(ctx, groups, c.announce); err != nil {
		return err
	}
	if err := s.answered(ctx, append(slices.Clone(groups), asking...)); err != nil {
		return err
	}
	if c.read {
		for _, g := range groups {
			for _, m := range g.Messages() {
				if m.Via == dingtalktest.ViaSend {
					if err := g.ReadAll(m.ID, people[:len(people)*95/100]...); err != nil {
						return err
					}
				}
			}
		}
	}
	if err := s.slowDown(dingtalk.DefaultCallsPerSecond); err != nil {
		return err
	}
	s.Inject(dingtalktest.Fault{Kind: dingtalktest.SlowAnswer, Delay: b.latency})
	if c.hangs != "" {
		s.Inject(dingtalktest.Fault{API: c.hangs, Kind: dingtalktest.Slow, Delay: time.Hour})
	}
	if err := c.begin(ctx, s, groups); err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond) // the bot has it all by then
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)

	const every = 150 * time.Millisecond
	var (
		mu              sync.Mutex
		helps, question []float64
		all             errgroup.Group
	)
	probe := func(g *dingtalktest.Group, text string, into *[]float64) {
		all.Go(func() error {
			took, err := s.asked(ctx, g, text)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			*into = append(*into, milliseconds(took))
			return nil
		})
	}
	for i := range small {
		probe(asking[2*i], "帮助", &helps)
		if c.hangs != dingtalktest.APIQuery {
			probe(asking[2*i+1], "谁没读", &question)
		}
		time.Sleep(every)
	}
	if err := all.Wait(); err != nil {
		return err
	}
	tell := func(what string, took []float64, within time.Duration) {
		if len(took) == 0 {
			return
		}
		p99 := quantile(took, 0.99)
		b.report(figure{Bench: "fairness", What: what + " behind " + c.behind + ", p99", Value: p99, Unit: "ms"}.
			against(0, fmt.Sprintf("median %s; %d MB of heap in use by bot and DingTalk", amount(median(took), "ms"), memory.HeapInuse>>20)).
			aim(fmt.Sprintf("at most %s", amount(milliseconds(within), "ms")), p99 <= milliseconds(within)))
	}
	tell("`help`", helps, helpWithin)
	tell("a question of one page", question, questionWithin)
	return nil
}

// crowds makes n groups of the same people, the administrator among them.
func (s *harness) crowds(n, members int) ([]*dingtalktest.Group, []dingtalktest.Person) {
	first, people := s.crowd(members)
	groups := []*dingtalktest.Group{first}
	for range n - 1 {
		groups = append(groups, s.AddGroup(dingtalktest.GroupOptions{}, people...))
	}
	return groups, people
}

// sayInAll has the administrator say the same in every group, as fast as the bot takes it.
func (s *harness) sayInAll(ctx context.Context, groups []*dingtalktest.Group, text string) error {
	all, _ := errgroup.WithContext(ctx)
	all.SetLimit(50)
	for _, g := range groups {
		all.Go(func() error {
			_, err := g.Say(s.admin, dingtalktest.Say{Text: text})
			return err
		})
	}
	return all.Wait()
}

// answered waits until the bot has replied in every group.
func (s *harness) answered(ctx context.Context, groups []*dingtalktest.Group) error {
	ctx, cancel := context.WithTimeout(ctx, 10*answerTimeout)
	defer cancel()
	for _, g := range groups {
		if _, err := g.WaitMessage(ctx, func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaWebhook }); err != nil {
			return fmt.Errorf("no reply: %w", err)
		}
	}
	return s.idle(ctx)
}

// asked is how long somebody waits for the reply in a group where nobody else asks.
func (s *harness) asked(ctx context.Context, g *dingtalktest.Group, text string) (time.Duration, error) {
	before := map[string]bool{}
	for _, m := range g.Messages() {
		before[m.ID] = true
	}
	ctx, cancel := context.WithTimeout(ctx, 5*answerTimeout)
	defer cancel()
	began := time.Now()
	if _, err := g.Say(s.admin, dingtalktest.Say{Text: text}); err != nil {
		return 0, err
	}
	_, err := g.WaitMessage(ctx, func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaWebhook && !before[m.ID] })
	if err != nil {
		return 0, fmt.Errorf("no reply to %q: %w", text, err)
	}
	return time.Since(began), nil
}

// sweepsDue has that many sweeps fall due at once: those that announcements have scheduled,
// again and again.
func sweepsDue(n int) func(ctx context.Context, s *harness, groups []*dingtalktest.Group) error {
	return func(ctx context.Context, s *harness, groups []*dingtalktest.Group) error {
		for i := 0; i < n; {
			for _, g := range groups {
				scheduled, err := s.inbox.Scheduled(ctx, g.ID())
				if err != nil {
					return err
				}
				for _, j := range scheduled {
					if j.Kind != receipts.SweepJob || i >= n {
						continue
					}
					i++
					j.ID, j.At = fmt.Sprint("sweep of the bench ", i), s.Clock().Now()
					if err := s.inbox.Schedule(ctx, j); err != nil {
						return err
					}
					break
				}
			}
		}
		return nil
	}
}
