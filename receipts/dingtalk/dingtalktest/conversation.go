package dingtalktest

import (
	"errors"
	"slices"
	"time"
)

// What a person tried and cannot do.
var (
	ErrUnknownPerson  = errors.New("dingtalktest: no such person")
	ErrNotMember      = errors.New("dingtalktest: not a member of the group")
	ErrNotInAudience  = errors.New("dingtalktest: joined after the message was sent")
	ErrUnknownMessage = errors.New("dingtalktest: no such message in the conversation")
	ErrRecalled       = errors.New("dingtalktest: the message was recalled")
	ErrDisbanded      = errors.New("dingtalktest: the group was disbanded")
	ErrUnknownShape   = errors.New("dingtalktest: no such shape")
)

// GroupKind says where a group comes from, and so which API can tell its members.
type GroupKind string

// The kinds of conversation.
const (
	KindPlain   GroupKind = "plain"   // an internal group: no API tells its members
	KindScene   GroupKind = "scene"   // made from a group template
	KindCoolApp GroupKind = "coolApp" // the bot came with a group cool app: coolAppCode is required
	KindChat    GroupKind = "chat"    // made by this app's "create group" call: chat/get works, with ChatID
	KindDirect  GroupKind = "direct"  // a one-to-one chat; see [Server.Direct]
)

// GroupOptions describes a group; empty fields are filled in.
type GroupOptions struct {
	Title       string
	Kind        GroupKind // default KindScene
	ID          string    // openConversationId
	ChatID      string
	CoolAppCode string // for KindCoolApp
	ShowHistory bool   // people who join later can read earlier messages
	NoNicks     bool   // the member API answers without nick names
}

// maxMessages is how many messages a conversation keeps; the oldest go first.
const maxMessages = 5000

// roster is who was in a conversation at some time. It is never changed, so that messages can share it.
type roster struct {
	ids []string // unionIds in the order of joining
	set map[string]struct{}
}

func newRoster(ids []string) *roster {
	r := &roster{ids: ids, set: make(map[string]struct{}, len(ids))}
	for _, id := range ids {
		r.set[id] = struct{}{}
	}
	return r
}

func (r *roster) has(id string) bool { _, ok := r.set[id]; return ok }

// storedMessage is a message with its reads. Reads are only ever added.
type storedMessage struct {
	Message
	turn        int // how many messages its author has said here, this one included
	audience    *roster
	readers     []Reader
	readBy      map[string]struct{} // unionIds
	readUserIDs []string            // the readers that groupMessages/query tells: not those from outside
	card        *cardInstance       // nil for other messages
	line        string              // what the list of chats shows of a card
}

func (m *storedMessage) snapshot() Message {
	out := m.Message
	out.Mentioned = slices.Clone(m.Mentioned)
	out.Read = len(m.readers)
	if m.card != nil {
		out.Card = m.card.seenBy("")
	}
	return out
}

// conversation is a group or a one-to-one chat. The world's lock guards it.
type conversation struct {
	GroupOptions
	members   *roster
	botIn     bool
	botOn     bool
	coolApp   bool // the cool app is installed
	disbanded bool
	messages  []*storedMessage
	byID      map[string]*storedMessage
	said      map[string]int // messages by unionId of the author
}

func newConversation(o GroupOptions, members []string) *conversation {
	return &conversation{
		GroupOptions: o, members: newRoster(members), botIn: true, botOn: true,
		coolApp: o.Kind == KindCoolApp, byID: map[string]*storedMessage{}, said: map[string]int{},
	}
}

func (c *conversation) join(ids []string) []string {
	all, added := slices.Clone(c.members.ids), []string(nil)
	seen := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		if _, twice := seen[id]; !twice && !c.members.has(id) {
			all, added = append(all, id), append(added, id)
		}
		seen[id] = struct{}{}
	}
	c.members = newRoster(all)
	return added
}

func (c *conversation) leave(ids []string) []string {
	gone, removed := newRoster(ids), []string(nil)
	rest := make([]string, 0, len(c.members.ids))
	for _, id := range c.members.ids {
		if gone.has(id) {
			removed = append(removed, id)
		} else {
			rest = append(rest, id)
		}
	}
	c.members = newRoster(rest)
	return removed
}

// add appends m and returns the message that had to go for it, if any.
func (c *conversation) add(m *storedMessage) (evicted *storedMessage) {
	if len(c.messages) >= maxMessages {
		evicted = c.messages[0]
		delete(c.byID, evicted.ID)
	}
	c.said[m.From.UnionID]++
	m.turn = c.said[m.From.UnionID]
	m.audience = c.members
	m.Audience = len(c.members.ids)
	if c.members.has(m.From.UnionID) {
		m.Audience--
	}
	m.readBy = map[string]struct{}{}
	c.messages = keep(c.messages, m, maxMessages)
	c.byID[m.ID] = m
	return evicted
}

// read notes that p has read m, and says whether that is new.
func (c *conversation) read(m *storedMessage, p Person, at time.Time) (bool, error) {
	switch {
	case c.disbanded:
		return false, ErrDisbanded
	case m.Status == StatusRecalled:
		return false, ErrRecalled
	case !c.members.has(p.UnionID):
		return false, ErrNotMember
	case !c.ShowHistory && !m.audience.has(p.UnionID):
		return false, ErrNotInAudience
	}
	if _, ok := m.readBy[p.UnionID]; ok || m.From.UnionID == p.UnionID {
		return false, nil
	}
	m.readBy[p.UnionID] = struct{}{}
	m.readers = append(m.readers, Reader{Person: p, At: at})
	if !p.Outside {
		m.readUserIDs = append(m.readUserIDs, p.UserID)
	}
	return true, nil
}
