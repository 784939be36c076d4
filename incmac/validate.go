package incmac

import (
	"errors"
	"io"
)

// A Reader reads a stream and passes on what has been validated. Make one with NewReader.
type Reader struct {
	r     io.Reader
	v     validator
	buf   []byte // a chunk at most; buf[:valid] is validated
	valid int
	next  int // of the validated bytes, the first not passed on yet
	err   error
}

// NewReader returns a Reader of r. The chunk is the one that the digest was made with; the stream
// is buffered a chunk at a time. Key and digest are not kept. The errors are for a chunk below 1
// and for a digest whose length is no multiple of Size.
func NewReader(r io.Reader, key []byte, chunk int, digest []byte) (*Reader, error) {
	v, err := newValidator(key, chunk, digest)
	if err != nil {
		return nil, err
	}
	return &Reader{r: r, v: v}, nil
}

// Read reads validated bytes. It returns io.EOF only if the whole stream was validated,
// ErrCorrupted if it is not the one of the digest, and an error of the stream as it is. After
// ErrCorrupted, the bytes read before are authentic and the rest is lost.
func (r *Reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for r.next == r.valid {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(b, r.buf[r.next:r.valid])
	r.next += n
	return n, nil
}

// fill reads and validates a chunk, or what is left of the stream. r.valid stays 0 if there is
// nothing to pass on.
func (r *Reader) fill() {
	r.next, r.valid = 0, 0
	n := 0
	for n < r.v.chunk && r.err == nil {
		r.grow(n)
		var m int
		m, r.err = r.r.Read(r.buf[n:min(len(r.buf), r.v.chunk)])
		n += m
	}
	for fed := 0; fed < n; {
		fed += r.v.feed(r.buf[fed:n])
	}
	if n == r.v.chunk {
		if err := r.v.check(); err != nil {
			r.err = err
			return
		}
		r.valid = n
	}
	if r.err != io.EOF { // no end of the stream: a part of a chunk is no use
		return
	}
	if err := r.v.finish(); err != nil {
		r.err = err // a whole chunk before it stays valid
		return
	}
	r.valid = n
}

// grow makes room behind n bytes. A chunk can be 2 MiB where the stream is a few bytes, so the
// buffer starts small and doubles.
func (r *Reader) grow(n int) {
	if n < len(r.buf) {
		return
	}
	const first = 16 << 10
	size := min(max(2*len(r.buf), first), r.v.chunk)
	r.buf = append(r.buf[:n:n], make([]byte, size-n)...)
}

// A Writer validates what is written to it and passes on what has been validated. Make one with
// NewWriter, and Close it.
type Writer struct {
	w   io.Writer
	v   validator
	buf []byte // bytes since the last boundary, not validated yet
	err error
}

// NewWriter returns a Writer to w, with the arguments of NewReader. It buffers a chunk at most.
func NewWriter(w io.Writer, key []byte, chunk int, digest []byte) (*Writer, error) {
	v, err := newValidator(key, chunk, digest)
	if err != nil {
		return nil, err
	}
	return &Writer{w: w, v: v}, nil
}

// Write adds b to the stream and passes on the chunks that it completes, once they are validated.
// The error is ErrCorrupted, or that of the writer behind; the stream has ended with it. The number
// of bytes counts those of b that were taken, buffered or passed on.
func (w *Writer) Write(b []byte) (int, error) {
	taken := 0
	for w.err == nil && taken < len(b) {
		n := w.v.feed(b[taken:])
		part := b[taken : taken+n]
		if !w.v.atBoundary() {
			w.buf = append(w.buf, part...)
			taken += n
			continue
		}
		if w.err = w.v.check(); w.err != nil {
			break
		}
		if w.pass(part) {
			taken += n
		}
	}
	return taken, w.err
}

// pass writes the buffer and part, which are validated.
func (w *Writer) pass(part []byte) bool {
	for _, b := range [][]byte{w.buf, part} {
		if len(b) == 0 {
			continue
		}
		if _, w.err = w.w.Write(b); w.err != nil {
			return false
		}
	}
	w.buf = w.buf[:0]
	return true
}

// errClosed is what a Writer fails with after Close.
var errClosed = errors.New("incmac: the writer is closed")

// Close ends the stream: it validates the whole and passes on the last bytes. The error is
// ErrCorrupted if the stream is not the one of the digest, an error that Write had returned, or
// that of the writer behind, which is not closed.
func (w *Writer) Close() error {
	if w.err == errClosed {
		return nil
	}
	if w.err == nil {
		w.err = w.v.finish()
	}
	if w.err == nil {
		w.pass(nil)
	}
	err := w.err
	if err == nil {
		w.err = errClosed
	}
	return err
}
