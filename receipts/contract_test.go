package receipts_test

import (
	"testing"

	"whoread/receipts/receiptstest"
)

// uncritical takes the misuse that a contract begins with.
type uncritical struct{}

func (uncritical) Errorf(string, ...any) {}

// The fake of these tests does what the store does.
func TestTheFakeKeepsTheContract(t *testing.T) {
	t.Parallel()
	receiptstest.Run(t, func(*testing.T) receiptstest.Store { return newRecords(uncritical{}) })
}
