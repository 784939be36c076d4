package check

import (
	"slices"
	"strings"
)

// The two ends, by side.
var ends = [2]string{"customer", "business"}

func side(end string) int { return slices.Index(ends[:], end) }

func (v *verifier) principal(id string) int {
	if i, ok := v.ordinal[id]; ok {
		return i
	}
	return -1
}

// spare is how many clauses a bundle may have beyond its size in bytes: enough for two jumps of 25
// 000.
const spare = 1 << 18

// A budget is what is left of the clauses that chains may make. It is spent before anything is
// made.
type budget int

// chain spends the clauses of a chain whose last index this is.
func (b *budget) chain(last uint32) bool {
	*b -= budget(4 * (uint64(last) + 1))
	return *b >= 0
}

// maxPrincipals bounds the certificates, which are two for each.
const maxPrincipals = 256

// maxGrants bounds how often the messages are gone through.
const maxGrants = 1024

// checkTranscript reads every event, and refuses what contradicts the messages themselves.
func (v *verifier) checkTranscript() error {
	v.parcels, v.firsts = make(map[int][]entry), make(map[string]*message)
	v.ids = [2]map[string]bool{make(map[string]bool), make(map[string]bool)}
	if err := v.checkPrincipals(); err != nil {
		return err
	}
	for i := range v.text.Events {
		e := &v.text.Events[i]
		if e.At != i {
			return refuse("event %d is not in its place", i)
		}
		var err error
		switch e.Kind {
		case "bundle":
			err = v.bundle(e)
		case "message":
			err = v.message(e)
		case "parcel":
			err = v.parcel(e)
		case "probe":
			err = v.probe(e)
		case "statement", "client":
			if v.text.Custody == nil {
				err = refuse("event %d: of a notice, where there is none", i)
			}
		default:
			err = refuse("event %d: unknown kind", i)
		}
		if err != nil {
			return err
		}
	}
	return v.checkChains()
}

// checkPrincipals refuses names that cannot be told apart, and what no principal is.
func (v *verifier) checkPrincipals() error {
	var ids, grants []string
	for _, p := range v.text.Principals {
		ids = append(ids, p.ID)
	}
	for _, g := range v.text.Grants {
		grants = append(grants, g.Name)
	}
	if len(ids) > maxPrincipals || len(grants) > maxGrants {
		return refuse("more than %d principals or %d grants", maxPrincipals, maxGrants)
	}
	if !areNames(ids) || slices.ContainsFunc(ids, isNobody) || !areNames(grants) {
		return refuse("the name of a principal or grant is malformed, or taken")
	}
	for i, p := range v.text.Principals {
		v.ordinal[p.ID] = i
	}
	for i, p := range v.text.Principals {
		roles := []string{"provider", "operator", "outsider"}
		if !slices.Contains(roles, p.Role) || !slices.Contains([]string{"", "all", "none", "part"}, p.Sees) ||
			p.SameAs != "" && (v.principal(p.SameAs) < 0 || v.principal(p.SameAs) == i) {
			return refuse("principal %d is malformed", i)
		}
	}
	return nil
}

// isKey reports whether s is a public key in hexadecimal.
func isKey(s string) bool {
	_, err := unhex(s, 33)
	return err == nil && s[:2] == "05"
}

func (v *verifier) bundle(e *event) error {
	keys := []string{e.Identity, e.SignedPreKey.Key}
	if k := e.OneTimePreKey; k != nil {
		keys = append(keys, k.Key)
	}
	for _, k := range keys {
		if !isKey(k) {
			return refuse("event %d: not a key", e.At)
		}
	}
	if side(e.Of) < 0 {
		return refuse("event %d: of neither end", e.At)
	}
	v.ids[side(e.Of)][e.Identity] = true
	return nil
}

