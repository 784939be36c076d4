package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"signet.example/signet/store/seal"
)

// The stream: the head is magic, the length of the wrapped file key (4 bytes, big-endian), and the
// wrapped file key. The chunks follow, each of 64 KiB of plaintext and a tag (ChaCha20-Poly1305),
// the last of at most that. The key is derived from the file key and the head (HKDF-SHA-256), so it
// is used for this stream alone; the nonce is the chunk's number and, in its last byte, whether it
// is the last.
const (
	magic     = "signet backup 1\n"
	tenant    = "signet backup"
	chunkSize = 64 << 10
	maxKey    = 64 << 10 // of a wrapped key
	maxRow    = 64 << 20 // of a field; the largest there is has some 6 MB
)

func payload(fileKey, head []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, fileKey, head, "signet backup payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return chacha20poly1305.New(key)
}

func nonce(n uint64, last bool) []byte {
	b := make([]byte, chacha20poly1305.NonceSize)
	binary.BigEndian.PutUint64(b[3:], n)
	if last {
		b[11] = 1
	}
	return b
}

// A writer seals rows.
type writer struct {
	w    io.Writer
	aead cipher.AEAD
	n    uint64 // chunks written
	buf  []byte // plaintext that has not been written
	out  []byte
}

func newWriter(ctx context.Context, w io.Writer, keys seal.KeyService) (*writer, error) {
	var fileKey [seal.KeySize]byte
	rand.Read(fileKey[:])
	defer clear(fileKey[:])
	wrapped, err := keys.Wrap(ctx, tenant, fileKey[:])
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if len(wrapped) > maxKey {
		return nil, fmt.Errorf("backup: a wrapped key of %d bytes", len(wrapped))
	}
	head := binary.BigEndian.AppendUint32([]byte(magic), uint32(len(wrapped)))
	head = append(head, wrapped...)
	aead, err := payload(fileKey[:], head)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(head); err != nil {
		return nil, err
	}
	return &writer{w: w, aead: aead}, nil
}

func (w *writer) row(r *Row) error {
	w.buf = appendRow(w.buf, r)
	for len(w.buf) > chunkSize { // what may be the last chunk stays
		if err := w.chunk(w.buf[:chunkSize], false); err != nil {
			return err
		}
		w.buf = append(w.buf[:0], w.buf[chunkSize:]...)
	}
	return nil
}

func (w *writer) chunk(b []byte, last bool) error {
	w.out = w.aead.Seal(w.out[:0], nonce(w.n, last), b, nil)
	w.n++
	_, err := w.w.Write(w.out)
	return err
}

func (w *writer) close() error {
	if err := w.row(&Row{Kind: end}); err != nil {
		return err
	}
	return w.chunk(w.buf, true)
}

// A reader opens them. It gives no byte of a chunk away that it has not authenticated.
type reader struct {
	r     *bufio.Reader
	aead  cipher.AEAD
	n     uint64
	buf   []byte
	plain []byte // what is left of the chunk
	last  bool
}

func newReader(ctx context.Context, r io.Reader, keys seal.KeyService) (*reader, error) {
	head := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, incomplete(err)
	}
	if !bytes.Equal(head[:len(magic)], []byte(magic)) {
		return nil, fmt.Errorf("%w: not a backup, or one of a later format", ErrDamaged)
	}
	n := binary.BigEndian.Uint32(head[len(magic):])
	if n > maxKey {
		return nil, fmt.Errorf("%w: a wrapped key of %d bytes", ErrDamaged, n)
	}
	wrapped := make([]byte, n)
	if _, err := io.ReadFull(r, wrapped); err != nil {
		return nil, incomplete(err)
	}
	fileKey, err := keys.Unwrap(ctx, tenant, wrapped)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	defer clear(fileKey)
	aead, err := payload(fileKey, append(head, wrapped...))
	if err != nil {
		return nil, err
	}
	const sealedChunk = chunkSize + chacha20poly1305.Overhead
	return &reader{r: bufio.NewReaderSize(r, sealedChunk+1), aead: aead, buf: make([]byte, sealedChunk)}, nil
}

func incomplete(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends early", ErrDamaged)
	}
	return err
}

// next reads a chunk. Whether it is the last one shows in what follows it, and in its nonce.
func (r *reader) next() error {
	n, err := io.ReadFull(r.r, r.buf)
	switch {
	case err == nil:
		_, err := r.r.Peek(1)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		r.last = err != nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		r.last = true
	default:
		return incomplete(err)
	}
	r.plain, err = r.aead.Open(r.buf[:0], nonce(r.n, r.last), r.buf[:n], nil)
	if err != nil {
		return fmt.Errorf("%w: chunk %d", ErrDamaged, r.n)
	}
	r.n++
	return nil
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	for len(r.plain) == 0 {
		if r.last {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// ReadByte implements io.ByteReader.
func (r *reader) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return b[0], err
}

// row reads a row, or nil at the end, which it makes sure of.
func (r *reader) row() (*Row, error) {
	row, err := parseRow(r)
	if err != nil {
		return nil, incomplete(err)
	}
	if row.Kind != end {
		return row, nil
	}
	if !r.last || len(r.plain) > 0 {
		return nil, fmt.Errorf("%w: rows behind the end", ErrDamaged)
	}
	return nil, nil
}
