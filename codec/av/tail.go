//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import "sluice/codec"

// tail makes the end of a chunk refill the decoder's buffer. An encoder of one chunk knows neither what the chunk before left
// in the buffer nor what the next will take: each starts as if the buffer were filled to the plan's vbv-init, so each must
// leave it so. x264 under pressure holds the buffer half full; lowering its highest rate for the last frames makes up the
// difference. A chunk whose rate is below the limit anyway is not touched.
type tail struct {
	from int64 // first output frame at the lower rate; 0 when there is none
	rate int64 // bits a second
}

const (
	// tailUS is how long the rate is lowered and tailCut by how much, in thousandths. On saturated noise this keeps every
	// two seconds over a join below 1.1 times the highest rate, where vbv-init alone gives 1.27, and costs 0.1 dB at most.
	tailUS  = 2_000_000
	tailCut = 180
)

// newTail plans the tail of a chunk that ends before frame to. The video's own end needs none.
func newTail(vp *codec.VideoPlan, e *codec.EncPlan, to int64) tail {
	if e.Encoder != "libx264" || e.CRF <= 0 || e.MaxRate <= 0 || e.BufSize <= 0 || to >= vp.Frames {
		return tail{}
	}
	n := mulDiv(tailUS, vp.FPS.Num, vp.FPS.Den*1_000_000)
	return tail{from: max(1, to-n), rate: e.MaxRate - e.MaxRate*tailCut/1000}
}

// lower applies the tail when frame n, the next to be encoded, lies in it.
func (t *tail) lower(c *C.AVCodecContext, n int64) {
	if t.from > 0 && n >= t.from {
		C.sl_ctx_maxrate(c, C.int64_t(t.rate))
		t.from = 0
	}
}
