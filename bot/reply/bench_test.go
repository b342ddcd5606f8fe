package reply

import (
	"fmt"
	"testing"

	"whoread/bot/command"
	"whoread/receipts"
)

// large is a report about 5,000 people, of whom 3,000 have read, and their names.
func large() (receipts.Report, receipts.Names) {
	r := receipts.Report{
		Message: receipts.Message{Number: 12, Title: "周五 22:00 停机维护", State: receipts.Sent, SentAt: asked}, Total: 5_000, Source: receipts.SceneGroup, AsOf: asked,
	}
	names := receipts.Names{}
	for i := range r.Total {
		id := fmt.Sprintf("manager%05d", i)
		names[id] = fmt.Sprintf("员工%05d", i)
		if i < 3_000 {
			r.Read = append(r.Read, receipts.Receipt{UserID: id, Read: receipts.Read{At: asked, Exact: true}})
		} else {
			r.Unread = append(r.Unread, id)
		}
	}
	return r, names
}

func BenchmarkRenderingFiveThousandNames(b *testing.B) {
	r, names := large()
	p := pageOf(command.Chinese, names)
	p.MaxNames = r.Total
	b.ReportAllocs()
	for b.Loop() {
		p.Report(r, true)
	}
}

// What is not shown costs nothing but being counted.
func TestRenderingFiveThousandNamesAllocatesForThoseThatAreShown(t *testing.T) {
	r, names := large()
	p := pageOf(command.Chinese, names)
	for _, c := range []struct{ maxNames, most int }{{50, 400}, {r.Total, 2_000}} {
		p.MaxNames = c.maxNames
		if got := testing.AllocsPerRun(10, func() { p.Report(r, true) }); int(got) > c.most {
			t.Errorf("%d names at most: %.0f allocations, want at most %d", c.maxNames, got, c.most)
		}
	}
}
