// Package chart draws how the readers of one message grew, as a picture for a phone.
//
// It is a pure function from plain data to a PNG: no clock, no files, no network. Its words come from the caller and
// are drawn with a small font of Chinese and Latin (see font/README.md), digits and signs with Liberation Sans, which comes with the chart library.
//
// It imports nothing of whoread and knows nothing of DingTalk; the bot fills in [Data] and sends the picture.
package chart
