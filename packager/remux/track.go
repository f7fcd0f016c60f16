package remux

import (
	"bytes"

	"sluice/packager"
	"sluice/packager/ts"
)

// track is one track of the output and its place on the timeline. The runner's goroutine owns it.
type track struct {
	r    *runner
	feed *feed
	kind packager.Kind
	num  int // among the tracks of the output
	ord  int // among those of its kind in the feed

	entries []packager.Media // sample descriptions, in order of appearance
	entry   int              // the one in force
	gen     int
	scale   uint32

	started bool
	epoch   int
	shift   int64 // added to input times of the epoch, 90 kHz
	first   int64 // decode time of the first sample
	minPTS  int64
	end     int64 // presentation end of the last frame shown
	last    int64 // decode time of the last sample
	lastDur int64
	next    int64 // where the next sample is expected
	before  int64 // next when the segment under way began, 90 kHz
	debt    int64 // playlist time of missing segments not yet bridged, 90 kHz
	silence []byte

	samples, syncs, silent, dropped, adjusted int
	bytes                                     int64
}

// unit is one access unit as the input gives it.
type unit struct {
	dts, pts int64 // ticks of scale
	scale    uint32
	samples  int64 // duration in ticks of the media's timescale; 0 unknown
	sync     bool
	data     []byte // valid during the call
}

// maxEntries bounds the sample descriptions of one track.
const maxEntries = 64

// setMedia puts a decoder configuration in force: a known one again, or a new sample description.
func (t *track) setMedia(m *packager.Media) error {
	t.silence = nil
	for i := range t.entries {
		e := &t.entries[i]
		if e.Entry == m.Entry && bytes.Equal(e.Config, m.Config) && e.Width == m.Width && e.Height == m.Height {
			t.entry = i
			t.silence = silentFrame(e)
			return nil
		}
	}
	if len(t.entries) == maxEntries {
		return fail(LimitExceeded, t.r.o.Input, "the codec configuration changes more than %d times", maxEntries)
	}
	t.entries = append(t.entries, *m)
	t.entry = len(t.entries) - 1
	if t.scale == 0 {
		t.scale = m.Timescale
	}
	t.silence = silentFrame(m)
	return nil
}

func (t *track) media() *packager.Media { return &t.entries[t.entry] }

// rescale converts ticks, rounding to nearest.
func rescale(v int64, from, to uint32) int64 {
	if from == to {
		return v
	}
	f, k := int64(from), int64(to)
	q, r := v/f, v%f
	r *= k
	if r >= 0 {
		return q*k + (r+f/2)/f
	}
	return q*k + (r-f/2)/f
}

func (t *track) to90(v int64) int64 { return rescale(v, t.scale, 90000) }

// priming is how many ticks at the start of the track are decoded and not shown.
func (t *track) priming() int64 {
	if p := t.entries[0].Priming; p > 0 {
		return rescale(int64(p), t.entries[0].Timescale, t.scale)
	}
	if t.kind != packager.Audio {
		return 0
	}
	return rescale(int64(t.r.o.Priming), max(1, t.entries[0].SampleRate), t.scale)
}

// start90 is when the first frame is shown, end90 when the last one ends, in 90 kHz of the timeline before its zero is set.
func (t *track) start90() int64 { return t.to90(t.minPTS + t.priming()) }
func (t *track) end90() int64   { return t.to90(t.end) }

// put places a unit on the timeline and hands it to the sink.
func (t *track) put(u unit) error {
	if t.kind == packager.Video && !t.started && !u.sync {
		t.dropped++ // nothing to decode it with
		return nil
	}
	shift := rescale(t.shift, 90000, u.scale)
	dts := rescale(u.dts+shift, u.scale, t.scale)
	pts := dts + rescale(u.pts-u.dts, u.scale, t.scale)
	if t.kind == packager.Audio {
		return t.audio(dts, u)
	}
	if t.started && dts <= t.last {
		dts = t.last + 1
		t.adjusted++
	}
	dur := rescale(u.samples, u.scale, t.scale)
	if dur == 0 {
		// The distance to the picture before is the best guess, unless something is missing between them.
		if dur = t.lastDur; t.started && dts-t.last <= 2*int64(t.scale) {
			dur = dts - t.last
		}
		if dur == 0 {
			dur = t.frame()
		}
	}
	return t.add(sample{dts: dts, pts: pts, dur: dur, sync: u.sync, data: u.data})
}

