package custodian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// A Profile says how much a bundle reveals.
type Profile string

// The profiles of a bundle.
const (
	// Publishable has the keys of single messages that were read or forged, and no other secret.
	Publishable Profile = "publishable"
	// Lab has the scenario and every value that was handed over.
	Lab Profile = "lab"
)

var (
	errProfile  = errors.New("custodian: unknown profile of a bundle")
	errDisagree = errors.New("custodian: the rule book and the adversary do not agree: there is nothing to put in a bundle")
)

// EvaluateBundle is Evaluate, and returns the witness bundle too: a tar archive from which the
// report can be checked by somebody who has nothing else (docs/custody-bundle.md). It is a function
// of the scenario and profile.
func EvaluateBundle(ctx context.Context, sc *Scenario, opts *Options, profile Profile) (*Report, []byte, error) {
	if profile != Publishable && profile != Lab {
		return nil, nil, errProfile
	}
	if err := sc.Check(); err != nil {
		return nil, nil, err
	}
	if sc.Seed >= maxNumber { // no reader of the bundle could be sure of it
		return nil, nil, wrong("seed", "%d is not below 2^53", sc.Seed)
	}
	source, err := sc.canonical()
	if err != nil {
		return nil, nil, err
	}
	r, err := play(ctx, sc, opts)
	if err != nil {
		return nil, nil, err
	}
	w, err := r.judge("")
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(source)
	report := w.write(hex.EncodeToString(sum[:]))
	b := &bundle{w: w, profile: profile}
	if profile == Lab {
		b.add("scenario.json", source)
	}
	archive, err := b.build(report)
	return report, archive, err
}

// A bundle is a list of files in the making.
type bundle struct {
	w       *writer
	profile Profile
	files   []bundleFile
}

type bundleFile struct {
	name string
	data []byte
}

func (b *bundle) add(name string, data []byte) { b.files = append(b.files, bundleFile{name, data}) }

func (b *bundle) addJSON(name string, v any) error {
	data, err := canonicalJSON(v)
	if err == nil {
		b.add(name, data)
	}
	return err
}

func (b *bundle) build(report *Report) ([]byte, error) {
	if !b.w.agree() {
		return nil, errDisagree
	}
	text, err := report.JSON()
	if err != nil {
		return nil, err
	}
	b.add("report.json", text)
	var rules strings.Builder
	for _, r := range know.Rules {
		rules.WriteString(r.ID + " " + r.Text + "\n")
	}
	b.add("rulebook.txt", []byte(rules.String()))
	b.add("sentences.txt", []byte(sentencesText()))
	if err := b.addJSON("transcript.json", b.transcript()); err != nil {
		return nil, err
	}
	exhibits, err := b.exhibits()
	if err != nil {
		return nil, err
	}
	if err := b.addJSON("evidence.json", exhibits); err != nil {
		return nil, err
	}
	return b.archive()
}

// agree reports whether rule book and adversary say the same of everybody, and all has its
// certificate.
func (w *writer) agree() bool {
	for _, v := range w.views {
		for _, x := range []*view{v, v.quantum} {
			if len(x.badRead) > 0 || len(x.badForge) > 0 || len(x.badBegin) > 0 || x.badNotice || x.cert.id == "" {
				return false
			}
		}
	}
	return true
}

// exhibits writes the certificates and lists all evidence.
func (b *bundle) exhibits() (*bundleEvidence, error) {
	list := &bundleEvidence{
		Certificates: []bundleCertificate{}, Readings: []bundleReading{}, Forgeries: []bundleForgery{},
		Sessions: []bundleForgery{}, Observations: []bundleObservation{}, Collisions: []bundleCollision{},
	}
	for i, v := range b.w.views {
		for _, x := range []*view{v, v.quantum} {
			var text strings.Builder
			for _, k := range x.cert.set.Known() {
				fmt.Fprintf(&text, "%s @%d\n", k.Atom, k.At)
			}
			b.add("certificates/"+x.cert.id+".txt", []byte(text.String()))
			list.Certificates = append(list.Certificates, bundleCertificate{x.cert.id, v.p.ID, x == v.quantum})
		}
		for _, m := range b.w.run.messages {
			if x, ok := b.w.reads[i][m.number]; ok {
				list.Readings = append(list.Readings, b.reading(x.id, v, m.number, false))
			}
			if x, ok := b.w.quantum[i][m.number]; ok {
				list.Readings = append(list.Readings, b.reading(x.id, v.quantum, m.number, true))
			}
		}
		for _, p := range b.w.run.probes {
			if x, ok := b.w.forged[i][p.number]; ok {
				list.Forgeries = append(list.Forgeries, forgeryOf(x.id, v, p, v.forged[p.number]))
			}
			if x, ok := b.w.begun[i][p.number]; ok {
				list.Sessions = append(list.Sessions, forgeryOf(x.id, v, p, v.begun[p.number]))
			}
		}
		if x, ok := b.w.observed[i]; ok {
			list.Observations = append(list.Observations, bundleObservation{x.id, v.p.ID})
		}
		for j, c := range b.w.collisionsOf(i) {
			list.Collisions = append(list.Collisions, bundleCollision{b.w.collided[i][j].id, v.p.ID, c.injected.at, c.message.number})
		}
	}
	b.notices(list)
	slices.SortFunc(list.Readings, func(x, y bundleReading) int { return strings.Compare(x.ID, y.ID) })
	slices.SortFunc(list.Forgeries, func(x, y bundleForgery) int { return strings.Compare(x.ID, y.ID) })
	slices.SortFunc(list.Sessions, func(x, y bundleForgery) int { return strings.Compare(x.ID, y.ID) })
	return list, nil
}

