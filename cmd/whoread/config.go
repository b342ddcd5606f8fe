package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"go.uber.org/zap/zapcore"

	"whoread/bot"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// config is the administrator's YAML file. config.example.yaml explains every
// key; defaults are in defaultConfig.
type config struct {
	DingTalk  dingtalkConfig  `yaml:"dingtalk"`
	Redis     redisConfig     `yaml:"redis"`
	Access    accessConfig    `yaml:"access"`
	Members   membersConfig   `yaml:"members"`
	Reports   reportsConfig   `yaml:"reports"`
	Reminders remindersConfig `yaml:"reminders"`
	// FollowUp is by conversation id; "*" is for all other groups.
	FollowUp map[string]followUpConfig `yaml:"follow_up"`
	Budget   budgetConfig              `yaml:"budget"`
	HTTP     httpConfig                `yaml:"http"`
	Log      logConfig                 `yaml:"log"`
}

type dingtalkConfig struct {
	ClientID         string `yaml:"client_id"`
	ClientSecret     secret `yaml:"client_secret"`
	ClientSecretFile string `yaml:"client_secret_file"`
	RobotCode        string `yaml:"robot_code"`
	CoolAppCode      string `yaml:"cool_app_code"`
	Site             string `yaml:"site"`
	APIURL           string `yaml:"api_url"`
	OapiURL          string `yaml:"oapi_url"`
	Connections      int    `yaml:"connections"`
}

type redisConfig struct {
	URL                  secret   `yaml:"url"`
	URLFile              string   `yaml:"url_file"`
	Addrs                []string `yaml:"addrs"`
	MasterName           string   `yaml:"master_name"`
	SentinelUsername     string   `yaml:"sentinel_username"`
	SentinelPassword     secret   `yaml:"sentinel_password"`
	SentinelPasswordFile string   `yaml:"sentinel_password_file"`
	TLSCAFile            string   `yaml:"tls_ca_file"`
	KeyPrefix            string   `yaml:"key_prefix"`
}

type accessConfig struct {
	Groups   []string `yaml:"groups"`
	Admins   []string `yaml:"admins"`
	Announce bot.Rule `yaml:"announce"`
	Report   bot.Rule `yaml:"report"`
	Remind   bot.Rule `yaml:"remind"`
	Recall   bot.Rule `yaml:"recall"`
}

type membersConfig struct {
	Source   string                  `yaml:"source"`
	CacheFor duration                `yaml:"cache_for"`
	Exclude  []string                `yaml:"exclude"`
	Rosters  map[string]rosterConfig `yaml:"rosters"`
}

type rosterConfig struct {
	Name        string   `yaml:"name"` // for the administrator's eyes
	ChatID      string   `yaml:"chat_id"`
	Users       []string `yaml:"users"`
	Departments []int64  `yaml:"departments"`
}

type reportsConfig struct {
	Language string     `yaml:"language"`
	To       string     `yaml:"to"`
	MaxNames int        `yaml:"max_names"`
	FreshFor duration   `yaml:"fresh_for"`
	Sweep    []duration `yaml:"sweep"`
	KeepFor  duration   `yaml:"keep_for"`
}

type remindersConfig struct {
	By         receipts.Channel `yaml:"by"`
	Ding       string           `yaml:"ding"`
	Cooldown   duration         `yaml:"cooldown"`
	QuietHours string           `yaml:"quiet_hours"`
	TimeZone   string           `yaml:"time_zone"`
}

type followUpConfig struct {
	Every    []duration         `yaml:"every"`
	By       []receipts.Channel `yaml:"by"`
	Until    string             `yaml:"until"`    // a percentage
	Deadline string             `yaml:"deadline"` // a duration or a time of day
	Tell     []string           `yaml:"tell"`
}

type budgetConfig struct {
	CallsPerSecond int `yaml:"calls_per_second"`
}

