package memory

import (
	"maps"
	"slices"

	"signet.example/signet"
)

// This file finds what is kept under a name.

// A named is what a store has under one name. It is guarded by data.mu.
type named struct {
	devices map[uint32]int   // rows of each device, sender keys too
	groups  map[key]struct{} // the sender keys among them
	changed uint64           // the commit that last made a row appear or go
}

// A nameSeen is a name that a transaction has listed, and as of when.
type nameSeen struct {
	name    string
	changed uint64
}

var nobody = new(named)

// name is under which name a row is kept, if it is one of a peer's or a sender key.
func (k key) ofName() (name string, ok bool) {
	switch {
	case k.kind < peerKinds:
		return k.name, true
	case k.kind == senderKeys:
		return k.name[k.signed:], true
	}
	return "", false
}

// named returns what is kept under a name; it is not modified. The caller holds data.mu.
func (d *data) named(name string) *named {
	if d.names == nil {
		d.names = make(map[string]*named)
		for _, p := range d.peers {
			for k := range p.rows {
				if p.rows[k].present {
					d.enlist(peerKey(kind(k), p.addr), 1)
				}
			}
		}
		for k := range d.rows {
			d.enlist(k, 1)
		}
	}
	if n := d.names[name]; n != nil {
		return n
	}
	return nobody
}

// enlist counts that a row has appeared (1) or gone (-1). The caller holds data.mu.
func (d *data) enlist(k key, change int) {
	name, ok := k.ofName()
	if !ok || d.names == nil {
		return
	}
	n := d.names[name]
	if n == nil {
		n = &named{devices: make(map[uint32]int)}
		d.names[name] = n
	}
	n.changed = d.commits
	if n.devices[k.id] += change; n.devices[k.id] == 0 {
		delete(n.devices, k.id)
	}
	if k.kind == senderKeys {
		if n.groups == nil {
			n.groups = make(map[key]struct{})
		}
		if n.groups[k] = struct{}{}; change < 0 {
			delete(n.groups, k)
		}
	}
	if len(n.devices) == 0 {
		delete(d.names, name)
	}
}

// list notes that a name is looked at. The caller holds data.mu.
func (t *log) list(name string) *named {
	n := t.d.named(name)
	t.names = append(t.names, nameSeen{name, n.changed})
	return n
}

// devices returns the devices of a name with rows as the transaction sees them.
func (t *log) devices(name string) []uint32 {
	found := make(map[uint32]bool)
	t.d.mu.Lock()
	n := t.list(name)
	for id := range n.devices {
		a := signet.Address{Name: name, Device: id}
		p := t.d.peers[a]
		for k := kind(0); k < peerKinds && p != nil; k++ {
			hidden := p == t.own && t.written[k] || t.find(peerKey(k, a)) >= 0
			found[id] = found[id] || !hidden && p.rows[k].present
		}
	}
	for k := range n.groups {
		found[k.id] = found[k.id] || t.find(k) < 0
	}
	t.d.mu.Unlock()
	for i := range t.writes {
		e := &t.writes[i]
		if of, ok := e.key.ofName(); ok && of == name {
			found[e.key.id] = found[e.key.id] || e.row.present
		}
	}
	if t.own != nil && t.own.addr.Name == name {
		for k := range t.next {
			found[t.own.addr.Device] = found[t.own.addr.Device] || t.written[k] && t.next[k].present
		}
	}
	maps.DeleteFunc(found, func(_ uint32, present bool) bool { return !present })
	return slices.Sorted(maps.Keys(found))
}

// groups returns the groups in which a sender has a row.
func (t *log) groups(sender signet.Address) []string {
	var list []string
	t.d.mu.Lock()
	for k := range t.list(sender.Name).groups {
		if k.id == sender.Device && t.find(k) < 0 {
			list = append(list, k.name[:k.signed])
		}
	}
	t.d.mu.Unlock()
	for i := range t.writes {
		e := &t.writes[i]
		if e.key.kind == senderKeys && e.row.present && e.key.id == sender.Device && e.key.name[e.key.signed:] == sender.Name {
			list = append(list, e.key.name[:e.key.signed])
		}
	}
	slices.Sort(list)
	return list
}
