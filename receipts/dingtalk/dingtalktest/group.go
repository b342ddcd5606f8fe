package dingtalktest

import (
	"context"
	"slices"
	"strings"
)

// Group is a group, or a one-to-one chat with the bot. Its methods are what people do in the client. A method that takes a
// person returns [ErrUnknownPerson] for one who was never added. All methods may be used concurrently.
type Group struct {
	s *Server
	c *conversation
}

// Say is what a person says.
type Say struct {
	Text      string
	RichText  []string // instead of Text: the pieces of a message of type richText
	Picture   bool     // instead of Text
	NoAt      bool     // without @bot: the group sees it, the bot does not. In a one-to-one chat it has no effect
	At        []Person // other people who are mentioned
	Quote     string   // ID of the message that is replied to
	QuoteBare bool     // the frame tells nothing of the quoted message's content: QuoteShape is QuoteNone
	QuoteFull bool     // the frame tells the quoted message's content, in whatever shape
	MsgID     string   // default: a new one. The ID of an earlier message pushes that message again
	OverQuota bool     // the frame comes as it does when the month's pushes are used up: errorCode 20001

	// Shape and QuoteShape are names of [Shapes], of what is said and of what it replies to; where they do not fit, the documents'
	// is taken. Without one it is chosen at random; see [Options].Seed.
	Shape      string
	QuoteShape string
}

func (g *Group) lock() func() {
	g.s.world.mu.Lock()
	return g.s.world.mu.Unlock
}

// ID is the openConversationId.
func (g *Group) ID() string { return g.c.ID }

// Kind says where the group comes from.
func (g *Group) Kind() GroupKind { return g.c.Kind }

// ChatID is the chatid of the old API.
func (g *Group) ChatID() string { return g.c.ChatID }

// CoolAppCode is that of the cool app with which the bot came; empty for other kinds.
func (g *Group) CoolAppCode() string { return g.c.CoolAppCode }

// Title is the group's name.
func (g *Group) Title() string {
	defer g.lock()()
	return g.c.Title
}

// Disbanded says whether [Group.Disband] was called.
func (g *Group) Disbanded() bool {
	defer g.lock()()
	return g.c.disbanded
}

// Members are in the order of joining.
func (g *Group) Members() []Person {
	defer g.lock()()
	return g.s.world.named(g.c.members.ids)
}

// Messages are oldest first: the last 5,000.
func (g *Group) Messages() []Message {
	defer g.lock()()
	out := make([]Message, len(g.c.messages))
	for i, m := range g.c.messages {
		out[i] = m.snapshot()
	}
	return out
}

// Message is the message with the ID; [ErrUnknownMessage].
func (g *Group) Message(id string) (Message, error) {
	defer g.lock()()
	m, err := g.s.world.messageLocked(g.c, id)
	if err != nil {
		return Message{}, err
	}
	return m.snapshot(), nil
}

// WaitMessage is the first message that matches, one that is there already or one to come. It returns the cause of ctx's end,
// or [ErrClosed].
func (g *Group) WaitMessage(ctx context.Context, match func(Message) bool) (Message, error) {
	var found Message
	err := g.s.Await(ctx, func() bool {
		all := g.Messages()
		i := slices.IndexFunc(all, match)
		if i < 0 {
			return false
		}
		found = all[i]
		return true
	})
	return found, err
}

// Readers are who has read the message, in the order of reading; [ErrUnknownMessage].
func (g *Group) Readers(id string) ([]Reader, error) {
	defer g.lock()()
	m, err := g.s.world.messageLocked(g.c, id)
	if err != nil {
		return nil, err
	}
	return slices.Clone(m.readers), nil
}

// Audience are who was in the group when the message was sent, its sender included; [ErrUnknownMessage].
func (g *Group) Audience(id string) ([]Person, error) {
	defer g.lock()()
	m, err := g.s.world.messageLocked(g.c, id)
	if err != nil {
		return nil, err
	}
	return g.s.world.named(m.audience.ids), nil
}

// Say puts a message into the conversation and pushes it to the bot, if the bot is in the group, not stopped, and mentioned.
// Besides [ErrUnknownPerson] it returns [ErrNotMember], [ErrDisbanded], [ErrUnknownShape], and for the quote [ErrUnknownMessage],
// [ErrRecalled].
func (g *Group) Say(p Person, say Say) (Message, error) {
	m, data, err := g.say(p, say)
	if err == nil && data != nil {
		over := mustJSON(overQuota(data))
		said := mustJSON(data)
		if say.OverQuota {
			said = over
		}
		g.s.gateway.callback(TopicBotMessage, m.ID, said, over)
	}
	return m, err
}

