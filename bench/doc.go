// Package bench holds signet beside its peers: it talks to them and it is measured against them.
//
// Everything is in the tests: go test runs the conversations, go test -bench . the measurements. The
// module links peers under the GPL and is imported by nothing; README.md says more.
package bench
