package ops

import (
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/kem"
	"signet.example/signet/internal/spqr"
)

// pq is the post-quantum half alone: what it adds to a message of a ping-pong at both ends, and the
// KEM of the handshake.
func (b *builder) pq() {
	b.add("spqr-amortised", "the post-quantum ratchet's part of a message of a ping-pong, amortised over epochs",
		with(2*pingPongEpoch, looped(measure.Signet, openBraid)),
		amortised(2*pingPongEpoch, 2, func(f *floor) {
			for range 2 {
				kdf.HKDF(f.okm[:64], nil, f.key[:], f.info[:4+len(labelNext)])
			}
		}))
	public, private := kem.Generate(new([kem.SeedSize]byte))
	coins := new([kem.CoinsSize]byte)
	b.add("kem-encapsulate", "Kyber1024, as the initiator of a handshake",
		looped(measure.Signet, func() (func() error, error) {
			return func() error { _, _, err := kem.Encapsulate(public, coins); return err }, nil
		}))
	b.add("kem-decapsulate", "Kyber1024, as its responder",
		looped(measure.Signet, func() (func() error, error) {
			ciphertext, _, err := kem.Encapsulate(public, coins)
			return func() error { _, err := kem.Decapsulate(private, ciphertext); return err }, err
		}))
}

// openBraid passes messages to and fro between two states.
func openBraid() (func() error, error) {
	key := [32]byte{1}
	from, to := new(spqr.State), new(spqr.State)
	if err := from.UnmarshalBinary(spqr.Init(spqr.A2B, &key, false)); err != nil {
		return nil, err
	}
	if err := to.UnmarshalBinary(spqr.Init(spqr.B2A, &key, false)); err != nil {
		return nil, err
	}
	return func() error {
		var next, heard spqr.State
		var room [spqr.MaxMessage]byte
		message, _, _, err := from.Send(&next, nil, room[:0])
		if err != nil {
			return err
		}
		if _, _, err = to.Recv(&heard, message); err != nil {
			return err
		}
		from.Replace(&next)
		to.Replace(&heard)
		from, to = to, from
		return nil
	}, nil
}
