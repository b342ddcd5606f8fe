package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"whoread/cmd/internal/app"
	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store"
)

//go:embed demo.txt
var demoScript string

type demoCommand struct {
	Listen string `help:"Where the page is; a free port of this machine by default. With this, or in a terminal, the demo stays until Ctrl-C." placeholder:"ADDR"`
	Script string `type:"existingfile" help:"Play this exchange and end; cmd/whoread/demo.txt shows the format." placeholder:"FILE"`
}

// answerWithin is how long the demo waits for the bot.
const answerWithin = 30 * time.Second

// Run plays a script with a DingTalk on this machine, an embedded Redis and the
// bot, and prints what the group sees. Then the page stays open to chat in, if
// there may be somebody to do so.
func (d *demoCommand) Run(ctx context.Context, out streams) (err error) {
	steps, err := d.steps()
	if err != nil {
		return fmt.Errorf("script: %w", err)
	}
	server := dingtalktest.New(dingtalktest.Options{Page: true, CallsPerMonth: dingtalktest.StandardCallsPerMonth})
	if err := server.Listen(cmp.Or(d.Listen, "127.0.0.1:0")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	c := demoConfig(server)
	m := ops.NewMetrics(versionText())
	log, _, err := ops.NewLog(c.Log, out.err, m.LineDropped)
	if err != nil {
		return err
	}
	a, err := app.New(c, app.Env{Now: server.Clock().Now, DueEvery: dueEvery, Lease: time.Minute, Version: versionText()}, log, m)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended, a.Close())
	}()

	waiting, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := server.AwaitConnections(waiting, 1); err != nil {
		return fmt.Errorf("wait for the bot to connect: %w", err)
	}
	fmt.Fprintln(out.out, "A DingTalk of this machine's own (nothing leaves it), an embedded Redis, and the bot:")
	play := &performance{dingtalk: server, out: out.out, people: map[string]dingtalktest.Person{}}
	for _, s := range steps {
		if err := play.step(ctx, s); err != nil {
			return fmt.Errorf("script line %d: %w", s.line, err)
		}
	}
	if d.stays(out) {
		fmt.Fprintf(out.out, "\nNow you: open %s/ and chat. Ctrl-C ends it.\n轮到你了：在浏览器打开 %s/ 聊聊看，按 Ctrl-C 结束。\n", server.URL(), server.URL())
		fmt.Fprintln(out.out, "\nFor another program:")
		describe(out.out, server)
		<-ctx.Done()
	}
	return nil
}

// steps are those of the chosen script.
func (d *demoCommand) steps() ([]step, error) {
	if d.Script == "" {
		return parseScript(strings.NewReader(demoScript))
	}
	file, err := os.Open(d.Script)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return parseScript(file)
}

