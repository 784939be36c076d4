package sweep

import (
	"encoding/json"
	"io"
)

const resultFormat = "custody-sweep-result-v1"

// A Result is what a plan came to.
type Result struct {
	Format     string            `json:"format"`
	Plan       string            `json:"plan"` // "sha256:" and the digest of the plan
	Rows       []Row             `json:"rows"` // one for each cell, in the order of the plan
	Windows    []Window          `json:"windows,omitempty"`
	Population *PopulationResult `json:"population,omitempty"`
}

// A Row is what a cell came to. Counts are sums over all runs.
type Row struct {
	Grid       string  `json:"grid"`
	Engine     string  `json:"engine"`
	Delegation string  `json:"delegation"`
	Instants   [2]int  `json:"instants"`
	Pattern    string  `json:"pattern"`
	Loss       float64 `json:"loss"`
	Revocation string  `json:"revocation"`
	Runs       int64   `json:"runs"`

	Before Span `json:"before"` // messages before the instant
	During Span `json:"during"` // up to the end of the mandate
	Later  Span `json:"later"`  // up to the end of the run

	Refused int64 `json:"refused"` // messages that arrived and were not taken
	Unknown int64 `json:"unknown"` // verdicts that are unknown although there were messages

	// Messages of the mandate that the delegate could have written in the business's place, all in
	// all: a quota is used up.
	Served int64 `json:"served"`

	// Clocks count messages from the last time that secrets changed hands.
	Classical *Clock `json:"classical"` // until everything is unreadable
	Quantum   *Clock `json:"quantum"`   // to a quantum computer too
	Recovered *Clock `json:"recovered"` // before the business's first unreadable message that arrives
	Late      *Clock `json:"late"`      // from the revocation to the last forgery that is taken
	Epochs    *Clock `json:"epochs"`    // of two epochs of the post-quantum half, one in each pair of roles

	Closed *Expectation `json:"closed,omitempty"` // what the clocks' means are expected to be
}

// WriteJSON writes the result.
func (r *Result) WriteJSON(w io.Writer) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
