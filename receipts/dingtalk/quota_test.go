package dingtalk

import (
	"context"
	"testing"
)

const quotaSpent = `{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg"}`

// Without quota no counted call is made; the others go on.
func TestWithoutQuotaNothingThatCountsIsCalled(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(readersURL, 403, quotaSpent).always(sendURL, 200, sendOK).
		always("/robot/sendBySession", 200, `{"errcode":0}`).always(userAPI.path, 200, `{"errcode":0,"result":{"name":"李雷"}}`)
	within := true
	var observed []Call
	c := s.client(func(cfg *Config) {
		cfg.WithinQuota = func() bool { return within }
		cfg.Observe = func(_ context.Context, call Call) { observed = append(observed, call) }
	})
	want(t, query(t.Context(), c), QuotaSpent, false)
	if last := observed[len(observed)-1]; !last.Counted || last.Kind != QuotaSpent {
		t.Errorf("observed %+v", last)
	}
	within = false
	made, tries := len(s.calls), len(observed)
	for range 5 {
		e := wantError(t, query(t.Context(), c), QuotaSpent, false)
		if e.HTTPStatus != 0 || e.Retryable() {
			t.Errorf("got %v", e)
		}
		want(t, send(t.Context(), c), QuotaSpent, false)
		_, err := c.QueryReaders(t.Context(), "cid", "key", "", PastBudget)
		want(t, err, QuotaSpent, false)
	}
	if len(s.calls) != made || len(observed) != tries {
		t.Errorf("%d calls although the quota is spent", len(s.calls)-made)
	}
	if err := c.Reply(t.Context(), NewSecret("https://api.test/robot/sendBySession"), Reply{}); err != nil {
		t.Errorf("a reply is not counted: %v", err)
	}
	if _, err := c.UserName(t.Context(), "u1"); err != nil {
		t.Errorf("a name is not counted: %v", err)
	}
	within = true
	if err := send(t.Context(), c); err != nil {
		t.Errorf("with quota: %v", err)
	}
}
