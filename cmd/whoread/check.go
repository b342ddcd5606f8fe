package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"whoread/bot"
	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// checkWithin bounds each check.
const checkWithin = 15 * time.Second

// How much of the configuration is looked at without --all: each group costs two
// counted calls or more, and each person a second at worst.
const (
	checkedGroups = 20
	checkedPeople = 100
)

type checkCommand struct {
	Config string `required:"" help:"The configuration to check." placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print one JSON document instead of lines."`
	All    bool   `help:"Look at every configured group and person, not only at the first ${checked_groups} and ${checked_people}. Each group costs two counted calls or more."`
}

// Run looks at one thing after another and prints a line for each: what is right, or
// what is wrong and what to do. It fails if anything is wrong, or could not be looked
// at.
func (c *checkCommand) Run(ctx context.Context, out streams) error {
	r := &checkReport{Config: c.Config, Version: versionText(), Checks: []finding{}, out: out.out, interrupted: ctx.Done()}
	if c.JSON {
		r.out = io.Discard
	}
	i := &inspection{report: r, all: c.All}
	i.run(ctx, c.Config)
	if ctx.Err() != nil {
		r.interrupted = nil
		r.add(finding{ID: "interrupted", Status: failed, Detail: "what is not named above was not looked at", Remedy: "check again, and give it a minute"})
	}
	if err := i.close(); err != nil {
		return err
	}
	if c.JSON {
		r.OK = r.good()
		document := json.NewEncoder(out.out)
		document.SetIndent("", "  ")
		document.SetEscapeHTML(false)
		if err := document.Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(out.out, "\n%d right, %d wrong, %d could not be looked at, %d to think about, %d not known; %d counted calls of DingTalk's at most\n",
			r.Counts[right], r.Counts[wrong], r.Counts[failed], r.Counts[doubtful], r.Counts[unknown], r.CountedCalls)
	}
	if !r.good() {
		return errReported
	}
	return nil
}

// verdict is what a check found out.
type verdict string

// The verdicts.
const (
	right    verdict = "ok"
	wrong    verdict = "wrong"   // fails the check
	failed   verdict = "failed"  // looking at it did not succeed, which fails the check too: once more may tell
	doubtful verdict = "warning" // it works, but not as well as it could or for long
	unknown  verdict = "unknown" // it can't be found out from here, or not for now
)

var marks = map[verdict]string{right: "✓", wrong: "✗", failed: "?", doubtful: "!", unknown: "-"}

// finding is what was found out about one thing. The ID is stable, for programs; more
// than one finding can have it, each then about another group, person, ...
type finding struct {
	ID      string  `json:"id"`
	About   string  `json:"about,omitempty"`
	Status  verdict `json:"status"`
	Line    int     `json:"line,omitempty"` // of the configuration, where it is about one
	Detail  string  `json:"detail"`
	Remedy  string  `json:"remedy,omitempty"`  // what to do
	Console *place  `json:"console,omitempty"` // where, if it is in DingTalk's developer console
}

// place is a menu of DingTalk's developer console, or of its client.
type place struct {
	English string `json:"en"`
	Chinese string `json:"zh"`
}

// checkReport is the answer to all checks: the JSON document of --json.
type checkReport struct {
	OK           bool            `json:"ok"`
	Config       string          `json:"config"`
	Version      string          `json:"version"`
	CountedCalls int             `json:"counted_calls"` // at most
	Counts       map[verdict]int `json:"counts"`
	Checks       []finding       `json:"checks"`

	out         io.Writer
	interrupted <-chan struct{} // closed when nothing is true any more that is found out
}

// good tells whether the check succeeds.
func (r *checkReport) good() bool { return r.Counts[wrong]+r.Counts[failed] == 0 }

// add takes a finding and prints its line.
func (r *checkReport) add(f finding) {
	select {
	case <-r.interrupted:
		return
	default:
	}
	if r.Counts == nil {
		r.Counts = map[verdict]int{right: 0, wrong: 0, failed: 0, doubtful: 0, unknown: 0}
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
	fmt.Fprintf(r.out, "%s %-20s %s\n", marks[f.Status], what, detail)
	if f.Remedy != "" && f.Remedy != before {
		fmt.Fprintf(r.out, "  %-20s → %s\n", "", f.Remedy)
	}
	if f.Console != nil {
		fmt.Fprintf(r.out, "  %-20s → in DingTalk: %s (%s)\n", "", f.Console.English, f.Console.Chinese)
	}
}

func (r *checkReport) ok(id, format string, args ...any) {
	r.add(finding{ID: id, Status: right, Detail: fmt.Sprintf(format, args...)})
}

// notChecked says why something was not looked at.
func (r *checkReport) notChecked(why string, ids ...string) {
	for _, id := range ids {
		r.add(finding{ID: id, Status: unknown, Detail: "not checked: " + why})
	}
}

// inspection is one run of all checks. What a check needs of an earlier one is here.
type inspection struct {
	report *checkReport
	all    bool // look at everything that is configured

	config  config.Config
	records *store.Store     // nil if it can't be used
	client  *dingtalk.Client // nil without a token
	counter *bot.CallCounter // nil without records: what a check costs counts for the bot
	skew    clockSkew
	blocked *dingtalk.Error // DingTalk answers nothing any more, and why
}

func (i *inspection) run(ctx context.Context, file string) {
	f, err := config.Read(file, os.LookupEnv)
	if mistakes, ok := errors.AsType[*config.Mistakes](err); ok {
		for _, m := range mistakes.All {
			i.report.add(finding{ID: "config", About: m.Key, Line: m.Line, Status: wrong, Detail: m.Text, Remedy: "correct " + file + "; config.example.yaml explains every key"})
		}
		return
	}
	i.config = f.Config
	i.report.ok("config", "%s can be understood", file)
	for _, m := range f.Config.Unused() {
		i.report.add(finding{ID: "config", About: m.Key, Line: f.Line(m.Key), Status: doubtful, Detail: m.Text, Remedy: "change one of the two, if it is not meant so"})
	}
	i.checkFiles(file)
	i.checkSite()
	i.checkListen(ctx)
	i.checkRedis(ctx)
	i.checkDingTalk(ctx)
	i.checkBudget(ctx)
	i.checkPushes(ctx)
}

func (i *inspection) close() error {
	if i.client != nil {
		i.client.Close()
	}
	if i.counter != nil {
		i.counter.Close()
	}
	if i.records != nil {
		return i.records.Close()
	}
	return nil
}
