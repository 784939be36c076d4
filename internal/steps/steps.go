// Package steps bounds what a message may cost before anybody knows that it is genuine. A message
// says how far the chains have to be advanced that its key comes from, and the key is what shows
// whether it is genuine; so a few bytes of anybody's can ask for any number of steps, in as many
// sessions as they are tried on.
package steps

import "errors"

const (
	// Default is how many steps a message may cost: enough for the farthest jump of one session, 25
	// 000 in each half, and some for a jump between devices of one account, which has no other bound.
	Default = 60_000

	// Small is how many steps a walk may have that nobody counts: a message that is a little ahead is
	// tried on every session, whatever the sessions before it have cost.
	Small = 100

	look = 256 // steps between two looks at the context
)

// ErrBudget is a walk that is longer than what is left for the message.
var ErrBudget = errors.New("ratchet: message so far ahead that it would cost more steps than are allowed")

// A Meter counts the steps of one message over all sessions that it is tried on. A nil Meter
// neither counts nor ends anything. It is used by one goroutine.
type Meter struct {
	left   uint64
	spent  uint64
	ctx    interface{ Err() error }
	passed uint32 // steps since the last look at ctx
}

// New returns a Meter that allows left steps, until ctx, a context.Context or nil, has ended.
func New(left uint64, ctx interface{ Err() error }) Meter { return Meter{left: left, ctx: ctx} }

// Spent is how many steps were begun, those of small walks among them.
func (m *Meter) Spent() uint64 { return m.spent }

// Walk asks for a walk of n steps, before its first one. The error is ErrBudget, and then nothing
// was spent, or the context's.
func (m *Meter) Walk(n uint64) error {
	if m == nil {
		return nil
	}
	if err := m.Allows(n); err != nil {
		return err
	}
	if n > Small {
		m.left -= n
	}
	m.spent += n
	return m.Look()
}

// Allows is Walk that asks and does not begin.
func (m *Meter) Allows(n uint64) error {
	if m != nil && n > Small && n > m.left {
		return ErrBudget
	}
	return nil
}

// Step is called for each step of a walk. The error is the context's.
func (m *Meter) Step() error {
	if m == nil {
		return nil
	}
	if m.passed++; m.passed < look {
		return nil
	}
	return m.Look()
}

// Look returns the error of the context, if it has ended.
func (m *Meter) Look() error {
	if m == nil || m.ctx == nil {
		return nil
	}
	m.passed = 0
	return m.ctx.Err()
}
