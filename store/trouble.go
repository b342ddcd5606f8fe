package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Trouble is why a call to Redis failed, as far as somebody can do something
// about it.
type Trouble string

// The troubles.
const (
	OtherTrouble      Trouble = ""
	NoSuchHost        Trouble = "no such host"       // no address is known of its name
	NoRedis           Trouble = "no Redis"           // what answers there speaks another protocol
	Unreachable       Trouble = "unreachable"        // nobody listens there, or answers in time; or it speaks no TLS, and is asked to
	HangsUp           Trouble = "hangs up"           // it ends connections: it speaks only TLS, or goes down
	NoPassword        Trouble = "no password"        // it wants one
	WrongPassword     Trouble = "wrong password"     // or a user that does not exist or is switched off
	NotPermitted      Trouble = "not permitted"      // by the user's ACL
	OutOfMemory       Trouble = "out of memory"      // maxmemory is reached, and nothing may be evicted
	ReadOnly          Trouble = "read only"          // it is a replica
	NoReplicas        Trouble = "no replicas"        // fewer than min-replicas-to-write
	DiskFull          Trouble = "disk"               // it can't save, and takes no writes until it can
	Loading           Trouble = "loading"            // it reads its data
	ClusterDown       Trouble = "cluster down"       // a part of the cluster is missing
	IsCluster         Trouble = "is a cluster"       // and is used as a single one
	IsNoCluster       Trouble = "is no cluster"      // and is used as one
	IsSentinel        Trouble = "is a Sentinel"      // and is used as a Redis
	UnknownMaster     Trouble = "unknown master"     // the Sentinels know none of that name
	UntrustedTLS      Trouble = "untrusted TLS"      // nobody who is trusted vouches for its certificate
	WrongName         Trouble = "wrong name"         // its certificate is for another host
	ClientCertificate Trouble = "client certificate" // it wants one
	NoSuchDatabase    Trouble = "no such database"
)

// troubles are what the errors of Redis, and of go-redis where it keeps no type,
// hold. The first that fits counts.
var troubles = []struct {
	part string
	is   Trouble
}{
	{"redis: can't parse", NoRedis},
	{"NOAUTH", NoPassword},
	{"without any password configured", WrongPassword}, // a password, where there is none
	{"WRONGPASS", WrongPassword},
	{"invalid password", WrongPassword},
	{"NOPERM", NotPermitted},
	{"OOM ", OutOfMemory},
	{"READONLY", ReadOnly},
	{"NOREPLICAS", NoReplicas},
	{"MISCONF", DiskFull},
	{"LOADING", Loading},
	{"MASTERDOWN", Loading},
	{"CLUSTERDOWN", ClusterDown},
	{"MOVED ", IsCluster},
	{"cluster support disabled", IsNoCluster},
	{"unknown command", IsSentinel},
	{"DB index", NoSuchDatabase},
	{"SELECT is not allowed in cluster mode", IsCluster},
	{"certificate required", ClientCertificate},
	{"bad certificate", ClientCertificate},
}

// TroubleOf tells why a call to Redis failed.
func TroubleOf(err error) Trouble {
	if err == nil {
		return OtherTrouble
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return WrongName
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return UntrustedTLS
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return NoSuchHost
	}
	text := err.Error()
	for _, t := range troubles {
		if strings.Contains(text, t.part) {
			return t.is
		}
	}
	if errors.Is(err, redis.Nil) {
		return UnknownMaster
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return HangsUp
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return Unreachable
	}
	return OtherTrouble
}
