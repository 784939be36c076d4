package fingerprint

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/internal/wire"
)

// data is a byte string that the vectors spell in hex.
type data []byte

func (d *data) UnmarshalText(text []byte) (err error) {
	*d, err = hex.AppendDecode(nil, text)
	return err
}

// The vectors of the official client; the README in testdata says how they were made.
type vectors struct {
	Cases []struct {
		Name       string
		Version    Version
		Iterations int
		LocalID    data `json:"local_id"`
		LocalKey   data `json:"local_key"`
		RemoteID   data `json:"remote_id"`
		RemoteKey  data `json:"remote_key"`
		Display    string
		Scannable  data
	}
	Compare []struct {
		Name         string
		Ours, Theirs data
		OK, Result   bool
		Error        struct{ Message string }
	}
	Errors []struct {
		Name  string
		OK    bool
		Error struct{ Message string }
	}
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile("testdata/numeric.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func party(t testing.TB, id, key data) Party {
	t.Helper()
	k, err := signet.ParsePublicKey(key)
	require.NoError(t, err)
	return Party{ID: string(id), Key: k}
}

func TestVectors(t *testing.T) {
	printed := regexp.MustCompile(`^\d{5}( \d{5}){11}$`)
	cases := load(t).Cases
	require.Len(t, cases, 18)
	for _, c := range cases {
		local, remote := party(t, c.LocalID, c.LocalKey), party(t, c.RemoteID, c.RemoteKey)
		code, err := compute(c.Version, c.Iterations, local, remote)
		require.NoError(t, err)
		require.Regexp(t, printed, code.Number(), c.Name)
		require.Equal(t, c.Display, strings.ReplaceAll(code.Number(), " ", ""), c.Name)
		require.Equal(t, []byte(c.Scannable), code.Bytes(), c.Name)
		require.Equal(t, c.Version, code.Version())

		parsed, err := Parse(c.Scannable)
		require.NoError(t, err)
		require.Equal(t, code, parsed, c.Name)

		mirrored, err := compute(c.Version, c.Iterations, remote, local)
		require.NoError(t, err)
		require.Equal(t, code.Number(), mirrored.Number(), c.Name)
		require.NoError(t, code.Matches(mirrored.Bytes()), c.Name)
		require.NoError(t, mirrored.Matches(c.Scannable), c.Name)
		if c.Iterations == Iterations {
			require.Equal(t, code, New(c.Version, local, remote), c.Name)
			require.Equal(t, code.Number(), Number(local, remote), c.Name)
		}
	}
}

func TestCompareVectors(t *testing.T) {
	compare := load(t).Compare
	require.Len(t, compare, 20)
	for _, c := range compare {
		ours, err := Parse(c.Ours)
		if err == nil {
			err = ours.Matches(c.Theirs)
		}
		var mismatch *MismatchError
		switch {
		case c.OK && c.Result:
			require.NoError(t, err, c.Name)
		case c.OK:
			require.ErrorAs(t, err, &mismatch, c.Name)
		default:
			require.Error(t, err, c.Name)
			require.Equal(t, strings.Contains(c.Error.Message, "parsing error"), errors.Is(err, ErrMalformed), c.Name)
			text := strings.TrimPrefix(c.Error.Message, "fingerprint ")
			require.Equal(t, text, strings.TrimPrefix(err.Error(), "fingerprint: "), c.Name)
		}
	}
}

func TestIterationLimits(t *testing.T) {
	limits := map[string]int{
		"iterations-0": 0, "iterations-1": 1, "iterations-2": 2, "iterations-1000000": 1_000_000, "iterations-1000001": 1_000_001,
	}
	for _, c := range load(t).Errors {
		n, ok := limits[c.Name]
		require.True(t, ok, c.Name)
		if testing.Short() && n == maxIterations {
			continue
		}
		_, err := compute(Accounts, n, Party{}, Party{})
		require.Equal(t, c.OK, err == nil, c.Name)
		if err != nil {
			require.Equal(t, strings.ToLower(c.Error.Message), strings.TrimPrefix(err.Error(), "fingerprint: "))
		}
	}
	_, err := compute(Accounts, math.MinInt, Party{}, Party{})
	require.Error(t, err)
}

// Who was attacked: each side of a comparison knows one key of the other and one of its own.
func TestMismatch(t *testing.T) {
	key := func() signet.PublicKey { return signet.GenerateKey().PublicKey() }
	alice, bob, carol := Party{"+1", key()}, Party{"+2", key()}, Party{"+3", key()}
	mallory := key()
	code := func(local, remote Party) Code {
		c, err := compute(Numbers, minIterations, local, remote)
		require.NoError(t, err)
		return c
	}
	ours := code(alice, bob)
	for _, c := range []struct {
		name          string
		theirs        Code
		local, remote bool
	}{
		{"they hold another key of us", code(bob, Party{"+1", mallory}), true, false},
		{"we hold another key of them", code(Party{"+2", mallory}, alice), false, true},
		{"in the middle", code(Party{"+2", mallory}, Party{"+1", mallory}), true, true},
		{"another identifier", code(bob, Party{"+9", alice.Key}), true, false},
		{"our own code", ours, true, true},
		{"their code for a third", code(bob, carol), true, false},
		{"a third's code for us", code(carol, alice), false, true},
	} {
		var mismatch *MismatchError
		require.ErrorAs(t, ours.Matches(c.theirs.Bytes()), &mismatch, c.name)
		require.Equal(t, MismatchError{Local: c.local, Remote: c.remote}, *mismatch, c.name)
		require.NotEmpty(t, mismatch.Error())
		require.Equal(t, c.theirs == ours, c.theirs.Number() == ours.Number(), c.name)
	}
	require.NoError(t, ours.Matches(code(bob, alice).Bytes()))

	other, err := compute(Accounts, minIterations, bob, alice)
	require.NoError(t, err)
	var version *VersionError
	require.ErrorAs(t, ours.Matches(other.Bytes()), &version)
	require.Equal(t, VersionError{Theirs: Accounts, Ours: Numbers}, *version)
}

// The zero Code matches nothing, where for the official client nothing equals nothing.
func TestZeroCode(t *testing.T) {
	var c Code
	require.Empty(t, c.Number())
	var mismatch *MismatchError
	require.ErrorAs(t, c.Matches(c.Bytes()), &mismatch)
	require.Equal(t, MismatchError{Local: true, Remote: true}, *mismatch)
}

func TestNewParty(t *testing.T) {
	k := signet.GenerateKey().PublicKey()
	const uuid = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	raw, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	require.NoError(t, err)
	for name, want := range map[string]string{
		uuid:           string(raw),
		"PNI:" + uuid:  "\x01" + string(raw),
		"+14152222222": "+14152222222",
		"":             "",
	} {
		require.Equal(t, Party{ID: want, Key: k}, NewParty(signet.Address{Name: name, Device: 3}, k))
	}
}

// The order of the halves is that of their digits, and one that begins with zeros keeps them.
func TestNumberOrder(t *testing.T) {
	small := string(make([]byte, 32))
	large := strings.Repeat("\x00\x00\x01\x86\x9f", 7) // 99999 each
	want := strings.Repeat("00000 ", 6) + strings.TrimSpace(strings.Repeat("99999 ", 6))
	require.Equal(t, want, Code{local: small, remote: large}.Number())
	require.Equal(t, want, Code{local: large, remote: small}.Number())
	require.Empty(t, Code{local: small[:29], remote: large}.Number())
	require.NotEmpty(t, Code{local: small[:30], remote: large}.Number())
}

func TestParserLeniency(t *testing.T) {
	content := func(s string) []byte { return wire.AppendBytes(nil, 1, []byte(s)) }
	field := func(n byte, b []byte) []byte { return append([]byte{n<<3 | 2, byte(len(b))}, b...) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	version, local, remote := []byte{8, 2}, field(2, content("ab")), field(3, content("cd"))
	want := Code{version: 2, local: "ab", remote: "cd"}
	for _, c := range []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"as written", join(version, local, remote), true},
		{"other order", join(remote, local, version), true},
		{"last version wins", join([]byte{8, 9}, version, local, remote), true},
		{"last content wins", join(version, field(2, content("xx")), local, remote), true},
		{"merged with an empty one", join(version, local, field(2, nil), remote), true},
		{"content twice", join(version, field(2, join(content("xx"), content("ab"))), remote), true},
		{"unknown fields", join(version, []byte{0x20, 1}, local, []byte{0x2b, 0x08, 1, 0x2c}, remote), true},
		{"unknown inside", join(version, field(2, join([]byte{0x10, 7}, content("ab"))), remote), true},
		{"version cut to 32 bits", join([]byte{8, 0x82, 0x80, 0x80, 0x80, 0x10}, local, remote), true},
		{"version of another type", join([]byte{0x0a, 0}, local, remote), false},
		{"local of another type", join(version, []byte{0x10, 0}, remote), false},
		{"content of another type", join(version, field(2, []byte{8, 0}), remote), false},
		{"an occurrence that does not decode", join(version, field(2, []byte{0xff}), local, remote), false},
		{"truncated", join(version, local, remote[:5]), false},
		{"field 0", join(version, local, remote, []byte{0, 0}), false},
		{"end of no group", join(version, local, remote, []byte{0x24}), false},
	} {
		got, err := Parse(c.in)
		if !c.ok {
			require.ErrorIs(t, err, ErrMalformed, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, want, got, c.name)
	}
}

func FuzzCode(f *testing.F) {
	for _, c := range load(f).Compare {
		f.Add([]byte(c.Ours), []byte(c.Theirs))
	}
	f.Fuzz(func(t *testing.T, ours, theirs []byte) {
		a, b := bytes.Clone(ours), bytes.Clone(theirs)
		code, err := Parse(ours)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		again, err := Parse(code.Bytes())
		require.NoError(t, err)
		require.Equal(t, code, again)
		code.Number()
		if code.Matches(theirs) == nil {
			counterpart, err := Parse(theirs)
			if err == nil { // theirs may lack its version
				require.NoError(t, counterpart.Matches(ours))
				require.Equal(t, code.Number(), counterpart.Number())
			}
		}
		require.Equal(t, a, ours)
		require.Equal(t, b, theirs)
	})
}

func TestAllocations(t *testing.T) {
	p := Party{ID: "+14152222222", Key: signet.GenerateKey().PublicKey()}
	few := testing.AllocsPerRun(3, func() { fingerprint(p, minIterations) })
	many := testing.AllocsPerRun(3, func() { fingerprint(p, Iterations) })
	require.Equal(t, few, many, "none in the loop")
}

func BenchmarkNumber(b *testing.B) {
	p, q := Party{"+1", signet.GenerateKey().PublicKey()}, Party{"+2", signet.GenerateKey().PublicKey()}
	b.ReportAllocs()
	for b.Loop() {
		Number(p, q)
	}
}
