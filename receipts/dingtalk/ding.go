package dingtalk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// How many people one DING reaches.
const (
	MaxDingAppUsers   = 200
	MaxDingPhoneUsers = 20 // by SMS or by call
)

// DingType is the way in which a DING reaches people: DingTalk's remindType. SMS and calls are bought apart from DINGs in the app.
type DingType int

// The ways.
const (
	DingApp  DingType = 1
	DingSMS  DingType = 2
	DingCall DingType = 3
)

// MaxUsers is how many people one DING of this type reaches; 0 for a type that DingTalk does not have.
func (d DingType) MaxUsers() int {
	switch d {
	case DingApp:
		return MaxDingAppUsers
	case DingSMS, DingCall:
		return MaxDingPhoneUsers
	default:
		return 0
	}
}

// DingResult is what became of a DING that was sent.
type DingResult struct {
	ID     string            // openDingId; empty where it reached nobody
	Failed map[string]string // the user ids that it did not reach, each with DingTalk's reason, which may be empty
}

// SendDing sends a DING, a message that people are pressed to notice, from the bot to up to how.MaxUsers people. The content is
// plain text. DingTalk has DINGs only for paid editions, and counts them besides the calls of the month.
//
// Failures to expect besides those of every call: [DingQuotaSpent]; [PermissionDenied], the permission being Premium.Ding.Write;
// [UserNotFound] where DingTalk knows nobody of them; [BadRequest] for no content, for nobody, and for too many people.
// After an error whose Uncertain is true people may have been reached.
func (c *Client) SendDing(ctx context.Context, how DingType, userIDs []string, content string, options ...Option) (DingResult, error) {
	most := how.MaxUsers()
	switch {
	case most == 0:
		return DingResult{}, dingAPI.refuse(BadRequest, fmt.Sprintf("%d is no type of DING", how), nil)
	case len(userIDs) == 0 || len(userIDs) > most:
		return DingResult{}, dingAPI.refuse(BadRequest, fmt.Sprintf("%d people to DING; from 1 to %d are possible", len(userIDs), most), nil)
	case content == "":
		return DingResult{}, dingAPI.refuse(BadRequest, "a DING without content", nil)
	}
	got, err := call[dingAnswer](ctx, c, dingAPI, request{body: dingRequest{
		RobotCode:  c.robotCode,
		RemindType: how,
		UserIDs:    userIDs,
		Content:    content,
	}}.with(options))
	if err != nil {
		return DingResult{}, err
	}
	result := DingResult{ID: string(got.ID), Failed: got.Failed.among(userIDs)}
	for id, reason := range result.Failed {
		result.Failed[id] = cleanText(reason, []string{c.secret.Reveal()})
	}
	reached := func(id string) bool { _, failed := result.Failed[id]; return !failed }
	switch {
	case len(result.Failed) == 0 && got.Failed.any():
		return DingResult{}, dingAPI.badAnswer("it failed for somebody, but not for one of the receivers")
	case result.ID == "" && slices.ContainsFunc(userIDs, reached):
		return DingResult{}, dingAPI.badAnswer("no id of the DING, though it did not fail for everybody")
	}
	return result, nil
}

type dingRequest struct {
	RobotCode  string   `json:"robotCode"`
	RemindType DingType `json:"remindType"`
	UserIDs    []string `json:"receiverUserIdList"`
	Content    string   `json:"content"`
}

type dingAnswer struct {
	ID     text         `json:"openDingId"`
	Failed dingFailures `json:"failedList"`
}

// complete accepts an answer without an id where DingTalk tells of failures: the DING may have failed for everybody.
func (a dingAnswer) complete() bool { return a.ID != "" || a.Failed.any() }

// dingFailures are whom a DING did not reach. DingTalk documents {"reason": ["user1", "user2"]}, an object of anything in its
// SDKs, and leaves it out of its example; so whatever mentions a receiver, in whatever shape, counts as a failure.
type dingFailures struct{ value any }

// UnmarshalJSON takes any shape.
func (f *dingFailures) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // a user id that comes as a number keeps its digits
	return d.Decode(&f.value)
}

// any reports whether there are failures.
func (f dingFailures) any() bool { return holds(f.value) }

func holds(value any) bool {
	switch v := value.(type) {
	case []any:
		return slices.ContainsFunc(v, holds)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), holds)
	default:
		return v != nil && v != ""
	}
}

// among are those of the receivers whom the failures mention, each with its reason where the shape tells it.
func (f dingFailures) among(receivers []string) map[string]string {
	found := map[string]string{}
	var look func(value any, reason string)
	look = func(value any, reason string) {
		switch v := value.(type) {
		case string, json.Number:
			if id := fmt.Sprint(v); slices.Contains(receivers, id) {
				found[id] = reason
			}
		case []any:
			for _, item := range v {
				look(item, reason)
			}
		case map[string]any:
			for key, item := range v {
				if slices.Contains(receivers, key) {
					found[key], _ = item.(string)
				} else if list, ok := item.([]any); ok {
					look(list, key)
				} else {
					look(item, "")
				}
			}
		}
	}
	look(f.value, "")
	return found
}
