package dingtalk

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	readersPerPage = 200   // DingTalk's limit
	membersPerPage = 1_000 // what DingTalk puts into one page whatever is asked for

	// MaxRecallKeys is how many messages one call recalls.
	MaxRecallKeys = 20
)

// Posted is a message that DingTalk took.
type Posted struct {
	ProcessQueryKey string    // with which the message can be queried and recalled
	At              time.Time // when the request that DingTalk took went out
}

// SendGroup posts a message to a group as the bot. People cannot be mentioned this way.
//
// DingTalk does not document the call as idempotent: after an error whose Uncertain is true the message may be in the group.
func (c *Client) SendGroup(ctx context.Context, conversationID string, m Message, options ...Option) (Posted, error) {
	api := m.by(sendAPI)
	param, failure := m.encodeFor(api)
	if failure != nil {
		return Posted{}, failure
	}
	var began time.Time
	got, err := call[sendAnswer](ctx, c, api, request{began: &began, body: sendRequest{
		OpenConversationID: conversationID,
		RobotCode:          c.robotCode,
		CoolAppCode:        c.coolAppCode(ctx, conversationID),
		MsgKey:             m.Key,
		MsgParam:           param,
	}}.with(options))
	if err != nil {
		return Posted{}, err
	}
	return Posted{got.ProcessQueryKey, began}, nil
}

type sendRequest struct {
	OpenConversationID string `json:"openConversationId"`
	RobotCode          string `json:"robotCode"`
	CoolAppCode        string `json:"coolAppCode,omitempty"`
	MsgKey             string `json:"msgKey"`
	MsgParam           string `json:"msgParam"`
}

type sendAnswer struct {
	ProcessQueryKey string `json:"processQueryKey"`
}

func (a sendAnswer) complete() bool { return a.ProcessQueryKey != "" }

// SendStatus is how far DingTalk is with a message.
type SendStatus string

// DingTalk's values of sendStatus.
const (
	SendSuccess    SendStatus = "SUCCESS"
	SendRecalled   SendStatus = "RECALLED"
	SendProcessing SendStatus = "PROCESSING"
)

// ReadersPage is one page of the people who have read a message. It names nobody who has not.
type ReadersPage struct {
	At      time.Time // when the request that DingTalk answered went out
	Status  SendStatus
	UserIDs []string
	Next    string // the cursor of the next page
	More    bool   // whether there is one; a page may be short or empty and yet not the last
}

// QueryReaders asks for one page of the people who have read the message; cursor is empty for the first.
// Group and bot must be those that the message was sent with.
//
// [KeyNotQueryable] means EITHER that DingTalk has no data yet (the message was just sent) OR that it no longer keeps them;
// how long it keeps them is not documented.
//
// Of an answer in doubt, which fails with [BadAnswer], the page has the readers that it names: there may be others.
func (c *Client) QueryReaders(ctx context.Context, conversationID, processQueryKey, cursor string, options ...Option) (ReadersPage, error) {
	var began time.Time
	got, err := call[queryAnswer](ctx, c, queryAPI, request{began: &began, body: queryRequest{
		OpenConversationID: conversationID,
		RobotCode:          c.robotCode,
		ProcessQueryKey:    processQueryKey,
		MaxResults:         readersPerPage,
		NextToken:          cursor,
	}}.with(options))
	if err != nil {
		return ReadersPage{}, err
	}
	if failure := cmp.Or(got.statusKnown(), got.continues(queryAPI, cursor)); failure != nil {
		return ReadersPage{UserIDs: got.readers()}, failure
	}
	return ReadersPage{At: began, Status: got.SendStatus, UserIDs: got.readers(), Next: string(got.NextToken), More: got.more()}, nil
}

type queryRequest struct {
	OpenConversationID string `json:"openConversationId"`
	RobotCode          string `json:"robotCode"`
	ProcessQueryKey    string `json:"processQueryKey"`
	MaxResults         int    `json:"maxResults"`
	NextToken          string `json:"nextToken,omitempty"`
}

type queryAnswer struct {
	SendStatus  SendStatus `json:"sendStatus"`
	ReadUserIDs []string   `json:"readUserIds"`
	ReadUsers   []readUser `json:"readUsers"` // in DingTalk's SDKs only
	paging
}

// readUser is a reader; people from outside the organisation have a unionId only.
type readUser struct {
	UserID text `json:"userId"`
}

func (a queryAnswer) complete() bool { return a.SendStatus != "" }

// statusKnown checks that it is known what the status means.
func (a queryAnswer) statusKnown() *Error {
	switch a.SendStatus {
	case SendSuccess, SendRecalled, SendProcessing:
		return nil
	default:
		return queryAPI.badAnswer("a sendStatus that is not documented")
	}
}

