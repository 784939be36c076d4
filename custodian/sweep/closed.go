package sweep

import "math"

// An Expectation is what follows for a conversation in which each message is the business's with
// probability P, whoever spoke before, and is lost with another, once a copy of the business's
// whole session was handed over at a random instant. All numbers are of messages.
type Expectation struct {
	P         float64 `json:"p"`
	Recovered float64 `json:"recovered"` // before the business's first unreadable message that arrives
	Classical float64 `json:"classical"` // until everything is unreadable to today's computers
	Epoch     float64 `json:"epoch"`     // how long an epoch of the post-quantum half takes
}

// Closed returns the expectations for 0 < p < 1 and 0 ≤ loss < 1 (custody B9).
//
// Recovered: the customer does not know the business's newest key with probability 1−p, and then
// learns it with the next message that arrives; then one of hers has to arrive, and then one of the
// business's. Classical is shorter by the messages on the business's next chain that were lost at
// the end: nobody reads those.
//
// Epoch: see [epoch]; the two ends take turns in its roles.
func Closed(p, loss float64) Expectation {
	arrive := 1 - loss
	e := Expectation{P: p, Recovered: ((1-p)/p+1/(1-p)+1/p)/arrive - 1}
	e.Classical = e.Recovered - p*loss/(1-p*loss)
	e.Epoch = (epoch(p*arrive, (1-p)*arrive) + epoch((1-p)*arrive, p*arrive)) / 2
	return e
}

// epoch is how many messages an epoch of the braid takes in which a message of the end that makes
// the key pair arrives with probability a, and one of the other end with probability b.
//
// One message tells the first that the last epoch is over; three chunks of the header; one chunk of
// the ciphertext tells that they are there. Then both send: the vector in 36 chunks, and the other
// 29 of the ciphertext's first part. The other end is ready with the 36th message, or with the
// first that was sent after all of the ciphertext's first part had arrived, whichever comes last.
// Five chunks more end it.
func epoch(a, b float64) float64 {
	return 7/b + (chunksHeader+lastOfVector(a, b))/a
}

// lastOfVector is the expectation of max(36, M+1), M being how many messages of the first end
// arrive before the 29th of the other.
func lastOfVector(a, b float64) float64 {
	const need = chunksFirst - 1
	q := a / (a + b) // that a message that arrives is the first end's
	sum, all := 0.0, 0.0
	p := math.Pow(1-q, need) // of M = 0
	for m := 0; all < 1-1e-12 && m < 1<<20; m++ {
		sum, all = sum+p*float64(max(chunksVector, m+1)), all+p
		p *= q * float64(need+m) / float64(m+1)
	}
	return sum
}

// window is the expected number of messages between the birth of a chain of the business and its
// end at the customer, who keeps so many: its key has to arrive, and then as many answers and keys
// in turn.
func window(p, loss float64, chains int) float64 {
	a, b := (1-p)*(1-loss), p*(1-loss)
	r := float64(chains)
	return (r+1)/b + r/a - 1
}
