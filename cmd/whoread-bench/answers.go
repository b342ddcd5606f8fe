package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"whoread/cmd/internal/config"
	"whoread/receipts/dingtalk/dingtalktest"
)

// benchReport measures the answer about a large group, most of which is DingTalk's time.
func (b *bench) benchReport(ctx context.Context) (err error) {
	const members, readers = 5_000, 3_000
	s, err := b.open(ctx, harnessOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	g, people := s.crowd(members)
	m, err := s.announce(ctx, g, "年会")
	if err != nil {
		return err
	}
	if err := g.ReadAll(m.ID, people[1:readers+1]...); err != nil {
		return err
	}
	s.Inject(dingtalktest.Fault{Kind: dingtalktest.SlowAnswer, Delay: b.latency})
	bare, err := newBareClient(ctx, s.Server)
	if err != nil {
		return err
	}
	var took, floor []float64
	for range b.pick(7, 1) {
		began := time.Now()
		if err := bare.readers(ctx, g.ID(), m.ProcessQueryKey); err != nil {
			return err
		}
		floor = append(floor, milliseconds(time.Since(began)))
		answered, _, err := s.ask(ctx, g, "谁没读")
		if err != nil {
			return err
		}
		took = append(took, milliseconds(answered))
	}
	f := figure{Bench: "report", What: "`who read`, 5,000 members, 3,000 readers, frame to reply", Value: median(took), Unit: "ms"}.
		against(median(floor), "the 15 pages of readers by a bare client")
	b.report(f.aim("at most 1.10 x", f.Ratio <= 1.10))
	return nil
}

// bareClient asks DingTalk with nothing but net/http and encoding/json.
type bareClient struct {
	http      *http.Client
	url       string
	token     string
	robotCode string
}

func newBareClient(ctx context.Context, d *dingtalktest.Server) (*bareClient, error) {
	app := d.App()
	c := &bareClient{http: &http.Client{Transport: &http.Transport{}}, url: d.URL(), robotCode: app.RobotCode}
	var answer struct{ AccessToken string }
	err := c.call(ctx, "/v1.0/oauth2/accessToken", map[string]any{"appKey": app.ClientID, "appSecret": app.ClientSecret}, &answer)
	c.token = answer.AccessToken
	return c, err
}

func (c *bareClient) call(ctx context.Context, path string, body, answer any) (err error) {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Acs-Dingtalk-Access-Token", c.token)
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	content, err = io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, answer)
}

// readersPage is an answer about readers.
type readersPage struct {
	SendStatus  string
	ReadUserIDs []string `json:"readUserIds"`
	NextToken   string
	HasMore     bool
}

// readersRequest asks for one page of them.
type readersRequest struct {
	OpenConversationID string `json:"openConversationId"`
	RobotCode          string `json:"robotCode"`
	ProcessQueryKey    string `json:"processQueryKey"`
	MaxResults         int    `json:"maxResults"`
	NextToken          string `json:"nextToken,omitempty"`
}

const queryPath = "/v1.0/robot/groupMessages/query"

// readers asks for all readers, page by page.
func (c *bareClient) readers(ctx context.Context, group, key string) error {
	for cursor := ""; ; {
		var page readersPage
		if err := c.call(ctx, queryPath, readersRequest{group, c.robotCode, key, 200, cursor}, &page); err != nil {
			return err
		}
		if !page.HasMore {
			return nil
		}
		cursor = page.NextToken
	}
}

