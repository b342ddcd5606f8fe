package dingtalk

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// ErrNotTold is what the answer to a call that can't be carried out is where it does not tell whether the app has the
// permission.
var ErrNotTold = errors.New("the answer does not tell whether the app has the permission")

// TryDirect reports whether the app may write to people in private, and writes to nobody: it asks for a message to no one and
// without a text, which DingTalk must refuse. Nil means that DingTalk refused it for that, past the check of permissions. Where
// a gateway refuses it before anything was looked at, or by a code that is not known, the error is [ErrNotTold]. It is a counted call.
func (c *Client) TryDirect(ctx context.Context) error {
	return try[directAnswer](ctx, c, directAPI, directRequest{RobotCode: c.robotCode, UserIDs: []string{}, MsgKey: "sampleText", MsgParam: "{}"})
}

// TryDing is [Client.TryDirect] for DINGs.
func (c *Client) TryDing(ctx context.Context) error {
	return try[dingAnswer](ctx, c, dingAPI, dingRequest{RobotCode: c.robotCode, RemindType: DingApp, UserIDs: []string{}})
}

// try makes a call whose parameters DingTalk must refuse.
func try[T answer](ctx context.Context, c *Client, a api, body any) error {
	_, err := call[T](ctx, c, a, request{body: body})
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	switch failure.Kind {
	case UserNotFound:
		return nil
	case BadRequest:
		// DingTalk's gateway says MissingX of a parameter that it does not find, and has looked at nothing else then.
		if failure.HTTPStatus == http.StatusBadRequest && !strings.HasPrefix(strings.ToLower(failure.Code), "missing") {
			return nil
		}
		return errors.Join(ErrNotTold, err)
	case BadAnswer, Unknown:
		return errors.Join(ErrNotTold, err)
	}
	return err
}
