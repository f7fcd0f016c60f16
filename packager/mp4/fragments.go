package mp4

import (
	"fmt"
	"math"

	"sluice/packager"
)

// defaults are the values a sample has where its run does not say (ISO/IEC 14496-12 §8.8.3, §8.8.7).
type defaults struct {
	dur, size, flags uint32
}

const (
	tfhdBaseOffset  = 0x000001
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008
	tfhdSize        = 0x000010
	tfhdFlags       = 0x000020
	tfhdBaseIsMoof  = 0x020000
	trunDataOffset  = 0x000001
	trunFirstFlags  = 0x000004
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunComposition = 0x000800
	nonSync         = 0x00010000
)

// readFragments adds the samples of the moofs to their tracks.
func (r *reader) readFragments(traks []*trak, mvex []byte) error {
	trex := make(map[uint32]defaults)
	for c := range children(mvex) {
		if c.name == "trex" {
			f := fields{b: c.body}
			f.full()
			id := f.u32()
			f.skip(4)
			trex[id] = defaults{f.u32(), f.u32(), f.u32()}
		}
	}
	for _, e := range r.moofs {
		if e.n > maxMoof {
			return fmt.Errorf("%w: moof box of %d bytes at %d", ErrLimit, e.n, e.off)
		}
		b, err := r.read(e.off, e.n)
		if err != nil {
			return err
		}
		m := moofReader{traks: traks, trex: trex, off: e.off, info: &r.info}
		for c := range children(b[8:]) { // moof never needs a 64-bit size: maxMoof
			if c.name == "traf" {
				if err := m.traf(c.body); err != nil {
					return fmt.Errorf("moof at %d: %w", e.off, err)
				}
			}
		}
	}
	return nil
}

type moofReader struct {
	traks []*trak
	trex  map[uint32]defaults
	off   int64 // of the moof
	next  int64 // after the data of the traf before; 0 for the first
	info  *Info
}

func (m *moofReader) traf(b []byte) error {
	f := fields{b: find(b, "tfhd")}
	_, flags := f.full()
	id := f.u32()
	var t *trak
	for _, c := range m.traks {
		if c.id == id {
			t = c
		}
	}
	base := m.off
	d := m.trex[id]
	if flags&tfhdBaseOffset != 0 {
		base = int64(min(f.u64(), math.MaxInt64/2))
	} else if flags&tfhdBaseIsMoof == 0 && m.next > 0 {
		base = m.next
	}
	if flags&tfhdDescription != 0 {
		if desc := f.u32(); desc > 1 && t != nil {
			return fmt.Errorf("%w: the codec configuration changes", ErrUnsupported)
		}
	}
	if flags&tfhdDuration != 0 {
		d.dur = f.u32()
	}
	if flags&tfhdSize != 0 {
		d.size = f.u32()
	}
	if flags&tfhdFlags != 0 {
		d.flags = f.u32()
	}
	if f.short {
		return fmt.Errorf("%w: tfhd box too short", ErrCorrupt)
	}
	if t != nil {
		t.decodeTime(find(b, "tfdt"), m.info)
	}
	off := base
	for c := range children(b) {
		if c.name != "trun" {
			continue
		}
		var err error
		if off, err = t.run(c.body, base, off, d); err != nil {
			return err
		}
	}
	m.next = off
	return nil
}

// decodeTime moves to the time a tfdt box gives. One that goes back is not followed.
func (t *trak) decodeTime(b []byte, info *Info) {
	if b == nil {
		return
	}
	f := fields{b: b}
	v, _ := f.full()
	at := f.long(v)
	switch {
	case f.short || at > math.MaxInt64/16:
		info.warn("track %d: tfdt of %d ignored", t.number, at)
	case int64(at) < t.end:
		info.warn("track %d: tfdt goes back from %d to %d: ignored", t.number, t.end, at)
	default:
		t.end = int64(at)
	}
}

// run adds the samples of a trun (§8.8.8) and returns the offset after them. A nil t only skips.
func (t *trak) run(b []byte, base, off int64, d defaults) (int64, error) {
	f := fields{b: b}
	_, flags := f.full()
	n := int64(f.u32())
	if flags&trunDataOffset != 0 {
		off = base + int64(int32(f.u32()))
	}
	firstFlags := d.flags
	if flags&trunFirstFlags != 0 {
		firstFlags = f.u32()
	}
	if err := t.believe(&f, flags, n, d); err != nil {
		return 0, err
	}
	if t == nil && flags&trunSize == 0 {
		return off + n*int64(d.size), nil
	}
	for i := range n {
		s := packager.Sample{Dur: d.dur, Size: d.size, Offset: off}
		bits, cto := d.flags, int32(0)
		if i == 0 {
			bits = firstFlags
		}
		if flags&trunDuration != 0 {
			s.Dur = f.u32()
		}
		if flags&trunSize != 0 {
			s.Size = f.u32()
		}
		if flags&trunFlags != 0 {
			bits = f.u32()
		}
		if flags&trunComposition != 0 {
			cto = int32(f.u32())
		}
		off += int64(s.Size)
		if t == nil {
			continue
		}
		if s.Dur > math.MaxInt32 {
			return 0, fmt.Errorf("%w: duration %d is negative", ErrCorrupt, int32(s.Dur))
		}
		t.append(s, cto, bits)
	}
	return off, nil
}

// believe checks the n samples that a trun claims against the bytes behind them, or, when it has no columns, against the
// size of the file.
func (t *trak) believe(f *fields, flags uint32, n int64, d defaults) error {
	width := int64(0)
	for _, column := range []uint32{trunDuration, trunSize, trunFlags, trunComposition} {
		if flags&column != 0 {
			width += 4
		}
	}
	switch {
	case f.short || n*width > int64(len(f.b)):
		return fmt.Errorf("%w: trun claims %d samples in %d bytes", ErrCorrupt, n, len(f.b))
	case t == nil:
		return nil
	case int64(len(t.samples)+t.lost)+n > maxSamples:
		return fmt.Errorf("%w: more than %d samples in a track", ErrLimit, maxSamples)
	case width == 0 && n > 1 && (d.size == 0 || n > t.size):
		return fmt.Errorf("%w: trun of %d samples without sizes", ErrCorrupt, n)
	}
	return nil
}

// append adds a sample of a fragment at the current decode time.
func (t *trak) append(s packager.Sample, cto int32, bits uint32) {
	s.DTS, s.PTS, s.Sync = t.end, t.end+int64(cto), bits&nonSync == 0 || t.media.Kind == packager.Audio
	t.end += int64(s.Dur)
	if t.lost > 0 || !t.add(s) {
		t.lost++
	}
}
