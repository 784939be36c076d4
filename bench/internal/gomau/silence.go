package gomau

import "go.mau.fi/libsignal/logger"

// This file links go.mau.fi/libsignal, which is under the GPL; see the package's documentation.

// silence discards what the library logs, a line for each message that it refuses. It also spares
// the library the time to print.
type silence struct{}

func (silence) Debug(string, string)   {}
func (silence) Info(string, string)    {}
func (silence) Warning(string, string) {}
func (silence) Error(string, string)   {}
func (silence) Configure(string)       {}

func init() {
	var l logger.Loggable = silence{}
	logger.Setup(&l)
}
