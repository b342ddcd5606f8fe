// Package app makes the bot of a configuration: New is the only place where the packages are
// put together, for the program, the demo, the bench and the tests. It has no flags, no
// signals and no exit codes.
package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"whoread/bot"
	commands "whoread/bot/command"
	"whoread/bot/reply"
	"whoread/bot/stream"
	"whoread/cmd/internal/api"
	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/budget"
	"whoread/receipts/platform"
	"whoread/store"
)

// App is the bot with everything that it stands on. New makes it, Run runs it until its
// context ends, and Close releases what New took.
type App struct {
	env         Env
	log         *zap.Logger
	store       *store.Store
	records     *receipts.Remembering // the store's
	client      *dingtalk.Client
	budget      *budget.Budget
	inbox       *store.Inbox
	clocks      *clocks
	pushes      *pushNotes
	batch       *store.PushBatch     // of the reads that are pushed
	bots        atomic.Pointer[bots] // with the settings that are in effect
	stream      *stream.Client
	metrics     *ops.Metrics
	endpoint    http.Handler // of health checks and metrics
	listen      string       // its address, as http.listen has it
	api         *api.API
	apiListen   string                          // its address; empty if it is off
	certificate atomic.Pointer[tls.Certificate] // its own; nil without TLS
	resources   lifecycle                       // that New took

	membersSince time.Time // when the settings about members last changed; zero if not since the start
}

// Env is what differs between the program, the demo, the bench and tests.
type Env struct {
	Now         func() time.Time  // the clock of everything but timeouts
	DueEvery    time.Duration     // between two searches for jobs that are due
	Lease       time.Duration     // of a job, after which another process takes it over; 0: the inbox's own
	ConfigEvery time.Duration     // between two comparisons of the files of the configuration
	KeepAlive   time.Duration     // after which a silent connection is probed; 0: the stream's own
	Silence     time.Duration     // after which it is replaced, whatever it answers; 0: the stream's own
	Hook        redis.Hook        // sees what goes to Redis; may be nil
	Transport   http.RoundTripper // of the calls of DingTalk's API; nil: http's own
	Version     string            // of whoread
}

// DefaultEnv returns the Env of the program.
func DefaultEnv(version string) Env {
	return Env{Now: time.Now, DueEvery: 5 * time.Second, ConfigEvery: 2 * time.Second, Version: version}
}

// Bounds of the stops. They are longer than what is stopped needs at worst, so that only what
// hangs is left behind.
const (
	stopTimeout  = 5 * time.Second
	inboxTimeout = 25 * time.Second // jobs at work may go on for 15 s, and what is not finished is released
	botTimeout   = 20 * time.Second // people are told for up to 15 s that nothing was done
)

