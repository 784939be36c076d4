// Package check verifies witness bundles (docs/custody-bundle.md): given nothing but the bundle, it
// decides whether the report in it follows from the transcript in it.
//
// It is written from the page that describes the format, not from the code that writes bundles. It
// imports nothing of this module and no third party; its HKDF, HMAC, AES and X25519 are those of
// the standard library. What it shares with the engine is the rule book, whose hash the report
// names.
//
// A bundle is refused if anything in it does not fit: an archive that is not in its one canonical
// form, a file that is not the one of the manifest, a transcript that contradicts its own messages,
// a certificate that is not the closure of what the principal learnt, a witness whose MAC or
// plaintext is wrong, a verdict, count or citation that does not follow.
package check

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// An Outcome says what was checked in a bundle that verified.
type Outcome struct {
	Profile      string     // "publishable" or "lab"
	Manifest     string     // SHA-256 of manifest.json in hexadecimal: the name of the bundle
	Author       string     // fingerprint of the custody root key that signed the bundle, in hexadecimal; "" if it is anonymous
	Receivers    []Receiver // of parcels, in the order of principals
	Messages     int
	Readings     int // witnesses of a message read
	Forgeries    int // witnesses of a forgery accepted
	Statements   int // custody statements published
	Certificates int
	Verdicts     int
	Edges        int // of derivations, computed from the values of parcels; none if publishable

	Found  []string // the headline as it was made again: what happened, and what is so now
	Judged []Judged // in the order of principals, then of guarantees
	Limits []string // what the bundle cannot show

	Envelopes []Envelope // in the order in which they were sent

	Scenario []byte // scenario.json of a lab bundle, nil for others; the caller's own
}

// Verify checks a bundle. The error says what does not fit; it holds no key and no text. b is not
// modified or kept.
func Verify(b []byte) (*Outcome, error) {
	v, err := verified(b)
	if err != nil {
		return nil, err
	}
	return v.outcome(), nil
}

// verified is a verification that found nothing wrong.
func verified(b []byte) (*verifier, error) {
	files, err := open(b)
	if err != nil {
		return nil, err
	}
	v := &verifier{files: files, about: make(map[string]stretch), ordinal: make(map[string]int)}
	for _, part := range []func() error{
		v.readDocuments, v.readRules, v.readSentences, v.checkTranscript, v.checkSight, v.checkProbes, v.checkGrants, v.checkBindings, v.checkReceipts, v.checkScenario, v.checkStatements, v.close,
		v.checkCertificates, v.checkReadings, v.checkForgeries, v.checkSessions,
		v.checkObservations, v.checkCollisions, v.checkNotices, v.checkDerivations, v.checkUnused, v.checkReport,
	} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *verifier) outcome() *Outcome {
	files := v.files
	sum := sha256.Sum256(files.manifest)
	o := &Outcome{
		Profile: files.profile, Manifest: hex.EncodeToString(sum[:]), Messages: len(v.messages),
		Readings: len(v.evidence.Readings), Forgeries: len(v.evidence.Forgeries) + len(v.evidence.Sessions), Statements: len(v.notices.stated),
		Certificates: len(v.evidence.Certificates), Verdicts: len(v.report.Verdicts), Edges: v.edges,
		Found: v.summary(), Judged: v.judged, Limits: slices.Clone(cannotShow), Envelopes: v.envelopes(), Receivers: v.receivers, Scenario: bytes.Clone(files.data["scenario.json"]),
	}
	if files.author != nil {
		f := fingerprint(files.author)
		o.Author = hex.EncodeToString(f[:])
	}
	return o
}

