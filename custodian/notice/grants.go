package notice

import (
	"fmt"
	"slices"
	"strings"
)

// Secrets is a set of the secrets that a grant hands over, by the names of the scenario format.
// There is no name for the custody root key.
type Secrets uint32

// The secrets of custody B1. The bits are part of the encoding.
const (
	Identity Secrets = 1 << iota
	SignedPreKey
	OneTimePreKeys
	KyberPreKey
	SessionRoot
	RatchetPrivate
	SendingChain
	ReceivingChains
	Skipped
	Archived
	PQRoot
	PQSendingChain
	PQReceivingChain
	PQSkipped
	PQAuth
	PQDecapsulation
	PQEncapsulation
	PQNegotiation
	Plaintext

	allSecrets = 1<<iota - 1
)

// Groups of secrets.
const (
	SessionEC  = SessionRoot | RatchetPrivate | SendingChain | ReceivingChains | Skipped
	SessionPQ  = PQRoot | PQSendingChain | PQReceivingChain | PQSkipped | PQAuth | PQDecapsulation | PQEncapsulation | PQNegotiation
	Session    = SessionEC | SessionPQ
	PreKeys    = SignedPreKey | OneTimePreKeys | KyberPreKey
	Everything = Identity | PreKeys | Session | Archived
)

var secretNames = []string{
	"identity", "signed-prekey", "one-time-prekeys", "kyber-prekey", "root", "ratchet-private",
	"sending-chain", "receiving-chains", "skipped", "archived", "pq-root", "pq-sending-chain",
	"pq-receiving-chain", "pq-skipped", "pq-auth", "pq-decapsulation", "pq-encapsulation",
	"pq-negotiation", "plaintext",
}

var secretGroups = map[string]Secrets{
	"session-ec": SessionEC, "session-pq": SessionPQ, "session": Session, "prekeys": PreKeys, "everything": Everything,
}

// SecretsNamed returns the set of secrets with these names, which may be names of groups. The error
// names what is unknown.
func SecretsNamed(names ...string) (s Secrets, err error) {
	for _, n := range names {
		if i := slices.Index(secretNames, n); i >= 0 {
			s |= 1 << i
		} else if g, ok := secretGroups[n]; ok {
			s |= g
		} else {
			return 0, fmt.Errorf("notice: no secret is named %q", n)
		}
	}
	return s, nil
}

// Names returns the names of the secrets in the set, in the order of the format.
func (s Secrets) Names() (names []string) {
	for i, n := range secretNames {
		if s>>i&1 == 1 {
			names = append(names, n)
		}
	}
	return names
}

// Via is how secrets are handed over. The numbers are part of the encoding.
type Via uint8

// The ways of custody B1. A quota hands over single message keys; an enclave counts as its
// operator.
const (
	Copy    Via = 1
	Stream  Via = 2
	Quota   Via = 3
	Oracle  Via = 4
	Enclave Via = 5
)

// Direction is which texts a grant of Plaintext copies. Both is the zero value; it says nothing
// about keys.
type Direction uint8

// The directions.
const (
	Both         Direction = 0
	FromCustomer Direction = 1
	FromBusiness Direction = 2
)

// A Provider is who holds granted secrets.
type Provider struct {
	Name         string // as it is shown
	Key          Hash   // fingerprint of a key of the provider, zero if none is known
	Operator     bool   // it also carries the messages: content and contact facts meet
	Jurisdiction string // may be empty
}

// A Grant hands secrets to a provider.
type Grant struct {
	To        int // index of the provider in the statement
	Secrets   Secrets
	Via       Via
	Direction Direction
	Count     uint64 // of a quota, else 0
}

// Verbs is a set of what somebody can do to a conversation.
type Verbs uint8

// The verbs.
const (
	ReadCustomer  Verbs = 1 << iota // reads what the customer writes
	ReadBusiness                    // reads what the business writes
	Write                           // writes in the name of the business
	WriteCustomer                   // makes the business believe that the customer wrote
	Open                            // opens new conversations in the name of the business

	allVerbs = 1<<iota - 1
)

var verbNames = []string{"read-customer", "read-business", "write", "write-customer", "open"}

// Power is what grants give. If Quota is not zero, it writes at most that many messages.
type Power struct {
	Verbs Verbs
	Quota uint64
}

