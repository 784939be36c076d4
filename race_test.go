//go:build race

package signet

const raceEnabled = true
