// Package netx is what every connection of the server stands on: listeners
// that survive trouble, a read loop that holds memory only while there is
// input, and an outbound queue that is bounded in bytes and written with as few
// system calls as possible.
//
// # One connection
//
// A connection has one goroutine, its reader, which runs [Reader.Serve]. Frames for
// the peer go into its [Outbound]; a second goroutine, the writer, exists only
// while output is pending. An idle connection therefore costs one small stack
// and no buffers.
//
// # Who waits for whom
//
// Producers append to an Outbound from their own goroutines. Appending never
// blocks. A producer that finds more than half of the bound taken may wait for
// room with [Outbound.WaitRoom]; whether it should is the caller's policy.
// Frames that may be lost are dropped, oldest first, beyond the bound; frames
// that must arrive are kept, and a peer that lets them grow to twice the bound
// is disconnected.
package netx
