package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"whoread/bot"
	commands "whoread/bot/command"
	"whoread/bot/stream"
	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// app is the bot with everything it stands on.
type app struct {
	log     *zap.Logger
	store   *store.Store
	client  *dingtalk.Client
	counter *bot.CallCounter
	budget  *bot.Budget
	inbox   *store.Inbox
	pushes  *bot.Pushes
	quota   *bot.Quota
	bot     atomic.Pointer[bot.Bot] // with the settings that are in effect
	stream  *stream.Client
	timing  timing

	metrics    *ops.Metrics
	listen     string       // for operations
	operations http.Handler // what administrators and their programs ask

	membersSince time.Time // when the settings about members last changed; zero if not since the start
}

// timing is what tests and the demo change to travel in time: the clock that
// everything but timeouts goes by, how often it is looked for what is due, and after
// how long another process takes over what one has left.
type timing struct {
	now      func() time.Time
	dueEvery time.Duration
	lease    time.Duration
	// configEvery is how often it is looked whether the configuration has changed.
	configEvery time.Duration
	// keepAlive is after how long a silent connection is probed; 0 for the usual time.
	keepAlive time.Duration
	// Tests watch what goes to Redis and to DingTalk's API; nil otherwise.
	hook      redis.Hook
	transport http.RoundTripper
}

// wallClock is the timing of a real bot: what is scheduled is due in minutes, not in
// seconds.
func wallClock() timing {
	return timing{now: time.Now, dueEvery: 5 * time.Second, lease: time.Minute, configEvery: 2 * time.Second}
}

