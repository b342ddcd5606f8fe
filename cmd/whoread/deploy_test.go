package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/redis/go-redis/v9"

	"whoread/cmd/internal/check"
	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
	"whoread/store/storetest/need"
)

func deployed(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("deploy", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// readDeployed decodes a file as strictly as the type says.
func readDeployed[T any](t *testing.T, file, content string) (v T) {
	t.Helper()
	if err := yaml.NewDecoder(strings.NewReader(content), yaml.Strict()).Decode(&v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// tool is the path of a program that only some machines have, from a package of Debian's:
// the test is skipped where it is not, or fails if WHOREAD_TEST_REQUIRE lists it.
func tool(t *testing.T, name, from string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		need.Lacks(t, name, fmt.Sprintf("there is no %s on this machine: install %s", name, from))
	}
	return path
}

// secretsOf runs deploy/secrets.sh and returns the folder with what it has written.
func secretsOf(t *testing.T, host string) string {
	t.Helper()
	folder := t.TempDir()
	script, err := filepath.Abs("deploy/secrets.sh")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "sh", script, "-", host)
	command.Dir, command.Stdin = folder, strings.NewReader("the-client-secret\n")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(folder, "secrets")
}

// loads reads a configuration of deploy/ as the bot does, with the secrets where they are
// now instead of where they will be.
func loads(t *testing.T, content, folder, secrets string) config.Config {
	t.Helper()
	if !strings.Contains(content, folder) {
		t.Errorf("nothing is read from %s", folder)
	}
	f, err := config.Parse("whoread.yaml", []byte(strings.ReplaceAll(content, folder, secrets)), func(name string) (string, bool) {
		return "value-of-" + name, name == "WHOREAD_CLIENT_ID"
	})
	if err != nil {
		t.Fatal(err)
	}
	c := f.Config
	if c.DingTalk.ClientSecret != "the-client-secret" {
		t.Error("the client secret is another")
	}
	if c.Redis.KeyPrefix != config.Default().Redis.KeyPrefix {
		t.Error("the rights of Redis's user are for other keys")
	}
	return c
}

type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Secrets  map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
}

type composeService struct {
	Image       string                       `yaml:"image"`
	PullPolicy  string                       `yaml:"pull_policy"`
	User        string                       `yaml:"user"`
	ReadOnly    bool                         `yaml:"read_only"`
	CapDrop     []string                     `yaml:"cap_drop"`
	SecurityOpt []string                     `yaml:"security_opt"`
	Restart     string                       `yaml:"restart"`
	StopGrace   string                       `yaml:"stop_grace_period"`
	MemLimit    string                       `yaml:"mem_limit"`
	Environment map[string]string            `yaml:"environment"`
	Command     []string                     `yaml:"command"`
	Secrets     []string                     `yaml:"secrets"`
	Volumes     []string                     `yaml:"volumes"`
	Ports       []string                     `yaml:"ports"`
	DependsOn   map[string]map[string]string `yaml:"depends_on"`
	HealthCheck *struct {
		Test        []string `yaml:"test"`
		Interval    string   `yaml:"interval"`
		Timeout     string   `yaml:"timeout"`
		StartPeriod string   `yaml:"start_period"`
	} `yaml:"healthcheck"`
}

func TestTheComposeFileFitsTogether(t *testing.T) {
	t.Parallel()
	c := readDeployed[composeFile](t, "compose.yaml", deployed(t, "compose/compose.yaml"))
	secrets := secretsOf(t, "redis")
	for name, s := range c.Services {
		if !s.ReadOnly || s.User != "65532:65532" || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.Restart != "unless-stopped" {
			t.Errorf("%s may more than it needs, or does not come back: %+v", name, s)
		}
		if grace, err := time.ParseDuration(s.StopGrace); err != nil || grace < 20*time.Second {
			t.Errorf("%s is killed after %s", name, s.StopGrace)
		}
		for _, secret := range s.Secrets {
			file := c.Secrets[secret].File
			if file != "./secrets/"+secret {
				t.Errorf("%s: the secret %s comes from %q", name, secret, file)
			}
			if _, err := os.Stat(filepath.Join(secrets, secret)); err != nil {
				t.Errorf("secrets.sh does not write %s", secret)
			}
		}
		for _, volume := range s.Volumes {
			file, _, _ := strings.Cut(volume, ":")
			if _, err := os.Stat(filepath.Join("deploy/compose", file)); err != nil && file != "./data" {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	bot := c.Services["whoread"]
	if bot.DependsOn["redis"]["condition"] != "service_healthy" || c.Services["redis"].HealthCheck == nil || bot.Environment["WHOREAD_CLIENT_ID"] == "" {
		t.Errorf("%+v", c.Services)
	}
	configured := loads(t, deployed(t, "compose/whoread.yaml"), "/run/secrets", secrets)
	_, port, err := net.SplitHostPort(configured.HTTP.Listen)
	if err != nil || !slices.Equal(bot.Ports, []string{localTarget(t) + ":" + port}) {
		t.Errorf("the bot listens on %s, and %v leads there", configured.HTTP.Listen, bot.Ports)
	}
}

// at is a value deep in a decoded document: at(d, "spec", "containers", 0, "image").
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// kubernetes returns the documents of the manifests by kind and name.
func kubernetes(t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, file := range []string{"redis.yaml", "whoread.yaml"} {
		for document := range strings.SplitSeq(deployed(t, "kubernetes/"+file), "\n---\n") {
			d := readDeployed[map[string]any](t, file, document)
			all[fmt.Sprint(d["kind"], " ", at(d, "metadata", "name"))] = d
			if at(d, "metadata", "namespace") != nil {
				t.Errorf("%s is for one namespace", file)
			}
		}
	}
	return all
}

func TestTheKubernetesManifestsFitTogether(t *testing.T) {
	t.Parallel()
	all := kubernetes(t)
	bot, redis := all["Deployment whoread"], all["StatefulSet whoread-redis"]
	secrets := secretsOf(t, "whoread-redis")
	for name, d := range map[string]any{"whoread": bot, "redis": redis} {
		pod := at(d, "spec", "template", "spec")
		container := at(pod, "containers", 0)
		for what, right := range map[string]bool{
			"non-root":        at(pod, "securityContext", "runAsNonRoot") == true && fmt.Sprint(at(pod, "securityContext", "runAsUser")) == "65532",
			"read-only":       at(container, "securityContext", "readOnlyRootFilesystem") == true,
			"no capabilities": fmt.Sprint(at(container, "securityContext", "capabilities", "drop")) == "[ALL]",
			"no escalation":   at(container, "securityContext", "allowPrivilegeEscalation") == false,
			"no token":        at(pod, "automountServiceAccountToken") == false,
			"limits":          at(container, "resources", "limits", "memory") != nil && at(container, "resources", "requests", "cpu") != nil,
			"time to end":     number(at(pod, "terminationGracePeriodSeconds")) > 20,
			"selector":        fmt.Sprint(at(d, "spec", "selector", "matchLabels")) == fmt.Sprint(at(d, "spec", "template", "metadata", "labels")),
		} {
			if !right {
				t.Errorf("%s: %s is not so", name, what)
			}
		}
		mounted := map[string]bool{}
		for i := 0; at(container, "volumeMounts", i) != nil; i++ {
			mounted[fmt.Sprint(at(container, "volumeMounts", i, "name"))] = true
		}
		for i := 0; at(pod, "volumes", i) != nil; i++ {
			volume := at(pod, "volumes", i)
			if !mounted[fmt.Sprint(at(volume, "name"))] {
				t.Errorf("%s: nothing mounts %v", name, at(volume, "name"))
			}
			if config := at(volume, "configMap", "name"); config != nil && all[fmt.Sprint("ConfigMap ", config)] == nil {
				t.Errorf("%s: there is no ConfigMap %v", name, config)
			}
			for k := 0; at(volume, "secret", "items", k) != nil; k++ {
				key := fmt.Sprint(at(volume, "secret", "items", k, "key"))
				if _, err := os.Stat(filepath.Join(secrets, key)); err != nil {
					t.Errorf("%s: secrets.sh does not write %s", name, key)
				}
			}
		}
	}
	if n := number(at(bot, "spec", "replicas")); n != 2 {
		t.Errorf("%d replicas", n)
	}
	disruptions := all["PodDisruptionBudget whoread"]
	if fmt.Sprint(at(disruptions, "spec", "selector")) != fmt.Sprint(at(bot, "spec", "selector")) || number(at(disruptions, "spec", "minAvailable")) != 1 {
		t.Errorf("%v", disruptions)
	}

	configured := loads(t, at(all["ConfigMap whoread"], "data", "whoread.yaml").(string), "/run/secrets", secrets)
	container := at(bot, "spec", "template", "spec", "containers", 0)
	port := fmt.Sprint(at(container, "ports", 0, "containerPort"))
	if configured.HTTP.Listen != "0.0.0.0:"+port {
		t.Errorf("the bot listens on %s, and is probed at %s", configured.HTTP.Listen, port)
	}
	for probe, path := range map[string]string{"livenessProbe": "/healthz", "readinessProbe": "/readyz"} {
		if at(container, probe, "httpGet", "path") != path || at(container, probe, "httpGet", "port") != at(container, "ports", 0, "name") {
			t.Errorf("%s: %v", probe, at(container, probe))
		}
	}
	for _, rule := range scraping(t, "scrape_kubernetes.yaml").Relabel {
		known := map[string]any{
			"__meta_kubernetes_pod_label_app_kubernetes_io_name": at(bot, "spec", "template", "metadata", "labels", "app.kubernetes.io/name"),
			"__meta_kubernetes_pod_container_port_name":          at(container, "ports", 0, "name"),
		}
		if rule.Action == "keep" && known[rule.Source[0]] != rule.Regex {
			t.Errorf("Prometheus keeps what has %s at %s; here it is %v", rule.Source, rule.Regex, known[rule.Source[0]])
		}
	}
	if host := fmt.Sprint("@", at(all["Service whoread-redis"], "metadata", "name"), ":", at(all["Service whoread-redis"], "spec", "ports", 0, "port"), "/"); !strings.Contains(string(configured.Redis.URL), host) {
		t.Errorf("the bot looks for Redis elsewhere than %s", host)
	}
	if theirs, ours := withoutComments(at(all["ConfigMap whoread-redis"], "data", "redis.conf").(string)), withoutComments(deployed(t, "compose/redis.conf")); !slices.Equal(theirs, ours) {
		t.Errorf("Redis is set up in two ways: %q and %q", theirs, ours)
	}
}

func number(v any) int {
	n := 0
	_, _ = fmt.Sscan(fmt.Sprint(v), &n) // what is no number is 0
	return n
}

// withoutComments are the lines of a file without its comments.
func withoutComments(content string) (all []string) {
	for line := range strings.Lines(content) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// The Redis of deploy/, with the users of secrets.sh, is right for the bot, and for who
// must erase.
func TestTheRedisThatIsDeployedIsAsItMustBe(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t, dingtalktest.Options{}, storetest.Own(t))
	address := freeAddress(t)
	secrets := secretsOf(t, strings.TrimSuffix(address, address[strings.LastIndex(address, ":"):]))
	_, port, _ := net.SplitHostPort(address)
	conf := filepath.Join(w.files, "redis.conf")
	w.must(os.WriteFile(conf, []byte(strings.NewReplacer("/data", w.files, "/run/secrets", secrets).Replace(deployed(t, "compose/redis.conf"))+
		"port "+port+"\nbind 127.0.0.1\n"), 0o600))
	eraser := filepath.Join(secrets, "redis_url_forget")
	for _, file := range []string{filepath.Join(secrets, "redis_url"), eraser} {
		url, err := os.ReadFile(file)
		w.must(err)
		w.must(os.WriteFile(file, bytes.Replace(url, []byte(":6379"), []byte(":"+port), 1), 0o600))
	}

	ctx, stop := context.WithCancel(context.Background())
	redisd := exec.CommandContext(ctx, "redis-server", conf)
	w.must(redisd.Start())
	t.Cleanup(func() {
		stop()
		_ = redisd.Wait() // it was killed
	})
	health := redis.NewClient(&redis.Options{Addr: address, Username: "health", Password: "health", MaxRetries: 100, DisableIdentity: true})
	t.Cleanup(func() { _ = health.Close() })
	if err := health.Ping(within(t)).Err(); err != nil {
		t.Fatalf("the health check: %v", err)
	}
	if err := health.Get(t.Context(), "{whoread:inbox}:ping").Err(); !redis.IsPermissionError(err) {
		t.Errorf("the health check may read: %v", err)
	}
	w.environment["WHOREAD_CLIENT_ID"] = w.App().ClientID
	w.must(os.WriteFile(filepath.Join(secrets, "client_secret"), []byte(w.App().ClientSecret), 0o600))
	source := strings.ReplaceAll(deployed(t, "compose/whoread.yaml"), "/run/secrets", secrets)
	source = strings.Replace(source, "dingtalk:\n", "dingtalk:\n  api_url: ${API}\n  oapi_url: ${API}\n", 1)
	source = strings.Replace(source, "0.0.0.0:9090", "127.0.0.1:0", 1)
	w.must(os.WriteFile(filepath.Join(w.files, "whoread.yaml"), []byte(source), 0o644))
	report, text := w.check("whoread.yaml")
	for _, f := range report.Checks {
		if f.Status == check.Wrong || f.Status == check.Doubtful || strings.HasPrefix(f.ID, "redis") && f.Status != check.Right {
			t.Errorf("%+v", f)
		}
	}
	if t.Failed() {
		t.Log(text)
	}

	forget := func(stdin io.Reader, arguments ...string) string {
		command := exec.CommandContext(within(t), whoread, append([]string{"forget", "--config", "whoread.yaml", "--user", "user1", "--yes"}, arguments...)...)
		command.Dir, command.Stdin, command.Env = w.files, stdin, append(os.Environ(), "API="+w.environment["API"], "WHOREAD_CLIENT_ID=id")
		out, _ := command.CombinedOutput() // which says how it ended
		return string(out)
	}
	wantIn(t, forget(nil), "forget person: NOPERM", "--redis-url-file")
	wantIn(t, forget(nil, "--redis-url-file", eraser), "Erased from 0 keys")
	url, err := os.ReadFile(eraser)
	w.must(err)
	wantIn(t, forget(bytes.NewReader(url), "--redis-url-file", "-"), "Erased from 0 keys")
	wantIn(t, forget(nil, "--redis-url-file", eraser+".not-there"), "--redis-url-file: there is no")
	wantIn(t, forget(strings.NewReader("redis://:pass/word@host"), "--redis-url-file", "-"), "redis url: want redis://")
}

// The rights in secrets.sh are those of the README, which a test of the store holds to.
func TestTheDeployedUsersOfRedisHaveTheRightsOfTheREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"whoread", "whoread-forget"} {
		rule := regexp.MustCompile(`(?m)^ *ACL SETUSER ` + name + ` on >PASSWORD (.*)$`).FindSubmatch(readme)
		user := regexp.MustCompile(`(?m)^user ` + name + ` on >\S+ (.*)$`).FindStringSubmatch(deployed(t, "secrets.sh"))
		if rule == nil || user == nil || string(rule[1]) != user[1] {
			t.Errorf("README.md: %s\nsecrets.sh: %s", rule, user)
		}
	}
}

func TestSecretsAreNotMadeTwice(t *testing.T) {
	t.Parallel()
	folder := filepath.Dir(secretsOf(t, "redis"))
	script, err := filepath.Abs("deploy/secrets.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"client_secret", "redis_url", "redis_url_forget", "redis_users"} {
		if about, err := os.Stat(filepath.Join(folder, "secrets", file)); err != nil || about.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, about, err)
		}
	}
	again := exec.CommandContext(t.Context(), "sh", script, "-")
	again.Dir, again.Stdin = folder, strings.NewReader("another")
	if out, err := again.CombinedOutput(); err == nil || !strings.Contains(string(out), "there already") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheSystemdUnitFitsItsConfiguration(t *testing.T) {
	t.Parallel()
	unit := deployed(t, "systemd/whoread.service")
	content := deployed(t, "systemd/whoread.yaml")
	if c := loads(t, content, "${CREDENTIALS_DIRECTORY}", secretsOf(t, "127.0.0.1")); c.HTTP.Listen != localTarget(t) {
		t.Errorf("the bot listens on %s, and Prometheus looks for it at %s", c.HTTP.Listen, localTarget(t))
	}
	for _, file := range regexp.MustCompile(`\$\{CREDENTIALS_DIRECTORY\}/(\S+)`).FindAllStringSubmatch(content, -1) {
		if !strings.Contains(unit, "LoadCredential="+file[1]+":/etc/whoread/"+file[1]+"\n") {
			t.Errorf("the unit loads no %s", file[1])
		}
	}
	analyze := tool(t, "systemd-analyze", "systemd")
	file := filepath.Join(t.TempDir(), "whoread.service")
	if err := os.WriteFile(file, []byte(strings.Replace(unit, "ExecStart=/usr/local/bin/whoread", "ExecStart="+whoread, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// steps are the commands that the comment at the top of a file of deploy/ says to run.
func steps(t *testing.T, file string) (all []string) {
	t.Helper()
	for line := range strings.Lines(deployed(t, file)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		if step, ok := strings.CutPrefix(line, "#   "); ok {
			all = append(all, strings.TrimSpace(regexp.MustCompile(`\s{3,}.*`).ReplaceAllString(step, "")))
		}
	}
	if len(all) < 5 {
		t.Fatalf("%s: %q", file, all)
	}
	return all
}

// carryOut runs steps in a folder, where programs are stood in for by shell scripts, and
// replaces these texts in them. What the scripts print is returned.
func carryOut(t *testing.T, folder string, steps []string, programs map[string]string, replaced ...string) string {
	t.Helper()
	bin := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nset -eu\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(within(t), "sh", "-eux", "-c", strings.NewReplacer(replaced...).Replace(strings.Join(steps, "\n")))
	command.Dir, command.Stdin = folder, strings.NewReader("the-client-secret\n")
	command.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return string(out)
}

// Whoever does what stands at the top of a file gets as far as Docker or Kubernetes.
func TestTheFirstStepsOfTheDeployedFilesWork(t *testing.T) {
	t.Parallel()
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// Each file that is named is there; an absolute path is one of the container's.
	look := `for file; do case $file in /*) ;; *.yaml) cat "$file" >/dev/null ;; --from-file=*) ls "${file#*=}" ;; esac; done`
	t.Run("Docker Compose", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		carryOut(t, folder, steps(t, "compose/compose.yaml"), map[string]string{
			"docker": `[ "$1" = compose ] || cat "$4/Dockerfile"; ` + look, "sudo": `exec "$@"`, "chown": `shift; ls -d "$@"`,
		}, "SOURCE", source)
		for _, file := range []string{"compose.yaml", "whoread.yaml", "redis.conf", ".env", "data", "secrets/client_secret", "secrets/redis_url", "secrets/redis_users"} {
			if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("Kubernetes", func(t *testing.T) {
		t.Parallel()
		said := carryOut(t, t.TempDir(), steps(t, "kubernetes/whoread.yaml"), map[string]string{"kubectl": look}, "SOURCE", source)
		wantIn(t, said, "client_secret\nredis_url\n", "redis_users\n")
	})
	t.Run("systemd", func(t *testing.T) {
		t.Parallel()
		root := t.TempDir()
		for _, folder := range []string{"etc/systemd/system", "usr/local/bin"} {
			if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		secrets := secretsOf(t, "127.0.0.1")
		// To check it there would have to be a DingTalk; to print it, the secrets must be found.
		said := carryOut(t, "deploy/systemd", steps(t, "systemd/whoread.service"), map[string]string{
			"systemctl": "", "whoread": `[ "$1" = check ]; shift; exec "` + whoread + `" config print "$@"`,
		}, "PROGRAM", whoread, "CLIENT_SECRET_FILE", secrets+"/client_secret", "REDIS_URL_FILE", secrets+"/redis_url", "/etc/", root+"/etc/", "/usr/local", root+"/usr/local")
		wantIn(t, said, "client_secret_file: "+root+"/etc/whoread/client_secret")
		for file, mode := range map[string]os.FileMode{"whoread/client_secret": 0o600, "whoread/redis_url": 0o600, "whoread/whoread.yaml": 0o644, "systemd/system/whoread.service": 0o644} {
			if about, err := os.Stat(filepath.Join(root, "etc", file)); err != nil || about.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", file, about, err)
			}
		}
		// whoread health needs no secrets.
		out, _ := exec.CommandContext(within(t), whoread, "health", "--config", filepath.Join(root, "etc/whoread/whoread.yaml")).CombinedOutput()
		wantIn(t, string(out), "127.0.0.1:9091")
	})
}

// scrapeJob is a job of Prometheus's, as far as it is relied on.
type scrapeJob struct {
	JobName string `yaml:"job_name"`
	Static  []struct {
		Targets []string `yaml:"targets"`
	} `yaml:"static_configs"`
	Relabel []struct {
		Action string   `yaml:"action"`
		Source []string `yaml:"source_labels"`
		Regex  string   `yaml:"regex"`
	} `yaml:"relabel_configs"`
}

// scraping is the one job of a file of prometheus/.
func scraping(t *testing.T, file string) scrapeJob {
	t.Helper()
	var c struct {
		Rules []string    `yaml:"rule_files"`
		Jobs  []scrapeJob `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(deployed(t, "prometheus/"+file)), &c); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(c.Jobs) != 1 || c.Jobs[0].JobName != "whoread" || !slices.Equal(c.Rules, []string{"alerts.yaml"}) {
		t.Fatalf("%s: %+v", file, c)
	}
	return c.Jobs[0]
}

// localTarget is where Prometheus looks for a bot of its own machine: not at its own
// address, which is the default.
func localTarget(t *testing.T) string {
	t.Helper()
	job := scraping(t, "scrape.yaml")
	if len(job.Static) != 1 || len(job.Static[0].Targets) != 1 || job.Static[0].Targets[0] == config.DefaultListen {
		t.Fatalf("%+v", job)
	}
	return job.Static[0].Targets[0]
}

// rulesFile is alerts.yaml.
type rulesFile struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func TestTheAlertsAreExplained(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range readDeployed[rulesFile](t, "alerts.yaml", deployed(t, "prometheus/alerts.yaml")).Groups {
		for _, rule := range group.Rules {
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || !slices.Contains([]string{"warning", "critical"}, rule.Labels["severity"]) {
				t.Errorf("%s says too little: %+v", rule.Alert, rule)
			}
			if n := bytes.Count(readme, []byte("`"+rule.Alert+"`")); n != 2 {
				t.Errorf("README.md explains %s %d times, not once in each language", rule.Alert, n)
			}
			if !strings.Contains(deployed(t, "prometheus/alerts_test.yaml"), `"`+rule.Alert+`"`) {
				t.Errorf("%s is not tested", rule.Alert)
			}
		}
	}
}

// Prometheus's own tool reads the rules, and fires them, and it reads how whoread is scraped.
func TestTheAlertsFireWhenTheyMust(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool", "prometheus")
	// Debian's has no Kubernetes, so that it does not understand scrape_kubernetes.yaml.
	for _, arguments := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}, {"check", "config", "scrape.yaml"}} {
		command := exec.CommandContext(within(t), promtool, arguments...)
		command.Dir = "deploy/prometheus"
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", arguments, err, out)
		}
	}
}

// dashboard is as much of Grafana's as is relied on.
type dashboard struct {
	Templating struct {
		List []struct {
			Name string `json:"name"`
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID         int    `json:"id"`
		Type       string `json:"type"`
		Title      string `json:"title"`
		Datasource struct {
			UID string `json:"uid"`
		} `json:"datasource"`
		GridPos struct{ X, Y, W, H int } `json:"gridPos"`
		Targets []struct {
			RefID string `json:"refId"`
			Expr  string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func TestTheDashboardFitsTogether(t *testing.T) {
	t.Parallel()
	content := deployed(t, "grafana/dashboard.json")
	var d dashboard
	if err := json.Unmarshal([]byte(content), &d); err != nil {
		t.Fatal(err)
	}
	known := []string{"__all", "__rate_interval", "__series"}
	for _, variable := range d.Templating.List {
		known = append(known, variable.Name)
	}
	for _, used := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(content, -1) {
		if !slices.Contains(known, used[1]) {
			t.Errorf("there is no variable %s", used[1])
		}
	}
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s has the id of another", p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Datasource.UID != "${datasource}" || len(p.Targets) == 0) {
			t.Errorf("%s asks nobody, or nothing", p.Title)
		}
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is too wide", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// Prometheus's own tool understands every question of the dashboard.
func TestTheDashboardAsksWhatPrometheusUnderstands(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool", "prometheus")
	var d dashboard
	if err := json.Unmarshal([]byte(deployed(t, "grafana/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	rules := "groups:\n- name: dashboard\n  rules:\n"
	variables := strings.NewReplacer("$job", ".*", "$instance", ".*", "$__rate_interval", "1m")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			rules += fmt.Sprintf("  - {record: 'panel_%d_%s', expr: %q}\n", p.ID, target.RefID, variables.Replace(target.Expr))
		}
	}
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(within(t), promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
