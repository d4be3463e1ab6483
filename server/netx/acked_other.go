//go:build !linux

package netx

// acked says that it cannot be found out how much the peer has acknowledged.
func (o *Outbound) acked() (n uint64, ok bool) { return 0, false }
