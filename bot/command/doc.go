// Package command turns what somebody says to the bot into a command. It is pure: it asks
// nobody and has no clock. It knows the words for the commands in both languages and where
// mentions, emoji and faces may stand; times are understood by its package when.
//
// A text that is not wholly understood never becomes a command that has an effect.
package command
