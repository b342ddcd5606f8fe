package chart

import (
	_ "embed" // the font
	"fmt"
	"image/color"
	"strings"
	"unicode"

	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// wordFont is an OpenType font of Chinese and Latin: see font/README.md.
//
//go:embed font/NotoSansCJKsc-Subset.otf
var wordFont []byte

// words writes what people wrote, and the words of the legend.
type words struct {
	font    *opentype.Font
	handler text.Handler
}

const wordFace plotfont.Typeface = "Noto"

func newWords() (words, error) {
	parsed, err := opentype.Parse(wordFont)
	if err != nil {
		return words{}, fmt.Errorf("parse the font: %w", err)
	}
	cache := plotfont.NewCache(plotfont.Collection{{Font: plotfont.Font{Typeface: wordFace}, Face: parsed}})
	return words{parsed, text.Plain{Fonts: cache}}, nil
}

func (w words) style(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: plotfont.Font{Typeface: wordFace, Size: size}, Handler: w.handler}
}

// box stands for a letter that the font lacks.
const box = '□'

// drawable is a text with a box for each letter that the font lacks; without other characters that it lacks, such as
// faces; and with single spaces.
func (w words) drawable(s string) string {
	var buffer sfnt.Buffer
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		glyph, err := w.font.GlyphIndex(&buffer, r)
		switch {
		case unicode.IsSpace(r) || err == nil && glyph != 0:
			return r
		case unicode.IsLetter(r):
			return box
		}
		return -1
	}, s)), " ")
}

// fitting is the text, or as much of it as has room, with an ellipsis.
func fitting(s string, style text.Style, room vg.Length) string {
	if style.Width(s) <= room {
		return s
	}
	runes := []rune(s)
	for len(runes) > 0 && style.Width(string(runes)+"…") > room {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimSpace(string(runes)) + "…"
}
