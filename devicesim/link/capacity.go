package link

import "fmt"

// spareFiles is what a process needs beside its connections: standard streams, the poller, files it reads.
const spareFiles = 32

// Need says how many connections a process is about to hold.
type Need struct {
	STOMP, MQTT int  // connections to each broker
	SameAddress bool // both brokers listen at one address, whose local ports they share
	ServerToo   bool // the server runs in this process: each connection takes two descriptors
}

// CheckCapacity reports whether file descriptors and local ports suffice for n, after raising the soft limit of descriptors
// as far as it goes. The error names the limit and the remedy. Where the limits cannot be told it reports none.
func CheckCapacity(n Need) error { return n.check(fileLimit(), localPorts()) }

// check takes 0 for a limit that is not known.
func (n Need) check(files, ports uint64) error {
	total := n.STOMP + n.MQTT
	need := uint64(total) + spareFiles
	if n.ServerToo {
		need += uint64(total)
	}
	const remedy = "or let one connection report for several devices (--per-connection 10)"
	if files > 0 && need > files {
		return fmt.Errorf("%d connections need %d file descriptors, but this process may open %d (RLIMIT_NOFILE): "+
			"raise it (ulimit -n %d, or LimitNOFILE= in a systemd unit, or ulimits: nofile in a compose file), %s", total, need, files, need, remedy)
	}
	most := max(n.STOMP, n.MQTT)
	if n.SameAddress {
		most = total
	}
	if ports > 0 && uint64(most) > ports {
		return fmt.Errorf("%d connections to one address need as many local ports, but the system gives out %d (%s): "+
			"widen that range, %s", most, ports, portRange, remedy)
	}
	return nil
}
