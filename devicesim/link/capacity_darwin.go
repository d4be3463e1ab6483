package link

import "golang.org/x/sys/unix"

const portRange = "sysctl net.inet.ip.portrange.first and .last"

func localPorts() uint64 {
	low, err := unix.SysctlUint32("net.inet.ip.portrange.first")
	if err != nil {
		return 0
	}
	high, err := unix.SysctlUint32("net.inet.ip.portrange.last")
	if err != nil || high < low {
		return 0
	}
	return uint64(high-low) + 1
}
