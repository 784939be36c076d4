package mlkem

import (
	"bytes"
	"crypto/mlkem"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOfficialStates recomputes states that the official client stored, and
// finishes their encapsulations. testdata/README.md says where they are from.
func TestOfficialStates(t *testing.T) {
	b, err := os.ReadFile("testdata/official-states.json")
	require.NoError(t, err)
	var file struct {
		States []struct{ Origin, Hdr, M, Es, Ct1, Dk string }
	}
	require.NoError(t, json.Unmarshal(b, &file))
	require.NotEmpty(t, file.States)
	finished := 0
	for _, s := range file.States {
		var p parts
		fill(t, p.hdr[:], s.Hdr)
		fill(t, p.m[:], s.M)
		key := Encapsulate1(&p.m, &p.hdr, &p.es, &p.ct1)
		require.Equal(t, s.Es, hex.EncodeToString(p.es[:]), s.Origin)
		require.Equal(t, s.Ct1, hex.EncodeToString(p.ct1[:]), s.Origin)
		if s.Dk == "" {
			continue
		}
		fill(t, p.dk[:], s.Dk)
		copy(p.ek[:], p.dk[dkVector:])
		require.True(t, CheckVector(&p.hdr, &p.ek))
		Encapsulate2(&p.es, &p.ek, &p.ct2)
		require.Equal(t, key, Decapsulate(&p.dk, &p.ct1, &p.ct2), s.Origin)
		finished++
	}
	require.NotZero(t, finished)
}

// reference is crypto/mlkem's view of the same header and vector.
func (p *parts) reference() error {
	_, err := mlkem.NewEncapsulationKey768(append(p.ek[:len(p.ek):len(p.ek)], p.hdr[:32]...))
	return err
}

// announce makes the hash in the header that of the vector.
func (p *parts) announce() {
	*(*[32]byte)(p.hdr[32:]) = hashVector(&p.ek, (*[32]byte)(p.hdr[:32]))
}

func TestCheckVectorHash(t *testing.T) {
	p := newParts(testCoins("hash"))
	require.True(t, CheckVector(&p.hdr, &p.ek))
	for i := range p.hdr {
		bad := p.hdr
		bad[i] ^= 0x10
		require.False(t, CheckVector(&bad, &p.ek), i)
	}
	for i := 0; i < len(p.ek); i += 7 {
		bad := p.ek
		bad[i] ^= 1
		require.False(t, CheckVector(&p.hdr, &bad), i)
	}
	// The order of the published text, seed ‖ vector, is not the deployed one.
	other := sha3.Sum256(append(p.hdr[:32:32], p.ek[:]...))
	copy(p.hdr[32:], other[:])
	require.False(t, CheckVector(&p.hdr, &p.ek))
}

func TestCheckVectorModulus(t *testing.T) {
	honest := newParts(testCoins("modulus"))
	for _, value := range []uint32{0, 1, 2047, 2048, q - 1, q, q + 1, 4094, 4095} {
		for i := range n * k {
			p := *honest
			at := p.ek[i/2*3:][:3]
			x := uint32(at[0]) | uint32(at[1])<<8 | uint32(at[2])<<16
			shift := i % 2 * 12
			x = x&^(0xfff<<shift) | value<<shift
			at[0], at[1], at[2] = byte(x), byte(x>>8), byte(x>>16)
			p.announce()
			require.Equal(t, value < q, CheckVector(&p.hdr, &p.ek), "%d at %d", value, i)
			if i%100 == 0 {
				require.Equal(t, value < q, p.reference() == nil)
			}
		}
	}
}

// TestImplicitRejection: K is SHAKE256(z ‖ ct1 ‖ ct2) for any changed bit.
func TestImplicitRejection(t *testing.T) {
	p := newParts(testCoins("reject"))
	for bit := 0; bit < 8*(Ciphertext1Size+Ciphertext2Size); bit += 13 {
		ct := p.ciphertext()
		ct[bit/8] ^= 1 << (bit % 8)
		want := sha3.SumSHAKE256(append(p.seed[32:64:64], ct...), 32)
		got := Decapsulate(&p.dk, (*[Ciphertext1Size]byte)(ct), (*[Ciphertext2Size]byte)(ct[Ciphertext1Size:]))
		require.Equal(t, want, got[:], bit)
	}
	require.Equal(t, p.key, Decapsulate(&p.dk, &p.ct1, &p.ct2))
}

func swapped(es [EncapsulationStateSize]byte) [EncapsulationStateSize]byte {
	for i := 0; i < stateM; i += 2 {
		es[i], es[i+1] = es[i+1], es[i]
	}
	return es
}

func TestEncapsulate2ReadsSwappedStates(t *testing.T) {
	coins := testCoins("swapped")
	for range 50 {
		p := newParts(coins)
		es := swapped(p.es)
		var ct2 [Ciphertext2Size]byte
		Encapsulate2(&es, &p.ek, &ct2)
		require.Equal(t, p.ct2, ct2)
	}
}

func TestIsSwapped(t *testing.T) {
	for _, c := range []struct {
		first []uint16 // as little-endian reads them; zeros follow
		want  uint32
	}{
		{nil, 0},
		{[]uint16{0, 0xffff, 0}, 0},
		{[]uint16{1, 0x0100}, 0},
		{[]uint16{2, 0x0100}, 0},
		{[]uint16{0, 0xffff, 0xfffe, 0xfeff}, 0},
		{[]uint16{0x0100, 1}, 1},
		{[]uint16{0xffff, 0, 0x0200, 1}, 1},
		{[]uint16{0, 0xfeff, 0xfffe}, 1},
		{[]uint16{3, 0x0100}, 0},      // cannot be, so nothing is exchanged
		{[]uint16{0x0300, 0x0100}, 0}, // nor here
		{[]uint16{0x0101, 0x0100}, 0},
	} {
		var e2 [encodingSize16]byte
		for _, lead := range []int{0, 1, 100, 256 - len(c.first)} {
			clear(e2[:])
			for i, x := range c.first {
				if lead+i < n {
					binary.LittleEndian.PutUint16(e2[2*(lead+i):], x)
				}
			}
			require.Equal(t, c.want, isSwapped(&e2), "%x after %d", c.first, lead)
		}
	}
}

// TestEncapsulate2Reduces stores the same residues away from zero.
func TestEncapsulate2Reduces(t *testing.T) {
	p := newParts(testCoins("residues"))
	for _, add := range []int{q, -q, 8 * q, -8 * q} {
		es := p.es
		for i := 0; i < stateE2; i += 2 {
			x := int(int16(binary.LittleEndian.Uint16(es[i:]))) + add
			binary.LittleEndian.PutUint16(es[i:], uint16(int16(x)))
		}
		var ct2 [Ciphertext2Size]byte
		Encapsulate2(&es, &p.ek, &ct2)
		require.Equal(t, p.ct2, ct2, add)
	}
}

// TestDecapsulateReduces stores coefficients of ŝ and t̂ with q added, where that
// fits into 12 bits. It is not a key that anyone makes, but it means the same.
func TestDecapsulateReduces(t *testing.T) {
	p := newParts(testCoins("unreduced"))
	changed := 0
	for i := 0; i < dkRho; i += 3 {
		at := p.dk[i:][:3]
		x := uint32(at[0]) | uint32(at[1])<<8 | uint32(at[2])<<16
		if x&0xfff <= 4095-q {
			x += q
			changed++
		}
		if x>>12 <= 4095-q {
			x += q << 12
			changed++
		}
		at[0], at[1], at[2] = byte(x), byte(x>>8), byte(x>>16)
	}
	require.NotZero(t, changed)
	require.Equal(t, p.key, Decapsulate(&p.dk, &p.ct1, &p.ct2))
}

// TestInputsAreKept: nothing but the outputs is written, and outputs do not
// depend on what was in them.
func TestInputsAreKept(t *testing.T) {
	p := newParts(testCoins("inputs"))
	again := *p
	for _, out := range [][]byte{again.hdr[:], again.ek[:], again.dk[:], again.es[:], again.ct1[:], again.ct2[:]} {
		copy(out, bytes.Repeat([]byte{0xaa}, len(out)))
	}
	again.run()
	require.True(t, CheckVector(&again.hdr, &again.ek))
	require.Equal(t, p.key, Decapsulate(&again.dk, &again.ct1, &again.ct2))
	require.Equal(t, p, &again)
}

func TestAllocations(t *testing.T) {
	p := newParts(testCoins("allocations"))
	for name, f := range map[string]func(){
		"GenerateKey":  func() { GenerateKey(&p.seed, &p.hdr, &p.ek, &p.dk) },
		"Encapsulate1": func() { p.key = Encapsulate1(&p.m, &p.hdr, &p.es, &p.ct1) },
		"CheckVector":  func() { CheckVector(&p.hdr, &p.ek) },
		"Encapsulate2": func() { Encapsulate2(&p.es, &p.ek, &p.ct2) },
		"Decapsulate":  func() { p.key = Decapsulate(&p.dk, &p.ct1, &p.ct2) },
	} {
		require.Zero(t, testing.AllocsPerRun(20, f), name)
	}
}

// FuzzArbitraryBytes gives every reader bytes that no honest peer or store
// holds. Nothing may panic, a result is a function of the input, and crypto/mlkem
// must agree about the vector.
func FuzzArbitraryBytes(f *testing.F) {
	p := newParts(testCoins("fuzz"))
	all := bytes.Join([][]byte{p.hdr[:], p.ek[:], p.dk[:], p.es[:], p.ct1[:], p.ct2[:]}, nil)
	f.Add(all)
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, len(all)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p parts
		for _, in := range [][]byte{p.hdr[:], p.ek[:], p.dk[:], p.es[:], p.ct1[:], p.ct2[:]} {
			b = b[copy(in, b):]
		}
		require.Equal(t, Decapsulate(&p.dk, &p.ct1, &p.ct2), Decapsulate(&p.dk, &p.ct1, &p.ct2))
		CheckVector(&p.hdr, &p.ek)
		valid := p.reference() == nil
		p.announce()
		require.Equal(t, valid, CheckVector(&p.hdr, &p.ek))
		before := p.es
		var ct2, again [Ciphertext2Size]byte
		Encapsulate2(&p.es, &p.ek, &ct2)
		require.Equal(t, before, p.es)
		Encapsulate2(&p.es, &p.ek, &again)
		require.Equal(t, ct2, again)
		copy(p.m[:], p.es[stateM:])
		Encapsulate1(&p.m, &p.hdr, &p.es, &p.ct1)
	})
}
