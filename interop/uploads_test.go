package interop

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// An audience is whom an upload goes to: accounts of one to three devices, each device in either
// implementation, in the order of the upload.
type audience struct {
	devices  []*Device
	to       []Address
	excluded []string
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func randomServiceID(rng *rand.Rand) string {
	h := hex.EncodeToString(randomBytes(rng, 16))
	id := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	if rng.IntN(4) == 0 {
		return "PNI:" + id
	}
	return id
}

// newAudience makes n accounts that sender has sessions with, and that have its sender key.
func newAudience(t *testing.T, f *fleet, rng *rand.Rand, sender *Device, from Address, n int) *audience {
	key, err := sender.groupCreate(distribution)
	require.NoError(t, err)
	a := new(audience)
	for range n {
		name, identity, first := randomServiceID(rng), randomBytes(rng, 32), 1+rng.IntN(125)
		for i := range 1 + rng.IntN(3) {
			address := Address{name, uint32(first + i)}
			impl := []string{ours, official}[rng.IntN(2)]
			d := f.device(t, f.peer(impl), Params{Address: address, Identity: identity, RegistrationID: 1 + rng.Uint32N(0x3fff)})
			bundle, err := d.Bundle(rng.IntN(2) == 0)
			require.NoError(t, err)
			require.NoError(t, sender.Process(address, bundle))
			require.NoError(t, d.groupProcess(from, key))
			a.devices, a.to = append(a.devices, d), append(a.to, address)
		}
	}
	for range rng.IntN(20) {
		a.excluded = append(a.excluded, randomServiceID(rng))
	}
	return a
}

// TestCrowdedUploads seals to crowds: 1 to 200 accounts of several devices, some of them excluded,
// at random. Both implementations split an upload into the same parts, and every device in either
// of them opens its own. Damaged and truncated uploads they refuse, or split, alike.
func TestCrowdedUploads(t *testing.T) {
	f := newFleet(t)
	f.need(t, official)
	most := min(200, max(10, *deliveries/100))
	splits, opened := 0, 0
	for round := range max(1, *deliveries/4000) {
		for i, impl := range f.implementations() {
			rng := rand.New(rand.NewPCG(*seed, 3<<32|uint64(2*round+i)))
			alice := Address{aliceACI, 3}
			a := f.device(t, f.peer(impl), Params{Address: alice})
			root := newTrustRoot(t, f.peer(f.implementations()[rng.IntN(2)]), fmt.Sprint("crowd ", round, impl))
			cert := root.cert(t, alice, a.Identity(), "")
			n := 1 + rng.IntN(most)
			if round == 0 {
				n = most
			}
			crowd := newAudience(t, f, rng, a, alice, n)
			text := bytes.Repeat([]byte{byte(round)}, rng.IntN(1000))
			var up struct{ Message []byte }
			require.NoError(t, a.call("sealMulti", Fields{
				"distribution": distribution, "plaintext": text, "cert": cert, "to": crowd.to, "excluded": crowd.excluded,
			}, &up))
			parts := splitBoth(t, f, up.Message)
			require.Len(t, parts.Recipients, n)
			for i, d := range crowd.devices {
				part := parts.Recipients[crowd.to[i].UUID]
				at := bytes.IndexByte(ids(part.DeviceIDs), byte(crowd.to[i].DeviceID))
				require.NotEqual(t, -1, at)
				require.Equal(t, d.registrationID, part.RegistrationIDs[at])
				var u content
				require.NoError(t, d.call("unsealUsmc", Fields{"message": part.Message}, &u))
				require.Equal(t, cert, u.Cert)
				plaintext, err := d.groupDecrypt(alice, u.Contents)
				require.NoError(t, err)
				require.True(t, bytes.Equal(text, plaintext))
				opened++
			}
			k := &conversation{t: t, f: f, rng: rng}
			for range 10 {
				splitBoth(t, f, k.damaged(up.Message))
				splitBoth(t, f, up.Message[:rng.IntN(len(up.Message))])
				splits += 2
			}
		}
	}
	t.Logf("seed %d: up to %d accounts, %d devices opened their part, %d damaged uploads", *seed, most, opened, splits)
}

// ids are device ids as bytes, which they fit.
func ids(list []uint32) (b []byte) {
	for _, id := range list {
		b = append(b, byte(id))
	}
	return b
}
