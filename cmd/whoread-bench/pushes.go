package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"whoread/cmd/internal/app"
	"whoread/cmd/internal/config"
	"whoread/cmd/internal/demo"
	"whoread/cmd/internal/ops"
	"whoread/receipts"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store"
)

// benchPushes measures how many pushed reads are acknowledged and stored in a second,
// and by turns how many a bare client stores.
func (b *bench) benchPushes(ctx context.Context) (err error) {
	rounds, messages, readers := b.pick(5, 1), b.pick(4, 2), b.pick(5_000, 500)
	p, err := newPusher(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	c := demo.Config(dingtalktest.New(dingtalktest.Options{}))
	c.DingTalk.APIURL, c.DingTalk.OapiURL = p.url, p.url
	c.Redis.URL, c.Redis.KeyPrefix = config.RedisURL(b.redis), keyPrefix+rand.Text()
	a, err := app.New(c, app.DefaultEnv("bench"), b.log, ops.NewMetrics("bench"))
	if err != nil {
		return err
	}
	records, err := app.OpenStore(c, nil, nil)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended, a.Close(), records.Close(), b.sweepKeys(ctx, c.Redis.KeyPrefix))
	}()

	ws, err := p.connected(ctx)
	if err != nil {
		return err
	}
	var rates, bare []float64
	for round := range rounds {
		rate, err := pushRound(ctx, records, ws, c.DingTalk.RobotCode, round*messages, messages, readers)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
		if rate, err = b.barePushes(ctx, messages, readers); err != nil {
			return err
		}
		bare = append(bare, rate)
	}
	rate := median(rates)
	b.report(figure{Bench: "pushes", What: "pushed reads acknowledged and stored, through the SDK", Value: rate, Unit: "/s"}.
		against(median(bare), "the same writes by a bare go-redis pipeline").aim("at least 15,000/s", rate >= 15_000))
	return nil
}

// pushRound pushes the reads of some messages, which are numbered from the first, and
// sees that they are stored. The rate is that of a second.
func pushRound(ctx context.Context, records *store.Store, ws *websocket.Conn, robot string, first, messages, readers int) (rate float64, err error) {
	now := time.Now()
	var frames [][]byte
	for i := first; i < first+messages; i++ {
		group, key := fmt.Sprintf("cid%d", i), fmt.Sprintf("key%d", i)
		m, _, err := records.Begin(ctx, receipts.Draft{Group: group, Command: key, Title: "停机", At: now})
		if err == nil {
			_, err = records.Mark(ctx, group, m.Number, receipts.Change{To: receipts.Sent, Key: key, SentAt: now})
		}
		if err != nil {
			return 0, err
		}
		for n := range readers {
			frames = append(frames, readFrame(robot, group, key, fmt.Sprintf("manager%05d", n), now))
		}
	}
	began := time.Now()
	if err := push(ctx, ws, frames); err != nil {
		return 0, err
	}
	rate = float64(len(frames)) / time.Since(began).Seconds()
	for i := first; i < first+messages; i++ {
		kept, err := records.Snapshot(ctx, fmt.Sprintf("cid%d", i), 1)
		if err != nil {
			return 0, err
		}
		if len(kept.Reads) != readers {
			return 0, fmt.Errorf("%d of %d reads were acknowledged and are not stored", readers-len(kept.Reads), readers)
		}
	}
	return rate, nil
}

