package remux

import (
	"bufio"
	"context"
	"io"

	"sluice/packager"
	"sluice/packager/ts"
)

// adtsSink writes the first audio track as ADTS.
type adtsSink struct {
	o     *Options
	file  *mediaFile // nil when the output is a writer
	w     *bufio.Writer
	track *track
	entry int
	adts  *ts.ADTS
	buf   []byte
	bytes int64
}

func newADTSSink(o *Options) (sink, error) {
	s := &adtsSink{o: o, entry: -1}
	var out io.Writer = o.Out
	if out == nil {
		f, err := createMediaFile(o.Output, disk{o.Durable})
		if err != nil {
			return nil, sinkError(err, o.Output)
		}
		s.file, out = f, f.f
	}
	s.w = bufio.NewWriterSize(out, chunkSize)
	return s, nil
}

func (s *adtsSink) add(t *track, x sample) error {
	if s.track == nil {
		s.track = t
	}
	if t != s.track {
		return nil
	}
	first := s.entry != t.entry
	if first {
		m := t.media()
		if m.Kind != packager.Audio || m.Entry != "mp4a" {
			return fail(UnsupportedCodec, s.o.Input, "ADTS holds AAC, the audio is %q", m.Entry)
		}
		var err error
		if s.adts, err = ts.NewADTS(m.Config); err != nil {
			return classify(err, s.o.Input)
		}
		s.entry = t.entry
	}
	var err error
	if s.buf, err = s.adts.Append(s.buf[:0], x.data, first); err != nil {
		return classify(err, s.o.Input)
	}
	n, err := s.w.Write(s.buf)
	s.bytes += int64(n)
	return sinkError(err, s.o.Output)
}

func (s *adtsSink) extend(*track, int64) error { return nil }

func (s *adtsSink) finish(_ context.Context, _ []*track, _ int64, r *Report) error {
	if err := s.w.Flush(); err != nil {
		return sinkError(err, s.o.Output)
	}
	r.Bytes = s.bytes
	r.Tracks = append(r.Tracks, s.track.report())
	r.Verified = true // a run of frames has nothing that could contradict them
	if s.file == nil {
		return nil
	}
	if err := s.file.drain(); err != nil {
		return err
	}
	return sinkError(s.file.commit(), s.o.Output)
}

func (s *adtsSink) abort() {
	if s.file != nil {
		s.file.abort()
	}
}
