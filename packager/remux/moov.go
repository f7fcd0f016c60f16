package remux

import (
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
)

// movieScale is the timescale of mvhd: fine enough that no edit is rounded away from video's clock.
const movieScale = 90000

// moov builds the movie box; every chunk offset is moved by grow.
func (s *mp4Sink) moov(zero, grow int64) ([]byte, error) {
	box := mp4.NewMoovBox()
	mvhd := mp4.CreateMvhd()
	mvhd.Timescale, mvhd.NextTrackID = movieScale, uint32(len(s.tables)+1)
	box.AddChild(mvhd)
	for i, b := range s.tables {
		trak, dur, err := b.trak(uint32(i+1), zero, grow, s.w.off)
		if err != nil {
			return nil, err
		}
		mvhd.Duration = max(mvhd.Duration, dur)
		box.AddChild(trak)
	}
	if mvhd.Duration > math.MaxUint32 {
		mvhd.Version = 1
	}
	if s.o.Format == M4A {
		if udta := s.gapless(); udta != nil {
			box.AddChild(udta)
		}
	}
	return packager.EncodeBoxes(box)
}

// trak builds a track box; dur is the track's length in the movie's timescale.
func (b *table) trak(id uint32, zero, grow, fileEnd int64) (trak *mp4.TrakBox, dur uint64, err error) {
	t := b.t
	media := t.entries[0]
	media.Priming, media.Timescale = 0, t.scale
	for i := range t.entries { // the track is as large as its largest picture
		media.Width, media.Height = max(media.Width, t.entries[i].Width), max(media.Height, t.entries[i].Height)
	}
	entries := make([]mp4.Box, len(t.entries))
	for i := range t.entries {
		if entries[i], err = sampleEntry(&t.entries[i], b.rate()); err != nil {
			return nil, 0, fmt.Errorf("track %d: %w", id, err)
		}
	}
	shell := media
	if shell.Entry == ".mp2" {
		shell.Entry, shell.Config = ".mp3", nil
	}
	if trak, err = packager.Trak(&shell, id, 0, packager.BitRate{}); err != nil {
		return nil, 0, fmt.Errorf("track %d: %w", id, err)
	}
	stbl := trak.Mdia.Minf.Stbl
	stsd := mp4.NewStsdBox()
	for _, e := range entries {
		stsd.AddChild(e)
	}
	b.fillTables(stbl, stsd, grow, fileEnd+grow > math.MaxUint32)

	ticks := b.dts + b.dur - b.first
	mdhd := trak.Mdia.Mdhd
	if mdhd.Duration = uint64(ticks); ticks > math.MaxUint32 {
		mdhd.Version = 1
	}
	edits, dur := b.edits(zero)
	if edits != nil {
		edts := &mp4.EdtsBox{}
		edts.AddChild(edits)
		trak.AddChild(edts)
		c := trak.Children // edts stands before mdia
		c[len(c)-1], c[len(c)-2] = c[len(c)-2], c[len(c)-1]
	}
	if trak.Tkhd.Duration = dur; dur > math.MaxUint32 {
		trak.Tkhd.Version = 1
	}
	return trak, dur, nil
}

// sampleEntry builds a sample entry; MPEG audio of both layers is mp4a with an object type.
func sampleEntry(m *packager.Media, rate packager.BitRate) (mp4.Box, error) {
	x := *m
	if x.Entry == ".mp2" || x.Entry == ".mp3" {
		x.Entry, x.Config = ".mp3", nil
	}
	return packager.SampleEntry(&x, rate)
}

// rate is what btrt tells: the mean over the track; the peak over its fullest second of chunks.
func (b *table) rate() (r packager.BitRate) {
	ticks := b.dts + b.dur - b.first
	if ticks <= 0 {
		return r
	}
	largest := uint32(0)
	for _, n := range b.sizes {
		largest = max(largest, n)
	}
	avg := uint64(b.t.bytes) * 8 * uint64(b.t.scale) / uint64(ticks)
	return packager.BitRate{Buffer: min(largest, 1<<24-1), Max: uint32(min(avg, math.MaxUint32)), Avg: uint32(min(avg, math.MaxUint32))}
}

// edits maps the media timeline, which starts at the first decode time, to the presentation: an empty edit for a later start, then
// the media from the first frame shown.
func (b *table) edits(zero int64) (*mp4.ElstBox, uint64) {
	t := b.t
	skip := t.minPTS - b.first + t.priming()
	wait := max(0, t.start90()-zero)
	shown := max(0, t.end-t.minPTS-t.priming())
	dur := uint64(rescale(shown, t.scale, movieScale))
	list := &mp4.ElstBox{}
	if wait > 0 {
		list.Entries = append(list.Entries, mp4.ElstEntry{SegmentDuration: uint64(wait), MediaTime: -1, MediaRateInteger: 1})
	}
	list.Entries = append(list.Entries, mp4.ElstEntry{SegmentDuration: dur, MediaTime: skip, MediaRateInteger: 1})
	total := dur + uint64(wait)
	if total > math.MaxUint32 || skip > math.MaxInt32 {
		list.Version = 1
	}
	if wait == 0 && skip == 0 {
		return nil, total
	}
	return list, total
}

// fillTables puts the sample tables into stbl.
func (b *table) fillTables(stbl *mp4.StblBox, stsd *mp4.StsdBox, grow int64, large bool) {
	boxes := []mp4.Box{stsd}
	stts := &mp4.SttsBox{}
	for _, r := range b.durs {
		stts.SampleCount = append(stts.SampleCount, r.n)
		stts.SampleTimeDelta = append(stts.SampleTimeDelta, uint32(min(max(r.v, 0), math.MaxUint32)))
	}
	boxes = append(boxes, stts)
	if len(b.offs) > 1 || b.offs[0].v != 0 {
		ctts := &mp4.CttsBox{EndSampleNr: []uint32{0}}
		for _, r := range b.offs {
			if r.v < 0 {
				ctts.Version = 1
			}
			ctts.EndSampleNr = append(ctts.EndSampleNr, ctts.EndSampleNr[len(ctts.EndSampleNr)-1]+r.n)
			ctts.SampleOffset = append(ctts.SampleOffset, int32(min(max(r.v, math.MinInt32), math.MaxInt32)))
		}
		boxes = append(boxes, ctts)
	}
	if b.nonSync {
		boxes = append(boxes, &mp4.StssBox{SampleNumber: b.syncs})
	}
	boxes = append(boxes, b.stsc(), &mp4.StszBox{SampleNumber: uint32(len(b.sizes)), SampleSize: b.sizes})
	if large {
		co64 := &mp4.Co64Box{}
		for _, c := range b.chunks {
			co64.ChunkOffset = append(co64.ChunkOffset, uint64(c.off+grow))
		}
		boxes = append(boxes, co64)
	} else {
		stco := &mp4.StcoBox{}
		for _, c := range b.chunks {
			stco.ChunkOffset = append(stco.ChunkOffset, uint32(c.off+grow))
		}
		boxes = append(boxes, stco)
	}
	stbl.Children = nil
	for _, x := range boxes {
		stbl.AddChild(x)
	}
}

func (b *table) stsc() *mp4.StscBox {
	stsc := &mp4.StscBox{}
	var last chunk
	for i, c := range b.chunks {
		if i > 0 && c.n == last.n && c.entry == last.entry {
			continue
		}
		last = c
		// The error is for a first chunk of 0 or a table that does not rise; neither happens here.
		_ = stsc.AddEntry(uint32(i+1), c.n, uint32(c.entry+1))
	}
	return stsc
}
