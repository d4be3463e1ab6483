// Package auth decides who may speak to the server, and who may say what.
//
// # Who
//
// An [Authority] knows accounts: operators and viewers, who are people, and
// devices. They stand in one file (see [Accounts] for its form), which is read
// again whenever it changes. Accounts may also come from outside, by a signed
// token (JWT) in place of the password, or by a client certificate whose common
// name is a device. Whoever has been recognised is a [Principal]. A principal
// whose account is changed or removed is no longer valid, and its connections
// are to be ended: nobody keeps permissions that were taken away.
//
// # May
//
// A [Policy] says which role may do what, by patterns of addresses in which {id}
// stands for the name of whoever asks. What no rule permits is refused.
//
// # Passwords
//
// The file holds argon2id hashes. Passwords that people choose are stretched: a
// guess costs 19 MiB and some 30 ms. Those that the server makes up for devices
// have 160 random bits, which nobody can guess at any price, so their hashes are
// cheap: ten thousand trucks that come back at once do not stall two cores. How a
// hash was made stands in it.
//
// Verifications of people's passwords run a few at a time and are remembered for
// some minutes; who guesses is slowed down, per address and per account. Names that
// there are not take as long as those that there are.
//
// # Pages
//
// A browser lets any page on the internet open a WebSocket to any address, the
// user's own machine included, and says in the Origin header which page it was:
// [OriginPolicy] decides which may (RFC 6454; RFC 6455 §10.2). [Sessions] are
// those who have signed in on the server's own page.
package auth
