package check

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
)

// This file refuses what one part of a transcript says and another contradicts
// (docs/custody-bundle.md, Bindings).

// secrets are the atoms of a grant, in their order, and which kinds of entries each allows.
var secrets = []struct {
	name  string
	kinds []byte
}{
	{"identity", []byte{1}}, {"signed-prekey", []byte{2}}, {"one-time-prekeys", []byte{3}}, {"kyber-prekey", []byte{4}},
	{"root", []byte{5}}, {"ratchet-private", []byte{6}}, {"sending-chain", []byte{7}}, {"receiving-chains", []byte{8}}, {"skipped", []byte{9}},
	{"archived", []byte{5, 6, 7, 8, 9, 20, 21, 22, 23, 24, 25, 26, 27}}, {"pq-root", []byte{20}}, {"pq-sending-chain", []byte{21}},
	{"pq-receiving-chain", []byte{22}}, {"pq-skipped", []byte{23}}, {"pq-auth", []byte{24}}, {"pq-decapsulation", []byte{25}},
	{"pq-encapsulation", []byte{26}}, {"pq-negotiation", []byte{27}}, {"plaintext", []byte{10}},
}

// allows reports whether a grant can hand over an entry of a kind.
func (g *grant) allows(kind byte) bool {
	switch g.Via {
	case "quota":
		return kind == 11 || kind == 28
	case "oracle":
		return kind == 12
	}
	for _, s := range secrets {
		if slices.Contains(g.Atoms, s.name) && slices.Contains(s.kinds, kind) {
			return true
		}
	}
	return false
}

// wellNamed refuses atoms that there are not, or in another order.
func (g *grant) wellNamed() bool {
	if (g.Via == "quota" || g.Via == "oracle") != (len(g.Atoms) == 0) || !slices.Contains([]string{"copy", "stream", "quota", "oracle"}, g.Via) {
		return false
	}
	last := -1
	for _, a := range g.Atoms {
		i := slices.IndexFunc(secrets, func(s struct {
			name  string
			kinds []byte
		}) bool {
			return s.name == a
		})
		if i <= last {
			return false
		}
		last = i
	}
	return true
}

// lasts reports whether a grant is in force when an event happens.
func (g *grant) lasts(at int) bool { return g.At <= at && (g.Ended < 0 || g.Ended > at) }

// A handed grant is what was handed over under one grant.
type handed struct {
	*grant
	first map[entryName]int // the event of the parcel that had it first
	at    []int             // events of parcels
}

type entryName struct {
	kind      byte
	base, key string
	index     uint32 // of a text; 0 otherwise
}

func nameOf(e *entry) entryName {
	n := entryName{kind: e.kind, base: e.base, key: e.key}
	if e.kind == 10 {
		n.index = e.index
	}
	return n
}

// has reports whether it was handed over no later than at.
func (h *handed) has(n entryName, at int) bool {
	got, ok := h.first[n]
	return ok && got <= at
}

// checkBindings holds parcels against grants, and both against the messages.
func (v *verifier) checkBindings() error {
	v.held = make(map[string]*handed)
	for i := range v.text.Grants {
		g := &v.text.Grants[i]
		if !g.wellNamed() {
			return refuse("grant %q has atoms that it cannot have", g.Name)
		}
		v.held[g.Name] = &handed{grant: g, first: make(map[entryName]int)}
	}
	v.noteKeys()
	for i := range v.text.Events {
		e := &v.text.Events[i]
		var err error
		switch e.Kind {
		case "bundle":
			err = e.checkSignatures()
		case "parcel":
			err = v.bound(e)
		}
		if err != nil {
			return err
		}
	}
	for i := range v.text.Grants {
		h := v.held[v.text.Grants[i].Name]
		for _, check := range []func(*handed) error{v.quota, v.fromBundles, v.fromSessions, v.streamed, v.texts} {
			if err := check(h); err != nil {
				return err
			}
		}
	}
	return v.checkAgainst()
}

// A stream of messages is those of a session from one end.
type oneWay struct {
	session string
	from    int
}

// An arrival is a message that its receiver took, and the event that came next.
type arrival struct {
	key string
	at  int
}

// noteKeys collects which end showed which key when, and what arrived when.
func (v *verifier) noteKeys() {
	v.own, v.prekeys = make(map[shownKey]int), make(map[shownKey]int)
	v.arrivals = make(map[oneWay][]arrival)
	for i := range v.text.Events {
		if e := &v.text.Events[i]; e.Kind == "bundle" {
			k := shownKey{side(e.Of), "", e.SignedPreKey.Key}
			if _, ok := v.prekeys[k]; !ok {
				v.prekeys[k] = i
			}
		}
	}
	for _, m := range v.inOrder() {
		k := shownKey{side(m.From), m.Session, m.key}
		if _, ok := v.own[k]; !ok && m.By == "" {
			v.own[k] = m.At
		}
		way := oneWay{m.Session, side(m.From)}
		switch {
		case m.By != "": // it is here because it was taken
			v.arrivals[way] = append(v.arrivals[way], arrival{m.key, m.At + 1})
		case m.Delivered:
			v.arrivals[way] = append(v.arrivals[way], arrival{m.key, m.DeliveredAt})
		}
	}
	for _, list := range v.arrivals {
		slices.SortStableFunc(list, func(a, b arrival) int { return a.at - b.at })
	}
}

