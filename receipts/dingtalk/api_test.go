package dingtalk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSendGroup(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(sendURL, 200, sendOK)
	c := s.client(func(cfg *Config) {
		cfg.CoolAppCode = func(_ context.Context, group string) string { return map[string]string{"cid==": "COOLAPP-1"}[group] }
	})
	posted, err := c.SendGroup(t.Context(), "cid==", Markdown("周五 <停机>", "a & b\n😀"))
	if err != nil || posted.ProcessQueryKey != "the-key" {
		t.Fatalf("got %+v, %v", posted, err)
	}
	wanted := map[string]any{
		"openConversationId": "cid==", "robotCode": "the-bot", "coolAppCode": "COOLAPP-1",
		"msgKey": "sampleMarkdown", "msgParam": `{"title":"周五 <停机>","text":"a & b\n😀"}`,
	}
	if diff := cmp.Diff(wanted, s.seen(sendURL)[0].Body); diff != "" {
		t.Error(diff)
	}
	for group, c := range map[string]*Client{"cid==": s.client(), "another": c} {
		if _, err := c.SendGroup(t.Context(), group, Markdown("t", "x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, sent := range s.seen(sendURL)[1:] {
		if _, there := sent.Body["coolAppCode"]; there {
			t.Error("a coolAppCode was sent that the group does not have")
		}
	}
}

func TestMessagesAreMeasuredInBytes(t *testing.T) {
	t.Parallel()
	frame := len(`{"title":"","text":""}`)
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{strings.Repeat("x", MaxMsgParamBytes-frame), true},
		{strings.Repeat("x", MaxMsgParamBytes-frame+1), false},
		{strings.Repeat("读", (MaxMsgParamBytes-frame)/3), true},
		{strings.Repeat("读", (MaxMsgParamBytes-frame)/3+1), false},
		{strings.Repeat("\n", (MaxMsgParamBytes-frame)/2), true},
		{strings.Repeat("\n", (MaxMsgParamBytes-frame)/2+1), false},
		{strings.Repeat("<", MaxMsgParamBytes-frame), true},
	} {
		got, err := Markdown("", tt.text).Encode()
		if ok := err == nil; ok != tt.ok || ok != (got != "") || ok == errors.Is(err, ErrTooLong) {
			t.Errorf("%.3q, %d bytes: got %d bytes, %v", tt.text, len(tt.text), len(got), err)
		}
	}
	s := newScript(t)
	c := s.client()
	_, err := c.SendGroup(t.Context(), "cid", Markdown("", strings.Repeat("x", MaxMsgParamBytes)))
	want(t, err, TooLong, false)
	_, err2 := c.SendDirect(t.Context(), []string{"u1"}, Markdown("", strings.Repeat("x", MaxMsgParamBytes)))
	want(t, err2, TooLong, false)
	if !errors.Is(err, ErrTooLong) || !errors.Is(err2, ErrTooLong) || len(s.calls) != 0 {
		t.Errorf("%v, %v, %d requests", err, err2, len(s.calls))
	}
	_, err = c.SendGroup(t.Context(), "cid", Message{Key: "k", Param: func() {}})
	want(t, err, BadRequest, false)
	_, err = c.SendGroup(t.Context(), "cid", Message{Param: 1})
	want(t, err, BadRequest, false)
}

func TestQueryReaders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body, cursor string
		want               ReadersPage
		kind               Kind
	}{
		{"one page", `{"sendStatus":"SUCCESS","readUserIds":["u1","u2"],"hasMore":false,"nextToken":"n"}`, "", ReadersPage{Status: SendSuccess, UserIDs: []string{"u1", "u2"}, Next: "n"}, ""},
		{"more pages", `{"sendStatus":"SUCCESS","readUserIds":["u1"],"hasMore":true,"nextToken":"n2"}`, "n1", ReadersPage{Status: SendSuccess, UserIDs: []string{"u1"}, Next: "n2", More: true}, ""},
		{"an empty page before the last", `{"sendStatus":"SUCCESS","readUserIds":[],"hasMore":true,"nextToken":"n2"}`, "", ReadersPage{Status: SendSuccess, Next: "n2", More: true}, ""},
		{"a number for a cursor", `{"sendStatus":"SUCCESS","hasMore":true,"nextToken":50}`, "", ReadersPage{Status: SendSuccess, Next: "50", More: true}, ""},
		{"nobody", `{"sendStatus":"SUCCESS"}`, "", ReadersPage{Status: SendSuccess}, ""},
		{"recalled", `{"sendStatus":"RECALLED","readUserIds":["u1"]}`, "", ReadersPage{Status: SendRecalled, UserIDs: []string{"u1"}}, ""},
		{"in progress", `{"sendStatus":"PROCESSING","readUserIds":null}`, "", ReadersPage{Status: SendProcessing}, ""},
		{"users beside ids", `{"sendStatus":"SUCCESS","readUserIds":["u1","u2"],"readUsers":[{"userId":"u2","unionId":"x2"},{"userId":"u3","unionId":"x3"},{"unionId":"from outside"}]}`, "", ReadersPage{Status: SendSuccess, UserIDs: []string{"u1", "u2", "u3"}}, ""},
		{"users alone", `{"sendStatus":"SUCCESS","readUsers":[{"userId":"u1"}]}`, "", ReadersPage{Status: SendSuccess, UserIDs: []string{"u1"}}, ""},
		{"a code of success", `{"sendStatus":"SUCCESS","readUserIds":["u1"],"code":"0","errcode":0,"success":true}`, "", ReadersPage{Status: SendSuccess, UserIDs: []string{"u1"}}, ""},
		// None of these may pass for all readers. Whoever they name has read all the same, where nothing denies it.
		{"an unknown status", `{"sendStatus":"PARTIAL","readUserIds":["u1"]}`, "", ReadersPage{UserIDs: []string{"u1"}}, BadAnswer},
		{"a status in small letters", `{"sendStatus":"success"}`, "", ReadersPage{}, BadAnswer},
		{"a cursor, but not whether there is more", `{"sendStatus":"SUCCESS","readUserIds":["u1"],"nextToken":"n2"}`, "", ReadersPage{UserIDs: []string{"u1"}}, BadAnswer},
		{"a cursor and null", `{"sendStatus":"SUCCESS","nextToken":7,"hasMore":null}`, "", ReadersPage{}, BadAnswer},
		{"more with users, but no cursor", `{"sendStatus":"SUCCESS","readUsers":[{"userId":"u1"}],"hasMore":true}`, "", ReadersPage{UserIDs: []string{"u1"}}, BadAnswer},
		{"an error code", `{"sendStatus":"SUCCESS","readUserIds":["u1"],"code":"system.busy","message":"try again"}`, "", ReadersPage{}, BadAnswer},
		{"the code of a message that is not kept any more", `{"sendStatus":"SUCCESS","readUserIds":[],"code":"processQueryKey.expireTime"}`, "", ReadersPage{}, BadAnswer},
		{"an old error code", `{"sendStatus":"SUCCESS","errcode":15}`, "", ReadersPage{}, BadAnswer},
		{"no success", `{"sendStatus":"SUCCESS","success":false}`, "", ReadersPage{}, BadAnswer},
		// None of these may pass for "nobody has read it".
		{"an empty object", `{}`, "", ReadersPage{}, BadAnswer},
		{"null", `null`, "", ReadersPage{}, BadAnswer},
		{"no status", `{"readUserIds":[]}`, "", ReadersPage{}, BadAnswer},
		{"ids of the wrong type", `{"sendStatus":"SUCCESS","readUserIds":"u1"}`, "", ReadersPage{}, BadAnswer},
		{"numbers for ids", `{"sendStatus":"SUCCESS","readUserIds":[1]}`, "", ReadersPage{}, BadAnswer},
		{"a list", `[]`, "", ReadersPage{}, BadAnswer},
		{"cut off", `{"sendStatus":"SUCCESS","readUserIds":["u1"`, "", ReadersPage{}, BadAnswer},
		{"more, but no cursor", `{"sendStatus":"SUCCESS","hasMore":true}`, "", ReadersPage{}, BadAnswer},
		{"more, but the same cursor", `{"sendStatus":"SUCCESS","hasMore":true,"nextToken":"n1"}`, "n1", ReadersPage{}, BadAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t).always(readersURL, 200, tt.body)
			got, err := s.client().QueryReaders(t.Context(), "cid==", "the-key", tt.cursor)
			if tt.kind != "" {
				want(t, err, tt.kind, false)
			} else if err != nil || got.At.IsZero() {
				t.Fatalf("asked at %v, %v", got.At, err)
			}
			tt.want.At = got.At
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			wanted := map[string]any{"openConversationId": "cid==", "robotCode": "the-bot", "processQueryKey": "the-key", "maxResults": 200.0}
			if tt.cursor != "" {
				wanted["nextToken"] = tt.cursor
			}
			if diff := cmp.Diff(wanted, s.seen(readersURL)[0].Body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGroupMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   MembersPage
		kind   Kind
	}{
		{
			"everything", 200, `{"success":true,"memberUserIds":["u1","u2"],"hasMore":true,"nextToken":"9","unionIdList":["un1"],"staffIdNickMap":{"u1":"李雷"},"unionIdNickMap":{"un1":"客人"}}`,
			MembersPage{UserIDs: []string{"u1", "u2"}, UnionIDs: []string{"un1"}, Nicks: map[string]string{"u1": "李雷", "un1": "客人"}, Next: "9", More: true},
			"",
		},
		{"no names", 200, `{"success":"true","memberUserIds":["u1"],"staffIdNickMap":null}`, MembersPage{UserIDs: []string{"u1"}}, ""},
		{"success not said", 200, `{"memberUserIds":["u1"]}`, MembersPage{UserIDs: []string{"u1"}}, ""},
		{"an odd name", 200, `{"success":true,"memberUserIds":["u1"],"staffIdNickMap":{"u1":{}}}`, MembersPage{UserIDs: []string{"u1"}, Nicks: map[string]string{"u1": ""}}, ""},
		{"no success", 200, `{"success":false,"memberUserIds":[]}`, MembersPage{}, BadAnswer},
		{"success and an error code", 200, `{"success":true,"memberUserIds":["u1"],"code":"groupPermissionDenied"}`, MembersPage{}, BadAnswer},
		{"an old error code", 200, `{"memberUserIds":["u1"],"errcode":"15"}`, MembersPage{}, BadAnswer},
		{"a cursor, but not whether there is more", 200, `{"success":true,"memberUserIds":["u1"],"nextToken":"9"}`, MembersPage{}, BadAnswer},
		{"a list that stops at a cursor", 200, `{"success":true,"memberUserIds":["u1"],"nextToken":"9","hasMore":false}`, MembersPage{UserIDs: []string{"u1"}, Next: "9"}, ""},
		{"an empty object", 200, `{}`, MembersPage{}, BadAnswer},
		{"more, but no cursor", 200, `{"success":true,"hasMore":true}`, MembersPage{}, BadAnswer},
		{"no template", 400, `{"code":"groupPermissionDenied"}`, MembersPage{}, NoMemberList},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t).always(membersAPI.path, tt.status, tt.body)
			got, err := s.client().GroupMembers(t.Context(), "cid==", "8")
			if tt.kind != "" {
				want(t, err, tt.kind, false)
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			wanted := map[string]any{"openConversationId": "cid==", "maxResults": 1000.0, "nextToken": "8"}
			if diff := cmp.Diff(wanted, s.seen(membersAPI.path)[0].Body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRecallGroup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body      string
		want      map[string]string
		kind      Kind
		uncertain bool
	}{
		{`{"successResult":["k1","k2"],"failedResult":{}}`, nil, "", false},
		{`{"successResult":["k1"],"failedResult":{"k2":"过期 ` + testSecret + `"}}`, map[string]string{"k2": "过期 " + redacted}, "", false},
		{`{"failedResult":{"k1":1,"k2":null}}`, map[string]string{"k1": "1", "k2": ""}, "", false},
		{`{"successResult":["k1"]}`, nil, BadAnswer, true},
		{`{}`, nil, BadAnswer, true},
	} {
		s := newScript(t).always(recallAPI.path, 200, tt.body)
		got, err := s.client().RecallGroup(t.Context(), "cid==", "k1", "k2")
		if tt.kind != "" {
			want(t, err, tt.kind, tt.uncertain)
		} else if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.body, diff)
		}
		wanted := map[string]any{"openConversationId": "cid==", "robotCode": "the-bot", "processQueryKeys": []any{"k1", "k2"}}
		if diff := cmp.Diff(wanted, s.seen(recallAPI.path)[0].Body); diff != "" {
			t.Error(diff)
		}
	}
	s := newScript(t)
	for _, n := range []int{0, MaxRecallKeys + 1} {
		_, err := s.client().RecallGroup(t.Context(), "cid", slices.Repeat([]string{"k"}, n)...)
		want(t, err, BadRequest, false)
	}
	if len(s.calls) != 0 {
		t.Error("sent")
	}
}

