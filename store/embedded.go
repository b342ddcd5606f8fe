package store

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// embeddedTick is how often the embedded Redis is told that time has passed.
// miniredis expires nothing by itself.
const embeddedTick = 200 * time.Millisecond

// embedded is a miniredis on a loopback port, behind a password of its own so
// that no other program on the machine uses it.
type embedded struct {
	server *miniredis.Miniredis
	url    string
	quit   chan struct{}
	done   chan struct{}
}

func startEmbedded() (*embedded, error) {
	e := &embedded{server: miniredis.NewMiniRedis(), quit: make(chan struct{}), done: make(chan struct{})}
	password := rand.Text()
	e.server.RequireAuth(password)
	if err := e.server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, err
	}
	e.url = fmt.Sprintf("redis://:%s@%s", password, e.server.Addr())
	go e.tick()
	return e, nil
}

func (e *embedded) tick() {
	defer close(e.done)
	ticker := time.NewTicker(embeddedTick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case now := <-ticker.C:
			e.server.FastForward(now.Sub(last))
			last = now
		case <-e.quit:
			return
		}
	}
}

func (e *embedded) stop() {
	close(e.quit)
	<-e.done
	e.server.Close()
}
