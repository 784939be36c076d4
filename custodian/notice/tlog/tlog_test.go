package tlog

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"signet.example/signet/internal/entropy"
)

var (
	ctx = context.Background()
	day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func seeded(name string) *entropy.Source { return entropy.Seeded(sha256.Sum256([]byte(name))) }

func newLog(t testing.TB, origin string) (*Log, *Key) {
	k, err := GenerateKeyFrom(seeded(origin), origin)
	require.NoError(t, err)
	l, err := New(k)
	require.NoError(t, err)
	return l, k
}

func entry(s string) Entry { return NewEntry(sha256.Sum256([]byte("t"+s)), sha256.Sum256([]byte(s))) }

func fill(l *Log, prefix string, n int) {
	for i := range n {
		l.Append(entry(fmt.Sprint(prefix, i)))
	}
}

func checkpoint(t testing.TB, l *Log, trust *Trust) *Checkpoint {
	signed, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	c, err := trust.Open(signed)
	require.NoError(t, err)
	return c
}

// at is the log as it was when it had n entries.
func at(t testing.TB, l *Log, n int64) *Log {
	old, err := New(l.key, l.entries[:n]...)
	require.NoError(t, err)
	return old
}

func TestProofs(t *testing.T) {
	l, k := newLog(t, "log.example/acme")
	trust, err := NewTrust(k.Verifier(), 0)
	require.NoError(t, err)
	const n = 33
	fill(l, "e", n)
	c := checkpoint(t, l, trust)
	require.EqualValues(t, n, c.Size)
	for i := range int64(n) {
		p, err := l.Inclusion(ctx, i, n)
		require.NoError(t, err)
		e := l.entries[i]
		require.True(t, c.Included(e, i, p))
		require.False(t, c.Included(e, i+1, p))
		e[EntrySize-1] ^= 1
		require.False(t, c.Included(e, i, p))
	}
	for old := int64(1); old <= n; old++ {
		prefix, p, err := l.Consistency(ctx, old, n)
		require.NoError(t, err)
		require.Equal(t, checkpoint(t, at(t, l, old), trust).Root, prefix)
		require.True(t, c.extends(old, prefix, p))
		prefix[0] ^= 1
		require.False(t, c.extends(old, prefix, p))
	}
	for _, bad := range [][2]int64{{0, 5}, {5, 4}, {1, n + 1}, {-1, 2}} {
		_, _, err := l.Consistency(ctx, bad[0], bad[1])
		require.ErrorIs(t, err, errRange, "%v", bad)
	}
	_, err = l.Inclusion(ctx, n, n)
	require.ErrorIs(t, err, errRange)
	_, err = l.Entries(ctx, 3, 3)
	require.ErrorIs(t, err, errRange)
}

func TestViewFollowsALog(t *testing.T) {
	l, k := newLog(t, "log.example/acme")
	trust, err := NewTrust(k.Verifier(), 0)
	require.NoError(t, err)
	var v View
	require.NoError(t, v.Advance(ctx, checkpoint(t, l, trust), l, nil), "an empty log")
	for step := range 20 {
		fill(l, fmt.Sprint(step), step%5)
		from := v.Size()
		var seen []Entry
		require.NoError(t, v.Advance(ctx, checkpoint(t, l, trust), l, func(i int64, e Entry) {
			require.EqualValues(t, from+int64(len(seen)), i)
			seen = append(seen, e)
		}))
		require.Equal(t, len(l.entries)-int(from), len(seen))
		b, err := v.AppendBinary(nil)
		require.NoError(t, err)
		var again View
		if v.size == 0 {
			continue // an empty view keeps no note
		}
		require.NoError(t, again.UnmarshalBinary(b))
		require.Equal(t, v, again)
	}
	old := checkpoint(t, at(t, l, 3), trust)
	require.ErrorIs(t, v.Advance(ctx, old, l, nil), ErrStale)
	require.NoError(t, v.Compare(ctx, old, l))
}

// A liar is a source of which some answers are replaced.
type liar struct {
	Source
	entries     func([]Entry) []Entry
	consistency func(Hash, []Hash) (Hash, []Hash, error)
}

func (s liar) Entries(ctx context.Context, from, to int64) ([]Entry, error) {
	list, err := s.Source.Entries(ctx, from, to)
	if s.entries != nil {
		list = s.entries(list)
	}
	return list, err
}

func (s liar) Consistency(ctx context.Context, old, new int64) (Hash, []Hash, error) {
	h, p, err := s.Source.Consistency(ctx, old, new)
	if s.consistency != nil {
		return s.consistency(h, p)
	}
	return h, p, err
}

func TestViewRefusesLies(t *testing.T) {
	l, k := newLog(t, "log.example/acme")
	trust, err := NewTrust(k.Verifier(), 0)
	require.NoError(t, err)
	fill(l, "a", 5)
	var v View
	require.NoError(t, v.Advance(ctx, checkpoint(t, l, trust), l, nil))
	fill(l, "b", 6)
	c := checkpoint(t, l, trust)
	before := v
	for name, src := range map[string]Source{
		"other entry": liar{Source: l, entries: func(e []Entry) []Entry { e[2][0] ^= 1; return e }},
		"swapped":     liar{Source: l, entries: func(e []Entry) []Entry { e[0], e[1] = e[1], e[0]; return e }},
		"none":        liar{Source: l, entries: func(e []Entry) []Entry { return nil }},
		"too many":    liar{Source: l, entries: func(e []Entry) []Entry { return append(e, e...) }},
		"no proof":    liar{Source: l, consistency: func(h Hash, p []Hash) (Hash, []Hash, error) { return h, nil, nil }},
		"refusal":     liar{Source: l, consistency: func(h Hash, p []Hash) (Hash, []Hash, error) { return h, p, errors.New("no") }},
		"other proof": liar{Source: l, consistency: func(h Hash, p []Hash) (Hash, []Hash, error) { h[3] ^= 4; return h, p, nil }},
	} {
		require.ErrorIs(t, v.Advance(ctx, c, src, nil), ErrUnproved, name)
		require.Equal(t, before, v, name)
	}
	require.NoError(t, v.Advance(ctx, c, l, nil))
}

// Two clients who were shown different histories find out, whoever has seen more, and can show it
// to others.
func TestFork(t *testing.T) {
	for _, c := range []struct{ common, mine, theirs int }{{3, 1, 1}, {4, 2, 5}, {4, 5, 2}, {1, 7, 7}, {0, 3, 2}} {
		l, k := newLog(t, "log.example/acme")
		trust, err := NewTrust(k.Verifier(), 0)
		require.NoError(t, err)
		fill(l, "common", c.common)
		other := at(t, l, int64(c.common))
		fill(l, "mine", c.mine)
		fill(other, "theirs", c.theirs)
		var me, them View
		require.NoError(t, me.Advance(ctx, checkpoint(t, l, trust), l, nil))
		require.NoError(t, them.Advance(ctx, checkpoint(t, other, trust), other, nil))

		mine, theirs := checkpoint(t, l, trust), checkpoint(t, other, trust)
		var fork *ForkError
		found := false
		for _, err := range []error{me.Compare(ctx, theirs, l), them.Compare(ctx, mine, other)} {
			if errors.As(err, &fork) {
				found = true
				require.NoError(t, fork.Fork.Verify(trust))
				b, err := fork.Fork.AppendBinary(nil)
				require.NoError(t, err)
				again, err := ParseFork(b)
				require.NoError(t, err)
				require.NoError(t, again.Verify(trust))

				again.Prefix[1] ^= 1
				require.Error(t, again.Verify(trust))
				again.Old = again.New
				require.Error(t, again.Verify(trust))
				_, stranger := newLog(t, "log.example/other")
				other, err := NewTrust(stranger.Verifier(), 0)
				require.NoError(t, err)
				require.ErrorIs(t, fork.Fork.Verify(other), ErrCheckpoint)
			} else {
				require.ErrorIs(t, err, ErrUnproved)
			}
		}
		require.True(t, found, "%v", c)
	}
}

// An honest log cannot be accused.
func TestNoFork(t *testing.T) {
	l, k := newLog(t, "log.example/acme")
	trust, err := NewTrust(k.Verifier(), 0)
	require.NoError(t, err)
	fill(l, "e", 9)
	old, new := checkpoint(t, at(t, l, 4), trust), checkpoint(t, l, trust)
	prefix, proof, err := l.Consistency(ctx, 4, 9)
	require.NoError(t, err)
	wrong := prefix
	wrong[0] ^= 1
	for name, f := range map[string]*Fork{
		"true prefix":  {Old: old.note, New: new.note, Prefix: prefix, Proof: proof},
		"wrong prefix": {Old: old.note, New: new.note, Prefix: wrong, Proof: proof},
		"no proof":     {Old: old.note, New: new.note, Prefix: wrong},
		"backwards":    {Old: new.note, New: old.note, Prefix: old.Root},
		"twice":        {Old: new.note, New: new.note, Prefix: new.Root},
		"unsigned":     {Old: []byte(old.format()), New: new.note},
	} {
		require.Error(t, f.Verify(trust), name)
	}
}

func TestWitnesses(t *testing.T) {
	l, k := newLog(t, "log.example/acme")
	var keys []*Key
	var names []string
	for i := range 3 {
		w, err := GenerateWitnessKeyFrom(seeded(fmt.Sprint("w", i)), fmt.Sprint("witness.example/", i))
		require.NoError(t, err)
		keys, names = append(keys, w), append(names, w.Verifier())
	}
	trust, err := NewTrust(k.Verifier(), 2, names...)
	require.NoError(t, err)
	fill(l, "e", 4)
	signed, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	bare := signed
	_, err = trust.Open(signed)
	require.ErrorIs(t, err, ErrWitnesses)

	var honest []*Witness
	for i, key := range keys {
		w, err := NewWitness(key, trust, nil)
		require.NoError(t, err)
		honest = append(honest, w)
		cosigned, err := w.Cosign(ctx, bare, l, day.Add(time.Duration(i)*time.Hour))
		require.NoError(t, err)
		if i == 0 {
			_, err = trust.Open(cosigned)
			require.ErrorIs(t, err, ErrWitnesses, "one is not two")
		}
		// a witness keeps no signature but the log's: whoever asks puts them together
		signed = append(signed, cosigned[len(bare):]...)
	}
	c, err := trust.Open(signed)
	require.NoError(t, err)
	require.Equal(t, day.Add(time.Hour), c.Time, "two of three say so at this time or later")

	// Once it has cosigned, a witness does not cosign another history.
	fork := at(t, l, 2)
	fill(fork, "fork", 5)
	forked, err := fork.Checkpoint(ctx)
	require.NoError(t, err)
	var e *ForkError
	_, err = honest[0].Cosign(ctx, forked, fork, day)
	require.ErrorAs(t, err, &e)
	require.NoError(t, e.Fork.Verify(trust))

	// A cosignature does not fit another time or checkpoint.
	_, err = trust.Open([]byte(strings.Replace(string(signed), "\n4\n", "\n5\n", 1)))
	require.ErrorIs(t, err, ErrCheckpoint)
	_, err = NewWitness(k, trust, nil)
	require.Error(t, err)
	_, err = New(keys[0])
	require.Error(t, err)
	_, err = NewTrust(k.Verifier(), 4, names...)
	require.Error(t, err)
	_, err = NewTrust(k.Verifier(), 2, names[0], names[0])
	require.Error(t, err, "one witness does not count twice")
	_, err = NewTrust(names[0], 0)
	require.Error(t, err)
}

// Keys of the log have the form that the notes of the Go project have.
func TestVerifierForm(t *testing.T) {
	_, k := newLog(t, "log.example/acme")
	want, err := note.NewEd25519VerifierKey("log.example/acme", (*k.p).key.Public().(ed25519.PublicKey))
	require.NoError(t, err)
	require.Equal(t, want, k.Verifier())
	again, err := LoadKey(k.Store())
	require.NoError(t, err)
	require.Equal(t, k.Verifier(), again.Verifier())
	for _, bad := range []string{"", "a", "a+0+b", k.Verifier() + "=", strings.Replace(k.Verifier(), "acme", "acne", 1)} {
		_, err := NewTrust(bad, 0)
		require.ErrorIs(t, err, errVerifier, bad)
	}
	for _, bad := range []string{"", "a b", "a+b", "a\nb", "é"} {
		_, err := GenerateKey(bad)
		require.ErrorIs(t, err, errName)
	}
	_, err = LoadKey(nil)
	require.Error(t, err)
}

func TestCheckpointForm(t *testing.T) {
	l, k := newLog(t, "log.example/acme")
	trust, err := NewTrust(k.Verifier(), 0)
	require.NoError(t, err)
	fill(l, "e", 2)
	c := checkpoint(t, l, trust)
	sign := func(text string) []byte {
		b, err := note.Sign(&note.Note{Text: text}, noteSigner{*k.p, day})
		require.NoError(t, err)
		return b
	}
	_, err = trust.Open(sign(c.format()))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"origin":      strings.Replace(c.format(), "acme", "other", 1),
		"size":        strings.Replace(c.format(), "\n2\n", "\n02\n", 1),
		"negative":    strings.Replace(c.format(), "\n2\n", "\n-2\n", 1),
		"extension":   c.format() + "more\n",
		"short":       "log.example/acme\n2\n",
		"hash":        "log.example/acme\n2\nAAAA\n",
		"empty tree":  "log.example/acme\n0\n" + c.Root.String() + "\n",
		"not a count": "log.example/acme\ntwo\n" + c.Root.String() + "\n",
	} {
		_, err := trust.Open(sign(text))
		require.ErrorIs(t, err, ErrCheckpoint, name)
	}
	for name, b := range map[string][]byte{"nothing": nil, "no note": []byte("x"), "long": make([]byte, maxNote+1)} {
		_, err := trust.Open(b)
		require.ErrorIs(t, err, ErrCheckpoint, name)
	}
}

