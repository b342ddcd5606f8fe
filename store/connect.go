package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Times and numbers of the ways to a Redis of several servers.
const (
	// sentinelTimeout bounds one way to the master: asking a Sentinel, and dialling
	// who it names. It is longer than go-redis takes to find that the Sentinel in
	// use hangs (a call and its repetition): only then it gives it up and asks the
	// others. With a shorter bound, one that hangs would keep the way closed for
	// good.
	sentinelTimeout = 2*callTimeout + dialTimeout
	// clusterRedirects is how often a call follows the cluster to another master,
	// or is repeated.
	clusterRedirects = 3
	// clusterReload is how long the client believes that the masters are who they
	// were. One that is gone does not tell who took its place.
	clusterReload = 3 * time.Second
)

// bufferSize is much less than go-redis takes by itself (32 KiB): most answers have a
// few hundred bytes.
const bufferSize = 8 << 10

// Ports where an address names none.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// Parameters of the URL.
const (
	addrParameter             = "addr"
	clusterParameter          = "cluster"
	databaseParameter         = "db"
	masterParameter           = "master_name"
	sentinelUserParameter     = "sentinel_username"
	sentinelPasswordParameter = "sentinel_password"
)

var parameters = []string{
	addrParameter, clusterParameter, databaseParameter, masterParameter, sentinelPasswordParameter, sentinelUserParameter,
}

// errURL says nothing of the URL: where a password holds a character that should
// have been escaped, what the parser takes for a port, a path or an option is a
// piece of the password.
var errURL = errors.New("redis url: want redis://[user:password@]host:port[/database], rediss:// or " + Memory +
	`, with each "/", "#", "?", "%", "@" and ":" of the password escaped (as %2F for "/")`)

// Errors of options that need others.
var (
	// ErrNoMaster: the Sentinels' own user or password is given, but not whose master they tell.
	ErrNoMaster = errors.New("redis url: credentials for Sentinels, but no " + masterParameter)
	// ErrNoTLS: authorities are given, but the URL does not ask for TLS.
	ErrNoTLS = errors.New("redis url: certificate authorities are given, but TLS begins with rediss://")
)

// Connections of one process at most, to each server. They are made when they are needed.
const (
	connectionsMax = 64
	// beatConnections are for the leases alone: however much waits for a connection, none of
	// them is lost by that.
	beatConnections = 2
)

// connect returns a client of the Redis at the address, which stands for o.URL, with so
// many connections at most, and its kind in a few words. It makes no connection.
func connect(o Options, address string, most int) (redis.UniversalClient, string, error) {
	c, cluster, err := clientOptions(o, address)
	if err == nil {
		c.PoolSize = most
	}
	switch {
	case err != nil:
		return nil, "", err
	case c.MasterName != "":
		failover := c.Failover()
		failover.DialTimeout = sentinelTimeout
		failover.Dialer = dialer(c.TLSConfig)
		return redis.NewFailoverClient(failover), "Sentinel, master " + c.MasterName, nil
	case cluster:
		options := c.Cluster()
		options.MaxRetries, options.MaxRedirects = -1, clusterRedirects // a redirect is a retry too
		options.ClusterStateReloadInterval = clusterReload
		options.DisableRoutingPolicies = true // a call goes where its key is, without asking for all COMMANDs first
		return redis.NewClusterClient(options), "Cluster", nil
	default:
		return redis.NewClient(c.Simple()), "single", nil
	}
}

