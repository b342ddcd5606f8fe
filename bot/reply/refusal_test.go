package reply

import (
	"testing"

	"whoread/bot/command"
	"whoread/receipts"
)

// A refusal names somebody who may, if one is known.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for language, want := range map[command.Language]map[string]string{
		command.Chinese: {"李雷": "只有管理员能这样做，可以找李雷。", "": "只有管理员能这样做。", "**李**": `只有管理员能这样做，可以找\*\*李\*\*。`},
		command.English: {"Bob": "Only admins can do this; ask Bob.", "": "Only admins can do this.", "**B**": `Only admins can do this; ask \*\*B\*\*.`},
	} {
		w := For(language)
		for admin, sentence := range want {
			if got := w.Refusal(receipts.Admins, admin); got != sentence {
				t.Errorf("admin %q: %q, want %q", admin, got, sentence)
			}
		}
		for rule, sentence := range map[receipts.Rule]string{receipts.Author: w.AuthorOnly, "nobody": w.NobodyMay, "": w.NobodyMay} {
			if got := w.Refusal(rule, "Bob"); got != sentence {
				t.Errorf("rule %q: %q, want %q", rule, got, sentence)
			}
		}
	}
}
