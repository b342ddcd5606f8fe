// Package frame decodes the data of what DingTalk pushes: what somebody said, what
// happened in a group, and which button of a card somebody pressed. It is as lenient as DingTalk's clients are varied: a
// field that is absent or of another type than documented counts as empty, and only
// what is no JSON object at all, or could not be answered, is an error.
//
// It is pure and knows no command. The shapes that it reads are in its tests, each as
// some client sends it.
package frame