// readers are the userIds of both lists.
func (a queryAnswer) readers() []string {
	ids := a.ReadUserIDs
	for _, user := range a.ReadUsers {
		if id := string(user.UserID); id != "" && !slices.Contains(a.ReadUserIDs, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// paging is how the new API says that an answer goes on.
type paging struct {
	NextToken text  `json:"nextToken"`
	HasMore   *bool `json:"hasMore"`
}

func (p paging) more() bool { return p.HasMore != nil && *p.HasMore }

// continues checks that it is certain whether there is a next page, and that it can be asked for: who goes on with the same
// cursor, or with none, would go round in circles and count calls.
func (p paging) continues(a api, cursor string) *Error {
	switch {
	case p.HasMore == nil && p.NextToken != "":
		return a.badAnswer("a cursor, but not a word on whether there are more pages")
	case p.more() && (p.NextToken == "" || string(p.NextToken) == cursor):
		return a.badAnswer("there are more pages but the cursor does not move on")
	default:
		return nil
	}
}

// MembersPage is one page of the people in a group.
type MembersPage struct {
	UserIDs  []string          // people of the organisation
	UnionIDs []string          // people from outside; they have no userId here
	Nicks    map[string]string // names in the group, by user id and by union id
	Next     string            // the cursor of the next page
	More     bool              // whether there is one
}

// GroupMembers asks for one page of the people in a group; cursor is empty for the first.
// It works for groups made from a group template of this app and for groups with its cool app installed. For every other
// group it fails with [NoMemberList] or [CoolAppNeeded], and will go on failing until somebody changes the group.
func (c *Client) GroupMembers(ctx context.Context, conversationID, cursor string, options ...Option) (MembersPage, error) {
	got, err := call[membersAnswer](ctx, c, membersAPI, request{body: membersRequest{
		OpenConversationID: conversationID,
		CoolAppCode:        c.coolAppCode(ctx, conversationID),
		MaxResults:         membersPerPage,
		NextToken:          cursor,
	}}.with(options))
	if err != nil {
		return MembersPage{}, err
	}
	if failure := got.continues(membersAPI, cursor); failure != nil {
		return MembersPage{}, failure
	}
	nicks := make(map[string]string, len(got.StaffNicks)+len(got.UnionNicks))
	for id, nick := range got.StaffNicks {
		nicks[id] = string(nick)
	}
	for id, nick := range got.UnionNicks {
		nicks[id] = string(nick)
	}
	return MembersPage{
		UserIDs:  got.MemberUserIDs,
		UnionIDs: got.UnionIDs,
		Nicks:    nicks,
		Next:     string(got.NextToken),
		More:     got.more(),
	}, nil
}

type membersRequest struct {
	OpenConversationID string `json:"openConversationId"`
	CoolAppCode        string `json:"coolAppCode,omitempty"`
	MaxResults         int    `json:"maxResults"`
	NextToken          string `json:"nextToken,omitempty"`
}

type membersAnswer struct {
	Success       text            `json:"success"`
	MemberUserIDs []string        `json:"memberUserIds"`
	UnionIDs      []string        `json:"unionIdList"`
	StaffNicks    map[string]text `json:"staffIdNickMap"`
	UnionNicks    map[string]text `json:"unionIdNickMap"`
	paging
}

func (a membersAnswer) complete() bool {
	return a.Success == "true" || (a.Success == "" && a.MemberUserIDs != nil)
}

// RecallGroup takes up to [MaxRecallKeys] messages back. The group sees no notice. Messages that DingTalk did not recall are
// in failed, each with DingTalk's reason; the error is nil then.
func (c *Client) RecallGroup(ctx context.Context, conversationID string, keys ...string) (failed map[string]string, err error) {
	if len(keys) == 0 || len(keys) > MaxRecallKeys {
		return nil, recallAPI.refuse(BadRequest, fmt.Sprintf("%d messages to recall; from 1 to %d are possible", len(keys), MaxRecallKeys), nil)
	}
	got, err := call[recallAnswer](ctx, c, recallAPI, request{body: recallRequest{
		OpenConversationID: conversationID,
		RobotCode:          c.robotCode,
		ProcessQueryKeys:   keys,
	}})
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if _, told := got.Failed[key]; !told && !slices.Contains(got.Succeeded, key) {
			return nil, recallAPI.badAnswer("not a word about one of the messages")
		}
	}
	for key := range maps.Keys(got.Failed) {
		if failed == nil {
			failed = make(map[string]string, len(got.Failed))
		}
		failed[key] = cleanText(string(got.Failed[key]), []string{c.secret.Reveal()})
	}
	return failed, nil
}

type recallRequest struct {
	OpenConversationID string   `json:"openConversationId"`
	RobotCode          string   `json:"robotCode"`
	ProcessQueryKeys   []string `json:"processQueryKeys"`
}

type recallAnswer struct {
	Succeeded []string        `json:"successResult"`
	Failed    map[string]text `json:"failedResult"`
}

func (a recallAnswer) complete() bool { return len(a.Succeeded)+len(a.Failed) > 0 }
