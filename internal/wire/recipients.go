package wire

// This file is what is kept about an own sender key beside its official record: whom it was given,
// in a row of its own, and whether it may still encrypt, in the record's row.

// RowRecipients begins the name of the row (session.Tx.Value) that says whom the own sender key of
// a group was given; the group's name follows. No row, or an empty one, means that it is not known.
const RowRecipients = "sender-key-recipients/"

const (
	recipientsField = 1  // of that row: a name
	anybodyField    = 2  // of that row: others, too
	emptyField      = 3  // of that row: it is not empty
	identityField   = 15 // of a SenderKeyStateStructure, never in one that leaves the store
	retiredField    = 15 // of a SenderKeyRecordStructure, never in one that leaves the store
)

// Recipients parses such a row. anybody is whether there are others who are not named.
func Recipients(row []byte) (names []string, anybody bool, err error) {
	p := Parse(row)
	for p.Next() {
		switch p.Num() {
		case recipientsField:
			var name []byte
			p.Bytes(&name)
			names = append(names, string(name))
		case anybodyField:
			anybody = true
		}
	}
	return names, anybody || len(row) == 0, p.Err()
}

// MayHave reports whether a user may have been given the sender key of the row. Damage counts as
// yes.
func MayHave(row []byte, name string) bool {
	names, anybody, err := Recipients(row)
	if anybody || err != nil {
		return true
	}
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// NoRecipients is such a row of a key that nobody was given.
func NoRecipients() []byte { return AppendUint(nil, emptyField, 1) }

// AppendRecipient appends a name to such a row.
func AppendRecipient(row []byte, name string) []byte {
	return AppendBytes(row, recipientsField, []byte(name))
}

// AppendAnybody appends that others were given the key, too, or may have been.
func AppendAnybody(row []byte) []byte { return AppendUint(row, anybodyField, 1) }

// RetireSenderKey returns the row of a sender key that may not encrypt any more.
func RetireSenderKey(row []byte) []byte {
	return AppendUint(row[:len(row):len(row)], retiredField, 1)
}

// RetiredSenderKey reports whether a row is one that RetireSenderKey made.
func RetiredSenderKey(row []byte) bool {
	p := Parse(row)
	for p.Next() {
		if p.Num() == retiredField {
			return true
		}
	}
	return false
}
