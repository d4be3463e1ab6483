package link

import (
	"fmt"
	"os"
)

const portRange = "net.ipv4.ip_local_port_range"

func localPorts() uint64 {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	return rangeSize(string(text))
}

func rangeSize(text string) uint64 {
	var low, high uint64
	if _, err := fmt.Sscan(text, &low, &high); err != nil || high < low {
		return 0
	}
	return high - low + 1
}
