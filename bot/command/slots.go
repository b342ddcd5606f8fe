package command

// slot is what a word stands for, in every language. The words are in words_zh.go and
// words_en.go, and what a sequence of slots means is in grammar.go.
type slot uint8

// The slots. A word stands in one of them; the rules know where it may mean another.
const (
	unknown   slot = iota // words that are in no table: a name, a part of a title, or chatter
	atWord                // an @name, of which one may be the bot's
	number                // the number of a message
	badNumber             // such as 1.5 and -3
	punct                 // punctuation that says nothing
	quoted                // words in quotation marks: a part of a title

	polite // explains nothing and changes nothing, wherever it stands
	loose  // does so in a question; beside a verb that acts it might change what is meant
	thanks
	okay    // a word that wants no answer
	confirm // says that one has got it
	sure    // says yes to a question; it may confirm too

	who     // 谁
	which   // 哪些: of people or of messages
	what    // 什么
	some    // 有人
	howMany // 多少人
	all     // 大家
	self    // 我, who speaks
	people  // 的人
	them    // 他们: who has not read
	and     // between two names
	inside  // in, from: before a department
	perDept // 各部门

	not     // 没
	read    // 读
	notRead // 没查看, of words that mean something else alone
	readers // 已读
	unread  // 未读
	remain  // 还差
	done    // 了
	aux     // has, did

	latest // 刚才那条
	this   // 这条
	day    // 昨天
	msg    // 公告
	sent   // 发, 发了

	publish  // 发公告
	tellAll  // 通知大家: what follows is the title, without anything between
	remind   // 提醒
	remindMe // 提醒我
	mention  // a way to remind
	direct
	ding
	follow
	keep   // 一直
	every  // 每
	timing // 30分钟
	until  // 直到
	stop
	cancel
	recall
	skip
	oops // 发错了: why one recalls
	export
	chart
	usage
	list
	help
	whether // 看没看: read and a question at once

	neg // 别
	how // 怎么: asks how to do it, or whether one can
	ask // 吗: asks whether it was done
	ba  // 把: what follows is to be done, also before 了
	slots
)

// set is a set of slots.
type set uint64

func of(all ...slot) set {
	var s set
	for _, one := range all {
		s |= 1 << one
	}
	return s
}

func (s set) has(one slot) bool  { return s&(1<<one) != 0 }
func (s set) any(other set) bool { return s&other != 0 }

// table is the words of a language by their slots. The first word of a slot that is a
// command's is how the command is suggested.
type table map[slot][]string
