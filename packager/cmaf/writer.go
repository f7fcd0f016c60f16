package cmaf

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"sluice/packager"
)

// Unit is one coded access unit to be written, with the times of codec.Sample: ticks of the track's timescale on the
// presentation timeline, so that audio PTS starts at minus Priming. Only the order of units and their PTS count: decode
// times are made anew (see Writer).
type Unit struct {
	DTS, PTS, Dur int64
	Sync          bool
	Data          []byte
}

// Options steers a Writer. The zero value writes a file that plays alone.
type Options struct {
	// NoHead leaves out ftyp and moov.
	NoHead bool
	// Chunk numbers the chunk among those that will be joined; fragment sequence numbers are derived from it, so that they
	// rise through the joined file without being rewritten.
	Chunk int
	// SliceTicks is the length of an audio fragment in ticks of SliceScale; 0 means 2 s. Give the GOP of the video in the
	// video's timescale, so that segments are whole fragments.
	SliceTicks int64
	// SliceScale is the timescale of SliceTicks and Slices; 0 means the track's own.
	SliceScale uint32
	// Slices, when set, are the presentation times in ticks of SliceScale at which audio fragments start, ascending from 0,
	// for a video whose GOPs vary. After the last of them SliceTicks applies.
	Slices []int64
	// MaxFragment bounds the bytes of one fragment; 0 means DefaultMaxFragment.
	MaxFragment int64
}

// DefaultMaxFragment is the largest fragment that a Writer gathers in memory.
const DefaultMaxFragment = 256 << 20

// minFragmentDiv bounds how short video fragments get, as a fraction of a second: a track of sync samples only would
// otherwise have a moof for every frame.
const minFragmentDiv = 8

// ErrUnit marks a unit that cannot be stored.
var ErrUnit = errors.New("bad access unit")

// Result is what a Writer made.
type Result struct {
	Track *packager.Track // Files is empty: the bytes lie in what was written
	Index []byte          // the .idx
	Bytes int64           // length of what was written
}

// Writer writes the samples of one track as fragments: `[ftyp moov] (moof mdat)*`. A video fragment starts at a sync
// sample, an audio fragment at the first frame of a slice.
//
// Within a fragment the decode time of the i-th unit is the i-th smallest presentation time, and composition offsets are
// signed. Presentation times are kept exactly, decode times never precede 0, fragments follow each other without a gap,
// and chunks that were encoded apart join, whatever delay their encoders had.
//
// A writer holds at most two fragments. It is not safe for concurrent use.
type Writer struct {
	w     io.Writer
	m     packager.Media
	opts  Options
	b     *packager.Builder
	off   int64 // bytes written
	seq   uint32
	prev  gop // complete but for the duration of its last sample; empty when there is none
	cur   gop
	slice slicer
	head  []byte // scratch
	order []int64
	until int64 // media time at which the last fragment ends, where it is known
	err   error
}

// gop is the units of one fragment.
type gop struct {
	samples []packager.Sample // PTS, Dur, Size, Sync
	data    []byte
	minPTS  int64
}

func (g *gop) reset() { g.samples, g.data, g.minPTS = g.samples[:0], g.data[:0], math.MaxInt64 }

// NewWriter returns a writer of track m to w. The head is written with the first fragment.
func NewWriter(w io.Writer, m packager.Media, opts Options) *Writer {
	if opts.MaxFragment <= 0 {
		opts.MaxFragment = DefaultMaxFragment
	}
	wr := &Writer{w: w, m: m, opts: opts, b: packager.NewBuilder(m), seq: uint32(opts.Chunk) << 16}
	wr.slice = newSlicer(&m, &opts)
	wr.cur.reset()
	wr.prev.reset()
	return wr
}

// Write appends a unit, in decode order. It keeps no reference to u.Data. After an error every call returns it.
func (w *Writer) Write(u Unit) error {
	if w.err == nil {
		w.err = w.write(u)
	}
	return w.err
}

func (w *Writer) write(u Unit) error {
	pts, err := w.check(u)
	if err != nil {
		return err
	}
	if len(w.cur.samples) > 0 && w.cuts(u, pts) {
		if err := w.flushPrev(w.cur.minPTS); err != nil {
			return err
		}
		w.prev, w.cur = w.cur, w.prev
	}
	if len(w.cur.samples) > 0 && len(w.prev.samples) > 0 && pts > w.cur.samples[0].PTS {
		// No picture of this fragment can come before the ones seen: the fragment before it is known to its end.
		if err := w.flushPrev(w.cur.minPTS); err != nil {
			return err
		}
	}
	if int64(len(w.cur.data)+len(u.Data)) > w.opts.MaxFragment {
		return fmt.Errorf("%w at PTS %d: fragment exceeds %d bytes without a sync sample", ErrUnit, u.PTS, w.opts.MaxFragment)
	}
	w.cur.samples = append(w.cur.samples, packager.Sample{
		PTS: pts, Dur: uint32(u.Dur), Size: uint32(len(u.Data)), Sync: u.Sync || w.m.Kind == packager.Audio,
	})
	w.cur.data = append(w.cur.data, u.Data...)
	w.cur.minPTS = min(w.cur.minPTS, pts)
	return nil
}

