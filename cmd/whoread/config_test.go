package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs a subcommand and returns its exit status and what it writes.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestAFileThatCannotBeReadIsNamedWithTheReason(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	closed := filepath.Join(folder, "closed.yaml")
	if err := os.WriteFile(closed, []byte("dingtalk: {client_id: id, client_secret: hush}\n"), 0o000); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(folder, "big.yaml")
	if err := os.WriteFile(big, bytes.Repeat([]byte("# hush\n"), 1<<18), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, want string }{
		{folder, "is a directory; name the file in it"},
		{filepath.Join(folder, "nowhere.yaml"), "there is no such file; copy config.example.yaml to it and fill in the credentials"},
		{closed, "may not be read by the user that runs whoread (uid "},
		{big, "is larger than 1024 KiB; is it the right file?"},
	} {
		if test.file == closed && os.Getuid() == 0 {
			continue // who may read everything
		}
		for _, subcommand := range [][]string{{"run"}, {"config", "print"}} {
			code, _, stderr := command(t, append(subcommand, "--config", test.file)...)
			if want := fmt.Sprintf("whoread: configuration %s:\n  %s", test.file, test.want); code != 1 || !strings.HasPrefix(stderr, want) {
				t.Errorf("%v: exit status %d, %s\nwant %s", subcommand, code, stderr, want)
			}
		}
	}
}

func TestConfigPrintsTheConfigurationAndItsSchema(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "whoread.yaml")
	if err := os.WriteFile(file, []byte("dingtalk: {client_id: dingexample, client_secret: hush}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, printed, stderr := command(t, "config", "print", "--config", file)
	if code != 0 || stderr != "" {
		t.Errorf("exit status %d, %s", code, stderr)
	}
	wantIn(t, printed, "client_id: dingexample\n", "client_secret: \"***\"\n", "max_names: 20 # default\n")
	code, printed, stderr = command(t, "config", "schema")
	if code != 0 || stderr != "" || !json.Valid([]byte(printed)) {
		t.Errorf("exit status %d, %s\n%s", code, stderr, printed)
	}
}
