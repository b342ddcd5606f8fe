package frame

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds of what is taken from a press.
const (
	maxParams     = 50
	maxParamBytes = 4 << 10
	// maxNested is how often a JSON object may be a string of JSON again.
	maxNested = 3
)

// CardPress is somebody pressing a button of a card.
type CardPress struct {
	// ID is that of the frame, for the data of a press has none of its own: it tells a frame
	// that came twice, and not a person who pressed twice.
	ID string
	// Card is the outTrackId. Whether it is one of the bot's own cards, and of which group,
	// only the bot's records tell.
	Card   string
	UserID string // empty for somebody without a userId of the bot's organisation
	CorpID string // of the organisation; may be empty
	Group  string // openConversationId where it was pressed; empty where that is no group, or not told
	// Action is the id of the button; empty if the frame does not tell.
	Action string
	Params map[string]string // what the button sends along
}

// pressFrame is the data of a card's callback.
type pressFrame struct {
	OutTrackID lenient `json:"outTrackId"`
	UserID     lenient `json:"userId"`
	UserIDType lenient `json:"userIdType"`
	CorpID     lenient `json:"corpId"`
	SpaceType  lenient `json:"spaceType"`
	SpaceID    lenient `json:"spaceId"`
	Content    nested  `json:"content"`
	Value      nested  `json:"value"` // in its place, in some versions
}

// The type of an id that names a person in every organisation alike, and is no userId.
const unionIDType = "2"

// DecodeCardPress reads the data of a card's callback, whose frame has the id. Its error is
// ErrBroken: it is no JSON object, or names no card, or the frame has no id.
func DecodeCardPress(data []byte, frameID string) (CardPress, error) {
	var f *pressFrame
	if err := json.Unmarshal(data, &f); err != nil || f == nil {
		return CardPress{}, fmt.Errorf("%w: no JSON object", ErrBroken)
	}
	p := CardPress{ID: frameID, Card: f.OutTrackID.id(), UserID: f.UserID.id(), CorpID: f.CorpID.id()}
	if p.ID == "" || p.Card == "" {
		return CardPress{}, fmt.Errorf("%w: no frame id or no outTrackId", ErrBroken)
	}
	if f.UserIDType == unionIDType {
		p.UserID = ""
	}
	if f.SpaceType == "" || strings.HasPrefix(strings.ToLower(string(f.SpaceType)), "im") {
		p.Group = f.SpaceID.id()
	}
	for _, said := range []nested{f.Content, f.Value} {
		private := object(said)
		if inner := private.nested("cardPrivateData"); inner != nil {
			private = inner
		}
		if p.Params == nil {
			p.Params = texts(private.nested("params"))
		}
		p.Action = cmp.Or(p.Action, firstID(private["actionIds"]))
	}
	p.Action = cmp.Or(p.Action, lenient(p.Params["id"]).id())
	return p, nil
}

// AnswerPress is the data of the ack of a press that changes these variables of the card
// for its presser alone, and leaves the others as they are. Nothing to change is nil.
func AnswerPress(own map[string]string) ([]byte, error) {
	if len(own) == 0 {
		return nil, nil
	}
	type values struct {
		ParamMap map[string]string `json:"cardParamMap"`
	}
	var answer struct {
		Response struct {
			Options struct {
				ByKey bool `json:"updateCardDataByKey"`
			} `json:"cardUpdateOptions"`
			Data values `json:"cardData"`
		} `json:"response"`
	}
	answer.Response.Options.ByKey = true // without it all other variables would be gone
	answer.Response.Data = values{own}
	return json.Marshal(answer)
}

// firstID is the first of a list of ids, or the only one.
func firstID(raw json.RawMessage) string {
	var ids userIDs
	if len(raw) > 0 {
		_ = ids.UnmarshalJSON(raw) // never fails
	}
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// texts are the fields that are texts, numbers or booleans: at most
// maxParams of them, none longer than maxParamBytes.
func texts(fields object) map[string]string {
	var all map[string]string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(all) == maxParams {
			break
		}
		if value := fields.text(name); value != "" && len(name)+len(value) <= maxParamBytes {
			if all == nil {
				all = map[string]string{}
			}
			all[name] = value
		}
	}
	return all
}

// nested is an object, or a string that holds one as JSON.
type nested object

// UnmarshalJSON never fails; what is neither is an empty one.
func (n *nested) UnmarshalJSON(data []byte) error {
	*n = nil
	for range maxNested {
		data = bytes.TrimSpace(data)
		if len(data) == 0 {
			return nil
		}
		if data[0] != '"' {
			var o object
			_ = o.UnmarshalJSON(data) // never fails
			*n = nested(o)
			return nil
		}
		var inner lenient
		_ = inner.UnmarshalJSON(data) // never fails
		data = []byte(inner)
	}
	return nil
}

// nested is a field that is an object or holds one as JSON.
func (o object) nested(field string) object {
	var value nested
	if raw := o[field]; len(raw) > 0 {
		_ = value.UnmarshalJSON(raw) // never fails
	}
	return object(value)
}
