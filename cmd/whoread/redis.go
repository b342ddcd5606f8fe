package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/store"
)

// open opens the store, which keeps messages for that time.
func (r *redisConfig) open(keepFor time.Duration, hook redis.Hook, observe func(took time.Duration, failed bool)) (*store.Store, error) {
	authorities, err := readCAs(r.TLSCAFile)
	if err != nil {
		return nil, fmt.Errorf("redis.tls_ca_file: %w", err)
	}
	return store.Open(store.Options{
		URL: string(r.URL), Addrs: r.Addrs, MasterName: r.MasterName,
		SentinelUsername: r.SentinelUsername, SentinelPassword: string(r.SentinelPassword),
		CAs: authorities, KeyPrefix: r.KeyPrefix, KeepFor: keepFor, Hook: hook, Observe: observe,
	})
}

// readCAs reads the certificates of authorities; nil without a file.
func readCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	content, err := readFile(file, configMax)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("holds no certificate (PEM); give the file of the authority that signed Redis's")
	}
	return pool, nil
}

// redisRemedies say where a refusal of Redis's is put right.
var redisRemedies = map[store.Trouble]string{
	store.OtherTrouble:      "look into the log of Redis",
	store.Unreachable:       "start Redis, or correct the address in redis.url; is it TLS (rediss://) on one side only?",
	store.NoSuchHost:        "correct the host in redis.url and redis.addrs: this machine finds no address of it (DNS, /etc/hosts)",
	store.NoRedis:           "correct the host and port in redis.url: what answers there is no Redis",
	store.HangsUp:           "see whether Redis speaks TLS only (then redis.url begins with rediss://), and whether it stays up",
	store.NoPassword:        "give the user and password in redis.url (and redis.sentinel_password, where the Sentinels want one)",
	store.WrongPassword:     "correct the user and password in redis.url (and redis.sentinel_password); escape special characters of it (%2F for /)",
	store.NotPermitted:      "give the user the rights of README.md, Operations, and keys that begin with redis.key_prefix",
	store.OutOfMemory:       "raise maxmemory of Redis, or free memory; until then the bot does nothing and says so",
	store.ReadOnly:          "this is a replica: give the master's address in redis.url, or its Sentinels and redis.master_name",
	store.NoReplicas:        "start the replicas that min-replicas-to-write asks for",
	store.DiskFull:          "free disk space for Redis: it can't save, and takes no writes until it can",
	store.Loading:           "Redis loads its data: check again in a moment",
	store.ClusterDown:       "a part of the cluster is missing: redis-cli --cluster check HOST:PORT tells which",
	store.IsCluster:         "this is a cluster: add ?cluster=true to redis.url, or further addresses in redis.addrs; it has no database but 0",
	store.IsNoCluster:       "this is no cluster: leave out redis.addrs and cluster=true, or name redis.master_name if these are Sentinels",
	store.IsSentinel:        "if this is a Sentinel, say which master: redis.master_name; a Redis must be 6.2 or newer",
	store.UnknownMaster:     "correct redis.master_name: SENTINEL MASTERS tells the names",
	store.UntrustedTLS:      "give the certificate of the authority that signed Redis's in redis.tls_ca_file, and see that neither has expired",
	store.WrongName:         "use the host name of Redis's certificate in redis.url and redis.addrs, or give it one with this name",
	store.ClientCertificate: "set tls-auth-clients to no in Redis: whoread has no certificate of its own, but a password",
	store.NoSuchDatabase:    "correct the database (the number at the end of redis.url)",
}