// stays tells whether the page stays open after the exchange: a pipe or a CI job
// has nobody to open it, unless told where it should be.
func (d *demoCommand) stays(out streams) bool {
	if d.Listen != "" || d.Script != "" {
		return d.Script == ""
	}
	file, ok := out.out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// dueEvery is how often the demo looks for what is due, so that a clock that was
// turned forward shows its effect at once.
const dueEvery = 200 * time.Millisecond

// demoConfig is the configuration of a bot that works against that DingTalk.
func demoConfig(d *dingtalktest.Server) config.Config {
	c := config.Default()
	app := d.App()
	c.DingTalk.ClientID, c.DingTalk.ClientSecret, c.DingTalk.RobotCode = app.ClientID, config.Secret(app.ClientSecret), app.RobotCode
	c.DingTalk.APIURL, c.DingTalk.OapiURL = d.URL(), d.URL()
	c.Redis.URL = store.Memory
	c.Reports.FreshFor = 0 // a script moves faster than people do
	c.Members.CacheFor = 0
	c.Reminders.QuietHours = "" // it shows follow-ups at any time of the day
	c.HTTP.Listen = config.ListenOff
	c.Log = config.Log{Level: "error", Format: "console"}
	return c
}

// performance plays a script and prints what the group sees.
type performance struct {
	dingtalk *dingtalktest.Server
	out      io.Writer
	people   map[string]dingtalktest.Person
	group    *dingtalktest.Group
}

func (p *performance) step(ctx context.Context, s step) error {
	switch s.action {
	case remark:
		fmt.Fprintf(p.out, "\n  — %s\n", s.text)
		return nil
	case beginGroup:
		p.group = p.dingtalk.AddGroup(dingtalktest.GroupOptions{Title: s.title}, p.persons(s.people)...)
		fmt.Fprintf(p.out, "\n  %s（%d）\n", s.title, len(s.people))
		return nil
	case join:
		p.stage(s.people, "入群 joins")
		return p.group.Join(dingtalktest.Person{}, p.persons(s.people)...)
	case leave:
		p.stage(s.people, "退群 leaves")
		for _, person := range p.persons(s.people) {
			if err := p.group.Leave(person); err != nil {
				return err
			}
		}
		return nil
	case later:
		return p.later(ctx, s)
	case read:
		p.stage(s.people, "读了 reads")
		// A report that came by itself is no announcement: it begins with the number.
		posted, ok := p.last(func(m dingtalktest.Message) bool {
			return m.Via == dingtalktest.ViaSend && !strings.HasPrefix(m.Text, "#")
		})
		if !ok {
			return errors.New("the bot has posted nothing that can be read")
		}
		return p.group.ReadAll(posted.ID, p.persons(s.people)...)
	default:
		return p.say(ctx, s)
	}
}

// say lets somebody say something. If it is said to the bot, it waits for the
// bot's answer.
func (p *performance) say(ctx context.Context, s step) error {
	bot := "@" + p.dingtalk.App().BotName
	toBot := strings.Contains(s.text, bot)
	said := dingtalktest.Say{Text: strings.TrimSpace(strings.Replace(s.text, bot, "", 1)), NoAt: !toBot}
	if s.quote != "" {
		quoted, ok := p.last(func(m dingtalktest.Message) bool {
			return m.Via == dingtalktest.ViaSend && strings.Contains(m.Text, s.quote)
		})
		if !ok {
			return fmt.Errorf("no message to quote holds %q", s.quote)
		}
		said.Quote = quoted.ID
	}
	before := p.seen()
	message, err := p.group.Say(p.persons(s.people)[0], said)
	if err != nil {
		return err
	}
	text := s.text
	if s.quote != "" {
		text = "[引用 " + s.quote + "] " + text
	}
	p.print(s.people[0].name, text)
	if !toBot {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err = p.group.WaitMessage(ctx, func(m dingtalktest.Message) bool {
		return m.Via == dingtalktest.ViaWebhook && !before[m.ID]
	})
	if err != nil {
		return fmt.Errorf("the bot did not answer: %w", err)
	}
	before[message.ID] = true
	p.printNew(before)
	return nil
}

// later turns the clock forward and waits for what the bot says by itself.
func (p *performance) later(ctx context.Context, s step) error {
	before := p.seen()
	fmt.Fprintf(p.out, "  （%s 后 later）\n", s.after)
	p.dingtalk.Advance(s.after)
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := p.group.WaitMessage(ctx, func(m dingtalktest.Message) bool { return m.FromBot() && !before[m.ID] })
	if err != nil {
		return fmt.Errorf("the bot said nothing by itself: %w", err)
	}
	p.printNew(before)
	return nil
}

// seen are the messages that are there.
func (p *performance) seen() map[string]bool {
	ids := map[string]bool{}
	for _, m := range p.group.Messages() {
		ids[m.ID] = true
	}
	return ids
}

// printNew prints what the bot has said since.
func (p *performance) printNew(seen map[string]bool) {
	for _, m := range p.group.Messages() {
		if !seen[m.ID] {
			p.print(p.dingtalk.App().BotName, p.visible(m))
		}
	}
}

// persons finds the people, and makes those who are new.
func (p *performance) persons(roles []scriptRole) []dingtalktest.Person {
	persons := make([]dingtalktest.Person, len(roles))
	for i, role := range roles {
		if _, known := p.people[role.name]; !known {
			p.people[role.name] = p.dingtalk.AddPerson(dingtalktest.Person{Name: role.name, Admin: role.admin, Outside: role.outside})
		}
		persons[i] = p.people[role.name]
	}
	return persons
}

// last finds the last message that matches.
func (p *performance) last(match func(dingtalktest.Message) bool) (dingtalktest.Message, bool) {
	messages := p.group.Messages()
	for i := len(messages) - 1; i >= 0; i-- {
		if match(messages[i]) {
			return messages[i], true
		}
	}
	return dingtalktest.Message{}, false
}

// stage prints what people do without saying anything.
func (p *performance) stage(roles []scriptRole, does string) {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = role.name
	}
	fmt.Fprintf(p.out, "  （%s %s）\n", strings.Join(names, "、"), does)
}

// print prints one message, its lines under each other beside the name.
func (p *performance) print(name, text string) {
	const column = 12
	padding := strings.Repeat(" ", max(1, column-columns(name)))
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			name, padding = "", strings.Repeat(" ", column)
		}
		fmt.Fprintln(p.out, strings.TrimRight("  "+name+padding+line, " "))
	}
}

// columns is how wide a text stands in a terminal.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// visible is what a terminal can show of a message of the bot's. A DingTalk client
// shows the names of those who are mentioned.
func (p *performance) visible(m dingtalktest.Message) string {
	for _, person := range m.Mentioned {
		m.Text = strings.ReplaceAll(m.Text, "@"+person.UserID+" ", "@"+person.Name+" ")
	}
	switch m.Type {
	case "sampleImageMsg":
		return "[图片 picture]"
	case "sampleFile":
		return "[文件 file: " + m.Params["fileName"] + "]"
	default:
		return plain(m.Text)
	}
}

// plain takes the markdown away that only a DingTalk client renders.
func plain(markdown string) string {
	var b strings.Builder
	escaped := false
	for _, r := range strings.ReplaceAll(strings.ReplaceAll(markdown, "**", ""), "  \n", "\n") {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}
