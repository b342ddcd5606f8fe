package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pushes are records in memory. A write takes a moment, or as long as a test says.
type pushes struct {
	takes time.Duration
	hangs bool

	mu    sync.Mutex
	reads map[string]time.Time // by group, key and userId
	calls int
}

func (p *pushes) SavePushedReads(ctx context.Context, group, key string, reads map[string]time.Time) (bool, error) {
	moment := time.After(p.takes)
	if p.hangs {
		moment = nil
	}
	select {
	case <-moment:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.reads == nil {
		p.reads = map[string]time.Time{}
	}
	for id, at := range reads {
		p.reads[group+"/"+key+"/"+id] = at
	}
	return key != "unknown", nil
}

func readBy(userID string, at time.Time) map[string]time.Time {
	return map[string]time.Time{userID: at}
}

// However many messages the reads of a batch are about, each is written within a time of
// its own.
func TestManyMessagesDoNotTakeTimeFromEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewPushBatch(&pushes{takes: 500 * time.Millisecond})
		defer b.Close()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if known, err := b.SavePushedReads(t.Context(), "cid", fmt.Sprint("key", i), readBy("zhang", noon)); !known || err != nil {
					t.Errorf("message %d: %t, %v", i, known, err)
				}
			})
		}
		all.Wait()
	})
}

// Reads that nobody waits for any more are not written before those of others.
func TestAbandonedReadsAreLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewPushBatch(&pushes{hangs: true})
		defer b.Close()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		for i := range 1_000 {
			all.Go(func() { _, _ = b.SavePushedReads(ctx, "cid", fmt.Sprint("key", i), readBy("zhang", noon)) })
		}
		all.Wait()
		_, _ = b.SavePushedReads(t.Context(), "cid", "key", readBy("zhang", noon))
		if took := time.Since(began); took > 4*writeWithin {
			t.Errorf("the next read was at its turn after %v", took)
		}
	})
}

// While one batch is being written the next one gathers: a burst costs few writes. Of two
// reads of one person the earlier one is kept.
func TestABurstIsWrittenInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pushes{takes: time.Second}
		b := NewPushBatch(p)
		defer b.Close()
		const burst = 1_000
		var all sync.WaitGroup
		for i := range 2 * burst {
			all.Go(func() {
				if known, err := b.SavePushedReads(t.Context(), "cid", "key", readBy(fmt.Sprint("user", i%burst), noon.Add(time.Duration(i)))); !known || err != nil {
					t.Error(known, err)
				}
			})
		}
		all.Wait()
		if len(p.reads) != burst {
			t.Errorf("%d of %d reads are kept", len(p.reads), burst)
		}
		if p.calls > 10 {
			t.Errorf("%d writes for %d reads", p.calls, burst)
		}
	})
}

// Each call has its own outcome, and after the end there is none but ErrClosed.
func TestOutcomesOfAPushBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pushes{}
		b := NewPushBatch(p)
		if known, err := b.SavePushedReads(t.Context(), "cid", "unknown", readBy("zhang", noon)); known || err != nil {
			t.Errorf("an unknown key: %t, %v", known, err)
		}
		if known, err := b.SavePushedReads(t.Context(), "cid", "key", map[string]time.Time{"zhang": noon, "li": noon}); !known || err != nil || len(p.reads) != 3 {
			t.Errorf("two people: %t, %v, %v", known, err, p.reads)
		}
		p.hangs = true
		waiting := make(chan error, 1)
		go func() {
			_, err := b.SavePushedReads(t.Context(), "cid", "key", readBy("zhang", noon))
			waiting <- err
		}()
		synctest.Wait()
		b.Close()
		b.Close()
		if err := <-waiting; !errors.Is(err, ErrClosed) {
			t.Errorf("a call under way: %v", err)
		}
		if _, err := b.SavePushedReads(t.Context(), "cid", "key", readBy("zhang", noon)); !errors.Is(err, ErrClosed) {
			t.Errorf("a later call: %v", err)
		}
	})
}
