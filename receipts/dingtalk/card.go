package dingtalk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"
)

// Limits of cards.
const (
	// MaxCardBytes is DingTalk's limit for all values of a card together.
	MaxCardBytes = 100 << 10
	// CardValueBytes is what DingTalk documents for one value of a card. Bots send longer ones, so this package leaves it to
	// DingTalk to refuse them; see [TooLong].
	CardValueBytes = 1 << 10
	// MaxOutTrackID is DingTalk's limit for the characters of a card's own id.
	MaxOutTrackID = 100
)

// PublicCardTemplate is a template that works in every organisation without being built there. Its variables are title,
// markdown, tips, logo and sys_full_json_obj, a JSON object with the buttons. It has no private ones.
const PublicCardTemplate = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"

// Card is an interactive card for a group.
type Card struct {
	OutTrackID string // the caller's own id of it, never used for another; 1 to MaxOutTrackID characters
	TemplateID string // such as PublicCardTemplate
	Data       map[string]string
	// Line is what the list of chats and the notification on a phone show of it.
	Line string
}

// SendCard puts a card into a group as the bot, whose buttons come back over Stream. It can't be forwarded, so that nobody
// presses them elsewhere. A counted call.
//
// The processQueryKey is what DingTalk calls carrierId: with it a card is queried and recalled like a message. It is empty
// where DingTalk took the card and does not tell the key; the readers of such a card stay unknown.
//
// After an error whose Uncertain is true the same card may be sent again, with the same OutTrackID: what is there already is
// not posted twice, and the second answer settles it. [CardExists] says that it is there; it can be updated.
//
// Failures to expect besides those of every call and of SendGroup: [CardExists], [CardTemplate], [CardUndelivered], and
// [TooLong], also where DingTalk refuses a card with a value above [CardValueBytes] without saying why.
func (c *Client) SendCard(ctx context.Context, conversationID string, card Card) (Posted, error) {
	if failure := checkCard(cardAPI, card.OutTrackID, card.Data); failure != nil {
		return Posted{}, failure
	}
	return c.createCard(ctx, conversationID, card)
}

// UpdateCard changes these values of a card for everybody and leaves the others as they are. Nobody is notified. A counted
// call, which [BudgetSpent] holds back like a question, since nobody misses it; it is never repeated after a failure.
//
// [CardMissing] means that DingTalk knows no such card.
func (c *Client) UpdateCard(ctx context.Context, outTrackID string, data map[string]string, options ...Option) error {
	if failure := checkCard(cardUpdateAPI, outTrackID, data); failure != nil {
		return failure
	}
	_, err := call[cardUpdated](ctx, c, cardUpdateAPI, request{body: cardUpdate{
		OutTrackID: outTrackID, CardData: cardData{data}, Options: cardUpdateOptions{UpdateCardDataByKey: true},
	}}.with(options))
	return tooLongFor(data, err)
}

// TryCard reports whether the app may send cards and whether the template can be used, and shows nothing to anybody: it asks
// for a card in a group that does not exist. Nil means that both are so. [PermissionDenied] and [CardTemplate] say what is not.
// Where DingTalk refuses the group before it looks at the template, or the answer does not tell, the error is [ErrNotTold]; one
// of the kinds [GroupInvalid] and [BotNotInGroup] shows the permission all the same. It is a counted call.
func (c *Client) TryCard(ctx context.Context, noSuchGroup string, card Card) error {
	_, err := c.createCard(ctx, noSuchGroup, card)
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	switch failure.Kind {
	case CardUndelivered:
		return nil // the card was made of the template, and had nowhere to go
	case GroupInvalid, BotNotInGroup, GroupDisbanded, BotStopped, OtherOrganisation, BadRequest, BadAnswer, Unknown:
		return errors.Join(ErrNotTold, err)
	}
	return err
}

