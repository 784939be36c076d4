package ops

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"signet.example/signet"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/group"
	"signet.example/signet/internal/gcmsiv"
	"signet.example/signet/internal/kdf"
	"signet.example/signet/internal/x25519"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
)

// sealed is an upload of sealed sender: one group message, sealed to n accounts of one device each.
// signet spreads the agreements over the processors, and so does the floor.
func (b *builder) sealed() {
	for _, n := range []int{1, 10, 100, 1000} {
		name := fmt.Sprint("seal-", n)
		b.add(name, fmt.Sprintf("a group message of 64 bytes, encrypted and sealed to %d accounts in one upload", n),
			looped(measure.Signet, func() (func() error, error) { return openSeal(n) }),
			b.official(name),
			floorCase(1, func(f *floor) { f.seal(n) }))
	}
}

func account(i int) signet.Address {
	return signet.Address{Name: fmt.Sprintf("9d0652a3-dcc3-4d11-975f-74d6159%05x", i), Device: 1}
}

func openSeal(n int) (func() error, error) {
	alice, store := newDevice(account(0))
	bob, _ := newDevice(account(1))
	if err := know(alice, bob, n); err != nil {
		return nil, err
	}
	certificate, err := certify(alice)
	if err != nil {
		return nil, err
	}
	channel := group.NewChannel(alice.Address(), group.DistributionID{1}, store, nil)
	if _, err := channel.Distribution(ctx); err != nil {
		return nil, err
	}
	sender, err := sealed.NewSender(alice, certificate, channel)
	if err != nil {
		return nil, err
	}
	to, t := make([]signet.Address, n), text(64)
	for i := range to {
		to[i] = account(1 + i)
	}
	return func() error {
		_, err := sender.Seal(ctx, to, t)
		return err
	}, nil
}

// know gives alice sessions with n accounts that all have bob's keys: what it costs to seal to them
// does not depend on that.
func know(alice, bob *session.Device, n int) error {
	published, err := bob.PreKeys(ctx, 0)
	if err != nil {
		return err
	}
	bundle, err := published.NextBundle()
	if err != nil {
		return err
	}
	for i := range n {
		if err := alice.Start(ctx, account(1+i), bundle); err != nil {
			return err
		}
	}
	return nil
}

func certify(d *session.Device) (*sealed.SenderCertificate, error) {
	root, issuer := signet.GenerateKey(), signet.GenerateKey()
	server, err := sealed.NewServerCertificate(root, 1, issuer.PublicKey())
	if err != nil {
		return nil, err
	}
	return sealed.NewSenderCertificate(server, issuer, sealed.Claim{
		Sender: d.Address(), Key: d.Identity(), Expires: time.Now().Add(24 * time.Hour),
	})
}

// contentSize is about what a content of 64 bytes is with its certificate.
const contentSize = 480

// seal is version 2: the message encrypted for the group and once under a fresh key, which is
// encrypted to each recipient with two agreements.
func (f *floor) seal(n int) {
	f.groupHalf(64, true)
	for range 2 {
		kdf.HKDF(f.okm[:32], nil, f.key[:], f.info[:30])
	}
	f.multiply(0, 1, 0)
	var nonce [gcmsiv.NonceSize]byte
	if f.content == nil {
		f.content, f.wrapped = make([]byte, contentSize), make([]byte, 0, contentSize+gcmsiv.Overhead)
	}
	_, _ = gcmsiv.Seal(f.wrapped, &f.key, &nonce, f.content, nil) // it fails for 64 GiB
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers == 1 {
		f.sealTo(n)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { f.sealTo((n + w) / workers) })
	}
	wg.Wait()
}

// sealTo only reads f.
func (f *floor) sealTo(n int) {
	var shared [8][32]byte
	var out [32]byte
	var ikm [32 + 32 + 3*signet.PublicKeySize]byte
	const group = 4 // recipients, with two products each
	var products [2 * group]x25519.Product
	for i := range products {
		products[i] = x25519.Product{Scalar: &f.scalar, U: &f.public, Dst: &shared[i]}
	}
	for ; n > 0; n -= group {
		now := min(n, group)
		x25519.Multiply(products[:2*now])
		for range now {
			kdf.HKDF(out[:], nil, ikm[:98], f.info[:23])
			kdf.HKDF(out[:16], nil, ikm[:], f.info[:30])
		}
	}
}
