package dingtalk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestNewChecksItsConfiguration(t *testing.T) {
	t.Parallel()
	good := func() Config {
		return Config{ClientID: "the-app", ClientSecret: NewSecret(testSecret), APIURL: "https://api.dingtalk.com", OapiURL: "https://oapi.dingtalk.com/"}
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string // part of the error; empty for none
	}{
		{"good", func(*Config) {}, ""},
		{"no client id", func(c *Config) { c.ClientID = "" }, "client id"},
		{"no secret", func(c *Config) { c.ClientSecret = Secret{} }, "client secret"},
		{"an empty secret", func(c *Config) { c.ClientSecret = NewSecret("") }, "client secret"},
		{"no address", func(c *Config) { c.APIURL = "" }, "API URL: missing"},
		{"no old address", func(c *Config) { c.OapiURL = "" }, "oapi URL: missing"},
		{"not a URL", func(c *Config) { c.APIURL = "https://a b\x7f" }, "not a URL"},
		{"without encryption", func(c *Config) { c.APIURL = "http://api.dingtalk.com" }, "https://"},
		{"another scheme", func(c *Config) { c.APIURL = "ftp://api.dingtalk.com" }, "https://"},
		{"no scheme", func(c *Config) { c.APIURL = "api.dingtalk.com" }, "https://"},
		{"no host", func(c *Config) { c.APIURL = "https://" }, "host"},
		{"a look-alike of this machine", func(c *Config) { c.APIURL = "http://localhost.example.com" }, "https://"},
		{"this machine", func(c *Config) { c.APIURL = "http://127.0.0.1:8080" }, ""},
		{"this machine by name", func(c *Config) { c.APIURL = "http://LocalHost:8080" }, ""},
		{"this machine, IPv6", func(c *Config) { c.APIURL = "http://[::1]:8080" }, ""},
		{"a path", func(c *Config) { c.APIURL = "https://api.dingtalk.com/v1.0" }, "host only"},
		{"a query", func(c *Config) { c.APIURL = "https://api.dingtalk.com?x=" + testSecret }, "host only"},
		{"a password", func(c *Config) { c.APIURL = "https://me:" + testSession + "@api.dingtalk.com" }, "host only"},
		{"a negative limit", func(c *Config) { c.CallsPerSecond = -1 }, "negative"},
	} {
		cfg := good()
		tt.change(&cfg)
		c, err := New(cfg)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			c.Close()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			continue
		}
		noSecrets(t, err)
	}
}

func TestTheRobotCodeIsTheClientIDUnlessConfigured(t *testing.T) {
	t.Parallel()
	s := newScript(t).always(queryAPI.path, 200, `{"sendStatus":"SUCCESS","readUserIds":[]}`)
	c := s.client(func(cfg *Config) { cfg.RobotCode = "" })
	if _, err := c.QueryReaders(t.Context(), "cid", "key", ""); err != nil {
		t.Fatal(err)
	}
	if got := s.seen(queryAPI.path)[0].Body["robotCode"]; got != "the-app" {
		t.Errorf("robotCode %v", got)
	}
}

func TestTheSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	c := newClient(t, "https://api.test")
	c.tokens.current = &token{value: NewSecret(tokenValue(1)), renewAt: time.Now().Add(time.Hour)}
	cfg := Config{ClientSecret: NewSecret(testSecret)}
	noSecrets(t, cfg, &cfg, cfg.ClientSecret, c, map[string]any{"secret": cfg.ClientSecret},
		struct{ hidden Config }{cfg}, struct{ hidden Secret }{cfg.ClientSecret})
	if got := fmt.Sprint(cfg.ClientSecret) + cfg.ClientSecret.String(); got != redacted+redacted {
		t.Errorf("got %q", got)
	}
	if got, err := json.Marshal(cfg.ClientSecret); err != nil || string(got) != `"`+redacted+`"` {
		t.Errorf("got %s, %v", got, err)
	}
}
