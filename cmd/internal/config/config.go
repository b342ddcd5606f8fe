// Package config reads the administrator's YAML file.
//
// Read and Load return the settings or every mistake at once, each with its line, its key
// and what to do; no secret is in a mistake. File.Print writes the configuration in effect,
// PrintSchema a JSON Schema for editors, and a Reloader follows the file while the bot runs.
// What a key means and takes is in settings.go alone. The methods of options.go give the
// settings in the types of the packages that go by them.
package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"whoread/receipts"
)

// Config is the shape of the file. config.example.yaml explains the keys to people.
type Config struct {
	DingTalk DingTalk `yaml:"dingtalk"`
	Redis    Redis    `yaml:"redis"`
	// Groups are the conversation ids of groups, by names of the administrator's.
	Groups        map[string]string `yaml:"groups"`
	Access        Access            `yaml:"access"`
	Announcements Announcements     `yaml:"announcements"`
	Members       Members           `yaml:"members"`
	Reports       Reports           `yaml:"reports"`
	Limits        Limits            `yaml:"limits"`
	Reminders     Reminders         `yaml:"reminders"`
	// FollowUp is by conversation id; "*" is for all other groups.
	FollowUp map[string]FollowUp `yaml:"follow_up"`
	Budget   Budget              `yaml:"budget"`
	API      API                 `yaml:"api"`
	HTTP     HTTP                `yaml:"http"`
	Log      Log                 `yaml:"log"`
}

// DingTalk is the app at DingTalk, and where DingTalk is.
type DingTalk struct {
	ClientID         string `yaml:"client_id"`
	ClientSecret     Secret `yaml:"client_secret"`
	ClientSecretFile string `yaml:"client_secret_file"`
	RobotCode        string `yaml:"robot_code"`
	CoolAppCode      string `yaml:"cool_app_code"`
	Site             string `yaml:"site"`
	APIURL           string `yaml:"api_url"`
	OapiURL          string `yaml:"oapi_url"`
	Connections      int    `yaml:"connections"`
}

// Redis is where the records are.
type Redis struct {
	URL                  RedisURL `yaml:"url"`
	URLFile              string   `yaml:"url_file"`
	Addrs                []string `yaml:"addrs"`
	MasterName           string   `yaml:"master_name"`
	SentinelUsername     string   `yaml:"sentinel_username"`
	SentinelPassword     Secret   `yaml:"sentinel_password"`
	SentinelPasswordFile string   `yaml:"sentinel_password_file"`
	TLSCAFile            string   `yaml:"tls_ca_file"`
	KeyPrefix            string   `yaml:"key_prefix"`
}

// Access is where the bot works, and who may do what.
type Access struct {
	Groups   []string      `yaml:"groups"`
	Admins   []string      `yaml:"admins"`
	Announce receipts.Rule `yaml:"announce"`
	Report   receipts.Rule `yaml:"report"`
	Remind   receipts.Rule `yaml:"remind"`
	Recall   receipts.Rule `yaml:"recall"`
}

// Announcements is how announcements look.
type Announcements struct {
	Signature bool `yaml:"signature"`
}

// Members is where member lists come from.
type Members struct {
	Source   string            `yaml:"source"`
	CacheFor Duration          `yaml:"cache_for"`
	Exclude  []string          `yaml:"exclude"`
	Rosters  map[string]Roster `yaml:"rosters"`
}

// Roster is a configured list of the members of one group.
type Roster struct {
	Name        string   `yaml:"name"` // for the administrator's eyes
	ChatID      string   `yaml:"chat_id"`
	Users       []string `yaml:"users"`
	Departments []int64  `yaml:"departments"`
}

// Reports is how the bot answers, and how long it saves what it knows.
type Reports struct {
	Language string     `yaml:"language"`
	To       string     `yaml:"to"`
	MaxNames int        `yaml:"max_names"`
	FreshFor Duration   `yaml:"fresh_for"`
	Sweep    []Duration `yaml:"sweep"`
	KeepFor  Duration   `yaml:"keep_for"`
}

// Limits are how many counted questions are answered by asking DingTalk in ten minutes.
type Limits struct {
	Person int `yaml:"person"` // 0: no limit
	Group  int `yaml:"group"`
}

// Reminders is how people are reminded, and when not.
type Reminders struct {
	By         receipts.Channel `yaml:"by"`
	Ding       string           `yaml:"ding"`
	Cooldown   Duration         `yaml:"cooldown"`
	AskAbove   int              `yaml:"ask_above"` // 0: never
	QuietHours string           `yaml:"quiet_hours"`
	TimeZone   string           `yaml:"time_zone"`
}

// FollowUp is how the announcements of a group are followed up.
type FollowUp struct {
	Every    []Duration         `yaml:"every"`
	By       []receipts.Channel `yaml:"by"`
	Until    Percentage         `yaml:"until"`
	Deadline string             `yaml:"deadline"` // a duration or a time of day
	Tell     []string           `yaml:"tell"`
	Confirm  bool               `yaml:"confirm"`
}

