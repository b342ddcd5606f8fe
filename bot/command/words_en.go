package command

// englishWords are in lower case and without apostrophes. They stand for whole words; of those
// that begin at the same word the longest one counts.
var englishWords = table{
	polite: {
		"please", "pls", "plz", "kindly", "hey", "hi", "can you", "could you", "would you", "can u", "could u", "will you", "just", "now", "again", "once more", "asap", "quickly",
		"to read", "to read it", "to read this", "to look at it", "to open it", "the", "a", "an", "of", "for", "about", "on", "to", "with", "by", "via", "using", "it", "that are", "an announcement about", "as", "through", "anymore", "any more", "any longer",
	},
	loose: {
		"show", "tell", "give", "get", "list of", "so far", "yet", "still", "me", "us", "i want to know", "i would like to know", "id like to know", "i need to know", "i want to see", "let me know", "let me see", "do you know", "any idea", "check", "please check", "see who", "find out", "currently", "at the moment", "by now", "until now", "up to now", "there", "are there", "is there", "that", "were", "be", "been", "being", "out there", "actually", "really", "so", "then", "there are", "can i get", "can i have", "can i see", "could i get", "may i see", "send me", "send us", "i want", "i need", "give me", "show me", "tell me", "get me", "make", "draw", "post me", "report", "report on", "summary", "also", "else", "exactly", "we", "display", "print", "look up", "bring up", "pull up", "here", "quick", "update on", "any", "update", "this month", "this week", "last month", "hello", "good morning", "good afternoon", "good evening", "good night", "bot", "hey bot",
	},
	thanks: {"thanks", "thank you", "thx", "ty", "thank u", "many thanks", "thanks a lot", "cheers", "thank you very much", "thanks so much", "tks"},
	okay: {
		"ok", "okay", "k", "kk", "cool", "great", "nice", "good", "good job", "well done", "sure", "fine", "alright", "all right", "perfect", "will do", "will read later", "on it", "understood", "i see", "no problem", "np", "lol", "haha", "welcome", "bye", "never mind", "nvm", "awesome", "lgtm", "i will read it later", "will read it later", "i understand",
	},
	confirm: {"got it", "confirmed", "acknowledged", "acknowledge", "noted", "done", "roger", "roger that", "copy", "copy that", "received", "ack", "i got it", "confirmed receipt", "replied", "reply", "responded", "respond", "well received", "i confirm", "signed", "answered", "all done"},
	sure:    {"yes", "y", "confirm", "yep", "yeah", "yup"},

	who:     {"who", "whos", "whod", "who all", "who else", "which people", "which person", "which of us", "which members", "which colleagues", "which ones", "who is", "who are", "who has", "who have", "who had", "whove"},
	which:   {"which"},
	what:    {"what", "whats", "what are", "what is", "what are the"},
	some:    {"anyone", "anybody", "someone", "somebody", "any of them", "anyone who", "anybody who", "anyone else", "does anyone", "nobody", "no one"},
	howMany: {"how many", "how many people", "how many of us", "how many of them", "how much", "number of", "count", "what percentage", "percentage", "how many are", "how many persons", "how many members"},
	all:     {"everyone", "everybody", "all", "all of them", "all of us", "all people", "all members", "whole team", "whole group", "the whole team", "the whole group", "every one", "each of us", "all of you", "yall"},
	self:    {"i", "ive", "myself"},
	people:  {"people", "persons", "person", "those", "those who", "those that", "the people who", "people who", "people that", "members", "folks", "colleagues", "guys", "names", "name", "ones who", "the ones who", "everyone who", "everybody who", "all who", "all those who", "all people who", "anyone that", "everyone that", "everybody that", "all that", "everyone whos", "people whove", "members who", "members that", "colleagues who", "staff", "users", "the list of people who", "the names of people who", "the list of those who"},
	them:    {"them", "they", "the rest", "rest", "the others", "the remaining people", "the stragglers", "stragglers", "the missing ones", "remaining ones"},
	and:     {"and", "or", "&"},
	inside:  {"in", "from", "in the", "from the"},
	perDept: {"by department", "per department", "by dept", "per dept", "by team", "per team", "grouped by department", "for each department", "each department"},

	not:     {"not", "hasnt", "havent", "didnt", "isnt", "arent", "has not", "have not", "did not", "yet to", "has yet to", "have yet to", "still needs to", "still need to", "still has to", "still have to", "needs to", "need to", "has to", "have to", "hadnt", "had not", "is not", "are not", "forgot to", "without", "doesnt", "does not", "is still to", "still not", "failed to", "hasnt yet", "havent yet", "hvnt", "hasn", "haven", "didn", "ain"},
	read:    {"read", "reads", "see", "seen", "saw", "open", "opened", "view", "viewed", "reading", "look at", "looked at", "check it", "checked", "done reading", "finished reading", "read through", "finish reading"},
	readers: {"readers", "reader", "read status", "status", "progress", "read receipts", "read receipt", "receipts", "read rate", "reading status", "read list", "read count", "the list of readers", "list of readers", "read by", "who read list", "reading progress", "stats", "statistics", "read stats"},
	unread:  {"unread", "unreads", "non readers", "nonreaders", "non reader", "non-readers", "unread list", "unread people", "unread members", "not read", "not read yet", "unread names", "unread ones", "unread count"},
	remain:  {"left", "remaining", "missing", "outstanding", "pending", "left over", "behind", "still missing", "still left", "remains"},
	done:    {"already"},
	aux:     {"has", "have", "did", "does", "do", "is", "was", "are", "had", "when did", "when has", "what time did", "am"},

	latest: {"last one", "the last one", "last", "the last", "latest", "the latest", "latest one", "the latest one", "previous", "previous one", "the previous one", "most recent", "most recent one", "newest", "recent", "recently", "last announcement", "just now"},
	this:   {"this", "this one", "that one", "the above", "above"},
	day: {
		"today", "todays", "yesterday", "yesterdays", "last night", "last nights", "this morning", "this mornings", "day before yesterday", "the day before yesterday",
		"monday", "mondays", "tuesday", "tuesdays", "wednesday", "wednesdays", "thursday", "thursdays", "friday", "fridays", "saturday", "saturdays", "sunday", "sundays",
	},
	msg:  {"announcement", "announcements", "message", "messages", "notice", "notices", "one", "ones", "post", "posts", "msg", "notification", "memo", "news"},
	sent: {"send", "posted", "sent", "announced"},

	publish:  {"announce", "announcement", "post", "post announcement", "post an announcement", "make an announcement", "make announcement", "send an announcement", "send announcement", "new announcement", "publish", "publish an announcement", "publish announcement", "please announce", "create an announcement", "do an announcement"},
	tellAll:  {"announce that", "announce to everyone that", "tell everyone that", "let everyone know that", "announce to all that", "announce to everyone"},
	remind:   {"remind", "reminder", "reminders", "a reminder", "send a reminder", "send reminder", "send reminders", "send out a reminder", "send out reminders", "nudge", "ping", "chase", "poke", "prod", "reminding", "chasing", "nudging", "pinging", "remind to read", "send another reminder", "nag", "nagging"},
	remindMe: {"remind me", "remind us", "reminder for me", "remind myself", "ping me", "reminder to me"},
	mention:  {"mention", "mentioning", "at", "tag", "in the group chat", "in the group", "mentions"},
	direct:   {"direct", "direct message", "dm", "private", "private message", "privately", "in private", "pm", "direct messages", "dms", "private chat", "1 on 1"},
	ding:     {"ding", "dinging"},
	follow:   {"follow", "follow up", "follow up on", "followup", "follow-up", "track", "chase up"},
	keep:     {"keep", "keep on", "continue", "repeatedly"},
	every:    {"every", "each", "hourly", "daily"},
	timing: {
		"hour", "hours", "hrs", "hr", "h", "minute", "minutes", "mins", "min", "half hour", "half an hour", "half-hour", "other hour", "day", "days", "week", "noon", "tonight", "tomorrow", "am", "pm", "midnight", "two", "three", "four", "five", "ten", "fifteen", "twenty", "thirty", "morning at", "oclock", "m", "an hour", "couple of hours", "weekday", "weekdays", "weekend", "weekends",
	},
	until:  {"until", "till", "til", "up to"},
	stop:   {"stop", "end", "quit", "turn off", "switch off", "off", "unfollow", "stop following", "stop following up", "stop following up on", "halt", "pause", "disable"},
	cancel: {"cancel"},
	recall: {"recall", "take back", "take it back", "withdraw", "unsend", "retract", "delete", "remove", "pull back", "revoke", "take that back", "take this back"},
	skip:   {"skip", "exempt", "leave out", "except"},
	export: {"export", "excel", "xlsx", "spreadsheet", "download", "csv", "excel file", "excel sheet", "xls", "spread sheet", "into excel", "as a file"},
	chart:  {"chart", "graph", "curve", "plot", "reading curve", "read curve", "chart of reads", "line chart", "trend", "diagram"},
	usage:  {"usage", "quota", "api usage", "api calls", "calls", "calls left", "calls are left", "how many calls", "api quota", "call usage"},
	list:   {"list", "lists", "announcement list", "announcement history", "announcements list", "history", "overview", "list all", "list the"},
	help: {
		"help", "how does this work", "how does it work", "what can you do", "what do you do", "what can i do", "how to use", "how to use this", "how do i use", "how do you work", "how do i use this", "commands", "command", "command list", "manual", "instructions", "menu", "what are your commands", "what can i say", "who are you", "what are you",
	},

	neg: {"no", "no more", "dont", "do not", "never", "no need to", "no longer", "do not ever", "please dont", "dont ever", "stop it", "nothing", "none", "nobody else", "wont", "cannot", "cant", "shouldnt", "should not", "must not", "mustnt", "neither", "nor", "refuse", "avoid", "instead of", "rather not", "lets not", "let us not", "dnt", "doesnt need"},
	how: {"how", "how do i", "how do you", "how to", "how can i", "how can we", "can i", "can we", "may i", "could i", "should i", "should we", "shall i", "is it possible to", "why", "where", "what if", "if", "would it", "can it", "whether", "how about", "can", "could", "would", "should", "might", "maybe", "perhaps"},
	ask: {"when", "did you", "have you", "do you", "are you", "were you", "will you have", "whose"},
}

// noNames are words where a name may stand, and none.
var noNames = []string{"you", "u", "it", "this", "that", "he", "she", "他", "她", "你", "您", "你们", "它", "谁"}

// slips are the words that are still read with a slip of the finger in them. None of them
// has an effect.
var slips = []string{"hasnt", "havent", "didnt", "unread", "everyone", "everybody", "readers", "status", "progress"}
