package cmaf

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"sluice/packager"
)

// The .idx file: the magic with its version, sections, and the CRC-32C of all that, little-endian. A section is a tag, a
// length and that many bytes; numbers are LEB128 varints, signed ones zigzag. Readers skip tags they do not know, so that
// what other formats want precomputed can be added. Times are ticks. A sample costs its size (1 to 3 bytes), and, where
// there are composition offsets, one byte for them; the rest is a few bytes a fragment.
const (
	idxMagic = "SLX\x01"

	tagMedia     = 1  // description of the track
	tagTimes     = 2  // first decode time; runs of (count, duration, gap before)
	tagSizes     = 3  // one number a sample
	tagOffsets   = 4  // distinct composition offsets, then an index into them a sample; absent when all are 0
	tagOffsetsV  = 5  // the same as one number a sample, when there are more than 256 distinct ones
	tagSyncs     = 6  // distances between sync samples; absent when every sample is one
	tagExtents   = 7  // (samples since the last, file, distance from the end of the one before)
	tagFragments = 8  // (samples since the last, length of the head)
	tagLayout    = 9  // lengths of init and sidx
	tagFiles     = 10 // number of files
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalIndex returns the .idx of t.
func MarshalIndex(t *packager.Track) []byte {
	out := append(make([]byte, 0, 256+5*t.Len()), idxMagic...)
	out = appendSection(out, tagMedia, appendMedia(nil, &t.Media))
	out = appendSection(out, tagFiles, binary.AppendUvarint(nil, uint64(max(1, len(t.Files)))))
	out = appendSection(out, tagLayout, uvarints(t.Layout.Init, t.Layout.Sidx))
	if t.Len() > 0 {
		out = appendSamples(out, t)
	}
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

func appendSection(dst []byte, tag uint64, payload []byte) []byte {
	dst = binary.AppendUvarint(dst, tag)
	dst = binary.AppendUvarint(dst, uint64(len(payload)))
	return append(dst, payload...)
}

func uvarints(v ...int64) (out []byte) {
	for _, x := range v {
		out = binary.AppendUvarint(out, uint64(x))
	}
	return out
}

// appendSamples writes the sections that describe samples, in one walk.
func appendSamples(dst []byte, t *packager.Track) []byte {
	var e idxEncoder
	e.sizes = make([]byte, 0, 3*t.Len())
	e.offs = make([]int32, 0, t.Len())
	t.Walk(0, t.Len(), func(i int, s packager.Sample) bool { e.add(i, s); return true })
	e.endRun()
	dst = appendSection(dst, tagTimes, e.times)
	dst = appendSection(dst, tagSizes, e.sizes)
	if t.HasOffsets() {
		tag, b := encodeOffsets(e.offs)
		dst = appendSection(dst, tag, b)
	}
	if !t.AllSync() {
		dst = appendSection(dst, tagSyncs, e.syncs)
	}
	dst = appendSection(dst, tagExtents, e.extents)
	if n := t.FragmentCount(); n > 0 {
		var b []byte
		last := 0
		for k := range n {
			f := t.Fragment(k)
			b = append(b, uvarints(int64(f.First-last), f.Head)...)
			last = f.First
		}
		end := t.Fragment(n - 1)
		b = append(b, uvarints(int64(end.Count), 0)...) // a head of 0 ends the list
		dst = appendSection(dst, tagFragments, b)
	}
	return dst
}

type idxEncoder struct {
	times, sizes, syncs, extents []byte
	offs                         []int32

	count    int64 // samples of the current run
	dur      uint32
	gap      int64
	end      int64 // decode time after the last sample
	lastSync int
	lastExt  int
	file     int
	next     int64 // offset after the last sample
}

func (e *idxEncoder) add(i int, s packager.Sample) {
	if i == 0 {
		e.times = binary.AppendUvarint(e.times, uint64(s.DTS))
		e.end = s.DTS
	}
	if e.count == 0 || e.dur != s.Dur || e.end != s.DTS {
		e.endRun()
		e.dur, e.gap = s.Dur, s.DTS-e.end
	}
	e.count++
	e.end = s.DTS + int64(s.Dur)
	e.sizes = binary.AppendUvarint(e.sizes, uint64(s.Size))
	e.offs = append(e.offs, int32(s.PTS-s.DTS))
	if s.Sync {
		e.syncs = binary.AppendUvarint(e.syncs, uint64(i-e.lastSync))
		e.lastSync = i
	}
	if i == 0 || s.File != e.file || s.Offset != e.next {
		e.extents = binary.AppendUvarint(e.extents, uint64(i-e.lastExt))
		e.extents = binary.AppendUvarint(e.extents, uint64(s.File))
		if s.File != e.file {
			e.next = 0
		}
		e.extents = binary.AppendVarint(e.extents, s.Offset-e.next)
		e.lastExt, e.file = i, s.File
	}
	e.next = s.Offset + int64(s.Size)
}

func (e *idxEncoder) endRun() {
	if e.count > 0 {
		e.times = append(e.times, uvarints(e.count, int64(e.dur), e.gap)...)
	}
	e.count = 0
}

// encodeOffsets writes an index into the distinct offsets a sample, since there are seldom more than a dozen.
func encodeOffsets(offs []int32) (uint64, []byte) {
	distinct := slices.Compact(slices.Sorted(slices.Values(offs)))
	if len(distinct) > 256 {
		var b []byte
		for _, o := range offs {
			b = binary.AppendVarint(b, int64(o))
		}
		return tagOffsetsV, b
	}
	b := binary.AppendUvarint(nil, uint64(len(distinct)))
	at := make(map[int32]byte, len(distinct))
	for i, o := range distinct {
		b = binary.AppendVarint(b, int64(o))
		at[o] = byte(i)
	}
	for _, o := range offs {
		b = append(b, at[o])
	}
	return tagOffsets, b
}

func appendMedia(b []byte, m *packager.Media) []byte {
	str := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b = append(b, byte(m.Kind))
	str(m.Entry)
	str(string(m.Config))
	b = append(b, uvarints(int64(m.Timescale), int64(m.Width), int64(m.Height), int64(m.SARNum), int64(m.SARDen),
		int64(m.RateNum), int64(m.RateDen))...)
	b = append(b, m.Color.Primaries, m.Color.Transfer, m.Color.Matrix, flag(m.Color.FullRange))
	b = append(b, uvarints(int64(m.SampleRate), int64(m.Channels), int64(m.Priming))...)
	str(m.Language)
	str(m.Name)
	b = append(b, flag(m.Default), flag(m.Forced))
	b = binary.AppendUvarint(b, uint64(len(m.Roles)))
	for _, r := range m.Roles {
		str(r)
	}
	return b
}

func flag(v bool) byte {
	if v {
		return 1
	}
	return 0
}
