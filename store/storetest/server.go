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
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// clusterTick is how often a new cluster is asked whether it is ready: Redis
// takes 2 s to trust itself, and says so nowhere else.
const clusterTick = 50 * time.Millisecond

// guard is a shell that runs a Redis in the folder $1 for as long as its standard
// input is open, and removes both: they end even with a test binary that is
// killed.
const guard = `folder=$1; shift; redis-server "$@" --dir "$folder" & exec >&- 2>&-; read -r _; kill -9 $!; wait; rm -rf "$folder"`

// server is a Redis on a loopback port, with a password and without persistence.
type server struct {
	url    string
	folder string
	alive  io.Closer // ends the server
	shell  *exec.Cmd
	log    chan struct{} // closed when the log has ended
}

// startServer starts a Redis and waits until it takes connections. Another
// program may take the port first: then it tries with another.
func startServer(arguments ...string) (*server, error) {
	var failures []error
	for range 3 {
		s, err := tryServer(arguments)
		if err == nil {
			return s, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func tryServer(arguments []string) (*server, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "whoread-redis-")
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	s := &server{
		url:    fmt.Sprintf("redis://:%s@127.0.0.1:%d/0", password, ports[0]),
		folder: folder, log: make(chan struct{}),
	}
	s.shell = exec.CommandContext(context.Background(), "sh", append([]string{
		"-c", guard, "redis-server", folder,
		"--bind", "127.0.0.1", "--port", strconv.Itoa(ports[0]), "--cluster-port", strconv.Itoa(ports[1]),
		"--requirepass", password, "--save", "", "--appendonly", "no", "--logfile", "",
	}, arguments...)...)
	output, input, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s.shell.Stdout, s.shell.Stderr = input, input
	s.alive, err = s.shell.StdinPipe()
	if err == nil {
		err = s.shell.Start()
	}
	_ = input.Close()
	if err != nil {
		return nil, errors.Join(err, output.Close(), os.RemoveAll(folder))
	}
	lines := bufio.NewScanner(output)
	ready := false
	var said []string
	for !ready && lines.Scan() {
		said = append(said, lines.Text())
		ready = strings.Contains(lines.Text(), "Ready to accept connections")
	}
	go func() {
		defer close(s.log)
		_, _ = io.Copy(io.Discard, output)
		_ = output.Close()
	}()
	if !ready {
		s.stop()
		return nil, fmt.Errorf("redis-server ended: %s", strings.Join(said, "\n"))
	}
	return s, nil
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
