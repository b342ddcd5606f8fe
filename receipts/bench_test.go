package receipts_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"whoread/receipts"
)

// large are the facts about 5,000 people who have all read.
func large() receipts.Facts {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	f := receipts.Facts{
		Message:  receipts.Message{Group: "cid", Number: 1, State: receipts.Sent, SentAt: at},
		Audience: &receipts.Members{Source: receipts.SceneGroup, At: at}, Reads: receipts.Reads{}, AsOf: at,
	}
	for i := range 5_000 {
		id := fmt.Sprintf("manager%05d", i)
		f.Audience.UserIDs = append(f.Audience.UserIDs, id)
		f.Reads[id] = receipts.Read{At: at}
	}
	return f
}

func BenchmarkComputingAReportOfFiveThousand(b *testing.B) {
	f := large()
	b.ReportAllocs()
	for b.Loop() {
		receipts.Compute(f)
	}
}

// A report takes memory by lists and not by people.
func TestComputingAReportAllocatesListsOnly(t *testing.T) {
	f := large()
	if got := testing.AllocsPerRun(10, func() { receipts.Compute(f) }); got > 60 {
		t.Errorf("%.0f allocations for %d people", got, len(f.Reads))
	}
}

// largeRecords hold nothing but one message about many people.
type largeRecords struct {
	receipts.Records
	kept receipts.Snapshot
}

// Where everybody has read, what is found out is the answer: it is not computed again.
func TestAReportThatAllHaveReadIsComputedOnce(t *testing.T) {
	f := large()
	r := &receipts.Reporter{Records: largeRecords{kept: receipts.Snapshot{Message: f.Message, Audience: f.Audience, Reads: f.Reads, AsOf: f.AsOf}}, Now: time.Now}
	once := bytesOf(func() { receipts.Compute(f) })
	for what, answer := range map[string]func() (receipts.Report, error){
		"report": func() (receipts.Report, error) { return r.Report(t.Context(), "cid", 1) },
		"save":   func() (receipts.Report, error) { return r.Save(t.Context(), "cid", 1) },
	} {
		got := bytesOf(func() {
			if report, err := answer(); err != nil || !report.AllRead() {
				t.Fatalf("%+v, %v", report, err)
			}
		})
		if got > once*3/2 {
			t.Errorf("%s: %d bytes, and %d for computing it once", what, got, once)
		}
	}
}

// Snapshot implements receipts.Records.
func (r largeRecords) Snapshot(context.Context, string, int) (receipts.Snapshot, error) {
	return r.kept, nil
}

// bytesOf is how much memory do takes, now and then given back. Tests that use it don't
// run at the same time as others.
func bytesOf(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		do()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / 10
}
