package mp4

import (
	"encoding/binary"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
)

// tables are the sample tables of one track of a progressive file, filled as its samples are laid out.
type tables struct {
	t  *packager.Track
	id uint32
	at int // samples laid out

	stts  mp4.SttsBox
	ctts  mp4.CttsBox
	stss  mp4.StssBox
	stsz  mp4.StszBox
	stsc  mp4.StscBox
	shift int64 // added to composition offsets so that none is negative
	prev  packager.Sample
	nth   uint32 // chunks begun
}

func newTables(t *packager.Track, id uint32) *tables {
	b := &tables{t: t, id: id, shift: max(0, -t.MinOffset())}
	b.stsz.SampleSize = make([]uint32, 0, t.Len())
	return b
}

// chunk announces a chunk of count samples.
func (b *tables) chunk(count int) {
	b.nth++
	if n := len(b.stsc.Entries); n == 0 || b.stsc.Entries[n-1].SamplesPerChunk != uint32(count) {
		b.stsc.Entries = append(b.stsc.Entries, mp4.StscEntry{FirstChunk: b.nth, SamplesPerChunk: uint32(count)})
	}
}

func (b *tables) add(s packager.Sample) {
	n := uint32(len(b.stsz.SampleSize))
	if n > 0 {
		b.duration(uint32(s.DTS - b.prev.DTS)) // a gap lengthens the sample before it
	}
	b.prev = s
	b.stsz.SampleSize = append(b.stsz.SampleSize, s.Size)
	if s.Sync {
		b.stss.SampleNumber = append(b.stss.SampleNumber, n+1)
	}
	off := int32(s.PTS - s.DTS + b.shift)
	c := &b.ctts
	switch k := len(c.SampleOffset); {
	case k == 0:
		c.EndSampleNr = append(c.EndSampleNr, 0, 1)
		c.SampleOffset = append(c.SampleOffset, off)
	case c.SampleOffset[k-1] == off:
		c.EndSampleNr[k]++
	default:
		c.EndSampleNr = append(c.EndSampleNr, n+1)
		c.SampleOffset = append(c.SampleOffset, off)
	}
}

func (b *tables) duration(d uint32) {
	if n := len(b.stts.SampleTimeDelta); n > 0 && b.stts.SampleTimeDelta[n-1] == d {
		b.stts.SampleCount[n-1]++
		return
	}
	b.stts.SampleCount = append(b.stts.SampleCount, 1)
	b.stts.SampleTimeDelta = append(b.stts.SampleTimeDelta, d)
}

// trak builds the track box with the chunks at offsets, and returns its duration in the movie's timescale.
func (b *tables) trak(offsets []uint64, large bool) (*mp4.TrakBox, uint64, error) {
	m := b.t.Media
	delay := b.t.Start() // an empty edit, up to the first frame shown
	skip := delay + int64(m.Priming) + b.shift - b.t.Sample(0).DTS
	m.Priming = 0 // said by our own edit list
	trak, err := packager.Trak(&m, b.id, 0, packager.BitRate{})
	if err != nil {
		return nil, 0, err
	}
	var edits []mp4.ElstEntry
	if delay > 0 {
		edits = append(edits, mp4.ElstEntry{
			SegmentDuration: packager.MovieTicks(delay, m.Timescale), MediaTime: -1, MediaRateInteger: 1,
		})
	}
	length := ceilTicks(b.t.Duration()-delay, m.Timescale)
	edits = append(edits, mp4.ElstEntry{SegmentDuration: length, MediaTime: max(0, skip), MediaRateInteger: 1})
	packager.AddEdits(trak, edits...)
	duration := length
	if len(edits) > 1 {
		duration += edits[0].SegmentDuration
	}
	trak.Tkhd.Duration = duration
	trak.Mdia.Mdhd.Duration = uint64(b.t.End() - b.t.Sample(0).DTS)
	if trak.Mdia.Mdhd.Duration > 1<<32-1 {
		trak.Mdia.Mdhd.Version = 1
	}
	b.fill(trak.Mdia.Minf.Stbl, offsets, large)
	return trak, duration, nil
}

// ceilTicks converts ticks of scale to the movie timescale, rounding up: a duration that is short by a fraction would hide
// the last frame.
func ceilTicks(t int64, scale uint32) uint64 {
	whole, rest := uint64(max(0, t))/uint64(scale), uint64(max(0, t))%uint64(scale)
	return whole*packager.MovieTimescale + (rest*packager.MovieTimescale+uint64(scale)-1)/uint64(scale)
}

// fill replaces the empty tables of stbl.
func (b *tables) fill(stbl *mp4.StblBox, offsets []uint64, large bool) {
	stts := b.stts // the last duration is added to a copy: fill runs more than once
	last := &tables{stts: mp4.SttsBox{
		SampleCount: slices.Clone(stts.SampleCount), SampleTimeDelta: slices.Clone(stts.SampleTimeDelta),
	}}
	last.duration(b.prev.Dur)
	stsz := b.stsz
	stsz.SampleNumber = uint32(len(stsz.SampleSize))
	stsc := b.stsc
	stsc.SetSingleSampleDescriptionID(1)

	stsd := stbl.Stsd
	*stbl = mp4.StblBox{}
	stbl.AddChild(stsd)
	stbl.AddChild(&last.stts)
	if b.t.HasOffsets() {
		stbl.AddChild(&b.ctts)
	}
	if !b.t.AllSync() {
		stbl.AddChild(&b.stss)
	}
	stbl.AddChild(&stsz)
	stbl.AddChild(&stsc)
	if large {
		stbl.AddChild(&mp4.Co64Box{ChunkOffset: offsets})
		return
	}
	stco := &mp4.StcoBox{ChunkOffset: make([]uint32, len(offsets))}
	for i, o := range offsets {
		stco.ChunkOffset[i] = uint32(o)
	}
	stbl.AddChild(stco)
}

func appendMdat(b []byte, media int64, large bool) []byte {
	if !large {
		b = binary.BigEndian.AppendUint32(b, uint32(media+8))
		return append(b, "mdat"...)
	}
	b = append(binary.BigEndian.AppendUint32(b, 1), "mdat"...)
	return binary.BigEndian.AppendUint64(b, uint64(media+16))
}
