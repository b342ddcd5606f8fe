package main

import (
	"bytes"
	"context"
	"encoding/json"
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
	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk/dingtalktest"
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
	dingtalktest.APIGateway:    {"gateway"},
}

// saidOf is what may be said of a call that met the fault.
var saidOf = map[dingtalktest.FaultKind][]verdict{
	// The call succeeds nevertheless.
	dingtalktest.Slow:             {right},
	dingtalktest.SlowAnswer:       {right},
	dingtalktest.ShortPages:       {right},
	dingtalktest.WrongContentType: {right},

	// Somebody must do something.
	dingtalktest.DropBefore:       {wrong},
	dingtalktest.DropAfter:        {wrong},
	dingtalktest.IPBanHTML:        {wrong},
	dingtalktest.IPBanJSON:        {wrong},
	dingtalktest.QuotaSpent:       {wrong},
	dingtalktest.NotInWhiteList:   {wrong},
	dingtalktest.PermissionDenied: {wrong},
	// A first page proves the permission, although the list has no end.
	dingtalktest.EmptyPage:      {wrong, right},
	dingtalktest.RepeatedCursor: {wrong, right},
	dingtalktest.EndlessCursor:  {wrong, right},

	// A minute later it may succeed.
	dingtalktest.Throttled:          {failed},
	dingtalktest.ThrottledPlatform:  {failed},
	dingtalktest.ThrottledPerMinute: {failed},
	dingtalktest.ServerError:        {failed},
	dingtalktest.DoneButError:       {failed},
	dingtalktest.TruncatedBody:      {failed, wrong}, // wrong: the gateway's library does not tell how far the answer came

	// What an answer that nobody knows means, nobody knows: a call that must succeed has failed, and one that must be
	// refused proves nothing.
	dingtalktest.Code: {wrong, unknown},
}

// faultyCheck runs a check of everything while the calls of an API go wrong, and returns what it found, and whether any
// call went wrong.
func faultyCheck(t *testing.T, folder, api string, kind dingtalktest.FaultKind) (report *checkReport, text string, hit bool, err error) {
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
	report = &checkReport{out: &out}
	i := &inspection{report: report}
	i.run(t.Context(), file)
	err = i.close()
	return report, out.String(), server.Faults()[0].Times < often, err
}

// Whatever goes wrong with a call, what it should have told is not called right, and the check fails unless the fault
// leaves open whether anything is wrong.
func TestCheckCallsNothingRightThatAnAnswerDoesNotProve(t *testing.T) {
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
					may = []verdict{right}
				}
				if report.good() && !slices.ContainsFunc(report.Checks, func(f finding) bool { return f.ID == ids[0] }) {
					t.Errorf("%s, %s: nothing is said of %s\n%s", api, kind, ids[0], text)
				}
				for _, f := range report.Checks {
					follows := may[0] != right && f.Status == unknown && strings.HasPrefix(f.Detail, "not checked: ") // from what is said above it
					if slices.Contains(ids, f.ID) && !slices.Contains(may, f.Status) && !follows {
						t.Errorf("%s, %s: %s is %s, want %s\n%s", api, kind, f.ID, f.Status, may, text)
					}
					if (f.Status == wrong || f.Status == failed) && f.Remedy == "" {
						t.Errorf("%s, %s: nothing is said about what to do: %+v", api, kind, f)
					}
				}
				if succeeds := may[0] == right; report.good() != succeeds && !slices.Contains(may, unknown) {
					t.Errorf("%s, %s: good is %t\n%s", api, kind, report.good(), text)
				}
				return nil
			})
		}
	}
	if err := runs.Wait(); err != nil {
		t.Error(err)
	}
}

