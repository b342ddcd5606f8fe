package chart

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// sent is in the morning in Shanghai.
var sent = time.Date(2026, 11, 22, 9, 1, 30, 0, shanghai)

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

func after(d time.Duration) time.Time { return sent.Add(d) }

func exactly(at ...time.Duration) []Read {
	reads := make([]Read, len(at))
	for i, d := range at {
		reads[i] = Read{At: after(d), Exact: true}
	}
	return reads
}

func by(at time.Duration, n int) []Read {
	return slices.Repeat([]Read{{At: after(at)}}, n)
}

// typical is n reads as they come: most of them soon.
func typical(n int, length time.Duration) []Read {
	r := rand.New(rand.NewPCG(1, 2))
	reads := make([]Read, n)
	for i := range reads {
		reads[i] = Read{At: after(time.Duration(min(r.ExpFloat64()/5, 1) * float64(length))), Exact: true}
	}
	return reads
}

// cases are pictures worth looking at: see TestPicturesToLookAt.
func cases() map[string]Data {
	const h, m = time.Hour, time.Minute
	until := func(length time.Duration, total int, reads ...[]Read) Data {
		return Data{Number: 12, Title: "周五 22:00 停机维护，请提前保存工作", Read: "已读", Possible: "可能已读", Total: total, Reads: slices.Concat(reads...), Sent: sent, AsOf: after(length), Location: shanghai}
	}
	with := func(d Data, change func(*Data)) Data { change(&d); return d }
	return map[string]Data{
		"exact":        until(5*h+31*m, 45, typical(37, 5*h)),
		"queries only": until(5*h+31*m, 45, by(h, 14), by(3*h, 15), by(5*h+31*m, 8)),
		"mixed":        until(5*h+31*m, 45, typical(20, 3*h), by(2*h, 8), by(5*h, 9)),
		"narrowed":     with(until(5*h, 45, typical(10, 3*h), by(4*h, 20)), func(d *Data) { d.Queries = []time.Time{after(3*h + 30*m)} }),
		"nobody":       until(2*h, 45),
		"all":          until(8*h, 45, typical(45, 6*h)),
		"one reader":   until(8*m, 1, exactly(3*m)),
		"one of two":   until(8*m, 2, exactly(3*m)),
		"one second":   until(40*m, 300, slices.Repeat(exactly(12*m), 300)),
		"5,000":        until(23*h, 5000, typical(4873, 23*h)),
		"a minute":     until(m, 45, exactly(9*time.Second, 20*time.Second, 41*time.Second, 41500*time.Millisecond)),
		"just sent":    until(2*time.Second, 45),
		"two days":     until(50*h, 45, typical(30, 40*h), by(50*h, 3)),
		"30 days":      until(30*24*h, 230, typical(180, 3*24*h), by(6*24*h, 20), by(29*24*h, 10)),
		"skew":         until(2*h, 45, exactly(-3*h, -m, 5*m, 3*h), by(-m, 4), by(9*h, 6)),
		"english":      with(until(5*h, 45, typical(20, 3*h), by(2*h, 8), by(5*h, 9)), func(d *Data) { d.Title, d.Read, d.Possible = "Fire drill on Friday, 14:00", "read", "possibly read" }),
		"at least":     with(until(5*h, 45, by(5*h, 9)), func(d *Data) { d.AtLeast = true }),
		"long": with(until(5*h, 45), func(d *Data) {
			d.Title = "关于2026年国庆节放假安排及值班人员名单的通知（第三版） 🎉 请各部门负责人 "
		}),
		"lacking":    with(until(5*h, 45), func(d *Data) { d.Title = "婷婷 🙏🏽 的 鑫鑫 龘 Ωmega" }),
		"partial":    with(until(5*h, 5, exactly(h, 2*h)), func(d *Data) { d.Partial = true }),
		"no total":   until(2*h, 0, typical(12, h)),
		"new york":   with(until(30*h, 45, typical(37, 20*h)), func(d *Data) { d.Location = time.FixedZone("", -5*3600) }),
		"large":      with(until(90*24*h, 123456, typical(5000, 80*24*h)), func(d *Data) { d.Number = 1234567890123 }),
		"no data":    {},
		"no sending": {Total: 45, AsOf: sent, Reads: exactly(-time.Hour)},
		"many queries": until(48*h, 400, slices.Concat(func() (all [][]Read) {
			for i := range 96 {
				all = append(all, by(time.Duration(i+1)*30*m, 3))
			}
			return all
		}()...)),
	}
}

// TestPicturesToLookAt writes the pictures into the folder CHART_PICTURES, for people.
func TestPicturesToLookAt(t *testing.T) {
	folder := os.Getenv("CHART_PICTURES")
	if folder == "" {
		t.Skip("CHART_PICTURES names no folder")
	}
	for name, d := range cases() {
		picture, err := PNG(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", name, len(picture))
	}
}

func BenchmarkPNG(b *testing.B) {
	for _, name := range []string{"mixed", "5,000", "many queries"} {
		b.Run(name, func(b *testing.B) {
			d := cases()[name]
			b.ReportAllocs()
			for b.Loop() {
				if _, err := PNG(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
