package check

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// The names of atoms. A key is named by its bytes 1 to 16.

func short(key string) string {
	if len(key) < 34 {
		return "00000000000000000000000000000000" // no key
	}
	return key[2:34]
}

func num[N int | uint8 | uint16 | uint32 | uint64](n N) string {
	return strconv.FormatUint(uint64(n), 10)
}

func of(name string, args ...string) string {
	s := name + "("
	for i, a := range args {
		if i > 0 {
			s += ","
		}
		s += a
	}
	return s + ")"
}

func private(k string) string { return of("private", short(k)) }
func seen(k string) string    { return of("seen", short(k)) }

func agreement(a, b string) string {
	x, y := short(a), short(b)
	if x > y {
		x, y = y, x
	}
	return of("dh", x, y)
}

func onChain(name, session, key string, i uint32) string {
	return of(name, short(session), short(key), num(i))
}

func ofEpoch(name, session string, epoch uint64) string { return of(name, short(session), num(epoch)) }

func onPQ(name, session string, epoch uint64, dir uint8, i uint32) string {
	return of(name, short(session), num(epoch), num(dir), num(i))
}

func ofMessage(name string, n int) string { return of(name, num(n)) }

// objects are the kinds of chunks of the post-quantum field, and how many distinct ones rebuild
// each.
var (
	objects = map[byte]string{1: "hdr", 2: "ek", 3: "ek", 5: "ct1", 6: "ct2"}
	needed  = map[string]int{"hdr": 3, "ct1": 30, "ct2": 5}
)

// An entry is one name of a parcel, and in a lab bundle its value.
type entry struct {
	kind, dir byte
	base, key string // hexadecimal
	epoch     uint64
	index     uint32
	value     []byte
}

const nameSize = 80

func parseEntry(b []byte) entry {
	return entry{
		kind: b[0], dir: b[1], base: hex.EncodeToString(b[2:35]), key: hex.EncodeToString(b[35:68]),
		epoch: binary.BigEndian.Uint64(b[68:76]), index: binary.BigEndian.Uint32(b[76:80]),
	}
}

// parseParcel reads a list of entries: names alone, or with values.
func parseParcel(b []byte, values bool) (list []entry, ok bool) {
	magic := "custody-names-v1\x00"
	if values {
		magic = "custody-parcel-v1\x00"
	}
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return nil, false
	}
	last := ""
	for b = b[len(magic):]; len(b) > 0; {
		if len(b) < nameSize || string(b[:nameSize]) <= last {
			return nil, false
		}
		last = string(b[:nameSize])
		e := parseEntry(b)
		b = b[nameSize:]
		if values {
			if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
				return nil, false
			}
			n := binary.BigEndian.Uint32(b)
			e.value, b = b[4:4+n], b[4+n:]
		}
		if len(e.atoms()) == 0 {
			return nil, false
		}
		list = append(list, e)
	}
	return list, true
}

// atoms returns what holding an entry amounts to: first the atom whose value it is.
func (e *entry) atoms() []string {
	switch e.kind {
	case 1, 2, 3, 6: // private keys
		return []string{private(e.key), seen(e.key)}
	case 4:
		return []string{of("kem-private", short(e.key))}
	case 5:
		return []string{of("root", short(e.base), short(e.key)), seen(e.key)}
	case 7, 8:
		return []string{onChain("chain", e.base, e.key, e.index), seen(e.key)}
	case 9, 11:
		return []string{onChain("seed", e.base, e.key, e.index), seen(e.key)}
	case 10:
		return []string{ofMessage("copy", int(e.index))}
	case 12:
		return []string{agreement(e.key, e.base), seen(e.base)}
	case 20:
		return []string{ofEpoch("pq-root", e.base, e.epoch)}
	case 21, 22:
		return []string{onPQ("pq-chain", e.base, e.epoch, e.dir, e.index)}
	case 23, 28:
		return []string{onPQ("pq-key", e.base, e.epoch, e.dir, e.index)}
	case 24:
		return []string{ofEpoch("pq-auth", e.base, e.epoch)}
	case 25:
		return []string{ofEpoch("pq-dk", e.base, e.epoch)}
	case 26:
		return []string{ofEpoch("pq-es", e.base, e.epoch)}
	case 27:
		return []string{of("pq-start", short(e.base))}
	}
	return nil
}
