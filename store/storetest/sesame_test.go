package storetest_test

import (
	"testing"

	"signet.example/signet/sesame"
	directory "signet.example/signet/sesame/memory"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/storetest"
)

func TestMemoryDirectory(t *testing.T) {
	storetest.RunDirectory(t, false, func(t *testing.T, opts *sesame.DirectoryOptions) storetest.DirectoryPlace {
		d := directory.New(opts)
		return func(string) storetest.Directory { return d }
	})
}

func TestMemorySesame(t *testing.T) {
	storetest.RunSesame(t, 6, 300, func(*testing.T) storetest.Place {
		s := memory.New()
		return func() session.Store { return s }
	}, func(*testing.T) storetest.Directory {
		return directory.New(&sesame.DirectoryOptions{Requester: sesame.Limit{Burst: -1}})
	})
}
