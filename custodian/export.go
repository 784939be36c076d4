package custodian

import (
	"context"
	"crypto/sha256"
	"slices"

	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/wire"
)

// export collects the secrets of atoms as they are now; states are the party's. of has the atom of
// each entry; empty names the atoms that do not exist at this moment. So many texts of the history
// are left out.
func (p *party) export(ctx context.Context, states []state, atoms []string, texts int) (entries []parcel.Entry, of, empty []string, err error) {
	for _, name := range atoms {
		var list []parcel.Entry
		switch name {
		case "identity":
			list = []parcel.Entry{{Kind: parcel.Identity, Key: parcel.Key(p.key.PublicKey().Bytes()), Value: p.key.Bytes()}}
		case "signed-prekey", "one-time-prekeys", "kyber-prekey":
			list, err = p.exportPreKeys(ctx, name)
		case "archived":
			for i := range states {
				if states[i].archived {
					for _, part := range sessionAtoms {
						list = append(list, part.export(&states[i])...)
					}
				}
			}
		case "plaintext":
			for _, s := range p.history[texts:] {
				list = append(list, parcel.Entry{Kind: parcel.Plaintext, Index: uint32(s.number), Value: s.text})
			}
		default:
			i := slices.IndexFunc(sessionAtoms, func(a sessionAtom) bool { return a.name == name })
			if len(states) > 0 && !states[0].archived {
				list = sessionAtoms[i].export(&states[0])
			}
		}
		if err != nil {
			return nil, nil, nil, err
		}
		if len(list) == 0 {
			empty = append(empty, name)
		}
		for range list {
			of = append(of, name)
		}
		entries = append(entries, list...)
	}
	return entries, of, empty, nil
}

func (p *party) exportPreKeys(ctx context.Context, name string) (list []parcel.Entry, err error) {
	kind := map[string]parcel.Kind{
		"signed-prekey": parcel.SignedPreKey, "one-time-prekeys": parcel.OneTimePreKey, "kyber-prekey": parcel.KyberPreKey,
	}[name]
	err = p.prekeysOf(ctx, kind, func(_ parcel.Kind, id uint32, record []byte) error {
		r, err := wire.ParsePreKey(record)
		if err != nil {
			return errRecord
		}
		list = append(list, parcel.Entry{Kind: kind, Key: preKeyName(kind, r.Public), Index: id, Value: r.Private})
		return nil
	})
	return list, err
}

// preKeyName is the public half of a prekey, or for KEM prekeys its hash after the type byte.
func preKeyName(kind parcel.Kind, public []byte) (k parcel.Key) {
	if kind != parcel.KyberPreKey {
		copy(k[:], public)
		return k
	}
	h := sha256.Sum256(public)
	k[0] = 0x08
	copy(k[1:], h[:])
	return k
}

// A sessionAtom is a secret of a session.
type sessionAtom struct {
	name   string
	export func(*state) []parcel.Entry
}

// own is the public half of the party's current ratchet key.
func (s *state) own() (k parcel.Key) {
	copy(k[:], s.Sender.RatchetKey)
	return k
}