// newApp wires the app, which m tells of. It connects to nothing yet; close ends it.
func newApp(c config.Config, t timing, log *zap.Logger, m *ops.Metrics) (*app, error) {
	records, err := newStore(c, t.hook, m.ObserveRedis)
	if err != nil {
		return nil, err
	}
	counter := bot.NewCallCounter(records, t.now, log)
	budget := bot.NewBudget(counter, c.Budget.Limits())
	coolApps := &bot.CoolApps{Records: records, Configured: c.DingTalk.CoolAppCode, Log: log}
	quota := bot.NewQuota(t.now)
	observe := func(call dingtalk.Call) {
		counter.Observe(call)
		quota.Observe(call)
		m.ObserveCall(call)
	}
	client, err := newClient(c, t, log, coolApps.Code, observe, records, budget.Within, quota.Within)
	if err != nil {
		counter.Close()
		return nil, errors.Join(err, records.Close())
	}
	inboxOptions := store.DefaultInboxOptions()
	inboxOptions.Now, inboxOptions.DueEvery, inboxOptions.Lease = t.now, t.dueEvery, t.lease
	inboxOptions.Mark = bot.WithRequest
	a := &app{
		log: log, store: records, client: client, counter: counter, budget: budget, quota: quota, metrics: m, timing: t,
		inbox: records.Inbox(inboxOptions, log), pushes: bot.NewPushes(records, t.now, log),
	}
	options, err := a.options(c)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.bot.Store(bot.New(options))
	a.stream, err = stream.New(stream.Config{
		ClientID: c.DingTalk.ClientID, ClientSecret: string(c.DingTalk.ClientSecret), APIURL: c.DingTalk.APIURL,
		Topics: []string{bot.MessageTopic}, Events: true, Handle: a.take, Connections: c.DingTalk.Connections, KeepAlive: t.keepAlive, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	probes := &ops.Health{Ping: records.Ping, Status: a.stream.Status, Now: time.Now}
	m.Watch(&ops.State{
		Redis: probes.Redis, Depth: a.inbox.Depth, Calls: budget.Used, Spent: func() bool { return !quota.SpentSince().IsZero() },
		Limit: func() int64 { return int64(budget.Limits().CallsPerMonth) }, Status: a.stream.Status, Now: time.Now,
	})
	a.listen, a.operations = c.HTTP.Listen, ops.Handler(probes, m, c.HTTP.PProf)
	return a, nil
}

// options are the bot's settings, and what stands on them.
func (a *app) options(c config.Config) (bot.Options, error) {
	zone, err := time.LoadLocation(c.Reminders.TimeZone)
	if err != nil {
		return bot.Options{}, fmt.Errorf("time zone: %w", err)
	}
	reminders, err := c.ReminderOptions(zone)
	if err != nil {
		return bot.Options{}, err
	}
	records, now := a.store, a.timing.now
	platform := &bot.Platform{Client: a.client, Now: now}
	learned := receipts.LearnedMembers{Records: records, Now: now}
	sources := append(platform.MemberSources(c.RosterOptions()), learned)
	members := receipts.NewMemberBook(records, time.Duration(c.Members.CacheFor), now, chosenSources(c.Members.Source, sources)...)
	members.Since = a.membersSince
	members.Refused = func(ctx context.Context, group string, r receipts.Refusal, err error) {
		bot.LogOf(ctx, a.log).Warn("a source of members will not be asked for a while", zap.String("group", group), zap.String("source", string(r.Source)),
			zap.String("reason", r.Reason), zap.Time("until", r.Until), zap.Error(err))
	}
	reporter := &receipts.Reporter{
		Records: records, Members: members, Readers: platform, Excluded: c.Members.Exclude,
		Fresh: time.Duration(c.Reports.FreshFor), Now: now,
	}
	return bot.Options{
		Inbox:     inbox{a.inbox},
		Announcer: &receipts.Announcer{Records: records, Members: members, Sender: platform, Now: now},
		Reporter:  reporter,
		Prompter:  &receipts.Prompter{Records: records, Cooldown: time.Duration(c.Reminders.Cooldown), Now: now},
		Follower:  &receipts.Follower{Records: records, Now: now},
		Recaller:  &receipts.Recaller{Records: records, Source: platform, Readers: platform},
		Names:     &receipts.NameBook{Records: records, Directory: platform},
		Members:   members,
		Pushes:    records,
		Postings:  records,
		Webhooks:  records,
		Groups:    records,
		Learned:   learned,
		Budget:    a.budget,
		Quota:     a.quota,
		Client:    a.client,
		Observer:  a.metrics,
		Version:   versionText(),
		RobotCode: c.DingTalk.RobotCode,
		Access: bot.Access{
			Groups: c.Access.Groups, Admins: c.Access.Admins,
			Announce: c.Access.Announce, Report: c.Access.Report,
			Remind: c.Access.Remind, Recall: c.Access.Recall,
		},
		Language: spoken(c.Reports.Language), Default: defaultLanguage(c.DingTalk.Site),
		Sweep: c.Reports.Sweeps(), MaxNames: c.Reports.MaxNames, Direct: c.Reports.To == "direct",
		Reminders: reminders,
		Zone:      zone, Now: now, Log: a.log, Connections: a.connections,
	}, nil
}

// apply puts other settings into effect for the commands that begin from now on; those
// at work finish with theirs. What the bot was built on stays: the client, the
// connections and the way to Redis. Members tells whether the settings about members
// are others. It is not for concurrent use.
func (a *app) apply(c config.Config, members bool) error {
	if members {
		a.membersSince = a.timing.now()
	}
	o, err := a.options(c)
	if err != nil {
		return err
	}
	a.bot.Store(a.bot.Load().With(o))
	a.store.SetKeepFor(time.Duration(c.Reports.KeepFor))
	a.client.SetCallsPerSecond(c.Budget.CallsPerSecond)
	a.budget.Set(c.Budget.Limits())
	return nil
}

// Work implements store.Worker by the bot with the settings that are in effect.
func (a *app) Work(ctx context.Context, j receipts.Job, takenOver bool) error {
	return a.bot.Load().Work(ctx, j, takenOver)
}

// GiveUp implements store.Worker.
func (a *app) GiveUp(ctx context.Context, j receipts.Job, takenOver bool, reason error) {
	a.bot.Load().GiveUp(ctx, j, takenOver, reason)
}

// connections are since when each of them is up.
func (a *app) connections() []time.Time {
	var up []time.Time
	for _, c := range a.stream.Status().Connections {
		up = append(up, c.UpSince)
	}
	return up
}

// take hands what DingTalk pushes to the bot.
func (a *app) take(ctx context.Context, f stream.Frame) error {
	if f.Type == stream.TypeEvent {
		err := a.bot.Load().Event(ctx, f.EventType, f.Born, f.Age, f.Data)
		if err == nil {
			a.pushes.Note(ctx, f.EventType)
		}
		return err
	}
	a.bot.Load().Accept(ctx, f.MessageID, f.Data)
	a.pushes.Note(ctx, bot.PushedMessage)
	return nil
}

// run connects and works until ctx ends: then it takes no more frames, gives the
// commands at work time to finish, and returns.
func (a *app) run(ctx context.Context) error {
	probes, err := ops.Listen(ctx, a.listen, a.operations, a.log)
	if err != nil {
		return err
	}
	if err := a.store.Ping(ctx); err != nil {
		// It may come back. Until then everybody who asks is told.
		a.log.Error("Redis does not answer", zap.Error(err))
	}
	working, finish := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { a.inbox.Run(working, store.Workers{bot.MessageJob: a, bot.SweepJob: a, bot.FollowUpJob: a}) })
	if probes != nil {
		running.Go(func() {
			if err := probes.Run(); err != nil {
				a.log.Error("probes are not answered any more", zap.Error(err))
			}
		})
	}
	err = a.stream.Run(ctx)
	finish()
	if probes != nil {
		err = errors.Join(err, probes.Close(ctx))
	}
	running.Wait()
	return err
}

// close releases what newApp took; run must have returned.
func (a *app) close() error {
	if b := a.bot.Load(); b != nil {
		b.Close() // for all that were before it
	}
	a.client.Close()
	a.counter.Close()
	return a.store.Close()
}

// inbox gives the bot's name to the store's error.
type inbox struct{ *store.Inbox }

func (i inbox) Accept(ctx context.Context, j receipts.Job) (bool, error) {
	fresh, err := i.Inbox.Accept(ctx, j)
	if errors.Is(err, store.ErrInboxFull) {
		err = fmt.Errorf("%w: %w", bot.ErrBusy, err)
	}
	return fresh, err
}

// newClient returns a client of DingTalk's API that asks coolApp for the cool apps of
// groups and tells observe of each call. Limits, withinBudget and withinQuota may be nil.
func newClient(c config.Config, t timing, log *zap.Logger, coolApp func(ctx context.Context, group string) string, observe func(dingtalk.Call),
	limits dingtalk.Limiter, withinBudget, withinQuota func() bool,
) (*dingtalk.Client, error) {
	return dingtalk.New(dingtalk.Config{
		ClientID: c.DingTalk.ClientID, ClientSecret: dingtalk.NewSecret(string(c.DingTalk.ClientSecret)),
		RobotCode: c.DingTalk.RobotCode, CoolAppCode: coolApp,
		APIURL: c.DingTalk.APIURL, OapiURL: c.DingTalk.OapiURL,
		CallsPerSecond: c.Budget.CallsPerSecond, Now: t.now, Transport: t.transport,
		Limits: limits, WithinBudget: withinBudget, WithinQuota: withinQuota,
		Warn: func(ctx context.Context, err error) {
			bot.LogOf(ctx, log).Warn("DingTalk is called without what is shared", zap.Error(err))
		},
		Observe: func(ctx context.Context, call dingtalk.Call) {
			observe(call)
			log := bot.LogOf(ctx, log).With(zap.String("api", call.API), zap.Duration("took", call.Took), zap.Bool("counted", call.Counted))
			if f := call.Failure; f != nil {
				log.Warn("a call of DingTalk failed", zap.String("kind", string(f.Kind)), zap.Int("status", f.HTTPStatus),
					zap.String("code", f.Code), zap.String("dingtalk_request_id", f.RequestID), zap.Error(f))
				return
			}
			log.Debug("called DingTalk")
		},
	})
}

// newStore opens the store of the configuration; hook and observe may be nil.
func newStore(c config.Config, hook redis.Hook, observe func(took time.Duration, failed bool)) (*store.Store, error) {
	o, err := c.StoreOptions()
	if err != nil {
		return nil, err
	}
	o.Hook, o.Observe = hook, observe
	return store.Open(o)
}

// chosenSources keeps the sources that members.source names.
func chosenSources(chosen string, all []receipts.MemberSource) []receipts.MemberSource {
	wanted := map[string]receipts.Source{"scene": receipts.SceneGroup, "chat": receipts.Chat, "roster": receipts.Roster, "learned": receipts.Learned}
	var sources []receipts.MemberSource
	for _, source := range all {
		if chosen == "auto" || wanted[chosen] == source.Source() {
			sources = append(sources, source)
		}
	}
	return sources
}

// spoken is the language of reports.language; empty for auto.
func spoken(language string) commands.Language {
	if language == "auto" {
		return ""
	}
	return commands.Language(language)
}

// defaultLanguage is spoken where nobody has said anything yet.
func defaultLanguage(site string) commands.Language {
	if site == "io" {
		return commands.English
	}
	return commands.Chinese
}
