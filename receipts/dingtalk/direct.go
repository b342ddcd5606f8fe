package dingtalk

import (
	"context"
	"fmt"
)

// MaxDirectUsers is how many people one direct message reaches.
const MaxDirectUsers = 20

// DirectResult names the people whom a direct message did not reach.
type DirectResult struct {
	ProcessQueryKey string   // of the message; perhaps empty if it reached nobody
	Invalid         []string // unknown user ids
	FlowControlled  []string // got too many messages lately
}

// SendDirect sends a message from the bot to up to [MaxDirectUsers] people, to each in the one-to-one chat with the bot.
func (c *Client) SendDirect(ctx context.Context, userIDs []string, m Message, options ...Option) (DirectResult, error) {
	if len(userIDs) == 0 || len(userIDs) > MaxDirectUsers {
		return DirectResult{}, directAPI.refuse(BadRequest, fmt.Sprintf("%d people to write to; from 1 to %d are possible", len(userIDs), MaxDirectUsers), nil)
	}
	api := m.by(directAPI)
	param, failure := m.encodeFor(api)
	if failure != nil {
		return DirectResult{}, failure
	}
	got, err := call[directAnswer](ctx, c, api, request{body: directRequest{
		RobotCode: c.robotCode,
		UserIDs:   userIDs,
		MsgKey:    m.Key,
		MsgParam:  param,
	}}.with(options))
	return DirectResult(got), err
}

type directRequest struct {
	RobotCode string   `json:"robotCode"`
	UserIDs   []string `json:"userIds"`
	MsgKey    string   `json:"msgKey"`
	MsgParam  string   `json:"msgParam"`
}

type directAnswer struct {
	ProcessQueryKey string   `json:"processQueryKey"`
	Invalid         []string `json:"invalidStaffIdList"`
	FlowControlled  []string `json:"flowControlledStaffIdList"`
}

// complete accepts an answer without a key where DingTalk names people whom it did not write to: there may be nobody else.
func (a directAnswer) complete() bool {
	return a.ProcessQueryKey != "" || len(a.Invalid)+len(a.FlowControlled) > 0
}
