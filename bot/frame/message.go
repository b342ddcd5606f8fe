package frame

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"whoread/receipts"
)

// maxTextBytes bounds the text that is taken from a frame. An announcement may
// have 15,000 bytes.
const maxTextBytes = 32 << 10

// maxTitleBytes bounds what is kept of a group's title, and of a person's name.
const maxTitleBytes = 1 << 10

// maxIDBytes is longer than any id or session webhook. What is beyond is none.
const maxIDBytes = 4 << 10

// maxMentioned is how many people one message can mention; beyond, they are strangers.
const maxMentioned = 1_000

// maxMentionBytes is longer than any name that stands behind an @.
const maxMentionBytes = 256

// Message is what somebody said to the bot.
type Message struct {
	ID string // msgId
	// Unnamed reports that there was no msgId: ID is the frame's own, by which a
	// message that is pushed again is not known.
	Unnamed bool
	Group   string // openConversationId
	Title   string // of the group; may be empty
	Direct  bool   // a one-to-one chat
	Robot   string // robotCode; may be empty

	Sender receipts.Person
	Admin  bool // of the organisation
	// External reports that it is somebody without a userId of the bot's organisation.
	External bool

	Text      string
	Truncated bool // the text was longer than what is kept of it
	Pictures  int  // that stood in the text
	// Mentions are where mentions stand in Text, in their order, each a piece of its own
	// in rich text. Where a client writes them into a plain text, nobody knows where
	// they end.
	Mentions []Span
	// NoText reports that there was no text to read: a picture, a file, a voice.
	NoText bool
	// TextWithheld reports that DingTalk withheld the text: the organisation's quota of
	// pushed messages is used up.
	TextWithheld bool

	// Mentioned are the userIds of the people who are mentioned, and Strangers how many
	// else are, beside the bot: people from outside, and other bots.
	Mentioned []string
	Strangers int

	// IsReply reports that a message was quoted; Quote.Key is set if it is one that the
	// bot sent by API.
	IsReply bool
	Quote   receipts.Quote

	SaidAt     time.Time // zero if DingTalk does not tell; once accepted, never
	AcceptedAt time.Time // when the frame arrived

	// MaybeDone reports that an earlier attempt at it may have come to its end unseen. It
	// does not wait in the inbox, but is known once it comes out.
	MaybeDone bool `json:"-"`

	Webhook receipts.Webhook // by which the bot can answer
}

// Span is a part of a text, in bytes.
type Span struct{ From, To int }

// ErrBroken means that a frame can't be understood, now or later.
var ErrBroken = errors.New("frame not understood")

// messageFrame is the data of a bot message's frame.
type messageFrame struct {
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
	AtUsers           objects `json:"atUsers"`
	MsgType           lenient `json:"msgtype"`
	ErrorCode         lenient `json:"errorCode"`
	Text              object  `json:"text"`
	Content           object  `json:"content"`
	OriginalMsgID     lenient `json:"originalMsgId"`
	OriginalKey       lenient `json:"originalProcessQueryKey"`
	IsReplyMsg        lenient `json:"isReplyMsg"`
	RepliedMsg        object  `json:"repliedMsg"`
	QuoteMessage      object  `json:"quoteMessage"`
	SessionWebhook    lenient `json:"sessionWebhook"`
	SessionWebhookEnd lenient `json:"sessionWebhookExpiredTime"`
}

