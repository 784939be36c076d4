package check

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// A message is one of the conversation, or an injected one, parsed.
type message struct {
	*event
	key     string // ratchet key
	counter uint32
	pq      *pqHeader
	first   *firstMessage // nil: an ordinary message
	cipher  []byte
	signed  []byte
	mac     []byte
	dir     uint8 // 0: from the initiator of the session
}

// A firstMessage is the public part of a key agreement.
type firstMessage struct {
	base, identity string
	hasPreKey      bool
	preKey         uint32
	signedPreKey   uint32
	hasKEM         bool
	kemPreKey      uint32
	kemCiphertext  []byte
}

// A pqHeader is the post-quantum field of a message.
type pqHeader struct {
	epoch uint64 // the key is of the epoch before
	index uint32 // 0: no key
	kind  byte
	chunk uint16
}

// fields calls f with each field of a protobuf message of varints and byte strings.
func fields(b []byte, f func(n uint64, u uint64, v []byte)) bool {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		b = b[n:]
		u, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		b = b[n:]
		switch tag & 7 {
		case 0:
			f(tag>>3, u, nil)
		case 2:
			if u > uint64(len(b)) {
				return false
			}
			f(tag>>3, 0, b[:u:u])
			b = b[u:]
		default:
			return false
		}
	}
	return true
}

func parseFirst(b []byte) (f *firstMessage, inner []byte, ok bool) {
	if len(b) < 1 {
		return nil, nil, false
	}
	f = new(firstMessage)
	ok = fields(b[1:], func(n, u uint64, v []byte) {
		switch n {
		case 1:
			f.hasPreKey, f.preKey = true, uint32(u)
		case 2:
			f.base = hex.EncodeToString(v)
		case 3:
			f.identity = hex.EncodeToString(v)
		case 4:
			inner = v
		case 6:
			f.signedPreKey = uint32(u)
		case 7:
			f.hasKEM, f.kemPreKey = true, uint32(u)
		case 8:
			f.kemCiphertext = v
		}
	})
	return f, inner, ok && versioned(b) && isPublic(f.base) && isPublic(f.identity)
}

// versioned reports whether a message begins with a version that there is, 3 or 4.
func versioned(b []byte) bool { return len(b) > 0 && (b[0]>>4 == 3 || b[0]>>4 == 4) }

// isPublic reports whether s is the hexadecimal form of a public key: 33 bytes, the first of them
// 05.
func isPublic(s string) bool { return len(s) == 66 && strings.HasPrefix(s, "05") }

// parse reads the body of a message.
func (m *message) parse(body []byte, preKey bool) bool {
	if preKey {
		f, inner, ok := parseFirst(body)
		if !ok {
			return false
		}
		m.first, body = f, inner
	}
	if len(body) < 9 || !versioned(body) {
		return false
	}
	m.signed, m.mac = body[:len(body)-8], body[len(body)-8:]
	var pq []byte
	ok := fields(m.signed[1:], func(n, u uint64, v []byte) {
		switch n {
		case 1:
			m.key = hex.EncodeToString(v)
		case 2:
			m.counter = uint32(u)
		case 4:
			m.cipher = v
		case 5:
			pq = v
		}
	})
	m.pq = parsePQ(pq)
	return ok && isPublic(m.key) && (m.pq != nil || len(pq) == 0)
}

// keyless reports whether a message says that it has no post-quantum key.
func (m *message) keyless() bool { return m.pq != nil && m.pq.index == 0 }

func parsePQ(b []byte) *pqHeader {
	if len(b) < 4 || b[0] != 1 {
		return nil
	}
	epoch, n := binary.Uvarint(b[1:])
	if n <= 0 || epoch == 0 {
		return nil
	}
	b = b[1+n:]
	index, n := binary.Uvarint(b)
	if n <= 0 || len(b) <= n {
		return nil
	}
	h := &pqHeader{epoch: epoch, index: uint32(index), kind: b[n]}
	if chunk, m := binary.Uvarint(b[n+1:]); m > 0 {
		h.chunk = uint16(chunk)
	}
	return h
}

// decrypt checks the MAC of a message and decrypts it.
func (m *message) decrypt(k *messageKeys) ([]byte, error) {
	var parts [5][]byte
	for i, x := range []struct {
		s string
		n int
	}{{k.Cipher, 32}, {k.MAC, 32}, {k.IV, 16}, {k.Sender, 33}, {k.Receiver, 33}} {
		b, err := unhex(x.s, x.n)
		if err != nil {
			return nil, err
		}
		parts[i] = b
	}
	h := hmac.New(sha256.New, parts[1])
	for _, b := range [][]byte{parts[3], parts[4], m.signed} {
		h.Write(b)
	}
	if !hmac.Equal(h.Sum(nil)[:8], m.mac) {
		return nil, refuse("the MAC does not verify")
	}
	block, err := aes.NewCipher(parts[0])
	if err != nil {
		return nil, err
	}
	n := len(m.cipher)
	if n == 0 || n%aes.BlockSize != 0 {
		return nil, refuse("the ciphertext is not whole blocks")
	}
	text := make([]byte, n)
	cipher.NewCBCDecrypter(block, parts[2]).CryptBlocks(text, m.cipher)
	pad := int(text[n-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, refuse("the padding is wrong")
	}
	for _, x := range text[n-pad:] {
		if int(x) != pad {
			return nil, refuse("the padding is wrong")
		}
	}
	return text[:n-pad], nil
}
