package dingtalktest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest/need"
)

// officialNode is a folder with DingTalk's official Node packages and the bot of testdata/node. It is kept between runs.
func officialNode(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			need.Lacks(t, "node", "there is no "+program+" on this machine: install nodejs and npm")
		}
	}
	manifest, err := os.ReadFile("testdata/node/package.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	folder := filepath.Join(cache, "whoread-node-"+fmt.Sprintf("%x", sha256.Sum256(manifest))[:16])
	bot, err := os.ReadFile("testdata/node/official.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "installed")); err != nil {
		if err := install(t, folder, manifest); err != nil {
			need.Lacks(t, "node", "the official Node packages cannot be installed: "+err.Error())
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "official.mjs"), bot, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// install puts the packages into a folder of its own first, so that an interrupted run leaves nothing half done.
func install(t *testing.T, folder string, manifest []byte) error {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(folder), 0o750); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(folder), "whoread-node-new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := os.WriteFile(filepath.Join(fresh, "package.json"), manifest, 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(fresh, "installed"), nil, 0o600); err != nil {
		return err
	}
	_ = os.RemoveAll(folder)
	if err := os.Rename(fresh, folder); err != nil {
		if _, there := os.Stat(filepath.Join(folder, "installed")); there == nil {
			return nil // another run was faster
		}
		return err
	}
	return nil
}

// TestTheOfficialNodePackages is a bot with DingTalk's own packages for Node, with nothing changed but their hosts: Stream, a
// message and its ack, an event and its ack, tokens of both kinds, send, query, members, direct message, a card, its update and
// its button, recall, and an error.
func TestTheOfficialNodePackages(t *testing.T) {
	folder := officialNode(t)
	t.Parallel()
	c := dingtalk(t, dingtalktest.Options{Seed: 1, KeepAlive: 10 * time.Millisecond})
	c.s.Events(true, dingtalktest.EventRead)
	p := c.people(3)
	g := c.s.AddGroup(dingtalktest.GroupOptions{}, p...)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "official.mjs")
	node.Dir = folder
	app := c.s.App()
	node.Env = append(os.Environ(), "DINGTALK_URL="+c.s.URL(), "CLIENT_ID="+app.ClientID, "CLIENT_SECRET="+app.ClientSecret, "ROBOT_CODE="+app.RobotCode)
	var out bytes.Buffer
	node.Stdout, node.Stderr = &out, &out
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Wait(); cancel() }()
	fail := func(what string, err error) {
		t.Helper()
		if err != nil {
			cancel()
			exit := <-ended
			t.Fatalf("%s: %v; node: %v\n%s", what, err, exit, out.String())
		}
	}

	fail("connect", c.s.Await(ctx, func() bool { return len(c.s.Connections()) == 1 }))
	_, err := g.Say(p[0], dingtalktest.Say{Text: "谁读了", Shape: dingtalktest.ShapeText})
	fail("say", err)
	m, err := g.WaitMessage(ctx, func(m dingtalktest.Message) bool { return m.Via == dingtalktest.ViaSend })
	fail("wait for its message", err)
	fail("read", g.Read(p[1], m.ID))
	drawn, err := g.WaitMessage(ctx, func(m dingtalktest.Message) bool {
		return m.Via == dingtalktest.ViaCard && m.Card["tips"] == "Read 1/2"
	})
	fail("wait for its card", err)
	fail("press", g.Press(p[1], dingtalktest.Press{Message: drawn.ID, Button: "confirm", Shape: "content"}))
	if err := <-ended; err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}

	_, line, ok := strings.Cut(out.String(), "SEEN ")
	var seen struct {
		OldToken, Token, Said, Key, SendStatus, Direct string
		Readers, Members, Recalled                     []string
		Event                                          struct {
			Type string
			Data map[string]any
		}
		Error struct {
			Code   string
			Status int
		}
		Card struct {
			Success   bool
			CarrierID string
		}
		Updated bool
		Pressed struct{ UserID, OutTrackID, Content string }
	}
	if err := json.Unmarshal([]byte(strings.SplitN(line, "\n", 2)[0]), &seen); !ok || err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if seen.Token == "" || seen.OldToken != seen.Token {
		t.Errorf("the tokens are %q and %q", seen.Token, seen.OldToken)
	}
	if seen.Said != " 谁读了" || seen.Key != m.ProcessQueryKey || m.Text != "**公告** from Node" {
		t.Errorf("heard %q, sent %q as %q", seen.Said, m.Text, seen.Key)
	}
	if seen.Event.Type != dingtalktest.EventRead || seen.Event.Data["userId"] != p[1].UserID {
		t.Errorf("the event is %+v", seen.Event)
	}
	if !slices.Equal(seen.Readers, []string{p[1].UserID}) || seen.SendStatus != "SUCCESS" || len(seen.Members) != 3 {
		t.Errorf("readers %v, status %q, members %v", seen.Readers, seen.SendStatus, seen.Members)
	}
	if !slices.Equal(seen.Recalled, []string{seen.Key}) || seen.Direct == "" {
		t.Errorf("recalled %v, direct %q", seen.Recalled, seen.Direct)
	}
	if seen.Error.Code != "InvalidAuthentication" || seen.Error.Status != 400 {
		t.Errorf("the error is %+v", seen.Error)
	}
	if !seen.Card.Success || seen.Card.CarrierID != drawn.ProcessQueryKey || !seen.Updated || drawn.Title != "Card" {
		t.Errorf("the card is %+v, updated %t: %+v", seen.Card, seen.Updated, drawn)
	}
	if seen.Pressed.UserID != p[1].UserID || seen.Pressed.OutTrackID != "node-1" || !strings.Contains(seen.Pressed.Content, `["confirm"]`) {
		t.Errorf("pressed: %+v", seen.Pressed)
	}
	if own, err := g.CardSeen(drawn.ID, p[1]); err != nil || own["tips"] != "✓ Node" {
		t.Errorf("the presser sees %v, %v", own, err)
	}
	acked := map[string]int{}
	for _, a := range c.s.Acks() {
		if acked[a.Topic]++; a.Code != 200 {
			t.Errorf("an ack is %+v", a)
		}
	}
	if acked[dingtalktest.TopicBotMessage] != 1 || acked["*"] == 0 {
		t.Errorf("the acks are %v", acked)
	}
	if got := c.s.Dings(); len(got) != 1 || got[0].Receivers[0].UserID != p[0].UserID || got[0].Content != "please read" {
		t.Errorf("dings: %+v", got)
	}
	// Nothing that the official packages do may count as careless, but for the wrong token at the end.
	for _, v := range c.s.Violations() {
		if v.What != "a token that was never issued" {
			t.Errorf("violation: %s: %s", v.API, v.What)
		}
	}
}