func TestSendDirect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body      string
		want      DirectResult
		kind      Kind
		uncertain bool
	}{
		{`{"processQueryKey":"k","invalidStaffIdList":[],"flowControlledStaffIdList":[]}`, DirectResult{ProcessQueryKey: "k"}, "", false},
		{`{"processQueryKey":"k","invalidStaffIdList":["u1"],"flowControlledStaffIdList":["u2"]}`, DirectResult{ProcessQueryKey: "k", Invalid: []string{"u1"}, FlowControlled: []string{"u2"}}, "", false},
		{`{"invalidStaffIdList":["u1","u2"]}`, DirectResult{Invalid: []string{"u1", "u2"}}, "", false},
		{`{}`, DirectResult{}, BadAnswer, true},
	} {
		s := newScript(t).always(directAPI.path, 200, tt.body)
		got, err := s.client().SendDirect(t.Context(), []string{"u1", "u2"}, Markdown("t", "x"))
		if tt.kind != "" {
			want(t, err, tt.kind, tt.uncertain)
		} else if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", tt.body, diff)
		}
		wanted := map[string]any{"robotCode": "the-bot", "userIds": []any{"u1", "u2"}, "msgKey": "sampleMarkdown", "msgParam": `{"title":"t","text":"x"}`}
		if diff := cmp.Diff(wanted, s.seen(directAPI.path)[0].Body); diff != "" {
			t.Error(diff)
		}
	}
	s := newScript(t)
	for _, n := range []int{0, MaxDirectUsers + 1} {
		_, err := s.client().SendDirect(t.Context(), slices.Repeat([]string{"u"}, n), Markdown("t", "x"))
		want(t, err, BadRequest, false)
	}
	if len(s.calls) != 0 {
		t.Error("sent")
	}
}

