package reply

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"whoread/bot/command"
	"whoread/bot/command/when"
	"whoread/receipts"
)

// sentences are all sentences of a language by the names of their fields.
func sentences(w *Words) map[string]string {
	all := map[string]string{}
	collect(all, "", reflect.ValueOf(*w))
	return all
}

func collect(all map[string]string, name string, value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		for field, inner := range value.Fields() {
			collect(all, strings.TrimPrefix(name+"."+field.Name, "."), inner)
		}
	case reflect.Map:
		for entries := value.MapRange(); entries.Next(); {
			collect(all, name+"."+entries.Key().String(), entries.Value())
		}
	default:
		all[name] = value.String()
	}
}

var formatVerb = regexp.MustCompile(`%(?:\[[0-9]\])?.?`)

// arguments are the verbs of a format, by their places where it names these.
func arguments(format string) []string {
	verbs := formatVerb.FindAllString(format, -1)
	if strings.Contains(format, "%[") {
		slices.Sort(verbs)
	}
	return verbs
}

func TestWordsAreCompleteInBothLanguages(t *testing.T) {
	t.Parallel()
	zh, en := sentences(&chinese), sentences(&english)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(zh)), slices.Sorted(maps.Keys(en))); diff != "" {
		t.Errorf("sentences (-zh +en):\n%s", diff)
	}
	han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	for name := range zh {
		if name == "Blank" { // there is none between Chinese sentences
			continue
		}
		if strings.TrimSpace(zh[name]) == "" || strings.TrimSpace(en[name]) == "" {
			t.Errorf("%s is empty: zh %q, en %q", name, zh[name], en[name])
		}
		// The same arguments go into both, in the same order. Beyond a list of names, Chinese
		// counts all people and English the others.
		if diff := cmp.Diff(arguments(zh[name]), arguments(en[name])); diff != "" && !strings.HasPrefix(name, "AndMore") {
			t.Errorf("format of %s (-zh +en):\n%s", name, diff)
		}
		helps := name == "Help" || name == "HelpAdmins" || name == "Private"
		if name != "Help" && strings.ContainsFunc(en[name], han) {
			t.Errorf("%s: command.Chinese in command.English: %q", name, en[name])
		}
		for _, sentence := range []string{zh[name], en[name]} {
			if !helps && strings.Contains(sentence, "\n") {
				t.Errorf("%s has several lines: %q", name, sentence)
			}
			// Somebody may quote it: a number in it would be taken for a message's.
			if regexp.MustCompile(`#[0-9]`).MatchString(sentence) {
				t.Errorf("%s names a message that it is not about: %q", name, sentence)
			}
		}
	}
}

// constants are the values of all constants of a type that a package declares.
func constants(t *testing.T, folder, typeName string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != typeName {
				return true
			}
			for _, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, text)
				}
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("no constants of type %s in %s", typeName, folder)
	}
	slices.Sort(values)
	return values
}

func keys[K ~string](m map[K]string) []string {
	var all []string
	for key := range m {
		all = append(all, string(key))
	}
	slices.Sort(all)
	return all
}

func without[K ~string](all []string, some ...K) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, K(s)) })
}

func TestWordsForEveryConstant(t *testing.T) {
	t.Parallel()
	kinds := without(constants(t, "../../receipts", "Reason"), receipts.Interrupted)
	// What only a card can meet becomes a reason with the domain's cards; then it is one here too.
	ofCards := []string{"card_exists", "card_missing", "card_template", "card_undelivered"}
	if diff := cmp.Diff(without(constants(t, "../../receipts/dingtalk", "Kind"), ofCards...), kinds); diff != "" {
		t.Errorf("reasons are the kinds of failure of DingTalk's client (-kinds +reasons):\n%s", diff)
	}
	states := constants(t, "../../receipts", "State")
	for language, w := range map[command.Language]*Words{command.Chinese: &chinese, command.English: &english} {
		for name, test := range map[string]struct{ want, got []string }{
			"Problems":     {kinds, keys(w.Problems)},
			"Sources":      {constants(t, "../../receipts", "Source"), keys(w.Sources)},
			"Gaps":         {constants(t, "../../receipts", "Part"), keys(w.Gaps)},
			"States":       {without(states, receipts.Sent), keys(w.States)},
			"StateExtra":   {without(states, receipts.Sent), keys(w.StateExtra)},
			"Unrecallable": {without(states, receipts.Sent, receipts.Expired), keys(w.Unrecallable)},
			"Ends":         {constants(t, "../../receipts", "End"), keys(w.Ends)},
			"Questions":    {constants(t, "../command/when", "Why"), keys(w.Questions)},
			"RemindedBy":   {without(constants(t, "../../receipts", "Channel"), receipts.Mention), keys(w.RemindedBy)}, // mentions speak for themselves
		} {
			if diff := cmp.Diff(test.want, test.got); diff != "" {
				t.Errorf("%s in %s (-want +got):\n%s", name, language, diff)
			}
		}
	}
}

