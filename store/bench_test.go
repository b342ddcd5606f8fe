package store

import (
	"context"
	"errors"
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
			if known, err := s.SavePushedReads(b.Context(), group, "key", times); !known || err != nil {
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

// noList is a source of members that nobody asks.
type noList struct{}

func (noList) Source() receipts.Source { return receipts.SceneGroup }

func (noList) Members(context.Context, string, receipts.Rights) (receipts.Members, receipts.Names, error) {
	return receipts.Members{}, nil, receipts.ErrNoMemberList
}

// What a question asks of the records, in a group where fifty messages were read by nine
// people of ten. Nobody lists the members of a plain group; those of a scene group are known.
func BenchmarkAnswers(b *testing.B) {
	for _, people := range []int{500, 5_000} {
		s := open(b, storetest.Real(b))
		ctx, now := b.Context(), time.Now()
		ids, times := make([]string, people), map[string]time.Time{}
		for i := range ids {
			ids[i] = fmt.Sprintf("manager%05d", i)
			if i%10 != 0 {
				times[ids[i]] = now
			}
		}
		err := s.AddMembers(ctx, group, ids, receipts.EventTime{Reported: now.Add(-time.Hour), Local: now.Add(-time.Hour)})
		for n := range 50 {
			command := fmt.Sprint("msg", n)
			if err == nil {
				_, _, err = s.Begin(ctx, receipts.Draft{Group: group, Command: command, Title: "title", At: now, Audience: &receipts.Members{UserIDs: ids, Source: receipts.Learned, At: now}})
			}
			if err == nil {
				_, err = s.Mark(ctx, group, n+1, receipts.Change{To: receipts.Sent, Key: command, SentAt: now})
			}
			if err == nil {
				_, err = s.SavePushedReads(ctx, group, command, times)
			}
			if err == nil {
				err = s.SaveReads(ctx, group, n+1, nil, now, now)
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		learned := receipts.LearnedMembers{Records: s, Now: time.Now}
		book := receipts.NewMemberResolver(s, time.Hour, time.Now, noList{}, learned)
		reporter := &receipts.Reporter{Records: s, Members: book, Fresh: time.Hour, Now: time.Now}
		usage := func() error {
			_, membersErr := book.Members(ctx, group, receipts.Rights{})
			_, pushErr := learned.LastPush(ctx, group)
			return errors.Join(membersErr, pushErr)
		}
		run := func(what string, do func() error) {
			b.Run(fmt.Sprintf("%s of %d", what, people), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("who read, plain group", func() error { _, err := reporter.Report(ctx, group, 1); return err })
		run("list, plain group", func() error { _, err := reporter.Progress(ctx, group, 10); return err })
		run("usage, plain group", usage)
		if err := s.SaveMembers(ctx, group, receipts.Members{UserIDs: ids, Source: receipts.SceneGroup, At: now}, nil); err != nil {
			b.Fatal(err)
		}
		run("who read, scene group", func() error { _, err := reporter.Report(ctx, group, 1); return err })
		run("usage, scene group", usage)
	}
}