type httpConfig struct {
	Listen string `yaml:"listen"` // empty: the default, if it is free
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// secret is a text of the configuration that is never printed.
type secret string

const masked = "***"

func (secret) String() string               { return masked }
func (secret) GoString() string             { return masked }
func (secret) MarshalText() ([]byte, error) { return []byte(masked), nil } //nolint:unparam // encoding.TextMarshaler asks for the error

// duration is a time.Duration whose mistakes are named by their line.
type duration time.Duration

// UnmarshalYAML reads 90s, 10m, 24h and the like.
func (d *duration) UnmarshalYAML(node ast.Node) error {
	text := node.GetToken().Value
	if expanded, ok := node.(*ast.StringNode); ok {
		text = expanded.Value
	}
	value, err := time.ParseDuration(text)
	if err != nil {
		return &yaml.SyntaxError{
			Message: fmt.Sprintf("%q is not a duration such as 30s, 10m or 24h", text), Token: node.GetToken(),
		}
	}
	*d = duration(value)
	return nil
}

// String writes it as it is read.
func (d duration) String() string { return time.Duration(d).String() }

func defaultConfig() config {
	return config{
		DingTalk:  dingtalkConfig{Site: "com", Connections: 2},
		Redis:     redisConfig{KeyPrefix: "whoread"},
		Access:    accessConfig{Announce: bot.Admins, Report: bot.Everyone, Remind: bot.Admins, Recall: bot.Author},
		Members:   membersConfig{Source: "auto", CacheFor: duration(10 * time.Minute)},
		Reports:   reportsConfig{Language: "auto", To: "group", MaxNames: 50, FreshFor: duration(10 * time.Second), Sweep: []duration{duration(time.Hour), duration(23 * time.Hour)}, KeepFor: duration(720 * time.Hour)},
		Reminders: remindersConfig{By: receipts.Mention, Ding: "app", Cooldown: duration(5 * time.Minute), QuietHours: "22:00-08:00", TimeZone: "Asia/Shanghai"},
		Budget:    budgetConfig{CallsPerSecond: 20},
		Log:       logConfig{Level: "info", Format: "json"},
	}
}

// hosts are DingTalk's, by site: the OpenAPI and the old API.
var hosts = map[string][2]string{
	"com": {"https://api.dingtalk.com", "https://oapi.dingtalk.com"},
	"io":  {"https://api.dingtalk.io", "https://oapi.dingtalk.io"},
}

// configErrors are the mistakes of one file; each names its line and key. No
// text of the file but keys and what is not secret is in them.
type configErrors struct {
	file  string
	wrong []string
}

func (e *configErrors) Error() string {
	return fmt.Sprintf("configuration %s:\n  %s", e.file, strings.Join(e.wrong, "\n  "))
}

// loadConfig reads the file, expands ${VAR} from the environment, reads secrets
// from their files, and checks everything. Its error is a *configErrors, unless
// the file can't be read.
func loadConfig(path string, environment func(string) (string, bool)) (config, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return config{}, fmt.Errorf("read configuration: %w", err)
	}
	return parseConfig(path, source, environment)
}

func parseConfig(path string, source []byte, environment func(string) (string, bool)) (config, error) {
	c := defaultConfig()
	problems := &configErrors{file: path}
	file, err := parser.ParseBytes(source, 0)
	if err != nil {
		problems.wrong = append(problems.wrong, yamlMistake(err))
		return c, problems
	}
	check := &checker{file: file, problems: problems}
	expand(file, environment, check)
	if len(problems.wrong) > 0 {
		return c, problems
	}
	if len(file.Docs) > 0 && file.Docs[0].Body != nil {
		err = yaml.NewDecoder(bytes.NewReader(nil), yaml.Strict()).DecodeFromNode(file.Docs[0].Body, &c)
	}
	if err != nil {
		problems.wrong = append(problems.wrong, yamlMistake(err))
		return c, problems
	}
	c.complete(filepath.Dir(path), check)
	if len(problems.wrong) > 0 {
		return c, problems
	}
	return c, nil
}

// yamlMistake is the message and the line of an error of the YAML library,
// without the lines of the file that it would quote: secrets may be in them.
func yamlMistake(err error) string {
	known, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return "not YAML that can be understood"
	}
	return fmt.Sprintf("line %d: %s", known.GetToken().Position.Line, known.GetMessage())
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand replaces ${VAR} in every text of the file.
func expand(file *ast.File, environment func(string) (string, bool), check *checker) {
	var texts []ast.Node
	for _, document := range file.Docs {
		if document.Body != nil {
			texts = append(texts, ast.Filter(ast.StringType, document.Body)...)
		}
	}
	for _, node := range texts {
		text := node.(*ast.StringNode)
		text.Value = variable.ReplaceAllStringFunc(text.Value, func(match string) string {
			name := match[2 : len(match)-1]
			value, ok := environment(name)
			if !ok {
				check.problems.wrong = append(check.problems.wrong,
					fmt.Sprintf("line %d: ${%s} is not set in the environment", text.GetToken().Position.Line, name))
			}
			return value
		})
	}
}

// checker collects mistakes and finds the lines of their keys.
type checker struct {
	file     *ast.File
	problems *configErrors
}

