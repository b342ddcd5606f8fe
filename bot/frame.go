package bot

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// MessageTopic is the CALLBACK topic of what people say to the bot.
const MessageTopic = "/v1.0/im/bot/messages/get"

// maxTextBytes bounds the text that is taken from a frame. An announcement may
// have 15,000 bytes.
const maxTextBytes = 32 << 10

// maxTitleBytes bounds what is kept of a group's title, and of a person's name.
const maxTitleBytes = 1 << 10

// maxIDBytes is longer than any id or session webhook. What is beyond is none.
const maxIDBytes = 4 << 10

// Incoming is what somebody said to the bot. It is what waits in the inbox; see
// waiting.
type Incoming struct {
	ID     string // msgId
	Group  string // openConversationId
	Title  string // of the group; may be empty
	Direct bool   // a one-to-one chat
	Robot  string // robotCode; may be empty

	Sender receipts.Person
	Admin  bool // of the organisation
	// Outsider is somebody without a userId of the bot's organisation.
	Outsider bool

	Text     string
	Cut      bool // the text was longer than what is kept of it
	Pictures int  // that stood in the text
	// Wordless tells that there was no text to read: a picture, a file, a voice.
	Wordless bool
	// Spent tells that DingTalk withheld the text: the organisation's quota of
	// pushed messages is used up.
	Spent bool

	// IsReply tells that a message was quoted; Quote.Key is set if it is one of
	// the bot's that can be tracked.
	IsReply bool
	Quote   receipts.Quote
	// QuotedNumber is the #n that a quoted answer of the bot's begins with; 0 if
	// none is quoted.
	QuotedNumber int

	SaidAt     time.Time // once accepted, never zero
	AcceptedAt time.Time // when the frame arrived

	// TakenOver tells that an earlier attempt at it may have come to its end unseen. It
	// does not wait in the inbox, but is known once it comes out.
	TakenOver bool `json:"-"`

	Webhook      dingtalk.Secret // sessionWebhook
	WebhookUntil time.Time
}

// errFrame means that a frame can't be understood, now or later.
var errFrame = errors.New("frame not understood")

// decode reads the data of a bot message frame. Fields that are absent or of
// another type than documented are taken as empty, except the group, without
// which nobody could be answered. FrameID stands in for a missing msgId.
func decode(data []byte, frameID string) (Incoming, error) {
	var frame struct {
		MsgID             lenient `json:"msgId"`
		ConversationID    lenient `json:"conversationId"`
		ConversationType  lenient `json:"conversationType"`
		ConversationTitle lenient `json:"conversationTitle"`
		CreateAt          lenient `json:"createAt"`
		RobotCode         lenient `json:"robotCode"`
		SenderStaffID     lenient `json:"senderStaffId"`
		SenderNick        lenient `json:"senderNick"`
		SenderCorpID      lenient `json:"senderCorpId"`
		ChatbotCorpID     lenient `json:"chatbotCorpId"`
		ChatbotUserID     lenient `json:"chatbotUserId"`
		IsAdmin           lenient `json:"isAdmin"`
		MsgType           lenient `json:"msgtype"`
		ErrorCode         lenient `json:"errorCode"`
		Text              object  `json:"text"`
		Content           object  `json:"content"`
		OriginalMsgID     lenient `json:"originalMsgId"`
		OriginalKey       lenient `json:"originalProcessQueryKey"`
		SessionWebhook    lenient `json:"sessionWebhook"`
		SessionWebhookEnd lenient `json:"sessionWebhookExpiredTime"`
	}
	if err := json.Unmarshal(data, &frame); err != nil {
		return Incoming{}, fmt.Errorf("%w: no JSON object", errFrame)
	}
	in := Incoming{
		ID: cmp.Or(frame.MsgID.id(), frameID), Group: frame.ConversationID.id(), Direct: frame.ConversationType == "1",
		Title: cutBytes(string(frame.ConversationTitle), maxTitleBytes), SaidAt: frame.CreateAt.time(),
		Robot:        frame.RobotCode.id(),
		Sender:       receipts.Person{UserID: frame.SenderStaffID.id(), Name: cutBytes(string(frame.SenderNick), maxTitleBytes)},
		Admin:        frame.IsAdmin == "true",
		Spent:        frame.ErrorCode != "" && frame.ErrorCode != "0",
		Webhook:      dingtalk.NewSecret(frame.SessionWebhook.id()),
		WebhookUntil: frame.SessionWebhookEnd.time(),
	}
	if in.ID == "" || in.Group == "" {
		return Incoming{}, fmt.Errorf("%w: no msgId or no conversationId", errFrame)
	}
	in.Outsider = in.Sender.UserID == "" ||
		frame.SenderCorpID != "" && frame.ChatbotCorpID != "" && frame.SenderCorpID != frame.ChatbotCorpID

	switch frame.MsgType {
	case "richText":
		in.Text, in.Pictures = richText(frame.Content)
		in.Wordless = strings.TrimSpace(in.Text) == "" && in.Pictures > 0
	case "text", "":
		in.Text = frame.Text.text("content")
	default:
		in.Wordless = true
	}
	in.Cut = len(in.Text) > maxTextBytes
	in.Text = cutBytes(in.Text, maxTextBytes)

	replied := frame.Text.object("repliedMsg")
	if replied == nil {
		replied = frame.Content.object("repliedMsg")
	}
	in.IsReply = frame.OriginalKey != "" || frame.OriginalMsgID != "" || frame.Text.text("isReplyMsg") == "true" || frame.Content.text("isReplyMsg") == "true"
	in.Quote = receipts.Quote{
		Key:       frame.OriginalKey.id(),
		CreatedAt: lenient(replied.text("createdAt")).time(),
		Text:      cutBytes(replied.object("content").text("text"), maxTextBytes),
	}
	if frame.ChatbotUserID != "" && replied.text("senderId") == string(frame.ChatbotUserID) {
		in.QuotedNumber = numberIn(in.Quote.Text)
	}
	return in, nil
}