func (b *bundle) reading(id string, v *view, message int, quantum bool) bundleReading {
	o := v.read[message]
	sum := sha256.Sum256(o.Text())
	x := bundleReading{ID: id, Principal: v.p.ID, Quantum: quantum, Message: message, TextSHA256: hex.EncodeToString(sum[:])}
	if !o.Copied() {
		x.Keys = keysOf(o.Keys())
	}
	return x
}

func forgeryOf(id string, v *view, p *probe, f *attack.Acceptance) bundleForgery {
	preKey, body := f.Message()
	sum := sha256.Sum256(f.Text())
	return bundleForgery{
		ID: id, Principal: v.p.ID, Probe: p.number, Strategy: string(f.Strategy()), PreKey: preKey,
		Body: hex.EncodeToString(body), Keys: keysOf(f.Keys()), TextSHA256: hex.EncodeToString(sum[:]),
	}
}

func keysOf(k attack.MessageKeys) *bundleKeys {
	return &bundleKeys{
		Cipher: hex.EncodeToString(k.Cipher[:]), MAC: hex.EncodeToString(k.MAC[:]), IV: hex.EncodeToString(k.IV[:]),
		Sender: hexKey(k.Sender), Receiver: hexKey(k.Receiver),
	}
}

func hexKey(k parcel.Key) string {
	if k == (parcel.Key{}) {
		return ""
	}
	return hex.EncodeToString(k[:])
}

// principal says who somebody is. Of who sees a part it lists what, so that the seed need not be
// told.
func (b *bundle) principal(i int) bundlePrincipal {
	p := &b.w.run.sc.Principals[i]
	x := bundlePrincipal{ID: p.ID, Role: string(p.Role), Quantum: p.Quantum, Sees: p.Sees, SameAs: p.SameAs}
	if p.Part == nil {
		return x
	}
	x.Sees = "part"
	for _, m := range b.w.run.messages {
		if b.w.run.sc.sees(i, m.number, m.from) {
			x.Seen = append(x.Seen, m.number)
		}
	}
	for side := range attack.Side(2) {
		if b.w.run.sc.sees(i, -1, side) {
			x.Others = append(x.Others, endNames[side])
		}
	}
	return x
}

// transcript writes down what is public about the run, and the parcels.
func (b *bundle) transcript() *bundleTranscript {
	r := b.w.run
	t := &bundleTranscript{
		Format: "custody-transcript-v1", Principals: []bundlePrincipal{}, Grants: []bundleGrant{}, Events: []any{},
		Turns: []bundleTurn{}, PQChains: []bundlePQChain{}, Custody: b.custody(),
	}
	for i := range r.sc.Principals {
		t.Principals = append(t.Principals, b.principal(i))
	}
	for _, g := range r.grants {
		until := g.until
		if until < 0 {
			until = len(r.messages)
		}
		var atoms []string
		if g.Via == "copy" || g.Via == "stream" {
			atoms = g.atoms
		}
		t.Grants = append(t.Grants, bundleGrant{g.Name, g.To, endNames[sideOfGrant(g.Grant)], g.Via, atoms, g.Count, g.since, until, g.at, g.ended})
	}
	parcels := 0
	for i := range r.events {
		t.Events = append(t.Events, b.event(i, &r.events[i], &parcels))
	}
	for _, x := range r.ledger.turns {
		t.Turns = append(t.Turns, bundleTurn{hexKey(x.Base), hexKey(x.Key), hexKey(x.Against), x.Last})
	}
	for _, c := range r.ledger.pq {
		t.PQChains = append(t.PQChains, bundlePQChain{hexKey(c.Base), c.Epoch, c.Dir, c.Last})
	}
	return t
}

