// Package hsu is the protocol of the high-speed upload: what its client and its server say to each other.
//
// A session takes files of one client for one destination. Files are cut in blocks of BlockSize, which are independent: any
// order, any connection. The client opens streams (HTTP/1.1 connections over TLS that are upgraded) and writes blocks; the server
// acknowledges a block when its bytes are on disk and its place is in the journal. What is acknowledged is never sent again,
// whoever was killed meanwhile.
//
//	POST   /hsu/v1/sessions               a session of the API for a transfer session: Open → Opened
//	POST   /hsu/v1/sessions/{id}/files    files to come: []File → []Have
//	GET    /hsu/v1/sessions/{id}/stream   Upgrade: sluice-hsu/1; blocks one way, acknowledgements the other
//	POST   /hsu/v1/sessions/{id}/blocks   the same for proxies that do not upgrade: at most RunBlocks blocks in a body
//	GET    /hsu/v1/sessions/{id}/report   what became of files, and why it is slow: Report
//	POST   /hsu/v1/sessions/{id}/close    everything is sent
//	DELETE /hsu/v1/sessions/{id}          everything is given up
//
// Declarations may come, and what is said of files may go, with Content-Encoding: gzip, as either side says in Accept-Encoding (RFC 9110
// §12.5.3).
//
// Every block carries XXH64 of its bytes for the wire and their BLAKE3 digest for the file. The digest of a file is a tree over
// the digests of its blocks (Root), so that neither side reads a file twice.
//
// The package has no dependencies but the hashes: the client builds for every system.
package hsu
