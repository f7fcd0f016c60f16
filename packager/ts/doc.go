// Package ts speaks MPEG-2 transport streams (ISO/IEC 13818-1) both ways.
//
// Muxing is just in time: a Layout of a presentation knows the exact size of every segment and the continuity counters it
// starts with, from the sample index alone; its bodies then produce any byte range straight from the stored samples.
// Demuxing reads packets from chunks of any size and hands out access units the way MP4 stores them: NAL units behind
// lengths, bare AAC frames, with the decoder configuration an init segment needs.
//
// In: packager.Track and packager.Segment, or transport stream bytes. Out: packager.Body, or units with 90 kHz times.
// It opens no file, keeps no state between requests but pooled buffers, and never decodes media.
package ts
