package remux

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sluice/packager"
	"sluice/packager/cmaf"
)

// cmafSink writes each track as a CMAF file with its index, in a folder that appears when it is complete.
type cmafSink struct {
	o     *Options
	dir   string // temporary; empty once it has its name
	files []*cmafFile

	// The first samples wait until it is known where the presentation starts.
	placed    bool
	zero      int64 // 90 kHz
	held      []heldSample
	heldBytes int
}

type heldSample struct {
	t *track
	s sample
}

type cmafFile struct {
	t    *track
	name string
	f    *os.File
	buf  *bufio.Writer
	w    *cmaf.Writer
	last cmaf.Unit // written when the duration is known
	has  bool
}

const (
	maxHeldSamples = 32 << 20
	maxHeldTime    = 3 * 90000
)

func newCMAFSink(o *Options) (sink, error) {
	if _, err := os.Stat(o.Output); err == nil {
		return nil, fail(SinkIO, o.Output, "exists already")
	}
	dir, err := os.MkdirTemp(filepath.Dir(o.Output), "."+filepath.Base(o.Output)+".*.partial")
	if err != nil {
		return nil, sinkError(err, o.Output)
	}
	return &cmafSink{o: o, dir: dir}, nil
}

func (s *cmafSink) add(t *track, x sample) error {
	if s.placed {
		return s.write(t, x)
	}
	x.data = bytes.Clone(x.data)
	s.held = append(s.held, heldSample{t, x})
	s.heldBytes += len(x.data)
	if s.heldBytes < maxHeldSamples && t.to90(x.dts-t.first) < maxHeldTime {
		return nil
	}
	return s.place()
}

// place sets the start of the presentation and writes what waited for it.
func (s *cmafSink) place() error {
	s.placed = true
	s.zero = 1 << 62
	for _, h := range s.held {
		s.zero = min(s.zero, h.t.start90())
	}
	for _, h := range s.held {
		if err := s.write(h.t, h.s); err != nil {
			return err
		}
	}
	s.held = nil
	return nil
}

func (s *cmafSink) file(t *track) (*cmafFile, error) {
	for _, f := range s.files {
		if f.t == t {
			return f, nil
		}
	}
	kind := "video"
	if t.kind == packager.Audio {
		kind = "audio"
	}
	f := &cmafFile{t: t, name: fmt.Sprintf("%s%d.mp4", kind, t.ord+1)}
	if t.feed.number > 0 {
		f.name = fmt.Sprintf("%s%d-%d.mp4", kind, t.feed.number+1, t.ord+1)
	}
	var err error
	if f.f, err = os.Create(filepath.Join(s.dir, f.name)); err != nil {
		return nil, err
	}
	f.buf = bufio.NewWriterSize(f.f, chunkBytes)
	m := t.entries[0]
	m.Timescale, m.Priming = t.scale, uint32(t.priming())
	f.w = cmaf.NewWriter(f.buf, m, cmaf.Options{})
	s.files = append(s.files, f)
	return f, nil
}

func (s *cmafSink) write(t *track, x sample) error {
	if t.entry > 0 {
		return fail(UnsupportedCodec, s.o.Input, "the codec configuration changes: a CMAF track holds one")
	}
	f, err := s.file(t)
	if err != nil {
		return sinkError(err, s.o.Output)
	}
	zero := rescale(s.zero, 90000, t.scale)
	u := cmaf.Unit{DTS: x.dts - zero, PTS: x.pts - zero, Dur: x.dur, Sync: x.sync}
	if f.has {
		f.last.Dur = max(1, u.DTS-f.last.DTS)
		if err := f.flush(); err != nil {
			return s.failure(err)
		}
	}
	u.Data = append(f.last.Data[:0], x.data...)
	f.last, f.has = u, true
	return nil
}

func (f *cmafFile) flush() error { return f.w.Write(f.last) }

func (s *cmafSink) failure(err error) error {
	if errors.Is(err, cmaf.ErrUnit) {
		return &Error{Code: Corrupt, What: s.o.Input, Err: err}
	}
	return sinkError(err, s.o.Output)
}

func (s *cmafSink) extend(t *track, dur int64) error {
	if !s.placed {
		if err := s.place(); err != nil {
			return err
		}
	}
	for _, f := range s.files {
		if f.t == t {
			f.last.Dur = dur
		}
	}
	return nil
}

func (s *cmafSink) finish(ctx context.Context, _ []*track, _ int64, r *Report) error {
	if !s.placed {
		if err := s.place(); err != nil {
			return err
		}
	}
	for _, f := range s.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.close(f, r); err != nil {
			return s.failure(err)
		}
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return sinkError(err, s.o.Output)
	}
	if err := s.disk().syncDir(s.dir); err != nil {
		return sinkError(err, s.o.Output)
	}
	if err := s.disk().publish(s.dir, s.o.Output); err != nil {
		return sinkError(err, s.o.Output)
	}
	s.dir = ""
	r.Verified = true
	return nil
}

// close completes one file, writes its index, and reads that back against what was written.
func (s *cmafSink) close(f *cmafFile, r *Report) error {
	if err := f.flush(); err != nil {
		return err
	}
	res, err := f.w.Close()
	if err != nil {
		return err
	}
	if err := f.buf.Flush(); err != nil {
		return err
	}
	if err := s.disk().close(f.f); err != nil {
		return err
	}
	f.f = nil
	index := filepath.Join(s.dir, f.name+".idx")
	if err := s.disk().write(index, res.Index); err != nil {
		return err
	}
	again, err := cmaf.ParseIndex(res.Index)
	if err != nil || again.Len() != f.t.samples || again.MediaBytes() != f.t.bytes || again.SyncCount() != f.t.syncs {
		return fail(VerifyFailed, f.name, "index reads back as something else: %v", err)
	}
	tr := f.t.report()
	tr.File = f.name
	r.Tracks = append(r.Tracks, tr)
	r.Bytes += res.Bytes
	return nil
}

func (s *cmafSink) abort() {
	for _, f := range s.files {
		if f.f != nil {
			f.f.Close()
			f.f = nil
		}
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

func (s *cmafSink) disk() disk { return disk{s.o.Durable} }