// benchCalls counts the calls that answers cost.
func (b *bench) benchCalls(ctx context.Context) (err error) {
	s, err := b.open(ctx, harnessOptions{config: func(c *config.Config) { c.Reports.FreshFor = config.Default().Reports.FreshFor }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	report := func(what string, want int) {
		n := s.CallCount(dingtalktest.APIQuery)
		b.report(figure{Bench: "calls", What: what, Value: float64(n)}.aim(fmt.Sprint(want), n == want))
	}
	g, people := s.crowd(201)
	for _, pushed := range []bool{false, true} {
		m, err := s.announce(ctx, g, fmt.Sprintf("pushed: %t", pushed))
		if err != nil {
			return err
		}
		s.Events(pushed, dingtalktest.EventRead)
		readers := people[1:]
		if pushed {
			readers = people
		}
		if err := g.ReadAll(m.ID, readers...); err != nil {
			return err
		}
		if pushed {
			if err := s.Await(ctx, func() bool { return pushesTaken(s.Server) == len(people) }); err != nil {
				return err
			}
		}
		s.ResetCalls()
		if _, _, err := s.ask(ctx, g, "谁没读"); err != nil {
			return err
		}
		if pushed {
			report("queries for `who read` where pushes have shown all readers", 0)
		} else {
			report("queries for `who read` with 200 readers", 1)
		}
	}

	if _, err := s.announce(ctx, g, "twenty ask"); err != nil {
		return err
	}
	s.ResetCalls()
	s.Inject(dingtalktest.Fault{API: dingtalktest.APIQuery, Times: 1, Kind: dingtalktest.SlowAnswer, Delay: 300 * time.Millisecond})
	var asking sync.WaitGroup
	for _, person := range people[:20] {
		asking.Go(func() { _, _ = g.Say(person, dingtalktest.Say{Text: "谁没读"}) }) // whose reply is counted below
	}
	asking.Wait()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := s.Await(ctx, func() bool { return s.CallCount(dingtalktest.APIWebhook) >= 20 }); err != nil {
		return fmt.Errorf("twenty ask at once: %w", err)
	}
	report("queries for 20 people who ask at once", 1)
	return nil
}

// pushesTaken is how many pushed reads were acknowledged.
func pushesTaken(d *dingtalktest.Server) int {
	n := 0
	for _, ack := range d.Acks() {
		if ack.EventType == dingtalktest.EventRead {
			n++
		}
	}
	return n
}

// benchReply measures what whoread itself takes from a frame to its reply.
func (b *bench) benchReply(ctx context.Context) (err error) {
	s, err := b.open(ctx, harnessOptions{config: func(c *config.Config) {
		c.Budget.CallsPerSecond = 10_000 // to wait for a turn is DingTalk's time too
		c.Members.CacheFor = config.Duration(time.Hour)
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	g, people := s.crowd(45)
	for range 10 {
		m, err := s.announce(ctx, g, "停机")
		if err != nil {
			return err
		}
		if err := g.ReadAll(m.ID, people[1:30]...); err != nil {
			return err
		}
	}
	rdb, err := b.client()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rdb.Close()) }()
	commands := []string{"谁没读", "谁读了 #3", "列表", "unread #5", "帮助"}
	var took, floor []float64
	trips := 0
	s.trips.take()
	for i := range b.pick(1_000, 50) {
		all, theirs, err := s.ask(ctx, g, commands[i%len(commands)])
		if err != nil {
			return err
		}
		took = append(took, milliseconds(all-theirs))
		n := s.trips.take() // those after the reply are taken with the next one's
		trips += n
		began := time.Now()
		for range n {
			if err := rdb.Ping(ctx).Err(); err != nil {
				return err
			}
		}
		floor = append(floor, milliseconds(time.Since(began)))
	}
	is := fmt.Sprintf("%.1f round trips to Redis by a bare client", float64(trips)/float64(len(took)))
	half, most := median(took), quantile(took, 0.99)
	b.report(figure{Bench: "reply", What: "frame to reply without DingTalk's time, median", Value: half, Unit: "ms"}.
		against(median(floor), is).aim("at most 5 ms", half <= 5))
	b.report(figure{Bench: "reply", What: "the same, 99th percentile", Value: most, Unit: "ms"}.
		against(quantile(floor, 0.99), is).aim("at most 25 ms", most <= 25))
	return nil
}
