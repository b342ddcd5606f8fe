package dingtalktest

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// What the page is told. A person sees what DingTalk would show them: the messages in whose audience they are.

// groupView is a conversation as one person sees it.
type groupView struct {
	ID          string       `json:"id"`
	Title       string       `json:"title"`
	Kind        GroupKind    `json:"kind"`
	Members     int          `json:"members"`
	Member      bool         `json:"member"` // the person is one
	Disbanded   bool         `json:"disbanded"`
	BotIn       bool         `json:"botIn"`
	BotOn       bool         `json:"botOn"`
	ShowHistory bool         `json:"showHistory"`
	Unread      int          `json:"unread"`    // by the person
	Mentioned   bool         `json:"mentioned"` // in something unread
	Last        *messageView `json:"last,omitempty"`
	Readers     int          `json:"readers"` // who read by themselves
	ReadWithin  float64      `json:"readWithin"`
}

// messageView is a message as one person sees it. Read counts those of its audience who have read it.
type messageView struct {
	Message
	Seen   bool        `json:"seen"`             // the person has read it, or said it
	Late   int         `json:"late"`             // people who joined later and have read it
	Quoted *quotedView `json:"quoted,omitempty"` // what it replies to

	Card      map[string]string `json:"card,omitempty"`      // as the person sees it
	Everybody map[string]string `json:"everybody,omitempty"` // as everybody else does, if that differs
}

type quotedView struct {
	ID       string `json:"id"`
	From     string `json:"from"`
	Text     string `json:"text"`
	Recalled bool   `json:"recalled"`
}

// readerView is somebody in the truth about a message. At is zero for who has not read it.
type readerView struct {
	Person
	At   *time.Time `json:"at,omitempty"`
	Left bool       `json:"left"` // the group, since
	Late bool       `json:"late"` // joined after it was sent
}

// statusView is the state that the drawer shows.
type statusView struct {
	Server         string          `json:"server"` // another one after a restart
	Now            time.Time       `json:"now"`    // by the server's clock
	Ahead          float64         `json:"ahead"`  // seconds by which it was turned forward
	Counted        int             `json:"counted"`
	Pushed         int             `json:"pushed"`
	CallsPerMonth  int             `json:"callsPerMonth"`
	PushesPerMonth int             `json:"pushesPerMonth"`
	Violations     int             `json:"violations"`
	Acks           int             `json:"acks"`
	People         int             `json:"people"`
	Connections    []Connection    `json:"connections"`
	Faults         []Fault         `json:"faults"`
	Events         map[string]bool `json:"events"`
	Duplicate      int             `json:"duplicate"`
	Lose           int             `json:"lose"`
	RefuseGateway  bool            `json:"refuseGateway"`
	MuteWebhooks   bool            `json:"muteWebhooks"`
	DingQuota      DingQuota       `json:"dingQuota"`
	Permissions    map[string]bool `json:"permissions"`    // whether the app has them
	FlowControlled []string        `json:"flowControlled"` // unionIds
	CardReads      bool            `json:"cardReads"`
	CardValueBytes int             `json:"cardValueBytes"`
	Templates      []string        `json:"templates"` // of cards, that can be used
}

// maxPreview is how many runes a quote or a preview keeps.
const maxPreview = 120

func preview(m *storedMessage) string {
	text := m.Text
	if m.Title != "" {
		text = m.Title
	}
	r := []rune(text)
	if len(r) > maxPreview {
		return string(r[:maxPreview]) + "…"
	}
	return text
}

// visible says whether the person sees the message. Without a person everything is seen.
func (c *conversation) visible(m *storedMessage, unionID string) bool {
	return unionID == "" || c.ShowHistory && c.members.has(unionID) || m.audience.has(unionID)
}

func (m *storedMessage) seenBy(unionID string) bool {
	_, read := m.readBy[unionID]
	return read || m.From.UnionID == unionID
}

func (p *page) messageView(c *conversation, m *storedMessage, unionID string) messageView {
	out := messageView{Message: m.snapshot(), Seen: m.seenBy(unionID)}
	if c.ShowHistory {
		for id := range m.readBy {
			if !m.audience.has(id) {
				out.Late++
			}
		}
		out.Read -= out.Late
	}
	if m.Status == StatusRecalled {
		out.Text, out.Title, out.Params = "", "", nil
	} else if m.card != nil {
		out.Card = m.card.seenBy(unionID)
		if all := m.card.seenBy(""); !maps.Equal(all, out.Card) {
			out.Everybody = all
		}
	}
	if q, ok := c.byID[m.Quote]; ok {
		out.Quoted = &quotedView{ID: q.ID, From: p.s.app.BotName, Recalled: q.Status == StatusRecalled}
		if !q.FromBot() {
			out.Quoted.From = q.From.Name
		}
		if !out.Quoted.Recalled {
			out.Quoted.Text = preview(q)
		}
	}
	return out
}