// say stores the message, and returns the frame's data if the bot hears it.
func (g *Group) say(p Person, say Say) (Message, map[string]any, error) {
	defer g.lock()()
	w, c := g.s.world, g.c
	p, known := w.people[p.UnionID]
	switch {
	case !known:
		return Message{}, nil, ErrUnknownPerson
	case c.disbanded:
		return Message{}, nil, ErrDisbanded
	case !c.members.has(p.UnionID):
		return Message{}, nil, ErrNotMember
	case !knownShape(Said, say.Shape) || !knownShape(Quoted, say.QuoteShape):
		return Message{}, nil, ErrUnknownShape
	}
	if say.Quote != "" {
		quoted, err := w.messageLocked(c, say.Quote)
		if err != nil {
			return Message{}, nil, err
		}
		if quoted.Status == StatusRecalled {
			return Message{}, nil, ErrRecalled
		}
	}
	stored, again := c.byID[say.MsgID]
	if !again {
		m := Message{
			ID: say.MsgID, Via: ViaClient, From: p, Type: "text", Text: say.Text, Quote: say.Quote,
			Mentioned: slices.Clone(say.At), AtBot: !say.NoAt && c.Kind != KindDirect,
		}
		switch {
		case len(say.RichText) > 0:
			m.Type, m.Text = "richText", strings.Join(say.RichText, "")
		case say.Picture:
			m.Type, m.Text = "picture", ""
		}
		stored = w.appendLocked(c, m)
	}
	if !c.botIn || !c.botOn || say.NoAt && c.Kind != KindDirect {
		return stored.snapshot(), nil, nil
	}
	return stored.snapshot(), g.s.botMessage(c, stored, say), nil
}

// Read is a person reading the message. Reading twice, or what one said oneself, changes nothing. Besides [ErrUnknownPerson] it
// returns [ErrUnknownMessage], [ErrNotMember], [ErrNotInAudience], [ErrRecalled], [ErrDisbanded].
func (g *Group) Read(p Person, id string) error { return g.read(id, []Person{p}) }

// ReadAll is several people reading the message, one after the other; without people it is everybody who was in the group when
// the message was sent and still is. It stops at the first who cannot; errors as [Group.Read].
func (g *Group) ReadAll(id string, people ...Person) error {
	if len(people) == 0 {
		audience, err := g.Audience(id)
		if err != nil {
			return err
		}
		members := newRoster(nil)
		for _, p := range g.Members() {
			members.set[p.UnionID] = struct{}{}
		}
		for _, p := range audience {
			if members.has(p.UnionID) {
				people = append(people, p)
			}
		}
	}
	return g.read(id, people)
}

func (g *Group) read(id string, people []Person) error {
	m, fresh, err := g.markRead(id, people)
	if g.told(m) || m.Via == ViaDirect && !g.s.shapes.tidy {
		for _, r := range fresh {
			g.s.gateway.event(EventRead, g.s.readEvent(m, r))
		}
	}
	return err
}

func (g *Group) told(m Message) bool {
	defer g.lock()()
	return g.s.world.toldLocked(m)
}

// markRead notes the reads, and returns those that are new.
func (g *Group) markRead(id string, people []Person) (Message, []Reader, error) {
	defer g.lock()()
	m, err := g.s.world.messageLocked(g.c, id)
	if err != nil {
		return Message{}, nil, err
	}
	before := len(m.readers)
	for _, p := range people {
		p, known := g.s.world.people[p.UnionID]
		if !known {
			err = ErrUnknownPerson
			break
		}
		if _, err = g.c.read(m, p, g.s.now()); err != nil {
			break
		}
	}
	fresh := slices.Clone(m.readers[before:])
	if len(fresh) > 0 {
		g.s.feed.publish(Change{Kind: MessageRead, GroupID: g.c.ID, MessageID: id})
	}
	return m.snapshot(), fresh, err
}

// Recall is a person taking a message back in the client, the bot's too, as a group's owner can. It returns
// [ErrUnknownMessage], or [ErrRecalled] if it is gone already.
func (g *Group) Recall(by Person, id string) error {
	m, err := g.recall(id)
	if err == nil && g.told(m) {
		g.s.gateway.event(EventRecall, g.s.recallEvent(m, by))
	}
	return err
}

func (g *Group) recall(id string) (Message, error) {
	defer g.lock()()
	m, err := g.s.world.messageLocked(g.c, id)
	if err != nil {
		return Message{}, err
	}
	if m.Status == StatusRecalled {
		return Message{}, ErrRecalled
	}
	g.s.world.recallLocked(g.c, m)
	return m.snapshot(), nil
}

