package custodian

import (
	"bytes"
	"slices"

	"signet.example/signet/custodian/attack"
	"signet.example/signet/custodian/know"
	"signet.example/signet/custodian/parcel"
)

// Verdicts on what somebody who can write did with it: G16 and G17. Both are about this run: what a
// principal could have done and did not makes them conditional.

// scope judges whether a principal wrote beyond its mandate: in the name of an end that gave it
// none, or none any more, or more often than its quotas let it. messages counts what went beyond,
// of all that it wrote and was believed.
func (w *writer) scope(i int, s span) (Verdict, bool) {
	if !s.granted {
		return Verdict{}, false
	}
	v := w.views[i]
	var seen []witness
	var claims []claim
	wrote, bad := 0, false
	written := [2]int{} // under quotas, by the end whose name it bears
	for _, p := range w.run.probes {
		if !w.asked(p, i) {
			continue
		}
		allowed := w.allowed(i, 1-p.to, p.at, written[1-p.to])
		bad = bad || v.badForge[p.number]
		x, accepted := w.forged[i][p.number]
		if p.inject != nil && accepted {
			wrote++
			written[1-p.to]++
		}
		if allowed {
			continue
		}
		claims = append(claims, claim{know.Forge(p.number), p.at})
		if p.inject != nil && accepted {
			seen = append(seen, x)
		}
	}
	if !v.reaches {
		claims = nil
	}
	x := judge(g16, v, v.cert, seen, claims, len(seen), wrote, bad)
	if x.result == Unknown && !bad {
		x = conditional(g16, v.p.ID, v.cert)
		x.of = wrote
	}
	return x, true
}

// allowed reports whether a principal may write in the name of an end at an event, having written
// so many times before. A grant that is no quota says nothing of how often.
func (w *writer) allowed(i int, as attack.Side, at, written int) bool {
	quota := 0
	for _, g := range w.run.grants {
		if !w.views[i].members[g.to] || sideOfGrant(g.Grant) != as || g.at > at || g.ended >= 0 && g.ended <= at {
			continue
		}
		if g.Via != "quota" {
			return true
		}
		quota += g.Count
	}
	return written < quota
}

// A collision is two ciphertexts at one place of a chain, one of them injected.
type collision struct {
	injected *sent
	message  *sent
}

// collisions finds the places of chains that two ciphertexts have.
func (r *run) collisions() (list []collision) {
	type place struct {
		base, key parcel.Key
		counter   uint32
	}
	at := make(map[place]*sent)
	for _, m := range r.messages {
		at[place{m.base, m.key, m.counter}] = m
	}
	for _, x := range r.injected {
		m := at[place{x.base, x.key, x.counter}]
		if m != nil && !bytes.Equal(m.message.Body, x.message.Body) {
			list = append(list, collision{x, m})
		}
	}
	return list
}

// sawCollision makes a witness of two ciphertexts at one place.
func (l *evidence) sawCollision(who string, c collision) witness {
	n := c.message.number
	return witness{l.addAbout("witness", both(
		"what %s wrote at event %d and message %d are two ciphertexts at one place of a chain",
		"ce que %s a écrit à l'événement %d et le message %d sont deux messages chiffrés à une même place d'une chaîne", who, c.injected.at, n), n, n+1)}
}

// record judges whether each place of a chain has one ciphertext. It is held for who has no message
// key of the conversation; who has some and wrote at none of these places keeps it only as long as
// it does not write.
func (w *writer) record(i int, _ span) (Verdict, bool) {
	v := w.views[i]
	var claims []claim
	bad := false
	for _, m := range w.run.messages {
		bad = bad || v.badRead[m.number]
		claims = append(claims, claim{know.MessageKey(m.number), never})
	}
	seen := w.collided[i]
	x := judge(g17, v, v.cert, seen, claims, len(seen), len(w.run.messages), bad)
	if x.result == Unknown && !bad {
		x = conditional(g17, v.p.ID, v.cert)
		x.of = len(w.run.messages)
	}
	return x, true
}

// collide gives each principal the collisions that it, or who it is one with, has caused.
func (w *writer) collide() {
	for i, v := range w.views {
		var own []witness
		for _, c := range w.collisionsOf(i) {
			own = append(own, w.evidence.sawCollision(v.p.ID, c))
		}
		w.collided = append(w.collided, own)
	}
}

func (w *writer) collisionsOf(i int) []collision {
	return slices.DeleteFunc(w.run.collisions(), func(c collision) bool { return !w.views[i].members[c.injected.by] })
}
