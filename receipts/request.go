package receipts

import (
	"context"

	"go.uber.org/zap"
)

type requestKey struct{}

// WithRequest returns a context for what is done on account of one request: its ID is the
// msgId of a command, or that of a job.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestOf returns the ID of the request that a context is for; empty if it is for none.
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// RequestLog returns log as a Port takes it: the lines of what is done on account of a request
// have its ID.
func RequestLog(log *zap.Logger) func(context.Context) *zap.Logger {
	return func(ctx context.Context) *zap.Logger {
		if id := RequestOf(ctx); id != "" {
			return log.With(zap.String("request", id))
		}
		return log
	}
}
