package custodian

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	"signet.example/signet/custodian/notice"
	"signet.example/signet/custodian/notice/tlog"
)

// authorFile is the one file that the manifest does not name: it signs the manifest.
const authorFile = "author.sig"

var errNoBundle = errors.New("custodian: not a bundle to be signed")

// SignBundle returns the bundle with the signature of its author (custody B16): the custody root
// key signs the SHA-256 of the manifest, which names all else. A signature that is there is
// replaced. It says who vouches for the bundle, not that the bundle is true or whole, and does not
// verify it: check.Verify does. The result is the caller's own; b is not modified or kept. The
// error is returned when b is no archive that begins with a manifest.
func SignBundle(b []byte, key *notice.RootKey) ([]byte, error) {
	files, err := unsigned(b)
	if err != nil {
		return nil, err
	}
	root := key.Root()
	author := slices.Concat(root[:], key.SignBundle(sha256.Sum256(files[0].data)))
	return packFiles(slices.Insert(files, 1, bundleFile{authorFile, author}))
}

// UnsignBundle returns the bundle as it was before it was signed; one that verifies and was not is
// the same bytes. The result is the caller's own; b is not modified or kept. The error is returned
// when b is no archive that begins with a manifest.
func UnsignBundle(b []byte) ([]byte, error) {
	files, err := unsigned(b)
	if err != nil {
		return nil, err
	}
	return packFiles(files)
}

var errAnonymous = errors.New("custodian: the bundle has no good signature to be logged")

// BundleEntry returns the entry by which a log of package notice/tlog shows a signed bundle
// (custody B16): for its author to append, and for who has the bundle to look for with
// Checkpoint.Included. The manifest names the receipts, so the entry stands for them too. b is not
// modified or kept. The error is returned when b is no archive that begins with a manifest, or is
// not signed; what else is in it is for check.Verify.
func BundleEntry(b []byte) (tlog.Entry, error) {
	files, err := unpacked(b)
	if err != nil {
		return tlog.Entry{}, err
	}
	var root notice.Root
	if len(files) < 2 || files[1].name != authorFile || len(files[1].data) <= len(root) {
		return tlog.Entry{}, errAnonymous
	}
	copy(root[:], files[1].data)
	manifest, signature := sha256.Sum256(files[0].data), files[1].data[len(root):]
	if !root.VerifyBundle(manifest, signature) {
		return tlog.Entry{}, errAnonymous
	}
	return root.BundleEntry(manifest, signature), nil
}

// unsigned lists the files of a bundle, the manifest first, without the signature.
func unsigned(b []byte) ([]bundleFile, error) {
	files, err := unpacked(b)
	if err == nil && len(files) > 1 && files[1].name == authorFile {
		files = slices.Delete(files, 1, 2)
	}
	return files, err
}

// unpacked lists the files of a bundle, the manifest first.
func unpacked(b []byte) ([]bundleFile, error) {
	var files []bundleFile
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil || h.Size > int64(len(b)) { // a sparse file may claim any size
			return nil, errNoBundle
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, errNoBundle
		}
		files = append(files, bundleFile{h.Name, data})
	}
	if len(files) == 0 || files[0].name != "manifest.json" {
		return nil, errNoBundle
	}
	return files, nil
}

// packFiles makes the archive of files in their order, so that the same files are the same bytes.
func packFiles(files []bundleFile) ([]byte, error) {
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o644, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := t.Close()
	return out.Bytes(), err
}
