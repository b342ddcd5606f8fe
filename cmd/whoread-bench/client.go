package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"whoread/receipts/dingtalk"
)

// benchClient compares a call of DingTalk's API with the same call by net/http and
// encoding/json alone, over the loopback interface.
func (b *bench) benchClient(ctx context.Context) (err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"manager%05d"`, i)
	}
	page := []byte(`{"sendStatus":"SUCCESS","readUserIds":[` + strings.Join(ids, ",") + `],"hasMore":false}`)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1.0/oauth2/accessToken", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"accessToken":"token","expireIn":7200}`))
	})
	mux.HandleFunc("POST "+queryPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: answerTimeout}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // it ends with Close
	}()
	defer func() {
		err = errors.Join(err, server.Close())
		<-served
	}()

	url := "http://" + l.Addr().String()
	ours, err := dingtalk.New(dingtalk.Config{
		ClientID: "bench", ClientSecret: dingtalk.NewSecret("bench"), APIURL: url, OapiURL: url, CallsPerSecond: 1_000_000,
	})
	if err != nil {
		return err
	}
	defer ours.Close()
	bare := &bareClient{http: &http.Client{Transport: &http.Transport{}}, url: url, token: "token", robotCode: "bench"}
	defer bare.http.CloseIdleConnections()

	runs, calls := b.pick(15, 3), b.pick(400, 50)
	whole := [2]callCosts{}
	for range runs {
		for i, call := range []func() error{
			func() error { _, err := ours.QueryReaders(ctx, "cid", "key", ""); return err },
			func() error { return bare.readers(ctx, "cid", "key") },
		} {
			if err := whole[i].add(calls, call); err != nil {
				return err
			}
		}
	}
	is := "net/http and encoding/json; the server's part is in both"
	f := figure{Bench: "client", What: "one call, a page of 200 readers, over loopback", Value: median(whole[0].microseconds), Unit: "µs"}.against(median(whole[1].microseconds), is)
	b.report(f.aim("at most 1.5 x", f.Ratio <= 1.5))
	f = figure{Bench: "client", What: "its memory", Value: median(whole[0].bytes), Unit: "bytes"}.against(median(whole[1].bytes), is)
	b.report(f.aim("at most 1.5 x", f.Ratio <= 1.5))
	f = figure{Bench: "client", What: "its allocations", Value: median(whole[0].allocations)}.against(median(whole[1].allocations), is)
	b.report(f.aim("at most 1.5 x", f.Ratio <= 1.5))
	return nil
}

// callCosts are those of one call, in several runs.
type callCosts struct{ microseconds, bytes, allocations []float64 }

// add makes n calls and adds the average.
func (c *callCosts) add(n int, call func() error) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for range n {
		if err := call(); err != nil {
			return err
		}
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	c.microseconds = append(c.microseconds, float64(took.Microseconds())/float64(n))
	c.bytes = append(c.bytes, float64(after.TotalAlloc-before.TotalAlloc)/float64(n))
	c.allocations = append(c.allocations, float64(after.Mallocs-before.Mallocs)/float64(n))
	return nil
}