// inOrder lists all messages, injected ones and statements on their way too, by their events.
func (v *verifier) inOrder() []*message {
	list := slices.Concat(v.messages, v.injected)
	slices.SortFunc(list, func(a, b *message) int { return a.At - b.At })
	return list
}

// checkSignatures verifies the prekeys of a bundle.
func (e *event) checkSignatures() error {
	key := mustHex(e.SignedPreKey.Key)
	sig, err := unhex(e.SignedPreKey.Signature, 64)
	if err != nil || !xeddsa(e.Identity, key, sig) {
		return refuse("event %d: the signature of the signed prekey is wrong", e.At)
	}
	k := e.KEMPreKey
	if k == nil {
		return nil
	}
	public, err := unhex(k.Public, -1)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(public)
	if sig, err = unhex(k.Signature, 64); err != nil || k.Key != "08"+hex.EncodeToString(sum[:]) || !xeddsa(e.Identity, public, sig) {
		return refuse("event %d: the signature of the KEM prekey is wrong", e.At)
	}
	return nil
}

// bound refuses a parcel that its grant does not allow.
func (v *verifier) bound(e *event) error {
	bad := func(what string) error { return refuse("event %d: a parcel %s", e.At, what) }
	list := v.parcels[e.At]
	if len(list) == 0 {
		return bad("of nothing")
	}
	if e.Grant == "" { // what its holder made itself, for the message that comes now
		next := e.At + 1
		if next >= len(v.text.Events) || v.text.Events[next].Kind != "message" || v.text.Events[next].By != e.To || v.text.Events[next].From != e.From {
			return bad("of no grant, and of no message that its holder injects")
		}
		return nil
	}
	h := v.held[e.Grant]
	switch {
	case h == nil || h.To != e.To || h.From != e.From:
		return bad("of another grant")
	case !h.lasts(e.At):
		return bad("before its grant, or after its end")
	case h.Via == "copy" && e.At != h.At:
		return bad("of a copy, at another time than the copy's")
	}
	for i := range list {
		x := &list[i]
		if !h.allows(x.kind) {
			return bad("with what its grant does not have")
		}
		if !v.theirs(x, side(e.From), e.At) {
			return bad("with what its giver cannot have")
		}
		if _, had := h.first[nameOf(x)]; !had {
			h.first[nameOf(x)] = e.At
		}
	}
	h.at = append(h.at, e.At)
	return nil
}

// theirs refuses secrets of keys that are the other end's, and texts that the giver had not seen.
func (v *verifier) theirs(x *entry, from, at int) bool {
	switch x.kind {
	case 1, 12:
		return v.ids[from][x.key]
	case 2:
		_, other := v.prekeys[shownKey{1 - from, "", x.key}]
		return !other
	case 5, 6, 7, 11:
		_, other := v.own[shownKey{1 - from, x.base, x.key}]
		return !other
	case 8, 9:
		_, own := v.own[shownKey{from, x.base, x.key}]
		return !own
	case 10:
		return uint64(x.index) < uint64(len(v.messages)) && v.messages[x.index].knownTo(from, at)
	}
	return true
}

// knownTo reports whether an end has sent or received a message before an event.
func (m *message) knownTo(end, at int) bool {
	if side(m.From) == end {
		return m.At < at
	}
	return m.Delivered && m.DeliveredAt <= at
}

// quota: as many seeds as it says, one after the other on one chain, and as many post-quantum keys
// if the session has any.
func (v *verifier) quota(h *handed) error {
	if h.Via != "quota" || len(h.at) == 0 {
		return nil
	}
	var seeds []*entry
	keys := 0
	list := v.parcels[h.at[0]]
	for i := range list {
		switch list[i].kind {
		case 11:
			seeds = append(seeds, &list[i])
		case 28:
			keys++
		}
	}
	good := len(h.at) == 1 && len(seeds) == h.Count && (keys == h.Count || keys == 0 && !v.postQuantumSession(seeds[0].base))
	for i, s := range seeds {
		good = good && s.base == seeds[0].base && s.key == seeds[0].key && uint64(s.index) == uint64(seeds[0].index)+uint64(i)
	}
	if !good {
		return refuse("grant %q is not of as many messages as were handed over", h.Name)
	}
	return nil
}

func (v *verifier) postQuantumSession(base string) bool {
	return slices.ContainsFunc(v.text.PQChains, func(c pqChain) bool { return c.Session == base })
}

