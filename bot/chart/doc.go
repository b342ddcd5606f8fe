// Package chart draws how the readers of one message grew, as a picture for a phone.
//
// It is a pure function from plain data to a PNG: no clock, no files, no network. The picture holds digits and signs only,
// so that one small font (Liberation Sans, which comes with the chart library) serves every language.
//
// It imports nothing of whoread and knows nothing of DingTalk; the bot fills in [Data] and sends the picture.
package chart
