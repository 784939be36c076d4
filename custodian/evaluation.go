package custodian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// An Evaluation is a conversation that was played, or recorded, and judged: its report, and what is
// needed to ask further. It keeps what it was made from: copies of the receivers, parcels,
// ciphertexts. It is safe for concurrent use.
type Evaluation struct {
	mu     sync.Mutex // the rule book's index is made when first asked for
	w      *writer
	report *Report
	source []byte // of the scenario
	words  *words
}

// Play plays a scenario and judges it, as Evaluate does, for those who want to ask why. Nil opts
// means the defaults. Its errors are those of Evaluate.
func Play(ctx context.Context, sc *Scenario, opts *Options) (*Evaluation, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	source, err := sc.canonical()
	if err != nil {
		return nil, err
	}
	r, err := play(ctx, sc, opts)
	if err != nil {
		return nil, err
	}
	return r.evaluation(source)
}

// evaluation judges a run whose scenario is source.
func (r *run) evaluation(source []byte) (*Evaluation, error) {
	w, err := r.judge("")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(source)
	return &Evaluation{w: w, report: w.write(hex.EncodeToString(sum[:])), source: source, words: newWords(r)}, nil
}

// Report returns the report. It is the same one every time and must not be modified.
func (e *Evaluation) Report() *Report { return e.report }

// Bundle returns the witness bundle (docs/custody-bundle.md).
func (e *Evaluation) Bundle(profile Profile) ([]byte, error) {
	if profile != Publishable && profile != Lab {
		return nil, errProfile
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b := &bundle{w: e.w, profile: profile}
	if profile == Lab {
		b.add("scenario.json", e.source)
	}
	return b.build(e.report)
}

// String names the evaluation and shows nothing else: it holds what was handed over.
func (e *Evaluation) String() string { return "custodian.Evaluation(" + e.report.Scenario + ")" }

// GoString is String.
func (e *Evaluation) GoString() string { return e.String() }
