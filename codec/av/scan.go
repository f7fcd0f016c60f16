//go:build cgo

package av

import (
	"slices"
	"sort"

	"sluice/codec"
)

// Bounds of the packet scan.
const (
	scanMaxFrames  = 16 << 20 // video packets of a stream; 24 h at 190 frames a second
	scanMaxPackets = 64 << 20
	maxReorder     = 16 // pictures that H.264 and HEVC may hold back
)

// scan reads every packet of an input without decoding, and gathers what the container's tables may only claim.
type scan struct {
	in      *input
	streams []streamScan
	packets int64
	reach   reach
}

type frameStat struct {
	pts  int64
	size int32
}

type streamScan struct {
	packets, bytes int64
	frames         []frameStat // video, in decode order, from the first keyframe on
	start, end     int64       // ticks; noPTS before the first
	keys           []int64
	keyed          bool // a keyframe was seen
	early          int64
	allIDR, closed bool
	nalSize        int // length size, 0 byte stream, -1 not NAL based
	sets           paramSets
	recent         [maxReorder]int64
	reorder        int
	corrupt        int64
	skip           int // samples the first packet drops
	ptsLost        int64
	firstPts       int64
}

func newScan(in *input) *scan {
	sc := &scan{in: in, streams: make([]streamScan, len(in.streams)), reach: reach{have: in.src.have}}
	for i := range sc.streams {
		st, s := &sc.streams[i], &in.streams[i]
		st.start, st.end, st.firstPts = noPTS, noPTS, noPTS
		st.allIDR, st.closed, st.nalSize = true, true, -1
		if s.kind == codec.Video && (s.codec == "h264" || s.codec == "hevc") {
			st.sets.hevc = s.codec == "hevc"
			st.nalSize = st.sets.fromExtradata(s.extradata)
		}
		for j := range st.recent {
			st.recent[j] = noPTS
		}
	}
	return sc
}

// run reads to the end.
func (sc *scan) run() error {
	if sc.in.src.have > 0 {
		if err := sc.in.goByTables(); err != nil {
			return err
		}
	}
	for {
		p, err := sc.in.read()
		if err != nil {
			return err
		}
		if p == nil {
			return nil
		}
		err = sc.add(p)
		p.free()
		if err != nil {
			return err
		}
	}
}

func (sc *scan) add(p *packet) error {
	if sc.packets++; sc.packets > scanMaxPackets {
		return codec.NewError(codec.TooLong, "probe", "more packets than any real file has", nil)
	}
	st, s := &sc.streams[p.stream], &sc.in.streams[p.stream]
	if p.size == 0 {
		return nil
	}
	st.packets++
	st.bytes += int64(p.size)
	if p.corrupt {
		st.corrupt++
	}
	if s.attachedPic() {
		return nil
	}
	switch s.kind {
	case codec.Video:
		return sc.addVideo(st, p)
	case codec.Audio:
		st.addAudio(p, s.tb, s.sampleRate)
	default:
		st.span(p.pts, p.dur)
	}
	return nil
}

func (st *streamScan) span(pts, dur int64) {
	if pts == noPTS {
		return
	}
	if st.start == noPTS || pts < st.start {
		st.start = pts
	}
	if e := pts + max(0, dur); st.end == noPTS || e > st.end {
		st.end = e
	}
}

func (st *streamScan) addAudio(p *packet, tb codec.Rational, rate int) {
	if p.pts == noPTS || p.discard {
		return
	}
	if st.start == noPTS && p.skipStart > 0 && rate > 0 {
		st.skip = p.skipStart
	}
	st.span(p.pts, p.dur)
}

// audioStart is where sound begins: after the encoder's delay, which players drop.
func (st *streamScan) audioStart(tb codec.Rational, rate int) int64 {
	if st.skip > 0 && rate > 0 {
		return st.start + mulDiv(int64(st.skip), tb.Den, tb.Num*int64(rate))
	}
	return st.start
}

func (sc *scan) addVideo(st *streamScan, p *packet) error {
	pts := p.pts
	if pts == noPTS {
		st.ptsLost++
		pts = p.dts
	}
	if st.firstPts == noPTS {
		st.firstPts = pts
	}
	there := sc.reach.add(p, pts, sc.in.streams[p.stream].tb)
	if p.key {
		st.addKey(p, pts, there)
	}
	if !st.keyed {
		st.early++
	}
	if p.discard {
		return nil
	}
	if len(st.frames) >= scanMaxFrames {
		return codec.NewError(codec.TooLong, "probe", "more pictures than any real file has", nil)
	}
	st.frames = append(st.frames, frameStat{pts, int32(min(p.size, 1<<31-1))})
	st.span(pts, p.dur)
	depth := 0
	for _, r := range st.recent {
		if r != noPTS && r > pts {
			depth++
		}
	}
	st.reorder = max(st.reorder, depth)
	copy(st.recent[1:], st.recent[:maxReorder-1])
	st.recent[0] = pts
	return nil
}

// addKey records a keyframe and, if it is there, looks into it: is it an IDR, and does it repeat or change the parameter sets?
func (st *streamScan) addKey(p *packet, pts int64, there bool) {
	if !st.keyed { // what came before cannot be decoded
		st.keyed = true
		st.frames = st.frames[:0]
		st.start, st.end = noPTS, noPTS
	}
	st.keys = append(st.keys, pts)
	if p.newExtra != nil && st.nalSize >= 0 {
		st.sets.fromExtradata(p.newExtra)
	}
	if st.nalSize < 0 || !there {
		return
	}
	idr := false
	visit := func(n []byte) {
		if st.sets.hevc {
			idr = idr || hevcIDR(n)
			if hevcKind(n) == nalParams {
				st.sets.add(n)
			}
			return
		}
		idr = idr || h264IDR(n)
		if h264Kind(n) == nalParams {
			st.sets.add(n)
		}
	}
	data := p.data()
	if st.nalSize == 0 || startsWithStartCode(data) && !prefixed(data, st.nalSize) {
		eachAnnexB(data, visit)
	} else {
		eachPrefixed(data, st.nalSize, visit)
	}
	if !idr {
		st.allIDR, st.closed = false, false
	}
}

