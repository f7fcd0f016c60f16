//go:build cgo

package av

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// graph is a libavfilter graph with one input and one output, in one thread. One goroutine uses it.
type graph struct {
	c    *C.sl_graph
	desc string
}

// graphIn describes what goes into a graph.
type graphIn = C.sl_graph_in

func newGraph(g *guard, in *graphIn, desc string) (*graph, error) {
	cd := C.CString(desc)
	defer C.free(unsafe.Pointer(cd))
	var ret C.int
	c := C.sl_graph_new(in, cd, &ret)
	if c == nil {
		return nil, g.fail(codec.EngineBug, "filter", fmt.Errorf("filters %q: %w", desc, avErr(ret)))
	}
	live("graph", 1)
	return &graph{c: c, desc: desc}, nil
}

// push gives the graph a reference to f; nil ends its input.
func (g *graph) push(f *astiav.Frame) error {
	var c *C.AVFrame
	if f != nil {
		c = (*C.AVFrame)(cptr(f))
	}
	return avErr(C.sl_graph_push(g.c, c))
}

// pull moves the next output frame into f; false when there is none now.
func (g *graph) pull(f *astiav.Frame) (bool, error) {
	f.Unref()
	err := avErr(C.sl_graph_pull(g.c, (*C.AVFrame)(cptr(f))))
	if again(err) || ended(err) {
		return false, nil
	}
	return err == nil, err
}

func (g *graph) timebase() codec.Rational {
	var n, d C.int
	C.sl_graph_timebase(g.c, &n, &d)
	return codec.Rational{Num: int64(n), Den: int64(d)}
}

func (g *graph) close() {
	if g != nil && g.c != nil {
		C.sl_graph_free(g.c)
		g.c = nil
		live("graph", -1)
	}
}

// videoIn describes the frames f belongs to.
func videoIn(f *astiav.Frame, tb codec.Rational) graphIn {
	var i C.sl_frame
	C.sl_frame_get((*C.AVFrame)(cptr(f)), &i)
	return graphIn{width: i.width, height: i.height, format: i.format, tb_num: C.int(tb.Num), tb_den: C.int(tb.Den), sar_num: i.sar_num, sar_den: max(1, i.sar_den), matrix: i.matrix, _range: i._range}
}

// colors is a codec.Color in libav's numbers; -1 leaves a frame's own value.
type colors struct{ primaries, transfer, matrix, rng, chroma C.int }

func colorNumbers(c codec.Color) colors {
	return colors{colorValue("p", c.Primaries, 2), colorValue("t", c.Transfer, 2), colorValue("m", c.Matrix, 2), colorValue("r", c.Range, 1), colorValue("c", c.Chroma, 0)}
}

// tag writes the colour into a frame's properties, so that filters convert from what the plan decided and not from what
// the file happened to say.
func (c colors) tag(f *astiav.Frame) {
	C.sl_frame_color((*C.AVFrame)(cptr(f)), c.primaries, c.transfer, c.matrix, c.rng, c.chroma)
}

// setFrame stamps a frame for its encoder. The picture type is always overwritten: a type left from the source would force
// one in the output.
func setFrame(f *astiav.Frame, pts int64, key bool) {
	t := C.int(0)
	if key {
		t = 1 // AV_PICTURE_TYPE_I
	}
	C.sl_frame_set((*C.AVFrame)(cptr(f)), C.int64_t(pts), t)
}
