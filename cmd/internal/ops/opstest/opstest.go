// Package opstest reads what ops writes: metrics and the log. It is for tests only.
package opstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Scrape asks for /metrics and returns the series of whoread by name and labels.
func Scrape(t testing.TB, get func(path string) (int, string)) map[string]float64 {
	t.Helper()
	status, text := get("/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics: %d %s", status, text)
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		at := strings.LastIndex(line, " ")
		if at < 0 || !strings.HasPrefix(line, "whoread_") {
			continue
		}
		var value float64
		if _, err := fmt.Sscan(line[at+1:], &value); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[line[:at]] = value
	}
	return all
}

// Lines are the lines of a log, decoded.
func Lines(t testing.TB, written string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(written) {
		entry := map[string]any{}
		if err := json.Unmarshal([]byte(text), &entry); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		lines = append(lines, entry)
	}
	return lines
}
