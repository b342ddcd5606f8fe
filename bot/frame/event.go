package frame

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is what happened, whatever it was: an event has some of these fields only.
type Event struct {
	Group    string // openConversationId; empty of what concerns no group
	Robot    string // robotCode
	Key      string // processQueryKey
	UserIDs  []string
	Operator string    // userId of who did it
	Operated time.Time // operatTime, spelt as DingTalk does
	At       time.Time // timeStamp
	Title    string    // of the group
	CoolApp  string    // coolAppCode
}

// DecodeEvent reads the data of an event. Its error is ErrBroken.
func DecodeEvent(data []byte) (Event, error) {
	var e *struct {
		Group    lenient `json:"openConversationId"`
		Robot    lenient `json:"robotCode"`
		Key      lenient `json:"processQueryKey"`
		UserIDs  userIDs `json:"userId"`
		Operator lenient `json:"operator"`
		Operated lenient `json:"operatTime"`
		At       lenient `json:"timeStamp"`
		Title    lenient `json:"title"`
		CoolApp  lenient `json:"coolAppCode"`
	}
	if err := json.Unmarshal(data, &e); err != nil || e == nil {
		return Event{}, fmt.Errorf("%w: no JSON object", ErrBroken)
	}
	return Event{
		Group: e.Group.id(), Robot: e.Robot.id(), Key: e.Key.id(), UserIDs: e.UserIDs, Operator: e.Operator.id(),
		Operated: e.Operated.time(), At: e.At.time(), Title: cutBytes(string(e.Title), maxTitleBytes), CoolApp: e.CoolApp.id(),
	}, nil
}

// userIDs is one userId or a list of them.
type userIDs []string

// UnmarshalJSON never fails; what is neither is no userId.
func (u *userIDs) UnmarshalJSON(data []byte) error {
	var list []lenient
	if json.Unmarshal(data, &list) != nil {
		var one lenient
		_ = one.UnmarshalJSON(data) // never fails
		list = []lenient{one}
	}
	*u = nil
	for _, id := range list {
		if id := id.id(); id != "" {
			*u = append(*u, id)
		}
	}
	return nil
}
