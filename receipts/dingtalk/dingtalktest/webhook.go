package dingtalktest

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Error codes of the webhooks, as the page about custom bots lists them; a client must not tell them apart.
const (
	errHookDisbanded = 400013
	errHookUnknown   = 400101
	errHookStopped   = 400102
	errHookType      = 400105
	errHookNoBot     = 400106
	errHookTooFast   = 410100
	errHookTooLong   = 460101
)

const (
	maxWebhookBytes = 20_000
	maxSessions     = 20_000 // webhooks that are known; the oldest go first
)

// sessions are the session webhooks that were handed out.
type sessions struct {
	now func() time.Time
	ttl time.Duration

	mu    sync.Mutex
	open  map[string]session // by the secret in the URL
	order []string
}

type session struct {
	conversation string
	message      string // with whose frame it was handed out
	expires      time.Time
	revoked      bool // ended earlier than its frame said
}

// add hands out a webhook for the conversation, with the frame about a message.
func (x *sessions) add(conversation, message string) (secret string, expires time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.order) >= maxSessions {
		delete(x.open, x.order[0])
	}
	secret, expires = randomHex(16), x.now().Add(x.ttl)
	x.order = keep(x.order, secret, maxSessions)
	x.open[secret] = session{conversation: conversation, message: message, expires: expires}
	return secret, expires
}

func (x *sessions) get(secret string) (session, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	open, ok := x.open[secret]
	return open, ok
}

// revokeAll makes every webhook handed out so far end now.
func (x *sessions) revokeAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for secret, open := range x.open {
		open.revoked = true
		x.open[secret] = open
	}
}

func webhookURL(base, secret string) string {
	return base + "/" + APIWebhook + "?" + url.Values{"session": {secret}}.Encode()
}

func (s *Server) postWebhook(c *call) (any, *apiError) {
	open, ok := s.sessions.get(c.r.URL.Query().Get("session"))
	if !ok {
		return nil, c.careless(refuseOld(errHookUnknown, "the session does not exist"))
	}
	if open.revoked {
		return nil, refuseOld(errHookUnknown, "the session has expired")
	}
	if !s.now().Before(open.expires) {
		return nil, c.careless(refuseOld(errHookUnknown, "the session has expired"))
	}
	if len(c.body) > maxWebhookBytes {
		return nil, c.careless(refuseOld(errHookTooLong, "the message is longer than 20000 bytes"))
	}
	m, at, err := webhookMessage(c)
	if err != nil {
		return nil, err
	}
	m.Session = open.message
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[open.conversation]
	switch {
	case g.disbanded:
		return nil, refuseOld(errHookDisbanded, "the group was disbanded")
	case !g.botIn:
		return nil, refuseOld(errHookNoBot, "the bot does not exist")
	case !g.botOn:
		return nil, refuseOld(errHookStopped, "the bot was stopped")
	case !s.limits.webhook(g.ID):
		return nil, refuseOld(errHookTooFast, "send too fast, exceed 20 times per minute")
	}
	for _, id := range at {
		if !mentions(m.Text, id) {
			c.violate("at.atUserIds holds somebody whose @userId does not stand in the text: nobody is notified")
			continue
		}
		if p, ok := w.byUserID[id]; ok && g.members.has(p.UnionID) && !slices.Contains(m.Mentioned, p) {
			m.Mentioned = append(m.Mentioned, p)
		}
	}
	w.appendLocked(g, m)
	return map[string]any{}, nil
}

// webhookMessage reads the call's body: the message, and at.atUserIds.
func webhookMessage(c *call) (Message, []string, *apiError) {
	f := fieldsOf(c)
	if f.err != nil {
		return Message{}, nil, f.err
	}
	m := Message{Via: ViaWebhook, Type: f.text("msgtype")}
	var err *apiError
	switch m.Type {
	case "text":
		text := f.object("text")
		m.Text = text.text("content")
		err = text.end()
	case "markdown":
		markdown := f.object("markdown")
		m.Title, m.Text = markdown.text("title"), markdown.text("text")
		err = markdown.end()
		if err == nil && m.Title == "" {
			err = c.careless(refuseOld(errInvalidParameter, "markdown.title is missing"))
		}
	default:
		err = c.careless(refuseOld(errHookType, "msgtype must be text or markdown"))
	}
	at := f.object("at")
	ids := at.texts("atUserIds")
	at.texts("atMobiles")
	m.MentionsAll = at.flag("isAtAll")
	for _, e := range []*apiError{f.end(), at.end()} {
		if e != nil {
			return m, nil, e
		}
	}
	if err == nil && m.Text == "" {
		err = c.careless(refuseOld(errInvalidParameter, "the text is missing"))
	}
	return m, ids, err
}

// mentions says whether @userID stands in the text, not merely as the beginning of a longer id.
func mentions(text, userID string) bool {
	for rest := text; ; {
		i := strings.Index(rest, "@"+userID)
		if i < 0 || userID == "" {
			return false
		}
		rest = rest[i+1+len(userID):]
		if rest == "" || !isIDByte(rest[0]) {
			return true
		}
	}
}

func isIDByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == '-'
}
