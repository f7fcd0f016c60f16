// Package server takes high-speed uploads in (package hsu has the protocol).
//
// In: sessions of the API, files that clients declare, and their blocks, over any number of connections. Out: files in a drop
// folder under their names, or upload tokens that complete (an entry's upload is a token like any other: what works on unfinished
// uploads works on these).
//
// A block is written where it belongs as it comes. A session's journal syncs and records what was written, in one transaction,
// every few blocks, and only then acknowledges it: whatever is killed, what was acknowledged is there. What was written and not
// recorded comes again and is written again, to the same place.
//
// The requests of a session belong on one node: that of the connection that opened it.
package server
