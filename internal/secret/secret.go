// Package secret holds the type of 32-byte values that must not be seen.
//
// Redaction is a guard against accidents (a stray %v, a log line, a JSON dump), not against an
// adversary with the process's memory. Wiping is best effort: the compiler and the collector may
// have made copies that Go gives no means to reach.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
)

// A Key is 32 bytes that must not be seen. Its zero value is not a key. It is a plain array:
// copying it copies the secret, so owners travel as pointers.
type Key [32]byte

// Format redacts the key under every verb.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue redacts the key in slog.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts the key in JSON and every other text encoding.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Wipe overwrites the key with zeros.
func (k *Key) Wipe() {
	clear(k[:])
	runtime.KeepAlive(k)
}

const redacted = "secret.Key(…)"

// Wipe overwrites b with zeros.
func Wipe(b []byte) {
	clear(b)
	runtime.KeepAlive(&b)
}
