// Package export writes who has read a message, and who has not, into an Excel workbook.
//
// It is a pure function from plain data to the bytes of an .xlsx: no clock, no network, no language of its own; every word
// in the workbook comes from the caller. What people wrote (names, titles) stays text in it: no value becomes a formula.
//
// It imports nothing of whoread and knows nothing of DingTalk; the bot fills in [Data] and sends the file.
package export
