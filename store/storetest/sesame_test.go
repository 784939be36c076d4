package storetest_test

import (
	"testing"

	"signet.example/signet/sesame"
	directory "signet.example/signet/sesame/memory"
	"signet.example/signet/store/storetest"
)

func TestMemoryDirectory(t *testing.T) {
	storetest.RunDirectory(t, false, func(t *testing.T, opts *sesame.DirectoryOptions) storetest.DirectoryPlace {
		d := directory.New(opts)
		return func(string) storetest.Directory { return d }
	})
}
