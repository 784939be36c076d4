package wire

import "google.golang.org/protobuf/encoding/protowire"

// AppendFixed64 appends a fixed64 field, zero or not.
func AppendFixed64(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, num, protowire.Fixed64Type), v)
}
