package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/store/seal"
)

var ctx = context.Background()

func key(t testing.TB) seal.KeyService {
	k, err := seal.Key(bytes.Repeat([]byte{1}, seal.KeySize))
	require.NoError(t, err)
	return k
}

// A list is a Source and a Target.
type list []Row

func (l *list) Export(_ context.Context, f func(*Row) error) error {
	for i := range *l {
		if err := f(&(*l)[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *list) Import(_ context.Context, f func(put func(*Row) error) error) error {
	var rows list
	if err := f(func(r *Row) error { rows = append(rows, *r); return nil }); err != nil {
		return err
	}
	*l = rows
	return nil
}

// stream is a backup of three identities of a bit less than two chunks each.
func stream(t testing.TB) []byte {
	var rows list
	for i := range 3 {
		rows = append(rows, Row{Kind: Peer, Peer: signet.Address{Name: "peer", Device: uint32(i)}, Identity: bytes.Repeat([]byte{byte(i + 1)}, 2*chunkSize-100)})
	}
	var b bytes.Buffer
	_, err := Write(ctx, &b, &rows, key(t))
	require.NoError(t, err)
	return b.Bytes()
}

func restored(t testing.TB, r io.Reader) (list, error) {
	var rows list
	_, err := Restore(ctx, r, &rows, key(t))
	return rows, err
}

func TestStream(t *testing.T) {
	b := stream(t)
	for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b)), iotest.DataErrReader(bytes.NewReader(b))} {
		rows, err := restored(t, r)
		require.NoError(t, err)
		require.Len(t, rows, 3)
		for i, r := range rows {
			require.Equal(t, uint32(i), r.Peer.Device)
			require.Equal(t, bytes.Repeat([]byte{byte(i + 1)}, 2*chunkSize-100), r.Identity)
		}
	}
	broken := errors.New("the disk is broken")
	_, err := restored(t, io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
}

// TestDamage: whatever is done to the chunks, nothing is restored.
func TestDamage(t *testing.T) {
	b := stream(t)
	head := len(magic) + 4 + 1 + seal.KeySize + seal.Overhead
	var chunks [][]byte
	for rest := b[head:]; len(rest) > 0; {
		n := min(len(rest), chunkSize+16)
		chunks, rest = append(chunks, rest[:n]), rest[n:]
	}
	require.Len(t, chunks, 6)
	join := func(order ...int) []byte {
		out := bytes.Clone(b[:head])
		for _, i := range order {
			out = append(out, chunks[i]...)
		}
		return out
	}
	require.Equal(t, b, join(0, 1, 2, 3, 4, 5))
	other := stream(t)
	cases := map[string][]byte{
		"swapped": join(1, 0, 2, 3, 4, 5), "missing": join(0, 2, 3, 4, 5), "twice": join(0, 1, 1, 2, 3, 4, 5),
		"no last one": join(0, 1, 2, 3, 4), "last one alone": join(5), "more": join(0, 1, 2, 3, 4, 5, 5), "head alone": join(),
		"another's chunks": append(bytes.Clone(b[:head]), other[head:]...),
		"a later format":   append([]byte("signet backup 2\n"), b[len(magic):]...),
	}
	for n := 0; n < len(b); n += 1 + n/50 {
		cases[fmt.Sprint("cut at ", n)] = b[:n]
		bad := bytes.Clone(b)
		bad[n] ^= 0x10
		cases[fmt.Sprint("altered at ", n)] = bad
	}
	for name, bad := range cases {
		rows, err := restored(t, bytes.NewReader(bad))
		require.Error(t, err, name)
		require.Nil(t, rows, name)
		if strings.HasPrefix(name, "cut") {
			require.ErrorIs(t, err, ErrDamaged, name)
		}
	}
}

// TestOrder: a source whose rows are not in their order is refused, and so is such a stream.
func TestOrder(t *testing.T) {
	rows := list{{Kind: Peer}, {Kind: Value}}
	_, err := Write(ctx, io.Discard, &rows, key(t))
	require.ErrorContains(t, err, "kind 1 after one of kind 6")
	var b bytes.Buffer
	w, err := newWriter(ctx, &b, key(t))
	require.NoError(t, err)
	require.NoError(t, w.row(&rows[0]))
	require.NoError(t, w.row(&rows[1]))
	require.NoError(t, w.close())
	_, err = restored(t, &b)
	require.ErrorIs(t, err, ErrDamaged)
	_, err = Write(ctx, iotestWriter{}, &list{}, key(t))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

type iotestWriter struct{}

func (iotestWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A flood is a Source of many rows and a Target that keeps none.
type flood int

func (n flood) Export(_ context.Context, f func(*Row) error) error {
	r := Row{Kind: Peer, Identity: make([]byte, 1000)}
	for i := range int(n) {
		r.Peer.Device = uint32(i)
		if err := f(&r); err != nil {
			return err
		}
	}
	return nil
}

func (n flood) Import(_ context.Context, f func(put func(*Row) error) error) error {
	return f(func(*Row) error { return nil })
}

// TestMemory streams 64 MB and looks at what the heap grows by.
func TestMemory(t *testing.T) {
	r, w := io.Pipe()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	go func() {
		_, err := Write(ctx, w, flood(64_000), key(t))
		w.CloseWithError(err)
	}()
	sum, err := Restore(ctx, r, flood(0), key(t))
	require.NoError(t, err)
	require.Equal(t, 64_000, sum.Peers)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapSys)-int64(before.HeapSys), int64(32<<20)) // it may shrink, too
}

func TestRedacted(t *testing.T) {
	r := Row{Kind: Value, Value: []byte("planted"), Session: []byte("planted")}
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%q"} {
		fmt.Fprintf(&b, verb+verb, r, &r)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", r)
	_, err := json.Marshal(r)
	require.Error(t, err)
	require.NotContains(t, b.String(), "planted")
	require.NotContains(t, b.String(), fmt.Sprintf("%x", "planted"))
}

// FuzzRow: a row that parses is written as it was read, and none makes the parser reserve more than
// it may.
func FuzzRow(f *testing.F) {
	for _, r := range []Row{
		{Kind: Value, Name: "n", Value: []byte{}}, {Kind: PreKey, ID: 7, Value: []byte("x")}, {Kind: Mark, ID: 1, SignedID: 1 << 31, Value: []byte("b")},
		{Kind: Peer, Peer: signet.Address{Name: "p", Device: 3}, Archive: []byte("a")}, {Kind: SenderKey, Name: "g", Value: []byte("v")}, {Kind: end},
	} {
		f.Add(appendRow(nil, &r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		r, err := parseRow(in)
		if err != nil {
			return
		}
		again, err := parseRow(bytes.NewReader(appendRow(nil, r)))
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

// FuzzStream gives Restore bytes of somebody else.
func FuzzStream(f *testing.F) {
	var b bytes.Buffer
	_, err := Write(ctx, &b, &list{{Kind: Value, Name: "n"}}, key(f))
	require.NoError(f, err)
	f.Add(b.Bytes()[:b.Len()-1])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := restored(t, bytes.NewReader(b))
		require.Error(t, err)
		require.Nil(t, rows)
	})
}
