//go:build !amd64 || purego

package xeddsa

func without(f func()) { f() }
