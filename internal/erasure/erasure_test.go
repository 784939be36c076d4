package erasure

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// vectors is testdata/spqr-gf.json; see the README beside it.
type vectors struct {
	Mul     [][3]string `json:"mul"`
	Inv     [][2]string `json:"inv"`
	Erasure []struct {
		Name    string  `json:"name"`
		Message hexData `json:"message"`
		Needed  int     `json:"chunks_needed"`
		Chunks  []struct {
			Index uint16  `json:"index"`
			Data  hexData `json:"data"`
		} `json:"chunks"`
		Scattered []uint16 `json:"decode_from_indices"`
		Poly0     hexData  `json:"poly0_coeffs_low_first"`
		Poly15    hexData  `json:"poly15_coeffs_low_first"`
	} `json:"erasure"`
}

type hexData []byte

func (h *hexData) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func load(t testing.TB) (v vectors) {
	data, err := os.ReadFile("testdata/spqr-gf.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &v))
	require.NotEmpty(t, v.Mul)
	require.Len(t, v.Erasure, 5)
	return v
}

func element(t testing.TB, s string) uint16 {
	n, err := strconv.ParseUint(s, 16, 16)
	require.NoError(t, err)
	return uint16(n)
}

func TestField(t *testing.T) {
	v := load(t)
	for _, m := range v.Mul {
		a, b, p := element(t, m[0]), element(t, m[1]), element(t, m[2])
		require.Equal(t, p, mul(a, b), "%v", m)
		require.Equal(t, p, mul(b, a), "%v", m)
		r := row{uint64(a) << 48, uint64(a) << 32, uint64(a) << 16, uint64(a)}
		require.Equal(t, row{uint64(p) << 48, uint64(p) << 32, uint64(p) << 16, uint64(p)}, r.times(b), "%v", m)
	}
	for _, m := range v.Inv {
		require.Equal(t, element(t, m[1]), inverse(element(t, m[0])))
	}
	for a := 1; a < 1<<16; a += 251 {
		require.EqualValues(t, 1, mul(uint16(a), inverse(uint16(a))))
	}
}

// chunkAt returns the chunk with the given index, emitted by an encoder that was stored just
// before.
func chunkAt(t testing.TB, message []byte, index uint16) (data [ChunkSize]byte) {
	e, err := NewEncoder(message)
	require.NoError(t, err)
	e.Next = uint32(index)
	require.Equal(t, index, e.Chunk(&data))
	return data
}

func TestVectors(t *testing.T) {
	for _, v := range load(t).Erasure {
		t.Run(v.Name, func(t *testing.T) {
			before := bytes.Clone(v.Message)
			for _, c := range v.Chunks {
				data := chunkAt(t, v.Message, c.Index)
				require.Equal(t, []byte(c.Data), data[:], "chunk %d", c.Index)
			}
			e, err := NewEncoder(v.Message)
			require.NoError(t, err)
			e.Next = uint32(v.Needed)
			var data [ChunkSize]byte
			e.Chunk(&data)
			require.True(t, e.Coefficients)
			require.Equal(t, []byte(v.Poly0), e.Lists[0])
			require.Equal(t, []byte(v.Poly15), e.Lists[15])

			d, err := NewDecoder(len(v.Message))
			require.NoError(t, err)
			require.Equal(t, v.Needed, d.Needed())
			for i, index := range v.Scattered {
				require.False(t, d.Complete())
				_, err := d.Decode()
				require.Error(t, err)
				data := chunkAt(t, v.Message, index)
				d.Add(index, &data)
				require.Equal(t, i+1, d.Received())
			}
			require.True(t, d.Complete())
			got, err := d.Decode()
			require.NoError(t, err)
			require.Equal(t, []byte(v.Message), got)
			require.Equal(t, before, []byte(v.Message))
		})
	}
}

// stored puts an encoder through its stored form.
func stored(t testing.TB, e Encoder, size int) Encoder {
	e, err := ResumeEncoder(size, e.Next, e.Lists, e.Coefficients)
	require.NoError(t, err)
	return e
}

func TestEncoderForms(t *testing.T) {
	message := bytes.Repeat([]byte("point or polynomial"), 99)[:96]
	e, err := NewEncoder(message)
	require.NoError(t, err)
	for i := range 3 {
		var data [ChunkSize]byte
		require.EqualValues(t, i, e.Chunk(&data))
		require.Equal(t, message[32*i:32*i+32], data[:], "systematic")
		e = stored(t, e, len(message))
		require.False(t, e.Coefficients, "values until the first parity chunk")
	}
	require.Equal(t, message[:2], e.Lists[0][:2])
	require.Equal(t, message[32:34], e.Lists[0][2:4])
	lists := e.Lists
	var kept [lanes][]byte
	for p := range lists {
		kept[p] = bytes.Clone(lists[p])
	}

	var data [ChunkSize]byte
	require.EqualValues(t, 3, e.Chunk(&data))
	require.True(t, e.Coefficients)
	for p := range lists {
		require.Equal(t, kept[p], lists[p], "the stored lists are only borrowed")
	}

	for _, index := range []uint16{0, 1, 3, 4, 500, 0xFFFF} { // the curves are the lists
		var fromLists, fromCurves [ChunkSize]byte
		c, err := ResumeEncoder(len(message), uint32(index), e.Lists, true)
		require.NoError(t, err)
		require.Nil(t, c.Curves)
		c.Chunk(&fromLists)
		e.Curves.Chunk(index, &fromCurves)
		require.Equal(t, fromLists, fromCurves)
	}

	// The index wraps at 65 536 and the counter at 2^32; coefficients give the message back.
	e.Next = 0xFFFF
	e = stored(t, e, len(message))
	require.EqualValues(t, 0xFFFF, e.Chunk(&data))
	require.Equal(t, chunkAt(t, message, 0xFFFF), data)
	require.EqualValues(t, 0, e.Chunk(&data))
	require.Equal(t, message[:32], data[:])
	require.EqualValues(t, 65537, e.Next)
	e.Next = 0xFFFFFFFF
	require.EqualValues(t, 0xFFFF, e.Chunk(&data))
	require.Zero(t, e.Next)
}

func TestRefused(t *testing.T) {
	for _, size := range []int{-32, 0, 1, 31, 33, MaxSize + 32} {
		_, err := NewDecoder(size)
		require.Error(t, err, "%d", size)
		if size >= 0 {
			_, err = NewEncoder(make([]byte, size))
			require.Error(t, err, "%d", size)
		}
		_, err = ResumeEncoder(size, 0, newLists(2), false)
		require.Error(t, err, "%d", size)
	}
	_, err := ResumeEncoder(96, 0, newLists(4), false)
	require.Error(t, err)
	uneven := newLists(6)
	uneven[7] = uneven[7][:4]
	_, err = ResumeEncoder(96, 0, uneven, false)
	require.Error(t, err)
	_, err = ResumeDecoder(96, newLists(6))
	require.Error(t, err)
	uneven = newLists(8)
	uneven[15] = uneven[15][:4]
	_, err = ResumeDecoder(96, uneven)
	require.Error(t, err)
}

// TestInconsistent gives a decoder lists that no encoder makes.
func TestInconsistent(t *testing.T) {
	points := func(xs ...byte) (b []byte) {
		for _, x := range xs {
			b = append(b, 0, x, 1, 2)
		}
		return b
	}
	for _, c := range []struct {
		all, last []byte
		ok        bool
	}{
		{points(1, 2, 9), points(1, 2, 9), true},
		{points(1, 2, 9, 10), points(1, 2, 9, 10), true},
		{points(1, 2, 9), points(1, 3, 9), false},
		{points(1, 1, 9), points(1, 1, 9), false},
		{points(2, 1, 9), points(2, 1, 9), false},
	} {
		var l Lists
		for p := range l {
			l[p] = c.all
		}
		l[15] = c.last
		d, err := ResumeDecoder(96, l)
		require.NoError(t, err)
		_, err = d.Decode()
		require.Equal(t, c.ok, err == nil, "%x %x", c.all, c.last)
	}
}

// TestLastDuplicateWins is spqr §7.4, also for points that are part of no message.
func TestLastDuplicateWins(t *testing.T) {
	message := bytes.Repeat([]byte{7}, 96)
	d, err := NewDecoder(96)
	require.NoError(t, err)
	wrong := [ChunkSize]byte{1, 2, 3}
	for _, index := range []uint16{500, 1, 500, 1, 500} {
		d.Add(index, &wrong)
	}
	require.Equal(t, 2, d.Received())
	for _, index := range []uint16{500, 1, 2} {
		data := chunkAt(t, message, index)
		d.Add(index, &data)
	}
	d.Add(501, &wrong) // complete: parity is ignored, systematic chunks are not
	require.Equal(t, 3, d.Received())
	got, err := d.Decode()
	require.NoError(t, err)
	require.Equal(t, message, got)
	d.Add(0, &wrong)
	got, err = d.Decode()
	require.NoError(t, err)
	require.Equal(t, wrong[:], got[:32])
	require.Equal(t, message[32:], got[32:])
}

// model is a decoder as spqr §7.4 words it: sixteen maps, and Lagrange's formula term by term.
type model struct {
	n    int
	maps [lanes]map[uint16]uint16
}

func (m *model) add(index uint16, data *[ChunkSize]byte) {
	for p := range m.maps {
		if m.maps[p] == nil {
			m.maps[p] = map[uint16]uint16{}
		}
		if int(index) < m.n || len(m.maps[p]) < m.n {
			m.maps[p][index] = uint16(data[2*p])<<8 | uint16(data[2*p+1])
		}
	}
}

func (m *model) decode() []byte {
	out := make([]byte, ChunkSize*m.n)
	for i := range lanes * m.n {
		p, x := i%lanes, uint16(i/lanes)
		y, ok := m.maps[p][x]
		if !ok {
			y = m.at(p, x)
		}
		out[2*i], out[2*i+1] = byte(y>>8), byte(y)
	}
	return out
}

func (m *model) at(p int, x uint16) (sum uint16) {
	var xs []uint16
	for x := range m.maps[p] {
		xs = append(xs, x)
	}
	slices.Sort(xs)
	xs = xs[:m.n]
	for _, a := range xs {
		above, below := m.maps[p][a], uint16(1)
		for _, b := range xs {
			if a != b {
				above, below = mul(above, x^b), mul(below, a^b)
			}
		}
		sum ^= mul(above, inverse(below))
	}
	return sum
}

// exercise feeds chunks to a decoder and the model, the decoder going through its stored form
// whenever again says so, and compares them.
func exercise(t testing.TB, size int, indices []uint16, data func(int) *[ChunkSize]byte, again func(int) bool) {
	d, err := NewDecoder(size)
	require.NoError(t, err)
	m := &model{n: size / ChunkSize}
	for i, index := range indices {
		chunk := data(i)
		d.Add(index, chunk)
		m.add(index, chunk)
		require.Equal(t, len(m.maps[0]), d.Received())
		require.Equal(t, len(m.maps[0]) >= m.n, d.Complete())
		if again(i) {
			var l Lists
			for p := range l {
				l[p] = d.AppendList([]byte{0xAA}, p)[1:]
				require.Len(t, l[p], d.ListSize())
			}
			d, err = ResumeDecoder(size, l)
			require.NoError(t, err)
		}
	}
	got, err := d.Decode()
	if len(m.maps[0]) < m.n {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	require.Equal(t, m.decode(), got)
}

// TestModel compares with the model on random chunks, which belong to no message, so that it
// matters which points are used; and on chunks of a message, which any N must rebuild.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{32, 96, 160, 960, 1152, MaxSize} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			n := size / ChunkSize
			for range min(8, 1+64/n) {
				indices := make([]uint16, n+r.IntN(n+1))
				for i := range indices {
					indices[i] = uint16(r.IntN(2 * n))
					if r.IntN(4) == 0 {
						indices[i] = uint16(r.Uint32())
					}
				}
				noise := func(int) *[ChunkSize]byte {
					var c [ChunkSize]byte
					for i := range c {
						c[i] = byte(r.Uint32())
					}
					return &c
				}
				exercise(t, size, indices, noise, func(int) bool { return r.IntN(2) == 0 })
			}
			message := make([]byte, size)
			for i := range message {
				message[i] = byte(r.Uint32())
			}
			d, err := NewDecoder(size)
			require.NoError(t, err)
			for !d.Complete() {
				index := uint16(r.Uint32())
				data := chunkAt(t, message, index)
				d.Add(index, &data)
			}
			got, err := d.Decode()
			require.NoError(t, err)
			require.Equal(t, message, got)
		})
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0}, uint8(0))
	f.Add(bytes.Repeat([]byte{0, 9, 1, 255, 7}, 9), uint8(1))
	f.Add([]byte("any bytes are chunks, three bytes for each of them, and a size"), uint8(2))
	f.Fuzz(func(t *testing.T, script []byte, kind uint8) {
		size := []int{96, 160, 960, 1152}[kind%4]
		var indices []uint16
		for i := 0; i+3 <= len(script) && i < 300; i += 3 {
			indices = append(indices, uint16(script[i])<<8&0x0700|uint16(script[i+1]))
		}
		chunk := func(i int) (c *[ChunkSize]byte) {
			c = new([ChunkSize]byte)
			for j := range c {
				c[j] = script[3*i+2] * byte(j+1)
			}
			return c
		}
		exercise(t, size, indices, chunk, func(i int) bool { return script[3*i+2]&1 == 1 })
	})
}

