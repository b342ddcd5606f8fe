package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"whoread/receipts"
)

// mostPages is how many pages of one list are ever fetched.
const mostPages = 250

func TestEachPage(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	type page struct {
		next string
		more bool
		err  error
	}
	for _, c := range []struct {
		name  string
		pages []page
		want  []string // cursors asked for
		err   error
	}{
		{"one page", []page{{}}, []string{""}, nil},
		{"in order", []page{{next: "a", more: true}, {next: "b", more: true}, {}}, []string{"", "a", "b"}, nil},
		{"a cursor with the last page means nothing", []page{{next: "a"}}, []string{""}, nil},
		{"the cursor is missing", []page{{more: true}}, []string{""}, receipts.ErrPaging},
		{"the cursor stays", []page{{next: "a", more: true}, {next: "a", more: true}}, []string{"", "a"}, receipts.ErrPaging},
		{
			"the cursors go in a circle",
			[]page{{next: "a", more: true}, {next: "b", more: true}, {next: "a", more: true}},
			[]string{"", "a", "b"},
			receipts.ErrPaging,
		},
		{"the first page fails", []page{{err: broken}}, []string{""}, broken},
		{"a later page fails", []page{{next: "a", more: true}, {err: broken}}, []string{"", "a"}, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			err := receipts.EachPage(t.Context(), func(_ context.Context, cursor string) (string, bool, int, error) {
				if len(asked) == len(c.pages) {
					return "", false, 0, fmt.Errorf("page %q asked for after the last one", cursor)
				}
				p := c.pages[len(asked)]
				asked = append(asked, cursor)
				return p.next, p.more, len(asked), p.err
			})
			if !errors.Is(err, c.err) {
				t.Errorf("error %v; want %v", err, c.err)
			}
			if diff := cmp.Diff(c.want, asked); diff != "" {
				t.Errorf("cursors asked for (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachPageHasAnEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pages, want int
		err         error
	}{
		{mostPages - 1, mostPages - 1, nil},
		{mostPages, mostPages, nil},
		{mostPages + 1, mostPages, receipts.ErrPaging},
		{1_000_000, mostPages, receipts.ErrPaging},
	} {
		t.Run(strconv.Itoa(c.pages), func(t *testing.T) {
			t.Parallel()
			fetched := 0
			err := receipts.EachPage(t.Context(), func(context.Context, string) (string, bool, int, error) {
				fetched++
				return strconv.Itoa(fetched), fetched < c.pages, fetched, nil
			})
			if !errors.Is(err, c.err) || fetched != c.want {
				t.Errorf("%d pages fetched, error %v; want %d, %v", fetched, err, c.want, c.err)
			}
		})
	}
}

// Pages may be short or empty, but not for ever.
func TestEachPageEndsWherePagesBringNobodyNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		found []int // after each page; then as many as with the last
		pages int   // there are
		want  int   // that are fetched
		err   error
	}{
		{"an endless cursor of a small group", []int{5}, 1_000_000, 1 + 5, receipts.ErrPaging},
		{"nobody ever", []int{0}, 1_000_000, 5, receipts.ErrPaging},
		{"a gap", []int{5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 7}, 12, 12, nil},
		{"the last one is empty", []int{200, 200}, 2, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fetched := 0
			err := receipts.EachPage(t.Context(), func(context.Context, string) (string, bool, int, error) {
				fetched++
				return strconv.Itoa(fetched), fetched < c.pages, c.found[min(fetched, len(c.found))-1], nil
			})
			if !errors.Is(err, c.err) || fetched != c.want {
				t.Errorf("%d pages fetched, error %v; want %d, %v", fetched, err, c.want, c.err)
			}
		})
	}
}

// Whatever cursors come, no page is fetched twice, their number is bounded, and
// success means that the last page was seen.
func TestEachPageWithAnyCursors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cursors := rapid.StringMatching(`[a-z]{0,2}`)
		fetched := map[string]bool{}
		last := false
		err := receipts.EachPage(context.Background(), func(_ context.Context, cursor string) (string, bool, int, error) {
			if fetched[cursor] {
				t.Fatalf("page %q fetched twice", cursor)
			}
			fetched[cursor] = true
			last = rapid.IntRange(0, 99).Draw(t, "last") == 0
			return cursors.Draw(t, "next"), !last, len(fetched), nil
		})
		if len(fetched) > mostPages {
			t.Fatalf("%d pages fetched", len(fetched))
		}
		if err == nil != last || err != nil && !errors.Is(err, receipts.ErrPaging) {
			t.Fatalf("error %v; the last page was seen: %v", err, last)
		}
	})
}
