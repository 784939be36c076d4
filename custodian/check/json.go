package check

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// The JSON of a bundle has one form (docs/custody-bundle.md, JSON): what can be read in two ways is
// refused.

// maxNumber is the first integer that is too large for readers which keep numbers in floating
// point.
const maxNumber = 1 << 53

// strict decodes a document, and refuses it unless writing it again gives the same bytes.
func strict(b []byte, dst any) error {
	if err := scan(b); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if d.Decode(dst) != nil {
		return refuse("not what the format has")
	}
	again, err := json.Marshal(dst)
	if err != nil {
		return refuse("not what the format has")
	}
	if !bytes.Equal(append(unescaped(again), '\n'), b) {
		return refuse("not in canonical form")
	}
	return nil
}

// unescaped writes as they are the characters that encoding/json escapes and RFC 8785 does not.
func unescaped(b []byte) []byte {
	out := make([]byte, 0, len(b)+1)
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && b[i+1] == 'u' {
			if r, ok := plain[string(b[i+2:i+6])]; ok {
				out, i = utf8.AppendRune(out, r), i+5
				continue
			}
		}
		out = append(out, b[i])
		if b[i] == '\\' {
			i++
			out = append(out, b[i])
		}
	}
	return out
}

var plain = map[string]rune{"003c": '<', "003e": '>', "0026": '&', "2028": '\u2028', "2029": '\u2029', "fffd": utf8.RuneError}

// negative are the names whose value may be -1.
var negative = map[string]bool{"number": true, "message": true, "ended": true}

// scan refuses what decoding and encoding again do not show: null, numbers that are no small
// integers, and the character U+0000.
func scan(b []byte) error {
	name := "" // the last string, which is the name of the value that begins now
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			n := stringEnd(b[i:])
			if n < 0 {
				return refuse("not JSON")
			}
			name = string(b[i+1 : i+n-1])
			if bytes.Contains(b[i:i+n], []byte(`\u0000`)) {
				return refuse("a string with U+0000")
			}
			i += n
		case c == 'n':
			return refuse("null")
		case c == '-' || c >= '0' && c <= '9':
			n := 1
			for i+n < len(b) && bytes.IndexByte([]byte("0123456789.eE+-"), b[i+n]) >= 0 {
				n++
			}
			if !isNumber(string(b[i:i+n]), negative[name]) {
				return refuse("a number in another form")
			}
			i += n
		default:
			i++
		}
	}
	return nil
}

// stringEnd is the length of the string that b begins with, quotes included, or -1.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func isNumber(s string, negative bool) bool {
	if s == "-1" {
		return negative
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n < maxNumber && strconv.FormatUint(n, 10) == s
}

// MarshalJSON writes the fields of the event's kind, so that one of another kind is in no canonical
// form.
func (e *event) MarshalJSON() ([]byte, error) {
	switch e.Kind {
	case "bundle":
		return json.Marshal(struct {
			At            int     `json:"at"`
			Kind          string  `json:"kind"`
			Of            string  `json:"of"`
			Identity      string  `json:"identity"`
			SignedPreKey  preKey  `json:"signed_prekey"`
			OneTimePreKey *preKey `json:"one_time_prekey,omitempty"`
			KEMPreKey     *preKey `json:"kem_prekey,omitempty"`
		}{e.At, e.Kind, e.Of, e.Identity, e.SignedPreKey, e.OneTimePreKey, e.KEMPreKey})
	case "message":
		return json.Marshal(struct {
			At          int    `json:"at"`
			Kind        string `json:"kind"`
			Number      int    `json:"number"`
			From        string `json:"from"`
			By          string `json:"by,omitempty"`
			Session     string `json:"session"`
			PreKey      bool   `json:"prekey"`
			Body        string `json:"body"`
			Delivered   bool   `json:"delivered"`
			DeliveredAt int    `json:"delivered_at"`
			Time        uint64 `json:"time,omitempty"`
		}{e.At, e.Kind, e.Number, e.From, e.By, e.Session, e.PreKey, e.Body, e.Delivered, e.DeliveredAt, e.Time})
	case "parcel":
		return json.Marshal(struct {
			At    int    `json:"at"`
			Kind  string `json:"kind"`
			To    string `json:"to"`
			From  string `json:"from"`
			Grant string `json:"grant,omitempty"`
			File  string `json:"file"`
		}{e.At, e.Kind, e.To, e.From, e.Grant, e.File})
	case "probe":
		return json.Marshal(struct {
			At        int        `json:"at"`
			Kind      string     `json:"kind"`
			Number    int        `json:"number"`
			To        string     `json:"to"`
			Message   int        `json:"message"`
			Injection *injection `json:"injection,omitempty"`
			Takes     []way      `json:"takes"`
		}{e.At, e.Kind, e.Number, e.To, e.Message, e.Injection, e.Takes})
	case "statement":
		return json.Marshal(struct {
			At     int    `json:"at"`
			Kind   string `json:"kind"`
			Number int    `json:"number"`
			By     string `json:"by,omitempty"`
			File   string `json:"file"`
			Twin   string `json:"twin,omitempty"`
		}{e.At, e.Kind, e.Number, e.By, e.File, e.Twin})
	case "client":
		return json.Marshal(struct {
			At        int    `json:"at"`
			Kind      string `json:"kind"`
			Time      uint64 `json:"time"`
			Signal    string `json:"signal"`
			Statement *int   `json:"statement,omitempty"`
			Identity  string `json:"identity,omitempty"`
		}{e.At, e.Kind, e.Time, e.Signal, e.Statement, e.Identity})
	}
	return nil, refuse("event %d: unknown kind", e.At)
}

// exhibits are what a message cites for each principal, in the order in which the document has
// them.
type exhibits []exhibit

type exhibit struct{ principal, evidence string }

// UnmarshalJSON reads the object, whose order counts.
func (x *exhibits) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return refuse("not an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var e exhibit
		e.principal, _ = name.(string)
		if err := d.Decode(&e.evidence); err != nil {
			return err
		}
		*x = append(*x, e)
	}
	return nil
}

// MarshalJSON writes the object.
func (x exhibits) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, e := range x {
		if i > 0 {
			b = append(b, ',')
		}
		for j, s := range []string{e.principal, e.evidence} {
			q, err := json.Marshal(s)
			if err != nil {
				return nil, err
			}
			b = append(append(b, q...), []string{":", ""}[j]...)
		}
	}
	return append(b, '}'), nil
}