func TestContacts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path, body, want string
		kind             Kind
	}{
		{userAPI.path, `{"errcode":0,"errmsg":"ok","result":{"name":"李雷","userid":"u1"}}`, "李雷", ""},
		{userAPI.path, `{"errcode":"0","result":{"name":"李雷"}}`, "李雷", ""},
		{userAPI.path, `{"errcode":0,"result":{}}`, "", BadAnswer},
		{userAPI.path, `{"result":{"name":"李雷"}}`, "", BadAnswer},
		{userAPI.path, `{"errcode":60121,"errmsg":"找不到该用户"}`, "", UserNotFound},
		{departmentAPI.path, `{"errcode":0,"result":{"userid_list":["u1","u2"]}}`, "[u1 u2]", ""},
		{departmentAPI.path, `{"errcode":0,"result":{"userid_list":[]}}`, "[]", ""},
		{departmentAPI.path, `{"errcode":0,"result":{}}`, "[]", BadAnswer},
		{departmentAPI.path, `{"errcode":88,"sub_code":"60011"}`, "[]", PermissionDenied},
		{chatAPI.path, `{"errcode":0,"chat_info":{"name":"群","useridlist":["u1"]}}`, "群[u1]", ""},
		{chatAPI.path, `{"errcode":0,"chat_info":{"name":"群"}}`, "[]", BadAnswer},
		{chatAPI.path, `{"errcode":0}`, "[]", BadAnswer},
		{chatAPI.path, `{"errcode":40035}`, "[]", BadRequest},
	} {
		s := newScript(t).always(tt.path, 200, tt.body)
		c := s.client()
		var got string
		var err error
		switch tt.path {
		case userAPI.path:
			got, err = c.UserName(t.Context(), "u1")
		case departmentAPI.path:
			var ids []string
			ids, err = c.DepartmentUserIDs(t.Context(), 12)
			got = fmt.Sprint(ids)
		case chatAPI.path:
			var name string
			var ids []string
			name, ids, err = c.Chat(t.Context(), "chat/1&")
			got = name + fmt.Sprint(ids)
		}
		if tt.kind != "" {
			want(t, err, tt.kind, false)
		} else if err != nil {
			t.Errorf("%s: %v", tt.body, err)
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.body, got, tt.want)
		}
		r := s.seen(tt.path)[0]
		asked := map[string]string{
			userAPI.path:       "POST map[userid:u1] access_token=" + tokenValue(1),
			departmentAPI.path: "POST map[dept_id:12] access_token=" + tokenValue(1),
			chatAPI.path:       "GET map[] access_token=" + tokenValue(1) + "&chatid=chat%2F1%26",
		}[tt.path]
		if got := fmt.Sprint(r.Method, " ", r.Body, " ", r.Query); got != asked {
			t.Errorf("asked %s, want %s", got, asked)
		}
	}
}

