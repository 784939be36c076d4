package incmac

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

type vectors struct {
	Key        hexBytes
	ChunkSizes []struct {
		DataSize  uint64 `json:"data_size"`
		ChunkSize int    `json:"chunk_size"`
	} `json:"chunk_sizes"`
	Digests []struct {
		DataLength int `json:"data_length"`
		ChunkSize  int `json:"chunk_size"`
		Digest     hexBytes
		Cuts       []int
	}
	Validate []struct {
		Name        string
		DataLength  int `json:"data_length"`
		ChunkSize   int `json:"chunk_size"`
		Digest      hexBytes
		OK          bool
		OutputBytes int `json:"output_bytes"`
	}
	Raw [][2]any `json:"raw_return_values"`
}

func load(t testing.TB) (v vectors) {
	b, err := os.ReadFile("testdata/incmac-hmacsha256.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &v))
	return v
}

// data is what the vectors were computed of.
func data(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func digest(t testing.TB, key []byte, chunk int, b []byte) []byte {
	d, err := NewDigester(key, chunk)
	require.NoError(t, err)
	d.Write(b)
	return d.Digest()
}

func TestChunkSize(t *testing.T) {
	v := load(t)
	require.Len(t, v.ChunkSizes, 18)
	for _, c := range v.ChunkSizes {
		require.Equal(t, c.ChunkSize, ChunkSize(c.DataSize), "%d bytes", c.DataSize)
	}
	require.Equal(t, 2<<20, ChunkSize(1<<63))
	require.Equal(t, 2<<20, ChunkSize(1<<64-1))
}

func TestDigest(t *testing.T) {
	v := load(t)
	require.Len(t, v.Digests, 14)
	for _, c := range v.Digests {
		all := data(c.DataLength)
		for _, cut := range append(c.Cuts, 1, 7, 32, 1000) {
			d, err := NewDigester(v.Key, c.ChunkSize)
			require.NoError(t, err)
			for b := all; len(b) > 0; b = b[min(cut, len(b)):] {
				n, err := d.Write(b[:min(cut, len(b))])
				require.NoError(t, err)
				require.Equal(t, min(cut, len(b)), n)
				d.Digest() // changes nothing
			}
			require.Equal(t, []byte(c.Digest), d.Digest(), "%d bytes, chunks of %d, cut at %d", c.DataLength, c.ChunkSize, cut)
		}
	}
}

// TestValidate has the official verdicts, and the number of bytes that the official client passed
// on before each.
func TestValidate(t *testing.T) {
	v := load(t)
	require.Len(t, v.Validate, 14)
	for _, c := range v.Validate {
		in := data(c.DataLength)
		r, err := NewReader(bytes.NewReader(in), v.Key, c.ChunkSize, c.Digest)
		_, err2 := NewWriter(io.Discard, v.Key, c.ChunkSize, c.Digest)
		if c.ChunkSize == 0 || len(c.Digest)%Size != 0 {
			require.Error(t, err, c.Name)
			require.Error(t, err2, c.Name)
			continue
		}
		require.NoError(t, err, c.Name)
		out, err := io.ReadAll(r)
		verdict(t, c.Name, c.OK, c.OutputBytes, in, out, err)
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with error": iotest.DataErrReader,
		} {
			r, err := NewReader(wrap(bytes.NewReader(in)), v.Key, c.ChunkSize, c.Digest)
			require.NoError(t, err)
			out, err := io.ReadAll(iotest.OneByteReader(r))
			verdict(t, c.Name+" "+name, c.OK, c.OutputBytes, in, out, err)
		}
		for _, cut := range []int{1, 5, 32, 64, 1000} {
			out, err := write(t, v.Key, c.ChunkSize, c.Digest, in, cut)
			verdict(t, c.Name+" written", c.OK, c.OutputBytes, in, out, err)
		}
	}
}

func verdict(t *testing.T, name string, ok bool, n int, in, out []byte, err error) {
	t.Helper()
	if ok {
		require.NoError(t, err, name)
	} else {
		require.ErrorIs(t, err, ErrCorrupted, name)
	}
	require.Equal(t, in[:n], append([]byte{}, out...), name)
}

func write(t testing.TB, key []byte, chunk int, digest, in []byte, cut int) ([]byte, error) {
	var out bytes.Buffer
	w, err := NewWriter(&out, key, chunk, digest)
	require.NoError(t, err)
	for b := in; len(b) > 0; b = b[min(cut, len(b)):] {
		if _, err := w.Write(b[:min(cut, len(b))]); err != nil {
			require.Equal(t, err, w.Close())
			return out.Bytes(), err
		}
	}
	err = w.Close()
	require.Equal(t, err, w.Close(), "closing again changes nothing")
	_, again := w.Write([]byte{1})
	require.Error(t, again)
	return out.Bytes(), err
}

// A Writer passes on at each call what the official validator reports as newly validated.
func TestNewlyValidated(t *testing.T) {
	v := load(t)
	in := data(100)
	var out bytes.Buffer
	w, err := NewWriter(&out, v.Key, 32, digest(t, v.Key, 32, in))
	require.NoError(t, err)
	at := []int{0, 16, 80, 100}
	for i, c := range v.Raw {
		out.Reset()
		if i+1 < len(at) {
			_, err = w.Write(in[at[i]:at[i+1]])
		} else {
			err = w.Close()
		}
		require.NoError(t, err)
		require.EqualValues(t, c[1], out.Len(), c[0])
	}
}

// Every flipped bit of stream and digest is noticed, and nothing of its chunk is passed on.
func TestTampering(t *testing.T) {
	const chunk = 16
	key := []byte("key")
	in := data(3*chunk + 5)
	sums := digest(t, key, chunk, in)
	for i := range 8 * len(in) {
		bad := bytes.Clone(in)
		bad[i/8] ^= 1 << (i % 8)
		r, err := NewReader(bytes.NewReader(bad), key, chunk, sums)
		require.NoError(t, err)
		out, err := io.ReadAll(r)
		require.ErrorIs(t, err, ErrCorrupted)
		require.Equal(t, in[:i/8/chunk*chunk], append([]byte{}, out...))
	}
	for i := range 8 * len(sums) {
		bad := bytes.Clone(sums)
		bad[i/8] ^= 1 << (i % 8)
		r, err := NewReader(bytes.NewReader(in), key, chunk, bad)
		require.NoError(t, err)
		out, err := io.ReadAll(r)
		require.ErrorIs(t, err, ErrCorrupted)
		require.Equal(t, in[:i/8/Size*chunk], append([]byte{}, out...))
	}
}

// A stream that is cut anywhere, or goes on, is noticed, and no byte beyond its whole chunks is
// passed on.
func TestCutAndLonger(t *testing.T) {
	const chunk = 16
	key := []byte("key")
	for _, size := range []int{0, 5, chunk, 3 * chunk, 3*chunk + 5} {
		in := data(size)
		sums := digest(t, key, chunk, in)
		for n := range size + 4 {
			if n == size {
				continue
			}
			other := append(bytes.Clone(in), 1, 2, 3)[:n]
			r, err := NewReader(bytes.NewReader(other), key, chunk, sums)
			require.NoError(t, err)
			out, err := io.ReadAll(r)
			require.ErrorIs(t, err, ErrCorrupted, "%d of %d bytes", n, size)
			want := min(n, size) / chunk * chunk
			require.Equal(t, in[:want], append([]byte{}, out...), "%d of %d bytes", n, size)
			out, err = write(t, key, chunk, sums, other, 7)
			require.ErrorIs(t, err, ErrCorrupted, "%d of %d bytes", n, size)
			require.Equal(t, in[:want], append([]byte{}, out...), "%d of %d bytes", n, size)
		}
	}
}

// The stream's own errors come through, behind what was validated before them.
func TestStreamErrors(t *testing.T) {
	mine := errors.New("mine")
	in := data(50)
	sums := digest(t, nil, 16, in)
	for n := range in {
		r, err := NewReader(io.MultiReader(bytes.NewReader(in[:n]), iotest.ErrReader(mine)), nil, 16, sums)
		require.NoError(t, err)
		out, err := io.ReadAll(r)
		require.Equal(t, mine, err)
		require.Equal(t, in[:n/16*16], append([]byte{}, out...))
		_, err = r.Read(make([]byte, 1))
		require.Equal(t, mine, err)
	}
	w, err := NewWriter(failing{mine}, nil, 16, sums)
	require.NoError(t, err)
	n, err := w.Write(in[:10])
	require.NoError(t, err)
	require.Equal(t, 10, n)
	_, err = w.Write(in[10:])
	require.Equal(t, mine, err)
	require.Equal(t, mine, w.Close())
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Inputs are neither changed nor kept.
func TestSlices(t *testing.T) {
	key, in := []byte("a key that is longer than the block of the hash, which is of 64 bytes"), data(100)
	sums := digest(t, key, 32, in)
	k, d := bytes.Clone(key), append(bytes.Clone(sums), make([]byte, 40)...)[:len(sums)]
	r, err := NewReader(bytes.NewReader(in), k, 32, d)
	require.NoError(t, err)
	clear(k)
	clear(d)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, in, out)
	n, err := r.Read(nil)
	require.Zero(t, n)
	require.NoError(t, err)

	dg, err := NewDigester(key, 32)
	require.NoError(t, err)
	dg.Write(in)
	first := dg.Digest()
	clear(dg.Digest())
	require.Equal(t, first, dg.Digest())
	_, err = NewDigester(key, 0)
	require.Error(t, err)
}

// A large stream under the rule's chunk, and the memory for a chunk that the stream does not fill.
func TestLarge(t *testing.T) {
	in := data(3<<20 + 17)
	chunk := ChunkSize(uint64(len(in)))
	sums := digest(t, []byte("k"), chunk, in)
	require.Len(t, sums, (len(in)/chunk+1)*Size)
	r, err := NewReader(bytes.NewReader(in), []byte("k"), chunk, sums)
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, bytes.Equal(in, out))

	r, err = NewReader(bytes.NewReader(in[:10]), nil, 1<<30, digest(t, nil, 1<<30, in[:10]))
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.NoError(t, err)
	require.LessOrEqual(t, len(r.buf), 16<<10)
}

