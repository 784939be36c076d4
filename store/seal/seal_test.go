package seal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var ctx = context.Background()

// cheap is the lowest cost there is.
var cheap = minCost

func ringOf(t testing.TB, keys KeyService, tenant string, device int64) *Ring {
	t.Helper()
	r, err := NewRing(tenant, device, &Options{Keys: keys})
	require.NoError(t, err)
	return r
}

func keyOf(t testing.TB, b byte) KeyService {
	t.Helper()
	k, err := Key(bytes.Repeat([]byte{b}, KeySize))
	require.NoError(t, err)
	return k
}

// TestPlaces opens a sealed value in every place but its own.
func TestPlaces(t *testing.T) {
	keys := keyOf(t, 1)
	r := ringOf(t, keys, "shop", 3)
	wrapped, err := r.Generate(ctx)
	require.NoError(t, err)
	require.NoError(t, r.Learn(ctx, 1, wrapped))
	require.NoError(t, r.Learn(ctx, 2, wrapped), "the same key under another number")
	p := Place{Table: "t", Name: "alice", ID: 1, Within: "g", Version: 7}
	value := []byte("a value")
	sealed, err := r.Seal(1, &p, value)
	require.NoError(t, err)
	require.Len(t, sealed, len(value)+Overhead)
	got, err := r.Open(1, &p, sealed)
	require.NoError(t, err)
	require.Equal(t, value, got)

	for name, change := range map[string]func(p *Place){
		"table": func(p *Place) { p.Table = "u" }, "name": func(p *Place) { p.Name = "alicf" },
		"id": func(p *Place) { p.ID = 2 }, "within": func(p *Place) { p.Within = "" },
		"version": func(p *Place) { p.Version = 6 }, "borders": func(p *Place) { p.Table, p.Name = "ta", "lice" },
	} {
		q := p
		change(&q)
		_, err := r.Open(1, &q, sealed)
		require.ErrorIs(t, err, ErrDamaged, name)
	}
	_, err = r.Open(2, &p, sealed)
	require.ErrorIs(t, err, ErrDamaged, "another number")
	_, err = r.Open(3, &p, sealed)
	require.ErrorIs(t, err, ErrDamaged, "an unknown number")
	for _, of := range []struct {
		tenant string
		device int64
	}{{"shop", 4}, {"shoq", 3}} {
		other := ringOf(t, keys, of.tenant, of.device)
		err := other.Learn(ctx, 1, wrapped)
		if of.tenant != "shop" {
			require.ErrorIs(t, err, ErrKey, "a data key of another tenant")
			continue
		}
		require.NoError(t, err)
		_, err = other.Open(1, &p, sealed)
		require.ErrorIs(t, err, ErrDamaged, "another device")
	}
	for i := range sealed {
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			_, err := r.Open(1, &p, bad)
			require.ErrorIs(t, err, ErrDamaged)
		}
		_, err := r.Open(1, &p, sealed[:i])
		require.ErrorIs(t, err, ErrDamaged)
	}
}

