package check

import (
	"fmt"
	"slices"
	"strings"
)

// The secrets of a grant by their bits, in the order of the scenario format.
const (
	bitIdentity = 1 << iota
	bitSignedPreKey
	bitOneTimePreKeys
	bitKyberPreKey
	bitRoot
	bitRatchet
	bitSending
	bitReceiving
	bitSkipped
	bitArchived
	bitPQRoot
	bitPQSending
	bitPQReceiving
	bitPQSkipped
	bitPQAuth
	bitPQDecapsulation
	bitPQEncapsulation
	bitPQNegotiation
	bitPlaintext
)

// What somebody can do, by bits.
const (
	canReadCustomer = 1 << iota
	canReadBusiness
	canWrite
	canWriteCustomer
	canOpen
)

var verbNames = []string{"read-customer", "read-business", "write", "write-customer", "open"}

// The ways of a grant that differ.
const (
	viaQuota  = 3
	viaOracle = 4
)

// powers is what grants give together, at most; quota is not zero if writing is bounded.
func powers(protocol uint64, grants []given) (verbs int, quota uint64) {
	var keys uint64
	for _, g := range grants {
		if g.via == viaQuota {
			quota += min(g.count, 1<<40)
			continue
		}
		keys |= g.secrets &^ bitPlaintext
		if g.secrets&bitPlaintext != 0 {
			verbs |= []int{canReadCustomer | canReadBusiness, canReadCustomer, canReadBusiness}[min(g.direction, 2)]
		}
	}
	verbs |= follow(protocol < 4, keys)
	if verbs&canWrite != 0 {
		quota = 0
	} else if quota > 0 {
		verbs |= canWrite
	}
	return verbs, quota
}

// follow is what keys open, under the rules: to read takes a seed of a chain and, unless the
// session is classic, a post-quantum key; to write takes the seed, or towards the giver the root.
func follow(classic bool, s uint64) (verbs int) {
	all := func(x uint64) bool { return s&x == x }
	turn := all(bitRoot | bitRatchet)
	pq := classic || all(bitPQRoot) && s&(bitPQDecapsulation|bitPQEncapsulation) != 0 || s&bitPQNegotiation != 0
	in := (turn || s&(bitReceiving|bitSkipped) != 0) && (pq || s&(bitPQReceiving|bitPQSkipped) != 0)
	out := (turn || s&bitSending != 0) && (pq || s&bitPQSending != 0)
	session := all(bitIdentity|bitSignedPreKey) && (classic || s&bitKyberPreKey != 0)
	if in || s&bitArchived != 0 || session {
		verbs |= canReadCustomer
	}
	if out || s&bitArchived != 0 || session {
		verbs |= canReadBusiness
	}
	if turn || s&(bitSending|bitArchived) != 0 || session { // no post-quantum key is asked of a forgery
		verbs |= canWrite
	}
	if s&(bitRoot|bitReceiving|bitSkipped|bitArchived) != 0 || session {
		verbs |= canWriteCustomer
	}
	if s&bitIdentity != 0 {
		verbs |= canOpen
	}
	if s&bitSignedPreKey != 0 {
		verbs |= canWriteCustomer
	}
	return verbs
}

// labelOf is the label that follows from grants.
func labelOf(protocol uint64, grants []given) string {
	if len(grants) == 0 {
		return "self-managed"
	}
	verbs, quota := powers(protocol, grants)
	if verbs == 0 {
		return "dormant"
	}
	var names []string
	for i, n := range verbNames {
		if verbs>>i&1 == 1 {
			names = append(names, n)
		}
	}
	label := "managed:" + strings.Join(names, "+")
	if quota > 0 {
		label += fmt.Sprintf(":%d", quota)
	}
	return label
}

// A holder can do something; several can do it only together.
type holder struct {
	names []string
	verbs int
}

// holders lists who can do what: each alone, in the order of the providers, and last what all can
// do only together.
func holders(protocol uint64, providers []provider, grants []given) (list []holder) {
	alone := 0
	var involved []string
	for i, p := range providers {
		var mine []given
		for _, g := range grants {
			if g.to == i {
				mine = append(mine, g)
			}
		}
		if len(mine) == 0 {
			continue
		}
		involved = append(involved, p.name)
		if verbs, _ := powers(protocol, mine); verbs != 0 {
			alone |= verbs
			list = append(list, holder{[]string{p.name}, verbs})
		}
	}
	if together, _ := powers(protocol, grants); together&^alone != 0 {
		list = append(list, holder{involved, together})
	}
	return list
}

// A former is what somebody was granted once, and may have kept.
type former struct {
	name     string
	secrets  uint64
	quota    uint64
	identity string // the identity key that was granted, empty if none was
	chains   int    // what is of single chains ends after so many new ones
}

const ofChains = bitSending | bitReceiving | bitSkipped

// holding lists who can do something under a statement, and who was granted something before and
// still can.
func holding(s *statement, past []former) (now, before []holder) {
	providers, grants := slices.Clone(s.providers), slices.Clone(s.grants)
	for _, f := range past {
		i := slices.IndexFunc(providers, func(p provider) bool { return p.name == f.name })
		if i < 0 {
			i = len(providers)
			providers = append(providers, provider{name: f.name})
		}
		if f.secrets != 0 {
			grants = append(grants, given{to: i, secrets: f.secrets, via: 1})
		}
		if f.quota != 0 {
			grants = append(grants, given{to: i, secrets: bitSending, via: viaQuota, count: f.quota})
		}
	}
	for _, h := range holders(s.protocol, providers, grants) {
		current := slices.ContainsFunc(s.grants, func(g given) bool { return slices.Contains(h.names, s.providers[g.to].name) })
		if current {
			now = append(now, h)
		} else {
			before = append(before, h)
		}
	}
	return now, before
}
