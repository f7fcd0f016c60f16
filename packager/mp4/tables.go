package mp4

import (
	"encoding/binary"
	"fmt"
	"math"

	"sluice/packager"
)

// readTables turns the sample tables of stbl into samples (ISO/IEC 14496-12 §8.6.1, §8.7). No table is expanded further than
// the sizes of the samples go, and these are bounded by the bytes of stsz or by the size of the file.
func (t *trak) readTables(info *Info) error {
	n, sizeAt, err := t.sizes()
	if err != nil || n == 0 {
		return err
	}
	c, err := t.chunks(n)
	if err != nil {
		return err
	}
	times, err := t.timing(info)
	if err != nil {
		return err
	}
	syncs, allSync, err := t.syncTable()
	if err != nil {
		return err
	}
	t.samples = make([]packager.Sample, 0, n)
	for i := range n {
		off, more := c.next()
		if !more {
			info.warn("track %d: chunks hold %d of %d samples", t.number, i, n)
			break
		}
		s := packager.Sample{Size: sizeAt(i), Offset: off}
		c.off += int64(s.Size)
		if err := times.next(&s); err != nil {
			return fmt.Errorf("sample %d: %w", i+1, err)
		}
		s.Sync = allSync
		for len(syncs) > 0 && int64(binary.BigEndian.Uint32(syncs)) <= int64(i)+1 {
			s.Sync = s.Sync || int64(binary.BigEndian.Uint32(syncs)) == int64(i)+1
			syncs = syncs[4:]
		}
		if !t.add(s) {
			t.lost = n - i
			break
		}
	}
	if t.end = times.dts; times.count > 0 || len(times.stts) > 0 {
		info.warn("track %d: stts describes more than the %d samples there are", t.number, n)
	}
	if len(t.samples) > 1 && t.end == 0 {
		info.warn("track %d: all samples are at time 0", t.number)
	}
	return nil
}

// add appends s unless its bytes are not in the file.
func (t *trak) add(s packager.Sample) bool {
	if s.Offset < 0 || s.Offset > t.size-int64(s.Size) {
		return false
	}
	t.samples = append(t.samples, s)
	return true
}

// sizes returns the number of samples and the size of each, from stsz or stz2.
func (t *trak) sizes() (int, func(i int) uint32, error) {
	f := fields{b: find(t.stbl, "stsz")}
	if f.b == nil {
		return t.compactSizes()
	}
	f.full()
	uniform, n := f.u32(), int64(f.u32())
	switch {
	case f.short:
		return 0, nil, fmt.Errorf("%w: stsz box too short", ErrCorrupt)
	case n > maxSamples:
		return 0, nil, fmt.Errorf("%w: %d samples in a track, more than %d", ErrLimit, n, maxSamples)
	case uniform != 0:
		if n > t.size {
			return 0, nil, fmt.Errorf("%w: %d samples in a file of %d bytes", ErrLimit, n, t.size)
		}
		return int(n), func(int) uint32 { return uniform }, nil
	case n*4 > int64(len(f.b)):
		return 0, nil, fmt.Errorf("%w: stsz claims %d samples in %d bytes", ErrCorrupt, n, len(f.b))
	}
	b := f.b
	return int(n), func(i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }, nil
}

// compactSizes reads stz2: sizes of 4, 8 or 16 bits.
func (t *trak) compactSizes() (int, func(i int) uint32, error) {
	body := find(t.stbl, "stz2")
	if body == nil {
		return 0, nil, nil
	}
	f := fields{b: body}
	f.full()
	width, n := int64(f.u32()&0xFF), int64(f.u32())
	if f.short || n > maxSamples || (n*width+7)/8 > int64(len(f.b)) {
		return 0, nil, fmt.Errorf("%w: stz2 claims %d samples in %d bytes", ErrCorrupt, n, len(f.b))
	}
	b := f.b
	switch width {
	case 4:
		return int(n), func(i int) uint32 { return uint32(b[i/2] >> (4 - 4*(i&1)) & 15) }, nil
	case 8:
		return int(n), func(i int) uint32 { return uint32(b[i]) }, nil
	case 16:
		return int(n), func(i int) uint32 { return uint32(binary.BigEndian.Uint16(b[2*i:])) }, nil
	}
	return 0, nil, fmt.Errorf("%w: stz2 with fields of %d bits", ErrCorrupt, width)
}

func (t *trak) syncTable() (entries []byte, all bool, err error) {
	body := find(t.stbl, "stss")
	if body == nil {
		return nil, true, nil
	}
	entries, err = table("stss", body, 4)
	return entries, false, err
}

