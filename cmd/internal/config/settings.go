package config

import (
	"fmt"
	"maps"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"whoread/bot/command"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// setting is what a key of the configuration means and what it takes. Reading a file,
// the sentences about its mistakes and the JSON Schema for editors all go by it.
type setting struct {
	about string // for people, in one sentence
	// What a value must be, or each value of a list; whichever fit its type.
	choices  []string
	from, to int64 // of numbers and percentages; of durations in nanoseconds; to 0: no end
	form     *form
	off      bool // 0 is for never, whatever the range

	items int // a list has at most so many; 0: any number

	noSpaces bool // nothing that can't be seen is in it: no blank, no line break; around it they are left out
}

// form is how a text is written that is neither free nor one of a few.
type form struct {
	wanted  string            // in words
	pattern string            // for editors; it may allow what accepts does not
	accepts func(string) bool // nil: whether it is right is found out elsewhere
	hint    func(string) string
}

var (
	who       = []string{string(receipts.Admins), string(receipts.Everyone)}
	whoRecall = []string{string(receipts.Author), string(receipts.Admins), string(receipts.Everyone)}
	channels  = []string{string(receipts.Mention), string(receipts.InPrivate), string(receipts.Ding)}
	// memberSources are every source in turn, or only one.
	memberSources = []string{"auto", "scene", "chat", "roster", "learned"}
	tokenRights   = []string{string(receipts.RightAnnounce), string(receipts.RightReport), string(receipts.RightRemind), string(receipts.RightRecall), All}
	dingTypes     = map[string]dingtalk.DingType{"app": dingtalk.DingApp, "sms": dingtalk.DingSMS, "call": dingtalk.DingCall}
	logLevels     = []string{"debug", "info", "warn", "error"}

	anAddress = &form{
		wanted: "an address such as " + DefaultListen + ", nor " + ListenOff, pattern: `^$|^off$|^.*:[0-9A-Za-z-]+$`,
		accepts: func(text string) bool {
			_, port, err := net.SplitHostPort(text)
			if err == nil && port != "" {
				_, err = net.LookupPort("tcp", port)
			}
			return text == "" || text == ListenOff || err == nil && port != ""
		},
		hint: addressHint,
	}
	someQuietHours = &form{
		wanted: `two different times such as "22:00-08:00", nor "" for none`, pattern: `^$|^\d{1,2}:\d{2} *- *\d{1,2}:\d{2}$`,
		accepts: func(text string) bool {
			_, err := receipts.ParseQuietHours(text, time.UTC)
			return err == nil
		},
		hint: quietHoursHint,
	}
	aTimeZone = &form{
		wanted: "a time zone such as Asia/Shanghai", pattern: `.`,
		accepts: func(text string) bool {
			_, err := time.LoadLocation(text)
			return err == nil && text != "" && text != "Local"
		},
		hint: timeZoneHint,
	}
	aDeadline = &form{
		wanted:  fmt.Sprintf(`a time of day such as "18:00", nor a duration of up to %s such as 24h`, Duration(receipts.AheadMax)),
		pattern: `^$|^\d{1,2}:\d{2}$|` + durationPattern,
		accepts: func(text string) bool {
			_, clockErr := receipts.ParseClockTime(text)
			within, err := time.ParseDuration(text)
			return text == "" || clockErr == nil || err == nil && within > 0 && within <= receipts.AheadMax
		},
		hint: deadlineHint,
	}
	anAPIAddress = &form{
		wanted: "an address such as 127.0.0.1:9443", pattern: `^$|^.*:[0-9A-Za-z-]+$`,
		accepts: func(text string) bool { return text != ListenOff && anAddress.accepts(text) },
		hint:    addressHint,
	}
	aHost     = &form{wanted: "an address such as https://api.dingtalk.com", pattern: `^https?://`}
	aRedisURL = &form{
		wanted: "an address that begins with redis://, rediss:// or memory://", pattern: `^$|^(rediss?|memory)://`,
		accepts: func(text string) bool {
			scheme, _, found := strings.Cut(text, "://")
			return text == "" || found && slices.Contains([]string{"redis", "rediss", "memory"}, scheme)
		},
		hint: textHint,
	}
	aKeyPrefix = &form{
		wanted: "of letters (a-z, A-Z), digits and - _ : . only", pattern: keyPrefixPattern,
		accepts: regexp.MustCompile(keyPrefixPattern).MatchString,
		hint:    textHint,
	}
	aServer = &form{
		wanted: "an address such as redis2.example:6379", pattern: `^[^@/ ]+$`,
		accepts: store.IsAddress,
		hint:    textHint,
	}
)

// keyPrefixPattern leaves out what means something in keys ({ }) or in the patterns of an ACL (* ? [ ] \ and blanks).
const keyPrefixPattern = `^[A-Za-z0-9_:.-]+$`

const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

// settings are all keys, by their dotted path; * stands for a conversation id.
var settings = map[string]setting{
	"dingtalk":                    {about: "The app at DingTalk."},
	"dingtalk.client_id":          {about: "Client ID of the app, from DingTalk's developer console (Credentials and basic info, 凭证与基础信息).", noSpaces: true},
	"dingtalk.client_secret":      {about: "Client Secret of the app, from the same page.", noSpaces: true},
	"dingtalk.client_secret_file": {about: "Instead of client_secret: a file that holds it."},
	"dingtalk.robot_code":         {about: "The bot's code, if it is another than client_id.", noSpaces: true},
	"dingtalk.cool_app_code":      {about: "Code of the group cool app (群酷应用) with which the bot came into groups.", noSpaces: true},
	"dingtalk.site":               {about: "com: mainland (dingtalk.com); io: international (dingtalk.io).", choices: slices.Sorted(maps.Keys(hosts))},
	"dingtalk.api_url":            {about: "Host of the OpenAPI, if it is not the site's.", form: aHost},
	"dingtalk.oapi_url":           {about: "Host of the old API, if it is not the site's.", form: aHost},
	"dingtalk.connections":        {about: "How many Stream connections are kept.", from: 1, to: 16},

	"redis":                        {about: "Where everything is kept that must outlive the process."},
	"redis.url":                    {about: "redis://user:password@host:6379/0, rediss:// with TLS, or memory://, which ends with the process.", form: aRedisURL, noSpaces: true},
	"redis.url_file":               {about: "Instead of url: a file that holds it."},
	"redis.addrs":                  {about: "Further addresses (host:port): the nodes of a Redis Cluster, or the Sentinels.", form: aServer},
	"redis.master_name":            {about: "url and addrs are Sentinels, and this is what they call the master."},
	"redis.sentinel_username":      {about: "The Sentinels' own user, if they have any."},
	"redis.sentinel_password":      {about: "The Sentinels' own password, if they have any."},
	"redis.sentinel_password_file": {about: "Instead of sentinel_password: a file that holds it."},
	"redis.tls_ca_file":            {about: "With rediss://: the certificate (PEM) of the authority that signed Redis's."},
	"redis.key_prefix":             {about: "Bots that share a Redis need different ones: letters, digits and - _ : . only.", form: aKeyPrefix},

	"groups":   {about: "Names of groups for this file, the API and the command line."},
	"groups.*": {about: "The conversation id; usage says it in the group.", noSpaces: true},

	"access":          {about: "Where the bot works, and who may do what."},
	"access.groups":   {about: "Conversation ids, or names of groups, in which the bot works; empty: every group that it is in."},
	"access.admins":   {about: "userIds of admins besides the organisation's administrators."},
	"access.announce": {about: "Who may announce.", choices: who},
	"access.report":   {about: "Who may ask who has read, and list.", choices: who},
	"access.remind":   {about: "Who may remind, follow up and stop.", choices: who},
	"access.recall":   {about: "Who may recall a message; author is also for admins.", choices: whoRecall},

	"announcements":           {about: "How announcements look in the group."},
	"announcements.signature": {about: "The last line of an announcement says which number it has and who announced it; a deadline stands there in any case."},

	"members":                       {about: "Who belongs to a group."},
	"members.source":                {about: "Where member lists come from: auto asks each source in turn, any other only that one.", choices: memberSources},
	"members.cache_for":             {about: "How long a member list is used again."},
	"members.exclude":               {about: "userIds that are never counted, such as service accounts."},
	"members.rosters":               {about: "Members of groups of which DingTalk has no list, by conversation id or name."},
	"members.rosters.*":             {about: "The members of one group: users, departments or chat_id, or several of them."},
	"members.rosters.*.name":        {about: "For your eyes only."},
	"members.rosters.*.chat_id":     {about: "Id of the chat, where this app created it."},
	"members.rosters.*.users":       {about: "userIds."},
	"members.rosters.*.departments": {about: "Departments by DingTalk's dept_id, without those below them.", from: 1},

	"reports":           {about: "How the bot answers."},
	"reports.language":  {about: "auto: that of the command, or of the group's last one; zh or en: always that one.", choices: []string{"auto", string(command.Chinese), string(command.English)}},
	"reports.to":        {about: "group: reports go to the group; direct: to who asked.", choices: []string{"group", "direct"}},
	"reports.max_names": {about: "Of a longer list the rest is counted.", from: 1, to: 500},
	"reports.fresh_for": {about: "An answer of DingTalk younger than this is used again.", to: int64(time.Hour)},
	"reports.sweep":     {about: "How long after its sending a message's reads are saved, before DingTalk forgets them; [] for never.", from: int64(time.Minute), items: 10},
	"reports.keep_for":  {about: "How long a message and what is known of it are kept: longer than any sweep, interval or deadline.", from: int64(24 * time.Hour)},

	"limits":        {about: "How much may be asked of DingTalk in ten minutes; beyond, the bot says what it knows."},
	"limits.person": {about: "Counted calls of one person's questions, but of administrators'; 0: no limit."},
	"limits.group":  {about: "Counted calls of all questions about one group; 0: no limit."},

	"reminders":             {about: "How people are reminded, and when not."},
	"reminders.by":          {about: "How, where the command does not say: mention (in the group), direct (in private) or ding.", choices: channels},
	"reminders.ding":        {about: "What a DING is; sms and call cost money.", choices: slices.Sorted(maps.Keys(dingTypes))},
	"reminders.cooldown":    {about: "How long the same message is not reminded of again in the same way.", to: int64(24 * time.Hour)},
	"reminders.ask_above":   {about: "A command that would remind more people asks first; 0: never."},
	"reminders.quiet_hours": {about: `Nothing comes by itself then; "" for none. Commands are answered at any time.`, form: someQuietHours},
	"reminders.time_zone":   {about: "Of the times in answers, of deadlines and of quiet hours.", form: aTimeZone},

	"follow_up":            {about: "How every announcement of a group is followed up, by conversation id or name; * is for all other groups."},
	"follow_up.*":          {about: "Reports and reminders that come by themselves; every, deadline or confirm must be given."},
	"follow_up.*.every":    {about: "The pauses before the rounds; the last one is repeated.", from: int64(receipts.EveryMin), to: int64(receipts.EveryMax)},
	"follow_up.*.by":       {about: "How each round reminds; the last one is repeated.", choices: channels},
	"follow_up.*.until":    {about: "So many readers are enough; everybody, if it is not given.", from: 1, to: 100},
	"follow_up.*.deadline": {about: `The next "18:00", or so long after the announcement, such as 24h.`, form: aDeadline},
	"follow_up.*.tell":     {about: "userIds of whom to tell in private at the deadline."},
	"follow_up.*.confirm":  {about: "Readers are asked to confirm every announcement, and followed up until they have."},

	"budget":                  {about: "How many calls of DingTalk's API the bot makes."},
	"budget.calls_per_second": {about: "Of each API; 20 is what DingTalk's standard edition allows an app.", from: 1},
	"budget.calls_per_month":  {about: "Counted calls; 5000 is what the standard edition allows an organisation; 0: no budget."},
	"budget.warn_at":          {about: "Of calls_per_month: administrators are told once a month; 0 for never.", from: 1, to: 100, off: true},

	"api":                   {about: "The front door for programs: HTTP, the command line."},
	"api.listen":            {about: "Where it listens: a loopback address, or any with TLS; empty for nowhere.", form: anAPIAddress},
	"api.tls_cert_file":     {about: "The certificate (PEM), with those that it was signed by; read again when it is renewed."},
	"api.tls_key_file":      {about: "The certificate's key (PEM)."},
	"api.tokens":            {about: "The programs that may use it."},
	"api.tokens.name":       {about: "What the program is called, as the author of what it announces."},
	"api.tokens.token_file": {about: "A file that holds its bearer token, of 16 bytes or more; read again when it changes."},
	"api.tokens.groups":     {about: "Names or conversation ids of the groups that it may use; * for all."},
	"api.tokens.may":        {about: "What it may do there: announce, report, remind (and follow up), recall; * for all.", choices: tokenRights},

	"http":        {about: "What the process tells about itself."},
	"http.listen": {about: "Where it is told; the default is " + DefaultListen + " if it is free; off for nowhere.", form: anAddress},
	"http.pprof":  {about: "Go's profiles of the running process under /debug/pprof/; listen must be a loopback address."},

	"log":         {about: "The log, a line an event."},
	"log.level":   {about: "What is logged: this and worse.", choices: logLevels},
	"log.phrases": {about: "What was not understood is logged, at most 200 characters each."},
	"log.format":  {about: "json for programs, console for people.", choices: []string{"json", "console"}},
}

// wanted returns in words what a value of that type must be.
func (s setting) wanted(t reflect.Type) string {
	number := func(kind string, from, to any) string {
		switch {
		case s.to > 0:
			return fmt.Sprintf("%s from %v to %v", kind, from, to)
		case s.from > 0:
			return fmt.Sprintf("%s of %v or more", kind, from)
		default:
			return fmt.Sprintf("%s, %v or more", kind, from)
		}
	}
	switch {
	case t == reflect.TypeFor[Duration]():
		return number("a duration", Duration(s.from), Duration(s.to))
	case t == reflect.TypeFor[Percentage]():
		return number("a percentage", Percentage(s.from), Percentage(s.to))
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return number("a whole number", s.from, s.to)
	case t.Kind() == reflect.Bool:
		return "true or false"
	case s.form != nil:
		return s.form.wanted
	case len(s.choices) > 0:
		return "one of " + strings.Join(s.choices, ", ")
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return "a list: below it, further in, entries that begin with - and have keys with their values"
	case t.Kind() == reflect.Slice:
		return "a list such as [one, two]"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		return "a section: below it, further in, keys with their values (key: value)"
	default:
		return "text"
	}
}

// likely is a duration that would be taken.
func (s setting) likely() Duration {
	for _, d := range []time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour} {
		if s.within(int64(d)) {
			return Duration(d)
		}
	}
	return Duration(s.from)
}

// within reports whether the number is in the range.
func (s setting) within(n int64) bool {
	return n >= s.from && (s.to == 0 || n <= s.to) || s.off && n == 0
}

// sortedSettings are the keys of all settings.
func sortedSettings() []string { return slices.Sorted(maps.Keys(settings)) }
