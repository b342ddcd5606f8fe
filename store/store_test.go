package store

import (
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/store/storetest"
)

func TestOpenNeverShowsThePassword(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"slash":               "redis://:hush/tsch@host:6379",
		"slash after digits":  "redis://:90210/hush@host:6379",
		"hash":                "redis://:hush#tsch@host:6379",
		"question mark":       "redis://:90210?hush@host:6379",
		"percent":             "redis://user:hush%tsch@host:6379",
		"space":               "redis://:hush tsch@host:6379",
		"control character":   "redis://:hush\x7ftsch@host:6379",
		"bracket":             "redis://:hush[tsch@host:6379",
		"no scheme":           "hush:tsch@host:6379",
		"no scheme, no user":  ":hush@host:6379",
		"another scheme":      "http://:hush@host",
		"port":                "redis://:hush@host:tsch",
		"port and password":   "redis://:hush@[::1",
		"database":            "redis://:hush@host:6379/tsch",
		"databases":           "redis://:hush@host:6379/1/tsch",
		"value of a database": "redis://:hush@host:6379?db=tsch",
		"parameter":           "redis://:90210?hush=tsch@host:6379",
		"empty":               "",
		"only a password":     "hush",
		"memory with more":    "memory://:hush@host",
		"full-width colon":    "redis：//:hush@host",
		"right-to-left marks": "\u202eredis://:hush@host",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(Options{URL: url, KeyPrefix: "test", KeepFor: keepFor})
			if err == nil {
				_ = s.Close()
				t.Fatal("it opened")
			}
			for _, part := range []string{"hush", "tsch", "90210", "%ts"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error shows %q: %v", part, err)
				}
			}
			if !strings.Contains(err.Error(), "redis url") || !strings.Contains(err.Error(), "redis://") {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
}

func TestMistakesInTheAddressAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"unknown parameter":           {Options{URL: "rediss://:hush@host:6379?dial_timeout=hush"}, `unknown parameter "dial_timeout"`},
		"skipping the verification":   {Options{URL: "rediss://:hush@host:6379?skip_verify=true"}, `unknown parameter "skip_verify"`},
		"cluster":                     {Options{URL: "redis://:hush@host?cluster=hush"}, "neither true nor false"},
		"a cluster's database":        {Options{URL: "redis://:hush@host/1?cluster=true"}, "no database but 0"},
		"a cluster's other database":  {Options{URL: "redis://:hush@host?db=2&addr=other"}, "no database but 0"},
		"a master in a cluster":       {Options{URL: "redis://:hush@host?cluster=true&master_name=m"}, "not both"},
		"no master":                   {Options{URL: "redis://:hush@host?sentinel_password=hush"}, "no master_name"},
		"master twice":                {Options{URL: "redis://:hush@host?master_name=m", MasterName: "n"}, "master_name is given twice"},
		"password twice":              {Options{URL: "redis://host?master_name=m&sentinel_password=hush", SentinelPassword: "hush"}, "sentinel_password is given twice"},
		"address with a password":     {Options{URL: "redis://host?addr=:hush@other:6379"}, "not host:port"},
		"address with a path":         {Options{URL: "redis://host", Addrs: []string{"redis://hush"}}, "not host:port"},
		"address without a host":      {Options{URL: "redis://host", Addrs: []string{":6379"}}, "not host:port"},
		"port of the URL":             {Options{URL: "redis://:hush@host:66379"}, "the port is not from 1 to 65535"},
		"port":                        {Options{URL: "redis://host", Addrs: []string{"other:hush"}}, "not host:port"},
		"authorities without TLS":     {Options{URL: "redis://host", CAs: x509.NewCertPool()}, "rediss://"},
		"embedded, and a cluster":     {Options{URL: Memory, Addrs: []string{"other:6379"}}, "memory://"},
		"embedded, and behind others": {Options{URL: Memory, MasterName: "m"}, "memory://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(c.o)
			if err == nil {
				_ = s.Close()
				t.Fatal("it opened")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatAnAddressMeans(t *testing.T) {
	t.Parallel()
	for url, c := range map[string]struct {
		kind  string
		addrs []string
	}{
		"redis://host":                                     {"single", []string{"host:6379"}},
		"redis://host?addr=b&addr=[::1]:7":                 {"Cluster", []string{"host:6379", "b:6379", "[::1]:7"}},
		"redis://host:1?cluster=true":                      {"Cluster", []string{"host:1"}},
		"redis://host:1?cluster=false":                     {"single", []string{"host:1"}},
		"redis://u:p@host?master_name=m&addr=b:1&addr=::1": {"Sentinel, master m", []string{"host:26379", "b:1", "[::1]:26379"}},
		"rediss://host:1/3?master_name=m&sentinel_username=a&sentinel_password=b": {"Sentinel, master m", []string{"host:1"}},
	} {
		o := Options{URL: url}
		_, kind, err := connect(o, url, connectionsMax)
		if err != nil || kind != c.kind {
			t.Errorf("%s: %q, %v, want %q", url, kind, err, c.kind)
			continue
		}
		got, _, _ := clientOptions(o, url)
		if !slices.Equal(got.Addrs, c.addrs) {
			t.Errorf("%s: addresses %q, want %q", url, got.Addrs, c.addrs)
		}
	}
}

func TestOpenTakesGoodURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"redis://host", "redis://host:6379/5", "rediss://user:hush%2Ftsch@host:6379", "redis://:hush@[::1]:6379", "unix:///run/redis.sock", Memory,
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			s, err := Open(Options{URL: url, KeyPrefix: "test", KeepFor: keepFor})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNoFailureOfRedisShowsThePassword(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		gone := storetest.NewProxy(t, b.URL)
		gone.Cut()
		options := must(redis.ParseURL(gone.URL()))(t)
		locked := storetest.Mini(t)
		locked.Mini.RequireAuth("right")
		for name, url := range map[string]string{
			"nobody there":   "redis://hush-user:hush-password@" + options.Addr,
			"wrong password": "redis://:hush-password@" + locked.Mini.Addr(),
			"not TLS":        "rediss://:hush-password@" + locked.Mini.Addr(),
		} {
			s := openURL(t, b, url)
			for call, do := range calls(s) {
				if err := do(t.Context()); err == nil || strings.Contains(err.Error(), "hush") {
					t.Errorf("%s: %s: %v", name, call, err)
				}
			}
		}
	})
}

