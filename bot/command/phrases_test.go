package command

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"whoread/bot/command/when"
	"whoread/receipts"
)

// example is a phrase as a person types it, and what it means: one of several meanings, the
// number of the message, and the way to remind.
type example struct {
	ID, Lang, Text string
	Intent, OK     oneOrMore
	Number         int
	Way            receipts.Channel
}

type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*[]string)(o)); err == nil {
		return nil
	}
	*o = make([]string, 1)
	return json.Unmarshal(data, &(*o)[0])
}

var times = when.Times{Now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), MinEvery: time.Minute, MaxEvery: 1000 * time.Hour, MaxAhead: 1000 * time.Hour}

func examples(tb testing.TB, file string) []example {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []example
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e example
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			tb.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// meanings are what a verb counts as in the examples.
func meanings(v Verb) []string {
	switch v {
	case WhoRead:
		return []string{"whoread"}
	case Everyone:
		return []string{"everyone", "whoread", "unread"}
	case Cancel:
		return []string{"cancel", "stop", "recall"}
	case Confirm, Ignored, Unknown:
		return []string{string(v), "none"}
	case None:
		return []string{"help"}
	}
	return []string{v.Label()}
}

// harm is what a command does that nobody asked for; empty if it only asks back.
func harm(said Command) string {
	switch said.Verb {
	case Announce:
		if said.Title == "" || said.TitleIsCommand {
			return ""
		}
	case Follow:
		if _, err := times.Follow(said.Rest); err != nil { // it is asked about
			return ""
		}
	case Remind, Stop, Recall, Cancel, Skip:
	default:
		return ""
	}
	return string(said.Verb)
}

func understood(e example) bool {
	said := Parse(e.Text)
	n := said.Number
	if said.Verb == Follow {
		terms, err := times.Follow(said.Rest)
		if n = terms.Number; err != nil && !strings.Contains(err.Error(), string(when.NoInterval)) && !strings.Contains(e.Text, "每天") {
			return false
		}
	}
	return n == e.Number && (e.Way == "" || said.By == e.Way) &&
		slices.ContainsFunc(meanings(said.Verb), func(m string) bool { return slices.Contains(e.Intent, m) })
}

// People are understood in their own words.
func TestUnderstandOrdinaryPhrases(t *testing.T) {
	t.Parallel()
	for file, share := range map[string]float64{"ordinary.jsonl": 0.97, "own.jsonl": 0.94, "second.jsonl": 0.94} {
		all, right := examples(t, file), 0
		for _, e := range all {
			if understood(e) {
				right++
				continue
			}
			t.Logf("%s %q is taken for %+v, and means %v #%d %s", e.ID, e.Text, Parse(e.Text), e.Intent, e.Number, e.Way)
		}
		t.Logf("%s: %d of %d are understood", file, right, len(all))
		if float64(right) < share*float64(len(all)) {
			t.Errorf("%s: %d of %d are understood, want %.0f%%", file, right, len(all), share*100)
		}
	}
}

// Nothing that must not act does, whatever it is taken for.
func TestUnderstandNothingByAccident(t *testing.T) {
	t.Parallel()
	all := examples(t, "never-acts.jsonl")
	for _, file := range []string{"ordinary.jsonl", "own.jsonl", "second.jsonl"} {
		for _, e := range examples(t, file) {
			e.OK = e.Intent
			all = append(all, e)
		}
	}
	for _, e := range all {
		said := Parse(e.Text)
		if harm(said) != "" && !slices.ContainsFunc(meanings(said.Verb), func(m string) bool { return slices.Contains(e.OK, m) }) {
			t.Errorf("%s %q is taken for %+v, and may mean %v", e.ID, e.Text, said, e.OK)
		}
	}
	for _, e := range examples(t, "never-acts.jsonl") {
		if said := Parse(e.Text); harm(said) == "" && said.Verb != Announce &&
			!slices.ContainsFunc(meanings(said.Verb), func(m string) bool { return slices.Contains(e.OK, m) }) {
			t.Errorf("%s %q is taken for %+v, and may mean %v", e.ID, e.Text, said, e.OK)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	all := slices.Concat(examples(b, "ordinary.jsonl"), examples(b, "own.jsonl"))
	for b.Loop() {
		for _, e := range all {
			Parse(e.Text)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/phrase")
}
