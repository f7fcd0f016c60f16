package mp4

import (
	"fmt"
	"math"

	"sluice/packager"
)

// trak is one track while it is being read.
type trak struct {
	number int
	id     uint32
	media  packager.Media
	stbl   []byte
	edit   edit
	size   int64 // of the file

	samples []packager.Sample // media times as stored: PTS is DTS plus the composition offset
	end     int64             // decode time after the last sample
	lost    int               // samples that lie beyond the end of the file
}

// edit is what an edit list says, in ticks of the track.
type edit struct {
	delay int64 // the presentation starts this late
	skip  int64 // media time at which it starts
}

// parseTrak reads everything but the samples. It returns nil for a track that is neither video nor audio.
func parseTrak(b []byte, movieScale uint32, info *Info) (*trak, error) {
	t := &trak{}
	f := fields{b: find(b, "tkhd")}
	v, _ := f.full()
	f.long(v)
	f.long(v)
	t.id = f.u32()
	handler := find(b, "mdia", "hdlr")
	if len(handler) < 12 {
		return nil, fmt.Errorf("%w: no handler box", ErrCorrupt)
	}
	switch string(handler[8:12]) {
	case "vide":
		t.media.Kind = packager.Video
	case "soun":
		t.media.Kind = packager.Audio
	default:
		return nil, nil
	}
	if err := t.mdhd(b); err != nil {
		return nil, err
	}
	if elng := find(b, "mdia", "elng"); len(elng) > 5 && elng[0] == 0 {
		t.media.Language = cString(elng[4:])
	}
	if err := selfContained(find(b, "mdia", "minf", "dinf", "dref")); err != nil {
		return nil, err
	}
	t.stbl = find(b, "mdia", "minf", "stbl")
	if t.stbl == nil {
		return nil, fmt.Errorf("%w: no sample tables", ErrCorrupt)
	}
	if err := t.stsd(find(t.stbl, "stsd")); err != nil {
		return nil, err
	}
	if elst := find(b, "edts", "elst"); elst != nil {
		t.edit = parseEdits(elst, movieScale, t.media.Timescale, info)
	}
	return t, nil
}

// selfContained refuses data references to other files (ISO/IEC 14496-12 §8.7.2): flag 1 says that media is in this one.
func selfContained(dref []byte) error {
	if len(dref) < 8 {
		return nil
	}
	for c := range children(dref[8:]) {
		f := fields{b: c.body}
		if _, flags := f.full(); flags&1 == 0 && len(f.b) > 0 {
			return fmt.Errorf("%w: %q", ErrReference, c.name)
		}
	}
	return nil
}

func (t *trak) mdhd(b []byte) error {
	f := fields{b: find(b, "mdia", "mdhd")}
	v, _ := f.full()
	f.long(v)
	f.long(v)
	t.media.Timescale = f.u32()
	f.long(v)
	lang := f.u16()
	if f.short || t.media.Timescale == 0 {
		return fmt.Errorf("%w: media header without a timescale", ErrCorrupt)
	}
	if lang >= 0x400 && lang != 0x7FFF { // below are QuickTime's Macintosh codes
		code := []byte{byte(lang>>10&31) + 0x60, byte(lang>>5&31) + 0x60, byte(lang&31) + 0x60}
		if s := string(code); s != "und" {
			t.media.Language = s
		}
	}
	return nil
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// maxEdit bounds what an edit list may shift: 48 h at a timescale of a million.
const maxEdit = 48 * 3600 * 1_000_000

// parseEdits reads leading empty edits and the first one with media. Later ones cannot be expressed and are ignored with a
// warning, as is a list that makes no sense.
func parseEdits(body []byte, movieScale, scale uint32, info *Info) (e edit) {
	f := fields{b: body}
	v, _ := f.full()
	n := f.u32()
	width := 12
	if v == 1 {
		width = 20
	}
	if uint64(n)*uint64(width) > uint64(len(f.b)) {
		info.warn("edit list claims %d entries in %d bytes: ignored", n, len(f.b))
		return edit{}
	}
	for i := range n {
		dur := f.long(v)
		var at int64
		if v == 1 {
			at = int64(f.u64())
		} else {
			at = int64(int32(f.u32()))
		}
		f.skip(4)
		switch {
		case at == -1 && movieScale > 0 && dur < maxEdit && e.delay < maxEdit:
			e.delay += int64(dur) * int64(scale) / int64(movieScale)
			continue
		case at < 0 || at > maxEdit || e.delay > maxEdit:
			info.warn("edit list entry %d of media time %d, duration %d makes no sense: list ignored", i, at, dur)
			return edit{}
		}
		e.skip = at
		if i+1 < n {
			info.warn("edit list has %d entries: those after %d are ignored", n, i+1)
		}
		break
	}
	return e
}

// start is the presentation time of the first frame; negative when the edit list hides it.
func (t *trak) start() int64 {
	first := int64(math.MaxInt64 / 2)
	for _, s := range t.samples {
		first = min(first, s.PTS)
	}
	return first + t.edit.delay - t.edit.skip
}

// build normalises the times and makes the track; it returns nil for a track without samples.
func (t *trak) build(f packager.File, info *Info) (*packager.Track, error) {
	if t.lost > len(t.samples) {
		return nil, fmt.Errorf("%w: %d of %d samples lie beyond its end", ErrTruncated, t.lost, t.lost+len(t.samples))
	}
	if t.lost > 0 {
		info.warn("track %d: the last %d samples lie beyond the end of the file", t.number, t.lost)
	}
	if len(t.samples) == 0 {
		info.warn("track %d left out: no samples", t.number)
		return nil, nil
	}
	if hours := (t.end - t.samples[0].DTS) / int64(t.media.Timescale) / 3600; hours > maxHours {
		return nil, fmt.Errorf("%w: lasts %d hours, more than %d", ErrLimit, hours, maxHours)
	}
	// Presentation time is PTS + shift. What lies before 0 is decoded but not shown: Priming moves the timeline so that it
	// still has media times from 0.
	shift := t.edit.delay - t.edit.skip
	if start := t.start(); start < -math.MaxUint32 {
		return nil, fmt.Errorf("%w: the edit list skips %d ticks of media", ErrCorrupt, -start)
	} else if start < 0 {
		t.media.Priming = uint32(-start)
	}
	pts := shift + int64(t.media.Priming)
	dts := max(pts, -t.samples[0].DTS)
	b := packager.NewBuilder(t.media, f)
	b.Grow(len(t.samples))
	for _, s := range t.samples {
		s.PTS += pts
		s.DTS += dts
		if d := s.PTS - s.DTS; d != int64(int32(d)) {
			return nil, fmt.Errorf("%w: composition offset %d", ErrCorrupt, d)
		}
		b.Add(s)
	}
	t.samples = nil
	track := b.Track()
	setFrameRate(track)
	return track, nil
}

// setFrameRate derives the nominal rate of a video from its mean frame duration.
func setFrameRate(t *packager.Track) {
	if t.Kind != packager.Video || t.Len() < 2 {
		return
	}
	d := t.End() - t.Sample(0).DTS
	if d <= 0 {
		return
	}
	num, den := int64(t.Len())*int64(t.Timescale), d
	for a, b := num, den; ; a, b = b, a%b {
		if b == 0 {
			num, den = num/a, den/a
			break
		}
	}
	for num > math.MaxUint32 || den > math.MaxUint32 {
		num, den = num/2, max(1, den/2)
	}
	t.RateNum, t.RateDen = uint32(num), uint32(den)
}
