package store

import (
	"net/url"
	"strconv"

	"whoread/receipts"
)

// keyspace names every key. Prefix keeps several bots on one Redis apart.
type keyspace struct{ prefix string }

// inboxKeys are the keys of the inbox, in one slot.
type inboxKeys struct{ tag string }

func (k keyspace) inbox() inboxKeys { return inboxKeys{"{" + k.prefix + ":inbox}"} }

// stream is the Stream of what people said and nobody has done yet, with the consumer group
// "workers".
func (k inboxKeys) stream() string { return k.tag + ":stream" }

// due is the Stream of scheduled jobs whose time has come and that nobody has done yet, with
// the consumer group "workers".
func (k inboxKeys) due() string { return k.tag + ":due" }

// parked is the Stream of jobs that were given up on, the newest few.
func (k inboxKeys) parked() string { return k.tag + ":parked" }

// seen is a String that exists while a repetition of the job is recognised.
func (k inboxKeys) seen(id string) string { return k.tag + ":seen:" + id }

// groupKeys are the keys of one group, in one slot.
type groupKeys struct{ tag string }

// schedule is a Sorted Set: the ids of jobs by when they are due, in Unix milliseconds.
func (k inboxKeys) schedule() string { return k.tag + ":schedule" }

// jobs is a Hash: the id of a job in the schedule to the job as JSON.
func (k inboxKeys) jobs() string { return k.tag + ":jobs" }

// groupJobs is the beginning of the keys of the groups' jobs.
func (k inboxKeys) groupJobs() string { return k.tag + ":jobs:" }

// jobsOf is a Set: the ids of the group's jobs in the schedule.
func (k inboxKeys) jobsOf(group string) string { return k.groupJobs() + group }

// ping is a String that is written to see whether Redis takes writes.
func (k inboxKeys) ping() string { return k.tag + ":ping" }

// check is a String of one check's own.
func (k inboxKeys) check(id string) string { return k.tag + ":check:" + id }

// pushed is a Hash: kind of push to when the last one was taken, in Unix milliseconds.
func (k inboxKeys) pushed() string { return k.tag + ":pushed" }

// calls is a Hash: how many counted calls all processes have made in the month, by API.
func (k inboxKeys) calls(month string) string { return k.tag + ":calls:" + month }

// asked is a Hash: what questions have cost in calls in a window of time, by "person/" and a
// userId, and by "group/" and an openConversationId.
func (k inboxKeys) asked(window string) string { return k.tag + ":asked:" + window }

// private is a String: the number and the group of the message that something with that
// processQueryKey, which was written to people in private, is about, with a space between.
func (k keyspace) private(key string) string {
	return "{" + k.prefix + ":private:" + url.QueryEscape(key) + "}"
}

// rate is a String: when the last turn of an app's API that was given to a process is
// over, as redis_rate keeps it. It takes a digest of the app, and expires with that
// turn.
func (k keyspace) rate(app, api string) string {
	return "{" + k.prefix + ":rate:" + url.QueryEscape(app) + "}:" + api
}

// group escapes the openConversationId, which is DingTalk's and could hold a
// brace that ends the hash tag early.
func (k keyspace) group(id string) groupKeys {
	return groupKeys{"{" + k.prefix + ":group:" + url.QueryEscape(id) + "}"}
}

// sequence is a String: the number of the group's last message. It never
// expires, so that a number is never given twice.
func (k groupKeys) sequence() string { return k.tag + ":sequence" }

// messages is the beginning of the keys of the group's messages.
func (k groupKeys) messages() string { return k.tag + ":message:" }

// message is a Hash: the record of one message. Its fields are in messages.go.
func (k groupKeys) message(number int) string { return k.messages() + strconv.Itoa(number) }

// announced is a Sorted Set: the numbers of the last messages, in the order in which they were
// recorded, or their sending began if that was later.
func (k groupKeys) announced() string { return k.tag + ":announced" }

// content is a String: what will be posted, of a message that waits for its time.
func (k groupKeys) content(number int) string { return k.message(number) + ":content" }

// audience is a String: the audience of one message, as JSON.
func (k groupKeys) audience(number int) string { return k.message(number) + ":audience" }

