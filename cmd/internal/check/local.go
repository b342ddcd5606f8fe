package check

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"whoread/cmd/internal/config"
	"whoread/cmd/internal/ops"
)

// checkFiles looks whether somebody else on this machine can read a secret or change the
// configuration.
func (c *checker) checkFiles(file string) {
	secrets := []string{c.config.DingTalk.ClientSecretFile, c.config.Redis.URLFile, c.config.Redis.SentinelPasswordFile}
	open := []string{}
	for _, path := range append(secrets, file) {
		if path == "" {
			continue
		}
		if !filepath.IsAbs(path) && path != file {
			path = filepath.Join(filepath.Dir(file), path)
		}
		var forbidden os.FileMode = 0o006 // to read or write it is for its owner and group
		if path == file && !c.holdsSecret(file) {
			forbidden = 0o002
		}
		if about, err := os.Stat(path); err == nil && about.Mode().Perm()&forbidden != 0 {
			open = append(open, fmt.Sprintf("%s (%s)", path, about.Mode().Perm()))
		}
	}
	if len(open) == 0 {
		c.report.ok("files", "secrets can be read by their owner and group only")
		return
	}
	c.report.add(Finding{
		ID: "files", Status: Doubtful, Detail: "open to everybody on this machine: " + strings.Join(open, ", "),
		Remedy: "chmod 600 (or 640, with the group that the bot runs as)",
	})
}

// holdsSecret reports whether a secret is written in the file itself.
func (c *checker) holdsSecret(file string) bool {
	source, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	secrets := []string{string(c.config.DingTalk.ClientSecret), string(c.config.Redis.SentinelPassword)}
	if u, err := url.Parse(string(c.config.Redis.URL)); err == nil && u.User != nil {
		secrets = append(secrets, string(c.config.Redis.URL))
	}
	for _, secret := range secrets {
		if secret != "" && bytes.Contains(source, []byte(secret)) {
			return true
		}
	}
	return false
}

// checkSite looks whether both hosts are of one DingTalk: the international one knows
// nothing of the mainland's apps.
func (c *checker) checkSite() {
	d := c.config.DingTalk
	api, oapi := config.SiteOf(d.APIURL), config.SiteOf(d.OapiURL)
	switch {
	case api != "" && oapi != "" && api != oapi, cmp.Or(api, oapi, d.Site) != d.Site:
		c.report.add(Finding{
			ID: "site", Status: Wrong, Detail: fmt.Sprintf("two DingTalks are mixed: dingtalk.site is %s, api_url is %s, oapi_url is %s", d.Site, d.APIURL, d.OapiURL),
			Remedy: "leave out dingtalk.api_url and oapi_url, and set dingtalk.site to com (open-dev.dingtalk.com) or io (open-dev.dingtalk.io), wherever the app was made",
		})
	case api == "" || oapi == "":
		c.report.ok("site", "%s, which are not DingTalk's own hosts", strings.Join(slices.Compact([]string{d.APIURL, d.OapiURL}), " and "))
	default:
		c.report.ok("site", "%s (%s)", d.Site, d.APIURL)
	}
}

// askTimeout bounds a question to a whoread of this machine.
const askTimeout = 5 * time.Second

// checkListen looks whether the bot can listen where probes ask.
func (c *checker) checkListen(ctx context.Context) {
	configured := c.config.HTTP.Listen
	if configured == config.ListenOff {
		c.report.ok("listen", "off: there are no health checks")
		return
	}
	address := cmp.Or(configured, config.DefaultListen)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err == nil {
		_ = listener.Close()
		c.report.ok("listen", "%s is free", address)
		return
	}
	f := Finding{ID: "listen", Status: Wrong, Detail: fmt.Sprintf("can't listen on %s: %v", address, errors.Unwrap(err)), Remedy: "give another address in http.listen, or off"}
	if errors.Is(err, syscall.EADDRINUSE) {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		if _, err := ops.Ask(ctx, ops.Reachable(address), true); err == nil {
			c.report.ok("listen", "%s is taken by a whoread that runs", address)
			return
		}
		f.Detail = fmt.Sprintf("%s is taken by another program", address)
	}
	if configured == "" {
		f.Status = Doubtful
		f.Detail += ": the bot will run without health checks"
	}
	c.report.add(f)
}
