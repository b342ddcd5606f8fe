package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"whoread/receipts/dingtalk"
	"whoread/store"
)

// complete fills in what follows from other keys, reads secrets from their files, and
// checks keys against each other. Files are relative to the folder of the
// configuration.
func (c *Config) complete(folder string, r *reader) {
	c.DingTalk.complete(folder, r)
	c.Redis.complete(folder, r)
	for n, id := range c.Access.Groups {
		r.check(id != "*", fmt.Sprintf("access.groups[%d]", n), "* is no conversation id; leave access.groups out for every group")
	}
	for id, roster := range c.Members.Rosters {
		r.check(id != "*", "members.rosters."+id, "a roster is of one group; write its conversation id instead of *")
		r.check(len(roster.Users)+len(roster.Departments) > 0 || roster.ChatID != "", "members.rosters."+id,
			"names nobody; give users, departments or chat_id")
	}
	for id, f := range c.FollowUp {
		f.check("follow_up."+id, r)
		f.Until = cmp.Or(f.Until, 100)
		c.FollowUp[id] = f
	}
	c.checkKeepFor(r)
	c.HTTP.check(r)
	c.checkGroups(r)
	c.API.complete(folder, c.Groups, r)
	c.resolveGroups(r)
}

// checkKeepFor checks that reports.keep_for outlasts every sweep, pause and deadline.
func (c *Config) checkKeepFor(r *reader) {
	keepFor := time.Duration(c.Reports.KeepFor)
	kept := func(after time.Duration, key string) {
		r.check(after < keepFor || r.failed["reports.keep_for"], key,
			"comes when the message is not kept any more: reports.keep_for is %s; make it longer, or this shorter", c.Reports.KeepFor)
	}
	for n, after := range c.Reports.Sweep {
		kept(time.Duration(after), fmt.Sprintf("reports.sweep[%d]", n))
	}
	for id, f := range c.FollowUp {
		kept(f.options().Within, below("follow_up", id)+".deadline")
		for n, pause := range f.Every {
			kept(time.Duration(pause), fmt.Sprintf("follow_up.%s.every[%d]", id, n))
		}
	}
}