// Powers returns what all of the grants together give in a conversation of this version of the
// protocol (3 or 4), under the rules of custody B2. It never says less than a holder can do: where
// it depends on the moment (whether a chain was in use, say) it says that it can.
func Powers(protocol uint8, grants []Grant) Power {
	var keys Secrets
	var p Power
	for _, g := range grants {
		switch g.Via {
		case Quota:
			p.Quota += min(g.Count, 1<<40)
		default:
			keys |= g.Secrets &^ Plaintext
			p.Verbs |= copied(g)
		}
	}
	p.Verbs |= derive(protocol, keys)
	if p.Verbs&Write != 0 {
		p.Quota = 0 // a bound that does not bind
	} else if p.Quota > 0 {
		p.Verbs |= Write
	}
	return p
}

func copied(g Grant) Verbs {
	switch {
	case g.Secrets&Plaintext == 0:
		return 0
	case g.Direction == FromCustomer:
		return ReadCustomer
	case g.Direction == FromBusiness:
		return ReadBusiness
	}
	return ReadCustomer | ReadBusiness
}

// derive closes a set of keys under the rules, rule numbers as in custody B2.
func derive(protocol uint8, s Secrets) (v Verbs) {
	all := func(x Secrets) bool { return s&x == x }
	any := func(x Secrets) bool { return s&x != 0 }
	classic := protocol < 4

	turn := all(SessionRoot | RatchetPrivate)                           // R4
	pqTurn := all(PQRoot) && any(PQDecapsulation|PQEncapsulation)       // R8, R9
	pq := classic || pqTurn || any(PQNegotiation)                       // R6
	in := turn || any(ReceivingChains|Skipped)                          // R5
	out := turn || any(SendingChain)                                    // R5
	if in && (pq || any(PQReceivingChain|PQSkipped)) || any(Archived) { // R7, R11: a message key needs both halves
		v |= ReadCustomer // R12
	}
	if out && (pq || any(PQSendingChain)) || any(Archived) {
		v |= ReadBusiness
	}
	// R13: a message that is accepted needs the elliptic-curve half alone; towards its owner, the root
	// alone.
	if out || any(Archived) {
		v |= Write
	}
	if any(SessionRoot|ReceivingChains|Skipped) || any(Archived) {
		v |= WriteCustomer
	}
	if any(Identity) {
		v |= Open // S3, S5
	}
	if any(SignedPreKey) {
		v |= WriteCustomer // S4: a session with the responder's own prekey
	}
	if all(Identity|SignedPreKey) && (classic || any(KyberPreKey)) {
		v |= ReadCustomer | ReadBusiness | Write | WriteCustomer // R3: every new session
	}
	return v
}

// The labels that are not lists of verbs.
const (
	selfManaged = "self-managed"
	dormant     = "dormant" // secrets were handed over that open nothing
)

// Label returns the mode label of the grants: "self-managed", "dormant", or "managed" and what the
// holders together can do. A label in a statement is checked against it, never trusted.
func Label(protocol uint8, grants []Grant) string {
	if len(grants) == 0 {
		return selfManaged
	}
	p := Powers(protocol, grants)
	if p.Verbs == 0 {
		return dormant
	}
	label := "managed:" + strings.Join(p.Verbs.names(), "+")
	if p.Quota > 0 {
		label += fmt.Sprintf(":%d", p.Quota)
	}
	return label
}

// A Holder is who can do something: one provider, or several who can do it only together.
type Holder struct {
	Names    []string
	Power    Power
	Operator bool // one of them also carries the messages
}

// holders returns who can do what, in the order of the providers. What no provider can do alone but
// all can together comes last.
func holders(protocol uint8, providers []Provider, grants []Grant) (list []Holder) {
	var alone Verbs
	var involved Holder
	for i, p := range providers {
		var mine []Grant
		for _, g := range grants {
			if g.To == i {
				mine = append(mine, g)
			}
		}
		if len(mine) == 0 {
			continue
		}
		involved.Names = append(involved.Names, p.Name)
		involved.Operator = involved.Operator || p.Operator
		if power := Powers(protocol, mine); power.Verbs != 0 {
			alone |= power.Verbs
			list = append(list, Holder{[]string{p.Name}, power, p.Operator})
		}
	}
	together := Powers(protocol, grants)
	if extra := together.Verbs &^ alone; extra != 0 {
		involved.Power = together
		list = append(list, involved)
	}
	return list
}
