package spqr

import (
	"errors"

	"signet.example/signet/internal/entropy"
	"signet.example/signet/internal/mlkem"
)

var errPeer = errors.New("spqr: erroneous data received from remote party")

// A braid is the ML-KEM Braid of one party: a key agreement in ever new epochs, of which one side
// makes the key pair and the other the ciphertext, in turns (spqr §11).
//
// Only phase, epoch and auth live on from phase to phase. What else a phase has is in its row of
// the table phases; the other fields may hold leftovers, which nothing reads or writes.
type braid struct {
	phase Phase
	epoch uint64
	auth  authenticator
	parts [parts][]byte
	enc   encoder
	dec   decoder

	// made is the decapsulation key or encapsulation state that this send sampled, to be wiped
	// when it is written.
	made []byte
}

// A sampler is where the two sampling sends get their randomness. Tests have one that replays.
type sampler interface {
	keyPair(hdr *[sizeHdr]byte, ek *[sizeEk]byte, dk *[sizeDk]byte)
	coins(m *[32]byte)
}

// live draws from a source. It is the only sampler outside tests.
type live struct{ src *entropy.Source }

func (l live) keyPair(hdr *[sizeHdr]byte, ek *[sizeEk]byte, dk *[sizeDk]byte) {
	seed := new([mlkem.SeedSize]byte)
	l.src.Read(seed[:])
	mlkem.GenerateKey(seed, hdr, ek, dk)
	clear(seed[:])
}

func (l live) coins(m *[32]byte) { l.src.Read(m[:]) }

// send moves on and fills in the message but for its index. fresh tells that the epoch's secret
// became known (spqr §11.2).
func (b *braid) send(s sampler, m *message) (secret [32]byte, fresh bool, err error) {
	switch b.phase {
	case KeysUnsampled:
		err = b.makeKeys(s)
	case HeaderReceived:
		secret, err = b.encapsulate(s)
		fresh = err == nil
	}
	if err != nil {
		return secret, false, err
	}
	m.epoch, m.kind = b.epoch, phases[b.phase].sends
	if m.kind.hasChunk() {
		err = b.enc.chunk(phases[b.phase].encodes.size, m)
	}
	return secret, fresh, err
}

func (b *braid) makeKeys(s sampler) (err error) {
	hdr, ek, dk := new([sizeHdr]byte), new([sizeEk]byte), new([sizeDk]byte)
	s.keyPair(hdr, ek, dk)
	b.phase, b.made = KeysSampled, dk[:]
	b.parts[partEk], b.parts[partDk] = ek[:], dk[:]
	mac := b.auth.header(b.epoch, hdr[:])
	return b.enc.start(hdr[:], mac[:])
}

// encapsulate is the first half of it, which needs no more than the header.
func (b *braid) encapsulate(s sampler) (secret [32]byte, err error) {
	m, es, ct1 := new([32]byte), new([sizeEs]byte), new([sizeCt1]byte)
	s.coins(m)
	shared := mlkem.Encapsulate1(m, (*[sizeHdr]byte)(b.parts[partHdr]), es, ct1)
	secret = epochSecret(b.epoch, &shared)
	clear(shared[:])
	clear(m[:])
	b.auth.update(b.epoch, &secret)
	b.phase, b.made = Ct1Sampled, es[:]
	b.parts[partEs], b.parts[partCt1] = es[:], ct1[:]
	return secret, b.enc.start(ct1[:])
}

// recv learns from a message. Whatever is of no use to the phase is ignored, and is no error; fresh
// is as in send (spqr §11.3).
func (b *braid) recv(m *message) (secret [32]byte, fresh bool, err error) {
	if m.epoch > b.epoch {
		if b.phase != Ct2Sampled || m.epoch-1 != b.epoch {
			return secret, false, errEpoch(m.epoch)
		}
		b.turn(KeysUnsampled) // the peer has the whole ciphertext; its payload is for the next message
		return secret, false, nil
	}
	if m.epoch < b.epoch {
		return secret, false, nil
	}
	if phases[b.phase].hears&(1<<m.kind) == 0 {
		return secret, false, nil
	}
	switch b.phase {
	case KeysSampled: // one chunk of ct1 proves that the header has arrived
		err = b.startVector(m)
	case HeaderSent:
		var ct1 []byte
		if ct1, err = b.collect(m); ct1 != nil {
			b.phase, b.parts[partCt1] = Ct1Received, ct1
		}
	case Ct1Received: // one chunk of ct2 proves that the vector has arrived
		b.phase = EkSentCt1Received
		err = b.receive(m)
	case EkSentCt1Received:
		secret, fresh, err = b.decapsulate(m)
	case NoHeaderReceived:
		err = b.collectHeader(m)
	case Ct1Sampled, Ct1Acknowledged:
		err = b.collectVector(m)
	case EkReceivedCt1Sampled: // the chunk of an EkCt1Ack is not needed
		err = b.finish(b.parts[partEk])
	}
	return secret, fresh, err
}

