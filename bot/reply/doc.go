// Package reply says in Chinese and English what the bot has to say: reports, reminders,
// plans of follow-ups, refusals and failures as text. It is pure: what it shows is passed in,
// and it asks nobody.
package reply