// FuzzStream compares reader, writer and digester with the definition.
func FuzzStream(f *testing.F) {
	f.Add([]byte("some bytes of a stream"), uint16(4), uint16(3), uint16(0))
	f.Add([]byte{}, uint16(1), uint16(1), uint16(1))
	f.Add(data(200), uint16(32), uint16(50), uint16(70))
	f.Fuzz(func(t *testing.T, in []byte, chunk16, cut16, flip uint16) {
		chunk, cut := int(chunk16)+1, int(cut16)+1
		key := []byte("key")
		sums := definition(key, chunk, in)
		require.Equal(t, sums, digest(t, key, chunk, in))
		bad := bytes.Clone(in)
		if int(flip) < len(bad) {
			bad[flip] ^= 1
		}
		same := bytes.Equal(in, bad)
		out, err := write(t, key, chunk, sums, bad, cut)
		r, err2 := NewReader(bytes.NewReader(bad), key, chunk, sums)
		require.NoError(t, err2)
		out2, err2 := io.ReadAll(r)
		require.Equal(t, same, err == nil)
		require.Equal(t, same, err2 == nil)
		want := len(in)
		if !same {
			want = int(flip) / chunk * chunk
		}
		require.True(t, bytes.Equal(in[:want], out))
		require.True(t, bytes.Equal(in[:want], out2))
	})
}

func definition(key []byte, chunk int, in []byte) (sums []byte) {
	mac := func(b []byte) {
		h := hmac.New(sha256.New, key)
		h.Write(b)
		sums = h.Sum(sums)
	}
	for n := chunk; n <= len(in); n += chunk {
		mac(in[:n])
	}
	mac(in)
	return sums
}

func BenchmarkReader(b *testing.B) {
	in := data(1 << 20)
	sums := digest(b, nil, 64<<10, in)
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		r, _ := NewReader(bytes.NewReader(in), nil, 64<<10, sums)
		io.CopyBuffer(io.Discard, struct{ io.Reader }{r}, buf)
	}
}
