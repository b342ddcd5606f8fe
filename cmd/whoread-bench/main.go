// Command whoread-bench measures what whoread costs on this machine: times, calls and memory,
// each beside what the same takes without whoread.
//
// It is no part of the bot's binary. The bot that it measures is made by the same constructor
// as that of 'whoread run'; what can only be measured from outside is a whoread of its own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"

	"whoread/cmd/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	Redis   string        `help:"A Redis to measure with, redis://...; what is written there is removed again. By default a redis-server is started, if one is installed." placeholder:"URL"`
	Program string        `type:"existingfile" help:"The whoread whose start, size and memory are measured. By default it is built from the source in which this is started." placeholder:"FILE"`
	Latency time.Duration `default:"50ms" help:"How long DingTalk takes for a call."`
	Only    []string      `help:"Measure only these: ${benches}." placeholder:"NAME"`
	Brief   bool          `help:"With small numbers, to see that it works; the figures say little."`
	JSON    bool          `name:"json" help:"Print JSON, a figure a line."`
}

// run measures and returns the exit status: 0 success, 1 failure, 2 a command line that
// can't be understood.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	exited := -1
	parser, err := kong.New(&o, kong.Name("whoread-bench"),
		kong.Description("Measures whoread on this machine: times, calls, memory, each beside what the same costs without whoread."),
		kong.Writers(stdout, stderr), kong.Vars{"benches": benchNames()}, kong.Exit(func(code int) { exited = code }))
	if err == nil {
		_, err = parser.Parse(args)
	}
	if exited >= 0 { // help was asked for and printed
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "whoread-bench:", err, "(whoread-bench --help shows what there is)")
		return 2
	}
	if err := o.measure(ctx, stdout); err != nil {
		fmt.Fprintln(stderr, "whoread-bench:", err)
		return 1
	}
	return 0
}

// measure prints a Markdown table: the one of the README. Targets that are missed are marked,
// and are no failure: on a busy machine any time may be.
func (o *options) measure(ctx context.Context, out io.Writer) (err error) {
	for _, name := range o.Only {
		if !slices.ContainsFunc(benches, func(b namedBench) bool { return b.name == name }) {
			return fmt.Errorf("there is no bench %q: there are %s", name, benchNames())
		}
	}
	app.TuneGC() // as 'whoread run'
	url := o.Redis
	if url == "" {
		server, err := startRedis(ctx)
		if err != nil {
			return err
		}
		defer server.stop()
		url = server.url
	}
	b := &bench{redis: url, program: o.Program, latency: o.Latency, brief: o.Brief, log: zap.NewNop()}
	if b.program == "" {
		folder, err := os.MkdirTemp("", "whoread-bench")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(folder) }()
		b.program = filepath.Join(folder, "whoread")
		b.build = true
	}
	b.report = markdownRows(out)
	if o.JSON {
		lines := json.NewEncoder(out)
		b.report = func(f figure) { err = errors.Join(err, lines.Encode(f)) }
	} else {
		fmt.Fprintf(out, "%s, %s/%s, %d CPUs, %s a call of DingTalk\n\n", time.Now().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), o.Latency)
		fmt.Fprintln(out, "| | measured | floor | ratio | target |\n|---|---|---|---|---|")
	}
	for _, one := range benches {
		if len(o.Only) > 0 && !slices.Contains(o.Only, one.name) {
			continue
		}
		if err := one.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return err
}

// buildProgram builds whoread as for a release, unless that was done or it is there.
func (b *bench) buildProgram(ctx context.Context) error {
	if !b.build {
		return nil
	}
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", b.program, "whoread/cmd/whoread")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build whoread: %w: %s (--program names one that is built)", err, strings.TrimSpace(string(out)))
	}
	b.build = false
	return nil
}
