package bot

import (
	"context"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

type requestKey struct{}

// WithRequest returns a context for what is done on account of one command. Its id, the
// msgId or that of something scheduled, is the request of every line of the log about
// it.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// LogOf returns the log for what is done in that context: its lines say for which
// request, if it is for one.
func LogOf(ctx context.Context, log *zap.Logger) *zap.Logger {
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		return log.With(zap.String("request", id))
	}
	return log
}

// levelOf is that of a line about what worked, or did not and is told to who asked.
func levelOf(err error) zapcore.Level {
	if err != nil {
		return zapcore.WarnLevel
	}
	return zapcore.InfoLevel
}

func (b *Bot) log(ctx context.Context) *zap.Logger { return LogOf(ctx, b.Log) }