// New makes an App that counts in m. It connects to nothing yet.
func New(c config.Config, e Env, log *zap.Logger, m *ops.Metrics) (_ *App, err error) {
	a := &App{env: e, log: log, metrics: m, listen: c.HTTP.Listen}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.store, err = OpenStore(c, e.Hook, m.ObserveRedis); err != nil {
		return nil, err
	}
	a.resources.onStop("store", stopTimeout, a.store.Close)
	a.records = receipts.Remember(a.store)
	a.batch = store.NewPushBatch(a.store)
	a.resources.onStop("pushed reads", stopTimeout, func() error { a.batch.Close(); return nil })
	counter, quota := budget.NewCounter(a.store, e.Now, log), budget.NewQuota(e.Now)
	a.resources.onStop("count of calls", stopTimeout, func() error { counter.Close(); return nil })
	a.budget = budget.New(counter, quota, c.Budget.Limits(), e.Now, log)
	coolApps := &platform.CoolApps{Records: a.store, Configured: c.DingTalk.CoolAppCode, Log: receipts.RequestLog(log)}
	a.clocks = newClocks(e.Now, log, m.ClockOffset)
	observe := func(call dingtalk.Call) {
		a.clocks.call(call)
		counter.Observe(call)
		quota.Observe(call)
		m.ObserveCall(call)
	}
	if a.client, err = NewClient(c, e, log, coolApps.Code, observe, a.store, a.budget.Within, quota.Within); err != nil {
		return nil, err
	}
	a.resources.onStop("client of DingTalk", stopTimeout, func() error { a.client.Close(); return nil })
	inboxOptions := store.DefaultInboxOptions()
	inboxOptions.Now, inboxOptions.DueEvery, inboxOptions.Lease = e.Now, e.DueEvery, cmp.Or(e.Lease, inboxOptions.Lease)
	inboxOptions.Mark = receipts.WithRequest
	a.inbox = a.store.Inbox(inboxOptions, log)
	a.pushes = newPushNotes(a.store, e.Now, log)
	if err := a.start(c, bot.New); err != nil {
		return nil, err
	}
	a.apiListen = c.API.Listen
	a.api = api.New(api.Config{
		Service: func() api.Service { return a.bots.Load().service }, Records: a.store, Observer: m, Now: e.Now, Log: log,
	})
	if err := a.admit(c); err != nil {
		return nil, err
	}
	a.resources.onStop("bot", botTimeout, func() error { a.bots.Load().people.Close(); return nil }) // and all that were before it
	a.stream, err = stream.New(stream.Config{
		ClientID: c.DingTalk.ClientID, ClientSecret: string(c.DingTalk.ClientSecret), APIURL: c.DingTalk.APIURL,
		Topics: []string{bot.MessageTopic}, Events: true, Handle: a.take, Connections: c.DingTalk.Connections, KeepAlive: e.KeepAlive, Silence: e.Silence, Log: log,
	})
	if err != nil {
		return nil, err
	}
	health := &ops.Health{Ping: a.clocks.ping(a.store), Status: a.stream.Status, Now: time.Now}
	m.Watch(&ops.State{
		Redis: health.Redis, Depth: a.inbox.Depth, Calls: a.budget.Used, Spent: func() bool { return !quota.SpentSince().IsZero() },
		Limit: func() int64 { return int64(a.budget.Limits().CallsPerMonth) }, Status: a.stream.Status, Now: time.Now,
	})
	a.endpoint = ops.Handler(health, m, c.HTTP.PProf)
	return a, nil
}

// bots are one bot by two ways to DingTalk: what people wait for goes first.
type bots struct {
	people, scheduled *bot.Bot
	service           *receipts.Service // of people
}

// of returns the bot for a job.
func (b *bots) of(j receipts.Job) *bot.Bot {
	if j.At.IsZero() {
		return b.people
	}
	return b.scheduled
}

// start puts the bots with these settings into effect; begin makes the first of them.
func (a *App) start(c config.Config, begin func(bot.Options) *bot.Bot) error {
	people, err := a.options(c, false)
	if err != nil {
		return err
	}
	scheduled, err := a.options(c, true)
	if err != nil {
		return err
	}
	first := begin(people)
	a.bots.Store(&bots{first, first.Reconfigure(scheduled), people.Service})
	return nil
}

// admit puts the tokens and the certificate of the API into effect.
func (a *App) admit(c config.Config) error {
	access := api.Access{Groups: c.Groups}
	secrets, err := c.API.Secrets()
	if err != nil {
		return err
	}
	for i, t := range c.API.Tokens {
		token := api.Token{Name: t.Name, Secret: receipts.NewSecret(string(secrets[i])), Groups: t.Groups}
		for _, right := range t.Rights() {
			token.May = append(token.May, receipts.Right(right))
		}
		access.Tokens = append(access.Tokens, token)
	}
	certificate, err := c.API.Certificate()
	if err != nil {
		return fmt.Errorf("api.tls_cert_file: %w", err)
	}
	a.certificate.Store(certificate)
	a.api.SetAccess(access)
	return nil
}

// options returns the bot's settings, and what stands on them, for what people wait for or
// for what is scheduled.
func (a *App) options(c config.Config, scheduled bool) (bot.Options, error) {
	settings, err := c.Service()
	if err != nil {
		return bot.Options{}, err
	}
	settings.MembersSince = a.membersSince
	now, log := a.env.Now, receipts.RequestLog(a.log)
	dingTalk := &platform.Platform{Client: a.client, DingType: c.Reminders.DingType(), Now: now, Scheduled: scheduled}
	sources := append(dingTalk.MemberSources(c.RosterOptions()), receipts.LearnedMembers{Records: a.store, Now: now})
	presenter := reply.Presenter{
		MaxNames: settings.MaxNames, Zone: settings.Zone, Quiet: settings.Reminders.Quiet, Now: now, Fits: dingTalk.Fits, Unsigned: !c.Announcements.Signature,
		Language: spoken(c.Reports.Language), Default: defaultLanguage(c.DingTalk.Site),
	}
	return bot.Options{
		Service: receipts.NewService(receipts.Ports{
			Store: a.records, Pushes: a.batch, Platform: dingTalk, Sources: ChosenSources(c.Members.Source, sources),
			Jobs: a.inbox, Queue: a.inbox, Presenter: presenter, Now: now, Log: log,
		}, settings),
		Presenter: presenter, Inbox: inbox{a.inbox}, Budget: callUsage{a.budget}, Observer: a.metrics,
		Process: bot.Process{Version: a.env.Version, Connections: a.connections, ClocksOff: a.clocks.off}, RobotCode: c.DingTalk.RobotCode,
		Phrases: c.Log.Phrases, Now: now, Log: log,
	}, nil
}

