// Package remux turns an HLS presentation, or a single media file, into one MP4, M4A or ADTS file or into CMAF tracks, without
// decoding: MPEG-TS, fragmented MP4 and packed audio segments in, samples with one gapless timeline out.
//
// It makes one pass in bounded memory: segments are fetched ahead, in parallel, through bounded queues; samples go to the
// file as they arrive; the head of the file is reserved, so that moov comes first without copying the media.
//
// In: a path or URL, and a policy for what is missing. Out: the file, and a Report that says what was read, filled, dropped
// and verified. Every failure is an *Error with a Code.
//
// A playlist comes from strangers: what it may refer to is checked before anything is opened, every size and count is
// bounded, and addresses of the local network are refused unless Options.AllowPrivate says otherwise.
package remux
