package bot

import (
	"testing"

	"whoread/receipts"
)

func TestMay(t *testing.T) {
	t.Parallel()
	access := Access{Admins: []string{"configured"}}
	author := receipts.Person{UserID: "author", Name: "Ann"}
	people := map[string]Incoming{
		"administrator":         {Sender: receipts.Person{UserID: "boss"}, Admin: true},
		"configured":            {Sender: receipts.Person{UserID: "configured"}},
		"author":                {Sender: author},
		"member":                {Sender: receipts.Person{UserID: "member"}},
		"namesake":              {Sender: receipts.Person{UserID: "other", Name: "Ann"}},
		"outsider":              {Outsider: true},
		"outside administrator": {Sender: receipts.Person{UserID: "boss"}, Admin: true, Outsider: true},
		"outside configured":    {Sender: receipts.Person{UserID: "configured"}, Outsider: true},
		"outside author":        {Sender: author, Outsider: true},
	}
	for rule, allowed := range map[Rule][]string{
		Everyone: {"administrator", "configured", "author", "member", "namesake"},
		Admins:   {"administrator", "configured"},
		Author:   {"administrator", "configured", "author"},
		"":       nil, "nobody": nil, "Everyone": nil, "admins ": nil,
	} {
		for name, in := range people {
			want := false
			for _, one := range allowed {
				want = want || one == name
			}
			if got := access.may(rule, in, author); got != want {
				t.Errorf("rule %q, %s: %t, want %t", rule, name, got, want)
			}
		}
	}
}

// An adopted message has no author: only administrators are its author's equals.
func TestMayWithoutAnAuthor(t *testing.T) {
	t.Parallel()
	for _, in := range []Incoming{{Sender: receipts.Person{UserID: "member"}}, {Outsider: true}} {
		if (Access{}).may(Author, in, receipts.Person{}) {
			t.Errorf("%+v may", in)
		}
	}
	if !(Access{}).may(Author, Incoming{Sender: receipts.Person{UserID: "boss"}, Admin: true}, receipts.Person{}) {
		t.Error("an administrator may not")
	}
}

func TestWorks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		groups []string
		group  string
		want   bool
	}{
		{nil, "cid1", true},
		{[]string{}, "cid1", true},
		{[]string{"cid1", "cid2"}, "cid2", true},
		{[]string{"cid1"}, "cid2", false},
		{[]string{"cid1"}, "CID1", false},
		{[]string{""}, "cid1", false},
	} {
		if got := (Access{Groups: test.groups}).works(test.group); got != test.want {
			t.Errorf("groups %q, %q: %t, want %t", test.groups, test.group, got, test.want)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, w := range []*words{&chinese, &english} {
		for rule, want := range map[Rule]string{Admins: w.AdminsOnly, Author: w.AuthorOnly, "nobody": w.NobodyMay, "": w.NobodyMay} {
			if got := w.refusal(rule); got != want {
				t.Errorf("rule %q: %q, want %q", rule, got, want)
			}
		}
	}
}
