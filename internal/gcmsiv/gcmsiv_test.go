package gcmsiv

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

type vector struct {
	Key   hexBytes `json:"key"`
	Nonce hexBytes `json:"nonce"`
	AAD   hexBytes `json:"aad"`
	PT    hexBytes `json:"pt"`
	CT    hexBytes `json:"ct"`
}

func (v vector) check(t *testing.T, name string) {
	key, nonce := [32]byte(v.Key), [12]byte(v.Nonce)
	got, err := Seal([]byte("head"), &key, &nonce, v.PT, v.AAD)
	require.NoError(t, err)
	require.Equal(t, "head"+string(v.CT), string(got), name)
	back, err := Open(&key, &nonce, v.CT, v.AAD)
	require.NoError(t, err, name)
	require.True(t, bytes.Equal(v.PT, back), name)
	for _, i := range []int{0, len(v.CT) / 2, len(v.CT) - 1} {
		bad := bytes.Clone(v.CT)
		bad[i] ^= 0x10
		_, err = Open(&key, &nonce, bad, v.AAD)
		require.ErrorIs(t, err, ErrOpen, name)
	}
}

// testdata/sealed-aes256gcmsiv.json was produced by running the official Node client 0.103.0.
func TestOfficial(t *testing.T) {
	b, err := os.ReadFile("testdata/sealed-aes256gcmsiv.json")
	require.NoError(t, err)
	var f struct{ Cases []vector }
	require.NoError(t, json.Unmarshal(b, &f))
	require.NotEmpty(t, f.Cases)
	for i, v := range f.Cases {
		v.check(t, fmt.Sprint(i))
	}
}
