package store

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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
	// URL is redis:// or rediss:// (TLS) for a Redis, or Memory. It may hold a user
	// and a password, which no error shows. These parameters make it more than one
	// server, and any other is an error:
	//
	//   - addr, as often as there are further addresses (host:port): a cluster, or
	//     the Sentinels.
	//   - cluster=true: a cluster, though only one of its addresses is given. Its
	//     one database is 0.
	//   - master_name: the addresses, that of the URL too, are Sentinels (port 26379
	//     if none is given), and the Redis is the master that they know by that name.
	//     User, password and database are the master's.
	//   - sentinel_username, sentinel_password: the Sentinels' own, if they have any.
	//   - db: the database, as the path of the URL.
	URL string
	// Addrs are like the parameter addr, and MasterName, SentinelUsername and
	// SentinelPassword like the parameters of that name, for who does not want them
	// in the URL. No error shows the password.
	Addrs            []string
	MasterName       string
	SentinelUsername string
	SentinelPassword string
	// CAs vouch for the servers of rediss://; nil stands for those of the machine.
	CAs *x509.CertPool
	// KeyPrefix begins every key; bots that share a Redis need different ones.
	KeyPrefix string
	// KeepFor is how long a message and what is known of it are kept.
	KeepFor time.Duration
	// Observe is told how long each call took and whether it failed, from any goroutine;
	// nil for nobody. Calls that wait for work are not told of.
	Observe func(took time.Duration, failed bool)
	// Hook is told of every command, before and after; nil for none.
	Hook redis.Hook
}

// Store keeps whoread's records. It implements receipts.Records and the smaller
// interfaces of records there, and is safe for concurrent use.
type Store struct {
	rdb      redis.UniversalClient
	beats    redis.UniversalClient // of the leases alone
	keys     keyspace
	keeping  atomic.Int64 // nanoseconds; see keepFor
	kind     string       // of Redis, in a few words
	embedded *embedded    // nil with a Redis of its own
}

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
	s := &Store{keys: keyspace{o.KeyPrefix}}
	s.SetKeepFor(o.KeepFor)
	address := o.URL
	if address == Memory {
		embedded, err := startEmbedded()
		if err != nil {
			return nil, fmt.Errorf("start the embedded Redis: %w", err)
		}
		s.embedded, address = embedded, embedded.url
	}
	for client, most := range map[*redis.UniversalClient]int{&s.rdb: connectionsMax, &s.beats: beatConnections} {
		rdb, kind, err := connect(o, address, most)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		rdb.AddHook(fence{}) // before the others: what it refuses never was a call
		if o.Observe != nil {
			rdb.AddHook(observing{o.Observe})
		}
		if o.Hook != nil {
			rdb.AddHook(o.Hook)
		}
		*client, s.kind = rdb, kind
	}
	return s, nil
}

// SetKeepFor changes Options.KeepFor, for what is written from now on.
func (s *Store) SetKeepFor(d time.Duration) { s.keeping.Store(int64(d)) }

func (s *Store) keepFor() time.Duration { return time.Duration(s.keeping.Load()) }

// Close ends all connections, and the embedded Redis with what it keeps.
func (s *Store) Close() error {
	var err error
	for _, client := range []redis.UniversalClient{s.rdb, s.beats} {
		if client != nil {
			err = errors.Join(err, client.Close())
		}
	}
	if s.embedded != nil {
		s.embedded.stop()
	}
	return err
}

// Ping reports whether Redis answers and can be written to.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.rdb.Set(ctx, s.keys.inbox().ping(), "1", time.Minute).Err(); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}

// Time returns what Redis's clock shows, of a cluster that of any of its servers.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	at, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("ask Redis for its time: %w", err)
	}
	return at, nil
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
