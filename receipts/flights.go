package receipts

import (
	"context"
	"sync"
	"time"
)

// Rights are what an asker may do that others may not, and what is asked for.
type Rights struct {
	// People is about how many the list is of that DingTalk is asked for; 0 where nobody
	// knows. Small lists are not kept behind the pages of large ones.
	People int
	// PastBudget has DingTalk asked although the month's budget of calls is spent.
	PastBudget bool
	// NoCalls has DingTalk not asked at all: they have asked too much lately.
	NoCalls bool
}

// Asker is who asks, as far as that matters to an answer.
type Asker struct {
	Rights
	// Pay is told what a question has cost in counted calls; nil if nobody wants to know.
	Pay func(ctx context.Context, calls int)
}

// pay tells what a question has cost, also where whoever asked has gone.
func (a Asker) pay(ctx context.Context, calls int) {
	if calls == 0 || a.Pay == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	a.Pay(ctx, calls)
}

// about returns the rights for a list of as many as these.
func (r Rights) about(members *Members) Rights {
	if members != nil {
		r.People = len(members.UserIDs)
	}
	return r
}

// question is what a report is asked for.
type question struct {
	group  string
	number int
	fresh  time.Duration
	rights Rights
}

// flights are the questions that are being answered. The zero value is ready for use.
type flights struct {
	mu       sync.Mutex
	underWay map[question]*flight
}

// flight is one question that is being answered.
type flight struct {
	askers int // who still wait for it
	cancel context.CancelFunc

	done     chan struct{} // closed when what follows is set
	report   Report
	err      error
	panicked any
}

// share answers a question once for all who ask the same one at the same time. Each of
// them comes back when its own context ends; the answering goes on until the last one
// has gone.
func (s *flights) share(ctx context.Context, q question, answer func(context.Context) (Report, error)) (Report, error) {
	f := s.join(ctx, q, answer)
	select {
	case <-f.done:
		if f.panicked != nil {
			panic(f.panicked)
		}
		return f.report, f.err
	case <-ctx.Done():
		s.leave(q, f)
		return Report{}, ctx.Err()
	}
}

// join returns the flight of a question, which begins now if there is none.
func (s *flights) join(ctx context.Context, q question, answer func(context.Context) (Report, error)) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.underWay[q]; f != nil {
		f.askers++
		return f
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{askers: 1, cancel: cancel, done: make(chan struct{})}
	if s.underWay == nil {
		s.underWay = map[question]*flight{}
	}
	s.underWay[q] = f
	go func() {
		defer close(f.done)
		defer s.end(q, f)
		defer func() { f.panicked = recover() }() // the askers panic, each for itself
		f.report, f.err = answer(ctx)
	}()
	return f
}

// leave takes an asker off a flight, and ends the flight of nobody.
func (s *flights) leave(q question, f *flight) {
	s.mu.Lock()
	f.askers--
	abandoned := f.askers == 0
	s.mu.Unlock()
	if abandoned {
		s.end(q, f)
	}
}

// end has the next asker of the question begin anew.
func (s *flights) end(q question, f *flight) {
	f.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay[q] == f {
		delete(s.underWay, q)
	}
}
