package sqlite

import (
	"path/filepath"
	"testing"

	"signet.example/signet/sesame"
	directory "signet.example/signet/sesame/memory"
	"signet.example/signet/session"
	"signet.example/signet/store/storetest"
)

func TestSesame(t *testing.T) {
	storetest.RunSesame(t, 1, 150, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "signet.db")
		return func() session.Store { return open(t, path, nil) }
	}, func(*testing.T) storetest.Directory {
		return directory.New(&sesame.DirectoryOptions{Requester: sesame.Limit{Burst: -1}})
	})
}
