// Package bot is the front door of the chat: frames of DingTalk's Stream come in, their words
// become requests of receipts.Service, and its results become answers in the language of the
// command. It decides nothing about receipts.
//
// What somebody says goes through Accept, which only puts it into the inbox, so that it can be
// acknowledged at once. The inbox hands it to Work, on any replica. What DingTalk tells by
// itself, such as who read a message, goes through Event.
//
// It may be imported by cmd only. It imports receipts and its own leaves, and never store or
// DingTalk's client: it declares the Inbox that it needs.
package bot
