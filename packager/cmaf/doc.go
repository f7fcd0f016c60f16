// Package cmaf writes, joins, indexes and serves the store's track files: one fragmented MP4 file a track
// (ISO/IEC 14496-12 §8.8, ISO/IEC 23000-19), each with a compact index beside it.
//
// In: coded samples in decode order, or indexed tracks and the segments asked for. Out: `ftyp moov [sidx] (moof mdat)*`
// files and their .idx; init segments and media segments whose media bytes are pointed at, not copied.
//
// It never looks inside samples and never touches media bytes on the serving path.
package cmaf