// DecodeMessage reads the data of a bot message's frame. FrameID stands in for a
// missing msgId. Its error is ErrBroken: it is no JSON object, or names no group, so
// that nobody could be answered.
func DecodeMessage(data []byte, frameID string) (Message, error) {
	var frame messageFrame
	if err := json.Unmarshal(data, &frame); err != nil {
		return Message{}, fmt.Errorf("%w: no JSON object", ErrBroken)
	}
	m := Message{
		ID: cmp.Or(frame.MsgID.id(), frameID), Unnamed: frame.MsgID.id() == "",
		Group: frame.ConversationID.id(), Direct: frame.ConversationType == "1",
		Title: cutBytes(string(frame.ConversationTitle), maxTitleBytes), SaidAt: frame.CreateAt.time(),
		Robot:        frame.RobotCode.id(),
		Sender:       receipts.Person{UserID: frame.SenderStaffID.id(), Name: cutBytes(string(frame.SenderNick), maxTitleBytes)},
		Admin:        frame.IsAdmin == "true",
		TextWithheld: frame.ErrorCode != "" && frame.ErrorCode != "0",
		Webhook:      receipts.Webhook{URL: receipts.NewSecret(frame.SessionWebhook.id()), Until: frame.SessionWebhookEnd.time()},
	}
	if m.ID == "" || m.Group == "" {
		return Message{}, fmt.Errorf("%w: no msgId or no conversationId", ErrBroken)
	}
	m.External = m.Sender.UserID == "" ||
		frame.SenderCorpID != "" && frame.ChatbotCorpID != "" && frame.SenderCorpID != frame.ChatbotCorpID

	switch frame.MsgType {
	case "richText":
		m.Text, m.Mentions, m.Pictures = pieces(frame.Content)
		m.NoText = strings.TrimSpace(m.Text) == "" && m.Pictures > 0
	case "markdown":
		m.Text = frame.Content.firstText("text", "content")
	case "text", "":
		m.Text = frame.Text.text("content")
	default:
		m.NoText = true
	}
	m.cut()
	m.Mentioned, m.Strangers = frame.mentioned()

	q := frame.quoted()
	m.IsReply, m.Quote = q.is(), q.quote()
	if q.by(frame.ChatbotUserID) {
		m.Quote.Number, m.Quote.Signed = numberIn(m.Quote.Text, q.card()), signedIn(m.Quote.Text)
	}
	return m, nil
}

// cut bounds the text.
func (m *Message) cut() {
	m.Truncated = len(m.Text) > maxTextBytes
	m.Text = cutBytes(m.Text, maxTextBytes)
	for i, mention := range m.Mentions {
		if mention.To > len(m.Text) {
			m.Mentions = m.Mentions[:i]
			return
		}
	}
}

// mentioned returns the userIds of the people who are mentioned, and counts who else is
// beside the bot.
func (f *messageFrame) mentioned() (userIDs []string, strangers int) {
	var seen map[string]bool
	bot := false
	for _, who := range f.AtUsers {
		dingtalkID, id := who.text("dingtalkId"), lenient(who.text("staffId")).id()
		switch {
		case dingtalkID != "" && dingtalkID == string(f.ChatbotUserID):
			bot = true
		case id == "" && dingtalkID == "": // nobody
		case id == "":
			strangers++
		case seen[id]:
		case len(userIDs) == maxMentioned:
			strangers++
		default:
			if seen == nil {
				seen = map[string]bool{}
			}
			seen[id] = true
			userIDs = append(userIDs, id)
		}
	}
	if !bot && f.ChatbotUserID == "" && strangers > 0 {
		strangers-- // one of them is the bot, which hears only what mentions it
	}
	return userIDs, strangers
}

// pieces joins the texts of a rich text, finds the mentions in it, and counts its
// pictures.
//
// A piece that begins with @ is a mention as a whole, whatever its name holds, where
// others stand beside it. Of nothing but such pieces the last one may hold more than a
// name.
func pieces(content object) (joined string, mentions []Span, pictures int) {
	var text strings.Builder
	words := false
	for _, part := range content.objects("richText") {
		if part.text("type") == "picture" || part.text("msgType") == "picture" || part.text("downloadCode") != "" {
			pictures++
		}
		piece := part.firstText("text", "content")
		from := text.Len()
		text.WriteString(piece)
		switch {
		case isMention(piece):
			mentions = append(mentions, Span{from, text.Len()})
		case strings.TrimFunc(piece, blank) != "":
			words = true
		}
	}
	if !words && len(mentions) > 0 {
		mentions = mentions[:len(mentions)-1]
	}
	return text.String(), mentions, pictures
}

// isMention reports whether a piece can be a mention as a whole: a name has one line.
func isMention(piece string) bool {
	begins := strings.HasPrefix(strings.TrimLeftFunc(piece, blank), "@") || strings.HasPrefix(strings.TrimLeftFunc(piece, blank), "＠")
	return begins && len(piece) <= maxMentionBytes && !strings.ContainsAny(piece, "\r\n")
}

// blank reports white space and invisible marks.
func blank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }
