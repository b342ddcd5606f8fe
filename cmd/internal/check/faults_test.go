package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"whoread/bot/stream"
	"whoread/receipts/dingtalk/dingtalktest"
	"whoread/store/storetest/need"
)

// decidedBy are the checks that the answers of each API decide.
var decidedBy = map[string][]string{
	dingtalktest.APIToken:      {"token"},
	dingtalktest.APIQuery:      {"permission-robot", "robot-code", "group"},
	dingtalktest.APIRecall:     {"permission-recall"},
	dingtalktest.APIMembers:    {"permission-groups"},
	dingtalktest.APIChat:       {"permission-chats"},
	dingtalktest.APIUser:       {"permission-contacts", "user"},
	dingtalktest.APIDepartment: {"department"},
	dingtalktest.APIUpload:     {"permission-upload"},
	dingtalktest.APIDirect:     {"permission-direct"},
	dingtalktest.APIDing:       {"permission-ding"},
	dingtalktest.APICard:       {"cards"},
	dingtalktest.APIGateway:    {"gateway"},
}

// saidOf is what may be said of a call that met the fault.
var saidOf = map[dingtalktest.FaultKind][]Verdict{
	// The call succeeds nevertheless.
	dingtalktest.Slow:             {Right},
	dingtalktest.SlowAnswer:       {Right},
	dingtalktest.ShortPages:       {Right},
	dingtalktest.WrongContentType: {Right},

	// Somebody must do something.
	dingtalktest.DropBefore:       {Wrong},
	dingtalktest.DropAfter:        {Wrong},
	dingtalktest.IPBanHTML:        {Wrong},
	dingtalktest.IPBanJSON:        {Wrong},
	dingtalktest.QuotaSpent:       {Wrong},
	dingtalktest.NotInWhiteList:   {Wrong},
	dingtalktest.PermissionDenied: {Wrong},
	// A first page proves the permission, although the list has no end.
	dingtalktest.EmptyPage:      {Wrong, Right},
	dingtalktest.RepeatedCursor: {Wrong, Right},
	dingtalktest.EndlessCursor:  {Wrong, Right},

	// A minute later it may succeed.
	dingtalktest.Throttled:          {Failed},
	dingtalktest.ThrottledPlatform:  {Failed},
	dingtalktest.ThrottledPerMinute: {Failed},
	dingtalktest.ServerError:        {Failed},
	dingtalktest.DoneButError:       {Failed},
	dingtalktest.TruncatedBody:      {Failed, Wrong}, // wrong: the gateway's library does not tell how far the answer came

	// What an answer that nobody knows means, nobody knows: a call that must succeed has failed, and one that must be
	// refused proves nothing.
	dingtalktest.Code: {Wrong, Unknown},
}

// faultyCheck runs a check of everything while the calls of an API go wrong, and returns what it found, and whether any
// call went wrong.
func faultyCheck(t *testing.T, folder, api string, kind dingtalktest.FaultKind) (report *Report, text string, hit bool, err error) {
	server := dingtalktest.New(dingtalktest.Options{})
	if err := server.Listen("127.0.0.1:0"); err != nil {
		return nil, "", false, err
	}
	defer func() { _ = server.Close() }()
	person := server.AddPerson(dingtalktest.Person{Name: "员工", UserID: "user"})
	server.SetDepartment(10, person)
	scene := server.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindScene}, person)
	chat := server.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindChat}, person)
	plain := server.AddGroup(dingtalktest.GroupOptions{Kind: dingtalktest.KindPlain}, person)
	file := filepath.Join(folder, strings.ReplaceAll(api, "/", "-")+"-"+string(kind)+".yaml")
	source := fmt.Sprintf(`
dingtalk: {client_id: %q, client_secret: %q, api_url: %q, oapi_url: %q}
http: {listen: off}
access: {groups: [%q, %q]}
members: {rosters: {%q: {departments: [10], users: [user]}, %q: {chat_id: %q}}}
reports: {to: direct}
reminders: {by: ding}
`, server.App().ClientID, server.App().ClientSecret, server.URL(), server.URL(), scene.ID(), chat.ID(), plain.ID(), chat.ID(), chat.ChatID())
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		return nil, "", false, err
	}
	const often = 1000
	fault := dingtalktest.Fault{API: api, Times: often, Kind: kind, Delay: time.Millisecond, Size: 1}
	if kind == dingtalktest.Code {
		fault.Code, fault.Message = "4711", "of a kind that nobody knows"
	}
	server.Inject(fault)
	var out strings.Builder
	report, err = Run(t.Context(), Options{Config: file}, &out)
	return report, out.String(), server.Faults()[0].Times < often, err
}

