// Package custodian says who can read and forge what, after a business has handed its conversation,
// or parts of it, to somebody else; with evidence for every word.
//
// A [Scenario] is a script: messages between a customer and a business, and grants of secrets by
// name. [Evaluate] plays it with real devices, exports the granted secrets as bytes, and asks two
// parties that share nothing what follows: package know, which reasons over the names of what was
// handed over, and package attack, which is given the bytes and tries. A verdict is "lost" only
// with a witness, a message that was in fact decrypted or a forgery that a copy of the receiver in
// fact accepted; it is "held" only with a certificate, a saturated set of facts that does not
// contain what would be needed. If the two disagree about a message, the verdicts that depend on it
// are "unknown" and the report says why.
//
// Nothing here knows what a delegation is called. There is no table from a mode to a verdict.
//
// # How a script is read
//
// Whoever writes without a session begins one with the other end's next bundle. A rotated session
// or identity makes both ends archive what they have, so that the next one to write begins a fresh
// session; rotated prekeys are deleted at once. A grant of "plaintext" hands over what the end has
// sent and received so far, by stream what follows too. A quota reserves its places on the sending
// chain by encrypting as many messages and throwing them away. Whether a message can be forged is
// asked when it is on its way and not yet delivered. An injection that is accepted happens: the
// conversation goes on from there. A barrier deletes what was there when the last grant was
// revoked.
//
// # Asking further
//
// [Play] is Evaluate for those who go on asking: [Evaluation.Explain] derives why a principal can
// read or forge a message, or says what it lacks. [Compare] says which secrets are behind the
// differences of two scenarios, [Advise] which to withhold so that guarantees hold. [Record]
// follows a live conversation between two devices in the place of a script.
// docs/custody-questions.md has more.
//
// # What is not claimed
//
// A report speaks about the secrets that a scenario hands over, under its list of assumptions; that
// nobody else holds a copy cannot be proved (custody B13).
//
// # Concurrency
//
// A Scenario is not modified by Evaluate, and may be evaluated by several goroutines at once. A
// Report is read-only.
package custodian

import "slices"

// The two ends of the conversation, as they are named in scenarios and reports.
const (
	Customer = "customer"
	Business = "business"
)

// A Scenario is a script to be evaluated (custody-format.md). It is built in Go or parsed.
type Scenario struct {
	Protocol        int    // 3 (X3DH) or 4 (PQXDH and the post-quantum ratchet)
	Seed            uint64 // below 2^53 where it is written down: parsed, or in a bundle
	Initiator       string // Customer or Business; empty is Customer
	NoOneTimePreKey bool   // bundles have no one-time prekeys
	Keyless         string // KeylessAccepted or KeylessRefused; empty is accepted. Protocol 4
	Principals      []Principal
	Script          []Step
}

// What both ends do with a message without a post-quantum key, once they have received one with a
// key.
const (
	KeylessAccepted = "accepted" // as the official client does
	KeylessRefused  = "refused"  // as this library does, unless it is told otherwise
)

// A Role is how close to the conversation a principal is.
type Role string

// The roles.
const (
	Provider Role = "provider" // serves the business
	Operator Role = "operator" // carries envelopes and runs the directory
	Outsider Role = "outsider"
)

// A Principal is a party other than the two ends.
type Principal struct {
	ID      string
	Role    Role
	Quantum bool   // keeps what it saw, and breaks elliptic curves later
	Sees    string // "all" or "none": the ciphertexts; empty is none for an outsider and all for others
	Part    *Part  // in the place of Sees: it sees a part of them
	SameAs  string // the id of a principal with which it shares all that it knows
}

// A Step is one line of a script. Exactly one field is set.
type Step struct {
	Send    *Send
	Deliver []int // hands over held messages, in this order
	Drop    []int // loses held messages
	Grant   *Grant
	Revoke  string // the name of a grant
	Rotate  string // "session", "prekeys" or "identity"
	Barrier bool
	Block   string // Customer
	Inject  *Inject
	Notice  *Statement
}

// Send writes messages.
type Send struct {
	From  string // Customer or Business
	Text  string // empty: "message" and its number
	Count int    // 0 is 1
	Hold  bool   // the messages are not delivered yet
}

// A Grant hands over secrets.
type Grant struct {
	Name  string
	To    string   // a principal
	From  string   // whose secrets; empty is Business
	Atoms []string // names of secrets and of groups of them
	Via   string   // "copy", "stream", "quota" or "oracle"
	Count int      // of a quota
}

// Inject lets a principal try to be believed.
type Inject struct {
	By   string // a principal
	As   string // Customer or Business
	To   string // the other end
	Text string
}

// Atoms returns the names of the secrets that can be granted, in the order of the format.
func Atoms() []string { return slices.Clone(atomNames) }

var atomNames = []string{
	"identity", "signed-prekey", "one-time-prekeys", "kyber-prekey", "root", "ratchet-private",
	"sending-chain", "receiving-chains", "skipped", "archived", "pq-root", "pq-sending-chain",
	"pq-receiving-chain", "pq-skipped", "pq-auth", "pq-decapsulation", "pq-encapsulation",
	"pq-negotiation", "plaintext",
}

// groups are the names that stand for several atoms.
var groups = map[string][]string{
	"session-ec": {"root", "ratchet-private", "sending-chain", "receiving-chains", "skipped"},
	"session-pq": {"pq-root", "pq-sending-chain", "pq-receiving-chain", "pq-skipped", "pq-auth", "pq-decapsulation", "pq-encapsulation", "pq-negotiation"},
	"session":    {"session-ec", "session-pq"},
	"prekeys":    {"signed-prekey", "one-time-prekeys", "kyber-prekey"},
	"everything": {"identity", "prekeys", "session", "archived"},
}

// expand returns the atoms that names stand for, in the order of the format and each once. The
// first unknown name is returned too.
func expand(names []string) (atoms []string, unknown string) {
	set := make(map[string]bool)
	var add func(name string) string
	add = func(name string) string {
		members, group := groups[name]
		if !group {
			if !slices.Contains(atomNames, name) {
				return name
			}
			set[name] = true
		}
		for _, m := range members {
			add(m)
		}
		return ""
	}
	for _, n := range names {
		if u := add(n); u != "" || n == "" {
			return nil, n
		}
	}
	for _, n := range atomNames {
		if set[n] {
			atoms = append(atoms, n)
		}
	}
	return atoms, ""
}
