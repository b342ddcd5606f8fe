package receipts_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"whoread/receipts"
)

func TestWhoIsMeantByAName(t *testing.T) {
	t.Parallel()
	people := []string{"zhang", "zhang2", "duty2", "bob", "bobby", "nameless"}
	names := receipts.Names{"zhang": "张三", "zhang2": "张三丰", "duty2": "值班2号", "bob": "Bob Lee", "bobby": "Ｂｏｂｂｙ"}
	for _, c := range []struct {
		wanted         []string
		found, unknown []string
	}{
		{[]string{"张三"}, []string{"zhang"}, nil}, // who is called exactly so
		{[]string{"张"}, []string{"zhang", "zhang2"}, nil},
		{[]string{"三丰"}, []string{"zhang2"}, nil},
		{[]string{"值班2号"}, []string{"duty2"}, nil},
		{[]string{"BOB"}, []string{"bob", "bobby"}, nil},
		{[]string{"boblee"}, []string{"bob"}, nil},
		{[]string{"bobby", "张三丰", "bobby"}, []string{"bobby", "zhang2"}, nil},
		{[]string{"王五"}, nil, []string{"王五"}},
		{[]string{"张三", "王五"}, []string{"zhang"}, []string{"王五"}},
		{[]string{" "}, nil, []string{" "}},
		{nil, nil, nil},
	} {
		found, unknown := receipts.NamedAs(c.wanted, people, names)
		if diff := cmp.Diff(c.found, found, cmpopts.EquateEmpty()) + cmp.Diff(c.unknown, unknown); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.wanted, diff)
		}
	}
}

func TestWhetherOnePersonHasRead(t *testing.T) {
	t.Parallel()
	read := receipts.Read{At: time.Unix(1_800_000_000, 0), Exact: true}
	complete := receipts.Report{Read: []receipts.Receipt{{UserID: "reader", Read: read}}, Unread: []string{"lazy"}, Source: receipts.SceneGroup}
	cut := complete
	cut.Unread, cut.Gaps = nil, []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrBudgetSpent}}
	blind := cut
	blind.Gaps = []receipts.Gap{{Part: receipts.AudiencePart, Err: receipts.ErrNoMemberList}}
	learned := complete
	learned.Source = receipts.Learned
	audience := []string{"reader", "lazy", "gone"}
	for name, c := range map[string]struct {
		report   receipts.Report
		audience []string
		want     map[string]receipts.Reading
	}{
		"complete":                {complete, audience, map[string]receipts.Reading{"reader": receipts.HasRead, "lazy": receipts.HasNot, "gone": receipts.HasLeft, "new": receipts.NotForOne}},
		"readers are missing":     {cut, audience, map[string]receipts.Reading{"reader": receipts.HasRead, "lazy": receipts.NotKnown, "gone": receipts.NotKnown, "new": receipts.NotForOne}},
		"nobody knows for whom":   {blind, nil, map[string]receipts.Reading{"reader": receipts.HasRead, "lazy": receipts.NotKnown, "new": receipts.NotKnown}},
		"the audience is learned": {learned, audience, map[string]receipts.Reading{"reader": receipts.HasRead, "lazy": receipts.HasNot, "new": receipts.NotKnown}},
	} {
		for id, want := range c.want {
			got := c.report.ReadingOf(id, c.audience != nil, c.audience)
			if got.Reading != want || want == receipts.HasRead && got.Read != read {
				t.Errorf("%s: %s: %+v, want %s", name, id, got, want)
			}
		}
	}
}

func TestWhichMessageATitleOrADayTells(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 8*3600)
	at := func(day, hour int) time.Time { return time.Date(2026, 8, day, hour, 0, 0, 0, zone).UTC() }
	messages := []receipts.Message{
		{Number: 4, Title: "周报", CreatedAt: at(3, 1)}, // the day before, in UTC
		{Number: 3, Title: "Fire Drill", CreatedAt: at(2, 10)},
		{Number: 2, Title: "停机 维护", CreatedAt: at(2, 0)},
		{Number: 1, Title: "停机维护（旧）", CreatedAt: at(1, 23)},
	}
	for _, c := range []struct {
		ref  receipts.Ref
		want []int
	}{
		{receipts.Ref{Topic: "周报"}, []int{4}},
		{receipts.Ref{Topic: "FIRE drill"}, []int{3}},
		{receipts.Ref{Topic: "停机维护"}, []int{2, 1}},
		{receipts.Ref{Topic: "停机维护", On: at(1, 12).In(zone)}, []int{1}},
		{receipts.Ref{On: at(3, 12).In(zone)}, []int{4}},
		{receipts.Ref{On: at(2, 12).In(zone)}, []int{3, 2}},
		{receipts.Ref{On: at(4, 12).In(zone)}, nil},
		{receipts.Ref{Topic: "年会"}, nil},
	} {
		m, err := c.ref.Among(messages)
		several, many := errors.AsType[*receipts.SeveralFitError](err)
		switch {
		case len(c.want) == 0 && !errors.Is(err, receipts.ErrNoneFits),
			len(c.want) == 1 && (err != nil || m.Number != c.want[0]),
			len(c.want) > 1 && (!many || !cmp.Equal(c.want, several.Numbers)):
			t.Errorf("%+v: #%d, %v; want %v", c.ref, m.Number, err, c.want)
		}
	}
}
