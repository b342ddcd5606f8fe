package receipts_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"whoread/receipts"
)

// seen is a read that a query showed in that minute.
func seen(minute int) receipts.Read { return receipts.Read{At: at(minute)} }

func at(minute int) time.Time { return morning.Add(time.Duration(minute) * time.Minute) }

func people(ids ...string) *receipts.Members {
	return &receipts.Members{UserIDs: ids, Source: receipts.SceneGroup, At: morning}
}

func learned(ids ...string) *receipts.Members {
	return &receipts.Members{UserIDs: ids, Source: receipts.Learned, At: morning}
}

func TestCompute(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("timeout")
	counted := receipts.Report{Source: receipts.SceneGroup, Counted: morning}
	for _, c := range []struct {
		name  string
		facts receipts.Facts
		want  func(r *receipts.Report)
	}{
		{
			"the audience is who has read and who has not",
			receipts.Facts{
				Audience: people("a", "b", "c"), Current: people("a", "b", "c"),
				Reads: receipts.Reads{"c": seen(1), "a": seen(2)}, AsOf: at(3),
			},
			func(r *receipts.Report) {
				r.Read = []receipts.Receipt{{UserID: "c", Read: seen(1)}, {UserID: "a", Read: seen(2)}}
				r.Unread, r.Total, r.AsOf = []string{"b"}, 3, at(3)
			},
		},
		{
			"readers of the same moment stand in a fixed order",
			receipts.Facts{
				Audience: people("c", "b", "a"), Current: people("c", "b", "a"),
				Reads: receipts.Reads{"c": seen(1), "a": seen(1), "b": seen(1)},
			},
			func(r *receipts.Report) {
				r.Read = []receipts.Receipt{{UserID: "a", Read: seen(1)}, {UserID: "b", Read: seen(1)}, {UserID: "c", Read: seen(1)}}
				r.Total = 3
			},
		},
		{
			"who left unread is counted apart, who left as a reader stays one",
			receipts.Facts{
				Audience: people("a", "b", "c"), Current: people("c"), Reads: receipts.Reads{"a": seen(1)},
			},
			func(r *receipts.Report) {
				r.Read, r.Unread = []receipts.Receipt{{UserID: "a", Read: seen(1)}}, []string{"c"}
				r.Total, r.Left = 2, 1
			},
		},
		{
			"who came later is counted apart, reader or not",
			receipts.Facts{
				Audience: people("a"), Current: people("a", "new", "newer"), Reads: receipts.Reads{"new": seen(1)},
			},
			func(r *receipts.Report) { r.Unread, r.Total, r.Joined = []string{"a"}, 1, 2 },
		},
		{
			"people from outside are counted as they are now",
			receipts.Facts{
				Audience: &receipts.Members{UserIDs: []string{"a"}, Outsiders: 2, Source: receipts.SceneGroup, At: morning},
				Current:  &receipts.Members{UserIDs: []string{"a"}, Outsiders: 5, Source: receipts.SceneGroup, At: at(9)},
			},
			func(r *receipts.Report) { r.Unread, r.Total, r.Outsiders = []string{"a"}, 1, 5 },
		},
		{
			"people from outside are counted as they were, if now is not known",
			receipts.Facts{
				Audience: &receipts.Members{UserIDs: []string{"a"}, Outsiders: 2, Source: receipts.SceneGroup, At: morning},
				Gaps:     []receipts.Gap{{Part: receipts.MembersPart, Err: unreachable}},
			},
			func(r *receipts.Report) {
				r.Total, r.Outsiders = 1, 2
				r.Gaps = []receipts.Gap{{Part: receipts.MembersPart, Err: unreachable}}
			},
		},
		{
			"with a gap, nobody is called unread, and the numbers stay",
			receipts.Facts{
				Audience: people("a", "b"), Current: people("a", "b"), Reads: receipts.Reads{"a": seen(1)},
				Gaps: []receipts.Gap{{Part: receipts.ReadersPart, Err: unreachable}},
			},
			func(r *receipts.Report) {
				r.Read, r.Total = []receipts.Receipt{{UserID: "a", Read: seen(1)}}, 2
				r.Gaps = []receipts.Gap{{Part: receipts.ReadersPart, Err: unreachable}}
			},
		},
		{
			"without an audience there are only readers",
			receipts.Facts{Current: people("a", "b"), Reads: receipts.Reads{"b": seen(2), "a": seen(1), "x": seen(3)}, Excluded: []string{"x"}},
			func(r *receipts.Report) {
				*r = receipts.Report{
					Read: []receipts.Receipt{{UserID: "a", Read: seen(1)}, {UserID: "b", Read: seen(2)}},
					Gaps: []receipts.Gap{{Part: receipts.AudiencePart, Err: receipts.ErrNoMemberList}},
				}
			},
		},
		{
			"why there is no audience is said once",
			receipts.Facts{Gaps: []receipts.Gap{{Part: receipts.AudiencePart, Err: unreachable}}},
			func(r *receipts.Report) {
				*r = receipts.Report{Gaps: []receipts.Gap{{Part: receipts.AudiencePart, Err: unreachable}}}
			},
		},
		{
			"a learned audience grows by its readers, and who came later can't be told",
			receipts.Facts{
				Audience: learned("a", "b"), Current: learned("a", "b", "c", "d"), Reads: receipts.Reads{"c": seen(1), "boss": seen(1)},
				Excluded: []string{"boss"},
			},
			func(r *receipts.Report) {
				r.Read, r.Unread = []receipts.Receipt{{UserID: "c", Read: seen(1)}}, []string{"a", "b"}
				r.Total, r.Source = 3, receipts.Learned
			},
		},
		{
			"who came after a learned audience can't be told by a list either, but who left",
			receipts.Facts{Audience: learned("a", "b"), Current: people("a", "c")},
			func(r *receipts.Report) { r.Unread, r.Total, r.Left, r.Source = []string{"a"}, 1, 1, receipts.Learned },
		},
		{
			"who is missing from a learned list has not left, unless somebody saw it",
			receipts.Facts{
				Audience: &receipts.Members{UserIDs: []string{"a", "b", "c"}, Outsiders: 2, Source: receipts.SceneGroup, At: morning},
				Current:  &receipts.Members{UserIDs: []string{"a", "new"}, Gone: []string{"c", "x"}, Source: receipts.Learned, At: at(5)},
			},
			func(r *receipts.Report) {
				r.Unread, r.Total, r.Left, r.Joined, r.Outsiders = []string{"a", "b"}, 2, 1, 1, 2
			},
		},
		{
			"the excluded are nowhere",
			receipts.Facts{
				Audience: people("a", "boss", "bot", "gone"), Current: people("a", "boss", "bot", "newbot"),
				Reads: receipts.Reads{"boss": seen(1)}, Excluded: []string{"boss", "bot", "gone", "newbot"},
			},
			func(r *receipts.Report) { r.Unread, r.Total = []string{"a"}, 1 },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := counted
			if c.facts.Audience != nil && c.facts.Current != nil {
				want.Present = c.facts.Current.Source
			}
			c.want(&want)
			got := receipts.Compute(c.facts)
			if diff := cmp.Diff(want, got, cmpopts.EquateErrors(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPercentIsRoundedDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		read, total, want int
	}{
		{0, 0, 0},
		{0, 45, 0},
		{37, 45, 82},
		{199, 200, 99},
		{999, 1000, 99},
		{1000, 1000, 100},
	} {
		r := receipts.Report{Read: make([]receipts.Receipt, c.read), Total: c.total}
		if got := r.Percent(); got != c.want {
			t.Errorf("%d/%d is %d%%; want %d%%", c.read, c.total, got, c.want)
		}
	}
}

func TestAllReadIsOnlySaidWhenItIsCertain(t *testing.T) {
	t.Parallel()
	one := []receipts.Receipt{{UserID: "a"}}
	for _, c := range []struct {
		name   string
		report receipts.Report
		want   bool
	}{
		{"all have", receipts.Report{Read: one, Total: 1}, true},
		{"one has not", receipts.Report{Read: one, Total: 2}, false},
		{"nobody was to read", receipts.Report{}, false},
		{"a learned audience may not be all", receipts.Report{Read: one, Total: 1, Source: receipts.Learned}, false},
		{"incomplete", receipts.Report{Read: one, Total: 1, Gaps: []receipts.Gap{{Part: receipts.MembersPart}}}, false},
	} {
		if got := c.report.AllRead(); got != c.want {
			t.Errorf("%s: AllRead() = %v; want %v", c.name, got, c.want)
		}
	}
}

var crowd = []string{"a", "b", "c", "d", "e", "张三", "李四", "😀", "é", "f"}

func someOf(t *rapid.T, label string) []string {
	return rapid.SliceOfDistinct(rapid.SampledFrom(crowd), rapid.ID[string]).Draw(t, label)
}

func maybeMembers(t *rapid.T, label string) *receipts.Members {
	if rapid.IntRange(0, 4).Draw(t, label+" unknown") == 0 {
		return nil
	}
	m := people(someOf(t, label)...)
	m.Outsiders = rapid.IntRange(0, 3).Draw(t, label+" outsiders")
	return m
}

// anyAuthor draws the userId of who announced something; empty for nobody.
func anyAuthor(t *rapid.T) string {
	return rapid.SampledFrom(append([]string{"", "nobody's"}, crowd...)).Draw(t, "author")
}

// Who announced it has read it when it was sent, however that is known or not, and counts only
// where they are of the audience.
func TestWhoAnnouncedItHasReadIt(t *testing.T) {
	t.Parallel()
	author := receipts.Person{UserID: "author", Name: "李雷"}
	sent := receipts.Message{Author: author, State: receipts.Sent, CreatedAt: morning, SentAt: at(1)}
	when := receipts.Read{At: at(1), Exact: true}
	first := receipts.Receipt{UserID: "author", Read: when}
	in := func(s receipts.State) receipts.Message { m := sent; m.State = s; return m }
	of := func(p receipts.Person) receipts.Message { m := sent; m.Author = p; return m }
	for _, c := range []struct {
		name   string
		facts  receipts.Facts
		read   []receipts.Receipt
		unread []string
		total  int
	}{
		{"nobody else has", receipts.Facts{Message: sent, Audience: people("a", "author"), Current: people("a", "author")}, []receipts.Receipt{first}, []string{"a"}, 2},
		{"nobody else was there", receipts.Facts{Message: sent, Audience: people("author"), Current: people("author")}, []receipts.Receipt{first}, nil, 1},
		{
			"a query shows it later",
			receipts.Facts{Message: sent, Audience: people("a", "author"), Current: people("a", "author"), Reads: receipts.Reads{"a": seen(2), "author": seen(5)}},
			[]receipts.Receipt{first, {UserID: "a", Read: seen(2)}},
			nil, 2,
		},
		{
			"DingTalk pushes it later",
			receipts.Facts{Message: sent, Audience: people("a", "author"), Current: people("a", "author"), Reads: receipts.Reads{"author": {At: at(5), Exact: true}}},
			[]receipts.Receipt{first},
			[]string{"a"},
			2,
		},
		{
			"a clock of DingTalk's is behind",
			receipts.Facts{Message: sent, Audience: people("author"), Current: people("author"), Reads: receipts.Reads{"author": {At: at(0), Exact: true}}},
			[]receipts.Receipt{first},
			nil, 1,
		},
		{"left since", receipts.Facts{Message: sent, Audience: people("a", "author"), Current: people("a")}, []receipts.Receipt{first}, []string{"a"}, 2},
		{"left before", receipts.Facts{Message: sent, Audience: people("a", "author"), Moves: map[string][]receipts.Sighting{"author": {{At: morning}}}, Current: people("a")}, nil, []string{"a"}, 1},
		{"is on no list", receipts.Facts{Message: sent, Audience: people("a"), Current: people("a")}, nil, []string{"a"}, 1},
		{"is not counted", receipts.Facts{Message: sent, Audience: people("a", "author"), Current: people("a", "author"), Excluded: []string{"author"}}, nil, []string{"a"}, 1},
		{"nobody knows for whom it is", receipts.Facts{Message: sent}, []receipts.Receipt{first}, nil, 0},
		{"nobody knows for whom it is, and is not counted", receipts.Facts{Message: sent, Excluded: []string{"author"}}, nil, nil, 0},
		{"was not noticed", receipts.Facts{Message: sent, Audience: learned("a"), Current: learned("a")}, []receipts.Receipt{first}, []string{"a"}, 2},
		{"with a gap", receipts.Facts{Message: sent, Audience: people("a", "author"), Gaps: []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrNotYet}}}, []receipts.Receipt{first}, nil, 2},
		{"recalled", receipts.Facts{Message: in(receipts.Recalled), Audience: people("a", "author")}, []receipts.Receipt{first}, []string{"a"}, 2},
		{"expired", receipts.Facts{Message: in(receipts.Expired), Audience: people("a", "author")}, []receipts.Receipt{first}, []string{"a"}, 2},
		// What was not posted nobody has read.
		{"failed", receipts.Facts{Message: in(receipts.Failed), Audience: people("author"), Gaps: []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrOver}}}, nil, nil, 1},
		{"perhaps not delivered", receipts.Facts{Message: in(receipts.Uncertain), Audience: people("author"), Gaps: []receipts.Gap{{Part: receipts.ReadersPart, Err: receipts.ErrOver}}}, nil, nil, 1},
		// Nobody is called nobody, and names are not ids.
		{"adopted", receipts.Facts{Message: of(receipts.Person{}), Audience: people("a", ""), Current: people("a", "")}, nil, []string{"a", ""}, 2},
		{"has a name only", receipts.Facts{Message: of(receipts.Person{Name: "a"}), Audience: people("a"), Current: people("a")}, nil, []string{"a"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(c.facts.Reads)
			r := receipts.Compute(c.facts)
			if diff := cmp.Diff(c.read, r.Read, cmpopts.EquateEmpty()); diff != "" || !slices.Equal(r.Unread, c.unread) || r.Total != c.total {
				t.Errorf("unread %q of %d, want %q of %d; readers (-want +got):\n%s", r.Unread, r.Total, c.unread, c.total, diff)
			}
			if diff := cmp.Diff(before, c.facts.Reads); diff != "" {
				t.Errorf("what is known of the readers became (-before +after):\n%s", diff)
			}
		})
	}
}

