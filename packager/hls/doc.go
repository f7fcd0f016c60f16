// Package hls writes the playlists of a set (RFC 8216 and its successor draft): the multivariant playlist and the media,
// I-frame, image and subtitle playlists.
//
// In: the set's segment table and the tracks chosen. Out: playlist text with relative URLs in the grammar of package uri.
// Durations are exact to the microsecond and sum without drift; bandwidths are measured, not estimated; no removed tag is
// written, and the version is the lowest that the tags used need.
//
// The playlists are written here rather than by a library, whose durations are rounded to milliseconds.
package hls