var sessionAtoms = []sessionAtom{
	{"root", func(s *state) []parcel.Entry {
		if len(s.RootKey) != 32 || !s.HasSender {
			return nil
		}
		return []parcel.Entry{{Kind: parcel.Root, Base: s.base, Key: s.own(), Value: s.RootKey}}
	}},
	{"ratchet-private", func(s *state) []parcel.Entry {
		if !s.HasSender {
			return nil
		}
		return []parcel.Entry{{Kind: parcel.RatchetPrivate, Base: s.base, Key: s.own(), Value: s.Sender.RatchetPriv}}
	}},
	{"sending-chain", func(s *state) []parcel.Entry {
		if !s.HasSender || !s.Sender.HasKey {
			return nil
		}
		return []parcel.Entry{{Kind: parcel.SendingChain, Base: s.base, Key: s.own(), Index: s.Sender.Index, Value: s.Sender.Key}}
	}},
	{"receiving-chains", func(s *state) (list []parcel.Entry) {
		for i := range s.Receivers {
			c := &s.Receivers[i]
			list = append(list, parcel.Entry{
				Kind: parcel.ReceivingChain, Base: s.base, Key: parcel.Key(c.RatchetKey), Index: c.Index, Value: c.Key,
			})
		}
		return list
	}},
	{"skipped", func(s *state) (list []parcel.Entry) {
		for i := range s.Receivers {
			c := &s.Receivers[i]
			_ = skipped(c, func(counter uint32, seed []byte) {
				list = append(list, parcel.Entry{
					Kind: parcel.Skipped, Base: s.base, Key: parcel.Key(c.RatchetKey), Index: counter, Value: seed,
				})
			})
		}
		return list
	}},
	{"pq-root", pqAtom(func(s *state) []parcel.Entry {
		if !s.pq.chained {
			return nil
		}
		return []parcel.Entry{{Kind: parcel.PQRoot, Base: s.base, Epoch: s.pq.epoch, Value: s.pq.root}}
	})},
	{"pq-sending-chain", pqAtom(func(s *state) (list []parcel.Entry) {
		for _, l := range s.pq.links {
			if len(l.send.next) == 32 {
				list = append(list, parcel.Entry{
					Kind: parcel.PQSending, Base: s.base, Epoch: l.epoch, Dir: s.pq.dir, Index: l.send.ctr, Value: l.send.next,
				})
			}
		}
		return list
	})},
	{"pq-receiving-chain", pqAtom(func(s *state) (list []parcel.Entry) {
		for _, l := range s.pq.links {
			if len(l.recv.next) == 32 {
				list = append(list, parcel.Entry{
					Kind: parcel.PQReceiving, Base: s.base, Epoch: l.epoch, Dir: 1 - s.pq.dir, Index: l.recv.ctr, Value: l.recv.next,
				})
			}
		}
		return list
	})},
	{"pq-skipped", pqAtom(func(s *state) (list []parcel.Entry) {
		for _, l := range s.pq.links {
			l.recv.skipped(func(index uint32, key []byte) {
				list = append(list, parcel.Entry{
					Kind: parcel.PQSkipped, Base: s.base, Epoch: l.epoch, Dir: 1 - s.pq.dir, Index: index, Value: key,
				})
			})
		}
		return list
	})},
	{"pq-auth", pqAtom(func(s *state) []parcel.Entry {
		return []parcel.Entry{{Kind: parcel.PQAuth, Base: s.base, Epoch: s.pq.braid, Value: s.pq.auth}}
	})},
	{"pq-decapsulation", pqAtom(func(s *state) []parcel.Entry {
		if s.pq.dk == nil {
			return nil
		}
		return []parcel.Entry{{Kind: parcel.PQDecapsulation, Base: s.base, Epoch: s.pq.braid, Value: s.pq.dk}}
	})},
	{"pq-encapsulation", pqAtom(func(s *state) []parcel.Entry {
		if s.pq.es == nil {
			return nil
		}
		return []parcel.Entry{{Kind: parcel.PQEncapsulation, Base: s.base, Epoch: s.pq.braid, Value: s.pq.es}}
	})},
	{"pq-negotiation", pqAtom(func(s *state) []parcel.Entry {
		if s.pq.start == nil {
			return nil
		}
		return []parcel.Entry{{Kind: parcel.PQNegotiation, Base: s.base, Value: s.pq.start}}
	})},
}

// pqAtom is an atom that exists only with the post-quantum half.
func pqAtom(export func(*state) []parcel.Entry) func(*state) []parcel.Entry {
	return func(s *state) []parcel.Entry {
		if s.pq == nil {
			return nil
		}
		return export(s)
	}
}
