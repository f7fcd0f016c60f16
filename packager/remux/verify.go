package remux

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// verify reads the finished file's head back and compares it with what was written: samples, their sizes, sync samples, durations,
// and chunks that lie inside mdat.
func (s *mp4Sink) verify(r *Report) error {
	if err := s.readBack(); err != nil {
		return fail(VerifyFailed, s.o.Output, "%w", err)
	}
	r.Verified = true
	// EXTINF is rounded, and a discontinuity may cost a frame on either side.
	slack := int64(90000/2) + int64(r.Discontinuities+len(r.Gaps))*9000
	if d := r.Duration90k - r.Playlist90k; r.Playlist90k > 0 && (d > slack || d < -slack) {
		r.warn(fmt.Sprintf("the media last %d ms, the playlist promises %d ms", r.Duration90k/90, r.Playlist90k/90))
	}
	return nil
}

func (s *mp4Sink) readBack() error {
	f, err := os.Open(s.o.Output)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	moov, data, err := readHead(f, st.Size())
	if err != nil {
		return err
	}
	parsed, err := mp4.DecodeBoxSR(0, bits.NewFixedSliceReader(moov))
	if err != nil {
		return fmt.Errorf("moov: %w", err)
	}
	box, ok := parsed.(*mp4.MoovBox)
	if !ok || len(box.Traks) != len(s.tables) {
		return fmt.Errorf("moov does not hold %d tracks", len(s.tables))
	}
	for i, b := range s.tables {
		if err := b.compare(box.Traks[i], data, st.Size()); err != nil {
			return fmt.Errorf("track %d: %w", i+1, err)
		}
	}
	return nil
}

// readHead returns the moov box, which must come before mdat, and where the media start. mdat must end with the file.
func readHead(f io.ReaderAt, size int64) (moov []byte, data int64, err error) {
	for at := int64(0); at < size; {
		var h [16]byte
		if _, err := f.ReadAt(h[:], at); err != nil {
			return nil, 0, err
		}
		n := int64(binary.BigEndian.Uint32(h[:]))
		if n == 1 {
			n = int64(binary.BigEndian.Uint64(h[8:]))
		}
		switch string(h[4:8]) {
		case "moov":
			moov = make([]byte, n)
			if _, err := f.ReadAt(moov, at); err != nil {
				return nil, 0, err
			}
		case "mdat":
			if moov == nil || at+n != size {
				return nil, 0, fmt.Errorf("mdat of %d bytes at %d in a file of %d", n, at, size)
			}
			return moov, at + mdatHeader, nil
		}
		if n < 8 {
			return nil, 0, fmt.Errorf("box of %d bytes at %d", n, at)
		}
		at += n
	}
	return nil, 0, fmt.Errorf("no mdat box")
}

// compare checks one track of the file against its table.
func (b *table) compare(trak *mp4.TrakBox, data, size int64) error {
	stbl := trak.Mdia.Minf.Stbl
	if stbl.Stsz == nil || stbl.Stts == nil || stbl.Stsc == nil || int(stbl.Stsz.GetNrSamples()) != len(b.sizes) {
		return fmt.Errorf("sample tables lack %d samples", len(b.sizes))
	}
	var ticks, count int64
	for i, n := range stbl.Stts.SampleCount {
		count += int64(n)
		ticks += int64(n) * int64(stbl.Stts.SampleTimeDelta[i])
	}
	if want := b.dts + b.dur - b.first; ticks != want || count != int64(len(b.sizes)) {
		return fmt.Errorf("stts gives %d samples and %d ticks, want %d and %d", count, ticks, len(b.sizes), want)
	}
	syncs := len(b.sizes)
	if stbl.Stss != nil {
		syncs = len(stbl.Stss.SampleNumber)
	}
	if syncs != b.t.syncs {
		return fmt.Errorf("%d sync samples, want %d", syncs, b.t.syncs)
	}
	var offsets []uint64
	switch {
	case stbl.Stco != nil:
		for _, o := range stbl.Stco.ChunkOffset {
			offsets = append(offsets, uint64(o))
		}
	case stbl.Co64 != nil:
		offsets = stbl.Co64.ChunkOffset
	}
	if len(offsets) != len(b.chunks) {
		return fmt.Errorf("%d chunk offsets, want %d", len(offsets), len(b.chunks))
	}
	sample := 0
	for i, c := range b.chunks {
		var n int64
		for range c.n {
			n += int64(stbl.Stsz.GetSampleSize(sample + 1))
			sample++
		}
		if at := int64(offsets[i]); at < data || at+n > size {
			return fmt.Errorf("chunk %d at %d+%d lies outside the media", i, at, n)
		}
	}
	return nil
}
