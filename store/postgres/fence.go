package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"signet.example/signet"
)

// A Grant is the right to commit to one session, as Delegate gives it to another host. It holds no
// secret; whoever has one still needs the database.
type Grant struct {
	Peer  signet.Address
	Epoch int64
}

// A FencedError says that a commit was refused because the right to it has been taken away. Nothing
// was kept and nothing was sent. It does not help to try again.
type FencedError struct {
	Peer  signet.Address // whose session; the zero Address is the device itself
	Held  int64          // the epoch that the Store holds
	Epoch int64          // the epoch that there is
}

func (e *FencedError) Error() string {
	if e.Peer == (signet.Address{}) {
		return fmt.Sprintf("postgres: fenced: the device was taken over (epoch %d, held %d)", e.Epoch, e.Held)
	}
	return fmt.Sprintf("postgres: fenced: the session with %s is in other hands (epoch %d, held %d)", e.Peer, e.Epoch, e.Held)
}

// Delegate gives the session with peer away: from its return on, only a Store made by Under with
// this grant can commit to it, on whatever host. An earlier grant for the peer ends. It waits for
// the transaction that has the peer's row, if one does.
func (s *Store) Delegate(ctx context.Context, peer signet.Address) (Grant, error) {
	epoch, err := s.hand(ctx, peer, true)
	return Grant{Peer: peer, Epoch: epoch}, err
}

// Revoke takes the session with peer back: from its return on, no Store under a grant can commit to
// it and those of the device can. The session goes on from the last commit of the delegate.
func (s *Store) Revoke(ctx context.Context, peer signet.Address) error {
	_, err := s.hand(ctx, peer, false)
	return err
}

func (s *Store) hand(ctx context.Context, peer signet.Address, delegated bool) (epoch int64, err error) {
	if s.grant != nil {
		return 0, &FencedError{Peer: peer, Held: s.grant.Epoch}
	}
	err = s.update(ctx, peer, true, func(tx *Tx) error {
		p := tx.peers[peer]
		p.newEpoch, p.newDelegated = p.epoch+1, delegated
		p.dirty, tx.dirty = true, true
		epoch = p.newEpoch
		return nil
	})
	return epoch, err
}

// Under returns a Store that commits under a grant, over the same connections: to the session of
// its peer, and to nothing else.
func (s *Store) Under(g Grant) *Store {
	other := *s
	other.grant = &g
	return &other
}

// TakeOver shuts every other host out of the device: from its return on, the commits of all Stores
// opened before fail, except this one's and those that came from it. Sessions that are delegated
// stay where they are. It waits for the transactions that run.
//
// It is for a failover of hosts, whose database is one. It does nothing about a failover of the
// database: the epoch that it raises lies in the database, and an old primary that still runs does
// not learn of it.
func (s *Store) TakeOver(ctx context.Context) error {
	if s.grant != nil {
		return &FencedError{Peer: s.grant.Peer, Held: s.grant.Epoch}
	}
	var epoch int64
	err := s.pool.durably(ctx, func(tx pgx.Tx) error {
		if !s.pool.portable {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockKey(s.owner)); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `UPDATE signet_device SET epoch = epoch + 1 WHERE owner = $1 RETURNING epoch`, s.owner).Scan(&epoch)
	})
	if err != nil {
		return fmt.Errorf("postgres: take over: %w", err)
	}
	s.epoch.Store(epoch)
	return nil
}

// lockKey is the advisory lock of a device: transactions share it, TakeOver has it alone.
func lockKey(owner int64) int64 { return 0x5369<<48 ^ owner }

// mayUpdate says whether the Store may run an Update that names this peer.
func (s *Store) mayUpdate(peer signet.Address, deviceEpoch int64, p *peerRow, control bool) error {
	if control {
		return s.mayUseDevice(deviceEpoch)
	}
	return s.mayCommit(peer, deviceEpoch, p)
}

func (s *Store) mayUseDevice(deviceEpoch int64) error {
	if held := s.epoch.Load(); held != deviceEpoch {
		return &FencedError{Held: held, Epoch: deviceEpoch}
	}
	return nil
}

// mayCommit says whether the Store may write rows of this peer.
func (s *Store) mayCommit(peer signet.Address, deviceEpoch int64, p *peerRow) error {
	if g := s.grant; g != nil {
		if g.Peer != peer || !p.delegated || g.Epoch != p.epoch {
			return &FencedError{Peer: peer, Held: g.Epoch, Epoch: p.epoch}
		}
		return nil
	}
	if p.delegated {
		return &FencedError{Peer: peer, Epoch: p.epoch}
	}
	return s.mayUseDevice(deviceEpoch)
}