// Budget bounds the calls of DingTalk's API.
type Budget struct {
	CallsPerSecond int        `yaml:"calls_per_second"`
	CallsPerMonth  int        `yaml:"calls_per_month"` // 0: no budget
	WarnAt         Percentage `yaml:"warn_at"`         // 0: never
}

// API is the front door for programs.
type API struct {
	Listen      string  `yaml:"listen"` // empty: there is none
	TLSCertFile string  `yaml:"tls_cert_file"`
	TLSKeyFile  string  `yaml:"tls_key_file"`
	Tokens      []Token `yaml:"tokens"`
}

// Token is one program that may use the API. The token itself is only in its file.
type Token struct {
	Name      string   `yaml:"name"`
	TokenFile string   `yaml:"token_file"`
	Groups    []string `yaml:"groups"` // names or conversation ids; once read, ids
	May       []string `yaml:"may"`
}

// All stands for every group, and for every right, of a token.
const All = "*"

// HTTP is the endpoint of health checks and metrics.
type HTTP struct {
	Listen string `yaml:"listen"` // empty: the default, if it is free
	PProf  bool   `yaml:"pprof"`
}

// Log is what is logged, and how.
type Log struct {
	Level   string `yaml:"level"`
	Format  string `yaml:"format"`
	Phrases bool   `yaml:"phrases"`
}

// Secret is a text of the configuration that is never printed.
type Secret string

const masked = "***"

// Format prints what String returns, by whatever verb: for one that does not fit a text
// fmt would show the secret.
func (s Secret) Format(f fmt.State, verb rune) { fmt.Fprintf(f, fmt.FormatString(f, verb), s.String()) }

// MarshalText is String for JSON, YAML and the log.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil } //nolint:unparam // encoding.TextMarshaler asks for the error, here and below

// String returns *** for a secret, and nothing if there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// RedisURL is printed without its passwords.
type RedisURL string

// Format prints what String returns, as that of Secret.
func (u RedisURL) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), u.String())
}

// MarshalText is String for JSON, YAML and the log.
func (u RedisURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil } //nolint:unparam // see there

// String shows where Redis is, and no password: neither that before the host nor one
// among the parameters. What is no URL is not shown at all.
func (u RedisURL) String() string {
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

// Duration is a time.Duration that is printed as people write it.
type Duration time.Duration

// String writes 1h instead of 1h0m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len(zero)+1]
		}
	}
	return text
}

// MarshalText writes it as it is read.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil } //nolint:unparam // see there

// Percentage is a whole number of hundredths.
type Percentage int

// String writes it as it is read.
func (p Percentage) String() string { return strconv.Itoa(int(p)) + "%" }

// MarshalText writes it as it is read.
func (p Percentage) MarshalText() ([]byte, error) { return []byte(p.String()), nil } //nolint:unparam // see there

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{
		DingTalk:      DingTalk{Site: "com", Connections: 2},
		Redis:         Redis{KeyPrefix: "whoread"},
		Access:        Access{Announce: receipts.Admins, Report: receipts.Everyone, Remind: receipts.Admins, Recall: receipts.Author},
		Announcements: Announcements{Signature: true},
		Members:       Members{Source: "auto", CacheFor: Duration(24 * time.Hour)},
		Reports:       Reports{Language: "auto", To: "group", MaxNames: 20, FreshFor: Duration(10 * time.Second), Sweep: []Duration{Duration(23 * time.Hour)}, KeepFor: Duration(720 * time.Hour)},
		Limits:        Limits{Person: 20, Group: 60},
		Reminders:     Reminders{By: receipts.Mention, Ding: "app", Cooldown: Duration(5 * time.Minute), AskAbove: 30, QuietHours: "22:00-08:00", TimeZone: "Asia/Shanghai"},
		Budget:        Budget{CallsPerSecond: 20, CallsPerMonth: 5000, WarnAt: 80},
		Log:           Log{Level: "info", Format: "json"},
	}
}

// Values of http.listen that are no address of their own.
const (
	DefaultListen = "127.0.0.1:9090" // the address if http.listen is empty
	ListenOff     = "off"            // nothing listens
)

// SiteOf returns the site of DingTalk that the address is a host of; empty if it is none.
func SiteOf(address string) string {
	for site, both := range hosts {
		if address == both[0] || address == both[1] {
			return site
		}
	}
	return ""
}

// hosts are DingTalk's, by site: the OpenAPI and the old API.
var hosts = map[string][2]string{
	"com": {"https://api.dingtalk.com", "https://oapi.dingtalk.com"},
	"io":  {"https://api.dingtalk.io", "https://oapi.dingtalk.io"},
}
