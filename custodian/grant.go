package custodian

import (
	"crypto/sha256"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/parcel"
)

// An active grant is a grant and what was already given under it.
type active struct {
	*Grant
	to      int
	since   int // messages sent before it
	at      int // its event
	until   int // messages sent before its revocation; -1: not revoked
	ended   int // the event of its revocation; -1: not revoked
	texts   int // of the giver's history that it has been asked for: a history is long
	seen    map[[32]byte]bool
	live    bool // a stream that was not revoked
	atoms   []string
	missing []string // atoms that did not exist
	calls   int      // of an oracle
}

// digest names what was given, to give it once.
func (g *active) digest(e *parcel.Entry) [32]byte { return sha256.Sum256(append(e.Name(), e.Value...)) }

func sideOfGrant(g *Grant) attack.Side {
	if g.From == Customer {
		return attack.Customer
	}
	return attack.Business
}

func (r *run) grant(g *Grant) error {
	atoms, _ := expand(g.Atoms)
	a := &active{
		Grant: g, to: r.sc.principal(g.To), since: len(r.messages), at: len(r.events), until: -1, ended: -1,
		seen: make(map[[32]byte]bool), live: g.Via == "stream", atoms: atoms,
	}
	r.grants = append(r.grants, a)
	give := func(a *active) error {
		states, err := r.parties[sideOfGrant(g)].states(r.ctx)
		if err != nil {
			return err
		}
		return r.give(a, states)
	}
	switch g.Via {
	case "quota":
		give = r.giveQuota
	case "oracle":
		give = func(*active) error { return r.ask() }
	}
	if err := give(a); err != nil {
		return err
	}
	for _, name := range a.missing {
		r.note("empty", "{grant}", g.Name, "{atom}", name)
	}
	return r.probeBoth()
}

// give exports what a grant hands over now, from the giver's states, and has not handed over
// before.
func (r *run) give(g *active, states []state) error {
	side := sideOfGrant(g.Grant)
	entries, of, empty, err := r.parties[side].export(r.ctx, states, g.atoms, g.texts)
	if err != nil {
		return err
	}
	g.texts = len(r.parties[side].history)
	if len(g.seen) == 0 {
		g.missing = empty
	}
	var fresh []parcel.Entry
	var atoms []string
	for i := range entries {
		if h := g.digest(&entries[i]); !g.seen[h] {
			g.seen[h] = true
			fresh, atoms = append(fresh, entries[i]), append(atoms, of[i])
		}
	}
	return r.hand(g, fresh, atoms)
}

// hand lets a grant's holder have entries, of which atoms are the secrets that the grant names; a
// single one is that of all.
func (r *run) hand(g *active, entries []parcel.Entry, atoms []string) error {
	if len(entries) == 0 {
		return nil
	}
	x := &given{to: g.to, from: sideOfGrant(g.Grant), grant: g.Name, bytes: parcel.New(entries).Bytes()}
	x.atoms = make(map[string]string)
	for i := range entries {
		name := string(entries[i].Name())
		if _, twice := x.atoms[name]; !twice {
			x.atoms[name] = atoms[min(i, len(atoms)-1)]
		}
	}
	if release := r.parties[x.from].release; release != nil {
		receipt, err := release(r.ctx, g.Grant, len(entries), x.bytes)
		if err != nil {
			return err
		}
		x.receipt = receipt
	}
	r.add(event{given: x})
	return nil
}

func (r *run) revoke(name string) error {
	for _, g := range r.grants {
		if g.Name == name {
			g.live, g.until, g.ended = false, len(r.messages), len(r.events)
		}
	}
	r.revokedAt = len(r.events)
	return r.probeBoth()
}
