// Package need skips tests that need what not every machine has: a program, or
// the time for slow ones. WHOREAD_TEST_REQUIRE lists what has to be had, separated
// by commas: "redis", "browser", "promtool" and "systemd-analyze" have a test fail
// that lacks it, and "slow" has the slow ones run.
//
// It is for tests only: no other code may import it.
package need

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const variable = "WHOREAD_TEST_REQUIRE"

// Slow skips the test unless WHOREAD_TEST_REQUIRE lists "slow". It is for loads,
// kills, outages, crashes and servers of a test's own, which together take longer
// than the minute of go test ./...
func Slow(t testing.TB) {
	t.Helper()
	if !Requires("slow") {
		t.Skipf("SKIPPED, it is slow: set %s=slow to run it", variable)
	}
}

// Lacks skips the test because something is not on this machine, or fails it if
// WHOREAD_TEST_REQUIRE lists that. The reason says how to have it.
func Lacks(t testing.TB, what, reason string) {
	t.Helper()
	if Requires(what) {
		t.Fatalf("%s; %s lists %q", reason, variable, what)
	}
	t.Skipf("SKIPPED, %s", reason)
}

// Requires reports whether WHOREAD_TEST_REQUIRE lists what is named.
func Requires(what string) bool {
	return slices.Contains(strings.Split(os.Getenv(variable), ","), what)
}
