package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"whoread/receipts/dingtalk/dingtalktest"
)

// Stage is where the steps of a script are done.
type Stage struct {
	DingTalk *dingtalktest.Server
	Group    *dingtalktest.Group
	People   map[string]dingtalktest.Person // by name; those who are new are added
}

// Do does a step that is one of Group, Read, Join and Leave.
func (s *Stage) Do(step Step, o dingtalktest.GroupOptions) error {
	people := s.Persons(step.People)
	switch step.Action {
	case Group:
		o.Title = step.Title
		s.Group = s.DingTalk.AddGroup(o, people...)
		return nil
	case Join:
		return s.Group.Join(dingtalktest.Person{}, people...)
	case Leave:
		for _, person := range people {
			if err := s.Group.Leave(person); err != nil {
				return err
			}
		}
		return nil
	case Read:
		// A report that came by itself is no announcement: it begins with the number.
		posted, ok := s.Last(func(m dingtalktest.Message) bool {
			return byAPI(m) && !strings.HasPrefix(m.Text, "#")
		})
		if !ok {
			return errors.New("the bot has posted nothing that can be read")
		}
		return s.Group.ReadAll(posted.ID, people...)
	}
	return fmt.Errorf("%s is nothing that can be done", step.Action)
}

// byAPI reports whether the bot posted the message, as a message or as a card.
func byAPI(m dingtalktest.Message) bool {
	return m.Via == dingtalktest.ViaSend || m.Via == dingtalktest.ViaCard
}

// Press lets somebody press the button with that text of the last card, and returns the values
// of the card as that person sees them then.
func (s *Stage) Press(person dingtalktest.Person, button string) (map[string]string, error) {
	card, ok := s.Last(func(m dingtalktest.Message) bool {
		return m.Via == dingtalktest.ViaCard && m.Status != dingtalktest.StatusRecalled
	})
	if !ok {
		return nil, errors.New("the bot has posted no card")
	}
	buttons, err := s.Group.CardButtons(card.ID, person)
	if err != nil {
		return nil, err
	}
	for _, b := range buttons {
		if b.Text != button {
			continue
		}
		if err := s.Group.Press(person, dingtalktest.Press{Message: card.ID, Button: b.ID}); err != nil {
			return nil, fmt.Errorf("%s presses %q: %w", person.Name, button, err)
		}
		return s.Group.CardSeen(card.ID, person)
	}
	return nil, fmt.Errorf("%s sees no button %q on the card", person.Name, button)
}

// Said returns what somebody says in a step, and whether it is said to the bot: that is
// mentioned then.
func (s *Stage) Said(step Step) (said dingtalktest.Say, toBot bool, err error) {
	bot := "@" + s.DingTalk.App().BotName
	toBot = strings.Contains(step.Text, bot)
	said = dingtalktest.Say{Text: strings.TrimSpace(strings.Replace(step.Text, bot, "", 1)), NoAt: !toBot}
	if step.Quote == "" {
		return said, toBot, nil
	}
	holds := func(m dingtalktest.Message) bool {
		return strings.Contains(m.Text, step.Quote) || strings.Contains(m.Title, step.Quote)
	}
	quoted, ok := s.Last(func(m dingtalktest.Message) bool { return byAPI(m) && holds(m) })
	if !ok {
		quoted, ok = s.Last(holds)
	}
	if !ok {
		return said, toBot, fmt.Errorf("no message to quote holds %q", step.Quote)
	}
	said.Quote = quoted.ID
	return said, toBot, nil
}

// Persons returns the people, and adds those who are new.
func (s *Stage) Persons(roles []Role) []dingtalktest.Person {
	persons := make([]dingtalktest.Person, len(roles))
	for i, role := range roles {
		if _, known := s.People[role.Name]; !known {
			s.People[role.Name] = s.DingTalk.AddPerson(dingtalktest.Person{Name: role.Name, Admin: role.Admin, Outside: role.Outside})
		}
		persons[i] = s.People[role.Name]
	}
	return persons
}

// Last returns the last message of the group that matches.
func (s *Stage) Last(match func(dingtalktest.Message) bool) (dingtalktest.Message, bool) {
	for _, m := range slices.Backward(s.Group.Messages()) {
		if match(m) {
			return m, true
		}
	}
	return dingtalktest.Message{}, false
}

// Mentions returns the text of a message as a DingTalk client shows it: with the names of
// those who are mentioned.
func Mentions(m dingtalktest.Message) string {
	for _, person := range m.Mentioned {
		m.Text = strings.ReplaceAll(m.Text, "@"+person.UserID+" ", "@"+person.Name+" ")
	}
	return m.Text
}
