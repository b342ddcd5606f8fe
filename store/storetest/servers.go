package storetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Times of what has no event to wait for.
const (
	// settlingWithin bounds how long servers take to know one another.
	settlingWithin = 30 * time.Second
	settlingTick   = 20 * time.Millisecond
)

// Server is a real Redis of the test's own, that the test may harm. It ends with
// the test.
type Server struct {
	*server
	t     testing.TB
	admin *redis.Client
	up    bool
}

// Own starts a Redis with these arguments of redis-server, or skips the test.
func Own(t testing.TB, arguments ...string) *Server {
	t.Helper()
	return own(t, server{password: rand.Text(), arguments: arguments})
}

func own(t testing.TB, how server) *Server {
	t.Helper()
	needServer(t)
	started, err := startAs(how)
	if err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	s := &Server{server: started, t: t, up: true}
	s.admin = redis.NewClient(&redis.Options{Addr: s.address(), Password: how.password, DialerRetries: 1})
	t.Cleanup(func() {
		_ = s.admin.Close()
		s.Kill()
	})
	return s
}

// URL returns its Redis URL.
func (s *Server) URL() string { return s.url }

// Address returns its host and port.
func (s *Server) Address() string { return s.address() }

// Password returns the password of its default user.
func (s *Server) Password() string { return s.password }

// Do has the server do something, as its administrator, and returns the answer.
func (s *Server) Do(arguments ...any) any {
	s.t.Helper()
	answer, err := s.admin.Do(s.t.Context(), arguments...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("%v: %v", arguments, err)
	}
	return answer
}

// Info returns a line of INFO.
func (s *Server) Info(line string) string {
	s.t.Helper()
	for each := range strings.Lines(fmt.Sprint(s.Do("INFO"))) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(each), line+":"); ok {
			return value
		}
	}
	return ""
}

// hasReplica reports whether a replica follows the server, of which nothing is kept.
// A replica that is "online" may have acknowledged what its first copy held, and
// get nothing new for a second: it must acknowledge a write from after that.
func (s *Server) hasReplica() bool {
	s.t.Helper()
	for range 2 {
		s.Do("FLUSHALL")
		if s.Do("WAIT", 1, 1000).(int64) != 1 {
			return false
		}
	}
	return true
}

// Kill ends the server as a power cut would: with kill -9.
func (s *Server) Kill() {
	if s.up {
		s.up = false
		s.stop()
	}
}

// Restart starts the server that was killed again, with nothing in it.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("start redis-server again: %v", err)
	}
	s.up = true
}

