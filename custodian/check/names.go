package check

import (
	"slices"
	"strings"
)

// isName reports whether s can be the id of a principal or the name of a grant: a letter and up to
// 63 letters, digits, _ and -.
func isName(s string) bool {
	for i := range len(s) {
		letter := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		if !letter && (i == 0 || (s[i] < '0' || s[i] > '9') && s[i] != '_' && s[i] != '-') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}

// areNames refuses names that are malformed, that of an end, or alike when case is ignored.
func areNames(list []string) bool {
	taken := slices.Clone(ends[:])
	seen := make(map[string]bool)
	for _, s := range append(taken, list...) {
		lower := strings.ToLower(s)
		if !isName(s) || seen[lower] {
			return false
		}
		seen[lower] = true
	}
	return true
}

// nobodies are words for no principal.
var nobodies = []string{"nobody", "noone", "no-one", "no_one", "none", "personne", "aucun", "aucune"}

// isNobody reports whether an id is such a word, or one with more that does not begin with a
// letter.
func isNobody(id string) bool {
	return slices.ContainsFunc(nobodies, func(word string) bool {
		rest, ok := strings.CutPrefix(strings.ToLower(id), word)
		return ok && (rest == "" || rest[0] < 'a' || 'z' < rest[0])
	})
}

// isID reports whether s can be the id of a piece of evidence: a small letter, - and four digits or
// more.
func isID(s string) bool {
	if len(s) < 6 || s[0] < 'a' || s[0] > 'z' || s[1] != '-' {
		return false
	}
	for _, c := range s[2:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
