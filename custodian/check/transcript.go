package check

import (
	"slices"
	"strings"
)

// The two ends, by side.
var ends = [2]string{"customer", "business"}

func side(end string) int { return slices.Index(ends[:], end) }

func (v *verifier) principal(id string) int {
	return slices.IndexFunc(v.text.Principals, func(p principal) bool { return p.ID == id })
}

// maxLinks bounds what a transcript may make the verifier write down: the indices of all chains.
const maxLinks = 1 << 22

// checkTranscript reads every event, and refuses what contradicts the messages themselves.
func (v *verifier) checkTranscript() error {
	v.parcels = make(map[int][]entry)
	v.ids = [2]map[string]bool{make(map[string]bool), make(map[string]bool)}
	for i, p := range v.text.Principals {
		roles := []string{"provider", "operator", "outsider"}
		if p.ID == "" || side(p.ID) >= 0 || v.principal(p.ID) != i || !slices.Contains(roles, p.Role) {
			return refuse("principal %d is malformed", i)
		}
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

func isKey(s string) bool {
	_, err := unhex(s, 33)
	return err == nil
}

func (v *verifier) bundle(e *event) error {
	keys := []string{e.Identity, e.SignedPreKey.Key}
	for _, k := range []*preKey{e.OneTimePreKey, e.KEMPreKey} {
		if k != nil {
			keys = append(keys, k.Key)
		}
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
	first := v.firstOf(e.Session)
	switch {
	case first != nil && first.From != e.From:
		m.dir = 1
	case first == nil && m.first == nil && e.Number >= 0:
		return bad("the message is of a session that has no first message")
	}
	if e.Delivered && (e.DeliveredAt <= e.At || e.DeliveredAt > len(v.text.Events)) {
		return bad("delivered at no time")
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
	return nil
}

// firstOf returns the earliest first message of a session so far, or nil.
func (v *verifier) firstOf(session string) (first *message) {
	for _, list := range [][]*message{v.messages, v.injected} {
		for _, m := range list {
			if m.first != nil && m.Session == session {
				if first == nil || m.At < first.At {
					first = m
				}
				break
			}
		}
	}
	return first
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
	links := 0
	for _, t := range v.text.Turns {
		links += int(min(t.Last, maxLinks)) + 1
		_, twice := turns[[2]string{t.Session, t.Key}]
		if !isKey(t.Session) || !isKey(t.Key) || t.Against != "" && !isKey(t.Against) || links > maxLinks || twice {
			return refuse("the list of ratchet keys is malformed")
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
		links += int(min(c.Last, maxLinks)) + 1
		_, twice := chains[l]
		if !isKey(c.Session) || c.Dir > 1 || links > maxLinks || twice {
			return refuse("the list of post-quantum chains is malformed")
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

// checkProbes: every message was asked about when it was sent, and both ends once more at the end. A
// message that was delivered at once is one that its receiver's copy would have taken.
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
		before := 0
		for before < len(v.messages) && v.messages[before].At < g.At {
			before++
		}
		until := len(v.messages)
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

// agreements finds the keys of every key agreement, by the ids in its first message.
func (v *verifier) agreements() (list []session) {
	done := make(map[string]bool)
	for _, m := range slices.Concat(v.messages, v.injected) {
		if m.first == nil || done[m.Session] {
			continue
		}
		done[m.Session] = true
		s := session{base: m.Session, initiator: m.first.identity}
		for i := range m.At {
			e := &v.text.Events[i]
			if e.Kind != "bundle" || e.Of == m.From {
				continue
			}
			if e.SignedPreKey.ID == m.first.signedPreKey {
				s.responder, s.signed = e.Identity, e.SignedPreKey.Key
			}
			if k := e.OneTimePreKey; k != nil && m.first.hasPreKey && k.ID == m.first.preKey {
				s.oneTime = k.Key
			}
			if k := e.KEMPreKey; k != nil && m.first.hasKEM && k.ID == m.first.kemPreKey {
				s.kem = k.Key
			}
		}
		list = append(list, s)
	}
	return list
}

// epochs lists the epochs of the braid that chains or chunks speak of.
func (v *verifier) epochs() (list []*epoch) {
	find := func(session string, n uint64) *epoch {
		for _, e := range list {
			if e.session == session && e.number == n {
				return e
			}
		}
		list = append(list, &epoch{session: session, number: n, chunks: make(map[string][]uint16)})
		return list[len(list)-1]
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
