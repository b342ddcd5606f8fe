package receiptstest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

// pending are the promises about questions that somebody is asked.
var pending = []contract{
	{"a question is the next command's and no other's", func(t *testing.T, s Store) {
		ctx := t.Context()
		asked := receipts.Pending{Kind: receipts.PendingReminder, Number: 7, By: receipts.Ding, People: []string{"a", "b"}}
		commands := func(group, userID, command string) {
			t.Helper()
			u := receipts.GroupUpdate{Speaker: receipts.Person{UserID: userID}, At: noon, Command: command}
			if err := s.SaveGroupUpdate(ctx, group, u); err != nil {
				t.Fatal(err)
			}
		}
		is := func(userID, command string, want *receipts.Pending) {
			t.Helper()
			if diff := cmp.Diff(want, must(s.Pending(ctx, group, userID, command))(t)); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", command, userID, diff)
			}
		}
		is("u1", "msg1", nil)
		if err := s.SavePending(ctx, group, "u1", asked); err != nil {
			t.Fatal(err)
		}
		commands(group, "u2", "of another")
		commands("another group", "u1", "elsewhere")
		is("u2", "of another", nil)
		is("u1", "of another", nil)
		is("u1", "", nil)
		commands(group, "u1", "msg2")
		commands(group, "u1", "msg3")
		commands(group, "u1", "msg2") // again
		is("u1", "msg2", &asked)
		is("u1", "msg3", nil)
		is("u1", "msg2", &asked)
		if err := s.SavePending(ctx, group, "u1", receipts.Pending{Kind: receipts.PendingReminder, Number: 8}); err != nil {
			t.Fatal(err)
		}
		is("u1", "msg2", nil)
		commands(group, "u1", "msg4")
		is("u1", "msg4", &receipts.Pending{Kind: receipts.PendingReminder, Number: 8})
	}},
	{"a question that comes by itself waits for the answer to another", func(t *testing.T, s Store) {
		ctx := t.Context()
		late := receipts.Pending{Kind: receipts.PendingSend, Number: 7}
		ask := func(p receipts.Pending, want bool) {
			t.Helper()
			if got := must(s.Ask(ctx, group, "u1", p))(t); got != want {
				t.Errorf("#%d is asked about: %t, want %t", p.Number, got, want)
			}
		}
		yes := func(command string, want *receipts.Pending) {
			t.Helper()
			u := receipts.GroupUpdate{Speaker: receipts.Person{UserID: "u1"}, At: noon, Command: command}
			if err := s.SaveGroupUpdate(ctx, group, u); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, must(s.Pending(ctx, group, "u1", command))(t)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", command, diff)
			}
		}
		asked := receipts.Pending{Kind: receipts.PendingReminder, Number: 6}
		if err := s.SavePending(ctx, group, "u1", asked); err != nil {
			t.Fatal(err)
		}
		ask(late, false)
		yes("msg1", &asked)
		ask(late, true)
		ask(late, true) // again
		ask(receipts.Pending{Kind: receipts.PendingSend, Number: 8}, false)
		yes("msg2", &late)
		yes("msg3", nil)
	}},
}
