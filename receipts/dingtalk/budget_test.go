package dingtalk

import (
	"context"
	"testing"
)

// Past the app's own budget nothing is asked that counts. What people are to see goes out, and so does what does not count.
func TestPastTheBudgetNothingIsAsked(t *testing.T) {
	t.Parallel()
	within := false
	var observed int
	s := newScript(t).always(readersURL, 200, queryOK).always(sendURL, 200, sendOK).
		always(membersAPI.path, 200, `{"success":true,"memberUserIds":["u1"]}`).
		always(recallAPI.path, 200, `{"successResult":["key"]}`).
		always(directAPI.path, 200, `{"processQueryKey":"key"}`).
		always(chatAPI.path, 200, `{"errcode":0,"chat_info":{"name":"a","useridlist":["u1"]}}`).
		always("/robot/sendBySession", 200, `{"errcode":0}`).always(userAPI.path, 200, `{"errcode":0,"result":{"name":"李雷"}}`)
	c := s.client(func(cfg *Config) {
		cfg.WithinBudget = func() bool { return within }
		cfg.Observe = func(context.Context, Call) { observed++ }
	})
	asks := map[string]func() error{
		"readers": func() error { return query(t.Context(), c) },
		"members": func() error { _, err := c.GroupMembers(t.Context(), "cid", ""); return err },
		"chat":    func() error { _, _, err := c.Chat(t.Context(), "chat1"); return err },
	}
	for name, ask := range asks {
		e := wantError(t, ask(), BudgetSpent, false)
		if e.HTTPStatus != 0 || e.Retryable() {
			t.Errorf("%s: %v", name, e)
		}
	}
	if len(s.calls) != 0 || observed != 0 {
		t.Errorf("%d calls, %d observed", len(s.calls), observed)
	}
	for name, do := range map[string]func() error{
		"send":                         func() error { return send(t.Context(), c) },
		"recall":                       func() error { _, err := c.RecallGroup(t.Context(), "cid", "key"); return err },
		"direct":                       func() error { _, err := c.SendDirect(t.Context(), []string{"u1"}, Markdown("a", "b")); return err },
		"reply":                        func() error { return c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession"), Reply{}) },
		"name":                         func() error { _, err := c.UserName(t.Context(), "u1"); return err },
		"query for an administrator":   func() error { _, err := c.QueryReaders(t.Context(), "cid", "key", "", PastBudget); return err },
		"members for an administrator": func() error { _, err := c.GroupMembers(t.Context(), "cid", "", PastBudget); return err },
		"chat for an administrator":    func() error { _, _, err := c.Chat(t.Context(), "chat1", PastBudget); return err },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	within = true
	for name, ask := range asks {
		if err := ask(); err != nil {
			t.Errorf("%s within the budget: %v", name, err)
		}
	}
}
