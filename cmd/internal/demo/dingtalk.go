package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"whoread/receipts/dingtalk/dingtalktest"
)

// ServeDingTalk runs the DingTalk of this machine alone, with some people and groups in it,
// until ctx ends. It writes its page, its address, the app's credentials and each group to out,
// a line each, for people and programs. If configFile is not empty, it writes the configuration
// of a bot for it there.
func ServeDingTalk(ctx context.Context, listen, configFile string, out io.Writer) (err error) {
	server := dingtalktest.New(dingtalktest.Options{Page: true, CallsPerMonth: dingtalktest.StandardCallsPerMonth})
	if err := server.Listen(listen); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	populate(server)

	describe(out, server)
	if configFile != "" {
		if err := writeConfig(configFile, server); err != nil {
			return err
		}
		fmt.Fprintf(out, "config %s\n", configFile)
	}
	<-ctx.Done()
	return nil
}

// describe prints how to use the server, a line each: the page, the address for
// api_url and oapi_url, the app's credentials, and each group with its
// conversation id, number of members and title.
func describe(out io.Writer, server *dingtalktest.Server) {
	app := server.App()
	fmt.Fprintf(out, "page   %s/\n", server.URL())
	fmt.Fprintf(out, "api    %s\n", server.URL())
	fmt.Fprintf(out, "app    client_id=%s client_secret=%s robot_code=%s\n", app.ClientID, app.ClientSecret, app.RobotCode)
	for _, group := range server.Groups() {
		fmt.Fprintf(out, "group  %s %d %s\n", group.ID(), len(group.Members()), group.Title())
	}
}

// populate makes groups of several kinds and sizes.
func populate(server *dingtalktest.Server) {
	names := []string{"韩梅梅", "张三", "李四", "王五", "赵六", "钱七", "孙八"}
	team := []dingtalktest.Person{server.AddPerson(dingtalktest.Person{Name: "李雷", Admin: true})}
	for _, name := range names {
		team = append(team, server.AddPerson(dingtalktest.Person{Name: name}))
	}
	everybody := team
	for n := 1; n <= 37; n++ {
		everybody = append(everybody[:len(everybody):len(everybody)], server.AddPerson(dingtalktest.Person{Name: fmt.Sprintf("员工%02d", n)}))
	}
	guest := server.AddPerson(dingtalktest.Person{Name: "Guest 客户", Outside: true})
	server.AddGroup(dingtalktest.GroupOptions{Title: "项目组"}, team...)
	server.AddGroup(dingtalktest.GroupOptions{Title: "全体员工"}, everybody...)
	server.AddGroup(dingtalktest.GroupOptions{Title: "合作伙伴 Partners"}, append(team[:3:3], guest)...)
	server.AddGroup(dingtalktest.GroupOptions{Title: "普通群（没有成员名单）", Kind: dingtalktest.KindPlain}, team...)
}

// writeConfig writes the configuration of a bot that works against the server.
// The file holds the app's secret.
func writeConfig(path string, server *dingtalktest.Server) error {
	app := server.App()
	content := fmt.Sprintf(`# Written by 'whoread dingtalk': for 'whoread run' against the DingTalk of this machine.
dingtalk:
  client_id: %s
  client_secret: %s
  robot_code: %s
  api_url: %s
  oapi_url: %s
redis:
  url: memory://
# Whoever plays with it is faster than a group: nothing that was asked is used again.
members:
  cache_for: 0s
reports:
  fresh_for: 0s
log:
  format: console
`, app.ClientID, app.ClientSecret, app.RobotCode, server.URL(), server.URL())
	if err := writePrivately(path, content); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// writePrivately writes a file that holds secrets. One that is there already is replaced, unless
// it is a link or no plain file, or others may read it: whoever made it so wants something else.
func writePrivately(path, content string) (err error) {
	there, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !there.Mode().IsRegular():
		return fmt.Errorf("%s is no plain file", path)
	case there.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s may be read or written by others: remove it, or chmod 600", path)
	}
	// What is put there meanwhile is replaced, and never followed.
	file, err := os.CreateTemp(filepath.Dir(path), ".whoread-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if _, err := file.WriteString(content); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
