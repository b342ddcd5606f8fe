// Package receiptstest has the contract of what the domain keeps its records in: one suite that
// every implementation of receipts.Store passes, the fake of the domain's own tests too.
//
// It is for tests only: no other code may import it.
package receiptstest

import (
	"context"
	"slices"
	"testing"
	"time"

	"whoread/receipts"
)

// Store is all that the domain, and what stands beside it, has records kept in.
type Store interface {
	receipts.Store
	receipts.PushRecords
	CoolApp(ctx context.Context, group string) (string, error)
}

// contract is one promise. A store that is tested holds nothing before.
type contract struct {
	name string
	test func(t *testing.T, s Store)
}

// Run tests a store. Open returns an empty one, which ends with the test.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range slices.Concat(messages, later, groups, followups, reminders, pending) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// Group is the group that the suite writes about.
const Group = "cidA1b2C3=="

const group = Group

// noon is the time of the messages, in whole milliseconds as they may be kept.
var noon = time.UnixMilli(1_760_000_000_123)

// must ends the test at an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
