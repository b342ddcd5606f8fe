package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"whoread/receipts/dingtalk/dingtalktest"
)

// The configuration that is written holds a secret: only its owner may read it, and it goes
// where it was asked to, and not where a link leads.
func TestTheConfigurationIsWrittenForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	server := dingtalktest.New(dingtalktest.Options{})
	if err := server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	write := func(path, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		prepare func(path string)
		refused string // a part of the error
	}{
		"a new file":            {func(string) {}, ""},
		"one of the owner's":    {func(path string) { write(path, "old", 0o600) }, ""},
		"one that others see":   {func(path string) { write(path, "old", 0o644) }, "may be read or written by others"},
		"one that others write": {func(path string) { write(path, "old", 0o602) }, "may be read or written by others"},
		"a link": {func(path string) {
			write(path+".target", "old", 0o600)
			if err := os.Symlink(path+".target", path); err != nil {
				t.Fatal(err)
			}
		}, "is no plain file"},
		"a link to nothing": {func(path string) {
			if err := os.Symlink(path+".nothing", path); err != nil {
				t.Fatal(err)
			}
		}, "is no plain file"},
		"a folder": {func(path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is no plain file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			path := filepath.Join(folder, "whoread.yaml")
			test.prepare(path)
			err := writeConfig(path, server)
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("%v", err)
				}
				if target, err := os.ReadFile(path + ".target"); err == nil && string(target) != "old" {
					t.Errorf("the link was followed: %s", target)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != 0o600 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			if content, err := os.ReadFile(path); err != nil || !strings.Contains(string(content), server.App().ClientSecret) {
				t.Errorf("%s, %v", content, err)
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
