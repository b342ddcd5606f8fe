// What the page says, in English and in Chinese. {x} is filled in.

const words = {
  notDingTalk: ["This is not DingTalk: a test double on this machine", "这不是钉钉：这台机器上的测试替身"],
  notDingTalkShort: ["Not DingTalk", "不是钉钉"],
  youAre: ["You are", "你是"], choosePerson: ["Choose who you are", "选择你的身份"], nobody: ["nobody yet", "还没有人"],
  admin: ["admin", "管理员"], outside: ["outside", "外部"], bot: ["bot", "机器人"], left: ["left", "已退群"], late: ["joined later", "后来入群"],
  search: ["Search a name", "搜索姓名"], searchGroups: ["Search groups", "搜索群"], more: ["Show more", "显示更多"], nothing: ["Nothing here.", "这里是空的。"],
  newPerson: ["A new person", "新建人员"], name: ["Name", "姓名"], isAdmin: ["Administrator of the organisation", "组织管理员"], isOutside: ["From outside the organisation", "组织外部人员"],
  add: ["Add", "添加"], create: ["Create", "创建"], close: ["Close", "关闭"],
  groups: ["Groups", "群聊"], myGroups: ["Chats", "会话"], otherGroups: ["Groups you are not in", "你不在的群"], newGroup: ["New group", "新建群"],
  noGroups: ["No groups yet. Make one to begin.", "还没有群，先新建一个吧。"], pickGroup: ["Choose a chat", "选择一个会话"],
  title: ["Title", "群名"], kind: ["Kind of group", "群类型"],
  kindScene: ["Made from a template (members can be asked)", "场景群（可查成员）"], kindPlain: ["Internal group (members cannot be asked)", "普通内部群（不可查成员）"],
  kindCoolApp: ["With a group cool app", "安装了酷应用的群"], kindChat: ["Made by this app (chat/get)", "本应用创建的群（chat/get）"],
  showHistory: ["People who join later see earlier messages", "新成员可查看历史消息"],
  names: ["People by name", "指定姓名"], namesHint: ["Separate them with commas. You are always in it.", "用逗号隔开。你自己总在群里。"],
  crowd: ["People who are made up", "自动生成的人"], crowdPeople: ["How many", "人数"], crowdOutside: ["of them from outside", "其中外部人员"],
  crowdRead: ["of them read each message", "其中会读每条消息的"], crowdSeconds: ["within seconds", "在多少秒内"],
  addPeople: ["Add people", "添加人员"], members: ["Members", "群成员"], membersN: ["{n} members", "{n} 人"], remove: ["Remove", "移出"],
  habit: ["{n} people read each message within {s} s", "{n} 人会在 {s} 秒内读每条消息"], stopReading: ["Stop that", "停止"],
  rename: ["Rename", "改名"], join: ["Join the group", "加入群"], leave: ["Leave the group", "退出群"], disband: ["Disband the group", "解散群"],
  reallyLeave: ["Leave this group?", "确定退出该群？"], reallyDisband: ["Disband this group for ever?", "确定永久解散该群？"],
  stopBot: ["Disable the bot", "停用机器人"], startBot: ["Enable the bot", "启用机器人"], removeBot: ["Remove the bot", "移除机器人"], addBot: ["Add the bot", "添加机器人"],
  botStopped: ["The bot is disabled here.", "机器人在本群已停用。"], botGone: ["The bot is not in this group.", "机器人不在本群。"],
  notMember: ["You are not in this group.", "你不在这个群里。"], disbanded: ["This group was disbanded.", "该群已解散。"], disbandedTag: ["disbanded", "已解散"],
  groupSettings: ["Group and members", "群设置与成员"], direct: ["one-to-one", "单聊"],
  earlier: ["Earlier messages", "更早的消息"], unreadAbove: ["{n} unread above", "上面还有 {n} 条未读"], newBelow: ["New messages", "有新消息"],
  noMessages: ["Nothing was said here yet.", "还没有消息。"], messages: ["Messages", "消息"],
  say: ["Message. @{bot} speaks to the bot", "输入消息，@{bot} 与机器人对话"], sayDirect: ["Message to {bot}", "给 {bot} 发消息"], sayHint: ["Enter sends, Shift+Enter starts a line", "Enter 发送，Shift+Enter 换行"],
  send: ["Send", "发送"], quote: ["Quote", "引用"], recall: ["Recall", "撤回"], quoting: ["Replying to {name}", "回复 {name}"], dropQuote: ["Do not quote", "取消引用"],
  mentionBot: ["Mention the bot", "@ 机器人"], sendPicture: ["Send a picture", "发送图片"], picture: ["[Picture]", "[图片]"], file: ["[File]", "[文件]"], audio: ["[Audio]", "[语音]"], video: ["[Video]", "[视频]"], suggestions: ["Whom to mention", "选择要 @ 的人"],
  everyone: ["everyone", "所有人"],
  ownView: ["Only you see it like this.", "只有你看到的是这样。"], everybodysView: ["Everybody else sees this.", "其他人看到的是这样。"], seeEverybodys: ["Everybody's view", "看其他人的"], seeOwn: ["Your own view", "看我的"],
  cards: ["Cards", "卡片"], cardReads: ["Who has read a card can be asked", "可查询卡片的已读"], cardTemplate: ["The public template is there", "公共模板可用"], cardLong: ["Values longer than 1 KB are taken", "接受超过 1 KB 的变量"],
  recalledBy: ["{name} recalled a message", "{name} 撤回了一条消息"], recalledBot: ["A message of {name} was recalled. DingTalk shows no notice of it.", "{name} 的一条消息已撤回（钉钉不显示提示）"], recalledQuote: ["The message was recalled", "消息已撤回"],
  readN: ["Read {read} / {total}", "已读 {read} / {total}"], allRead: ["All {total} read it", "{total} 人全部已读"], senderSees: ["Only the sender sees this in DingTalk", "钉钉里只有发送者能看到"],
  nobodyElse: ["Nobody else was here", "没有其他人"], lateN: ["+{n} who joined later", "另有后来入群 {n} 人"],
  truth: ["Who has read it", "已读详情"], truthNote: ["The truth, as this DingTalk knows it. In the real one only the sender sees it. People from outside count here, but no API tells them.", "这是此测试替身知道的真相；真实钉钉里只有发送者可见。外部人员计入此处，但 API 不会返回他们。"],
  readTab: ["Read {n}", "已读 {n}"], unreadTab: ["Unread {n}", "未读 {n}"], reads: ["Reads it", "让其阅读"], letRead: ["Let people read it", "让更多人阅读"], letN: ["How many", "人数"], letSeconds: ["over seconds", "用时（秒）"], go: ["Go", "开始"],
  tools: ["Tools", "工具"], calls: ["API calls", "API 调用"], faults: ["Faults", "故障"], violations: ["Violations", "违规"], connections: ["Connections", "连接"],
  countedN: ["Counted this month", "本月计次调用"], pushedN: ["Pushes this month", "本月推送"], unlimited: ["unlimited", "不限"], filterAPI: ["Only this API", "只看此 API"], everyAPI: ["Every API", "所有 API"], counted: ["counted", "计次"], free: ["not counted", "不计次"],
  noAnswer: ["no answer", "无应答"], request: ["Request", "请求"], response: ["Response", "应答"], bodiesHidden: ["Its bodies hold credentials or a file, and are not kept.", "内容含凭证或文件，不保留。"], noCalls: ["No calls yet.", "还没有调用。"],
  faultAPI: ["API", "API"], faultTimes: ["Times (0: until switched off)", "次数（0：直到关闭）"], faultSkip: ["Calls that pass first", "先放过几次"], faultStatus: ["HTTP status (0: the usual)", "HTTP 状态（0：默认）"], faultCode: ["Code", "错误码"], faultMessage: ["Message", "错误信息"], faultDelay: ["Delay in seconds", "延迟（秒）"], faultSize: ["Entries a page", "每页条数"],
  parameters: ["Parameters", "参数"], hits: ["{n} left", "还剩 {n} 次"], forever: ["on", "已开启"], clearFaults: ["Switch all off", "全部关闭"], apiFaults: ["When an API is called", "调用 API 时"], pushFaults: ["What is pushed", "推送"], quotas: ["Quotas a month (0: unlimited)", "每月配额（0：不限）"], atOnce: ["At once", "立即"],
  stage0: ["On arrival", "到达时"], stage1: ["At the gate (not counted)", "网关处（不计次）"], stage2: ["In the API (counted)", "API 内（计次）"], stage3: ["While paging", "分页时"], stage4: ["After it was done", "完成之后"],
  slow: ["Wait before doing it", "执行前等待"], dropBefore: ["Close the connection, nothing done", "断开连接，未执行"], ipBanHTML: ["Address banned, HTML", "IP 被封（HTML）"], ipBanJSON: ["Address banned, JSON", "IP 被封（JSON）"],
  throttled: ["Too many a second (app)", "每秒超限（应用）"], throttledPlatform: ["Too many a second (platform)", "每秒超限（平台）"], throttledPerMinute: ["Too many a minute", "每分钟超限"], quotaSpent: ["Month used up", "月配额用尽"], permissionDenied: ["Permission missing", "没有权限"], notInWhiteList: ["Address not allowed", "IP 不在白名单"],
  serverError: ["500 system.error", "500 系统错误"], code: ["An error of your choice", "自定义错误"],
  shortPages: ["Short pages", "每页条数偏少"], emptyPage: ["An empty page in between", "中间空页"], repeatedCursor: ["The same cursor again", "游标重复"], endlessCursor: ["Pages without end", "无尽分页"],
  dropAfter: ["Done, but no answer", "已执行，但无应答"], doneButError: ["Done, but answers an error", "已执行，却报错"], slowAnswer: ["Done, answers late", "已执行，应答慢"], truncatedBody: ["Answer cut off", "应答被截断"], wrongContentType: ["Answer as text/html", "应答类型错误"],
  events: ["Events that are pushed", "推送哪些事件"], permissions: ["Permissions of the app", "应用的权限"], allEvents: ["All events", "所有事件"], duplicate: ["Deliver the next n pushes twice", "接下来 n 次推送重复"], lose: ["Lose the next n pushes", "接下来 n 次推送丢失"], refuseGateway: ["Refuse new Stream connections", "拒绝新的 Stream 连接"], muteWebhooks: ["Mute webhooks past 20 a minute", "Webhook 每分钟超 20 条即禁言"],
  quotaCalls: ["Counted calls", "计次调用"], quotaPushes: ["Pushes", "推送"],
  disconnectAll: ["Tell all to disconnect", "通知全部断开"], dropAll: ["Cut all connections", "直接切断全部"], ping: ["Ping", "Ping"], expireTokens: ["Expire access tokens", "令 token 失效"], expireWebhooks: ["Expire webhooks", "令 webhook 失效"], disconnect: ["Tell to disconnect", "通知断开"], drop: ["Cut", "切断"],
  noViolations: ["None: the client is careful.", "没有：客户端很规范。"], noConnections: ["No Stream connection is open. The bot cannot hear anybody.", "没有 Stream 连接，机器人听不到任何人。"], acks: ["Last acknowledgements", "最近的确认"], attempt: ["delivery {n}", "第 {n} 次投递"], since: ["since {time}", "始于 {time}"],
  live: ["Live", "实时"], lost: ["Connection to the server lost. Trying again…", "与服务器的连接断开，正在重试…"], done: ["Done", "完成"],
  ding: ["DING from {bot}: {text}", "{bot} 的 DING：{text}"], skip: ["Skip to the message box", "跳到输入框"], language: ["中文", "English"],
  mentionedYou: ["[@you]", "[有人@我]"], back: ["Back to the chats", "返回会话列表"], unread: ["{n} unread", "{n} 条未读"], you: ["you", "我"], download: ["Download", "下载"],
  clockOf: ["Clock of this DingTalk", "此钉钉的时钟"], clockHint: ["Its messages, tokens, webhooks and quotas go by this clock. Other programs have clocks of their own.", "它的消息、token、Webhook 和配额都按此时钟计；其他程序有自己的时钟。"],
  clockReal: ["goes with the real time", "与真实时间一致"], clockAhead: ["{d} ahead of the real time", "比真实时间快 {d}"], turnClock: ["Turn the clock forward by {d}", "将时钟拨快 {d}"],
  errUnknownPerson: ["No such person", "没有这个人"], errUnknownMessage: ["No such message", "没有这条消息"], errNotMember: ["You are not in this group", "你不在这个群里"], errNotInAudience: ["They joined after the message was sent", "该消息发出后才入群"], errRecalled: ["The message was recalled", "消息已撤回"], errDisbanded: ["The group was disbanded", "该群已解散"], errNotAnswered: ["The bot did not answer in time", "机器人没有及时应答"], errNoButton: ["There is no such button any more", "没有这个按钮了"], errUnreachable: ["The server does not answer", "服务器没有应答"],
};