// anyFacts draws facts without regard to whether they can come together.
func anyFacts(t *rapid.T) receipts.Facts {
	f := receipts.Facts{
		Message:  receipts.Message{Group: group, Number: 1, State: receipts.Sent, Author: receipts.Person{UserID: anyAuthor(t)}, SentAt: morning},
		Audience: maybeMembers(t, "audience"),
		Current:  maybeMembers(t, "current"),
		Reads:    receipts.Reads{},
		AsOf:     morning,
		Excluded: someOf(t, "excluded"),
	}
	for _, id := range someOf(t, "readers") {
		f.Reads[id] = receipts.Read{At: at(rapid.IntRange(0, 3).Draw(t, "read")), Exact: rapid.Bool().Draw(t, "exact")}
	}
	for _, part := range []receipts.Part{receipts.ReadersPart, receipts.MembersPart, receipts.AudiencePart} {
		if rapid.IntRange(0, 5).Draw(t, "gap") == 0 {
			f.Gaps = append(f.Gaps, receipts.Gap{Part: part, Err: receipts.ErrNotYet})
		}
	}
	return f
}

func TestComputeOfAnyFacts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		promise string
		holds   func(f receipts.Facts, r receipts.Report) bool
	}{
		{"nobody who has read is called unread", func(f receipts.Facts, r receipts.Report) bool {
			return !slices.ContainsFunc(r.Unread, func(id string) bool { _, read := f.Reads[id]; return read })
		}},
		{"an incomplete report names nobody", func(f receipts.Facts, r receipts.Report) bool {
			return r.Complete() || len(r.Unread) == 0 && !r.AllRead()
		}},
		{"every gap is told", func(f receipts.Facts, r receipts.Report) bool {
			return !slices.ContainsFunc(f.Gaps, func(g receipts.Gap) bool { return !slices.Contains(r.Gaps, g) })
		}},
		{"a report without an audience is incomplete and has no total", func(f receipts.Facts, r receipts.Report) bool {
			return f.Audience != nil || !r.Complete() && r.Total == 0
		}},
		{"a total is the read and the unread", func(f receipts.Facts, r receipts.Report) bool {
			return !r.Complete() || r.Total == len(r.Read)+len(r.Unread)
		}},
		{"everybody in the audience is read, unread or gone", func(f receipts.Facts, r receipts.Report) bool {
			return f.Audience == nil || r.Total+r.Left == len(f.Audience.Without(f.Excluded).UserIDs)
		}},
		{"only the audience is asked for", func(f receipts.Facts, r receipts.Report) bool {
			return !slices.ContainsFunc(append(readerIDs(r), r.Unread...), func(id string) bool {
				return f.Audience != nil && !slices.Contains(f.Audience.UserIDs, id)
			})
		}},
		{"nobody who left is called unread", func(f receipts.Facts, r receipts.Report) bool {
			return !slices.ContainsFunc(r.Unread, func(id string) bool {
				return f.Current != nil && !slices.Contains(f.Current.UserIDs, id)
			})
		}},
		{"a reader in the audience is shown, wherever he is now, with his time", func(f receipts.Facts, r receipts.Report) bool {
			for id, known := range f.Reads {
				if id == f.Message.Author.UserID {
					continue
				}
				counts := (f.Audience == nil || slices.Contains(f.Audience.UserIDs, id)) && !slices.Contains(f.Excluded, id)
				if counts != slices.Contains(r.Read, receipts.Receipt{UserID: id, Read: known}) {
					return false
				}
			}
			return true
		}},
		{"who announced it is never unread", func(f receipts.Facts, r receipts.Report) bool {
			return !slices.Contains(r.Unread, f.Message.Author.UserID)
		}},
		{"who announced it and is of the audience has read it when it was sent", func(f receipts.Facts, r receipts.Report) bool {
			id := f.Message.Author.UserID
			counts := id != "" && (f.Audience == nil || slices.Contains(f.Audience.UserIDs, id)) && !slices.Contains(f.Excluded, id)
			return counts == slices.Contains(readerIDs(r), id) && counts == slices.Contains(r.Read, receipts.Receipt{UserID: id, Read: receipts.Read{At: morning, Exact: true}})
		}},
		{"nobody is named twice", func(f receipts.Facts, r receipts.Report) bool {
			named := append(readerIDs(r), r.Unread...)
			slices.Sort(named)
			return len(slices.Compact(slices.Clone(named))) == len(named)
		}},
		{"readers come in the order of their reads", func(f receipts.Facts, r receipts.Report) bool {
			return slices.IsSortedFunc(r.Read, func(a, b receipts.Receipt) int { return a.At.Compare(b.At) })
		}},
		{"who joined is in the group and not in the audience", func(f receipts.Facts, r receipts.Report) bool {
			if f.Audience == nil || f.Current == nil {
				return r.Joined == 0
			}
			return r.Joined == len(f.Current.Without(f.Excluded).Without(f.Audience.UserIDs).UserIDs)
		}},
		{"100 percent is everybody", func(f receipts.Facts, r receipts.Report) bool {
			return r.Percent() >= 0 && r.Percent() <= 100 && (r.Percent() < 100 || len(r.Read) == r.Total)
		}},
	} {
		t.Run(c.promise, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				f := anyFacts(t)
				if r := receipts.Compute(f); !c.holds(f, r) {
					t.Fatalf("facts %+v\nreport %+v", f, r)
				}
			})
		})
	}
}