// richText joins the texts of a richText message and counts its pictures.
func richText(content object) (string, int) {
	var parts []object
	if json.Unmarshal(content["richText"], &parts) != nil {
		return "", 0
	}
	var text strings.Builder
	pictures := 0
	for _, part := range parts {
		text.WriteString(part.text("text"))
		if part.text("type") == "picture" || part.text("downloadCode") != "" {
			pictures++
		}
	}
	return text.String(), pictures
}

// lenient is a string, number or boolean of JSON as its text; anything else is
// empty. DingTalk's examples show the same field with several types.
type lenient string

// UnmarshalJSON never fails: a frame must not be lost for one odd field.
func (l *lenient) UnmarshalJSON(data []byte) error {
	*l = ""
	switch data[0] {
	case '"':
		// Most texts say themselves: this is the hot path of pushed reads.
		if bytes.IndexByte(data, '\\') < 0 && utf8.Valid(data) {
			*l = lenient(data[1 : len(data)-1])
			return nil
		}
		var s string
		if json.Unmarshal(data, &s) == nil {
			*l = lenient(s)
		}
	case '{', '[', 'n':
	default:
		*l = lenient(data)
	}
	return nil
}

// id reads what names something.
func (l lenient) id() string {
	if len(l) > maxIDBytes {
		return ""
	}
	return string(l)
}

// maxMillis is the end of the year 9999, the last one that a time in JSON can
// have.
const maxMillis = 253_402_300_800_000

// time reads Unix milliseconds; anything else is the zero time.
func (l lenient) time() time.Time {
	ms, err := strconv.ParseFloat(string(l), 64)
	if err != nil || !(ms > 0 && ms < maxMillis) {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}

// object is a JSON object whose fields are looked at one by one; nil is empty.
type object map[string]json.RawMessage

// UnmarshalJSON never fails; what is no object is an empty one.
func (o *object) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		fields = nil
	}
	*o = fields
	return nil
}

func (o object) text(field string) string {
	var value lenient
	if raw := o[field]; len(raw) > 0 {
		_ = value.UnmarshalJSON(raw) // never fails
	}
	return string(value)
}

func (o object) object(field string) object {
	var value object
	if raw := o[field]; len(raw) > 0 {
		_ = value.UnmarshalJSON(raw) // never fails
	}
	return value
}

// cutBytes returns the beginning of s that has at most limit bytes, cut between
// two runes.
func cutBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
