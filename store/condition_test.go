package store

import (
	"slices"
	"strings"
	"testing"

	"whoread/store/storetest"
)

func TestTheConditionOfARedis(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arguments   []string
		eviction    string
		persistence Persistence
	}{
		"as it is installed": {[]string{"--save", "60 1"}, "", Snapshots},
		"with a log":         {[]string{"--appendonly", "yes"}, "", AppendLog},
		"nothing on disk":    {nil, "", Nothing},
		"evicts":             {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, "allkeys-lru", Nothing},
		"evicts nothing":     {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "noeviction"}, "noeviction", Nothing},
		"has no limit":       {[]string{"--maxmemory-policy", "allkeys-lru"}, "", Nothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.Own(t, c.arguments...)
			s := openWith(t, Options{URL: server.URL()})
			got := must(s.Inspect(t.Context()))(t)
			want := Server{Version: server.Info("redis_version"), Eviction: c.eviction, Persistence: c.persistence}
			if got.Kind != "single" || !slices.Equal(got.Servers, []Server{want}) || got.Latency <= 0 || len(got.Refused) != 0 {
				t.Errorf("%+v; want %+v", got, want)
			}
			if keys := server.Do("KEYS", "*").([]any); len(keys) != 0 {
				t.Errorf("%v is left behind", keys)
			}
		})
	}
}

func TestTheConditionOfACluster(t *testing.T) {
	t.Parallel()
	clustered := storetest.NewClustered(t, false)
	got := must(openWith(t, Options{URL: clustered.URL()}).Inspect(t.Context()))(t)
	if got.Kind != "Cluster, masters: 3" || len(got.Servers) != 3 || len(got.Refused) != 0 {
		t.Errorf("%+v", got)
	}
}

// Whatever one right is missing, it is named, and nothing else is; with all of them
// nothing is.
func TestMissingRightsAreNamed(t *testing.T) {
	t.Parallel()
	server := storetest.Own(t)
	rule := aclRule(t, "whoread")
	may := func(rights ...string) []string {
		set := []any{"ACL", "SETUSER", "checked", "reset", "on", ">secret"}
		for _, right := range rights {
			set = append(set, right)
		}
		server.Do(set...)
		s := openWith(t, Options{URL: "redis://checked:secret@" + server.Address()})
		return must(s.Inspect(t.Context()))(t).Refused
	}
	if refused := may(rule...); len(refused) != 0 {
		t.Errorf("with all rights: %v", refused)
	}
	for i, right := range rule {
		name, ok := strings.CutPrefix(right, "+")
		if !ok || slices.Contains([]string{"select", "info", "set", "get"}, name) { // without these, nothing works or nothing is refused
			continue
		}
		want := right
		if name == "multi" || name == "exec" {
			want = "+multi +exec"
		}
		if refused := may(slices.Delete(slices.Clone(rule), i, i+1)...); !slices.Contains(refused, want) || len(refused) > 1 {
			t.Errorf("without %s: %v", right, refused)
		}
	}
	narrow := slices.Clone(rule)
	for i, right := range narrow {
		if strings.HasPrefix(right, "~") {
			narrow[i] = "~{whoread:inbox}*"
		}
	}
	if refused := may(narrow...); !slices.Equal(refused, []string{"~{whoread:*"}) {
		t.Errorf("with the keys of the inbox alone: %v", refused)
	}
}

func TestTheLastPushesAreKeptByKind(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b)
		if kept := must(s.Pushes(t.Context()))(t); len(kept) != 0 {
			t.Errorf("at first: %v", kept)
		}
		for _, push := range []struct {
			kind string
			ms   int64
		}{{"a", 1000}, {"b", 2000}, {"a", 3000}} {
			if err := s.SavePush(t.Context(), push.kind, fromMillis(push.ms)); err != nil {
				t.Fatal(err)
			}
		}
		kept := must(s.Pushes(t.Context()))(t)
		if len(kept) != 2 || !kept["a"].Equal(fromMillis(3000)) || !kept["b"].Equal(fromMillis(2000)) {
			t.Errorf("%v", kept)
		}
	})
}
