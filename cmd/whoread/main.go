// Command whoread is a DingTalk bot that tells a group who has not read a
// message.
//
// This folder holds the flags, the signals and the exit codes, a file per subcommand. What the
// subcommands do is in cmd/internal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	// A machine or a container without time zones still knows Asia/Shanghai.
	_ "time/tzdata"

	"github.com/alecthomas/kong"

	"whoread/cmd/internal/check"
	"whoread/cmd/internal/config"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2) // none is missed, however close they come
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // until the process ends
		<-signals
		stop()
		endAtOnce(<-signals)
	}()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// endAtOnce lets a signal do what it does where nobody listens: end the process.
func endAtOnce(s os.Signal) {
	signal.Reset(s)
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(s) // where it can't be sent, the first signal ends the process
	}
}

// cli are the subcommands.
type cli struct {
	Run      runCommand      `cmd:"" help:"Run the bot."`
	Check    checkCommand    `cmd:"" help:"Check everything that must be right, a line each, with what to do and where."`
	Health   healthCommand   `cmd:"" help:"Ask the running bot of this machine how it is: one line, and the exit status 0 or 1."`
	Config   configCommand   `cmd:"" help:"Print the configuration in effect, or its JSON Schema."`
	Forget   forgetCommand   `cmd:"" help:"Erase a group or a person from what is kept."`
	Demo     demoCommand     `cmd:"" help:"See it work: a DingTalk on this machine, an embedded Redis, and the bot; a scripted exchange, then a page to chat in."`
	DingTalk dingtalkCommand `cmd:"" name:"dingtalk" help:"Run that DingTalk alone, with a page to chat in, for 'whoread run' or any other Stream client."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// errReported is the error of a subcommand that has told everything already.
var errReported = errors.New("failed")

// streams are where a subcommand writes.
type streams struct{ out, err io.Writer }

// run runs the program and returns its exit status: 0 success, 1 failure, 2 a
// command line that can't be understood.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var commands cli
	exited := -1
	parser, err := kong.New(&commands, kong.Name("whoread"),
		kong.Description("A DingTalk bot that tells a group who has not read a message."),
		kong.Writers(stdout, stderr), kong.UsageOnError(), kong.Vars{
			"default_listen": config.DefaultListen, "checked_groups": strconv.Itoa(check.MaxGroups), "checked_people": strconv.Itoa(check.MaxPeople),
		},
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams{stdout, stderr}))
	if err != nil {
		fmt.Fprintln(stderr, "whoread:", err)
		return 2
	}
	chosen, err := parser.Parse(args)
	if exited >= 0 { // help was asked for and printed
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "whoread:", err, "(whoread --help shows what there is)")
		return 2
	}
	if err := chosen.Run(); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(stderr, "whoread:", err)
		}
		return 1
	}
	return 0
}
