package sealed

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
)

func FuzzUpload(f *testing.F) {
	for _, c := range loadUploads(f).Cases {
		f.Add([]byte(c.Sent))
	}
	f.Add(join(0x22, 1, uuidA, 1, 0, 5, fill(1), tail))
	f.Add(join(0x23, 0x81, 0, uuidA, 1, 0, 5, fill(1), tail))
	f.Fuzz(func(t *testing.T, b []byte) {
		guarded(t, b, func(b []byte) {
			u, err := ParseUpload(b)
			if err != nil {
				return
			}
			seen := make(map[string]bool)
			for _, r := range u.Recipients() {
				require.False(t, seen[r.Name])
				seen[r.Name] = true
				_, ok := signet.Address{Name: r.Name}.ServiceID()
				require.True(t, ok)
				want := 1 + len(b) - u.SharedAt()
				if !r.Excluded() {
					want += KeysSize
				}
				require.Len(t, u.AppendReceived(nil, &r), want)
				for _, d := range r.Devices {
					require.NoError(t, signet.Address{Device: d.ID}.Check())
					require.LessOrEqual(t, d.RegistrationID, uint32(registration))
				}
			}
		})
	})
}

// Every upload that is written is parsed to what it was written from.
func FuzzSealMany(f *testing.F) {
	c := loadUploads(f).Cases[0].USMC
	self := signet.GenerateKey()
	everybody, _ := crowd(6)
	f.Add(uint64(1), uint8(5), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, n, excluded uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		var to []Recipient
		for range n % 16 {
			x := everybody[r.IntN(4)]
			x.Address.Device, x.RegistrationID = 1+r.Uint32N(127), r.Uint32N(1<<14)
			to = append(to, x)
		}
		var out []string
		for i := range excluded % 3 {
			out = append(out, everybody[3+i%2].Address.Name)
		}
		p, err := plan(to, out)
		require.NoError(t, err)
		b, err := p.seal(newMessageKey(nil), self, c)
		require.NoError(t, err)
		want := make(map[string][]UploadDevice)
		for _, x := range to {
			want[x.Address.Name] = append(want[x.Address.Name], UploadDevice{x.Address.Device, x.RegistrationID})
		}
		contradiction := false
		for i, name := range out {
			contradiction = contradiction || want[name] != nil || slices.Contains(out[:i], name)
		}
		u, err := ParseUpload(b)
		if contradiction {
			require.ErrorIs(t, err, session.ErrInvalidMessage)
			return
		}
		require.NoError(t, err)
		got := make(map[string][]UploadDevice)
		for _, r := range u.Recipients() {
			if r.Excluded() {
				require.Contains(t, out, r.Name)
				continue
			}
			got[r.Name] = r.Devices
		}
		require.Equal(t, want, got)
	})
}
