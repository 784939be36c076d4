//go:build !unix

package measure

import "time"

// HasCPU reports whether there is a CPU clock here.
const HasCPU = false

func cpuTime() time.Duration { return time.Since(epoch) }
