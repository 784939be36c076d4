package custodian

import (
	"crypto/sha256"
	"fmt"
	"slices"

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
		Grant: g, to: r.sc.principal(g.To), since: len(r.messages), at: len(r.events), until: -1,
		seen: make(map[[32]byte]bool), live: g.Via == "stream", atoms: atoms,
	}
	r.grants = append(r.grants, a)
	give := r.give
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
		r.notes = append(r.notes, fmt.Sprintf("Grant %s: %s did not exist at that moment and was granted empty.", g.Name, name))
	}
	return r.probeBoth()
}

// give exports what a grant hands over now and has not handed over before.
func (r *run) give(g *active) error {
	side := sideOfGrant(g.Grant)
	entries, empty, err := r.parties[side].export(r.ctx, g.atoms)
	if err != nil {
		return err
	}
	if len(g.seen) == 0 {
		g.missing = empty
	}
	entries = slices.DeleteFunc(entries, func(e parcel.Entry) bool {
		h := g.digest(&e)
		known := g.seen[h]
		g.seen[h] = true
		return known
	})
	if len(entries) > 0 {
		r.add(event{given: &given{to: g.to, from: side, bytes: parcel.New(entries).Bytes(), grant: g.Name}})
	}
	return nil
}

func (r *run) revoke(name string) error {
	for _, g := range r.grants {
		if g.Name == name {
			g.live, g.until = false, len(r.messages)
		}
	}
	r.revokedAt = len(r.events)
	return r.probeBoth()
}
