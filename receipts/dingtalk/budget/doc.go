// Package budget knows what calls of DingTalk's API cost an organisation in a month: how many were made, how many this app may
// make, and whether DingTalk still takes any.
package budget
