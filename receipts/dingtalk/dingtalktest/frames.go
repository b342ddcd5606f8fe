package dingtalktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"time"
)

// The types of frame.
const (
	frameSystem   = "SYSTEM"
	frameCallback = "CALLBACK"
	frameEvent    = "EVENT"
)

// TopicBotMessage is the CALLBACK topic of what people say to the bot.
const TopicBotMessage = "/v1.0/im/bot/messages/get"

// The events that can be switched on with [Server.Events].
const (
	EventRead             = "robot_msg_read"
	EventRecall           = "robot_msg_recall"
	EventAddMember        = "chat_add_member"
	EventRemoveMember     = "chat_remove_member"
	EventQuit             = "chat_quit"
	EventUpdateTitle      = "chat_update_title"
	EventDisband          = "chat_disband"
	EventCoolAppInstall   = "im_cool_app_install"
	EventCoolAppUninstall = "im_cool_app_uninstall"
)

func eventTypes() []string {
	return []string{
		EventRead, EventRecall, EventAddMember, EventRemoveMember, EventQuit, EventUpdateTitle, EventDisband,
		EventCoolAppInstall, EventCoolAppUninstall,
	}
}

// frame is what goes over the WebSocket. All headers are strings: the official SDK drops a frame with another type.
type frame struct {
	SpecVersion string            `json:"specVersion"`
	Type        string            `json:"type"`
	Headers     map[string]string `json:"headers"`
	Data        string            `json:"data"`
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// mustJSON encodes what this package made itself, which cannot fail.
func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("dingtalktest: encode a frame: %w", err))
	}
	return string(b)
}

// botMessage is the data of a frame that carries what a person said. The caller holds the world's lock.
func (s *Server) botMessage(c *conversation, m *storedMessage, say Say) map[string]any {
	p := m.From
	secret, expires := s.sessions.add(c.ID, m.ID)
	corp := s.app.CorpID
	if p.Outside {
		corp = "dingoutside"
	}
	data := map[string]any{
		"conversationId":            c.ID,
		"conversationType":          "2",
		"conversationTitle":         c.Title,
		"msgId":                     m.ID,
		"createAt":                  m.At.UnixMilli(),
		"senderNick":                p.Name,
		"senderId":                  p.DingtalkID,
		"senderUnionId":             p.UnionID,
		"senderCorpId":              corp,
		"senderPlatform":            "Mac",
		"chatbotCorpId":             s.app.CorpID,
		"chatbotUserId":             s.botID,
		"isAdmin":                   p.Admin,
		"isInAtList":                true,
		"robotCode":                 s.app.RobotCode,
		"sessionWebhook":            webhookURL(s.toldURL(), secret),
		"sessionWebhookExpiredTime": expires.UnixMilli(),
	}
	bot := s.app.BotName
	dice := s.shapes.dice(string(Said), c.Title, p.Name, strconv.Itoa(m.turn))
	if c.Kind == KindDirect {
		data["conversationType"] = "1"
		delete(data, "conversationTitle")
		delete(data, "isInAtList")
		bot = ""
	}
	x := newSaying(m, say, bot)
	shape := s.shapes.saying(x, say.Shape, dice)
	maps.Copy(data, shape.said(x))
	if c.Kind != KindDirect {
		data["atUsers"] = s.atUsers(m, mentionsOtherBot(shape.Name))
	}
	if !s.unpublished {
		data["senderStaffId"] = p.UserID
	}
	if quoted, ok := c.byID[m.Quote]; ok {
		s.quote(data, quoted, say, dice)
	}
	return data
}

// atUsers are the bot and the people who are mentioned, and another bot.
func (s *Server) atUsers(m *storedMessage, other bool) []map[string]string {
	at := []map[string]string{{"dingtalkId": s.botID}}
	if other {
		at = append(at, map[string]string{"dingtalkId": "$:LWCP_v1:$" + otherBot})
	}
	for _, p := range m.Mentioned {
		user := map[string]string{"dingtalkId": p.DingtalkID, "unionId": p.UnionID}
		if !p.Outside {
			user["staffId"] = p.UserID
		}
		at = append(at, user)
	}
	return at
}

// quote puts into the data what it tells of the message that is replied to.
func (s *Server) quote(data map[string]any, quoted *storedMessage, say Say, dice *rand.Rand) {
	q := &quotation{storedMessage: quoted, sender: s.botID, full: say.QuoteFull}
	if !quoted.FromBot() {
		q.sender = quoted.From.DingtalkID
	}
	name := say.QuoteShape
	if say.QuoteBare {
		name = QuoteNone
	}
	if quoted.ProcessQueryKey != "" {
		data["originalProcessQueryKey"] = quoted.ProcessQueryKey
	}
	shape := s.shapes.quotation(q, name, dice)
	if shape.Name == quoteMessage {
		data[quoteMessage] = shape.quoted(q)
		return
	}
	data["originalMsgId"] = quoted.ID
	said, ok := data["text"].(map[string]any)
	if !ok {
		said = data["content"].(map[string]any)
	}
	said["isReplyMsg"] = true
	said["repliedMsg"] = shape.quoted(q)
}

// overQuota is the same data as it comes when the month's pushes are used up: without what was said.
func overQuota(data map[string]any) map[string]any {
	out := map[string]any{"errorCode": 20001, "errorMessage": "The number of messages exceeds the quota"}
	for k, v := range data {
		if k != "text" && k != "content" {
			out[k] = v
		}
	}
	return out
}

// readEvent is the data of robot_msg_read.
func (s *Server) readEvent(m Message, r Reader) map[string]any {
	name := eventRead
	switch {
	case m.Via == ViaDirect:
		name = eventDirect
	case r.Person.Outside:
		name = eventGuest
	}
	return namedShape(pushedShapes(), name).data(&occurrence{app: s.app, message: m, reader: r})
}

// recallEvent is the data of robot_msg_recall.
func (s *Server) recallEvent(m Message, by Person) map[string]any {
	return map[string]any{
		"userId": by.UserID, "unionId": by.UnionID, "operatTime": s.now().UnixMilli(), // a number
		"robotCode": s.app.RobotCode, "openConversationId": m.GroupID, "processQueryKey": m.ProcessQueryKey,
	}
}

// memberEvent is the data of chat_add_member and chat_remove_member.
func (s *Server) memberEvent(c *conversation, by Person, who []Person) map[string]any {
	users, unions := []string{}, []string{}
	for _, p := range who {
		if !p.Outside {
			users = append(users, p.UserID)
		}
		unions = append(unions, p.UnionID)
	}
	return map[string]any{
		"openConversationId": c.ID, "chatId": c.ChatID, "userId": users, "unionId": unions,
		"operator": by.operator(), "timeStamp": s.now().UnixMilli(),
	}
}

// coolAppEvent is the data of im_cool_app_install and im_cool_app_uninstall.
func (s *Server) coolAppEvent(c *conversation, by Person) map[string]any {
	return map[string]any{
		"openConversationId": c.ID, "coolAppCode": c.CoolAppCode, "robotCode": s.app.RobotCode, "operator": by.operator(),
	}
}
