package ops

import (
	"bytes"

	"signet.example/signet/bench/internal/gomau"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/internal/wire"
	"signet.example/signet/ratchet"
	"signet.example/signet/x3dh"
)

// records decodes and encodes the record of a session in the middle of an epoch. The floor is a
// copy of its bytes. The peer's record has no post-quantum ratchet in it.
func (b *builder) records() {
	b.add("record-decode", "the record of a session decoded",
		looped(measure.Signet, func() (func() error, error) {
			record, err := sessionRecord()
			return func() error { _, err := decode(record); return err }, err
		}),
		looped(measure.Gomau, func() (func() error, error) {
			s, err := gomauSession()
			if err != nil {
				return nil, err
			}
			record := s.Record()
			return func() error { _, err := s.Decode(record); return err }, nil
		}),
		b.official("record-decode"), copyFloor())
	b.add("record-encode", "the record of a session encoded",
		looped(measure.Signet, func() (func() error, error) {
			record, err := sessionRecord()
			if err != nil {
				return nil, err
			}
			s, err := decode(record)
			return func() error { s.Record(); return nil }, err
		}),
		looped(measure.Gomau, func() (func() error, error) {
			s, err := gomauSession()
			if err != nil {
				return nil, err
			}
			live, err := s.Decode(s.Record())
			return func() error { live.Serialize(); return nil }, err
		}),
		b.official("record-encode"), copyFloor())
}

func copyFloor() measure.Case {
	return looped(measure.Floor, func() (func() error, error) {
		record, err := sessionRecord()
		var sink []byte
		return func() error { sink = bytes.Clone(record); _ = sink; return nil }, err
	})
}

func decode(record []byte) (*ratchet.State, error) {
	current, _, err := wire.SplitRecord(record)
	if err != nil {
		return nil, err
	}
	s := new(ratchet.State)
	return s, s.UnmarshalBinary(current)
}

// sessionRecord is a quarter of an epoch after the beginning of one.
func sessionRecord() ([]byte, error) {
	alice, _ := newDevice(aliceAddr)
	bob, _ := newDevice(bobAddr)
	if err := meet(alice, bob, x3dh.VersionPQXDH); err != nil {
		return nil, err
	}
	p := &pair{onDevice(alice, bobAddr), onDevice(bob, aliceAddr)}
	for range pingPongEpoch / 8 {
		if err := p.roundTrip(text(64)); err != nil {
			return nil, err
		}
	}
	return alice.Record(ctx, bobAddr)
}

// gomauSession is a session of the peer after as many messages.
func gomauSession() (*gomau.Session, error) {
	alice, err := gomau.New(aliceAddr, gomau.Stored)
	if err != nil {
		return nil, err
	}
	bob, err := gomau.New(bobAddr, gomau.Stored)
	if err != nil {
		return nil, err
	}
	f, err := gomauBundle(bob, 1)
	if err != nil {
		return nil, err
	}
	to := alice.Session(bobAddr)
	if err := to.Start(ctx, f); err != nil {
		return nil, err
	}
	p := &pair{onGomau(to), onGomau(bob.Session(aliceAddr))}
	for range pingPongEpoch / 8 {
		if err := p.roundTrip(text(64)); err != nil {
			return nil, err
		}
	}
	return to, nil
}