// A verifier is one verification; its methods run in the order of Verify.
type verifier struct {
	files    *archive
	report   report
	text     transcript
	evidence evidence

	ordinal   map[string]int // of principals
	messages  []*message     // by number
	injected  []*message
	probes    []*event // by number
	asked     []*event // the probe of each message
	parcels   map[int][]entry
	receivers []Receiver
	firsts    map[string]*message // the earliest first message of each session
	signed    map[string]bool     // what the MACs of the conversation's messages cover
	sentBy    [2][]*message       // by each end
	held      map[string]*handed  // by the name of the grant
	own       map[shownKey]int    // when each end first showed a ratchet key
	prekeys   map[shownKey]int    // when each end first published a signed prekey
	arrivals  map[oneWay][]arrival
	words     map[string]sentence // templates, by name
	empties   map[string]missing  // see emptyNotes
	claims    map[string]int      // of the report's evidence, by id
	ids       [2]map[string]bool  // identity keys of each end

	rules     *clauses
	views     []*view
	edges     int
	reads     map[where]*reading
	forgeries map[where]*forgery
	sessions  map[where]*forgery // begun
	observed  []observed         // by principal
	collided  [][]string         // by principal
	judged    []Judged
	headline  *headline // made again
	about     map[string]stretch
	notices   notices
}

// where is what a witness is about: a message or a probe, as seen by a principal.
type where struct {
	principal int
	number    int
	quantum   bool
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("check: "+format, args...)
}

var errHex = errors.New("check: a value is not lower-case hexadecimal of its length")

// unhex decodes exactly n bytes of lower-case hexadecimal; n < 0 is any number.
func unhex(s string, n int) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil || n >= 0 && len(b) != n || hex.EncodeToString(b) != s {
		return nil, errHex
	}
	return b, nil
}

// rulebook is the rule book that this verifier instantiates, as rulebook.txt has it.
const rulebook = `R1 dh(x,y) <- private(x), seen(y)
R1q dh(x,y) <- seen(x), seen(y), quantum
R2 kem-secret(s) <- kem-private(prekey of s), handshake(s)
R3 root(s,signed prekey), chain(s,signed prekey,0), pq-start(s) <- handshake(s), dh(initiator,signed prekey), dh(s,responder), dh(s,signed prekey), [dh(s,one-time prekey)], [kem-secret(s)]
R4 root(s,x), chain(s,x,0) <- root(s,y), dh(x,y), seen(x) where x turned against y
R5a chain(s,x,i+1) <- chain(s,x,i)
R5b seed(s,x,i) <- chain(s,x,i)
R6 pq-root(s,0), pq-chain(s,0,both,0) <- pq-start(s)
R7a pq-chain(s,e,d,i+1) <- pq-chain(s,e,d,i)
R7b pq-key(s,e,d,i+1) <- pq-chain(s,e,d,i)
R8 pq-root(s,e), pq-chain(s,e,both,0) <- pq-root(s,e-1), pq-secret(s,e)
R9a pq-secret(s,e) <- pq-dk(s,e), object(ct1), object(ct2)
R9b pq-secret(s,e) <- pq-es(s,e), object(hdr)
R9o object(x) <- as many distinct chunks of x as rebuild it: hdr 3, ek 36, ct1 30, ct2 5
R11 message-key(m) <- seed of m, [pq-key of m]
R12a opened(m) <- message-key(m), observed(m)
R12b plaintext(m) <- opened(m)
R12c plaintext(m) <- copy(m)
R13a forge <- a seed that the receiver's chain still takes, [a pq-key that it takes, where it takes none without]
R13b forge <- root of the receiver's turn, [a pq-key that it takes, where it takes none without]
R13c forge <- dh(sender, a signed prekey that the receiver keeps)
`

// readRules refuses a bundle that was made by another rule book.
func (v *verifier) readRules() error {
	b, err := v.files.take("rulebook.txt")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if string(b) != rulebook || v.report.Tool.Rulebook != "sha256:"+hex.EncodeToString(sum[:]) {
		return refuse("the rule book is not the one that this verifier knows")
	}
	return nil
}

// checkScenario ties a lab bundle to its scenario.
func (v *verifier) checkScenario() error {
	if v.files.profile != "lab" {
		return nil
	}
	b, err := v.files.take("scenario.json")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if v.report.Scenario != "sha256:"+hex.EncodeToString(sum[:]) {
		return refuse("scenario.json is not the scenario of the report")
	}
	return v.compareScenario(b)
}

// checkUnused refuses files that nothing speaks of.
func (v *verifier) checkUnused() error {
	for name := range v.files.data {
		if !v.files.taken[name] {
			return refuse("%q: no part of a bundle", name)
		}
	}
	return nil
}
