package bot

import (
	"whoread/receipts"
	"whoread/receipts/dingtalk"
)

var chinese = words{
	Help: `**我能告诉群里谁还没读消息。** @我 并说：

- **公告 标题**（换行写正文）：由我发出并开始统计
- **谁没读**：还有谁没读
- **谁读了**：已读和未读
- **列表**：最近的公告和进度
- **曲线**：阅读进度的图；**导出**：Excel 名单（管理员）
- **用量**：成员从哪来、用了多少接口额度（管理员）
- **撤回 #编号**：收回一条公告
- **帮助**：这份说明

在命令后写编号（谁没读 #编号），或引用那条消息再说；都不写就是最近一条。English works too: say "help".`,
	Private: "我在群里工作：把我加进群，在群里 @我 说「公告 标题」发公告，说「谁没读」看谁还没读。说「帮助」看全部命令。",

	Outsider:   "只有本组织的成员可以用我。如果你是本组织成员，请管理员检查应用是否已发布、你是否在应用的可见范围内。",
	ForeignGrp: "我没有被允许在这个群里工作，请管理员把本群加到配置 access.groups 里。",
	AdminsOnly: "这个命令只有管理员可以用，请找管理员帮忙。",
	AuthorOnly: "只有这条公告的发布人和管理员可以撤回它。",
	NobodyMay:  "这个命令在配置里没有对任何人开放，请联系管理员。",

	Unknown:      "没听懂。我会「公告」「谁没读」「谁读了」「列表」等，说「帮助」看全部。",
	UnknownNear:  "没听懂。你是想说「%s」吗？说「帮助」看全部命令。",
	Wordless:     "我只看得懂文字。说「帮助」看看能做什么。",
	Spent:        "贵组织本月的钉钉消息推送额度已用完，我看不到你说的内容。请管理员到钉钉开放平台查看用量或升级。",
	NoSuch:       "本群没有 #%d 这条公告，说「列表」看看有哪些。",
	NothingYet:   "本群还没有发过公告。说「公告 标题」发一条，我就开始统计。",
	QuoteNotOurs: "你引用的不是我能统计的公告。请引用公告本身，或写上编号，比如「谁没读 #编号」。",
	WhichRecall:  "要撤回哪一条？请写上编号，比如「撤回 #编号」，或引用那条公告说「撤回」。",

	WhatToAnnounce:   "要发什么？请这样写：「公告 标题」，换行再写正文。",
	TooLong:          "太长了，没有发出：钉钉一条消息最多 %d 字节（大约 5000 个汉字）。请缩短，或拆成几条。",
	Announced:        "已发出 #%d，%d 人应读。说「谁没读」随时查看。",
	AnnouncedBlind:   "已发出 #%d，但不知道群里有谁，只能统计已读的人。%s",
	AnnouncedLearned: "已发出 #%d，目前认得 %d 人，可能不全。说「谁没读」随时查看。",
	NotAnnounced:     "#%d 没有发出。%s",
	Uncertain:        "#%d 是否送达不确定，为免重复不会自动再发。%s群里若看得到它，请引用它说「谁没读」，我就接着统计；若看不到，请再发一次。",
	Unrecorded:       "#%d 已经发出，但没能记下来（存储没有响应）。请不要再发；稍后引用它说「谁没读」，我就接着统计。",
	NoPictures:       "图片没有带上（%d 张），只发了文字。",

	Recalled:    "已撤回 #%d。",
	NotRecalled: "#%d 没有撤回。%s",
	MayBeGone:   "#%d 是否已撤回不确定，请看看它还在不在，还在就再说一次。%s",

	Unrecallable: map[receipts.State]string{
		receipts.Sending:   "它正在发送，请稍后再说一次。",
		receipts.Failed:    "它本来就没有发出，不用撤回。",
		receipts.Uncertain: "它是否送达不确定；群里若看得到它，请引用它说「撤回」。",
		receipts.Recalled:  "它之前已经撤回了。",
		receipts.Disbanded: "它所在的群已解散。",
	},

	NoChart:     "#%d 的曲线图没有发出。%s",
	NotExported: "#%d 没有导出。%s",
	MayBePosted: "#%d 的文件是否发出不确定；群里若没看到，请再说一次。",
	Sheet: sheetWords{
		Message: "公告", Sent: "发出时间", Progress: "进度", Completeness: "完整性", Complete: "完整", AsOf: "查询时间", Source: "成员来源",
		Name: "姓名", UserID: "userId", State: "状态", ReadAt: "阅读时间", ReadBy: "不晚于", Reminders: "提醒次数",
		Read: "已读", Unread: "未读",
	},

	Usage: usageWords{
		Version:   "whoread %s",
		Members:   "%s：目前 %d 人（%s）",
		NoMembers: "不知道本群有谁。%s",
		Refused:   "%s没有给出成员：%s在 %s 之前不再问它。",
		Pushed:    "最近一次推送来的已读是 %s 的。",
		NotPushed: "本群最近的公告没有推送来的已读；提问时去查询，结果一样正确。",
		Calls:     "我本月用了 %d 次计数的接口调用。",
		Sources: map[receipts.Source]string{
			receipts.SceneGroup: "群成员列表",
			receipts.Chat:       "会话成员列表",
			receipts.Roster:     "名册",
		},
	},

	ReadOf:      "已读 %d/%d",
	ReadOfLeast: "已读至少 %d/%d",
	ReadBy:      "已读 %d 人",
	Readers:     "已读 %d 人：%s",
	ReadBefore:  "%s前",
	UnreadNames: "未读 %d 人：%s",
	AllRead:     "%d 人全部已读。",
	KnownRead:   "目前认得的 %d 人都读了，可能还有我不认得的人没读。",
	NobodyRead:  "还没有人读。",
	AndMore:     "等，另有 %d 人未列名",
	Nameless:    "查不到姓名",
	Comma:       "、",
	Queried:     "%s 查询",
	SecondsAgo:  "（%d 秒前）",
	Known:       "截至 %s",
	Joined:      "另有 %d 人后来入群，未计入",
	Left:        "%d 人没读就退了群，未计入",
	Outsiders:   "%d 位外部人员无法统计",
	CountedAt:   "按 %s 的成员计",
	Sources: map[receipts.Source]string{
		receipts.SceneGroup: "成员来自群成员列表",
		receipts.Chat:       "成员来自会话成员列表",
		receipts.Roster:     "成员来自管理员配置的名册",
		receipts.Learned:    "成员是陆续认得的，可能不全",
	},
	LearnedNow: "现在有谁在群里是陆续认得的，可能不全",
	InGroup:    "群「%s」",
	Gaps: map[receipts.Part]string{
		receipts.ReadersPart:  "已读名单没有取全，所以不列未读的人。%s",
		receipts.MembersPart:  "群成员没有取全，可能有人已退群，所以不列未读的人。%s",
		receipts.AudiencePart: "不知道群里有谁，所以不列未读的人。%s",
	},
	Untitled: "（无标题）",

	States: map[receipts.State]string{
		receipts.Sending:   "发送中",
		receipts.Failed:    "没有发出",
		receipts.Uncertain: "是否送达不确定",
		receipts.Recalled:  "已撤回",
		receipts.Disbanded: "群已解散",
		receipts.Expired:   "钉钉已不再提供数据",
	},
	StateExtra: map[receipts.State]string{
		receipts.Sending:   "它正在发送，稍等再问。",
		receipts.Failed:    "它没有发出，所以没有人读过。",
		receipts.Uncertain: "它是否送达不确定，所以无法统计；群里若看得到它，请引用它说「谁没读」。",
		receipts.Recalled:  "它已被撤回，不再统计，以上是撤回前知道的。",
		receipts.Disbanded: "群已解散，不再统计，以上是之前知道的。",
		receipts.Expired:   "钉钉已不再提供这条消息的阅读数据，以上是之前知道的；之后读的人看不到，所以不列未读的人。",
	},
	ListTitle:   "最近 %d 条公告",
	ListNothing: "本群还没有发过公告。说「公告 标题」发一条。",

	StoreDown: "存储（Redis）没有响应，你的命令没有执行，什么也没有发出。请稍后再说一次；若一直这样，请管理员检查。",
	Busy:      "要处理的命令太多，你的命令没有执行。请过几分钟再说一次。",
	GaveUp:    "试了几次都没有做成，已放弃并记入日志。若是公告，请先说「列表」看看是否已发出，再决定要不要重发。",
	SentYou:   "结果已私信发给你。",
	CantReach: "结果没能私信发给你，请先和我单聊一次再试。",

	NotYet:       "消息刚发出，钉钉还没有阅读数据，请过一会儿再问。",
	Delivering:   "钉钉还在投递这条消息，请过一会儿再问。",
	Paging:       "钉钉返回的分页有误，请稍后再问；若一直这样，请管理员看日志。",
	NoMemberList: "钉钉不提供这种群的成员名单，请管理员在配置 members.rosters 里为本群（会话 %s）写上成员或部门。",
	Interrupted:  "发送过程中断了。",
	Problems: map[dingtalk.Kind]string{
		dingtalk.Unavailable:       "钉钉没有响应，请稍后再试。",
		dingtalk.Cancelled:         "我正在重启，请稍后再试。",
		dingtalk.BadAnswer:         "钉钉的回答看不懂，请稍后再试；若一直这样，请管理员看日志。",
		dingtalk.Throttled:         "钉钉限制了调用频率，请过一会儿再试。",
		dingtalk.QuotaSpent:        "贵组织本月的钉钉接口调用额度已用完，请等到下月，或请管理员在钉钉开放平台升级。",
		dingtalk.IPBanned:          "钉钉暂时拒绝本机地址的访问，请五分钟后再试。",
		dingtalk.BadCredentials:    "应用凭证不对，请管理员检查 client_id 和 client_secret。",
		dingtalk.TokenRejected:     "钉钉不认应用的访问凭证，请管理员检查 client_id 和 client_secret。",
		dingtalk.PermissionDenied:  "应用缺少接口权限，请管理员在钉钉开放平台的「权限管理」里开通（发消息与查已读：qyapi_robot_sendmsg，群成员：qyapi_chat_manage）。",
		dingtalk.AddressNotAllowed: "本机的出口地址不在应用的白名单里，请管理员在钉钉开放平台添加。",
		dingtalk.WrongRobotCode:    "机器人编码不对，请管理员检查配置 robot_code。",
		dingtalk.CoolAppNeeded:     "本群的群酷应用没有装好，请管理员检查酷应用和配置 cool_app_code。",
		dingtalk.GroupDisbanded:    "这个群已解散。",
		dingtalk.GroupInvalid:      "钉钉不认得这个群，请管理员看日志。",
		dingtalk.OtherOrganisation: "这个群不属于本组织，我在这里帮不上忙。",
		dingtalk.BotStopped:        "机器人已被停用，请管理员在群设置或钉钉开放平台里启用。",
		dingtalk.BotNotInGroup:     "机器人不在这个群里，请把它加进群再试。",
		dingtalk.NoMemberList:      "钉钉不提供这种群的成员名单，请管理员在配置 members.rosters 里为本群写上成员或部门。",
		dingtalk.SendForbidden:     "机器人在这个群里不能发言，请群主检查群设置。",
		dingtalk.TooLong:           "消息太长，请缩短后再试。",
		dingtalk.TextRefused:       "钉钉的内容检查没有通过，请改一改文字或链接再试。",
		dingtalk.KeyNotQueryable:   "钉钉没有这条消息的阅读数据。",
		dingtalk.KeyInvalid:        "钉钉不认得这条消息，它可能不是在本群由我发的。",
		dingtalk.WebhookExpired:    "回复的有效期已过，请再说一次。",
		dingtalk.ForeignHost:       "回复地址不是钉钉的，没有使用，请管理员看日志。",
		dingtalk.UserNotFound:      "钉钉查不到这个人。",
		dingtalk.BadRequest:        "钉钉不接受这个请求，请管理员看日志。",
		dingtalk.Unknown:           "出了意料之外的错，请稍后再试；若一直这样，请管理员看日志。",
	},
}
