package command

import (
	"slices"
	"testing"
)

// A number in a name is the name's, where that is certain; where it may be of the message too, both
// are told. The number of the message is told apart by a mark, a word, or by being the other one.
func TestNamesThatHoldNumbers(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct {
		people   []string
		numbered string
		number   int
	}{
		"员工0005读了吗":                  {[]string{"员工0005"}, "", 0},
		"员工12 看了没":                   {[]string{"员工12"}, "", 0},
		"员工0005 看没看":                 {[]string{"员工0005"}, "", 0},
		"员工5没读吗":                     {[]string{"员工5"}, "", 0},
		"是不是员工12没读":                  {[]string{"员工12"}, "", 0},
		"员工12已读了吗":                   {[]string{"员工12"}, "", 0},
		"员工12、员工13读了吗":               {[]string{"员工12", "员工13"}, "", 0},
		"员工12和张三读了吗":                 {[]string{"员工12", "张三"}, "", 0},
		"小张2、小王3读了吗":                 {[]string{"小张2", "小王3"}, "", 0},
		"员工12读了3号吗":                  {[]string{"员工12"}, "", 3},
		"员工12看第3条了吗":                 {[]string{"员工12"}, "", 3},
		"#3 员工0005读了吗":               {[]string{"员工0005"}, "", 3},
		"公告3 员工12读了吗":                {[]string{"员工12"}, "", 3},
		"值班2号读了#3吗":                  {[]string{"值班2号"}, "", 3},
		"值班2组读了吗":                    {[]string{"值班2组"}, "", 0},
		"A12读了吗":                     {[]string{"A12"}, "", 0},
		"did A1 read 3":              {[]string{"A1"}, "", 3},
		"has user12 read it":         {[]string{"user12"}, "", 0},
		"has user12 read #3":         {[]string{"user12"}, "", 3},
		"has user 12 read #3":        {[]string{"user12"}, "", 3},
		"user12 and user13 read #3?": {[]string{"user12", "user13"}, "", 3},

		"值班2号读了吗":             {[]string{"值班"}, "值班2号", 2},
		"值班2号 读了吗":            {[]string{"值班"}, "值班2号", 2},
		"值班三号读了吗":             {[]string{"值班"}, "值班三号", 3},
		"小张2读了吗":              {[]string{"小张"}, "小张2", 2},
		"3号张三读了吗":             {[]string{"张三"}, "3号张三", 3},
		"has user 12 read it": {[]string{"user"}, "user12", 12},
		"员工3号读了吗":             {nil, "员工3号", 3},
		"12号员工读了吗":            {nil, "12号员工", 12},
		"员工 0005 读了吗":         {nil, "员工0005", 5},

		"张三读了3号吗":                {[]string{"张三"}, "", 3},
		"张三#3读了吗":                {[]string{"张三"}, "", 3},
		"公告3张三读了吗":               {[]string{"张三"}, "", 3},
		"has Bob read 3":         {[]string{"Bob"}, "", 3},
		"has Bob read message 3": {[]string{"Bob"}, "", 3},
		"2号读了吗":                  {nil, "", 2},
		"公告3读了吗":                 {nil, "", 3},
	} {
		got := Parse(said)
		if got.Verb != Person || !slices.Equal(got.People, want.people) || got.Numbered != want.numbered || got.Number != want.number {
			t.Errorf("%s: %s of %q, perhaps %q, #%d; want %q, perhaps %q, #%d", said, got.Verb, got.People, got.Numbered, got.Number, want.people, want.numbered, want.number)
		}
	}
}

// Names behind an @ that was only typed may have the question right behind them.
func TestNamesBehindATypedAt(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct {
		names  []string
		number int
	}{
		"@张三 读了吗":               {[]string{"张三"}, 0},
		"@张三读了吗":                {[]string{"张三"}, 0},
		"@值班3号 读了吗":             {[]string{"值班3号"}, 0},
		"@值班3号读了吗":              {[]string{"值班3号"}, 0},
		"@值班3号读了吗 #2":           {[]string{"值班3号"}, 2},
		"@张三 看了#1没":             {[]string{"张三"}, 1},
		"has @张三 read it":       {[]string{"张三"}, 0},
		"@whoread@张三 读了吗":       {[]string{"whoread", "张三"}, 0},
		"@whoread@张三读了吗":        {[]string{"whoread", "张三"}, 0},
		"@whoread读了吗 @张三":       {[]string{"whoread", "张三"}, 0},
		"@张三读了吗 @whoread":       {[]string{"张三", "whoread"}, 0},
		"@张三 读了吗 @whoread":      {[]string{"张三", "whoread"}, 0},
		"@whoread @张三 读了吗":      {[]string{"whoread", "张三"}, 0},
		"@张三 did read it? @bot": {[]string{"张三", "bot"}, 0},
	} {
		got := Parse(said)
		if got.Verb != Person || !slices.Equal(got.AtWords, want.names) || got.Number != want.number || len(got.People) > 0 {
			t.Errorf("%s: %s of %q and %q, #%d; want %q, #%d", said, got.Verb, got.AtWords, got.People, got.Number, want.names, want.number)
		}
	}
}
