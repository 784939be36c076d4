package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoBundle: what is no bundle is refused, and nothing panics.
func TestNoBundle(t *testing.T) {
	for _, b := range [][]byte{nil, {0}, make([]byte, 512), make([]byte, 1024), make([]byte, 10240), []byte("custody-bundle-v1")} {
		_, err := Verify(b)
		require.Error(t, err)
	}
}

// pack makes a bundle of documents with a manifest that fits.
func pack(t testing.TB, names []string, data map[string][]byte) []byte {
	a := &archive{data: data}
	b, err := a.pack(names)
	require.NoError(t, err)
	return b
}

func TestManifest(t *testing.T) {
	const empty = `{"format":"custody-bundle-v1","profile":"lab","files":[]}` + "\n"
	for _, c := range []struct{ manifest, want string }{
		{empty, `"report.json": missing`},
		{empty[:len(empty)-1], "canonical"},
		{" " + empty, "canonical"},
		{`{"format":"custody-bundle-v2","profile":"lab","files":[]}` + "\n", "unknown format"},
		{`{"format":"custody-bundle-v1","profile":"secret","files":[]}` + "\n", "unknown format"},
		{`{"format":"custody-bundle-v1","profile":"lab","files":[{"name":"x","size":0,"sha256":""}]}` + "\n", "does not list"},
		{`{}`, "canonical"},
		{`[]`, "not what the format has"},
	} {
		_, err := Verify(pack(t, []string{"manifest.json"}, map[string][]byte{"manifest.json": []byte(c.manifest)}))
		require.ErrorContains(t, err, c.want, c.manifest)
	}
}

// TestClosure: an atom comes with its earliest derivation, thresholds included.
func TestClosure(t *testing.T) {
	c := &clauses{ids: make(map[string]int)}
	c.add("a", "z", "x", "y")
	c.some("b", "w", 2, "x", "y", "z")
	c.add("c", "y", "v")
	for range 2 { // the second is not disturbed by the first
		out := c.close([]fact{{"x", 1}, {"v", 3}, {"y", 9}}, 5)
		for atom, at := range map[string]int{"x": 1, "v": 3, "y": 3, "z": 3, "w": 3} {
			require.Equal(t, at, out.at[c.ids[atom]], atom)
		}
	}
	require.Len(t, c.close([]fact{{"x", 1}, {"v", 3}, {"y", 9}}, 1).at, 2, "more than a certificate has")
}

func TestCertificateText(t *testing.T) {
	good, err := parseCertificate("a @0\nb @12\n")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"a": 0, "b": 12}, good)
	for _, bad := range []string{"b @0\na @0\n", "a @0\na @1\n", "a @0", "a @00\n", "a @-1\n", "a 0\n", "a @+1\n", "\n"} {
		_, err := parseCertificate(bad)
		require.Error(t, err, "%q", bad)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte{})
	f.Add(pack(f, []string{"manifest.json"}, map[string][]byte{"manifest.json": []byte("{}")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Verify(b); err == nil {
			t.Fatal("the fuzzer made a bundle")
		}
	})
}

func FuzzParts(f *testing.F) {
	f.Add([]byte("custody-names-v1\x00"), true)
	f.Add([]byte{0x44, 10, 2, 5, 5, 16, 1, 34, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8}, false)
	f.Fuzz(func(_ *testing.T, b []byte, preKey bool) {
		new(message).parse(b, preKey)
		parsePQ(b)
		parseParcel(b, preKey)
		_, _ = parseCertificate(string(b))
	})
}

// TestFirstByte: the lower half of the version byte says nothing, as to a receiver; the upper one
// is 3 or 4.
func TestFirstByte(t *testing.T) {
	b := append([]byte{0}, 10, 33, 5)
	b = append(append(b, make([]byte, 32)...), 16, 1, 34, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	for first := range 256 {
		b[0] = byte(first)
		require.Equal(t, first>>4 == 3 || first>>4 == 4, new(message).parse(b, false), "%x", first)
	}
}
