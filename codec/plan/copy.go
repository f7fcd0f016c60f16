package plan

import (
	"fmt"
	"sort"
	"strings"

	"sluice/codec"
)

// Judge says what would become of the source without making a plan: whether a browser plays it as it is, whether the top
// rung can be copied and if not why, and what the work will cost in CPU seconds.
func Judge(info codec.Info, req codec.Request) codec.Verdict {
	src, err := choose(info, req)
	if err != nil {
		return codec.Verdict{Passthrough: codec.Passthrough{Reasons: []string{err.Error()}}}
	}
	v := codec.Verdict{PlayableAsIs: playable(info, src)}
	if src.video != nil {
		v.Passthrough = judgeCopy(info, src.video, req, src.originUS)
	} else {
		v.Passthrough.Reasons = []string{"there is no video to copy"}
	}
	if p, _, err := Make(info, req); err == nil {
		v.CostCPU = cost(p)
	}
	return v
}

// playable says that common browsers play the file from a plain URL.
func playable(info codec.Info, src sources) bool {
	isMP4 := strings.Contains(info.Format.Name, "mp4")
	if src.still != nil || !isMP4 || !info.Format.Streamable || src.video == nil && len(src.audio) == 0 {
		return false
	}
	if s := src.video; s != nil {
		v := s.Video
		if s.Codec != "h264" || v.BitDepth > 8 || v.Chroma != "" && v.Chroma != "4:2:0" || v.Interlaced || isHDR(v) {
			return false
		}
	}
	for _, a := range src.audio {
		if a.Codec != "aac" && a.Codec != "mp3" {
			return false
		}
	}
	return true
}

// judgeCopy tests every condition of engine §8 and collects the reasons against.
func judgeCopy(info codec.Info, s *codec.Stream, req codec.Request, originUS int64) codec.Passthrough {
	var no []string
	reason := func(bad bool, format string, args ...any) {
		if bad {
			no = append(no, fmt.Sprintf(format, args...))
		}
	}
	v := s.Video
	reason(req.Policy.NoPassthrough, "the policy forbids copying")
	no = append(no, pictureReasons(s)...)

	steps := ladder(uprightSize(v), req.Ladder)
	switch {
	case len(steps) == 0:
		reason(true, "no rung is asked for")
	case steps[0].size != (size{v.Width, v.Height}):
		reason(true, "%dx%d is not the size of the top rung (%dx%d)", v.Width, v.Height, steps[0].w, steps[0].h)
	default:
		no = append(no, rateReasons(s, steps[0].spec)...)
	}
	no = append(no, gopReasons(info, s, req, steps, originUS)...)
	return codec.Passthrough{OK: len(no) == 0, Reasons: no}
}

var copyProfiles = map[string]bool{"High": true, "Main": true, "Baseline": true, "Constrained Baseline": true}

func pictureReasons(s *codec.Stream) (no []string) {
	v := s.Video
	reason := func(bad bool, format string, args ...any) {
		if bad {
			no = append(no, fmt.Sprintf(format, args...))
		}
	}
	if s.Codec != "h264" {
		return []string{fmt.Sprintf("the codec is %s, not h264", s.Codec)}
	}
	reason(!copyProfiles[s.Profile], "profile %q is not High, Main or Baseline", s.Profile)
	reason(v.BitDepth > 8, "%d bits a sample", v.BitDepth)
	reason(v.Chroma != "4:2:0" && !strings.HasPrefix(v.PixFmt, "yuv420p"), "chroma %s is not 4:2:0", firstOf(v.Chroma, v.PixFmt))
	// Full range is legal H.264, but half of the players ignore the flag; it is converted, not relabelled.
	reason(strings.HasPrefix(v.PixFmt, "yuvj") || v.Color.Range == "pc", "full-range samples")
	reason(v.Interlaced, "interlaced")
	reason(!v.SAR.IsZero() && v.SAR.Num != v.SAR.Den, "pixels are not square (%s)", v.SAR)
	reason(v.Rotation != 0, "rotated by %d degrees", v.Rotation)
	reason(v.Flip, "mirrored")
	reason(isHDR(v), "high dynamic range")
	reason(v.Width%2 != 0 || v.Height%2 != 0, "odd size")
	reason(v.ParamSets == 0, "the parameter sets are not known")
	reason(v.ParamSets > 0 && v.ParamSets != 2, "%d parameter sets, not one SPS and one PPS", v.ParamSets)
	return no
}