// Whatever goes wrong with a call, what it should have told is not called right, and the check fails unless the fault
// leaves open whether anything is wrong.
func TestCheckCallsNothingRightThatAnAnswerDoesNotProve(t *testing.T) {
	need.Slow(t)
	t.Parallel()
	folder := t.TempDir()
	var runs errgroup.Group
	runs.SetLimit(24) // most of the time each waits to try again
	for api, ids := range decidedBy {
		for kind, may := range saidOf {
			runs.Go(func() error {
				report, text, hit, err := faultyCheck(t, folder, api, kind)
				if err != nil {
					return err
				}
				if !hit { // this API knows no such fault
					may = []Verdict{Right}
				}
				if report.OK && !slices.ContainsFunc(report.Checks, func(f Finding) bool { return f.ID == ids[0] }) {
					t.Errorf("%s, %s: nothing is said of %s\n%s", api, kind, ids[0], text)
				}
				if api == dingtalktest.APICard && kind == dingtalktest.PermissionDenied { // the bot works without
					may = []Verdict{Doubtful}
				}
				for _, f := range report.Checks {
					follows := may[0] != Right && f.Status == Unknown && strings.HasPrefix(f.Detail, "not checked: ") // from what is said above it
					if slices.Contains(ids, f.ID) && !slices.Contains(may, f.Status) && !follows {
						t.Errorf("%s, %s: %s is %s, want %s\n%s", api, kind, f.ID, f.Status, may, text)
					}
					if (f.Status == Wrong || f.Status == Failed) && f.Remedy == "" {
						t.Errorf("%s, %s: nothing is said about what to do: %+v", api, kind, f)
					}
				}
				if succeeds := may[0] == Right || may[0] == Doubtful; report.OK != succeeds && !slices.Contains(may, Unknown) {
					t.Errorf("%s, %s: good is %t\n%s", api, kind, report.OK, text)
				}
				return nil
			})
		}
	}
	if err := runs.Wait(); err != nil {
		t.Error(err)
	}
}

// What the gateway's answers mean to whoever checks, and what there is to do.
func TestCheckTellsTheGatewaysTroubleFromOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		status Verdict
		remedy string
	}{
		"a page, 503":              {&stream.PageError{Status: 503}, Failed, "the fault is DingTalk's own"},
		"a page, 429":              {&stream.PageError{Status: 429}, Failed, "the fault is DingTalk's own"},
		"a page, 200":              {&stream.PageError{Status: 200}, Wrong, "dingtalk.api_url"},
		"a page, 404":              {&stream.PageError{Status: 404}, Wrong, "dingtalk.api_url"},
		"503 with a code":          {&stream.GatewayError{Status: 503, Code: "ServiceUnavailable"}, Failed, "the fault is DingTalk's own"},
		"throttled":                {&stream.GatewayError{Status: 403, Code: "Forbidden.AccessDenied.QpsLimitForApi"}, Failed, "the fault is DingTalk's own"},
		"address not allowed":      {&stream.GatewayError{Status: 403, Code: "Forbidden.AccessDenied.IpNotInWhiteList"}, Wrong, "address"},
		"a code nobody knows":      {&stream.GatewayError{Status: 400, Code: "x"}, Wrong, "Stream"},
		"something of the network": {errors.New("refused"), Wrong, "Stream"},
	} {
		f := refusedByGateway(fmt.Errorf("open a Stream connection: %w", test.err))
		if f.Status != test.status || !strings.Contains(f.Remedy, test.remedy) || f.Detail == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
