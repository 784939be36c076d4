package custodian

import (
	"context"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
	"signet.example/signet/internal/wire"
	"signet.example/signet/session"
)

// Version is the report's tool version.
const Version = "0.1.0"

// Options adjusts an evaluation. The zero value works.
type Options struct {
	// Store opens the store of an end, Customer or Business; it must be empty. Nil keeps both in
	// memory.
	Store func(principal string) (session.Store, error)
	// Offered, if not nil, is told of every message that an adversary puts before a copy of an end. It
	// is called by one goroutine and does not change the report.
	Offered func(*Offer)
}

// Evaluate plays a scenario and reports who can read and forge what. Nil opts means the defaults.
// The report is a function of the scenario. The error is a *ScenarioError for a malformed scenario,
// or what a store or device returned.
func Evaluate(ctx context.Context, sc *Scenario, opts *Options) (*Report, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	digest, err := sc.digest()
	if err != nil {
		return nil, err
	}
	r, err := play(ctx, sc, opts)
	if err != nil {
		return nil, err
	}
	return r.report(digest, "")
}

// report asks the rule book, with the rule without left out, and the adversary, and writes down
// what they say.
func (r *run) report(digest, without string) (*Report, error) {
	w, err := r.judge(without)
	if err != nil {
		return nil, err
	}
	return w.write(digest), nil
}

// judge asks both halves about every principal.
func (r *run) judge(without string) (*writer, error) {
	if err := r.collectOracle(); err != nil {
		return nil, err
	}
	base := know.Replay(r.transcript(), without)
	views := r.views(base)
	w := &writer{run: r, base: base, views: views}
	if err := r.attempts(base, views); err != nil {
		return nil, err
	}
	for i, v := range views {
		w.limits = append(w.limits, v.compare(r, i, false)...)
		w.limits = append(w.limits, v.quantum.compare(r, i, true)...)
	}
	return w, nil
}

// collectOracle adds the private keys of both ends to what a quantum computer would find. A base
// key's is forgotten by its owner; its agreements follow from the other halves.
func (r *run) collectOracle() error {
	for _, p := range r.parties {
		r.oracle[parcel.Key(p.key.PublicKey().Bytes())] = [32]byte(p.key.Bytes())
		err := p.prekeys(r.ctx, func(kind parcel.Kind, _ uint32, record []byte) error {
			k, err := wire.ParsePreKey(record)
			if err == nil && kind != parcel.KyberPreKey {
				r.oracle[preKeyName(kind, k.Public)] = [32]byte(k.Private)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// names of the two ends, by side.
var endNames = [...]string{attack.Customer: Customer, attack.Business: Business}
