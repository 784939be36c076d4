package custodian

import (
	"encoding/json"
	"unicode/utf8"
)

// canonicalJSON encodes v in the one form that reports, scenarios and the documents of bundles have
// (docs/custody-bundle.md, JSON): no white space, strings as RFC 8785 writes them, a line feed at
// the end.
func canonicalJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(unescaped(b), '\n'), nil
}

// unescaped writes as they are the characters that encoding/json escapes for the sake of web pages
// and of old JavaScript; b is its output.
func unescaped(b []byte) []byte {
	out := make([]byte, 0, len(b)+1)
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		if b[i+1] == 'u' {
			if r, ok := asItIs[string(b[i+2:i+6])]; ok {
				out = utf8.AppendRune(out, r)
				i += 5
				continue
			}
		}
		out = append(out, b[i], b[i+1])
		i++
	}
	return out
}

var asItIs = map[string]rune{"003c": '<', "003e": '>', "0026": '&', "2028": '\u2028', "2029": '\u2029', "fffd": utf8.RuneError}
