package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"

	"whoread/cmd/internal/app"
	"whoread/cmd/internal/config"
	"whoread/store"
)

type forgetCommand struct {
	Config       string `required:"" help:"The configuration of the bot." placeholder:"FILE"`
	Group        string `xor:"what" required:"" help:"Erase all that is kept of this group, by its conversation id." placeholder:"ID"`
	User         string `xor:"what" required:"" help:"Erase this person, by userId, from all that is kept of every group." placeholder:"ID"`
	Yes          bool   `help:"Really do it; without, it only says what would be erased."`
	RedisURLFile string `help:"A file that holds the URL of Redis with a user who may erase, where the one of redis.url may not; - reads it from standard input." placeholder:"FILE"`
}

// Run erases a group or a person from Redis.
func (f *forgetCommand) Run(ctx context.Context, out streams) (err error) {
	c, err := config.Load(f.Config, os.LookupEnv)
	if err != nil {
		return err
	}
	if f.RedisURLFile != "" {
		if c.Redis.URL, err = f.readURL(); err != nil {
			return fmt.Errorf("--redis-url-file: %w", err)
		}
	}
	if c.Redis.URL == store.Memory {
		return errors.New("redis.url is memory://: nothing outlives the process, so there is nothing to forget")
	}
	records, err := app.OpenStore(c, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	keys, scheduled := 0, 0
	if f.User != "" {
		keys, err = records.ForgetUser(ctx, f.User, !f.Yes)
	} else {
		inbox := records.Inbox(store.DefaultInboxOptions(), zap.NewNop())
		scheduled, err = inbox.ForgetGroup(ctx, f.Group, !f.Yes)
		if err == nil {
			keys, err = records.ForgetGroup(ctx, f.Group, !f.Yes)
		}
	}
	if store.TroubleOf(err) == store.NotPermitted {
		return fmt.Errorf("%w; this user of Redis may not erase: README.md, Operations, says which one may, and --redis-url-file takes its URL", err)
	}
	if err != nil {
		return err
	}
	if !f.Yes {
		fmt.Fprintf(out.out, "Would erase from %d keys and %d scheduled jobs. Say --yes to do it.\n", keys, scheduled)
		return nil
	}
	fmt.Fprintf(out.out, "Erased from %d keys and %d scheduled jobs.\n", keys, scheduled)
	return nil
}

// readURL reads Redis's URL from its file.
func (f *forgetCommand) readURL() (config.RedisURL, error) {
	if f.RedisURLFile != "-" {
		url, err := config.ReadSecret(f.RedisURLFile)
		return config.RedisURL(url), err
	}
	content, err := io.ReadAll(io.LimitReader(os.Stdin, config.MaxSecretBytes))
	return config.RedisURL(bytes.TrimSpace(content)), err
}
