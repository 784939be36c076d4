package ops

import (
	"errors"

	"signet.example/signet"
	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/internal/xeddsa"
)

var errSignature = errors.New("ops: a good signature was refused")

// primitives are the operations on single keys.
func (b *builder) primitives() {
	own, other := signet.GenerateKey(), signet.GenerateKey().PublicKey()
	message := text(64)
	b.add("x25519", "an agreement",
		simple(measure.Signet, func() error { _, err := own.Agree(other); return err }),
		simple(measure.Gomau, gomau.Agree(own, other)), b.official("x25519"),
		floorCase(1, func(f *floor) { f.multiply(1, 0, 0) }))
	b.add("keygen", "a key pair with its public half",
		simple(measure.Signet, func() error { signet.GenerateKey().PublicKey(); return nil }),
		simple(measure.Gomau, gomau.Generate), b.official("keygen"),
		floorCase(1, func(f *floor) { f.multiply(0, 1, 0) }))
	b.add("xeddsa-sign", "a signature of 64 bytes, with a key that has signed before",
		simple(measure.Signet, func() error { _, err := own.Sign(message); return err }),
		simple(measure.Gomau, gomau.Sign(own, message)), b.official("xeddsa-sign"),
		floorCase(1, func(f *floor) {
			var z [64]byte
			f.src.Read(z[:])
			xeddsa.SignWith(&f.groupSig, &f.scalar, &f.edwards, &z, message)
		}))
	signature, _ := own.Sign(message) // the error is always nil
	public := own.PublicKey()
	b.add("xeddsa-verify", "its verification",
		simple(measure.Signet, func() error {
			if !public.Verify(message, signature[:]) {
				return errSignature
			}
			return nil
		}),
		simple(measure.Gomau, gomau.Verify(public, message, signature)), b.official("xeddsa-verify"),
		floorCase(1, func(f *floor) { u := public.Raw(); xeddsa.Verify(&u, signature[:], message) }))
}

func simple(impl string, f func() error) measure.Case {
	return looped(impl, func() (func() error, error) { return f, nil })
}
