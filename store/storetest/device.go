package storetest

import "testing"

func testDevice(t *testing.T, fresh func(t *testing.T) Place) {}
