//go:build cgo

package av

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluice/codec"
)

// videoRun encodes the rungs of one span.
type videoRun struct {
	g        *guard
	cfg      Config
	job      *codec.Job
	src      codec.Source
	plan     *codec.Plan
	vp       *codec.VideoPlan
	from, to int64
	rungs    []int
	d        *delivery
	rep      *codec.Report
	stitch   []*stitcher
	mu       sync.Mutex // rep's counters, written by lanes
	short    bool       // the source broke off
}

// runVideo makes all rungs of the job's span that are not copies.
func runVideo(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery, rep *codec.Report) error {
	vp := job.Plan.Video
	if vp == nil {
		return nil
	}
	r := &videoRun{g: g, cfg: cfg, job: job, src: src, plan: &job.Plan, vp: vp, to: vp.Frames, d: d, rep: rep}
	for i := range vp.Rungs {
		if !vp.Rungs[i].Copy {
			r.rungs = append(r.rungs, i)
			r.stitch = append(r.stitch, nil)
		}
	}
	if job.Span != nil {
		r.from, r.to = job.Span.Start, min(job.Span.End, vp.Frames)
	}
	if len(r.rungs) == 0 || r.from >= r.to {
		return nil
	}
	if !isKey(vp, r.from) {
		return codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("the span starts at frame %d, which is no keyframe position", r.from), nil)
	}
	for i, index := range r.rungs {
		r.stitch[i] = newStitcher(d, vp, index, r.from)
	}
	d.total = r.to - r.from
	in, first, err := r.open()
	if err != nil {
		return err
	}
	defer in.close()
	if job.Plan.Chunks.Mode == "rung" {
		err = r.rungMode(in, first)
	} else {
		err = r.chunkMode(in, first)
	}
	if err != nil {
		return err
	}
	for _, s := range r.stitch {
		if err := s.finish(s.done); err != nil {
			return err
		}
	}
	return r.judge()
}

// open opens the source where the span starts: at a keyframe at or before it. The packet returned was read already.
func (r *videoRun) open() (*input, *packet, error) {
	in, err := r.openSource()
	if err != nil {
		return nil, nil, err
	}
	if r.seekTarget() <= r.plan.OriginUS {
		return in, nil, nil
	}
	for _, back := range []int64{0, 5_000_000, 30_000_000} {
		if err := in.seek(r.vp.Stream, r.seekTarget()-back); err != nil {
			break
		}
		p, ok, err := r.landed(in)
		if err != nil {
			in.close()
			return nil, nil, err
		}
		if ok {
			return in, p, nil
		}
		if p != nil {
			p.free()
		}
	}
	in.close()
	in, err = r.openSource()
	return in, nil, err
}

// seekTarget is where to seek, or the origin when the source must be read from its start: no index, a clock that jumps, or
// times that only counting from the start gives.
func (r *videoRun) seekTarget() int64 {
	origin := r.plan.OriginUS
	if r.job.Span == nil || r.from == 0 || r.job.Safe || r.src.Sequential || r.plan.Discontinuities || decodeTimesOnly(firstName(r.plan.Format)) {
		return origin
	}
	return r.job.Span.SeekUS
}

func firstName(format string) string {
	for i, c := range format {
		if c == ',' {
			return format[:i]
		}
	}
	return format
}

func (r *videoRun) openSource() (*input, error) {
	in, err := openInput(r.g, r.src, inputOpts{format: r.plan.Format, rebase: r.plan.Discontinuities, sequential: r.src.Sequential})
	if err != nil {
		return nil, err
	}
	if r.vp.Stream < 0 || r.vp.Stream >= len(in.streams) || in.streams[r.vp.Stream].kind != codec.Video {
		in.close()
		return nil, codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("stream %d is not a video stream of this source", r.vp.Stream), nil)
	}
	if err := in.refuseEncrypted(r.vp.Stream); err != nil {
		in.close()
		return nil, err
	}
	in.keep(map[int]bool{r.vp.Stream: true})
	return in, nil
}