// Every kind of failure has its own sentence: none is a copy of another's.
func TestEveryProblemIsToldApart(t *testing.T) {
	t.Parallel()
	for _, w := range []*Words{&chinese, &english} {
		told := map[string]receipts.Reason{}
		for kind, sentence := range w.Problems {
			if other, twice := told[sentence]; twice {
				t.Errorf("%s and %s are both %q", kind, other, sentence)
			}
			told[sentence] = kind
		}
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	wrapped := func(err error) error { return fmt.Errorf("list members: %w", err) }
	for _, w := range []*Words{&chinese, &english} {
		for name, test := range map[string]struct {
			err  error
			want string
		}{
			"not yet":    {wrapped(receipts.ErrNotYet), w.NotYet},
			"delivering": {receipts.ErrDelivering, w.Delivering},
			"paging":     {wrapped(receipts.ErrPaging), w.Paging},
			"DingTalk's": {wrapped(&receipts.Failure{Reason: receipts.QuotaSpent}), w.Problems[receipts.QuotaSpent]},
			"both": {
				fmt.Errorf("%w: %w", receipts.ErrNoMemberList, &receipts.Failure{Reason: receipts.PermissionDenied}), w.Problems[receipts.PermissionDenied],
			},
			"a kind of tomorrow": {&receipts.Failure{Reason: "brand_new"}, w.Problems[receipts.Unknown]},
			"too late":           {wrapped(context.DeadlineExceeded), w.Problems[receipts.Unavailable]},
			"anything":           {errors.New("secret detail"), w.Problems[receipts.Unknown]},
			"nothing":            {nil, w.Problems[receipts.Unknown]},
		} {
			if got := w.Problem(test.err); got != test.want {
				t.Errorf("%s: %q, want %q", name, got, test.want)
			}
		}
		for reason, want := range map[receipts.Reason]string{
			receipts.Interrupted: w.Interrupted, receipts.BotStopped: w.Problems[receipts.BotStopped],
			"": w.Problems[receipts.Unknown], "brand_new": w.Problems[receipts.Unknown],
		} {
			if got := w.Reason(reason); got != want {
				t.Errorf("reason %q: %q, want %q", reason, got, want)
			}
		}
	}
}

// isTime reports whether the phrase is a time, an interval, when to post, or what ends a
// follow-up.
func isTime(phrase string) bool {
	times := timesOfTests()
	_, notEvery := times.Every(phrase)
	_, notDeadline := times.Deadline(phrase)
	_, notUntil := times.Follow("every 30m " + phrase)
	later, notLater := times.Announce(phrase + " title")
	return notEvery == nil || notDeadline == nil || notUntil == nil || notLater == nil && !later.At.IsZero() && later.Title == "title"
}

// timesOfTests are those of somebody who speaks shortly after midnight.
func timesOfTests() when.Times {
	return when.Times{Now: time.Date(2026, 8, 3, 0, 30, 0, 0, time.UTC), MinEvery: receipts.EveryMin, MaxEvery: receipts.EveryMax, MaxAhead: 365 * 24 * time.Hour, MaxLater: receipts.LaterMax}
}

// hasTimes reports whether the times in a suggested command are understood.
func hasTimes(said command.Command, phrase string) bool {
	var err error
	terms := when.Opening{Every: 1}
	switch {
	case said.Verb == command.Follow && said.Rest != "":
		_, err = timesOfTests().Follow(said.Rest)
	case said.Verb == command.Announce && strings.ContainsAny(phrase, "0123456789"):
		terms, err = timesOfTests().Announce(said.Title)
	}
	return err == nil && (terms.Every > 0 || !terms.Deadline.IsZero() || !terms.At.IsZero()) && !strings.ContainsAny(terms.Title, "0123456789")
}

// Phrases that the bot suggests in a sentence are phrases that it understands: as a
// command with all that is in it, or as a time.
func TestSentencesSuggestWhatIsUnderstood(t *testing.T) {
	t.Parallel()
	quoted := regexp.MustCompile(`"([^"%]+)"|「([^」%]+)」|\*\*([^*%]+)\*\*`)
	for language, w := range map[command.Language]*Words{command.Chinese: &chinese, command.English: &english} {
		for name, sentence := range sentences(w) {
			for _, found := range quoted.FindAllStringSubmatch(strings.ReplaceAll(sentence, `"%s"`, ""), -1) {
				phrase := found[1] + found[2] + found[3]
				if phrase == "权限管理" || strings.HasSuffix(phrase, ".") || strings.HasSuffix(phrase, "。") || strings.HasSuffix(phrase, ":") || strings.HasSuffix(phrase, "：") { // a page of DingTalk's, and headings
					continue
				}
				said := command.Parse(strings.NewReplacer("#编号", "#12", "#n", "#12").Replace(phrase))
				if isTime(phrase) {
					continue
				}
				if !hasTimes(said, phrase) {
					t.Errorf("%s of %s suggests %q, whose times are not understood", name, language, phrase)
				}
				if said.Verb == command.Unknown || said.Language == "" {
					t.Errorf("%s of %s suggests %q, which is not understood: %+v", name, language, phrase, said)
				}
			}
		}
	}
}
