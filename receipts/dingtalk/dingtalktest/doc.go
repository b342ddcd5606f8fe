// Package dingtalktest is a DingTalk that runs on this machine, as strict as the public documents say DingTalk is. The
// end-to-end tests and the demo run the bot against it. One loopback listener serves the new API (/v1.0/...), the old API
// (/gettoken, /media/upload, ...), the session webhooks and the Stream gateway, so a client's api_url and oapi_url are both
// [Server.URL].
//
// What lives here, from the inside out:
//
//   - world.go, people.go, conversation.go: people, groups, messages and who has read them. No HTTP.
//   - clock.go: the time that all of it goes by, and that can be turned forward.
//   - feed.go, journal.go, limits.go, faults.go: what changed, what a client called, what it may call, and what goes wrong.
//   - checks.go, openapi.go, oapi.go, webhook.go: the endpoints and their checks; api.go is the way every request takes.
//   - card.go, press.go: interactive cards, what each person sees of one, and the pressing of their buttons.
//   - shapes.go: the table of what clients and DingTalk really send, each with its source.
//   - frames.go, gateway.go, connection.go: what is pushed over Stream, to whom, and whether it was acknowledged.
//   - permissions.go: what the app may.
//   - server.go, group.go: what a test uses; what people do in the client is a method of [Group].
//   - page.go, control.go, live.go, views.go, crowd.go and the folder page/: a page to chat in, its control API, and people who
//     read by themselves. Nothing else knows of them.
//
// This package imports nothing from whoread, and only tests and the demo may import it.
//
// # Shapes
//
// Clients differ: a mention is taken out of a text or stays in it, a message comes as text, rich text or markdown, a quotation with its
// content or without. [Shapes] is the table of what was seen in the field. Which shape a message has is chosen at random by a seed,
// so that a test cannot pass with the tidy ones alone; [Server.Seed] tells it, [SeedVariable] sets it. [Say].Shape and
// [Say].QuoteShape ask for one by name. Events that nobody asked for come among those that are switched on, and SYSTEM frames at the
// opening of a connection and later.
//
// # The page and its control API
//
// With [Options].Page the listener also serves a page at / that looks like a chat client: one chooses whom to be, reads what one
// opens, talks to the bot, sees who has really read each message, and throws faults. It is plain HTML, CSS and JavaScript modules,
// embedded, in English and Chinese, live by Server-Sent Events.
//
// The page does everything over the control API under /_dingtalktest/api/, which other programs can use too. Questions are GET with
// a query, writes are POST with a JSON object (at most 64 KiB, no unknown fields), Content-Type: application/json and the header
// X-Dingtalktest with any value; answers
// are JSON, errors {"code", "error"} with a status from 400 on. A person is named by unionId, a group by openConversationId, a message
// by msgId.
//
//	GET  about                                   the bot, the time, the APIs, the kinds of faults and events, seed and shapes
//	GET  status                                  time, counts, quotas, connections, faults and switches
//	GET  people ?q &group &members &offset &limit
//	GET  groups ?person                          all groups, and the person's one-to-one chat
//	GET  messages ?group &person &before &limit  those that the person sees
//	GET  truth ?group &message &q &offset &limit who has read it, and who has not
//	GET  calls ?api &limit, violations, acks     the last ones, newest first
//	GET  media ?id                               an uploaded file
//	GET  events ?person                          Server-Sent Events: hello (look at everything anew), update, idle
//	POST people      {name, admin, outside}
//	POST groups      {title, kind, showHistory, people, names, crowd: {people, outside, read, seconds, english}}
//	POST crowd       {group, people, outside, read, seconds, english}: read of them read each message within seconds
//	POST say         {group, person, text, at, quote, picture, shape, quoteShape}; "@" and the bot's name in text speaks to it
//	POST read        {group, person, messages}
//	POST let-read    {group, message, people | number, seconds}
//	POST press       {group, person, message, button, shape}: answered when the person sees what came of it, 504 if nothing did
//	POST recall      {group, person, message}
//	POST members     {group, do: join|leave|remove, person, people}
//	POST group       {group, do: rename|disband|stopBot|startBot|removeBot|addBot|stopReading, person, title}
//	POST faults      {kind, api, times, skip, status, code, message, delay, size}: delay in seconds
//	POST faults/clear {kinds}
//	POST switches    {events, duplicate, lose, refuseGateway, muteWebhooks, callsPerMonth, pushesPerMonth,
//	                  dingQuota: {app, sms, call}, flowControl: {unionId: on}, permissions: {name: granted},
//	                  cardReads, cardValueBytes, templates: {id: missing|unpublished|published}}
//	POST actions     {do: disconnect|drop|silence|ping|expireTokens|expireWebhooks, connections}
//	POST actions     {do: advance, seconds}: turns the clock forward, by 1 s to 31 days
//
// Requests of other sites are refused: the Host must be loopback or the address that is listened on (any address, but no name, for
// who listens on all of them), Origin must be the page's own, Sec-Fetch-Site same-origin or none. There is no login: whoever
// reaches the listener can use it, so it belongs on loopback. The app's secret and tokens are not told.
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
//   - a DING of which too few are left goes to nobody; receivers who are unknown do not count, and are in failedList by the reason
//     miss.staffId, which is the error if nobody is known; an organisation without DINGs lacks the permission for them;
//   - a permission is looked at before the parameters; the departments' is that of the people (qyapi_get_member), that of uploads
//     qyapi_base;
//   - a card for a group that can't have it is made and not delivered (success true, deliverResults[].success false); the order in
//     which the parameters of a card are looked at; what is too long is param.invalid; the outTrackId of whatever was made is taken;
//     cards go to whole groups only (IM_GROUP, no recipients);
//   - the carrierId of a card is its processQueryKey everywhere, also in quotations, unless [Server.CardReads] is off;
//   - what the ack of a press changes by cardData, its presser sees until an update for everybody names the same variable; a variable
//     that the template does not mark private is in userPrivateData an error, as is an ack after 2 s, or one that can't be read;
//   - a press has the userIdType 1, and of somebody from outside an empty userId; pressed twice by a fault, it is the same frame;
//   - the header Date of every answer is the time of the server's clock;
//   - a pushed frame gets a new headers.messageId for each delivery, while msgId and eventId stay.
package dingtalktest