func TestKeepForMayChangeWhileItRuns(t *testing.T) {
	t.Parallel()
	s := embeddedStore(t)
	s.SetKeepFor(2 * keepFor)
	if err := s.SaveTitle(t.Context(), "cid", "项目组"); err != nil {
		t.Fatal(err)
	}
	if ttl := must(s.rdb.PTTL(t.Context(), s.keys.group("cid").title()).Result())(t); ttl <= keepFor || ttl > 2*keepFor {
		t.Errorf("a title is kept for %v; want %v", ttl, 2*keepFor)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Real(t))
	version, err := s.Version(t.Context())
	if major, _, dotted := strings.Cut(version, "."); err != nil || !dotted || major < "6" && len(major) == 1 {
		t.Errorf("version %q, %v", version, err)
	}
}

func embeddedStore(t *testing.T) *Store {
	t.Helper()
	return openURL(t, storetest.Backend{KeyPrefix: "test"}, Memory)
}

func TestTimePassesInTheEmbeddedRedis(t *testing.T) {
	t.Parallel()
	s := embeddedStore(t)
	if err := s.rdb.Set(t.Context(), "short", "1", 3*embeddedTick/2).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.rdb.Set(t.Context(), "long", "1", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "the short key is gone", func() bool { return s.rdb.Exists(t.Context(), "short").Val() == 0 })
	if left := s.rdb.PTTL(t.Context(), "long").Val(); left > time.Hour-embeddedTick || left < time.Hour-2*patience {
		t.Errorf("the long key is left with %v", left)
	}
}

func TestTheEmbeddedRedisNeedsItsPassword(t *testing.T) {
	t.Parallel()
	s := embeddedStore(t)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	address := s.embedded.server.Addr()
	if host, _, err := net.SplitHostPort(address); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("it listens on %s", address)
	}
	for _, url := range []string{"redis://" + address, "redis://:guess@" + address} {
		stranger := openURL(t, storetest.Backend{KeyPrefix: "test"}, url)
		if err := stranger.Ping(t.Context()); err == nil {
			t.Errorf("%s may write", url)
		}
	}
}

func TestEmbeddedStoresAreApartAndEndWithClose(t *testing.T) {
	t.Parallel()
	one, err := Open(Options{URL: Memory, KeyPrefix: "test", KeepFor: keepFor})
	if err != nil {
		t.Fatal(err)
	}
	two := embeddedStore(t)
	sent(t, one, group, "msg1", "key1")
	if keys := written(t, two); len(keys) != 0 {
		t.Errorf("the other holds %q", keys)
	}
	url := one.embedded.url
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	// Another program may have its port by now, but not its password.
	if err := openURL(t, storetest.Backend{KeyPrefix: "test"}, url).Ping(t.Context()); err == nil {
		t.Error("it still answers")
	}
	if err := one.Ping(t.Context()); err == nil {
		t.Error("the closed store still writes")
	}
}
