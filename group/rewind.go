package group

import "signet.example/signet/internal/wire"

// Rewind returns what becomes of a sender key record that is of an earlier time: the device's own
// chains are left out, since they may have been used further, and Distribution makes a new one.
// Those of others stay. No record is left of one that holds nothing else. The slice is not modified
// and not kept.
func Rewind(record []byte) ([]byte, error) {
	states, err := parseRecord(record)
	if err != nil {
		return nil, err
	}
	keep := make([]wire.SenderKeyState, 0, len(states))
	for i := range states {
		if len(states[i].Private) == 0 {
			keep = append(keep, states[i])
		}
	}
	return appendRecord(keep), nil
}