// check returns the media time of u.
func (w *Writer) check(u Unit) (int64, error) {
	if u.PTS > math.MaxInt64/4 || u.PTS < -math.MaxInt64/4 || u.Dur < 0 || u.Dur > math.MaxInt32 {
		return 0, fmt.Errorf("%w: PTS %d, duration %d out of range", ErrUnit, u.PTS, u.Dur)
	}
	pts := u.PTS + int64(w.m.Priming)
	switch {
	case pts < 0:
		return 0, fmt.Errorf("%w: PTS %d lies before the start of the timeline at %d", ErrUnit, u.PTS, -int64(w.m.Priming))
	case len(u.Data) == 0:
		return 0, fmt.Errorf("%w at PTS %d: no data", ErrUnit, u.PTS)
	case w.m.Kind == packager.Video && !u.Sync && len(w.cur.samples) == 0:
		return 0, fmt.Errorf("%w at PTS %d: track does not start with a sync sample", ErrUnit, u.PTS)
	}
	return pts, nil
}

// cuts reports whether u starts a new fragment.
func (w *Writer) cuts(u Unit, pts int64) bool {
	if w.m.Kind == packager.Audio {
		return w.slice.passed(pts)
	}
	return u.Sync && pts-w.cur.minPTS >= int64(w.m.Timescale)/minFragmentDiv
}

// flushPrev writes the fragment before the current one; end is where the current one starts.
func (w *Writer) flushPrev(end int64) error {
	if len(w.prev.samples) == 0 {
		return nil
	}
	defer w.prev.reset()
	if w.off == 0 && !w.opts.NoHead {
		h, err := Head(w.m)
		if err != nil {
			return err
		}
		if err := w.emit(h); err != nil {
			return err
		}
	}
	if err := w.retime(&w.prev, end); err != nil {
		return err
	}
	w.seq++
	t := newTraf(1, w.prev.samples, 0)
	w.head = appendFragmentHead(w.head[:0], w.seq, []traf{t})
	w.b.Fragment(0, w.off)
	off := w.off + int64(len(w.head))
	for _, s := range w.prev.samples {
		s.Offset = off
		off += int64(s.Size)
		w.b.Add(s)
	}
	if err := w.emit(w.head); err != nil {
		return err
	}
	return w.emit(w.prev.data)
}

// retime gives the samples of g decode times and durations; the fragment ends at end.
func (w *Writer) retime(g *gop, end int64) error {
	w.order = w.order[:0]
	for _, s := range g.samples {
		w.order = append(w.order, s.PTS)
	}
	slices.Sort(w.order)
	if last := w.b.End(); w.order[0] < last {
		return fmt.Errorf("%w: PTS %d lies before the end of the fragment before it, %d", ErrUnit,
			w.order[0]-int64(w.m.Priming), last-int64(w.m.Priming))
	}
	for i := 1; i < len(w.order); i++ { // equal presentation times still need rising decode times
		w.order[i] = max(w.order[i], w.order[i-1]+1)
	}
	end = max(end, w.order[len(w.order)-1]+1)
	for i := range g.samples {
		s, next := &g.samples[i], end
		if i+1 < len(w.order) {
			next = w.order[i+1]
		}
		if s.DTS = w.order[i]; next-s.DTS > math.MaxInt32 || s.PTS-s.DTS > math.MaxInt32 || s.DTS-s.PTS > math.MaxInt32 {
			return fmt.Errorf("%w: a gap of %d ticks at PTS %d", ErrUnit, next-s.DTS, s.DTS-int64(w.m.Priming))
		}
		s.Dur = uint32(next - s.DTS)
	}
	return nil
}

func (w *Writer) emit(p []byte) error {
	n, err := w.w.Write(p)
	w.off += int64(n)
	if err != nil {
		return fmt.Errorf("write fragment: %w", err)
	}
	return nil
}

// EndAt says at which presentation time the next chunk of the track begins: the last fragment ends there, as it would in one file.
func (w *Writer) EndAt(pts int64) { w.until = pts + int64(w.m.Priming) }

// Close writes what is pending and returns what was made. It does not close the underlying writer. A writer that got no
// unit makes a head and no fragments.
func (w *Writer) Close() (Result, error) {
	if w.err != nil {
		return Result{}, w.err
	}
	w.err = w.finish()
	if w.err != nil {
		return Result{}, w.err
	}
	t := w.b.Track()
	if t.FragmentCount() > 0 {
		t.Layout.Init = t.Fragment(0).Off
	} else {
		t.Layout.Init = w.off
	}
	w.err = errors.New("write to a closed cmaf writer")
	return Result{Track: t, Index: MarshalIndex(t), Bytes: w.off}, nil
}

func (w *Writer) finish() error {
	if len(w.cur.samples) == 0 {
		if w.opts.NoHead {
			return nil
		}
		h, err := Head(w.m)
		if err != nil {
			return err
		}
		return w.emit(h)
	}
	if err := w.flushPrev(w.cur.minPTS); err != nil {
		return err
	}
	var end int64
	for _, s := range w.cur.samples {
		end = max(end, s.PTS+int64(s.Dur))
	}
	if w.until > 0 {
		end = w.until
	}
	w.prev, w.cur = w.cur, w.prev
	return w.flushPrev(end)
}