// Apply puts other settings into effect for the jobs that begin from now on; those at work
// finish with theirs. The client's credentials, the connections and the way to Redis stay.
// Members reports whether the settings about members have changed. It is not for concurrent
// use.
func (a *App) Apply(c config.Config, members bool) error {
	if members {
		a.membersSince = a.env.Now()
	}
	if err := a.start(c, a.bots.Load().people.Reconfigure); err != nil {
		return err
	}
	if err := a.admit(c); err != nil {
		return err
	}
	a.store.SetKeepFor(time.Duration(c.Reports.KeepFor))
	a.client.SetCallsPerSecond(c.Budget.CallsPerSecond)
	a.budget.SetLimits(c.Budget.Limits())
	return nil
}

// Work implements store.Worker by the bot with the settings that are in effect.
func (a *App) Work(ctx context.Context, j receipts.Job, takenOver bool) error {
	return a.bots.Load().of(j).Work(ctx, j, takenOver)
}

// GiveUp implements store.Worker.
func (a *App) GiveUp(ctx context.Context, j receipts.Job, takenOver bool, reason error) {
	a.bots.Load().of(j).GiveUp(ctx, j, takenOver, reason)
}

// connections returns since when each connection is up; zero if it is not.
func (a *App) connections() []time.Time {
	var up []time.Time
	for _, c := range a.stream.Status().Connections {
		up = append(up, c.UpSince)
	}
	return up
}

// take hands what DingTalk pushes to the bot.
func (a *App) take(ctx context.Context, f stream.Frame) ([]byte, error) {
	if f.Type == stream.TypeEvent {
		err := a.bots.Load().people.Event(ctx, f.EventType, f.Born, f.Age, f.Data)
		if err == nil {
			a.pushes.note(ctx, f.EventType)
		}
		return nil, err
	}
	a.bots.Load().people.Accept(ctx, f.MessageID, f.Data)
	a.pushes.note(ctx, bot.PushedMessage)
	return nil, nil
}

// Run connects and works until ctx ends: then it takes no more frames, gives the jobs at work
// time to finish, and returns.
func (a *App) Run(ctx context.Context) error {
	var running lifecycle
	server, err := ops.Listen(ctx, a.listen, a.endpoint, a.log)
	if err != nil {
		return err
	}
	if server != nil {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := server.Run(); err != nil {
				a.log.Error("probes are not answered any more", zap.Error(err))
			}
		}()
		running.onStop("HTTP endpoint", stopTimeout, func() error {
			err := server.Close(ctx)
			<-ended
			return err
		})
	}
	if err := a.clocks.ping(a.store)(ctx); err != nil {
		// It may come back. Until then everybody who asks is told.
		a.log.Error("Redis does not answer", zap.Error(err))
	}
	working, finish := context.WithCancel(context.WithoutCancel(ctx))
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		a.inbox.Run(working, store.Workers{bot.MessageJob: a, receipts.SweepJob: a, receipts.FollowUpJob: a, receipts.AnnounceJob: a})
	}()
	running.onStop("inbox", inboxTimeout, func() error {
		finish()
		<-finished
		return nil
	})
	if err := a.serveAPI(ctx, &running); err != nil {
		return errors.Join(err, running.stop())
	}
	return errors.Join(a.stream.Run(ctx), running.stop())
}

