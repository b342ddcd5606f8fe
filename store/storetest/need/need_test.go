package need_test

import (
	"testing"

	"whoread/store/storetest/need"
)

func TestSlowTestsRunWhereTheyAreRequired(t *testing.T) {
	for required, runs := range map[string]bool{"": false, "redis": false, "slowly": false, "slow": true, "redis,slow": true} {
		t.Run(required, func(t *testing.T) {
			t.Setenv("WHOREAD_TEST_REQUIRE", required)
			reached := false
			t.Run("slow", func(t *testing.T) {
				need.Slow(t)
				reached = true
			})
			if reached != runs {
				t.Errorf("the test ran: %v, want %v", reached, runs)
			}
		})
	}
}