func TestRedaction(t *testing.T) {
	_, k := newLog(t, "log.example/acme")
	seed := (*k.p).key.Seed()
	for _, v := range []any{k, *k, struct{ K *Key }{k}, struct{ k Key }{*k}, []*Key{k}} {
		for _, f := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
			out := fmt.Sprintf(f, v)
			require.NotContains(t, out, fmt.Sprintf("%x", seed[4:12]), f)
			require.NotContains(t, out, strings.Trim(fmt.Sprint(seed[4:12]), "[]"), f)
			require.NotContains(t, out, string(seed[4:12]), f)
		}
	}
	require.Equal(t, slog.StringValue(redacted), k.LogValue())
	_, err := json.Marshal(k)
	require.Error(t, err)
}

func FuzzOpen(f *testing.F) {
	l, k := newLog(f, "log.example/acme")
	trust, err := NewTrust(k.Verifier(), 0)
	require.NoError(f, err)
	fill(l, "e", 3)
	good, err := l.Checkpoint(ctx)
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte("log.example/acme\n3\nAAAA\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := trust.Open(b); err == nil && c.Root != checkpoint(t, l, trust).Root {
			t.Fatal("a checkpoint that was never signed")
		}
		if c, err := parseCheckpoint(string(b)); err == nil {
			require.Equal(t, string(b), c.format())
		}
	})
}

func FuzzViewAndFork(f *testing.F) {
	l, k := newLog(f, "log.example/acme")
	trust, err := NewTrust(k.Verifier(), 0)
	require.NoError(f, err)
	fill(l, "e", 5)
	var v View
	require.NoError(f, v.Advance(ctx, checkpoint(f, l, trust), l, nil))
	b, err := v.AppendBinary(nil)
	require.NoError(f, err)
	f.Add(b)
	fork := &Fork{Old: []byte("a"), New: []byte("b"), Proof: []Hash{{1}}}
	b, err = fork.AppendBinary(nil)
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var v View
		if v.UnmarshalBinary(b) == nil {
			again, err := v.AppendBinary(nil)
			require.NoError(t, err)
			require.Equal(t, b, again)
		}
		if f, err := ParseFork(b); err == nil {
			again, err := f.AppendBinary(nil)
			require.NoError(t, err)
			require.Equal(t, b, again)
			require.Error(t, f.Verify(trust), "an honest log")
		}
		LoadKey(b)
		parseVerifier(string(b))
	})
}
