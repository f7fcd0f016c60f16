package remux

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	// A chunk holds about half a second of one track, or chunkBytes.
	chunksPerSecond = 2
	chunkBytes      = 1 << 20

	mdatHeader = 16 // always with a 64-bit size
	ftypSize   = 32
)

// mp4Sink writes a progressive MP4 whose moov comes first: room for it is left at the head of the file.
type mp4Sink struct {
	w       *mediaFile
	o       *Options
	reserve int64 // room between ftyp and mdat
	tables  []*table
}

// table is the sample table of one track as it grows.
type table struct {
	t      *track
	sizes  []uint32
	durs   []run // of decode durations
	offs   []run // of composition offsets
	syncs  []uint32
	chunks []chunk

	cur      []byte // the chunk under way
	curCount uint32
	curStart int64 // decode time
	curEntry int

	has     bool
	dts     int64 // of the last sample, whose duration is not in durs yet
	dur     int64
	first   int64
	nonSync bool
}

type run struct {
	n uint32
	v int64
}

type chunk struct {
	off   int64
	n     uint32
	entry int
}

func push(runs []run, v int64) []run {
	if l := len(runs); l > 0 && runs[l-1].v == v && runs[l-1].n < math.MaxUint32 {
		runs[l-1].n++
		return runs
	}
	return append(runs, run{1, v})
}

// newMP4Sink makes the file; total is the playlist's duration in 90 kHz, 0 when unknown.
func newMP4Sink(o *Options, total int64) (*mp4Sink, error) {
	w, err := createMediaFile(o.Output, disk{o.Durable})
	if err != nil {
		return nil, sinkError(err, o.Output)
	}
	s := &mp4Sink{w: w, o: o, reserve: reserveFor(total, o.AudioOnly)}
	if o.reserve > 0 {
		s.reserve = o.reserve
	}
	if err := s.header(); err != nil {
		s.abort()
		return nil, sinkError(err, o.Output)
	}
	return s, nil
}

// reserveFor estimates the size of moov: a second of 60 pictures takes 12 bytes each in stsz and ctts, a second of audio 47 times
// 4, and the chunks of two tracks 20 each; with a fifth on top.
func reserveFor(total int64, audioOnly bool) int64 {
	perSecond := int64(60*12 + 47*4 + 2*chunksPerSecond*20)
	if audioOnly {
		perSecond = 47*4 + chunksPerSecond*20
	}
	seconds := (total + 89999) / 90000
	if seconds == 0 {
		seconds = 60
	}
	n := 8<<10 + seconds*perSecond*6/5
	return min(n+4095, 64<<20) &^ 4095
}

// header lays out ftyp, the reserve as a free box, and the head of mdat. They are written again at the end.
func (s *mp4Sink) header() error {
	b := make([]byte, ftypSize+s.reserve+mdatHeader)
	binary.BigEndian.PutUint32(b[ftypSize:], uint32(s.reserve))
	copy(b[ftypSize+4:], "free")
	if _, err := s.w.f.Write(b); err != nil {
		return err
	}
	s.w.off = int64(len(b)) + s.o.hole
	_, err := s.w.f.Seek(s.w.off, io.SeekStart)
	return err
}

func (s *mp4Sink) table(t *track) *table {
	for len(s.tables) <= t.num {
		s.tables = append(s.tables, nil)
	}
	if s.tables[t.num] == nil {
		s.tables[t.num] = &table{t: t}
	}
	return s.tables[t.num]
}

// add is on the hot path: BenchmarkRemux.
func (s *mp4Sink) add(t *track, x sample) error {
	b := s.table(t)
	if b.has {
		b.durs = push(b.durs, x.dts-b.dts)
	} else {
		b.has, b.first = true, x.dts
	}
	b.dts, b.dur = x.dts, x.dur
	full := len(b.cur)+len(x.data) > chunkBytes || (x.dts-b.curStart)*chunksPerSecond >= int64(t.scale)
	if b.curCount > 0 && (full || b.curEntry != t.entry) {
		if err := s.flush(b); err != nil {
			return err
		}
	}
	if b.curCount == 0 {
		b.curStart, b.curEntry = x.dts, t.entry
		if b.cur == nil {
			b.cur = s.w.buffer()
		}
	}
	b.sizes = append(b.sizes, uint32(len(x.data)))
	b.offs = push(b.offs, x.pts-x.dts)
	if x.sync {
		b.syncs = append(b.syncs, uint32(len(b.sizes)))
	} else {
		b.nonSync = true
	}
	b.cur = append(b.cur, x.data...)
	b.curCount++
	return nil
}

