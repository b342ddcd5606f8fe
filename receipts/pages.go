package receipts

import (
	"context"
	"fmt"
)

// maxPages bounds how many pages of one list are fetched. A group has at most
// some 5,000 people and a page 200 of them, but a page may be shorter.
const maxPages = 250

// EachPage calls fetch with the cursor of each page, starting with the empty
// one, until it says that there is no more. It gives ErrPaging where the
// cursors repeat, are missing, or go on past any group's size.
func EachPage(ctx context.Context, fetch func(ctx context.Context, cursor string) (next string, more bool, err error)) error {
	seen := map[string]bool{"": true}
	cursor := ""
	for range maxPages {
		next, more, err := fetch(ctx, cursor)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
		if seen[next] {
			return fmt.Errorf("cursor came twice: %w", ErrPaging)
		}
		seen[next] = true
		cursor = next
	}
	return fmt.Errorf("more than %d pages: %w", maxPages, ErrPaging)
}