// The audience is who was in the group when the message was posted: neither earlier,
// when it was counted, nor later.
func TestTheAudienceIsOfTheMomentOfPosting(t *testing.T) {
	t.Parallel()
	posted := morning.Add(20 * time.Second)
	came := func(after time.Duration) receipts.Sighting {
		return receipts.Sighting{At: posted.Add(after), Here: true}
	}
	left := func(after time.Duration) receipts.Sighting { return receipts.Sighting{At: posted.Add(after)} }
	sent := receipts.Message{State: receipts.Sent, CreatedAt: morning, SentAt: posted}
	quoted := receipts.Message{State: receipts.Sent, CreatedAt: morning, SentAt: at(10)}
	for _, c := range []struct {
		name    string
		message receipts.Message
		moves   map[string][]receipts.Sighting
		unread  []string
		joined  int
	}{
		{"nobody moved", sent, nil, []string{"a", "b"}, 1},
		{"came before it", sent, map[string][]receipts.Sighting{"c": {came(-time.Second)}}, []string{"a", "b", "c"}, 0},
		{"came when it was posted", sent, map[string][]receipts.Sighting{"c": {came(0)}}, []string{"a", "b", "c"}, 0},
		{"came after it", sent, map[string][]receipts.Sighting{"c": {came(time.Millisecond)}}, []string{"a", "b"}, 1},
		{"came before it, and was counted", sent, map[string][]receipts.Sighting{"a": {came(-time.Second)}}, []string{"a", "b"}, 1},
		{"left before it, and came back", sent, map[string][]receipts.Sighting{"b": {left(-time.Second)}}, []string{"a"}, 2},
		{"left when it was posted, and came back", sent, map[string][]receipts.Sighting{"b": {left(0)}}, []string{"a", "b"}, 1},
		{"left after it, and came back", sent, map[string][]receipts.Sighting{"b": {left(time.Second)}}, []string{"a", "b"}, 1},
		{"one came, one left", sent, map[string][]receipts.Sighting{"b": {left(-2 * time.Second)}, "c": {came(-time.Second)}}, []string{"a", "c"}, 1},
		{"left and came back before it", sent, map[string][]receipts.Sighting{"b": {came(-time.Second), left(-2 * time.Second)}, "c": {left(-2 * time.Second), came(-time.Second)}}, []string{"a", "b", "c"}, 0},
		{"left before it and came back after it", sent, map[string][]receipts.Sighting{"b": {came(time.Second), left(-time.Second)}}, []string{"a"}, 2},
		{"came before it, left and came back after it", sent, map[string][]receipts.Sighting{"c": {came(2 * time.Second), left(time.Second), came(-time.Second)}}, []string{"a", "b", "c"}, 0},
		{"left before the list was made, which has him", sent, map[string][]receipts.Sighting{"b": {left(-time.Minute)}}, []string{"a", "b"}, 1},
		{"came while it may have been there, which only a quotation shows", quoted, map[string][]receipts.Sighting{"c": {came(time.Second)}}, []string{"a", "b"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := receipts.Facts{Message: c.message, Audience: people("a", "b"), Moves: c.moves, Current: people("a", "b", "c")}
			r := receipts.Compute(f)
			if !slices.Equal(r.Unread, c.unread) || r.Joined != c.joined || r.Total != len(c.unread) || r.Left != 0 {
				t.Errorf("unread %v of %d, %d joined, %d left; want %v and %d", r.Unread, r.Total, r.Joined, r.Left, c.unread, c.joined)
			}
			if !slices.Equal(f.Audience.UserIDs, []string{"a", "b"}) {
				t.Errorf("the audience that was counted became %v", f.Audience.UserIDs)
			}
		})
	}
}

