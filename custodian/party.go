package custodian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"signet.example/signet"
	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/entropy"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// seeded is an identity key whose signatures, too, are a function of the seed.
type seeded struct {
	*signet.PrivateKey
	src *entropy.Source
}

func (s seeded) Sign(message []byte) ([64]byte, error) { return s.SignFrom(s.src, message) }

// A party is one end of the conversation: a real device on a real store.
type party struct {
	side    attack.Side
	self    signet.Address
	peer    signet.Address
	key     *signet.PrivateKey
	store   session.Store
	mirror  *memory.Store // the same rows
	device  *session.Device
	options *session.Options

	stock   *x3dh.Published // what the directory still hands out
	signed  []uint32        // ids of prekeys that were ever made
	oneTime []uint32
	kem     []uint32
	history []spoken

	// release, if not nil, is asked before secrets leave; an error keeps them. It returns the receipt,
	// if there is one.
	release func(ctx context.Context, g *Grant, entries int, parcel []byte) ([]byte, error)
}

// A spoken is a text that a party sent or received.
type spoken struct {
	number int
	text   []byte
}

func (p *party) name() string { return []string{Customer, Business}[p.side] }

func newParty(ctx context.Context, side attack.Side, sc *Scenario, clock func() time.Time, opts *Options) (*party, error) {
	names := []string{Customer, Business}
	p := &party{
		side: side,
		self: signet.Address{Name: names[side], Device: 1}, peer: signet.Address{Name: names[1-side], Device: 1},
		// Replaced prekeys are retired as soon as the clock has moved on.
		options: &session.Options{AllowX3DH: sc.Protocol == 3, Now: clock, SignedPreKeyGrace: time.Millisecond, AcceptKeyless: sc.Keyless != KeylessRefused},
	}
	p.mirror = memory.New()
	p.store = p.mirror
	if opts != nil && opts.Store != nil {
		store, err := opts.Store(p.name())
		if err != nil {
			return nil, fmt.Errorf("custodian: store of the %s: %w", p.name(), err)
		}
		p.store = &mirror{store: store, memory: p.mirror}
	}
	return p, p.renew(ctx)
}

// renew gives the party an identity key.
func (p *party) renew(ctx context.Context) error {
	src := entropy.From(ctx)
	p.key = signet.GenerateKeyFrom(src)
	p.device = session.NewDevice(p.self, seeded{p.key, src}, p.store, p.options)
	return p.publish(ctx, false)
}

// stockSize is how many one-time prekeys of each kind are published at a time.
const stockSize = 3

// publish makes fresh prekeys.
func (p *party) publish(ctx context.Context, rotate bool) error {
	if rotate {
		if _, err := p.device.Rotate(ctx); err != nil {
			return err
		}
	}
	stock, err := p.device.PreKeys(ctx, stockSize)
	if err != nil {
		return err
	}
	if err := p.device.MarkPublished(ctx, stock); err != nil { // the directory is the scenario's
		return err
	}
	p.stock = stock
	p.signed = note(p.signed, stock.SignedPreKey.ID)
	p.kem = note(p.kem, stock.LastResort.ID)
	for _, k := range stock.PreKeys {
		p.oneTime = note(p.oneTime, k.ID)
	}
	for _, k := range stock.KEMPreKeys {
		p.kem = note(p.kem, k.ID)
	}
	return nil
}

func note(list []uint32, id uint32) []uint32 {
	for _, have := range list {
		if have == id {
			return list
		}
	}
	return append(list, id)
}

// bundle takes the next bundle from the directory. With fallback it is the one that is handed out
// when the one-time prekeys are gone, and nothing is taken.
func (p *party) bundle(ctx context.Context, sc *Scenario, fallback bool) (*x3dh.Bundle, error) {
	if len(p.stock.PreKeys) == 0 && !fallback {
		if err := p.publish(ctx, false); err != nil {
			return nil, err
		}
	}
	from := *p.stock
	if fallback || sc.NoOneTimePreKey {
		from.PreKeys, from.KEMPreKeys = nil, nil
	}
	f := from.Next()
	if !fallback && !sc.NoOneTimePreKey {
		*p.stock = from
	}
	if sc.Protocol == 3 {
		f.KEMPreKey = nil
	}
	return x3dh.NewBundle(f)
}

// rotatePreKeys replaces all prekeys and deletes the old ones.
func (p *party) rotatePreKeys(ctx context.Context, advance func()) error {
	err := p.store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		last := p.stock.LastResort.ID
		for _, id := range p.oneTime {
			if err := drop(tx.DeletePreKey(id)); err != nil {
				return err
			}
		}
		for _, id := range p.kem {
			if id == last {
				continue // Retire deletes it with its marks
			}
			if err := drop(tx.DeleteKEMPreKey(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.publish(ctx, true); err != nil {
		return err
	}
	advance()
	_, err = p.device.Retire(ctx)
	return err
}

// publicKey is the key behind a name.
func publicKey(k parcel.Key) signet.PublicKey { return signet.PublicKeyFromRaw([32]byte(k[1:])) }

// drop forgives that a row is gone already.
func drop(err error) error {
	if errors.Is(err, session.ErrNoRow) {
		return nil
	}
	return err
}

// prekeys calls f with every prekey record that the party still has.
func (p *party) prekeys(ctx context.Context, f func(kind parcel.Kind, id uint32, record []byte) error) error {
	return p.prekeysOf(ctx, 0, f)
}

// prekeysOf is prekeys for one kind; zero is all.
func (p *party) prekeysOf(ctx context.Context, only parcel.Kind, f func(kind parcel.Kind, id uint32, record []byte) error) error {
	return p.store.Update(ctx, signet.Address{}, func(tx session.Tx) error {
		for _, k := range []struct {
			kind parcel.Kind
			ids  []uint32
			get  func(uint32) ([]byte, error)
		}{
			{parcel.SignedPreKey, p.signed, tx.SignedPreKey},
			{parcel.OneTimePreKey, p.oneTime, tx.PreKey},
			{parcel.KyberPreKey, p.kem, tx.KEMPreKey},
		} {
			if only != 0 && k.kind != only {
				continue
			}
			for _, id := range k.ids {
				b, err := k.get(id)
				if err != nil {
					return err
				}
				if b == nil {
					continue
				}
				if err := f(k.kind, id, bytes.Clone(b)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