// landed reads to the first keyframe after a seek and says whether the span can be decoded from it.
func (r *videoRun) landed(in *input) (*packet, bool, error) {
	s := &in.streams[r.vp.Stream]
	for {
		p, err := in.read()
		if err != nil || p == nil {
			return nil, false, err
		}
		if p.stream != r.vp.Stream || !p.key || p.pts == noPTS {
			p.free()
			continue
		}
		at := slotOf(p.pts-fromUS(r.plan.OriginUS, s.tb), s.tb, r.vp.FPS)
		return p, at <= r.from, nil
	}
}

// nextPacket returns the video stream's next packet, nil at the end.
func (r *videoRun) nextPacket(in *input, first **packet) (*packet, error) {
	if p := *first; p != nil {
		*first = nil
		return p, nil
	}
	for {
		p, err := in.read()
		if err != nil || p == nil {
			return nil, err
		}
		if p.stream == r.vp.Stream && p.size > 0 {
			return p, nil
		}
		p.free()
	}
}

// broken says that the source ended in the middle of something.
func broken(in *input) bool { return in.ended || in.cut || in.pastEnd() }

// decOpts are the decoder's settings with the given number of threads.
func (r *videoRun) decOpts(in *input, threads int) decOpts {
	if r.job.Safe {
		threads = 1
	}
	return decOpts{threads: threads, maxPixels: r.cfg.MaxPixels, careful: r.job.Safe, ordered: in.fix.clocks[r.vp.Stream].ordered}
}

// chunkResult is what a lane made of a chunk.
type chunkResult struct {
	rungs []rungResult
	end   int64
	err   error
}

type rungResult struct {
	config []byte
	delay  int64
	out    *coded
}

// chunkMode runs lanes over chunks: one goroutine demuxes and cuts, each lane decodes and encodes whole chunks in its own
// thread, and this goroutine delivers the chunks in order.
func (r *videoRun) chunkMode(in *input, first *packet) error {
	lanes := max(1, r.job.Tokens)
	if r.job.Safe {
		lanes = 1
	}
	eg, ctx := errgroup.WithContext(r.g.ctx)
	work := make(chan *chunk)
	// Chunks in order of the output. When it is full the demuxer waits, so that finished chunks don't pile up behind a slow one.
	order := make(chan *chunk, lanes+1)
	pool := &sync.Pool{New: func() any { return &coded{} }}
	eg.Go(func() error {
		defer close(order)
		defer close(work)
		return r.demux(ctx, in, first, work, order)
	})
	for range lanes {
		eg.Go(func() error { return r.lane(ctx, in, work, pool) })
	}
	err := r.collect(ctx, order, pool)
	if err != nil {
		eg.Go(func() error { return err }) // cancels the others
	}
	for range order { // chunks nobody waits for any more
	}
	if werr := eg.Wait(); werr != nil && (err == nil || codec.CodeOf(err) == "") {
		err = werr
	}
	if e := r.g.interrupted("encode"); e != nil {
		return e
	}
	return err
}

// demux reads the span's packets and hands chunks to the lanes.
func (r *videoRun) demux(ctx context.Context, in *input, first *packet, work, order chan<- *chunk) error {
	defer r.g.bind()()
	s := &in.streams[r.vp.Stream]
	ck := newChunker(r.vp, r.plan.Chunks, s, r.plan.OriginUS, r.from, r.to, in.fix.clocks[r.vp.Stream].ordered)
	defer ck.close()
	hand := func(list []*chunk) error {
		for i, c := range list {
			if !send(ctx, order, c) || !send(ctx, work, c) {
				for _, rest := range list[i:] {
					rest.free()
				}
				return ctx.Err()
			}
		}
		return nil
	}
	for ck.start < r.to {
		p, err := r.nextPacket(in, &first)
		if err != nil {
			return err
		}
		if p == nil {
			if broken(in) {
				r.mu.Lock()
				r.short = true
				r.mu.Unlock()
			}
			return hand(ck.finish(broken(in)))
		}
		if err := hand(ck.add(p)); err != nil {
			return err
		}
	}
	return nil
}