func (s *mp4Sink) flush(b *table) error {
	if b.curCount == 0 {
		return nil
	}
	off, err := s.w.write(b.cur)
	b.chunks = append(b.chunks, chunk{off, b.curCount, b.curEntry})
	b.cur, b.curCount = nil, 0
	return sinkError(err, s.o.Output)
}

func (s *mp4Sink) extend(t *track, dur int64) error {
	s.table(t).dur = dur
	return nil
}

func (s *mp4Sink) abort() { s.w.abort() }

// finish writes the head: into the room that was left; else by shifting the media within the file by whole blocks; else into a
// new file that the media are copied to.
func (s *mp4Sink) finish(ctx context.Context, tracks []*track, zero int64, r *Report) error {
	for _, b := range s.tables {
		if b == nil {
			continue
		}
		if err := s.flush(b); err != nil {
			return err
		}
		b.durs = push(b.durs, b.dur)
	}
	if err := s.w.drain(); err != nil {
		return sinkError(err, s.o.Output)
	}
	s.tables = slices.DeleteFunc(s.tables, func(b *table) bool { return b == nil || len(b.sizes) == 0 })
	if err := s.head(zero, r); err != nil {
		return sinkError(err, s.o.Output)
	}
	r.Bytes = s.w.off
	if err := s.w.commit(); err != nil {
		return sinkError(err, s.o.Output)
	}
	for _, b := range s.tables {
		r.Tracks = append(r.Tracks, b.t.report())
	}
	return s.verify(r)
}

func (s *mp4Sink) head(zero int64, r *Report) error {
	data := ftypSize + s.reserve + mdatHeader
	size := s.w.off - data
	moov, err := s.moov(zero, 0)
	if err != nil {
		return err
	}
	need := int64(len(moov))
	if need == s.reserve || need+8 <= s.reserve {
		r.FastStart = "reserved"
		_, err := s.w.f.WriteAt(s.front(moov, s.reserve, size), 0)
		return err
	}
	// The offsets grow by what the head grows, and co64 may come of it: leave room for that.
	const block = 4096
	grow := (need + need/2 + block - s.reserve + block - 1) / block * block
	if moov, err = s.moov(zero, grow); err != nil {
		return err
	}
	front := s.front(moov, s.reserve+grow, size)
	s.w.off += grow
	if !s.o.noInsert && unix.Fallocate(int(s.w.f.Fd()), unix.FALLOC_FL_INSERT_RANGE, 0, grow) == nil {
		r.FastStart = "inserted"
		_, err := s.w.f.WriteAt(front, 0)
		return err
	}
	r.FastStart = "copied"
	return s.w.replace(front, data)
}

// front is everything before the media: ftyp, moov, what is left of the room as a free box, and the head of mdat.
func (s *mp4Sink) front(moov []byte, room, size int64) []byte {
	b := make([]byte, 0, ftypSize+room+mdatHeader)
	b = append(b, s.ftyp()...)
	b = append(b, moov...)
	if rest := room - int64(len(moov)); rest > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(rest))
		b = append(b, "free"...)
		b = append(b, make([]byte, rest-8)...)
	}
	b = append(b, 0, 0, 0, 1)
	b = append(b, "mdat"...)
	return binary.BigEndian.AppendUint64(b, uint64(size+mdatHeader))
}

func (s *mp4Sink) ftyp() []byte {
	brands := "isom\x00\x00\x02\x00isomiso2avc1mp41"
	if s.o.Format == M4A {
		brands = "M4A \x00\x00\x02\x00M4A isommp42iso2"
	}
	b := binary.BigEndian.AppendUint32(nil, ftypSize)
	return append(append(b, "ftyp"...), brands...)
}
