package app

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"

	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
	"whoread/store"
)

// endTimeout bounds the end of the process, whatever does not answer: an init system would
// kill it soon. What is cut off then is as after a crash, and another process takes it over.
const endTimeout = 18 * time.Second

// TuneGC has the garbage collected twice as often, unless GOGC says how often: the process
// idles, and its memory matters more than its CPU time.
func TuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// Serve runs the bot with the configuration of the file, which it follows, until ctx ends.
// Each request has the file read again at once. The log goes to out.
func Serve(ctx context.Context, file string, e Env, requests <-chan os.Signal, out io.Writer) error {
	c, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return err
	}
	m := ops.NewMetrics(e.Version)
	log, level, err := ops.NewLog(c.Log, out, m.LineDropped)
	if err != nil {
		return err
	}
	a, err := New(c, e, log, m)
	if err != nil {
		return err
	}
	log.Info("whoread starts", zap.String("version", e.Version), zap.String("client_id", c.DingTalk.ClientID))
	if c.Redis.URL == store.Memory {
		log.Warn("redis.url is memory://: everything known is lost when this process ends")
	}
	settings := &config.Reloader{
		File: file, Environment: os.LookupEnv, Every: e.ConfigEvery, Requests: requests, Effective: c, Log: log,
		Level: level, Apply: a.Apply,
		Reloaded: m.ConfigReloaded,
	}
	ended := make(chan error, 1)
	go func() {
		following, stop := context.WithCancel(ctx)
		var follower sync.WaitGroup
		follower.Go(func() { settings.Run(following) })
		err := a.Run(ctx)
		stop()
		follower.Wait()
		log.Info("whoread ends")
		ended <- errors.Join(err, a.Close())
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(endTimeout):
		log.Warn("whoread ends before everything has come to its end")
		return nil
	}
}
