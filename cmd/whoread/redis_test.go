package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

// A Redis that answers but takes no writes is no Redis: nothing is posted that
// could not be recorded.
func TestWithARedisThatRefusesWritesThePersonIsToldAndNothingIsPosted(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]struct{ refuse, relent func(*storetest.Server) }{
		"out of memory": {
			func(s *storetest.Server) { s.Do("CONFIG", "SET", "maxmemory", "1") },
			func(s *storetest.Server) { s.Do("CONFIG", "SET", "maxmemory", "0") },
		},
		"read-only replica": {
			// Its master is nowhere, so that it keeps what it has.
			func(s *storetest.Server) { s.Do("REPLICAOF", "127.0.0.1", "1") },
			func(s *storetest.Server) { s.Do("REPLICAOF", "NO", "ONE") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.Own(t)
			w := newWorld(t, storetest.Backend{URL: server.URL(), KeyPrefix: "refused"}, dingtalktest.Options{})
			group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(3), w.admin)...)
			p := w.start(w.config(""))
			wantIn(t, w.ask(group, w.admin, saying("公告 之前")), "已发出 #1")

			harm.refuse(server)
			wantIn(t, w.ask(group, w.admin, saying("公告 写不进去")), "存储没有响应", "什么也没有发出")
			wantIn(t, w.ask(group, w.admin, saying("announce meanwhile")), "My store does not answer", "nothing was posted")
			harm.relent(server)
			wantIn(t, w.ask(group, w.admin, saying("公告 之后")), "已发出 #2")
			if n := len(posted(group)); n != 2 {
				t.Errorf("announced %d times", n)
			}
			wantNotIn(t, p.log.String(), server.Password())
		})
	}
}

// The bot goes on with the replica that the Sentinels make the master.
func TestTheBotOutlivesItsMaster(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	r := storetest.NewReplicated(t, 1)
	w := newWorld(t, storetest.Backend{URL: r.URL(), KeyPrefix: "failover"}, dingtalktest.Options{})
	group := w.AddGroup(dingtalktest.GroupOptions{}, append(w.people(3), w.admin)...)
	p := w.start(w.config(""))
	wantIn(t, w.ask(group, w.admin, saying("公告 之前")), "已发出 #1")
	r.Master.Kill()
	answer := w.ask(group, w.admin, saying("公告 之后"))
	for strings.Contains(answer, "存储没有响应") {
		answer = w.ask(group, w.admin, saying("公告 之后"))
	}
	wantIn(t, answer, "已发出 #2")
	wantIn(t, w.ask(group, w.admin, saying("谁没读 #1")), "#1「之前」")
	if n := len(posted(group)); n != 2 {
		t.Errorf("announced %d times", n)
	}
	wantNotIn(t, p.log.String(), r.Master.Password(), r.SentinelPassword)
}

func TestCheckTellsWhichRedisThereIsAndWhatIsWrongWithIt(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	server, memory, replica := storetest.Own(t), storetest.Own(t), storetest.Own(t)
	server.Do("ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+@read")
	memory.Do("CONFIG", "SET", "maxmemory", "1")
	replica.Do("REPLICAOF", "127.0.0.1", "1")
	replicated, clustered := storetest.NewReplicated(t, 1), storetest.NewClustered(t, false)
	secured := storetest.NewSecured(t, "127.0.0.1")
	w := newWorld(t, storetest.Backend{KeyPrefix: "check"}, dingtalktest.Options{})
	at := "@" + server.Address()
	for _, c := range []struct {
		name, url, extra string
		want             []string
	}{
		{"single", server.URL(), "", []string{"✓ redis", "single"}},
		{"Sentinel", replicated.URL(), "", []string{"✓ redis", "Sentinel, master whoread-master"}},
		{
			"Sentinel by keys", strings.Split(replicated.URL(), "?")[0], "master_name: whoread-master, sentinel_password_file: sentinel",
			[]string{"✓ redis", "Sentinel, master whoread-master"},
		},
		{"Cluster", clustered.URL(), "", []string{"✓ redis", "Cluster, masters: 3"}},
		{"TLS", secured.URL(), "tls_ca_file: " + secured.CAFile, []string{"✓ redis", "single"}},
		{"no authority", secured.URL(), "", []string{"✗ redis", "→ ", "redis.tls_ca_file"}},
		{"one of a cluster", strings.Split(clustered.URL(), "?")[0], "", []string{"✗ redis", "→ ", "cluster=true"}},
		{"out of memory", memory.URL(), "", []string{"✗ redis", "OOM", "→ ", "maxmemory"}},
		{"replica", replica.URL(), "", []string{"✗ redis", "READONLY", "→ ", "master"}},
		{"no password", "redis://" + server.Address(), "", []string{"✗ redis", "NOAUTH", "→ ", "password in redis.url"}},
		{"wrong password", "redis://:s3cret-guess" + at, "", []string{"✗ redis", "WRONGPASS", "→ ", "correct the user and password"}},
		{"no rights", "redis://reader:s3cret" + at, "", []string{"✗ redis", "NOPERM", "→ ", "rights"}},
		{"no such master", strings.Replace(replicated.URL(), "whoread-master", "other", 1), "", []string{"✗ redis", "→ ", "redis.master_name"}},
	} {
		config := w.config("")
		source, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		source = []byte(strings.Replace(string(source), `key_prefix: "check"`, `key_prefix: "check", `+c.extra, 1))
		for file, content := range map[string][]byte{config: source, filepath.Join(w.files, "sentinel"): []byte(replicated.SentinelPassword)} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command := exec.CommandContext(within(t), whoread, "check", "--config", config)
		command.Env = append(os.Environ(), "TEST_REDIS="+c.url)
		out, err := command.CombinedOutput()
		if good := c.want[0] == "✓ redis"; (err == nil) != good {
			t.Errorf("%s: %v", c.name, err)
		}
		wantIn(t, string(out), c.want...)
		wantNotIn(t, string(out), "s3cret", server.Password(), replicated.Master.Password(), replicated.SentinelPassword, clustered.Masters[0].Password(), secured.Password())
	}
}
