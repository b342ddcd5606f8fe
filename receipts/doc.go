// Package receipts is the domain of whoread: announcements, who they were for,
// who has read them, and the report that follows from these.
//
// It is pure. It knows no Redis, no HTTP, no chat language and no clock of its
// own: what it needs from the outside is declared here as small interfaces and
// passed in, as is the time. Package store keeps its records, package bot
// speaks to people about them; neither is imported here. The client of
// DingTalk's API below this folder (receipts/dingtalk) is a leaf that package
// bot fits to the interfaces of this one.
//
// DingTalk's own names are kept where a value is DingTalk's: the
// openConversationId of a group, the processQueryKey of a message.
package receipts
