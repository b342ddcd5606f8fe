package receipts

import (
	"context"
	"fmt"
)

// maxPages bounds how many pages of one list are fetched. A group has at most
// some 5,000 people and a page 200 of them, but a page may be shorter.
const maxPages = 250

// barrenMax is how many pages in a row may bring nobody new: pages may be short, and even
// empty, but each is a counted call.
const barrenMax = 5

// EachPage calls fetch with the cursor of each page, starting with the empty
// one, until it says that there is no more. Fetch tells how many people were found by then.
// It gives ErrPaging where the cursors repeat, are missing, bring nobody new or go on past
// any group's size.
func EachPage(ctx context.Context, fetch func(ctx context.Context, cursor string) (next string, more bool, found int, err error)) error {
	seen := map[string]bool{"": true}
	cursor, most, barren := "", 0, 0
	for range maxPages {
		next, more, found, err := fetch(ctx, cursor)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
		if barren++; found > most {
			most, barren = found, 0
		}
		if barren == barrenMax {
			return fmt.Errorf("%d pages in a row with nobody new: %w", barren, ErrPaging)
		}
		if seen[next] {
			return fmt.Errorf("cursor came twice: %w", ErrPaging)
		}
		seen[next] = true
		cursor = next
	}
	return fmt.Errorf("more than %d pages: %w", maxPages, ErrPaging)
}
