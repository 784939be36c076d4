package sesame

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet.example/signet"
	"signet.example/signet/x3dh"
)

// A Directory knows which devices a user has and hands out their prekeys: what X3DH and Sesame call
// the server. A Client is given one that talks to a server; that server's own is that of
// sesame/memory or of store/directory. Whether a caller may publish or ask is decided before it is
// called. It is safe for concurrent use.
//
// A client trusts a directory with availability, not with keys: signatures are verified, an
// identity key that changed is an error, and the safety number shows a false first one.
type Directory interface {
	// Devices returns the active devices of a user, in the order of their ids. It is ErrUnknown for a
	// user that has none.
	Devices(ctx context.Context, user string) ([]Listing, error)

	// Bundle hands a bundle of device to from, whom a remote server knows without being told. Each
	// one-time prekey is handed out once. The error is ErrUnknown or a *LimitError.
	Bundle(ctx context.Context, from, device signet.Address) (*Handed, error)

	// Publish adds a device or brings it up to date: the signed prekey and the last resort are
	// replaced, the one-time prekeys added. A publication that is repeated (its answer may have been
	// lost) adds nothing, for the days of Remembered. Another identity key or registration id than
	// before is a device installed anew, and removes the one-time prekeys that are left of the old
	// one. The error is that of CheckPublished, or ErrStock.
	Publish(ctx context.Context, device signet.Address, p *x3dh.Published) error

	// Replace is Publish for a device that has lost the private halves of what it published before,
	// such as one that was restored from a backup: the one-time prekeys that are left are removed.
	Replace(ctx context.Context, device signet.Address, p *x3dh.Published) error

	// Stock returns how many one-time prekeys of a device are left to hand out. It is ErrUnknown for a
	// device that is not there.
	Stock(ctx context.Context, device signet.Address) (Stock, error)
}

// An IdentityDirectory is a Directory that says the identity keys of a user's devices without
// handing out a bundle of them. It is optional: a Client whose directory has it asks before it asks
// for bundles, so that no one-time prekey is spent on a device whose key is not the accepted one.
// The key of the bundle counts.
type IdentityDirectory interface {
	Directory

	// Identities returns the identity keys of the active devices of a user, by device. It is
	// ErrUnknown for a user that has none.
	Identities(ctx context.Context, user string) (map[uint32]signet.PublicKey, error)
}

// A Listing is a device of a user.
type Listing struct {
	Device         uint32 // 0 to signet.MaxDevice
	RegistrationID uint32 // zero if the directory does not say
}

// A Handed is a bundle as a directory hands it out.
type Handed struct {
	Bundle *x3dh.Bundle
	// LastResort says that the KEM prekey is the one that is handed out again and again, because no
	// one-time prekey was left or because too many were asked for. Forward secrecy of the first
	// messages then begins with the device's next rotation, and their replay is stopped by the device
	// alone.
	LastResort bool
}

// A Stock is the number of one-time prekeys of each kind.
type Stock struct{ PreKeys, KEMPreKeys int }

var (
	// ErrUnknown is a user or device that a directory does not have.
	ErrUnknown = errors.New("sesame: no such user or device")
	// ErrStock is a publication that a directory has no room for.
	ErrStock = errors.New("sesame: too many one-time prekeys")
	// ErrPublished is a publication that is not fit to be handed out.
	ErrPublished = errors.New("sesame: unfit publication")
)

// A LimitError is a directory's answer to one who asks for too many bundles.
type LimitError struct {
	From signet.Address
	Wait time.Duration // until one will be handed out
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("sesame: %s asks for too many bundles, wait %v", e.From, e.Wait.Round(time.Second))
}

// DirectoryOptions adjusts a directory. The zero value works.
type DirectoryOptions struct {
	// Requester limits the bundles that one device is given; beyond it there is a *LimitError. Zero
	// means 500 and one more every ten seconds.
	Requester Limit
	// Target limits the one-time prekeys of one device that are handed out, so that nobody uses up the
	// stock. Beyond it bundles come without a one-time prekey and with the last resort: an error would
	// let strangers make a device unreachable. Zero means 50 and one more every thirty seconds.
	Target Limit
	// MaxStock is how many one-time prekeys of each kind are kept for a device. Zero means 1000.
	MaxStock int
	// Now is the clock. Nil means time.Now. Hosts that share a directory need to agree about the time
	// to within the limits' grain.
	Now func() time.Time
}

// WithDefaults returns o with the defaults in the place of zeros. It is for directories.
func (o *DirectoryOptions) WithDefaults() DirectoryOptions {
	var d DirectoryOptions
	if o != nil {
		d = *o
	}
	if d.Requester == (Limit{}) {
		d.Requester = Limit{Burst: 500, Every: 10 * time.Second}
	}
	if d.Target == (Limit{}) {
		d.Target = Limit{Burst: 50, Every: 30 * time.Second}
	}
	if d.MaxStock == 0 {
		d.MaxStock = 1000
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return d
}

// A Limit is a token bucket: Burst at once, and one more after each Every. A negative Burst is no
// limit.
type Limit struct {
	Burst int
	Every time.Duration
}

// Take takes a token at now from a bucket that is full from the time full on, and returns from when
// on it will be. If the bucket is empty, it returns full as it was and how long to wait for a
// token. The bucket of someone who was never seen has any time in the past.
func (l Limit) Take(full, now time.Time) (then time.Time, wait time.Duration) {
	if l.Burst < 0 {
		return full, 0
	}
	then = full
	if then.Before(now) {
		then = now
	}
	then = then.Add(l.Every)
	if wait = then.Sub(now) - time.Duration(l.Burst)*l.Every; wait > 0 {
		return full, wait
	}
	return then, 0
}

// Remembered is for how long a directory knows the ids of the one-time prekeys that it has handed
// out.
const Remembered = 30 * 24 * time.Hour

// CheckPublished says whether p, published by device, is fit to be handed out: its device id is the
// address's, every signature is the identity key's, and the keys parse. The error matches
// ErrPublished, and x3dh.ErrSignature or x3dh.ErrKEM where it is one.
func CheckPublished(device signet.Address, p *x3dh.Published) error {
	if err := device.CheckListed(); err != nil {
		return fmt.Errorf("%w: %w", ErrPublished, err)
	}
	if p.DeviceID != device.Device {
		return fmt.Errorf("%w: device %d publishes for %s", ErrPublished, p.DeviceID, device)
	}
	for _, k := range p.PreKeys {
		if k.ID >= 1<<idBits {
			return fmt.Errorf("%w: prekey id %d", ErrPublished, k.ID)
		}
	}
	f := x3dh.BundleFields{Identity: p.Identity, SignedPreKey: p.SignedPreKey, KEMPreKey: &p.LastResort}
	_, err := x3dh.NewBundle(f)
	for i := 0; err == nil && i < len(p.KEMPreKeys); i++ {
		f.KEMPreKey = &p.KEMPreKeys[i]
		if _, err = x3dh.NewBundle(f); err == nil && p.KEMPreKeys[i].ID >= 1<<idBits {
			err = fmt.Errorf("KEM prekey id %d", p.KEMPreKeys[i].ID)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPublished, err)
	}
	return nil
}

const idBits = 24 // of a prekey id
