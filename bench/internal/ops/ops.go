// Package ops is the list of what the bench program measures: operations, each with the
// implementations that can do it. A family of operations has a file.
//
// # What the implementations are
//
// The row signet is what a program gets that uses the library: a session.Device over
// session/memory, which decodes the session's record, commits the next one and encodes it in every
// operation. signet-state is ratchet.State alone, held in memory, without a store. go.mau.fi is
// that library through its SessionCipher with live session objects in a map, the fastest that its
// store interface allows; go.mau.fi-stored encodes them after each operation, as a database would
// need it. Package node says what official-node is, and floor.go what the floor is.
package ops

import (
	"context"
	"regexp"

	"signet.example/signet"
	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/bench/internal/node"
)

// An Op is an operation.
type Op struct {
	Name string
	What string // in a few words, with what is counted
	// Grow is the name of a family that shows how cost grows, empty for other operations. A family is
	// measured together, so that its members can be compared.
	Grow string
	// Cases are its implementations, the floor last.
	Cases []measure.Case
}

// Options adjusts the list.
type Options struct {
	Quick    bool         // smaller operations where the large ones take minutes
	Official *node.Client // nil: leave the official client out, visibly
	Absent   string       // why Official is nil
	Postgres string       // how to connect to a database; empty: start a server of our own
}

// A builder gathers the list.
type builder struct {
	Options
	list []Op
}

// All returns the operations whose names match run, in the order of the printed table. A nil run
// matches all.
func All(run *regexp.Regexp, o Options) []Op {
	b := &builder{Options: o}
	b.messages()
	b.handshakes()
	b.outOfOrder()
	b.groups()
	b.sealed()
	b.records()
	b.pq()
	b.primitives()
	b.custody()
	b.durable()
	b.growth()
	b.boundary()
	if run == nil {
		return b.list
	}
	var some []Op
	for _, op := range b.list {
		if run.MatchString(op.Name) {
			some = append(some, op)
		}
	}
	return some
}

// add adds an operation; the cases get its name.
func (b *builder) add(name, what string, cases ...measure.Case) *Op {
	for i := range cases {
		cases[i].Op = name
	}
	b.list = append(b.list, Op{Name: name, What: what, Cases: cases})
	return &b.list[len(b.list)-1]
}

// official is the official client's case of an operation, which goes by the same name there.
func (b *builder) official(name string) measure.Case {
	return measure.Case{Impl: measure.Official, Open: func() (*measure.Subject, error) {
		if b.Official == nil {
			return nil, measure.Skip(b.Absent)
		}
		return b.Official.Open(name)
	}}
}

// with returns the case with a quantum.
func with(quantum int, c measure.Case) measure.Case {
	c.Quantum = quantum
	return c
}

// looped is a case whose iteration is the function that open returns.
func looped(impl string, open func() (func() error, error)) measure.Case {
	return measure.Case{Impl: impl, Open: func() (*measure.Subject, error) {
		f, err := open()
		if err != nil {
			return nil, err
		}
		return measure.Loop(f), nil
	}}
}

var ctx = context.Background()

var (
	aliceAddr = signet.Address{Name: "alice", Device: 1}
	bobAddr   = signet.Address{Name: "bob", Device: 2}
)
