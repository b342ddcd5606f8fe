// Package receipts is the domain of whoread: announcements, who they were for, who has read
// them, and the report that follows from these.
//
// Service has its verbs. Each takes an Actor and a request, whichever door it came through, and
// returns values and errors that can be told apart. Below it, Announcer, Reporter, Reminders,
// FollowUps and Recaller each do one thing; Compute, FollowUp.Before and FollowUp.Round decide,
// and ask nobody.
//
// It is pure. It knows no Redis, no HTTP, no chat language and no clock of its own: what it
// needs from the outside are the Ports, declared here as small interfaces and passed in, as is
// the time. Package store keeps its records, receipts/platform is DingTalk, bot/reply presents;
// none is imported here.
//
// DingTalk's own names are kept where a value is DingTalk's: the openConversationId of a group,
// the processQueryKey of a message.
package receipts