func prefixed(b []byte, size int) bool {
	return eachPrefixed(b, size, func([]byte) {})
}

// times returns the presentation times in order.
func (st *streamScan) times() []int64 {
	t := make([]int64, len(st.frames))
	for i, f := range st.frames {
		t[i] = f.pts
	}
	slices.Sort(t)
	return t
}

// fillVideo writes the scan's findings into the stream's description.
func (st *streamScan) fillVideo(s *stream, out *codec.Stream) {
	v := out.Video
	t := st.times()
	out.Frames = int64(len(t))
	if len(t) == 0 {
		return
	}
	gaps := gapStats(t, s.tb)
	last := s.guessDur()
	if gaps != nil {
		v.VFRStats = gaps
		v.VFR = gaps.Regular < 0.95
		if gaps.MedUS > 0 {
			last = fromUS(gaps.MedUS, s.tb)
		}
	}
	start, end := t[0], max(t[len(t)-1]+last, st.end)
	if st.end-t[len(t)-1] > 4*last { // a claimed last duration far from the rest
		end = t[len(t)-1] + last
	}
	us := toUS(start, s.tb)
	out.StartUS = &us
	out.DurationUS = max(1, toUS(end, s.tb)-us)
	v.HasBFrames = max(v.HasBFrames, st.reorder)
	v.MeanBitRate = mulDiv(st.bytes*8, 1_000_000, out.DurationUS)
	v.PeakBitRate = st.peak(s.tb, 2_000_000)
	if out.BitRate == 0 {
		out.BitRate = v.MeanBitRate
	}
	if v.FPSAvg.IsZero() || len(t) > 2 && !within(v.FPSAvg.Float(), float64(len(t))*1e6/float64(out.DurationUS), 0.02) {
		v.FPSAvg = reduce(int64(len(t))*1_000_000, out.DurationUS)
	}
	v.Keyframes = st.keyframes(s.tb)
	if st.nalSize >= 0 {
		v.ParamSets = len(st.sets.sps) + len(st.sets.pps)
		v.Refs = st.sets.refs()
	}
	if s.codec == "mpeg2video" || s.codec == "mpeg1video" {
		v.Keyframes.Closed, v.Keyframes.IDROnly = false, false
	}
}

func within(a, b, share float64) bool { return a >= b*(1-share) && a <= b*(1+share) }

func (s *stream) guessDur() int64 {
	fps := s.guessFPS()
	return max(1, mulDiv(fps.Den, s.tb.Den, fps.Num*s.tb.Num))
}

func gapStats(t []int64, tb codec.Rational) *codec.VFRStats {
	if len(t) < 2 {
		return nil
	}
	g := make([]int64, 0, len(t)-1)
	for i := 1; i < len(t); i++ {
		g = append(g, t[i]-t[i-1])
	}
	slices.Sort(g)
	med := g[len(g)/2]
	slack := max(1, med/50)
	lo := sort.Search(len(g), func(i int) bool { return g[i] >= med-slack })
	hi := sort.Search(len(g), func(i int) bool { return g[i] > med+slack })
	us := func(i int) int64 { return toUS(g[i], tb) }
	return &codec.VFRStats{
		MinUS: us(0), MedUS: us(len(g) / 2), P95US: us((len(g) - 1) * 95 / 100), MaxUS: us(len(g) - 1),
		P10US: us((len(g) - 1) / 10), Regular: float64(hi-lo) / float64(len(g)),
	}
}

// peak is the highest bit rate over any window of the given length.
func (st *streamScan) peak(tb codec.Rational, windowUS int64) int64 {
	f := slices.Clone(st.frames)
	slices.SortFunc(f, func(a, b frameStat) int {
		switch {
		case a.pts < b.pts:
			return -1
		case a.pts > b.pts:
			return 1
		}
		return 0
	})
	w := max(1, fromUS(windowUS, tb))
	var sum, best int64
	for lo, hi := 0, 0; hi < len(f); hi++ {
		sum += int64(f[hi].size)
		for f[hi].pts-f[lo].pts >= w {
			sum -= int64(f[lo].size)
			lo++
		}
		best = max(best, sum)
	}
	return mulDiv(best*8, 1_000_000, windowUS)
}

func (st *streamScan) keyframes(tb codec.Rational) *codec.Keyframes {
	k := &codec.Keyframes{Count: len(st.keys), Closed: st.closed && len(st.keys) > 0, IDROnly: st.allIDR && len(st.keys) > 0}
	keys := slices.Clone(st.keys)
	slices.Sort(keys)
	keys = slices.Compact(keys)
	k.TimesUS = make([]int64, len(keys))
	for i, t := range keys {
		k.TimesUS[i] = toUS(t, tb)
	}
	gaps := make([]int64, 0, len(keys))
	for i := 1; i < len(keys); i++ {
		gaps = append(gaps, k.TimesUS[i]-k.TimesUS[i-1])
	}
	if len(gaps) > 0 {
		slices.Sort(gaps)
		k.MedianGapUS, k.MaxGapUS = gaps[len(gaps)/2], gaps[len(gaps)-1]
	}
	return k
}