func TestNilRing(t *testing.T) {
	var r *Ring
	p := &Place{Table: "t"}
	b, err := r.Seal(0, p, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
	b, err = r.Open(0, p, b)
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
	_, err = r.Open(1, p, b)
	require.ErrorIs(t, err, ErrSealed)
	require.NoError(t, r.Met(p))
	require.Zero(t, r.Newest())
}

func TestMet(t *testing.T) {
	r := ringOf(t, keyOf(t, 1), "", 0)
	at := func(name string, version int64) *Place { return &Place{Table: "t", Name: name, Version: version} }
	require.NoError(t, r.Met(at("a", 5)))
	require.NoError(t, r.Met(at("a", 5)))
	require.ErrorIs(t, r.Met(at("a", 4)), ErrRolledBack)
	r.Forget()
	require.NoError(t, r.Met(at("a", 4)))
	require.NoError(t, r.Met(at("a", 5)))
	require.NoError(t, r.Met(at("b", 4)))
	require.NoError(t, r.Met(at("a", 6)))
	for i := range 3 * maxMarks {
		require.NoError(t, r.Met(at(fmt.Sprint(i), 1)))
	}
	require.LessOrEqual(t, len(r.seen.rows), maxMarks, "memory is bounded")
}

func TestPassphrase(t *testing.T) {
	key := bytes.Repeat([]byte{9}, KeySize)
	open := func(phrase string) KeyService {
		s, err := Passphrase([]byte(phrase), &cheap)
		require.NoError(t, err)
		return s
	}
	s := open("correct horse")
	a, err := s.Wrap(ctx, "shop", key)
	require.NoError(t, err)
	b, err := s.Wrap(ctx, "shop", key)
	require.NoError(t, err)
	require.NotEqual(t, a, b)
	require.Equal(t, a[1:1+kdfSize], b[1:1+kdfSize], "keys of a tenant share a derivation")
	for _, s := range []KeyService{s, open("correct horse")} {
		got, err := s.Unwrap(ctx, "shop", a)
		require.NoError(t, err)
		require.Equal(t, key, got)
	}
	_, err = open("correct horsf").Unwrap(ctx, "shop", a)
	require.ErrorIs(t, err, ErrKey)
	_, err = s.Unwrap(ctx, "other shop", a)
	require.ErrorIs(t, err, ErrKey)
	for _, bad := range [][]byte{nil, {formPassphrase}, a[:len(a)-1], append(bytes.Clone(a), 0), append([]byte{formKey}, a[1:]...)} {
		_, err := s.Unwrap(ctx, "shop", bad)
		require.Error(t, err)
	}
	weak := bytes.Clone(a)
	copy(weak[1:], []byte{0, 0, 0, 1, 0, 0, 0, 8, 1})
	_, err = s.Unwrap(ctx, "shop", weak)
	require.ErrorContains(t, err, "argon2id with 1 passes", "a cost that somebody lowered")
	copy(weak[1:], []byte{0, 0, 0, 3, 255, 0, 0, 0, 1})
	_, err = s.Unwrap(ctx, "shop", weak)
	require.ErrorContains(t, err, "KiB", "a cost that would stop the program")
}

func TestBounds(t *testing.T) {
	for _, c := range []Cost{{1, 64 << 10, 4}, {3, 8 << 10, 4}, {3, 64 << 10, 0}, {1 << 20, 64 << 10, 4}} {
		_, err := Passphrase([]byte("long enough"), &c)
		require.Error(t, err)
	}
	_, err := Passphrase([]byte("short"), nil)
	require.Error(t, err)
	for _, cost := range []*Cost{nil, {}} {
		s, err := Passphrase([]byte("long enough"), cost)
		require.NoError(t, err)
		require.Equal(t, defaultCost, s.(passphrase).p.cost)
	}
	_, err = Key(make([]byte, 31))
	require.Error(t, err)
	_, err = NewRing("", 0, nil)
	require.Error(t, err)
}

// A broken service is the caller's; its errors come through.
type broken struct{ err error }

func (b broken) Wrap(context.Context, string, []byte) ([]byte, error) { return nil, b.err }
func (b broken) Unwrap(context.Context, string, []byte) ([]byte, error) {
	return []byte("short"), b.err
}

func TestService(t *testing.T) {
	down := errors.New("the service is down")
	r := ringOf(t, broken{down}, "", 0)
	_, err := r.Generate(ctx)
	require.ErrorIs(t, err, down)
	require.ErrorIs(t, r.Learn(ctx, 1, nil), down)
	require.Error(t, ringOf(t, broken{}, "", 0).Learn(ctx, 1, nil), "a key of the wrong size")
	require.ErrorIs(t, ringOf(t, keyOf(t, 1), "", 0).Learn(ctx, 0, nil), ErrDamaged)
	require.Zero(t, r.Newest())
}

// TestRedacted looks for planted secrets in everything that prints.
func TestRedacted(t *testing.T) {
	const secret = "planted planted planted planted!"
	phrase, err := Passphrase([]byte(secret), &cheap)
	require.NoError(t, err)
	key, err := Key([]byte(secret))
	require.NoError(t, err)
	for _, v := range []any{phrase, key, &Options{Keys: phrase}, Options{Keys: key}, ringOf(t, key, "", 0), struct{ k KeyService }{key}, []KeyService{phrase}} {
		var b strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%q", "%d"} {
			fmt.Fprintf(&b, verb, v)
		}
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		j, _ := json.Marshal(v)
		b.Write(j)
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret)), strings.Trim(fmt.Sprint([]byte(secret)), "[]")} {
			require.NotContains(t, b.String(), form, "%T", v)
		}
	}
}

// FuzzUnwrap gives both services bytes that they have not written.
func FuzzUnwrap(f *testing.F) {
	phrase, err := Passphrase([]byte("correct horse"), &cheap)
	require.NoError(f, err)
	key := keyOf(f, 1)
	for _, s := range []KeyService{phrase, key} {
		b, err := s.Wrap(ctx, "shop", make([]byte, KeySize))
		require.NoError(f, err)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > kdfSize && b[0] == formPassphrase && parseKDF(b[1:]).cost != cheap {
			if parseKDF(b[1:]).cost.check() == nil {
				t.Skip("too slow")
			}
		}
		for _, s := range []KeyService{phrase, key} {
			k, err := s.Unwrap(ctx, "shop", b)
			require.Error(t, err)
			require.Nil(t, k)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	r := ringOf(b, keyOf(b, 1), "shop", 1)
	wrapped, err := r.Generate(ctx)
	require.NoError(b, err)
	require.NoError(b, r.Learn(ctx, 1, wrapped))
	p := &Place{Table: "signet_peer", Name: "9d0652a3-dcc3-4d11-975f-74d61598733f", ID: 1, Version: 7}
	value := make([]byte, 5000)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := r.Seal(1, p, value)
		if err == nil {
			_, err = r.Open(1, p, sealed)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
