package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"whoread/bot"
	"whoread/bot/stream"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// app is the bot with everything it stands on.
type app struct {
	log    *zap.Logger
	store  *store.Store
	client *dingtalk.Client
	inbox  *store.Inbox
	bot    *bot.Bot
	stream *stream.Client
}

// newApp wires the app. It connects to nothing yet; close ends it.
func newApp(c config, log *zap.Logger) (*app, error) {
	zone, err := time.LoadLocation(c.Reminders.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	client, err := newClient(c, log)
	if err != nil {
		return nil, err
	}
	records, err := newStore(c)
	if err != nil {
		client.Close()
		return nil, err
	}
	a := &app{log: log, store: records, client: client, inbox: records.Inbox(store.DefaultInboxOptions(), log)}

	platform := &bot.Platform{Client: client, Now: time.Now}
	rosters := map[string]bot.RosterOptions{}
	for id, roster := range c.Members.Rosters {
		rosters[id] = bot.RosterOptions{ChatID: roster.ChatID, Users: roster.Users, Departments: roster.Departments}
	}
	members := receipts.NewMemberBook(records, time.Duration(c.Members.CacheFor), time.Now, chosenSources(c.Members.Source, platform.MemberSources(rosters))...)
	a.bot = bot.New(bot.Options{
		Inbox:     inbox{a.inbox},
		Announcer: &receipts.Announcer{Records: records, Members: members, Sender: platform, Now: time.Now},
		Reporter: &receipts.Reporter{
			Records: records, Members: members, Readers: platform, Excluded: c.Members.Exclude,
			Fresh: time.Duration(c.Reports.FreshFor), Now: time.Now,
		},
		Recaller:  &receipts.Recaller{Records: records, Source: platform, Readers: platform},
		Names:     &receipts.NameBook{Records: records, Directory: platform},
		Members:   members,
		Pushes:    records,
		Postings:  records,
		Client:    client,
		RobotCode: c.DingTalk.RobotCode,
		Access: bot.Access{
			Groups: c.Access.Groups, Admins: c.Access.Admins,
			Announce: c.Access.Announce, Report: c.Access.Report, Recall: c.Access.Recall,
		},
		Language: spoken(c.Reports.Language), Default: defaultLanguage(c.DingTalk.Site),
		Sweep: durations(c.Reports.Sweep), MaxNames: c.Reports.MaxNames, Direct: c.Reports.To == "direct",
		Zone: zone, Now: time.Now, Log: log,
	})
	a.stream, err = stream.New(stream.Config{
		ClientID: c.DingTalk.ClientID, ClientSecret: string(c.DingTalk.ClientSecret), APIURL: c.DingTalk.APIURL,
		Topics: []string{bot.MessageTopic}, Events: true, Handle: a.take, Connections: c.DingTalk.Connections, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// take hands what DingTalk pushes to the bot.
func (a *app) take(ctx context.Context, f stream.Frame) error {
	if f.Type == stream.TypeEvent {
		return a.bot.Event(ctx, f.EventType, f.Born, f.Data)
	}
	a.bot.Accept(ctx, f.MessageID, f.Data)
	return nil
}

// run connects and works until ctx ends: then it takes no more frames, gives the
// commands at work time to finish, and returns.
func (a *app) run(ctx context.Context) error {
	if err := a.store.Ping(ctx); err != nil {
		// It may come back. Until then everybody who asks is told.
		a.log.Error("Redis does not answer", zap.Error(err))
	}
	working, finish := context.WithCancel(context.WithoutCancel(ctx))
	var inboxDone sync.WaitGroup
	inboxDone.Go(func() { a.inbox.Run(working, a.bot) })
	err := a.stream.Run(ctx)
	finish()
	inboxDone.Wait()
	return err
}

// close releases what newApp took; run must have returned.
func (a *app) close() error {
	if a.bot != nil {
		a.bot.Close()
	}
	a.client.Close()
	return a.store.Close()
}

// inbox gives the bot's name to the store's error.
type inbox struct{ *store.Inbox }

func (i inbox) Accept(ctx context.Context, id, command string) (bool, error) {
	fresh, err := i.Inbox.Accept(ctx, id, command)
	if errors.Is(err, store.ErrInboxFull) {
		err = fmt.Errorf("%w: %w", bot.ErrBusy, err)
	}
	return fresh, err
}

func newClient(c config, log *zap.Logger) (*dingtalk.Client, error) {
	return dingtalk.New(dingtalk.Config{
		ClientID: c.DingTalk.ClientID, ClientSecret: dingtalk.NewSecret(string(c.DingTalk.ClientSecret)),
		RobotCode: c.DingTalk.RobotCode, CoolAppCode: c.DingTalk.CoolAppCode,
		APIURL: c.DingTalk.APIURL, OapiURL: c.DingTalk.OapiURL,
		CallsPerSecond: c.Budget.CallsPerSecond,
		Observe: func(call dingtalk.Call) {
			log.Debug("called DingTalk", zap.String("api", call.API), zap.Duration("took", call.Took),
				zap.String("failure", string(call.Kind)), zap.Bool("counted", call.Counted))
		},
	})
}

func newStore(c config) (*store.Store, error) {
	return c.Redis.open(time.Duration(c.Reports.KeepFor))
}

// chosenSources keeps the sources that members.source names.
func chosenSources(chosen string, all []receipts.MemberSource) []receipts.MemberSource {
	wanted := map[string]receipts.Source{"scene": receipts.SceneGroup, "chat": receipts.Chat, "roster": receipts.Roster}
	var sources []receipts.MemberSource
	for _, source := range all {
		if chosen == "auto" || wanted[chosen] == source.Source() {
			sources = append(sources, source)
		}
	}
	return sources
}

func durations(all []duration) []time.Duration {
	plain := make([]time.Duration, len(all))
	for i, d := range all {
		plain[i] = time.Duration(d)
	}
	return plain
}

// spoken is the language of reports.language; empty for auto.
func spoken(language string) bot.Language {
	if language == "auto" {
		return ""
	}
	return bot.Language(language)
}

// defaultLanguage is spoken where nobody has said anything yet.
func defaultLanguage(site string) bot.Language {
	if site == "io" {
		return bot.English
	}
	return bot.Chinese
}

// newLog returns a log that writes a line an event.
func newLog(c logConfig, out io.Writer) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.ISO8601TimeEncoder
	encoding.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if c.Format == "console" {
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), level)), nil
}