// barePushes writes as many reads with nothing but go-redis, two pipelines at a time.
func (b *bench) barePushes(ctx context.Context, messages, readers int) (rate float64, err error) {
	rdb, err := b.client()
	if err != nil {
		return 0, err
	}
	prefix := keyPrefix + rand.Text()
	defer func() { err = errors.Join(err, rdb.Close(), b.sweepKeys(ctx, prefix)) }()
	const perPipeline = 500
	at := "=" + strconv.FormatInt(time.Now().UnixMilli(), 10)
	began := time.Now()
	var both sync.WaitGroup
	failures := make([]error, 2)
	for half := range failures {
		both.Go(func() {
			for i := half; i < messages; i += len(failures) {
				key := fmt.Sprintf("{%s:%d}:reads", prefix, i)
				for first := 0; first < readers && failures[half] == nil; first += perPipeline {
					_, failures[half] = rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
						for n := first; n < min(first+perPipeline, readers); n++ {
							p.HSet(ctx, key, fmt.Sprintf("manager%05d", n), at)
						}
						return nil
					})
				}
			}
		})
	}
	both.Wait()
	return float64(messages*readers) / time.Since(began).Seconds(), errors.Join(failures...)
}

// readFrame is a robot_msg_read as it comes over the wire.
func readFrame(robot, group, key, userID string, at time.Time) []byte {
	ms := strconv.FormatInt(at.UnixMilli(), 10)
	data, _ := json.Marshal(map[string]string{ // of strings: it can't fail
		"userId": userID, "unionId": userID + "iE", "operatTime": ms, "robotCode": robot, "openConversationId": group, "processQueryKey": key,
	})
	id := rand.Text()
	frame, _ := json.Marshal(map[string]any{
		"specVersion": "1.0", "type": "EVENT", "data": string(data), "headers": map[string]string{
			"messageId": id, "topic": "*", "contentType": "application/json", "time": ms, "appId": robot, "connectionId": "bench",
			"eventType": dingtalktest.EventRead, "eventId": id, "eventCorpId": "dingcorp", "eventBornTime": ms, "eventUnifiedAppId": robot,
		},
	})
	return frame
}

// pushWindow is how many frames are on their way at once. dingtalktest would take as
// much of the two processors as the bot does, so that this gateway only writes and
// counts.
const pushWindow = 4_000

// pusher is a Stream gateway that pushes as fast as frames are acknowledged.
type pusher struct {
	url    string
	server *http.Server
	open   chan *websocket.Conn
	ready  sync.WaitGroup
}

func newPusher(ctx context.Context) (*pusher, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &pusher{url: "http://" + l.Addr().String(), open: make(chan *websocket.Conn, 10)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1.0/gateway/connections/open", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"endpoint":"ws://%s/connect","ticket":"bench"}`, l.Addr())
	})
	mux.HandleFunc("GET /connect", func(w http.ResponseWriter, r *http.Request) {
		if ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			p.open <- ws
		}
	})
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: answerTimeout}
	p.ready.Go(func() { _ = p.server.Serve(l) }) // it ends with close
	return p, nil
}

func (p *pusher) close() error {
	err := p.server.Close()
	p.ready.Wait()
	close(p.open)
	for ws := range p.open {
		_ = ws.Close()
	}
	return err
}

// connected waits for the bot's first connection.
func (p *pusher) connected(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	select {
	case ws := <-p.open:
		return ws, nil
	case <-ctx.Done():
		return nil, errors.New("the bot does not connect")
	}
}

// push pushes the frames and waits for every ack. Any but that of an event that was
// taken is an error.
func push(ctx context.Context, ws *websocket.Conn, frames [][]byte) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ws.Close() })()
	window := make(chan struct{}, pushWindow)
	acked := make(chan error, 1)
	go func() {
		acked <- func() error {
			for range frames {
				_, r, err := ws.NextReader()
				if err != nil {
					return err
				}
				ack, err := io.ReadAll(r)
				if err != nil {
					return err
				}
				if !bytes.Contains(ack, []byte("SUCCESS")) {
					return fmt.Errorf("a read was not taken: %s", ack)
				}
				<-window
			}
			return nil
		}()
	}()
	for _, frame := range frames {
		select {
		case window <- struct{}{}:
		case err := <-acked:
			return err
		}
		if err := ws.WriteMessage(websocket.TextMessage, frame); err != nil {
			return err
		}
	}
	return <-acked
}
