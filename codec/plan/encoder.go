package plan

import (
	"fmt"
	"strconv"

	"sluice/codec"
)

// keyGrid says where keyframes go: every gop frames, or at frames that are forced one by one.
type keyGrid struct {
	gop    int64
	forced bool
}

// encoderFor fills an encoder's settings. The typed fields of EncPlan (preset, profile, CRF, rates, threads) are complete by
// themselves; Opts holds the further AVOptions, all of which the encoder must consume.
func encoderFor(st step, grid keyGrid, threads int, p codec.Policy) codec.EncPlan {
	name := videoCodec(st.spec)
	e := codec.EncPlan{
		Codec:   name,
		Encoder: videoEncoders[name],
		Preset:  firstOf(p.Preset, st.spec.Preset),
		Profile: st.spec.Profile,
		CRF:     st.spec.CRF,
		MaxRate: st.spec.MaxRate,
		BufSize: 2 * st.spec.MaxRate,
		Threads: threads,
	}
	switch name {
	case "h264":
		fillX264(&e, st, grid, p)
	case "hevc":
		fillX265(&e, grid, p)
	case "av1":
		fillSVT(&e, grid)
	case "vp9":
		fillVP9(&e, grid)
	}
	return e
}

// gopOptions are the generic options of a keyframe grid. With forced keyframes the encoder must not add its own, hence a
// distance that is never reached.
func gopOptions(grid keyGrid) map[string]string {
	g, lowest := grid.gop, grid.gop
	if grid.forced {
		g, lowest = 9999, 5000
	}
	return map[string]string{
		"g":          strconv.FormatInt(g, 10),
		"keyint_min": strconv.FormatInt(lowest, 10),
	}
}

// chunkStart is how full an encoder takes the decoder's buffer to be when a chunk starts. Under pressure x264 holds it half
// full, so that is what the chunk before leaves; more would let each chunk spend the difference again.
const chunkStart = ":vbv-init=0.5"

func fillX264(e *codec.EncPlan, st step, grid keyGrid, p codec.Policy) {
	e.Preset = firstOf(e.Preset, defaultPresetH264)
	e.Profile = firstOf(e.Profile, "high")
	if e.CRF == 0 {
		e.CRF = 23
		if st.spec.Height <= 540 {
			e.CRF = 22
		}
	}
	e.Opts = gopOptions(grid)
	e.Opts["sc_threshold"] = "0"
	e.Opts["forced-idr"] = "1"
	e.Opts["flags"] = "+cgop"
	// The same B-frame structure in all rungs, whatever their presets say, keeps their first DTS equal.
	e.Opts["bf"] = "3"
	if e.Profile == "baseline" {
		e.Opts["bf"] = "0"
	}
	x := "sliced-threads=0" + chunkStart
	if p.Deterministic {
		x += ":asm=avx2"
	}
	e.Opts["x264-params"] = x
}

func fillX265(e *codec.EncPlan, grid keyGrid, p codec.Policy) {
	e.Preset = firstOf(e.Preset, "veryfast")
	e.Profile = firstOf(e.Profile, "main")
	e.CRF = firstOf(e.CRF, 26)
	e.Opts = gopOptions(grid)
	e.Opts["forced-idr"] = "1"
	e.Opts["flags"] = "+cgop"
	e.Opts["bf"] = "3"
	// x265 makes its own threads unless told not to; a lane is one core.
	x := "pools=none:frame-threads=1:wpp=0:pmode=0:scenecut=0:open-gop=0:info=0:log-level=error" + chunkStart
	if p.Deterministic {
		x += ":asm=avx2"
	}
	e.Opts["x265-params"] = x
}

func fillSVT(e *codec.EncPlan, grid keyGrid) {
	if _, err := strconv.Atoi(e.Preset); err != nil {
		e.Preset = "9"
	}
	e.CRF = firstOf(e.CRF, 35)
	e.Opts = map[string]string{
		"g":             strconv.FormatInt(grid.gop, 10),
		"svtav1-params": "lp=1:scd=0:irefresh-type=2",
	}
}

func fillVP9(e *codec.EncPlan, grid keyGrid) {
	e.Preset = "" // libvpx has deadline and cpu-used instead
	e.CRF = firstOf(e.CRF, 32)
	e.Opts = gopOptions(grid)
	e.Opts["deadline"] = "good"
	e.Opts["cpu-used"] = "4"
	e.Opts["row-mt"] = "0"
	e.Opts["b"] = fmt.Sprint(e.MaxRate) // the ceiling of libvpx's constrained quality
}

// canForceKeys says whether the codec's encoder puts keyframes where it is told, frame by frame. SVT-AV1 in FFmpeg 5.1
// knows only a fixed distance.
func canForceKeys(name string) bool { return name != "av1" }
