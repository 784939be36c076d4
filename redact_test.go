package signet

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/internal/secret"
)

// planted is a scalar that clamping leaves as it is and that no other text contains.
var planted = []byte("Plant 4 the red act10n test OK?!")

// leaks returns the spellings of planted that a printer might produce.
func leaks() []string {
	var list []string
	part := planted[8:24] // the clamped ends may differ
	list = append(list, string(part))
	h := hex.EncodeToString(part)
	list = append(list, h, strings.ToUpper(h), fmt.Sprintf("% x", part), fmt.Sprintf("% X", part))
	list = append(list, strings.Trim(fmt.Sprintf("%d", part), "[]"))
	list = append(list, strings.Trim(fmt.Sprintf("%#v", part[1:]), "[]byte{}"))
	list = append(list, strings.ReplaceAll(strings.Trim(fmt.Sprint(part), "[]"), " ", ","))
	list = append(list, strings.Trim(fmt.Sprintf("%o", part), "[]"), strings.Trim(fmt.Sprintf("%b", part), "[]"))
	for cut := range 3 { // base64 depends on the offset modulo three
		s := base64.StdEncoding.EncodeToString(planted[8+cut : 23+cut])
		list = append(list, s, base64.URLEncoding.EncodeToString(planted[8+cut:23+cut]))
	}
	return list
}

func TestLeaksAreFound(t *testing.T) {
	for _, format := range []string{"%s", "%x", "%X", "%v", "%#v", "%d", "%q", "%o", "%b", "% x"} {
		requireLeak(t, fmt.Sprintf(format, planted), true, format)
		requireLeak(t, fmt.Sprintf(format, [32]byte(planted)), true, format)
	}
	b, err := json.Marshal(planted)
	require.NoError(t, err)
	requireLeak(t, string(b), true, "base64")
	b, err = json.Marshal([32]byte(planted))
	require.NoError(t, err)
	requireLeak(t, string(b), true, "list")
}

func requireLeak(t *testing.T, out string, want bool, what string) {
	t.Helper()
	got := ""
	for _, l := range leaks() {
		if strings.Contains(out, l) {
			got = l
			break
		}
	}
	require.Equal(t, want, got != "", "%s: %q in %q", what, got, out)
}

// exported is every exported type of the package that could hold the secret, bare and nested.
func exported(t *testing.T) map[string]any {
	k, err := NewPrivateKey(planted)
	require.NoError(t, err)
	require.Contains(t, string(k.Bytes()), string(planted[8:24]))
	k.PublicKey() // fills the lazy half
	type hidden struct{ k *PrivateKey }
	type hiddenValue struct{ k PrivateKey }
	type shown struct {
		K *PrivateKey
		V PrivateKey
		A any
	}
	list := map[string]any{
		"pointer":          k,
		"value":            *k,
		"pointer to it":    &k,
		"public":           k.PublicKey(),
		"hidden":           hidden{k},
		"hidden pointer":   &hidden{k},
		"hidden value":     hiddenValue{*k},
		"hidden value ptr": &hiddenValue{*k},
		"shown":            shown{k, *k, k},
		"shown pointer":    &shown{k, *k, *k},
		"slice":            []*PrivateKey{k},
		"slice of values":  []PrivateKey{*k},
		"array":            [1]PrivateKey{*k},
		"map":              map[string]*PrivateKey{"k": k},
		"map of values":    map[string]PrivateKey{"k": *k},
		"map of structs":   map[int]hiddenValue{1: {*k}},
		"key of a map":     map[PrivateKey]int{*k: 1},
		"any":              []any{k, *k, hidden{k}},
		"address":          Address{Name: "alice", Device: 1},
	}
	for name, err := range map[string]error{
		"no type": ErrNoKeyType, "type": BadKeyTypeError(5), "length": BadKeyLengthError(32), "agreement": ErrInvalidAgreement,
	} {
		list["error "+name] = err
	}
	_, err = NewPrivateKey(append(planted, 0))
	list["error of import"] = err
	_, err = ParsePublicKey(planted)
	list["error of parse"] = err
	_, err = ParseIdentityKeyPair(k.IdentityKeyPair()[35:])
	list["error of identity"] = err
	return list
}

func TestRedaction(t *testing.T) {
	for name, v := range exported(t) {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%o", "%b", "%c", "%t", "% x", "%U"} {
			requireLeak(t, fmt.Sprintf(format, v), false, name+" "+format)
		}
		requireLeak(t, fmt.Sprint(v), false, name)

		var text, js bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&js, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		requireLeak(t, text.String(), false, name+" slog text")
		requireLeak(t, js.String(), false, name+" slog json")

		b, err := json.Marshal(v)
		requireLeak(t, fmt.Sprint(string(b), err), false, name+" json")
		b, err = xml.Marshal(v)
		requireLeak(t, fmt.Sprint(string(b), err), false, name+" xml")
		var g bytes.Buffer
		err = gob.NewEncoder(&g).Encode(v)
		requireLeak(t, fmt.Sprint(g.String(), err), false, name+" gob")
	}
}

func TestRedactedText(t *testing.T) {
	k, err := NewPrivateKey(planted)
	require.NoError(t, err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		require.Equal(t, redacted, fmt.Sprintf(format, k))
		require.Equal(t, redacted, fmt.Sprintf(format, *k))
	}
	require.Equal(t, redacted, k.LogValue().String())
	_, err = json.Marshal(struct{ K *PrivateKey }{k})
	require.ErrorContains(t, err, "signet: a private key is not marshalled")
	var none *PrivateKey
	require.Equal(t, "<nil>", fmt.Sprint(none))
	require.NotContains(t, fmt.Sprint(PrivateKey{}), "nil")
	requireLeak(t, fmt.Sprintf("%v %x", secret.Key(planted), secret.Key(planted)), false, "secret.Key")
}
