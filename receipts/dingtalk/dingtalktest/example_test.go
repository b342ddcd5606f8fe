package dingtalktest_test

import (
	"context"
	"fmt"
	"time"

	"whoread/receipts/dingtalk/dingtalktest"
)

// A test starts a DingTalk, points the bot at its URL, lets people talk, and waits for what the bot answers.
func Example() {
	s := dingtalktest.New(dingtalktest.Options{App: dingtalktest.App{ClientID: "dingapp"}})
	if err := s.Listen("127.0.0.1:0"); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()
	// Start the bot here, with api_url and oapi_url = s.URL() and the credentials of s.App(); then wait for it:
	//	s.AwaitConnections(ctx, 2)

	mei := s.AddPerson(dingtalktest.Person{Name: "韩梅梅", Admin: true})
	lei := s.AddPerson(dingtalktest.Person{Name: "李雷"})
	group := s.AddGroup(dingtalktest.GroupOptions{Title: "运维"}, mei, lei)
	if _, err := group.Say(mei, dingtalktest.Say{Text: "谁没读"}); err != nil {
		fmt.Println(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	m, err := group.WaitMessage(ctx, func(m dingtalktest.Message) bool { return !m.FromBot() })
	fmt.Println(m.From.Name, m.Text, err, len(s.Violations()))
	// Output: 韩梅梅 谁没读 <nil> 0
}
