// Package check looks at everything that must be right for the bot to work: the
// configuration and its files, this machine, Redis, DingTalk's permissions and contacts, and
// what a running bot was pushed. Each is a Finding with what to do about it.
//
// It does nothing that people see: calls that would post name what DingTalk does not know.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/budget"
	"whoread/store"
)

// checkTimeout bounds each check.
const checkTimeout = 15 * time.Second

// How much of the configuration is looked at without Options.All: each group costs two counted
// calls or more, and each person a second at worst.
const (
	MaxGroups = 20
	MaxPeople = 100
)

// Options are what is looked at, and by which version of whoread.
type Options struct {
	Config  string // the file
	All     bool   // every configured group and person, not only the first
	Version string
}

// Run looks at one thing after another and writes a line for each to out, and a summary. What
// it finds wrong is in the report and no error.
func Run(ctx context.Context, o Options, out io.Writer) (*Report, error) {
	r := &Report{Config: o.Config, Version: o.Version, Checks: []Finding{}, out: out, interrupted: ctx.Done()}
	c := &checker{report: r, all: o.All}
	c.run(ctx, o.Config)
	if ctx.Err() != nil {
		r.interrupted = nil
		r.add(Finding{ID: "interrupted", Status: Failed, Detail: "what is not named above was not looked at", Remedy: "check again, and give it a minute"})
	}
	if err := c.close(); err != nil {
		return nil, err
	}
	r.OK = r.Counts[Wrong]+r.Counts[Failed] == 0
	fmt.Fprintf(out, "\n%d right, %d wrong, %d could not be looked at, %d to think about, %d not known; %d counted calls of DingTalk's at most\n",
		r.Counts[Right], r.Counts[Wrong], r.Counts[Failed], r.Counts[Doubtful], r.Counts[Unknown], r.CountedCalls)
	return r, nil
}

// Verdict is what a check found out.
type Verdict string

// The verdicts.
const (
	Right    Verdict = "ok"
	Wrong    Verdict = "wrong"   // fails the check
	Failed   Verdict = "failed"  // looking at it did not succeed, which fails the check too: another check may succeed
	Doubtful Verdict = "warning" // it works, but not as well as it could or for long
	Unknown  Verdict = "unknown" // it can't be found out from here, or not for now
)

// Mark returns the sign at the beginning of a line.
func (v Verdict) Mark() string {
	return map[Verdict]string{Right: "✓", Wrong: "✗", Failed: "?", Doubtful: "!", Unknown: "-"}[v]
}

// Finding is what was found out about one thing. The ID is stable, for programs; more
// than one finding can have it, each then about another group, person, ...
type Finding struct {
	ID      string  `json:"id"`
	About   string  `json:"about,omitempty"`
	Status  Verdict `json:"status"`
	Line    int     `json:"line,omitempty"` // of the configuration, where it is about one
	Detail  string  `json:"detail"`
	Remedy  string  `json:"remedy,omitempty"`  // what to do
	Console *Place  `json:"console,omitempty"` // where, if it is in DingTalk's developer console
}

// Place is a menu of DingTalk's developer console, or of its client.
type Place struct {
	English string `json:"en"`
	Chinese string `json:"zh"`
}

// Report is what all checks found, in the shape of its JSON document.
type Report struct {
	OK           bool            `json:"ok"`
	Config       string          `json:"config"`
	Version      string          `json:"version"`
	CountedCalls int             `json:"counted_calls"` // at most
	Counts       map[Verdict]int `json:"counts"`
	Checks       []Finding       `json:"checks"`

	out         io.Writer
	interrupted <-chan struct{} // closed when what is found from then on is not true
}

// WriteJSON writes the report as one JSON document.
func (r *Report) WriteJSON(out io.Writer) error {
	document := json.NewEncoder(out)
	document.SetIndent("", "  ")
	document.SetEscapeHTML(false)
	return document.Encode(r)
}

// add adds a finding and writes its lines.
func (r *Report) add(f Finding) {
	select {
	case <-r.interrupted:
		return
	default:
	}
	if r.Counts == nil {
		r.Counts = map[Verdict]int{Right: 0, Wrong: 0, Failed: 0, Doubtful: 0, Unknown: 0}
	}
	before := "" // what to do about the finding above, which need not be said twice
	if len(r.Checks) > 0 {
		before = r.Checks[len(r.Checks)-1].Remedy
	}
	r.Checks = append(r.Checks, f)
	r.Counts[f.Status]++
	what := f.ID
	if f.About != "" {
		what += " " + f.About
	}
	detail := f.Detail
	if f.Line > 0 {
		detail = fmt.Sprintf("line %d: %s", f.Line, detail)
	}
	fmt.Fprintf(r.out, "%s %-20s %s\n", f.Status.Mark(), what, detail)
	if f.Remedy != "" && f.Remedy != before {
		fmt.Fprintf(r.out, "  %-20s → %s\n", "", f.Remedy)
	}
	if f.Console != nil {
		fmt.Fprintf(r.out, "  %-20s → in DingTalk: %s (%s)\n", "", f.Console.English, f.Console.Chinese)
	}
}

func (r *Report) ok(id, format string, args ...any) {
	r.add(Finding{ID: id, Status: Right, Detail: fmt.Sprintf(format, args...)})
}

// notChecked says why something was not looked at.
func (r *Report) notChecked(why string, ids ...string) {
	for _, id := range ids {
		r.add(Finding{ID: id, Status: Unknown, Detail: "not checked: " + why})
	}
}

// checker is one run of all checks. What a check needs of an earlier one is here.
type checker struct {
	report *Report
	all    bool // look at everything that is configured

	config  config.Config
	records *store.Store     // nil if it can't be used
	client  *dingtalk.Client // nil without a token
	counter *budget.Counter  // nil without records: what a check costs counts for the bot
	skew    clockSkew
	blocked *dingtalk.Error // DingTalk answers nothing any more, and why
}

func (c *checker) run(ctx context.Context, file string) {
	f, err := config.Read(file, os.LookupEnv)
	if mistakes, ok := errors.AsType[*config.Mistakes](err); ok {
		for _, m := range mistakes.All {
			c.report.add(Finding{ID: "config", About: m.Key, Line: m.Line, Status: Wrong, Detail: m.Text, Remedy: "correct " + file + "; config.example.yaml explains every key"})
		}
		return
	}
	c.config = f.Config
	c.report.ok("config", "%s can be understood", file)
	for _, m := range f.Config.Unused() {
		c.report.add(Finding{ID: "config", About: m.Key, Line: f.Line(m.Key), Status: Doubtful, Detail: m.Text, Remedy: "change one of the two, if it is not meant so"})
	}
	c.checkFiles(file)
	c.checkSite()
	c.checkListen(ctx)
	c.checkRedis(ctx)
	c.checkDingTalk(ctx)
	c.checkBudget(ctx)
	c.checkPushes(ctx)
}

func (c *checker) close() error {
	if c.client != nil {
		c.client.Close()
	}
	if c.counter != nil {
		c.counter.Close()
	}
	if c.records != nil {
		return c.records.Close()
	}
	return nil
}