// An answer that names an error beside what was asked for is not believed, whatever was asked: of what changes something
// nobody knows whether it was done.
func TestASuccessWithAnErrorCodeIsNone(t *testing.T) {
	t.Parallel()
	const code = `,"code":"system.busy"}`
	s := newScript(t).always(sendURL, 200, `{"processQueryKey":"key"`+code).always(recallAPI.path, 200, `{"successResult":["key"]`+code).
		always(directAPI.path, 200, `{"processQueryKey":"key"`+code).always(dingAPI.path, 200, `{"openDingId":"1"`+code).
		always(chatAPI.path, 200, `{"errcode":0,"success":false,"chat_info":{"name":"a","useridlist":["u1"]}}`).
		always(departmentAPI.path, 200, `{"errcode":0,"result":{"userid_list":["u1"]}`+code)
	c := s.client()
	want(t, send(t.Context(), c), BadAnswer, true)
	_, err := c.RecallGroup(t.Context(), "cid", "key")
	want(t, err, BadAnswer, true)
	_, err = c.SendDirect(t.Context(), []string{"u1"}, Markdown("a", "b"))
	want(t, err, BadAnswer, true)
	_, err = c.SendDing(t.Context(), DingApp, []string{"u1"}, "x")
	want(t, err, BadAnswer, true)
	_, _, err = c.Chat(t.Context(), "chat1")
	want(t, err, BadAnswer, false)
	_, err = c.DepartmentUserIDs(t.Context(), 1)
	want(t, err, BadAnswer, false)
}
