package app

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryStopIsMadeTheLatestFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lifecycle
		var mu sync.Mutex
		var order []string
		made := func(name string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
		}
		release := make(chan struct{})
		defer close(release)
		refused, broken := errors.New("refused"), errors.New("broken")
		l.onStop("first", time.Second, func() error { made("first"); return refused })
		l.onStop("slow", time.Second, func() error { made("slow"); <-release; return nil })
		l.onStop("well", time.Second, func() error { made("well"); return nil })
		l.onStop("last", time.Second, func() error { made("last"); return broken })
		began := time.Now()
		err := l.stop()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it takes %s", took)
		}
		if diff := cmp.Diff([]string{"last", "well", "slow", "first"}, order); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !errors.Is(err, refused) || !errors.Is(err, broken) || err.Error() != "stop last: broken\nstop slow: not done within 1s\nstop first: refused" {
			t.Errorf("%v", err)
		}
		if err := l.stop(); err != nil || len(order) != 4 {
			t.Errorf("stopped again: %v, %v", err, order)
		}
	})
}