// message parses a message and holds what the transcript says about it against its bytes.
func (v *verifier) message(e *event) error {
	bad := func(what string) error { return refuse("event %d: %s", e.At, what) }
	m := &message{event: e}
	body, err := unhex(e.Body, -1)
	if err != nil {
		return err
	}
	if side(e.From) < 0 || !m.parse(body, e.PreKey) {
		return bad("the message does not parse")
	}
	if e.Session != "" && !isKey(e.Session) || e.Session == "" && e.Number >= 0 {
		return bad("the session is not a key")
	}
	if m.first != nil && (m.first.base != e.Session || !v.ids[side(e.From)][m.first.identity]) {
		return bad("the message names another session or identity")
	}
	first := v.firsts[e.Session]
	switch {
	case first != nil && first.From != e.From:
		m.dir = 1
	case first == nil && m.first == nil && e.By == "" && !v.answered(e):
		return bad("the message is of a session that has no first message")
	}
	if e.Delivered && (e.DeliveredAt <= e.At || e.DeliveredAt > len(v.text.Events)) || !e.Delivered && e.DeliveredAt != 0 {
		return bad("delivered at no time")
	}
	if m.first != nil && first == nil {
		v.firsts[e.Session] = m
	}
	if e.Number == -1 {
		notice := e.By == "" && v.text.Custody != nil && e.From == ends[1] // a statement on its way
		if !notice && v.principal(e.By) < 0 {
			return bad("the message is nobody's")
		}
		v.injected = append(v.injected, m)
		return nil
	}
	if e.Number != len(v.messages) || e.By != "" {
		return bad("the message is not the next one")
	}
	v.messages = append(v.messages, m)
	v.sentBy[side(e.From)] = append(v.sentBy[side(e.From)], m)
	return nil
}

// answered reports whether the session of e, which has no first message, is one that the sender of
// e began from a bundle, wrote nothing in, and was then answered in, by somebody who had been
// handed it. After that it sends no first one.
func (v *verifier) answered(e *event) bool {
	return slices.ContainsFunc(v.injected, func(m *message) bool {
		return m.Session == e.Session && m.By != "" && side(m.From) == 1-side(e.From)
	})
}

func (v *verifier) parcel(e *event) error {
	if v.principal(e.To) < 0 || side(e.From) < 0 || !strings.HasPrefix(e.File, "parcels/") {
		return refuse("event %d: a parcel of or for nobody", e.At)
	}
	b, err := v.files.take(e.File)
	if err != nil {
		return err
	}
	list, ok := parseParcel(b, v.files.profile == "lab")
	if !ok {
		return refuse("%q is not a parcel", e.File)
	}
	v.parcels[e.At] = list
	return nil
}

func (v *verifier) probe(e *event) error {
	if e.Number != len(v.probes) || side(e.To) < 0 || e.Message < -1 || e.Message >= 0 && e.Injection != nil {
		return refuse("event %d: a malformed probe", e.At)
	}
	if e.Injection != nil && v.principal(e.Injection.By) < 0 {
		return refuse("event %d: an injection by nobody", e.At)
	}
	for i := range e.Takes {
		w := &e.Takes[i]
		for _, k := range []string{w.Session, w.Key, w.Sender, w.PreKey} {
			if k != "" && !isKey(k) {
				return refuse("event %d: not a key", e.At)
			}
		}
	}
	v.probes = append(v.probes, e)
	return nil
}

