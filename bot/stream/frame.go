package stream

import (
	"context"
	"errors"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/open-dingtalk/dingtalk-stream-sdk-go/event"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/payload"
	"go.uber.org/zap"
)

// errNotTaken is the sentence that DingTalk gets for a callback that was not taken. The SDK sends the text of whatever error
// a handler returns, so nothing else may be returned to it.
var errNotTaken = errors.New("not taken, please push it again")

// callbackAck is what the SDK makes the ack of a CALLBACK from.
func callbackAck(data []byte, taken bool) (*payload.DataFrameResponse, error) {
	if !taken {
		return nil, errNotTaken
	}
	ack := payload.NewSuccessDataFrameResponse()
	ack.Data = string(data)
	return ack, nil
}

// eventAck is what the SDK makes the ack of an EVENT from. Its data must hold the status; what the SDK makes of a nil ack
// does not.
func eventAck(_ []byte, taken bool) (*payload.DataFrameResponse, error) {
	if !taken {
		return event.NewLaterResponse()
	}
	return event.NewSuccessResponse()
}

// take gives a frame to the handler, unless the client has stopped, and reports whether it was taken, and the data of its ack.
func (c *Client) take(ctx context.Context, s *slot, df *payload.DataFrame) (data []byte, taken bool) {
	if !c.handlers.begin() {
		return nil, false
	}
	defer c.handlers.end()
	c.heard(s)
	f := newFrame(df)
	log := s.log.WithLazy(zap.String("type", f.Type), zap.String("topic", f.Topic), zap.String("frame", f.MessageID))
	if f.Type == TypeEvent {
		log = log.WithLazy(zap.String("event", f.EventType), zap.String("event_id", f.EventID))
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.deadline(f.Topic))
	defer cancel()
	return c.handle(ctx, log, f)
}

// handle calls the handler and logs what came of it. A panic counts as an error; the SDK would send no ack after it.
func (c *Client) handle(ctx context.Context, log *zap.Logger, f Frame) (data []byte, taken bool) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("the handler of a frame panicked", zap.String("panic", describe(p)), zap.ByteString("stack", debug.Stack()))
			data, taken = nil, false
		}
	}()
	data, err := c.cfg.Handle(ctx, f)
	if err != nil {
		log.Warn("the frame was not taken", zap.Error(err))
		return nil, false
	}
	log.Debug("the frame was taken")
	return data, true
}

// heard notes that a frame arrived in s.
func (c *Client) heard(s *slot) {
	now := c.cfg.Now()
	s.lastFrame.Store(&now)
}

func newFrame(df *payload.DataFrame) Frame {
	f := Frame{
		Type:      df.Type,
		Topic:     df.GetTopic(),
		MessageID: df.GetMessageId(),
		EventType: df.GetHeader(event.DataFrameHeaderKEventType),
		EventID:   df.GetHeader(event.DataFrameHeaderKEventId),
		CorpID:    df.GetHeader(event.DataFrameHeaderKEventCorpId),
		Data:      []byte(df.Data),
	}
	born, pushed := timeIn(df, event.DataFrameHeaderKEventBornTime), timeIn(df, payload.DataFrameHeaderKTime)
	switch {
	case born.IsZero():
		f.Born = pushed
	case pushed.After(born):
		f.Born, f.Age = born, pushed.Sub(born)
	default:
		f.Born = born
	}
	return f
}

// timeIn is the time in a header; zero if there is none.
func timeIn(df *payload.DataFrame, header string) time.Time {
	ms, err := strconv.ParseInt(df.GetHeader(header), 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// inFlight counts the handlers at work. Once closed it lets no further one begin, so that waiting for them has an end:
// the SDK starts handlers on goroutines of its own and waits for none of them.
type inFlight struct {
	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// begin reports whether the caller may work; if so, it must call end afterwards.
func (i *inFlight) begin() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.work.Add(1)
	return true
}

func (i *inFlight) end() { i.work.Done() }

func (i *inFlight) closeAndWait() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.work.Wait()
}
