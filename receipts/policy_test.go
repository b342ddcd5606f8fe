package receipts_test

import (
	"testing"

	"whoread/receipts"
)

func TestMay(t *testing.T) {
	t.Parallel()
	policy := receipts.Policy{Admins: []string{"configured"}}
	author := receipts.Person{UserID: "author", Name: "Ann"}
	people := map[string]receipts.Actor{
		"administrator":         {Person: receipts.Person{UserID: "boss"}, Admin: true},
		"configured":            {Person: receipts.Person{UserID: "configured"}},
		"author":                {Person: author},
		"member":                {Person: receipts.Person{UserID: "member"}},
		"namesake":              {Person: receipts.Person{UserID: "other", Name: "Ann"}},
		"outsider":              {External: true},
		"outside administrator": {Person: receipts.Person{UserID: "boss"}, Admin: true, External: true},
		"outside configured":    {Person: receipts.Person{UserID: "configured"}, External: true},
		"outside author":        {Person: author, External: true},
	}
	for rule, allowed := range map[receipts.Rule][]string{
		receipts.Everyone: {"administrator", "configured", "author", "member", "namesake"},
		receipts.Admins:   {"administrator", "configured"},
		receipts.Author:   {"administrator", "configured", "author"},
		"":                nil, "nobody": nil, "Everyone": nil, "admins ": nil,
	} {
		for name, in := range people {
			want := false
			for _, one := range allowed {
				want = want || one == name
			}
			if got := policy.Allows(rule, in, author); got != want {
				t.Errorf("rule %q, %s: %t, want %t", rule, name, got, want)
			}
		}
	}
}

// An adopted message has no author: only administrators are its author's equals.
func TestMayWithoutAnAuthor(t *testing.T) {
	t.Parallel()
	for _, in := range []receipts.Actor{{Person: receipts.Person{UserID: "member"}}, {External: true}} {
		if (receipts.Policy{}).Allows(receipts.Author, in, receipts.Person{}) {
			t.Errorf("%+v may", in)
		}
	}
	if !(receipts.Policy{}).Allows(receipts.Author, receipts.Actor{Person: receipts.Person{UserID: "boss"}, Admin: true}, receipts.Person{}) {
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
		if got := (receipts.Policy{Groups: test.groups}).Works(test.group); got != test.want {
			t.Errorf("groups %q, %q: %t, want %t", test.groups, test.group, got, test.want)
		}
	}
}
