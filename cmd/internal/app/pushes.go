package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/bot"
)

// pushRecords keep when DingTalk last pushed something of a kind.
type pushRecords interface {
	SavePush(ctx context.Context, kind string, at time.Time) error
}

const (
	// pushesKeptEvery is how exact that is: a read is pushed for each reader.
	pushesKeptEvery = time.Minute
	// pushKeptWithin bounds the writing of it: the push waits for its acknowledgement.
	pushKeptWithin = 300 * time.Millisecond
)

// pushNotes notes when DingTalk pushed something of each kind: no API tells which events an
// administrator has switched on.
type pushNotes struct {
	records pushRecords
	now     func() time.Time
	log     *zap.Logger

	mu   sync.Mutex
	kept map[string]time.Time
}

func newPushNotes(records pushRecords, now func() time.Time, log *zap.Logger) *pushNotes {
	return &pushNotes{records: records, now: now, log: log, kept: map[string]time.Time{}}
}

// note keeps that something was pushed, once a minute. A failure costs nothing: the next
// one is kept.
func (p *pushNotes) note(ctx context.Context, kind string) {
	if kind != bot.PushedMessage && !slices.Contains(bot.EventTypes(), kind) {
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
	if err := p.records.SavePush(ctx, kind, at); err != nil {
		p.log.Debug("push not noted", zap.String("event", kind), zap.Error(err))
	}
}
