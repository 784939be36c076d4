package picture

import (
	"strings"
	"unicode"
)

// textWidth is how wide a text is at most, in user units: whichever font there is, its letters are
// hardly wider than those of the widest that browsers fall back to.
func textWidth(s string, size int) int {
	w := 0
	for _, r := range s {
		w += letter(r)
	}
	return (w*size + 99) / 100
}

// letter is the width of a letter in hundredths of the size of the font.
func letter(r rune) int {
	switch {
	case strings.ContainsRune("iljI|!.,:;'’`", r):
		return 42
	case strings.ContainsRune("mwMW@%—…→", r):
		return 105
	case r < 0x80 && (unicode.IsUpper(r) || strings.ContainsRune("&#<>=+~", r)):
		return 86
	case r < 0x300:
		return 68
	case unicode.Is(unicode.Mn, r):
		return 0
	case r < 0x1100:
		return 90
	}
	return 130
}

// fit cuts a text to a width. Line breaks and other controls become spaces.
func fit(s string, size, width int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
	if textWidth(s, size) <= width {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if textWidth(b.String()+string(r)+"…", size) > width {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}
