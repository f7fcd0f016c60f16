package remux

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sluice/packager"
)

// Run remuxes o.Input into o.Output. It returns when the output is complete and verified, or has been removed; no goroutine of its
// own outlives it. An error is an *Error.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := o.check(); err != nil {
		return Report{}, err
	}
	report := Report{Format: o.Format, Output: o.Output}
	ctx, cancel := context.WithCancel(ctx)
	in := newInput(&o, &report)
	defer in.close()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	lists, err := in.load(ctx)
	if err != nil {
		return report, err
	}
	sink, err := newSink(&o, lists)
	if err != nil {
		return report, err
	}
	defer sink.abort()
	r := &runner{o: &o, in: in, report: &report, sink: sink, shifts: map[int]int64{0: 0}}
	for i, l := range lists {
		f := &feed{r: r, number: i, l: l}
		f.next = in.ahead(ctx, &wg, l, o.parallel(l))
		r.feeds = append(r.feeds, f)
		report.Segments += len(l.segments)
		report.Playlist90k = max(report.Playlist90k, l.total)
	}
	err = r.run(ctx)
	report.Read, report.Retries = in.read.Load(), in.retries.Load()
	if err != nil {
		return report, classify(err, o.Input)
	}
	return report, sinkError(r.finish(ctx), o.Output)
}

// check fills in defaults and refuses what makes no sense.
func (o *Options) check() error {
	o.Limits.fill()
	if o.OnGap == "" {
		o.OnGap = GapFill
	}
	if o.Format == "" {
		switch strings.ToLower(filepath.Ext(o.Output)) {
		case ".m4a":
			o.Format = M4A
		case ".aac":
			o.Format = ADTS
		default:
			o.Format = MP4
			if o.AudioOnly {
				o.Format = M4A
			}
		}
	}
	o.AudioOnly = o.AudioOnly || o.Format == M4A || o.Format == ADTS
	switch {
	case o.Input == "":
		return fail(SourceIO, "", "Options.Input is empty")
	case o.Output == "" && o.Out == nil:
		return fail(SinkIO, "", "neither Options.Output nor Options.Out is given")
	case o.Out != nil && o.Format != ADTS:
		return fail(SinkIO, "", "Options.Out takes ADTS only: %s writes its head last", o.Format)
	case o.OnGap != GapFill && o.OnGap != GapFail:
		return fail(SinkIO, "", "unknown gap policy %q", o.OnGap)
	case o.Format != MP4 && o.Format != M4A && o.Format != ADTS && o.Format != CMAF:
		return fail(SinkIO, "", "unknown format %q", o.Format)
	}
	return nil
}

func (o *Options) parallel(l *list) int {
	switch {
	case o.Parallel > 0:
		return min(o.Parallel, 64)
	case l.at.local:
		return 2
	}
	return 4
}

// runner drives the feeds in step and owns the timeline. One goroutine runs it.
type runner struct {
	o      *Options
	in     *input
	report *Report
	sink   sink
	feeds  []*feed
	tracks []*track
	shifts map[int]int64 // per discontinuity: what is added to input times, 90 kHz
	done   int           // segments
	media  int64         // 90 kHz of playlist consumed by the feed that is behind
	told   time.Time
}

// run consumes the feeds, always the one that is furthest behind, so that the output is interleaved.
func (r *runner) run(ctx context.Context) error {
	for {
		var f *feed
		for _, x := range r.feeds {
			if !x.ended && (f == nil || x.pos < f.pos) {
				f = x
			}
		}
		if f == nil {
			break
		}
		r.media = f.pos
		if err := f.step(ctx); err != nil {
			return err
		}
		r.progress(false)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.progress(true)
	return r.settle()
}

// settle ends the timeline: what the playlist promised and did not give at the end is filled.
func (r *runner) settle() error {
	video, any := false, false
	for _, t := range r.tracks {
		video = video || t.kind == packager.Video && t.started
		any = any || t.started
	}
	if !any {
		what := r.o.Input
		switch {
		case len(r.report.Skipped) > 0:
			return fail(UnsupportedCodec, what, "no stream can be remuxed: %s", strings.Join(r.report.Skipped, "; "))
		case len(r.report.Gaps) > 0:
			return fail(Corrupt, what, "no segment could be read: %s", r.report.Gaps[0].Reason)
		case r.o.AudioOnly:
			return fail(NotMedia, what, "no audio")
		}
		return fail(Corrupt, what, "no media samples")
	}
	for _, t := range r.tracks {
		if t.started && t.debt > 0 {
			if err := t.extend(t.debt); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *runner) progress(last bool) {
	if r.o.Progress == nil || !last && time.Since(r.told) < 100*time.Millisecond {
		return
	}
	r.told = time.Now()
	r.o.Progress(Progress{
		Segments: r.done, TotalSegments: r.report.Segments, Bytes: r.in.read.Load(), Media90k: r.media, Total90k: r.report.Playlist90k,
	})
}

// finish completes the output and the report.
func (r *runner) finish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var zero int64 = 1 << 62
	for _, t := range r.tracks {
		if t.started {
			zero = min(zero, t.start90())
		}
	}
	for _, t := range r.tracks {
		if t.started {
			r.report.Duration90k = max(r.report.Duration90k, t.end90()-zero)
		}
	}
	for _, f := range r.feeds {
		f.count(r.report)
	}
	return r.sink.finish(ctx, r.tracks, zero, r.report)
}

// sink takes samples with their final times. One goroutine calls it.
type sink interface {
	// add takes the next sample of t. Its duration is the distance to the next one; s.dur counts for the last.
	add(t *track, s sample) error
	// extend moves the end of t's last sample.
	extend(t *track, dur int64) error
	// finish completes the output; zero is the time, in 90 kHz, at which the presentation starts.
	finish(ctx context.Context, tracks []*track, zero int64, r *Report) error
	// abort removes what is unfinished; after finish it does nothing.
	abort()
}

// sample is one access unit with times in ticks of its track.
type sample struct {
	dts, pts, dur int64
	sync          bool
	data          []byte // valid during the call
}

func newSink(o *Options, lists []*list) (sink, error) {
	switch o.Format {
	case ADTS:
		return newADTSSink(o)
	case CMAF:
		return newCMAFSink(o)
	}
	var total int64
	for _, l := range lists {
		total = max(total, l.total)
	}
	return newMP4Sink(o, total)
}
