package plan

import (
	"fmt"
	"math"

	"sluice/codec"
)

const (
	batchFrames    = 8              // frames per rung in a lane's inner loop (engine §12 reading 4)
	minChunkUS     = 6 * second     // sources below two of these are made in rung mode
	maxChunkUS     = 16 * second    //
	longestChunkUS = 24 * second    // bounds memory and imbalance with sources of very long GOPs
	shortScaler    = 360            // rungs of this height and below may be scaled from another rung, or by the cheap scaler under the cheap presets
	modeChunk      = "chunk"        //
	modeRung       = "rung"         //
	maxFrames      = int64(1) << 40 // far beyond any limit on duration; keeps tick arithmetic in range
)

// oddCrop is the crop operation that removes an odd column or row, or "".
func oddCrop(v *codec.VideoInfo) string {
	w, h := v.Width, v.Height
	if w > 1 {
		w &^= 1
	}
	if h > 1 {
		h &^= 1
	}
	if w == v.Width && h == v.Height {
		return ""
	}
	return fmt.Sprintf("%d:%d:0:0", w, h)
}

// planVideo makes the ladder, its timeline and its tasks.
func (b *builder) planVideo() error {
	s := b.src.video
	v := s.Video
	fps := outputRate(s)
	vp := &codec.VideoPlan{
		Stream: s.Index, FPS: fps, VFR: b.req.Policy.KeepVFR && !isCFR(s),
		GOP: max(1, divRound(defaultGOPSeconds*fps.Num, fps.Den)), Pre: pictureOps(v),
		DecodeWidth: v.Width, DecodeHeight: v.Height, PixFmt: v.PixFmt,
		In: inColor(v), Out: outColor,
	}
	vp.Out.Chroma = firstOf(v.Color.Chroma, "left")
	vp.Timescale, vp.FrameDur = clock(fps)
	vp.Frames = b.countFrames(s, fps)

	steps := ladder(uprightSize(v), b.req.Ladder)
	if len(steps) == 0 {
		return fmt.Errorf("%w: no rung of the ladder fits a source of %dx%d", ErrRequest, v.Width, v.Height)
	}
	pass := judgeCopy(b.info, s, b.req, b.src.originUS)
	if pass.OK {
		vp.Grid = copyGrid(s, fps, b.src.originUS, vp.GOP)
	}
	b.plan.Chunks = chunkPolicy(s, ticksToUS(vp.Frames*vp.FrameDur, vp.Timescale), b.fewLanes(vp, steps))
	if b.req.Policy.FromUS > 0 {
		b.plan.Chunks = laneChunks // what lies before the part is not decoded
	}
	vp.Rungs = b.rungs(steps, vp, pass.OK)
	b.plan.Video = vp
	b.plan.Spans = b.spans(vp)
	return nil
}

func (b *builder) rungs(steps []step, vp *codec.VideoPlan, copyTop bool) []codec.RungPlan {
	grid := keyGrid{gop: vp.GOP, forced: len(vp.Grid) > 0 || vp.VFR}
	rungs := make([]codec.RungPlan, len(steps))
	topThreads := true
	for i, st := range steps {
		isCopy := copyTop && i == 0
		threads := 1
		// Rung mode is bound by its largest encode, which is more than half of all, so that one gets two threads.
		if b.plan.Chunks.Mode == modeRung && !isCopy && topThreads && b.req.Policy.Tokens != 1 && videoCodec(st.spec) == "h264" {
			threads, topThreads = 2, false
		}
		enc := encoderFor(st, grid, threads, b.req.Policy)
		rungs[i] = codec.RungPlan{
			Name: st.spec.Name, Width: st.w, Height: st.h, From: cascadeFrom(rungs[:i], st, enc),
			Scaler: scalerFor(st, enc), Enc: enc, Copy: isCopy,
		}
	}
	return rungs
}

// cascadeFrom is the rung that a small one is scaled from, or -1: the smallest encoded one of at least twice the size. That costs a
// fifth of scaling down a full HD picture at once, and neither picture nor size differ by what can be measured (0.005 dB of SSIM).
// Larger rungs would become softer.
func cascadeFrom(larger []codec.RungPlan, st step, e codec.EncPlan) int {
	if st.short() > shortScaler {
		return -1
	}
	for i := len(larger) - 1; i >= 0; i-- {
		if r := &larger[i]; !r.Copy && r.From < 0 && r.Enc.Codec == e.Codec && r.Width >= 2*st.w && r.Height >= 2*st.h {
			return i
		}
	}
	return -1
}

// scalerFor is spline36, or bicubic for small rungs under the cheapest presets.
func scalerFor(st step, e codec.EncPlan) string {
	if st.short() <= shortScaler && (e.Preset == "ultrafast" || e.Preset == "superfast") {
		return "bicubic"
	}
	return "spline36"
}

// countFrames is the number of output frames from the origin to the end of the video. The number of source frames is more
// exact than a duration rounded by the container, so it wins where the two agree within one frame.
func (b *builder) countFrames(s *codec.Stream, fps codec.Rational) int64 {
	lead := startUS(b.info, s) - b.src.originUS
	d := streamDurationUS(b.info, s)
	n := slotOf(lead+d, fps)
	if isCFR(s) && s.Frames > 0 && near(measuredRate(s).Float(), fps.Float(), snapTolerance) {
		if exact := slotOf(lead, fps) + s.Frames; exact-n <= 1 && n-exact <= 1 || d == 0 {
			n = exact
		}
	}
	if l := b.req.Policy.LengthUS; l > 0 {
		n = min(n, slotOf(l, fps))
	}
	return min(max(1, n), maxFrames)
}

// fewLanes says that memory holds less than two lanes of the ladder: chunks could not keep two cores busy.
func (b *builder) fewLanes(vp *codec.VideoPlan, steps []step) bool {
	limit := b.req.Policy.MemoryBytes
	if limit <= 0 {
		return false
	}
	trial := *vp
	trial.Rungs = b.rungs(steps, vp, false)
	return 2*LaneMemory(&trial) > limit
}

// chunkPolicy chooses how a run is cut for its lanes: whole (rung mode) when it is short, has a single GOP, or memory is low.
// Chunks take less processor time than two threads in one encoder, and lanes that find no chunk help the others.
func chunkPolicy(s *codec.Stream, durUS int64, fewLanes bool) codec.ChunkPolicy {
	if durUS < 2*minChunkUS || singleGOP(s, durUS) || fewLanes {
		return codec.ChunkPolicy{Mode: modeRung, Batch: batchFrames}
	}
	p := laneChunks
	if k := s.Video.Keyframes; k != nil {
		// Where the source's keyframes are rare, shorter chunks would mostly decode what another decodes, too.
		p.MinUS = min(max(p.MinUS, k.MedianGapUS*3/4), longestChunkUS)
		p.MaxUS = max(p.MaxUS, p.MinUS)
	}
	return p
}

var laneChunks = codec.ChunkPolicy{Mode: modeChunk, Batch: batchFrames, MinUS: minChunkUS, MaxUS: maxChunkUS}

// singleGOP says that the scan found one keyframe only, or next to none: chunks would decode everything before them again.
func singleGOP(s *codec.Stream, durUS int64) bool {
	k := s.Video.Keyframes
	if k == nil || k.Count == 0 {
		return false
	}
	return k.Count == 1 || k.MaxGapUS > int64(math.Round(0.8*float64(durUS)))
}