// turn begins the next epoch in the other role. The literal erases what the last one left.
func (b *braid) turn(p Phase) { *b = braid{phase: p, epoch: b.epoch + 1, auth: b.auth} }

// receive begins the decoder of the phase with its first chunk, which never is all of it.
func (b *braid) receive(m *message) error {
	if err := b.dec.start(phases[b.phase].decodes.size); err != nil {
		return err
	}
	_, err := b.collect(m)
	return err
}

// collect adds a chunk to the decoder of the phase, and returns what it decodes once it is
// complete.
func (b *braid) collect(m *message) ([]byte, error) {
	return b.dec.add(phases[b.phase].decodes.size, m)
}

func (b *braid) startVector(m *message) error {
	b.phase = HeaderSent
	if err := b.enc.start(b.parts[partEk]); err != nil {
		return err
	}
	return b.receive(m)
}

func (b *braid) collectHeader(m *message) error {
	sealed, err := b.collect(m)
	if sealed == nil {
		return err
	}
	hdr, tag := sealed[:sizeHdr], sealed[sizeHdr:]
	if err := verify(b.auth.header(b.epoch, hdr), tag); err != nil {
		return err
	}
	b.phase, b.parts[partHdr] = HeaderReceived, hdr
	return b.dec.start(sizeEk)
}

func (b *braid) collectVector(m *message) error {
	ek, err := b.collect(m)
	if err != nil {
		return err
	}
	acked := b.phase == Ct1Acknowledged || m.kind == kindEkCt1Ack
	switch {
	case ek == nil && acked:
		b.phase = Ct1Acknowledged
	case ek == nil:
	case !mlkem.CheckVector((*[sizeHdr]byte)(b.parts[partHdr]), (*[sizeEk]byte)(ek)):
		return errPeer
	case acked:
		return b.finish(ek)
	default:
		b.phase, b.parts[partEk] = EkReceivedCt1Sampled, ek
	}
	return nil
}

// finish is the second half of the encapsulation: the peer has ct1, and we have its vector.
func (b *braid) finish(ek []byte) error {
	var ct2 [sizeCt2]byte
	mlkem.Encapsulate2((*[sizeEs]byte)(b.parts[partEs]), (*[sizeEk]byte)(ek), &ct2)
	b.phase = Ct2Sampled
	mac := b.auth.ciphertext(b.epoch, b.parts[partCt1], ct2[:])
	return b.enc.start(ct2[:], mac[:])
}

// decapsulate ends the epoch of the side that made the keys. The MAC, whose key depends on the
// secret, also tells whether the KEM rejected the ciphertext.
func (b *braid) decapsulate(m *message) (secret [32]byte, fresh bool, err error) {
	sealed, err := b.collect(m)
	if sealed == nil {
		return secret, false, err
	}
	ct2, tag := sealed[:sizeCt2], sealed[sizeCt2:]
	dk, ct1 := (*[sizeDk]byte)(b.parts[partDk]), (*[sizeCt1]byte)(b.parts[partCt1])
	shared := mlkem.Decapsulate(dk, ct1, (*[sizeCt2]byte)(ct2))
	secret = epochSecret(b.epoch, &shared)
	clear(shared[:])
	b.auth.update(b.epoch, &secret)
	if err := verify(b.auth.ciphertext(b.epoch, ct1[:], ct2), tag); err != nil {
		return [32]byte{}, false, err
	}
	b.turn(NoHeaderReceived)
	return secret, true, b.dec.start(sealedHdr)
}
