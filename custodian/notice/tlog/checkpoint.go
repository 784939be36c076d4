package tlog

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is a node of the tree, 32 bytes.
type Hash = tlog.Hash

// A Trust says whose signatures count: those of one log, and of witnesses of which a number must
// have cosigned. It is immutable.
type Trust struct {
	log       note.Verifier
	witnesses []note.Verifier
	quorum    int
}

// NewTrust returns the Trust in the log with this verifier, if quorum of the witnesses agree. Both
// are in the form of Key.Verifier. A quorum of zero asks for no witness.
func NewTrust(log string, quorum int, witnesses ...string) (*Trust, error) {
	v, alg, err := parseVerifier(log)
	if err != nil {
		return nil, err
	}
	if alg != algLog || quorum < 0 || quorum > len(witnesses) {
		return nil, errors.New("tlog: a log's key, and at most as many witnesses as there are")
	}
	t := &Trust{log: v, quorum: quorum}
	for i, w := range witnesses {
		v, alg, err := parseVerifier(w)
		if err != nil {
			return nil, err
		}
		if alg != algWitness || slices.Contains(witnesses[:i], w) {
			return nil, errors.New("tlog: a witness is named once and by its cosigning key")
		}
		t.witnesses = append(t.witnesses, v)
	}
	return t, nil
}

// Origin returns the name of the log.
func (t *Trust) Origin() string { return t.log.Name() }

// Quorum returns how many witnesses must have cosigned.
func (t *Trust) Quorum() int { return t.quorum }

// A Checkpoint is the state of a log, signed by it.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
	Time   time.Time // since when a quorum of witnesses says so; zero if none is asked for

	note []byte
}

// Note returns the signed note that was opened. It must not be modified.
func (c *Checkpoint) Note() []byte { return c.note }

var (
	// ErrCheckpoint is a checkpoint that is malformed, of another log, or not signed by it.
	ErrCheckpoint = errors.New("tlog: not a checkpoint of this log")

	// ErrWitnesses is a checkpoint of the log that too few witnesses have cosigned.
	ErrWitnesses = errors.New("tlog: too few witnesses")
)

const maxNote = 16 << 10 // bytes; a hundred cosignatures fit

// Open returns the checkpoint in a signed note. The errors wrap ErrCheckpoint, or ErrWitnesses if
// the log's signature is good and the quorum is missing: then the checkpoint is returned too, as
// what the log said and nobody else. It copies signed.
func (t *Trust) Open(signed []byte) (*Checkpoint, error) {
	c, sigs, err := t.open(signed)
	if err != nil {
		return nil, err
	}
	if t.quorum == 0 {
		return c, nil
	}
	var times []uint64
	for _, s := range sigs {
		for _, w := range t.witnesses {
			if s.Name != w.Name() || s.Hash != w.KeyHash() {
				continue
			}
			if raw, err := base64.StdEncoding.DecodeString(s.Base64); err == nil && len(raw) >= 12 {
				times = append(times, binary.BigEndian.Uint64(raw[4:]))
			}
		}
	}
	if len(times) < t.quorum {
		return c, fmt.Errorf("%w: %d of %d", ErrWitnesses, len(times), t.quorum)
	}
	slices.Sort(times)
	at := times[len(times)-t.quorum] // at least quorum of them say so at this time or later
	if at > 1<<40 {
		return c, fmt.Errorf("%w: their time is malformed", ErrWitnesses)
	}
	c.Time = time.Unix(int64(at), 0).UTC()
	return c, nil
}

// open checks all but the quorum.
func (t *Trust) open(signed []byte) (*Checkpoint, []note.Signature, error) {
	if len(signed) > maxNote {
		return nil, nil, ErrCheckpoint
	}
	known := append([]note.Verifier{t.log}, t.witnesses...)
	n, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return nil, nil, ErrCheckpoint
	}
	ours := func(s note.Signature) bool { return s.Name == t.log.Name() && s.Hash == t.log.KeyHash() }
	if !slices.ContainsFunc(n.Sigs, ours) {
		return nil, nil, ErrCheckpoint
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil || c.Origin != t.Origin() {
		return nil, nil, ErrCheckpoint
	}
	c.note = slices.Clone(signed)
	return c, n.Sigs, nil
}

// format returns the text of a checkpoint (C2SP tlog-checkpoint).
func (c *Checkpoint) format() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// parseCheckpoint parses what format returns. Further lines are refused: nobody here would read
// them.
func parseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || !validName(lines[0]) {
		return nil, ErrCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || lines[1] != strconv.FormatInt(size, 10) {
		return nil, ErrCheckpoint
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] || size == 0 && root != emptyRoot {
		return nil, ErrCheckpoint
	}
	return &Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// NoteSize returns the size that a checkpoint claims, without verifying it: for the side that asks
// for the proofs, not the side that checks them.
func NoteSize(signed []byte) (int64, error) {
	text, _, ok := strings.Cut(string(signed[:min(len(signed), maxNote)]), "\n\n")
	if !ok {
		return 0, ErrCheckpoint
	}
	c, err := parseCheckpoint(text + "\n")
	if err != nil {
		return 0, err
	}
	return c.Size, nil
}
