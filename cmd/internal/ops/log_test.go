package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops/opstest"
	"whoread/receipts/dingtalk"
)

// An hour without Redis does not fill the disk, and nothing is left out in silence.
func TestRepeatedErrorsAreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	var mu sync.Mutex
	dropped := map[zapcore.Level]int{}
	log, _, err := NewLog(config.Log{Level: "debug", Format: "json"}, &written, func(l zapcore.Level) {
		mu.Lock()
		defer mu.Unlock()
		dropped[l]++
	})
	if err != nil {
		t.Fatal(err)
	}
	// A line each second for an hour, and by many loggers: each command has its own.
	clock := zap.WithClock(&second{at: time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)})
	log = log.WithOptions(clock)
	const seconds = 3600
	for i := range seconds {
		log.With(zap.Int("number", i)).Error("command not accepted")
	}
	lines := opstest.Lines(t, written.String())
	if n := len(lines); n > 700 || n < 60*sampledFirst {
		t.Errorf("%d lines in an hour", n)
	}
	leftOut := 0
	for _, entry := range lines {
		if n, ok := entry["left_out"].(float64); ok {
			leftOut += int(n)
		}
	}
	if dropped[zapcore.ErrorLevel] != seconds-len(lines) || leftOut < dropped[zapcore.ErrorLevel]-60 || len(dropped) != 1 {
		t.Errorf("of %d lines %d were written, %v were counted, and the log tells of %d", seconds, len(lines), dropped, leftOut)
	}
	written.Reset()
	// What is not repeated is written, and so is everything that is no failure.
	for i := range 500 {
		log.Info("command accepted", zap.Int("number", i))
		log.Debug("called DingTalk", zap.Int("number", i))
	}
	log.Error("command given up")
	log.Warn("command failed")
	if n := len(opstest.Lines(t, written.String())); n != 1002 {
		t.Errorf("%d lines, want 1002", n)
	}
}

// second is a clock that is a second later each time.
type second struct{ at time.Time }

func (s *second) Now() time.Time {
	s.at = s.at.Add(time.Second)
	return s.at
}

func (*second) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

// Times of a machine in China are in UTC too, those of fields as well.
func TestTimesInTheLogAreInUTC(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("", 8*60*60)
	for format, want := range map[string][]string{
		"json":    {`"ts":"2026-11-25T16:00:01.000Z"`, `"until":"2026-11-30T16:00:00.000Z"`},
		"console": {"2026-11-25T16:00:01.000Z", `"until": "2026-11-30T16:00:00.000Z"`},
	} {
		var written bytes.Buffer
		log, _, err := NewLog(config.Log{Level: "info", Format: format}, &written, nil)
		if err != nil {
			t.Fatal(err)
		}
		clock := zap.WithClock(&second{at: time.Date(2026, 11, 26, 0, 0, 0, 0, shanghai)})
		log.WithOptions(clock).Info("budget spent", zap.Time("until", time.Date(2026, 12, 1, 0, 0, 0, 0, shanghai)))
		for _, part := range want {
			if !strings.Contains(written.String(), part) {
				t.Errorf("%s: %s is not in %s", format, part, written.String())
			}
		}
	}
}

// The level of the configuration holds for all lines.
func TestTheLevelOfTheLogIsTheConfigurations(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		for _, format := range []string{"json", "console"} {
			var written bytes.Buffer
			log, _, err := NewLog(config.Log{Level: level, Format: format}, &written, func(zapcore.Level) {})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range []zapcore.Level{zapcore.DebugLevel, zapcore.InfoLevel, zapcore.WarnLevel, zapcore.ErrorLevel} {
				log.Log(l, "said", zap.String("stack", "first\nsecond"))
			}
			if n := strings.Count(written.String(), "\n"); n != want {
				t.Errorf("%s, %s: %d lines, want %d:\n%s", level, format, n, want, written.String())
			}
		}
	}
	if _, _, err := NewLog(config.Log{Level: "loud"}, &bytes.Buffer{}, nil); err == nil {
		t.Error("level loud is taken")
	}
}

// Whatever is secret is so by its type: no way of printing shows it.
func TestSecretsAreMaskedByTheirTypes(t *testing.T) {
	t.Parallel()
	const value = "hunter2-of-the-client"
	type holder struct {
		Config config.Config
		Client dingtalk.Config
		hidden dingtalk.Secret
	}
	c := config.Default()
	c.DingTalk.ClientSecret, c.Redis.SentinelPassword = value, value
	c.Redis.URL = "redis://user:" + value + "@localhost:6379/0?sentinel_password=" + value
	held := holder{c, dingtalk.Config{ClientSecret: dingtalk.NewSecret(value)}, dingtalk.NewSecret(value)}
	for name, secret := range map[string]any{
		"client secret": c.DingTalk.ClientSecret, "URL of Redis": c.Redis.URL, "password of Sentinels": c.Redis.SentinelPassword, "secret of the client": held.hidden,
		"a configuration": c, "a pointer to it": &c, "all": held, "a pointer to all": &held, "a list": []any{c.Redis.URL, held.hidden}, "a map": map[string]any{"x": held},
		"an error": fmt.Errorf("%v %+v", c, held),
	} {
		var written bytes.Buffer
		for _, format := range []string{"json", "console"} {
			log, _, err := NewLog(config.Log{Level: "debug", Format: format}, &written, func(zapcore.Level) {})
			if err != nil {
				t.Fatal(err)
			}
			log.Info("logged", zap.Any("any", secret), zap.Reflect("reflect", secret))
			log.Sugar().Infof("%v %+v %#v %s", secret, secret, secret, secret)
			log.Sugar().Infow("logged", "value", secret)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&written, verb, secret)
		}
		if encoded, err := json.Marshal(secret); err == nil { // functions have no JSON
			written.Write(encoded)
		}
		for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
			if strings.Contains(written.String(), form) {
				t.Errorf("%s: %q is in %.2000s", name, form, written.String())
			}
		}
	}
}
