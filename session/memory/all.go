package memory

import (
	"cmp"
	"context"
	"slices"

	"signet.example/signet"
	"signet.example/signet/session"
)

// UpdateAll is Update for many peers at once, as session.ManyStore says: it takes the turns of all
// of them, in an order of its own, and runs f once it has them.
func (s *Store) UpdateAll(ctx context.Context, peers []signet.Address, f func(tx session.Tx) error) error {
	if len(peers) == 0 {
		return s.Update(ctx, signet.Address{}, f)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	peers = slices.Clone(peers)
	slices.SortFunc(peers, func(a, b signet.Address) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Device, b.Device))
	})
	peers = slices.Compact(peers)
	d := *s.d
	for _, peer := range peers {
		p, err := d.take(ctx, peer, nil)
		if err != nil {
			return err
		}
		defer d.giveBack(p)
	}
	for losses := 0; ; losses++ {
		done, err := d.attempt(ctx, nil, newLog(d), f, losses >= patience)
		if done {
			return err
		}
	}
}
