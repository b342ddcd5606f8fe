package storetest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// verdict is a test that notes how it ended.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper() {}
func (v *verdict) Skipf(format string, a ...any) {
	v.skipped = fmt.Sprintf(format, a...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, a ...any) {
	v.failed = fmt.Sprintf(format, a...)
	runtime.Goexit()
}

func ask() *verdict {
	v, done := &verdict{}, make(chan struct{})
	go func() {
		defer close(done)
		Redis(v)
	}()
	<-done
	return v
}

func TestWithoutARedis(t *testing.T) {
	const requireVariable = "WHOREAD_TEST_REQUIRE"
	t.Setenv("PATH", t.TempDir())
	t.Setenv(urlVariable, "")
	for _, c := range []struct {
		require string
		fails   bool
	}{{"", false}, {"chromium", false}, {"redis", true}, {"chromium,redis", true}} {
		t.Setenv(requireVariable, c.require)
		v := ask()
		if (v.failed != "") != c.fails || (v.skipped != "") == c.fails {
			t.Errorf("%s=%q: failed %q, skipped %q", requireVariable, c.require, v.failed, v.skipped)
		}
		if how := v.failed + v.skipped; !strings.Contains(how, urlVariable) || !strings.Contains(how, "redis-server") {
			t.Errorf("it does not say how to have one: %q", how)
		}
	}
}

func TestTheNamedRedisIsUsed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(urlVariable, "redis://somewhere:1")
	if got := Redis(t); got != "redis://somewhere:1" {
		t.Errorf("got %q", got)
	}
}

func TestThePrivateRedisEndsWithItsLastUser(t *testing.T) {
	needServer(t)
	t.Setenv(urlVariable, "")
	var first string
	t.Run("users", func(t *testing.T) {
		first = Redis(t)
		if second := Redis(t); second != first {
			t.Errorf("two users, two servers: %s and %s", first, second)
		}
		if err := ping(t, first); err != nil {
			t.Error(err)
		}
	})
	if err := ping(t, first); err == nil {
		t.Error("it still answers")
	}
	if again := Redis(t); again == first {
		t.Error("the next one has the password of the first")
	}
}

func TestATestLeavesNoKeys(t *testing.T) {
	url := Redis(t)
	t.Setenv(urlVariable, url)
	client := connect(t, url)
	var prefix string
	other := keyPrefix()
	t.Run("writes", func(t *testing.T) {
		b := Real(t)
		prefix = b.KeyPrefix
		for _, key := range []string{prefix, "{" + prefix + ":x}:y", other} {
			if err := client.Set(t.Context(), key, "1", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Cleanup(func() { client.Del(context.Background(), other) })
	if keys := client.Keys(t.Context(), "*"+prefix+"*").Val(); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
	if n := client.Exists(t.Context(), other).Val(); n != 1 {
		t.Error("it removed what is not the test's")
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	b := Mini(t)
	p := NewProxy(t, b.URL)
	client := connect(t, p.URL())
	ctx := t.Context()
	if err := client.Ping(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	p.LoseReply()
	if err := client.Incr(ctx, "n").Err(); err == nil || !p.ReplyLost() {
		t.Errorf("a reply came: %v", err)
	}
	if n := client.Get(ctx, "n").Val(); n != "1" {
		t.Errorf("Redis has n=%q: it did not hear what it lost the reply to", n)
	}
	p.Cut()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Error("Redis answers through a cut")
	}
	p.Mend(t)
	if err := ping(t, p.URL()); err != nil {
		t.Errorf("mended: %v", err)
	}
}

func ping(t *testing.T, url string) error { return connect(t, url).Ping(t.Context()).Err() }

// connect returns a client that tries everything once.
func connect(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries = -1, 1
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestNoServerFilesStay(t *testing.T) {
	needServer(t)
	s, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	if _, err := os.Stat(s.folder); !os.IsNotExist(err) {
		t.Errorf("its folder stays: %v", err)
	}
}
