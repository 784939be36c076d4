package gcmsiv

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkSeal(b *testing.B) {
	for _, n := range []int{300, 1024, 64 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var key [32]byte
			var nonce [12]byte
			pt := make([]byte, n)
			dst := make([]byte, 0, n+16)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				Seal(dst, &key, &nonce, pt, nil)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{300, 1024, 64 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var key [32]byte
			var nonce [12]byte
			ct, err := Seal(nil, &key, &nonce, make([]byte, n), nil)
			require.NoError(b, err)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				Open(&key, &nonce, ct, nil)
			}
		})
	}
}

func BenchmarkParts(b *testing.B) {
	var k keys
	k.derive(new([32]byte), new([12]byte))
	buf := make([]byte, 64<<10)
	b.Run("polyval", func(b *testing.B) {
		b.SetBytes(64 << 10)
		for b.Loop() {
			k.tag(new([12]byte), buf, nil)
		}
	})
	b.Run("ctr", func(b *testing.B) {
		b.SetBytes(64 << 10)
		for b.Loop() {
			k.xor(buf, buf, new([16]byte))
		}
	})
}
