package main

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"go.uber.org/zap/zapcore"

	"whoread/bot"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

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
	check.that(c.Budget.CallsPerMonth >= 0, "budget.calls_per_month", "must not be negative; 0 is for no budget")
	c.HTTP.check(check)
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

func (h httpConfig) check(check *checker) {
	if h.Listen == listenOff {
		return
	}
	host, port, err := net.SplitHostPort(cmp.Or(h.Listen, defaultListen))
	check.that(err == nil && port != "", "http.listen", "%q is not an address such as %s, nor %s", h.Listen, defaultListen, listenOff)
	if err == nil && h.PProf {
		address, err := netip.ParseAddr(host)
		check.that(host == "localhost" || err == nil && address.IsLoopback(), "http.pprof",
			"shows the memory of the process, and is only for this machine: http.listen must be a loopback address such as %s, but is %q", defaultListen, h.Listen)
	}
}

// memberSources are the values of members.source: every source in turn, or only
// one.
var memberSources = []string{"auto", "scene", "chat", "roster", "learned"}
