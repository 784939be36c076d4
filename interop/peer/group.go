package main

import (
	"context"

	"signet.example/signet"
	"signet.example/signet/group"
)

// channel returns the device's end of the group that the request names.
func (d *device) channel(a *args) *group.Channel {
	id, err := group.ParseDistributionID(a.text("distribution"))
	if err != nil {
		a.fail("distribution: %w", err)
	}
	if a.err != nil {
		return nil
	}
	return group.NewChannel(d.Address(), id, d.store, nil)
}

func groupCreate(p *peer, ctx context.Context, a *args) (answer, error) {
	d := p.device(a)
	c := d.channel(a)
	if a.err != nil {
		return nil, a.err
	}
	m, err := c.Distribution(ctx)
	return answer{"message": m}, err
}

func groupProcess(p *peer, ctx context.Context, a *args) (answer, error) {
	d, from, message := p.device(a), a.address("from"), a.bytes("message")
	if a.err != nil {
		return nil, a.err
	}
	id, err := group.DistributionMessageID(message)
	if err != nil {
		return nil, err
	}
	return nil, group.NewChannel(d.Address(), id, d.store, nil).Join(ctx, from, message)
}

func groupEncrypt(p *peer, ctx context.Context, a *args) (answer, error) {
	d, plaintext := p.device(a), a.bytes("plaintext")
	c := d.channel(a)
	if a.err != nil {
		return nil, a.err
	}
	m, err := c.Encrypt(ctx, plaintext)
	return answer{"message": m}, err
}

func groupDecrypt(p *peer, ctx context.Context, a *args) (answer, error) {
	d, from, message := p.device(a), a.address("from"), a.bytes("message")
	if a.err != nil {
		return nil, a.err
	}
	plaintext, err := d.openGroup(ctx, from, message)
	return answer{"plaintext": text(plaintext)}, err
}

// openGroup decrypts a message in the group that it names.
func (d *device) openGroup(ctx context.Context, from signet.Address, message []byte) ([]byte, error) {
	id, err := group.MessageID(message)
	if err != nil {
		return nil, err
	}
	return group.NewChannel(d.Address(), id, d.store, nil).Decrypt(ctx, from, message)
}
