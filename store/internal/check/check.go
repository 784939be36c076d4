// Package check has the check values that the stores keep beside plain rows, so that a bit that a
// disk or a copy has flipped is noticed. They are no protection from somebody who writes to the
// database: that is package seal.
package check

import (
	"fmt"
	"hash/crc32"

	"signet.example/signet/session"
	"signet.example/signet/store/seal"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC is the CRC-32C of a value.
func CRC(value []byte) int64 { return int64(crc32.Checksum(value, castagnoli)) }

// Sum is the check value that is stored with a value: the low 32 bits of the row's version above,
// so that a program which changes a row and does not know of check values is not taken for damage,
// and the CRC below. A value without a check value has 0.
func Sum(version int64, value []byte) int64 { return version<<32 | CRC(value) }

// Matches is nil if value is what sum was made of, or sum is not of this version of the row. The
// error is session.ErrRecord and names the place.
func Matches(sum int64, p *seal.Place, value []byte) error {
	if sum == 0 || uint32(sum>>32) != uint32(p.Version) || uint32(sum) == crc32.Checksum(value, castagnoli) {
		return nil
	}
	return fmt.Errorf("%w: its bytes are not those that were written: %s", session.ErrRecord, p)
}