// Unused returns the settings that have no effect, by key. They are no mistakes: other keys
// may be changed for a time only.
func (c *Config) Unused() []Mistake {
	var all []Mistake
	odd := func(key, format string, args ...any) {
		all = append(all, Mistake{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	for _, id := range slices.Sorted(maps.Keys(c.Members.Rosters)) {
		if !c.worksIn(id) {
			odd("members.rosters."+id, "is never used: access.groups leaves this group out")
		} else if source := c.Members.Source; source == "scene" || source == "learned" {
			odd("members.rosters."+id, "is never used: members.source is %s", source)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.FollowUp)) {
		if id != "*" && !c.worksIn(id) {
			odd("follow_up."+id, "is never used: access.groups leaves this group out")
		}
	}
	return all
}

// worksIn reports whether the bot works in a group.
func (c *Config) worksIn(group string) bool {
	return len(c.Access.Groups) == 0 || slices.Contains(c.Access.Groups, group)
}

func (d *DingTalk) complete(folder string, r *reader) {
	const console = "it is in DingTalk's developer console under the app's credentials (凭证与基础信息)"
	d.ClientSecret = Secret(r.secretFromFile(string(d.ClientSecret), &d.ClientSecretFile, folder, "dingtalk.client_secret"))
	r.check(d.ClientID != "", "dingtalk.client_id", "is missing; %s", console)
	r.check(d.ClientSecret != "", "dingtalk.client_secret", "is missing, and so is client_secret_file; %s", console)
	d.RobotCode = cmp.Or(d.RobotCode, d.ClientID)
	d.APIURL = cmp.Or(d.APIURL, hosts[d.Site][0])
	d.OapiURL = cmp.Or(d.OapiURL, hosts[d.Site][1])
	for key, address := range map[string]string{"dingtalk.api_url": d.APIURL, "dingtalk.oapi_url": d.OapiURL} {
		err := dingtalk.CheckURL(address)
		r.check(err == nil, key, "%v", err)
	}
}

func (h HTTP) check(r *reader) {
	if !h.PProf || h.Listen == ListenOff {
		return
	}
	r.check(isLoopback(cmp.Or(h.Listen, DefaultListen)), "http.pprof",
		"shows the memory of the process, and is only for this machine; let http.listen be a loopback address such as %s, or leave pprof out", DefaultListen)
}

// isLoopback reports whether only this machine reaches the address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// checkGroups checks the names of groups.
func (c *Config) checkGroups(r *reader) {
	for name, id := range c.Groups {
		key := below("groups", name)
		r.check(name != All, key, "* stands for all groups and can't be a name; choose another one")
		r.check(id != "", key, "has no conversation id; usage says it in the group")
		_, isName := c.Groups[id]
		r.check(!isName, key, "is the name of another group, not a conversation id; usage says it in the group")
	}
}

// resolveGroups puts conversation ids in the place of names.
func (c *Config) resolveGroups(r *reader) {
	resolved(c.Groups, c.Access.Groups)
	c.Members.Rosters = byID(c.Groups, c.Members.Rosters, "members.rosters", r)
	c.FollowUp = byID(c.Groups, c.FollowUp, "follow_up", r)
}

func resolved(groups map[string]string, ids []string) {
	for i, name := range ids {
		if id, named := groups[name]; named {
			ids[i] = id
		}
	}
}

// byID is a section by conversation id, whether the file has ids or names.
func byID[T any](groups map[string]string, section map[string]T, path string, r *reader) map[string]T {
	for name, id := range groups {
		one, named := section[name]
		if !named {
			continue
		}
		_, twice := section[id]
		r.check(!twice, below(path, name), "is given twice, by its name and by its conversation id; keep one of them")
		delete(section, name)
		section[id] = one
	}
	return section
}

// minToken is how long a bearer token must be, in bytes.
const minToken = 16

// complete looks whether the API can be served, and whether each token may do something.
func (a *API) complete(folder string, groups map[string]string, r *reader) {
	for _, file := range []*string{&a.TLSCertFile, &a.TLSKeyFile} {
		if *file != "" {
			*file = inFolder(*file, folder)
		}
	}
	r.check(a.TLSKeyFile == "" || a.TLSCertFile != "", "api.tls_key_file", "is given, but its certificate is not; give tls_cert_file")
	r.check(a.TLSCertFile == "" || a.TLSKeyFile != "", "api.tls_cert_file", "is given, but its key is not; give tls_key_file")
	if _, err := a.Certificate(); err != nil {
		r.check(false, "api.tls_cert_file", "%v", err)
	}
	if a.Listen != "" {
		r.check(isLoopback(a.Listen) || a.TLSCertFile != "", "api.listen",
			"is reached from other machines, where tokens must not go unencrypted; give tls_cert_file and tls_key_file, or a loopback address such as 127.0.0.1:9443")
		r.check(len(a.Tokens) > 0, "api.tokens", "is missing: nobody could use the API; give a token, or leave api.listen out")
	}
	names, files := map[string]bool{}, map[string]int{}
	for n := range a.Tokens {
		t, key := &a.Tokens[n], fmt.Sprintf("api.tokens[%d]", n)
		r.check(t.Name != "", key+".name", "is missing; it is shown as the author of what the program announces")
		r.check(t.Name == "" || !names[t.Name], key+".name", "is that of another token too; choose another one")
		names[t.Name] = true
		t.check(key, folder, groups, files, n, r)
		resolved(groups, t.Groups)
	}
}

func (t *Token) check(key, folder string, groups map[string]string, files map[string]int, n int, r *reader) {
	r.check(len(t.Groups) > 0, key+".groups", "is empty: it may be used in no group; name some, or write [\"*\"] for all")
	r.check(len(t.May) > 0, key+".may", "is empty: it may do nothing; write what it may (%s), or [\"*\"] for all", strings.Join(tokenRights[:len(tokenRights)-1], ", "))
	for i, group := range t.Groups {
		_, named := groups[group]
		hint := ""
		if guess := nearest(group, slices.Sorted(maps.Keys(groups))); guess != "" {
			hint = "; " + didYouMean(guess)
		}
		r.check(named || group == All || strings.HasPrefix(group, "cid") || r.failed["groups"], fmt.Sprintf("%s.groups[%d]", key, i),
			"is neither a name in groups: nor a conversation id (cid...)%s", hint)
	}
	r.check(t.TokenFile != "", key+".token_file", "is missing; write a token into a file, such as that of: openssl rand -hex 32")
	if t.TokenFile == "" || r.failed[key+".token_file"] {
		return
	}
	t.TokenFile = inFolder(t.TokenFile, folder)
	secret, err := t.read()
	r.check(err == nil, key+".token_file", "%v", err)
	if before, twice := files[secret]; err == nil {
		r.check(!twice, key+".token_file", "holds the same token as api.tokens[%d]; make another one", before)
		files[secret] = n
	}
}

func (f FollowUp) check(key string, r *reader) {
	r.check(len(f.Every) > 0 || f.Deadline != "" || f.Confirm || r.failed[key+".every"] || r.failed[key+".deadline"] || r.failed[key+".confirm"], key, "has nothing to do; give every, deadline or confirm")
	r.check(len(f.Tell) == 0 || f.Deadline != "" || r.failed[key+".deadline"], key+".tell", "is told at the deadline, but there is none; give deadline, or leave tell out")
}

// complete reads the password of the Sentinels from its file, and looks whether
// everything fits together.
func (c *Redis) complete(folder string, r *reader) {
	c.URL = RedisURL(r.secretFromFile(string(c.URL), &c.URLFile, folder, "redis.url"))
	urlKey := "redis.url"
	if c.URLFile != "" {
		urlKey = "redis.url_file"
	}
	severalServers := len(c.Addrs) > 0 || c.MasterName != "" || c.TLSCAFile != ""
	sentinelKey := "redis.sentinel_username"
	switch {
	case c.SentinelUsername != "":
	case c.SentinelPasswordFile != "":
		sentinelKey = "redis.sentinel_password_file"
	default:
		sentinelKey = "redis.sentinel_password"
	}
	r.check(c.URL != "" || !severalServers, urlKey, "is missing; it is the first of the addresses")
	c.URL = cmp.Or(c.URL, RedisURL(store.Memory))
	r.check(aRedisURL.accepts(string(c.URL)), urlKey, "does not hold %s", aRedisURL.wanted)
	c.SentinelPassword = Secret(r.secretFromFile(string(c.SentinelPassword), &c.SentinelPasswordFile, folder, "redis.sentinel_password"))
	if c.TLSCAFile != "" {
		c.TLSCAFile = inFolder(c.TLSCAFile, folder)
	}
	o, err := c.options()
	r.check(err == nil, "redis.tls_ca_file", "%v", err)
	for key, failed := range r.failed {
		if failed && strings.HasPrefix(key, "redis.") {
			return // the rest may be wrong only because of that
		}
	}
	if c.URL == store.Memory && !severalServers && c.SentinelUsername+string(c.SentinelPassword) == "" {
		return // the embedded one is not started to be looked at
	}
	s, err := store.Open(o)
	switch {
	case errors.Is(err, store.ErrNoMaster) && c.SentinelUsername+string(c.SentinelPassword) != "":
		r.check(false, sentinelKey, "is of Sentinels, but redis.master_name is missing; give it, or leave this out")
	case errors.Is(err, store.ErrNoTLS):
		r.check(false, "redis.tls_ca_file", "is only for TLS; let redis.url begin with rediss://, or leave this out")
	case err != nil:
		r.check(false, urlKey, "%s", strings.TrimPrefix(err.Error(), "redis url: "))
	default:
		_ = s.Close() // it has no connection yet
	}
}
