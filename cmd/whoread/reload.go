package main

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

// reloader follows the configuration while the bot runs: it is read again when the
// file or a file of a secret has changed, and at a signal. What can change while
// running is put into effect; of the rest it is said that it needs a restart. A file
// with a mistake is refused as a whole, and the old settings stay in effect.
type reloader struct {
	file        string
	environment func(string) (string, bool)
	every       time.Duration    // between two looks at the files
	asked       <-chan os.Signal // reads the file again at once
	// apply puts settings into effect; members tells whether those about members have
	// changed.
	apply    func(c config, members bool) error
	reloaded func(ok bool) // is told of the outcome of each time that the file is read again
	log      *zap.Logger
	level    zap.AtomicLevel // of the log

	effective config            // what is in effect
	seen      [sha256.Size]byte // the files as they were when they were last read
}

// reloadable tells whether the setting can change while the bot runs.
func reloadable(key string) bool {
	section, _, _ := strings.Cut(key, ".")
	switch section {
	case "access", "members", "reports", "reminders", "follow_up", "budget":
		return true
	}
	return key == "log.level"
}

// withReloadable returns c with those settings of other that can change while the bot
// runs.
func (c config) withReloadable(other config) config {
	c.Access, c.Members, c.Reports, c.Reminders, c.FollowUp, c.Budget = other.Access, other.Members, other.Reports, other.Reminders, other.FollowUp, other.Budget
	c.Log.Level = other.Log.Level
	return c
}

// run follows the file until ctx ends. A change is taken once two looks have shown the
// same: whoever writes the file may be in the middle of it. The content counts, and not
// the time or the inode, so that it does not matter how the file is replaced.
func (r *reloader) run(ctx context.Context) {
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	last := r.look()
	r.seen = last
	if next, err := loadConfig(r.file, r.environment); err != nil || len(changesOf(r.effective, next)) > 0 {
		r.reload(last) // it has changed since the bot was started with it
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
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
func (r *reloader) look() [sha256.Size]byte {
	digest := sha256.New()
	for _, file := range append([]string{r.file}, r.effective.secretFiles()...) {
		content, err := readFile(file, configMax)
		fmt.Fprintf(digest, "%d %v\n", len(content), err)
		_, _ = digest.Write(content) // never fails
	}
	return [sha256.Size]byte(digest.Sum(nil))
}

// secretFiles are the files that hold secrets.
func (c config) secretFiles() []string {
	all := []string{c.DingTalk.ClientSecretFile, c.Redis.URLFile, c.Redis.SentinelPasswordFile}
	return slices.DeleteFunc(all, func(file string) bool { return file == "" })
}

// reload reads the configuration again.
func (r *reloader) reload(seen [sha256.Size]byte) {
	r.seen = seen
	next, err := loadConfig(r.file, r.environment)
	if err != nil {
		r.refused(err)
		return
	}
	changes := changesOf(r.effective, next)
	changed := r.effective.withReloadable(next)
	members := !reflect.DeepEqual(r.effective.Members, changed.Members)
	if err := r.apply(changed, members); err != nil {
		r.refused(err)
		return
	}
	r.effective = changed
	level, err := zapcore.ParseLevel(changed.Log.Level)
	if err != nil {
		level = r.level.Level() // never: it was checked
	}
	defer r.level.SetLevel(level)
	r.level.SetLevel(min(level, r.level.Level())) // what changes is told by the old level and by the new one
	applied, waiting := 0, 0
	for _, c := range changes {
		about := []zap.Field{zap.String("key", c.key), zap.String("from", c.from), zap.String("to", c.to)}
		if reloadable(c.key) {
			applied++
			r.log.Info("setting changed", about...)
		} else {
			waiting++
			r.log.Warn("setting needs a restart", about...)
		}
	}
	r.log.Info("configuration reloaded", zap.Int("changed", applied), zap.Int("need_restart", waiting))
	r.reloaded(true)
}

// refused says why the file is not taken, in the same lines as when the bot starts.
func (r *reloader) refused(err error) {
	lines := []string{err.Error()}
	if mistakes, ok := errors.AsType[*configErrors](err); ok {
		lines = mistakes.lines()
	}
	r.log.Error("configuration refused: the settings stay as they were", zap.String("file", r.file), zap.Strings("mistakes", lines))
	r.reloaded(false)
}

// change is a setting with its value before and after, as far as they may be shown.
type change struct{ key, from, to string }

// changesOf are the settings that are different, by key.
func changesOf(before, after config) []change {
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
func flat(c config) map[string]any {
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
