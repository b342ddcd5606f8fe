// Package store keeps whoread's records in Redis: every key, every script, the
// inbox of commands and the embedded Redis (miniredis) live here and nowhere
// else.
//
// It fills the interfaces that package receipts declares (Records, MemberRecords,
// NameRecords) and hands out the work of the inbox. It may be imported by cmd
// only; it imports receipts and never bot.
//
// All keys of one group carry the same {hash tag}, as do all keys of the inbox,
// so that each script and each pipeline stays in one slot of a Redis Cluster.
// Every script can be repeated after an answer that was lost: the second call
// gives the result of the first.
package store
