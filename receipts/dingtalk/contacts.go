package dingtalk

import (
	"context"
	"net/url"
)

// UserName returns the name of a person of the organisation. Not counted against the monthly quota.
// Failures to expect: [UserNotFound] and [PermissionDenied] (also for people outside the app's contact scope).
func (c *Client) UserName(ctx context.Context, userID string, options ...Option) (string, error) {
	got, err := call[userAnswer](ctx, c, userAPI, request{body: struct {
		UserID string `json:"userid"`
	}{userID}}.with(options))
	if err != nil {
		return "", err
	}
	return got.Result.Name, nil
}

type userAnswer struct {
	Result struct {
		Name string `json:"name"`
	} `json:"result"`
}

func (a userAnswer) complete() bool { return a.Result.Name != "" }

// DepartmentUserIDs returns the people of a department, by DingTalk's dept_id. Not counted against the monthly quota.
func (c *Client) DepartmentUserIDs(ctx context.Context, departmentID int64, options ...Option) ([]string, error) {
	got, err := call[departmentAnswer](ctx, c, departmentAPI, request{body: struct {
		DepartmentID int64 `json:"dept_id"`
	}{departmentID}}.with(options))
	if err != nil {
		return nil, err
	}
	return got.Result.UserIDs, nil
}

type departmentAnswer struct {
	Result *struct {
		UserIDs []string `json:"userid_list"`
	} `json:"result"`
}

func (a departmentAnswer) complete() bool { return a.Result != nil && a.Result.UserIDs != nil }

// Chat returns the name and the people of a chat. It works only for a chatID that this app's own call to create a group
// returned.
func (c *Client) Chat(ctx context.Context, chatID string, options ...Option) (name string, userIDs []string, err error) {
	got, err := call[chatAnswer](ctx, c, chatAPI, request{query: url.Values{"chatid": {chatID}}}.with(options))
	if err != nil {
		return "", nil, err
	}
	return got.Info.Name, got.Info.UserIDs, nil
}

type chatAnswer struct {
	Info *struct {
		Name    string   `json:"name"`
		UserIDs []string `json:"useridlist"`
	} `json:"chat_info"`
}

func (a chatAnswer) complete() bool { return a.Info != nil && a.Info.UserIDs != nil }