// Of a learned audience, or present members, the promises hold too.
func TestComputeOfLearnedMembers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		for _, m := range []*receipts.Members{f.Audience, f.Current} {
			if m != nil && rapid.Bool().Draw(t, "learned") {
				m.Source, m.Outsiders = receipts.Learned, 0
				m.Gone = m.Without(m.UserIDs).Gone
				for _, id := range someOf(t, "gone") {
					if !slices.Contains(m.UserIDs, id) {
						m.Gone = append(m.Gone, id)
					}
				}
			}
		}
		r := receipts.Compute(f)
		for _, id := range r.Unread {
			_, read := f.Reads[id]
			if read || !slices.Contains(f.Audience.UserIDs, id) || f.Current != nil && slices.Contains(f.Current.Gone, id) {
				t.Fatalf("%s is called unread: %+v, %+v", id, f, r)
			}
		}
		if !r.Complete() && len(r.Unread) > 0 {
			t.Fatalf("an incomplete report names somebody: %+v", r)
		}
		if f.Audience == nil || f.Audience.Source != receipts.Learned {
			return
		}
		if r.AllRead() || r.Joined > 0 {
			t.Fatalf("claims what nobody can tell: %+v", r)
		}
		known := maps.Clone(f.Reads)
		if author := f.Message.Author.UserID; author != "" {
			known[author] = receipts.Read{At: morning, Exact: true}
		}
		for id, known := range known {
			if slices.Contains(r.Read, receipts.Receipt{UserID: id, Read: known}) == slices.Contains(f.Excluded, id) {
				t.Fatalf("reader %s is counted wrongly: %+v", id, r)
			}
		}
	})
}

func TestComputeTheExcludedLeaveNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		never := f
		never.Excluded, never.Reads = nil, maps.Clone(f.Reads)
		maps.DeleteFunc(never.Reads, func(id string, _ receipts.Read) bool { return slices.Contains(f.Excluded, id) })
		if slices.Contains(f.Excluded, f.Message.Author.UserID) {
			never.Message.Author = receipts.Person{}
		}
		if f.Audience != nil {
			m := f.Audience.Without(f.Excluded)
			never.Audience = &m
		}
		if f.Current != nil {
			m := f.Current.Without(f.Excluded)
			never.Current = &m
		}
		want := receipts.Compute(never)
		want.Message = f.Message // which was announced all the same
		if diff := cmp.Diff(want, receipts.Compute(f), cmpopts.EquateErrors(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("as if they never were (-want), as excluded (+got):\n%s", diff)
		}
	})
}

func TestComputeAReaderStaysAReader(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		earlier := receipts.Compute(f)
		f.Reads = maps.Clone(f.Reads)
		for _, id := range someOf(t, "more readers") {
			if _, known := f.Reads[id]; !known {
				f.Reads[id] = seen(9)
			}
		}
		f.Current = maybeMembers(t, "current later") // people come and go
		later := receipts.Compute(f)
		for _, receipt := range earlier.Read {
			if !slices.Contains(later.Read, receipt) {
				t.Fatalf("%v had read and has no longer: %+v", receipt, later)
			}
		}
		for _, id := range later.Unread {
			if slices.Contains(readerIDs(earlier), id) {
				t.Fatalf("%s had read and is called unread: %+v", id, later)
			}
		}
	})
}

func TestComputeIsPure(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		gaps := make([]receipts.Gap, len(f.Gaps)+1) // with room for an append
		f.Gaps = gaps[:copy(gaps, f.Gaps)]
		before := f
		before.Reads, before.Gaps = maps.Clone(f.Reads), slices.Clone(gaps)
		for _, m := range []**receipts.Members{&before.Audience, &before.Current} {
			if *m != nil {
				*m = cloned(**m)
			}
		}
		first, second := receipts.Compute(f), receipts.Compute(f)
		if diff := cmp.Diff(first, second, cmpopts.EquateErrors()); diff != "" {
			t.Fatalf("the same facts gave two reports:\n%s", diff)
		}
		f.Gaps = gaps
		if diff := cmp.Diff(before, f, cmpopts.EquateErrors(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the facts were changed:\n%s", diff)
		}
	})
}
