//go:build cgo

package av

import (
	"bytes"
	"fmt"
	"slices"

	"sluice/codec"
)

// fill writes what the scan found into info.
func (sc *scan) fill(info *codec.Info) {
	var start, end int64 = noPTS, noPTS
	for i := range info.Streams {
		out, s, st := &info.Streams[i], &sc.in.streams[i], &sc.streams[i]
		if out.AttachedPic {
			out.Frames = st.packets
			continue
		}
		switch out.Kind {
		case codec.Video:
			st.fillVideo(s, out)
			if st.early > 0 && st.keyed && st.start != noPTS && toUS(st.start-st.firstPts, s.tb) > 40_000 {
				info.Warnings = append(info.Warnings, codec.Warning{Code: codec.LateKeyframe, Stream: i,
					Message: fmt.Sprintf("%d pictures before the first keyframe cannot be shown", st.early)})
			}
		default:
			out.Frames = st.packets
			if st.start != noPTS {
				us := toUS(st.audioStart(s.tb, s.sampleRate), s.tb)
				out.StartUS = &us
				out.DurationUS = max(0, toUS(st.end, s.tb)-us)
			} else {
				out.DurationUS, out.StartUS = 0, nil
			}
		}
		if out.Audio != nil {
			if st.skip > 0 {
				out.Audio.PrimingSamples = st.skip
			}
			if out.BitRate == 0 && out.DurationUS > 0 {
				out.BitRate = mulDiv(st.bytes*8, 1_000_000, out.DurationUS)
			}
		}
		if (out.Kind == codec.Video || out.Kind == codec.Audio) && out.StartUS != nil && out.DurationUS > 0 {
			if start == noPTS || *out.StartUS < start {
				start = *out.StartUS
			}
			end = max(end, *out.StartUS+out.DurationUS)
		}
	}
	sc.duration(info, start, end)
	sc.damage(info)
	info.Reach = sc.reach.marks()
}

// duration replaces the container's claim by what was read.
func (sc *scan) duration(info *codec.Info, start, end int64) {
	if start == noPTS {
		info.Format.DurationUS = 0
		return
	}
	claimed := info.Format.DurationUS
	info.Format.StartUS, info.Format.DurationUS = &start, end-start
	if claimed > 0 && !within(float64(claimed), float64(end-start), 0.05) && abs64(claimed-(end-start)) > 1_000_000 && abs64(claimed-end) > 1_000_000 {
		info.Warnings = append(info.Warnings, codec.Warning{Code: codec.BadDuration, Stream: -1,
			Message: fmt.Sprintf("the file claims %d ms but holds %d ms of media", claimed/1000, (end-start)/1000)})
	}
	if end > start && info.Format.Size > 0 {
		info.Format.BitRate = mulDiv(info.Format.Size*8, 1_000_000, end-start)
	}
}

func abs64(a int64) int64 {
	if a < 0 {
		return -a
	}
	return a
}

// damage adds warnings for a file that is cut or damaged, or whose clock had to be mended.
func (sc *scan) damage(info *codec.Info) {
	var corrupt int64
	for i := range sc.streams {
		corrupt += sc.streams[i].corrupt
	}
	switch {
	case hasWarning(info, codec.DamagedPartly):
	case sc.in.pastEnd() || sc.in.ended:
		info.Warnings = append(info.Warnings, codec.Warning{Code: codec.DamagedPartly, Stream: -1,
			Message: "The file ends early or is damaged; what can be read of it is used."})
	case corrupt > 0:
		info.Warnings = append(info.Warnings, codec.Warning{Code: codec.DamagedPartly, Stream: -1,
			Message: fmt.Sprintf("%d packets are damaged", corrupt)})
	}
	if n := sc.in.fix.jumps; n > 0 {
		info.Warnings = append(info.Warnings, codec.Warning{Code: codec.TimelineFixed, Stream: -1,
			Message: fmt.Sprintf("the clock of the file jumps %d times; the jumps were taken out", n)})
	}
}

func hasWarning(info *codec.Info, c codec.Code) bool {
	return slices.ContainsFunc(info.Warnings, func(w codec.Warning) bool { return w.Code == c })
}

// refs is the number of reference frames an H.264 stream declares, 0 when unknown.
func (ps *paramSets) refs() int {
	if ps.hevc || len(ps.sps) == 0 {
		return 0
	}
	sps := parseSPS(bytes.Clone(ps.sps[0]))
	if sps == nil {
		return 0
	}
	return int(sps.NumRefFrames)
}
