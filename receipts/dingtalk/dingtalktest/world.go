package dingtalktest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

// Bounds of what the world keeps; the oldest go first.
const (
	maxDings = 1000
	maxMedia = 64
)

// world is who there is and what was said: the state that people see. It knows neither HTTP nor Stream.
type world struct {
	now  func() time.Time
	feed *feed

	mu          sync.Mutex
	people      map[string]Person // by unionId
	byUserID    map[string]Person
	peopleOrder []string // unionIds
	groups      map[string]*conversation
	groupOrder  []string
	byChatID    map[string]*conversation
	direct      map[string]*conversation // by unionId
	byKey       map[string]*storedMessage
	departments map[int64][]string  // userIds
	controlled  map[string]struct{} // unionIds of those who get no direct messages
	dings       []Ding
	media       []Media

	templates      map[string]Template
	cards          map[string]*cardInstance // by outTrackId
	cardOrder      []string
	cardValueBytes int  // negative: unlimited
	cardsUnread    bool // the readers of cards are not told
}

func newWorld(now func() time.Time, f *feed) *world {
	return &world{
		now: now, feed: f,
		people: map[string]Person{}, byUserID: map[string]Person{}, groups: map[string]*conversation{},
		byChatID: map[string]*conversation{}, direct: map[string]*conversation{}, byKey: map[string]*storedMessage{},
		departments: map[int64][]string{}, controlled: map[string]struct{}{},
		templates: publicTemplates(), cards: map[string]*cardInstance{}, cardValueBytes: DocumentedCardValueBytes,
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails: it ends the process instead
	return b
}

// randomHex has 2n digits.
func randomHex(n int) string { return hex.EncodeToString(randomBytes(n)) }

// randomBase64 is of n bytes, in the alphabet that needs escaping in a URL, as DingTalk's own ids do.
func randomBase64(n int) string { return base64.StdEncoding.EncodeToString(randomBytes(n)) }

func newConversationID() string { return "cid" + randomBase64(16) }

func (w *world) addPerson(p Person) Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addPersonLocked(p)
}

// addPeople is addPerson for many, with one change.
func (w *world) addPeople(people []Person) []Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]Person, len(people))
	for i, p := range people {
		out[i] = w.putPersonLocked(p)
	}
	w.feed.publish(Change{Kind: PersonAdded})
	return out
}

func (w *world) addPersonLocked(p Person) Person {
	p = w.putPersonLocked(p)
	w.feed.publish(Change{Kind: PersonAdded})
	return p
}

func (w *world) putPersonLocked(p Person) Person {
	if p.Outside {
		p.UserID, p.Admin = "", false
	} else if p.UserID == "" {
		p.UserID = "user" + randomHex(6)
	}
	if p.UnionID == "" {
		p.UnionID = randomHex(8) + "iE"
	}
	if p.DingtalkID == "" {
		p.DingtalkID = "$:LWCP_v1:$" + randomBase64(24)
	}
	if before, known := w.people[p.UnionID]; known {
		delete(w.byUserID, before.UserID)
	} else {
		w.peopleOrder = append(w.peopleOrder, p.UnionID)
	}
	w.people[p.UnionID] = p
	if p.UserID != "" {
		w.byUserID[p.UserID] = p
	}
	return p
}

func (w *world) allPeople() []Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.named(w.peopleOrder)
}

// named are the people with these unionIds.
func (w *world) named(ids []string) []Person {
	out := make([]Person, len(ids))
	for i, id := range ids {
		out[i] = w.people[id]
	}
	return out
}

func (w *world) unionIDs(people []Person) ([]string, error) {
	ids := make([]string, len(people))
	for i, p := range people {
		if _, ok := w.people[p.UnionID]; !ok {
			return nil, ErrUnknownPerson
		}
		ids[i] = p.UnionID
	}
	return ids, nil
}

func (w *world) addGroup(o GroupOptions, people []Person) *conversation {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, len(people))
	for i, p := range people {
		if _, known := w.people[p.UnionID]; !known {
			p = w.addPersonLocked(p)
		}
		ids[i] = p.UnionID
	}
	if o.Kind == "" {
		o.Kind = KindScene
	}
	if o.ID == "" {
		o.ID = newConversationID()
	}
	if o.ChatID == "" {
		o.ChatID = "chat" + randomHex(16)
	}
	if o.Kind == KindCoolApp && o.CoolAppCode == "" {
		o.CoolAppCode = "COOLAPP-1-" + randomHex(10)
	}
	c := newConversation(o, nil)
	c.join(ids)
	w.groups[o.ID] = c
	w.byChatID[o.ChatID] = c
	w.groupOrder = append(w.groupOrder, o.ID)
	w.feed.publish(Change{Kind: GroupAdded, GroupID: o.ID})
	return c
}

// directLocked is the one-to-one chat of the bot with p, made when first needed.
func (w *world) directLocked(p Person) *conversation {
	c, ok := w.direct[p.UnionID]
	if !ok {
		c = newConversation(GroupOptions{ID: newConversationID(), Kind: KindDirect, Title: p.Name}, []string{p.UnionID})
		w.direct[p.UnionID] = c
		w.groups[c.ID] = c
	}
	return c
}

// appendLocked stores m in c at the present time and tells the watchers.
func (w *world) appendLocked(c *conversation, m Message) *storedMessage {
	if m.ID == "" {
		m.ID = "msg" + randomBase64(18)
	}
	m.GroupID, m.At = c.ID, w.now()
	if m.Status == "" {
		m.Status = StatusSuccess
	}
	stored := &storedMessage{Message: m}
	if evicted := c.add(stored); evicted != nil {
		delete(w.byKey, evicted.ProcessQueryKey)
	}
	if m.Via == ViaSend || m.Via == ViaCard {
		w.byKey[m.ProcessQueryKey] = stored
	}
	w.feed.publish(Change{Kind: MessageAdded, GroupID: c.ID, MessageID: m.ID})
	return stored
}

// toldLocked reports whether DingTalk tells who has read the message, and that it was recalled.
func (w *world) toldLocked(m Message) bool {
	return m.Via == ViaSend || m.Via == ViaCard && !w.cardsUnread
}

func (w *world) messageLocked(c *conversation, id string) (*storedMessage, error) {
	m, ok := c.byID[id]
	if !ok {
		return nil, ErrUnknownMessage
	}
	return m, nil
}

func (w *world) recallLocked(c *conversation, m *storedMessage) {
	m.Status = StatusRecalled
	w.feed.publish(Change{Kind: MessageChanged, GroupID: c.ID, MessageID: m.ID})
}

func (w *world) addDing(kind int, receivers []Person, content string) Ding {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := Ding{ID: randomHex(8), At: w.now(), Type: kind, Receivers: receivers, Content: content}
	w.dings = keep(w.dings, d, maxDings)
	w.feed.publish(Change{Kind: DingSent})
	return d
}

func (w *world) addMedia(kind, name string, content []byte) Media {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := Media{ID: "@" + randomHex(16), Type: kind, Name: name, Content: content}
	w.media = keep(w.media, m, maxMedia)
	return m
}

func (w *world) mediaByID(id string) (Media, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.media, func(m Media) bool { return m.ID == id })
	if i < 0 {
		return Media{}, false
	}
	return w.media[i], true
}

// staff are the people with these userIds, and the ids that nobody has.
func (w *world) staff(userIDs []string) (people []Person, unknown []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range userIDs {
		if p, ok := w.byUserID[id]; ok {
			people = append(people, p)
		} else {
			unknown = append(unknown, id)
		}
	}
	return people, unknown
}
