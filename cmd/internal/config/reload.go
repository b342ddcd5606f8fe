package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Reloader reads the configuration again while the bot runs, when the file or the file of a
// secret has changed and at a signal. It applies what can change while running, and logs
// that the rest needs a restart. A file with a mistake is refused as a whole, and the
// settings stay as they were.
type Reloader struct {
	File        string
	Environment func(string) (string, bool)
	Every       time.Duration    // the interval at which the files are compared
	Requests    <-chan os.Signal // each has the file read again at once
	// Apply puts settings into effect; members reports whether those about members have
	// changed.
	Apply    func(c Config, members bool) error
	Reloaded func(ok bool) // is called each time that the file was read again
	Log      *zap.Logger
	Level    zap.AtomicLevel // of the log

	Effective Config            // what is in effect
	seen      [sha256.Size]byte // the files as they were when they were last read
}

// reloadable reports whether the setting can change while the bot runs.
func reloadable(key string) bool {
	section, _, _ := strings.Cut(key, ".")
	switch section {
	case "groups", "access", "members", "reports", "limits", "reminders", "follow_up", "budget":
		return true
	}
	return section == "api" && key != "api.listen" || key == "log.level" || key == "log.phrases"
}

// withReloadable returns c with those settings of other that can change while the bot
// runs.
func (c Config) withReloadable(other Config) Config {
	c.Access, c.Members, c.Reports, c.Limits, c.Reminders = other.Access, other.Members, other.Reports, other.Limits, other.Reminders
	c.Groups, c.FollowUp, c.Budget = other.Groups, other.FollowUp, other.Budget
	listen := c.API.Listen
	c.API = other.API
	c.API.Listen = listen
	c.Log.Level, c.Log.Phrases = other.Log.Level, other.Log.Phrases
	return c
}

// Run follows the file until ctx ends. It takes a change when two looks in a row show the
// same, since the file may be half written. It compares the content and not the time or the
// inode, so that it does not matter how the file is replaced.
func (r *Reloader) Run(ctx context.Context) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	last := r.look()
	r.seen = last
	if next, err := Load(r.File, r.Environment); err != nil || len(changesOf(r.Effective, next)) > 0 {
		r.reload(last) // it has changed since the bot was started with it
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.Requests:
			last = r.look()
			r.reload(last)
		case <-ticker.C:
			now := r.look()
			if now == last && now != r.seen {
				r.reload(now)
			}
			last = now
		}
	}
}

// look returns a digest of the configuration and of the files with secrets, or of why
// they can't be read.
func (r *Reloader) look() [sha256.Size]byte {
	digest := sha256.New()
	for _, file := range append([]string{r.File}, r.Effective.secretFiles()...) {
		content, err := readFile(file, maxBytes)
		fmt.Fprintf(digest, "%d %v\n", len(content), err)
		_, _ = digest.Write(content) // never fails
	}
	return [sha256.Size]byte(digest.Sum(nil))
}

// secretFiles are the files that hold secrets.
func (c Config) secretFiles() []string {
	all := []string{c.DingTalk.ClientSecretFile, c.Redis.URLFile, c.Redis.SentinelPasswordFile, c.API.TLSCertFile, c.API.TLSKeyFile}
	for _, t := range c.API.Tokens {
		all = append(all, t.TokenFile)
	}
	return slices.DeleteFunc(all, func(file string) bool { return file == "" })
}

// reload reads the configuration again.
func (r *Reloader) reload(seen [sha256.Size]byte) {
	r.seen = seen
	next, err := Load(r.File, r.Environment)
	if err != nil {
		r.refused(err)
		return
	}
	changes := changesOf(r.Effective, next)
	changed := r.Effective.withReloadable(next)
	members := !reflect.DeepEqual(r.Effective.Members, changed.Members)
	if err := r.Apply(changed, members); err != nil {
		r.refused(err)
		return
	}
	r.Effective = changed
	level, err := zapcore.ParseLevel(changed.Log.Level)
	if err != nil {
		level = r.Level.Level() // never: it was checked
	}
	defer r.Level.SetLevel(level)
	r.Level.SetLevel(min(level, r.Level.Level())) // what changes is told by the old level and by the new one
	applied, waiting := 0, 0
	for _, c := range changes {
		about := []zap.Field{zap.String("key", c.key), zap.String("from", c.from), zap.String("to", c.to)}
		if reloadable(c.key) {
			applied++
			r.Log.Info("setting changed", about...)
		} else {
			waiting++
			r.Log.Warn("setting needs a restart", about...)
		}
	}
	r.Log.Info("configuration reloaded", zap.Int("changed", applied), zap.Int("need_restart", waiting))
	r.Reloaded(true)
}

// refused says why the file is not taken, in the same lines as when the bot starts.
func (r *Reloader) refused(err error) {
	lines := []string{err.Error()}
	if mistakes, ok := errors.AsType[*Mistakes](err); ok {
		lines = mistakes.lines()
	}
	r.Log.Error("configuration refused: the settings stay as they were", zap.String("file", r.File), zap.Strings("mistakes", lines))
	r.Reloaded(false)
}

// change is a setting with its value before and after, as far as they may be shown.
type change struct{ key, from, to string }

// changesOf are the settings that are different, by key.
func changesOf(before, after Config) []change {
	was, is := flat(before), flat(after)
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	var all []change
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !reflect.DeepEqual(was[key], is[key]) {
			all = append(all, change{key, written(was[key]), written(is[key])})
		}
	}
	return all
}

// flat are the values of a configuration by their whole keys. An empty list is none.
func flat(c Config) map[string]any {
	all := map[string]any{}
	var add func(key string, value reflect.Value)
	add = func(key string, value reflect.Value) {
		switch value.Kind() {
		case reflect.Struct:
			eachSetting(value, key, add)
		case reflect.Map:
			for id, one := range value.Seq2() {
				add(below(key, id.String()), one)
			}
		case reflect.Slice:
			if value.Len() > 0 {
				all[key] = value.Interface()
			}
		default:
			all[key] = value.Interface()
		}
	}
	add("", reflect.ValueOf(c))
	return all
}

// written is a value as it may be shown.
func written(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