// that notes a mistake at the key, unless ok. The line is that of the key, or of
// its section where the key is missing.
func (c *checker) that(ok bool, key, format string, args ...any) {
	if ok {
		return
	}
	where := key
	section, _, _ := strings.Cut(key, ".")
	for _, place := range []string{section, key} {
		if line := c.line(place); line > 0 {
			where = fmt.Sprintf("line %d: %s", line, key)
		}
	}
	c.problems.wrong = append(c.problems.wrong, where+": "+fmt.Sprintf(format, args...))
}

// line finds the line of a key; 0 if it is not in the file.
func (c *checker) line(key string) int {
	path, err := yaml.PathString("$." + key)
	if err != nil {
		return 0
	}
	node, err := path.FilterFile(c.file)
	if err != nil || node == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

// oneOf notes a mistake unless the value is one of the choices.
func (c *checker) oneOf(key, value string, choices ...string) {
	c.that(slices.Contains(choices, value), key, "%q is not one of %s", value, strings.Join(choices, ", "))
}

// complete fills in what follows from other keys and checks everything. Files
// are relative to the folder of the configuration.
func (c *config) complete(folder string, check *checker) {
	d := &c.DingTalk
	readSecret(&d.ClientSecret, d.ClientSecretFile, folder, "dingtalk.client_secret", check)
	check.that(d.ClientID != "", "dingtalk.client_id", "is missing: it is in DingTalk's developer console under the app's credentials")
	check.that(d.ClientSecret != "", "dingtalk.client_secret", "is missing (or client_secret_file): it is in DingTalk's developer console under the app's credentials")
	check.oneOf("dingtalk.site", d.Site, "com", "io")
	check.that(d.Connections >= 1 && d.Connections <= 16, "dingtalk.connections", "must be from 1 to 16")
	d.RobotCode = cmp.Or(d.RobotCode, d.ClientID)
	d.APIURL = cmp.Or(d.APIURL, hosts[d.Site][0])
	d.OapiURL = cmp.Or(d.OapiURL, hosts[d.Site][1])

	readSecret(&c.Redis.URL, c.Redis.URLFile, folder, "redis.url", check)
	c.Redis.URL = cmp.Or(c.Redis.URL, secret(store.Memory))
	scheme, _, _ := strings.Cut(string(c.Redis.URL), "://")
	check.that(slices.Contains([]string{"redis", "rediss", "memory"}, scheme), "redis.url", "must begin with redis://, rediss:// or memory://")
	c.Redis.complete(folder, check)
	check.that(c.Redis.KeyPrefix != "" && !strings.ContainsAny(c.Redis.KeyPrefix, "{}"), "redis.key_prefix", "must not be empty or hold braces")

	a := c.Access
	check.oneOf("access.announce", string(a.Announce), string(bot.Admins), string(bot.Everyone))
	check.oneOf("access.report", string(a.Report), string(bot.Admins), string(bot.Everyone))
	check.oneOf("access.remind", string(a.Remind), string(bot.Admins), string(bot.Everyone))
	check.oneOf("access.recall", string(a.Recall), string(bot.Author), string(bot.Admins), string(bot.Everyone))

	check.oneOf("members.source", c.Members.Source, memberSources...)
	check.that(c.Members.CacheFor >= 0, "members.cache_for", "must not be negative")
	for id, roster := range c.Members.Rosters {
		check.that(len(roster.Users)+len(roster.Departments) > 0 || roster.ChatID != "", "members.rosters",
			"the roster of %s names no users, departments or chat_id", cmp.Or(roster.Name, id))
	}

	check.oneOf("reports.language", c.Reports.Language, "auto", string(bot.Chinese), string(bot.English))
	check.oneOf("reports.to", c.Reports.To, "group", "direct")
	check.that(c.Reports.MaxNames >= 1 && c.Reports.MaxNames <= 500, "reports.max_names", "must be from 1 to 500")
	check.that(c.Reports.FreshFor >= 0 && c.Reports.FreshFor <= duration(time.Hour), "reports.fresh_for", "must be from 0s to 1h")
	for _, after := range c.Reports.Sweep {
		check.that(after >= duration(time.Minute), "reports.sweep", "%s is shorter than a minute", after)
	}
	check.that(len(c.Reports.Sweep) <= 10, "reports.sweep", "has more than 10 times")
	check.that(c.Reports.KeepFor >= duration(24*time.Hour), "reports.keep_for", "must be at least 24h")

	c.checkReminders(check)
	check.that(c.Budget.CallsPerSecond >= 1, "budget.calls_per_second", "must be at least 1")
	if c.HTTP.Listen != "" && c.HTTP.Listen != listenOff {
		_, port, err := net.SplitHostPort(c.HTTP.Listen)
		check.that(err == nil && port != "", "http.listen", "%q is not an address such as %s, nor %s", c.HTTP.Listen, defaultListen, listenOff)
	}
	_, err := zapcore.ParseLevel(c.Log.Level)
	check.that(err == nil, "log.level", "%q is not one of debug, info, warn, error", c.Log.Level)
	check.oneOf("log.format", c.Log.Format, "json", "console")
}

// dingTypes are the values of reminders.ding.
var dingTypes = map[string]dingtalk.DingType{"app": dingtalk.DingApp, "sms": dingtalk.DingSMS, "call": dingtalk.DingCall}

// channels are the ways to remind people.
var channels = []string{string(receipts.Mention), string(receipts.InPrivate), string(receipts.Ding)}

func (c *config) checkReminders(check *checker) {
	r := c.Reminders
	zone, err := time.LoadLocation(r.TimeZone)
	check.that(err == nil && r.TimeZone != "", "reminders.time_zone", "%q is not a time zone such as Asia/Shanghai", r.TimeZone)
	check.oneOf("reminders.by", string(r.By), channels...)
	check.oneOf("reminders.ding", r.Ding, slices.Sorted(maps.Keys(dingTypes))...)
	check.that(r.Cooldown >= 0 && r.Cooldown <= duration(24*time.Hour), "reminders.cooldown", "must be from 0s to 24h")
	_, err = receipts.ParseQuietHours(r.QuietHours, zone)
	check.that(err == nil, "reminders.quiet_hours", `%q is not two different times such as "22:00-08:00"; "" for none`, r.QuietHours)
	for id := range c.FollowUp {
		_, wrong := c.FollowUp[id].options()
		for key, why := range wrong {
			check.that(false, "follow_up", "of %s: %s: %s", id, key, why)
		}
	}
}

// options are the settings as the bot takes them; wrong are the mistakes, by key.
func (f followUpConfig) options() (o bot.FollowUpOptions, wrong map[string]string) {
	wrong = map[string]string{}
	o = bot.FollowUpOptions{Every: durations(f.Every), By: f.By, Share: 100, Tell: f.Tell}
	for _, every := range o.Every {
		if every < bot.EveryMin || every > bot.EveryMax {
			wrong["every"] = fmt.Sprintf("%s is not from %s to %s", every, bot.EveryMin, bot.EveryMax)
		}
	}
	for _, by := range f.By {
		if !slices.Contains(channels, string(by)) {
			wrong["by"] = fmt.Sprintf("%q is not one of %s", by, strings.Join(channels, ", "))
		}
	}
	if f.Until != "" {
		share, err := strconv.Atoi(strings.TrimSuffix(f.Until, "%"))
		if err != nil || share < 1 || share > 100 {
			wrong["until"] = fmt.Sprintf("%q is not a percentage from 1%% to 100%%", f.Until)
		}
		o.Share = share
	}
	within, durationErr := time.ParseDuration(f.Deadline)
	clock, clockErr := receipts.ParseClockTime(f.Deadline)
	switch {
	case f.Deadline == "":
	case durationErr == nil && within > 0 && within <= bot.AheadMax:
		o.Within = within
	case durationErr != nil && clockErr == nil:
		o.Clock = &clock
	default:
		wrong["deadline"] = fmt.Sprintf("%q is neither a duration such as 24h, up to %s, nor a time of day such as \"18:00\"", f.Deadline, bot.AheadMax)
	}
	if len(f.Every) == 0 && f.Deadline == "" {
		wrong["every"] = "is missing, and so is deadline: there is nothing to do"
	}
	if len(f.Tell) > 0 && f.Deadline == "" {
		wrong["tell"] = "is told at the deadline, but there is no deadline"
	}
	return o, wrong
}

// memberSources are the values of members.source: every source in turn, or only
// one.
var memberSources = []string{"auto", "scene", "chat", "roster", "learned"}

// readSecret reads the secret from its file, if it has one.
func readSecret(s *secret, file, folder, key string, check *checker) {
	if file == "" {
		return
	}
	check.that(*s == "", key, "is given twice: here and as %s_file", key)
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	content, err := os.ReadFile(file)
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		check.that(false, key+"_file", "can't be read: %s", path.Err)
		return
	}
	*s = secret(strings.TrimSpace(string(content)))
	check.that(*s != "", key+"_file", "is empty")
}
