//go:build cgo

package av

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

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
	encoded  atomic.Int64
	tiles    *tiles // nil: the storyboard is made apart
}

// runVideo makes all rungs of the job's span that are not copies.
func runVideo(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery, rep *codec.Report) error {
	vp := job.Plan.Video
	if vp == nil {
		return nil
	}
	if job.Tokens <= 1 || job.Safe {
		vp = oneThread(vp)
	}
	r := &videoRun{g: g, cfg: cfg, job: job, src: src, plan: &job.Plan, vp: vp, to: vp.Frames, d: d, rep: rep, tiles: tilesOf(job)}
	for i := range vp.Rungs {
		if job.Encodes(i) {
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
	if err := r.judge(); err != nil {
		return err
	}
	return r.tiles.write(d)
}

// oneThread is the plan for a job of one core, whose encoders would only get in each other's way with more threads.
func oneThread(vp *codec.VideoPlan) *codec.VideoPlan {
	one := *vp
	one.Rungs = slices.Clone(vp.Rungs)
	for i := range one.Rungs {
		one.Rungs[i].Enc.Threads = 1
	}
	return &one
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
	// Without an index the search goes by decode times, and lands behind a keyframe that is decoded well before it is shown.
	for _, back := range []int64{0, 1_000_000, 5_000_000, 30_000_000} {
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