// fromBundles: who hands over an identity or prekeys hands over those that it published last; by
// stream, what it publishes later too.
func (v *verifier) fromBundles(h *handed) error {
	if h.Via != "copy" && h.Via != "stream" {
		return nil
	}
	missing := func(b *event, by int) bool {
		return slices.Contains(h.Atoms, "identity") && !h.has(entryName{kind: 1, base: noKey, key: b.Identity}, by) ||
			slices.Contains(h.Atoms, "signed-prekey") && !h.has(entryName{kind: 2, base: noKey, key: b.SignedPreKey.Key}, by) ||
			slices.Contains(h.Atoms, "kyber-prekey") && b.KEMPreKey != nil && !h.has(entryName{kind: 4, base: noKey, key: b.KEMPreKey.Key}, by)
	}
	var last *event
	for i := range v.text.Events {
		e := &v.text.Events[i]
		if e.Kind != "bundle" || e.Of != h.From {
			continue
		}
		if i < h.At {
			last = e
		} else if h.Via == "stream" && h.lasts(i) && missing(e, math.MaxInt) {
			return refuse("grant %q has not what its giver published at event %d", h.Name, i)
		}
	}
	if last != nil && missing(last, h.At) {
		return refuse("grant %q has not what its giver had published", h.Name)
	}
	return nil
}

// fromSessions: if an end sends in one session just before a grant and just after it, and nothing
// reaches it in that session in between, then that is the session that the grant is of, and its
// keys were handed over.
func (v *verifier) fromSessions(h *handed) error {
	if h.Via == "oracle" {
		return nil
	}
	list := v.sentBy[side(h.From)]
	n, _ := slices.BinarySearchFunc(list, h.At, func(m *message, at int) int { return m.At - at })
	if n == 0 || n == len(list) {
		return nil
	}
	before, after := list[n-1], list[n]
	if before.Session != after.Session || v.reached(after.Session, 1-side(h.From), h.At, after.At) {
		return nil
	}
	if h.Via == "quota" {
		if len(h.at) == 0 {
			return refuse("grant %q is a quota of nothing", h.Name)
		}
		return nil
	}
	for _, s := range turnSecrets {
		if slices.Contains(h.Atoms, s.name) && !h.has(entryName{kind: s.kind, base: after.Session, key: after.key}, h.At) {
			return refuse("grant %q has not the %s that there was", h.Name, s.name)
		}
	}
	return v.fromPostQuantum(h, before, after)
}

// turnSecrets are named by the ratchet key of an end.
var turnSecrets = []struct {
	name string
	kind byte
}{{"root", 5}, {"ratchet-private", 6}, {"sending-chain", 7}}

// noKey is what an entry has for a key that it does not name.
const noKey = "000000000000000000000000000000000000000000000000000000000000000000"

func (v *verifier) fromPostQuantum(h *handed, before, after *message) error {
	if before.pq != nil && before.pq.index > 0 && after.pq != nil && after.pq.index > 0 {
		for _, s := range []struct {
			name string
			kind byte
		}{{"pq-root", 20}, {"pq-sending-chain", 21}} {
			if slices.Contains(h.Atoms, s.name) && !h.has(entryName{kind: s.kind, base: after.Session, key: noKey}, h.At) {
				return refuse("grant %q has not the %s that there was", h.Name, s.name)
			}
		}
	}
	return nil
}

// reached reports whether a message of a session, from an end, arrived after an event and no later
// than another.
func (v *verifier) reached(session string, from, after, by int) bool {
	list := v.arrivals[oneWay{session, from}]
	n, _ := slices.BinarySearchFunc(list, after+1, func(a arrival, at int) int { return a.at - at })
	return n < len(list) && list[n].at <= by
}

// streamed: each ratchet key that the giver shows while a stream lasts was handed over before.
func (v *verifier) streamed(h *handed) error {
	if h.Via != "stream" {
		return nil
	}
	old := make(map[shownKey]bool)
	for _, m := range v.messages {
		if m.From != h.From {
			continue
		}
		k := shownKey{side(m.From), m.Session, m.key}
		if m.At < h.At || !h.lasts(m.At) || old[k] {
			old[k] = true
			continue
		}
		old[k] = true
		for _, s := range turnSecrets {
			if slices.Contains(h.Atoms, s.name) && !h.has(entryName{kind: s.kind, base: m.Session, key: m.key}, m.At) {
				return refuse("grant %q has not the %s of message %d", h.Name, s.name, m.Number)
			}
		}
	}
	return nil
}

// texts: who hands over texts hands over all that there are; by stream, later ones too.
func (v *verifier) texts(h *handed) error {
	if !slices.Contains(h.Atoms, "plaintext") {
		return nil
	}
	by := h.At
	if h.Via == "stream" {
		by = len(v.text.Events)
		if h.Ended >= 0 {
			by = h.Ended
		}
	}
	for n, m := range v.messages {
		if m.knownTo(side(h.From), by) && !h.has(entryName{kind: 10, base: noKey, key: noKey, index: uint32(n)}, math.MaxInt) {
			return refuse("grant %q has not the text of message %d", h.Name, n)
		}
	}
	return nil
}
