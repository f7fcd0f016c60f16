package remux

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/packager"
	"sluice/packager/ts"
)

// feed consumes one list: a variant, or its audio rendition. The runner's goroutine owns it.
type feed struct {
	r      *runner
	number int
	l      *list
	next   <-chan *download
	ended  bool
	pos    int64 // 90 kHz of playlist consumed

	tracks  []*track
	ts      *ts.Demuxer
	byTS    map[*ts.Stream]*track
	packed  *ts.PackedAudio
	frag    fragments
	kind    container // of the segment before
	disc    int
	partial bool // the segment under way gave bytes

	held      []heldUnit // audio that waits for the video to tell where an epoch lies
	heldBytes int

	stats ts.Stats // of demuxers that were replaced
}

// step consumes one segment.
func (f *feed) step(ctx context.Context) error {
	var d *download
	select {
	case x, ok := <-f.next:
		if !ok {
			f.ended = true
			if err := ctx.Err(); err != nil {
				return err
			}
			return f.flush()
		}
		d = x
	case <-ctx.Done():
		return ctx.Err()
	}
	s := d.seg
	if s.disc != f.disc {
		if err := f.flush(); err != nil {
			return err
		}
		f.disc = s.disc
		f.r.report.Discontinuities++
	}
	for _, t := range f.tracks {
		t.before = t.to90(t.next)
	}
	err := f.segment(ctx, d)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.drain()
	if err == nil {
		err = d.err
	}
	f.pos += s.dur
	f.r.done++
	switch {
	case s.gap:
		return f.gap(s, "marked with EXT-X-GAP")
	case err == nil:
		return f.settleHeld()
	}
	return f.broken(s, err)
}

// broken decides what a segment that could not be read, or not to its end, means.
func (f *feed) broken(s *segment, err error) error {
	var refused *Error
	var sinkFailed sinkFailure
	switch {
	case errors.As(err, &sinkFailed):
		return sinkError(sinkFailed.error, f.r.o.Output)
	case errors.As(err, &refused):
		// An error page in place of a segment is a gap like any other; a limit or a forbidden reference is not.
		if refused.Code != Corrupt && refused.Code != Truncated || len(f.l.segments) == 1 || f.r.o.OnGap == GapFail {
			return refused
		}
		return f.gap(s, refused.Err.Error())
	case !missing(err) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ts.ErrCorrupt) && !errors.Is(err, errStalled) && s.at.local:
		return classify(err, s.at.String())
	case errors.Is(err, ts.ErrUnsupported):
		return classify(err, s.at.String())
	}
	if len(f.l.segments) == 1 || f.r.o.OnGap == GapFail {
		code := MissingSegment
		if errors.Is(err, ts.ErrCorrupt) {
			code = Corrupt
		} else if errors.Is(err, io.ErrUnexpectedEOF) {
			code = Truncated
		}
		if len(f.l.segments) == 1 && code == MissingSegment {
			code = Corrupt
		}
		return &Error{Code: code, What: s.at.String(), Err: fmt.Errorf("segment %d of %d: %w", s.index+1, len(f.l.segments), err)}
	}
	return f.gap(s, err.Error())
}

// gap notes that a segment gave no media, or not all: nothing before it continues after it.
func (f *feed) gap(s *segment, reason string) error {
	if err := f.flush(); err != nil {
		return err
	}
	for _, t := range f.tracks {
		if t.debt += s.dur; f.partial {
			t.debt -= min(s.dur, t.to90(t.next)-t.before)
		}
	}
	if len(f.r.report.Gaps) < maxWarnings {
		f.r.report.Gaps = append(f.r.report.Gaps, Gap{Segment: s.index, Reason: reason})
	}
	return nil
}

// segment reads a segment to its end.
func (f *feed) segment(ctx context.Context, d *download) error {
	first, ok := d.next()
	if f.partial = false; !ok {
		if d.err == nil && !d.seg.gap {
			return fmt.Errorf("segment is empty: %w", io.ErrUnexpectedEOF)
		}
		return nil // a gap, or an error that the caller sees
	}
	f.partial = true
	kind := sniff(*first)
	if d.seg.init != nil {
		kind = fragmented
	}
	if kind == unknownMedia && f.kind == transportStream {
		kind = transportStream // starts with junk: the demuxer finds the packets
	}
	if kind != f.kind {
		if err := f.flush(); err != nil {
			release(first)
			return err
		}
		f.kind = kind
	}
	switch kind {
	case transportStream:
		return f.transport(d, first)
	case packedAudio:
		return f.packedSegment(d, first)
	case fragmented:
		return f.fragmented(ctx, d, first)
	}
	release(first)
	if kind == playlistText {
		return fail(Corrupt, d.seg.at.String(), "segment is a playlist")
	}
	return fail(Corrupt, d.seg.at.String(), "segment %d is neither MPEG-TS, MP4 nor packed audio", d.seg.index)
}

