package app

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// lifecycle is what was started and must be stopped, the latest first.
type lifecycle struct{ stops []stop }

type stop struct {
	name   string
	within time.Duration
	do     func() error
}

// onStop adds a stop. It is called right after what it stops was acquired.
func (l *lifecycle) onStop(name string, within time.Duration, do func() error) {
	l.stops = append(l.stops, stop{name, within, do})
}

// stop stops everything in reverse order and joins the errors. A stop that fails or takes too
// long keeps none of the others from being made.
func (l *lifecycle) stop() error {
	var failures []error
	for _, s := range slices.Backward(l.stops) {
		if err := s.run(); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", s.name, err))
		}
	}
	l.stops = nil
	return errors.Join(failures...)
}

func (s stop) run() error {
	ended := make(chan error, 1)
	go func() { ended <- s.do() }()
	late := time.NewTimer(s.within)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return fmt.Errorf("not done within %s", s.within)
	}
}
