package tlog

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A Witness cosigns the checkpoints of one log as long as it only grows. Nothing that it has not
// checked bears its signature, so a log that shows two histories needs a quorum of dishonest
// witnesses. It is safe for concurrent use.
type Witness struct {
	mu   sync.Mutex
	key  *Key
	log  *Trust
	view View
}

// NewWitness returns the witness with this key for the log that t trusts; whom else t trusts does
// not matter. The view is what the witness has seen before, nil for nothing: a witness that forgets
// cosigns a fork.
func NewWitness(key *Key, t *Trust, seen *View) (*Witness, error) {
	if (*key.p).alg != algWitness {
		return nil, errors.New("tlog: a log's key does not cosign")
	}
	w := &Witness{key: key, log: &Trust{log: t.log}}
	if seen != nil {
		w.view = *seen
	}
	return w, nil
}

// Cosign returns signed, a checkpoint of the log, with the witness's cosignature added. The errors
// are those of Trust.Open and View.Advance.
func (w *Witness) Cosign(ctx context.Context, signed []byte, src Source, now time.Time) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, _, err := w.log.open(signed)
	if err != nil {
		return nil, err
	}
	if err := w.view.Advance(ctx, c, src, nil); err != nil {
		return nil, err
	}
	n, err := note.Open(signed, note.VerifierList(w.log.log))
	if err != nil {
		return nil, ErrCheckpoint
	}
	return note.Sign(n, noteSigner{*w.key.p, now})
}

// View returns what the witness has seen, to be stored before a cosignature is handed out.
func (w *Witness) View() *View {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.view
	return &v
}
