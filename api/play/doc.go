// Package play delivers entries: it turns what the catalog and storage hold of an entry into the packager's presentation,
// keeps that open between requests, and answers players.
//
// In: HTTP requests for an entry's playlists, manifests, segments, files and pictures. Out: bytes, through packager/origin.
// It never reads media outside the packager, and never asks the catalog on every request: a title is checked for changes
// at most once a second.
package play
