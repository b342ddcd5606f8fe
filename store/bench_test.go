package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"whoread/receipts"
	"whoread/store/storetest"
)

// A batch of pushed reads as the script keeps them, and the same fields by a bare
// pipeline.
func BenchmarkKeepPushed(b *testing.B) {
	const reads = 500
	s := open(b, storetest.Real(b))
	now := time.Now()
	m, _, err := s.Begin(b.Context(), receipts.Draft{Group: group, Command: "msg", Title: "title", At: now})
	if err == nil {
		_, err = s.Mark(b.Context(), group, m.Number, receipts.Change{To: receipts.Sent, Key: "key", SentAt: now})
	}
	if err != nil {
		b.Fatal(err)
	}
	times := map[string]time.Time{}
	for i := range reads {
		times[fmt.Sprintf("manager%05d", i)] = now
	}
	b.Run("script", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if known, err := s.KeepPushed(b.Context(), group, "key", times); !known || err != nil {
				b.Fatal(known, err)
			}
		}
	})
	b.Run("bare pipeline", func(b *testing.B) {
		key := s.keys.group(group).reads(m.Number)
		b.ReportAllocs()
		for b.Loop() {
			_, err := s.rdb.Pipelined(b.Context(), func(p redis.Pipeliner) error {
				for id, at := range times {
					p.HSet(b.Context(), key, id, exactMark+fmt.Sprint(at.UnixMilli()))
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
