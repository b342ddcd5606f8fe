package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest"
)

// forget runs "whoread forget" and returns what it prints.
func (w *world) forget(config string, args ...string) string {
	w.t.Helper()
	command := exec.Command(whoread, append([]string{"forget", "--config", config}, args...)...)
	command.Env = append(os.Environ(), "TEST_REDIS="+w.redis)
	out, err := command.CombinedOutput()
	if err != nil {
		w.t.Fatalf("forget %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// A group is erased with what is scheduled for it, once that is said to be meant; a
// person is erased from the groups that are left.
func TestForgettingAGroupAndAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Real(t), dingtalktest.Options{})
	people := w.people(2)
	everybody := append(people, w.admin)
	first, second := w.AddGroup(dingtalktest.GroupOptions{}, everybody...), w.AddGroup(dingtalktest.GroupOptions{}, everybody...)
	config := w.config("")
	bot := w.start(config)
	for _, g := range []*dingtalktest.Group{first, second} {
		w.ask(g, w.admin, saying("公告 每30分钟 一"))
		if err := g.ReadAll(posted(g)[0].ID, people...); err != nil {
			t.Fatal(err)
		}
		wantIn(t, w.ask(g, w.admin, saying("谁读了")), people[0].Name)
	}

	wantIn(t, w.forget(config, "--group", first.ID()), "Would erase", "2 scheduled") // a sweep and the follow-up
	wantIn(t, w.ask(first, w.admin, saying("列表")), "#1 一")
	wantIn(t, w.forget(config, "--group", first.ID(), "--yes"), "Erased")
	wantIn(t, w.ask(first, w.admin, saying("列表")), "本群还没有发过公告")
	wantIn(t, w.ask(second, w.admin, saying("列表")), "#1 一")
	wantIn(t, w.forget(config, "--group", first.ID()), " 0 scheduled")

	wantIn(t, w.forget(config, "--user", people[0].UserID, "--yes"), "Erased")
	wantIn(t, w.forget(config, "--user", people[0].UserID), "Would erase from 0 keys")
	bot.stop()
	if left := w.holding(people[0].UserID); len(left) > 0 {
		t.Errorf("still in %q", left)
	}
	if left := w.holding(people[1].UserID); len(left) == 0 {
		t.Error("somebody else is gone too")
	}
}

// holding are the world's keys that hold the text.
func (w *world) holding(text string) []string {
	w.t.Helper()
	options, err := redis.ParseURL(w.redis)
	if err != nil {
		w.t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer func() { _ = rdb.Close() }()
	ctx, held := within(w.t), []string(nil)
	keys := rdb.Scan(ctx, 0, "*"+w.prefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		if dumped := rdb.Dump(ctx, keys.Val()).Val(); strings.Contains(dumped, text) {
			held = append(held, keys.Val())
		}
	}
	if err := keys.Err(); err != nil {
		w.t.Fatal(err)
	}
	return held
}