// clientOptions reads the options, and reports whether they mean a cluster. A
// MasterName means Sentinels. Its errors show nothing that can be a secret.
func clientOptions(o Options, address string) (*redis.UniversalOptions, bool, error) {
	u, query, err := splitURL(address)
	if err != nil {
		return nil, false, err
	}
	server, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, false, errURL
	}
	cluster := false
	if given := query.Get(clusterParameter); given != "" {
		if cluster, err = strconv.ParseBool(given); err != nil {
			return nil, false, errors.New("redis url: " + clusterParameter + " is neither true nor false")
		}
	}
	var twice []string
	once := func(name, option string) string {
		parameter := query.Get(name)
		if parameter != "" && option != "" {
			twice = append(twice, name)
		}
		return option + parameter
	}
	c := &redis.UniversalOptions{
		DB: server.DB, Username: server.Username, Password: server.Password,
		MasterName:       once(masterParameter, o.MasterName),
		SentinelUsername: once(sentinelUserParameter, o.SentinelUsername),
		SentinelPassword: once(sentinelPasswordParameter, o.SentinelPassword),
		DialTimeout:      dialTimeout, DialerRetries: 1,
		ReadTimeout: callTimeout, WriteTimeout: callTimeout, ContextTimeoutEnabled: true,
		// Safe, since every script can be repeated.
		MaxRetries: 1,
		// Of each connection. What is larger goes through in pieces.
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
		// Neither is of use here, and an ACL would have to allow both.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	c.Addrs = []string{server.Addr}
	for _, further := range slices.Concat(query[addrParameter], o.Addrs) {
		further, err = withPort(further, c.MasterName != "")
		if err != nil {
			return nil, false, err
		}
		c.Addrs = append(c.Addrs, further)
	}
	if c.MasterName != "" && u.Port() == "" {
		c.Addrs[0] = net.JoinHostPort(u.Hostname(), sentinelPort)
	}
	if server.TLSConfig != nil {
		// No ServerName: each server must be who its own address says.
		c.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.CAs}
	}
	switch {
	case o.URL == Memory && (len(o.Addrs) > 0 || c.MasterName != "" || o.CAs != nil):
		return nil, false, errors.New("redis url: " + Memory + " has no further addresses, master or TLS")
	case len(twice) > 0:
		return nil, false, fmt.Errorf("redis url: %s is given twice: as a parameter and as an option; keep one of them", twice[0])
	case c.MasterName != "" && cluster:
		return nil, false, errors.New("redis url: it is either a cluster or a Sentinel's master, not both")
	case c.MasterName == "" && c.SentinelUsername+c.SentinelPassword != "":
		return nil, false, ErrNoMaster
	case c.TLSConfig == nil && o.CAs != nil:
		return nil, false, ErrNoTLS
	}
	cluster = cluster || c.MasterName == "" && len(c.Addrs) > 1
	if cluster && c.DB != 0 {
		return nil, false, errors.New("redis url: a cluster has no database but 0")
	}
	return c, cluster, nil
}

// splitURL takes the parameters that are not go-redis's own from the URL.
func splitURL(address string) (*url.URL, url.Values, error) {
	u, err := url.Parse(address)
	if err != nil || u.Fragment != "" {
		return nil, nil, errURL
	}
	if port := u.Port(); port != "" && !isPort(port) {
		if strings.Contains(u.Path+u.RawQuery, "@") {
			return nil, nil, errURL // it may be a piece of the password
		}
		return nil, nil, errors.New("redis url: the port is not from 1 to 65535")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, nil, errURL
	}
	for name := range query {
		switch {
		case slices.Contains(parameters, name):
		case strings.Contains(u.RawQuery, "@"):
			return nil, nil, errURL // the question mark may be one of the password
		default:
			return nil, nil, fmt.Errorf("redis url: unknown parameter %q: those of redis:// and rediss:// are %s", name, strings.Join(parameters, ", "))
		}
	}
	u.RawQuery = ""
	if query.Has(databaseParameter) {
		u.RawQuery = url.Values{databaseParameter: query[databaseParameter]}.Encode()
	}
	return u, query, nil
}

// withPort returns the address with a port.
func withPort(address string, sentinel bool) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), redisPort
		if sentinel {
			port = sentinelPort
		}
	}
	// Somebody may have written a user and a password before it.
	if !isPort(port) || host == "" || strings.ContainsAny(host, "@/ ") {
		return "", errors.New("redis url: a further address is not host:port")
	}
	return net.JoinHostPort(host, port), nil
}

func isPort(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return err == nil && number > 0
}

// IsAddress reports whether a text can be one of Options.Addrs.
func IsAddress(text string) bool {
	_, err := withPort(text, false)
	return err == nil
}

// dialer dials a Sentinel or a Redis. By itself go-redis would give one dial all
// of sentinelTimeout.
func dialer(t *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3, // as go-redis has it
	}}
	if t == nil {
		return plain.DialContext
	}
	return (&tls.Dialer{NetDialer: plain, Config: t}).DialContext
}

// Deployment says in a few words what kind of Redis it is.
func (s *Store) Deployment(ctx context.Context) (string, error) {
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		return s.kind, nil
	}
	var masters atomic.Int64
	err := cluster.ForEachMaster(ctx, func(context.Context, *redis.Client) error {
		masters.Add(1)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("ask the cluster for its masters: %w", err)
	}
	return fmt.Sprintf("Cluster, masters: %d", masters.Load()), nil
}
