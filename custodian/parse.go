package custodian

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A ScenarioError says which field of a scenario is wrong, and how.
type ScenarioError struct {
	Field   string // such as script[3].grant.to
	Problem string
}

func (e *ScenarioError) Error() string {
	return "custodian: scenario: " + e.Field + ": " + e.Problem
}

func wrong(field, format string, args ...any) error {
	return &ScenarioError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

const scenarioFormat = "custody-scenario-v1"

// ParseScenario parses and checks a scenario. What could be read in two ways is an error: unknown
// and repeated fields, names in other case, null, numbers that are no integers from 0 to 2^53-1 in
// decimal digits, text that is not UTF-8. Every error is a *ScenarioError. b is not kept.
func ParseScenario(b []byte) (*Scenario, error) {
	if !json.Valid(b) || !utf8.Valid(b) {
		return nil, wrong("document", "not JSON")
	}
	sc := &Scenario{}
	var format string
	err := object("", b, map[string]reader{
		"format":     text(&format),
		"protocol":   integer(&sc.Protocol),
		"seed":       seed(&sc.Seed),
		"initiator":  text(&sc.Initiator),
		"keyless":    text(&sc.Keyless),
		"principals": list(func(f string, b []byte) error { return parsePrincipal(sc, f, b) }),
		"script":     list(func(f string, b []byte) error { return parseStep(sc, f, b) }),
		"oneTimePreKey": func(f string, b []byte) error {
			one := true
			err := boolean(&one)(f, b)
			sc.NoOneTimePreKey = !one
			return err
		},
	}, "format", "protocol", "script")
	if err != nil {
		return nil, err
	}
	if format != scenarioFormat {
		return nil, wrong("format", "%q is not %q", format, scenarioFormat)
	}
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return sc, nil
}

// A reader reads the value of a field.
type reader func(field string, b []byte) error

// object reads a JSON object whose fields are those of readers, exactly as they are spelt.
func object(at string, b []byte, readers map[string]reader, required ...string) error {
	name := func(f string) string { return strings.TrimPrefix(at+"."+f, ".") }
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		if at == "" {
			at = "document"
		}
		return wrong(at, "not an object")
	}
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		f, ok := t.(string)
		if err != nil || !ok {
			return wrong(at, "not an object")
		}
		read := readers[f]
		switch {
		case read == nil:
			return wrong(name(f), "unknown field")
		case seen[f]:
			return wrong(name(f), "given twice")
		}
		seen[f] = true
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return wrong(name(f), "not JSON")
		}
		if err := read(name(f), v); err != nil {
			return err
		}
	}
	for _, f := range required {
		if !seen[f] {
			return wrong(name(f), "missing")
		}
	}
	return nil
}

func list(each reader) reader {
	return func(f string, b []byte) error {
		var items []json.RawMessage
		if err := json.Unmarshal(b, &items); err != nil || items == nil {
			return wrong(f, "not a list")
		}
		for i, item := range items {
			if err := each(fmt.Sprintf("%s[%d]", f, i), item); err != nil {
				return err
			}
		}
		return nil
	}
}

// value reads a scalar. null is not one.
func value[T any](dst *T, what string) reader {
	return func(f string, b []byte) error {
		if string(b) == "null" || json.Unmarshal(b, dst) != nil {
			return wrong(f, "not %s", what)
		}
		return nil
	}
}

// text reads a string that is well formed: half of a surrogate pair is none.
func text(dst *string) reader {
	return func(f string, b []byte) error {
		if err := value(dst, "a string")(f, b); err != nil {
			return err
		}
		if strings.Contains(*dst, "\x00") || strings.ContainsRune(*dst, utf8.RuneError) && halved(b) {
			return wrong(f, "with U+0000, or half of a surrogate pair")
		}
		return nil
	}
}

// halved reports whether a string of JSON is not what its text is written as again.
func halved(b []byte) bool {
	var s string
	_ = json.Unmarshal(b, &s) // it was read before
	return strings.Count(s, "\uFFFD") != strings.Count(string(b), "\uFFFD")+strings.Count(strings.ToLower(string(b)), `\ufffd`)
}

func integer(dst *int) reader {
	return func(f string, b []byte) error {
		var n uint64
		err := seed(&n)(f, b)
		*dst = int(n)
		return err
	}
}

// seed reads an integer in its one form: digits, without a zero before them.
func seed(dst *uint64) reader {
	return func(f string, b []byte) error {
		n, err := strconv.ParseUint(string(b), 10, 64)
		if err != nil || n >= maxNumber || strconv.FormatUint(n, 10) != string(b) {
			return wrong(f, "not an integer from 0 to 2^53-1, in digits")
		}
		*dst = n
		return nil
	}
}