// Hang stops the server's clock, as a machine that is gone from the network: it
// neither answers nor closes connections. It goes on with the function that is
// returned, or with the end of the test.
func (s *Server) Hang() (goOn func()) {
	s.t.Helper()
	pid, err := strconv.Atoi(s.Info("process_id"))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	goOn = sync.OnceFunc(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	s.t.Cleanup(goOn)
	return goOn
}

// Replicated is a master with one replica, watched by Sentinels.
type Replicated struct {
	Master, Replica *Server
	Sentinels       []*Server
	// Name is that of the master, and SentinelPassword that of the Sentinels.
	Name, SentinelPassword string
}

// NewReplicated starts the servers, with that many Sentinels, and waits until they
// know one another. A master that is away for half a second is replaced.
func NewReplicated(t testing.TB, sentinels int) *Replicated {
	t.Helper()
	password := rand.Text()
	start := func(arguments ...string) *Server {
		return own(t, server{password: password, arguments: append(arguments, "--repl-diskless-sync-delay", "0")})
	}
	r := &Replicated{Name: "whoread-master", SentinelPassword: rand.Text(), Master: start()}
	port := strconv.Itoa(r.Master.ports[0])
	r.Replica = start("--replicaof", loopback, port)
	settle(t, "the replica is up to date", r.Master.hasReplica)
	for range sentinels {
		r.Sentinels = append(r.Sentinels, own(t, server{password: r.SentinelPassword, sentinel: strings.Join([]string{
			"requirepass " + r.SentinelPassword,
			fmt.Sprintf("sentinel monitor %s %s %s 1", r.Name, loopback, port),
			"sentinel auth-pass " + r.Name + " " + password,
			"sentinel down-after-milliseconds " + r.Name + " 500",
			"sentinel failover-timeout " + r.Name + " 3000",
		}, "\n") + "\n"}))
	}
	settle(t, "the Sentinels know the replica and one another", func() bool {
		for _, s := range r.Sentinels {
			about := fmt.Sprint(s.Do("SENTINEL", "MASTER", r.Name))
			if !strings.Contains(about, "num-slaves:1") || !strings.Contains(about, fmt.Sprint("num-other-sentinels:", sentinels-1)) {
				return false
			}
		}
		return true
	})
	return r
}

// URL returns the Redis URL, whose addresses are those of the Sentinels.
func (r *Replicated) URL() string {
	query := url.Values{"master_name": {r.Name}, "sentinel_password": {r.SentinelPassword}}
	for _, further := range r.Sentinels[1:] {
		query.Add("addr", further.Address())
	}
	return fmt.Sprintf("redis://:%s@%s/0?%s", r.Master.Password(), r.Sentinels[0].Address(), query.Encode())
}

// Clustered is a Redis Cluster of three masters.
type Clustered struct {
	Masters  []*Server
	Replicas []*Server
}

// slots is how many a cluster has.
const slots = 16384

// NewClustered starts three masters, with a third of the slots each, and a replica
// of each if replicated. A master that is away for a second is replaced.
func NewClustered(t testing.TB, replicated bool) *Clustered {
	t.Helper()
	const masters = 3
	n := masters
	if replicated {
		n += masters
	}
	password := rand.Text()
	all := make([]*Server, n)
	for i := range all {
		all[i] = own(t, server{password: password, arguments: []string{
			"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0",
		}})
		if i < masters {
			all[i].Do("CLUSTER", "ADDSLOTSRANGE", i*slots/masters, (i+1)*slots/masters-1)
		}
		all[i].Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
	}
	for _, other := range all[1:] {
		all[0].Do("CLUSTER", "MEET", loopback, other.ports[0], other.ports[1])
	}
	c := &Clustered{Masters: all[:masters], Replicas: all[masters:]}
	settle(t, "the servers are a cluster", func() bool {
		for _, s := range all {
			about := fmt.Sprint(s.Do("CLUSTER", "INFO"))
			if !strings.Contains(about, "cluster_state:ok") || !strings.Contains(about, fmt.Sprint("cluster_known_nodes:", n)) {
				return false
			}
		}
		return true
	})
	for i, replica := range c.Replicas {
		replica.Do("CLUSTER", "REPLICATE", c.Masters[i].Do("CLUSTER", "MYID"))
	}
	settle(t, "the replicas are up to date", func() bool {
		for i := range c.Replicas {
			if !c.Masters[i].hasReplica() {
				return false
			}
			// Every server must know whose replica it is, to let it take over.
			for _, s := range all {
				if strings.Count(fmt.Sprint(s.Do("CLUSTER", "NODES")), "slave ") != masters {
					return false
				}
			}
		}
		return true
	})
	return c
}

// URL returns the Redis URL of the cluster.
func (c *Clustered) URL() string {
	query := url.Values{}
	for _, further := range c.Masters[1:] {
		query.Add("addr", further.Address())
	}
	return fmt.Sprintf("redis://:%s@%s?%s", c.Masters[0].Password(), c.Masters[0].Address(), query.Encode())
}

// Of returns which master has the slot of the key: its number.
func (c *Clustered) Of(key string) int {
	slot := c.Masters[0].Do("CLUSTER", "KEYSLOT", key).(int64)
	for i := range c.Masters {
		if slot < int64((i+1)*slots/len(c.Masters)) {
			return i
		}
	}
	panic("unreachable")
}

// Secured is a Redis that speaks TLS, and without it on another port only to the
// test.
type Secured struct {
	*Server
	// CAFile is the path of the certificate authority that vouches for it, and CAs
	// holds it.
	CAFile string
	CAs    *x509.CertPool
	port   int
}

// URL returns its Redis URL, with TLS.
func (s *Secured) URL() string {
	return fmt.Sprintf("rediss://:%s@%s:%d", s.Password(), loopback, s.port)
}

// NewSecured starts a Redis whose certificate is for this host name or address.
func NewSecured(t testing.TB, host string, arguments ...string) *Secured {
	t.Helper()
	needServer(t)
	folder := t.TempDir()
	file := func(name string, kind string, der []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	authorityKey, serverKey := newKey(t), newKey(t)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		certificate.IPAddresses = []net.IP{ip}
	} else {
		certificate.DNSNames = []string{host}
	}
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	certificateDER, err := x509.CreateCertificate(rand.Reader, certificate, authority, serverKey.Public(), authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	s := &Secured{CAFile: file("ca.pem", "CERTIFICATE", authorityDER), CAs: x509.NewCertPool()}
	parsed, err := x509.ParseCertificate(authorityDER)
	if err != nil {
		t.Fatal(err)
	}
	s.CAs.AddCert(parsed)
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = Own(t, append([]string{
		"--tls-port", strconv.Itoa(ports[0]), "--tls-auth-clients", "no", "--tls-ca-cert-file", s.CAFile,
		"--tls-cert-file", file("server.pem", "CERTIFICATE", certificateDER), "--tls-key-file", file("server.key", "PRIVATE KEY", keyDER),
	}, arguments...)...)
	s.port = ports[0]
	return s
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// settle waits for what servers tell nobody.
func settle(t testing.TB, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), settlingWithin)
	defer cancel()
	tick := time.NewTicker(settlingTick)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never came: %s", what)
		}
	}
}
