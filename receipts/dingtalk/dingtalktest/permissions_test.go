package dingtalktest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
)

// Each API is refused for the lack of its own permission and of no other, whatever its parameters, and uncounted.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		path, permission string
		old              bool
		method           string
	}{
		{path: "/v1.0/robot/groupMessages/send", permission: dingtalktest.PermissionRobot},
		{path: "/v1.0/robot/groupMessages/query", permission: dingtalktest.PermissionRobot},
		{path: "/v1.0/robot/groupMessages/recall", permission: dingtalktest.PermissionRobot},
		{path: "/v1.0/robot/oToMessages/batchSend", permission: dingtalktest.PermissionRobot},
		{path: "/v1.0/robot/ding/send", permission: dingtalktest.PermissionDing},
		{path: "/v1.0/im/sceneGroups/members/batchQuery", permission: dingtalktest.PermissionGroups},
		{path: "/v1.0/card/instances/createAndDeliver", permission: dingtalktest.PermissionCards},
		{path: "/v1.0/card/instances", permission: dingtalktest.PermissionCards, method: http.MethodPut},
		{path: "/chat/get", permission: dingtalktest.PermissionChats, old: true, method: http.MethodGet},
		{path: "/topapi/user/listid", permission: dingtalktest.PermissionContacts, old: true},
		{path: "/topapi/v2/user/get", permission: dingtalktest.PermissionContacts, old: true},
		{path: "/media/upload", permission: dingtalktest.PermissionBase, old: true},
	} {
		t.Run(tc.path, func(t *testing.T) {
			t.Parallel()
			c := dingtalk(t, dingtalktest.Options{})
			call := func() answer {
				switch {
				case tc.method == http.MethodPut:
					return c.request(tc.method, tc.path, "{}", "Content-Type", "application/json")
				case tc.method == http.MethodGet:
					return c.request(http.MethodGet, c.old(tc.path), "")
				case tc.old:
					return c.post(c.old(tc.path), obj{})
				}
				return c.post(tc.path, obj{})
			}
			c.s.Permissions(false, tc.permission)
			denied := call()
			if tc.old {
				denied.want(t, 200, "60011")
			} else {
				denied.want(t, 403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")
			}
			if !strings.Contains(denied.raw, tc.permission) {
				t.Errorf("the permission is not named: %s", denied.raw)
			}
			if n := c.s.Counted(); n != 0 {
				t.Errorf("%d calls counted", n)
			}
			c.clean()
			c.s.Permissions(false)
			c.s.Permissions(true, tc.permission)
			if granted := call(); strings.Contains(granted.raw, "AccessTokenPermissionDenied") || strings.Contains(granted.raw, "60011") {
				t.Errorf("refused although it is granted: %s", granted.raw)
			}
		})
	}
}

// The header Date is the time by which everything here goes.
func TestAnswersTellTheTime(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := dingtalk(t, dingtalktest.Options{Now: func() time.Time { return then }})
	response, err := http.Get(c.s.URL() + "/gettoken") //nolint:noctx // of the test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if got := response.Header.Get("Date"); got != "Fri, 02 Jan 2026 03:04:05 GMT" {
		t.Errorf("Date: %s", got)
	}
}
