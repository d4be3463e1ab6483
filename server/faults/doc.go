// Package faults holds the tests of what the server promises when something
// breaks: the process is killed, the disk is full, slow or failing, packets are
// late or lost, clocks jump, there are more connections than files, peers send
// garbage. They run the real program as a process of its own and check every
// message by its number.
//
// Each has a short form, which go test runs, and a long one: `make crash` kills
// the server MWM_CRASH_KILLS times, `make soak` lets it work for MWM_SOAK.
package faults
