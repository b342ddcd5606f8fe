// Package bot is the conversation: frames of DingTalk's Stream come in, are
// understood as commands, checked against who may, carried out through package
// receipts, and answered in the language of the command.
//
// What somebody says goes through Accept, which only puts it into the inbox, so
// that it can be acknowledged at once. The inbox hands it to Work, on any replica.
// What DingTalk tells by itself, such as who read a message, goes through Event.
//
// It may be imported by cmd only. It imports receipts and the client
// receipts/dingtalk, and never store: it declares the Inbox that it needs. The
// connections themselves are in bot/stream; bot/chart draws and bot/export writes
// the files that it posts.
package bot
