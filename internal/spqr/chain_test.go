package spqr

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// indices lists the skipped keys in stored order.
func (h *half) indices() []uint32 {
	list := []uint32{}
	for at := 0; at < len(h.prev); at += recordSize {
		list = append(list, binary.BigEndian.Uint32(h.prev[at:]))
	}
	return list
}

func TestDerivations(t *testing.T) {
	type seeds struct {
		Root hexData `json:"next_root"`
		A2B  hexData `json:"a2b_seed"`
		B2A  hexData `json:"b2a_seed"`
	}
	type pair struct{ Root, Mac hexData }
	type keys []struct {
		Epoch uint64  `json:"chain_epoch"`
		Index uint32  `json:"index"`
		Key   hexData `json:"key"`
	}
	var v struct {
		AuthKey  hexData `json:"auth_key"`
		K        hexData
		AuthInit pair    `json:"auth_init"`
		AuthNext pair    `json:"auth_after_secret_1"`
		Secret1  hexData `json:"epoch_secret_1"`
		Secret2  hexData `json:"epoch_secret_2_same_K"`
		Hdr      hexData `json:"hdr"`
		Ct       hexData `json:"ct1_ct2"`
		MACHdr1  hexData `json:"mac_hdr_epoch1"`
		MACHdr2  hexData `json:"mac_hdr_epoch2"`
		MACCt1   hexData `json:"mac_ct_epoch1"`
		Start    seeds   `json:"chain_start"`
		Added    seeds   `json:"chain_after_add_epoch_1"`
		A0       keys    `json:"a2b_send_keys_epoch0"`
		A1       keys    `json:"a2b_send_keys_epoch1"`
		A2       keys    `json:"a2b_send_keys_epoch2"`
		B0       keys    `json:"b2a_send_keys_epoch0"`
		B1       keys    `json:"b2a_send_keys_epoch1"`
		Stored   hexData `json:"chain_pb_a2b_after_all_above"`
	}
	load(t, "spqr-kdf.json", &v)
	authKey, k := [32]byte(v.AuthKey), [32]byte(v.K)

	auth := newAuthenticator(&authKey)
	require.Equal(t, []byte(v.AuthInit.Root), auth.root[:])
	require.Equal(t, []byte(v.AuthInit.Mac), auth.mac[:])
	require.NoError(t, verify(auth.header(1, v.Hdr), v.MACHdr1))
	require.ErrorIs(t, verify(auth.header(2, v.Hdr), v.MACHdr1), errMAC)
	secret1, secret2 := epochSecret(1, &k), epochSecret(2, &k)
	require.Equal(t, []byte(v.Secret1), secret1[:])
	require.Equal(t, []byte(v.Secret2), secret2[:])
	auth.update(1, &secret1)
	require.Equal(t, []byte(v.AuthNext.Root), auth.root[:])
	require.Equal(t, []byte(v.AuthNext.Mac), auth.mac[:])
	require.NoError(t, verify(auth.ciphertext(1, v.Ct[:sizeCt1], v.Ct[sizeCt1:]), v.MACCt1))
	require.NoError(t, verify(auth.header(2, v.Hdr), v.MACHdr2))

	a, b := newChain(A2B, &authKey, params{}), newChain(B2A, &authKey, params{})
	require.Equal(t, []byte(v.Start.Root), a.root[:])
	require.Equal(t, []byte(v.Start.A2B), a.links[0].send.next[:])
	require.Equal(t, []byte(v.Start.B2A), a.links[0].recv.next[:])
	require.Equal(t, []byte(v.Start.A2B), b.links[0].recv.next[:])
	check := func(from, to *chain, want keys) {
		for _, w := range want {
			index, key, err := from.sendKey(w.Epoch)
			require.NoError(t, err)
			require.Equal(t, w.Index, index)
			require.Equal(t, []byte(w.Key), key[:])
			got, ok, err := to.recvKey(nil, w.Epoch, index)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, key, got)
		}
	}
	check(&a, &b, v.A0)
	check(&b, &a, v.B0)
	require.NoError(t, a.add(1, &secret1))
	require.NoError(t, b.add(1, &secret1))
	require.Equal(t, []byte(v.Added.Root), a.root[:])
	require.Equal(t, []byte(v.Added.A2B), a.links[1].send.next[:])
	require.Equal(t, []byte(v.Added.B2A), b.links[1].send.next[:])
	check(&a, &b, v.A1)
	check(&b, &a, v.B1)
	require.ErrorIs(t, a.add(1, &secret2), ErrState)
	require.ErrorIs(t, a.add(3, &secret2), ErrState)
	require.NoError(t, a.add(2, &secret2))
	require.NoError(t, b.add(2, &secret2))
	check(&a, &b, v.A2)
	if v.Stored != nil {
		var stored chain
		require.NoError(t, stored.parse(v.Stored))
		require.Equal(t, stored.n, a.n)
	}
}

