package check

import (
	"bytes"
	"encoding/hex"
	"slices"
)

// This file is what each principal learnt, and what follows from it.

// A view is one principal, with or without a quantum computer, and what it learnt.
type view struct {
	members map[int]bool // who shares what they know, itself included
	all     bool         // it sees every ciphertext
	reaches bool         // can put a message before a receiver
	closure [2]*closure
	cert    [2]string // ids
	known   [2]map[string]int
}

// close computes what follows from what each principal learnt.
func (v *verifier) close() error {
	v.instantiate()
	for i := range v.text.Principals {
		x := &view{members: v.sharing(i)}
		for m := range x.members {
			p := &v.text.Principals[m]
			sees := p.Sees == "all" || p.Sees == "" && p.Role != "outsider"
			x.all = x.all || sees
			x.reaches = x.reaches || sees || p.Sees == "part" || p.Role != "outsider"
		}
		facts := v.facts(x)
		x.closure[0] = v.rules.close(facts, v.lines(2*i))
		x.closure[1] = v.rules.close(append([]fact{{"quantum", 0}}, facts...), v.lines(2*i+1))
		v.views = append(v.views, x)
	}
	return nil
}

// lines is how many atoms certificate number i has, from 0.
func (v *verifier) lines(i int) int {
	return bytes.Count(v.files.data[certificateName(i)], []byte("\n"))
}

func (v *verifier) sharing(i int) map[int]bool {
	set := map[int]bool{i: true}
	for grown := true; grown; {
		grown = false
		for j, p := range v.text.Principals {
			if k := v.principal(p.SameAs); p.SameAs != "" && k >= 0 && set[j] != set[k] {
				set[j], set[k], grown = true, true, true
			}
		}
	}
	return set
}

// facts lists what a principal learns from events, in their order.
func (v *verifier) facts(x *view) (list []fact) {
	byEvent := make(map[int]*message)
	for _, m := range slices.Concat(v.messages, v.injected) {
		byEvent[m.At] = m
	}
	for i := range v.text.Events {
		e := &v.text.Events[i]
		add := func(atoms ...string) {
			for _, a := range atoms {
				list = append(list, fact{a, i})
			}
		}
		switch e.Kind {
		case "bundle":
			add(seen(e.Identity), seen(e.SignedPreKey.Key))
			if e.OneTimePreKey != nil {
				add(seen(e.OneTimePreKey.Key))
			}
		case "message":
			if v.sees(x, byEvent[i]) {
				add(byEvent[i].facts()...)
			}
		case "parcel":
			if x.members[v.principal(e.To)] {
				for _, p := range v.parcels[i] {
					add(p.atoms()...)
				}
			}
		}
	}
	return list
}

func (m *message) facts() (list []string) {
	if m.Number >= 0 {
		list = append(list, ofMessage("observed", m.Number))
	}
	list = append(list, seen(m.key))
	if m.first != nil {
		list = append(list, of("handshake", short(m.Session)), seen(m.Session), seen(m.first.identity))
	}
	if m.pq != nil {
		if o := objects[m.pq.kind]; o != "" {
			list = append(list, of("chunk", short(m.Session), num(m.pq.epoch), o, num(m.pq.chunk)))
		}
	}
	return list
}

// has returns whether an atom is known by a time, in the closure that this verifier computed.
func (v *verifier) has(c *closure, atom string, by int) bool {
	id, ok := v.rules.ids[atom]
	if !ok {
		return false
	}
	at, ok := c.at[id]
	return ok && at <= by
}

const never = int(^uint(0) >> 1)

func mustHex(s string) []byte { // of what was checked
	b, _ := hex.DecodeString(s)
	return b
}