func (b *bundle) event(at int, e *event, parcels *int) any {
	principals := b.w.run.sc.Principals
	switch {
	case e.bundle != nil:
		f := e.bundle.bundle.Fields()
		x := bundleDirectory{
			At: at, Kind: "bundle", Of: endNames[e.bundle.side], Identity: hex.EncodeToString(f.Identity.Bytes()),
			SignedPreKey: bundlePreKey{
				ID: f.SignedPreKey.ID, Key: hex.EncodeToString(f.SignedPreKey.Public.Bytes()), Signature: hex.EncodeToString(f.SignedPreKey.Signature),
			},
		}
		if f.PreKey != nil {
			x.OneTimePreKey = &bundlePreKey{ID: f.PreKey.ID, Key: hex.EncodeToString(f.PreKey.Public.Bytes())}
		}
		if f.KEMPreKey != nil {
			x.KEMPreKey = &bundlePreKey{
				ID: f.KEMPreKey.ID, Key: hexKey(preKeyName(parcel.KyberPreKey, f.KEMPreKey.Public)),
				Public: hex.EncodeToString(f.KEMPreKey.Public), Signature: hex.EncodeToString(f.KEMPreKey.Signature),
			}
		}
		return x
	case e.sent != nil:
		m := e.sent
		x := bundleMessage{
			At: at, Kind: "message", Number: m.number, From: endNames[m.from], Session: hexKey(m.base), PreKey: m.first != nil,
			Body: hex.EncodeToString(m.message.Body), Delivered: m.delivered, DeliveredAt: m.deliveredAt,
		}
		if m.by >= 0 {
			x.By = principals[m.by].ID
		}
		if m.shown != nil {
			x.Time = m.time.Unix()
		}
		return x
	case e.given != nil:
		*parcels++
		x := bundleParcel{At: at, Kind: "parcel", To: principals[e.given.to].ID, From: endNames[e.given.from], Grant: e.given.grant}
		data := e.given.bytes
		x.File = fmt.Sprintf("parcels/%04d.bin", *parcels)
		if b.profile == Publishable {
			x.File = fmt.Sprintf("parcels/%04d.names", *parcels)
			data = namesOf(data)
		}
		b.add(x.File, data)
		if e.given.receipt != nil {
			b.add(fmt.Sprintf("receipts/%04d.bin", *parcels), e.given.receipt)
		}
		return x
	case e.stated != nil:
		return b.statement(at, e.stated)
	case e.client != nil:
		return b.client(at, e.client)
	}
	p := e.probe
	x := bundleProbe{At: at, Kind: "probe", Number: p.number, To: endNames[p.to], Message: p.message, Takes: []bundleWay{}}
	if p.inject != nil {
		x.Injection = &bundleInjection{p.inject.step, principals[p.inject.by].ID}
	}
	for i := range p.takes {
		x.Takes = append(x.Takes, wayOf(&p.takes[i]))
	}
	return x
}

// namesOf is a parcel without its values.
func namesOf(b []byte) []byte {
	out := []byte("custody-names-v1\x00")
	p, err := parcel.Parse(b)
	if err != nil { // what this package wrote itself parses
		return out
	}
	for _, e := range p.Entries() {
		out = append(out, e.Name()...)
	}
	return out
}

func wayOf(w *way) bundleWay {
	x := bundleWay{
		Session: hexKey(w.Base), Key: hexKey(w.Key), Root: w.Root, Next: w.Next, Skipped: w.Skipped, First: w.First,
		Sender: hexKey(w.Sender), PreKey: hexKey(w.PreKey), PQ: w.PQ, Keyless: w.Keyless,
	}
	for _, k := range w.Keys {
		x.PQKeys = append(x.PQKeys, bundlePQIndex{k.Epoch, k.Dir, k.Index})
	}
	for _, k := range w.Chains {
		x.PQChains = append(x.PQChains, bundlePQIndex{k.Epoch, k.Dir, k.Index})
	}
	return x
}

// archive writes the manifest and the files, sorted by name, so that the same files are the same
// bytes.
func (b *bundle) archive() ([]byte, error) {
	slices.SortFunc(b.files, func(x, y bundleFile) int { return strings.Compare(x.name, y.name) })
	m := bundleManifest{Format: "custody-bundle-v1", Profile: b.profile, Files: []bundleEntry{}}
	for _, f := range b.files {
		sum := sha256.Sum256(f.data)
		m.Files = append(m.Files, bundleEntry{f.name, len(f.data), hex.EncodeToString(sum[:])})
	}
	head, err := canonicalJSON(m)
	if err != nil {
		return nil, err
	}
	return packFiles(append([]bundleFile{{"manifest.json", head}}, b.files...))
}
