package dingtalktest

import "time"

// Person is somebody with DingTalk. [Server.AddPerson] fills in what is left empty. A person is known by UnionID.
type Person struct {
	Name       string `json:"name"`
	UserID     string `json:"userId"` // empty for people from outside: they have none in this organisation
	UnionID    string `json:"unionId"`
	DingtalkID string `json:"dingtalkId"` // a frame's senderId
	Admin      bool   `json:"admin"`      // of the organisation
	Outside    bool   `json:"outside"`    // of another organisation
}

// operator is how a group event names the person.
func (p Person) operator() string {
	if p.Outside {
		return p.UnionID
	}
	return p.UserID
}

// Reader is a person who has read a message.
type Reader struct {
	Person Person    `json:"person"`
	At     time.Time `json:"at"`
}

// Via is the way by which a message came into its conversation.
type Via string

// The ways.
const (
	ViaClient  Via = "client"  // a person said it
	ViaSend    Via = "send"    // groupMessages/send: its readers can be queried
	ViaCard    Via = "card"    // card/instances/createAndDeliver: its readers too, if [Server.CardReads]
	ViaDirect  Via = "direct"  // oToMessages/batchSend
	ViaWebhook Via = "webhook" // a session webhook
)

// SendStatus is DingTalk's sendStatus.
type SendStatus string

// The statuses of groupMessages/query.
const (
	StatusSuccess    SendStatus = "SUCCESS"
	StatusRecalled   SendStatus = "RECALLED"
	StatusProcessing SendStatus = "PROCESSING"
)

// Message is a copy of what stands in a conversation.
type Message struct {
	ID              string            `json:"id"` // msgId
	GroupID         string            `json:"groupId"`
	At              time.Time         `json:"at"`
	Via             Via               `json:"via"`
	From            Person            `json:"from"` // zero if the bot said it
	Type            string            `json:"type"` // msgKey, the webhook's msgtype, interactiveCard, or text|richText|picture of a person
	Title           string            `json:"title,omitempty"`
	Text            string            `json:"text"`
	Params          map[string]string `json:"params,omitempty"`          // msgParam of a message that was sent by API; do not change
	ProcessQueryKey string            `json:"processQueryKey,omitempty"` // of a card, its carrierId
	OutTrackID      string            `json:"outTrackId,omitempty"`      // of a card
	Card            map[string]string `json:"card,omitempty"`            // what everybody sees of it; Title and Text are its title and markdown
	Status          SendStatus        `json:"status"`
	Quote           string            `json:"quote,omitempty"`     // ID of the quoted message
	Mentioned       []Person          `json:"mentioned,omitempty"` // who was really notified
	MentionsAll     bool              `json:"mentionsAll,omitempty"`
	AtBot           bool              `json:"atBot,omitempty"`
	Session         string            `json:"-"`        // by a webhook: ID of the message that the webhook came with
	Audience        int               `json:"audience"` // people in the conversation when it was sent, without its sender
	Read            int               `json:"read"`     // how many have read it, people from outside included
}

// FromBot says whether the bot said it.
func (m Message) FromBot() bool { return m.Via != ViaClient }

// Ding is a DING that was sent.
type Ding struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Type      int       `json:"type"` // remindType: 1 app, 2 SMS, 3 call
	Receivers []Person  `json:"receivers"`
	Content   string    `json:"content"`
}

// Media is an uploaded file.
type Media struct {
	ID      string
	Type    string // image or file
	Name    string
	Content []byte // do not change
}
