package check

import "fmt"

// scope is G16: who wrote beyond its mandate. Who did not, and could have, keeps it on the
// assumption that it does not.
func (v *verifier) scope(i int, s span) (verdict, bool) {
	if !s.granted {
		return verdict{}, false
	}
	var seen []string
	wrote, could := 0, false
	var written [2]int
	for _, p := range v.probes {
		if !v.asks(p, i) {
			continue
		}
		as := 1 - side(p.To)
		allowed := v.allowed(i, as, p.At, written[as])
		f := v.forgeries[where{principal: i, number: p.Number}]
		if p.Injection != nil && f != nil {
			wrote++
			written[as]++
		}
		if allowed || f == nil {
			continue
		}
		could = true
		if p.Injection != nil {
			seen = append(seen, f.ID)
		}
	}
	x := v.conclude(i, "G16", "scope limits kept", seen, v.views[i].cert[0], len(seen), wrote)
	if could && len(seen) == 0 {
		x.Verdict = "conditional"
	}
	return x, true
}

// allowed reports whether a mandate lets a principal write in the name of an end at an event,
// having written so often under quotas before.
func (v *verifier) allowed(i, as, at, written int) bool {
	quota := 0
	for _, g := range v.text.Grants {
		if !v.views[i].members[v.principal(g.To)] || side(g.From) != as || g.At > at || g.Ended >= 0 && g.Ended <= at {
			continue
		}
		if g.Via != "quota" {
			return true
		}
		quota += g.Count
	}
	return written < quota
}

// checkCollisions finds the places of chains that have two ciphertexts, and refuses a list that has
// others.
func (v *verifier) checkCollisions() error {
	v.collided = make([][]string, len(v.views))
	type place struct {
		session, key string
		counter      uint32
	}
	at := make(map[place]*message)
	for _, m := range v.messages {
		at[place{m.Session, m.key, m.counter}] = m
	}
	rest := v.evidence.Collisions
	for i := range v.views {
		for _, x := range v.injected {
			m := at[place{x.Session, x.key, x.counter}]
			if m == nil || m.Body == x.Body || !v.views[i].members[v.principal(x.By)] {
				continue
			}
			who := v.text.Principals[i].ID
			if len(rest) == 0 || rest[0].Principal != who || rest[0].Event != x.At || rest[0].Message != m.Number {
				return refuse("message %d has the place of another, and nobody says so", m.Number)
			}
			id := rest[0].ID
			v.collided[i] = append(v.collided[i], id)
			v.about[id] = stretch{m.Number, m.Number + 1}
			err := v.claimed(id, "witness", fmt.Sprintf("what %s wrote at event %d and message %d are two ciphertexts at one place of a chain", who, x.At, m.Number))
			if err != nil {
				return err
			}
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		return refuse("witness %s: there is no collision", rest[0].ID)
	}
	return nil
}

// record is G17.
func (v *verifier) record(i int, _ span) (verdict, bool) {
	seen := v.collided[i]
	x := v.conclude(i, "G17", "integrity of record", seen, v.views[i].cert[0], len(seen), len(v.messages))
	for n := range v.messages {
		if len(seen) == 0 && v.has(v.views[i].closure[0], ofMessage("message-key", n), never) {
			x.Verdict = "conditional"
		}
	}
	return x, true
}
