package dingtalktest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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
		"senderCorpId":              corp,
		"senderPlatform":            "Mac",
		"chatbotCorpId":             s.app.CorpID,
		"chatbotUserId":             s.botID,
		"isAdmin":                   p.Admin,
		"isInAtList":                true,
		"robotCode":                 s.app.RobotCode,
		"sessionWebhook":            webhookURL(s.toldURL(), secret),
		"sessionWebhookExpiredTime": expires.UnixMilli(),
		"msgtype":                   m.Type,
	}
	space := " "
	if c.Kind == KindDirect {
		data["conversationType"] = "1"
		delete(data, "conversationTitle")
		delete(data, "isInAtList")
		space = ""
	} else {
		at := []map[string]string{{"dingtalkId": s.botID}}
		for _, other := range m.Mentioned {
			at = append(at, map[string]string{"dingtalkId": other.DingtalkID, "staffId": other.UserID, "unionId": other.UnionID})
		}
		data["atUsers"] = at
	}
	if !s.unpublished {
		data["senderStaffId"] = p.UserID
	}
	var text map[string]any
	switch m.Type {
	case "richText":
		parts := make([]map[string]string, len(say.RichText))
		for i, t := range say.RichText {
			parts[i] = map[string]string{"text": t}
		}
		parts[0]["text"] = space + parts[0]["text"]
		data["content"] = map[string]any{"richText": parts}
	case "picture":
		code := randomBase64(48)
		data["content"] = map[string]any{"downloadCode": code, "pictureDownloadCode": code}
	default:
		text = map[string]any{"content": space + m.Text}
		data["text"] = text
	}
	if quoted, ok := c.byID[m.Quote]; ok {
		data["originalMsgId"] = quoted.ID
		if quoted.ProcessQueryKey != "" {
			data["originalProcessQueryKey"] = quoted.ProcessQueryKey
		}
		if text != nil {
			text["isReplyMsg"] = true
			text["repliedMsg"] = s.repliedMsg(quoted, say.QuoteBare)
		}
	}
	return data
}

// repliedMsg is what a frame tells of a quoted message.
func (s *Server) repliedMsg(quoted *storedMessage, bare bool) map[string]any {
	out := map[string]any{
		"msgId":     quoted.ID,
		"msgType":   quoted.Type,
		"createdAt": quoted.At.UnixMilli(),
		"senderId":  s.botID,
	}
	if kind, ok := strings.CutPrefix(quoted.Type, "sample"); ok {
		out["msgType"] = strings.ToLower(kind[:1]) + kind[1:]
	}
	if !quoted.FromBot() {
		out["senderId"] = quoted.From.DingtalkID
	}
	if !bare {
		out["content"] = map[string]any{"text": quoted.Text}
	}
	return out
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
	return map[string]any{
		"userId": r.Person.UserID, "unionId": r.Person.UnionID, "operatTime": millis(r.At), // a string
		"robotCode": s.app.RobotCode, "openConversationId": m.GroupID, "processQueryKey": m.ProcessQueryKey,
	}
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
