package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Memory is the URL of the embedded Redis. What it keeps ends with the process.
const Memory = "memory://"

// Timeouts towards Redis. A frame must be acknowledged within 3 s, and the
// person be told if Redis does not answer.
const (
	dialTimeout = time.Second
	callTimeout = 2 * time.Second
)

// Options say where the records are kept and for how long.
type Options struct {
	// URL is redis://, rediss:// or Memory. It may hold a password, which no
	// error shows.
	URL string
	// KeyPrefix begins every key; bots that share a Redis need different ones.
	KeyPrefix string
	// KeepFor is how long a message and what is known of it are kept.
	KeepFor time.Duration
	// Hook is told of every command, before and after; nil for none.
	Hook redis.Hook
}

// Store keeps whoread's records. It implements receipts.Records and the smaller
// interfaces of records there, and is safe for concurrent use.
type Store struct {
	rdb      redis.UniversalClient
	keys     keyspace
	keepFor  time.Duration
	embedded *embedded // nil with a Redis of its own
}

// errURL says nothing of the URL: where a password holds a character that should
// have been escaped, what the parser takes for a port, a path or an option is a
// piece of the password.
var errURL = errors.New("redis url: want redis://[user:password@]host:port[/database], rediss:// or " + Memory +
	`, with each "/", "#", "?", "%", "@" and ":" of the password escaped (as %2F for "/")`)

// quiet drops what go-redis would write to stderr beside the log: every error
// comes back from the call that it is about. Its logger is a global of the
// library, so that it is set once for the process.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// Open returns a store. It makes no connection: Ping tells whether Redis
// answers.
func Open(o Options) (*Store, error) {
	quiet()
	s := &Store{keys: keyspace{o.KeyPrefix}, keepFor: o.KeepFor}
	address := o.URL
	if address == Memory {
		embedded, err := startEmbedded()
		if err != nil {
			return nil, fmt.Errorf("start the embedded Redis: %w", err)
		}
		s.embedded, address = embedded, embedded.url
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.Join(errURL, s.Close())
	}
	s.rdb = redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: []string{options.Addr}, DB: options.DB, TLSConfig: options.TLSConfig,
		Username: options.Username, Password: options.Password,
		DialTimeout: dialTimeout, DialerRetries: 1,
		ReadTimeout: callTimeout, WriteTimeout: callTimeout, ContextTimeoutEnabled: true,
		// Safe, since every script can be repeated.
		MaxRetries: 1,
	})
	if o.Hook != nil {
		s.rdb.AddHook(o.Hook)
	}
	return s, nil
}

// Close ends all connections, and the embedded Redis with what it keeps.
func (s *Store) Close() error {
	var err error
	if s.rdb != nil {
		err = s.rdb.Close()
	}
	if s.embedded != nil {
		s.embedded.stop()
	}
	return err
}

// Ping tells whether Redis answers and can be written to.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.rdb.Set(ctx, s.keys.inbox().ping(), "1", time.Minute).Err(); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}

// Version returns the version that Redis says it has.
func (s *Store) Version(ctx context.Context) (string, error) {
	info, err := s.rdb.Info(ctx, "server").Result()
	if err != nil {
		return "", fmt.Errorf("ask Redis for its version: %w", err)
	}
	for line := range strings.Lines(info) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
			return version, nil
		}
	}
	return "", errors.New("no version in the answer of Redis")
}
