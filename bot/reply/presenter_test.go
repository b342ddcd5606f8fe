package reply

import (
	"testing"

	"whoread/bot/command"
)

// The settings win, then what somebody told, then the default.
func TestWhichLanguageIsSpoken(t *testing.T) {
	t.Parallel()
	zh, en := command.Chinese, command.English
	for _, test := range []struct{ settings, told, otherwise, want command.Language }{
		{"", zh, en, zh},
		{"", en, zh, en},
		{"", "", zh, zh},
		{"", "", en, en},
		{zh, en, en, zh},
		{en, zh, zh, en},
		{en, "", zh, en},
	} {
		p := Presenter{Language: test.settings, Default: test.otherwise}
		if got := p.Speaks(test.told).Language; got != test.want {
			t.Errorf("settings %q, told %q, default %q: %q, want %q", test.settings, test.told, test.otherwise, got, test.want)
		}
	}
}
