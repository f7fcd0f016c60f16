// Package redisd runs a real redis-server as a managed child, for installations that bring no Redis of their own.
//
// In: a data directory. Out: a server on a Unix socket in it, without a TCP port, with an append-only file, that never
// evicts. Several processes may share the directory: one runs the server, the others use it, and when it dies whoever
// notices first runs it again. It knows nothing of what is stored.
package redisd
