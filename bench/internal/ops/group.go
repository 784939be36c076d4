package ops

import (
	"bytes"
	"context"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/group"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/xeddsa"
	"signet.example/signet/session/memory"
)

// A member is one end of a group.
type member interface {
	Distribution(ctx context.Context) ([]byte, error)
	Join(ctx context.Context, from signet.Address, distribution []byte) error
	Encrypt(ctx context.Context, plaintext []byte) ([]byte, error)
	Decrypt(ctx context.Context, from signet.Address, message []byte) ([]byte, error)
}

const groupName = "120363000000000000@g.us"

func (b *builder) groups() {
	b.add("group-64", "a group message of 64 bytes, encrypted and decrypted by one member",
		groupCase(measure.Signet, func(a signet.Address) member {
			return group.NewChannel(a, group.DistributionID{1}, memory.New(), nil)
		}),
		groupCase(measure.Gomau, func(a signet.Address) member { return gomau.NewMember(a, groupName, gomau.Live) }),
		groupCase(measure.GomauStored, func(a signet.Address) member { return gomau.NewMember(a, groupName, gomau.Stored) }),
		b.official("group-64"),
		floorCase(1, func(f *floor) { f.groupHalf(64, true); f.groupHalf(64, false) }))
}

func groupCase(impl string, open func(signet.Address) member) measure.Case {
	return looped(impl, func() (func() error, error) {
		from, to, t := open(aliceAddr), open(bobAddr), text(64)
		d, err := from.Distribution(ctx)
		if err != nil {
			return nil, err
		}
		if err := to.Join(ctx, aliceAddr, d); err != nil {
			return nil, err
		}
		return func() error {
			m, err := from.Encrypt(ctx, t)
			if err != nil {
				return err
			}
			got, err := to.Decrypt(ctx, aliceAddr, m)
			if err == nil && !bytes.Equal(got, t) {
				return errOther
			}
			return err
		}, nil
	})
}

// groupHalf is a group message at one end: a step of the chain, the keys, the cipher, the signature
// (sealed-groups §10.2, §10.3). The signing key's point is at hand, as it is in a
// signet.PrivateKey.
func (f *floor) groupHalf(size int, encrypt bool) {
	f.seed = kdf.HMAC(f.key[:], one)
	f.key = kdf.HMAC(f.key[:], two)
	kdf.HKDF(f.okm[:48], nil, f.seed[:], []byte("WhisperGroup"))
	const frame = 1 + 18 + 6 + 4 + 2
	f.room(size, frame)
	f.cbc(size, encrypt)
	if encrypt {
		var z [64]byte
		f.src.Read(z[:])
		xeddsa.SignWith(&f.groupSig, &f.scalar, &f.edwards, &z, f.signed)
		return
	}
	xeddsa.Verify(&f.public, f.groupSig[:], f.signed)
}