// chunkWalk steps through the samples of the chunks.
type chunkWalk struct {
	stsc    []byte // 12 bytes an entry: first chunk, samples per chunk, description
	offsets []byte
	width   int    // of an offset
	chunk   int    // chunks begun
	left    uint32 // samples left in the chunk
	off     int64
}

// chunks reads stsc and stco or co64 (§8.7.4, §8.7.5) for n samples.
func (t *trak) chunks(n int) (*chunkWalk, error) {
	c := &chunkWalk{width: 4}
	var err error
	name := "stco"
	body := find(t.stbl, name)
	if body == nil {
		name, c.width = "co64", 8
		body = find(t.stbl, name)
	}
	if body == nil {
		return nil, fmt.Errorf("%w: %d samples without chunk offsets", ErrCorrupt, n)
	}
	if c.offsets, err = table(name, body, c.width); err != nil {
		return nil, err
	}
	if c.stsc, err = table("stsc", find(t.stbl, "stsc"), 12); err != nil {
		return nil, err
	}
	be := binary.BigEndian
	last := uint32(0)
	for e := c.stsc; len(e) > 0; e = e[12:] {
		first, per, desc := be.Uint32(e), be.Uint32(e[4:]), be.Uint32(e[8:])
		switch {
		case first <= last:
			return nil, fmt.Errorf("%w: stsc chunks do not rise at %d", ErrCorrupt, first)
		case per == 0:
			return nil, fmt.Errorf("%w: stsc chunk %d has no samples", ErrCorrupt, first)
		case desc > 1:
			return nil, fmt.Errorf("%w: the codec configuration changes at chunk %d", ErrUnsupported, first)
		}
		last = first
	}
	if len(c.stsc) == 0 || be.Uint32(c.stsc) != 1 {
		return nil, fmt.Errorf("%w: stsc does not start with chunk 1", ErrCorrupt)
	}
	return c, nil
}

// next returns the offset of the next sample; the caller adds its size to off.
func (c *chunkWalk) next() (int64, bool) {
	be := binary.BigEndian
	if c.left == 0 {
		if len(c.offsets) == 0 {
			return 0, false
		}
		if c.width == 4 {
			c.off = int64(be.Uint32(c.offsets))
		} else {
			c.off = int64(min(be.Uint64(c.offsets), math.MaxInt64/2))
		}
		c.offsets = c.offsets[c.width:]
		c.chunk++
		if len(c.stsc) > 12 && int64(be.Uint32(c.stsc[12:])) == int64(c.chunk) {
			c.stsc = c.stsc[12:]
		}
		c.left = be.Uint32(c.stsc[4:])
	}
	c.left--
	return c.off, true
}

// timeWalk steps through stts and ctts.
type timeWalk struct {
	stts, ctts []byte
	count      uint32 // samples left in the current stts entry
	delta      uint32
	ccount     uint32
	coff       int32
	dts        int64
	info       *Info
	number     int
	warned     bool
}

func (t *trak) timing(info *Info) (*timeWalk, error) {
	w := &timeWalk{info: info, number: t.number}
	var err error
	if w.stts, err = table("stts", find(t.stbl, "stts"), 8); err != nil {
		return nil, err
	}
	if body := find(t.stbl, "ctts"); body != nil {
		w.ctts, err = table("ctts", body, 8)
	}
	return w, err
}

// next sets the times of s. A table that ends early repeats its last duration, and an offset of 0.
func (w *timeWalk) next(s *packager.Sample) error {
	be := binary.BigEndian
	for w.count == 0 && len(w.stts) > 0 {
		w.count, w.delta = be.Uint32(w.stts), be.Uint32(w.stts[4:])
		w.stts = w.stts[8:]
		if w.delta > math.MaxInt32 {
			return fmt.Errorf("%w: duration %d is negative", ErrCorrupt, int32(w.delta))
		}
	}
	if w.count > 0 {
		w.count--
	} else if !w.warned {
		w.info.warn("track %d: stts ends early", w.number)
		w.warned = true
	}
	for w.ccount == 0 && len(w.ctts) > 0 {
		w.ccount, w.coff = be.Uint32(w.ctts), int32(be.Uint32(w.ctts[4:]))
		w.ctts = w.ctts[8:]
	}
	s.DTS, s.PTS, s.Dur = w.dts, w.dts, w.delta
	if w.ccount > 0 {
		w.ccount--
		s.PTS += int64(w.coff)
	}
	w.dts += int64(w.delta)
	return nil
}
