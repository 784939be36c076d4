package check

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
)

// An archive is the files of a bundle, whose hashes are those of its manifest.
type archive struct {
	profile  string
	author   []byte // the public key whose signature holds, or nil
	manifest []byte
	data     map[string][]byte
	taken    map[string]bool
	size     int
}

type manifest struct {
	Format  string          `json:"format"`
	Profile string          `json:"profile"`
	Files   []manifestEntry `json:"files"`
}

type manifestEntry struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// open unpacks a bundle. It is refused unless packing the same files again gives the same bytes.
func open(b []byte) (*archive, error) {
	a := &archive{data: make(map[string][]byte), taken: make(map[string]bool), size: len(b)}
	var names []string
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil || h.Size > int64(len(b)) { // a sparse file may claim any size
			return nil, refuse("not a tar archive")
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, refuse("not a tar archive")
		}
		if _, twice := a.data[h.Name]; twice {
			return nil, refuse("%q: twice", h.Name)
		}
		a.data[h.Name] = data
		names = append(names, h.Name)
	}
	if len(names) == 0 || names[0] != "manifest.json" || !slices.IsSorted(names[1:]) {
		return nil, refuse("the archive does not begin with manifest.json, or is not sorted")
	}
	if again, err := a.pack(names); err != nil || !bytes.Equal(again, b) {
		return nil, refuse("the archive is not in canonical form")
	}
	a.manifest = a.data["manifest.json"]
	delete(a.data, "manifest.json")
	names = names[1:]
	if len(names) > 0 && names[0] == authorFile {
		names = names[1:]
		if err := a.checkAuthor(); err != nil {
			return nil, err
		}
	}
	return a, a.checkManifest(names)
}

// authorFile is a public key and a signature of the manifest, which does not name it.
const authorFile = "author.sig"

func (a *archive) checkAuthor() error {
	b := a.data[authorFile]
	delete(a.data, authorFile)
	if len(b) != ed25519.PublicKeySize+ed25519.SignatureSize {
		return refuse("%q is not a key and a signature", authorFile)
	}
	sum := sha256.Sum256(a.manifest)
	public := b[:ed25519.PublicKeySize]
	if !ed25519.Verify(public, append([]byte("custody-bundle-v1\x00"), sum[:]...), b[ed25519.PublicKeySize:]) {
		return refuse("the signature of the author is wrong")
	}
	a.author = public
	return nil
}

// fingerprint names a custody root key as statements do.
func fingerprint(root []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte("custody-root-v1\x00"), root...))
}

func (a *archive) pack(names []string) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range names {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(a.data[name])), Mode: 0o644, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(a.data[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func (a *archive) checkManifest(names []string) error {
	var m manifest
	if err := strict(a.manifest, &m); err != nil {
		return fmt.Errorf("%w: manifest.json", err)
	}
	if m.Format != "custody-bundle-v1" || m.Profile != "publishable" && m.Profile != "lab" {
		return refuse("manifest.json: unknown format or profile")
	}
	a.profile = m.Profile
	if len(m.Files) != len(names) {
		return refuse("manifest.json does not list the files of the archive")
	}
	for i, f := range m.Files {
		data := a.data[f.Name]
		sum := sha256.Sum256(data)
		if f.Name != names[i] || f.Size != len(data) || f.SHA256 != hex.EncodeToString(sum[:]) {
			return refuse("%q is not the file of the manifest", names[i])
		}
	}
	return nil
}

// take returns a file, which then counts as used.
func (a *archive) take(name string) ([]byte, error) {
	b, ok := a.data[name]
	if !ok || a.taken[name] {
		return nil, refuse("%q: missing, or used twice", name)
	}
	a.taken[name] = true
	return b, nil
}

func (v *verifier) readDocuments() error {
	for _, f := range []struct {
		name string
		dst  any
	}{{"report.json", &v.report}, {"transcript.json", &v.text}, {"evidence.json", &v.evidence}} {
		b, err := v.files.take(f.name)
		if err != nil {
			return err
		}
		if err := strict(b, f.dst); err != nil {
			return fmt.Errorf("%w: %s", err, f.name)
		}
	}
	if v.report.Format != "custody-report-v1" || v.text.Format != "custody-transcript-v1" {
		return refuse("a document of an unknown format")
	}
	return nil
}
