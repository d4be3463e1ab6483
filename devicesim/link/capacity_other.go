//go:build !linux && !darwin

package link

const portRange = "the dynamic port range"

// These systems have no limit that a program could ask for in advance: connecting fails when there is one.
func fileLimit() uint64  { return 0 }
func localPorts() uint64 { return 0 }
