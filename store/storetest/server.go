package storetest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const loopback = "127.0.0.1"

// clusterTick is how often a new cluster is asked whether it is ready: Redis
// takes 2 s to trust itself, and says so nowhere else.
const clusterTick = 50 * time.Millisecond

// guard is a shell that runs a Redis in the folder $1 for as long as its standard
// input is open, and removes both: they end even with a test binary that is
// killed.
const guard = `folder=$1; shift; redis-server "$@" --dir "$folder" & exec >&- 2>&-; read -r _; kill -9 $!; wait; rm -rf "$folder"`

// server is a Redis on a loopback port, with a password and without persistence.
type server struct {
	url       string
	ports     []int // its own, and that of the cluster's bus
	password  string
	arguments []string
	sentinel  string // the configuration of a Sentinel; empty for a Redis

	folder string
	alive  io.Closer // ends the server
	shell  *exec.Cmd
	log    chan struct{} // closed when the log has ended
}

// startServer starts a Redis and waits until it takes connections. Another
// program may take the port first: then it tries with another.
func startServer(arguments ...string) (*server, error) {
	return startAs(server{password: rand.Text(), arguments: arguments})
}

func startAs(s server) (*server, error) {
	var failures []error
	for range 3 {
		ports, err := freePorts(2)
		if err != nil {
			return nil, err
		}
		s.ports = ports
		s.url = fmt.Sprintf("redis://:%s@%s/0", s.password, s.address())
		if err = s.start(); err == nil {
			return &s, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func (s *server) address() string { return net.JoinHostPort(loopback, strconv.Itoa(s.ports[0])) }

// start runs the server, with nothing on disk, and waits until it is ready. A
// server that was stopped can be started again, at its port.
func (s *server) start() error {
	folder, err := os.MkdirTemp("", "whoread-redis-")
	if err != nil {
		return err
	}
	s.folder, s.log = folder, make(chan struct{})
	ready := "Ready to accept connections"
	command := []string{"-c", guard, "redis-server", folder}
	if s.sentinel != "" {
		ready = "+monitor master"
		file := filepath.Join(folder, "sentinel.conf") // which it writes to
		if err := os.WriteFile(file, fmt.Appendf(nil, "bind %s\nport %d\n%s", loopback, s.ports[0], s.sentinel), 0o600); err != nil {
			return err
		}
		command = append(command, file, "--sentinel")
	} else {
		command = append(command,
			"--bind", loopback, "--port", strconv.Itoa(s.ports[0]), "--cluster-port", strconv.Itoa(s.ports[1]),
			"--requirepass", s.password, "--masterauth", s.password, "--save", "", "--appendonly", "no", "--logfile", "")
	}
	s.shell = exec.CommandContext(context.Background(), "sh", append(command, s.arguments...)...)
	output, input, err := os.Pipe()
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	s.shell.Stdout, s.shell.Stderr = input, input
	s.alive, err = s.shell.StdinPipe()
	if err == nil {
		err = s.shell.Start()
	}
	_ = input.Close()
	if err != nil {
		return errors.Join(err, output.Close(), os.RemoveAll(folder))
	}
	lines := bufio.NewScanner(output)
	isReady := false
	var said []string
	for !isReady && lines.Scan() {
		said = append(said, lines.Text())
		isReady = strings.Contains(lines.Text(), ready)
	}
	go func() {
		defer close(s.log)
		_, _ = io.Copy(io.Discard, output)
		_ = output.Close()
	}()
	if !isReady {
		s.stop()
		return fmt.Errorf("redis-server ended: %s", strings.Join(said, "\n"))
	}
	return nil
}

// stop ends the server and waits for its end.
func (s *server) stop() {
	_ = s.alive.Close()
	_ = s.shell.Wait() // it was killed: that is no failure
	<-s.log
}

// ownAllSlots makes the server a cluster by itself.
func (s *server) ownAllSlots(ctx context.Context) (err error) {
	options, err := redis.ParseURL(s.url)
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := client.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(clusterTick)
	defer tick.Stop()
	for {
		info, err := client.ClusterInfo(ctx).Result()
		if err != nil {
			return err
		}
		if strings.Contains(info, "cluster_state:ok") {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the cluster is not ready")
		}
	}
}

// freePorts returns ports that nobody listens on, all different.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
