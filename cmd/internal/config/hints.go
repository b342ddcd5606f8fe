package config

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/goccy/go-yaml"
	"golang.org/x/text/width"

	"whoread/receipts"
)

// Hints guess what was meant by a value that is a mistake. Each is a clause that is put
// behind the mistake, or empty.

// normalize undoes what a Chinese keyboard or a word processor does to ASCII.
func normalize(text string) string {
	text = width.Narrow.String(text)
	return strings.TrimSpace(strings.NewReplacer("“", "", "”", "", "‘", "", "’", "", `"`, "", "'", "", "。", ".", "—", "-", "–", "-").Replace(text))
}

func didYouMean(guess string) string { return "did you mean " + guess + "?" }

var (
	withUnit = regexp.MustCompile(`^([0-9]+) *([^0-9 ]+)$`)
	units    = map[string]time.Duration{
		"sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second, "秒": time.Second, "秒钟": time.Second,
		"min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute, "分": time.Minute, "分钟": time.Minute,
		"hr": time.Hour, "hour": time.Hour, "hours": time.Hour, "时": time.Hour, "小时": time.Hour,
		"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour, "天": 24 * time.Hour,
		"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour, "周": 7 * 24 * time.Hour,
	}
)

func durationHint(text string, s setting) string {
	text = strings.ToLower(normalize(text))
	if n, err := strconv.Atoi(text); err == nil {
		var guesses []string
		for _, unit := range []time.Duration{time.Second, time.Minute, time.Hour} {
			if d := time.Duration(n) * unit; n > 0 && s.within(int64(d)) && len(guesses) < 2 {
				guesses = append(guesses, strconv.Itoa(n)+Duration(unit).String()[1:])
			}
		}
		if len(guesses) == 0 {
			return ""
		}
		return "it has no unit: " + didYouMean(strings.Join(guesses, " or "))
	}
	if d, err := time.ParseDuration(strings.ReplaceAll(text, " ", "")); err == nil {
		if s.within(int64(d)) {
			return didYouMean(Duration(d).String())
		}
		return ""
	}
	if parts := withUnit.FindStringSubmatch(text); parts != nil {
		n, err := strconv.Atoi(parts[1])
		if d := time.Duration(n) * units[parts[2]]; err == nil && d > 0 && s.within(int64(d)) {
			return didYouMean(Duration(d).String())
		}
	}
	return ""
}

// parsePercentage reads 80%; an empty text is 0.
func parsePercentage(text string) (int64, bool) {
	if text == "" {
		return 0, true
	}
	digits, found := strings.CutSuffix(text, "%")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && (found || n == 0)
}

func percentageHint(text string, s setting) string {
	text, found := strings.CutSuffix(strings.TrimPrefix(normalize(text), "%"), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return ""
	}
	if !found && value > 0 && value < 1 {
		value *= 100
	}
	if n := int64(value); s.within(n) && float64(n) == value {
		return didYouMean(Percentage(n).String())
	}
	return ""
}

func numberHint(text string, s setting) string {
	text = strings.NewReplacer(",", "", "_", "", " ", "").Replace(normalize(text))
	text = strings.TrimSuffix(text, ".0")
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && s.within(n) {
		return fmt.Sprintf("write it as %d, without quotes or anything else", n)
	}
	return ""
}

func boolHint(text string) string {
	switch strings.ToLower(normalize(text)) {
	case "true", "yes", "on", "y", "1", "是", "开":
		return "write true, without quotes"
	case "false", "no", "off", "n", "0", "否", "关":
		return "write false, without quotes"
	default:
		return ""
	}
}

func choiceHint(text string, choices []string) string {
	if guess := nearest(strings.ToLower(normalize(text)), choices); guess != "" {
		return didYouMean(guess)
	}
	return ""
}

// clockTime is a time of day as people write it.
var clockTime = regexp.MustCompile(`^([0-9]{1,2})(?:[:.点时]([0-9]{2})?分?)? *([ap]m)?$`)

