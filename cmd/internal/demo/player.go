package demo

import (
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/receipts/dingtalk/dingtalktest/script"
)

// player plays a script and prints what the group sees.
type player struct {
	script.Stage
	out io.Writer
}

func (p *player) step(ctx context.Context, s script.Step) error {
	switch s.Action {
	case script.Remark:
		fmt.Fprintf(p.out, "\n  — %s\n", s.Text)
		return nil
	case script.Later:
		return p.later(ctx, s)
	case script.Say:
		return p.say(ctx, s)
	case script.Press:
		p.printAction(s.People, "点「"+s.Text+"」 press")
		for _, person := range p.Persons(s.People) {
			seen, err := p.Press(person, s.Text)
			if err != nil {
				return err
			}
			p.print(person.Name, "[卡片 card] "+seen["tips"])
		}
		return nil
	case script.Group:
		fmt.Fprintf(p.out, "\n  %s（%d）\n", s.Title, len(s.People))
	case script.Join:
		p.printAction(s.People, "入群 joins")
	case script.Leave:
		p.printAction(s.People, "退群 leaves")
	case script.Read:
		p.printAction(s.People, "读了 reads")
	}
	return p.Do(s, dingtalktest.GroupOptions{})
}

// say lets somebody say something. If it is said to the bot, it waits for the
// bot's answer.
func (p *player) say(ctx context.Context, s script.Step) error {
	said, toBot, err := p.Said(s)
	if err != nil {
		return err
	}
	before, speaker := p.seen(), p.Persons(s.People)[0]
	private := len(p.DingTalk.Direct(speaker).Messages())
	message, err := p.Group.Say(speaker, said)
	if err != nil {
		return err
	}
	text := s.Text
	if s.Quote != "" {
		text = "[引用 " + s.Quote + "] " + text
	}
	p.print(s.People[0].Name, text)
	if !toBot {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_, err = p.Group.WaitMessage(ctx, func(m dingtalktest.Message) bool {
		return (m.Via == dingtalktest.ViaWebhook || m.Type == pictureMessage) && !before[m.ID]
	})
	if err != nil {
		return fmt.Errorf("the bot did not answer: %w", err)
	}
	for _, m := range p.DingTalk.Direct(speaker).Messages()[private:] {
		p.print(p.DingTalk.App().BotName, "[私信 private] "+visible(m))
	}
	before[message.ID] = true
	p.printNew(before)
	return nil
}

// later turns the clock forward and waits for what the bot says by itself.
func (p *player) later(ctx context.Context, s script.Step) error {
	before := p.seen()
	fmt.Fprintf(p.out, "  （%s 后 later）\n", s.After)
	p.DingTalk.Advance(s.After)
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_, err := p.Group.WaitMessage(ctx, func(m dingtalktest.Message) bool { return m.FromBot() && !before[m.ID] })
	if err != nil {
		return fmt.Errorf("the bot said nothing by itself: %w", err)
	}
	p.printNew(before)
	return nil
}

// seen returns the ids of the messages that are there.
func (p *player) seen() map[string]bool {
	ids := map[string]bool{}
	for _, m := range p.Group.Messages() {
		ids[m.ID] = true
	}
	return ids
}

// printNew prints what the bot has said since.
func (p *player) printNew(seen map[string]bool) {
	for _, m := range p.Group.Messages() {
		if !seen[m.ID] {
			p.print(p.DingTalk.App().BotName, visible(m))
		}
	}
}

// printAction prints what people do without saying anything.
func (p *player) printAction(roles []script.Role, does string) {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = role.Name
	}
	fmt.Fprintf(p.out, "  （%s %s）\n", strings.Join(names, "、"), does)
}

// print prints one message, its lines under each other beside the name.
func (p *player) print(name, text string) {
	const column = 12
	padding := strings.Repeat(" ", max(1, column-columns(name)))
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			name, padding = "", strings.Repeat(" ", column)
		}
		fmt.Fprintln(p.out, strings.TrimRight("  "+name+padding+line, " "))
	}
}

// columns returns how wide a text is in a terminal.
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

// pictureMessage is the type of a message that shows a picture.
const pictureMessage = "sampleImageMsg"

// visible returns what a terminal can show of a message of the bot's.
func visible(m dingtalktest.Message) string {
	switch m.Type {
	case pictureMessage:
		return "[图片 picture]"
	case "interactiveCard":
		return plain(strings.TrimSpace(m.Title + "\n" + m.Text + "\n" + m.Card["tips"]))
	case "sampleFile":
		return "[文件 file: " + m.Params["fileName"] + "]"
	default:
		return plain(script.Mentions(m))
	}
}

// plain returns the text without the markdown that only a DingTalk client renders.
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
