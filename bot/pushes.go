package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// PushedMessage is the kind of push that a command is; the others are the types of
// events.
const PushedMessage = "message"

// EventTypes are the events that the bot follows, by DingTalk's names. The first tells
// who reads what.
func EventTypes() []string {
	return []string{
		eventRead, eventRecall, eventJoin, eventRemove, eventQuit, eventTitle, eventDisband, eventInstall, eventUninstall,
	}
}

// PushRecords keep when DingTalk last pushed something of a kind.
type PushRecords interface {
	KeepPush(ctx context.Context, kind string, at time.Time) error
}

const (
	// pushesKeptEvery is how exact that is: a read is pushed for each reader.
	pushesKeptEvery = time.Minute
	// pushKeptWithin bounds the writing of it: the push waits for its acknowledgement.
	pushKeptWithin = 300 * time.Millisecond
)

// Pushes notes when DingTalk pushed something of each kind: no API tells which events an
// administrator has switched on.
type Pushes struct {
	records PushRecords
	now     func() time.Time
	log     *zap.Logger

	mu   sync.Mutex
	kept map[string]time.Time
}

// NewPushes returns Pushes that have noted nothing yet.
func NewPushes(records PushRecords, now func() time.Time, log *zap.Logger) *Pushes {
	return &Pushes{records: records, now: now, log: log, kept: map[string]time.Time{}}
}

// Note keeps that something was pushed, once a minute. A failure costs nothing: the next
// one is kept.
func (p *Pushes) Note(ctx context.Context, kind string) {
	if kind != PushedMessage && !slices.Contains(EventTypes(), kind) {
		return
	}
	at := p.now()
	p.mu.Lock()
	due := at.Sub(p.kept[kind]).Abs() >= pushesKeptEvery
	if due {
		p.kept[kind] = at
	}
	p.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pushKeptWithin)
	defer cancel()
	if err := p.records.KeepPush(ctx, kind, at); err != nil {
		p.log.Debug("push not noted", zap.String("event", kind), zap.Error(err))
	}
}
