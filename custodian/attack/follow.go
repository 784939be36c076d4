package attack

import (
	"slices"

	"signet.example/signet/custodian/parcel"
)

// What may follow from something new is kept in a list of ratchet keys that are due, so that a long
// conversation is followed in time linear in its length.

// A queue is the ratchet keys that are due, and what else has changed since they were followed
// last.
type queue struct {
	due       map[chainID]bool
	unsettled map[chainID]bool // derived by a guess that no message has confirmed
	keys      bool             // of a handshake
	pq        bool             // post-quantum keys
	chains    int              // post-quantum chains when they were followed last
}

func newQueue() queue {
	return queue{due: make(map[chainID]bool), unsettled: make(map[chainID]bool)}
}

// dueAfter marks the keys that can have been made against the one of id: those of the other end,
// until this end has shown tryOlder newer ones. After a signed prekey it is the key of the first
// message.
func (a *Adversary) dueAfter(id chainID) {
	if s := a.shakes[id.base]; s != nil {
		a.queue.due[chainID{id.base, s.ratchet}] = true
	}
	i, ok := a.turnAt[id]
	if !ok {
		return
	}
	list, newer := a.turns[id.base], 0
	if a.partial {
		for _, t := range list[max(0, i-tryNewer):i] {
			if t.side != list[i].side {
				a.queue.due[chainID{id.base, t.key}] = true
			}
		}
	}
	for _, t := range list[i+1:] {
		if t.side != list[i].side {
			a.queue.due[chainID{id.base, t.key}] = true
		} else if newer++; newer >= tryOlder {
			return
		}
	}
}

// dueAll marks every key: a private key that is no ratchet key has been learnt.
func (a *Adversary) dueAll() {
	a.queue.keys = true
	for id := range a.turnAt {
		a.queue.due[id] = true
	}
}

// follow derives everything that what is held leads to: handshakes, then ratchet steps in the order
// in which the keys appeared. A ratchet key is made against the one that appeared before it in its
// session: neither end makes another before it was answered. Unless somebody cut in: then it is an
// older one, and a message that opens tells which.
func (a *Adversary) follow() {
	q := &a.queue
	if q.keys {
		q.keys = false
		for base, s := range a.shakes {
			q.due[chainID{base, s.ratchet}] = true
			if !s.done {
				s.done = a.handshake(base, s)
			}
		}
	}
	a.braid.follow()
	if q.pq || q.chains != len(a.braid.chains) {
		q.pq, q.chains = false, len(a.braid.chains)
		for id := range q.unsettled {
			q.due[id] = true
		}
	}
	for len(q.due) > 0 {
		list := make([]chainID, 0, len(q.due))
		for id := range q.due {
			if _, ok := a.turnAt[id]; ok {
				list = append(list, id)
			} else {
				delete(q.due, id)
			}
		}
		slices.SortFunc(list, func(x, y chainID) int {
			if x.base != y.base {
				return a.order[x.base] - a.order[y.base]
			}
			return a.turnAt[x] - a.turnAt[y]
		})
		for _, id := range list {
			if q.due[id] {
				delete(q.due, id)
				a.followTurn(id)
			}
		}
	}
}

// followTurn derives the root and chain of one ratchet key.
func (a *Adversary) followTurn(id chainID) {
	// What cannot have changed the answer is not tried again.
	now := a.progress(id)
	if a.settled[id] || a.tried[id] == now {
		return
	}
	if a.settle(id) { // as nearly always
		delete(a.queue.unsettled, id)
		return
	}
	list, i := a.turns[id.base], a.turnAt[id]
	if s := a.shakes[id.base]; s != nil && s.ratchet == id.key {
		for _, signed := range a.ids[s.from.other()][s.first.SignedPreKeyID] {
			a.derive(id, signed, true)
		}
	}
	older := 0
	for j := i - 1; j >= 0 && older < a.olderKeys(id); j-- {
		if list[j].side != list[i].side {
			a.derive(id, list[j].key, older == 0 && !a.partial)
			if older++; older == 1 && a.settle(id) {
				return
			}
		}
	}
	if a.partial { // a key may be seen after what was made against it
		newer := 0
		for j := i + 1; j < len(list) && newer < tryNewer; j++ {
			if list[j].side != list[i].side {
				a.derive(id, list[j].key, false)
				newer++
			}
		}
	}
	if !a.settle(id) {
		a.doubt(id)
	}
	a.tried[id] = a.progress(id)
}

// A progress is what there was when a key was followed last.
type progress struct{ parcels, messages, chains, roots int }

func (a *Adversary) progress(id chainID) progress {
	return progress{a.parcels, len(a.on[id]), len(a.braid.chains), a.rooted[id.base]}
}

// doubt does what can be done about a key whose guesses nothing confirms: those that may be right
// are tried on receivers.
func (a *Adversary) doubt(id chainID) {
	if len(a.guesses[id]) == 0 {
		return
	}
	a.queue.unsettled[id] = true
	if a.tellable(id) {
		return
	}
	a.keep(id)
}

// tryNewer is how many keys that were seen later are tried as the one that a key was made against.
const tryNewer = 4

// olderKeys is how many that were seen earlier are. With all messages in view it is the last one,
// unless somebody has cut in, or a message can tell.
func (a *Adversary) olderKeys(id chainID) int {
	if a.partial || a.cut || len(a.on[id]) > 0 {
		return tryOlder
	}
	return 1
}

// noted is what changes with an entry of a parcel beyond its own chain.
func (a *Adversary) noted(e *parcel.Entry) {
	switch e.Kind {
	case parcel.Identity, parcel.SignedPreKey, parcel.OneTimePreKey, parcel.KyberPreKey, parcel.Agreement:
		a.dueAll()
	case parcel.RatchetPrivate:
		id := chainID{e.Base, e.Key}
		a.queue.due[id] = true
		a.dueAfter(id)
	}
	a.queue.pq = a.queue.pq || e.Kind >= parcel.PQRoot
}
