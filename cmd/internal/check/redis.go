package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"whoread/cmd/internal/app"
	"whoread/store"
)

// slowRedis is how long a call of Redis may take: a command needs some ten, and DingTalk
// waits three seconds for the first of them.
const slowRedis = 50 * time.Millisecond

// oldestRedis is the first version that knows every command that is needed.
var oldestRedis = [2]int{6, 2}

// checkRedis looks whether Redis takes the records, and keeps them.
func (c *checker) checkRedis(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	further := []string{"redis-version", "redis-rights", "redis-eviction", "redis-persistence", "redis-latency"}
	if c.config.Redis.URL == store.Memory {
		c.report.add(Finding{
			ID: "redis", Status: Doubtful, Detail: "embedded (memory://): everything known is lost when the process ends", Remedy: "set redis.url for more than a try",
		})
		return
	}
	failed := func(err error) {
		c.report.add(Finding{ID: "redis", Status: Wrong, Detail: err.Error(), Remedy: redisRemedies[store.TroubleOf(err)]})
		c.report.notChecked("Redis can't be used", further...)
	}
	records, err := app.OpenStore(c.config, nil, nil)
	if err != nil {
		failed(err)
		return
	}
	c.records = records
	err = records.Ping(ctx)
	var condition store.Condition
	if err == nil {
		condition, err = records.Inspect(ctx)
	}
	if err != nil {
		c.records = nil
		_ = records.Close() // it is not used
		failed(err)
		return
	}
	c.report.ok("redis", "answers and takes writes (%s)", condition.Kind)
	c.report.add(judgeVersion(condition.Servers))
	c.report.add(judgeRights(condition.Refused))
	c.report.add(judgeEviction(condition.Servers))
	c.report.add(judgePersistence(condition.Servers))
	f := Finding{ID: "redis-latency", Status: Right, Detail: fmt.Sprintf("%.1f ms a call", float64(condition.Latency)/float64(time.Millisecond))}
	if condition.Latency > slowRedis {
		f.Status, f.Remedy = Doubtful, "run Redis closer to the bot: DingTalk waits three seconds for a command to be taken"
	}
	c.report.add(f)
}

// worstOf looks at one thing of every server, and finds the first that is as bad as it
// gets.
func worstOf(servers []store.Server, judge func(store.Server) Finding) Finding {
	worst := Finding{Status: Right}
	bad := map[Verdict]int{Right: 0, Unknown: 1, Doubtful: 2, Wrong: 3}
	for n, server := range servers {
		if f := judge(server); n == 0 || bad[f.Status] > bad[worst.Status] {
			worst = f
		}
	}
	return worst
}

func judgeVersion(servers []store.Server) Finding {
	return worstOf(servers, func(s store.Server) Finding {
		f := Finding{ID: "redis-version", Status: Right, Detail: s.Version}
		if s.Version == "" {
			f.Status, f.Detail = Unknown, "Redis does not tell its version; it must be 6.2 or newer"
		} else if olderThan(s.Version, oldestRedis) {
			f.Status, f.Remedy = Wrong, "install Redis 6.2 or newer"
		}
		return f
	})
}

func olderThan(version string, oldest [2]int) bool {
	parts := strings.SplitN(version+".0", ".", 3)
	major, err := strconv.Atoi(parts[0])
	minor, minorErr := strconv.Atoi(parts[1])
	if err != nil || minorErr != nil {
		return false
	}
	return major < oldest[0] || major == oldest[0] && minor < oldest[1]
}

func judgeRights(refused []string) Finding {
	if len(refused) == 0 {
		return Finding{ID: "redis-rights", Status: Right, Detail: "the user may use every command and key that is needed"}
	}
	return Finding{
		ID: "redis-rights", Status: Wrong, Detail: "the user of redis.url may not: " + strings.Join(refused, " "),
		Remedy: "ACL SETUSER NAME " + strings.Join(refused, " ") + " (and ACL SAVE or the ACL file); README.md, Operations, has the whole rule",
	}
}

func judgeEviction(servers []store.Server) Finding {
	return worstOf(servers, func(s store.Server) Finding {
		f := Finding{ID: "redis-eviction", Status: Right, Detail: "a full memory evicts no records"}
		if s.Eviction != "" && s.Eviction != "noeviction" {
			f.Status, f.Detail = Doubtful, "maxmemory-policy is "+s.Eviction+": when the memory is full, records disappear"
			f.Remedy = "CONFIG SET maxmemory-policy noeviction, and in redis.conf"
		} else if s.Version == "" { // then it tells nothing else either
			f.Status, f.Detail = Unknown, "Redis does not tell its maxmemory-policy; it should be noeviction"
		}
		return f
	})
}

func judgePersistence(servers []store.Server) Finding {
	return worstOf(servers, func(s store.Server) Finding {
		f := Finding{ID: "redis-persistence", Status: Right}
		switch s.Persistence {
		case store.AppendLog:
			f.Detail = "append-only file: a restart loses a second at most"
		case store.Snapshots:
			f.Status, f.Detail = Doubtful, "snapshots only: a crash loses what came after the last one, the numbers of messages among it"
			f.Remedy = "appendonly yes in redis.conf (first CONFIG SET appendonly yes, while it runs)"
		case store.Nothing:
			f.Status, f.Detail = Doubtful, "nothing is written to disk: a restart of Redis loses everything"
			f.Remedy = "appendonly yes in redis.conf (first CONFIG SET appendonly yes, while it runs)"
		default:
			f.Status, f.Detail = Unknown, "the user may not ask for it (CONFIG GET save); it should be an append-only file"
		}
		return f
	})
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
