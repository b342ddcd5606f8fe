package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// bench measures what the bot costs, with the bot as app.New makes it for 'whoread run', a
// DingTalk on this machine and a real Redis.
type bench struct {
	redis   string // its URL
	program string // the whoread that is started as a process of its own
	build   bool   // the program must be built first
	latency time.Duration
	brief   bool
	report  func(figure)
	log     *zap.Logger
}

// figure is one line of the outcome. A floor is what the same work takes without
// whoread, measured beside it, so that the ratio of the two says something on a slow or
// busy machine as well.
type figure struct {
	Bench   string  `json:"bench"`
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Floor   float64 `json:"floor,omitempty"` // in the same unit; 0 for none
	FloorIs string  `json:"floor_is,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
	Target  string  `json:"target,omitempty"`
	Met     *bool   `json:"met,omitempty"` // nil where there is no target
}

type namedBench struct {
	name string
	run  func(*bench, context.Context) error
}

// benches are what can be measured, in the order of the table.
var benches = []namedBench{
	{"report", (*bench).benchReport},
	{"calls", (*bench).benchCalls},
	{"month", (*bench).benchMonth},
	{"reply", (*bench).benchReply},
	{"fairness", (*bench).benchFairness},
	{"later", (*bench).benchLater},
	{"pushes", (*bench).benchPushes},
	{"client", (*bench).benchClient},
	{"memory", (*bench).benchMemory},
	{"records", (*bench).benchRecords},
	{"start", (*bench).benchStart},
}

// benchNames are the names of all benches, for the help.
func benchNames() string {
	names := make([]string, len(benches))
	for i, b := range benches {
		names[i] = b.name
	}
	return strings.Join(names, ", ")
}

// markdownRows writes each figure as a row of a table.
func markdownRows(out io.Writer) func(figure) {
	return func(f figure) {
		floor, ratio, target := "", "", f.Target
		if f.FloorIs != "" {
			floor = f.FloorIs
			if f.Floor > 0 {
				floor = amount(f.Floor, f.Unit) + ": " + f.FloorIs
			}
		}
		if f.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		if f.Met != nil {
			mark := " ✗"
			if *f.Met {
				mark = " ✓"
			}
			target += mark
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", f.What, amount(f.Value, f.Unit), floor, ratio, target)
	}
}

// amount writes a value with its unit, with as many digits as say something.
func amount(value float64, unit string) string {
	format := "%.0f %s"
	switch {
	case value == float64(int64(value)):
	case value < 10:
		format = "%.2f %s"
	case value < 100:
		format = "%.1f %s"
	}
	return strings.TrimSpace(fmt.Sprintf(format, value, unit))
}

// against sets the floor and the ratio.
func (f figure) against(floor float64, is string) figure {
	f.Floor, f.FloorIs = floor, is
	if floor > 0 {
		f.Ratio = f.Value / floor
	}
	return f
}

// aim sets the target and whether it is met.
func (f figure) aim(target string, met bool) figure {
	f.Target, f.Met = target, &met
	return f
}

// pick is the first, or where it is to be brief the second.
func (b *bench) pick(whole, brief int) int {
	if b.brief {
		return brief
	}
	return whole
}

// quantile is the value below which that share of the values lies; they get sorted.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(int(share*float64(len(values))), len(values)-1)]
}

func median(values []float64) float64 { return quantile(values, 0.5) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