// checkChains holds the lists of chains against the messages that use them.
func (v *verifier) checkChains() error {
	turns, against := make(map[[2]string]uint32), make(map[[2]string]string)
	left := budget(v.files.size + spare)
	for _, t := range v.text.Turns {
		_, twice := turns[[2]string{t.Session, t.Key}]
		if !isKey(t.Session) || !isKey(t.Key) || t.Against != "" && !isKey(t.Against) || twice {
			return refuse("the list of ratchet keys is malformed")
		}
		if !left.chain(t.Last) {
			return refuse("the chains are longer than a bundle of this size can have")
		}
		turns[[2]string{t.Session, t.Key}] = t.Last
		against[[2]string{t.Session, t.Key}] = t.Against
	}
	type link struct {
		session string
		epoch   uint64
		dir     uint8
	}
	chains := make(map[link]uint32)
	for _, c := range v.text.PQChains {
		l := link{c.Session, c.Epoch, c.Dir}
		_, twice := chains[l]
		if !isKey(c.Session) || c.Dir > 1 || twice {
			return refuse("the list of post-quantum chains is malformed")
		}
		if !left.chain(c.Last) {
			return refuse("the chains are longer than a bundle of this size can have")
		}
		chains[l] = c.Last
	}
	shown := v.shown()
	for _, m := range v.messages {
		k := [2]string{m.Session, m.key}
		if last, ok := turns[k]; !ok || m.counter > last {
			return refuse("message %d is on a chain that the list does not have", m.Number)
		}
		from := 1 - side(m.From)
		early, ok := shown[shownKey{from, m.Session, against[k]}]
		if at, signed := shown[shownKey{from, "", against[k]}]; signed && (!ok || at < early) {
			early, ok = at, true
		}
		if !ok || early >= m.At {
			return refuse("the ratchet key of message %d was made against none of the other end's", m.Number)
		}
		if m.pq != nil && m.pq.index > 0 {
			if last, ok := chains[link{m.Session, m.pq.epoch - 1, m.dir}]; !ok || m.pq.index > last+1 {
				return refuse("message %d is on a post-quantum chain that the list does not have", m.Number)
			}
		}
	}
	return nil
}

// A shownKey is a ratchet key that an end showed in a session, or its signed prekey.
type shownKey struct {
	side         int
	session, key string
}

// shown returns the event at which each was shown first.
func (v *verifier) shown() map[shownKey]int {
	first := make(map[shownKey]int)
	add := func(k shownKey, at int) {
		if have, ok := first[k]; !ok || at < have {
			first[k] = at
		}
	}
	for i := range v.text.Events {
		if e := &v.text.Events[i]; e.Kind == "bundle" {
			add(shownKey{side(e.Of), "", e.SignedPreKey.Key}, i)
		}
	}
	for _, m := range slices.Concat(v.messages, v.injected) {
		add(shownKey{side(m.From), m.Session, m.key}, m.At)
	}
	return first
}

// checkProbes: every message was asked about when it was sent, and both ends once more at the end.
// A message that was delivered at once is one that its receiver's copy would have taken.
func (v *verifier) checkProbes() error {
	asked := 0
	for _, p := range v.probes {
		if p.Message < 0 {
			continue
		}
		if p.Message != asked || asked >= len(v.messages) || v.messages[asked].At > p.At || v.messages[asked].From == p.To {
			return refuse("probe %d is not of the next message", p.Number)
		}
		m := v.messages[asked]
		asked++
		v.asked = append(v.asked, p)
		if m.Delivered && m.DeliveredAt == p.At+1 && !slices.ContainsFunc(p.Takes, func(w way) bool { return w.fits(m) }) {
			return refuse("message %d was delivered, and its receiver is said not to take it", m.Number)
		}
	}
	n := len(v.text.Events)
	if asked != len(v.messages) || n < 2 || v.text.Events[n-2].Kind != "probe" || v.text.Events[n-1].Kind != "probe" ||
		v.text.Events[n-2].To == v.text.Events[n-1].To {
		return refuse("the transcript does not end where it should")
	}
	return nil
}

// fits reports whether a message can have come in by this way, as far as what is public tells.
func (w *way) fits(m *message) bool {
	switch {
	case w.PQ && !w.Keyless && m.keyless():
		return false
	case w.PreKey != "":
		return m.first != nil && w.Sender == m.first.identity
	case w.Root:
		return w.Session == m.Session && w.Key != m.key
	case w.First:
		return m.first != nil && w.Session == m.Session
	}
	return w.Session == m.Session && w.Key == m.key && (m.counter >= w.Next || slices.Contains(w.Skipped, m.counter))
}

