// Package tus receives files over HTTP: by the resumable upload protocol tus 1.0, by forms, and by PUT.
//
// In: requests of senders that Config.Auth knows. Out: upload tokens of ingest/upload that fill, and entries that wait for them.
// A tus upload is an upload token: the same row, the same file. What began by another carrier may go on here, and the reverse.
//
// The protocol is tusd's; what that leaves out is here: checksums, expiration, and uploads whose parts are written into one file
// side by side, so that putting them together costs nothing.
package tus
