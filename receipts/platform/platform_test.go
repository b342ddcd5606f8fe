package platform

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

// asked is when DingTalk is asked.
var asked = time.Date(2026, 8, 3, 14, 35, 0, 0, time.UTC)

// answers is a DingTalk that says one thing after the other, once it gave a
// token.
type answers []string

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"accessToken":"token","expireIn":7200}`
	if !strings.HasSuffix(r.URL.Path, "/accessToken") {
		body, *a = (*a)[0], (*a)[1:]
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func platformOf(t *testing.T, said ...string) *Platform {
	t.Helper()
	client, err := dingtalk.New(dingtalk.Config{
		ClientID: "id", ClientSecret: dingtalk.NewSecret("secret"), APIURL: "https://api.dingtalk.com", OapiURL: "https://oapi.dingtalk.com",
		CallsPerSecond: 1000, Transport: (*answers)(&said),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &Platform{Client: client, Now: func() time.Time { return asked }}
}

// Somebody who stands on two pages, because people came and went in between, is
// one member.
func TestMembersOfSeveralPages(t *testing.T) {
	t.Parallel()
	p := platformOf(t,
		`{"success":true,"memberUserIds":["a","b"],"unionIdList":["x"],"staffIdNickMap":{"a":"甲","b":""},"hasMore":true,"nextToken":"2"}`,
		`{"success":true,"memberUserIds":["b","","c"],"unionIdList":["y"],"staffIdNickMap":{"b":"乙","z":"别人"},"hasMore":false}`)
	members, names, err := p.MemberSources(nil)[0].Members(t.Context(), "cid", receipts.Rights{})
	if err != nil {
		t.Fatal(err)
	}
	want := receipts.Members{UserIDs: []string{"a", "b", "c"}, Outsiders: 2, Source: receipts.SceneGroup, At: asked}
	if diff := cmp.Diff(want, members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(receipts.Names{"a": "甲", "b": "乙"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// In a group where somebody spoke there is somebody: a list of nobody is an answer in doubt,
// and not that everybody has left.
func TestAListOfNobodyIsNone(t *testing.T) {
	t.Parallel()
	for i, said := range []string{`{"success":true,"memberUserIds":[]}`, `{"success":true}`, `{"errcode":0,"chat_info":{"name":"a","useridlist":[]}}`} {
		p := platformOf(t, said)
		source := p.MemberSources(map[string]RosterOptions{"cid": {ChatID: "chat1"}})[i/2]
		members, _, err := source.Members(t.Context(), "cid", receipts.Rights{})
		if receipts.ReasonOf(err) != receipts.BadAnswer || errors.Is(err, receipts.ErrNoMemberList) {
			t.Errorf("%s: %+v, %v", said, members, err)
		}
	}
}

// What DingTalk says of readers is the whole truth only where nothing casts a doubt on it;
// whoever it names has read all the same.
func TestReadersOfAnAnswerInDoubt(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]receipts.ReadersPage{
		`{"sendStatus":"SUCCESS","readUserIds":["a"],"readUsers":[{"userId":"a"},{"userId":"b"}]}`: {UserIDs: []string{"a", "b"}},
		`{"sendStatus":"PROCESSING","readUserIds":["a"]}`:                                          {UserIDs: []string{"a"}, Delivery: receipts.BeingDelivered},
		`{"sendStatus":"HALF","readUserIds":["a"]}`:                                                {UserIDs: []string{"a"}},
		`{"sendStatus":"SUCCESS","readUserIds":["a"],"nextToken":"2"}`:                             {UserIDs: []string{"a"}},
		`{"sendStatus":"SUCCESS","readUserIds":["a"],"code":"processQueryKey.expireTime"}`:         {},
	} {
		page, err := platformOf(t, said).Readers(t.Context(), "cid", "key", "", receipts.Rights{})
		doubt := strings.Contains(said, "HALF") || strings.Contains(said, "nextToken") || strings.Contains(said, "code")
		if doubt != (receipts.ReasonOf(err) == receipts.BadAnswer) || errors.Is(err, receipts.ErrNoReadData) || doubt == page.At.After(time.Time{}) {
			t.Errorf("%s: %+v, %v", said, page, err)
		}
		want.At = page.At
		if diff := cmp.Diff(want, page); diff != "" {
			t.Errorf("%s (-want +got):\n%s", said, diff)
		}
	}
}

func TestMemberSources(t *testing.T) {
	t.Parallel()
	var order []receipts.Source
	for _, source := range platformOf(t).MemberSources(nil) {
		order = append(order, source.Source())
		if source.Source() == receipts.SceneGroup {
			continue
		}
		if _, _, err := source.Members(t.Context(), "cid", receipts.Rights{}); !errors.Is(err, receipts.ErrNoMemberList) {
			t.Errorf("%s without configuration: %v, want ErrNoMemberList", source.Source(), err)
		}
	}
	if diff := cmp.Diff([]receipts.Source{receipts.SceneGroup, receipts.Chat, receipts.Roster}, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// DingTalk says why it did not take a message back.
func TestRecallThatIsRefusedForOneMessage(t *testing.T) {
	t.Parallel()
	err := platformOf(t, `{"successResult":[],"failedResult":{"key1":"too.late"}}`).Recall(t.Context(), "cid", "key1")
	failure, ok := errors.AsType[*dingtalk.Error](err)
	if !ok || failure.Kind != dingtalk.Unknown || failure.Detail != "too.late" || failure.Uncertain() || receipts.ReasonOf(err) != receipts.Unknown {
		t.Errorf("%v", err)
	}
	if err := platformOf(t, `{"successResult":["key1"],"failedResult":{}}`).Recall(t.Context(), "cid", "key1"); err != nil {
		t.Error(err)
	}
}

func TestWhichFailuresOfASourceLast(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&dingtalk.Error{Kind: dingtalk.NoMemberList}, true},
		{&dingtalk.Error{Kind: dingtalk.CoolAppNeeded}, true},
		{&dingtalk.Error{Kind: dingtalk.PermissionDenied}, true},
		{&dingtalk.Error{Kind: dingtalk.GroupInvalid}, true},
		{&dingtalk.Error{Kind: dingtalk.BadRequest}, true},
		{&dingtalk.Error{Kind: dingtalk.Throttled}, false},
		{&dingtalk.Error{Kind: dingtalk.QuotaSpent}, false},
		{&dingtalk.Error{Kind: dingtalk.BudgetSpent}, false},
		{&dingtalk.Error{Kind: dingtalk.Unavailable}, false},
		{receipts.ErrPaging, false},
	} {
		got := unlisted(test.err)
		if errors.Is(got, receipts.ErrNoMemberList) != test.want || !errors.Is(got, test.err) {
			t.Errorf("%v: %v, want it to last: %t", test.err, got, test.want)
		}
	}
}