func (v *verifier) checkGrants() error {
	for _, g := range v.text.Grants {
		before, until := v.sent(g.At), len(v.messages)
		if g.Ended >= 0 {
			until = v.sent(g.Ended)
		}
		if v.principal(g.To) < 0 || side(g.From) < 0 || g.Since != before || g.Until != until || g.At > len(v.text.Events) ||
			g.Ended < -1 || g.Ended >= 0 && g.Ended < g.At || g.Ended > len(v.text.Events) || (g.Via == "quota") != (g.Count > 0) {
			return refuse("grant %q is malformed", g.Name)
		}
	}
	return nil
}

// A preKeyName is a prekey that an end published.
type preKeyName struct {
	side int
	kind byte // 's'igned, 'o'ne-time, 'k'em
	id   uint32
}

// agreements finds the keys of every key agreement, by the ids in its first message: of several
// with one id the latest that was published before it.
func (v *verifier) agreements() (list []session) {
	started := make(map[int]*message) // by event: first messages that begin a session
	done := make(map[string]bool)
	order := make(map[*message]int)
	for _, m := range slices.Concat(v.messages, v.injected) {
		if m.first != nil && !done[m.Session] {
			done[m.Session] = true
			order[m] = len(order)
			started[m.At] = m
		}
	}
	list = make([]session, len(order))
	keys := make(map[preKeyName]string)
	identity := make(map[preKeyName]string) // of who published a signed prekey
	for i := range v.text.Events {
		e := &v.text.Events[i]
		if m := started[i]; m != nil {
			list[order[m]] = m.session(1-side(m.From), keys, identity)
		}
		if e.Kind != "bundle" {
			continue
		}
		of := side(e.Of)
		signed := preKeyName{of, 's', e.SignedPreKey.ID}
		keys[signed], identity[signed] = e.SignedPreKey.Key, e.Identity
		if k := e.OneTimePreKey; k != nil {
			keys[preKeyName{of, 'o', k.ID}] = k.Key
		}
		if k := e.KEMPreKey; k != nil {
			keys[preKeyName{of, 'k', k.ID}] = k.Key
		}
	}
	return list
}

// session names the keys of the agreement of a first message to an end, among those that it
// published.
func (m *message) session(of int, keys, identity map[preKeyName]string) session {
	s := session{base: m.Session, initiator: m.first.identity}
	signed := preKeyName{of, 's', m.first.signedPreKey}
	s.responder, s.signed = identity[signed], keys[signed]
	if m.first.hasPreKey {
		s.oneTime = keys[preKeyName{of, 'o', m.first.preKey}]
	}
	if m.first.hasKEM {
		s.kem = keys[preKeyName{of, 'k', m.first.kemPreKey}]
	}
	return s
}

// epochs lists the epochs of the braid that chains or chunks speak of.
func (v *verifier) epochs() (list []*epoch) {
	type name struct {
		session string
		number  uint64
	}
	known := make(map[name]*epoch)
	find := func(session string, n uint64) *epoch {
		e := known[name{session, n}]
		if e == nil {
			e = &epoch{session: session, number: n, chunks: make(map[string][]uint16)}
			known[name{session, n}] = e
			list = append(list, e)
		}
		return e
	}
	for _, c := range v.text.PQChains {
		if c.Epoch > 0 {
			find(c.Session, c.Epoch)
		}
	}
	for _, m := range slices.Concat(v.messages, v.injected) {
		if m.pq == nil || m.Number < 0 && m.By != "" {
			continue
		}
		if o := objects[m.pq.kind]; o != "" {
			e := find(m.Session, m.pq.epoch)
			e.chunks[o] = append(e.chunks[o], m.pq.chunk)
		}
	}
	return list
}
