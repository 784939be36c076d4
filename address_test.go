package signet

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		a     Address
		text  string
		valid bool
	}{
		{Address{"alice", 1}, "alice.1", true},
		{Address{"alice", 127}, "alice.127", true},
		{Address{"alice", 0}, "alice.0", false},
		{Address{"alice", 128}, "alice.128", false},
		{Address{"", 4294967295}, ".4294967295", false},
		{Address{"+14151111111", 2}, "+14151111111.2", true},
		{Address{"a.b", 3}, "a.b.3", true},
	} {
		require.Equal(t, c.text, c.a.String())
		err := c.a.Check()
		if c.valid {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, ErrInvalidAddress)
		require.EqualError(t, err, "signet: protocol address is invalid: "+c.text)
	}
}

func TestServiceID(t *testing.T) {
	const uuid = "9d0652a3-dcc3-4d11-975f-74d61598733f"
	const raw = "9d0652a3dcc34d11975f74d61598733f"
	for _, c := range []struct {
		name, want string // no want: not a service id
	}{
		{uuid, "00" + raw},
		{"PNI:" + uuid, "01" + raw},
		{"9D0652A3-DCC3-4d11-975f-74D61598733F", "00" + raw},
		{"00000000-0000-0000-0000-000000000000", "0000000000000000000000000000000000"},
		{"pni:" + uuid, ""},
		{"PNI: " + uuid, ""},
		{"PNI:PNI:" + uuid, ""},
		{"ACI:" + uuid, ""},
		{raw, ""},
		{"{" + uuid + "}", ""},
		{"urn:uuid:" + uuid, ""},
		{uuid[:35], ""},
		{uuid + "0", ""},
		{"9d0652a3-dcc3-4d11-975f-74d61598733g", ""},
		{"9d0652a3-dcc3-4d11-975f-74d6159873-f", ""},
		{"9d0652a3ddcc3-4d11-975f-74d61598733f", ""},
		{"9d0652a-3dcc3-4d11-975f-74d61598733f", ""},
		{"------------------------------------", ""},
		{"+14151111111", ""},
		{"", ""},
		{"PNI:", ""},
	} {
		id, ok := Address{Name: c.name, Device: 1}.ServiceID()
		require.Equal(t, c.want != "", ok, c.name)
		if !ok {
			require.Zero(t, id, c.name)
			continue
		}
		require.Equal(t, c.want, hex.EncodeToString(id[:]), c.name)
	}
}

func FuzzServiceID(f *testing.F) {
	f.Add("PNI:9d0652a3-dcc3-4d11-975f-74d61598733f")
	f.Add("9D0652a3-dcc3-4d11-975f-74d61598733f")
	f.Add("alice")
	f.Fuzz(func(t *testing.T, name string) {
		id, ok := Address{Name: name}.ServiceID()
		if !ok {
			require.Zero(t, id)
			return
		}
		prefix := []string{"", "PNI:"}[id[0]]
		h := hex.EncodeToString(id[1:])
		canonical := prefix + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		require.Len(t, name, len(canonical))
		again, ok := Address{Name: canonical}.ServiceID()
		require.True(t, ok)
		require.Equal(t, id, again)
	})
}
