package storetest_test

import (
	"testing"

	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/store/storetest"
)

func TestMemory(t *testing.T) {
	fresh := func(*testing.T) storetest.Place {
		s := memory.New()
		return func() session.Store { return s }
	}
	storetest.Run(t, fresh)
	storetest.RunGroup(t, fresh)
	storetest.RunMany(t, fresh)
}
