package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"whoread/receipts"
	"whoread/receipts/dingtalk"
	"whoread/receipts/dingtalk/budget"
	"whoread/receipts/platform"
	"whoread/store"
)

// StoreOptions returns the settings of the store. It fails if redis.tls_ca_file can't be read.
func (c Config) StoreOptions() (store.Options, error) {
	o, err := c.Redis.options()
	if err != nil {
		return o, fmt.Errorf("redis.tls_ca_file: %w", err)
	}
	o.KeepFor = time.Duration(c.Reports.KeepFor)
	return o, nil
}

// options returns where Redis is. Its error is about redis.tls_ca_file and does not name it.
func (r *Redis) options() (store.Options, error) {
	authorities, err := readCAs(r.TLSCAFile)
	if err != nil {
		return store.Options{}, err
	}
	return store.Options{
		URL: string(r.URL), Addrs: r.Addrs, MasterName: r.MasterName,
		SentinelUsername: r.SentinelUsername, SentinelPassword: string(r.SentinelPassword),
		CAs: authorities, KeyPrefix: r.KeyPrefix,
	}, nil
}

// readCAs reads the certificates of authorities; nil without a file.
func readCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	content, err := readFile(file, maxBytes)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("holds no certificate (PEM); give the file of the authority that signed Redis's")
	}
	return pool, nil
}

// Certificate returns the certificate of the API; nil if it has none. Its error does not name
// the files.
func (a *API) Certificate() (*tls.Certificate, error) {
	if a.TLSCertFile == "" || a.TLSKeyFile == "" {
		return nil, nil
	}
	cert, err := readFile(a.TLSCertFile, maxBytes)
	if err != nil {
		return nil, err
	}
	key, err := readFile(a.TLSKeyFile, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("has a key in tls_key_file that %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, errors.New("is no certificate (PEM) that fits the key in tls_key_file")
	}
	return &pair, nil
}

// Secrets returns what is in the files of the tokens, in their order.
func (a *API) Secrets() ([]Secret, error) {
	secrets := make([]Secret, len(a.Tokens))
	for i, t := range a.Tokens {
		secret, err := t.read()
		if err != nil {
			return nil, fmt.Errorf("api.tokens[%d].token_file: %w", i, err)
		}
		secrets[i] = Secret(secret)
	}
	return secrets, nil
}

// Rights are what the token may do, each by its name.
func (t *Token) Rights() []string {
	if slices.Contains(t.May, All) {
		return tokenRights[:len(tokenRights)-1]
	}
	return t.May
}

// read reads the token from its file. Its errors do not show it.
func (t *Token) read() (string, error) {
	content, err := readFile(t.TokenFile, MaxSecretBytes)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(content))
	switch {
	case strings.ContainsFunc(secret, isUnseen):
		return "", errors.New(unseenRemedy)
	case len(secret) < minToken:
		return "", fmt.Errorf("holds a token of fewer than %d bytes, which can be guessed; make one with: openssl rand -hex 32", minToken)
	}
	return secret, nil
}

// RosterOptions returns the rosters as the bot takes them.
func (c Config) RosterOptions() map[string]platform.RosterOptions {
	rosters := map[string]platform.RosterOptions{}
	for id, roster := range c.Members.Rosters {
		rosters[id] = platform.RosterOptions{ChatID: roster.ChatID, Users: roster.Users, Departments: roster.Departments}
	}
	return rosters
}

// DingType returns of which type DINGs are.
func (r Reminders) DingType() dingtalk.DingType { return dingTypes[r.Ding] }

// Limits returns the budget as the bot takes it.
func (b Budget) Limits() budget.Limits {
	return budget.Limits{CallsPerSecond: b.CallsPerSecond, CallsPerMonth: b.CallsPerMonth, WarnAt: int(b.WarnAt)}
}

// Service returns what the administrator has decided, as the domain takes it.
func (c Config) Service() (receipts.Settings, error) {
	zone, err := time.LoadLocation(c.Reminders.TimeZone)
	if err != nil {
		return receipts.Settings{}, fmt.Errorf("time zone: %w", err)
	}
	quiet, err := receipts.ParseQuietHours(c.Reminders.QuietHours, zone)
	if err != nil {
		return receipts.Settings{}, fmt.Errorf("quiet hours: %w", err)
	}
	followUps := make(map[string]receipts.FollowUpSettings, len(c.FollowUp))
	for id, f := range c.FollowUp {
		followUps[id] = f.options()
	}
	return receipts.Settings{
		Policy: receipts.Policy{
			Groups: c.Access.Groups, Admins: c.Access.Admins,
			Announce: c.Access.Announce, Report: c.Access.Report,
			Remind: c.Access.Remind, Recall: c.Access.Recall,
		},
		Limits:   receipts.Limits{Person: c.Limits.Person, Group: c.Limits.Group, Month: c.Budget.CallsPerMonth},
		KeepFor:  time.Duration(c.Reports.KeepFor),
		Excluded: c.Members.Exclude, CacheFor: time.Duration(c.Members.CacheFor), FreshFor: time.Duration(c.Reports.FreshFor),
		Sweeps: durations(c.Reports.Sweep), Direct: c.Reports.To == "direct", MaxNames: c.Reports.MaxNames, Zone: zone,
		Reminders: receipts.ReminderSettings{By: c.Reminders.By, Cooldown: time.Duration(c.Reminders.Cooldown), AskAbove: c.Reminders.AskAbove, Quiet: quiet, FollowUps: followUps},
	}, nil
}

// options returns the follow-up as the domain takes it.
func (f FollowUp) options() receipts.FollowUpSettings {
	o := receipts.FollowUpSettings{Every: durations(f.Every), By: f.By, Share: int(f.Until), Tell: f.Tell, Confirm: f.Confirm}
	if clock, err := receipts.ParseClockTime(f.Deadline); err == nil {
		o.Clock = &clock
	} else if within, err := time.ParseDuration(f.Deadline); err == nil {
		o.Within = within
	}
	return o
}

func durations(all []Duration) []time.Duration {
	plain := make([]time.Duration, len(all))
	for i, d := range all {
		plain[i] = time.Duration(d)
	}
	return plain
}
