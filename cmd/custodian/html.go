package main

import (
	"bytes"
	"os"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/picture"
)

// writePage writes the page about a report to a file.
func writePage(path string, r *custodian.Report, lang string) error {
	var page bytes.Buffer
	if err := picture.Write(&page, r, &picture.Options{Language: lang}); err != nil {
		return err
	}
	return os.WriteFile(path, page.Bytes(), 0o644)
}
