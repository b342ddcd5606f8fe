package dingtalk

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func benchServer(b *testing.B, body string) *Client {
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
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.ResetTimer()
	return c
}

// One page of 200 readers, over the loopback interface; the server's allocations are in it.
func BenchmarkQueryReaders(b *testing.B) {
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprintf("%q", fmt.Sprintf("manager%04d", i))
	}
	c := benchServer(b, `{"sendStatus":"SUCCESS","readUserIds":[`+strings.Join(ids, ",")+`],"hasMore":false}`)
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