let chosen = localStorage.getItem("lang") || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

export function lang() { return chosen; }

export function setLang(l) {
  chosen = l;
  localStorage.setItem("lang", l);
}

/** The words for key, in the language chosen. */
export function t(key, values) {
  const entry = words[key];
  if (!entry) return key;
  return entry[chosen === "zh" ? 1 : 0].replace(/\{(\w+)\}/g, (all, name) => (values && name in values ? String(values[name]) : all));
}

export function has(key) { return key in words; }

export function clockTime(at) {
  return new Intl.DateTimeFormat(chosen, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(at));
}

export function clockSeconds(at) {
  return new Intl.DateTimeFormat(chosen, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(new Date(at));
}

export function day(at) {
  return new Intl.DateTimeFormat(chosen, { month: "long", day: "numeric", weekday: "short" }).format(new Date(at));
}

/** A span of so many seconds, such as "1 day 2 hr". */
export function duration(seconds) {
  const parts = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].map(([unit, size], i, all) => {
    const n = Math.floor((i ? seconds % all[i - 1][1] : seconds) / size);
    return n ? new Intl.NumberFormat(chosen, { style: "unit", unit, unitDisplay: "short" }).format(n) : "";
  });
  return parts.filter(Boolean).join(" ");
}

export function number(n) { return new Intl.NumberFormat(chosen).format(n); }
