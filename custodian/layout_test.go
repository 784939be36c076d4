package custodian

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A layout has the order of names at each place of a document, as far as the document shows it. A
// forger keeps to it: what has the wrong form is refused before anything else.
type layout map[string][]string

// placeOf tells objects apart whose names have another order: by the way to them, and by their
// kind.
func placeOf(at string, names []string, kind any) string {
	if k, ok := kind.(string); ok && slices.Contains(names, "kind") {
		return at + "#" + k
	}
	return at
}

// learn notes the order of names in a document.
func (l layout) learn(t *testing.T, b []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var value func(at string)
	value = func(at string) {
		tok, err := d.Token()
		require.NoError(t, err)
		switch tok {
		case json.Delim('['):
			for d.More() {
				value(at + "[]")
			}
		case json.Delim('{'):
			l.object(t, d, at, value)
			return
		default:
			return
		}
		_, err = d.Token()
		require.NoError(t, err)
	}
	value("")
}

func (l layout) object(t *testing.T, d *json.Decoder, at string, value func(string)) {
	var names []string
	var kind any
	for d.More() {
		tok, err := d.Token()
		require.NoError(t, err)
		name := tok.(string)
		names = append(names, name)
		if name == "kind" {
			kind, err = d.Token()
			require.NoError(t, err)
			continue
		}
		value(at + "." + name)
	}
	_, err := d.Token()
	require.NoError(t, err)
	known, after := l[placeOf(at, names, kind)], 0
	for _, n := range names {
		i := slices.Index(known, n)
		if i < 0 {
			known, i = slices.Insert(known, after, n), after
		}
		after = i + 1
	}
	l[placeOf(at, names, kind)] = known
}

// write encodes a changed document in canonical form.
func (l layout) write(t *testing.T, out *bytes.Buffer, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		known := l[placeOf(at, slices.Collect(maps.Keys(v)), v["kind"])]
		rank := func(n string) int {
			if i := slices.Index(known, n); i >= 0 {
				return i
			}
			return len(known)
		}
		names := slices.Sorted(maps.Keys(v))
		slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
		out.WriteByte('{')
		for i, n := range names {
			if i > 0 {
				out.WriteByte(',')
			}
			l.write(t, out, at, n)
			out.WriteByte(':')
			l.write(t, out, at+"."+n, v[n])
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			l.write(t, out, at+"[]", x)
		}
		out.WriteByte(']')
	default:
		b, err := canonicalJSON(v)
		require.NoError(t, err)
		out.WriteString(strings.TrimSuffix(string(b), "\n"))
	}
}

// fullest has what a document need not show.
var fullest = map[string]string{
	"transcript.json": `{"principals":[{"id":"","role":"","quantum":true,"sees":"","same_as":""}],` +
		`"grants":[{"name":"","to":"","from":"","via":"","count":1,"since":0}],` +
		`"events":[{"at":0,"kind":"message","number":0,"from":"","by":"","session":""},{"at":0,"kind":"statement","number":0,"by":"","file":"","twin":""}]}`,
	"evidence.json": `{"collisions":[],"notices":[{"id":"","principal":"","at":0,"body":""}],"contradictions":[{"id":"","at":0}]}`,
	"report.json":   `{"verdicts":[{"of":0,"healing":{"classical":0,"quantum":0},"metadata":{"contact":true,"timing":true,"messages":0,"bytes":0},"severity":{}}],"notice":{"state":"","by":"","text":{}}}`,
}

// edit changes a JSON file in place, and leaves it in canonical form.
func edit(t *testing.T, files map[string][]byte, name string, change func(map[string]any)) {
	t.Helper()
	l := layout{}
	if full := fullest[name]; full != "" {
		l.learn(t, []byte(full))
	}
	l.learn(t, files[name])
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(files[name]))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	change(v)
	var out bytes.Buffer
	l.write(t, &out, "", v)
	out.WriteByte('\n')
	files[name] = out.Bytes()
}

// TestLayout: what is written again without a change is the same bytes; else the frauds of these
// tests would be refused for their form alone.
func TestLayout(t *testing.T) {
	for _, sc := range []*Scenario{twoPrincipals(1), randomCustody(3).Scenario, randomScenario(5)} {
		good := bundleOf(t, sc, Lab)
		files := filesOf(t, good)
		for _, name := range []string{"transcript.json", "evidence.json", "report.json", "scenario.json"} {
			edit(t, files, name, func(map[string]any) {})
		}
		require.Equal(t, good, repack(t, files, Lab))
	}
}
