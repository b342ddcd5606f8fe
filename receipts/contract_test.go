package receipts_test

import (
	"testing"

	"whoread/receipts"
	"whoread/receipts/receiptstest"
)

// uncritical takes the misuse that a contract begins with.
type uncritical struct{}

func (uncritical) Errorf(string, ...any) {}

// The fakes of these tests do what the store does.
func TestTheFakesKeepTheContract(t *testing.T) {
	t.Parallel()
	receiptstest.Run(t, func(*testing.T) receiptstest.Store { return newRecords(uncritical{}) })
	receiptstest.RunScheduler(t, func(*testing.T) receipts.Scheduler { return &jobs{} })
}