// An interrupted check says so, and calls nothing wrong for it.
func TestAnInterruptedCheckCallsNothingWrong(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"check"}, {"check", "--json"}} {
		server := dingtalktest.New(dingtalktest.Options{})
		if err := server.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		file := filepath.Join(t.TempDir(), "whoread.yaml")
		source := fmt.Sprintf("dingtalk: {client_id: %q, client_secret: %q, api_url: %q, oapi_url: %q}\nhttp: {listen: off}\n",
			server.App().ClientID, server.App().ClientSecret, server.URL(), server.URL())
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, interrupt := context.WithCancel(within(t))
		changes := server.Watch(within(t))
		server.Inject(dingtalktest.Fault{API: dingtalktest.APIUser, Kind: dingtalktest.Slow, Times: 1, Delay: time.Hour})
		go func() {
			for len(server.Faults()) > 0 { // it is taken by the call that then waits
				<-changes
			}
			interrupt()
		}()
		var out, errs bytes.Buffer
		code := run(ctx, append(arguments, "--config", file), &out, &errs)
		interrupt()
		if code != 1 || errs.Len() > 0 {
			t.Errorf("%v: exit status %d, %s", arguments, code, &errs)
		}
		if len(arguments) == 1 {
			wantIn(t, out.String(), "✓ permission-robot", "? interrupted", "0 wrong, 1 could not be looked at")
			if strings.Contains(out.String(), "✗") || strings.Contains(out.String(), "canceled") {
				t.Errorf("something is called wrong:\n%s", &out)
			}
			continue
		}
		var report checkReport
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
		if last := report.Checks[len(report.Checks)-1]; report.OK || last.ID != "interrupted" || last.Status != failed || report.Counts[wrong] > 0 {
			t.Errorf("%+v", report)
		}
	}
}

// Each mistake of the configuration is a finding with its key and line, and what to do is printed once for all of them.
func TestCheckTellsEachMistakeOfTheConfigurationByItself(t *testing.T) {
	t.Parallel()
	const file = "../internal/config/testdata/mistakes/many_mistakes.yaml"
	_, err := config.Load(file, func(string) (string, bool) { return "", false })
	mistakes, ok := errors.AsType[*config.Mistakes](err)
	if !ok || len(mistakes.All) < 5 {
		t.Fatal(err)
	}
	code, document, _ := command(t, "check", "--json", "--config", file)
	var report checkReport
	if err := json.Unmarshal([]byte(document), &report); err != nil || code != 1 {
		t.Fatalf("exit status %d, %v: %s", code, err, document)
	}
	var found []config.Mistake
	for _, f := range report.Checks {
		if f.ID != "config" || f.Status != wrong || f.Remedy == "" {
			t.Errorf("%+v", f)
		}
		found = append(found, config.Mistake{Line: f.Line, Key: f.About, Text: f.Detail})
	}
	if !slices.Equal(found, mistakes.All) {
		t.Errorf("%v\nwant %v", found, mistakes.All)
	}
	_, lines, _ := command(t, "check", "--config", file)
	if strings.Count(lines, "✗ config ") != len(found) || strings.Count(lines, "→") != 1 {
		t.Errorf("it is printed:\n%s", lines)
	}
}

// What the gateway's answers mean to whoever checks, and what there is to do.
func TestCheckTellsTheGatewaysTroubleFromOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		status verdict
		remedy string
	}{
		"a page, 503":              {&stream.PageError{Status: 503}, failed, "the fault is DingTalk's own"},
		"a page, 429":              {&stream.PageError{Status: 429}, failed, "the fault is DingTalk's own"},
		"a page, 200":              {&stream.PageError{Status: 200}, wrong, "dingtalk.api_url"},
		"a page, 404":              {&stream.PageError{Status: 404}, wrong, "dingtalk.api_url"},
		"503 with a code":          {&stream.GatewayError{Status: 503, Code: "ServiceUnavailable"}, failed, "the fault is DingTalk's own"},
		"throttled":                {&stream.GatewayError{Status: 403, Code: "Forbidden.AccessDenied.QpsLimitForApi"}, failed, "the fault is DingTalk's own"},
		"address not allowed":      {&stream.GatewayError{Status: 403, Code: "Forbidden.AccessDenied.IpNotInWhiteList"}, wrong, "address"},
		"a code nobody knows":      {&stream.GatewayError{Status: 400, Code: "x"}, wrong, "Stream"},
		"something of the network": {errors.New("refused"), wrong, "Stream"},
	} {
		f := refusedByGateway(fmt.Errorf("open a Stream connection: %w", test.err))
		if f.Status != test.status || !strings.Contains(f.Remedy, test.remedy) || f.Detail == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
