package check

// What arrived of one way so far: of each ratchet key the last time, and when the newest came
// first.
type arrived struct {
	next   int // of the list
	last   map[string]int
	newest int
}

// checkAgainst: a ratchet key is made against the key of the other end that arrived last before it
// was shown, or against a signed prekey if none had.
func (v *verifier) checkAgainst() error {
	against := make(map[[2]string]string)
	for _, t := range v.text.Turns {
		against[[2]string{t.Session, t.Key}] = t.Against
	}
	done, ways := make(map[[2]string]bool), make(map[oneWay]*arrived)
	for _, m := range v.inOrder() {
		k := [2]string{m.Session, m.key}
		other, listed := against[k]
		if m.By != "" || done[k] || m.Number < 0 && !listed {
			continue
		}
		done[k] = true
		way := oneWay{m.Session, 1 - side(m.From)}
		a := ways[way]
		if a == nil {
			a = &arrived{last: make(map[string]int)}
			ways[way] = a
		}
		for list := v.arrivals[way]; a.next < len(list) && list[a.next].at <= m.At; a.next++ {
			x := list[a.next]
			if _, known := a.last[x.key]; !known {
				a.newest = x.at
			}
			a.last[x.key] = x.at
		}
		at, ok := a.last[other]
		signed, published := v.prekeys[shownKey{1 - side(m.From), "", other}]
		if len(a.last) > 0 && (!ok || at < a.newest) || len(a.last) == 0 && (!published || signed > m.At) {
			return refuse("the ratchet key of event %d was made against another than the one that had arrived last", m.At)
		}
	}
	return nil
}
