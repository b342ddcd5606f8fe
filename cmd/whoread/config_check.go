package main

import (
	"cmp"
	"net"
	"net/netip"
	"strings"
	"time"

	"whoread/bot"
	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/store"
)

// complete fills in what follows from other keys, reads secrets from their files, and
// checks what one key alone does not tell. Files are relative to the folder of the
// configuration.
func (c *config) complete(folder string, r *reader) {
	c.DingTalk.complete(folder, r)
	c.Redis.complete(folder, r)
	for id, roster := range c.Members.Rosters {
		r.that(len(roster.Users)+len(roster.Departments) > 0 || roster.ChatID != "", "members.rosters."+id,
			"names nobody; give users, departments or chat_id")
	}
	for id, f := range c.FollowUp {
		f.check("follow_up."+id, r)
		f.Until = cmp.Or(f.Until, 100)
		c.FollowUp[id] = f
	}
	c.HTTP.check(r)
}

func (d *dingtalkConfig) complete(folder string, r *reader) {
	const console = "it is in DingTalk's developer console under the app's credentials (凭证与基础信息)"
	d.ClientSecret = secret(r.secretFromFile(string(d.ClientSecret), &d.ClientSecretFile, folder, "dingtalk.client_secret"))
	r.that(d.ClientID != "", "dingtalk.client_id", "is missing; %s", console)
	r.that(d.ClientSecret != "", "dingtalk.client_secret", "is missing, and so is client_secret_file; %s", console)
	d.RobotCode = cmp.Or(d.RobotCode, d.ClientID)
	d.APIURL = cmp.Or(d.APIURL, hosts[d.Site][0])
	d.OapiURL = cmp.Or(d.OapiURL, hosts[d.Site][1])
	for key, address := range map[string]string{"dingtalk.api_url": d.APIURL, "dingtalk.oapi_url": d.OapiURL} {
		err := dingtalk.CheckURL(address)
		r.that(err == nil, key, "%v", err)
	}
}

func (h httpConfig) check(r *reader) {
	host, _, err := net.SplitHostPort(cmp.Or(h.Listen, defaultListen))
	if !h.PProf || err != nil {
		return
	}
	address, err := netip.ParseAddr(host)
	r.that(host == "localhost" || err == nil && address.IsLoopback(), "http.pprof",
		"shows the memory of the process, and is only for this machine; let http.listen be a loopback address such as %s, or leave pprof out", defaultListen)
}

func (f followUpConfig) check(key string, r *reader) {
	r.that(len(f.Every) > 0 || f.Deadline != "" || r.failed[key+".every"] || r.failed[key+".deadline"], key, "has nothing to do; give every or deadline")
	r.that(len(f.Tell) == 0 || f.Deadline != "" || r.failed[key+".deadline"], key+".tell", "is told at the deadline, but there is none; give deadline, or leave tell out")
}

// options are the settings as the bot takes them.
func (f followUpConfig) options() bot.FollowUpOptions {
	o := bot.FollowUpOptions{Every: durations(f.Every), By: f.By, Share: int(f.Until), Tell: f.Tell}
	if clock, err := receipts.ParseClockTime(f.Deadline); err == nil {
		o.Clock = &clock
	} else if within, err := time.ParseDuration(f.Deadline); err == nil {
		o.Within = within
	}
	return o
}

// complete reads the password of the Sentinels from its file, and looks whether
// everything fits together.
func (c *redisConfig) complete(folder string, r *reader) {
	c.URL = redisURL(r.secretFromFile(string(c.URL), &c.URLFile, folder, "redis.url"))
	urlKey := "redis.url"
	if c.URLFile != "" {
		urlKey = "redis.url_file"
	}
	severalServers := len(c.Addrs) > 0 || c.MasterName != "" || c.TLSCAFile != ""
	r.that(c.URL != "" || !severalServers, urlKey, "is missing; it is the first of the addresses")
	c.URL = cmp.Or(c.URL, redisURL(store.Memory))
	r.that(aRedisURL.accepts(string(c.URL)), urlKey, "does not hold %s", aRedisURL.wanted)
	c.SentinelPassword = secret(r.secretFromFile(string(c.SentinelPassword), &c.SentinelPasswordFile, folder, "redis.sentinel_password"))
	if c.TLSCAFile != "" {
		c.TLSCAFile = inFolder(c.TLSCAFile, folder)
	}
	_, err := readCAs(c.TLSCAFile)
	r.that(err == nil, "redis.tls_ca_file", "%v", err)
	for key := range r.failed {
		if strings.HasPrefix(key, "redis.") {
			return // the rest may be wrong only because of that
		}
	}
	if c.URL == store.Memory && !severalServers {
		return // the embedded one is not started to be looked at
	}
	s, err := c.open(time.Hour, nil, nil)
	if err != nil {
		r.that(false, urlKey, "%s", strings.TrimPrefix(err.Error(), "redis url: "))
		return
	}
	_ = s.Close() // it has no connection yet
}
