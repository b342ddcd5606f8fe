package reply

import (
	"testing"

	"whoread/receipts"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, w := range []*Words{&chinese, &english} {
		for rule, want := range map[receipts.Rule]string{receipts.Admins: w.AdminsOnly, receipts.Author: w.AuthorOnly, "nobody": w.NobodyMay, "": w.NobodyMay} {
			if got := w.Refusal(rule); got != want {
				t.Errorf("rule %q: %q, want %q", rule, got, want)
			}
		}
	}
}
