// Package mp4 reads plain MP4 files as sources and serves stored tracks as progressive MP4, M4A and ADTS files.
//
// In: a file, or indexed tracks. Out: tracks with their sample index; bodies of virtual files that are a computed header
// followed by ranges of the stored bytes.
//
// It trusts no count or size in a file: tables are bounded by the bytes that hold them. It never decodes.
package mp4
