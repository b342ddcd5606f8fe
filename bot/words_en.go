package bot

import (
	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

var english = words{
	Help: `**I tell a group who has not read a message.** Mention me and say:

- **announce Title** (the text on the next lines): I post it and keep count
- **unread**: who has not read it yet
- **who read**: who has and who has not
- **list**: the last announcements and their progress
- **chart**: a picture of the reads over time; **export**: the names as an Excel file (admins)
- **usage**: where the members come from, and the API calls used (admins)
- **recall #n**: takes an announcement back
- **help**: this

Name a message by its number (unread #n) or quote it; otherwise it is the latest. 中文也可以：说「帮助」。`,
	Private: `I work in groups: add me to one and mention me there with "announce Title" to post, or "unread" to see who has not read. Say "help" for everything.`,

	Outsider:   "Only members of this organisation can use me. If you are one, ask an administrator whether the app is published and visible to you.",
	ForeignGrp: "I am not allowed to work in this group; ask an administrator to add it to access.groups in the configuration.",
	AdminsOnly: "Only administrators may say this; please ask one.",
	AuthorOnly: "Only who announced it, and administrators, may recall it.",
	NobodyMay:  "The configuration lets nobody say this; please ask an administrator.",

	Unknown:      `I know "announce", "who read", "unread", "list" and more: say "help".`,
	UnknownNear:  `I did not get that. Did you mean "%s"? Say "help" for everything I know.`,
	Wordless:     `I can only read text. Say "help" to see what I can do.`,
	Spent:        "Your organisation's monthly quota of DingTalk messages is used up, so I can't see what you said. Ask an administrator to look at the usage in DingTalk's developer console.",
	NoSuch:       `There is no #%d in this group; say "list" to see what there is.`,
	NothingYet:   `Nothing has been announced in this group yet. Say "announce Title" and I start counting.`,
	QuoteNotOurs: `What you quoted is not an announcement that I can track. Quote the announcement itself, or give its number: "unread #n".`,
	WhichRecall:  `Which one? Give its number, "recall #n", or quote it and say "recall".`,

	WhatToAnnounce:   `What shall I post? Say "announce Title", and the text on the next lines.`,
	TooLong:          "Too long, nothing was posted: DingTalk takes %d bytes in one message. Please shorten it, or split it.",
	Announced:        `Posted as #%d, to be read by %d. Say "unread" at any time.`,
	AnnouncedBlind:   "Posted as #%d, but I don't know who is in the group and can only tell who has read. %s",
	AnnouncedLearned: `Posted as #%d. I know %d of the group so far, and there may be more. Say "unread" at any time.`,
	NotAnnounced:     "#%d was not posted. %s",
	Uncertain:        `It is uncertain whether #%d was delivered; I will not send it again, so that nobody gets it twice. %s If you see it in the group, quote it and say "unread", and I count on; if not, announce it again.`,
	Unrecorded:       `#%d was posted, but I could not write it down (the store did not answer). Please don't post it again; quote it later and say "unread", and I count on.`,
	NoPictures:       "Pictures are not carried over (%d); only the text was posted.",

	Recalled:    "Recalled #%d.",
	NotRecalled: "#%d was not recalled. %s",
	MayBeGone:   "It is uncertain whether #%d was recalled; look whether it is still there, and if so say it again. %s",

	Unrecallable: map[receipts.State]string{
		receipts.Sending:   "It is still being sent; say it again in a moment.",
		receipts.Failed:    "It was never posted, so there is nothing to recall.",
		receipts.Uncertain: `It is uncertain whether it was delivered; if you see it in the group, quote it and say "recall".`,
		receipts.Recalled:  "It had been recalled before.",
		receipts.Disbanded: "Its group was disbanded.",
	},

	NoChart:     "The chart of #%d was not posted. %s",
	NotExported: "#%d was not exported. %s",
	MayBePosted: "It is uncertain whether the file about #%d was posted; if you don't see it, please say it again.",
	Sheet: sheetWords{
		Message: "Message", Sent: "Posted at", Progress: "Progress", Completeness: "Completeness", Complete: "complete", AsOf: "Asked at", Source: "Source of members",
		Name: "Name", UserID: "userId", State: "State", ReadAt: "Read at", ReadBy: "Read by", Reminders: "Reminders",
		Read: "read", Unread: "unread",
	},

	Usage: usageWords{
		Version:   "whoread %s",
		Members:   "%s: %d at present (as of %s)",
		NoMembers: "I don't know who is in this group. %s",
		Refused:   "The %s gave no members: %s I don't ask it again before %s.",
		Pushed:    "The last read that was pushed is of %s.",
		NotPushed: "No reads of the last announcements in this group were pushed; I ask DingTalk when somebody asks me, which is just as right.",
		Calls:     "Counted API calls that I made this month: %d.",
		Sources: map[receipts.Source]string{
			receipts.SceneGroup: "group's member list",
			receipts.Chat:       "chat's member list",
			receipts.Roster:     "configured roster",
		},
	},

	ReadOf:      "read %d/%d",
	ReadOfLeast: "read by at least %d/%d",
	ReadBy:      "read by %d",
	Readers:     "Read (%d): %s",
	ReadBefore:  "by %s",
	UnreadNames: "Unread (%d): %s",
	AllRead:     "Everybody has read it (%d).",
	KnownRead:   "All whom I know so far have read it (%d); there may be others who have not.",
	NobodyRead:  "Nobody has read it yet.",
	AndMore:     " and %d more",
	Nameless:    "their names are not known",
	Comma:       ", ",
	Queried:     "asked at %s",
	SecondsAgo:  " (%d s ago)",
	Known:       "as of %s",
	Joined:      "%d joined later, not counted",
	Left:        "%d left without reading, not counted",
	Outsiders:   "%d from outside can't be tracked",
	CountedAt:   "counting the members of %s",
	Sources: map[receipts.Source]string{
		receipts.SceneGroup: "members: the group's list",
		receipts.Chat:       "members: the chat's list",
		receipts.Roster:     "members: the configured roster",
		receipts.Learned:    "members: learned over time, maybe not all",
	},
	LearnedNow: "who is here now: learned over time, maybe not all",
	InGroup:    "In the group %s:",
	Gaps: map[receipts.Part]string{
		receipts.ReadersPart:  "I could not get all readers, so I don't name anybody as unread. %s",
		receipts.MembersPart:  "I could not get all members and some may have left, so I don't name anybody as unread. %s",
		receipts.AudiencePart: "I don't know who is in the group, so I don't name anybody as unread. %s",
	},
	Untitled: "(untitled)",

	States: map[receipts.State]string{
		receipts.Sending:   "being sent",
		receipts.Failed:    "not posted",
		receipts.Uncertain: "delivery uncertain",
		receipts.Recalled:  "recalled",
		receipts.Disbanded: "group disbanded",
		receipts.Expired:   "no longer tracked by DingTalk",
	},
	StateExtra: map[receipts.State]string{
		receipts.Sending:   "It is being sent; ask again in a moment.",
		receipts.Failed:    "It was not posted, so nobody has read it.",
		receipts.Uncertain: `It is uncertain whether it was delivered, so I can't tell; if you see it in the group, quote it and say "unread".`,
		receipts.Recalled:  "It was recalled; this is what was known before.",
		receipts.Disbanded: "The group was disbanded; this is what was known before.",
		receipts.Expired:   "DingTalk no longer tells who read it; this is what was known before. Who read it since can't be seen, so I don't name anybody as unread.",
	},
	ListTitle:   "The last %d announcements",
	ListNothing: `Nothing has been announced in this group yet. Say "announce Title".`,

	StoreDown: "My store (Redis) does not answer: your command was not carried out and nothing was posted. Please say it again later; if this goes on, ask an administrator.",
	Busy:      "Too many commands are waiting and yours was not carried out. Please say it again in a few minutes.",
	GaveUp:    `I tried several times and gave up; the log says why. If it was an announcement, say "list" to see whether it was posted before you post it again.`,
	SentYou:   "I sent you the answer directly.",
	CantReach: "I could not send you the answer directly; please start a chat with me and ask again.",

	NotYet:       "It was posted a moment ago and DingTalk has no read data yet; ask again in a minute.",
	Delivering:   "DingTalk is still delivering it; ask again in a moment.",
	Paging:       "DingTalk's pages make no sense; ask again later, and if this goes on an administrator should look at the log.",
	NoMemberList: "DingTalk has no member list for this kind of group; an administrator can write its members or departments into members.rosters (conversation %s).",
	Interrupted:  "The sending was interrupted.",
	Problems: map[dingtalk.Kind]string{
		dingtalk.Unavailable:       "DingTalk did not answer; please try again later.",
		dingtalk.Cancelled:         "I am restarting; please try again in a moment.",
		dingtalk.BadAnswer:         "DingTalk's answer makes no sense; try again later, and if this goes on an administrator should look at the log.",
		dingtalk.Throttled:         "DingTalk limits how often I may ask; please try again in a moment.",
		dingtalk.QuotaSpent:        "Your organisation's DingTalk API calls of this month are used up; wait for the next month, or an administrator can upgrade in DingTalk's developer console.",
		dingtalk.IPBanned:          "DingTalk refuses this machine's address for now; please try again in five minutes.",
		dingtalk.BadCredentials:    "The app's credentials are wrong; an administrator should check client_id and client_secret.",
		dingtalk.TokenRejected:     "DingTalk does not accept the app's token; an administrator should check client_id and client_secret.",
		dingtalk.PermissionDenied:  "The app lacks a permission; an administrator can grant it in DingTalk's developer console under permissions (sending and read status: qyapi_robot_sendmsg, members: qyapi_chat_manage).",
		dingtalk.AddressNotAllowed: "This machine's address is not on the app's allow list; an administrator can add it in DingTalk's developer console.",
		dingtalk.WrongRobotCode:    "The robot code is wrong; an administrator should check robot_code in the configuration.",
		dingtalk.CoolAppNeeded:     "The group's cool app is not set up; an administrator should check it and cool_app_code in the configuration.",
		dingtalk.GroupDisbanded:    "This group was disbanded.",
		dingtalk.GroupInvalid:      "DingTalk does not know this group; an administrator should look at the log.",
		dingtalk.OtherOrganisation: "This group belongs to another organisation, where I can't help.",
		dingtalk.BotStopped:        "The bot was switched off; an administrator can switch it on in the group's settings or DingTalk's developer console.",
		dingtalk.BotNotInGroup:     "The bot is not in this group; add it and try again.",
		dingtalk.NoMemberList:      "DingTalk has no member list for this kind of group; an administrator can write its members or departments into members.rosters.",
		dingtalk.SendForbidden:     "The bot may not write in this group; its owner should check the group's settings.",
		dingtalk.TooLong:           "The message is too long; please shorten it.",
		dingtalk.TextRefused:       "DingTalk's content check refused it; please change the text or its links.",
		dingtalk.KeyNotQueryable:   "DingTalk has no read data for this message.",
		dingtalk.KeyInvalid:        "DingTalk does not know this message; perhaps I did not post it in this group.",
		dingtalk.WebhookExpired:    "The time to reply was over; please say it again.",
		dingtalk.ForeignHost:       "The reply address is not DingTalk's and was not used; an administrator should look at the log.",
		dingtalk.UserNotFound:      "DingTalk does not know this person.",
		dingtalk.BadRequest:        "DingTalk did not accept the request; an administrator should look at the log.",
		dingtalk.Unknown:           "Something unexpected went wrong; try again later, and if this goes on an administrator should look at the log.",
	},
}
