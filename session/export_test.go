package session

import (
	"context"

	"signet.example/signet"
)

// DecryptSteps is Decrypt that says how many steps of chains it took, also if it fails.
func (d *Device) DecryptSteps(ctx context.Context, peer signet.Address, m Message) (spent uint64, err error) {
	o := receivings.New().(*receiving)
	o.d, o.ctx, o.peer = d, ctx, peer
	if err := o.in.parse(m); err != nil {
		return 0, err
	}
	err = d.update(ctx, peer, o.f)
	return o.within.Spent(), err
}
