// Package command turns what somebody says to the bot into a command. It is pure: it asks
// nobody and has no clock.
//
// It understands by slots, in every language alike. normal.go makes a text one line in lower
// case, usual width and simplified characters; tokens.go splits it into words, each of which
// stands for a slot (slots.go), as the tables say, one a language (words_zh.go, words_en.go).
// grammar.go and reading.go tell what a sequence of slots means: a question needs its core
// only, and lets one stretch of unknown words through, as a name, a department or a part of
// a title; what has an effect needs every word explained, so that a question, a negation,
// the past and what is not known take the effect away. announce.go finds announcements,
// doubt.go what an unknown text may have meant, and mentions.go the text beside names. Times
// are understood by its package when.
//
// A text that is not wholly understood never becomes a command that has an effect.
package command
