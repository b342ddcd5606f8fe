// Package dingtalktest is a DingTalk that runs on this machine, as strict as the public documents say DingTalk is. The
// end-to-end tests and the demo run the bot against it. One loopback listener serves the new API (/v1.0/...), the old API
// (/gettoken, /media/upload, ...), the session webhooks and the Stream gateway, so a client's api_url and oapi_url are both
// [Server.URL].
//
// What lives here, from the inside out:
//
//   - world.go, people.go, conversation.go: people, groups, messages and who has read them. No HTTP.
//   - feed.go, journal.go, limits.go, faults.go: what changed, what a client called, what it may call, and what goes wrong.
//   - checks.go, openapi.go, oapi.go, webhook.go: the endpoints and their checks; api.go is the way every request takes.
//   - frames.go, gateway.go, connection.go: what is pushed over Stream, to whom, and whether it was acknowledged.
//   - server.go, group.go: what a test uses; what people do in the client is a method of [Group].
//
// This package imports nothing from whoread, and only tests and the demo may import it.
//
// # Platform facts
//
// Names, limits and error codes come from DingTalk's documents. Where they are silent this package had to choose; a client
// must not depend on these choices:
//
//   - a call counts against the month when it got past token, throttle and quota, even if the API then refuses it; months are
//     those of UTC+8; a push counts once, however often it is delivered;
//   - members come 1,000 to a page; readers come in the order in which they read; a query without maxResults gets 50;
//   - a recalled message keeps answering who had read it; recalling through the API pushes no robot_msg_recall;
//   - the error of an API for a disbanded group (other than send), and every errcode of the webhooks, of chat/get and of the
//     contact APIs;
//   - the operator of a group event is the person's userId, or the unionId of somebody from outside;
//   - a pushed frame gets a new headers.messageId for each delivery, while msgId and eventId stay.
package dingtalktest