// frame is the nominal duration of a picture.
func (t *track) frame() int64 {
	if m := t.media(); m.RateNum > 0 && m.RateDen > 0 {
		return max(1, int64(t.scale)*int64(m.RateDen)/int64(m.RateNum))
	}
	return int64(t.scale) / 25
}

// audio places an audio frame by counting samples. The times only matter when they drift by more than half a frame: each
// rounded PTS on its own would make every duration differ.
func (t *track) audio(at int64, u unit) error {
	dur := rescale(u.samples, t.media().Timescale, t.scale)
	if dur <= 0 {
		dur = t.lastDur
	}
	if !t.started {
		return t.add(sample{dts: at, pts: at, dur: dur, sync: true, data: u.data})
	}
	switch drift := at - t.next; {
	case drift < -dur/2-1:
		t.dropped++ // it overlaps what is there
		return nil
	case drift > dur/2+1:
		if err := t.fill(drift); err != nil {
			return err
		}
	}
	return t.add(sample{dts: t.next, pts: t.next, dur: dur, sync: true, data: u.data})
}

// maxSilence bounds the silence put in at one place, in seconds; beyond it the last frame is held.
const maxSilence = 3600

// fill bridges a gap of n ticks: with silent frames where they are known, else by holding the last frame.
func (t *track) fill(n int64) error {
	frame := rescale(1024, t.media().Timescale, t.scale)
	if t.silence == nil || n > maxSilence*int64(t.scale) || frame <= 0 {
		t.next += n
		return nil // the sink makes the last frame longer
	}
	for range (n + frame/2) / frame {
		if err := t.add(sample{dts: t.next, pts: t.next, dur: frame, sync: true, data: t.silence}); err != nil {
			return err
		}
		t.silent++
	}
	return nil
}

// add hands a sample to the sink and keeps count.
func (t *track) add(s sample) error {
	if t.samples >= t.r.o.Limits.Samples {
		return fail(LimitExceeded, t.r.o.Input, "more than %d samples in a track", t.samples)
	}
	if !t.started {
		t.started, t.first, t.minPTS, t.end = true, s.dts, s.pts, s.pts
	}
	if len(s.data) == 0 {
		t.dropped++
		return nil
	}
	t.minPTS = min(t.minPTS, s.pts)
	t.end = max(t.end, s.pts+s.dur)
	t.last, t.lastDur, t.next = s.dts, s.dur, s.dts+s.dur
	t.samples++
	t.bytes += int64(len(s.data))
	if s.sync {
		t.syncs++
	}
	return t.r.sink.add(t, s)
}

// extend makes the track last n ticks of 90 kHz longer.
func (t *track) extend(n int64) error {
	ticks := rescale(n, 90000, t.scale)
	if t.kind == packager.Audio && t.silence != nil && ticks <= maxSilence*int64(t.scale) {
		return t.fill(ticks)
	}
	t.lastDur += ticks
	t.end += ticks
	t.next += ticks
	return t.r.sink.extend(t, t.lastDur)
}

func (t *track) report() TrackReport {
	kind := "video"
	if t.kind == packager.Audio {
		kind = "audio"
	}
	return TrackReport{
		Kind: kind, Codec: t.entries[0].Entry, Timescale: t.scale, Samples: t.samples, Sync: t.syncs, Duration: t.end - t.minPTS,
		Bytes: t.bytes, Entries: len(t.entries), Silent: t.silent, Dropped: t.dropped, Adjusted: t.adjusted, Language: t.entries[0].Language,
	}
}

// silentFrame returns one frame of silence for AAC LC, nil for everything else.
func silentFrame(m *packager.Media) []byte {
	if m.Entry != "mp4a" {
		return nil
	}
	a, err := ts.ParseASC(m.Config)
	if err != nil || a.ObjectType != 2 || a.FrameLength != 1024 {
		return nil
	}
	return ts.SilentAAC(a.ChannelConfig)
}