func (c *Client) createCard(ctx context.Context, conversationID string, card Card) (Posted, error) {
	var began time.Time
	got, err := call[cardAnswer](ctx, c, cardAPI, request{began: &began, body: cardRequest{
		CardTemplateID: card.TemplateID,
		OutTrackID:     card.OutTrackID,
		CallbackType:   "STREAM",
		CardData:       cardData{card.Data},
		OpenSpaceID:    "dtv1.card//IM_GROUP." + conversationID,
		Space: cardSpace{
			LastMessage:  map[string]string{"ZH_CN": card.Line, "EN_US": card.Line},
			Notification: cardNotification{AlertContent: card.Line},
		},
		Deliver: cardDeliver{RobotCode: c.robotCode},
	}})
	if err != nil {
		return Posted{}, tooLongFor(card.Data, err)
	}
	return Posted{string(got.Result.Spaces[0].CarrierID), began}, nil
}

// checkCard refuses what DingTalk certainly does not take.
func checkCard(a api, outTrackID string, data map[string]string) *Error {
	if n := utf8.RuneCountInString(outTrackID); n == 0 || n > MaxOutTrackID {
		return a.refuse(BadRequest, fmt.Sprintf("an outTrackId of %d characters; from 1 to %d are possible", n, MaxOutTrackID), nil)
	}
	total := 0
	for name, value := range data {
		total += len(name) + len(value)
	}
	if total > MaxCardBytes {
		return a.refuse(TooLong, fmt.Sprintf("the card has %d bytes, DingTalk takes %d", total, MaxCardBytes), ErrTooLong)
	}
	return nil
}

// tooLongFor makes a refusal of parameters one for their length, where one is longer than documented: DingTalk has no code
// for that.
func tooLongFor(data map[string]string, err error) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok || failure.Kind != BadRequest {
		return err
	}
	for _, value := range data {
		if len(value) > CardValueBytes {
			longer := *failure
			longer.Kind, longer.cause = TooLong, ErrTooLong
			return &longer
		}
	}
	return err
}

type cardData struct {
	ParamMap map[string]string `json:"cardParamMap"`
}

type cardRequest struct {
	CardTemplateID string      `json:"cardTemplateId"`
	OutTrackID     string      `json:"outTrackId"`
	CallbackType   string      `json:"callbackType"`
	CardData       cardData    `json:"cardData"`
	OpenSpaceID    string      `json:"openSpaceId"`
	Space          cardSpace   `json:"imGroupOpenSpaceModel"`
	Deliver        cardDeliver `json:"imGroupOpenDeliverModel"`
}

type cardSpace struct {
	SupportForward bool              `json:"supportForward"` // required
	LastMessage    map[string]string `json:"lastMessageI18n"`
	Notification   cardNotification  `json:"notification"`
}

type cardNotification struct {
	AlertContent    string `json:"alertContent"`
	NotificationOff bool   `json:"notificationOff"`
}

type cardDeliver struct {
	RobotCode string `json:"robotCode"`
}

type cardAnswer struct {
	Success text `json:"success"`
	Result  struct {
		Spaces []struct {
			Success   text `json:"success"`
			CarrierID text `json:"carrierId"`
			ErrorMsg  text `json:"errorMsg"`
		} `json:"deliverResults"`
	} `json:"result"`
}

// failure is that of a card which DingTalk made and did not deliver. It is certain, and the card is to be sent again only with
// another outTrackId, because this one is taken.
func (a cardAnswer) failure(of api, secrets []string) *Error {
	for _, space := range a.Result.Spaces {
		if space.Success == "false" {
			e := of.refuse(CardUndelivered, cleanText(string(space.ErrorMsg), secrets), nil)
			e.HTTPStatus = http.StatusOK
			return e
		}
	}
	return nil
}

// complete accepts an answer that tells of each delivery whether it succeeded.
func (a cardAnswer) complete() bool {
	for _, space := range a.Result.Spaces {
		if space.Success == "" {
			return false
		}
	}
	return a.Success == "true" && len(a.Result.Spaces) > 0
}

type cardUpdate struct {
	OutTrackID string            `json:"outTrackId"`
	CardData   cardData          `json:"cardData"`
	Options    cardUpdateOptions `json:"cardUpdateOptions"`
}

type cardUpdateOptions struct {
	UpdateCardDataByKey bool `json:"updateCardDataByKey"`
}

type cardUpdated struct {
	Success text `json:"success"`
	Result  text `json:"result"`
}

func (a cardUpdated) complete() bool {
	return a.Success == "true" && cmp.Or(a.Result, "true") == "true"
}