// TestChainVectors are the answers of the official client with small limits.
func TestChainVectors(t *testing.T) {
	var v struct {
		Ctr      uint32  `json:"start_ctr"`
		Next     hexData `json:"start_next"`
		Requests []struct {
			Index  uint32   `json:"index"`
			Result string   `json:"result"`
			Key    hexData  `json:"key"`
			Ctr    uint32   `json:"ctr"`
			Prev   []uint32 `json:"prev"`
		} `json:"requests"`
	}
	load(t, "spqr-chain.json", &v)
	c := chain{dir: B2A, limits: params{maxJump: 20, maxKept: 5}, n: 1}
	h := &c.links[0].recv
	h.ctr, h.next = v.Ctr, [32]byte(v.Next)
	for i, r := range v.Requests {
		key, ok, err := c.recvKey(nil, 0, r.Index)
		switch {
		case r.Result != "ok":
			require.EqualError(t, err, "spqr: "+strings.ToLower(r.Result), "request %d", i)
			require.Zero(t, key)
		case r.Index == 0:
			require.NoError(t, err)
			require.False(t, ok)
		default:
			require.NoError(t, err, "request %d", i)
			require.True(t, ok)
			require.Equal(t, []byte(r.Key), key[:], "request %d", i)
		}
		require.Equal(t, r.Ctr, h.ctr, "request %d", i)
		require.Equal(t, r.Prev, h.indices(), "request %d", i)
	}
}

// TestBoundaries are those of spqr §12.4 with the default limits.
func TestBoundaries(t *testing.T) {
	authKey := [32]byte{5}
	fresh := func() (*chain, *half) {
		c := newChain(B2A, &authKey, params{})
		_, _, err := c.recvKey(nil, 0, 1)
		require.NoError(t, err)
		return &c, &c.links[0].recv
	}
	c, h := fresh()
	_, _, err := c.recvKey(nil, 0, 25_002)
	require.EqualError(t, err, "spqr: key jump: 1 - 25002")
	_, _, err = c.recvKey(nil, 0, 25_001)
	require.NoError(t, err)
	require.Len(t, h.indices(), 2000)
	require.EqualValues(t, 23_001, h.indices()[0])
	_, _, err = c.recvKey(nil, 0, 23_000)
	require.EqualError(t, err, "spqr: key trimmed: 23000")
	_, _, err = c.recvKey(nil, 0, 23_001)
	require.NoError(t, err)
	_, _, err = c.recvKey(nil, 0, 23_001)
	require.EqualError(t, err, "spqr: key already requested: 23001")

	// The collector wakes at 2201 keys: 2000, then 200 more, then one.
	c, h = fresh()
	for _, step := range []struct {
		index uint32
		kept  int
	}{{2002, 2000}, {2203, 2200}, {2205, 1999}} {
		_, _, err = c.recvKey(nil, 0, step.index)
		require.NoError(t, err)
		require.Equal(t, step.kept, len(h.indices()), "%d", step.index)
	}

	// Near 2^32 nothing wraps.
	c, h = fresh()
	c.limits.maxJump = selfJump
	h.ctr = math.MaxUint32 - 3
	_, _, err = c.recvKey(nil, 0, math.MaxUint32)
	require.NoError(t, err)
	require.Equal(t, []uint32{math.MaxUint32 - 2, math.MaxUint32 - 1}, h.indices())
	_, _, err = c.recvKey(nil, 0, math.MaxUint32-1)
	require.NoError(t, err)
	_, _, err = c.recvKey(nil, 0, math.MaxUint32-2001)
	require.EqualError(t, err, "spqr: key trimmed: 4294965294")
	c.links[0].send.ctr = math.MaxUint32
	_, _, err = c.sendKey(0)
	require.ErrorIs(t, err, errExhausted)
}

// TestRetention follows the links of one party (spqr §12.3): only its own first send in a newer
// epoch lets go of older ones.
func TestRetention(t *testing.T) {
	authKey := [32]byte{6}
	c := newChain(A2B, &authKey, params{})
	secret := [32]byte{7}
	oldest := func() uint64 { return c.current + 1 - uint64(c.n) }

	require.NoError(t, c.add(1, &secret))
	require.NoError(t, c.add(2, &secret))
	require.EqualValues(t, 0, oldest(), "add drops nothing")
	_, _, err := c.recvKey(nil, 2, 1)
	require.NoError(t, err)
	require.EqualValues(t, 0, oldest(), "receiving drops nothing")
	_, _, err = c.recvKey(nil, 0, 3)
	require.NoError(t, err)

	_, _, err = c.sendKey(1)
	require.NoError(t, err)
	require.EqualValues(t, 0, oldest(), "the one before that of the send stays")
	require.True(t, c.links[0].send.erased)
	require.Zero(t, c.links[0].send.next)
	require.False(t, c.links[1].send.erased)
	_, _, err = c.recvKey(nil, 0, 4)
	require.NoError(t, err, "receiving in it still works, new indices too")
	_, _, err = c.recvKey(nil, 0, 2)
	require.NoError(t, err)

	_, _, err = c.sendKey(2)
	require.NoError(t, err)
	require.EqualValues(t, 1, oldest())
	_, _, err = c.recvKey(nil, 0, 5)
	require.EqualError(t, err, "spqr: epoch not in valid range: 0")
	_, _, err = c.recvKey(nil, 3, 1)
	require.EqualError(t, err, "spqr: epoch not in valid range: 3")
	_, _, err = c.sendKey(1)
	require.EqualError(t, err, "spqr: send key epoch decreased (2 -> 1)")
	_, _, err = c.sendKey(3)
	require.EqualError(t, err, "spqr: epoch not in valid range: 3")
	_, ok, err := c.recvKey(nil, 0, 0)
	require.NoError(t, err, "no key, at any time")
	require.False(t, ok)
	_, _, err = c.recvKey(nil, 1, 0)
	require.EqualError(t, err, "spqr: key already requested: 0")
}
