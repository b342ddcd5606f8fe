package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"whoread/bot"
	"whoread/receipts"
)

// config is the administrator's YAML file: the shape of it. What each key means and
// takes is in settings; config.example.yaml explains it to people.
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
	URL                  redisURL `yaml:"url"`
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
	Until    percentage         `yaml:"until"`
	Deadline string             `yaml:"deadline"` // a duration or a time of day
	Tell     []string           `yaml:"tell"`
}

type budgetConfig struct {
	CallsPerSecond int        `yaml:"calls_per_second"`
	CallsPerMonth  int        `yaml:"calls_per_month"` // 0: no budget
	WarnAt         percentage `yaml:"warn_at"`         // 0: never
}

type httpConfig struct {
	Listen string `yaml:"listen"` // empty: the default, if it is free
	PProf  bool   `yaml:"pprof"`
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// secret is a text of the configuration that is never printed.
type secret string

const masked = "***"

// Format prints what String returns, by whatever verb: for one that does not fit a text
// fmt would show the secret.
func (s secret) Format(f fmt.State, verb rune) { fmt.Fprintf(f, fmt.FormatString(f, verb), s.String()) }

// MarshalText is String for JSON, YAML and the log.
func (s secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil } //nolint:unparam // encoding.TextMarshaler asks for the error, here and below

// String tells only whether there is a secret.
func (s secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// redisURL is printed without its passwords.
type redisURL string

// Format prints what String returns, as that of secret.
func (u redisURL) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), u.String())
}

// MarshalText is String for JSON, YAML and the log.
func (u redisURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil } //nolint:unparam // see there

// String shows where Redis is, and no password: neither that before the host nor one
// among the parameters. What is no URL is not shown at all.
func (u redisURL) String() string {
	if u == "" {
		return ""
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Fragment != "" || strings.Contains(parsed.RawQuery, "@") {
		return masked
	}
	text := parsed.Scheme + "://"
	if parsed.User != nil {
		text += url.User(parsed.User.Username()).String()
		if _, given := parsed.User.Password(); given {
			text += ":" + masked
		}
		text += "@"
	}
	text += parsed.Host + parsed.EscapedPath()
	separator := "?"
	parameters := parsed.Query()
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		for _, value := range parameters[name] {
			value = url.QueryEscape(value)
			if strings.Contains(name, "password") {
				value = masked
			}
			text += separator + name + "=" + value
			separator = "&"
		}
	}
	return text
}

// duration is a time.Duration that is printed as people write it.
type duration time.Duration

// String writes 1h instead of 1h0m0s.
func (d duration) String() string {
	text := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len(zero)+1]
		}
	}
	return text
}

// MarshalText writes it as it is read.
func (d duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil } //nolint:unparam // see there

// percentage is a whole number of hundredths.
type percentage int

// String writes it as it is read.
func (p percentage) String() string { return strconv.Itoa(int(p)) + "%" }

// MarshalText writes it as it is read.
func (p percentage) MarshalText() ([]byte, error) { return []byte(p.String()), nil } //nolint:unparam // see there

func defaultConfig() config {
	return config{
		DingTalk:  dingtalkConfig{Site: "com", Connections: 2},
		Redis:     redisConfig{KeyPrefix: "whoread"},
		Access:    accessConfig{Announce: bot.Admins, Report: bot.Everyone, Remind: bot.Admins, Recall: bot.Author},
		Members:   membersConfig{Source: "auto", CacheFor: duration(10 * time.Minute)},
		Reports:   reportsConfig{Language: "auto", To: "group", MaxNames: 50, FreshFor: duration(10 * time.Second), Sweep: []duration{duration(time.Hour), duration(23 * time.Hour)}, KeepFor: duration(720 * time.Hour)},
		Reminders: remindersConfig{By: receipts.Mention, Ding: "app", Cooldown: duration(5 * time.Minute), QuietHours: "22:00-08:00", TimeZone: "Asia/Shanghai"},
		Budget:    budgetConfig{CallsPerSecond: 20, CallsPerMonth: 5000, WarnAt: 80},
		Log:       logConfig{Level: "info", Format: "json"},
	}
}

// hosts are DingTalk's, by site: the OpenAPI and the old API.
var hosts = map[string][2]string{
	"com": {"https://api.dingtalk.com", "https://oapi.dingtalk.com"},
	"io":  {"https://api.dingtalk.io", "https://oapi.dingtalk.io"},
}
