// Package packager turns stored tracks into what players ask for, just in time: it owns the track and its sample index,
// the cut into segments, and the response body that is known to the byte before it is produced.
//
// In: samples to store, or a stored track and a request. Out: CMAF track files with an index; segments, init segments,
// playlists, manifests and progressive files as bytes.
//
// Sub-packages: cmaf (write, join and index the store's track files, fMP4 segments), mp4 (plain MP4 as a source, progressive
// MP4 as a virtual file), ts (MPEG-TS mux and demux), hls and dash (playlists and manifests), vtt (cues and their segments),
// uri (the URL grammar), origin (the HTTP handler over all of them), remux (HLS to MP4, audio extraction).
//
// It never decodes or encodes media, and knows neither entries nor accounts.
package packager