// SetSendStatus sets what a query answers as sendStatus; [ErrUnknownMessage].
func (g *Group) SetSendStatus(id string, status SendStatus) error {
	defer g.lock()()
	m, err := g.s.world.messageLocked(g.c, id)
	if err != nil {
		return err
	}
	m.Status = status
	g.s.feed.publish(Change{Kind: MessageChanged, GroupID: g.c.ID, MessageID: id})
	return nil
}

// Join is people being added by one person, who may be zero: they came by themselves. Members already there stay as they are.
func (g *Group) Join(by Person, people ...Person) error {
	return g.changeMembers(EventAddMember, by, people, (*conversation).join)
}

// Remove is people being removed by one person. Who is not a member is passed over.
func (g *Group) Remove(by Person, people ...Person) error {
	return g.changeMembers(EventRemoveMember, by, people, (*conversation).leave)
}

func (g *Group) changeMembers(event string, by Person, people []Person, change func(*conversation, []string) []string) error {
	var data map[string]any
	err := g.change(func(w *world) error {
		ids, err := w.unionIDs(people)
		if err != nil {
			return err
		}
		if changed := change(g.c, ids); len(changed) > 0 {
			data = g.s.memberEvent(g.c, by, w.named(changed))
		}
		return nil
	})
	if err == nil && data != nil {
		g.event(event, data)
	}
	return err
}

// Leave is a person leaving by themselves; [ErrNotMember].
func (g *Group) Leave(p Person) error {
	err := g.change(func(*world) error {
		if len(g.c.leave([]string{p.UnionID})) == 0 {
			return ErrNotMember
		}
		return nil
	})
	if err == nil {
		g.event(EventQuit, map[string]any{
			"openConversationId": g.c.ID, "chatId": g.c.ChatID, "operator": p.operator(), "timeStamp": g.s.now().UnixMilli(),
		})
	}
	return err
}

// Rename gives the group another title.
func (g *Group) Rename(title string) error {
	err := g.change(func(*world) error { g.c.Title = title; return nil })
	if err == nil {
		g.event(EventUpdateTitle, map[string]any{"openConversationId": g.c.ID, "title": title})
	}
	return err
}

// Disband ends the group for ever.
func (g *Group) Disband() error {
	err := g.change(func(*world) error { g.c.disbanded = true; return nil })
	if err == nil {
		g.event(EventDisband, map[string]any{"openConversationId": g.c.ID})
	}
	return err
}

// StopBot switches the bot off in this group (bot.stopped), StartBot on again.
func (g *Group) StopBot() error {
	return g.change(func(*world) error { g.c.botOn = false; return nil })
}

// StartBot undoes [Group.StopBot].
func (g *Group) StartBot() error {
	return g.change(func(*world) error { g.c.botOn = true; return nil })
}

// RemoveBot takes the bot out of the group; of a group with a cool app it uninstalls the cool app.
func (g *Group) RemoveBot(by Person) error { return g.setBot(by, false) }

// AddBot puts it in again.
func (g *Group) AddBot(by Person) error { return g.setBot(by, true) }

func (g *Group) setBot(by Person, in bool) error {
	err := g.change(func(*world) error {
		g.c.botIn = in
		g.c.coolApp = in && g.c.Kind == KindCoolApp
		return nil
	})
	if err == nil {
		g.coolAppChanged(by, in)
	}
	return err
}

// UninstallCoolApp takes the cool app out and leaves the bot: the member API then answers coolAppUninstalled.
func (g *Group) UninstallCoolApp(by Person) error {
	err := g.change(func(*world) error { g.c.coolApp = false; return nil })
	if err == nil {
		g.coolAppChanged(by, false)
	}
	return err
}

func (g *Group) coolAppChanged(by Person, installed bool) {
	if g.c.Kind != KindCoolApp {
		return
	}
	event := EventCoolAppUninstall
	if installed {
		event = EventCoolAppInstall
	}
	g.s.gateway.event(event, g.s.coolAppEvent(g.c, by))
}

// change makes a change to a group that was not disbanded.
func (g *Group) change(do func(*world) error) error {
	defer g.lock()()
	if g.c.disbanded {
		return ErrDisbanded
	}
	if err := do(g.s.world); err != nil {
		return err
	}
	g.s.feed.publish(Change{Kind: GroupChanged, GroupID: g.c.ID})
	return nil
}

// event pushes an event of the group, if the bot is in it.
func (g *Group) event(kind string, data map[string]any) {
	unlock := g.lock()
	in := g.c.botIn
	unlock()
	if in {
		g.s.gateway.event(kind, data)
	}
}