// each calls write with every chunk of a download.
func (d *download) each(first *[]byte, write func([]byte) error) error {
	for b, ok := first, true; ok; b, ok = d.next() {
		err := write(*b)
		release(b)
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *feed) transport(d *download, first *[]byte) error {
	if f.ts == nil {
		f.ts = ts.NewDemuxer(f.tsUnit)
		f.ts.SkipVideo = f.r.o.AudioOnly
		f.byTS = map[*ts.Stream]*track{}
	}
	f.ts.Boundary()
	before := f.ts.Stats().Packets
	err := d.each(first, func(b []byte) error {
		_, err := f.ts.Write(b)
		return err
	})
	for _, s := range f.ts.Stats().Unsupported {
		f.skip(s)
	}
	if err == nil && d.err == nil && f.ts.Stats().Packets == before && f.kind == transportStream && len(f.l.segments) > 1 {
		err = fail(Corrupt, d.seg.at.String(), "segment %d is neither MPEG-TS, MP4 nor packed audio", d.seg.index)
	}
	return err
}

func (f *feed) skip(what string) {
	for _, s := range f.r.report.Skipped {
		if s == what {
			return
		}
	}
	if len(f.r.report.Skipped) < maxWarnings {
		f.r.report.Skipped = append(f.r.report.Skipped, what)
	}
}

// flush hands out what the demuxers hold back.
func (f *feed) flush() error {
	if f.ts != nil {
		if err := f.ts.Flush(); err != nil {
			return f.outcome(err)
		}
	}
	if f.packed != nil {
		if err := f.packed.Flush(); err != nil {
			return f.outcome(err)
		}
		f.add(f.packed.Stats())
		f.packed = nil
	}
	return f.settleHeld()
}

// outcome turns an error that comes out of a demuxer into one for the caller.
func (f *feed) outcome(err error) error {
	var failed sinkFailure
	if errors.As(err, &failed) {
		return sinkError(failed.error, f.r.o.Output)
	}
	return classify(err, f.l.at.String())
}

func (f *feed) add(s ts.Stats) {
	f.stats.Lost += s.Lost
	f.stats.Resyncs += s.Resyncs
	f.stats.Corrupt += s.Corrupt
}

// count adds what the demuxers counted to the report.
func (f *feed) count(r *Report) {
	if f.ts != nil {
		f.add(f.ts.Stats())
	}
	r.Continuity += f.stats.Lost
	r.Resyncs += f.stats.Resyncs
	r.CorruptUnits += f.stats.Corrupt
}

// tsUnit takes a unit of a transport stream.
func (f *feed) tsUnit(s *ts.Stream, u ts.Unit) error {
	t := f.byTS[s]
	if t == nil {
		ord := 0
		for _, x := range f.ts.Streams() {
			if x == s {
				break
			}
			if x.Media.Kind == s.Media.Kind {
				ord++
			}
		}
		t = f.track(s.Media.Kind, ord)
		t.gen = -1
		f.byTS[s] = t
	}
	return f.unit(t, &s.Media, s.Generation, unit{
		dts: u.DTS, pts: u.PTS, scale: 90000, samples: int64(u.Samples), sync: u.Sync, data: u.Data,
	})
}

// track returns the ord-th track of a kind of this feed.
func (f *feed) track(kind packager.Kind, ord int) *track {
	for _, t := range f.tracks {
		if t.kind == kind && t.ord == ord {
			return t
		}
	}
	t := &track{r: f.r, feed: f, kind: kind, ord: ord, num: len(f.r.tracks), gen: -1}
	f.tracks = append(f.tracks, t)
	f.r.tracks = append(f.r.tracks, t)
	return t
}

// packedSegment reads packed audio; its ID3 tag, where there is one, tells the time (RFC 8216 §3.4).
func (f *feed) packedSegment(d *download, first *[]byte) error {
	if f.packed == nil {
		f.packed = ts.NewPackedAudio(f.packedUnit)
	}
	b := *first
	skip := 0
	timed := false
	for {
		pts, n, ok := ts.TagTime(b[min(skip, len(b)):])
		if !ok {
			break
		}
		if pts >= 0 && !timed {
			timed = true
			f.packed.Start(pts)
		}
		skip += n
	}
	return d.each(first, func(b []byte) error {
		if skip >= len(b) {
			skip -= len(b)
			return nil
		}
		b, skip = b[skip:], 0
		_, err := f.packed.Write(b)
		return err
	})
}

func (f *feed) packedUnit(s *ts.Stream, u ts.Unit) error {
	t := f.track(packager.Audio, 0)
	return f.unit(t, &s.Media, s.Generation, unit{
		dts: u.DTS, pts: u.PTS, scale: 90000, samples: int64(u.Samples), sync: true, data: u.Data,
	})
}

// isPackedAudio reports whether b starts with a tag or a frame of audio, and a second frame where b reaches it.
func isPackedAudio(b []byte) bool {
	if _, _, ok := ts.TagTime(b); ok {
		return true // nothing else starts with one
	}
	return ts.PackedKind(b) != "" && len(b) >= 2 && !isTransportStream(b)
}
