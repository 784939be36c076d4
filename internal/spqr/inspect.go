package spqr

import "signet.example/signet/internal/erasure"

// Info is what a stored state looks like from outside. It holds no secrets.
type Info struct {
	On          bool      // false for the empty state, and then nothing else is set
	Negotiating bool      // nothing was received yet: the state holds the handshake's key
	Direction   Direction // the role in the session
	Phase       Phase
	Epoch       uint64 // of the braid, from 1

	// Chain epochs: of the last send, and the newest. Both are 0 while there is no chain.
	SendEpoch, ChainEpoch uint64

	HasDecapsulationKey   bool // the private key of the epoch
	HasEncapsulationState bool // what its ciphertext was made with

	// The active decoder, and the counter of the active encoder; zero if the phase has none.
	ChunksReceived, ChunksNeeded int
	NextChunk                    uint32

	SkippedKeys int // stored for messages that are late, over all chain epochs
}

// Inspect describes a state. It fails with ErrState if it cannot be decoded.
func Inspect(stored []byte) (Info, error) {
	var s state
	if err := s.parse(stored); err != nil {
		return Info{}, err
	}
	if s.version == 0 {
		return Info{}, nil
	}
	b, c := &s.braid, &s.chain
	row := &phases[b.phase]
	if row.encodes.size != 0 {
		if err := b.enc.parse(row.encodes.size); err != nil {
			return Info{}, err
		}
	}
	var dec erasure.Decoder
	if row.decodes.size != 0 {
		var err error
		if dec, err = b.dec.parse(row.decodes.size); err != nil {
			return Info{}, err
		}
	}
	info := Info{
		On: true, Negotiating: s.negotiating, Direction: c.dir, Phase: b.phase, Epoch: b.epoch,
		SendEpoch: c.sending, ChainEpoch: c.current,
		HasDecapsulationKey:   b.parts[partDk] != nil,
		HasEncapsulationState: b.parts[partEs] != nil,
		ChunksReceived:        dec.Received(), ChunksNeeded: dec.Needed(), NextChunk: b.enc.next,
	}
	if !s.chained {
		info.Direction = s.negotiation.dir
	}
	for _, l := range c.links[:c.n] {
		info.SkippedKeys += (len(l.send.prev) + len(l.recv.prev)) / recordSize
	}
	return info, nil
}
