package dingtalk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func benchServer(b testing.TB, body string) *Client {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tokenAPI.path {
			_, _ = w.Write([]byte(rawToken))
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	b.Cleanup(s.Close)
	c := newClient(b, s.URL)
	if err := c.CheckToken(b.Context()); err != nil {
		b.Fatal(err)
	}
	return c
}

// pageOf200 is an answer with 200 readers, as many as DingTalk gives at once.
func pageOf200() string {
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprintf("%q", fmt.Sprintf("manager%04d", i))
	}
	return `{"sendStatus":"SUCCESS","readUserIds":[` + strings.Join(ids, ",") + `],"hasMore":false}`
}

// bareQuery is the same call by net/http and encoding/json alone.
func bareQuery(tb testing.TB, client *http.Client, url string) {
	content, err := json.Marshal(queryRequest{OpenConversationID: "cid", RobotCode: "robot", ProcessQueryKey: "key", MaxResults: readersPerPage})
	if err != nil {
		tb.Fatal(err)
	}
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url+queryAPI.path, bytes.NewReader(content))
	if err != nil {
		tb.Fatal(err)
	}
	request.Header.Set("X-Acs-Dingtalk-Access-Token", "token")
	response, err := client.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		tb.Fatal(err)
	}
	var page queryAnswer
	if err := json.Unmarshal(body, &page); err != nil || len(page.ReadUserIDs) != readersPerPage {
		tb.Fatalf("%d readers, %v", len(page.ReadUserIDs), err)
	}
}

// A call costs little more than the same one without this package. The server's
// allocations, and those of 200 readers, are in both, so that a share of them would
// allow this package many times what it takes.
func TestACallAllocatesLittleMoreThanABareOne(t *testing.T) {
	c := benchServer(t, pageOf200())
	bare := &http.Client{Transport: &http.Transport{}}
	defer bare.CloseIdleConnections()
	ours := testing.AllocsPerRun(100, func() {
		if _, err := c.QueryReaders(t.Context(), "cid", "key", ""); err != nil {
			t.Fatal(err)
		}
	})
	theirs := testing.AllocsPerRun(100, func() { bareQuery(t, bare, c.api.String()) })
	if added := ours - theirs; added > 40 {
		t.Errorf("it adds %.0f allocations to the %.0f of a bare call", added, theirs)
	}
}

// The same page by a bare call, for comparison.
func BenchmarkBareQuery(b *testing.B) {
	c := benchServer(b, pageOf200())
	bare := &http.Client{Transport: &http.Transport{}}
	defer bare.CloseIdleConnections()
	b.ReportAllocs()
	for b.Loop() {
		bareQuery(b, bare, c.api.String())
	}
}

// One page of 200 readers, over the loopback interface; the server's allocations are in it.
func BenchmarkQueryReaders(b *testing.B) {
	c := benchServer(b, pageOf200())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.QueryReaders(b.Context(), "cid", "key", ""); err != nil {
			b.Fatal(err)
		}
	}
}

// One page of 1,000 members with their names.
func BenchmarkGroupMembers(b *testing.B) {
	ids, nicks := make([]string, 1000), make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("%q", fmt.Sprintf("manager%04d", i))
		nicks[i] = ids[i] + `:"韩梅梅"`
	}
	c := benchServer(b, `{"success":true,"memberUserIds":[`+strings.Join(ids, ",")+`],"staffIdNickMap":{`+strings.Join(nicks, ",")+`}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.GroupMembers(b.Context(), "cid", ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	body := []byte(`{"code":"bot.stopped","message":"群机器人已经停用","requestid":"E64A36EF-2FB4-4BC5-BBD8-80E0F54218F9"}`)
	secrets := []string{testSecret, tokenValue(1)}
	b.ReportAllocs()
	for b.Loop() {
		_ = classify(queryAPI, 400, body, secrets)
	}
}