// moves is a Hash: userId of who came into the group or left it before the message was
// posted, or who may have, to "+" or "-" and when, in Unix milliseconds, with a space
// between two moves.
func (k groupKeys) moves(number int) string { return k.message(number) + ":moves" }

// reads is a Hash: userId to a time in Unix milliseconds. With a "=" before it, it
// is when the person read; without, the first query that showed the read.
func (k groupKeys) reads(number int) string { return k.message(number) + ":reads" }

// confirmations is a Hash: userId to when the person confirmed one message, in Unix
// milliseconds.
func (k groupKeys) confirmations(number int) string { return k.message(number) + ":confirmations" }

// command is a String: the number of the message that a command announced.
func (k groupKeys) command(id string) string { return k.tag + ":command:" + id }

// posting is a String that exists once a step that people see has begun, such as a
// command's posting of a file.
func (k groupKeys) posting(step string) string { return k.tag + ":posting:" + step }

// webhook is a Hash: the group's latest session webhook and when it is over.
func (k groupKeys) webhook() string { return k.tag + ":webhook" }

// run is a Hash: what a command or a round of a follow-up has done to remind
// people. Its fields are in the scripts.
func (k groupKeys) run(id string) string { return k.tag + ":run:" + id }

// reminded is a Hash: the last reminder of one message in one way.
func (k groupKeys) reminded(number int, by receipts.Channel) string {
	return k.message(number) + ":reminded:" + string(by)
}

// reminders is a Hash: userId to how often the person was reminded of one message.
func (k groupKeys) reminders(number int) string { return k.message(number) + ":reminders" }

// followUp is a Hash: the follow-up of one message, as JSON with its id and version
// beside it.
func (k groupKeys) followUp(number int) string { return k.message(number) + ":follow_up" }

// Fields that hold JSON, as the scripts name them; endedField begins its field.
const (
	followUpField = "follow_up"
	reminderField = "reminder"
	endedField    = "ended:"
)

// followed is a Set: the numbers of the messages whose follow-up goes on.
func (k groupKeys) followed() string { return k.tag + ":followed" }

// processQueryKey is a String: the number of the message with that key; or, after
// postMark, of the message that the post with that key is about, 0 for none.
func (k groupKeys) processQueryKey(key string) string { return k.tag + ":key:" + key }

// postMark stands before the number in a processQueryKey that is no message's.
const postMark = "about "

// members is a Hash: the userIds of the group's members as last known, with empty
// values.
func (k groupKeys) members() string { return k.tag + ":members" }

// membersAbout is a Hash: the source of the members, how many are from outside,
// and when the list was made.
func (k groupKeys) membersAbout() string { return k.members() + ":about" }

// names is a Hash: userId to name.
func (k groupKeys) names() string { return k.tag + ":names" }

// seen is a Hash: userId to the last sign of the person in the group, "+" (here) or
// "-" (left) and its time in Unix milliseconds.
func (k groupKeys) seen() string { return k.tag + ":seen" }

// readers is a Hash: userId to the number of the last message that the person read, and
// the last time in Unix milliseconds that they were certainly in the group for one, with
// a space between: when they read it exactly, or when it was sent.
func (k groupKeys) readers() string { return k.tag + ":readers" }

// moved is a Hash: userId of who came or left of late to "+" or "-" and when that was
// last, in Unix milliseconds.
func (k groupKeys) moved() string { return k.tag + ":moved" }

// pending is a Hash: what a person is asked and has yet to say yes to, as JSON, and the
// command to which that was given.
func (k groupKeys) pending(userID string) string {
	return k.tag + ":pending:" + url.QueryEscape(userID)
}

// title is a String: what the group is called.
func (k groupKeys) title() string { return k.tag + ":title" }

// language is a String: that of the group's last command which told one.
func (k groupKeys) language() string { return k.tag + ":language" }

// coolApp is a String: the code of the cool app that is installed in the group. It
// does not expire: DingTalk says it once.
func (k groupKeys) coolApp() string { return k.tag + ":cool_app" }

// refusals is a Hash: source of members to why it is not asked, and until when, as
// JSON.
func (k groupKeys) refusals() string { return k.tag + ":refusals" }