// guessClockTime returns the time of day that may be meant as HH:MM; empty if none.
func guessClockTime(text string) string {
	parts := clockTime.FindStringSubmatch(strings.ToLower(normalize(text)))
	if parts == nil {
		return ""
	}
	hours, _ := strconv.Atoi(parts[1])
	minutes, _ := strconv.Atoi(parts[2]) // none is 0
	switch {
	case parts[3] == "pm" && hours < 12:
		hours += 12
	case parts[3] == "am" && hours == 12:
		hours = 0
	}
	if hours > 23 || minutes > 59 {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", hours, minutes)
}

func quietHoursHint(text string) string {
	first, second, _ := strings.Cut(normalize(text), "-")
	from, to := guessClockTime(first), guessClockTime(second)
	if from == "" || to == "" || from == to {
		return ""
	}
	return didYouMean(strconv.Quote(from + "-" + to))
}

func deadlineHint(text string) string {
	if n, err := strconv.Atoi(text); err == nil {
		if n >= 60 && n < 24*60 { // minutes: what YAML of old makes of 18:00 without quotes
			return didYouMean(fmt.Sprintf(`"%02d:%02d"`, n/60, n%60))
		}
		return durationHint(text, setting{from: 1, to: int64(receipts.AheadMax)})
	}
	if guess := guessClockTime(text); guess != "" {
		return didYouMean(strconv.Quote(guess))
	}
	return durationHint(text, setting{from: 1, to: int64(receipts.AheadMax)})
}

func timeZoneHint(text string) string {
	switch strings.ToLower(normalize(text)) {
	case "beijing", "asia/beijing", "china", "shanghai", "cst", "utc+8", "gmt+8", "+08:00", "北京", "北京时间", "上海":
		return didYouMean("Asia/Shanghai")
	case "local":
		return "it would be another one on each machine: write its name"
	}
	return textHint(text)
}

func addressHint(text string) string {
	if _, _, err := net.SplitHostPort(text); err == nil && normalize(text) == text {
		return "a port is from 1 to 65535"
	}
	if port, err := strconv.ParseUint(strings.TrimPrefix(normalize(text), ":"), 10, 16); err == nil {
		return didYouMean(fmt.Sprintf("127.0.0.1:%d", port))
	}
	return textHint(text)
}

// textHint helps where the characters are of another kind than they seem.
func textHint(text string) string {
	if guess := normalize(text); guess != text {
		return didYouMean(strconv.Quote(guess))
	}
	return ""
}

// foreignQuotes reports whether a text is in quotes that YAML does not take for any.
func foreignQuotes(text string) bool {
	for _, pair := range []string{"“”", "‘’", "「」", "＂＂"} {
		quotes := []rune(pair)
		runes := []rune(text)
		if len(runes) >= 2 && runes[0] == quotes[0] && runes[len(runes)-1] == quotes[1] {
			return true
		}
	}
	return false
}

// nearest finds the word that may have been meant: no more than a third of it is
// different, or one of the two begins the other. Empty if there is none.
func nearest(text string, words []string) string {
	best, least := "", 0
	for _, word := range words {
		d := distance(text, word)
		begins := len(word) > 2 && len(text) > 2 && (strings.HasPrefix(text, word) || strings.HasPrefix(word, text))
		if (begins || d <= len(word)/3) && (best == "" || d < least) {
			best, least = word, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or replaced to make one word of
// the other; two that changed places count as one.
func distance(text, word string) int {
	least := levenshtein.Distance(text, word, nil)
	for i := 1; i < len(text) && len(text) == len(word); i++ {
		swapped := text[:i-1] + text[i:i+1] + text[i-1:i] + text[i+1:]
		least = min(least, 1+levenshtein.Distance(swapped, word, nil))
	}
	return least
}

// otherNames are what DingTalk or other programs call a key.
var otherNames = map[string]string{
	"appkey": "client_id", "appid": "client_id", "appsecret": "client_secret", "secret": "client_secret",
	"clientid": "client_id", "clientsecret": "client_secret", "timezone": "time_zone", "address": "listen", "password": "url",
}

// unknownRemedy says what may have been meant by a key that the section, by the key of
// its setting, does not have; guess is the key of the section, if it is one of its.
func unknownRemedy(key, section string) (remedy, guess string) {
	if remedy := colonRemedy(key); remedy != "" {
		return remedy, ""
	}
	if outer, inner, dotted := strings.Cut(key, "."); dotted && settings[below(section, key)].about != "" {
		return fmt.Sprintf("; write %s: and below it, further in, %s:", outer, inner), ""
	}
	here := keysBelow(section)
	simple := strings.ReplaceAll(strings.ToLower(normalize(key)), "-", "_")
	if other, known := otherNames[strings.ReplaceAll(simple, "_", "")]; known && slices.Contains(here, other) {
		simple = other
	}
	if guess := nearest(simple, here); guess != "" {
		return "; " + didYouMean(guess), guess
	}
	for _, place := range sortedSettings() {
		dot := strings.LastIndexByte(place, '.')
		if place[dot+1:] != simple && place != simple {
			continue
		}
		if dot < 0 {
			return "; " + simple + " is a section of its own, at the beginning of a line", ""
		}
		return "; it belongs into " + strings.ReplaceAll(place[:dot], "*", "<conversation id>"), ""
	}
	return "; what can stand here: " + strings.Join(here, ", "), ""
}

// keysBelow are the keys of a section, in the order of the structs.
func keysBelow(section string) []string {
	t := reflect.TypeFor[Config]()
	for _, part := range strings.Split(section, ".") {
		if part == "" {
			break
		}
		if part == "*" {
			t = t.Elem()
			continue
		}
		for field := range t.Fields() {
			if keyOf(field) == part {
				t = field.Type
				break
			}
		}
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
	}
	var keys []string
	for field := range t.Fields() {
		keys = append(keys, keyOf(field))
	}
	return keys
}

// colonRemedy finds the usual reasons why a key and its value were taken for one text.
func colonRemedy(text string) string {
	switch {
	case strings.Contains(text, "："):
		return "; the colon is a full-width one (：): write an ordinary one and a space (: )"
	case regexp.MustCompile(`^[a-z_]+:\S`).MatchString(text):
		return "; write a space after the colon"
	default:
		return ""
	}
}

// syntaxMistake is the line of what the YAML library can't read, and what to do. The
// library would quote the line: secrets may be in it.
func syntaxMistake(err error, lines []string) (int, string) {
	known, ok := errors.AsType[yaml.Error](err)
	if !ok || known.GetToken() == nil || known.GetToken().Position == nil {
		return 0, "not YAML that can be understood"
	}
	line := known.GetToken().Position.Line
	at := func(line int) string {
		if line < 1 || line > len(lines) {
			return ""
		}
		return lines[line-1]
	}
	indent := func(text string) int { return len(text) - len(strings.TrimLeft(text, " ")) }
	here, message := at(line), known.GetMessage()
	says := func(part string) bool { return strings.Contains(message, part) }
	trimmed := strings.TrimSpace(here)
	switch {
	case says("cannot start any token") && strings.Contains(here, "\t"):
		return line, "is indented with a tab; use spaces"
	case says("quoted text"):
		return line, "a quotation mark is opened and not closed"
	case says("unknown escape"):
		return line, `in "..." a backslash begins an escape; write it twice (\\), or use '...'`
	case says("must be specified"), says("end token"), says("corresponding to"):
		if strings.Contains(here, "${") {
			return line, `a ${NAME} within [ ] or { } must be in quotes: "${NAME}"`
		}
		return line, "a [ or { is not closed, or a comma is missing; inside of them a full-width one (，) is none"
	case says("reserved character"), says("directive value"):
		return line, "a text that begins with @, % or ` must be in quotes"
	case strings.Contains(trimmed, "："):
		return line, "the colon is a full-width one (：); write an ordinary one and a space (: )"
	case says("mapping value is not allowed") && strings.Count(here, ": ") < 2:
		for next := line + 1; next <= len(lines); next++ {
			if strings.TrimSpace(at(next)) == "" || strings.HasPrefix(strings.TrimSpace(at(next)), "#") {
				continue
			}
			if indent(at(next)) > indent(here) {
				return next, "is indented further than the line above, which has a value already; keys of one section stand exactly below each other"
			}
			break
		}
		return line, "a text with a colon and a space in it must be in quotes"
	case says("mapping value is not allowed"):
		return line, "a text with a colon and a space in it must be in quotes"
	case regexp.MustCompile(`^[A-Za-z_]+:\S`).MatchString(trimmed):
		return line, "a space must follow the colon of a key"
	case says("value is not allowed"):
		return line, "is indented differently from the keys beside it; keys of one section stand exactly below each other"
	case says("non-map value"), says("unexpected key name"):
		return line, "is no key with a value (key: value)"
	default:
		return line, "can't be understood as YAML; look at the indentation, the quotes and the brackets here and above"
	}
}
