// Package client sends files by the high-speed upload (package hsu has the protocol).
//
// In: paths, a server, a session of the API. Out: files that the server has, each with what it became, and why it goes no faster.
//
// A schedule knows the blocks that are not acknowledged. Streams, whose number follows what they achieve, take blocks from it,
// read them from their files and write them; what a broken stream had on its way goes back. Network failures are waited out. What
// the server has is the server's to know: a client that was killed asks for it.
//
// It depends on nothing of the server, so that it builds for every system.
package client