// rateReasons compares level and bit rates with the rung.
func rateReasons(s *codec.Stream, rung codec.RungSpec) (no []string) {
	v := s.Video
	reason := func(bad bool, format string, args ...any) {
		if bad {
			no = append(no, fmt.Sprintf(format, args...))
		}
	}
	reason(videoCodec(rung) != "h264", "the top rung is %s", rung.Codec)
	limit := 42 // 1080p60
	if rung.Height > 1088 {
		limit = 52
	}
	reason(s.Level > limit, "level %d exceeds the rung's %d", s.Level, limit)
	mean := firstOf(v.MeanBitRate, s.BitRate)
	reason(mean == 0 || v.PeakBitRate == 0, "bit rates are not known")
	reason(mean > rung.MaxRate, "mean rate %d exceeds %d b/s", mean, rung.MaxRate)
	reason(v.PeakBitRate > rung.MaxRate*3/2, "peak rate %d exceeds 1.5 times %d b/s", v.PeakBitRate, rung.MaxRate)
	reason(measuredRate(s).Float() > 60*(1+snapTolerance), "more than 60 frames a second")
	return no
}

// gopReasons tests the random access structure.
func gopReasons(info codec.Info, s *codec.Stream, req codec.Request, steps []step, originUS int64) (no []string) {
	k := s.Video.Keyframes
	if k == nil || k.Count == 0 || len(k.TimesUS) == 0 {
		return []string{"keyframes are not known"}
	}
	reason := func(bad bool, format string, args ...any) {
		if bad {
			no = append(no, fmt.Sprintf(format, args...))
		}
	}
	reason(!k.IDROnly || !k.Closed, "not every keyframe is an IDR with a closed GOP")
	limit := firstOf(req.Policy.MaxCopyGOPUS, defaultMaxCopyGOP)
	gap := max(k.MaxGapUS, lastGOP(info, s))
	reason(gap > limit, "keyframes are up to %d ms apart, limit %d ms", gap/1000, limit/1000)
	fps := outputRate(s)
	frame := second * fps.Den / fps.Num
	reason(len(k.TimesUS) != k.Count, "not every keyframe's time is known")
	reason(!regular(k.TimesUS, frame), "keyframes are irregular")
	reason(k.TimesUS[0]-startUS(info, s) > frame/2, "the first frame is not a keyframe")
	reason(startUS(info, s)-originUS > second, "the picture starts %d ms after the sound", (startUS(info, s)-originUS)/1000)
	if len(no) > 0 {
		return no
	}
	grid := copyGrid(s, fps, originUS, max(1, divRound(defaultGOPSeconds*fps.Num, fps.Den)))
	for _, st := range steps {
		reason(grid != nil && !canForceKeys(videoCodec(st.spec)), "%s rungs cannot follow the source's keyframes", st.spec.Codec)
	}
	return no
}

// lastGOP is the length of what follows the last keyframe.
func lastGOP(info codec.Info, s *codec.Stream) int64 {
	t := s.Video.Keyframes.TimesUS
	return startUS(info, s) + streamDurationUS(info, s) - t[len(t)-1]
}

// regular says that the keyframes, except the end of the last GOP, are the same distance apart, give or take one frame.
func regular(timesUS []int64, frameUS int64) bool {
	if len(timesUS) < 3 {
		return true
	}
	gaps := make([]int64, len(timesUS)-1)
	for i := range gaps {
		gaps[i] = timesUS[i+1] - timesUS[i]
	}
	sorted := append([]int64(nil), gaps...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	median := sorted[len(sorted)/2]
	slack := frameUS*3/2 + median/50
	return median > 0 && median-sorted[0] <= slack && sorted[len(sorted)-1]-median <= slack
}

// copyGrid is the segment grid that a copied rung dictates, as output frames: every n-th IDR of the source, n chosen so that
// the distance comes close to 2 s. It is nil when that is the ordinary grid of one keyframe every gop frames.
func copyGrid(s *codec.Stream, fps codec.Rational, originUS, gop int64) []int64 {
	times := s.Video.Keyframes.TimesUS
	n := 1
	if len(times) > 1 {
		median := s.Video.Keyframes.MedianGapUS
		if median <= 0 {
			median = max(1, (times[len(times)-1]-times[0])/int64(len(times)-1))
		}
		n = max(1, int(divRound(defaultGOPSeconds*second, median)))
	}
	ordinary := true
	var grid []int64
	for i := 0; i < len(times); i += n {
		at := max(0, slotOf(times[i]-originUS, fps))
		if i == 0 {
			at = 0 // the first frame stands for whatever gap precedes it
		}
		if len(grid) > 0 && at <= grid[len(grid)-1] {
			continue
		}
		ordinary = ordinary && at == int64(len(grid))*gop
		grid = append(grid, at)
	}
	if ordinary {
		return nil
	}
	return grid
}