func boolean(dst *bool) reader { return value(dst, "true or false") }
func texts(dst *[]string) reader {
	return list(func(f string, b []byte) error {
		var s string
		err := text(&s)(f, b)
		*dst = append(*dst, s)
		return err
	})
}

func integers(dst *[]int) reader {
	return func(f string, b []byte) error {
		*dst = []int{}
		return list(func(f string, b []byte) error {
			var n int
			err := integer(&n)(f, b)
			*dst = append(*dst, n)
			return err
		})(f, b)
	}
}

func parsePrincipal(sc *Scenario, f string, b []byte) error {
	var p Principal
	err := object(f, b, map[string]reader{
		"id": text(&p.ID), "role": text((*string)(&p.Role)), "quantum": boolean(&p.Quantum),
		"sees": parseSees(&p), "same_as": text(&p.SameAs),
	}, "id", "role")
	sc.Principals = append(sc.Principals, p)
	return err
}

func parseStep(sc *Scenario, f string, b []byte) error {
	var s Step
	var fields []string
	mark := func(name string, read reader) reader {
		return func(f string, b []byte) error {
			fields = append(fields, name)
			return read(f, b)
		}
	}
	send := Send{}
	deliver := func(f string, b []byte) error {
		if string(b) != "true" && string(b) != "false" {
			return integers(&s.Deliver)(f, b)
		}
		send.Hold = string(b) == "false"
		fields = append(fields, "deliver as true or false")
		return nil
	}
	err := object(f, b, map[string]reader{
		"send":    mark("send", text(&send.From)),
		"text":    mark("text", text(&send.Text)),
		"count":   mark("count", integer(&send.Count)),
		"deliver": deliver,
		"drop":    mark("drop", integers(&s.Drop)),
		"grant":   mark("grant", func(f string, b []byte) error { return parseGrant(&s, f, b) }),
		"revoke": mark("revoke", func(f string, b []byte) error {
			return object(f, b, map[string]reader{"name": text(&s.Revoke)}, "name")
		}),
		"rotate":  mark("rotate", text(&s.Rotate)),
		"barrier": mark("barrier", func(f string, b []byte) error { return parseBarrier(&s, f, b) }),
		"block":   mark("block", text(&s.Block)),
		"inject":  mark("inject", func(f string, b []byte) error { return parseInject(&s, f, b) }),
		"notice":  mark("notice", func(f string, b []byte) error { return parseNotice(&s, f, b) }),
	})
	if err != nil {
		return err
	}
	if slices.Contains(fields, "count") && send.Count < 1 {
		return wrong(f+".count", "less than 1")
	}
	if slices.Contains(fields, "send") {
		s.Send = &send
		fields = slices.DeleteFunc(fields, func(n string) bool {
			return n == "text" || n == "count" || n == "deliver as true or false"
		})
	}
	if s.Deliver != nil {
		fields = append(fields, "deliver")
	}
	if len(fields) != 1 {
		return wrong(f, "is not one step but [%s]", strings.Join(fields, ", "))
	}
	if s.Send == nil && (fields[0] == "text" || fields[0] == "count" || fields[0] == "deliver as true or false") {
		return wrong(f+".send", "missing")
	}
	sc.Script = append(sc.Script, s)
	return nil
}

func parseGrant(s *Step, f string, b []byte) error {
	g := &Grant{}
	s.Grant = g
	return object(f, b, map[string]reader{
		"name": text(&g.Name), "to": text(&g.To), "from": text(&g.From), "atoms": texts(&g.Atoms),
		"via": text(&g.Via), "count": integer(&g.Count),
	}, "name", "to", "via")
}

func parseInject(s *Step, f string, b []byte) error {
	in := &Inject{}
	s.Inject = in
	return object(f, b, map[string]reader{
		"by": text(&in.By), "as": text(&in.As), "to": text(&in.To), "text": text(&in.Text),
	}, "by", "as", "to", "text")
}

// parseBarrier accepts true, or the name of the end that raises it.
func parseBarrier(s *Step, f string, b []byte) error {
	s.Barrier = true
	if v := string(b); v != "true" && v != `"customer"` {
		return wrong(f, "neither true nor %q", Customer)
	}
	return nil
}

func parseNotice(s *Step, f string, b []byte) error {
	return object(f, b, map[string]reader{
		"statement": func(f string, b []byte) error { return parseStatement(s, f, b) },
	}, "statement")
}