// FuzzLists gives stored lists of any content to both ends: errors, never a panic.
func FuzzLists(f *testing.F) {
	f.Add([]byte{}, uint16(0), uint8(0))
	f.Add(bytes.Repeat([]byte{0, 1, 2, 3}, 48), uint16(65535), uint8(0))
	f.Add(bytes.Repeat([]byte{0, 1}, 48), uint16(9), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, index uint16, kind uint8) {
		size := []int{96, 160, 960, 1152}[kind%4]
		var l Lists
		for p := range l {
			l[p] = b[len(b)*p/lanes : len(b)*(p+1)/lanes]
		}
		before := bytes.Clone(b)
		var data [ChunkSize]byte
		if e, err := ResumeEncoder(size, uint32(index), l, kind >= 128); err == nil {
			require.Equal(t, index, e.Chunk(&data))
			e.Chunk(&data)
		}
		if d, err := ResumeDecoder(size, l); err == nil {
			d.Add(index, &data)
			d.Add(index+1, &data)
			_, _ = d.Decode()
		}
		require.Equal(t, before, b)
	})
}

func BenchmarkEncoder(b *testing.B) {
	for _, n := range []int{3, 36} {
		message := make([]byte, ChunkSize*n)
		for i := range message {
			message[i] = byte(i * i)
		}
		e, err := NewEncoder(message)
		require.NoError(b, err)
		var data [ChunkSize]byte
		b.Run(fmt.Sprintf("systematic/N=%d", n), func(b *testing.B) {
			for b.Loop() {
				e.Next = 1
				e.Chunk(&data)
			}
		})
		b.Run(fmt.Sprintf("first parity/N=%d", n), func(b *testing.B) {
			for b.Loop() {
				e := e
				e.Next = uint32(n)
				e.Chunk(&data)
			}
		})
		e.Next = uint32(n)
		e.Chunk(&data)
		b.Run(fmt.Sprintf("parity/N=%d", n), func(b *testing.B) {
			for b.Loop() {
				e.Next = uint32(n)
				e.Chunk(&data)
			}
		})
	}
}

func BenchmarkDecoder(b *testing.B) {
	for _, lost := range []int{0, 2, 36} {
		message := make([]byte, 1152)
		d, err := NewDecoder(len(message))
		require.NoError(b, err)
		for i := range 36 {
			index := uint16(i + lost)
			data := chunkAt(b, message, index)
			d.Add(index, &data)
		}
		d.settle()
		b.Run(fmt.Sprintf("lost=%d", lost), func(b *testing.B) {
			for b.Loop() {
				_, err = d.Decode()
			}
		})
	}
}
