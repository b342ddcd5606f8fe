package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// A program announces once and is told who has read it, by a process that is killed in between too.
func TestAProgramAnnouncesOnceAndIsToldWhoHasRead(t *testing.T) {
	need.Slow(t) // it kills the program, and waits for its lease to end
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		w := newWorld(t, b, dingtalktest.Options{})
		people := w.people(3)
		group := w.AddGroup(dingtalktest.GroupOptions{}, people...)
		free, err := net.Listen("tcp", "127.0.0.1:0")
		w.must(err)
		address := free.Addr().String()
		w.must(free.Close())
		w.must(os.WriteFile(filepath.Join(w.files, "token"), []byte("hush-0123456789-of-a-program\n"), 0o600))
		config := w.config(fmt.Sprintf("groups: {team: %q}\napi: {listen: %q, tokens: [{name: deploys, token_file: token, groups: [team], may: ['*']}]}\nreports: {fresh_for: 0s}",
			group.ID(), address))
		ask := func(method, path, body string, status int) map[string]any {
			t.Helper()
			r, err := http.NewRequestWithContext(within(t), method, "http://"+address+path, strings.NewReader(body))
			w.must(err)
			r.Header.Set("Authorization", "Bearer hush-0123456789-of-a-program")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "release-7")
			answer, err := http.DefaultClient.Do(r)
			w.must(err)
			defer func() { _ = answer.Body.Close() }()
			var said map[string]any
			w.must(json.NewDecoder(answer.Body).Decode(&said))
			if answer.StatusCode != status {
				t.Fatalf("%s %s: %d %v", method, path, answer.StatusCode, said)
			}
			return said
		}
		const release = `{"group": "team", "title": "Release 7", "text": "It is out."}`
		p := w.start(config)
		for range 2 {
			if said := ask("POST", "/v1/announcements", release, http.StatusCreated); said["number"] != 1.0 || said["state"] != "sent" {
				t.Fatal(said)
			}
		}
		p.kill()
		p = w.start(config)
		ask("POST", "/v1/announcements", release, http.StatusCreated)
		ask("POST", "/v1/announcements", strings.Replace(release, "7", "8", 1), http.StatusConflict)
		if all := announcements(group); len(all) != 1 || !strings.Contains(all[0].Text, "deploys") {
			t.Fatalf("%d announcements: %+v", len(all), all)
		}
		w.read(group, people[0])
		report := ask("GET", "/v1/groups/team/announcements/1?fresh=true", "", http.StatusOK)
		if report["complete"] != true || len(report["read"].([]any)) != 1 || len(report["unread"].([]any)) != 2 {
			t.Errorf("%v", report)
		}
		if said := ask("DELETE", "/v1/groups/team/announcements/1", "", http.StatusOK); said["state"] != "recalled" {
			t.Errorf("%v", said)
		}
		if strings.Contains(p.log.String(), "hush-0123456789") {
			t.Error("the token is in the log")
		}
		p.stop()
	})
}
