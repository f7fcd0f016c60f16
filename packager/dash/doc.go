// Package dash writes the manifests of a set (ISO/IEC 23009-1): manifest.mpd with a SegmentTimeline over CMAF segments (live
// profile), and manifest-ondemand.mpd, which points into the stored track files by byte range (on-demand profile).
//
// In: the set's segment table and the tracks chosen. Out: an MPD with relative URLs in the grammar of package uri.
//
// Manifests are always static. A set that still grows is described as far as it is ready: how fast it grows has nothing to do
// with the wall clock, on which a dynamic manifest would have to be anchored, and players would start such a manifest at its
// live edge. Players that should follow a growing set use HLS, whose EVENT playlists express it.
//
// presentationTimeOffset stays 0: the init segment's edit list takes encoder delay off the timeline.
package dash
