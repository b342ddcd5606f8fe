package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"

	"whoread/receipts/dingtalk/dingtalktest"
)

// player plays a script and prints what the group sees.
type player struct {
	dingtalk *dingtalktest.Server
	out      io.Writer
	people   map[string]dingtalktest.Person
	group    *dingtalktest.Group
}

func (p *player) step(ctx context.Context, s step) error {
	switch s.action {
	case actionRemark:
		fmt.Fprintf(p.out, "\n  — %s\n", s.text)
		return nil
	case actionGroup:
		p.group = p.dingtalk.AddGroup(dingtalktest.GroupOptions{Title: s.title}, p.persons(s.people)...)
		fmt.Fprintf(p.out, "\n  %s（%d）\n", s.title, len(s.people))
		return nil
	case actionJoin:
		p.printAction(s.people, "入群 joins")
		return p.group.Join(dingtalktest.Person{}, p.persons(s.people)...)
	case actionLeave:
		p.printAction(s.people, "退群 leaves")
		for _, person := range p.persons(s.people) {
			if err := p.group.Leave(person); err != nil {
				return err
			}
		}
		return nil
	case actionLater:
		return p.later(ctx, s)
	case actionPress:
		return p.press(s)
	case actionRead:
		p.printAction(s.people, "读了 reads")
		// A report that came by itself is no announcement: it begins with the number.
		posted, ok := p.last(func(m dingtalktest.Message) bool {
			return byAPI(m) && !strings.HasPrefix(m.Text, "#")
		})
		if !ok {
			return errors.New("the bot has posted nothing that can be read")
		}
		return p.group.ReadAll(posted.ID, p.persons(s.people)...)
	default:
		return p.say(ctx, s)
	}
}

// byAPI reports whether the bot posted the message, as a message or as a card.
func byAPI(m dingtalktest.Message) bool {
	return m.Via == dingtalktest.ViaSend || m.Via == dingtalktest.ViaCard
}

// press lets people press a button of the last card, and prints what each sees then.
func (p *player) press(s step) error {
	card, ok := p.last(func(m dingtalktest.Message) bool {
		return m.Via == dingtalktest.ViaCard && m.Status != dingtalktest.StatusRecalled
	})
	if !ok {
		return errors.New("the bot has posted no card")
	}
	p.printAction(s.people, "点「"+s.text+"」 press")
	for _, person := range p.persons(s.people) {
		id, err := p.button(card.ID, person, s.text)
		if err != nil {
			return err
		}
		if err := p.group.Press(person, dingtalktest.Press{Message: card.ID, Button: id}); err != nil {
			return fmt.Errorf("%s presses %q: %w", person.Name, s.text, err)
		}
		seen, err := p.group.CardSeen(card.ID, person)
		if err != nil {
			return err
		}
		p.print(person.Name, "[卡片 card] "+seen["tips"])
	}
	return nil
}

// button is the id of the button with that text, as the person sees the card.
func (p *player) button(card string, person dingtalktest.Person, text string) (string, error) {
	buttons, err := p.group.CardButtons(card, person)
	if err != nil {
		return "", err
	}
	for _, b := range buttons {
		if b.Text == text {
			return b.ID, nil
		}
	}
	return "", fmt.Errorf("%s sees no button %q on the card", person.Name, text)
}

// say lets somebody say something. If it is said to the bot, it waits for the
// bot's answer.
func (p *player) say(ctx context.Context, s step) error {
	bot := "@" + p.dingtalk.App().BotName
	toBot := strings.Contains(s.text, bot)
	said := dingtalktest.Say{Text: strings.TrimSpace(strings.Replace(s.text, bot, "", 1)), NoAt: !toBot}
	if s.quote != "" {
		quoted, ok := p.last(func(m dingtalktest.Message) bool {
			return byAPI(m) && (strings.Contains(m.Text, s.quote) || strings.Contains(m.Title, s.quote))
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
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
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
func (p *player) later(ctx context.Context, s step) error {
	before := p.seen()
	fmt.Fprintf(p.out, "  （%s 后 later）\n", s.after)
	p.dingtalk.Advance(s.after)
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_, err := p.group.WaitMessage(ctx, func(m dingtalktest.Message) bool { return m.FromBot() && !before[m.ID] })
	if err != nil {
		return fmt.Errorf("the bot said nothing by itself: %w", err)
	}
	p.printNew(before)
	return nil
}

// seen returns the ids of the messages that are there.
func (p *player) seen() map[string]bool {
	ids := map[string]bool{}
	for _, m := range p.group.Messages() {
		ids[m.ID] = true
	}
	return ids
}

// printNew prints what the bot has said since.
func (p *player) printNew(seen map[string]bool) {
	for _, m := range p.group.Messages() {
		if !seen[m.ID] {
			p.print(p.dingtalk.App().BotName, p.visible(m))
		}
	}
}

// persons returns the people, and adds those who are new.
func (p *player) persons(roles []role) []dingtalktest.Person {
	persons := make([]dingtalktest.Person, len(roles))
	for i, role := range roles {
		if _, known := p.people[role.name]; !known {
			p.people[role.name] = p.dingtalk.AddPerson(dingtalktest.Person{Name: role.name, Admin: role.admin, Outside: role.outside})
		}
		persons[i] = p.people[role.name]
	}
	return persons
}

// last returns the last message that matches.
func (p *player) last(match func(dingtalktest.Message) bool) (dingtalktest.Message, bool) {
	messages := p.group.Messages()
	for i := len(messages) - 1; i >= 0; i-- {
		if match(messages[i]) {
			return messages[i], true
		}
	}
	return dingtalktest.Message{}, false
}

// printAction prints what people do without saying anything.
func (p *player) printAction(roles []role, does string) {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = role.name
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

// visible returns what a terminal can show of a message of the bot's. A DingTalk client
// shows the names of those who are mentioned.
func (p *player) visible(m dingtalktest.Message) string {
	for _, person := range m.Mentioned {
		m.Text = strings.ReplaceAll(m.Text, "@"+person.UserID+" ", "@"+person.Name+" ")
	}
	switch m.Type {
	case "sampleImageMsg":
		return "[图片 picture]"
	case "interactiveCard":
		return plain(strings.TrimSpace(m.Title + "\n" + m.Text + "\n" + m.Card["tips"]))
	case "sampleFile":
		return "[文件 file: " + m.Params["fileName"] + "]"
	default:
		return plain(m.Text)
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