// serveAPI serves programs until what is running stops, if that is configured.
func (a *App) serveAPI(ctx context.Context, running *lifecycle) error {
	if a.apiListen == "" {
		return nil
	}
	var certificate func() *tls.Certificate
	if a.certificate.Load() != nil {
		certificate = a.certificate.Load
	}
	server, err := api.Listen(ctx, a.apiListen, a.api, certificate, a.log)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Run(); err != nil {
			a.log.Error("programs are not answered any more", zap.Error(err))
		}
	}()
	running.onStop("API", stopTimeout, func() error {
		err := server.Close(ctx, stopTimeout/2)
		<-ended
		return err
	})
	return nil
}

// Close releases what New took. Run must have returned.
func (a *App) Close() error { return a.resources.stop() }

// inbox is the store's, with the bot's error for a full one.
type inbox struct{ *store.Inbox }

func (i inbox) Accept(ctx context.Context, j receipts.Job) (bool, error) {
	fresh, err := i.Inbox.Accept(ctx, j)
	if errors.Is(err, store.ErrInboxFull) {
		err = fmt.Errorf("%w: %w", bot.ErrBusy, err)
	}
	return fresh, err
}

// callUsage gives the bot's name to the state of the budget.
type callUsage struct{ budget *budget.Budget }

func (u callUsage) CallUsage(ctx context.Context) (reply.CallUsage, error) {
	s, err := u.budget.Query(ctx)
	return reply.CallUsage(s), err
}

func (u callUsage) Warn(command string) (reply.CallUsage, bool) {
	s, due := u.budget.Warn(command)
	return reply.CallUsage(s), due
}

// NewClient returns a client of DingTalk's API that takes the cool apps of groups from coolApp
// and calls observe after each call. Limits, withinBudget and withinQuota may be nil.
func NewClient(c config.Config, t Env, log *zap.Logger, coolApp func(ctx context.Context, group string) string, observe func(dingtalk.Call),
	limits dingtalk.Limiter, withinBudget, withinQuota func() bool,
) (*dingtalk.Client, error) {
	logOf := receipts.RequestLog(log)
	return dingtalk.New(dingtalk.Config{
		ClientID: c.DingTalk.ClientID, ClientSecret: dingtalk.NewSecret(string(c.DingTalk.ClientSecret)),
		RobotCode: c.DingTalk.RobotCode, CoolAppCode: coolApp,
		APIURL: c.DingTalk.APIURL, OapiURL: c.DingTalk.OapiURL,
		CallsPerSecond: c.Budget.CallsPerSecond, Now: t.Now, Transport: t.Transport,
		Limits: limits, WithinBudget: withinBudget, WithinQuota: withinQuota, MayAct: store.Held,
		Warn: func(ctx context.Context, err error) {
			logOf(ctx).Warn("DingTalk is called without what is shared", zap.Error(err))
		},
		Observe: func(ctx context.Context, call dingtalk.Call) {
			observe(call)
			log := logOf(ctx).With(zap.String("api", call.API), zap.Duration("took", call.Took), zap.Bool("counted", call.Counted))
			if f := call.Failure; f != nil {
				log.Warn("a call of DingTalk failed", zap.String("kind", string(f.Kind)), zap.Int("status", f.HTTPStatus),
					zap.String("code", f.Code), zap.String("dingtalk_request_id", f.RequestID), zap.Error(f))
				return
			}
			log.Debug("called DingTalk")
		},
	})
}

// OpenStore opens the store of the configuration; hook and observe may be nil.
func OpenStore(c config.Config, hook redis.Hook, observe func(took time.Duration, failed bool)) (*store.Store, error) {
	o, err := c.StoreOptions()
	if err != nil {
		return nil, err
	}
	o.Hook, o.Observe = hook, observe
	return store.Open(o)
}

// ChosenSources returns those of all sources that members.source names.
func ChosenSources(chosen string, all []receipts.MemberSource) []receipts.MemberSource {
	wanted := map[string]receipts.Source{"scene": receipts.SceneGroup, "chat": receipts.Chat, "roster": receipts.Roster, "learned": receipts.Learned}
	var sources []receipts.MemberSource
	for _, source := range all {
		if chosen == "auto" || wanted[chosen] == source.Source() {
			sources = append(sources, source)
		}
	}
	return sources
}

// spoken returns the language of reports.language; empty for auto.
func spoken(language string) commands.Language {
	if language == "auto" {
		return ""
	}
	return commands.Language(language)
}

// defaultLanguage returns the language that is spoken where nobody has said anything yet.
func defaultLanguage(site string) commands.Language {
	if site == "io" {
		return commands.English
	}
	return commands.Chinese
}
