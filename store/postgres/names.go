package postgres

import (
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
	"signet.example/signet/store/internal/listed"
)

// Devices implements session.Tx. The first time it lists the names of all peers of the Update, in
// one round trip: who begins sessions with many users asks for each.
func (t *Tx) Devices(name string) iter.Seq2[uint32, error] {
	return listed.Seq(func() ([]uint32, error) { return t.devices(name) })
}

func (t *Tx) devices(name string) ([]uint32, error) {
	if t.err != nil {
		return nil, t.err
	}
	base, ok := t.names[name]
	if !ok {
		if err := t.listNames(name); err != nil {
			return nil, err
		}
		base = t.names[name]
	}
	all := slices.Clone(base)
	for a, p := range t.peers {
		if a.Name == name && len(p.record)+len(p.identity) > 0 {
			all = append(all, a.Device)
		}
	}
	for k, r := range t.rows {
		if k.name == name && (k.table == archives || k.table == senderKeys) && r.present {
			all = append(all, k.id)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// listNames lists what is kept under a name, and under those of the peers of the Update.
func (t *Tx) listNames(name string) error {
	names := [][]byte{[]byte(name)}
	found := map[string][]uint32{name: nil}
	for _, a := range t.locked {
		if _, ok := found[a.Name]; !ok {
			found[a.Name] = nil
			names = append(names, []byte(a.Name))
		}
	}
	addresses, err := list(t, sqlListDevices, func(r pgx.Rows) (a signet.Address, err error) {
		var name []byte
		var device int64
		err = r.Scan(&name, &device)
		return signet.Address{Name: string(name), Device: uint32(device)}, err
	}, t.store.owner, names)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		found[a.Name] = append(found[a.Name], a.Device)
	}
	t.names = found
	return nil
}

// deleted forgets the lists if what was put in a row is nothing.
func (t *Tx) deleted(value []byte) {
	if len(value) == 0 {
		t.names = nil
	}
}
