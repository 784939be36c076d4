package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/check"
	"signet.example/signet/custodian/notice"
)

// changed makes a bundle in which a file is another, with a report and a manifest that fit.
func changed(t *testing.T, b []byte, file, old, put string) []byte {
	t.Helper()
	var names []string
	files := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
		files[h.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
	digest := func(name string) string { s := sha256.Sum256(files[name]); return hex.EncodeToString(s[:]) }
	before := digest(file)
	require.Contains(t, string(files[file]), old)
	files[file] = []byte(strings.Replace(string(files[file]), old, put, 1))
	files["report.json"] = bytes.ReplaceAll(files["report.json"], []byte(before), []byte(digest(file)))
	var list []string
	for _, n := range names[1:] {
		list = append(list, fmt.Sprintf(`{"name":%q,"size":%d,"sha256":%q}`, n, len(files[n]), digest(n)))
	}
	files["manifest.json"] = []byte(`{"format":"custody-bundle-v1","profile":"lab","files":[` + strings.Join(list, ",") + "]}\n")
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, n := range names {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: n, Size: int64(len(files[n])), Mode: 0o644, Format: tar.FormatUSTAR}))
		_, err := w.Write(files[n])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestReplay: a lab bundle that does not follow from its own script is refused by playing the
// script again, and without that is called no more than consistent.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bundle.tar")
	verified := func(args ...string) (code int, said, complaint string) {
		var out, errs bytes.Buffer
		code = command(append([]string{"verify"}, append(args, path)...), &out, &errs)
		return code, out.String(), errs.String()
	}
	var out, errs bytes.Buffer
	require.Zero(t, command([]string{"run", "-lab", "-bundle", path, "../../examples/scenarios/handover.json"}, &out, &errs), errs.String())
	good, err := os.ReadFile(path)
	require.NoError(t, err)

	// What only the script says: a text that nobody is said to read, a rotation.
	require.NoError(t, os.WriteFile(path, changed(t, good, "scenario.json", "Where is my parcel?", "Where is my horse?"), 0o600))
	code, said, complaint := verified()
	require.Equal(t, 1, code)
	require.Empty(t, said)
	require.Contains(t, complaint, "played again gives another ")
	code, said, _ = verified("-replay=false")
	require.Zero(t, code)
	require.Contains(t, said, "consistent, not replayed")

	// What the script grants and the transcript does not: refused without playing.
	require.NoError(t, os.WriteFile(path, changed(t, good, "scenario.json", `"atoms":["everything"]`, `"atoms":["everything","plaintext"]`), 0o600))
	code, _, complaint = verified("-replay=false")
	require.Equal(t, 1, code)
	require.Contains(t, complaint, "not that of the scenario")
}

// TestMine: the customer's own list shows which of her messages a bundle leaves out, and which it
// makes up.
func TestMine(t *testing.T) {
	dir := t.TempDir()
	path, list := filepath.Join(dir, "bundle.tar"), filepath.Join(dir, "mine")
	var out, errs bytes.Buffer
	require.Zero(t, command([]string{"run", "-bundle", path, "../../examples/scenarios/handover.json"}, &out, &errs), errs.String())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	o, err := check.Verify(b)
	require.NoError(t, err)
	var lines []string
	for _, e := range o.Envelopes {
		lines = append(lines, map[string]string{"customer": "sent ", "business": "received "}[e.From]+e.SHA256+"\n")
	}
	verified := func(lines ...string) (int, string, string) {
		require.NoError(t, os.WriteFile(list, []byte(strings.Join(lines, "")), 0o600))
		var out, errs bytes.Buffer
		code := command([]string{"verify", "-mine", list, path}, &out, &errs)
		return code, out.String(), errs.String()
	}
	code, said, _ := verified(lines...)
	require.Zero(t, code)
	require.Contains(t, said, "yours that the bundle leaves out: 0\n")

	left := "sent " + strings.Repeat("ab", 32) + "\n"
	code, said, complaint := verified(append([]string{left}, lines...)...)
	require.Equal(t, 1, code)
	require.Contains(t, said, "yours that the bundle leaves out: 1\n  "+left)
	require.Contains(t, complaint, "not of one conversation")
	code, said, _ = verified(lines[1:]...)
	require.Equal(t, 1, code)
	require.Contains(t, said, "the bundle's that you do not have: 1\n  "+lines[0])
	code, said, _ = verified()
	require.Equal(t, 1, code)
	require.Contains(t, said, "sessions of the bundle have none of yours")
	swapped := append([]string{}, lines...)
	swapped[0], swapped[2] = swapped[2], swapped[0]
	code, said, _ = verified(swapped...)
	require.Equal(t, 1, code)
	require.Contains(t, said, "in another order")
	for _, bad := range []string{"sent\n", "sent AB\n", "lost " + strings.Repeat("ab", 32) + "\n", left + left, "sent \x1b[2J\n"} {
		code, _, complaint = verified(bad)
		require.Equal(t, 1, code, bad)
		require.Contains(t, complaint, "of the list is not")
	}
}

// TestSign: a lab bundle is signed on request, verify names the key and plays the scenario again
// all the same, and calls a bundle without a signature anonymous.
func TestSign(t *testing.T) {
	dir := t.TempDir()
	path, keys := filepath.Join(dir, "bundle.tar"), filepath.Join(dir, "root.key")
	key := notice.GenerateRoot()
	require.NoError(t, os.WriteFile(keys, key.Store(), 0o600))
	called := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := command(args, &out, &errs)
		return code, out.String(), errs.String()
	}
	const scenario = "../../examples/scenarios/handover.json"
	code, _, complaint := called("run", "-lab", "-bundle", path, "-sign", keys, scenario)
	require.Zero(t, code, complaint)
	code, said, complaint := called("verify", path)
	require.Zero(t, code, complaint)
	require.Contains(t, said, "played again: the same bytes\nsigned by the custody root key "+key.Root().Fingerprint().String()+"\n")

	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b, err = custodian.UnsignBundle(b)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	code, said, _ = called("verify", path)
	require.Zero(t, code)
	require.Contains(t, said, "\nanonymous: nobody signed it\n")

	require.NoError(t, os.WriteFile(keys, key.Store()[:40], 0o600))
	left := filepath.Join(dir, "left.tar")
	code, said, complaint = called("run", "-bundle", left, "-sign", keys, scenario)
	require.Equal(t, 1, code)
	require.Empty(t, said)
	require.Contains(t, complaint, "not a stored root key")
	require.NoFileExists(t, left)
	code, _, complaint = called("run", "-sign", keys, scenario)
	require.Equal(t, 1, code)
	require.Contains(t, complaint, "usage")
}

// TestPrintReceivers: who signed for parcels is printed with its key, and who did not is not.
func TestPrintReceivers(t *testing.T) {
	var out bytes.Buffer
	o := &check.Outcome{Receivers: []check.Receiver{{Principal: "silent", Parcels: 4}, {Principal: "acme", Key: "ab12", Signed: 2, Parcels: 3}}}
	require.NoError(t, printFound(&out, o, "played"))
	require.Contains(t, out.String(), "\nanonymous: nobody signed it\nacme signed for 2 of its 3 parcels with the key ab12\n")
	require.NotContains(t, out.String(), "silent")
}
