package sesame

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet.example/signet"
	"signet.example/signet/session"
)

// This file is a result for each recipient (decision 035).

// An Unreached is a device that a message was not encrypted for, and why.
//
// Err matches a *session.UntrustedIdentityError if its identity key is not the accepted one,
// ErrUnknown if it is gone, a *LimitError, session.ErrNoSession, session.ErrRecord,
// session.ErrVersion, signet.ErrInvalidAgreement, or is what the directory said, of a bundle that
// does not verify for instance.
type Unreached struct {
	Peer signet.Address
	All  bool // all devices of the user: their list was not to be had. Peer.Device is then of no meaning
	Err  error
}

// An UnreachedError is a message that was sent without some devices. The others were given it,
// unless Refused is not nil or there are no others: do not send it again, or only to those that are
// named.
type UnreachedError struct {
	User    string
	Left    []Unreached    // never empty
	Refused *MismatchError // not nil: the server delivers to all devices or to none, so it was none
	None    bool           // no device could be encrypted for, and nothing was sent
}

func (e *UnreachedError) Error() string {
	const shown = 3
	var b strings.Builder
	fmt.Fprintf(&b, "sesame: %d of the devices of %s not reached", len(e.Left), e.User)
	switch {
	case e.Refused != nil:
		b.WriteString(", and the server delivers to none without them")
	case e.None:
		b.WriteString(", and there is no other")
	}
	for i, u := range e.Left {
		if i == shown {
			fmt.Fprintf(&b, "; and %d more", len(e.Left)-i)
			break
		}
		fmt.Fprintf(&b, "; %s: %v", u.Peer, u.Err)
	}
	return b.String()
}

// Unwrap returns the reasons, and Refused if there is one.
func (e *UnreachedError) Unwrap() []error {
	list := make([]error, 0, len(e.Left)+1)
	for _, u := range e.Left {
		list = append(list, u.Err)
	}
	if e.Refused != nil {
		list = append(list, e.Refused)
	}
	return list
}

func unreached(left []session.LeftOut) (list []Unreached) {
	for _, l := range left {
		list = append(list, Unreached{Peer: l.Peer, Err: l.Err})
	}
	return list
}

// worst is the error of a call that refuses all because of some: ErrUnknown only if there is none
// worse.
func worst(left []Unreached) (err error) {
	for _, u := range left {
		if err == nil || errors.Is(err, ErrUnknown) {
			err = u.Err
		}
	}
	return err
}

// without returns peers without those in left.
func without(peers []signet.Address, left []Unreached) []signet.Address {
	if len(left) == 0 {
		return peers
	}
	return slices.DeleteFunc(slices.Clone(peers), func(p signet.Address) bool {
		return slices.ContainsFunc(left, func(u Unreached) bool { return u.Peer == p })
	})
}

// EncryptEach is EncryptAll that leaves out the devices that cannot be reached and names each with
// its reason: the others get their message. to, if not nil, runs in the transaction of the
// ratchets' steps with what is sent, which may be nothing. An identity key that changed is a
// question for the user: nothing is encrypted for that device, and messages for the user's other
// devices are those that the accepted key stands for.
//
// A device that is left out is tried again by the next call, which asks the directory for a bundle
// once more. The error is the store's, to's or the context's; then there is nothing to send.
// Sessions that began stay.
func (c *Client) EncryptEach(ctx context.Context, drafts []Draft, to func(session.Tx, []Message) error) ([]Message, []Unreached, error) {
	return c.encryptEach(ctx, drafts, to, func(error) bool { return false })
}

// encryptEach is EncryptEach that refuses all for some reasons.
func (c *Client) encryptEach(ctx context.Context, drafts []Draft, to func(session.Tx, []Message) error, whole func(error) bool) ([]Message, []Unreached, error) {
	const rounds = 4 // as in EncryptAll
	gone := make(map[signet.Address]error)
	for range rounds {
		out, left, err := c.planFor(ctx, drafts, gone)
		if err != nil {
			return nil, nil, err
		}
		messages, err := c.device.EncryptAll(ctx, out, to)
		if err == nil {
			return messages, left, nil
		}
		if !errors.Is(err, session.ErrNoSession) && !errors.Is(err, session.ErrRecord) {
			return nil, nil, err
		}
		missing, err := c.device.Missing(ctx, out)
		if err != nil {
			return nil, nil, err
		}
		failed, err := c.meet(ctx, want(out, missing))
		if err != nil {
			return nil, nil, err
		}
		for _, u := range failed {
			if whole(u.Err) {
				return nil, nil, u.Err
			}
			gone[u.Peer] = u.Err
		}
	}
	out, left, err := c.planFor(ctx, drafts, gone) // those that are missing now are left out
	if err != nil {
		return nil, nil, err
	}
	messages, refused, err := c.device.EncryptEach(ctx, out, to)
	if err != nil {
		return nil, nil, err
	}
	return messages, append(left, unreached(refused)...), nil
}

// planFor is planEach without the devices that are gone, each of them with its reason if it is
// still listed.
func (c *Client) planFor(ctx context.Context, drafts []Draft, gone map[signet.Address]error) (out []session.Outgoing, left []Unreached, err error) {
	all, left, err := c.planEach(ctx, drafts)
	if err != nil {
		return nil, nil, err
	}
	named := make(map[signet.Address]bool)
	for _, o := range all {
		reason := gone[o.Peer]
		switch {
		case reason == nil:
			out = append(out, o)
		case !named[o.Peer]:
			named[o.Peer] = true
			left = append(left, Unreached{Peer: o.Peer, Err: reason})
		}
	}
	return out, left, nil
}

// reach is what Send encrypts for the devices of one user. A device with another identity key than
// the accepted one refuses the message as a whole, since nothing is sent before the user was asked.
func (c *Client) reach(ctx context.Context, d Draft) ([]Message, *UnreachedError, error) {
	if c.opts.AllOrNone {
		messages, err := c.EncryptAll(ctx, []Draft{d}, nil)
		return messages, nil, err
	}
	messages, left, err := c.encryptEach(ctx, []Draft{d}, nil, func(err error) bool {
		_, changed := errors.AsType[*session.UntrustedIdentityError](err)
		return changed
	})
	switch {
	case err != nil:
		return nil, nil, err
	case len(left) == 0:
		return messages, nil, nil
	case left[0].All:
		return nil, nil, left[0].Err
	}
	e := &UnreachedError{User: d.User, Left: left, None: len(messages) == 0}
	if e.None {
		return nil, nil, e
	}
	return messages, e, nil
}

// insists reports whether a server refuses because of nothing else than the devices that are left
// out.
func (e *UnreachedError) insists(m *MismatchError) bool {
	if len(m.Extra)+len(m.Stale) > 0 {
		return false
	}
	for _, id := range m.Missing {
		if !slices.ContainsFunc(e.Left, func(u Unreached) bool { return u.Peer.Device == id }) {
			return false
		}
	}
	return true
}