// group is the conversation as the person sees it.
func (p *page) group(id, unionID string) (groupView, bool) {
	p.s.world.mu.Lock()
	defer p.s.world.mu.Unlock()
	c, ok := p.s.world.groups[id]
	if !ok {
		return groupView{}, false
	}
	return p.groupLocked(c, unionID), true
}

func (p *page) groupLocked(c *conversation, unionID string) groupView {
	out := groupView{
		ID: c.ID, Title: c.Title, Kind: c.Kind, Members: len(c.members.ids), Member: c.members.has(unionID), Disbanded: c.disbanded,
		BotIn: c.botIn, BotOn: c.botOn, ShowHistory: c.ShowHistory,
	}
	for i := len(c.messages) - 1; i >= 0; i-- {
		m := c.messages[i]
		if m.Status == StatusRecalled || !c.visible(m, unionID) {
			continue
		}
		if out.Last == nil {
			last := p.messageView(c, m, unionID)
			last.Text, last.Title, last.Params, last.Mentioned, last.Quoted = cmp.Or(m.line, preview(m)), "", nil, nil, nil
			last.Card, last.Everybody = nil, nil
			out.Last = &last
		}
		if out.Member && !m.seenBy(unionID) {
			out.Unread++
			out.Mentioned = out.Mentioned || m.MentionsAll ||
				slices.ContainsFunc(m.Mentioned, func(who Person) bool { return who.UnionID == unionID })
		}
	}
	readers, over := p.crowds.habitOf(c.ID)
	out.Readers, out.ReadWithin = readers, over.Seconds()
	return out
}

// groups are all groups, and the person's chat with the bot before them.
func (p *page) groups(unionID string) []groupView {
	out := []groupView{}
	w := p.s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if who, ok := w.people[unionID]; ok {
		out = append(out, p.groupLocked(w.directLocked(who), unionID))
	}
	for _, id := range w.groupOrder {
		out = append(out, p.groupLocked(w.groups[id], unionID))
	}
	return out
}

// messages are the last ones that the person sees, at most limit of them, oldest first, and whether there are older ones. With
// an ID only those before that message are told.
func (p *page) messages(c *conversation, unionID, before string, limit int) (out []messageView, more bool) {
	out = []messageView{}
	end := len(c.messages)
	if i := slices.IndexFunc(c.messages, func(m *storedMessage) bool { return m.ID == before }); i >= 0 {
		end = i
	}
	for i := end - 1; i >= 0; i-- {
		if !c.visible(c.messages[i], unionID) {
			continue
		}
		if len(out) == limit {
			more = true
			break
		}
		out = append(out, p.messageView(c, c.messages[i], unionID))
	}
	slices.Reverse(out)
	return out, more
}

// truth is who has read the message, and who of its audience has not.
func (p *page) truth(c *conversation, m *storedMessage) (read, unread []readerView) {
	named := func(id string) readerView {
		return readerView{Person: p.s.world.people[id], Left: !c.members.has(id)}
	}
	for _, r := range m.readers {
		v := named(r.Person.UnionID)
		v.At, v.Late = &r.At, !m.audience.has(r.Person.UnionID)
		read = append(read, v)
	}
	for _, id := range m.audience.ids {
		if !m.seenBy(id) {
			unread = append(unread, named(id))
		}
	}
	return read, unread
}

func (p *page) status() statusView {
	s := p.s
	out := statusView{
		Server: s.botID, Now: s.now(), Ahead: s.clock.Ahead().Seconds(), DingQuota: s.DingQuota(), Permissions: s.limits.permissions(), Counted: s.Counted(), Pushed: s.Pushed(), Connections: s.Connections(), Faults: s.Faults(), Events: map[string]bool{},
	}
	s.limits.mu.Lock()
	out.CallsPerMonth, out.PushesPerMonth, out.MuteWebhooks = s.limits.calls, s.limits.pushes, s.limits.muteWebhooks
	s.limits.mu.Unlock()
	s.gateway.mu.Lock()
	for _, t := range eventTypes() {
		out.Events[t] = s.gateway.events[t]
	}
	out.Duplicate, out.Lose, out.RefuseGateway = s.gateway.duplicates, s.gateway.losses, s.gateway.refusing
	s.gateway.mu.Unlock()
	s.journal.mu.Lock()
	out.Violations, out.Acks = len(s.journal.violations), len(s.journal.acks)
	s.journal.mu.Unlock()
	s.world.mu.Lock()
	out.People = len(s.world.peopleOrder)
	out.CardReads, out.CardValueBytes, out.Templates = !s.world.cardsUnread, s.world.cardValueBytes, []string{}
	for _, id := range slices.Sorted(maps.Keys(s.world.templates)) {
		if !s.world.templates[id].Unpublished {
			out.Templates = append(out.Templates, id)
		}
	}
	out.FlowControlled = append([]string{}, slices.Sorted(maps.Keys(s.world.controlled))...)
	s.world.mu.Unlock()
	return out
}
