package plan

import (
	"math"

	"sluice/codec"
	"sluice/codec/sched"
)

// CPU seconds a pixel, measured on the reference machine (engine §12: 16.8 s of x264 veryfast, 1.5 s of decoding and 1.5 s of
// scaling for 600 frames of a 1080p ladder). Limits multiply them, so they need not be exact.
const (
	encodePixel  = 7.5e-9
	decodePixel  = 1.2e-9
	scalePixel   = 0.7e-9
	tonemapPixel = 25e-9
	deintPixel   = 3e-9
	audioSecond  = 0.012 // CPU seconds a second of one encoded rendition
	thumbSecond  = 0.004 // CPU seconds a second of film scanned for pictures
)

var presetFactor = map[string]float64{
	"ultrafast": 0.5, "superfast": 0.8, "veryfast": 1, "faster": 1.9, "fast": 2.3,
	"medium": 2.8, "slow": 5, "slower": 9, "veryslow": 16, "placebo": 40,
}

var codecFactor = map[string]float64{"h264": 1, "hevc": 3, "av1": 5, "vp9": 5}

const (
	baseBytes = 256 << 20 // the process itself: libraries, packet queue, Go runtime
	minMemory = 1 << 30
)

// cost estimates the CPU seconds of everything in the plan.
func cost(p codec.Plan) float64 {
	total := float64(len(p.Audio)) * audioSecond * float64(p.DurationUS) / float64(second)
	if p.Thumbs != nil {
		total += thumbSecond * float64(p.DurationUS) / float64(second)
	}
	v := p.Video
	if v == nil {
		return math.Round(total*1000) / 1000
	}
	source := float64(v.DecodeWidth) * float64(v.DecodeHeight)
	perFrame := source * decodePixel
	encoded := false
	for _, r := range v.Rungs {
		if r.Copy {
			continue
		}
		px := float64(r.Width) * float64(r.Height)
		perFrame += px * (encodePixel*effort(r.Enc) + scalePixel)
		if !encoded {
			perFrame += px * opCost(v.Pre)
		}
		encoded = true
	}
	if encoded {
		total += perFrame * float64(v.Frames)
	}
	return math.Round(total*1000) / 1000
}

func effort(e codec.EncPlan) float64 {
	f := codecFactor[e.Codec]
	if p, ok := presetFactor[e.Preset]; ok {
		f *= p
	}
	return f
}

func opCost(ops []codec.Op) (perPixel float64) {
	for _, op := range ops {
		switch op.Kind {
		case "tonemap":
			perPixel += tonemapPixel
		case "deinterlace":
			perPixel += deintPixel
		}
	}
	return perPixel
}

// limits bounds the worker: four times the estimates, so that only a runaway meets them. MemoryBytes is for a job of one
// token; a job of more gets as many times that.
func (b *builder) limits() codec.Limits {
	p := b.plan
	lim := codec.Limits{CPUSeconds: int64(math.Ceil(4*cost(p))) + 60, MemoryBytes: minMemory}
	out := int64(64 << 20)
	seconds := p.DurationUS/second + 1
	if v := p.Video; v != nil {
		lim.MemoryBytes = max(minMemory, baseBytes+3*LaneMemory(v))
		for _, r := range v.Rungs {
			out += 4 * r.Enc.MaxRate / 8 * seconds
		}
		if v.Rungs[0].Copy {
			out += b.info.Format.Size
		}
		lim.StallUS = stallUS(v)
	}
	for _, a := range p.Audio {
		out += 4 * max(a.BitRate, silentRate) / 8 * seconds
	}
	lim.OutputBytes = out
	return lim
}

// LaneMemory estimates what one lane of the plan's ladder takes, bytes: decoder, scalers and one encoder a rung.
func LaneMemory(v *codec.VideoPlan) int64 {
	w, h := v.DecodeWidth, v.DecodeHeight
	preset := defaultPresetH264
	for _, r := range v.Rungs {
		if r.Width*r.Height > w*h {
			w, h = r.Width, r.Height
		}
		if effort(r.Enc) > 1.5 {
			preset = "medium"
		}
	}
	return sched.LaneMemory(w, h, preset)
}

// stallUS gives slow encodes the time that their lookahead takes before the first frame comes out; 0 is the worker's
// default.
func stallUS(v *codec.VideoPlan) int64 {
	perFrame := 0.0
	for _, r := range v.Rungs {
		perFrame += float64(r.Width) * float64(r.Height) * encodePixel * effort(r.Enc)
	}
	const lookahead, slack = 120, 4
	if s := int64(math.Ceil(perFrame * lookahead * slack)); s > 30 {
		return s * second
	}
	return 0
}