func send[T any](ctx context.Context, ch chan<- T, v T) bool {
	select {
	case ch <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// lane decodes and encodes chunks until there are no more. The decoder and the scalers live as long as the lane.
func (r *videoRun) lane(ctx context.Context, in *input, work <-chan *chunk, pool *sync.Pool) error {
	defer r.g.bind()()
	fr, err := newFramer(r.g, r.vp, &in.streams[r.vp.Stream], r.plan.OriginUS, r.decOpts(in, 1))
	if err != nil {
		return err
	}
	defer func() {
		r.count(fr)
		fr.close()
	}()
	l := newLadder(r.g, r.vp, r.plan.Chunks.Batch, r.rungs)
	defer l.close()
	for {
		select {
		case c, ok := <-work:
			if !ok {
				return nil
			}
			res := r.make(fr, l, c, pool)
			c.free()
			c.result <- res
			if res.err != nil {
				return res.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *videoRun) count(fr *framer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rep.FramesIn += fr.dec.frames
	r.rep.FramesLost += fr.dec.lost
}

// make produces one chunk.
func (r *videoRun) make(fr *framer, l *ladder, c *chunk, pool *sync.Pool) (res chunkResult) {
	for _, g := range l.rungs {
		g.out = pool.Get().(*coded)
	}
	if res.err = l.begin(); res.err != nil {
		return res
	}
	defer l.closeEncoders()
	fr.begin(c.from, c.to, l.add)
	if res.end, res.err = fr.run(c.next, func() bool { return !c.cut }); res.err != nil {
		return res
	}
	if res.err = l.end(); res.err != nil {
		return res
	}
	for _, g := range l.rungs {
		res.rungs = append(res.rungs, rungResult{g.enc.config, g.enc.delay, g.out})
	}
	return res
}

// collect delivers finished chunks in order.
func (r *videoRun) collect(ctx context.Context, order <-chan *chunk, pool *sync.Pool) error {
	for {
		var c *chunk
		var ok bool
		select {
		case c, ok = <-order:
			if !ok {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		var res chunkResult
		select {
		case res = <-c.result:
		case <-ctx.Done():
			return ctx.Err()
		}
		if res.err != nil {
			return res.err
		}
		r.rep.Chunks++
		if err := r.deliver(res, pool); err != nil {
			return err
		}
	}
}

func (r *videoRun) deliver(res chunkResult, pool *sync.Pool) error {
	for i, rr := range res.rungs {
		s := r.stitch[i]
		if len(rr.out.units) > 0 {
			if err := s.begin(rr.config, rr.delay); err != nil {
				return err
			}
			if err := s.add(rr.out.buf, rr.out.units); err != nil {
				return err
			}
		}
		pool.Put(rr.out)
	}
	r.d.progress(r.doneFrames(), mulDiv(r.from+r.doneFrames(), r.vp.FPS.Den*1_000_000, r.vp.FPS.Num))
	return nil
}

// doneFrames is how far the slowest rung is.
func (r *videoRun) doneFrames() int64 {
	n := r.to
	for _, s := range r.stitch {
		n = min(n, s.done)
	}
	return n - r.from
}

// judge decides, at the end, whether the damage met on the way is a warning or a failure.
func (r *videoRun) judge() error {
	made := r.doneFrames()
	in, lost := r.rep.FramesIn, r.rep.FramesLost
	if made == 0 || in == 0 {
		return r.g.fail(codec.DamagedMedia, "decode", fmt.Errorf("no picture could be decoded"))
	}
	if lost*5 > in+lost {
		return r.g.fail(codec.DamagedMedia, "decode", fmt.Errorf("%d of %d pictures could not be decoded", lost, in+lost))
	}
	if lost > 0 || r.short && made < r.to-r.from {
		r.rep.Warnings = append(r.rep.Warnings, codec.Warning{Code: codec.DamagedPartly, Stream: r.vp.Stream,
			Message: fmt.Sprintf("%d of %d pictures were damaged; %d of %d output pictures were made", lost, in+lost, made, r.to-r.from)})
	}
	return nil
}
