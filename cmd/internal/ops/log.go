package ops

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"whoread/cmd/internal/config"
)

// Of the same message at the level of warnings or errors, so many are written in a
// minute, and then each hundredth: an hour without Redis must not fill the disk.
const (
	sampledFor   = time.Minute
	sampledFirst = 10
	sampledThen  = 100
)

// NewLog returns a log that writes a line an event, and its level, which may change. Every
// time in it is in UTC, whatever the time zone of the machine. README.md has its vocabulary.
// Some lines of a message that is repeated are left out: dropped is called for each of them,
// and the next one that is written says how many they were.
func NewLog(c config.Log, out io.Writer, dropped func(zapcore.Level)) (*zap.Logger, zap.AtomicLevel, error) {
	level, err := zap.ParseAtomicLevel(c.Level)
	if err != nil {
		return nil, level, fmt.Errorf("log level: %w", err)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = func(t time.Time, to zapcore.PrimitiveArrayEncoder) { zapcore.ISO8601TimeEncoder(t.UTC(), to) }
	encoding.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if c.Format == "console" {
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	sink := zapcore.Lock(zapcore.AddSync(out))
	between := func(from, below zapcore.Level) zapcore.LevelEnabler {
		return zap.LevelEnablerFunc(func(l zapcore.Level) bool { return l >= from && l < below && level.Enabled(l) })
	}
	lines := &droppedLines{byMessage: map[string]int{}}
	all := zapcore.NewCore(encoder, sink, between(zapcore.DebugLevel, zapcore.WarnLevel))
	sampled := zapcore.NewSamplerWithOptions(
		dropCounter{zapcore.NewCore(encoder, sink, between(zapcore.WarnLevel, zapcore.InvalidLevel)), lines},
		sampledFor, sampledFirst, sampledThen,
		zapcore.SamplerHook(func(entry zapcore.Entry, decision zapcore.SamplingDecision) {
			if decision&zapcore.LogDropped != 0 {
				lines.add(entry.Message)
				dropped(entry.Level)
			}
		}))
	return zap.New(zapcore.NewTee(all, sampled)), level, nil
}

// droppedLines counts the lines that were left out, by message. Messages are fixed texts.
type droppedLines struct {
	mu        sync.Mutex
	byMessage map[string]int
}

func (l *droppedLines) add(message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byMessage[message]++
}

// take returns how many lines there were since it was last called.
func (l *droppedLines) take(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.byMessage[message]
	delete(l.byMessage, message)
	return n
}

// dropCounter adds to a line how many of its message were left out before it.
type dropCounter struct {
	zapcore.Core
	lines *droppedLines
}

func (c dropCounter) With(fields []zapcore.Field) zapcore.Core {
	return dropCounter{c.Core.With(fields), c.lines}
}

func (c dropCounter) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c dropCounter) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if n := c.lines.take(entry.Message); n > 0 {
		fields = append(slices.Clip(fields), zap.Int("left_out", n))
	}
	return c.Core.Write(entry, fields)
}
